//! Reads the transactions of a cycle, shard by shard, and checks each against its hash.

use std::collections::BTreeSet;

use crate::domain::entry::{Entry, commitments, entries_of};
use crate::domain::ids::{ShardId, TransactionId};
use crate::domain::log::Hash;
use crate::domain::log::leaf::{leaf_data, leaf_hash};
use crate::domain::terms::Coalition;
use crate::domain::transaction::Transaction;
use crate::store::rows::read_json;
use crate::store::save::chain;
use crate::store::{Database, StoreError, audit};

/// What a cycle covers of one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The shard.
    pub shard: ShardId,
    /// How many transactions come before.
    pub after: i64,
    /// The last place.
    pub last: i64,
}

/// A transaction as it was recorded, with what the log says of it.
pub struct Recorded {
    /// The transaction.
    pub transaction: Transaction,
    /// The hash of the chain before it.
    pub before: Hash,
    /// Its entries, in order.
    pub entries: Vec<Entry>,
    /// The log's commitments to the entries.
    pub commitments: Vec<Hash>,
    /// The hash of the chain with it.
    pub chain: Hash,
}

impl Recorded {
    /// Its leaf in the log.
    pub fn leaf(&self) -> Hash {
        leaf_hash(&leaf_data(&self.chain, &self.commitments))
    }
}

/// Why a statement can't be written.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The other end went away.
    #[error("the statement can't be written: {0}")]
    Output(#[from] std::io::Error),
    /// What was recorded is not there any more.
    #[error("{0} was changed after it was recorded: its bytes do not give its hash")]
    Changed(TransactionId),
    /// What was recorded gives another log than the one that was vouched for.
    #[error("the log of shard {0} does not lead to its checkpoint")]
    LogDiffers(i64),
    /// The same figures were not found again.
    #[error("statement {0} can't be reproduced: its bytes give another hash than when published")]
    Differs(String),
}

/// Reads a part of the journal, in its order; each transaction is checked against its hash.
///
/// # Errors
/// If the database fails, a transaction was changed, or `each` fails.
pub fn scan(
    database: &mut Database,
    coalition: &Coalition,
    part: Part,
    each: &mut dyn FnMut(&Recorded) -> Result<(), StatementError>,
) -> Result<(), StatementError> {
    let mut before = hash_at(database, part.shard, part.after)?;
    let mut last = part.after;
    while last < part.last {
        let page = audit::journal(database, part.shard.0, last)?;
        if page.is_empty() {
            return Err(StatementError::LogDiffers(part.shard.0));
        }
        for (seq, _, _, content, stored) in page {
            if part.last < seq {
                return Ok(());
            }
            let id = TransactionId::new(part.shard, seq);
            let hash = chain(&before, &content);
            if seq != last + 1 || stored != hash {
                return Err(StatementError::Changed(id));
            }
            let transaction: Transaction = read_json(&content, &id.to_string())?;
            let entries = entries_of(&transaction, coalition);
            let commitments = commitments(&entries, &before);
            each(&Recorded { transaction, before, entries, commitments, chain: hash })?;
            before = hash;
            last = seq;
        }
    }
    Ok(())
}

/// Checks a part of a shard's chain: the bytes of each transaction against its hash.
///
/// # Errors
/// If the database fails, or one was changed or is not there.
pub fn check_chain(database: &mut Database, part: Part) -> Result<(), StatementError> {
    let mut before = hash_at(database, part.shard, part.after)?;
    let mut checked = part.after;
    while checked < part.last {
        let page = audit::journal(database, part.shard.0, checked)?;
        if page.is_empty() {
            return Err(StatementError::LogDiffers(part.shard.0));
        }
        for (seq, _, _, content, stored) in page {
            let hash = chain(&before, &content);
            if seq != checked + 1 || stored != hash {
                return Err(StatementError::Changed(TransactionId::new(part.shard, seq)));
            }
            before = hash;
            checked = seq;
            if checked == part.last {
                break;
            }
        }
    }
    Ok(())
}

/// The hash of a shard's chain after so many transactions.
fn hash_at(database: &mut Database, shard: ShardId, seq: i64) -> Result<Hash, StatementError> {
    if seq == 0 {
        return Ok([0; 32]);
    }
    let hash = audit::hash_at(database, shard.0, seq)?;
    hash.ok_or(StatementError::Changed(TransactionId::new(shard, seq)))
}

/// The parties that a transaction's entries name.
pub fn sides_of(recorded: &Recorded) -> BTreeSet<&crate::domain::ids::PartyId> {
    recorded.entries.iter().flat_map(|entry| entry.from.iter().chain(&entry.to)).collect()
}
