//! Times that were agreed: lags of a partner's list, days to object and to answer, reserves; and how
//! late a line is.

use coalition::jobs;
use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::lists::{Line, list, profile};
use crate::month::{self, JULY, JUNE, settle, statement};
use crate::reconciliation::{body, breaks, compare};
use crate::support::{Club, World, both, both_with, code_of, purchase, text};

const DAY: &str = "2025-03-03";

/// Compares the shop's list of the day, in a form that was not used before.
fn compared(
    world: &World,
    (format, lag): (&str, Option<Value>),
    lines: &[Line],
) -> (Value, Vec<Value>) {
    let mut profile = profile(format);
    if let Some(lag) = lag {
        profile["lag_hours"] = lag;
    }
    let shop = world.party("shop").clone();
    let request = json!({"cycle": DAY, "profile": profile});
    let (target, view) = compare(world, &shop, &request, &list(format, lines));
    assert_eq!(view["state"], "done", "{view}");
    (view, breaks(&shop, &target))
}

#[test]
fn what_is_missing_is_pending_within_the_lag_of_its_side() {
    both(|world| {
        let anna = Club::new(world).anna;
        for (reference, amount) in [("R-1", "100.00"), ("R-2", "200.00")] {
            world.accept("shop", &purchase(reference, &anna, amount));
        }
        let there = Line::new("R-1", 10_000);
        let not_here = Line { at: "2025-03-03T20:00:00Z", ..Line::new("X-1", 5_000) };
        // R-2 was recorded 36 hours ago, X-1 happened 25 hours ago.
        world.move_to("2025-03-04T21:00:00Z");
        let lines = [there.clone(), not_here.clone()];
        let (view, found) = compared(world, ("csv", None), &lines);
        assert_eq!(view["verdict"], "breaks");
        assert_eq!(
            view["counts"],
            json!({"matched": 1, "missing_in_ledger": 1, "missing_in_file": 1})
        );
        let ages: Vec<Value> =
            found.iter().map(|one| json!([one["ref"], one["age_days"]])).collect();
        assert_eq!(ages, [json!(["X-1", 1]), json!(["R-2", 1])]);
        let (view, found) =
            compared(world, ("ndjson", Some(json!({"theirs": 37, "ours": 26}))), &lines);
        assert_eq!(view["verdict"], "pending");
        let told = |one: &Value| {
            json!([one["class"], one["ref"], one["state"], one["effect"], one["proposal"]["entry"]])
        };
        assert_eq!(
            found.iter().map(told).collect::<Vec<_>>(),
            [
                json!(["pending_in_ledger", "X-1", "pending", "50.00", "wait"]),
                json!(["pending_in_file", "R-2", "pending", "-200.00", "wait"]),
            ]
        );
        // Each side has its own lag, and what is not said is a day.
        let (view, _) = compared(world, ("xlsx", Some(json!({"theirs": 37}))), &lines);
        assert_eq!(
            view["counts"],
            json!({"matched": 1, "missing_in_ledger": 1, "pending_in_file": 1})
        );
    });
}

#[test]
fn a_long_lag_recognises_what_was_recorded_late() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        world.move_to("2025-03-12T09:00:00Z");
        let mut late = purchase("R-2", &anna, "200.00");
        late["at"] = json!("2025-03-03T09:00:00Z");
        world.accept("shop", &late);
        world.move_to("2025-03-13T21:00:00Z");
        let lines = [Line::new("R-1", 10_000), Line::new("R-2", 20_000)];
        let (view, found) = compared(world, ("csv", None), &lines);
        assert_eq!(view["counts"], json!({"matched": 1, "missing_in_ledger": 1}));
        assert_eq!(found[0]["age_days"], 10);
        let (view, _) = compared(world, ("ndjson", Some(json!({"ours": 240}))), &lines);
        assert_eq!(view["counts"], json!({"matched": 1, "timing": 1}));
    });
}

#[test]
fn a_book_profile_keeps_the_lags_within_a_month() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        world.move_to("2025-03-06T09:00:00Z");
        let shop = world.party("shop").clone();
        let put = |lag: Value| {
            let mut profile = profile("csv");
            profile["lag_hours"] = lag;
            shop.put("/v1/parties/shop/book-profile", &world.new_key(), &profile)
        };
        for (lag, pointer) in [
            (json!({"theirs": 745}), "/lag_hours/theirs"),
            (json!({"ours": 745}), "/lag_hours/ours"),
        ] {
            let wrong = put(lag);
            assert_eq!((wrong.status, code_of(&wrong).as_str()), (400, "invalid_request"));
            assert!(wrong.text().contains(pointer), "{}", wrong.text());
        }
        body(&put(json!({"theirs": 744, "ours": 0})), 200);
        let lines = [Line { reference: "X-1".to_owned(), ..Line::new("R-1", 7_700) }];
        let request = json!({"cycle": DAY});
        let (_, view) = compare(world, &shop, &request, &list("csv", &lines));
        assert_eq!(view["counts"], json!({"missing_in_ledger": 1, "pending_in_file": 1}));
    });
}

/// The bank's agreement of the month with what it says of disputes.
fn bank_agrees(world: &World, dispute: &Value) {
    world.add_agreement(&json!({
        "programme": "club", "party": "bank", "schedule": "monthly", "dispute": dispute,
        "earn": {"funding": [{"party": "bank", "share": "1"}], "price_per_point": "0.80",
            "percentage": "0.90"}
    }));
}

fn object(world: &World, party: &str, cycle: &str) -> Answer {
    let wish = json!({
        "cycle": cycle, "kind": "missing_accrual", "own_lines": ["R-7 120.00"],
        "programme": "club", "amount": "60.00", "why": "the till was offline"
    });
    world.party(party).post("/v1/disputes", &world.new_key(), &wish)
}

fn is_too_late(answer: &Answer) {
    assert_eq!((answer.status, code_of(answer).as_str()), (422, "dispute_too_late"));
}

/// June's latest state after the job did its work at an instant.
fn state_at(world: &World, now: &str) -> String {
    world.move_to(now);
    jobs::settle(world.app()).expect("the job runs");
    let shown = body(&world.operator.get(&format!("/v1/cycles/{JUNE}")), 200);
    text(&shown, "state")
}

/// The month until its statements are published on 2 July, with what was agreed at its end.
fn publish_june(world: &mut World) {
    let member = month::set_up(world);
    let schedule = json!({"period": "monthly", "payment_term_days": 5, "dispute_days": 14});
    world.put("/v1/schedules/monthly", &schedule);
    let agreed =
        json!({"object_within_days": 20, "answer_within_days": 5, "settle_within_days": 10});
    bank_agrees(world, &agreed);
    month::play_june(world, &member);
    assert_eq!(state_at(world, "2025-07-02T09:00:00Z"), "published");
    // What is agreed afterwards says nothing of June.
    bank_agrees(world, &json!({"object_within_days": 1, "answer_within_days": 1}));
    world.put("/v1/schedules/monthly", &json!({"period": "monthly", "dispute_days": 2}));
}

#[test]
fn objecting_ends_when_silence_begins_to_be_agreement_party_by_party() {
    both_with(&month::before(), |world| {
        publish_june(world);
        // The shop agreed to nothing of its own: the schedule's fourteen days end.
        assert_eq!(state_at(world, "2025-07-16T21:00:00Z"), "published");
        is_too_late(&object(world, "shop", JUNE));
        assert_eq!(state_at(world, "2025-07-22T20:59:59Z"), "published");
        assert_eq!(state_at(world, "2025-07-22T21:00:00Z"), "acknowledged");
        is_too_late(&object(world, "bank", JUNE));
    });
}

#[test]
fn a_dispute_has_the_times_of_the_agreement_at_the_cycles_end() {
    both_with(&month::before(), |world| {
        publish_june(world);
        world.move_to("2025-07-16T20:59:59Z");
        let shops = body(&object(world, "shop", JUNE), 201);
        let times = |view: &Value| json!([view["acknowledge_by"], view["due"]]);
        assert_eq!(times(&shops), json!(["2025-07-19T20:59:59Z", "2025-08-15T20:59:59Z"]));
        world.move_to("2025-07-22T20:59:59Z");
        let banks = body(&object(world, "bank", JUNE), 201);
        assert_eq!(times(&banks), json!(["2025-07-27T20:59:59Z", "2025-08-01T20:59:59Z"]));
    });
}

#[test]
fn days_of_disputes_are_bounded() {
    both(|world| {
        Club::new(world);
        for field in ["object_within_days", "answer_within_days", "settle_within_days"] {
            let agreement = json!({"programme": "club", "party": "bank", "dispute": {field: 181}});
            let target = "/v1/agreements/club/bank";
            let wrong = world.operator.put(target, &world.new_key(), &agreement);
            assert_eq!((wrong.status, code_of(&wrong).as_str()), (400, "invalid_request"));
            assert!(wrong.text().contains(&format!("/dispute/{field}")), "{}", wrong.text());
        }
    });
}

/// What a statement says of money that was set aside: kind, debit and credit.
fn set_aside(world: &World, cycle: &str) -> Vec<Value> {
    let brand = statement(world.party("brand"), cycle, "brand");
    let rows = brand["disputes"].as_array().expect("rows").clone();
    let money = rows.into_iter().filter(|row| row["of"] == "money");
    money.map(|row| json!([row["kind"], row["debit"], row["credit"]])).collect()
}

#[test]
fn a_reserve_of_the_schedule_or_the_agreement_stands_in_statements_until_it_is_released() {
    both_with(&month::before(), |world| {
        let member = month::set_up(world);
        let reserving =
            json!({"period": "monthly", "payment_term_days": 5, "dispute_reserves": true});
        world.put("/v1/schedules/monthly", &reserving);
        // The bank's agreement sets nothing aside, whatever the schedule says.
        bank_agrees(world, &json!({"reserve": false}));
        month::play_june(world, &member);
        assert_eq!(state_at(world, "2025-07-02T09:00:00Z"), "published");
        world.move_to("2025-07-10T09:00:00Z");
        let shops = text(&body(&object(world, "shop", JUNE), 201), "id");
        let banks = text(&body(&object(world, "bank", JUNE), 201), "id");
        let anna = world.finance_named("anna");
        let step = |id: &str, step: &str, said: Value| {
            body(&anna.post(&format!("/v1/disputes/{id}/{step}"), &world.new_key(), &said), 200)
        };
        let seen = step(&shops, "acknowledge", json!({}));
        assert_eq!(seen["reserved"], "60.00");
        assert_eq!(step(&banks, "acknowledge", json!({}))["reserved"], "0.00");
        world.move_to("2025-08-01T09:00:00Z");
        settle(world, JULY);
        assert_eq!(set_aside(world, JULY), [json!(["dispute_reserve", "60.00", null])]);
        let ended = step(&shops, "reject", json!({"why": "posted later"}));
        assert_eq!(ended["reserved"], "0.00");
        assert!(ended["entries"]["release"].is_string(), "{ended}");
        world.move_to("2025-09-01T09:00:00Z");
        let august = "monthly.2025-08-01";
        settle(world, august);
        assert_eq!(set_aside(world, august), [json!(["dispute_reserve_reversed", null, "60.00"])]);
        assert_eq!(set_aside(world, JULY).len(), 1, "July stays as it was");
    });
}

#[test]
fn a_late_receipt_says_for_which_cycle_it_is_late() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.move_to("2025-03-06T09:00:00Z");
        let mut late = purchase("R-1", &anna, "100.00");
        late["at"] = json!("2025-03-04T09:00:00Z");
        let late = world.accept("shop", &late);
        let on_time = world.accept("shop", &purchase("R-2", &anna, "100.00"));
        let rows = |posted: &Value| {
            let view = world.operator.get(&format!("/v1/transactions/{}", text(posted, "id")));
            let view = body(&view, 200);
            let rows = view["postings"].as_array().expect("postings").clone();
            let money = rows.into_iter().filter(|row| row["unit"] == "RUB");
            let said = money.map(|row| json!([row["obligation"], row["late_for"]]));
            said.collect::<Vec<_>>()
        };
        let late_for = json!("2025-03-04");
        assert_eq!(rows(&late), [json!(["funding", late_for]), json!(["earn_fee", late_for])]);
        assert_eq!(rows(&on_time), [json!(["funding", null]), json!(["earn_fee", null])]);
    });
}
