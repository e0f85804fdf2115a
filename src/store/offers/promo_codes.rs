//! Promo codes in batches.
//!
//! Whoever uses a code locks the row of its batch first: uses of a batch stand in line, and each sees
//! all before it.

use diesel::prelude::*;

use super::{Numbered, next_number};
use crate::domain::ids::PartyId;
use crate::domain::offer::promo::PromoDocument;
use crate::domain::time::Instant;
use crate::store::StoreError;
use crate::store::connection::{Database, each_backend};
use crate::store::rows::{read_json, read_name, write_json};
use crate::store::schema::{promo_batches, promo_codes};

/// Codes a statement: SQLite takes at most 32,766 binds.
const CODES_PER_STATEMENT: usize = 5_000;

/// A batch of promo codes.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Its number.
    pub number: i64,
    /// Whose points its codes give.
    pub party: PartyId,
    /// What was written.
    pub document: PromoDocument,
    /// When it was made.
    pub created_at: Instant,
    /// From when on no code of it is taken.
    pub stopped_at: Option<Instant>,
    /// How many codes it has.
    pub issued: i64,
    /// How many uses stand.
    pub used: i64,
}

/// A code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its normal form.
    pub code: String,
    /// Its place in its batch, from 1.
    pub place: i64,
    /// Who alone can redeem it.
    pub party: Option<PartyId>,
    /// How many uses of it stand.
    pub used: i64,
}

type BatchRow = (i64, String, String, i64, Option<i64>, i64, i64);

const BATCH: (
    promo_batches::batch,
    promo_batches::party,
    promo_batches::document,
    promo_batches::created_at,
    promo_batches::stopped_at,
    promo_batches::issued,
    promo_batches::used,
) = (
    promo_batches::batch,
    promo_batches::party,
    promo_batches::document,
    promo_batches::created_at,
    promo_batches::stopped_at,
    promo_batches::issued,
    promo_batches::used,
);

fn batch_of(row: BatchRow) -> Result<Batch, StoreError> {
    let (number, party, document, created_at, stopped_at, issued, used) = row;
    Ok(Batch {
        number,
        party: read_name(&party)?,
        document: read_json(&document, "a batch of promo codes")?,
        created_at: Instant(created_at),
        stopped_at: stopped_at.map(Instant),
        issued,
        used,
    })
}

/// Adds a batch with its codes, each with the party that alone can redeem it. Gives back its number.
///
/// # Errors
/// If a code is there already, or the database fails.
pub fn add(
    connection: &mut Database,
    (party, author): (&PartyId, &str),
    document: &PromoDocument,
    codes: &[(String, Option<PartyId>)],
    now: Instant,
) -> Result<i64, StoreError> {
    let number = next_number(connection, Numbered::Promo)?;
    let none: Option<i64> = None;
    diesel::insert_into(promo_batches::table)
        .values((
            promo_batches::batch.eq(number),
            promo_batches::party.eq(party.as_str()),
            promo_batches::author.eq(author),
            promo_batches::document.eq(write_json(document)),
            promo_batches::created_at.eq(now.0),
            promo_batches::stopped_at.eq(none),
            promo_batches::issued.eq(i64::try_from(codes.len()).unwrap_or(i64::MAX)),
            promo_batches::used.eq(0),
            promo_batches::next_use.eq(1),
        ))
        .execute(connection)?;
    let rows: Vec<_> = (1_i64..)
        .zip(codes)
        .map(|(place, (code, party))| {
            (
                promo_codes::code.eq(code),
                promo_codes::batch.eq(number),
                promo_codes::place.eq(place),
                promo_codes::party.eq(party.as_ref().map(PartyId::as_str)),
                promo_codes::used.eq(0),
            )
        })
        .collect();
    for rows in rows.chunks(CODES_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(promo_codes::table).values(rows).execute(one)
        })?;
    }
    Ok(number)
}

/// Which of some codes there are already.
///
/// # Errors
/// If the database fails.
pub fn known(connection: &mut Database, codes: &[String]) -> Result<Vec<String>, StoreError> {
    let mut found = Vec::new();
    for codes in codes.chunks(CODES_PER_STATEMENT) {
        let there: Vec<String> = each_backend!(connection, |one| {
            promo_codes::table
                .select(promo_codes::code)
                .filter(promo_codes::code.eq_any(codes))
                .load(one)
        })?;
        found.extend(there);
    }
    Ok(found)
}

/// A batch.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn find(connection: &mut Database, number: i64) -> Result<Option<Batch>, StoreError> {
    let row: Option<BatchRow> =
        promo_batches::table.find(number).select(BATCH).first(connection).optional()?;
    row.map(batch_of).transpose()
}

/// Batches before a number, the newest first; of one party, or of all.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn list(
    connection: &mut Database,
    party: Option<&PartyId>,
    before: i64,
    most: i64,
) -> Result<Vec<Batch>, StoreError> {
    let mut query = promo_batches::table
        .select(BATCH)
        .filter(promo_batches::batch.lt(before))
        .order(promo_batches::batch.desc())
        .limit(most)
        .into_boxed();
    if let Some(party) = party {
        query = query.filter(promo_batches::party.eq(party.as_str()));
    }
    let rows: Vec<BatchRow> = query.load(connection)?;
    rows.into_iter().map(batch_of).collect()
}

/// Takes no code of a batch any more; one that was stopped before stays as it is.
///
/// # Errors
/// If the database fails.
pub fn stop(connection: &mut Database, number: i64, now: Instant) -> Result<(), StoreError> {
    diesel::update(promo_batches::table.find(number).filter(promo_batches::stopped_at.is_null()))
        .set(promo_batches::stopped_at.eq(now.0))
        .execute(connection)?;
    Ok(())
}

type CodeRow = (String, i64, Option<String>, i64);

fn code_of((code, place, party, used): CodeRow) -> Result<Code, StoreError> {
    let party = party.as_deref().map(read_name).transpose()?;
    Ok(Code { code, place, party, used })
}

/// The codes of a batch after a place.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn codes(
    connection: &mut Database,
    batch: i64,
    after: i64,
    most: i64,
) -> Result<Vec<Code>, StoreError> {
    let rows: Vec<CodeRow> = promo_codes::table
        .select((promo_codes::code, promo_codes::place, promo_codes::party, promo_codes::used))
        .filter(promo_codes::batch.eq(batch))
        .filter(promo_codes::place.gt(after))
        .order(promo_codes::place)
        .limit(most)
        .load(connection)?;
    rows.into_iter().map(code_of).collect()
}

/// The batch and the code of a text in its normal form, with the batch locked until the transaction
/// ends.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn lock(connection: &mut Database, code: &str) -> Result<Option<(Batch, Code)>, StoreError> {
    let batch: Option<i64> =
        promo_codes::table.find(code).select(promo_codes::batch).first(connection).optional()?;
    let Some(batch) = batch else { return Ok(None) };
    diesel::update(promo_batches::table.find(batch))
        .set(promo_batches::next_use.eq(promo_batches::next_use + 1))
        .execute(connection)?;
    let row: CodeRow = promo_codes::table
        .find(code)
        .select((promo_codes::code, promo_codes::place, promo_codes::party, promo_codes::used))
        .first(connection)?;
    let batch = find(connection, batch)?;
    let batch = batch.ok_or_else(|| StoreError::Damaged("a code without its batch".into()))?;
    Ok(Some((batch, code_of(row)?)))
}
