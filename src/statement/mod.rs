//! Statements: what one party gave and got in one cycle, line by line, with what proves it.
//!
//! A statement is computed from what can no longer change: the cycle's frozen positions and the
//! transactions up to where it was cut. It is written out while it is read, so that its length
//! does not matter; the same bytes come out whenever and wherever that is done.

pub mod attest;
pub mod columns;
pub mod counts;
pub mod csv;
pub mod json;
pub mod line;
pub mod lines;
pub mod marks;
pub mod movement;
pub mod publish;
pub mod receipts;
pub mod render;
pub mod scan;
pub mod sections;
pub mod service;
pub mod vat;
pub mod vouched;
pub mod window;
pub mod xlsx;

pub use line::{Invoice, Line, LineVat};

#[cfg(test)]
mod samples;

use sha2::{Digest, Sha256};

use crate::bank::reference::rf_reference;
use crate::domain::settlement::CycleId;
use crate::domain::settlement::netting::Leg;

/// What goes before a payment's number: the clearing house's nets.
const REFERENCE_PREFIX: &str = "CH";

/// The reference of a payment, as ISO 11649 has it: by it the bank's statement is matched. The same
/// payment has the same reference wherever it is computed.
pub fn reference_of(cycle: &CycleId, leg: &Leg) -> String {
    let direction = leg.direction.name();
    let counterparty = leg.counterparty.as_ref().map_or("", |one| one.as_str());
    let named = format!("{cycle}/{}/{direction}/{counterparty}", leg.party);
    let digest = hex::encode_upper(&Sha256::digest(named.as_bytes())[..6]);
    let day = cycle.first.to_string().replace('-', "");
    rf_reference(&format!("{REFERENCE_PREFIX}{}{digest}", &day[2..])).expect("it is short enough")
}
