//! Whether one statement continues another.

use super::finding::{Fault, Finding, Place};
use super::header::HOUSE_SHARD;
use super::merkle::verify_consistency;
use super::note::Checkpoint;
use super::statement::Verified;

/// That a statement continues another, and what lies between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Continuity {
    /// Logs that were shown to hold all that they held.
    pub logs: usize,
    /// Transactions that neither statement covers, none if the cycles are neighbours.
    pub gaps: Vec<Gap>,
}

/// Transactions of a log, by their places from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The log's shard.
    pub shard: i64,
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
}

/// Checks that a statement is the next one of the same party, and that the logs hold all that they
/// held when the previous one was made.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn verify_follows(previous: &Verified, this: &Verified) -> Result<Continuity, Finding> {
    let place = Place::Section("header");
    let named = this.header.previous.as_ref();
    let named = named.ok_or_else(|| {
        place.finds(Fault::differs("previous", "null", &previous.header.statement))
    })?;
    for (what, found, expected) in [
        ("previous.statement", &named.statement, &previous.header.statement),
        ("previous.sha256", &named.sha256, &previous.sha256),
        ("party", &this.header.party, &previous.header.party),
        ("operator", &this.header.operator, &previous.header.operator),
    ] {
        if found != expected {
            return Err(place.finds(Fault::differs(what, found, expected)));
        }
    }
    for (shard, before) in &previous.header.checkpoints {
        verify_log(*shard, before, this)?;
    }
    let is_known = |shard: &i64| previous.header.checkpoints.contains_key(shard);
    if let Some(shard) = this.header.consistency.keys().find(|shard| !is_known(shard)) {
        let fault = "it has a proof, and the previous statement no checkpoint of it";
        return Err(Place::Shard(*shard).finds(Fault::Layout(fault)));
    }
    Ok(Continuity { logs: previous.header.checkpoints.len(), gaps: gaps(previous, this)? })
}

/// Checks that a log still holds what it held.
fn verify_log(shard: i64, before: &Checkpoint, this: &Verified) -> Result<(), Finding> {
    let place = Place::Shard(shard);
    let now = this.header.checkpoints.get(&shard);
    let now = now.ok_or_else(|| place.finds(Fault::Layout("its checkpoint is missing")))?;
    if now.size < before.size {
        return Err(place.finds(Fault::WentBack { from: before.size, to: now.size }));
    }
    let proof = this.header.consistency.get(&shard);
    if let Some(proof) = proof
        && proof.from != before.size
    {
        return Err(place.finds(Fault::differs("consistency.from", proof.from, before.size)));
    }
    let path = match proof {
        Some(proof) => proof.path.as_slice(),
        // Nothing was there that could be lost.
        None if before.size == 0 => return Ok(()),
        // The roots alone say that nothing changed.
        None if before.size == now.size => &[],
        None => return Err(place.finds(Fault::Layout("its consistency proof is missing"))),
    };
    verify_consistency((before.size, &before.root), (now.size, &now.root), path)
        .map_err(|fault| place.finds(fault))
}

/// What no statement covers; an error if something is covered twice.
fn gaps(previous: &Verified, this: &Verified) -> Result<Vec<Gap>, Finding> {
    let mut gaps = Vec::new();
    for (&shard, cut) in this.header.cut.iter().filter(|(shard, _)| **shard != HOUSE_SHARD) {
        let first = previous.header.cut.get(&shard).map_or(1, |before| before.last + 1);
        if cut.first < first {
            let fault = Fault::CoveredTwice { seq: cut.first };
            return Err(Place::Shard(shard).finds(fault));
        }
        if first < cut.first {
            gaps.push(Gap { shard, first, last: cut.first - 1 });
        }
    }
    Ok(gaps)
}
