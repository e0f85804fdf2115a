//! Refusals of offers.

use super::problem::Problem;
use crate::domain::offer::promo::CodeRefusal;
use crate::offers::OfferError;
use crate::offers::promo::NotRedeemed;

impl Problem {
    /// Whether the same request can't be answered otherwise: a refusal, and none for the moment.
    pub const fn is_final(&self) -> bool {
        matches!(self.status(), 400 | 403 | 404 | 409 | 422)
    }

    /// A code that stands for something else already.
    pub fn code_taken() -> Self {
        Self::new(409, "code_taken", "this code is in use; choose another, or let one be made")
    }

    /// A case for which something else was asked before.
    pub fn case_taken(id: &str) -> Self {
        let detail =
            format!("{id} was asked for this case with other figures; one case, one grant");
        Self::new(409, "case_taken", detail)
    }

    /// A step that a compensation can't take now.
    pub fn compensation_state(detail: &str) -> Self {
        Self::new(409, "compensation_state", detail)
    }

    /// A basket that has ended.
    pub fn basket_over() -> Self {
        let detail = "this basket was ordered or given up; begin another one under a new id";
        Self::new(409, "basket_over", detail)
    }

    /// What service centres don't post.
    pub fn not_for_service_centres(detail: &str) -> Self {
        Self::new(403, "role_not_allowed", detail)
    }

    /// A second person must do this.
    pub fn second_person_needed() -> Self {
        Self::new(403, "second_person_needed", "another person than the one who asked must approve")
    }
}

impl From<CodeRefusal> for Problem {
    fn from(refusal: CodeRefusal) -> Self {
        let detail = refusal.to_string();
        match refusal {
            CodeRefusal::Unknown => Self::new(404, "code_unknown", detail),
            CodeRefusal::NotForParty => Self::new(403, "code_not_for_party", detail),
            CodeRefusal::NotYet { .. } => Self::new(422, "code_not_yet", detail),
            CodeRefusal::Expired => Self::new(422, "code_expired", detail),
            CodeRefusal::Used => Self::new(409, "code_used", detail),
            CodeRefusal::LimitReached { .. } => Self::new(422, "code_limit_reached", detail),
        }
    }
}

impl From<OfferError> for Problem {
    fn from(error: OfferError) -> Self {
        match error {
            OfferError::Store(error) => error.into(),
            OfferError::Engine(error) => error.into(),
        }
    }
}

impl From<NotRedeemed> for Problem {
    fn from(error: NotRedeemed) -> Self {
        match error {
            NotRedeemed::Code(refusal) => refusal.into(),
            NotRedeemed::Rules(rejection) => Self::from(&rejection),
            NotRedeemed::Invalid(invalid) => invalid.into(),
            NotRedeemed::Failed(error) => error.into(),
        }
    }
}
