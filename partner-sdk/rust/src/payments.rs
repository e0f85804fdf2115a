//! What finance asks of the server about money in and out.

use serde_json::{Value, json};

use crate::answer::{Accepted, Answer};
use crate::connection::Outgoing;
use crate::error::Error;
use crate::operator::{OperatorClient, new_key};
use crate::path::encoded;

impl OperatorClient {
    /// Makes the payments of a cycle that was agreed to.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn instruct_cycle(&self, cycle: &str) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/cycles/{}/instruct", encoded(cycle));
        self.post(&path, &new_key()?, &json!({}))?.accepted()
    }

    /// The payments of a cycle, and how far each is.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn payments(&self, cycle: &str) -> Result<Accepted<Value>, Error> {
        self.get(&format!("/v1/cycles/{}/payments", encoded(cycle)))?.accepted()
    }

    /// A file for a bank with what is to be paid out: `pain.001`, `list` or `1c`. Its bytes are the
    /// body of the answer; the header `Coalition-Left-Out` names payments that it leaves out.
    ///
    /// # Errors
    /// If no answer came; a refusal is an answer.
    pub fn payment_file(&self, cycle: &str, format: &str) -> Result<Answer, Error> {
        let (cycle, format) = (encoded(cycle), encoded(format));
        self.get(&format!("/v1/cycles/{cycle}/payments?format={format}"))
    }

    /// Imports what a bank booked: the bytes of a camt.053 or camt.054 file. Importing it again
    /// changes nothing.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn import_bank_statement(&self, file: &[u8]) -> Result<Accepted<Value>, Error> {
        let key = new_key()?;
        let outgoing = Outgoing::post("/v1/bank-statements", &key, file);
        let outgoing = Outgoing { content_type: "application/xml", ..outgoing };
        self.connection().send(&outgoing)?.accepted()
    }

    /// Items that somebody has to look at: `open`, another state, or `all`.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn open_items(&self, state: &str) -> Result<Accepted<Value>, Error> {
        self.get(&format!("/v1/open-items?state={}", encoded(state)))?.accepted()
    }

    /// Gives an open item's money to a payment, by its reference.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn assign_open_item(&self, item: &str, leg: &str) -> Result<Accepted<Value>, Error> {
        self.end_open_item(item, "assign", &json!({ "leg": leg }))
    }

    /// Says that an open item's money goes back, and why.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn return_open_item(&self, item: &str, why: &str) -> Result<Accepted<Value>, Error> {
        self.end_open_item(item, "return", &json!({ "why": why }))
    }

    /// Says that the clearing house keeps an open item's money or bears it, and why.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn write_off_open_item(&self, item: &str, why: &str) -> Result<Accepted<Value>, Error> {
        self.end_open_item(item, "write-off", &json!({ "why": why }))
    }

    /// The money on its way, cycle by cycle: those that are not at zero, or all.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn clearing_accounts(&self, all: bool) -> Result<Accepted<Value>, Error> {
        self.get(&format!("/v1/clearing-accounts?all={all}"))?.accepted()
    }

    fn end_open_item(
        &self,
        item: &str,
        ending: &str,
        body: &Value,
    ) -> Result<Accepted<Value>, Error> {
        let path = format!("/v1/open-items/{}/{ending}", encoded(item));
        self.post(&path, &new_key()?, body)?.accepted()
    }
}
