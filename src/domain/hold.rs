//! Holds: points of definite lots, reserved until captured, voided or timed out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::amount::{Money, Points};
use super::exact::Ratio;
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
    /// What burning them cost those who fund the lot; zero for points that are only held.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub cost: Money,
}

impl Allocation {
    /// Points of a lot, without a cost.
    pub const fn of(lot: LotId, points: Points) -> Self {
        Self { lot, points, cost: Money::ZERO }
    }

    /// What is left of burned points, and of what they cost, after so many of them came back.
    #[must_use]
    pub fn less(self, restored: Points) -> Self {
        let back = Ratio::share_of(self.cost.0, restored.0, self.points.0).half_even();
        Self { points: self.points - restored, cost: self.cost - Money(back), ..self }
    }
}

/// What is left of burned points, lot by lot, after so many of them came back: the last taken come
/// back first.
pub fn standing(taken: &[Allocation], restored: Points) -> Vec<Allocation> {
    let mut left = restored;
    let mut standing: Vec<Allocation> = Vec::with_capacity(taken.len());
    for one in taken.iter().rev() {
        let back = left.min(one.points);
        left -= back;
        standing.push(one.less(back));
    }
    standing.reverse();
    standing
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

    /// The lots of so many of its points, in burning order.
    pub fn divide_points(&self, captured: Points) -> Vec<(LotId, Points)> {
        self.divide(captured).0.into_iter().map(|one| (one.lot, one.points)).collect()
    }

    /// Splits the allocations into those captured, in burning order, and the rest.
    pub fn divide(&self, captured: Points) -> (Vec<Allocation>, Vec<Allocation>) {
        let mut left = captured;
        let (mut taken, mut rest) = (Vec::new(), Vec::new());
        for one in &self.allocations {
            let points = left.min(one.points);
            left -= points;
            if points.is_positive() {
                taken.push(Allocation::of(one.lot, points));
            }
            if points < one.points {
                rest.push(Allocation::of(one.lot, one.points - points));
            }
        }
        (taken, rest)
    }
}
