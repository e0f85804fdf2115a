//! Requests that don't follow the document are refused, and the answer says where and why.

use coalition_partner::Outgoing;
use serde_json::{Value, json};

use crate::support::{Club, both, code_of, purchase};

/// A body, and the places of it that are wrong.
fn wrong_transactions(member: &str) -> Vec<(Value, &'static str)> {
    let with = |field: &str, value: Value| {
        let mut body = purchase("R-1", member, "10.00");
        body[field] = value;
        body
    };
    vec![
        (with("colour", json!("red")), "/colour"),
        (with("kind", json!("gift")), "/kind"),
        (with("amount", json!(10)), "/amount"),
        (with("amount", json!("10.001")), "/amount"),
        (with("amount", json!("-10.00")), "/amount"),
        (with("amount", json!("1e3")), "/amount"),
        (with("amount", json!("0.00")), "/amount"),
        (with("amount", json!("10000000000.01")), "/amount"),
        (with("burn", json!("1.5")), "/burn"),
        (with("burn", json!("some")), "/burn"),
        (with("currency", json!("USD")), "/currency"),
        (with("programme", json!("nowhere")), "/programme"),
        (with("at", json!("2025-03-03")), "/at"),
        (with("at", json!("2025-03-03T10:00:00Z")), "/at"),
        (with("member", json!("anna")), "/member"),
        (with("ref", json!("two words")), "/ref"),
        (
            json!({"kind": "refund", "ref": "B", "of": "R", "lines": [], "amount": "1.00"}),
            "/amount",
        ),
        (
            json!({"kind": "hold", "ref": "H", "programme": "club", "member": member, "points": "0"}),
            "/points",
        ),
    ]
}

#[test]
fn a_body_that_does_not_follow_the_document_is_refused_with_its_place() {
    both(|world| {
        let club = Club::new(world);
        let shop = world.party("shop");
        for (body, pointer) in wrong_transactions(&club.anna) {
            let answer = shop.post("/v1/transactions", &world.new_key(), &body);
            let told: Value = answer.json().expect("it is JSON");
            assert_eq!(
                (answer.status, code_of(&answer).as_str()),
                (400, "invalid_request"),
                "{body}"
            );
            assert_eq!(told["errors"][0]["pointer"], pointer, "{body}: {told}");
        }
        let mut deep = purchase("R-1", &club.anna, "10.00");
        deep["lines"] = json!([{"id": "a", "amount": "10.00", "weight": "1"}]);
        deep.as_object_mut().expect("it is an object").remove("amount");
        let answer = shop.post("/v1/transactions", "deep", &deep);
        let told: Value = answer.json().expect("it is JSON");
        let pointer = told["errors"][0]["pointer"].as_str().unwrap_or_default();
        assert!(pointer.starts_with("/lines/0"), "{told}");
        let both_ways = {
            let mut body = deep.clone();
            body["lines"] = json!([{"id": "a", "amount": "10.00"}]);
            body["amount"] = json!("10.00");
            body
        };
        assert_eq!(shop.post("/v1/transactions", "both", &both_ways).status, 400);
        assert_eq!(world.balance(&club.anna, "club")["available"], "0", "nothing was written");
    });
}

#[test]
fn bytes_that_are_no_json_object_are_refused() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop");
        for body in ["", "[]", "{", "null", "\u{0}", "{\"kind\":\"purchase\"} x"] {
            let answer = shop.send(&Outgoing::post("/v1/transactions", "k", body.as_bytes()));
            let told = (answer.status, code_of(&answer));
            assert_eq!(told, (400, "invalid_request".to_owned()), "{body:?}");
        }
    });
}

#[test]
fn wrong_parameters_and_documents_are_refused() {
    both(|world| {
        let club = Club::new(world);
        let operator = &world.operator;
        for target in [
            format!("/v1/members/{}/history?limit=0", club.anna),
            format!("/v1/members/{}/history?limit=100000", club.anna),
            format!("/v1/members/{}/history?cursor=nowhere", club.anna),
            format!("/v1/members/{}/balances?program=club", club.anna),
            "/v1/members/anna".to_owned(),
            "/v1/cycles/2025-02-30".to_owned(),
            "/v1/transactions?ref=R-1&party=shop".to_owned(),
            "/v1/transactions?kind=purchase&ref=R-1".to_owned(),
        ] {
            let answer = operator.get(&target);
            let told = (answer.status, code_of(&answer));
            assert_eq!(told, (400, "invalid_request".to_owned()), "{target}");
        }
        let agreement = |shares: Value| {
            json!({"programme": "club", "party": "shop",
                "earn": {"funding": shares, "price_per_point": "1.00"}})
        };
        let half = json!([{"party": "shop", "share": "0.5"}]);
        let nobody = json!([{"party": "nobody", "share": "1"}]);
        for body in [agreement(half), agreement(nobody), json!({"party": "bank"}), json!({"x": 1})]
        {
            let answer = operator.put("/v1/agreements/club/shop", &world.new_key(), &body);
            let told = (answer.status, code_of(&answer));
            assert_eq!(told, (400, "invalid_request".to_owned()), "{body}");
        }
    });
}
