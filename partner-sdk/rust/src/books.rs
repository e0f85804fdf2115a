//! A party's own books beside the ledger: how its lists are written, and reconciliations of them.
//!
//! The same calls for a party and for finance; [`Client::books`] and [`OperatorClient::books`] give
//! them. A party sees and does only what is its own.

use std::io::Read;

use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::answer::{Accepted, Answer};
use crate::client::Client;
use crate::connection::{Connection, Outgoing};
use crate::error::Error;
use crate::operator::{OperatorClient, new_key};
use crate::path::{encoded, with_query};

/// The bytes of a part of a list, but for the last one: what a server takes unless it is set up
/// otherwise.
pub const PART_BYTES: u64 = 8 << 20;

/// Calls about a party's own books.
#[derive(Clone, Copy, Debug)]
pub struct Books<'a> {
    connection: &'a Connection,
}

impl Client {
    /// Calls about the party's own books.
    pub fn books(&self) -> Books<'_> {
        Books { connection: self.connection() }
    }
}

impl OperatorClient {
    /// Calls about parties' own books.
    pub fn books(&self) -> Books<'_> {
        Books { connection: self.connection() }
    }
}

/// Which breaks are asked for; nothing: all, from the first.
#[derive(Clone, Copy, Debug, Default)]
pub struct WhichBreaks<'a> {
    /// Only this class, as in `amount_mismatch`.
    pub class: Option<&'a str>,
    /// Only this state, as in `open`.
    pub state: Option<&'a str>,
    /// Only those with a number above this one: the `next` of the page before.
    pub after: Option<&'a str>,
}

impl Books<'_> {
    /// Says how a party's lists are written. An earlier version stays with what was compared by it.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn put_profile<B: Serialize + ?Sized>(
        &self,
        party: &str,
        profile: &B,
    ) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/parties/{}/book-profile", encoded(party));
        self.connection.put(&path, &new_key()?, profile)?.accepted()
    }

    /// How a party's lists are written, with the earlier versions.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn profile(&self, party: &str) -> Result<Accepted<Value>, Error> {
        self.get(&format!("/v1/parties/{}/book-profile", encoded(party)))?.accepted()
    }

    /// Begins a reconciliation whose list is to come; its `id` is in the answer.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn begin<B: Serialize + ?Sized>(
        &self,
        request: &B,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        self.connection.post("/v1/reconciliations", idempotency_key, request)?.accepted()
    }

    /// Sends a part of a list, numbered from 1. The same part again changes nothing.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn send_part(
        &self,
        reconciliation: &str,
        part: u32,
        bytes: &[u8],
    ) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/reconciliations/{}/parts/{part}", encoded(reconciliation));
        let key = new_key()?;
        let outgoing = Outgoing::post(&path, &key, bytes);
        let content_type = "application/octet-stream";
        self.connection.send(&Outgoing { method: "PUT", content_type, ..outgoing })?.accepted()
    }

    /// Compares a list whose parts are all there, by its SHA-256 in hexadecimal; `again` takes one
    /// that was compared before, which only finance may ask for. It goes on in the background.
    ///
    /// # Errors
    /// If it is refused, or no answer came; calling again is safe.
    pub fn run(
        &self,
        reconciliation: &str,
        sha256: &str,
        again: bool,
    ) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/reconciliations/{}/run", encoded(reconciliation));
        let body = if again {
            json!({"sha256": sha256, "again": true})
        } else {
            json!({"sha256": sha256})
        };
        self.connection.post(&path, &new_key()?, &body)?.accepted()
    }

    /// Sends a whole list in parts of [`PART_BYTES`] and has it compared. After a failure it may be
    /// called again with the same list.
    ///
    /// # Errors
    /// If the list can't be read, something is refused, or no answer came.
    pub fn send_list(
        &self,
        reconciliation: &str,
        mut list: impl Read,
    ) -> Result<Accepted<Value>, Error> {
        let mut hash = Sha256::new();
        for part in 1.. {
            let mut bytes = Vec::new();
            list.by_ref().take(PART_BYTES).read_to_end(&mut bytes).map_err(Error::Unreadable)?;
            if bytes.is_empty() {
                break;
            }
            hash.update(&bytes);
            self.send_part(reconciliation, part, &bytes)?;
        }
        self.run(reconciliation, &hexadecimal(&hash.finalize()), false)
    }

    /// A reconciliation: the parts that are there, and its verdict when it is `done`.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn reconciliation(&self, reconciliation: &str) -> Result<Accepted<Value>, Error> {
        self.get(&format!("/v1/reconciliations/{}", encoded(reconciliation)))?.accepted()
    }

    /// A page of reconciliations, the newest first; of one party where it is named.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn reconciliations(
        &self,
        party: Option<&str>,
        cursor: Option<&str>,
    ) -> Result<Accepted<Value>, Error> {
        let pairs = [("party", party), ("cursor", cursor)];
        self.get(&with_query("/v1/reconciliations", &pairs))?.accepted()
    }

    /// A page of the breaks of a reconciliation, in the order of their numbers.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn breaks(
        &self,
        reconciliation: &str,
        which: &WhichBreaks<'_>,
    ) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/reconciliations/{}/breaks", encoded(reconciliation));
        let pairs = [("class", which.class), ("state", which.state), ("after", which.after)];
        self.get(&with_query(&path, &pairs))?.accepted()
    }

    /// Ends a break: `explained`, `adjusted` or `written_off`, and why. What is large waits for a
    /// second person.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn resolve_break<B: Serialize + ?Sized>(
        &self,
        (reconciliation, number): (&str, u64),
        body: &B,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        self.step((reconciliation, number), "resolve", body, idempotency_key)?.accepted()
    }

    /// Approves what somebody else wants done with a break, and says why.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn approve_break(
        &self,
        (reconciliation, number): (&str, u64),
        why: &str,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        let body = json!({ "why": why });
        self.step((reconciliation, number), "approve", &body, idempotency_key)?.accepted()
    }

    /// Sends back what somebody else wants done with a break, and says why.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn send_back_break(
        &self,
        (reconciliation, number): (&str, u64),
        why: &str,
        idempotency_key: &str,
    ) -> Result<Accepted<Value>, Error> {
        let body = json!({ "why": why });
        self.step((reconciliation, number), "send-back", &body, idempotency_key)?.accepted()
    }

    fn step<B: Serialize + ?Sized>(
        &self,
        (reconciliation, number): (&str, u64),
        step: &str,
        body: &B,
        idempotency_key: &str,
    ) -> Result<Answer, Error> {
        let reconciliation = encoded(reconciliation);
        let path = format!("/v1/reconciliations/{reconciliation}/breaks/{number}/{step}");
        self.connection.post(&path, idempotency_key, body)
    }

    fn get(&self, path_and_query: &str) -> Result<Answer, Error> {
        self.connection.send(&Outgoing::get(path_and_query))
    }
}

/// Bytes in lower-case hexadecimal.
fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_two_digits_each() {
        assert_eq!(hexadecimal(&[0, 9, 10, 0x7f, 0xff]), "00090a7fff");
    }
}
