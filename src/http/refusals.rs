//! Refusals of reconciliations and disputes, as problems.

use super::problem::Problem;
use crate::books::ProfileError;
use crate::campaigns::CampaignError;
use crate::domain::adjustment::ReconciliationId;
use crate::domain::campaign::notice::Unreachable;
use crate::domain::reconciliation::dispute::DisputeError;
use crate::domain::reconciliation::handling::HandlingError;
use crate::domain::rejection::Rejection;
use crate::domain::time::Instant;
use crate::engine::EngineError;
use crate::people::codes::AskError;
use crate::people::profile::ProfileError as ProfileChangeError;
use crate::reconcile::SettleError;

impl Problem {
    /// A list that this party sent before.
    pub fn file_already_seen(run: ReconciliationId) -> Self {
        let detail = "this list was compared before; look there, or send the corrected list";
        Self::new(409, "file_already_seen", detail).with("reconciliation", run.to_string())
    }

    /// Another part under a number that is taken.
    pub fn part_differs() -> Self {
        let detail = "this part is there with other bytes; begin a new reconciliation";
        Self::new(409, "part_differs", detail)
    }

    /// A list whose parts are not what was said.
    pub fn file_incomplete() -> Self {
        let detail = "the parts that are there don't have this hash; send what is missing";
        Self::new(422, "file_incomplete", detail)
    }

    /// A reconciliation that takes no more parts.
    pub fn not_receiving() -> Self {
        let detail = "this reconciliation takes nothing more; begin a new one";
        Self::new(409, "reconciliation_state", detail)
    }

    /// A dispute that stands elsewhere than whoever acts believes.
    pub fn dispute_state(detail: &str) -> Self {
        Self::new(409, "dispute_state", detail)
    }

    /// A rotating code that is wrong, too old, or was taken before.
    pub fn code_refused() -> Self {
        let detail = "this code is wrong, too old or was used; scan the card again";
        Self::new(422, "code_refused", detail)
    }

    /// Too many wrong codes of one card.
    pub fn card_code_locked() -> Self {
        let detail = "too many wrong codes of this card; try again in ten minutes";
        Self::new(422, "card_code_locked", detail)
    }

    /// A phone without the token of the pass that it asks about.
    pub fn pass_token_invalid() -> Self {
        Self::new(
            401,
            "pass_token_invalid",
            "send the token of the pass: Authorization: ApplePass …",
        )
    }

    /// A dispute about a cycle for which the time is over.
    pub fn dispute_too_late() -> Self {
        let detail = "the time to object to this cycle is over; ask the clearing house";
        Self::new(422, "dispute_too_late", detail)
    }
}

impl Problem {
    /// A party has as many endpoints as it may.
    pub fn too_many_webhooks(most: i64) -> Self {
        let detail = format!("a party has at most {most} webhooks; remove one first");
        Self::new(409, "too_many_webhooks", detail)
    }

    /// An endpoint has as many spans to send again as it may.
    pub fn too_many_replays(most: i64) -> Self {
        let detail = format!("at most {most} spans are sent again at once; wait for one to end");
        Self::new(409, "too_many_replays", detail)
    }
}

impl From<CampaignError> for Problem {
    fn from(error: CampaignError) -> Self {
        let detail = error.to_string();
        match error {
            CampaignError::NotFound => Self::not_found(),
            CampaignError::State { state, .. } => {
                Self::new(409, "campaign_state", detail).with("state", state.name())
            }
            CampaignError::Invalid(invalid) => invalid.into(),
            CampaignError::Engine(error) => error.into(),
            CampaignError::Store(error) => error.into(),
        }
    }
}

impl Problem {
    /// Somebody who is not told, and from when on another notice is possible.
    pub fn unreachable(why: Unreachable, next_allowed_at: Option<Instant>) -> Self {
        let detail = match why {
            Unreachable::NoConsent => "the member did not agree to this channel",
            Unreachable::NoAddress => "there is no phone, address or card to send it to",
            Unreachable::FrequencyCap => {
                "the member got as many notices of this channel in this month as may be"
            }
        };
        let problem = Self::new(422, why.name(), detail);
        match next_allowed_at {
            Some(at) => problem.with("next_allowed_at", at.to_string()),
            None => problem,
        }
    }
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Self {
        Self::invalid(&format!("/profile{}", error.pointer), error.detail)
    }
}

impl From<HandlingError> for Problem {
    fn from(error: HandlingError) -> Self {
        let detail = error.to_string();
        match error {
            HandlingError::WhyMissing => Self::invalid("/why", &detail),
            HandlingError::SamePerson => Self::new(403, "second_person_needed", detail),
            HandlingError::Resolved
            | HandlingError::Proposed
            | HandlingError::NotProposed
            | HandlingError::Pending => Self::new(409, "break_state", detail),
            HandlingError::NothingToPost => Self::new(422, "nothing_to_post", detail),
        }
    }
}

impl From<DisputeError> for Problem {
    fn from(error: DisputeError) -> Self {
        let detail = error.to_string();
        match error {
            DisputeError::Late => Self::dispute_too_late(),
            DisputeError::NoAmount | DisputeError::TooMuch => Self::invalid("/amount", &detail),
            DisputeError::WhyMissing => Self::invalid("/why", &detail),
            DisputeError::SamePerson => Self::new(403, "second_person_needed", detail),
            DisputeError::WrongSide => Self::new(403, "role_not_allowed", detail),
            DisputeError::Ended | DisputeError::Overdue | DisputeError::OutOfTurn => {
                Self::new(409, "dispute_state", detail)
            }
        }
    }
}

impl From<SettleError> for Problem {
    fn from(error: SettleError) -> Self {
        match error {
            SettleError::Store(error) => error.into(),
            SettleError::Engine(EngineError::KeyReused) => Self::internal(),
            SettleError::Engine(error) => error.into(),
            SettleError::Refused(text) => {
                tracing::error!(text, "an entry was refused");
                Self::internal()
            }
        }
    }
}

/// People.
impl Problem {
    /// A party whose word on names is not enough.
    pub fn verification_not_trusted() -> Self {
        let detail = "only wallets, banks and the operator say themselves that a name was verified; \
                      confirm a code and name it in `codes`";
        Self::new(403, "verification_not_trusted", detail)
    }

    /// A code that shows nothing of this phone.
    pub fn code_proves_nothing() -> Self {
        let detail = "this code was not confirmed by your party for this phone within the last \
                      30 minutes; confirm a new one";
        Self::new(422, "code_not_confirmed", detail)
    }

    /// No way to send codes.
    pub fn codes_off() -> Self {
        let detail = "this server sends no codes; ask the operator to set a gateway";
        Self::new(422, "codes_off", detail)
    }

    /// A code that is wrong.
    pub fn code_wrong(tries_left: i64) -> Self {
        Self::new(422, "code_wrong", "this is not the code; ask for it again")
            .with("tries_left", tries_left)
    }

    /// A code that was tried too often.
    pub fn code_locked() -> Self {
        Self::new(422, "code_locked", "this code was tried five times; send a new one")
    }

    /// A code whose time is over.
    pub fn code_over() -> Self {
        let detail =
            "this code was used, its time is over, or a newer one was sent; send a new one";
        Self::new(422, "code_over", detail)
    }

    /// A brand decides only for members of its own programmes.
    pub fn member_of_others() -> Self {
        let detail = "the member has accounts in programmes of others; ask the operator";
        Self::new(403, "member_of_others", detail)
    }

    /// A proposal that stands elsewhere than whoever acts believes.
    pub fn proposal_state(detail: &str) -> Self {
        Self::new(409, "proposal_state", detail)
    }
}

impl From<AskError> for Problem {
    fn from(error: AskError) -> Self {
        let detail = error.to_string();
        let (code, seconds) = match error {
            AskError::Store(error) => return error.into(),
            AskError::Engine(error) => return error.into(),
            AskError::TooSoon(seconds) => ("code_too_soon", seconds),
            AskError::TooMany(seconds) => ("code_limit", seconds),
        };
        Self::new(429, code, detail).after(u32::try_from(seconds).unwrap_or(1))
    }
}

impl From<ProfileChangeError> for Problem {
    fn from(error: ProfileChangeError) -> Self {
        let detail = error.to_string();
        match error {
            ProfileChangeError::Store(error) => error.into(),
            ProfileChangeError::Erased => Self::from(&Rejection::UnknownMember),
            ProfileChangeError::OfAnother(field) => {
                Self::new(403, "field_of_another", detail).with("field", field.name())
            }
        }
    }
}
