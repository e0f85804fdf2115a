//! Who may: a row for each route, or several where what is sent decides.

use crate::access_people::{rows_of_campaigns, rows_of_events, rows_of_offers, rows_of_people};

/// A route: where it is asked, with the ids of one party, and what is sent.
pub struct Row {
    pub method: &'static str,
    pub template: &'static str,
    /// `{p}` is the party, `{c}` its programme, `{tx}` its transaction, `{key}` one of its keys,
    /// `{member}` its member: by its own name of it, or by id where the operator's people ask.
    /// `{run}` is its reconciliation, `{dispute}` its dispute, `{item}` an open item.
    pub target: &'static str,
    pub body: &'static str,
    /// Who may: nobody, the party itself, the other party, an auditor, finance, the operator; none:
    /// there is nothing there, and no more is said.
    pub may: [Option<bool>; 6],
}

/// A row, from `y` and `-` for who may, and `*` where there is nothing.
pub fn row(route: &'static str, target: &'static str, body: &'static str, may: &str) -> Row {
    let (method, template) = route.split_once(' ').expect("a method and a template");
    let target = if target.is_empty() { template } else { target };
    let mut all = [None; 6];
    for (one, letter) in all.iter_mut().zip(may.chars()) {
        *one = Some(letter == 'y').filter(|_| letter != '*');
    }
    Row { method, template, target, body, may: all }
}

pub const EMPTY: &str = "{}";
const RECEIPT: &str = r#"{"kind":"refund","ref":"X-{p}","of":"R-{p}","amount":"1.00"}"#;
const BATCH: &str =
    r#"{"idempotency_key":"k-{tx}","kind":"refund","ref":"Y-{p}","of":"R-{p}","amount":"1.00"}"#;
const RECEIPTS: &str = r#"{"transactions":["{tx}"],"party":"{p}"}"#;
const WHY: &str = r#"{"why":"looked"}"#;
const EXPLAINED: &str = r#"{"resolution":"explained","why":"looked"}"#;
const ADJUSTED: &str = r#"{"resolution":"adjusted","why":"looked"}"#;
const SHOWN: &str = r#"{"text":"a price list"}"#;
const AMOUNT: &str = r#"{"amount":"5.00"}"#;
const OTHER_AMOUNT: &str = r#"{"amount":"6.00"}"#;
const OTHERS_RUN: &str = r#"{"party":"{p}","cycle":"2025-03-03"}"#;
const OTHERS_DISPUTE: &str = r#"{"party":"{p}","cycle":"2025-03-03","kind":"fraud",
    "own_lines":["R-2"],"amount":"1.00","why":"looked"}"#;
const QUOTE: &str = r#"{"programme":"{c}","member":"{member-plain}","amount":"10.00"}"#;

fn open_rows() -> Vec<Row> {
    vec![
        row("GET /livez", "", "", "yyyyyy"),
        row("GET /readyz", "", "", "yyyyyy"),
        row("GET /metrics", "", "", "yyyyyy"),
        row("GET /openapi.yaml", "", "", "yyyyyy"),
        row("GET /docs", "", "", "yyyyyy"),
        row("GET /problems/{code}", "/problems/not_found", "", "yyyyyy"),
        row("GET /", "", "", "yyyyyy"),
    ]
}

fn rows_of_parties() -> Vec<Row> {
    let by_reference = "/v1/transactions?kind=purchase&ref=R-{p}&party={p}";
    let statement = "/v1/statements/2025-03-03/{p}";
    vec![
        row("POST /v1/transactions", "", RECEIPT, "-y----"),
        row("GET /v1/transactions", by_reference, "", "-y-yyy"),
        row("GET /v1/transactions/{id}", "/v1/transactions/{tx}", "", "-y-yyy"),
        row(
            "GET /v1/transactions/{id}/receipt",
            "/v1/transactions/{tx}/receipt?party={p}",
            "",
            "-y-yyy",
        ),
        row("POST /v1/receipts", "", RECEIPTS, "-y-yyy"),
        row("POST /v1/transactions:batch", "", BATCH, "-y----"),
        row("POST /v1/quotes", "", QUOTE, "-y----"),
        row("POST /v1/members", "", EMPTY, "-yy--y"),
        row("POST /v1/members:batch", "", r#"{"idempotency_key":"m"}"#, "-yy---"),
        row("GET /v1/members/{member}", "", "", "-y-yyy"),
        row("POST /v1/members/{member}/card-tokens", "", r#"{"card_token":"t-{p}"}"#, "-y----"),
        row("GET /v1/members/{member}/balances", "", "", "-y-yyy"),
        row("GET /v1/members/{member}/history", "", "", "-y-yyy"),
        row("GET /v1/schedules", "", "", "-yyyyy"),
        row("GET /v1/vat-rates", "", "", "-yyyyy"),
        row("GET /v1/cycles/{cycle}", "/v1/cycles/2025-03-03", "", "-yyyyy"),
        row("GET /v1/cycles", "", "", "-yyyyy"),
        row("GET /v1/statements", "/v1/statements?party={p}", "", "-y-yyy"),
        row("GET /v1/statements/{cycle}/{party}", statement, "", "-y-yyy"),
        row(
            "GET /v1/statements/{cycle}/{party}/proofs",
            "/v1/statements/2025-03-03/{p}/proofs",
            "",
            "-y-yyy",
        ),
        row(
            "GET /v1/statements/{cycle}/{party}/signature",
            "/v1/statements/2025-03-03/{p}/signature?format=csv",
            "",
            "-y-yyy",
        ),
        row(
            "POST /v1/statements/{cycle}/{party}/acknowledge",
            "/v1/statements/2025-03-03/{p}/acknowledge",
            EMPTY,
            "-y--yy",
        ),
        row("GET /v1/log-key", "", "", "-yyyyy"),
    ]
}

fn rows_of_the_operator() -> Vec<Row> {
    let keys = "/v1/parties/{p}/keys";
    let cycle = |what: &'static str| match what {
        "close" => "/v1/cycles/2025-03-03/close",
        "publish" => "/v1/cycles/2025-03-03/publish",
        _ => "/v1/cycles/2025-03-03/acknowledge",
    };
    vec![
        row("POST /v1/parties", "", EMPTY, "-----y"),
        row("GET /v1/parties", "", "", "---yyy"),
        row("POST /v1/parties/{id}/keys", keys, EMPTY, "-----y"),
        row("GET /v1/parties/{id}/keys", keys, "", "---yyy"),
        row(
            "POST /v1/parties/{id}/keys/{key}/revoke",
            "/v1/parties/{p}/keys/{key}/revoke",
            EMPTY,
            "-----y",
        ),
        row("PUT /v1/programmes/{id}", "/v1/programmes/{c}", EMPTY, "-----y"),
        row("GET /v1/programmes", "", "", "---yyy"),
        row("POST /v1/programmes/{id}/mode", "/v1/programmes/{c}/mode", EMPTY, "-----y"),
        row("PUT /v1/agreements/{programme}/{party}", "/v1/agreements/{c}/{p}", EMPTY, "-----y"),
        row("GET /v1/agreements", "", "", "---yyy"),
        row("PUT /v1/exchanges/{from}/{to}", "/v1/exchanges/{c}/{c}", EMPTY, "-----y"),
        row("GET /v1/exchanges", "", "", "---yyy"),
        row("PUT /v1/schedules/{id}", "/v1/schedules/monthly", EMPTY, "-----y"),
        row("PUT /v1/vat-rates/{id}", "/v1/vat-rates/general", EMPTY, "-----y"),
        row("POST /v1/cycles/{cycle}/close", cycle("close"), EMPTY, "----yy"),
        row("POST /v1/cycles/{cycle}/publish", cycle("publish"), EMPTY, "----yy"),
        row("POST /v1/cycles/{cycle}/acknowledge", cycle("acknowledge"), EMPTY, "----yy"),
        row("POST /v1/test-clock", "", EMPTY, "-----y"),
    ]
}

/// Money in and out, and partners' own books. Each party has a run with a break, and a dispute.
fn rows_of_money_and_books() -> Vec<Row> {
    let mut all = vec![
        row("POST /v1/cycles/{cycle}/instruct", "/v1/cycles/2025-03-03/instruct", EMPTY, "----yy"),
        row("GET /v1/cycles/{cycle}/payments", "/v1/cycles/2025-03-03/payments", "", "-yyyyy"),
        row("POST /v1/bank-statements", "", EMPTY, "----yy"),
        row("GET /v1/open-items", "", "", "---yyy"),
        row("GET /v1/clearing-accounts", "", "", "---yyy"),
        row("GET /v1/reports/liability", "", "", "-yyyyy"),
        row("GET /v1/exports", "/v1/exports?format=hledger", "", "---yyy"),
        row("PUT /v1/parties/{id}/book-profile", "/v1/parties/{p}/book-profile", EMPTY, "-y--yy"),
        row("GET /v1/parties/{id}/book-profile", "/v1/parties/{p}/book-profile", "", "-y-yyy"),
        row("POST /v1/reconciliations", "", EMPTY, "-yy-yy"),
        row("POST /v1/reconciliations", "", OTHERS_RUN, "-y--yy"),
        row("GET /v1/reconciliations", "", "", "-yyyyy"),
        row("GET /v1/reconciliations", "/v1/reconciliations?party={p}", "", "-y-yyy"),
        row("POST /v1/disputes", "", EMPTY, "-yy-yy"),
        row("POST /v1/disputes", "", OTHERS_DISPUTE, "-y--yy"),
        row("GET /v1/disputes", "", "", "-yyyyy"),
        row("GET /v1/disputes", "/v1/disputes?party={p}", "", "-y-yyy"),
    ];
    all.extend(rows_of_what_was_found());
    all.extend(rows_of_disputes());
    all
}

/// Items, runs and their breaks that are there.
fn rows_of_what_was_found() -> Vec<Row> {
    let planted = [
        ("POST /v1/open-items/{id}/assign", "/v1/open-items/{item}/assign", EMPTY, "----yy"),
        ("POST /v1/open-items/{id}/return", "/v1/open-items/{item}/return", WHY, "----yy"),
        ("POST /v1/open-items/{id}/write-off", "/v1/open-items/{item}/write-off", WHY, "----yy"),
        ("GET /v1/reconciliations/{id}", "/v1/reconciliations/{run}", "", "-y-yyy"),
        (
            "PUT /v1/reconciliations/{id}/parts/{part}",
            "/v1/reconciliations/{run}/parts/1",
            "x",
            "-y--yy",
        ),
        (
            "POST /v1/reconciliations/{id}/run",
            "/v1/reconciliations/{run}/run",
            r#"{"sha256":"00"}"#,
            "-y--yy",
        ),
        ("GET /v1/reconciliations/{id}/breaks", "/v1/reconciliations/{run}/breaks", "", "-y-yyy"),
        (
            "GET /v1/reconciliations/{id}/breaks/{number}",
            "/v1/reconciliations/{run}/breaks/1",
            "",
            "-y-yyy",
        ),
        (
            "POST /v1/reconciliations/{id}/breaks/{number}/resolve",
            "/v1/reconciliations/{run}/breaks/1/resolve",
            EXPLAINED,
            "-y--yy",
        ),
        (
            "POST /v1/reconciliations/{id}/breaks/{number}/resolve",
            "/v1/reconciliations/{run}/breaks/1/resolve",
            ADJUSTED,
            "----yy",
        ),
        (
            "POST /v1/reconciliations/{id}/breaks/{number}/approve",
            "/v1/reconciliations/{run}/breaks/1/approve",
            WHY,
            "----yy",
        ),
        (
            "POST /v1/reconciliations/{id}/breaks/{number}/send-back",
            "/v1/reconciliations/{run}/breaks/1/send-back",
            WHY,
            "----yy",
        ),
    ];
    planted.map(|(route, target, body, may)| row(route, target, body, may)).into()
}

/// Steps of a dispute that is there, which the party opened.
fn rows_of_disputes() -> Vec<Row> {
    let planted = [
        ("GET /v1/disputes/{id}", "/v1/disputes/{dispute}", "", "-y-yyy"),
        (
            "POST /v1/disputes/{id}/acknowledge",
            "/v1/disputes/{dispute}/acknowledge",
            EMPTY,
            "----yy",
        ),
        ("POST /v1/disputes/{id}/evidence", "/v1/disputes/{dispute}/evidence", SHOWN, "-y--yy"),
        ("POST /v1/disputes/{id}/propose", "/v1/disputes/{dispute}/propose", AMOUNT, "-y--yy"),
        (
            "POST /v1/disputes/{id}/approve",
            "/v1/disputes/{dispute}/approve",
            OTHER_AMOUNT,
            "-y--yy",
        ),
        ("POST /v1/disputes/{id}/reject", "/v1/disputes/{dispute}/reject", WHY, "----yy"),
        ("POST /v1/disputes/{id}/withdraw", "/v1/disputes/{dispute}/withdraw", WHY, "-y----"),
    ];
    planted.map(|(route, target, body, may)| row(route, target, body, may)).into()
}

/// Cards. There is none, so that it is not there for anybody; whose cards are seen by whom stands
/// beside them. Phones have no key and no token of the operator's.
fn rows_of_cards() -> Vec<Row> {
    const ISSUE: &str = r#"{"programme":"{c}","member":"{member-plain}"}"#;
    const SCANNED: &str = r#"{"card":"9643000000000004"}"#;
    let mut all = vec![
        row("GET /v1/catalogue", "", "", "-yyyyy"),
        row("POST /v1/cards", "", ISSUE, "------"),
        row("POST /v1/cards/resolve", "", SCANNED, "------"),
        row(
            "POST /v1/cards/{number}/intro-seen",
            "/v1/cards/9643000000000004/intro-seen",
            r#"{"campaign":"summer"}"#,
            "------",
        ),
        row(
            "GET /wallet/v1/devices/{device}/registrations/{type}",
            "/wallet/v1/devices/phone/registrations/pass.club",
            "",
            "yyyyyy",
        ),
        row("POST /wallet/v1/log", "", EMPTY, "yyyyyy"),
    ];
    let registration = "/wallet/v1/devices/phone/registrations/pass.club/9643000000000004";
    let refused = [
        ("GET /v1/cards/{number}", "/v1/cards/9643000000000004"),
        ("GET /v1/cards/{number}/rotating", "/v1/cards/9643000000000004/rotating"),
        ("GET /v1/cards/{number}/barcode", "/v1/cards/9643000000000004/barcode"),
        ("GET /v1/cards/{number}/pass", "/v1/cards/9643000000000004/pass"),
        ("POST /v1/cards/{number}/google-pass", "/v1/cards/9643000000000004/google-pass"),
        ("POST /v1/cards/{number}/freeze", "/v1/cards/9643000000000004/freeze"),
        ("POST /v1/cards/{number}/unfreeze", "/v1/cards/9643000000000004/unfreeze"),
        ("POST /v1/cards/{number}/replace", "/v1/cards/9643000000000004/replace"),
        ("POST /v1/cards/{number}/close", "/v1/cards/9643000000000004/close"),
        ("POST /wallet/v1/devices/{device}/registrations/{type}/{serial}", registration),
        ("DELETE /wallet/v1/devices/{device}/registrations/{type}/{serial}", registration),
        ("GET /wallet/v1/passes/{type}/{serial}", "/wallet/v1/passes/pass.club/9643000000000004"),
    ];
    all.extend(refused.map(|(route, target)| row(route, target, EMPTY, "------")));
    all
}

/// All rows.
pub fn rows() -> Vec<Row> {
    let mut all = open_rows();
    all.extend(rows_of_cards());
    all.extend(rows_of_people());
    all.extend(rows_of_campaigns());
    all.extend(rows_of_events());
    all.extend(rows_of_offers());
    all.extend(rows_of_parties());
    all.extend(rows_of_money_and_books());
    all.extend(rows_of_the_operator());
    all
}
