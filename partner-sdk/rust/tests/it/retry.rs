//! How requests are repeated, against a server that does what a script says.

use crate::stub::{Step, client, serve};
use coalition_partner::{Error, Problem, Purchase, RefusalCode, Transaction};

const RECORDED: &str = r#"{"id":"tx_0_1","kind":"purchase","ref":"R-1","earned":"599"}"#;

fn purchase() -> Transaction {
    Transaction::from(Purchase { reference: "R-1".to_owned(), ..Purchase::default() })
}

fn problem(status: u16, code: &str) -> String {
    format!(r#"{{"status":{status},"code":"{code}","title":"t","detail":"d"}}"#)
}

fn refused(error: &Error) -> &Problem {
    match error {
        Error::Refused(problem) => problem,
        other => panic!("not a refusal: {other}"),
    }
}

#[test]
fn a_repeated_request_has_the_same_key_and_another_nonce() {
    let (url, arrived) = serve(vec![
        Step::HangUp,
        Step::Answer("503 Busy", &["Retry-After: 0"], problem(503, "overloaded")),
        Step::Answer("201 Created", &["X-Request-Id: r-9"], RECORDED.to_owned()),
    ]);
    let recorded = client(&url, 8).transaction(&purchase(), "key-1").expect("it is recorded");
    assert_eq!(recorded.value.earned.as_deref(), Some("599"));
    assert_eq!((recorded.answer.status, recorded.answer.replayed), (201, false));
    assert_eq!(recorded.answer.request_id.as_deref(), Some("r-9"));

    let arrived: Vec<_> = arrived.iter().take(3).collect();
    assert!(arrived.iter().all(|request| request.header("idempotency-key") == Some("key-1")));
    assert!(arrived.iter().all(|request| request.body == arrived[0].body));
    assert_ne!(arrived[0].nonce(), arrived[1].nonce());
    assert_ne!(arrived[1].nonce(), arrived[2].nonce());
    assert_ne!(arrived[1].header("signature"), arrived[2].header("signature"));
}

#[test]
fn a_replay_is_told_apart() {
    let headers = &["Idempotent-Replayed: true"];
    let (url, _arrived) = serve(vec![Step::Answer("201 Created", headers, RECORDED.to_owned())]);
    let recorded = client(&url, 1).transaction(&purchase(), "key-1").expect("it is recorded");
    assert!(recorded.answer.replayed);
}

#[test]
fn an_expired_signature_is_not_repeated() {
    let expired = Step::Answer("401 Unauthorized", &[], problem(401, "signature_expired"));
    let (url, arrived) = serve(vec![expired, Step::HangUp]);
    let error = client(&url, 8).transaction(&purchase(), "key-1").expect_err("it is refused");
    assert_eq!(refused(&error).code, RefusalCode::SignatureExpired);
    assert_eq!(arrived.try_iter().count(), 1);
}

#[test]
fn a_conflict_is_repeated_only_while_the_first_attempt_runs() {
    let (url, arrived) = serve(vec![
        Step::Answer("409 Conflict", &["Retry-After: 1"], problem(409, "still_running")),
        Step::Answer("409 Conflict", &[], problem(409, "duplicate_reference")),
        Step::HangUp,
    ]);
    let error = client(&url, 8).transaction(&purchase(), "key-1").expect_err("it is refused");
    assert_eq!(refused(&error).code, RefusalCode::DuplicateReference);
    assert_eq!(arrived.try_iter().count(), 2);
}

#[test]
fn attempts_are_bounded_and_the_last_answer_counts() {
    let busy = || Step::Answer("429 Slow Down", &[], problem(429, "rate_limited"));
    let (url, arrived) = serve(vec![busy(), busy(), busy(), busy()]);
    let error = client(&url, 3).transaction(&purchase(), "key-1").expect_err("it is refused");
    assert_eq!(refused(&error).code, RefusalCode::RateLimited);
    assert_eq!(arrived.try_iter().count(), 3);
}

#[test]
fn a_server_that_never_answers_is_unreachable() {
    let (url, _arrived) = serve(vec![Step::HangUp, Step::HangUp]);
    let error = client(&url, 2).get("/v1/x").expect_err("there is no answer");
    assert!(matches!(error, Error::Unreachable { attempts: 2, .. }), "{error}");
}

#[test]
fn an_answer_that_breaks_off_counts_as_none() {
    let (url, arrived) = serve(vec![
        Step::BreakOff("{\"id\":".to_owned()),
        Step::Answer("200 OK", &[], "{}".to_owned()),
    ]);
    assert_eq!(client(&url, 2).get("/v1/x").expect("the second answer is whole").text(), "{}");
    assert_eq!(arrived.iter().take(2).count(), 2);
}

#[test]
fn connections_are_kept_and_members_are_percent_encoded() {
    let balances = r#"{"member":"m_1","as_of":"2024-07-10T08:00:00Z","balances":[]}"#;
    let answer = || Step::Answer("200 OK", &[], balances.to_owned());
    let (url, arrived) = serve(vec![answer(), answer()]);
    let client = client(&url, 1);
    for _ in 0..2 {
        let answered = client.balances("phone:+7916", Some("club")).expect("it is answered");
        assert_eq!(answered.value.member, "m_1");
    }
    let arrived: Vec<_> = arrived.iter().take(2).collect();
    assert_eq!(arrived[0].target, "GET /v1/members/phone%3A%2B7916/balances?programme=club");
    assert_eq!(arrived[0].header("idempotency-key"), None);
    assert_eq!((arrived[0].connection, arrived[1].connection), (0, 0));
}
