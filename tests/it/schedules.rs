//! Schedules, VAT tables and charges: who writes and reads them, and what closing makes of them.

use coalition::jobs;
use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::month;
use crate::support::{Club, World, both, both_with, code_of, purchase, text};

fn put(world: &World, target: &str, document: &Value) -> Answer {
    world.operator.put(target, &world.new_key(), document)
}

fn is_refused(world: &World, target: &str, document: &Value, pointer: &str) {
    let answer = put(world, target, document);
    let told = (answer.status, code_of(&answer));
    assert_eq!(told, (400, "invalid_request".to_owned()), "{document}: {}", answer.text());
    assert!(answer.text().contains(pointer), "{document}: {}", answer.text());
}

fn rates(rates: &[(&str, &str)]) -> Value {
    let rates: Vec<Value> =
        rates.iter().map(|(from, rate)| json!({"from": from, "rate": rate})).collect();
    json!({"id": "general", "rates": rates})
}

fn list(caller: &Caller, target: &str) -> Value {
    let answer = caller.get(target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    let list: Value = answer.json().expect("it is JSON");
    list["data"].clone()
}

fn cycle(caller: &Caller, id: &str) -> Value {
    let answer = caller.get(&format!("/v1/cycles/{id}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

const MONTHLY: &str = "/v1/schedules/monthly";
const GENERAL: &str = "/v1/vat-rates/general";

#[test]
fn operators_write_schedules_and_rates_and_all_read_them() {
    both(|world| {
        Club::new(world);
        let monthly = json!({"id": "monthly", "period": "monthly", "carry_below": "10.00"});
        world.put(MONTHLY, &monthly);
        world.put(GENERAL, &rates(&[("2019-01-01", "0.20")]));
        let (finance, auditor) = (world.finance(), world.auditor());
        for caller in [&world.operator, &finance, &auditor, world.party("shop")] {
            let schedules = list(caller, "/v1/schedules");
            assert_eq!(
                (&schedules[0]["id"], &schedules[0]["period"]),
                (&json!("main"), &json!("daily"))
            );
            let told = (&schedules[1]["id"], &schedules[1]["carry_below"]);
            assert_eq!(told, (&json!("monthly"), &json!("10")));
            let tables = list(caller, "/v1/vat-rates");
            assert_eq!(tables[0]["rates"], json!([{"from": "2019-01-01", "rate": "0.2"}]));
        }
        for target in [MONTHLY, GENERAL] {
            for caller in [&finance, &auditor] {
                assert_eq!(caller.put(target, "k", &json!({})).status, 403, "{target}");
            }
            assert_eq!(world.party("shop").put(target, "k", &json!({})).status, 401, "{target}");
        }
        // What was put twice under one key is one change.
        let again = |key: &str| world.operator.put(MONTHLY, key, &monthly);
        assert_eq!((again("s-1").body, again("s-1").replayed), (again("s-1").body, true));
    });
}

#[test]
fn a_schedules_time_never_changes_and_what_is_paid_may() {
    both(|world| {
        let monthly = |field: &str, value: Value| {
            let mut document = json!({"id": "monthly", "period": "monthly", "cut_off": "21:00"});
            document[field] = value;
            document
        };
        world.put(MONTHLY, &monthly("netting", json!("multilateral")));
        world.put(MONTHLY, &monthly("netting", json!("bilateral")));
        world.put(MONTHLY, &monthly("carry_below", json!("50.00")));
        is_refused(world, MONTHLY, &monthly("period", json!("weekly")), "/period");
        is_refused(world, MONTHLY, &monthly("cut_off", json!("22:00")), "/period");
        is_refused(world, MONTHLY, &monthly("timezone", json!("Asia/Tokyo")), "/period");
        is_refused(world, MONTHLY, &monthly("timezone", json!("Asia/Nowhere")), "/timezone");
        is_refused(world, MONTHLY, &monthly("cut_off", json!("24:00")), "/cut_off");
        is_refused(world, MONTHLY, &monthly("carry_below", json!("0.001")), "/carry_below");
        is_refused(world, MONTHLY, &monthly("payment_term_days", json!(181)), "/payment_term_days");
        is_refused(world, MONTHLY, &monthly("colour", json!("red")), "colour");
        is_refused(world, "/v1/schedules/weekly", &monthly("period", json!("weekly")), "/id");
        world.put("/v1/schedules/main", &json!({"period": "daily", "dispute_days": 14}));
        is_refused(world, "/v1/schedules/main", &json!({"period": "monthly"}), "/period");
    });
}

#[test]
fn a_table_of_rates_only_grows_and_not_into_the_past() {
    both(|world| {
        let (old, rise) = (("2019-01-01", "0.20"), ("2026-01-01", "0.22"));
        is_refused(world, GENERAL, &rates(&[rise, old]), "/rates/1/from");
        is_refused(world, GENERAL, &rates(&[]), "/rates");
        is_refused(world, GENERAL, &rates(&[("2019-01-01", "1.2")]), "/rates/0/rate");
        world.put(GENERAL, &rates(&[old]));
        world.put(GENERAL, &rates(&[old, rise]));
        is_refused(world, GENERAL, &rates(&[old]), "/rates");
        is_refused(world, GENERAL, &rates(&[("2019-01-01", "0.18"), rise]), "/rates");
        // The day in Moscow is the 3rd, and from 21:00 UTC the 4th.
        let with = |day| rates(&[old, (day, "0.21"), rise]);
        is_refused(world, GENERAL, &with("2025-03-02"), "/rates/1/from");
        world.move_to("2025-03-03T21:00:00Z");
        is_refused(world, GENERAL, &with("2025-03-03"), "/rates/1/from");
        world.put(GENERAL, &with("2025-03-04"));
        world.restart();
        assert_eq!(list(&world.operator, "/v1/vat-rates")[0]["rates"][1]["rate"], "0.21");
    });
}

/// An agreement by months that is charged all there is.
fn charged(party: &str, charges: &Value) -> Value {
    json!({
        "programme": "club", "party": party, "schedule": "monthly",
        "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.00",
            "fee_per_point": "0.02"},
        "charges": charges,
    })
}

#[test]
fn an_agreement_names_tables_and_schedules_that_are_there() {
    both(|world| {
        Club::new(world);
        let target = "/v1/agreements/club/shop";
        let taxed = json!({"vat": {"table": "general", "included": true}});
        is_refused(world, target, &charged("shop", &taxed), "/schedule");
        world.put(MONTHLY, &json!({"period": "monthly"}));
        is_refused(world, target, &charged("shop", &taxed), "/charges/vat/table");
        world.put(GENERAL, &rates(&[("2019-01-01", "0.20")]));
        world.put(target, &charged("shop", &taxed));
        let wrong = [
            (json!({"volume": [{"from": "0", "price": "0.90"}]}), "/charges/volume/0"),
            (json!({"minimum_fee": "1.001"}), "/charges/minimum_fee"),
            (json!({"vat": {"table": "general", "included": true, "on": []}}), "/charges/vat/on"),
            (json!({"discount": "1"}), "discount"),
        ];
        for (charges, pointer) in wrong {
            is_refused(world, target, &charged("shop", &charges), pointer);
        }
        let shown = list(&world.operator, "/v1/agreements");
        assert_eq!(shown[1]["charges"]["vat"]["on"], json!(["funding", "fees"]));
    });
}

#[test]
fn closing_a_month_discounts_raises_taxes_and_carries_over() {
    both(|world| {
        let club = Club::new(world);
        world.put(MONTHLY, &json!({"period": "monthly", "carry_below": "10.00"}));
        world.put(GENERAL, &rates(&[("2019-01-01", "0.20")]));
        let charges = json!({
            "vat": {"table": "general", "included": false}, "minimum_fee": "50.00",
            "volume": [{"from": "0", "price": "1.00"}, {"from": "100", "price": "0.90"}],
        });
        world.add_agreement(&charged("shop", &charges));
        world.add_agreement(&charged("bank", &json!({})));
        world.accept("shop", &purchase("R-1", &club.anna, "10000.00"));
        world.accept("bank", &purchase("B-1", &club.anna, "20.00"));
        let open = cycle(&world.operator, "monthly.2025-03-01");
        let told = (&open["state"], &open["cycle"]);
        assert_eq!(told, (&json!("open"), &json!("monthly.2025-03-01")));
        world.move_to("2025-04-02T09:00:00Z");
        let finance = world.finance();
        let close = "/v1/cycles/monthly.2025-03-01/close";
        assert_eq!(world.auditor().post(close, "c", &json!({})).status, 403);
        let closed = finance.post(close, &world.new_key(), &json!({}));
        assert_eq!(closed.status, 200, "{}", closed.text());
        assert_eq!(finance.post(close, &world.new_key(), &json!({})).body, closed.body);
        let closed: Value = closed.json().expect("it is JSON");
        // 1,000 points, 900 of them at 0.10 less; 20.00 of fees raised to 50.00; 20 % on both. The
        // bank's 2.04 are too little to be paid.
        let nets = json!({"brand": "1094.00", "clearing": "58.00", "shop": "-1152.00"});
        assert_eq!(closed["nets"], nets);
        let rows = |cycle: &Value, kind: &str| -> Vec<Value> {
            let rows = cycle["positions"].as_array().expect("a cycle has rows").iter();
            rows.filter(|row| row["kind"] == kind)
                .map(|row| json!([row["debtor"], row["creditor"], row["programme"], row["amount"]]))
                .collect()
        };
        let row = |text: [&str; 4]| vec![json!(text)];
        assert_eq!(rows(&closed, "volume_discount"), row(["brand", "shop", "club", "90.00"]));
        assert_eq!(rows(&closed, "minimum_fee"), row(["shop", "clearing", "club", "30.00"]));
        let taxes = [
            json!(["shop", "brand", "club", "182.00"]),
            json!(["shop", "clearing", "club", "10.00"]),
        ];
        assert_eq!(rows(&closed, "vat"), taxes);
        assert_eq!(rows(&closed, "carry_over"), row(["clearing", "bank", "", "2.04"]));
        let next = cycle(&world.operator, "monthly.2025-04-01");
        assert_eq!(rows(&next, "carry_over_reversed"), row(["bank", "clearing", "", "2.04"]));
        assert_eq!(next["nets"], json!({"bank": "-2.04", "clearing": "2.04"}));
        let seen = cycle(world.party("shop"), "monthly.2025-03-01");
        assert_eq!(seen["nets"], json!({"shop": "-1152.00"}));
        let states: Vec<&Value> =
            seen["events"].as_array().expect("events").iter().map(|one| &one["state"]).collect();
        assert_eq!(states, ["closing", "closed"]);
    });
}

/// What the job does at an instant; June's latest event after it.
fn settled_at(world: &World, now: &str) -> Value {
    world.move_to(now);
    jobs::settle(world.app()).expect("the job runs");
    let shown = world.operator.get(&format!("/v1/cycles/{}", month::JUNE));
    let shown: Value = shown.json().expect("it is JSON");
    shown["events"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default()
}

#[test]
fn silence_within_the_agreed_days_is_agreement() {
    both_with(&month::before(), |world| {
        let member = month::set_up(world);
        let schedule = json!({"period": "monthly", "payment_term_days": 5, "dispute_days": 14});
        world.put("/v1/schedules/monthly", &schedule);
        month::play_june(world, &member);
        let published = settled_at(world, "2025-07-02T09:00:00Z");
        let told = |event: &Value| (text(event, "state"), text(event, "by"));
        assert_eq!(told(&published), ("published".into(), "schedule".into()));
        // The fourteenth day ends at midnight of the coalition's zone.
        assert_eq!(settled_at(world, "2025-07-16T20:59:59Z"), published);
        let agreed = settled_at(world, "2025-07-16T21:00:00Z");
        assert_eq!(told(&agreed), ("acknowledged".into(), "schedule".into()));
        assert_eq!(agreed["why"], "nobody objected within the agreed days");
    });
}

#[test]
fn a_day_that_is_closed_before_the_month_leaves_the_month_its_lines() {
    both_with(&month::before(), |world| {
        let member = month::set_up(world);
        month::play_june(world, &member);
        // The job closes the last day first, and then the month that ended with it.
        settled_at(world, "2025-06-30T21:00:01Z");
        let lines = |party: &str| {
            let statement = month::statement(world.party(party), month::JUNE, party);
            statement["lines"].as_array().map(Vec::len)
        };
        let all = ["bank", "shop", "scheme", "wallet"].map(lines);
        assert_eq!(all, [Some(2), Some(2), Some(1), Some(1)]);
    });
}
