//! Limits: what a party may owe. Checked in the commit of what makes it owe more, over all shards.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::domain::amount::Money;
use crate::domain::exposure::{Exposure, LimitHit, LimitName, Limits, change_of, held_by};
use crate::domain::ids::{PartyId, ScheduleId};
use crate::domain::posting::{Body, Posting};
use crate::domain::rejection::Rejection;

/// What is to be posted, before the limits.
#[derive(Clone, Copy)]
struct Weighed<'a> {
    postings: &'a [Posting],
    /// What a new hold would make parties owe.
    reserves: &'a BTreeMap<PartyId, Money>,
    /// Whether caps count, beside credit lines.
    by_cap: bool,
}

impl Draft<'_> {
    /// Refuses what would make a party owe more than a net debit cap within the open cycle of its
    /// schedule, or than its credit line over all that is not settled. `reserves` is what a new
    /// hold would make parties owe. Who is owed more, or as much as before, is never refused.
    ///
    /// # Errors
    /// If a limit would be passed.
    pub fn must_keep_limits(
        &self,
        postings: &[Posting],
        reserves: &BTreeMap<PartyId, Money>,
    ) -> Result<(), Rejection> {
        self.must_keep(Weighed { postings, reserves, by_cap: true })
    }

    /// Refuses what would make a party owe more than its credit line. Caps bind sales alone.
    ///
    /// # Errors
    /// If a credit line would be passed.
    pub fn must_keep_lines(&self, postings: &[Posting]) -> Result<(), Rejection> {
        self.must_keep(Weighed { postings, reserves: &BTreeMap::new(), by_cap: false })
    }

    fn must_keep(&self, weighed: Weighed<'_>) -> Result<(), Rejection> {
        for (party, limits) in &self.context.coalition.limits {
            let Some(exposure) = self.ledger.exposures.get(party) else { continue };
            let cap = || self.passed_cap(party, limits, exposure, weighed);
            let line = || self.passes_line(party, limits, exposure, weighed);
            let passed = cap().or_else(|| line().then_some(LimitName::CreditLine));
            if let Some(limit) = passed {
                return Err(Rejection::LimitExceeded(LimitHit { party: party.clone(), limit }));
            }
        }
        Ok(())
    }

    /// The cap that would be passed, if one would.
    fn passed_cap(
        &self,
        party: &PartyId,
        limits: &Limits,
        exposure: &Exposure,
        weighed: Weighed<'_>,
    ) -> Option<LimitName> {
        let mut caps = limits.caps.iter().filter(|_| weighed.by_cap);
        let passed = caps.find(|(schedule, cap)| {
            let by_schedule = |all: &[Posting]| -> Money {
                let within = all.iter().filter(|one| is_settled_by(one, schedule));
                within.map(|one| change_of(one, party)).sum()
            };
            let new = by_schedule(weighed.postings);
            let change = by_schedule(&self.postings) + new;
            let owed = exposure.open_cycle(schedule).map(|(_, owed)| owed).unwrap_or_default();
            new < Money::ZERO && change < Money::ZERO && owed + change < -**cap
        });
        passed.map(|(schedule, _)| LimitName::Cap(schedule.clone()))
    }

    fn passes_line(
        &self,
        party: &PartyId,
        limits: &Limits,
        exposure: &Exposure,
        weighed: Weighed<'_>,
    ) -> bool {
        let Some(line) = limits.credit_line else { return false };
        let of = |all: &[Posting]| -> Money { all.iter().map(|one| change_of(one, party)).sum() };
        let new = of(weighed.postings);
        let reserved = weighed.reserves.get(party).copied().unwrap_or_default();
        if new >= Money::ZERO && !reserved.is_positive() {
            return false;
        }
        // What a hold reserved is counted already: its capture adds what is more than that.
        let change = of(&self.postings) + new - reserved - self.change_of_holds(party);
        change < Money::ZERO && exposure.unsettled - exposure.held + change < -line
    }

    /// What the holds that this transaction finishes would have made a party owe, as a change.
    fn change_of_holds(&self, party: &PartyId) -> Money {
        let changes = self
            .holds
            .values()
            .filter_map(|hold| held_by(self.ledger.holds.get(&hold.id), hold).get(party).copied());
        changes.sum()
    }
}

fn is_settled_by(posting: &Posting, schedule: &ScheduleId) -> bool {
    match &posting.body {
        Body::Money { under, .. } => under.schedule == *schedule,
        Body::Points { .. } => false,
    }
}
