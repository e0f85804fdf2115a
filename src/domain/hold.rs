//! Holds: points of definite lots, reserved until captured, voided or timed out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::amount::{Money, Points};
use super::ids::{LotId, MemberId, PartyId, ProgrammeId, TransactionId};
use super::time::Instant;

/// A reservation of points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The transaction that made it.
    pub id: TransactionId,
    /// Who posted it.
    pub party: PartyId,
    /// Whose points.
    pub member: MemberId,
    /// Of which programme.
    pub programme: ProgrammeId,
    /// The lots and how much of each, in burning order.
    pub allocations: Vec<Allocation>,
    /// When it times out; never: it stands.
    pub valid_until: Instant,
    /// Whether it still reserves anything.
    pub open: bool,
    /// What its capture would make parties owe.
    pub owes: BTreeMap<PartyId, Money>,
}

/// So many points of one lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// The lot.
    pub lot: LotId,
    /// How many of its points.
    pub points: Points,
}

impl Hold {
    /// The points that it reserves.
    pub fn points(&self) -> Points {
        self.allocations.iter().map(|one| one.points).sum()
    }

    /// Whether it is finished: captured, voided, or past its time.
    pub fn is_finished(&self, now: Instant) -> bool {
        !self.open || self.is_due(now)
    }

    /// Whether its time has run out and nothing has released it yet.
    pub fn is_due(&self, now: Instant) -> bool {
        self.open && self.valid_until <= now
    }

    /// Splits the allocations into those captured, in burning order, and the rest.
    pub fn divide(&self, captured: Points) -> (Vec<Allocation>, Vec<Allocation>) {
        let mut left = captured;
        let (mut taken, mut rest) = (Vec::new(), Vec::new());
        for one in &self.allocations {
            let points = left.min(one.points);
            left -= points;
            if points.is_positive() {
                taken.push(Allocation { lot: one.lot, points });
            }
            if points < one.points {
                rest.push(Allocation { lot: one.lot, points: one.points - points });
            }
        }
        (taken, rest)
    }
}
