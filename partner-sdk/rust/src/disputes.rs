//! Disputes about the lines of a cycle: opened, answered, and booked when both sides approved.
//!
//! The same calls for a party and for finance, who each stand on one side;
//! [`Client::disputes`] and [`OperatorClient::disputes`] give them.

use serde::Serialize;
use serde_json::{Value, json};

use crate::answer::{Accepted, Answer};
use crate::client::Client;
use crate::connection::{Connection, Outgoing};
use crate::error::Error;
use crate::operator::OperatorClient;
use crate::path::{encoded, with_query};

/// Calls about disputes. Each step is safe to repeat under the same idempotency key.
#[derive(Clone, Copy, Debug)]
pub struct Disputes<'a> {
    connection: &'a Connection,
}

impl Client {
    /// Calls about the party's disputes.
    pub fn disputes(&self) -> Disputes<'_> {
        Disputes { connection: self.connection() }
    }
}

impl OperatorClient {
    /// Calls about disputes, on the side of the clearing house.
    pub fn disputes(&self) -> Disputes<'_> {
        Disputes { connection: self.connection() }
    }
}

impl Disputes<'_> {
    /// Opens a dispute: objects to lines of a cycle, or says what is missing there.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn open<B: Serialize + ?Sized>(
        &self,
        request: &B,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        self.connection.post("/v1/disputes", idempotency_key, request)?.accepted()
    }

    /// A page of disputes, the newest first; of one party, in one state, where they are named.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn list(
        &self,
        party: Option<&str>,
        state: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Accepted<Value>, Error> {
        let pairs = [("party", party), ("state", state), ("cursor", cursor)];
        self.get(&with_query("/v1/disputes", &pairs))?.accepted()
    }

    /// A dispute with all that was done in it.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn dispute(&self, dispute: &str) -> Result<Accepted<Value>, Error> {
        self.get(&format!("/v1/disputes/{}", encoded(dispute)))?.accepted()
    }

    /// Says that the side that answers has looked. Finance may say whether the amount is set aside
    /// by `reserve`; without it the schedule says.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn acknowledge(
        &self,
        dispute: &str,
        why: Option<&str>,
        reserve: Option<bool>,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        let mut body = serde_json::Map::new();
        body.extend(why.map(|why| ("why".to_owned(), json!(why))));
        body.extend(reserve.map(|reserve| ("reserve".to_owned(), json!(reserve))));
        self.step(dispute, "acknowledge", &Value::from(body), idempotency_key)
    }

    /// Shows evidence: what it shows, and its documents by their SHA-256 in hexadecimal.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn show_evidence(
        &self,
        dispute: &str,
        text: &str,
        documents: &[&str],
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        let body = json!({ "text": text, "documents": documents });
        self.step(dispute, "evidence", &body, idempotency_key)
    }

    /// Proposes what would move, as a decimal text.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn propose(
        &self,
        dispute: &str,
        amount: &str,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        self.step(dispute, "propose", &json!({ "amount": amount }), idempotency_key)
    }

    /// Approves the amount that is proposed; it is refused if another one is proposed meanwhile.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn approve(
        &self,
        dispute: &str,
        amount: &str,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        self.step(dispute, "approve", &json!({ "amount": amount }), idempotency_key)
    }

    /// Says no, and why: for the side that answers.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn reject(
        &self,
        dispute: &str,
        why: &str,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        self.step(dispute, "reject", &json!({ "why": why }), idempotency_key)
    }

    /// Takes the dispute back, and says why: for the side that opened it.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn withdraw(
        &self,
        dispute: &str,
        why: &str,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        self.step(dispute, "withdraw", &json!({ "why": why }), idempotency_key)
    }

    fn step(
        &self,
        dispute: &str,
        step: &str,
        body: &Value,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/disputes/{}/{step}", encoded(dispute));
        self.connection.post(&path, idempotency_key, body)?.accepted()
    }

    fn get(&self, path_and_query: &str) -> Result<Answer, Error> {
        self.connection.send(&Outgoing::get(path_and_query))
    }
}
