//! Sums at the end of published cycles, from which the next ones go on.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::schema::cycle_sums;
use crate::domain::settlement::CycleId;

/// Rows of one statement.
const ROWS_AT_ONCE: usize = 1_000;

/// A sum of points: of which kind and programme, of what by number, and how many.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Queryable)]
pub struct SumRow {
    /// What is added up.
    pub kind: String,
    /// Of which programme.
    pub programme: String,
    /// Of which instant, month or pack, as the kind says.
    pub name: i64,
    /// In the programme's smallest unit.
    pub points: i64,
}

/// The sums at the end of a cycle, in order.
///
/// # Errors
/// If the database fails.
pub fn of(connection: &mut Database, cycle: &CycleId) -> Result<Vec<SumRow>, StoreError> {
    let mut rows: Vec<SumRow> = cycle_sums::table
        .select((cycle_sums::kind, cycle_sums::programme, cycle_sums::name, cycle_sums::points))
        .filter(cycle_sums::schedule.eq(cycle.schedule.as_str()))
        .filter(cycle_sums::cycle.eq(cycle.first.number()))
        .load(connection)?;
    rows.sort_unstable();
    Ok(rows)
}

/// Keeps the sums at the end of a cycle.
///
/// # Errors
/// If they are there already, or the database fails.
pub fn add(connection: &mut Database, cycle: &CycleId, all: &[SumRow]) -> Result<(), StoreError> {
    for some in all.chunks(ROWS_AT_ONCE) {
        let rows: Vec<_> = some
            .iter()
            .map(|row| {
                (
                    cycle_sums::schedule.eq(cycle.schedule.as_str()),
                    cycle_sums::cycle.eq(cycle.first.number()),
                    cycle_sums::kind.eq(&row.kind),
                    cycle_sums::programme.eq(&row.programme),
                    cycle_sums::name.eq(row.name),
                    cycle_sums::points.eq(row.points),
                )
            })
            .collect();
        each_backend!(connection, |one| {
            diesel::insert_into(cycle_sums::table).values(&rows).execute(one)
        })?;
    }
    Ok(())
}
