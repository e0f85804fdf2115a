//! The only place that knows SQL. It reads and writes in sets; it decides nothing.
//!
//! One schema and one text serve SQLite and PostgreSQL; what truly differs stands in `dialect`
//! (transactions, locks, the classes of errors, the bulk form of a save).

pub mod answers;
pub mod audit;
pub mod book_profiles;
pub mod breaks;
pub mod campaigns;
pub mod card_views;
pub mod cards;
pub mod checkpoints;
pub mod codes;
pub mod configurations;
mod connection;
pub mod consents;
pub mod cycle_sums;
pub mod cycles;
pub mod deliveries;
pub mod desk_reads;
pub mod dialect;
pub mod disputes;
pub mod erasure;
pub mod events;
pub mod exposures;
pub mod heads;
pub mod imports;
pub mod journal;
pub mod liability;
pub mod limit_notices;
mod live;
pub mod load;
pub mod log;
pub mod log_key;
pub mod member_stats;
pub mod members;
pub mod migrations;
pub mod names;
pub mod notices;
pub mod offers;
pub mod open_items;
mod originals;
pub mod outbox;
pub mod packs;
pub mod passes;
pub mod payments;
pub mod persons;
mod prepared;
pub mod promos;
pub mod proposals;
pub mod receipts;
pub mod reconciliations;
pub mod reminders;
pub mod rows;
pub mod save;
pub mod save_members;
mod save_postgres;
pub mod schema;
pub mod seals;
pub mod statements;
pub mod stream;
pub mod ties;
pub mod vault_key;
pub mod views;
pub mod webhooks;

pub use connection::{Address, Database, Kind, ReadPool, Use, open_pool};

use diesel::result::{DatabaseErrorKind, Error as DieselError};

/// Why the database did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is of no known form.
    #[error("write the database as sqlite:PATH or postgres://USER@HOST/NAME")]
    Address,
    /// No connection could be had.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// Another writer came first; the same work can be done again.
    #[error("another writer came first")]
    Conflict(#[source] DieselError),
    /// A key that must be unique was taken by another writer.
    #[error("a unique key was taken by another writer")]
    Taken(#[source] DieselError),
    /// The connection broke; whether the last commit happened is not known.
    #[error("the connection to the database broke")]
    Broken(#[source] DieselError),
    /// What is stored can't be read: it was changed, or is of a later version.
    #[error("stored data can't be read: {0}")]
    Damaged(String),
    /// The database was set up differently.
    #[error("{0}")]
    SetUp(String),
    /// Any other failure.
    #[error("the database refused a statement")]
    Other(#[source] DieselError),
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        dialect::classify(error)
    }
}

impl StoreError {
    /// The error and its causes in one line, for a log.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(one) = cause {
            text.push_str(": ");
            text.push_str(&one.to_string());
            cause = one.source();
        }
        text
    }

    /// Whether the same work may succeed when it is done again.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Taken(_) | Self::Broken(_) | Self::Unreachable(_))
    }

    /// Whether the connection should not be used again.
    pub const fn is_connection_lost(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::Unreachable(_))
    }
}

/// Whether an error is a unique key that was taken.
const fn is_unique_violation(error: &DieselError) -> bool {
    matches!(error, DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _))
}
