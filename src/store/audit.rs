//! What the audit reads: all of the ledger, page by page, in the order of its sequences.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, of_index};
use super::heads::{ChainHash, read_frontier};
use super::rows::{AccountRow, HoldRow, LotRow, read_name};
use super::save::reference_hash_of;
use super::schema::{
    accounts, bank_entries, circulation, cycle_sums, exposures, holds, lots, open_items, positions,
    seals, statements, transactions,
};
use super::seals::Seal;
use super::statements::StatementRow;
use crate::domain::amount::Money;
use crate::domain::ids::{PartyId, ShardId};
use crate::domain::settlement::CycleId;
use crate::domain::time::Day;
use crate::domain::transaction::Transaction;

/// Rows of a page. While one is read, SQLite's log can't begin anew.
pub const PAGE: i64 = 2_000;

/// Transactions of a journal that are read at once. Publishing reads beside those that post, at low
/// priority: as long as a read takes, SQLite's log can't begin anew.
const JOURNAL_PAGE: i64 = 250;

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
        .limit(JOURNAL_PAGE)
        .load(connection)?;
    Ok(rows)
}

/// A stored transaction with all its columns.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = transactions)]
pub struct RecordedRow {
    /// Its place in the sequence.
    pub seq: i64,
    /// Whose points.
    pub member: i64,
    /// When it was recorded.
    pub recorded_at: i64,
    /// On which settlement day.
    pub settlement_day: i64,
    /// By what its reference is found.
    pub reference_hash: Option<Vec<u8>>,
    /// Its bytes.
    pub content: String,
    /// The hash of the chain after it.
    pub hash: Vec<u8>,
}

impl RecordedRow {
    /// Whether the columns are those that follow from a transaction.
    pub fn is_of(&self, transaction: &Transaction) -> bool {
        let reference_hash = reference_hash_of(transaction).map(|hash| hash.to_vec());
        let columns = (self.seq, self.member, self.recorded_at, self.settlement_day);
        let Transaction { id, member, recorded_at, settlement_day, .. } = transaction;
        columns == (id.number(), member.0, recorded_at.0, settlement_day.number())
            && self.reference_hash == reference_hash
    }
}

/// The next page of a shard's transactions with all columns, after a sequence.
///
/// # Errors
/// If the database fails.
pub fn recorded(
    connection: &mut Database,
    shard: i64,
    after: i64,
) -> Result<Vec<RecordedRow>, StoreError> {
    Ok(transactions::table
        .select(RecordedRow::as_select())
        .filter(transactions::shard.eq(shard))
        .filter(transactions::seq.gt(after))
        .order(transactions::seq)
        .limit(PAGE)
        .load(connection)?)
}

/// What a limited party owes, as its row has it.
#[derive(Clone, Debug)]
pub struct StoredExposure {
    /// Who.
    pub party: PartyId,
    /// In which cycle; none: in all.
    pub cycle: Option<CycleId>,
    /// What it is owed, net.
    pub net: Money,
    /// What open holds would make it owe.
    pub held: Money,
}

/// All exposures.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn exposures(connection: &mut Database) -> Result<Vec<StoredExposure>, StoreError> {
    let rows: Vec<(String, String, i64, i64, i64)> = exposures::table.load(connection)?;
    let row = |(party, schedule, first, net, held): (String, String, i64, i64, i64)| {
        let cycle = match schedule.as_str() {
            "" => None,
            name => Some(CycleId { schedule: read_name(name)?, first: Day::from_number(first) }),
        };
        Ok(StoredExposure { party: read_name(&party)?, cycle, net: Money(net), held: Money(held) })
    };
    rows.into_iter().map(row).collect()
}

/// What was posted of what banks booked: the entry's key, its transaction and the amount, for those
/// that were posted.
///
/// # Errors
/// If the database fails.
pub fn posted_entries(connection: &mut Database) -> Result<Vec<(String, i64, Money)>, StoreError> {
    let rows: Vec<(String, Option<i64>, i64)> = bank_entries::table
        .select((bank_entries::entry, bank_entries::transaction_id, bank_entries::amount))
        .filter(bank_entries::transaction_id.is_not_null())
        .load(connection)?;
    let row = |(entry, id, amount): (String, Option<i64>, i64)| Some((entry, id?, Money(amount)));
    Ok(rows.into_iter().filter_map(row).collect())
}

/// What each open item has in suspense.
///
/// # Errors
/// If the database fails.
pub fn items_in_suspense(connection: &mut Database) -> Result<Vec<(i64, Money)>, StoreError> {
    let rows: Vec<(i64, i64)> = open_items::table
        .select((open_items::item, open_items::suspense))
        .filter(of_index("state = 'open'"))
        .filter(open_items::suspense.ne(0))
        .order(open_items::item)
        .load(connection)?;
    Ok(rows.into_iter().map(|(item, amount)| (item, Money(amount))).collect())
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
    /// In which currency.
    pub currency: String,
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

/// The seals of a shard.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn seals(connection: &mut Database, shard: ShardId) -> Result<Vec<Seal>, StoreError> {
    let rows: Vec<(String, i64, i64, Vec<u8>)> = seals::table
        .select((seals::schedule, seals::cycle, seals::size, seals::frontier))
        .filter(seals::shard.eq(shard.0))
        .load(connection)?;
    let seal = |(schedule, first, size, frontier): (String, i64, i64, Vec<u8>)| {
        let cycle = CycleId { schedule: read_name(&schedule)?, first: Day::from_number(first) };
        let frontier = read_frontier(&frontier).map_err(|_| {
            StoreError::Damaged(format!("the seal of {cycle} on shard {}", shard.0))
        })?;
        Ok(Seal { shard, cycle, size, frontier })
    };
    rows.into_iter().map(seal).collect()
}

/// The statements of a cycle, by party.
///
/// # Errors
/// If the database fails.
pub fn statements(
    connection: &mut Database,
    cycle: &CycleId,
) -> Result<Vec<StatementRow>, StoreError> {
    let mut rows: Vec<StatementRow> = statements::table
        .select(StatementRow::as_select())
        .filter(statements::schedule.eq(cycle.schedule.as_str()))
        .filter(statements::cycle.eq(cycle.first.number()))
        .load(connection)?;
    rows.sort_by(|one, other| one.party.cmp(&other.party));
    Ok(rows)
}

/// How many rows published cycles have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Statements.
    pub statements: i64,
    /// Programmes with points in circulation.
    pub circulation: i64,
    /// Sums from which the next cycles go on.
    pub sums: i64,
}

impl Published {
    /// These many.
    pub fn of(statements: usize, circulation: usize, sums: usize) -> Self {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            statements: number(statements),
            circulation: number(circulation),
            sums: number(sums),
        }
    }

    /// Both together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self {
            statements: self.statements + other.statements,
            circulation: self.circulation + other.circulation,
            sums: self.sums + other.sums,
        }
    }
}

/// How many rows the tables of published cycles have.
///
/// # Errors
/// If the database fails.
pub fn published(connection: &mut Database) -> Result<Published, StoreError> {
    Ok(Published {
        statements: statements::table.count().get_result(connection)?,
        circulation: circulation::table.count().get_result(connection)?,
        sums: cycle_sums::table.count().get_result(connection)?,
    })
}
