//! Cards that lie on phones: what they showed last, which phones have them, who must be told.

mod candidates;
mod devices;
mod objects;

use diesel::prelude::*;

pub use candidates::{Candidates, Cursors, advance, candidates};
pub use devices::{
    DueDevice, any_due_device, changed_on, claim_devices, register, token_of, told, unregister,
};
pub use objects::{DueObject, any_due_object, brought, claim_objects, hand_out, was_handed_out};

use super::StoreError;
use super::connection::{Database, each_backend};
use super::schema::{pass_devices, pass_head, pass_objects, passes};
use crate::domain::time::Instant;

/// The only row of `pass_head`.
const HEAD: i64 = 0;

/// A pass as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// The card.
    pub card: i64,
    /// A hash of what it shows.
    pub shown: Vec<u8>,
    /// Its place among all changes.
    pub tag: i64,
    /// When it changed; no two changes of a pass lie in one second.
    pub changed_at: Instant,
    /// When the clock alone changes it.
    pub next_at: Instant,
}

type PassRow = (i64, Vec<u8>, i64, i64, i64);

fn pass_of((card, shown, tag, changed_at, next_at): PassRow) -> Pass {
    Pass { card, shown, tag, changed_at: Instant(changed_at), next_at: Instant(next_at) }
}

/// A pass, if its card lies on any phone.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut Database, card: i64) -> Result<Option<Pass>, StoreError> {
    let row: Option<PassRow> = passes::table.find(card).first(connection).optional()?;
    Ok(row.map(pass_of))
}

/// Locks the order of changes until the transaction ends.
pub(super) fn lock_head(connection: &mut Database) -> Result<i64, StoreError> {
    diesel::update(pass_head::table.find(HEAD))
        .set(pass_head::next_tag.eq(pass_head::next_tag))
        .execute(connection)?;
    Ok(pass_head::table.find(HEAD).select(pass_head::next_tag).first(connection)?)
}

fn set_head(connection: &mut Database, next: i64) -> Result<(), StoreError> {
    diesel::update(pass_head::table.find(HEAD))
        .set(pass_head::next_tag.eq(next))
        .execute(connection)?;
    Ok(())
}

/// What a card shows now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The card.
    pub card: i64,
    /// A hash of what it shows.
    pub shown: Vec<u8>,
    /// When the clock alone changes it.
    pub next_at: Instant,
}

/// Writes what cards show now, those that changed with a new tag each, and marks whom to tell.
/// Gives back how many changed.
///
/// # Errors
/// If the database fails.
pub fn see(connection: &mut Database, seen: &[Seen], now: Instant) -> Result<usize, StoreError> {
    let mut next = lock_head(connection)?;
    let mut changed = 0;
    for one in seen {
        let Some(before) = find(connection, one.card)? else { continue };
        if before.shown == one.shown {
            if before.next_at != one.next_at {
                diesel::update(passes::table.find(one.card))
                    .set(passes::next_at.eq(one.next_at.0))
                    .execute(connection)?;
            }
            continue;
        }
        let earliest = (before.changed_at.0.div_euclid(1_000_000) + 1) * 1_000_000;
        diesel::update(passes::table.find(one.card))
            .set((
                passes::shown.eq(&one.shown),
                passes::tag.eq(next),
                passes::changed_at.eq(now.0.max(earliest)),
                passes::next_at.eq(one.next_at.0),
            ))
            .execute(connection)?;
        diesel::update(pass_devices::table.filter(pass_devices::card.eq(one.card)))
            .set((pass_devices::due.eq(true), pass_devices::due_at.eq(now.0)))
            .execute(connection)?;
        diesel::update(pass_objects::table.find(one.card))
            .set((pass_objects::due.eq(true), pass_objects::due_at.eq(now.0)))
            .execute(connection)?;
        next += 1;
        changed += 1;
    }
    set_head(connection, next)?;
    Ok(changed)
}

/// Adds a pass, unless it is there.
pub(super) fn add(connection: &mut Database, seen: &Seen, now: Instant) -> Result<(), StoreError> {
    if find(connection, seen.card)?.is_some() {
        return Ok(());
    }
    let tag = lock_head(connection)?;
    each_backend!(connection, |one| {
        diesel::insert_into(passes::table)
            .values((
                passes::card.eq(seen.card),
                passes::shown.eq(&seen.shown),
                passes::tag.eq(tag),
                passes::changed_at.eq(now.0),
                passes::next_at.eq(seen.next_at.0),
            ))
            .on_conflict_do_nothing()
            .execute(one)
    })?;
    set_head(connection, tag + 1)
}
