//! Settlement days: running figures while a day is open, frozen ones once it is closed.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{Club, World, both, code_of, purchase};

fn close(world: &World, day: &str) -> coalition_partner::Answer {
    world.operator.post(&format!("/v1/cycles/{day}/close"), &world.new_key(), &json!({}))
}

fn cycle(world: &World, party: Option<&str>, day: &str) -> Value {
    let caller = party.map_or(&world.operator, |party| world.party(party));
    let answer = caller.get(&format!("/v1/cycles/{day}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

fn money(value: &Value) -> Decimal {
    value.as_str().and_then(|text| text.parse().ok()).expect("it is money")
}

/// The nets that the rows add up to.
fn nets_of(cycle: &Value) -> BTreeMap<String, Decimal> {
    let mut nets: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in cycle["positions"].as_array().expect("a cycle has rows") {
        let name = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        *nets.entry(name("debtor")).or_default() -= money(&row["amount"]);
        *nets.entry(name("creditor")).or_default() += money(&row["amount"]);
    }
    nets.retain(|_, net| !net.is_zero());
    nets
}

fn said_nets(cycle: &Value) -> BTreeMap<String, Decimal> {
    let nets = cycle["nets"].as_object().expect("a cycle has nets");
    nets.iter().map(|(party, net)| (party.clone(), money(net))).collect()
}

#[test]
fn a_day_is_closed_when_it_is_over_in_the_coalitions_zone_and_never_changes_again() {
    both(|world| {
        let club = Club::new(world);
        world.accept("shop", &purchase("R-1", &club.anna, "100.00"));
        let early = close(world, "2025-03-03");
        assert_eq!((early.status, code_of(&early).as_str()), (422, "cycle_not_over"));
        world.move_to("2025-03-03T20:59:59Z");
        world.accept("shop", &purchase("R-2", &club.anna, "100.00"));
        assert_eq!(close(world, "2025-03-03").status, 422, "a second is left in Moscow");
        world.move_to("2025-03-03T21:00:00Z");
        let closed = close(world, "2025-03-03");
        assert_eq!(closed.status, 200, "{}", closed.text());
        let body: Value = closed.json().expect("it is JSON");
        assert_eq!(body["nets"], json!({"brand": "20.00", "clearing": "0.40", "shop": "-20.40"}));
        // A receipt of yesterday is in today's cycle, with its own date kept.
        let mut late = purchase("R-3", &club.anna, "1000.00");
        late["at"] = json!("2025-03-03T12:00:00Z");
        let posted = world.accept("shop", &late);
        assert_eq!(posted["settlement_day"], "2025-03-04");
        assert_eq!(posted["at"], "2025-03-03T12:00:00Z");
        // So is what comes back of a receipt of a closed day.
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "100.00"});
        assert_eq!(world.accept("shop", &refund)["settlement_day"], "2025-03-04");

        assert_eq!(close(world, "2025-03-03").body, closed.body);
        world.restart();
        assert_eq!(close(world, "2025-03-03").body, closed.body);
        // What is shown has the transitions besides, which go on; the figures are the same.
        let mut shown = cycle(world, None, "2025-03-03");
        let events = shown.as_object_mut().and_then(|fields| fields.remove("events"));
        let states = events.and_then(|events| {
            let events = events.as_array()?.iter();
            Some(events.map(|one| one["state"].clone()).collect::<Vec<_>>())
        });
        assert_eq!(states, Some(vec![json!("closing"), json!("closed")]));
        assert_eq!(shown, body);
        let open = cycle(world, None, "2025-03-04");
        assert_eq!(
            (open["state"].as_str(), open["nets"]["brand"].as_str()),
            (Some("open"), Some("90.00"))
        );
    });
}

#[test]
fn rows_add_up_to_nets_and_nets_to_zero() {
    both(|world| {
        let club = Club::new(world);
        world.accept("shop", &purchase("R-1", &club.anna, "1234.56"));
        let mut burning = purchase("R-2", &club.anna, "99.90");
        burning["burn"] = json!("max");
        world.accept("bank", &burning);
        let refund = json!({"kind": "refund", "ref": "B-2", "of": "R-2", "amount": "33.33"});
        world.accept("bank", &refund);
        for state in ["open", "closed"] {
            let whole = cycle(world, None, "2025-03-03");
            assert_eq!(whole["state"], state);
            assert_eq!(nets_of(&whole), said_nets(&whole));
            assert!(said_nets(&whole).values().sum::<Decimal>().is_zero());
            for party in ["shop", "bank", "brand"] {
                let own = cycle(world, Some(party), "2025-03-03");
                assert_eq!(own["nets"][party], whole["nets"][party], "{party}");
                assert_eq!(own["nets"].as_object().map(serde_json::Map::len), Some(1));
                let rows = own["positions"].as_array().expect("there are rows");
                let is_side = |row: &&Value| row["debtor"] == party || row["creditor"] == party;
                assert_eq!(rows.iter().filter(is_side).count(), rows.len(), "{party}");
                assert_eq!(nets_of(&own)[party], said_nets(&whole)[party]);
            }
            world.move_to("2025-03-03T21:00:00Z");
            assert_eq!(close(world, "2025-03-03").status, 200);
        }
    });
}

#[test]
fn a_limit_counts_within_the_open_day_and_never_refuses_a_refund() {
    both(|world| {
        let club = Club::new(world);
        world.add_agreement(&json!({
            "programme": "club", "party": "shop", "net_debit_cap": "10.20",
            "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00",
                "fee_per_point": "0.02"},
            "burn": {"reimburse_per_point": "1.00", "fee_per_point": "0.50"}
        }));
        world.accept("shop", &purchase("R-1", &club.anna, "100.00"));
        let (status, code) = world.refuse("shop", &purchase("R-2", &club.anna, "10.00"));
        assert_eq!((status, code.as_str()), (422, "limit_exceeded"));
        // What the shop is owed makes room: 10 points burned are 10.00 less a fee of 5.00.
        let mut burning = purchase("R-2", &club.anna, "20.00");
        burning["burn"] = json!("10");
        world.accept("shop", &burning);
        world.accept("shop", &purchase("R-3", &club.anna, "30.00"));
        // A refund takes back what was paid to the shop, whatever the limit says.
        let refund = json!({"kind": "refund", "ref": "B-2", "of": "R-2", "amount": "20.00"});
        world.accept("shop", &refund);
        let (_, code) = world.refuse("shop", &purchase("R-4", &club.anna, "10.00"));
        assert_eq!(code, "limit_exceeded");
        world.move_to("2025-03-03T21:00:00Z");
        world.accept("shop", &purchase("R-4", &club.anna, "100.00"));
    });
}
