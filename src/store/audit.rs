//! What the audit reads: all of the ledger, page by page, in the order of its sequences.

use diesel::prelude::*;

use super::StoreError;
use super::connection::Database;
use super::heads::ChainHash;
use super::rows::{AccountRow, HoldRow, LotRow};
use super::schema::{accounts, holds, lots, positions, transactions};

/// Rows of a page. While one is read, SQLite's log can't begin anew.
pub const PAGE: i64 = 2_000;

/// A stored transaction: sequence, member, settlement day, content, hash.
pub type JournalRow = (i64, i64, i64, String, Vec<u8>);

/// The next page of a shard's transactions, after a sequence.
///
/// # Errors
/// If the database fails.
pub fn journal(
    connection: &mut Database,
    shard: i64,
    after: i64,
) -> Result<Vec<JournalRow>, StoreError> {
    let rows = transactions::table
        .select((
            transactions::seq,
            transactions::member,
            transactions::settlement_day,
            transactions::content,
            transactions::hash,
        ))
        .filter(transactions::shard.eq(shard))
        .filter(transactions::seq.gt(after))
        .order(transactions::seq)
        .limit(PAGE)
        .load(connection)?;
    Ok(rows)
}

/// The hash of a shard's chain after a transaction; none: there is no such transaction.
///
/// # Errors
/// If the database fails.
pub fn hash_at(
    connection: &mut Database,
    shard: i64,
    seq: i64,
) -> Result<Option<ChainHash>, StoreError> {
    let hash: Option<Vec<u8>> = transactions::table
        .find((shard, seq))
        .select(transactions::hash)
        .first(connection)
        .optional()?;
    Ok(hash.and_then(|hash| ChainHash::try_from(hash).ok()))
}

/// The next page of accounts.
///
/// # Errors
/// If the database fails.
pub fn accounts(
    connection: &mut Database,
    after: &(i64, String),
) -> Result<Vec<AccountRow>, StoreError> {
    let (member, programme) = after;
    let later = accounts::member.gt(*member);
    let same = accounts::member.eq(*member).and(accounts::programme.gt(programme.clone()));
    let rows = accounts::table
        .select(AccountRow::as_select())
        .filter(later.or(same))
        .order((accounts::member, accounts::programme))
        .limit(PAGE)
        .load(connection)?;
    Ok(rows)
}

/// The next page of lots, after an id.
///
/// # Errors
/// If the database fails.
pub fn lots(connection: &mut Database, after: i64) -> Result<Vec<LotRow>, StoreError> {
    let rows = lots::table
        .select(LotRow::as_select())
        .filter(lots::lot.gt(after))
        .order(lots::lot)
        .limit(PAGE)
        .load(connection)?;
    Ok(rows)
}

/// The next page of open holds, after an id.
///
/// # Errors
/// If the database fails.
pub fn open_holds(connection: &mut Database, after: i64) -> Result<Vec<HoldRow>, StoreError> {
    let rows = holds::table
        .select(HoldRow::as_select())
        .filter(holds::hold.gt(after))
        .filter(holds::open)
        .order(holds::hold)
        .limit(PAGE)
        .load(connection)?;
    Ok(rows)
}

/// A position's row.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = positions)]
pub struct StoredPosition {
    /// The shard.
    pub shard: i64,
    /// The schedule.
    pub schedule: String,
    /// The cycle's first day.
    pub cycle: i64,
    /// The first day of the cycle that it belongs to by its date.
    pub late_for: i64,
    /// Who owes.
    pub debtor: String,
    /// Who is owed.
    pub creditor: String,
    /// On whose account.
    pub programme: String,
    /// Under whose agreement.
    pub agreement: String,
    /// For which promotion.
    pub promo: String,
    /// For what.
    pub kind: String,
    /// How many postings.
    pub postings: i64,
    /// For how many points.
    pub points: i64,
    /// How much.
    pub amount: i64,
}

/// All positions.
///
/// # Errors
/// If the database fails.
pub fn positions(connection: &mut Database) -> Result<Vec<StoredPosition>, StoreError> {
    Ok(positions::table.select(StoredPosition::as_select()).load(connection)?)
}
