//! What agreements and programmes say of settlement beyond a price for a point, with figures by hand.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{World, both, purchase, text};

/// The club: points at 1.00 that bank and shop fund in halves, a fee of 0.02, and a taker that burns.
pub fn stage(world: &mut World, more: &Value) -> String {
    let kinds = [("brand", "brand"), ("shop", "retailer"), ("bank", "bank"), ("taker", "retailer")];
    for (id, kind) in kinds {
        world.add_party(id, kind);
    }
    put_club(world, more);
    world.add_agreement(&json!({
        "programme": "club", "party": "shop", "unlinked_refunds": true,
        "earn": {"funding": [{"party": "bank", "share": "0.5"}, {"party": "shop", "share": "0.5"}],
            "price_per_point": "1.00", "fee_per_point": "0.02"}
    }));
    world.add_agreement(&json!({
        "programme": "club", "party": "taker", "burn": {"reimburse_per_point": "1.00"}
    }));
    world.add_member(&json!({"phone": "+79160000001"}))
}

pub fn put_club(world: &World, more: &Value) {
    let mut programme = json!({
        "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
        "burn": {"max_share": "0.50"}
    });
    let fields = programme.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    world.add_programme(&programme);
}

pub fn view(world: &World, posted: &Value) -> Value {
    let answer = world.operator.get(&format!("/v1/transactions/{}", text(posted, "id")));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// Money that transactions move, by obligation, debtor and creditor; what is turned back is less.
pub fn moved(views: &[&Value]) -> BTreeMap<String, Decimal> {
    let mut all: BTreeMap<String, Decimal> = BTreeMap::new();
    for view in views {
        for row in view["postings"].as_array().expect("postings") {
            let Some(obligation) = row["obligation"].as_str() else { continue };
            let amount: Decimal = text(row, "amount").parse().expect("a decimal");
            let account = |side: &str| text(row, side).replace("party/", "");
            let (from, to) = (account("from"), account("to"));
            if row["reverses"] == true {
                *all.entry(format!("{obligation} {to} {from}")).or_default() -= amount;
            } else {
                *all.entry(format!("{obligation} {from} {to}")).or_default() += amount;
            }
        }
    }
    all.retain(|_, amount| !amount.is_zero());
    all
}

pub fn figures(rows: &[(&str, &str)]) -> BTreeMap<String, Decimal> {
    let row = |(name, amount): &(&str, &str)| {
        ((*name).to_owned(), amount.parse::<Decimal>().expect("a decimal"))
    };
    rows.iter().map(row).collect()
}

pub fn refund(world: &World, reference: &str, amount: &str) -> Value {
    let body = json!({"kind": "refund", "ref": reference, "of": "R-1", "amount": amount});
    view(world, &world.accept("shop", &body))
}

/// 100 points earned, of which 80 are burned elsewhere.
pub fn earn_and_burn(world: &World, member: &str) {
    world.accept("shop", &purchase("R-1", member, "1000.00"));
    let mut burning = purchase("T-1", member, "160.00");
    burning["burn"] = json!("80");
    world.accept("taker", &burning);
}

/// Who bears 80 missing points of 100, and what the refund of all moves then.
const BEARERS: [(&str, &[(&str, &str)]); 5] = [
    (
        "debt",
        &[
            ("funding bank pool/club/brand", "-50"),
            ("funding shop pool/club/brand", "-50"),
            ("earn_fee shop clearing", "-2"),
        ],
    ),
    (
        "absorb",
        &[
            ("funding bank pool/club/brand", "-10"),
            ("funding shop pool/club/brand", "-10"),
            ("earn_fee shop clearing", "-0.40"),
        ],
    ),
    (
        "funder",
        &[
            ("funding bank pool/club/brand", "-10"),
            ("funding shop pool/club/brand", "-10"),
            ("earn_fee shop clearing", "-2"),
        ],
    ),
    (
        "shop",
        &[
            ("funding bank pool/club/brand", "-50"),
            ("funding shop pool/club/brand", "-50"),
            ("earn_fee shop clearing", "-2"),
            ("shortfall shop pool/club/brand", "80"),
        ],
    ),
    (
        "brand",
        &[
            ("funding bank pool/club/brand", "-50"),
            ("funding shop pool/club/brand", "-50"),
            ("earn_fee shop clearing", "-2"),
        ],
    ),
];

#[test]
fn missing_points_of_a_refund_are_borne_as_agreed_in_one_part_or_two() {
    both(|world| {
        stage(world, &json!({}));
        for (place, (bearer, expected)) in (0..).zip(BEARERS) {
            put_club(world, &json!({"refund": {"shortfall": bearer}}));
            for parts in [["1000.00", "0"], ["500.00", "500.00"]] {
                let number = place * 2 + i64::from(parts[1] != "0");
                let member = world.add_member(&json!({"phone": format!("+7916000010{number}")}));
                let name = |what: &str| format!("{what}-{number}");
                world.accept("shop", &purchase(&name("R"), &member, "1000.00"));
                let mut burning = purchase(&name("T"), &member, "160.00");
                burning["burn"] = json!("80");
                world.accept("taker", &burning);
                let back = |(part, amount): (usize, &&str)| {
                    let body = json!({"kind": "refund", "ref": format!("B-{number}-{part}"),
                        "of": name("R"), "amount": amount});
                    view(world, &world.accept("shop", &body))
                };
                let asked = parts.iter().filter(|amount| **amount != "0").enumerate();
                let views: Vec<Value> = asked.map(back).collect();
                let all: Vec<&Value> = views.iter().collect();
                assert_eq!(moved(&all), figures(expected), "{bearer}");
                let told = &views[0]["explain"]["refunded"][0];
                let names = matches!(bearer, "funder" | "shop" | "brand");
                assert_eq!(told["borne_by"], if names { json!(bearer) } else { Value::Null });
                let debt = if bearer == "debt" { "80" } else { "0" };
                let balance = world.balance(&member, "club");
                assert_eq!((&balance["debt"], &balance["available"]), (&json!(debt), &json!("0")));
            }
        }
    });
}

#[test]
fn each_refund_is_borne_as_was_agreed_when_it_came() {
    both(|world| {
        let member = stage(world, &json!({"refund": {"shortfall": "shop"}}));
        earn_and_burn(world, &member);
        let first = refund(world, "B-1", "500.00");
        put_club(world, &json!({"refund": {"shortfall": "debt"}}));
        let second = refund(world, "B-2", "500.00");
        assert_eq!(moved(&[&first])["shortfall shop pool/club/brand"], Decimal::from(30));
        assert_eq!(moved(&[&second]).get("shortfall shop pool/club/brand"), None);
        assert_eq!(world.balance(&member, "club")["debt"], "50");
        let both = moved(&[&first, &second]);
        assert_eq!(both["funding bank pool/club/brand"], Decimal::from(-50));
    });
}

#[test]
fn a_refund_without_an_original_is_borne_alike() {
    both(|world| {
        let member = stage(world, &json!({"refund": {"shortfall": "shop"}}));
        earn_and_burn(world, &member);
        let lost = json!({"kind": "refund", "ref": "B-1", "programme": "club", "member": member,
            "amount": "1000.00"});
        let back = view(world, &world.accept("shop", &lost));
        assert_eq!(moved(&[&back]), figures(BEARERS[3].1));
        assert_eq!(world.balance(&member, "club")["debt"], "0");
    });
}

/// What the pool of the club owes others for lost points in a cycle, less what came back.
fn breakage(world: &World, day: &str) -> BTreeMap<String, Decimal> {
    let answer = world.operator.get(&format!("/v1/cycles/{day}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cycle: Value = answer.json().expect("it is JSON");
    let mut all: BTreeMap<String, Decimal> = BTreeMap::new();
    for row in cycle["positions"].as_array().expect("rows") {
        let amount: Decimal = text(row, "amount").parse().expect("a decimal");
        match row["kind"].as_str() {
            Some("breakage") => *all.entry(text(row, "creditor")).or_default() += amount,
            Some("breakage_reversed") => *all.entry(text(row, "debtor")).or_default() -= amount,
            _ => {}
        }
    }
    all.retain(|_, amount| !amount.is_zero());
    all
}

#[test]
fn what_lost_points_leave_goes_back_to_their_funders_in_their_shares() {
    both(|world| {
        let terms = json!({
            "expire": {"days": 30}, "breakage_to_funder": "0.5",
            "breakage": [{"party": "taker", "share": "0.2"}]
        });
        let member = stage(world, &terms);
        world.accept("shop", &purchase("R-1", &member, "1000.00"));
        let mut burning = purchase("T-1", &member, "80.00");
        burning["burn"] = json!("40");
        world.accept("taker", &burning);
        // 60 are lost after 2 April; the refund takes one of them back first.
        world.move_to("2025-04-03T09:00:00Z");
        let posted = refund(world, "B-1", "10.00");
        assert_eq!(posted["explain"]["refunded"][0]["kept"], "990.00");
        let of_59 = [("bank", "14.75"), ("shop", "14.75"), ("taker", "11.80")];
        assert_eq!(breakage(world, "2025-04-03"), figures(&of_59));
        refund(world, "B-2", "990.00");
        assert_eq!(breakage(world, "2025-04-03"), figures(&[]));
        assert_eq!(world.balance(&member, "club")["debt"], "40");
    });
}

#[test]
fn what_goes_back_to_funders_and_to_others_is_at_most_all() {
    both(|world| {
        stage(world, &json!({}));
        for (to_funder, to_taker) in [("0.81", "0.2"), ("1.01", "0.2"), ("0.1234567", "0.2")] {
            let programme = json!({
                "brand": "brand", "unit": {"name": "point", "scale": 0}, "point_value": "1.00",
                "earn": {"rate": "0.10"}, "expire": "never", "breakage_to_funder": to_funder,
                "breakage": [{"party": "taker", "share": to_taker}]
            });
            let wrong = world.operator.put("/v1/programmes/club", &world.new_key(), &programme);
            assert_eq!(wrong.status, 400, "{}", wrong.text());
            assert!(wrong.text().contains("/breakage_to_funder"), "{}", wrong.text());
        }
    });
}
