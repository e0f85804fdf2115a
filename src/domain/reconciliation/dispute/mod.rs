//! A dispute about money: from the objection to an entry that both sides approved.
//!
//! open → acknowledged (the amount is reserved if the agreement says so) → evidence → proposed →
//! approved by both sides → booked into the open cycle. It may be rejected until both approved,
//! and it expires when its time is over. Transitions are pure; nothing is posted here.

use serde::{Deserialize, Serialize};

use crate::domain::amount::Money;
use crate::domain::ids::TransactionId;
use crate::domain::time::Instant;

pub mod case;
#[cfg(test)]
mod tests;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What is objected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeKind {
    /// Points or money are missing.
    MissingAccrual,
    /// Points or money are wrong.
    IncorrectAccrual,
    /// It was counted twice.
    Duplicate,
    /// It was another member's.
    WrongMember,
    /// The price of a point is wrong.
    WrongPrice,
    /// A return was not posted.
    ReturnNotPosted,
    /// It was fraud.
    Fraud,
}

/// One of the two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DisputeSide {
    /// Who objects.
    Claimant,
    /// Who answers.
    Respondent,
}

/// What the agreement says of disputes. Days are of 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeTerms {
    /// How long after opening it has to be acknowledged.
    pub days_to_acknowledge: u32,
    /// How long after opening it expires.
    pub days_to_settle: u32,
    /// Whether the amount is kept back until the dispute ends.
    pub reserves: bool,
}

impl Default for DisputeTerms {
    /// 3 days to acknowledge, 30 to settle, nothing kept back.
    fn default() -> Self {
        Self { days_to_acknowledge: 3, days_to_settle: 30, reserves: false }
    }
}

/// Where a dispute stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum DisputeState {
    /// Objected; the other side has not looked yet.
    Open,
    /// The other side has looked.
    Acknowledged,
    /// Somebody has shown evidence.
    Evidence,
    /// An entry is proposed.
    Proposed {
        /// What it would move to the claimant, in minor units.
        amount: Money,
        /// Who of the claimant's people approved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claimant: Option<String>,
        /// Who of the respondent's people approved.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        respondent: Option<String>,
    },
    /// Both sides approved; the entry can be posted.
    Approved {
        /// What it moves to the claimant, in minor units.
        amount: Money,
    },
    /// The entry is posted.
    Booked {
        /// The entry.
        transaction: TransactionId,
    },
    /// One side ended it.
    Rejected {
        /// Which.
        by: DisputeSide,
        /// Why.
        why: String,
    },
    /// Its time ran out.
    Expired,
}

impl DisputeState {
    /// The word in the API and in the database.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Evidence => "evidence",
            Self::Proposed { .. } => "proposed",
            Self::Approved { .. } => "approved",
            Self::Booked { .. } => "booked",
            Self::Rejected { .. } => "rejected",
            Self::Expired => "expired",
        }
    }

    /// Whether nothing more can happen.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Booked { .. } | Self::Rejected { .. } | Self::Expired)
    }
}

/// What somebody does in a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DisputeAction {
    /// The respondent has looked.
    Acknowledge,
    /// Show evidence; the caller keeps it.
    ShowEvidence,
    /// Propose an entry that moves so much to the claimant. It takes the place of an earlier one,
    /// and what was approved of that.
    Propose(Money),
    /// Approve the proposed entry for one's side.
    Approve,
    /// End it without an entry: the respondent refuses, or the claimant takes it back.
    Reject {
        /// Why.
        why: String,
    },
}

/// Who acts, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor<'a> {
    /// For which side.
    pub side: DisputeSide,
    /// The person, by the name under which they signed in.
    pub person: &'a str,
    /// When.
    pub at: Instant,
}

/// Why something can't be done in a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DisputeError {
    /// The time to object is over.
    #[error("the time to object to this statement is over")]
    Late,
    /// Nothing is disputed.
    #[error("dispute an amount above zero")]
    NoAmount,
    /// It has ended.
    #[error("the dispute has ended; open a new one")]
    Ended,
    /// Its time is over.
    #[error("the time of this dispute is over; open a new one")]
    Overdue,
    /// Only the other side may do this.
    #[error("only the side that answers acknowledges a dispute")]
    WrongSide,
    /// It is not the time for this.
    #[error("this can't be done now: first acknowledge, then propose, then approve")]
    OutOfTurn,
    /// An entry may not move more than what is disputed.
    #[error("propose an entry from nothing up to the amount that is disputed")]
    TooMuch,
    /// This side or this person has approved.
    #[error("your side has approved, or you approved for the other side; somebody else must")]
    SamePerson,
    /// Nobody said why.
    #[error("say why")]
    WhyMissing,
}

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// What is objected to.
    pub kind: DisputeKind,
    /// How much is disputed, above zero, in minor units.
    pub amount: Money,
    /// When it was opened.
    pub opened_at: Instant,
    /// When it should be acknowledged.
    pub acknowledge_by: Instant,
    /// When it expires.
    pub due: Instant,
    /// Whether the amount is kept back from acknowledging to the end.
    pub reserves: bool,
    /// Where it stands.
    pub state: DisputeState,
}

impl Dispute {
    /// Opens a dispute about a statement that can be objected to until an instant, and no longer
    /// from then on.
    ///
    /// # Errors
    /// If the time to object is over, or no amount is disputed.
    pub fn open(
        kind: DisputeKind,
        amount: Money,
        (until, now): (Instant, Instant),
        terms: DisputeTerms,
    ) -> Result<Self, DisputeError> {
        if !amount.is_positive() {
            return Err(DisputeError::NoAmount);
        }
        if until <= now {
            return Err(DisputeError::Late);
        }
        Ok(Self {
            kind,
            amount,
            opened_at: now,
            acknowledge_by: after(now, terms.days_to_acknowledge),
            due: after(now, terms.days_to_settle),
            reserves: terms.reserves,
            state: DisputeState::Open,
        })
    }

    /// What is kept back now.
    pub const fn reserved(&self) -> Money {
        let is_over = self.state.is_final() || matches!(self.state, DisputeState::Open);
        if self.reserves && !is_over { self.amount } else { Money::ZERO }
    }

    /// Whether the other side should have acknowledged it by now.
    pub fn is_unanswered(&self, now: Instant) -> bool {
        self.state == DisputeState::Open && self.acknowledge_by <= now
    }

    /// Says where the dispute stands after an action.
    ///
    /// # Errors
    /// If that can't be done now, or not by this side or person.
    pub fn after(
        &self,
        action: &DisputeAction,
        actor: Actor<'_>,
    ) -> Result<DisputeState, DisputeError> {
        use DisputeState::{Acknowledged, Approved, Evidence, Open, Proposed};
        if self.state.is_final() {
            return Err(DisputeError::Ended);
        }
        if self.due <= actor.at {
            return Err(DisputeError::Overdue);
        }
        match (action, &self.state) {
            (DisputeAction::Acknowledge, Open) => match actor.side {
                DisputeSide::Respondent => Ok(Acknowledged),
                DisputeSide::Claimant => Err(DisputeError::WrongSide),
            },
            (DisputeAction::ShowEvidence, Acknowledged | Evidence) => Ok(Evidence),
            (DisputeAction::Propose(amount), Acknowledged | Evidence | Proposed { .. }) => {
                if !(Money::ZERO..=self.amount).contains(amount) {
                    return Err(DisputeError::TooMuch);
                }
                Ok(Proposed { amount: *amount, claimant: None, respondent: None })
            }
            (DisputeAction::Approve, Proposed { amount, claimant, respondent }) => {
                approve(*amount, (claimant.as_deref(), respondent.as_deref()), actor)
            }
            (DisputeAction::Reject { why }, state) if !matches!(state, Approved { .. }) => {
                if why.trim().is_empty() {
                    return Err(DisputeError::WhyMissing);
                }
                Ok(DisputeState::Rejected { by: actor.side, why: why.clone() })
            }
            _ => Err(DisputeError::OutOfTurn),
        }
    }

    /// Says where it stands when its entry is posted.
    ///
    /// # Errors
    /// If not both sides have approved.
    pub const fn booked(&self, transaction: TransactionId) -> Result<DisputeState, DisputeError> {
        match self.state {
            DisputeState::Approved { .. } => Ok(DisputeState::Booked { transaction }),
            _ => Err(DisputeError::OutOfTurn),
        }
    }

    /// Whether its time has run out. What both sides approved is booked all the same.
    pub fn expires(&self, now: Instant) -> bool {
        let stands = self.state.is_final() || matches!(self.state, DisputeState::Approved { .. });
        !stands && self.due <= now
    }
}

fn approve(
    amount: Money,
    (claimant, respondent): (Option<&str>, Option<&str>),
    actor: Actor<'_>,
) -> Result<DisputeState, DisputeError> {
    let person = Some(actor.person);
    let (own, other) = match actor.side {
        DisputeSide::Claimant => (claimant, respondent),
        DisputeSide::Respondent => (respondent, claimant),
    };
    if own.is_some() || other == person {
        return Err(DisputeError::SamePerson);
    }
    if other.is_some() {
        return Ok(DisputeState::Approved { amount });
    }
    let (claimant, respondent) = match actor.side {
        DisputeSide::Claimant => (person, None),
        DisputeSide::Respondent => (None, person),
    };
    let (claimant, respondent) = (claimant.map(str::to_owned), respondent.map(str::to_owned));
    Ok(DisputeState::Proposed { amount, claimant, respondent })
}

fn after(instant: Instant, days: u32) -> Instant {
    instant.plus_micros(i64::from(days) * DAY)
}
