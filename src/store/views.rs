//! What the API reads: transactions, histories, balances. Apart from the ledger's load and save.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::connection::Database;
use super::load::{self, Wanted};
use super::rows::read_json;
use super::schema::{holds, lots, transactions};
use super::{StoreError, dialect, members, persons};
use crate::domain::ids::{MemberId, TransactionId};
use crate::domain::ledger::Ledger;
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;

/// A transaction as it is stored, with the end of the chain after it.
#[derive(Clone, Debug)]
pub struct StoredTransaction {
    /// The transaction.
    pub transaction: Transaction,
    /// The hash of the chain after it.
    pub hash: Vec<u8>,
}

/// Reads one state of the database, whatever is committed meanwhile.
///
/// # Errors
/// If the database fails, or what is asked does.
pub fn at_one_moment<T>(
    connection: &mut Database,
    ask: impl FnOnce(&mut Database) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    dialect::begin_snapshot(connection)?;
    let read = ask(connection);
    dialect::roll_back(connection)?;
    read
}

/// A transaction by id.
///
/// # Errors
/// If the database fails.
pub fn transaction(
    connection: &mut Database,
    id: TransactionId,
) -> Result<Option<StoredTransaction>, StoreError> {
    let row: Option<(String, Vec<u8>)> = transactions::table
        .find((id.shard().0, id.number()))
        .select((transactions::content, transactions::hash))
        .first(connection)
        .optional()?;
    row.map(|(content, hash)| {
        Ok(StoredTransaction { transaction: read_json(&content, "a transaction")?, hash })
    })
    .transpose()
}

/// A place in a history: instant, sequence and shard of the last transaction that was read. A
/// merged member's transactions lie in several shards, whose sequences meet.
pub type HistoryPlace = (i64, i64, i64);

/// Up to `limit` transactions of a member, newest first, after a place.
///
/// # Errors
/// If the database fails.
pub fn history(
    connection: &mut Database,
    member: MemberId,
    after: Option<HistoryPlace>,
    limit: i64,
) -> Result<Vec<Transaction>, StoreError> {
    let all = members::with_merged(connection, member)?;
    let mut query = transactions::table
        .select(transactions::content)
        .filter(transactions::member.eq_any(all))
        .order((
            transactions::recorded_at.desc(),
            transactions::seq.desc(),
            transactions::shard.desc(),
        ))
        .limit(limit)
        .into_boxed();
    if let Some((at, seq, shard)) = after {
        let earlier = transactions::recorded_at.lt(at);
        let same = transactions::recorded_at.eq(at);
        let before = transactions::seq.lt(seq);
        let beside = transactions::seq.eq(seq).and(transactions::shard.lt(shard));
        query = query.filter(earlier.or(same.and(before.or(beside))));
    }
    let rows: Vec<String> = query.load(connection)?;
    rows.iter().map(|content| read_json(content, "a transaction")).collect()
}

/// The accounts of one member with all lots and open holds.
///
/// # Errors
/// If the database fails.
pub fn accounts_of(connection: &mut Database, member: MemberId) -> Result<Ledger, StoreError> {
    let whole = BTreeSet::from([member]);
    let wanted = Wanted { members: whole.clone(), whole, ..Wanted::default() };
    let mut ledger = load::load(connection, &wanted, Instant(0))?;
    ledger.unconfirmed.extend(persons::unconfirmed(connection, &[member.0])?);
    Ok(ledger)
}

/// Accounts on which the clock did something that is not posted yet, up to `limit`.
///
/// # Errors
/// If the database fails.
pub fn due_accounts(
    connection: &mut Database,
    now: Instant,
    limit: i64,
) -> Result<Vec<(i64, String)>, StoreError> {
    let mut due: Vec<(i64, String)> = lots::table
        .select((lots::member, lots::programme))
        .filter(lots::live)
        .filter(lots::remaining.gt(0))
        .filter(lots::expires_at.le(now.0))
        .order(lots::expires_at)
        .limit(limit)
        .load(connection)?;
    let timed_out: Vec<(i64, String)> = holds::table
        .select((holds::member, holds::programme))
        .filter(holds::open)
        .filter(holds::valid_until.le(now.0))
        .order(holds::valid_until)
        .limit(limit)
        .load(connection)?;
    due.extend(timed_out);
    due.sort();
    due.dedup();
    Ok(due)
}
