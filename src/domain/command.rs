//! Commands: everything that a party can ask the ledger to do.
//!
//! A command was parsed and checked on its own: its amounts have the right scale, its names the
//! right form. Whether it may happen is for `decide` to say.

use super::adjustment::Adjustment;
use super::amount::{Money, Points};
use super::ids::{MemberId, PartyId, ProgrammeId, PromoId, Reference, TransactionId};
pub use super::kind::{Kind, ServiceKind};
use super::member::MemberName;
use super::obligation::EarnMoney;
use super::till::Till;
use super::time::{Day, Instant};

/// What a party asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Who asks.
    pub party: PartyId,
    /// For what.
    pub action: Action,
    /// When it happened, by the party's own account; none: now.
    pub at: Option<Instant>,
    /// What the till said of it.
    pub till: Option<Box<Till>>,
}

/// One line of a receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its name within the receipt.
    pub id: String,
    /// Its price, after discounts.
    pub amount: Money,
    /// The brand of the article.
    pub brand: Option<String>,
    /// Its category.
    pub category: Option<String>,
    /// The article.
    pub sku: Option<String>,
    /// Merchant category code (ISO 18245).
    pub mcc: Option<String>,
}

/// How many points a receipt burns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Burn {
    /// None, or all of a hold that the purchase names.
    Unsaid,
    /// As many as may.
    Max,
    /// So many, or it is refused.
    Exactly(Points),
}

/// A receipt: what a quote asks about and a purchase posts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// In which programme.
    pub programme: ProgrammeId,
    /// Whose.
    pub member: MemberName,
    /// What was bought; one line where the till sends only an amount.
    pub lines: Vec<Line>,
}

/// How much of an original is refunded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundOf {
    /// An amount, the same fraction of every line.
    Amount(Money),
    /// Whole lines.
    Lines(Vec<String>),
}

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A receipt of a shop: earns, and may burn.
    Purchase {
        /// The party's reference.
        reference: Reference,
        /// The receipt.
        receipt: Receipt,
        /// Points to burn.
        burn: Burn,
        /// A hold to capture from.
        hold: Option<Reference>,
    },
    /// A payment with a linked card: earns in every programme that the bank has an agreement with.
    CardPayment {
        /// The party's reference.
        reference: Reference,
        /// The card token.
        card: MemberName,
        /// The payment, as one line.
        line: Line,
    },
    /// A purchase was delivered.
    Delivery {
        /// The purchase.
        of: Reference,
    },
    /// A receipt came back, in whole or in part.
    Refund {
        /// The party's reference.
        reference: Reference,
        /// The receipt.
        of: Reference,
        /// How much.
        what: RefundOf,
    },
    /// A refund whose receipt was lost.
    UnlinkedRefund {
        /// The party's reference.
        reference: Reference,
        /// In which programme.
        programme: ProgrammeId,
        /// Whose.
        member: MemberName,
        /// How much.
        amount: Money,
    },
    /// Points given.
    Grant {
        /// The party's reference.
        reference: Reference,
        /// In which programme.
        programme: ProgrammeId,
        /// To whom.
        member: MemberName,
        /// How many.
        points: Points,
        /// From which day on they can be spent.
        available_at: Option<Day>,
        /// The last day on which they can be spent.
        valid_through: Option<Day>,
        /// Who pays for them; none: as the agreement says.
        money: Option<Box<EarnMoney>>,
        /// The promotion that they belong to.
        promo: Option<PromoId>,
    },
    /// What is left of points that were given comes back.
    TakeBack {
        /// The party's reference.
        reference: Reference,
        /// The grant.
        of: Reference,
    },
    /// Points reserved.
    Hold {
        /// The party's reference.
        reference: Reference,
        /// In which programme.
        programme: ProgrammeId,
        /// Whose.
        member: MemberName,
        /// How many.
        points: Points,
        /// For how long, in microseconds; none: as the programme says.
        valid_for: Option<i64>,
    },
    /// Held points burned.
    Capture {
        /// The hold.
        of: Reference,
        /// How many, as text of the programme's scale; none: all.
        points: Option<String>,
    },
    /// Held points released.
    Void {
        /// The hold.
        of: Reference,
    },
    /// Points of one programme for points of another.
    Exchange {
        /// The party's reference.
        reference: Reference,
        /// What is given.
        from: ProgrammeId,
        /// What is got.
        to: ProgrammeId,
        /// Whose.
        member: MemberName,
        /// How many are given at most.
        points: Points,
    },
    /// Two profiles are one person.
    Merge {
        /// The profile that stays.
        keep: MemberName,
        /// The profile that goes.
        drop: MemberName,
    },
    /// A merge undone.
    Unmerge {
        /// The merge.
        of: TransactionId,
        /// The profile that stayed.
        keep: MemberName,
        /// The profile that went.
        gone: MemberId,
    },
    /// A member's own share of a receipt that points may pay.
    PersonalRule {
        /// The party's reference.
        reference: Reference,
        /// In which programme.
        programme: ProgrammeId,
        /// Whose.
        member: MemberName,
        /// The share; none: the rule ends.
        max_share: Option<rust_decimal::Decimal>,
    },
    /// Points bought in advance.
    Pack {
        /// The party's reference.
        reference: Reference,
        /// In which programme.
        programme: ProgrammeId,
        /// How many.
        points: Points,
        /// From which day on they can be given out; none: from now on.
        valid_from: Option<Day>,
        /// The last day on which they can be given out; none: they always can.
        valid_through: Option<Day>,
    },
    /// A service that another party pays for.
    Service {
        /// The party's reference.
        reference: Reference,
        /// In which programme.
        programme: ProgrammeId,
        /// Which.
        service: ServiceKind,
        /// How often.
        count: i64,
    },
    /// Money set right by the clearing house.
    Adjustment(Box<Adjustment>),
}

impl Action {
    /// The kind of transaction that it asks for.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Purchase { .. } => Kind::Purchase,
            Self::CardPayment { .. } => Kind::CardPayment,
            Self::Delivery { .. } => Kind::Delivery,
            Self::Refund { .. } | Self::UnlinkedRefund { .. } | Self::TakeBack { .. } => {
                Kind::Refund
            }
            Self::Grant { .. } => Kind::Grant,
            Self::Hold { .. } => Kind::Hold,
            Self::Capture { .. } => Kind::Capture,
            Self::Void { .. } => Kind::Void,
            Self::Exchange { .. } => Kind::Exchange,
            Self::Merge { .. } => Kind::Merge,
            Self::Unmerge { .. } => Kind::Unmerge,
            Self::PersonalRule { .. } => Kind::PersonalRule,
            Self::Pack { .. } => Kind::Pack,
            Self::Service { .. } => Kind::Service,
            Self::Adjustment(_) => Kind::Adjustment,
        }
    }

    /// Whether it concerns no member: it is kept in the journal of the clearing house.
    pub const fn is_of_house(&self) -> bool {
        matches!(self, Self::Pack { .. } | Self::Service { .. } | Self::Adjustment(_))
    }

    /// The party's own reference of it, where it has one.
    pub const fn reference(&self) -> Option<&Reference> {
        match self {
            Self::Purchase { reference, .. }
            | Self::CardPayment { reference, .. }
            | Self::Refund { reference, .. }
            | Self::UnlinkedRefund { reference, .. }
            | Self::Grant { reference, .. }
            | Self::TakeBack { reference, .. }
            | Self::Hold { reference, .. }
            | Self::Exchange { reference, .. }
            | Self::PersonalRule { reference, .. }
            | Self::Pack { reference, .. }
            | Self::Service { reference, .. } => Some(reference),
            Self::Adjustment(adjustment) => Some(&adjustment.reference),
            Self::Delivery { .. }
            | Self::Capture { .. }
            | Self::Void { .. }
            | Self::Merge { .. }
            | Self::Unmerge { .. } => None,
        }
    }

    /// The members that it names.
    pub fn members(&self) -> Vec<&MemberName> {
        match self {
            Self::Purchase { receipt, .. } => vec![&receipt.member],
            Self::CardPayment { card, .. } => vec![card],
            Self::UnlinkedRefund { member, .. }
            | Self::Grant { member, .. }
            | Self::Hold { member, .. }
            | Self::Exchange { member, .. }
            | Self::PersonalRule { member, .. } => vec![member],
            Self::Merge { keep, drop } => vec![keep, drop],
            Self::Unmerge { keep, .. } => vec![keep],
            Self::Delivery { .. }
            | Self::Refund { .. }
            | Self::TakeBack { .. }
            | Self::Capture { .. }
            | Self::Void { .. }
            | Self::Pack { .. }
            | Self::Service { .. }
            | Self::Adjustment(_) => Vec::new(),
        }
    }

    /// The party's earlier transactions that it names, by the kinds that they may have.
    pub fn originals(&self) -> Vec<(Kind, &Reference)> {
        match self {
            Self::Delivery { of } => vec![(Kind::Purchase, of)],
            Self::Refund { of, .. } => vec![(Kind::Purchase, of), (Kind::CardPayment, of)],
            Self::TakeBack { of, .. } => vec![(Kind::Grant, of)],
            Self::Capture { of, .. } | Self::Void { of } => vec![(Kind::Hold, of)],
            Self::Purchase { hold: Some(hold), .. } => vec![(Kind::Hold, hold)],
            _ => Vec::new(),
        }
    }

    /// Whether it takes points in burning order.
    pub const fn burns(&self) -> bool {
        match self {
            Self::Purchase { burn: Burn::Unsaid, .. } => false,
            Self::Purchase { .. } | Self::Hold { .. } | Self::Exchange { .. } => true,
            _ => false,
        }
    }

    /// The programmes that it names.
    pub fn programmes(&self) -> Vec<&ProgrammeId> {
        match self {
            Self::Purchase { receipt, .. } => vec![&receipt.programme],
            Self::UnlinkedRefund { programme, .. }
            | Self::Grant { programme, .. }
            | Self::Hold { programme, .. }
            | Self::PersonalRule { programme, .. }
            | Self::Pack { programme, .. }
            | Self::Service { programme, .. } => vec![programme],
            Self::Exchange { from, to, .. } => vec![from, to],
            _ => Vec::new(),
        }
    }
}
