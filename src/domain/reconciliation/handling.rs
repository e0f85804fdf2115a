//! What becomes of a break: explained, adjusted or written off, by one person or, above a limit, by
//! two.
//!
//! A transition is pure: it says what the break becomes or why not. Who a person is, the caller
//! has checked; adjusting posts an entry into the open cycle, which the caller links.

use serde::{Deserialize, Serialize};

use super::class::Class;
use super::finding::{Break, Proposal};
use super::settled::Earlier;
use crate::domain::amount::{Money, Points};
use crate::domain::time::Instant;

/// How a break ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// There is a reason, and nothing to post here.
    Explained,
    /// The proposed entry is posted here, into the open cycle.
    Adjusted,
    /// The difference is accepted.
    WrittenOff,
}

impl Resolution {
    /// The word in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Explained => "explained",
            Self::Adjusted => "adjusted",
            Self::WrittenOff => "written_off",
        }
    }
}

/// Who did something, when and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deed {
    /// The person, by the name under which they signed in.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Why, in their words.
    pub why: String,
}

/// Where a break stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Handling {
    /// Nobody has dealt with it.
    #[default]
    Open,
    /// One person asks for an end that another has to approve.
    Proposed {
        /// The end.
        resolution: Resolution,
        /// Who asks.
        maker: Deed,
    },
    /// It has ended.
    Resolved {
        /// How.
        resolution: Resolution,
        /// Who asked.
        maker: Deed,
        /// Who approved; none: it was within the limit.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checker: Option<Deed>,
    },
    /// An earlier run has the same break, and there it ended.
    Settled {
        /// The break that answers it.
        by: Earlier,
    },
}

/// What one person may settle alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limit {
    /// Money at stake up to this, in minor units.
    pub money: Money,
    /// Points at stake up to this, in smallest units.
    pub points: Points,
}

impl Limit {
    /// Whether two people are needed for this break.
    pub fn is_passed_by(&self, one: &Break) -> bool {
        self.money < one.at_stake() || self.points < Points(one.points_effect.0.abs())
    }
}

/// What somebody does with a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask for an end; within the limit this ends it.
    Resolve(Resolution),
    /// Approve what somebody else asked for.
    Approve,
    /// Send back what somebody asked for; whoever asked may take it back too.
    SendBack,
}

/// Why something can't be done with a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandlingError {
    /// Nobody said why.
    #[error("say why")]
    WhyMissing,
    /// It has ended.
    #[error("the break is resolved; what was posted for it is corrected by its own entry")]
    Resolved,
    /// Somebody asked already.
    #[error("a resolution waits for approval; approve it or send it back first")]
    Proposed,
    /// Nobody has asked for anything.
    #[error("nothing waits for approval; ask for a resolution first")]
    NotProposed,
    /// Maker and checker are one person.
    #[error("somebody else must approve this; the amount is above what one person may settle")]
    SamePerson,
    /// There is nothing that could be posted here.
    #[error("no entry here would correct this; explain it or write it off")]
    NothingToPost,
    /// It is no break.
    #[error("this may yet come; it becomes a break when the agreed lag is over")]
    Pending,
}

/// Says what a break becomes by what somebody does with it.
///
/// # Errors
/// If that can't be done where the break stands, or not by this person.
pub fn decide(
    one: &Break,
    handling: &Handling,
    (action, deed): (Action, Deed),
    limit: Limit,
) -> Result<Handling, HandlingError> {
    if deed.why.trim().is_empty() {
        return Err(HandlingError::WhyMissing);
    }
    match (handling, action) {
        (Handling::Resolved { .. } | Handling::Settled { .. }, _) => Err(HandlingError::Resolved),
        (Handling::Open, Action::Resolve(resolution)) => {
            check_end(one, resolution)?;
            let maker = deed;
            Ok(if limit.is_passed_by(one) {
                Handling::Proposed { resolution, maker }
            } else {
                Handling::Resolved { resolution, maker, checker: None }
            })
        }
        (Handling::Open, _) => Err(HandlingError::NotProposed),
        (Handling::Proposed { .. }, Action::Resolve(_)) => Err(HandlingError::Proposed),
        (Handling::Proposed { .. }, Action::SendBack) => Ok(Handling::Open),
        (Handling::Proposed { resolution, maker }, Action::Approve) => {
            if maker.by == deed.by {
                return Err(HandlingError::SamePerson);
            }
            let (resolution, maker) = (*resolution, maker.clone());
            Ok(Handling::Resolved { resolution, maker, checker: Some(deed) })
        }
    }
}

const fn check_end(one: &Break, resolution: Resolution) -> Result<(), HandlingError> {
    if matches!(one.class, Class::PendingInLedger | Class::PendingInFile) {
        return Err(HandlingError::Pending);
    }
    let posts_here = matches!(
        one.proposal,
        Proposal::PostHere { .. } | Proposal::ReverseHere { .. } | Proposal::CorrectHere { .. }
    );
    match resolution {
        Resolution::Adjusted if !posts_here => Err(HandlingError::NothingToPost),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::line::Currency;
    use super::*;

    fn missing_in_ledger(amount: i64) -> Break {
        let currency: Currency = "RUB".parse().expect("a currency");
        Break {
            number: 1,
            class: Class::MissingInLedger,
            line_no: Some(7),
            transaction: None,
            reference: "R-7".to_owned(),
            theirs: None,
            ours: None,
            currency,
            effect: Money(amount),
            points_effect: Points(0),
            age_days: 3,
            proposal: Proposal::PostHere { kind: None, amount: Money(amount), points: Points(0) },
        }
    }

    fn by(name: &str) -> Deed {
        Deed { by: name.to_owned(), at: Instant(5), why: "the till was offline".to_owned() }
    }

    const LIMIT: Limit = Limit { money: Money(1_000), points: Points(10) };

    fn after(
        one: &Break,
        handling: &Handling,
        action: Action,
        who: &str,
    ) -> Result<Handling, HandlingError> {
        decide(one, handling, (action, by(who)), LIMIT)
    }

    #[test]
    fn one_person_settles_what_is_within_the_limit() {
        for amount in [1_000, -1_000] {
            let ended = after(
                &missing_in_ledger(amount),
                &Handling::Open,
                Action::Resolve(Resolution::WrittenOff),
                "anna",
            );
            let resolution = Resolution::WrittenOff;
            let expected = Handling::Resolved { resolution, maker: by("anna"), checker: None };
            assert_eq!(ended, Ok(expected));
        }
    }

    #[test]
    fn above_the_limit_maker_and_checker_differ() {
        for resolution in [Resolution::Explained, Resolution::Adjusted, Resolution::WrittenOff] {
            let one = missing_in_ledger(-1_001);
            let asked = after(&one, &Handling::Open, Action::Resolve(resolution), "anna")
                .expect("anybody may ask");
            assert_eq!(asked, Handling::Proposed { resolution, maker: by("anna") });
            let alone = after(&one, &asked, Action::Approve, "anna");
            assert_eq!(alone, Err(HandlingError::SamePerson));
            let twice = after(&one, &asked, Action::Resolve(Resolution::Explained), "boris");
            assert_eq!(twice, Err(HandlingError::Proposed));
            let ended = after(&one, &asked, Action::Approve, "boris").expect("another approves");
            let checker = Some(by("boris"));
            assert_eq!(ended, Handling::Resolved { resolution, maker: by("anna"), checker });
            let again = after(&one, &ended, Action::SendBack, "boris");
            assert_eq!(again, Err(HandlingError::Resolved));
        }
    }

    #[test]
    fn points_have_a_limit_of_their_own() {
        let one = Break { points_effect: Points(-11), ..missing_in_ledger(0) };
        assert!(LIMIT.is_passed_by(&one));
        assert!(!LIMIT.is_passed_by(&Break { points_effect: Points(-10), ..one }));
    }

    #[test]
    fn what_was_sent_back_is_open_again() {
        let one = missing_in_ledger(5_000);
        let asked = Handling::Proposed { resolution: Resolution::WrittenOff, maker: by("anna") };
        assert_eq!(after(&one, &asked, Action::SendBack, "boris"), Ok(Handling::Open));
        let early = after(&one, &Handling::Open, Action::Approve, "boris");
        assert_eq!(early, Err(HandlingError::NotProposed));
    }

    #[test]
    fn only_what_can_be_posted_here_is_adjusted_and_nothing_without_a_reason() {
        let there = Break {
            class: Class::DuplicateInFile,
            proposal: Proposal::RemoveThere { line_no: 7 },
            ..missing_in_ledger(10)
        };
        let adjusted = Action::Resolve(Resolution::Adjusted);
        let refused = after(&there, &Handling::Open, adjusted, "anna");
        assert_eq!(refused, Err(HandlingError::NothingToPost));
        let mute = Deed { why: "  ".to_owned(), ..by("anna") };
        let one = missing_in_ledger(10);
        let refused = decide(&one, &Handling::Open, (adjusted, mute), LIMIT);
        assert_eq!(refused, Err(HandlingError::WhyMissing));
        let young = Break { class: Class::PendingInLedger, proposal: Proposal::Wait, ..one };
        let refused = after(&young, &Handling::Open, adjusted, "anna");
        assert_eq!(refused, Err(HandlingError::Pending));
    }
}
