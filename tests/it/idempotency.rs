//! The same request twice is recorded once: by its key, and besides by its reference.

use std::collections::BTreeSet;
use std::thread;

use serde_json::{Value, json};

use crate::support::{Club, Setup, World, both, both_with, code_of, purchase, text};

const TARGET: &str = "/v1/transactions";

fn with_key(key: &str, body: &Value) -> Value {
    let mut line = body.clone();
    line["idempotency_key"] = key.into();
    line
}

fn available(world: &World, member: &str) -> String {
    text(&world.balance(member, "club"), "available")
}

#[test]
fn the_same_key_and_body_get_the_same_bytes_and_another_body_is_refused() {
    both(|world| {
        let club = Club::new(world);
        let shop = world.party("shop");
        let body = purchase("R-1", &club.anna, "100.00");
        let (first, again) = (shop.post(TARGET, "k-1", &body), shop.post(TARGET, "k-1", &body));
        assert_eq!((first.status, first.replayed), (201, false), "{}", first.text());
        assert_eq!((again.status, again.replayed, &again.body), (201, true, &first.body));
        // As a string in quotes the key is the same key; spaces and order make no other body.
        let quoted = shop.post(TARGET, "\"k-1\"", &body);
        assert_eq!((quoted.replayed, &quoted.body), (true, &first.body));
        let spaced = format!(
            "{{ \"amount\": \"100.00\", \"member\": \"{}\", \"programme\": \"club\", \
             \"ref\": \"R-1\", \"kind\": \"purchase\" }}",
            club.anna
        );
        let outgoing = coalition_partner::Outgoing::post(TARGET, "k-1", spaced.as_bytes());
        assert_eq!(shop.send(&outgoing).body, first.body);

        let other = shop.post(TARGET, "k-1", &purchase("R-1", &club.anna, "100.01"));
        assert_eq!((other.status, code_of(&other).as_str()), (422, "idempotency_key_reused"));
        assert!(!other.replayed);
        // Another party's key of the same name is another key.
        let bank = world.party("bank").post(TARGET, "k-1", &body);
        assert_eq!((bank.status, bank.replayed), (201, false), "{}", bank.text());
        assert_eq!(available(world, &club.anna), "20");
    });
}

#[test]
fn a_refusal_is_final_for_its_key_and_leaves_the_reference_free() {
    both(|world| {
        let club = Club::new(world);
        let shop = world.party("shop");
        let burning = json!({"kind": "purchase", "ref": "R-2", "programme": "club",
            "member": club.anna, "amount": "20.00", "burn": "10"});
        let first = shop.post(TARGET, "k-1", &burning);
        assert_eq!((first.status, code_of(&first).as_str()), (422, "insufficient_points"));
        world.accept("shop", &purchase("R-1", &club.anna, "100.00"));
        let again = shop.post(TARGET, "k-1", &burning);
        assert_eq!((again.status, again.replayed, &again.body), (422, true, &first.body));
        let anew = shop.post(TARGET, "k-2", &burning);
        assert_eq!((anew.status, anew.replayed), (201, false), "{}", anew.text());
    });
}

#[test]
fn a_reference_under_two_keys_is_refused_with_the_first_transaction() {
    both(|world| {
        let club = Club::new(world);
        let bank = world.party("bank");
        let body = json!({"kind": "card_payment", "ref": "RRN-1", "card_token": "par-anna-1",
            "amount": "100.00"});
        let first = bank.post(TARGET, "file-1", &body);
        let second = bank.post(TARGET, "file-2", &body);
        assert_eq!((second.status, code_of(&second).as_str()), (409, "duplicate_reference"));
        let (first, second): (Value, Value) =
            (first.json().expect("it is JSON"), second.json().expect("it is JSON"));
        assert_eq!(second["transaction"], first["id"]);
        // References are unique per kind and party: the same text may name something else.
        world.accept("bank", &purchase("RRN-1", &club.anna, "100.00"));
        world.accept("shop", &purchase("RRN-1", &club.anna, "100.00"));
        assert_eq!(available(world, &club.anna), "30");
    });
}

#[test]
fn a_line_is_the_same_alone_and_in_a_bulk_call() {
    both(|world| {
        let club = Club::new(world);
        let shop = world.party("shop");
        let body = purchase("R-1", &club.anna, "100.00");
        let other = purchase("R-1", &club.anna, "200.00");
        let lines = [with_key("k-1", &body), with_key("k-1", &body), with_key("k-1", &other)];
        let answers = shop.lines("/v1/transactions:batch", &lines);
        let seen: Vec<_> =
            answers.iter().map(|one| (one["status"].clone(), one["replayed"].clone())).collect();
        assert_eq!(
            seen,
            [(json!(201), json!(false)), (json!(201), json!(true)), (json!(422), json!(false))]
        );
        assert_eq!(answers[0]["transaction"], answers[1]["transaction"]);
        assert_eq!(answers[2]["problem"]["code"], "idempotency_key_reused");
        let alone = shop.post(TARGET, "k-1", &body);
        assert!(alone.replayed);
        assert_eq!(alone.json::<Value>().expect("it is JSON"), answers[0]["transaction"]);
        assert_eq!(available(world, &club.anna), "10");
    });
}

#[test]
fn a_bad_line_holds_up_no_other_and_answers_come_in_order() {
    both(|world| {
        let club = Club::new(world);
        let shop = world.party("shop");
        let lines = [
            with_key("k-1", &purchase("R-1", &club.anna, "100.00")),
            purchase("R-2", &club.anna, "100.00"),
            with_key("k-3", &json!({"kind": "purchase", "ref": "R-3"})),
            with_key(
                "k-4",
                &json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "50.00"}),
            ),
            with_key("k-5", &purchase("R-1", &club.anna, "100.00")),
        ];
        let answers = shop.lines("/v1/transactions:batch", &lines);
        let statuses: Vec<_> = answers.iter().map(|one| one["status"].clone()).collect();
        assert_eq!(statuses, [201, 400, 400, 201, 409]);
        let keys: Vec<_> = answers.iter().map(|one| one["idempotency_key"].clone()).collect();
        assert_eq!(keys, [json!("k-1"), json!(null), json!("k-3"), json!("k-4"), json!("k-5")]);
        assert_eq!(answers[4]["problem"]["transaction"], answers[0]["transaction"]["id"]);
        assert_eq!(available(world, &club.anna), "5");
    });
}

#[test]
fn members_are_made_once_too() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop");
        let body = json!({"external_ids": ["17850"]});
        let first = shop.post("/v1/members", "m-1", &body);
        let again = shop.post("/v1/members", "m-1", &body);
        assert_eq!((again.status, again.replayed, &again.body), (201, true, &first.body));
        let other = shop.post("/v1/members", "m-1", &json!({"external_ids": ["17851"]}));
        assert_eq!(code_of(&other), "idempotency_key_reused");
        let taken = shop.post("/v1/members", "m-2", &body);
        assert_eq!(code_of(&taken), "identifier_taken");
        let lines = [
            json!({"idempotency_key": "m-1", "external_ids": ["17850"]}),
            json!({"idempotency_key": "m-3", "external_ids": ["17852"]}),
            json!({"idempotency_key": "m-4", "external_ids": ["17852"]}),
        ];
        let answers = shop.lines("/v1/members:batch", &lines);
        let statuses: Vec<_> = answers.iter().map(|one| one["status"].clone()).collect();
        assert_eq!(statuses, [201, 201, 409]);
        assert_eq!(answers[0]["replayed"], true);
    });
}

#[test]
fn a_key_that_races_across_members_and_shards_is_posted_once() {
    both_with(&Setup::default().with_shards(4), |world| {
        Club::new(world);
        let members: Vec<String> = (0..8)
            .map(|number| world.add_member(&json!({"phone": format!("+7916000100{number}")})))
            .collect();
        for round in 0..6 {
            let key = format!("race-{round}");
            let answers: Vec<_> = thread::scope(|scope| {
                let post = |(place, member): (usize, &String)| {
                    let (shop, key) = (world.party("shop").clone(), key.clone());
                    let body = purchase(&format!("R-{round}-{place}"), member, "10.00");
                    scope.spawn(move || shop.post(TARGET, &key, &body))
                };
                let running: Vec<_> = members.iter().enumerate().map(post).collect();
                running.into_iter().map(|one| one.join().expect("it was answered")).collect()
            });
            let posted = answers.iter().filter(|one| one.status == 201).count();
            assert_eq!(posted, 1, "one of them came first");
            let refused = answers.iter().filter(|one| one.status != 201);
            let codes: BTreeSet<String> = refused.map(code_of).collect();
            let known = ["idempotency_key_reused", "still_running"].map(str::to_owned);
            assert!(codes.is_subset(&BTreeSet::from(known)), "{codes:?}");
        }
        let points: i64 = members
            .iter()
            .map(|member| {
                let balance = world.balance(member, "club");
                balance["available"].as_str().map_or(0, |text| text.parse().unwrap_or(0))
            })
            .sum();
        assert_eq!(points, 6, "a point for each round");
    });
}

#[test]
fn the_same_request_from_many_threads_is_posted_once() {
    both_with(&Setup::default().with_shards(4), |world| {
        let club = Club::new(world);
        let body = purchase("R-1", &club.anna, "100.00");
        let answers: Vec<_> = thread::scope(|scope| {
            let post = |_| {
                let (shop, body) = (world.party("shop").clone(), body.clone());
                scope.spawn(move || shop.post(TARGET, "k-1", &body))
            };
            let running: Vec<_> = (0..8).map(post).collect();
            running.into_iter().map(|one| one.join().expect("it was answered")).collect()
        });
        let accepted: Vec<_> = answers.iter().filter(|one| one.status == 201).collect();
        assert!(accepted.iter().all(|one| one.body == accepted[0].body));
        assert_eq!(accepted.iter().filter(|one| !one.replayed).count(), 1);
        assert_eq!(available(world, &club.anna), "10");
    });
}

#[test]
fn answers_outlive_the_server() {
    both(|world| {
        let club = Club::new(world);
        let body = purchase("R-1", &club.anna, "100.00");
        let refused = purchase("R-9", "external:nobody", "100.00");
        let before = [
            world.party("shop").post(TARGET, "k-1", &body),
            world.party("shop").post(TARGET, "k-2", &refused),
            world.operator.post("/v1/parties", "k-3", &json!({"id": "new", "kind": "retailer"})),
        ];
        world.restart();
        world.move_to("2025-06-01T00:00:00Z");
        let after = [
            world.party("shop").post(TARGET, "k-1", &body),
            world.party("shop").post(TARGET, "k-2", &refused),
            world.operator.post("/v1/parties", "k-3", &json!({"id": "new", "kind": "retailer"})),
        ];
        for (before, after) in before.iter().zip(&after) {
            assert!(!before.replayed && after.replayed, "{}", after.text());
            assert_eq!((before.status, &before.body), (after.status, &after.body));
        }
    });
}
