//! What members have at the end of a cycle: pending, active, held, and what they owe.

use std::collections::BTreeMap;

use crate::domain::amount::Points;
use crate::domain::ids::ProgrammeId;
use crate::domain::lot::Opening;
use crate::domain::posting::{Body, LedgerAccount};
use crate::domain::time::{Instant, NEVER};
use crate::domain::transaction::{Detail, Transaction};

/// Points that the members of a programme have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// In lots, reserved by no hold, those that can't be spent yet among them.
    pub free: Points,
    /// Reserved by holds.
    pub held: Points,
    /// Owed by members.
    pub debt: Points,
    /// Of the free ones, those that can't be spent yet, by when they can; never: after a delivery.
    /// Lots open at the beginning of a day, so these are days and not lots.
    pub pending: BTreeMap<Instant, Points>,
}

/// Points at the end of a cycle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtEnd {
    /// Those that became active in the cycle after they had been pending.
    pub activated: Points,
    /// Not to be spent yet.
    pub pending: Points,
    /// To be spent.
    pub active: Points,
    /// Reserved by holds.
    pub held: Points,
    /// Owed by members.
    pub debt: Points,
}

impl State {
    /// The state at the end of a cycle, before `end`. What opened until then is pending no more.
    pub fn end(&mut self, end: Instant) -> AtEnd {
        let later = self.pending.split_off(&end);
        let activated = std::mem::replace(&mut self.pending, later).into_values().sum();
        self.pending.retain(|_, points| !points.is_zero());
        let pending = self.pending.values().copied().sum();
        let Self { free, held, debt, .. } = *self;
        AtEnd { activated, pending, active: free - pending, held, debt }
    }
}

/// Adds what a transaction changed.
pub fn add(states: &mut BTreeMap<ProgrammeId, State>, transaction: &Transaction) {
    for posting in &transaction.postings {
        let Body::Points { points, early, .. } = posting.body else { continue };
        let Some(programme) = posting.from.programme() else { continue };
        let state = states.entry(programme.clone()).or_default();
        for (account, change) in [(&posting.from, -points), (&posting.to, points)] {
            match account {
                LedgerAccount::Member(..) => state.free += change,
                LedgerAccount::Held(..) => state.held += change,
                LedgerAccount::Debt(..) => state.debt -= change,
                _ => {}
            }
        }
        if let Some(early) = early {
            *state.pending.entry(early.instant()).or_default() -= points;
        }
    }
    for lot in &transaction.lots {
        if let Some(opening) = Opening::after(transaction.recorded_at, lot.available_at) {
            let state = states.entry(lot.programme.clone()).or_default();
            *state.pending.entry(opening.instant()).or_default() += lot.granted;
        }
    }
    let Detail::Delivery { dated, .. } = &transaction.detail else { return };
    for lot in dated {
        let Some(programme) = &lot.programme else { continue };
        let pending = &mut states.entry(programme.clone()).or_default().pending;
        *pending.entry(NEVER).or_default() -= lot.points;
        *pending.entry(lot.available_at).or_default() += lot.points;
    }
}
