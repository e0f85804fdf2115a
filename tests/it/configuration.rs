//! The configuration: documents count from their instant on, and contradictions are refused.

use coalition_partner::Outgoing;
use serde_json::{Value, json};

use crate::support::{Club, World, both, code_of, purchase};

fn programme(change: &[(&str, Value)]) -> Value {
    let mut document = json!({
        "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
        "burn": {"max_share": "0.50"}
    });
    for (field, value) in change {
        document[*field] = value.clone();
    }
    document
}

fn earned(world: &World, reference: &str, member: &str) -> String {
    let posted = world.accept("shop", &purchase(reference, member, "100.00"));
    posted["earned"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_document_counts_from_its_instant_on() {
    both(|world| {
        let club = Club::new(world);
        let later = programme(&[
            ("earn", json!({"rate": "0.20"})),
            ("effective_at", json!("2025-03-04T00:00:00+03:00")),
        ]);
        let told = world.put("/v1/programmes/club", &later);
        assert_eq!(told["effective_at"], "2025-03-03T21:00:00Z");
        assert_eq!(earned(world, "R-1", &club.anna), "10");
        world.move_to("2025-03-03T20:59:59Z");
        assert_eq!(earned(world, "R-2", &club.anna), "10");
        let rate = |world: &World| -> Value {
            let list: Value = world.operator.get("/v1/programmes").json().expect("it is JSON");
            list["data"][0]["earn"]["rate"].clone()
        };
        assert_eq!(rate(world), "0.1");
        world.move_to("2025-03-03T21:00:00Z");
        assert_eq!(earned(world, "R-3", &club.anna), "20");
        assert_eq!(rate(world), "0.2");
        // A refund of an older receipt knows its own rate.
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "100.00"});
        assert_eq!(world.accept("shop", &refund)["clawed_back"], "10");
        // An instant that is past means from now on: nothing is decided anew.
        let past = programme(&[("effective_at", json!("2025-01-01T00:00:00Z"))]);
        assert_eq!(world.put("/v1/programmes/club", &past)["effective_at"], "2025-03-03T21:00:00Z");
        assert_eq!(earned(world, "R-4", &club.anna), "10");
    });
}

#[test]
fn a_restart_changes_nothing_that_counts() {
    both(|world| {
        let club = Club::new(world);
        let later = programme(&[
            ("earn", json!({"rate": "0.30"})),
            ("effective_at", json!("2025-03-05T00:00:00Z")),
        ]);
        world.put("/v1/programmes/club", &later);
        let before = world.operator.get("/v1/agreements").body;
        world.restart();
        assert_eq!(world.operator.get("/v1/agreements").body, before);
        assert_eq!(earned(world, "R-1", &club.anna), "10");
        world.move_to("2025-03-05T00:00:00Z");
        assert_eq!(earned(world, "R-2", &club.anna), "30");
    });
}

#[test]
fn what_was_put_twice_has_one_version_under_one_key() {
    both(|world| {
        Club::new(world);
        let operator = &world.operator;
        let put = |key: &str, rate: &str| {
            let document = programme(&[("earn", json!({"rate": rate}))]);
            operator.put("/v1/programmes/club", key, &document)
        };
        let (first, again) = (put("p-1", "0.20"), put("p-1", "0.20"));
        assert_eq!((again.status, again.replayed, &again.body), (200, true, &first.body));
        let other = put("p-1", "0.30");
        assert_eq!((other.status, code_of(&other).as_str()), (422, "idempotency_key_reused"));
        let document = programme(&[]).to_string();
        let keyless = operator.send(&Outgoing {
            method: "PUT",
            idempotency_key: None,
            ..Outgoing::post("/v1/programmes/club", "", document.as_bytes())
        });
        assert_eq!(keyless.status, 200, "{}", keyless.text());
    });
}

#[test]
fn what_contradicts_what_is_there_is_refused() {
    both(|world| {
        Club::new(world);
        world.add_party("other", "brand");
        let wrong = [
            programme(&[("brand", json!("other"))]),
            programme(&[("brand", json!("nobody"))]),
            programme(&[("unit", json!({"name": "point", "scale": 2}))]),
            programme(&[("id", json!("clubs"))]),
            programme(&[("point_value", json!("0"))]),
            programme(&[("timezone", json!("Europe/Nowhere"))]),
            programme(&[("colour", json!("red"))]),
            programme(&[("expire", json!({"months": 1, "days": 1}))]),
            programme(&[("burn", json!({"max_share": "1.5"}))]),
            programme(&[("earn", json!({"rate": "0.1", "step": {"points": 1, "per": "1"}}))]),
        ];
        for document in wrong {
            let answer = world.operator.put("/v1/programmes/club", &world.new_key(), &document);
            let told = (answer.status, code_of(&answer));
            assert_eq!(told, (400, "invalid_request".to_owned()), "{document}");
        }
        let kinds =
            [json!({"id": "shop", "kind": "bank"}), json!({"id": "o2", "kind": "operator"})];
        for body in kinds {
            let answer = world.operator.post("/v1/parties", &world.new_key(), &body);
            assert_eq!(answer.status, 400, "{body}: {}", answer.text());
        }
        let renamed = json!({"id": "shop", "kind": "retailer", "name": "The shop"});
        assert_eq!(world.operator.post("/v1/parties", &world.new_key(), &renamed).status, 201);
        let list = world.operator.get("/v1/parties").text();
        assert!(list.contains("The shop") && list.contains("clearing"), "{list}");
    });
}

#[test]
fn the_clock_is_moved_only_forward_and_only_where_it_is_a_test_clock() {
    both(|world| {
        world.move_to("2025-03-05T00:00:00Z");
        let back = json!({"now": "2025-03-04T00:00:00Z"});
        let answer = world.operator.post("/v1/test-clock", "back", &back);
        assert!(answer.text().contains("2025-03-05T00:00:00Z"), "{}", answer.text());
    });
    let setup = crate::support::Setup {
        runs: crate::support::Runs::System,
        ..crate::support::Setup::default()
    };
    crate::support::both_with(&setup, |world| {
        let body = json!({"now": "2035-03-04T00:00:00Z"});
        let answer = world.operator.post("/v1/test-clock", "on", &body);
        assert_eq!((answer.status, code_of(&answer).as_str()), (403, "test_clock_off"));
        // On the system's clock everything else works as on any.
        let club = Club::new(world);
        assert_eq!(earned(world, "R-1", &club.anna), "10");
    });
}
