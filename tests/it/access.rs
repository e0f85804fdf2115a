//! Every route by every caller, with the ids of two parties swapped: who may not gets 401, 403 or
//! 404, and nobody reads another party's name. A route without a row here fails the test.

use std::collections::BTreeSet;

use coalition::http::ROUTES;
use coalition_partner::{Answer, Credentials, Outgoing};
use serde_json::{Value, json};

use crate::caller::{Caller, NDJSON};
use crate::contract::template_of;
use crate::support::{World, both, text};

/// A route: where it is asked, with the ids of one party, and what is sent.
struct Row {
    method: &'static str,
    template: &'static str,
    /// `{p}` is the party, `{c}` its programme, `{tx}` its transaction, `{key}` one of its keys,
    /// `{member}` its member: by its own name of it, or by id where the operator's people ask.
    target: &'static str,
    body: &'static str,
    /// Who may: nobody, the party itself, the other party, an auditor, finance, the operator; none:
    /// there is nothing there, and no more is said.
    may: [Option<bool>; 6],
}

/// A row, from `y` and `-` for who may, and `*` where there is nothing.
fn row(route: &'static str, target: &'static str, body: &'static str, may: &str) -> Row {
    let (method, template) = route.split_once(' ').expect("a method and a template");
    let target = if target.is_empty() { template } else { target };
    let mut all = [None; 6];
    for (one, letter) in all.iter_mut().zip(may.chars()) {
        *one = Some(letter == 'y').filter(|_| letter != '*');
    }
    Row { method, template, target, body, may: all }
}

const EMPTY: &str = "{}";
const RECEIPT: &str = r#"{"kind":"refund","ref":"X-{p}","of":"R-{p}","amount":"1.00"}"#;
const BATCH: &str =
    r#"{"idempotency_key":"k-{tx}","kind":"refund","ref":"Y-{p}","of":"R-{p}","amount":"1.00"}"#;
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

/// Money in and out, and partners' own books. What is not there is not there for anybody; that
/// others' runs, breaks and disputes are not there for a party stands beside them.
fn rows_of_money_and_books() -> Vec<Row> {
    let mut all = vec![
        row("POST /v1/cycles/{cycle}/instruct", "/v1/cycles/2025-03-03/instruct", EMPTY, "----yy"),
        row("GET /v1/cycles/{cycle}/payments", "/v1/cycles/2025-03-03/payments", "", "-yyyyy"),
        row("POST /v1/bank-statements", "", EMPTY, "----yy"),
        row("GET /v1/open-items", "", "", "---yyy"),
        row("GET /v1/clearing-accounts", "", "", "---yyy"),
        row("GET /v1/reports/liability", "", "", "-yyyyy"),
        row("PUT /v1/parties/{id}/book-profile", "/v1/parties/{p}/book-profile", EMPTY, "-y--yy"),
        row("GET /v1/parties/{id}/book-profile", "/v1/parties/{p}/book-profile", "", "------"),
        row("POST /v1/reconciliations", "", EMPTY, "-yy-yy"),
        row("GET /v1/reconciliations", "", "", "-yyyyy"),
        row("POST /v1/disputes", "", EMPTY, "-yy-yy"),
        row("GET /v1/disputes", "", "", "-yyyyy"),
    ];
    let nowhere = [
        ("POST /v1/open-items/{id}/assign", "/v1/open-items/item_9/assign"),
        ("POST /v1/open-items/{id}/return", "/v1/open-items/item_9/return"),
        ("POST /v1/open-items/{id}/write-off", "/v1/open-items/item_9/write-off"),
        ("GET /v1/reconciliations/{id}", "/v1/reconciliations/rec_9"),
        ("PUT /v1/reconciliations/{id}/parts/{part}", "/v1/reconciliations/rec_9/parts/1"),
        ("POST /v1/reconciliations/{id}/run", "/v1/reconciliations/rec_9/run"),
        ("GET /v1/reconciliations/{id}/breaks", "/v1/reconciliations/rec_9/breaks"),
        ("GET /v1/reconciliations/{id}/breaks/{number}", "/v1/reconciliations/rec_9/breaks/1"),
        (
            "POST /v1/reconciliations/{id}/breaks/{number}/resolve",
            "/v1/reconciliations/rec_9/breaks/1/resolve",
        ),
        (
            "POST /v1/reconciliations/{id}/breaks/{number}/approve",
            "/v1/reconciliations/rec_9/breaks/1/approve",
        ),
        (
            "POST /v1/reconciliations/{id}/breaks/{number}/send-back",
            "/v1/reconciliations/rec_9/breaks/1/send-back",
        ),
        ("GET /v1/disputes/{id}", "/v1/disputes/dsp_9"),
        ("POST /v1/disputes/{id}/acknowledge", "/v1/disputes/dsp_9/acknowledge"),
        ("POST /v1/disputes/{id}/evidence", "/v1/disputes/dsp_9/evidence"),
        ("POST /v1/disputes/{id}/propose", "/v1/disputes/dsp_9/propose"),
        ("POST /v1/disputes/{id}/approve", "/v1/disputes/dsp_9/approve"),
        ("POST /v1/disputes/{id}/reject", "/v1/disputes/dsp_9/reject"),
        ("POST /v1/disputes/{id}/withdraw", "/v1/disputes/dsp_9/withdraw"),
    ];
    all.extend(nowhere.map(|(route, target)| {
        row(route, target, EMPTY, if route.starts_with("GET") { "------" } else { "******" })
    }));
    all
}

fn rows() -> Vec<Row> {
    let mut all = open_rows();
    all.extend(rows_of_parties());
    all.extend(rows_of_money_and_books());
    all.extend(rows_of_the_operator());
    all
}

/// One of the two parties, and what is its own.
struct Side {
    party: &'static str,
    programme: String,
    member: String,
    transaction: String,
    key: String,
}

impl Side {
    /// A shop that earns in a programme of its own brand, with a receipt of the day.
    fn new(world: &mut World, party: &'static str) -> Self {
        let (brand, programme) = (format!("brand-of-{party}"), format!("club-of-{party}"));
        world.add_party(&brand, "brand");
        world.add_party(party, "retailer");
        world.add_programme(&json!({
            "id": programme, "brand": brand, "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": "never"
        }));
        world.add_agreement(&json!({
            "programme": programme, "party": party,
            "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.00"}
        }));
        let enrolled = json!({"external_ids": [format!("of-{party}")]});
        let made = world.party(party).post("/v1/members", &world.new_key(), &enrolled);
        let member = text(&made.json().expect("it is JSON"), "member");
        let posted = world.accept(
            party,
            &json!({"kind": "purchase", "ref": format!("R-{party}"), "programme": programme,
                "member": member, "amount": "100.00"}),
        );
        world.issue_key(party);
        let keys = world.operator.get(&format!("/v1/parties/{party}/keys"));
        let keys: Value = keys.json().expect("it is JSON");
        let used = match world.party(party).credentials() {
            Credentials::Signature(key) => key.id().to_owned(),
            _ => unreachable!("a party signs"),
        };
        let mut ids = keys["data"].as_array().expect("a list").iter().map(|key| text(key, "id"));
        let key = ids.find(|id| *id != used).expect("a second key");
        Self { party, programme, member, transaction: text(&posted, "id"), key }
    }

    fn filled(&self, template: &str, is_staff: bool) -> String {
        let name = format!("external%3Aof-{}", self.party);
        let plain = format!("external:of-{}", self.party);
        template
            .replace("{p}", self.party)
            .replace("{c}", &self.programme)
            .replace("{tx}", &self.transaction)
            .replace("{key}", &self.key)
            .replace("{member-plain}", &plain)
            .replace("{member}", if is_staff { &self.member } else { &name })
    }
}

/// What an answer comes to; that of a line, where lines are answered.
fn status_of(answer: &Answer) -> u16 {
    let text = answer.text();
    let line = text.lines().next().filter(|_| answer.header("content-type") == Some(NDJSON));
    let line: Option<Value> = line.and_then(|line| serde_json::from_str(line).ok());
    let status = line.and_then(|line| line["status"].as_u64());
    status.and_then(|status| u16::try_from(status).ok()).unwrap_or(answer.status)
}

fn ask(world: &World, caller: &Caller, row: &Row, (of, is_staff): (&Side, bool)) -> Answer {
    let (target, body) = (of.filled(row.target, is_staff), of.filled(row.body, is_staff));
    let path = target.split('?').next().unwrap_or_default();
    assert_eq!(template_of(path).as_deref(), Some(row.template), "{target}");
    let key = world.new_key();
    let has_body = row.method != "GET";
    caller.send(&Outgoing {
        method: row.method,
        idempotency_key: has_body.then_some(&key),
        content_type: if row.template.ends_with(":batch") { NDJSON } else { "application/json" },
        body: has_body.then_some(body.as_bytes()),
        ..Outgoing::get(&target)
    })
}

#[test]
fn every_route_has_a_row() {
    let rows: BTreeSet<(&str, &str)> =
        rows().iter().map(|row| (row.method, row.template)).collect();
    let routes: BTreeSet<(&str, &str)> = ROUTES.iter().copied().collect();
    assert_eq!(rows, routes, "say in the rows of this file who may");
}

#[test]
fn who_may_not_is_told_nothing_and_nobody_reads_another_partys_name() {
    both(|world| {
        let sides = ["alpha", "omega"].map(|party| Side::new(world, party));
        world.move_to("2025-03-03T21:00:00Z");
        for what in ["close", "publish"] {
            let target = format!("/v1/cycles/2025-03-03/{what}");
            assert_eq!(world.operator.post(&target, &world.new_key(), &json!({})).status, 200);
        }
        let nobody = world.calling(Credentials::Nobody);
        let staff = [world.auditor(), world.finance(), world.operator.clone()];
        let mut wrong = Vec::new();
        for row in rows() {
            for (own, other) in [(&sides[0], &sides[1]), (&sides[1], &sides[0])] {
                let party = world.party(own.party);
                let asked = [
                    ("nobody", &nobody, (own, false)),
                    ("the party", party, (own, false)),
                    ("the other party", party, (other, false)),
                    ("an auditor", &staff[0], (own, true)),
                    ("finance", &staff[1], (own, true)),
                    ("the operator", &staff[2], (own, true)),
                ];
                for ((who, caller, of), may) in asked.into_iter().zip(row.may) {
                    let answer = ask(world, caller, &row, of);
                    let status = status_of(&answer);
                    let is_refused = [401, 403, 404].contains(&status);
                    let is_right = match may {
                        Some(true) if row.method == "GET" => status == 200,
                        Some(true) => !is_refused && status < 500,
                        Some(false) => is_refused,
                        None => (400..500).contains(&status),
                    };
                    let is_party = ["nobody", "the party", "the other party"].contains(&who);
                    let tells = is_party && answer.text().contains(other.party);
                    if !is_right || tells {
                        let (method, template) = (row.method, row.template);
                        wrong.push(format!(
                            "{who}: {method} {template}: {status} {}",
                            answer.text()
                        ));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
