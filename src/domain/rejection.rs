//! Refusals: answers of the rules, not failures of the server.

use super::amount::Points;
use super::exposure::LimitHit;
use super::ids::TransactionId;

/// A refusal. Variants stand in the order of rulebook §10: where several apply, the first is the
/// answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Rejection {
    /// The party used this reference for a transaction of this kind before.
    #[error("this reference was used before; the first transaction stands, nothing was added")]
    DuplicateReference {
        /// The first transaction.
        first: TransactionId,
    },
    /// No such member.
    #[error("no member is known by this name; create the member first")]
    UnknownMember,
    /// The card token is linked to nobody.
    #[error("this card token is linked to no member; link it first")]
    UnknownCardToken,
    /// No card of this number that the party may see.
    #[error("there is no card of this number that you may see")]
    UnknownCard,
    /// The card that would pay with points is not in use.
    #[error("this card is {state}; its points can't be used by its number")]
    CardNotActive {
        /// Where it stands.
        state: &'static str,
    },
    /// What a refund, delivery, capture or void names is not there.
    #[error("your party posted nothing under the reference in `of`; check it")]
    OriginalNotFound,
    /// The hold was captured, voided, or timed out.
    #[error("the hold is finished: it was captured, voided or timed out; make a new one")]
    HoldFinished,
    /// A merge that can't be undone any more.
    #[error("this merge stands: what came with the profile was used, or it was merged on")]
    MergeStands,
    /// The party may not do this in this programme.
    #[error("your party has no agreement that covers this; ask the operator")]
    NoAgreement,
    /// What is reported happened too long ago.
    #[error("this happened more than {days} days ago; the agreement takes no older reports")]
    ReportedTooLate {
        /// How many days the agreement gives.
        days: u32,
    },
    /// The programme is paused.
    #[error("the programme is paused; try again with a new key when it is open")]
    ProgrammePaused,
    /// The programme does not burn yet.
    #[error("the programme does not burn, hold or exchange points yet; post without points")]
    BurningNotOpen,
    /// The member has not shown yet that the phone is theirs.
    #[error("the member has not confirmed the phone yet; send a code and confirm it first")]
    MemberUnconfirmed,
    /// Fewer points than the programme's minimum.
    #[error("at least {least} points must be burned at once; burn more or none")]
    BurnBelowMinimum {
        /// The minimum, as text.
        least: String,
    },
    /// More points than may pay for this receipt.
    #[error("at most {most} points may pay for this receipt; burn fewer, or `max`")]
    BurnLimitExceeded {
        /// The most, as text.
        most: String,
    },
    /// More points than the hold has.
    #[error("the hold has {held} points; capture no more than that")]
    CaptureExceedsHold {
        /// What the hold has, as text.
        held: String,
    },
    /// The points buy nothing.
    #[error("these points buy no whole unit of the other programme; exchange more")]
    ExchangeTooSmall,
    /// More points than are available.
    #[error("the member has {available} points available; use no more than that")]
    InsufficientPoints {
        /// What is available, as text.
        available: String,
    },
    /// More than is left of the original.
    #[error("this is more than is left of the original; refund what is left")]
    RefundExceedsOriginal,
    /// A party would owe more than its cap.
    #[error("a party would owe more than its net debit cap in the open cycle; settle or raise it")]
    LimitExceeded(LimitHit),
    /// The phone, e-mail, external id or token belongs to another member.
    #[error("another member is known by this name; look the member up, or merge the two")]
    IdentifierTaken,
    /// The programme has no cards.
    #[error("this programme issues no cards; see the catalogue")]
    NoCards,
    /// Somebody who stands higher froze the card.
    #[error("this card is frozen, and who froze it must say that it may be used again")]
    CardFrozen,
    /// The card was replaced or closed.
    #[error("this card was replaced or closed, and stays so; issue or look up another")]
    CardEnded,
    /// No number is left under the product's prefix.
    #[error("no number is left under this programme's prefix; the operator must give it another")]
    CardNumbersUsedUp,
    /// A field that only the rules could check.
    #[error("{detail}")]
    InvalidField {
        /// JSON pointer.
        pointer: &'static str,
        /// What to write instead.
        detail: &'static str,
    },
}

impl Rejection {
    /// The stable code in the API.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::DuplicateReference { .. } => "duplicate_reference",
            Self::UnknownMember => "unknown_member",
            Self::UnknownCardToken => "unknown_card_token",
            Self::UnknownCard => "unknown_card",
            Self::CardNotActive { .. } => "card_not_active",
            Self::OriginalNotFound => "original_not_found",
            Self::HoldFinished => "hold_finished",
            Self::MergeStands => "merge_stands",
            Self::NoAgreement => "no_agreement",
            Self::ReportedTooLate { .. } => "reported_too_late",
            Self::ProgrammePaused => "programme_paused",
            Self::BurningNotOpen => "burning_not_open",
            Self::MemberUnconfirmed => "member_unconfirmed",
            Self::BurnBelowMinimum { .. } => "burn_below_minimum",
            Self::BurnLimitExceeded { .. } => "burn_limit_exceeded",
            Self::CaptureExceedsHold { .. } => "capture_exceeds_hold",
            Self::ExchangeTooSmall => "exchange_too_small",
            Self::InsufficientPoints { .. } => "insufficient_points",
            Self::RefundExceedsOriginal => "refund_exceeds_original",
            Self::LimitExceeded(_) => "limit_exceeded",
            Self::IdentifierTaken => "identifier_taken",
            Self::NoCards => "programme_issues_no_cards",
            Self::CardFrozen => "card_frozen",
            Self::CardEnded => "card_ended",
            Self::CardNumbersUsedUp => "card_numbers_used_up",
            Self::InvalidField { .. } => "invalid_request",
        }
    }

    /// The limit that would have been passed, if that is why.
    pub const fn limit_hit(&self) -> Option<&LimitHit> {
        match self {
            Self::LimitExceeded(hit) => Some(hit),
            _ => None,
        }
    }

    /// A refusal for want of points.
    pub fn insufficient(available: Points, scale: u32) -> Self {
        Self::InsufficientPoints { available: available.text(scale) }
    }
}
