//! Bank statements of ISO 20022: camt.053, and camt.054 for what is told during the day, in their
//! versions 02 to 08.
//!
//! The banks fill these messages each in its own manner, so everything that the schema leaves out
//! may be missing here; but an amount that is there is read exactly or the file is refused.

mod lines;
mod read;
mod statement;
mod values;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_hostile;

pub use lines::{BankLine, bank_lines};
pub use read::read_camt_053;
pub use statement::{
    Balance, BalanceCheck, BankEntry, BankStatement, Counterparty, EntryDetail, EntryStatus,
    MessageKind, Side,
};

use crate::domain::amount::AmountError;

use super::xml::{XmlError, XmlLimits};

/// How much a bank's file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CamtLimits {
    /// The limits of any XML.
    pub xml: XmlLimits,
    /// The most entries and details of entries, over all statements of the file.
    pub entries_max: usize,
}

impl Default for CamtLimits {
    fn default() -> Self {
        Self { xml: XmlLimits::default(), entries_max: 1_000_000 }
    }
}

/// Why a bank's file was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CamtError {
    /// It is no XML that may be read.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Another message, or another version.
    #[error(
        "the file's namespace is \"{0}\": ask the bank for camt.053 or camt.054, version 02 to 08"
    )]
    Format(String),
    /// More entries than the limit.
    #[error("the file has more than {0} entries: ask the bank for smaller files")]
    TooManyEntries(usize),
    /// What every bank must tell is missing.
    #[error("{place} has no {what}: ask the bank to send the file again")]
    Missing {
        /// What is missing, by its name in the message.
        what: &'static str,
        /// The statement and the entry.
        place: String,
    },
    /// An amount is no number, or finer than its currency.
    #[error("the amount \"{text}\" at {place} cannot be read: {reason}")]
    Amount {
        /// The amount as it stands.
        text: String,
        /// Where it stands.
        place: String,
        /// Why.
        reason: AmountError,
    },
    /// A currency that is not known here.
    #[error("the currency \"{text}\" at {place} is not known")]
    Currency {
        /// The currency as it stands.
        text: String,
        /// Where it stands.
        place: String,
    },
    /// Another value that cannot be read.
    #[error("the value \"{text}\" at {place} cannot be read")]
    Value {
        /// The value as it stands.
        text: String,
        /// Where it stands.
        place: String,
    },
}
