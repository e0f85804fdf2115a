//! Published statements, and the points in circulation when their cycles ended.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::rows::read_name;
use super::schema::{circulation, statements};
use crate::domain::amount::Points;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::settlement::CycleId;
use crate::domain::time::Instant;

/// A statement that nobody has answered yet.
pub const PUBLISHED: &str = "published";
/// A statement that its party agreed to.
pub const ACKNOWLEDGED: &str = "acknowledged";
/// A statement that its party disagreed with.
pub const DISPUTED: &str = "disputed";

/// A published statement.
#[derive(Clone, Debug, Queryable, Selectable, Insertable, PartialEq, Eq)]
#[diesel(table_name = statements, treat_none_as_default_value = false)]
pub struct StatementRow {
    /// The schedule of its cycle.
    pub schedule: String,
    /// The first day of its cycle.
    pub cycle: i64,
    /// Whose it is.
    pub party: String,
    /// What stands before its lines.
    pub head: String,
    /// What stands after them.
    pub tail: String,
    /// How many lines.
    pub lines: i64,
    /// SHA-256 of the whole file, in hexadecimal.
    pub sha256: String,
    /// Whether the party agreed.
    pub state: String,
    /// When it said so.
    pub answered_at: Option<i64>,
    /// Who said so.
    pub answered_by: Option<String>,
    /// What the operator signed of the row; none: an earlier version published it.
    pub vouched: Option<String>,
}

/// Adds the statements of a cycle.
///
/// # Errors
/// If one is there already, or the database fails.
pub fn add(connection: &mut Database, rows: &[StatementRow]) -> Result<(), StoreError> {
    // A head can be large: one row a statement.
    for row in rows {
        each_backend!(connection, |one| {
            diesel::insert_into(statements::table).values(row).execute(one)
        })?;
    }
    Ok(())
}

/// A party's statement of a cycle.
///
/// # Errors
/// If the database fails.
pub fn find(
    connection: &mut Database,
    cycle: &CycleId,
    party: &PartyId,
) -> Result<Option<StatementRow>, StoreError> {
    let key = (cycle.schedule.as_str(), cycle.first.number(), party.as_str());
    Ok(statements::table
        .find(key)
        .select(StatementRow::as_select())
        .first(connection)
        .optional()?)
}

/// The latest statement of a party before a cycle.
///
/// # Errors
/// If the database fails.
pub fn previous(
    connection: &mut Database,
    cycle: &CycleId,
    party: &PartyId,
) -> Result<Option<(i64, String)>, StoreError> {
    Ok(statements::table
        .select((statements::cycle, statements::sha256))
        .filter(statements::party.eq(party.as_str()))
        .filter(statements::schedule.eq(cycle.schedule.as_str()))
        .filter(statements::cycle.lt(cycle.first.number()))
        .order(statements::cycle.desc())
        .first(connection)
        .optional()?)
}

/// Which statements a list has.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Of this party only.
    pub party: Option<&'a PartyId>,
    /// Of this cycle only.
    pub cycle: Option<&'a CycleId>,
    /// Only those of cycles before this day's number.
    pub before: i64,
    /// At most so many.
    pub most: i64,
}

/// A statement in a list: its cycle and party, how many lines, its hash and its state.
pub type Listed = (String, i64, String, i64, String, String);

/// Statements, the latest first.
///
/// # Errors
/// If the database fails.
pub fn list(connection: &mut Database, wanted: Wanted<'_>) -> Result<Vec<Listed>, StoreError> {
    let mut query = statements::table
        .select((
            statements::schedule,
            statements::cycle,
            statements::party,
            statements::lines,
            statements::sha256,
            statements::state,
        ))
        .filter(statements::cycle.lt(wanted.before))
        .order((statements::cycle.desc(), statements::schedule, statements::party))
        .limit(wanted.most)
        .into_boxed();
    if let Some(party) = wanted.party {
        query = query.filter(statements::party.eq(party.as_str()));
    }
    if let Some(cycle) = wanted.cycle {
        query = query
            .filter(statements::schedule.eq(cycle.schedule.as_str()))
            .filter(statements::cycle.eq(cycle.first.number()));
    }
    Ok(query.load(connection)?)
}

/// Keeps a party's answer to a statement that has none. Gives back whether it had none.
///
/// # Errors
/// If the database fails.
pub fn answer(
    connection: &mut Database,
    (cycle, party): (&CycleId, &PartyId),
    state: &str,
    (by, at): (&str, Instant),
) -> Result<bool, StoreError> {
    let key = (cycle.schedule.as_str(), cycle.first.number(), party.as_str());
    let changed =
        diesel::update(statements::table.find(key).filter(statements::state.eq(PUBLISHED)))
            .set((
                statements::state.eq(state),
                statements::answered_at.eq(at.0),
                statements::answered_by.eq(by),
            ))
            .execute(connection)?;
    Ok(changed > 0)
}

/// The points in circulation at the end of a cycle, by programme.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn circulation(
    connection: &mut Database,
    cycle: &CycleId,
) -> Result<BTreeMap<ProgrammeId, Points>, StoreError> {
    let rows: Vec<(String, i64)> = circulation::table
        .select((circulation::programme, circulation::points))
        .filter(circulation::schedule.eq(cycle.schedule.as_str()))
        .filter(circulation::cycle.eq(cycle.first.number()))
        .load(connection)?;
    let row = |(programme, points): (String, i64)| Ok((read_name(&programme)?, Points(points)));
    rows.into_iter().map(row).collect()
}

/// Keeps the points in circulation at the end of a cycle.
///
/// # Errors
/// If they are there already, or the database fails.
pub fn add_circulation(
    connection: &mut Database,
    cycle: &CycleId,
    all: &BTreeMap<ProgrammeId, Points>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = all
        .iter()
        .map(|(programme, points)| {
            (
                circulation::schedule.eq(cycle.schedule.as_str()),
                circulation::cycle.eq(cycle.first.number()),
                circulation::programme.eq(programme.as_str()),
                circulation::points.eq(points.0),
            )
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    each_backend!(connection, |one| {
        diesel::insert_into(circulation::table).values(&rows).execute(one)
    })?;
    Ok(())
}

/// How many statements of a cycle are in a state.
///
/// # Errors
/// If the database fails.
pub fn count_in_state(
    connection: &mut Database,
    cycle: &CycleId,
    state: &str,
) -> Result<i64, StoreError> {
    Ok(statements::table
        .filter(statements::schedule.eq(cycle.schedule.as_str()))
        .filter(statements::cycle.eq(cycle.first.number()))
        .filter(statements::state.eq(state))
        .count()
        .get_result(connection)?)
}
