//! The routes, the document and what the server answers are one and the same.

use std::collections::BTreeSet;

use coalition::http::ROUTES;
use coalition_partner::{Credentials, Outgoing};
use serde_json::Value;

use crate::contract::{self, DOCUMENT, TEXT, escaped};
use crate::support::{both, code_of};

/// A path of a template, with something plausible in the place of each name.
fn sample(template: &str) -> String {
    let parts = template.split('/').map(|part| match part {
        "{member}" => "external%3A1",
        "{cycle}" => "2025-01-01",
        "{code}" => "not_found",
        part if part.starts_with('{') => "some-id",
        part => part,
    });
    parts.collect::<Vec<_>>().join("/")
}

#[test]
fn the_route_table_and_the_document_name_the_same_operations() {
    let routes: BTreeSet<(String, String)> =
        ROUTES.iter().map(|&(method, path)| (method.to_owned(), path.to_owned())).collect();
    let documented: BTreeSet<(String, String)> = contract::operations().into_iter().collect();
    assert_eq!(routes.len(), ROUTES.len(), "a route stands once");
    let only_routed: Vec<_> = routes.difference(&documented).collect();
    let only_documented: Vec<_> = documented.difference(&routes).collect();
    assert!(only_routed.is_empty(), "not in the document: {only_routed:?}");
    assert!(only_documented.is_empty(), "not routed: {only_documented:?}");
}

#[test]
fn every_route_is_answered_and_asks_who_calls_where_the_document_says_so() {
    both(|world| {
        let nobody = world.calling(Credentials::Nobody);
        for (method, template) in contract::operations() {
            let target = sample(&template);
            let body = !["GET", "DELETE"].contains(&method.as_str());
            let body = body.then_some(b"{}".as_slice());
            let key = body.map(|_| "some-key");
            let is_bulk = template.ends_with(":batch");
            let content_type = if is_bulk { "application/x-ndjson" } else { "application/json" };
            let answer = nobody.send(&Outgoing {
                method: &method,
                idempotency_key: key,
                content_type,
                body,
                ..Outgoing::get(&target)
            });
            let operation = format!("/paths/{}/{}", escaped(&template), method.to_lowercase());
            let operation = DOCUMENT.pointer(&operation).expect("the operation is documented");
            let is_open = operation["security"].as_array().is_some_and(Vec::is_empty);
            // A phone that nobody knows has no passes that changed.
            let due = match (is_open, template.as_str()) {
                (true, "/wallet/v1/devices/{device}/registrations/{type}") => 204,
                (true, _) => 200,
                (false, _) => 401,
            };
            assert_eq!(answer.status, due, "{method} {target}: {}", answer.text());
        }
    });
}

#[test]
fn another_method_or_address_is_refused_with_a_problem() {
    both(|world| {
        let nobody = world.calling(Credentials::Nobody);
        let templates: BTreeSet<String> =
            contract::operations().into_iter().map(|(_, template)| template).collect();
        for template in templates {
            let target = sample(&template);
            let answer = nobody.send(&Outgoing { method: "TRACE", ..Outgoing::get(&target) });
            assert_eq!((answer.status, code_of(&answer).as_str()), (405, "method_not_allowed"));
        }
        for target in ["/v2/transactions", "/v1", "/v1/transactions/tx_0_1/postings", "/admin"] {
            let answer = nobody.get(target);
            assert_eq!((answer.status, code_of(&answer).as_str()), (404, "not_found"), "{target}");
        }
    });
}

#[test]
fn the_server_shows_its_document_and_is_ready() {
    both(|world| {
        let nobody = world.calling(Credentials::Nobody);
        assert_eq!(nobody.get("/openapi.yaml").text(), TEXT);
        assert_eq!(nobody.get("/livez").text(), "ok\n");
        let ready = nobody.get("/readyz");
        assert_eq!((ready.status, ready.text().as_str()), (200, "ready\n"));
        for page in ["/", "/docs", "/problems/burn_limit_exceeded"] {
            let text = nobody.get(page).text();
            assert!(text.contains("burn_limit_exceeded") && !text.contains("<script"), "{page}");
        }
        let figures = nobody.get("/metrics").text();
        assert!(figures.contains("http_server_request_duration_seconds"), "{figures}");
    });
}

#[test]
fn every_example_of_the_document_is_valid() {
    let mut checked = 0;
    for (method, template) in contract::operations() {
        let operation = format!("/paths/{}/{}", escaped(&template), method.to_lowercase());
        checked += check_examples(&format!("{operation}/requestBody"));
        let responses = DOCUMENT.pointer(&format!("{operation}/responses"));
        for status in responses.and_then(Value::as_object).expect("there are responses").keys() {
            checked += check_examples(&format!("{operation}/responses/{status}"));
        }
    }
    assert!(checked > 300, "{checked} examples were checked");
}

/// Checks the examples of a request or response; how many there were.
fn check_examples(place: &str) -> usize {
    let Some(place) = contract::followed(place) else { return 0 };
    let mut checked = 0;
    for media_type in ["application/json", "application/problem+json"] {
        let content = format!("{place}/content/{}", escaped(media_type));
        let examples = DOCUMENT.pointer(&format!("{content}/examples"));
        let Some(examples) = examples.and_then(Value::as_object) else { continue };
        for name in examples.keys() {
            let example = contract::followed(&format!("{content}/examples/{}", escaped(name)));
            let value = example.and_then(|example| DOCUMENT.pointer(&format!("{example}/value")));
            let value = value.unwrap_or_else(|| panic!("{content}: {name} has no value"));
            if let Err(reason) = contract::is_valid_value(&format!("{content}/schema"), value) {
                panic!("example {name}: {reason}");
            }
            checked += 1;
        }
    }
    checked
}
