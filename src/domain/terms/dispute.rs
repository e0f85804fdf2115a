//! What an agreement says of disputes: how long a statement can be objected to, how fast a dispute is
//! answered, and whether its amount is set aside. What it does not say, its schedule says.

use serde::{Deserialize, Serialize};

use super::schedule::TERM_DAYS_MAX;
use super::{Agreement, Coalition, Invalid, Schedule};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::reconciliation::dispute::DisputeTerms;
use crate::domain::settlement::CycleId;
use crate::domain::time::Instant;

/// What an agreement says of disputes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisputeDocument {
    /// Days after publication within which the party's statement can be objected to; none: the
    /// schedule's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_within_days: Option<u32>,
    /// Days within which a dispute has to be acknowledged; none: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer_within_days: Option<u32>,
    /// Days after which a dispute expires; none: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_within_days: Option<u32>,
    /// Whether the amount is set aside until the dispute ends; none: as the schedule says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<bool>,
}

impl DisputeDocument {
    /// Checks the document.
    ///
    /// # Errors
    /// If a number of days is too large.
    pub fn check(self) -> Result<Self, Invalid> {
        let days = [
            (self.object_within_days, "/dispute/object_within_days"),
            (self.answer_within_days, "/dispute/answer_within_days"),
            (self.settle_within_days, "/dispute/settle_within_days"),
        ];
        match days.into_iter().find(|(days, _)| days.is_some_and(|days| days > TERM_DAYS_MAX)) {
            Some((_, pointer)) => {
                Err(Invalid::at(pointer, format!("at most {TERM_DAYS_MAX} days")))
            }
            None => Ok(self),
        }
    }
}

impl Coalition {
    /// Until when a party can object to its statement of a cycle that was published at an instant:
    /// to the end of the local day. Of several agreements that the schedule settles the longest
    /// time counts, since they are on one statement.
    pub fn object_until(&self, cycle: &CycleId, party: &PartyId, published: Instant) -> Instant {
        let schedule = self.schedule(&cycle.schedule);
        let own = self.settled_by(schedule, party);
        let days = own.map(|one| one.dispute.object_within_days.unwrap_or(schedule.dispute_days));
        let days = days.max().unwrap_or(schedule.dispute_days);
        schedule.zone.end_of(schedule.zone.day_of(published).plus_days(days))
    }

    /// How disputes of a party about a cycle of a schedule are handled: as its agreement with the
    /// programme says, or where none is named as the most patient of its agreements do.
    pub fn dispute_terms(
        &self,
        schedule: &Schedule,
        party: &PartyId,
        programme: Option<&ProgrammeId>,
    ) -> DisputeTerms {
        let own = self.settled_by(schedule, party);
        let own = own.filter(|one| programme.is_none_or(|programme| one.programme == *programme));
        let usual = DisputeTerms { reserves: schedule.dispute_reserves, ..DisputeTerms::default() };
        let terms = own.map(|one| DisputeTerms {
            days_to_acknowledge: one
                .dispute
                .answer_within_days
                .unwrap_or(usual.days_to_acknowledge),
            days_to_settle: one.dispute.settle_within_days.unwrap_or(usual.days_to_settle),
            reserves: one.dispute.reserve.unwrap_or(usual.reserves),
        });
        let joined = terms.reduce(|one, other| DisputeTerms {
            days_to_acknowledge: one.days_to_acknowledge.max(other.days_to_acknowledge),
            days_to_settle: one.days_to_settle.max(other.days_to_settle),
            reserves: one.reserves || other.reserves,
        });
        joined.unwrap_or(usual)
    }

    fn settled_by<'a>(
        &'a self,
        schedule: &'a Schedule,
        party: &'a PartyId,
    ) -> impl Iterator<Item = &'a Agreement> {
        let own = self.agreements_of(party).map(AsRef::as_ref);
        own.filter(|one| one.schedule == schedule.id)
    }
}
