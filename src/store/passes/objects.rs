//! Cards whose Google object was handed out, and which must be brought up to date.

use diesel::prelude::*;

use super::{Seen, add};
use crate::domain::time::Instant;
use crate::store::StoreError;
use crate::store::connection::{Database, each_backend};
use crate::store::rows::{read_json, write_json};
use crate::store::schema::pass_objects;

/// A Google object that has to be brought up to date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueObject {
    /// The card.
    pub card: i64,
    /// When its holder was told of changes.
    pub notices: Vec<Instant>,
    /// Until when nobody else does it.
    pub claimed_until: Instant,
}

/// Notes that a card's Google object was handed out. It is brought to Google soon.
///
/// # Errors
/// If the database fails.
pub fn hand_out(connection: &mut Database, seen: &Seen, now: Instant) -> Result<(), StoreError> {
    add(connection, seen, now)?;
    each_backend!(connection, |one| {
        diesel::insert_into(pass_objects::table)
            .values((
                pass_objects::card.eq(seen.card),
                pass_objects::notices.eq("[]"),
                pass_objects::due.eq(true),
                pass_objects::due_at.eq(now.0),
            ))
            .on_conflict_do_nothing()
            .execute(one)
    })?;
    Ok(())
}

/// Whether a card's Google object was handed out.
///
/// # Errors
/// If the database fails.
pub fn was_handed_out(connection: &mut Database, card: i64) -> Result<bool, StoreError> {
    let there: Option<i64> =
        pass_objects::table.find(card).select(pass_objects::card).first(connection).optional()?;
    Ok(there.is_some())
}

/// Takes objects that have to be brought up to date, for a while.
///
/// # Errors
/// If the database fails.
pub fn claim_objects(
    connection: &mut Database,
    now: Instant,
    until: Instant,
    most: i64,
) -> Result<Vec<DueObject>, StoreError> {
    let rows: Vec<(i64, String, i64)> = pass_objects::table
        .select((pass_objects::card, pass_objects::notices, pass_objects::due_at))
        .filter(pass_objects::due)
        .filter(pass_objects::due_at.le(now.0))
        .order(pass_objects::due_at)
        .limit(most)
        .load(connection)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for (card, notices, due_at) in rows {
        let taken = diesel::update(
            pass_objects::table
                .find(card)
                .filter(pass_objects::due)
                .filter(pass_objects::due_at.eq(due_at)),
        )
        .set(pass_objects::due_at.eq(until.0))
        .execute(connection)?;
        if taken == 1 {
            let notices: Vec<i64> = read_json(&notices, "notices of a pass")?;
            let notices = notices.into_iter().map(Instant).collect();
            claimed.push(DueObject { card, notices, claimed_until: until });
        }
    }
    Ok(claimed)
}

/// Notes that an object is up to date, and when its holder was told.
///
/// # Errors
/// If the database fails.
pub fn brought(connection: &mut Database, one: &DueObject) -> Result<(), StoreError> {
    let notices: Vec<i64> = one.notices.iter().map(|at| at.0).collect();
    diesel::update(pass_objects::table.find(one.card))
        .set(pass_objects::notices.eq(write_json(&notices)))
        .execute(connection)?;
    diesel::update(
        pass_objects::table.find(one.card).filter(pass_objects::due_at.eq(one.claimed_until.0)),
    )
    .set(pass_objects::due.eq(false))
    .execute(connection)?;
    Ok(())
}

/// Whether any object has to be brought up to date.
///
/// # Errors
/// If the database fails.
pub fn any_due_object(connection: &mut Database, now: Instant) -> Result<bool, StoreError> {
    let one: Option<i64> = pass_objects::table
        .select(pass_objects::card)
        .filter(pass_objects::due)
        .filter(pass_objects::due_at.le(now.0))
        .first(connection)
        .optional()?;
    Ok(one.is_some())
}
