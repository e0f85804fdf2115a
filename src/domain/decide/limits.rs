//! Limits: what a party may owe. Checked in the commit of what makes it owe more, over all shards.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::domain::amount::Money;
use crate::domain::exposure::{LimitHit, LimitName, Limits, change_of, held_by};
use crate::domain::ids::PartyId;
use crate::domain::posting::{Body, Posting};
use crate::domain::rejection::Rejection;

impl Draft<'_> {
    /// Refuses what would make a party owe more than its net debit cap within the open cycle, or
    /// than its credit line over all that is not settled. `reserves` is what a new hold would make
    /// parties owe. Who is owed more, or as much as before, is never refused.
    ///
    /// # Errors
    /// If a limit would be passed.
    pub fn must_keep_limits(
        &self,
        postings: &[Posting],
        reserves: &BTreeMap<PartyId, Money>,
    ) -> Result<(), Rejection> {
        for (party, limits) in &self.context.coalition.limits {
            let owes_more: Money = postings.iter().map(|one| change_of(one, party)).sum();
            let more_held = reserves.get(party).copied().unwrap_or_default();
            let is_touched = owes_more < Money::ZERO || more_held.is_positive();
            let passed = || self.passed(party, limits, postings, more_held);
            if is_touched && let Some(limit) = passed() {
                return Err(Rejection::LimitExceeded(LimitHit { party: party.clone(), limit }));
            }
        }
        Ok(())
    }

    /// The limit that would be passed, if one would.
    fn passed(
        &self,
        party: &PartyId,
        limits: &Limits,
        postings: &[Posting],
        reserved: Money,
    ) -> Option<LimitName> {
        let exposure = self.ledger.exposures.get(party)?;
        let all = || self.postings.iter().chain(postings);
        let keeps_cap = limits.cap.as_ref().is_none_or(|(schedule, cap)| {
            let within = all().filter(|one| match &one.body {
                Body::Money { under, .. } => under.schedule == *schedule,
                Body::Points { .. } => false,
            });
            let change: Money = within.map(|one| change_of(one, party)).sum();
            !(change < Money::ZERO && exposure.in_cycle + change < -*cap)
        });
        let keeps_line = limits.credit_line.is_none_or(|line| {
            let change: Money = all().map(|one| change_of(one, party)).sum();
            let held = exposure.held + reserved + self.change_of_holds(party);
            exposure.unsettled + change - held >= -line
        });
        match (keeps_cap, keeps_line) {
            (true, true) => None,
            (true, false) => Some(LimitName::CreditLine),
            (false, _) => Some(LimitName::Cap),
        }
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
