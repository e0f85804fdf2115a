//! Events that no transaction tells: limits that come near, statements that can be read.

use serde_json::{Value, json};

use crate::support::{Club, World, both, purchase, text};
use crate::webhooks::pulled;

/// The facts that a party is told, as type and some field of the data.
fn told(world: &World, party: &str, field: &str) -> Vec<(String, String)> {
    let all =
        pulled(world, party).into_iter().filter(|event| text(event, "id").starts_with("ev_o_"));
    let fact = |event: Value| (text(&event, "type"), text(&event["data"], field));
    all.map(fact).collect()
}

fn pair(event: &str, value: &str) -> (String, String) {
    (event.to_owned(), value.to_owned())
}

#[test]
fn a_cap_is_told_of_when_it_is_near_and_when_it_is_hit_once_a_cycle() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.add_party("capped", "retailer");
        world.add_agreement(&json!({
            "programme": "club", "party": "capped",
            "earn": {"funding": [{"party": "capped", "share": "1"}], "price_per_point": "1.00"},
            "net_debit_cap": "100.00"
        }));
        let buy = |reference: &str, amount: &str| purchase(reference, &anna, amount);
        world.accept("capped", &buy("R-1", "790.00"));
        assert!(told(world, "capped", "used").is_empty());
        world.accept("capped", &buy("R-2", "10.00"));
        assert_eq!(told(world, "capped", "used"), [pair("limit.near", "80.00")]);
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-2", "amount": "10.00"});
        world.accept("capped", &refund);
        world.accept("capped", &buy("R-3", "50.00"));
        assert_eq!(told(world, "capped", "used").len(), 1, "near is told once");
        for reference in ["R-4", "R-5"] {
            let refused = world.refuse("capped", &buy(reference, "200.00"));
            assert_eq!(refused, (422, "limit_exceeded".to_owned()));
        }
        let all = [pair("limit.near", "80.00"), pair("limit.hit", "84.00")];
        assert_eq!(told(world, "capped", "used"), all);
        world.accept("capped", &buy("R-6", "160.00"));
        assert_eq!(told(world, "capped", "used"), all, "and so is hit");
        let event = pulled(world, "capped").into_iter().find(|one| one["type"] == "limit.hit");
        let data = event.expect("it was told")["data"].clone();
        assert_eq!(
            data,
            json!({"limit": "net_debit_cap", "cycle": "2025-03-03", "party": "capped",
                "used": "84.00", "most": "100.00", "currency": "RUB"})
        );
        assert!(told(world, "shop", "used").is_empty() && told(world, "brand", "used").is_empty());
        // The next cycle has marks of its own; used up is hit without a refusal.
        world.move_to("2025-03-04T09:00:00Z");
        world.accept("capped", &buy("R-7", "1000.00"));
        let more = [pair("limit.near", "100.00"), pair("limit.hit", "100.00")];
        assert_eq!(told(world, "capped", "used")[2..], more.map(|(one, two)| pair(&one, &two)));
    });
}

#[test]
fn a_pack_is_told_of_when_it_is_near_and_when_nothing_is_left() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.add_party("buyer", "retailer");
        world.add_agreement(&json!({
            "programme": "club", "party": "buyer",
            "earn": {"funding": [{"party": "buyer", "share": "1"}], "price_per_point": "1.00",
                "billing": {"prepaid": {"when_empty": "refuse", "pack_price_per_point": "0.80"}}}
        }));
        let pack = json!({"kind": "pack", "ref": "P-1", "programme": "club", "points": "100"});
        world.accept("buyer", &pack);
        world.accept("buyer", &purchase("R-1", &anna, "790.00"));
        assert!(told(world, "buyer", "limit").is_empty());
        world.accept("buyer", &purchase("R-2", &anna, "100.00"));
        assert_eq!(told(world, "buyer", "limit"), [pair("limit.near", "pack")]);
        world.refuse("buyer", &purchase("R-3", &anna, "500.00"));
        world.refuse("buyer", &purchase("R-4", &anna, "500.00"));
        world.accept("buyer", &purchase("R-5", &anna, "110.00"));
        let all =
            [pair("limit.near", "pack"), pair("limit.hit", "packs"), pair("limit.hit", "pack")];
        assert_eq!(told(world, "buyer", "limit"), all);
    });
}

#[test]
fn every_party_is_told_that_its_statement_can_be_read() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        world.move_to("2025-03-03T21:00:00Z");
        for what in ["close", "publish", "publish"] {
            let target = format!("/v1/cycles/2025-03-03/{what}");
            assert_eq!(world.operator.post(&target, &world.new_key(), &json!({})).status, 200);
        }
        for party in ["shop", "brand", "bank"] {
            let all = told(world, party, "path");
            let path = format!("/v1/statements/2025-03-03/{party}");
            assert_eq!(all, [pair("statement.published", &path)], "{party}");
            let read = world.party(party).get(&path);
            assert_eq!(read.status, 200);
        }
    });
}
