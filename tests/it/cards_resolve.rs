//! What tills are told of cards that they scan, by number and by rotating code.

use coalition_partner::{Answer, Client, Credentials, ResolveRequest};
use serde_json::{Value, json};

use crate::cards_world::{club, grant, issue, refusal, step};
use crate::support::{World, both, text};

fn resolve(world: &World, party: &str, body: &Value) -> Answer {
    world.party(party).post("/v1/cards/resolve", &world.new_key(), body)
}

fn resolved(world: &World, body: &Value) -> Value {
    let answer = resolve(world, "shop", body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

#[test]
fn a_till_gets_all_that_it_needs_in_one_call() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        grant(world, &anna, "100", "2025-12-31");
        let told = resolved(world, &json!({"card": number, "amount": "150.00"}));
        assert_eq!(told["member"], json!(anna));
        assert_eq!((&told["warnings"], &told["verified"]), (&json!([]), &json!(false)));
        assert_eq!(told["balance"]["available"], "100");
        let quote = world.party("shop").post(
            "/v1/quotes",
            &world.new_key(),
            &json!({"programme": "club", "member": format!("loyalty:{number}"), "amount": "150.00"}),
        );
        let quote: Value = quote.json().expect("it is JSON");
        for field in ["max_burn", "max_burn_value", "to_pay_at_least", "would_earn"] {
            assert_eq!(told["quote"][field], quote[field], "{field}");
        }
        let bare = resolved(world, &json!({"card": number}));
        assert_eq!(bare.get("quote"), None);
        let lines = json!([{"id": "1", "amount": "30.00"}, {"id": "2", "amount": "20.00"}]);
        let told = resolved(world, &json!({"card": number, "lines": lines}));
        assert_eq!(told["quote"]["max_burn"], "25");

        let Credentials::Signature(key) = world.party("shop").credentials().clone() else {
            unreachable!("a party signs")
        };
        let client = Client::new(&world.url(), key).expect("the address is one");
        let request =
            ResolveRequest { card: number, amount: Some("150.00".into()), ..Default::default() };
        let told = client.resolve(&request, "sdk-1").expect("it is answered").value;
        assert_eq!(told.quote.map(|quote| quote.max_burn).as_deref(), Some("75"));
    });
}

#[test]
fn who_sees_nothing_of_the_programme_is_told_nothing() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        world.add_party("stranger", "retailer");
        let unknown = (404, "unknown_card".to_owned());
        let of_stranger = resolve(world, "stranger", &json!({"card": number}));
        assert_eq!(refusal(&of_stranger), unknown);
        let of_nobody = resolve(world, "shop", &json!({"card": "9643000000000004"}));
        assert_eq!(refusal(&of_nobody), unknown);
        for body in [
            json!({"card": "9643000000000005"}),
            json!({"card": "v1.9643000000000004.1"}),
            json!({"card": number, "till": "3"}),
            json!({"card": number, "amount": "0.001"}),
            json!({"card": number, "amount": "1.00", "lines": []}),
            json!({"card": number, "programme": "nothing"}),
        ] {
            let answer = resolve(world, "shop", &body);
            assert_eq!(refusal(&answer), (400, "invalid_request".to_owned()), "{body}");
        }
    });
}

#[test]
fn a_card_that_is_not_in_use_is_found_with_a_warning_and_pays_nothing() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        grant(world, &anna, "100", "2025-12-31");
        let body = json!({"card": number, "amount": "150.00"});
        for (name, warning) in [("freeze", "card_frozen"), ("replace", "card_replaced")] {
            let after = step(world, "wallet", &number, name);
            let told = resolved(world, &body);
            assert_eq!(told["warnings"], json!([warning]));
            assert_eq!((&told["member"], &told["quote"]["max_burn"]), (&json!(anna), &json!("0")));
            assert_eq!(told["quote"]["would_earn"], "15");
            if name == "replace" {
                let new = text(&after.json().expect("it is JSON"), "number");
                assert_eq!(told["card"]["successor"], json!({"state": "active"}));
                assert!(!told.to_string().contains(&new), "the new number is not told");
                assert_eq!(step(world, "wallet", &new, "close").status, 200);
                let told = resolved(world, &json!({"card": new}));
                assert_eq!(told["warnings"], json!(["card_closed"]));
            }
        }
    });
}

/// The code that a card shows now.
fn shown(world: &World, number: &str) -> String {
    let answer = world.party("wallet").get(&format!("/v1/cards/{number}/rotating"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    text(&answer.json().expect("it is JSON"), "text")
}

#[test]
fn a_rotating_code_is_taken_once_and_a_screenshot_is_worthless_after_a_minute() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club", "rotating": true})).anna;
        let number = issue(world, "wallet", &anna);
        grant(world, &anna, "100", "2025-12-31");
        let refused = (422, "code_refused".to_owned());
        // The bare number still says who it is, and pays nothing.
        let bare = resolved(world, &json!({"card": number, "amount": "150.00"}));
        assert_eq!(bare["warnings"], json!(["code_expected"]));
        assert_eq!(bare["quote"]["max_burn"], "0");

        let code = json!({"card": shown(world, &number), "amount": "150.00"});
        let first = world.party("shop").post("/v1/cards/resolve", "till-1", &code);
        assert_eq!(first.status, 200, "{}", first.text());
        let told: Value = first.json().expect("it is JSON");
        assert_eq!((&told["verified"], &told["quote"]["max_burn"]), (&json!(true), &json!("75")));
        let retried = world.party("shop").post("/v1/cards/resolve", "till-1", &code);
        assert_eq!((retried.status, retried.replayed, retried.body), (200, true, first.body));
        assert_eq!(refusal(&resolve(world, "shop", &code)), refused, "another till, the same code");

        let screenshot = shown(world, &number);
        assert_eq!(json!(screenshot), code["card"], "the clock stands");
        world.move_to("2025-03-03T09:00:30Z");
        let next = json!({"card": shown(world, &number)});
        world.move_to("2025-03-03T09:00:59Z");
        assert_eq!(resolve(world, "shop", &next).status, 200, "half a minute late");
        world.move_to("2025-03-03T09:01:00Z");
        let late = json!({"card": shown(world, &number)});
        world.move_to("2025-03-03T09:02:00Z");
        assert_eq!(refusal(&resolve(world, "shop", &late)), refused);
    });
}

#[test]
fn two_tills_side_by_side_take_a_code_once() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club", "rotating": true})).anna;
        let number = issue(world, "wallet", &anna);
        let body = json!({"card": shown(world, &number)});
        let world = &*world;
        let taken = std::thread::scope(|scope| {
            let tills: Vec<_> =
                (0..6).map(|_| scope.spawn(|| resolve(world, "shop", &body).status)).collect();
            let statuses = tills.into_iter().map(|one| one.join().expect("it answers"));
            statuses.filter(|status| *status == 200).count()
        });
        assert_eq!(taken, 1);
    });
}

#[test]
fn wrong_codes_are_counted_and_lock_the_codes_of_the_card_for_a_while() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club", "rotating": true})).anna;
        let number = issue(world, "wallet", &anna);
        let wrong = json!({"card": format!("v1.{number}.00000000")});
        for _ in 0..10 {
            assert_eq!(refusal(&resolve(world, "shop", &wrong)), (422, "code_refused".to_owned()));
        }
        let right = json!({"card": shown(world, &number)});
        assert_eq!(refusal(&resolve(world, "shop", &right)), (422, "card_code_locked".to_owned()));
        assert_eq!(resolve(world, "shop", &json!({"card": number})).status, 200);
        world.move_to("2025-03-03T09:10:00Z");
        let right = json!({"card": shown(world, &number)});
        assert_eq!(resolve(world, "shop", &right).status, 200);
        // The key is the wallet's own.
        for party in ["other", "brand"] {
            let answer = world.party(party).get(&format!("/v1/cards/{number}/rotating"));
            assert_eq!(refusal(&answer), (404, "unknown_card".to_owned()), "{party}");
        }
    });
}
