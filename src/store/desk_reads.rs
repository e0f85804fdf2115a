//! Who looked whom up at the help desk.

use diesel::prelude::*;

use super::StoreError;
use super::connection::Database;
use super::schema::desk_reads;
use crate::domain::time::Instant;

/// A look-up.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = desk_reads, treat_none_as_default_value = false)]
pub struct DeskRead {
    /// Its number, random.
    pub read_id: i64,
    /// When.
    pub at: i64,
    /// Who, by the name under which they signed in.
    pub person: String,
    /// With which role.
    pub role: String,
    /// By which way: `api` or `slack`.
    pub via: String,
    /// By what: `phone`, `email`, `card`, `receipt`.
    pub kind: String,
    /// A keyed hash of what was asked.
    pub what: Vec<u8>,
    /// Who was found.
    pub member: Option<i64>,
}

/// Adds a look-up.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, row: &DeskRead) -> Result<(), StoreError> {
    diesel::insert_into(desk_reads::table).values(row.clone()).execute(connection)?;
    Ok(())
}

/// Look-ups, the latest first, before a place; of one member or by one person, if that is asked.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    (member, person): (Option<i64>, Option<&str>),
    before: (i64, i64),
    limit: i64,
) -> Result<Vec<DeskRead>, StoreError> {
    let (at, number) = before;
    let same = desk_reads::at.eq(at).and(desk_reads::read_id.lt(number));
    let mut query = desk_reads::table
        .select(DeskRead::as_select())
        .filter(desk_reads::at.lt(at).or(same))
        .order((desk_reads::at.desc(), desk_reads::read_id.desc()))
        .limit(limit)
        .into_boxed();
    if let Some(member) = member {
        query = query.filter(desk_reads::member.eq(member));
    }
    if let Some(person) = person {
        query = query.filter(desk_reads::person.eq(person.to_owned()));
    }
    Ok(query.load(connection)?)
}

/// Forgets look-ups of before an instant.
///
/// # Errors
/// If the database fails.
pub fn forget_before(connection: &mut Database, before: Instant) -> Result<(), StoreError> {
    diesel::delete(desk_reads::table.filter(desk_reads::at.lt(before.0))).execute(connection)?;
    Ok(())
}
