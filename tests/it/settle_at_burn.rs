//! Points that those who fund them pay for when they are burned, lot by lot.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{World, both, purchase, text};

/// A programme whose points cost 0.95, a shop that takes them at 0.95, and member `ivan`, who has
/// 600 points of the bank, 300 of the brand and 100 of a promotion, paid for when they are burned.
fn stage(world: &mut World) -> (String, Vec<String>) {
    let kinds = [("brand", "brand"), ("shop", "retailer"), ("bank", "bank"), ("scheme", "bank")];
    for (id, kind) in kinds {
        world.add_party(id, kind);
    }
    for id in ["club", "miles"] {
        world.add_programme(&json!({
            "id": id, "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {}, "expire": {"months": 12},
            "burn": {"max_share": "1"}
        }));
    }
    world.add_agreement(&json!({
        "programme": "club", "party": "shop", "unlinked_refunds": true,
        "burn": {"reimburse_per_point": "0.95"}
    }));
    world.add_agreement(&json!({
        "programme": "club", "party": "bank",
        "grant": {"funding": [{"party": "bank", "share": "1"}], "price_per_point": "0.95",
            "settle": "at_burn"}
    }));
    let ivan = world.add_member(&json!({"phone": "+79160000002"}));
    let lots = [
        grant(world, &ivan, ("bank", "600", "2025-06-01"), &json!({})),
        grant(world, &ivan, ("brand", "300", "2025-07-01"), &at_burn(&[("brand", "1")])),
        grant(
            world,
            &ivan,
            ("brand", "100", "2025-08-01"),
            &json!({"promo": "summer", "settle": "at_burn", "price_per_point": "0.95",
                "funding": [{"party": "brand", "share": "0.6"}, {"party": "scheme", "share": "0.4"}]}),
        ),
    ];
    (ivan, lots.to_vec())
}

fn at_burn(shares: &[(&str, &str)]) -> Value {
    let funding: Vec<Value> =
        shares.iter().map(|(party, share)| json!({"party": party, "share": share})).collect();
    json!({"funding": funding, "price_per_point": "0.95", "settle": "at_burn"})
}

/// Gives points; the id of their lot.
fn grant(
    world: &World,
    member: &str,
    (party, points, last): (&str, &str, &str),
    terms: &Value,
) -> String {
    let mut body = json!({"kind": "grant", "ref": format!("G-{points}-{last}"), "programme": "club",
        "member": member, "points": points, "valid_through": last});
    for (field, value) in terms.as_object().expect("terms are an object") {
        body[field] = value.clone();
    }
    let posted = world.accept(party, &body);
    let seen = view(world, &posted);
    let rows = seen["postings"].as_array().expect("postings");
    assert!(rows.iter().all(|row| row["obligation"].is_null()), "nobody owes for unused points");
    text(&seen["lots"][0], "id")
}

fn view(world: &World, posted: &Value) -> Value {
    let answer = world.operator.get(&format!("/v1/transactions/{}", text(posted, "id")));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// What each party owes by a transaction's charges for lots, less what is given back.
fn charged(view: &Value) -> BTreeMap<String, Decimal> {
    let mut owed: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in view["postings"].as_array().expect("a transaction has postings") {
        if row["obligation"] == "lot_funding" {
            let reverses = row["reverses"] == true;
            let (side, sign) = if reverses { ("to", -1) } else { ("from", 1) };
            let amount: Decimal = text(row, "amount").parse().expect("money");
            *owed.entry(text(row, side)).or_default() += amount * Decimal::from(sign);
        }
    }
    owed
}

fn figures(of: &[(&str, &str)]) -> BTreeMap<String, Decimal> {
    of.iter()
        .map(|(party, amount)| (format!("party/{party}"), amount.parse().expect("money")))
        .collect()
}

fn burn(reference: &str, member: &str, points: &str) -> Value {
    let mut body = purchase(reference, member, "2000.00");
    body["burn"] = json!(points);
    body
}

#[test]
fn a_burn_charges_those_who_fund_the_lots_and_a_refund_gives_exactly_that_back() {
    both(|world| {
        let (ivan, lots) = stage(world);
        let bought = view(world, &world.accept("shop", &burn("R-1", &ivan, "1000")));
        assert_eq!(
            charged(&bought),
            figures(&[("bank", "570.00"), ("brand", "342.00"), ("scheme", "38.00")])
        );
        let rows = bought["postings"].as_array().expect("postings");
        let promo: Vec<&Value> =
            rows.iter().filter(|row| row["under"]["promo"] == "summer").collect();
        assert_eq!(promo.len(), 2, "{rows:?}");
        assert!(promo.iter().all(|row| row["lot"] == json!(lots[2]) && row["price"] == "0.95"));
        let of_bank = rows.iter().find(|row| row["from"] == "party/bank").expect("the bank pays");
        assert_eq!((&of_bank["lot"], &of_bank["for"]), (&json!(lots[0]), &json!("600")));
        assert_eq!(of_bank["under"]["agreement"], "bank");

        // 400 of 1000 burned points come back with 800.00 of 2000.00: the last used come first.
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "800.00"});
        let back = view(world, &world.accept("shop", &refund));
        assert_eq!(back["restored"], "400");
        assert_eq!(charged(&back), figures(&[("brand", "-342.00"), ("scheme", "-38.00")]));
        assert_eq!(back["lots"], json!([]), "they lie in their own lots, with the old days");
        let balance = world.balance(&ivan, "club");
        assert_eq!(balance["available"], "400");

        let rest = json!({"kind": "refund", "ref": "B-2", "of": "R-1", "amount": "1200.00"});
        let back = view(world, &world.accept("shop", &rest));
        assert_eq!(charged(&back), figures(&[("bank", "-570.00")]));
        // All of it can be charged once more.
        let again = view(world, &world.accept("shop", &burn("R-2", &ivan, "1000")));
        assert_eq!(charged(&again), charged(&bought));
    });
}

#[test]
fn a_lot_in_parts_is_charged_to_the_last_kopeck() {
    both(|world| {
        let (ivan, _) = stage(world);
        let mut sum: BTreeMap<String, Decimal> = BTreeMap::new();
        for (place, points) in ["7", "333", "1", "259", "300", "99", "1"].iter().enumerate() {
            let body = burn(&format!("R-{place}"), &ivan, points);
            for (party, amount) in charged(&view(world, &world.accept("shop", &body))) {
                *sum.entry(party).or_default() += amount;
            }
        }
        assert_eq!(sum, figures(&[("bank", "570.00"), ("brand", "342.00"), ("scheme", "38.00")]));
        for place in [3, 0, 6, 2, 5, 1, 4] {
            let refund = json!({"kind": "refund", "ref": format!("B-{place}"),
                "of": format!("R-{place}"), "amount": "2000.00"});
            for (party, amount) in charged(&view(world, &world.accept("shop", &refund))) {
                *sum.entry(party).or_default() += amount;
            }
        }
        assert!(sum.values().all(Decimal::is_zero), "{sum:?}");
    });
}

#[test]
fn a_lot_that_is_past_comes_back_as_a_new_one_that_its_funders_still_pay() {
    both(|world| {
        let (ivan, _) = stage(world);
        world.accept("shop", &burn("R-1", &ivan, "700"));
        world.move_to("2025-06-15T09:00:00Z");
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "2000.00"});
        let back = view(world, &world.accept("shop", &refund));
        assert_eq!(charged(&back), figures(&[("bank", "-570.00"), ("brand", "-95.00")]));
        let lot = &back["lots"][0];
        assert_eq!((&lot["granted"], &lot["at_burn"]["cost"]), (&json!("600"), &json!("570.00")));
        let bought = view(world, &world.accept("shop", &burn("R-2", &ivan, "900")));
        assert_eq!(charged(&bought), figures(&[("bank", "570.00"), ("brand", "285.00")]));
        // What nobody uses nobody pays for.
        world.move_to("2025-08-15T09:00:00Z");
        let refund = json!({"kind": "refund", "ref": "B-2", "programme": "club", "member": ivan,
            "amount": "1.00"});
        world.accept("shop", &refund);
        let history = world.operator.get(&format!("/v1/members/{ivan}/history"));
        let history: Value = history.json().expect("it is JSON");
        let data = history["data"].as_array().expect("a page has entries");
        let expiries: Vec<Value> =
            data.iter().filter(|one| one["kind"] == "expiry").map(|one| view(world, one)).collect();
        let gone: Vec<&Value> =
            expiries.iter().flat_map(|one| one["postings"].as_array().expect("rows")).collect();
        assert!(gone.iter().any(|row| row["cost"] == "95.00"), "{gone:?}");
        assert!(gone.iter().all(|row| row["obligation"].is_null()), "{gone:?}");
    });
}

#[test]
fn holds_captures_exchanges_and_merges_charge_too() {
    both(|world| {
        let (ivan, _) = stage(world);
        world.put(
            "/v1/exchanges/club/miles",
            &json!({"from": "club", "to": "miles", "rate": "1", "price_per_point": "0.90"}),
        );
        let hold = json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": ivan,
            "points": "650"});
        world.accept("shop", &hold);
        let other = world.add_member(&json!({"phone": "+79160000003"}));
        world.accept("brand", &json!({"kind": "merge", "keep": other, "drop": ivan}));
        let capture = json!({"kind": "capture", "of": "H-1", "points": "620"});
        let captured = view(world, &world.accept("shop", &capture));
        assert_eq!(charged(&captured), figures(&[("bank", "570.00"), ("brand", "19.00")]));
        let exchange = json!({"kind": "exchange", "ref": "X-1", "from": "club", "to": "miles",
            "member": other, "points": "380"});
        let exchanged = view(world, &world.accept("brand", &exchange));
        assert_eq!(charged(&exchanged), figures(&[("brand", "323.00"), ("scheme", "38.00")]));
    });
}

#[test]
fn a_hold_counts_what_its_capture_would_make_funders_owe() {
    both(|world| {
        let (ivan, _) = stage(world);
        world.add_agreement(&json!({
            "programme": "club", "party": "bank", "credit_line": "500.00",
            "grant": {"funding": [{"party": "bank", "share": "1"}], "price_per_point": "0.95",
                "settle": "at_burn"}
        }));
        let hold = |points: &str| {
            json!({"kind": "hold", "ref": format!("H-{points}"), "programme": "club",
                "member": ivan, "points": points})
        };
        assert_eq!(world.refuse("shop", &hold("527")), (422, "limit_exceeded".to_owned()));
        world.accept("shop", &hold("526"));
        assert_eq!(
            world.refuse("shop", &burn("R-1", &ivan, "10")),
            (422, "limit_exceeded".to_owned())
        );
    });
}

#[test]
fn a_share_at_issue_and_the_rest_at_burn_make_the_whole_and_the_percentage_is_exact() {
    both(|world| {
        let (ivan, _) = stage(world);
        world.add_agreement(&json!({
            "programme": "club", "party": "scheme",
            "earn": {"rate": "1", "funding": [{"party": "scheme", "share": "1"}],
                "price_per_point": "0.80", "percentage": "0.90", "settle": {"at_issue": "0.40"}}
        }));
        let bought = view(world, &world.accept("scheme", &purchase("R-1", &ivan, "1000.00")));
        let rows = bought["postings"].as_array().expect("postings");
        let funding = rows.iter().find(|row| row["obligation"] == "funding").expect("it pays");
        // 1000 × 0.80 × 0.90 = 720.00, of which 0.40 now.
        assert_eq!((&funding["amount"], &funding["price"]), (&json!("288.00"), &json!("0.288")));
        assert_eq!(bought["lots"][0]["at_burn"]["cost"], "432.00");
        // A half is taken back: its part of what is still to be paid is dropped.
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "500.00"});
        let back = view(world, &world.accept("scheme", &refund));
        let rows = back["postings"].as_array().expect("postings");
        let given_back = rows.iter().find(|row| row["obligation"] == "funding").expect("it");
        assert_eq!(
            (&given_back["amount"], &given_back["reverses"]),
            (&json!("144.00"), &json!(true))
        );
        let vanished = rows.iter().find(|row| row["to"] == "issued/club").expect("points go");
        assert_eq!(vanished["cost"], "216.00");
        world.accept("shop", &burn("R-2", &ivan, "1000"));
        let last = view(world, &world.accept("shop", &burn("R-3", &ivan, "500")));
        assert_eq!(charged(&last), figures(&[("scheme", "216.00")]));
    });
}

#[test]
fn only_those_who_may_see_it_see_what_a_lot_still_costs() {
    both(|world| {
        let (ivan, _) = stage(world);
        let bought = world.accept("shop", &burn("R-1", &ivan, "1000"));
        let target = format!("/v1/transactions/{}", text(&bought, "id"));
        let seen: Value = world.party("shop").get(&target).json().expect("it is JSON");
        let rows = seen["postings"].as_array().expect("postings");
        assert!(rows.iter().all(|row| row["obligation"] != "lot_funding" && row["cost"].is_null()));
    });
}
