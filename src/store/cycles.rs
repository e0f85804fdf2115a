//! Positions of cycles, and cycles that are no longer open.

use std::collections::{BTreeMap, BTreeSet};

use diesel::dsl::max;
use diesel::prelude::*;

use super::StoreError;
use super::connection::Database;
use super::rows::read_name;
use super::schema::{cycle_events, cycles, positions};
use crate::domain::amount::{Money, Points};
use crate::domain::posting::ObligationKind;
use crate::domain::settlement::{CycleId, CycleState, PositionSum};
use crate::domain::time::{Day, Instant};

/// A cycle's row, as far as it is no longer open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleRow {
    /// Which.
    pub id: CycleId,
    /// What it has come to.
    pub state: CycleState,
    /// Its figures as they were fixed; none: it is closing.
    pub figures: Option<String>,
    /// The signed checkpoints of its shards, as JSON.
    pub checkpoints: Option<String>,
    /// How many transactions of the house's journal belong to it or to earlier ones.
    pub house_size: Option<i64>,
}

type Row = (String, i64, String, Option<String>, Option<String>, Option<i64>);

fn cycle_of(row: Row) -> Result<CycleRow, StoreError> {
    let (schedule, first, state, figures, checkpoints, house_size) = row;
    let id = CycleId { schedule: read_name(&schedule)?, first: Day::from_number(first) };
    let state = CycleState::named(&state)
        .ok_or_else(|| StoreError::Damaged(format!("the state of cycle {id}")))?;
    Ok(CycleRow { id, state, figures, checkpoints, house_size })
}

/// One transition of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleEvent {
    /// To what.
    pub state: CycleState,
    /// When.
    pub at: Instant,
    /// Who.
    pub author: String,
    /// Why, where it was said.
    pub note: String,
}

type PositionText = [String; 6];

/// Debtor, creditor, programme, kind, agreement, promotion; late for, postings, points, amount.
type PositionRow = (String, String, String, String, String, String, i64, i64, i64, i64);

/// The positions of a cycle, added up over the shards in whole numbers, in the order of their keys.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn positions_of(
    connection: &mut Database,
    cycle: &CycleId,
) -> Result<Vec<PositionSum>, StoreError> {
    let rows: Vec<PositionRow> = positions::table
        .select((
            positions::debtor,
            positions::creditor,
            positions::programme,
            positions::kind,
            positions::agreement,
            positions::promo,
            positions::late_for,
            positions::postings,
            positions::points,
            positions::amount,
        ))
        .filter(positions::schedule.eq(cycle.schedule.as_str()))
        .filter(positions::cycle.eq(cycle.first.number()))
        .load(connection)?;
    let mut sums: BTreeMap<(PositionText, i64), (i64, i64, i64)> = BTreeMap::new();
    for row in rows {
        let (debtor, creditor, programme, kind, agreement, promo, late, count, points, amount) =
            row;
        let key = ([debtor, creditor, programme, kind, agreement, promo], late);
        let sum = sums.entry(key).or_default();
        *sum = (sum.0 + count, sum.1 + points, sum.2 + amount);
    }
    sums.into_iter().map(|((names, late), sum)| position_of(&names, late, sum)).collect()
}

fn position_of(
    names: &PositionText,
    late_for: i64,
    (count, points, amount): (i64, i64, i64),
) -> Result<PositionSum, StoreError> {
    let [debtor, creditor, programme, kind, agreement, promo] = names;
    let (kind, reverses) = ObligationKind::named(kind)
        .ok_or_else(|| StoreError::Damaged(format!("the kind of a position, {kind}")))?;
    Ok(PositionSum {
        debtor: read_name(debtor)?,
        creditor: read_name(creditor)?,
        programme: or_none(programme)?,
        kind,
        reverses,
        agreement: or_none(agreement)?,
        promo: or_none(promo)?,
        late_for: Day::from_number(late_for),
        count,
        points: Points(points),
        amount: Money(amount),
    })
}

fn or_none<T: std::str::FromStr<Err: std::fmt::Display>>(
    text: &str,
) -> Result<Option<T>, StoreError> {
    if text.is_empty() { Ok(None) } else { read_name(text).map(Some) }
}

/// A cycle that is no longer open; none: it is.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn find(connection: &mut Database, cycle: &CycleId) -> Result<Option<CycleRow>, StoreError> {
    let row: Option<Row> = cycles::table
        .find((cycle.schedule.as_str(), cycle.first.number()))
        .first(connection)
        .optional()?;
    row.map(cycle_of).transpose()
}

/// The cycles of a schedule that are no longer open, the latest first, before a day.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn list(
    connection: &mut Database,
    schedule: &str,
    before: Day,
    most: i64,
) -> Result<Vec<CycleRow>, StoreError> {
    let rows: Vec<Row> = cycles::table
        .filter(cycles::schedule.eq(schedule))
        .filter(cycles::cycle.lt(before.number()))
        .order(cycles::cycle.desc())
        .limit(most)
        .load(connection)?;
    rows.into_iter().map(cycle_of).collect()
}

/// All cycles that are no longer open, each schedule's in their order.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn all(connection: &mut Database) -> Result<Vec<CycleRow>, StoreError> {
    let rows: Vec<Row> = cycles::table.order((cycles::schedule, cycles::cycle)).load(connection)?;
    rows.into_iter().map(cycle_of).collect()
}

/// The cycles of a schedule before the open one that something is still to be done with: those with
/// positions that are not closed, and those that are not agreed to yet.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn unfinished(connection: &mut Database, open: &CycleId) -> Result<Vec<CycleId>, StoreError> {
    let schedule = open.schedule.as_str();
    let early = [CycleState::Closing, CycleState::Closed, CycleState::Published];
    let begun: Vec<i64> = cycles::table
        .select(cycles::cycle)
        .filter(cycles::schedule.eq(schedule))
        .filter(cycles::state.eq_any(early.map(CycleState::name)))
        .load(connection)?;
    let last_closed: Option<i64> = cycles::table
        .select(max(cycles::cycle))
        .filter(cycles::schedule.eq(schedule))
        .filter(cycles::checkpoints.is_not_null())
        .first(connection)?;
    // Cycles are closed in their order: nothing is left in one before the last that was. Those without
    // checkpoints were closed by 0.1.0, in any order.
    let posted: Vec<i64> = positions::table
        .select(positions::cycle)
        .distinct()
        .filter(positions::schedule.eq(schedule))
        .filter(positions::cycle.gt(last_closed.unwrap_or(i64::MIN)))
        .filter(positions::cycle.lt(open.first.number()))
        .load(connection)?;
    let firsts: BTreeSet<i64> = begun.into_iter().chain(posted).collect();
    let cycle = |first| CycleId { schedule: open.schedule.clone(), first: Day::from_number(first) };
    Ok(firsts.into_iter().map(cycle).collect())
}

/// The transitions of a cycle, in their order.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn events(connection: &mut Database, cycle: &CycleId) -> Result<Vec<CycleEvent>, StoreError> {
    let rows: Vec<(String, i64, String, String)> = cycle_events::table
        .select((cycle_events::state, cycle_events::at, cycle_events::author, cycle_events::note))
        .filter(cycle_events::schedule.eq(cycle.schedule.as_str()))
        .filter(cycle_events::cycle.eq(cycle.first.number()))
        .load(connection)?;
    let event = |(state, at, author, note): (String, i64, String, String)| {
        let state = CycleState::named(&state)
            .ok_or_else(|| StoreError::Damaged(format!("an event of cycle {cycle}")))?;
        Ok(CycleEvent { state, at: Instant(at), author, note })
    };
    let mut events: Vec<CycleEvent> =
        rows.into_iter().map(event).collect::<Result<_, StoreError>>()?;
    events.sort_by_key(|event| event.state);
    Ok(events)
}

/// Who does something, when, and why.
#[derive(Clone, Debug)]
pub struct Doing<'a> {
    /// Who.
    pub author: &'a str,
    /// When.
    pub at: Instant,
    /// Why, where it was said.
    pub note: &'a str,
}

/// Begins to close an open cycle.
///
/// # Errors
/// If it is not open, or the database fails.
pub fn begin(
    connection: &mut Database,
    cycle: &CycleId,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    diesel::insert_into(cycles::table)
        .values((
            cycles::schedule.eq(cycle.schedule.as_str()),
            cycles::cycle.eq(cycle.first.number()),
            cycles::state.eq(CycleState::Closing.name()),
        ))
        .execute(connection)?;
    record(connection, cycle, CycleState::Closing, doing)
}

/// What closing a cycle fixes.
#[derive(Clone, Debug)]
pub struct Fixed<'a> {
    /// Its figures.
    pub figures: &'a str,
    /// The signed checkpoints of its shards, as JSON.
    pub checkpoints: &'a str,
    /// How many transactions of the house's journal belong to it or to earlier ones.
    pub house_size: i64,
}

/// Fixes what a cycle that is closing came to.
///
/// # Errors
/// If the database fails.
pub fn fix(
    connection: &mut Database,
    cycle: &CycleId,
    fixed: &Fixed<'_>,
) -> Result<(), StoreError> {
    diesel::update(cycles::table.find((cycle.schedule.as_str(), cycle.first.number())))
        .set((
            cycles::figures.eq(fixed.figures),
            cycles::checkpoints.eq(fixed.checkpoints),
            cycles::house_size.eq(fixed.house_size),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes a cycle from one state to the next. Gives back whether it was in the first one: of two
/// that try, one does it.
///
/// # Errors
/// If the database fails.
///
/// # Panics
/// If the transition is none that a cycle may make.
pub fn advance(
    connection: &mut Database,
    cycle: &CycleId,
    (from, to): (CycleState, CycleState),
    doing: &Doing<'_>,
) -> Result<bool, StoreError> {
    assert!(from.may_become(to), "a cycle goes forward, one transition at a time");
    let changed = diesel::update(
        cycles::table
            .find((cycle.schedule.as_str(), cycle.first.number()))
            .filter(cycles::state.eq(from.name())),
    )
    .set(cycles::state.eq(to.name()))
    .execute(connection)?;
    if changed == 0 {
        return Ok(false);
    }
    record(connection, cycle, to, doing)?;
    Ok(true)
}

fn record(
    connection: &mut Database,
    cycle: &CycleId,
    state: CycleState,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    diesel::insert_into(cycle_events::table)
        .values((
            cycle_events::schedule.eq(cycle.schedule.as_str()),
            cycle_events::cycle.eq(cycle.first.number()),
            cycle_events::state.eq(state.name()),
            cycle_events::at.eq(doing.at.0),
            cycle_events::author.eq(doing.author),
            cycle_events::note.eq(doing.note),
        ))
        .execute(connection)?;
    Ok(())
}
