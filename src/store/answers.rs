//! Answers by idempotency key.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::names::NameHash;
use super::schema::requests;

/// An answer as it was given: the same request gets the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// What the request asked for, as a hash.
    pub fingerprint: Vec<u8>,
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Arc<str>,
}

/// A new answer, to be saved with what it answers.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = requests, treat_none_as_default_value = false)]
pub struct AnswerRow {
    /// Which request.
    pub key_hash: Vec<u8>,
    /// What it asked for.
    pub fingerprint: Vec<u8>,
    /// HTTP status.
    pub status: i64,
    /// The body.
    pub answer: String,
    /// When it was given.
    pub recorded_at: i64,
}

/// The answers that were given under keys.
///
/// # Errors
/// If the database fails.
pub fn load(
    connection: &mut Database,
    keys: &[NameHash],
) -> Result<HashMap<NameHash, StoredAnswer>, StoreError> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<&[u8]> = keys.iter().map(NameHash::as_slice).collect();
    let rows: Vec<(Vec<u8>, Vec<u8>, i64, String)> = each_backend!(connection, |one| {
        requests::table
            .select((requests::key_hash, requests::fingerprint, requests::status, requests::answer))
            .filter(requests::key_hash.eq_any(keys))
            .load(one)
    })?;
    rows.into_iter()
        .map(|(key, fingerprint, status, answer)| {
            let damaged = || StoreError::Damaged("a stored answer".into());
            let key = NameHash::try_from(key).map_err(|_| damaged())?;
            let status = u16::try_from(status).map_err(|_| damaged())?;
            Ok((key, StoredAnswer { fingerprint, status, body: answer.into() }))
        })
        .collect()
}

/// Saves answers.
///
/// # Errors
/// If one of the keys was answered meanwhile, or the database fails.
pub fn save(connection: &mut Database, rows: &[AnswerRow]) -> Result<(), StoreError> {
    for rows in rows.chunks(1_000) {
        each_backend!(connection, |one| {
            diesel::insert_into(requests::table).values(rows).execute(one)
        })?;
    }
    Ok(())
}

/// The keys of up to `limit` answers given before an instant. All answers may be looked through: not
/// for a transaction that others wait for.
///
/// # Errors
/// If the database fails.
pub fn given_before(
    connection: &mut Database,
    before: i64,
    limit: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let old = requests::table
        .select(requests::key_hash)
        .filter(requests::recorded_at.lt(before))
        .limit(limit)
        .load(connection)?;
    Ok(old)
}

/// Forgets answers by their keys, unless one was given anew since.
///
/// # Errors
/// If the database fails.
pub fn forget(connection: &mut Database, keys: &[Vec<u8>], before: i64) -> Result<(), StoreError> {
    each_backend!(connection, |one| {
        let old = requests::table.filter(requests::recorded_at.lt(before));
        diesel::delete(old.filter(requests::key_hash.eq_any(keys))).execute(one)
    })?;
    Ok(())
}
