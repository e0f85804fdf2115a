//! Which members were reminded of which lots before they expire: a place in the order of expiry for
//! each programme and number of days, which moves in the commit of what is told.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::schema::{lots, reminder_cursors};
use crate::domain::ids::{MemberId, ProgrammeId};
use crate::domain::time::Instant;

/// How far a programme's members were reminded: all lots that expire before `expires_at`, and of
/// those that expire then the ones of members up to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The expiry.
    pub expires_at: Instant,
    /// The last member; the largest number: all.
    pub member: i64,
}

/// Points of a member that expire at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// Whose.
    pub member: MemberId,
    /// How many.
    pub points: i64,
}

/// The place of a programme and number of days, locked until the transaction ends; where there is
/// none it begins at `from`.
///
/// # Errors
/// If the database fails.
pub fn lock(
    connection: &mut Database,
    (programme, days): (&ProgrammeId, u32),
    from: Instant,
) -> Result<Cursor, StoreError> {
    let first = Cursor { expires_at: from, member: i64::MAX };
    let row = (
        reminder_cursors::programme.eq(programme.as_str()),
        reminder_cursors::days.eq(i64::from(days)),
        reminder_cursors::expires_at.eq(first.expires_at.0),
        reminder_cursors::member.eq(first.member),
    );
    each_backend!(connection, |one| {
        diesel::insert_into(reminder_cursors::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(one)
    })?;
    let asked = reminder_cursors::table
        .find((programme.as_str(), i64::from(days)))
        .select((reminder_cursors::expires_at, reminder_cursors::member));
    let (expires_at, member) = match connection {
        Database::Postgres(one) => asked.for_update().first(one),
        Database::Sqlite(one) => asked.first(one),
    }?;
    Ok(Cursor { expires_at: Instant(expires_at), member })
}

/// The place of a programme and number of days, without a lock.
///
/// # Errors
/// If the database fails.
pub fn peek(
    connection: &mut Database,
    (programme, days): (&ProgrammeId, u32),
) -> Result<Option<Cursor>, StoreError> {
    let row: Option<(i64, i64)> = reminder_cursors::table
        .find((programme.as_str(), i64::from(days)))
        .select((reminder_cursors::expires_at, reminder_cursors::member))
        .first(connection)
        .optional()?;
    Ok(row.map(|(expires_at, member)| Cursor { expires_at: Instant(expires_at), member }))
}

/// Moves a place that is locked.
///
/// # Errors
/// If the database fails.
pub fn save(
    connection: &mut Database,
    (programme, days): (&ProgrammeId, u32),
    cursor: Cursor,
) -> Result<(), StoreError> {
    diesel::update(reminder_cursors::table.find((programme.as_str(), i64::from(days))))
        .set((
            reminder_cursors::expires_at.eq(cursor.expires_at.0),
            reminder_cursors::member.eq(cursor.member),
        ))
        .execute(connection)?;
    Ok(())
}

/// The next expiry after an instant and up to another that a lot of a programme has.
///
/// # Errors
/// If the database fails.
pub fn next_expiry(
    connection: &mut Database,
    programme: &ProgrammeId,
    (after, until): (Instant, Instant),
) -> Result<Option<Instant>, StoreError> {
    let next: Option<i64> = lots::table
        .select(lots::expires_at)
        .filter(lots::live)
        .filter(lots::programme.eq(programme.as_str()))
        .filter(lots::expires_at.gt(after.0))
        .filter(lots::expires_at.le(until.0))
        .order(lots::expires_at)
        .first(connection)
        .optional()?;
    Ok(next.map(Instant))
}

/// The members after one whose points of a programme expire at an instant and could be spent at
/// another, up to `most`.
///
/// # Errors
/// If the database fails.
pub fn expiring(
    connection: &mut Database,
    (programme, expires_at, since): (&ProgrammeId, Instant, Instant),
    after: i64,
    most: i64,
) -> Result<Vec<Expiring>, StoreError> {
    let rows: Vec<(i64, i64)> = lots::table
        .group_by(lots::member)
        .select((lots::member, diesel::dsl::sql::<BigInt>("CAST(SUM(remaining + held) AS BIGINT)")))
        .filter(lots::live)
        .filter(lots::expires_at.eq(expires_at.0))
        .filter(lots::programme.eq(programme.as_str()))
        .filter(lots::available_at.le(since.0))
        .filter(lots::member.gt(after))
        .order(lots::member)
        .limit(most)
        .load(connection)?;
    let expiring = |(member, points)| Expiring { member: MemberId(member), points };
    Ok(rows.into_iter().map(expiring).collect())
}
