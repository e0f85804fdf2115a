//! The line of the configuration's changes: what counts at which instant.

use std::sync::Arc;

use super::Invalid;
use super::coalition::{Change, Coalition, Versioned};
use crate::domain::settlement::CycleId;
use crate::domain::time::Instant;

/// The configuration over time: what counts at which instant.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The number of the latest change, in force or yet to come.
    pub version: i64,
    /// What counts from each instant on, oldest first; never empty.
    states: Vec<(Instant, Arc<Coalition>)>,
}

/// Refuses rates that begin before the change itself counts, or change what counts.
fn keeps_taxes(coalition: &Coalition, change: &Change, at: Instant) -> Result<(), Invalid> {
    let Change::VatRates(document) = change else { return Ok(()) };
    match coalition.documents.vat_tables.get(&document.id) {
        Some(there) => document.continues(there, coalition.zone.day_of(at)),
        None => Ok(()),
    }
}

impl Timeline {
    /// Makes all changes in the order in which they take effect.
    ///
    /// # Errors
    /// If there is no coalition yet, or a change contradicts those before it.
    pub fn new(changes: &[Versioned]) -> Result<Self, Invalid> {
        let mut ordered: Vec<&Versioned> = changes.iter().collect();
        ordered.sort_by_key(|one| (one.effective_at, one.version));
        let mut states: Vec<(Instant, Arc<Coalition>)> = Vec::new();
        let mut current: Option<Coalition> = None;
        for one in ordered {
            let mut next = match (&one.change, &current) {
                (Change::Coalition(document), None) => Coalition::new(document)?,
                (change, Some(coalition)) => {
                    keeps_taxes(coalition, change, one.effective_at)?;
                    coalition.with(change, one.version)?
                }
                (_, None) => return Err(Invalid::at("", "the coalition is not set up")),
            };
            next.version = one.version.max(current.as_ref().map_or(0, |one| one.version));
            if states.last().is_some_and(|last| last.0 == one.effective_at) {
                states.pop();
            }
            states.push((one.effective_at, Arc::new(next.clone())));
            current = Some(next);
        }
        if states.is_empty() {
            return Err(Invalid::at("", "the coalition is not set up"));
        }
        let mut later: Option<Arc<Coalition>> = None;
        for (_, state) in states.iter_mut().rev() {
            Arc::make_mut(state).count_for(later.as_deref());
            later = Some(Arc::clone(state));
        }
        let version = changes.iter().map(|one| one.version).max().unwrap_or(0);
        Ok(Self { version, states })
    }

    /// What counts at an instant.
    ///
    /// # Panics
    /// Never: a timeline has at least the state from its set-up.
    pub fn at(&self, now: Instant) -> &Arc<Coalition> {
        let place = self.states.partition_point(|state| state.0 <= now);
        &self.states[place.saturating_sub(1)].1
    }

    /// What counted at the end of a cycle; what counts now where it is not over.
    pub fn at_end_of(&self, cycle: &CycleId, now: Instant) -> &Arc<Coalition> {
        let end = self.at(now).schedule(&cycle.schedule).closes(cycle.first);
        self.at(end.plus_micros(-1).min(now))
    }

    /// The latest state, in force or yet to come.
    pub fn latest(&self) -> &Arc<Coalition> {
        &self.states[self.states.len() - 1].1
    }
}
