//! What was agreed: the coalition, its parties and keys, programmes, agreements and exchanges.
//!
//! Each has a *document*, the JSON or YAML that people write (unknown fields are refused), and a
//! checked form that the rest of the domain trusts. A [`Coalition`] is all of it at one instant.

pub mod agreement;
pub mod card;
pub mod charges;
pub mod coalition;
pub mod dispute;
pub mod funding;
pub mod party;
pub mod programme;
pub mod programme_document;
pub mod rate;
pub mod schedule;
pub mod summary;
pub mod tiers;
pub mod timeline;
pub mod vat;

pub use agreement::{Agreement, Exchange};
pub use coalition::Coalition;
pub use party::{AccountDocument, Algorithm, Key, Party, PartyKind};
pub use programme::{Mode, Programme};
pub use schedule::Schedule;
pub use timeline::Timeline;

/// A configuration that can't be taken, with the place in the document and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct Invalid {
    /// JSON pointer into the document.
    pub pointer: String,
    /// What is wrong and what to write instead.
    pub detail: String,
}

impl Invalid {
    /// A finding at a place.
    pub fn at(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}
