//! Positions of a cycle: what was owed, added up.

use crate::domain::amount::{Money, Points};
use crate::domain::ids::{PartyId, ProgrammeId, PromoId};
use crate::domain::posting::ObligationKind;
use crate::domain::time::Day;

/// What one party owes another for one thing in a cycle, over all shards.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PositionSum {
    /// Who owes.
    pub debtor: PartyId,
    /// Who is owed.
    pub creditor: PartyId,
    /// On whose account; none: the clearing house's own.
    pub programme: Option<ProgrammeId>,
    /// For what.
    pub kind: ObligationKind,
    /// Whether it gives back what was owed before.
    pub reverses: bool,
    /// The party of the agreement that it is owed under.
    pub agreement: Option<PartyId>,
    /// The promotion that it is owed for.
    pub promo: Option<PromoId>,
    /// The first day of the cycle that it belongs to by its date: an earlier one if it is late.
    pub late_for: Day,
    /// How many postings.
    pub count: i64,
    /// For how many points, in the programme's smallest unit.
    pub points: Points,
    /// How much; never below zero.
    pub amount: Money,
}

impl PositionSum {
    /// What the position adds to what a party is owed.
    pub fn change_of(&self, party: &PartyId) -> Money {
        let gets = if self.creditor == *party { self.amount } else { Money::ZERO };
        let gives = if self.debtor == *party { self.amount } else { Money::ZERO };
        gets - gives
    }
}
