//! Callers: the SDK's connection, with every answer checked against the API's document.

use coalition_partner::{Answer, Connection, Credentials, Outgoing, RetryPolicy, Settings};
use serde_json::Value;

use crate::contract;

/// The media type of lines.
pub const NDJSON: &str = "application/x-ndjson";

/// Somebody who calls the server.
#[derive(Clone, Debug)]
pub struct Caller {
    connection: Connection,
    credentials: Credentials,
}

impl Caller {
    /// A caller of the server at an address. It never repeats a request by itself.
    pub fn new(url: &str, credentials: Credentials) -> Self {
        let settings = Settings { retry: RetryPolicy::never(), ..Settings::default() };
        let connection = Connection::new(url, credentials.clone(), &settings);
        Self { connection: connection.expect("the address is one"), credentials }
    }

    /// The same caller at another address.
    pub fn at(&self, url: &str) -> Self {
        Self::new(url, self.credentials.clone())
    }

    /// How the caller says who it is.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Sends a request; its answer is what the document says.
    pub fn send(&self, outgoing: &Outgoing<'_>) -> Answer {
        let answer = self.connection.send(outgoing).expect("the server answers");
        contract::check(outgoing.method, outgoing.target, &answer);
        answer
    }

    /// Gets a path with its query.
    pub fn get(&self, target: &str) -> Answer {
        self.send(&Outgoing::get(target))
    }

    /// Posts a JSON body.
    pub fn post(&self, target: &str, key: &str, body: &Value) -> Answer {
        self.send(&Outgoing::post(target, key, body.to_string().as_bytes()))
    }

    /// Puts a JSON body.
    pub fn put(&self, target: &str, key: &str, body: &Value) -> Answer {
        let body = body.to_string();
        self.send(&Outgoing { method: "PUT", ..Outgoing::post(target, key, body.as_bytes()) })
    }

    /// Posts lines; the answers to each.
    pub fn lines(&self, target: &str, lines: &[Value]) -> Vec<Value> {
        let texts: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let body = texts.join("\n");
        let outgoing = Outgoing::post(target, "call", body.as_bytes());
        let answer = self.send(&Outgoing { content_type: NDJSON, ..outgoing });
        assert_eq!(answer.status, 200, "{}", answer.text());
        let text = answer.text();
        text.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
    }
}
