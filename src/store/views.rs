//! What the API reads: transactions, histories, balances. Apart from the ledger's load and save.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::connection::Database;
use super::heads::ChainHash;
use super::load::{self, Wanted};
use super::rows::read_json;
use super::schema::{holds, lots, transactions};
use super::{StoreError, dialect, members, persons};
use crate::domain::ids::{MemberId, ShardId, TransactionId};
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

/// A transaction as it is stored, with the ends of the chain before and after it.
#[derive(Clone, Debug)]
pub struct ChainedTransaction {
    /// Its bytes.
    pub content: String,
    /// The hash of the chain before it; none: what comes before is not there.
    pub before: Option<ChainHash>,
    /// The hash of the chain after it.
    pub after: Vec<u8>,
}

/// Transactions by id, with the hashes around each; those that are not there are left out.
///
/// # Errors
/// If the database fails.
pub fn chained(
    connection: &mut Database,
    ids: &[TransactionId],
) -> Result<BTreeMap<TransactionId, ChainedTransaction>, StoreError> {
    let mut of_shards: BTreeMap<ShardId, Vec<i64>> = BTreeMap::new();
    for id in ids {
        of_shards.entry(id.shard()).or_default().push(id.number());
    }
    let mut found = BTreeMap::new();
    for (shard, places) in of_shards {
        let before: Vec<i64> = places.iter().map(|seq| seq - 1).collect();
        let hashes: Vec<(i64, Vec<u8>)> = transactions::table
            .select((transactions::seq, transactions::hash))
            .filter(transactions::shard.eq(shard.0))
            .filter(transactions::seq.eq_any(before))
            .load(connection)?;
        let hashes: BTreeMap<i64, Vec<u8>> = hashes.into_iter().collect();
        let rows: Vec<(i64, String, Vec<u8>)> = transactions::table
            .select((transactions::seq, transactions::content, transactions::hash))
            .filter(transactions::shard.eq(shard.0))
            .filter(transactions::seq.eq_any(places))
            .load(connection)?;
        for (seq, content, after) in rows {
            let before = match seq {
                1 => Some([0; 32]),
                _ => hashes.get(&(seq - 1)).and_then(|hash| hash.as_slice().try_into().ok()),
            };
            let one = ChainedTransaction { content, before, after };
            found.insert(TransactionId::new(shard, seq), one);
        }
    }
    Ok(found)
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
