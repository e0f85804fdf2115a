//! The journal as one stream: the transactions of all shards in the order of their days, read page
//! by page. What is in memory does not grow with the journal.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::str::FromStr;

use diesel::prelude::*;

use super::StoreError;
use super::audit::StoredPosition;
use super::connection::Database;
use super::heads;
use super::rows::{LotRow, read_json, read_name};
use super::schema::{lots, positions, transactions};
use crate::domain::ids::{LotId, ShardId, TransactionId};
use crate::domain::ledger::{Position, PositionKey};
use crate::domain::posting::ObligationKind;
use crate::domain::settlement::CycleId;
use crate::domain::time::{Day, Instant};
use crate::domain::transaction::Transaction;

/// Rows that are read at once, over all shards.
const ROWS_AT_ONCE: i64 = 8_192;

/// The fewest rows that a shard reads at once.
const ROWS_OF_SHARD_MIN: i64 = 16;

/// How many rows one query names.
const NAMED_AT_ONCE: usize = 2_000;

/// What the columns of a transaction say of it, without reading its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which transaction.
    pub id: TransactionId,
    /// When it was recorded.
    pub recorded_at: Instant,
    /// The settlement day that it belongs to.
    pub settlement_day: Day,
}

/// A transaction as it is stored.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What its columns say.
    pub stamp: Stamp,
    /// Its bytes.
    content: String,
    /// The hash of the chain after it.
    pub hash: Vec<u8>,
}

impl Entry {
    /// Reads its bytes.
    ///
    /// # Errors
    /// If they were changed.
    pub fn transaction(&self) -> Result<Transaction, StoreError> {
        read_json(&self.content, &self.stamp.id.to_string())
    }
}

/// The order of the stream: by day, then by instant, then by shard and sequence.
type Place = (i64, Instant, ShardId, i64);

/// A stream of transactions.
///
/// Time never goes back on a shard, so merging the shards by their next transactions gives all of
/// them in order.
pub struct Journal {
    shards: Vec<ShardPages>,
    next: BinaryHeap<Reverse<(Place, usize)>>,
    rows_at_once: i64,
}

struct ShardPages {
    shard: ShardId,
    last_seq: i64,
    last_day: i64,
    page: VecDeque<Entry>,
}

impl Journal {
    /// Begins the stream. The connection must stay in one snapshot until its end.
    ///
    /// # Errors
    /// If the database fails.
    pub fn open(database: &mut Database) -> Result<Self, StoreError> {
        let heads = heads::all(database)?;
        let count = i64::try_from(heads.len()).unwrap_or(i64::MAX).max(1);
        let empty = |shard| ShardPages { shard, last_seq: 0, last_day: i64::MIN, page: [].into() };
        let mut journal = Self {
            shards: heads.iter().map(|head| empty(head.shard)).collect(),
            next: BinaryHeap::new(),
            rows_at_once: (ROWS_AT_ONCE / count).max(ROWS_OF_SHARD_MIN),
        };
        for index in 0..journal.shards.len() {
            journal.advance(database, index)?;
        }
        Ok(journal)
    }

    /// The next transaction; none: that was all.
    ///
    /// # Errors
    /// If the database fails, or the days of a shard go back.
    pub fn next(&mut self, database: &mut Database) -> Result<Option<Entry>, StoreError> {
        let Some(Reverse((_, index))) = self.next.pop() else { return Ok(None) };
        let entry = self.shards[index].page.pop_front();
        self.advance(database, index)?;
        Ok(entry)
    }

    /// Puts the next transaction of a shard into the order.
    fn advance(&mut self, database: &mut Database, index: usize) -> Result<(), StoreError> {
        let pages = &mut self.shards[index];
        if pages.page.is_empty() {
            pages.page = page(database, pages.shard, pages.last_seq, self.rows_at_once)?.into();
        }
        let Some(entry) = pages.page.front() else { return Ok(()) };
        let Stamp { id, recorded_at, settlement_day } = entry.stamp;
        let day = settlement_day.number();
        if day < pages.last_day {
            return Err(StoreError::Damaged(format!("{id}: the settlement day goes back")));
        }
        (pages.last_seq, pages.last_day) = (id.number(), day);
        self.next.push(Reverse(((day, recorded_at, pages.shard, id.number()), index)));
        Ok(())
    }
}

/// The next page of a shard.
fn page(
    database: &mut Database,
    shard: ShardId,
    after: i64,
    limit: i64,
) -> Result<Vec<Entry>, StoreError> {
    let rows: Vec<(i64, i64, i64, String, Vec<u8>)> = transactions::table
        .select((
            transactions::seq,
            transactions::recorded_at,
            transactions::settlement_day,
            transactions::content,
            transactions::hash,
        ))
        .filter(transactions::shard.eq(shard.0))
        .filter(transactions::seq.gt(after))
        .order(transactions::seq)
        .limit(limit)
        .load(database)?;
    let entry = |(seq, recorded_at, day, content, hash)| {
        let stamp = Stamp {
            id: TransactionId::new(shard, seq),
            recorded_at: Instant(recorded_at),
            settlement_day: Day::from_number(day),
        };
        Entry { stamp, content, hash }
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// A lot, and the transaction that made it.
#[derive(Clone, Debug)]
pub struct MadeLot {
    /// The lot as it is now.
    pub lot: LotRow,
    /// What made it.
    pub made_by: Stamp,
}

/// The next page of the lots of some programmes after an id, oldest first, each with what made it.
///
/// # Errors
/// If the database fails, or a lot has no transaction.
pub fn lots(
    database: &mut Database,
    programmes: &[&str],
    after: i64,
) -> Result<Vec<MadeLot>, StoreError> {
    let rows: Vec<LotRow> = lots::table
        .select(LotRow::as_select())
        .filter(lots::lot.gt(after))
        .filter(lots::programme.eq_any(programmes))
        .order(lots::lot)
        .limit(ROWS_AT_ONCE)
        .load(database)?;
    let stamps = stamps_of(database, &rows)?;
    let made = |lot: LotRow| {
        let id = LotId(lot.lot).transaction();
        let place = stamps.binary_search_by_key(&id, |stamp| stamp.id);
        let place = place.map_err(|_| {
            StoreError::Damaged(format!("{}: no transaction made it", LotId(lot.lot)))
        })?;
        Ok(MadeLot { made_by: stamps[place], lot })
    };
    rows.into_iter().map(made).collect()
}

/// Lots by their ids, in that order, as they are now.
///
/// # Errors
/// If the database fails, or one is not there.
pub fn lots_of(database: &mut Database, ids: &[LotId]) -> Result<Vec<LotRow>, StoreError> {
    let mut rows = Vec::with_capacity(ids.len());
    for some in ids.chunks(NAMED_AT_ONCE) {
        let numbers = some.iter().map(|id| id.0);
        let found: Vec<LotRow> = lots::table
            .select(LotRow::as_select())
            .filter(lots::lot.eq_any(numbers))
            .load(database)?;
        let mut found: BTreeMap<i64, LotRow> =
            found.into_iter().map(|row| (row.lot, row)).collect();
        for id in some {
            let row = found.remove(&id.0);
            let missing = || StoreError::Damaged(format!("{id}: it is not in the table of lots"));
            rows.push(row.ok_or_else(missing)?);
        }
    }
    Ok(rows)
}

/// The transactions that made a page of lots, by id: of each shard, the range that the page spans.
fn stamps_of(database: &mut Database, rows: &[LotRow]) -> Result<Vec<Stamp>, StoreError> {
    let mut wanted: Vec<TransactionId> =
        rows.iter().map(|row| LotId(row.lot).transaction()).collect();
    wanted.sort_by_key(|id| (id.shard(), id.number()));
    wanted.dedup();
    let mut stamps = Vec::with_capacity(wanted.len());
    for of_shard in wanted.chunk_by(|one, other| one.shard() == other.shard()) {
        for some in of_shard.chunks(NAMED_AT_ONCE) {
            let shard = some[0].shard();
            let sequences: Vec<i64> = some.iter().map(|id| id.number()).collect();
            let found: Vec<(i64, i64, i64)> = transactions::table
                .select((
                    transactions::seq,
                    transactions::recorded_at,
                    transactions::settlement_day,
                ))
                .filter(transactions::shard.eq(shard.0))
                .filter(transactions::seq.eq_any(sequences))
                .load(database)?;
            stamps.extend(found.into_iter().map(|(seq, recorded_at, day)| Stamp {
                id: TransactionId::new(shard, seq),
                recorded_at: Instant(recorded_at),
                settlement_day: Day::from_number(day),
            }));
        }
    }
    stamps.sort_by_key(|stamp| stamp.id);
    Ok(stamps)
}

/// The cycles that have positions, in order.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn position_cycles(database: &mut Database) -> Result<Vec<CycleId>, StoreError> {
    let rows: Vec<(String, i64)> = positions::table
        .select((positions::schedule, positions::cycle))
        .distinct()
        .order((positions::schedule, positions::cycle))
        .load(database)?;
    rows.into_iter().map(|(schedule, first)| cycle_of(&schedule, first)).collect()
}

/// The positions of a cycle, shard by shard.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn positions_of(
    database: &mut Database,
    cycle: &CycleId,
) -> Result<Vec<(PositionKey, Position)>, StoreError> {
    let rows: Vec<StoredPosition> = positions::table
        .select(StoredPosition::as_select())
        .filter(positions::schedule.eq(cycle.schedule.as_str()))
        .filter(positions::cycle.eq(cycle.first.number()))
        .load(database)?;
    let mut all: Vec<_> = rows.iter().map(position_of).collect::<Result<_, StoreError>>()?;
    all.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    Ok(all)
}

fn cycle_of(schedule: &str, first: i64) -> Result<CycleId, StoreError> {
    Ok(CycleId { schedule: read_name(schedule)?, first: Day::from_number(first) })
}

fn position_of(row: &StoredPosition) -> Result<(PositionKey, Position), StoreError> {
    let (kind, reverses) = ObligationKind::named(&row.kind)
        .ok_or_else(|| StoreError::Damaged(format!("the kind of a position, {}", row.kind)))?;
    let key = PositionKey {
        shard: ShardId(row.shard),
        cycle: cycle_of(&row.schedule, row.cycle)?,
        late_for: Day::from_number(row.late_for),
        debtor: read_name(&row.debtor)?,
        creditor: read_name(&row.creditor)?,
        programme: or_none(&row.programme)?,
        agreement: or_none(&row.agreement)?,
        promo: or_none(&row.promo)?,
        kind: kind.name(reverses),
    };
    Ok((key, Position { count: row.postings, points: row.points, amount: row.amount }))
}

/// A stored name; none where the column is empty.
fn or_none<T: FromStr>(text: &str) -> Result<Option<T>, StoreError> {
    if text.is_empty() { Ok(None) } else { read_name(text).map(Some) }
}
