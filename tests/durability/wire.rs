//! Requests as values, and the bytes of their answers, single or in bulk.

use coalition_partner::{Client, Outgoing};
use serde_json::Value;
use serde_json::value::RawValue;

/// A transaction with the key that makes it repeatable.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who signs.
    pub party: &'static str,
    /// The idempotency key.
    pub key: String,
    /// The transaction.
    pub body: Value,
}

/// An answer to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// Whether it was given before.
    pub replayed: bool,
    /// The bytes.
    pub body: String,
}

impl Reply {
    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("answers are JSON")
    }

    /// The refusal's code; empty: it is accepted.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// Posts one transaction; none: no answer came, or none that is final.
pub fn post(client: &Client, request: &Request) -> Option<Reply> {
    let answer = client.post("/v1/transactions", &request.key, &request.body).ok()?;
    let reply = Reply { status: answer.status, replayed: answer.replayed, body: answer.text() };
    (reply.status < 500).then_some(reply)
}

/// Posts transactions of one party in one call; none: not all answers came.
pub fn post_batch(client: &Client, requests: &[Request]) -> Option<Vec<Reply>> {
    #[derive(serde::Deserialize)]
    struct Line<'a> {
        status: u16,
        replayed: bool,
        #[serde(borrow)]
        transaction: Option<&'a RawValue>,
        #[serde(borrow)]
        problem: Option<&'a RawValue>,
    }
    let mut lines = String::new();
    for request in requests {
        let mut line = request.body.clone();
        line["idempotency_key"] = request.key.clone().into();
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    let outgoing = Outgoing {
        content_type: "application/x-ndjson",
        ..Outgoing::post("/v1/transactions:batch", "lines", lines.as_bytes())
    };
    let answer = client.connection().send(&outgoing).ok().filter(|answer| answer.status == 200)?;
    let text = answer.text();
    let replies = text.lines().map(|line| {
        let Line { status, replayed, transaction, problem } = serde_json::from_str(line).ok()?;
        let body = transaction.or(problem)?.get().to_owned();
        (status < 500).then_some(Reply { status, replayed, body })
    });
    replies.collect::<Option<Vec<Reply>>>().filter(|replies| replies.len() == requests.len())
}
