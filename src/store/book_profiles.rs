//! How parties write their lists, every version of it.

use diesel::prelude::*;

use super::StoreError;
use super::connection::Database;
use super::schema::book_profiles;
use crate::domain::ids::PartyId;
use crate::domain::time::Instant;

/// How a party writes its lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileRow {
    /// Its number among the party's, from 1.
    pub version: i64,
    /// Since when.
    pub recorded_at: Instant,
    /// Who wrote it.
    pub author: String,
    /// The document.
    pub profile: String,
}

/// The profiles of a party, the newest first.
///
/// # Errors
/// If the database fails.
pub fn latest(
    connection: &mut Database,
    party: &PartyId,
    most: i64,
) -> Result<Vec<ProfileRow>, StoreError> {
    let rows: Vec<(i64, i64, String, String)> = book_profiles::table
        .select((
            book_profiles::version,
            book_profiles::recorded_at,
            book_profiles::author,
            book_profiles::profile,
        ))
        .filter(book_profiles::party.eq(party.as_str()))
        .order(book_profiles::version.desc())
        .limit(most)
        .load(connection)?;
    let row = |(version, at, author, profile)| ProfileRow {
        version,
        recorded_at: Instant(at),
        author,
        profile,
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Adds a party's profile.
///
/// # Errors
/// If another writer took its number, or the database fails.
pub fn add(connection: &mut Database, party: &PartyId, row: &ProfileRow) -> Result<(), StoreError> {
    diesel::insert_into(book_profiles::table)
        .values((
            book_profiles::party.eq(party.as_str()),
            book_profiles::version.eq(row.version),
            book_profiles::recorded_at.eq(row.recorded_at.0),
            book_profiles::author.eq(&row.author),
            book_profiles::profile.eq(&row.profile),
        ))
        .execute(connection)?;
    Ok(())
}
