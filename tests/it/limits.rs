//! Limits: one cap for each schedule, a credit line for all that makes a party owe more, and what
//! becomes of offers that one refuses.

use serde_json::{Value, json};

use crate::campaign_world::{Stage, bonus, execute, put_campaign, step};
use crate::offers::{body, paid};
use crate::support::{Club, World, both, purchase, text};
use crate::webhooks::pulled;

const REFUSED: u16 = 422;

fn refused() -> (u16, String) {
    (REFUSED, "limit_exceeded".to_owned())
}

/// An agreement of a party that funds what it earns at 1.00 a point, with more fields.
fn earning((programme, party): (&str, &str), more: &Value) -> Value {
    let mut agreement = json!({
        "programme": programme, "party": party,
        "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.00"}
    });
    let fields = agreement.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    agreement
}

/// Programmes beside `club`, with the same rules.
fn add_programmes(world: &World, ids: &[&str]) {
    for id in ids {
        world.add_programme(&json!({
            "id": id, "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
            "burn": {"max_share": "0.50"}
        }));
    }
}

fn buy(reference: &str, programme: &str, member: &str, amount: &str) -> Value {
    let mut receipt = purchase(reference, member, amount);
    receipt["programme"] = json!(programme);
    receipt
}

/// The limits that a party was told of, as type, cycle and what was used.
fn told(world: &World, party: &str) -> Vec<(String, String, String)> {
    let all = pulled(world, party).into_iter();
    let limits = all.filter(|event| text(event, "type").starts_with("limit."));
    limits
        .map(|event| {
            let data = &event["data"];
            (text(&event, "type"), text(data, "cycle"), text(data, "used"))
        })
        .collect()
}

#[test]
fn each_schedule_has_a_cap_of_its_own() {
    both(|world| {
        let anna = Club::new(world).anna;
        add_programmes(world, &["miles", "stars"]);
        world.put("/v1/schedules/monthly", &json!({"id": "monthly", "period": "monthly"}));
        let monthly = |programme: &str, cap: &str| {
            earning((programme, "shop"), &json!({"schedule": "monthly", "net_debit_cap": cap}))
        };
        world.add_agreement(&earning(("club", "shop"), &json!({"net_debit_cap": "10.00"})));
        // Of two caps on one schedule the smaller counts, for both agreements together.
        world.add_agreement(&monthly("miles", "900.00"));
        world.add_agreement(&monthly("stars", "60.00"));
        let sell = |name: &str, programme: &str, amount: &str| {
            world.accept("shop", &buy(name, programme, &anna, amount))
        };
        let refuse = |name: &str, programme: &str, amount: &str| {
            assert_eq!(world.refuse("shop", &buy(name, programme, &anna, amount)), refused());
        };
        sell("R-1", "club", "100.00");
        refuse("R-2", "club", "10.00");
        sell("R-2", "miles", "400.00");
        refuse("R-3", "stars", "210.00");
        sell("R-3", "stars", "200.00");
        refuse("R-4", "miles", "10.00");
        let mut found = told(world, "shop");
        found.sort_unstable();
        let expected = [
            ("limit.hit", "2025-03-03", "10.00"),
            ("limit.hit", "monthly.2025-03-01", "40.00"),
            ("limit.near", "2025-03-03", "10.00"),
            ("limit.near", "monthly.2025-03-01", "60.00"),
        ];
        let own = |(event, cycle, used): (&str, &str, &str)| {
            (event.to_owned(), cycle.to_owned(), used.to_owned())
        };
        assert_eq!(found, expected.map(own));
        // A day later the daily cap has room, the monthly one has not; a refund makes it.
        world.move_to("2025-03-04T09:00:00Z");
        sell("R-4", "club", "100.00");
        refuse("R-5", "stars", "10.00");
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-3", "amount": "100.00"});
        world.accept("shop", &refund);
        sell("R-5", "miles", "100.00");
        refuse("R-6", "miles", "10.00");
        world.move_to("2025-04-01T09:00:00Z");
        sell("R-6", "miles", "600.00");
        refuse("R-7", "stars", "10.00");
    });
}

#[test]
fn a_limit_of_a_later_day_counts_what_is_owed_until_then() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.put("/v1/schedules/monthly", &json!({"id": "monthly", "period": "monthly"}));
        let later = json!({"schedule": "monthly", "net_debit_cap": "100.00",
            "credit_line": "150.00", "effective_at": "2025-03-05T00:00:00Z"});
        world.add_agreement(&earning(("club", "bank"), &json!({"schedule": "monthly"})));
        world.accept("bank", &purchase("R-1", &anna, "200.00"));
        world.add_agreement(&earning(("club", "bank"), &later));
        world.accept("bank", &purchase("R-2", &anna, "700.00"));
        world.move_to("2025-03-05T09:00:00Z");
        let over = world.refuse("bank", &purchase("R-3", &anna, "110.00"));
        assert_eq!(over, refused(), "20.00 and 70.00 are owed");
        world.accept("bank", &purchase("R-3", &anna, "100.00"));
        world.move_to("2025-04-01T09:00:00Z");
        let over = world.refuse("bank", &purchase("R-4", &anna, "510.00"));
        assert_eq!(over, refused(), "100.00 of March are not paid");
        world.accept("bank", &purchase("R-4", &anna, "500.00"));
    });
}

#[test]
fn a_cap_that_was_not_counted_before_counts_its_cycle_from_the_beginning() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.add_agreement(&earning(("club", "bank"), &json!({"net_debit_cap": "100.00"})));
        world.accept("bank", &purchase("R-1", &anna, "900.00"));
        // As an earlier version left it, which counted another cap of the party alone.
        execute(world, "DELETE FROM exposures WHERE cycle > 0");
        assert_eq!(world.refuse("bank", &purchase("R-2", &anna, "110.00")), refused());
        world.accept("bank", &purchase("R-2", &anna, "100.00"));
    });
}

#[test]
fn a_credit_line_counts_grants_and_services_and_no_cap_does() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.add_party("maker", "wallet");
        let funded =
            json!({"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00"});
        world.add_agreement(&earning(
            ("club", "shop"),
            &json!({"grant": funded, "credit_line": "50.00", "net_debit_cap": "1.00"}),
        ));
        world.add_agreement(&json!({
            "programme": "club", "party": "maker",
            "services": {"card_issued": {"price": "2.50", "paid_by": "shop"}}
        }));
        let grant = |name: &str, points: &str| {
            json!({"kind": "grant", "ref": name, "programme": "club", "member": anna,
                "points": points})
        };
        let cards = |name: &str, count: i64| {
            json!({"kind": "service", "ref": name, "programme": "club", "service": "card_issued",
                "count": count})
        };
        world.accept("shop", &grant("G-1", "40"));
        assert_eq!(world.refuse("shop", &grant("G-2", "11")), refused());
        assert_eq!(world.refuse("maker", &cards("C-1", 5)), refused());
        world.accept("maker", &cards("C-1", 4));
        assert_eq!(world.refuse("shop", &grant("G-2", "1")), refused());
        assert_eq!(world.balance(&anna, "club")["available"], "40", "nothing of it is written");
    });
}

#[test]
fn a_credit_line_counts_exchanges() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.add_party("air", "brand");
        world.add_programme(&json!({
            "id": "miles", "brand": "air", "unit": {"name": "mile", "scale": 0},
            "point_value": "1.00", "earn": {}, "expire": {"months": 12}, "burn": {"max_share": "1"}
        }));
        world.put(
            "/v1/exchanges/club/miles",
            &json!({"from": "club", "to": "miles", "rate": "1", "price_per_point": "0.90"}),
        );
        world
            .add_agreement(&json!({"programme": "club", "party": "brand", "credit_line": "18.00"}));
        // What a brand owes its own pool is no debt.
        let mut grant = json!({"kind": "grant", "ref": "G-1", "programme": "club", "member": anna,
            "points": "100"});
        grant.as_object_mut().expect("it").extend(paid().as_object().expect("it").clone());
        world.accept("brand", &grant);
        let exchange = |name: &str, points: &str| {
            json!({"kind": "exchange", "ref": name, "from": "club", "to": "miles", "member": anna,
                "points": points})
        };
        assert_eq!(world.refuse("brand", &exchange("X-1", "21")), refused());
        world.accept("brand", &exchange("X-1", "20"));
        assert_eq!(world.refuse("brand", &exchange("X-2", "1")), refused());
        assert_eq!(world.balance(&anna, "club")["available"], "80");
    });
}

#[test]
fn a_capture_adds_only_what_its_hold_did_not_reserve() {
    both(|world| {
        let anna = Club::new(world).anna;
        let mut grant = json!({"kind": "grant", "ref": "G-1", "programme": "club", "member": anna,
            "points": "100"});
        grant.as_object_mut().expect("it").extend(paid().as_object().expect("it").clone());
        world.accept("brand", &grant);
        // The shop pays a fee for burned points, and is paid nothing for them.
        let terms = |fee: &str, line: &str| {
            world.add_agreement(&json!({"programme": "club", "party": "shop", "credit_line": line,
                "burn": {"reimburse_per_point": "0", "fee_per_point": fee}}));
        };
        let hold = |name: &str| json!({"kind": "hold", "ref": name, "programme": "club", "member": anna, "points": "20"});
        let capture =
            |of: &str, points: &str| json!({"kind": "capture", "of": of, "points": points});
        terms("0.50", "20.00");
        for name in ["H-1", "H-2"] {
            world.accept("shop", &hold(name));
        }
        assert_eq!(world.refuse("shop", &hold("H-3")), refused());
        // A purchase that names a hold owes what the hold reserved, once.
        let mut by_hold = purchase("R-1", &anna, "100.00");
        by_hold["hold"] = json!("H-1");
        world.accept("shop", &by_hold);
        terms("1.00", "20.00");
        assert_eq!(world.refuse("shop", &capture("H-2", "20")), refused());
        // Within what was reserved nothing is asked, though the line is far behind by now.
        terms("1.00", "1.00");
        world.accept("shop", &capture("H-2", "10"));
    });
}

/// A payment scheme that pays for offers, with a credit line.
fn scheme_has(world: &World, line: &str) {
    world.add_agreement(&earning(("club", "scheme"), &json!({"credit_line": line})));
}

fn by_scheme() -> Value {
    json!({"funding": [{"party": "scheme", "share": "1"}], "price_per_point": "1.00"})
}

#[test]
fn a_campaign_counts_what_a_line_refuses_and_grants_it_in_a_later_run() {
    both(|world| {
        Stage::new(world, 5);
        let mut document = bonus("spring", "100");
        world.add_party("scheme", "payment_system");
        scheme_has(world, "200.00");
        for (field, value) in by_scheme().as_object().expect("an object") {
            document["grant"][field] = value.clone();
        }
        put_campaign(world, &document);
        step(world, "spring", "start");
        let run = step(world, "spring", "run")["run"].clone();
        assert_eq!((&run["granted"], &run["finished"]), (&json!(2), &json!(true)));
        assert_eq!(run["refusals"], json!({"limit_exceeded": 3}));
        scheme_has(world, "400.00");
        let run = step(world, "spring", "run")["run"].clone();
        assert_eq!((&run["granted"], &run["refusals"]), (&json!(2), &json!({"limit_exceeded": 1})));
    });
}

#[test]
fn a_promo_code_that_a_line_refuses_keeps_its_use() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.add_party("scheme", "payment_system");
        scheme_has(world, "499.99");
        let batch = json!({"campaign": "june", "programmes": ["club"], "points": "500",
            "code": "june-25", "paid": by_scheme()});
        body(&world.party("brand").post("/v1/promo-codes", &world.new_key(), &batch), 201);
        let redeem = || {
            let wish = json!({"code": "JUNE-25", "member": anna});
            world.party("shop").post("/v1/promo-codes/redeem", &world.new_key(), &wish)
        };
        for _ in 0..2 {
            assert_eq!(body(&redeem(), REFUSED)["code"], "limit_exceeded");
        }
        scheme_has(world, "500.00");
        body(&redeem(), 201);
        assert_eq!(world.balance(&anna, "club")["available"], "500");
    });
}

#[test]
fn a_compensation_that_a_line_refuses_can_be_asked_for_again() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.add_party("fixit", "service_centre");
        let agree = |line: &str| {
            world.add_agreement(&json!({
                "programme": "club", "party": "fixit", "credit_line": line,
                "grant": {"funding": [{"party": "fixit", "share": "1"}], "price_per_point": "1.00"},
                "compensation": {"per_case": "100", "per_day": "100", "per_month": "1000"}
            }));
        };
        agree("99.00");
        let ask = || {
            let wish =
                json!({"case": "SC-1", "programme": "club", "member": anna, "points": "100"});
            world.party("fixit").post("/v1/compensations", &world.new_key(), &wish)
        };
        for _ in 0..2 {
            assert_eq!(body(&ask(), REFUSED)["code"], "limit_exceeded");
        }
        agree("100.00");
        body(&ask(), 201);
        assert_eq!(world.balance(&anna, "club")["available"], "100");
    });
}
