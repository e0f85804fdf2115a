//! One-time codes. Counting happens under locks, so that callers at once never get more than one
//! alone would.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::schema::{code_counts, codes};
use crate::domain::time::Instant;

/// A code's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = codes, treat_none_as_default_value = false)]
pub struct CodeRow {
    /// The challenge's id.
    pub code: String,
    /// The hash of the phone's name.
    pub phone: Vec<u8>,
    /// Who asked for it.
    pub party: String,
    /// For what.
    pub purpose: String,
    /// The salt of its own.
    pub salt: Vec<u8>,
    /// What is checked.
    pub mac: Vec<u8>,
    /// How often it was tried.
    pub tries: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it is of no more use.
    pub expires_at: i64,
    /// When it was confirmed.
    pub confirmed_at: Option<i64>,
}

/// Locks what is counted for a subject until the transaction ends.
///
/// # Errors
/// If the database fails.
pub fn lock(connection: &mut Database, subject: &[u8], at: Instant) -> Result<(), StoreError> {
    each_backend!(connection, |one| {
        diesel::insert_into(code_counts::table)
            .values((code_counts::subject.eq(subject), code_counts::counted_at.eq(at.0)))
            .on_conflict_do_nothing()
            .execute(one)
    })?;
    diesel::update(code_counts::table.find(subject))
        .set(code_counts::counted_at.eq(at.0))
        .execute(connection)?;
    Ok(())
}

/// The instants at which codes for a phone were made since then, oldest first.
///
/// # Errors
/// If the database fails.
pub fn of_phone_since(
    connection: &mut Database,
    phone: &[u8],
    since: Instant,
) -> Result<Vec<Instant>, StoreError> {
    let at: Vec<i64> = codes::table
        .select(codes::created_at)
        .filter(codes::phone.eq(phone))
        .filter(codes::created_at.gt(since.0))
        .order(codes::created_at)
        .load(connection)?;
    Ok(at.into_iter().map(Instant).collect())
}

/// The instant of the party's code that is `place` from the newest since then, counted from 0.
///
/// # Errors
/// If the database fails.
pub fn of_party_since(
    connection: &mut Database,
    party: &str,
    since: Instant,
    place: i64,
) -> Result<Option<Instant>, StoreError> {
    let at: Option<i64> = codes::table
        .select(codes::created_at)
        .filter(codes::party.eq(party))
        .filter(codes::created_at.gt(since.0))
        .order(codes::created_at.desc())
        .offset(place)
        .limit(1)
        .first(connection)
        .optional()?;
    Ok(at.map(Instant))
}

/// Adds a code; earlier ones of the party for the phone are of no more use.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, row: &CodeRow) -> Result<(), StoreError> {
    let earlier = codes::table
        .filter(codes::phone.eq(&row.phone))
        .filter(codes::party.eq(&row.party))
        .filter(codes::confirmed_at.is_null())
        .filter(codes::expires_at.gt(row.created_at));
    diesel::update(earlier).set(codes::expires_at.eq(row.created_at)).execute(connection)?;
    diesel::insert_into(codes::table).values(row).execute(connection)?;
    Ok(())
}

/// Counts a try of a code, if it may be tried once more. Gives back whether it may; the row is locked
/// until the transaction ends.
///
/// # Errors
/// If the database fails.
pub fn count_try(
    connection: &mut Database,
    code: &str,
    most: i64,
    now: Instant,
) -> Result<bool, StoreError> {
    let open = codes::table
        .find(code)
        .filter(codes::tries.lt(most))
        .filter(codes::confirmed_at.is_null())
        .filter(codes::expires_at.gt(now.0));
    let counted =
        diesel::update(open).set(codes::tries.eq(codes::tries + 1)).execute(connection)?;
    Ok(counted == 1)
}

/// A code.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut Database, code: &str) -> Result<Option<CodeRow>, StoreError> {
    let row = codes::table.find(code).select(CodeRow::as_select()).first(connection).optional()?;
    Ok(row)
}

/// Marks a code as confirmed.
///
/// # Errors
/// If the database fails.
pub fn confirm(connection: &mut Database, code: &str, at: Instant) -> Result<(), StoreError> {
    diesel::update(codes::table.find(code))
        .set(codes::confirmed_at.eq(at.0))
        .execute(connection)?;
    Ok(())
}

/// Forgets codes that were made before an instant, and what was counted. Gives back how many codes.
///
/// # Errors
/// If the database fails.
pub fn forget_before(connection: &mut Database, before: Instant) -> Result<usize, StoreError> {
    let forgotten =
        diesel::delete(codes::table.filter(codes::created_at.lt(before.0))).execute(connection)?;
    diesel::delete(code_counts::table.filter(code_counts::counted_at.lt(before.0)))
        .execute(connection)?;
    Ok(forgotten)
}
