//! Compensation by service centres over HTTP: one for each case, above the limits by two people,
//! taken back when there was no defect.

use std::sync::Arc;

use coalition::server;
use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::offers::body;
use crate::support::{Club, World, both, code_of, purchase, text};

/// `club` with a service centre that may give 500 for a case, 800 a day, 1,200 a month.
fn with_fixit(world: &mut World) -> Club {
    let club = Club::new(world);
    world.add_party("fixit", "service_centre");
    world.add_agreement(&json!({
        "programme": "club", "party": "fixit",
        "grant": {"funding": [{"party": "brand", "share": "0.7"}, {"party": "fixit", "share": "0.3"}],
            "price_per_point": "0.333"},
        "compensation": {"per_case": "500", "per_day": "800", "per_month": "1200"}
    }));
    club
}

fn wish(case: &str, member: &str, points: &str) -> Value {
    json!({"case": case, "programme": "club", "member": member, "points": points})
}

fn ask(world: &World, who: &Caller, wish: &Value) -> Answer {
    who.post("/v1/compensations", &world.new_key(), wish)
}

fn step(world: &World, who: &Caller, (id, step): (&str, &str)) -> Answer {
    let said = json!({"why": "as seen"});
    who.post(&format!("/v1/compensations/{id}/{step}"), &world.new_key(), &said)
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, code_of(answer).as_str()), (status, code), "{}", answer.text());
}

fn points_of(world: &World, member: &str) -> String {
    text(&world.balance(member, "club"), "available")
}

#[test]
fn a_case_is_compensated_once_by_a_service_centre_and_funded_as_agreed() {
    both(|world| {
        let club = with_fixit(world);
        let fixit = world.party("fixit").clone();
        let made = body(&ask(world, &fixit, &wish("SC-1", &club.anna, "500")), 201);
        let again = body(&ask(world, &fixit, &wish("SC-1", "phone:+79160000001", "500")), 200);
        assert_eq!(made, again);
        let other = ask(world, &fixit, &wish("SC-1", &club.anna, "100"));
        is_refused(&other, 409, "case_taken");
        assert_eq!(points_of(world, &club.anna), "500");
        let posted =
            world.operator.get(&format!("/v1/transactions/{}", text(&made, "transaction")));
        let posted = body(&posted, 200);
        assert_eq!((&posted["kind"], &posted["ref"]), (&json!("grant"), &json!("case:SC-1")));
        let paid: Vec<&Value> = posted["postings"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|one| one["unit"] == "RUB")
            .map(|one| &one["amount"])
            .collect();
        assert_eq!(paid, [&json!("116.55"), &json!("49.95")]);

        let receipt = purchase("R-1", &club.anna, "100.00");
        assert_eq!(world.refuse("fixit", &receipt), (403, "role_not_allowed".to_owned()));
        let grant = json!({"kind": "grant", "ref": "G-1", "programme": "club", "member": club.anna,
            "points": "5000"});
        assert_eq!(
            world.refuse("fixit", &grant),
            (403, "role_not_allowed".to_owned()),
            "the limits bind"
        );
        is_refused(
            &ask(world, world.party("shop"), &wish("SC-9", &club.anna, "1")),
            403,
            "role_not_allowed",
        );
        world.add_party("mender", "service_centre");
        is_refused(
            &ask(world, world.party("mender"), &wish("SC-9", &club.anna, "1")),
            403,
            "no_agreement",
        );
        is_refused(
            &ask(world, &fixit, &wish("SC-9", "phone:+79169999999", "1")),
            404,
            "unknown_member",
        );
        for wrong in [
            wish("", &club.anna, "1"),
            wish("4111111111111111", &club.anna, "1"),
            wish("a", &club.anna, "0"),
        ] {
            assert_eq!(ask(world, &fixit, &wrong).status, 400, "{wrong}");
        }
        let id = text(&made, "id");
        is_refused(
            &world.party("mender").get(&format!("/v1/compensations/{id}")),
            404,
            "not_found",
        );
        let found = body(&fixit.get("/v1/compensations?case=SC-1"), 200);
        assert_eq!(found["data"], json!([made]));
    });
}

#[test]
fn above_a_limit_a_second_person_decides() {
    both(|world| {
        let club = with_fixit(world);
        let (fixit, boris) = (world.party("fixit").clone(), world.finance_named("boris"));
        let above = |case: &str, points: &str, limit: &str| {
            let waiting = body(&ask(world, &fixit, &wish(case, &club.anna, points)), 202);
            assert_eq!((&waiting["state"], &waiting["above"]), (&json!("waiting"), &json!(limit)));
            text(&waiting, "id")
        };
        let big = above("SC-1", "501", "per_case");
        body(&ask(world, &fixit, &wish("SC-2", &club.anna, "500")), 201);
        let daily = above("SC-3", "301", "per_day");
        body(&ask(world, &fixit, &wish("SC-4", &club.anna, "300")), 201);
        world.move_to("2025-03-03T21:00:00Z");
        body(&ask(world, &fixit, &wish("SC-5", &club.anna, "400")), 201);
        above("SC-6", "1", "per_month");
        assert_eq!(points_of(world, &club.anna), "1200");

        is_refused(&step(world, &fixit, (&big, "approve")), 403, "role_not_allowed");
        is_refused(&step(world, &world.auditor(), (&big, "approve")), 403, "role_not_allowed");
        let approved = body(&step(world, &boris, (&big, "approve")), 200);
        assert_eq!(
            (&approved["state"], &approved["decided"]["by"]),
            (&json!("granted"), &json!("boris"))
        );
        body(&step(world, &boris, (&big, "approve")), 200);
        assert_eq!(points_of(world, &club.anna), "1701");
        body(&step(world, &boris, (&daily, "reject")), 200);
        is_refused(&step(world, &boris, (&daily, "approve")), 409, "compensation_state");
        is_refused(&step(world, &boris, (&big, "reject")), 409, "compensation_state");
        let waiting = body(&boris.get("/v1/compensations?state=waiting"), 200);
        assert_eq!(waiting["data"].as_array().map(Vec::len), Some(1));
        // The next month begins anew.
        world.move_to("2025-03-31T21:00:00Z");
        body(&ask(world, &fixit, &wish("SC-7", &club.anna, "500")), 201);
    });
}

#[test]
fn who_asks_for_goodwill_does_not_approve_it() {
    both(|world| {
        let club = with_fixit(world);
        let (agent, boris) = (world.finance_named("agent"), world.finance_named("boris"));
        let mut goodwill = wish("GW-1", &club.anna, "900");
        assert_eq!(ask(world, &agent, &goodwill).status, 400, "whose agreement");
        goodwill["party"] = json!("fixit");
        let waiting = body(&ask(world, &agent, &goodwill), 202);
        let id = text(&waiting, "id");
        is_refused(&step(world, &agent, (&id, "approve")), 403, "second_person_needed");
        assert_eq!(points_of(world, &club.anna), "0");
        let mode = |mode: &str| {
            let wish = json!({"mode": mode});
            body(&world.operator.post("/v1/programmes/club/mode", &world.new_key(), &wish), 200)
        };
        mode("paused");
        is_refused(&step(world, &boris, (&id, "approve")), 422, "programme_paused");
        mode("live");
        body(&step(world, &boris, (&id, "approve")), 200);
        assert_eq!(points_of(world, &club.anna), "900");
    });
}

#[test]
fn no_defect_takes_back_what_is_left_and_its_money_and_the_budget() {
    both(|world| {
        let club = with_fixit(world);
        let fixit = world.party("fixit").clone();
        let made = body(&ask(world, &fixit, &wish("SC-1", &club.anna, "500")), 201);
        let id = text(&made, "id");
        let spent = json!({"kind": "purchase", "ref": "R-1", "programme": "club", "member": club.anna,
            "amount": "360.00", "burn": "180"});
        world.accept("shop", &spent);
        let unsaid =
            fixit.post(&format!("/v1/compensations/{id}/reverse"), &world.new_key(), &json!({}));
        assert_eq!(unsaid.status, 400, "a reversal says why");
        let reversed = body(&step(world, &fixit, (&id, "reverse")), 200);
        assert_eq!(
            (&reversed["state"], &reversed["taken_back"]),
            (&json!("reversed"), &json!("320"))
        );
        assert_eq!(body(&step(world, &fixit, (&id, "reverse")), 200), reversed, "once is enough");
        assert_eq!(points_of(world, &club.anna), "18", "what the receipt earned");
        let posted =
            world.operator.get(&format!("/v1/transactions/{}", text(&reversed, "reversal")));
        let posted = body(&posted, 200);
        assert_eq!((&posted["kind"], &posted["of"]), (&json!("refund"), &made["transaction"]));
        let back: Vec<(&str, &Value)> = posted["postings"]
            .as_array()
            .expect("a list")
            .iter()
            .filter(|one| one["unit"] == "RUB")
            .map(|one| (one["to"].as_str().expect("an account"), &one["amount"]))
            .collect();
        // 180 of 500 points are kept: 41.96 of 116.55, 17.98 of 49.95.
        assert_eq!(back, [("party/brand", &json!("74.59")), ("party/fixit", &json!("31.97"))]);
        // The case stays; the day has room for 320 more than the 300 that were left.
        body(&ask(world, &fixit, &wish("SC-2", &club.anna, "500")), 201);
        body(&ask(world, &fixit, &wish("SC-3", &club.anna, "120")), 201);
        assert_eq!(ask(world, &fixit, &wish("SC-4", &club.anna, "1")).status, 202);
        let waiting = body(&fixit.get("/v1/compensations?state=waiting"), 200);
        let waiting = text(&waiting["data"][0], "id");
        is_refused(&step(world, &fixit, (&waiting, "reverse")), 409, "compensation_state");
    });
}

#[test]
fn a_reversal_finds_nothing_where_all_is_spent() {
    both(|world| {
        let club = with_fixit(world);
        let fixit = world.party("fixit").clone();
        let id = text(&body(&ask(world, &fixit, &wish("SC-1", &club.anna, "100")), 201), "id");
        let spent = json!({"kind": "purchase", "ref": "R-1", "programme": "club", "member": club.anna,
            "amount": "200.00", "burn": "100"});
        world.accept("shop", &spent);
        let reversed = body(&step(world, &fixit, (&id, "reverse")), 200);
        assert_eq!((&reversed["taken_back"], &reversed["reversal"]), (&json!("0"), &Value::Null));
    });
}

#[test]
fn what_is_paid_when_burned_leaves_with_the_points() {
    both(|world| {
        let club = with_fixit(world);
        world.add_agreement(&json!({
            "programme": "club", "party": "fixit", "compensation": {},
            "grant": {"funding": [{"party": "brand", "share": "1"}], "price_per_point": "0.50",
                "settle": "at_burn"}
        }));
        let fixit = world.party("fixit").clone();
        let id = text(&body(&ask(world, &fixit, &wish("SC-1", &club.anna, "1000")), 201), "id");
        let spent = json!({"kind": "purchase", "ref": "R-1", "programme": "club", "member": club.anna,
            "amount": "200.00", "burn": "100"});
        world.accept("shop", &spent);
        let reversed = body(&step(world, &fixit, (&id, "reverse")), 200);
        assert_eq!(reversed["taken_back"], "900");
        let posted =
            world.operator.get(&format!("/v1/transactions/{}", text(&reversed, "reversal")));
        let posted = body(&posted, 200);
        let moved = posted["postings"].as_array().expect("a list");
        assert_eq!((moved.len(), &moved[0]["cost"]), (1, &json!("450.00")), "nobody owes them");
    });
}

#[test]
fn a_day_is_not_passed_by_many_at_once_on_two_servers() {
    both(|world| {
        let club = with_fixit(world);
        let second = server::start(&world.settings, Arc::clone(&world.clock)).expect("it starts");
        let fixit = world.party("fixit");
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..10)
                .map(|number| {
                    // Each case twice, once on each server.
                    let caller =
                        if number % 2 == 0 { fixit.clone() } else { fixit.at(&second.url()) };
                    let wish = wish(&format!("SC-{}", number / 2), &club.anna, "300");
                    let key = format!("case-{number}");
                    scope.spawn(move || {
                        loop {
                            let answer = caller.post("/v1/compensations", &key, &wish);
                            if answer.status != 503 {
                                return answer.status;
                            }
                        }
                    })
                })
                .collect();
            threads.into_iter().map(|one| one.join().expect("it answers")).collect()
        });
        assert!(statuses.iter().all(|status| [200, 201, 202].contains(status)), "{statuses:?}");
        assert_eq!(points_of(world, &club.anna), "600", "two of five cases fit into the day");
        let all = body(&world.finance().get("/v1/compensations"), 200);
        assert_eq!(all["data"].as_array().map(Vec::len), Some(5));
        drop(second);
    });
}
