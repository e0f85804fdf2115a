//! The job that keeps passes up to date: finds those that show something else, and tells phones and
//! Google of it.
//!
//! What changed is found cheaply: the journals are followed from where the last look ended, and only
//! the faces of their members' cards on phones are made again; a face that changes with the clock
//! says when. Two servers may do this at once: a change gets its tag under a lock, and a phone is
//! told by whoever takes it first. A phone may be told once too often, never too rarely.

use std::collections::BTreeSet;

use serde_json::json;

use super::google::{GoogleApi, object};
use super::{PassError, Passes, Shown, Told};
use crate::domain::card::Card;
use crate::domain::terms::{Coalition, Programme};
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::store::passes::{self, DueDevice, DueObject, Seen};
use crate::store::{Database, StoreError};

/// Entries of a journal that one look goes through.
const ENTRIES_AT_ONCE: i64 = 5_000;

/// Looks in a row, after which others have their turn.
const LOOKS_MAX: usize = 20;

/// Cards whose change is written in one transaction.
const WRITTEN_AT_ONCE: usize = 200;

/// Phones, and objects, that are told in one turn.
const TOLD_AT_ONCE: i64 = 100;

/// How long one that is being told is left alone by others, and after a failure by all.
const CLAIM_MICROS: i64 = 60_000_000;

/// Failures in a row after which the other side is left in peace for this turn.
const FAILURES_MAX: usize = 3;

/// Notices of a Google object in [`NOTICES_WITHIN`].
const NOTICES_MAX: usize = 3;

/// Microseconds within which notices count: a day.
const NOTICES_WITHIN: i64 = 86_400_000_000;

/// Finds passes that show something else, and tells of them.
///
/// # Errors
/// If the database fails.
pub fn refresh(engine: &Engine, all: &Passes) -> Result<(), StoreError> {
    find_changed(engine, all)?;
    tell_phones(engine, all)?;
    bring_objects(engine, all)
}

fn find_changed(engine: &Engine, all: &Passes) -> Result<(), StoreError> {
    for _ in 0..LOOKS_MAX {
        let now = engine.clock().now();
        let coalition = std::sync::Arc::clone(engine.timeline().at(now));
        let (looked, seen) = engine.read(|database| {
            let looked = passes::candidates(database, now, ENTRIES_AT_ONCE)?;
            let seen = see_all(database, all, &looked.cards, (&coalition, now))?;
            Ok((looked, seen))
        })?;
        for some in seen.chunks(WRITTEN_AT_ONCE) {
            let changed = engine.write(|database| passes::see(database, some, now))?;
            if changed > 0 {
                metrics::counter!("coalition_passes_changed_total")
                    .increment(u64::try_from(changed).unwrap_or(0));
            }
        }
        // Only now: what was looked through and not written would be lost.
        if looked.moved {
            engine.write(|database| passes::advance(database, &looked))?;
        }
        if !looked.more {
            break;
        }
    }
    Ok(())
}

fn see_all(
    database: &mut Database,
    all: &Passes,
    cards: &[i64],
    at: (&Coalition, Instant),
) -> Result<Vec<Seen>, StoreError> {
    let mut seen = Vec::with_capacity(cards.len());
    for card in cards {
        if let Some((card, shown)) = all.look(database, *card, at)? {
            seen.push(all.seen(&card, &shown, at.0));
        }
    }
    Ok(seen)
}

/// Tells phones that their pass changed; they ask for it then.
fn tell_phones(engine: &Engine, all: &Passes) -> Result<(), StoreError> {
    let now = engine.clock().now();
    if !engine.read(|database| passes::any_due_device(database, now))? {
        return Ok(());
    }
    let until = now.plus_micros(CLAIM_MICROS);
    let due: Vec<DueDevice> =
        engine.write(|database| passes::claim_devices(database, now, until, TOLD_AT_ONCE))?;
    let topic = &all.apple.settings.pass_type;
    let mut failures = 0;
    for one in due {
        // Without a gateway phones ask by themselves, now and then.
        let told =
            all.push.as_ref().map_or(Ok(Told::Taken), |push| push.tell(&one.push_token, topic));
        match told {
            Ok(Told::Taken) => engine.write(|database| passes::told(database, &one))?,
            Ok(Told::Gone) => {
                engine.write(|database| passes::unregister(database, &one.device, one.card))?;
            }
            Err(error) => {
                tracing::warn!(%error, "a phone was not told that its pass changed");
                failures += 1;
            }
        }
        if failures == FAILURES_MAX {
            break;
        }
    }
    Ok(())
}

/// Brings objects to Google. Their holders are told at most three times a day; a change after that
/// comes silently.
fn bring_objects(engine: &Engine, all: &Passes) -> Result<(), StoreError> {
    let Some(api) = &all.google.api else { return Ok(()) };
    let now = engine.clock().now();
    if !engine.read(|database| passes::any_due_object(database, now))? {
        return Ok(());
    }
    let coalition = std::sync::Arc::clone(engine.timeline().at(now));
    let until = now.plus_micros(CLAIM_MICROS);
    let due: Vec<DueObject> =
        engine.write(|database| passes::claim_objects(database, now, until, TOLD_AT_ONCE))?;
    let (mut failures, mut classes) = (0, BTreeSet::new());
    for mut one in due {
        let found = engine.read(|database| all.look(database, one.card, (&coalition, now)))?;
        let Some((card, shown)) = found else { continue };
        one.notices.retain(|at| now.0 - at.0 < NOTICES_WITHIN);
        let may_tell = one.notices.len() < NOTICES_MAX;
        let programme = coalition.programmes.get(&card.programme);
        let fresh = programme.filter(|one| !classes.contains(&one.id));
        let class = fresh.map_or(Ok(()), |one| bring_class(all, api.as_ref(), one, &coalition));
        if class.is_ok() {
            classes.extend(fresh.map(|one| one.id.clone()));
        }
        let brought = class.and_then(|()| bring(all, api.as_ref(), (&card, &shown), may_tell));
        match brought {
            Ok(()) => {
                if may_tell {
                    one.notices.push(now);
                }
                engine.write(|database| passes::brought(database, &one))?;
            }
            Err(error) => {
                tracing::warn!(%error, "an object was not brought to Google");
                failures += 1;
            }
        }
        if failures == FAILURES_MAX {
            break;
        }
    }
    Ok(())
}

fn bring_class(
    all: &Passes,
    api: &dyn GoogleApi,
    programme: &Programme,
    coalition: &Coalition,
) -> Result<(), PassError> {
    let issuer = &all.google.settings.issuer;
    let class = object::class(issuer, programme, coalition);
    api.put("loyaltyClass", &object::class_id(issuer, &programme.id), &class)
}

fn bring(
    all: &Passes,
    api: &dyn GoogleApi,
    (card, shown): (&Card, &Shown),
    may_tell: bool,
) -> Result<(), PassError> {
    let mut object = all.object(shown);
    if may_tell {
        object["notifyPreference"] = json!("NOTIFY_ON_UPDATE");
    }
    let id = object::object_id(&all.google.settings.issuer, card.number.as_str());
    api.put("loyaltyObject", &id, &object)
}
