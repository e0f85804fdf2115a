//! Exposure: what a limited party owes the clearing house and has not paid yet.

use std::collections::BTreeMap;

use super::amount::Money;
use super::hold::Hold;
use super::ids::{PartyId, ProgrammeId, ScheduleId, TransactionId};
use super::posting::{Body, Posting};
use super::settlement::CycleId;
use super::transaction::Transaction;

/// How much a party may owe.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Net within the open cycle of each schedule: the smallest cap of the agreements that are
    /// settled by it.
    pub caps: BTreeMap<ScheduleId, Money>,
    /// Net over all that is not settled, with what open holds would add: the smallest of all its
    /// agreements'.
    pub credit_line: Option<Money>,
}

/// Which limit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LimitName {
    /// The net debit cap within the open cycle of a schedule.
    Cap(ScheduleId),
    /// The credit line.
    CreditLine,
    /// A pack of points that was bought in advance.
    Pack(TransactionId),
    /// All packs of a programme: an agreement that gives out no points without one found none.
    Packs(ProgrammeId),
}

impl std::fmt::Display for LimitName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Cap(_) => write!(out, "net_debit_cap"),
            Self::CreditLine => write!(out, "credit_line"),
            Self::Pack(pack) => write!(out, "pack/{pack}"),
            Self::Packs(programme) => write!(out, "packs/{programme}"),
        }
    }
}

/// A limit that kept something from being posted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LimitHit {
    /// Whose.
    pub party: PartyId,
    /// Which.
    pub limit: LimitName,
}

/// What a limited party is owed, net; below zero: what it owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// Within the open cycle of each schedule for which it has a cap.
    pub in_cycles: BTreeMap<CycleId, Money>,
    /// In all cycles, less what was paid.
    pub unsettled: Money,
    /// What it would owe if all open holds were captured; not below zero.
    pub held: Money,
}

impl Exposure {
    /// Adds what a transaction posts.
    pub fn add(&mut self, party: &PartyId, transaction: &Transaction) {
        for posting in &transaction.postings {
            let change = change_of(posting, party);
            if !change.is_zero() {
                self.unsettled += change;
                let cycle = posting.cycle(transaction);
                if let Some(in_cycle) = cycle.and_then(|cycle| self.in_cycles.get_mut(&cycle)) {
                    *in_cycle += change;
                }
            }
        }
    }

    /// The open cycle of a schedule with what is owed within it; none: there is no cap.
    pub fn open_cycle(&self, schedule: &ScheduleId) -> Option<(&CycleId, Money)> {
        let found = self.in_cycles.iter().find(|(cycle, _)| cycle.schedule == *schedule);
        found.map(|(cycle, money)| (cycle, *money))
    }
}

/// What a posting adds to what a party is owed.
pub fn change_of(posting: &Posting, party: &PartyId) -> Money {
    let Body::Money { amount, .. } = posting.body else { return Money::ZERO };
    let gets = if posting.to.party() == Some(party) { amount } else { Money::ZERO };
    let gives = if posting.from.party() == Some(party) { amount } else { Money::ZERO };
    gets - gives
}

/// What a hold that changes adds to what open holds would make parties owe.
pub fn held_by(before: Option<&Hold>, after: &Hold) -> BTreeMap<PartyId, Money> {
    let was_open = before.is_some_and(|hold| hold.open);
    let sign = i64::from(after.open) - i64::from(was_open);
    after.owes.iter().map(|(party, money)| (party.clone(), Money(money.0 * sign))).collect()
}
