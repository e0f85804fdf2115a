//! What needs the whole ledger to stand still for a moment: changes of the configuration. They lock
//! the heads of all shards, in their order, as every batch does with some, so that no batch is
//! decided beside them.

use std::sync::{Arc, PoisonError};

use super::Engine;
use super::work::{Answer, EngineError};
use crate::domain::ids::ShardId;
use crate::domain::terms::coalition::{Change, Versioned};
use crate::domain::terms::{Coalition, Invalid, Timeline};
use crate::domain::time::Instant;
use crate::store::answers::{self, AnswerRow, StoredAnswer};
use crate::store::heads::{self, Head};
use crate::store::names::NameHash;
use crate::store::save::save_heads;
use crate::store::{Database, StoreError, Use, configurations, cycles, dialect, exposures};

/// Why a change of the configuration was not made.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// It contradicts what is there.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The key was used for another request.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The party has as many active keys as it may.
    #[error("a party has at most two active keys")]
    TooManyKeys,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Who changes the configuration, under which key, and from when on it counts.
#[derive(Clone, Debug, Default)]
pub struct Making {
    /// Who, for the record.
    pub author: String,
    /// The key under which the answer is remembered; none: a change that replaces what is there.
    pub keyed: Option<Keyed>,
    /// From when on; none or past: from now.
    pub effective_at: Option<Instant>,
}

/// A request that is remembered by its key, as those of the lanes are.
#[derive(Clone, Debug)]
pub struct Keyed {
    /// The hash of the idempotency key.
    pub key: NameHash,
    /// What is asked for, as a hash.
    pub fingerprint: [u8; 32],
}

impl Engine {
    /// Makes a change of the configuration, effective at an instant that is not past. The answer
    /// is written by `answer` from the change's number and instant, and remembered by its key.
    ///
    /// # Errors
    /// If the change contradicts what is there or is to come, or the database fails.
    pub fn configure(
        &self,
        making: &Making,
        change: impl FnOnce(&Coalition) -> Result<Change, ConfigureError>,
        answer: impl FnOnce(&Versioned) -> String,
    ) -> Result<Answer, ConfigureError> {
        self.exclusively(|connection, heads| {
            let keyed = making.keyed.as_ref();
            if let Some(stored) = replayed(connection, keyed)? {
                return Ok(stored);
            }
            let now = now_of(self, heads);
            let mut changes = configurations::load(connection)?;
            let before = Timeline::new(&changes)?;
            let change = change(before.latest())?;
            let effective_at = making.effective_at.map_or(now, |at| at.max(now));
            let version = before.version + 1;
            let versioned = Versioned { version, effective_at, change };
            changes.push(versioned.clone());
            let after = Timeline::new(&changes)?;
            configurations::add(connection, &versioned, now, &making.author)?;
            for head in heads.iter_mut() {
                head.configuration = version;
            }
            follow_new_limits(connection, &before, &after, now)?;
            let body: Arc<str> = answer(&versioned).into();
            remember(connection, keyed, &body, now)?;
            Ok(Answer { status: 200, body, replayed: false })
        })
    }

    /// Runs something with the heads of all shards locked, and saves the heads.
    fn exclusively<T>(
        &self,
        run: impl FnOnce(&mut Database, &mut Vec<Head>) -> Result<T, ConfigureError>,
    ) -> Result<T, ConfigureError> {
        let _one_at_a_time = self.shared.exclusive.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = self.shared.address.open(Use::Write)?;
        dialect::begin(&mut connection)?;
        let all: Vec<i64> = (0..self.shared.shards).chain([ShardId::HOUSE.0]).collect();
        let mut locked = heads::lock(&mut connection, &all)?;
        // A connection that is dropped undoes what it began.
        let done = run(&mut connection, &mut locked)?;
        save_heads(&mut connection, &locked)?;
        dialect::commit(&mut connection)?;
        self.refresh()?;
        Ok(done)
    }
}

fn now_of(engine: &Engine, heads: &[Head]) -> Instant {
    let recorded = heads.iter().map(|head| head.last_recorded_at).max().unwrap_or_default();
    engine.shared.clock.now().max(recorded)
}

pub(super) fn replayed(
    connection: &mut Database,
    keyed: Option<&Keyed>,
) -> Result<Option<Answer>, ConfigureError> {
    let Some(keyed) = keyed else { return Ok(None) };
    let stored: Option<StoredAnswer> = answers::load(connection, &[keyed.key])?.remove(&keyed.key);
    match stored {
        None => Ok(None),
        Some(stored) if stored.fingerprint != keyed.fingerprint => {
            Err(EngineError::KeyReused.into())
        }
        Some(stored) => {
            Ok(Some(Answer { status: stored.status, body: stored.body, replayed: true }))
        }
    }
}

pub(super) fn remember(
    connection: &mut Database,
    keyed: Option<&Keyed>,
    body: &str,
    now: Instant,
) -> Result<(), StoreError> {
    let row = keyed.map(|keyed| AnswerRow {
        key_hash: keyed.key.to_vec(),
        fingerprint: keyed.fingerprint.to_vec(),
        status: 200,
        answer: body.to_owned(),
        recorded_at: now.0,
    });
    answers::save(connection, row.as_slice())
}

/// A party that gets a limit owes already what the positions and the open holds say.
fn follow_new_limits(
    connection: &mut Database,
    before: &Timeline,
    after: &Timeline,
    now: Instant,
) -> Result<(), StoreError> {
    let known = before.at(now).limited(now);
    let mut fresh = after.at(now).limited(now);
    fresh.retain(|party, cycles| known.get(party).is_none_or(|known| !cycles.is_subset(known)));
    if fresh.is_empty() {
        return Ok(());
    }
    let mut exposures = exposures::lock(connection, &fresh)?;
    for (party, exposure) in &mut exposures {
        for (cycle, owed) in &mut exposure.in_cycles {
            let positions = cycles::positions_of(connection, cycle)?;
            *owed = positions.iter().map(|one| one.change_of(party)).sum();
        }
        exposure.unsettled = exposures::unsettled(connection, party)?;
        exposure.held = exposures::held(connection, party)?;
    }
    exposures::save(connection, &exposures)
}
