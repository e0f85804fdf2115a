//! Positions of settlement days, and closed cycles.

use diesel::prelude::*;

use super::StoreError;
use super::connection::Database;
use super::schema::{cycles, exposures, positions};
use crate::domain::time::{Day, Instant};

/// A position over all shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PositionLine {
    /// Who owes.
    pub debtor: String,
    /// Who is owed.
    pub creditor: String,
    /// On whose account.
    pub programme: String,
    /// For what; reversals apart.
    pub kind: String,
    /// How many postings.
    pub count: i64,
    /// For how many points, in the programme's smallest unit.
    pub points: i64,
    /// How much, in minor units.
    pub amount: i64,
}

type Row = (String, String, String, String, i64, i64, i64);

/// The positions of a day, added up over the shards in whole numbers.
///
/// # Errors
/// If the database fails.
pub fn positions_of(connection: &mut Database, day: Day) -> Result<Vec<PositionLine>, StoreError> {
    let rows: Vec<Row> = positions::table
        .select((
            positions::debtor,
            positions::creditor,
            positions::programme,
            positions::kind,
            positions::postings,
            positions::points,
            positions::amount,
        ))
        .filter(positions::settlement_day.eq(day.number()))
        .load(connection)?;
    let mut lines: std::collections::BTreeMap<[String; 4], (i64, i64, i64)> =
        std::collections::BTreeMap::new();
    for (debtor, creditor, programme, kind, count, points, amount) in rows {
        let sum = lines.entry([debtor, creditor, programme, kind]).or_default();
        *sum = (sum.0 + count, sum.1 + points, sum.2 + amount);
    }
    let line = |(key, sum): ([String; 4], (i64, i64, i64))| {
        let [debtor, creditor, programme, kind] = key;
        let (count, points, amount) = sum;
        PositionLine { debtor, creditor, programme, kind, count, points, amount }
    };
    Ok(lines.into_iter().map(line).collect())
}

/// The statement of a closed day; none: it is open.
///
/// # Errors
/// If the database fails.
pub fn closed(connection: &mut Database, day: Day) -> Result<Option<String>, StoreError> {
    let statement =
        cycles::table.find(day.number()).select(cycles::statement).first(connection).optional()?;
    Ok(statement)
}

/// Closes a day with its statement.
///
/// # Errors
/// If it is closed already, or the database fails.
pub fn close(
    connection: &mut Database,
    day: Day,
    closed_at: Instant,
    statement: &str,
) -> Result<(), StoreError> {
    diesel::insert_into(cycles::table)
        .values((
            cycles::settlement_day.eq(day.number()),
            cycles::closed_at.eq(closed_at.0),
            cycles::statement.eq(statement),
        ))
        .execute(connection)?;
    Ok(())
}

/// Sets the net of a party that got a cap within the day.
///
/// # Errors
/// If the database fails.
pub fn set_exposure(
    connection: &mut Database,
    day: Day,
    party: &str,
    net: i64,
) -> Result<(), StoreError> {
    let there = diesel::update(exposures::table.find((day.number(), party)))
        .set(exposures::net.eq(net))
        .execute(connection)?;
    if there == 0 {
        diesel::insert_into(exposures::table)
            .values((
                exposures::settlement_day.eq(day.number()),
                exposures::party.eq(party),
                exposures::net.eq(net),
            ))
            .execute(connection)?;
    }
    Ok(())
}
