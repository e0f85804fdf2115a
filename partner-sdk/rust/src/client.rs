//! What a partner asks of the server, one method for each question.

use serde::Serialize;
use serde_json::Value;

use crate::answer::{
    Accepted, Answer, Balances, CardToken, HistoryPage, Member, MemberId, Quote,
    RecordedTransaction,
};
use crate::batch::{Batch, BatchLine};
use crate::connection::{Connection, Credentials, Outgoing, Settings, Streamed};
use crate::error::Error;
use crate::path::{encoded, with_query};
use crate::refusal::Problem;
use crate::signature::{SigningKey, random_nonce};
use crate::transaction::{NewMember, QuoteRequest, Transaction};

/// A party's client; it blocks, can be shared by threads, and its clones share connections.
///
/// The methods without a type answer with whatever the server says; those with a type turn a
/// refusal into [`Error::Refused`]. All repeat as [`crate::RetryPolicy`] says.
#[derive(Clone, Debug)]
pub struct Client {
    connection: Connection,
}

impl Client {
    /// A client of the server at `http[s]://host[:port]`, with the default settings.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn new(base_url: &str, key: SigningKey) -> Result<Self, Error> {
        Self::with_settings(base_url, key, &Settings::default())
    }

    /// A client with settings of its own.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn with_settings(
        base_url: &str,
        key: SigningKey,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let credentials = Credentials::Signature(key);
        Connection::new(base_url, credentials, settings).map(|connection| Self { connection })
    }

    /// The connection below, for requests that are not JSON.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Posts a JSON body.
    ///
    /// # Errors
    /// If no answer came.
    pub fn post<B: Serialize + ?Sized>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &B,
    ) -> Result<Answer, Error> {
        self.connection.post(path, idempotency_key, body)
    }

    /// Puts a JSON body.
    ///
    /// # Errors
    /// If no answer came.
    pub fn put<B: Serialize + ?Sized>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &B,
    ) -> Result<Answer, Error> {
        self.connection.put(path, idempotency_key, body)
    }

    /// Gets a path with its query.
    ///
    /// # Errors
    /// If no answer came.
    pub fn get(&self, path_and_query: &str) -> Result<Answer, Error> {
        self.connection.send(&Outgoing::get(path_and_query))
    }

    /// Records a transaction.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn transaction(
        &self,
        transaction: &Transaction,
        idempotency_key: &str,
    ) -> Result<Accepted<RecordedTransaction>, Error> {
        self.post("/v1/transactions", idempotency_key, transaction)?.accepted()
    }

    /// Tells what a purchase would come to; nothing is stored.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn quote(&self, request: &QuoteRequest) -> Result<Accepted<Quote>, Error> {
        // Nothing is stored, so that any new key will do.
        let key = random_nonce().map_err(Error::Random)?;
        self.post("/v1/quotes", &key, request)?.accepted()
    }

    /// Creates a member.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn create_member(
        &self,
        member: &NewMember,
        idempotency_key: &str,
    ) -> Result<Accepted<MemberId>, Error> {
        self.post("/v1/members", idempotency_key, member)?.accepted()
    }

    /// Looks a member up by any of its names, as in `external:17850`.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn member(&self, member: &str) -> Result<Accepted<Member>, Error> {
        self.get(&format!("/v1/members/{}", encoded(member)))?.accepted()
    }

    /// Links a card token to a member.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn link_card_token(
        &self,
        member: &str,
        card_token: &str,
        idempotency_key: &str,
    ) -> Result<Accepted<CardToken>, Error> {
        let path = format!("/v1/members/{}/card-tokens", encoded(member));
        let body = serde_json::json!({ "card_token": card_token });
        self.post(&path, idempotency_key, &body)?.accepted()
    }

    /// A member's balances, in one programme or in all that the party may see.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn balances(
        &self,
        member: &str,
        programme: Option<&str>,
    ) -> Result<Accepted<Balances>, Error> {
        let path = format!("/v1/members/{}/balances", encoded(member));
        self.get(&with_query(&path, &[("programme", programme)]))?.accepted()
    }

    /// A page of a member's history, newest first; `cursor` is the `next` of the page before.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn history(
        &self,
        member: &str,
        programme: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Accepted<HistoryPage>, Error> {
        let path = format!("/v1/members/{}/history", encoded(member));
        let pairs = [("programme", programme), ("cursor", cursor)];
        self.get(&with_query(&path, &pairs))?.accepted()
    }

    /// A transaction by the server's id.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn transaction_by_id(&self, id: &str) -> Result<Accepted<RecordedTransaction>, Error> {
        self.get(&format!("/v1/transactions/{}", encoded(id)))?.accepted()
    }

    /// A transaction by its kind and the party's own reference.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn transaction_by_ref(
        &self,
        kind: &str,
        reference: &str,
    ) -> Result<Accepted<RecordedTransaction>, Error> {
        let pairs = [("kind", Some(kind)), ("ref", Some(reference))];
        self.get(&with_query("/v1/transactions", &pairs))?.accepted()
    }

    /// The signed receipt of a transaction, for [`crate::proof::verify_receipts`]. The same receipt
    /// whenever it is asked for.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn receipt(&self, id: &str) -> Result<String, Error> {
        self.get(&format!("/v1/transactions/{}/receipt", encoded(id)))?.accepted_text()
    }

    /// The signed receipts of up to 1,000 transactions, one after the other, in their order.
    ///
    /// # Errors
    /// If one of them is none of the party's, they are refused, or no answer came.
    pub fn receipts<S: AsRef<str>>(&self, ids: &[S]) -> Result<String, Error> {
        // Nothing is stored, so that any new key will do.
        let key = random_nonce().map_err(Error::Random)?;
        let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
        let body = serde_json::json!({ "transactions": ids });
        self.post("/v1/receipts", &key, &body)?.accepted_text()
    }

    /// The party's own payments of a cycle, and how far each is.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn payments(&self, cycle: &str) -> Result<Accepted<Value>, Error> {
        self.get(&format!("/v1/cycles/{}/payments", encoded(cycle)))?.accepted()
    }

    /// Records many transactions in one call, at most 10,000 lines and 8 MiB.
    ///
    /// # Errors
    /// If the call as a whole is refused or not answered; each line has its own result.
    pub fn batch(&self, lines: &[BatchLine]) -> Result<Batch, Error> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line).map_err(Error::NotJson)?;
            text.push(b'\n');
        }
        self.batch_text("/v1/transactions:batch", &text)
    }

    /// Sends lines of NDJSON to `/v1/transactions:batch` or `/v1/members:batch`.
    ///
    /// # Errors
    /// If the call as a whole is refused or not answered; each line has its own result.
    pub fn batch_text(&self, path: &str, lines: &[u8]) -> Result<Batch, Error> {
        // The lines have keys of their own; the call's own is signed and otherwise unused.
        let key = random_nonce().map_err(Error::Random)?;
        let outgoing =
            Outgoing { content_type: "application/x-ndjson", ..Outgoing::post(path, &key, lines) };
        match self.connection.stream(&outgoing)? {
            Streamed::Accepted(response) => Ok(Batch::new(*response)),
            Streamed::Refused(answer) => {
                let problem = Problem::from_body(answer.status, &answer.body);
                Err(Error::Refused(Box::new(problem)))
            }
        }
    }
}

impl Connection {
    /// Posts a JSON body.
    pub(crate) fn post<B: Serialize + ?Sized>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &B,
    ) -> Result<Answer, Error> {
        let body = serde_json::to_vec(body).map_err(Error::NotJson)?;
        self.send(&Outgoing::post(path, idempotency_key, &body))
    }

    /// Puts a JSON body.
    pub(crate) fn put<B: Serialize + ?Sized>(
        &self,
        path: &str,
        idempotency_key: &str,
        body: &B,
    ) -> Result<Answer, Error> {
        let body = serde_json::to_vec(body).map_err(Error::NotJson)?;
        self.send(&Outgoing { method: "PUT", ..Outgoing::post(path, idempotency_key, &body) })
    }
}
