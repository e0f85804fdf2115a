//! The audit: recomputes accounts, lots, receipts, positions, the hash chain, the log, and all that
//! closing and publishing stored, from the journal alone, and compares them with what the tables say.
//!
//! It reads one state of the database, shard by shard in the order of the sequences, and names the
//! first difference. What it keeps in memory grows with accounts, lots and refunded receipts, not with
//! postings. The journal is read once, and what published cycles cover of it twice more: each statement
//! is made again.

mod compare;
mod cycles;
mod ends;
mod exposures;
mod metrics;
mod payments;
mod receipts;
mod replay;
mod sums;

use std::fmt;

use crate::store::{Address, StoreError, Use, dialect, heads};

use replay::Replay;

/// What an audit checked, and the first thing that is not as it should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Shards of members; the journal of the clearing house is checked too.
    pub shards: u64,
    /// Transactions, each with its place in the sequence and its hash.
    pub transactions: u64,
    /// Postings.
    pub postings: u64,
    /// Accounts.
    pub accounts: u64,
    /// Lots.
    pub lots: u64,
    /// Open holds.
    pub holds: u64,
    /// Receipts that were refunded or delivered.
    pub receipts: u64,
    /// Packs.
    pub packs: u64,
    /// Positions.
    pub positions: u64,
    /// Payments of instructed cycles.
    pub payments: u64,
    /// Cycles that are no longer open.
    pub cycles: u64,
    /// Statements, each made again from the journal.
    pub statements: u64,
    /// The first difference, if there is one.
    pub difference: Option<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, transactions, postings, accounts, lots, .. } = self;
        let Self { holds, receipts, packs, positions, payments, cycles, statements, .. } = self;
        writeln!(
            out,
            "checked {transactions} transactions with {postings} postings in {shards} shards: \
             sequences without gaps, hashes, logs, balances of {accounts} accounts, {lots} lots, \
             {holds} open holds, {receipts} receipts that were refunded or delivered, {packs} packs, \
             {positions} positions, {payments} payments, {cycles} cycles with {statements} statements"
        )?;
        match &self.difference {
            None => write!(out, "no difference"),
            Some(difference) => write!(out, "DIFFERENCE: {difference}"),
        }
    }
}

/// Audits a database.
///
/// # Errors
/// If the database can't be read; what is read and wrong is a difference, not an error.
pub fn audit(address: &Address) -> Result<Report, StoreError> {
    let mut database = address.open(Use::Read)?;
    dialect::begin_snapshot(&mut database)?;
    let mut replay = Replay::default();
    let heads = heads::all(&mut database).map_err(replay::Finding::from);
    match heads.and_then(|heads| replay.check(&mut database, &heads)) {
        Ok(()) => Ok(replay.report),
        Err(replay::Finding::Store(error)) => Err(error),
        Err(replay::Finding::Difference(text)) => {
            Ok(Report { difference: Some(text), ..replay.report })
        }
    }
}
