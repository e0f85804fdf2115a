//! Prices of purchases, what statements say of invoices, and days off that were moved, with figures
//! by hand.

use serde_json::{Value, json};

use crate::settlement_terms::{earn_and_burn, figures, moved, put_club, refund, stage, view};
use crate::support::{World, both, purchase, text};

/// The shop's purchases are priced at 2 % of what earns, which bank and shop share by thirds.
fn price_purchases(world: &World, more: &Value) {
    let mut agreement = json!({
        "programme": "club", "party": "shop", "unlinked_refunds": true,
        "earn": {"funding": [{"party": "bank", "share": "0.333333"},
            {"party": "shop", "share": "0.666667"}],
            "price_of_purchase": "0.02", "exclude": {"categories": ["gift-cards"]}}
    });
    let fields = agreement.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    world.add_agreement(&agreement);
}

#[test]
fn a_price_of_the_purchase_follows_the_eligible_amount_that_is_kept() {
    both(|world| {
        let member = stage(world, &json!({}));
        price_purchases(world, &json!({}));
        let mut receipt = json!({"kind": "purchase", "ref": "R-1", "programme": "club",
            "member": member, "lines": [{"id": "1", "amount": "999.50"},
            {"id": "2", "amount": "500.00", "category": "gift-cards"}]});
        let posted = view(world, &world.accept("shop", &receipt));
        // 999.50 × 0.02 = 19.99: 6.6633… and 13.3266…; the cent left over is the larger rest's.
        let whole =
            [("funding bank pool/club/brand", "6.66"), ("funding shop pool/club/brand", "13.33")];
        assert_eq!(moved(&[&posted]), figures(&whole));
        let row = posted["postings"].as_array().expect("postings").iter();
        let prices: Vec<&Value> =
            row.filter(|row| row["obligation"] == "funding").map(|row| &row["price"]).collect();
        assert_eq!(prices, [&Value::Null, &Value::Null], "no point has a price");
        assert_eq!(posted["lots"][0]["price"], "0.201919", "19.99 for 99 points");
        assert_eq!(posted["explain"]["parts"][0]["earn_money"]["price_of_purchase"], "0.02");
        // 599.50 of 1,499.50 are kept: 999.50 × 599.50 ÷ 1499.50 × 0.02 = 7.9920… stand.
        let some = refund(world, "B-1", "900.00");
        let kept =
            [("funding bank pool/club/brand", "2.66"), ("funding shop pool/club/brand", "5.33")];
        assert_eq!(moved(&[&posted, &some]), figures(&kept));
        let rest = refund(world, "B-2", "599.50");
        assert_eq!(moved(&[&posted, &some, &rest]), figures(&[]), "all of it nets to zero");
        // What earns no whole point is priced all the same.
        receipt["ref"] = json!("R-2");
        receipt["lines"] = json!([{"id": "1", "amount": "9.00"}]);
        let small = view(world, &world.accept("shop", &receipt));
        let cents =
            [("funding bank pool/club/brand", "0.06"), ("funding shop pool/club/brand", "0.12")];
        assert_eq!((text(&small, "earned"), moved(&[&small])), ("0".to_owned(), figures(&cents)));
    });
}

#[test]
fn a_price_of_the_purchase_stands_for_points_that_funders_bear() {
    both(|world| {
        let member = stage(world, &json!({"refund": {"shortfall": "funder"}}));
        price_purchases(world, &json!({}));
        earn_and_burn(world, &member);
        // 20 of 100 points come back: 20.00 × 80 ÷ 100 stands.
        let back = refund(world, "B-1", "1000.00");
        let of_20 =
            [("funding bank pool/club/brand", "-1.34"), ("funding shop pool/club/brand", "-2.66")];
        assert_eq!(moved(&[&back]), figures(&of_20));
        put_club(world, &json!({"refund": {"shortfall": "shop"}}));
        let lost = json!({"kind": "refund", "ref": "B-2", "programme": "club", "member": member,
            "amount": "300.00"});
        let unlinked = view(world, &world.accept("shop", &lost));
        let all = [
            ("funding bank pool/club/brand", "-2.00"),
            ("funding shop pool/club/brand", "-4.00"),
            ("shortfall shop pool/club/brand", "6.00"),
        ];
        assert_eq!(moved(&[&unlinked]), figures(&all));
    });
}

#[test]
fn a_price_of_the_purchase_stands_alone() {
    both(|world| {
        stage(world, &json!({}));
        let funding = json!([{"party": "shop", "share": "1"}]);
        for (wrong, pointer) in [
            (
                json!({"price_of_purchase": "0.02", "price_per_point": "1"}),
                "/earn/price_of_purchase",
            ),
            (json!({}), "/earn/price_of_purchase"),
            (json!({"price_of_purchase": "1.01"}), "/earn/price_of_purchase"),
            (json!({"price_of_purchase": "0.02", "settle": "at_burn"}), "/earn/price_of_purchase"),
            (
                json!({"price_of_purchase": "0.02", "billing":
                    {"prepaid": {"when_empty": "bill", "pack_price_per_point": "1"}}}),
                "/earn/price_of_purchase",
            ),
        ] {
            let mut earn = wrong.clone();
            earn["funding"] = funding.clone();
            let agreement = json!({"programme": "club", "party": "shop", "earn": earn});
            let target = "/v1/agreements/club/shop";
            let refused = world.operator.put(target, &world.new_key(), &agreement);
            assert_eq!(refused.status, 400, "{}", refused.text());
            assert!(refused.text().contains(pointer), "{}", refused.text());
        }
    });
}

/// The lines of the shop's statement as obligation, nature of the supply and who issues the invoice.
fn invoices(world: &World, day: &str) -> Vec<Value> {
    for step in ["close", "publish"] {
        let target = format!("/v1/cycles/{day}/{step}");
        let answer = world.operator.post(&target, &world.new_key(), &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let answer = world.party("shop").get(&format!("/v1/statements/{day}/shop"));
    let statement: Value = answer.json().expect("it is JSON");
    let lines = statement["lines"].as_array().expect("lines").iter();
    let said = lines.map(|line| {
        json!([line["entry"]["obligation"], line.get("vat_nature"), line.get("vat_invoice_by")])
    });
    said.collect()
}

#[test]
fn a_statement_says_what_is_supplied_and_who_issues_the_invoice_and_no_amount_changes() {
    both(|world| {
        let member = stage(world, &json!({}));
        world.put(
            "/v1/vat-rates/general",
            &json!({"rates": [{"from": "2019-01-01", "rate": "0.20"}]}),
        );
        let mut nets = Vec::new();
        let days = ["2025-03-03", "2025-03-04"];
        for (place, day) in days.into_iter().enumerate() {
            let mut vat = json!({"table": "general", "included": false, "on": ["fees"]});
            if place == 1 {
                vat["nature"] = json!("operator_service");
                vat["invoice_by"] = json!("payee");
            }
            world.add_agreement(&json!({
                "programme": "club", "party": "shop", "charges": {"vat": vat},
                "earn": {"funding": [{"party": "bank", "share": "0.5"},
                    {"party": "shop", "share": "0.5"}],
                    "price_per_point": "1.00", "fee_per_point": "0.02"}
            }));
            let name = |what: &str| format!("{what}-{place}");
            world.accept("shop", &purchase(&name("R"), &member, "5000.00"));
            let back = json!({"kind": "refund", "ref": name("B"), "of": name("R"),
                "amount": "1000.00"});
            world.accept("shop", &back);
            world.move_to(&format!("2025-03-0{}T09:00:00Z", place + 4));
            let said = invoices(world, day);
            let (nature, by) = if place == 1 {
                (json!("operator_service"), json!("clearing"))
            } else {
                (Value::Null, Value::Null)
            };
            assert_eq!(
                said,
                [
                    json!(["funding", null, null]),
                    json!(["earn_fee", nature, by]),
                    json!(["funding_reversed", null, null]),
                    json!(["earn_fee_reversed", nature, by]),
                    json!(["vat", nature, by]),
                ]
            );
            let cycle = world.operator.get(&format!("/v1/cycles/{day}"));
            nets.push(cycle.json::<Value>().expect("it is JSON")["nets"].clone());
        }
        // 400 points: 200.00 each, a fee of 8.00 and 1.60 on it.
        assert_eq!(nets[0]["shop"], "-209.60");
        assert_eq!(nets[0], nets[1]);
    });
}

#[test]
fn days_off_that_a_decree_moved_are_kept_with_the_schedule() {
    both(|world| {
        let schedule = |workdays: Value| {
            json!({"period": "daily", "payment_term_days": 2,
                "holidays": ["2025-11-03", "2025-11-04"], "workdays": workdays})
        };
        world.put("/v1/schedules/main", &schedule(json!(["2025-11-01"])));
        let shown: Value = world.operator.get("/v1/schedules").json().expect("it is JSON");
        assert_eq!(shown["data"][0]["workdays"], json!(["2025-11-01"]));
        for wrong in ["2025-11-03", "2025-11-05"] {
            let target = "/v1/schedules/main";
            let refused = world.operator.put(target, &world.new_key(), &schedule(json!([wrong])));
            assert_eq!(refused.status, 400, "{}", refused.text());
            assert!(refused.text().contains("/workdays"), "{}", refused.text());
        }
    });
}
