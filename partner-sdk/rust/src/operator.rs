//! What an operator or auditor asks of the server: the same transport with a token.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Accepted, Answer};
use crate::connection::{Connection, Credentials, Outgoing, Settings};
use crate::error::Error;
use crate::path::encoded;
use crate::signature::{Algorithm, random_nonce};

/// An operator's client; the bodies of programmes, agreements and exchanges are plain JSON.
#[derive(Clone, Debug)]
pub struct OperatorClient {
    connection: Connection,
}

/// A party's key as the server registered it.
#[derive(Clone, Deserialize)]
pub struct IssuedKey {
    /// The key's id, sent as `keyid`.
    pub id: String,
    /// Whose it is.
    pub party: String,
    /// `hmac-sha256` or `ed25519`.
    pub algorithm: String,
    /// The secret in base64, for HMAC: shown this once.
    pub secret: Option<String>,
    /// `active` or `revoked`.
    pub state: String,
}

impl fmt::Debug for IssuedKey {
    /// Shows which key it is and never its secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IssuedKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl OperatorClient {
    /// A client of the server at `http[s]://host[:port]`, with the default settings.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn new(base_url: &str, token: &str) -> Result<Self, Error> {
        Self::with_settings(base_url, token, &Settings::default())
    }

    /// A client with settings of its own.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn with_settings(base_url: &str, token: &str, settings: &Settings) -> Result<Self, Error> {
        let credentials = Credentials::Bearer(token.to_owned());
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

    /// Puts a JSON body under a key made for this call.
    ///
    /// # Errors
    /// If no answer came.
    pub fn put<B: Serialize + ?Sized>(&self, path: &str, body: &B) -> Result<Answer, Error> {
        self.connection.put(path, &new_key()?, body)
    }

    /// Gets a path with its query.
    ///
    /// # Errors
    /// If no answer came.
    pub fn get(&self, path_and_query: &str) -> Result<Answer, Error> {
        self.connection.send(&Outgoing::get(path_and_query))
    }

    /// Registers a party; `kind` is `brand`, `retailer`, `bank` and so on.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn create_party(&self, id: &str, kind: &str) -> Result<Accepted<Value>, Error> {
        self.post("/v1/parties", &new_key()?, &json!({ "id": id, "kind": kind }))?.accepted()
    }

    /// Issues an HMAC key to a party; the answer holds its secret, which is shown this once.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn issue_hmac_key(&self, party: &str) -> Result<Accepted<IssuedKey>, Error> {
        let body = json!({ "algorithm": Algorithm::HmacSha256.as_str() });
        self.create_key(party, &body)
    }

    /// Registers a party's Ed25519 public key, in base64.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn register_ed25519_key(
        &self,
        party: &str,
        public_key: &str,
    ) -> Result<Accepted<IssuedKey>, Error> {
        let algorithm = Algorithm::Ed25519.as_str();
        self.create_key(party, &json!({ "algorithm": algorithm, "public_key": public_key }))
    }

    /// Revokes a party's key.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn revoke_key(&self, party: &str, key: &str) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/parties/{}/keys/{}/revoke", encoded(party), encoded(key));
        self.post(&path, &new_key()?, &json!({}))?.accepted()
    }

    /// Configures a programme.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn put_programme(&self, id: &str, body: &Value) -> Result<Accepted<Value>, Error> {
        self.put(&format!("/v1/programmes/{}", encoded(id)), body)?.accepted()
    }

    /// Configures a party's agreement with a programme.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn put_agreement(
        &self,
        programme: &str,
        party: &str,
        body: &Value,
    ) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/agreements/{}/{}", encoded(programme), encoded(party));
        self.put(&path, body)?.accepted()
    }

    /// Configures the exchange of points between two programmes.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn put_exchange(
        &self,
        from: &str,
        to: &str,
        body: &Value,
    ) -> Result<Accepted<Value>, Error> {
        self.put(&format!("/v1/exchanges/{}/{}", encoded(from), encoded(to)), body)?.accepted()
    }

    /// Configures a settlement schedule.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn put_schedule(&self, id: &str, body: &Value) -> Result<Accepted<Value>, Error> {
        self.put(&format!("/v1/schedules/{}", encoded(id)), body)?.accepted()
    }

    /// The settlement schedules in force.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn schedules(&self) -> Result<Accepted<Value>, Error> {
        self.get("/v1/schedules")?.accepted()
    }

    /// Configures a table of VAT rates; one that is there only takes new ones.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn put_vat_rates(&self, id: &str, body: &Value) -> Result<Accepted<Value>, Error> {
        self.put(&format!("/v1/vat-rates/{}", encoded(id)), body)?.accepted()
    }

    /// The tables of VAT rates.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn vat_rates(&self) -> Result<Accepted<Value>, Error> {
        self.get("/v1/vat-rates")?.accepted()
    }

    /// Sets a programme's mode: `live`, `soft_launch` or `paused`.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn set_mode(&self, programme: &str, mode: &str) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/programmes/{}/mode", encoded(programme));
        self.post(&path, &new_key()?, &json!({ "mode": mode }))?.accepted()
    }

    /// Closes a cycle: its first day as `YYYY-MM-DD`, or `SCHEDULE.YYYY-MM-DD`.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn close_cycle(&self, cycle: &str) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/cycles/{}/close", encoded(cycle));
        self.post(&path, &new_key()?, &json!({}))?.accepted()
    }

    /// The figures of a cycle, fixed or so far, and what it has come to.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn cycle(&self, cycle: &str) -> Result<Accepted<Value>, Error> {
        self.get(&format!("/v1/cycles/{}", encoded(cycle)))?.accepted()
    }

    /// Sets the test clock of a server that runs on it.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn set_test_clock(&self, now: &str) -> Result<Accepted<Value>, Error> {
        self.post("/v1/test-clock", &new_key()?, &json!({ "now": now }))?.accepted()
    }

    fn create_key(&self, party: &str, body: &Value) -> Result<Accepted<IssuedKey>, Error> {
        let path = format!("/v1/parties/{}/keys", encoded(party));
        self.post(&path, &new_key()?, body)?.accepted()
    }
}

/// A key for one call and its repetitions.
pub(crate) fn new_key() -> Result<String, Error> {
    random_nonce().map_err(Error::Random)
}
