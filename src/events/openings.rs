//! Points that come free by the clock. Nothing is posted for it, so a job tells of them, once each.
//!
//! The job keeps its place among the lots in the order in which they open. A place is passed only
//! when no shard can add a lot before it any more: when every shard has recorded something later, or
//! [`GRACE_MICROS`] have gone by.

use std::collections::BTreeMap;

use serde_json::json;

use crate::domain::amount::Points;
use crate::domain::ids::{MemberId, ProgrammeId};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::store::events::{self as stored, Opened, OpenedLot};
use crate::store::outbox::{self, Fact};
use crate::store::{Database, StoreError};

/// How long a batch that began may still commit: longer than the database lets a statement run.
const GRACE_MICROS: i64 = 3 * 60 * 1_000_000;

/// Lots that are told of in one commit.
const LOTS_AT_ONCE: i64 = 2_000;

/// Commits of one look.
const COMMITS_MAX: usize = 50;

/// Lots that one event names.
const LOTS_NAMED_MAX: usize = 100;

/// Tells of points that came free since the last look. Two servers may look at once: the second
/// waits for the row of the first, and goes on where it stopped.
///
/// # Errors
/// If the database fails.
pub fn tell(engine: &Engine) -> Result<(), StoreError> {
    let now = engine.clock().now();
    let coalition = engine.timeline().at(now).clone();
    let grace = now.plus_micros(-GRACE_MICROS);
    let first = Opened { at: grace, lot: i64::MAX };
    // What is looked at again and again is looked at without a lock.
    let known = engine.read(|database| {
        let until = stored::known_until(database, grace)?.min(now);
        let place = stored::opened(database)?;
        let is_due = match place {
            None => true,
            Some(place) => !stored::opened_after(database, place, until, 1)?.is_empty(),
        };
        Ok(is_due.then_some(until))
    })?;
    let Some(until) = known else { return Ok(()) };
    for _ in 0..COMMITS_MAX {
        let is_done = engine.write::<_, StoreError>(|database| {
            let Some(place) = stored::lock_opened(database)? else {
                stored::set_opened(database, first)?;
                return Ok(true);
            };
            step(database, (place, until), &coalition, now)
        })?;
        if is_done {
            break;
        }
    }
    Ok(())
}

/// Tells of the next lots; whether that was all.
fn step(
    database: &mut Database,
    (place, until): (Opened, Instant),
    coalition: &Coalition,
    now: Instant,
) -> Result<bool, StoreError> {
    let lots = stored::opened_after(database, place, until, LOTS_AT_ONCE)?;
    let Some(last) = lots.last() else { return Ok(true) };
    stored::set_opened(database, Opened { at: last.at, lot: last.lot.0 })?;
    outbox::add(database, now, &facts_of(&lots, coalition))?;
    Ok(i64::try_from(lots.len()).unwrap_or(0) < LOTS_AT_ONCE)
}

/// One fact for each account and instant.
fn facts_of(lots: &[OpenedLot], coalition: &Coalition) -> Vec<Fact> {
    let mut accounts: BTreeMap<(Instant, MemberId, &ProgrammeId), Vec<&OpenedLot>> =
        BTreeMap::new();
    for lot in lots.iter().filter(|lot| lot.waited && lot.points.is_positive()) {
        accounts.entry((lot.at, lot.member, &lot.programme)).or_default().push(lot);
    }
    let fact = |((at, member, programme), lots): ((Instant, MemberId, &ProgrammeId), Vec<_>)| {
        let points: Points = lots.iter().map(|lot: &&OpenedLot| lot.points).sum();
        let scale = coalition.programmes.get(programme).map_or(0, |one| one.scales.points);
        let named: Vec<_> = lots.iter().take(LOTS_NAMED_MAX).map(|lot| lot.lot).collect();
        let data = json!({
            "programme": programme,
            "member": member,
            "points": points.text(scale),
            "lots": named,
            "opened_at": at,
        });
        Fact {
            event: "points.available",
            party: None,
            programme: Some(programme.clone()),
            member: Some(member),
            data,
        }
    };
    accounts.into_iter().map(fact).collect()
}
