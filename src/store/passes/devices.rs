//! Phones with passes for Apple Wallet, and which of them must be told.

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::{Seen, add, lock_head};
use crate::domain::card::CardNumber;
use crate::domain::time::Instant;
use crate::store::StoreError;
use crate::store::connection::{Database, each_backend};
use crate::store::schema::{pass_devices, pass_objects, passes};

/// Phones of one card; of more the oldest are forgotten.
const DEVICES_MAX: i64 = 50;

/// Passes of one phone that are listed at once.
const LISTED_MAX: i64 = 1_000;

/// The push token under which a phone has a card.
///
/// # Errors
/// If the database fails.
pub fn token_of(
    connection: &mut Database,
    device: &str,
    card: i64,
) -> Result<Option<String>, StoreError> {
    let token = pass_devices::table
        .find((device, card))
        .select(pass_devices::push_token)
        .first(connection)
        .optional()?;
    Ok(token)
}

/// Notes that a card lies on a phone.
///
/// # Errors
/// If the database fails.
pub fn register(
    connection: &mut Database,
    (device, push_token): (&str, &str),
    seen: &Seen,
    now: Instant,
) -> Result<(), StoreError> {
    add(connection, seen, now)?;
    each_backend!(connection, |one| {
        diesel::insert_into(pass_devices::table)
            .values((
                pass_devices::device.eq(device),
                pass_devices::card.eq(seen.card),
                pass_devices::push_token.eq(push_token),
                pass_devices::registered_at.eq(now.0),
                pass_devices::due.eq(false),
                pass_devices::due_at.eq(now.0),
            ))
            .on_conflict((pass_devices::device, pass_devices::card))
            .do_update()
            .set(pass_devices::push_token.eq(excluded(pass_devices::push_token)))
            .execute(one)
    })?;
    let surplus: Vec<String> = pass_devices::table
        .select(pass_devices::device)
        .filter(pass_devices::card.eq(seen.card))
        .order((pass_devices::registered_at.desc(), pass_devices::device))
        .offset(DEVICES_MAX)
        .limit(DEVICES_MAX)
        .load(connection)?;
    for device in surplus {
        diesel::delete(pass_devices::table.find((device, seen.card))).execute(connection)?;
    }
    Ok(())
}

/// Notes that a card lies on a phone no more.
///
/// # Errors
/// If the database fails.
pub fn unregister(connection: &mut Database, device: &str, card: i64) -> Result<(), StoreError> {
    lock_head(connection)?;
    diesel::delete(pass_devices::table.find((device, card))).execute(connection)?;
    let phones: i64 =
        pass_devices::table.filter(pass_devices::card.eq(card)).count().first(connection)?;
    let objects: i64 =
        pass_objects::table.filter(pass_objects::card.eq(card)).count().first(connection)?;
    if phones + objects == 0 {
        diesel::delete(passes::table.find(card)).execute(connection)?;
    }
    Ok(())
}

/// The passes of a phone that changed after a tag, and the latest tag of them.
///
/// # Errors
/// If the database fails.
pub fn changed_on(
    connection: &mut Database,
    device: &str,
    after: i64,
) -> Result<Option<(i64, Vec<CardNumber>)>, StoreError> {
    let own: Vec<i64> = pass_devices::table
        .select(pass_devices::card)
        .filter(pass_devices::device.eq(device))
        .limit(LISTED_MAX)
        .load(connection)?;
    let rows: Vec<(i64, i64)> = each_backend!(connection, |one| {
        passes::table
            .select((passes::card, passes::tag))
            .filter(passes::card.eq_any(&own))
            .filter(passes::tag.gt(after))
            .order(passes::tag)
            .load(one)
    })?;
    let numbers = rows.iter().filter_map(|(card, _)| CardNumber::parse(&card.to_string()));
    Ok(rows.last().map(|(_, tag)| (*tag, numbers.collect())))
}

/// A phone that has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueDevice {
    /// The phone.
    pub device: String,
    /// The card.
    pub card: i64,
    /// Where it is told.
    pub push_token: String,
    /// Until when nobody else tells it.
    pub claimed_until: Instant,
}

/// Takes phones that have to be told, for a while: another server leaves them alone until then.
///
/// # Errors
/// If the database fails.
pub fn claim_devices(
    connection: &mut Database,
    now: Instant,
    until: Instant,
    most: i64,
) -> Result<Vec<DueDevice>, StoreError> {
    let rows: Vec<(String, i64, String, i64)> = pass_devices::table
        .select((
            pass_devices::device,
            pass_devices::card,
            pass_devices::push_token,
            pass_devices::due_at,
        ))
        .filter(pass_devices::due)
        .filter(pass_devices::due_at.le(now.0))
        .order(pass_devices::due_at)
        .limit(most)
        .load(connection)?;
    let mut claimed = Vec::with_capacity(rows.len());
    for (device, card, push_token, due_at) in rows {
        let taken = diesel::update(
            pass_devices::table
                .find((&device, card))
                .filter(pass_devices::due)
                .filter(pass_devices::due_at.eq(due_at)),
        )
        .set(pass_devices::due_at.eq(until.0))
        .execute(connection)?;
        if taken == 1 {
            claimed.push(DueDevice { device, card, push_token, claimed_until: until });
        }
    }
    Ok(claimed)
}

/// Notes that a phone was told; if its pass changed meanwhile, it is told again.
///
/// # Errors
/// If the database fails.
pub fn told(connection: &mut Database, one: &DueDevice) -> Result<(), StoreError> {
    diesel::update(
        pass_devices::table
            .find((&one.device, one.card))
            .filter(pass_devices::due_at.eq(one.claimed_until.0)),
    )
    .set(pass_devices::due.eq(false))
    .execute(connection)?;
    Ok(())
}

/// Whether any phone has to be told.
///
/// # Errors
/// If the database fails.
pub fn any_due_device(connection: &mut Database, now: Instant) -> Result<bool, StoreError> {
    let one: Option<i64> = pass_devices::table
        .select(pass_devices::card)
        .filter(pass_devices::due)
        .filter(pass_devices::due_at.le(now.0))
        .first(connection)
        .optional()?;
    Ok(one.is_some())
}
