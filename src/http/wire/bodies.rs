//! The fields of transactions and quotes as they come over the wire.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::domain::ids::{ProgrammeId, PromoId, Reference};
use crate::domain::kind::ServiceKind;
use crate::domain::terms::funding::SettleDocument;
use crate::domain::terms::programme_document::DurationDocument;
use crate::domain::terms::rate::{Rate, ShareDocument};
use crate::domain::time::Day;

/// One line of a receipt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineBody {
    pub id: String,
    pub amount: String,
    pub brand: Option<String>,
    pub category: Option<String>,
    pub sku: Option<String>,
    pub mcc: Option<String>,
}

/// A purchase.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PurchaseBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub programme: ProgrammeId,
    pub member: String,
    pub amount: Option<String>,
    pub lines: Option<Vec<LineBody>>,
    pub burn: Option<String>,
    pub hold: Option<Reference>,
    pub currency: Option<String>,
    pub at: Option<String>,
    #[serde(rename = "till")]
    pub _till: Option<IgnoredAny>,
}

/// A card payment.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CardPaymentBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub card_token: String,
    pub amount: String,
    pub mcc: Option<String>,
    pub currency: Option<String>,
    pub at: Option<String>,
}

/// A delivery.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DeliveryBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub of: Reference,
    pub at: Option<String>,
}

/// A refund, with its original or without.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RefundBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub of: Option<Reference>,
    pub programme: Option<ProgrammeId>,
    pub member: Option<String>,
    pub amount: Option<String>,
    pub lines: Option<Vec<String>>,
    pub currency: Option<String>,
    pub at: Option<String>,
    #[serde(rename = "till")]
    pub _till: Option<IgnoredAny>,
}

/// A grant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GrantBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub programme: ProgrammeId,
    pub member: String,
    pub points: String,
    pub valid_through: Option<Day>,
    pub available_at: Option<Day>,
    pub funding: Option<Vec<ShareDocument>>,
    pub price_per_point: Option<Rate>,
    pub percentage: Option<Rate>,
    pub settle: Option<SettleDocument>,
    pub promo: Option<PromoId>,
    #[serde(rename = "reason")]
    pub _reason: Option<String>,
}

/// A hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HoldBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub programme: ProgrammeId,
    pub member: String,
    pub points: String,
    pub valid_for: Option<DurationDocument>,
}

/// A capture.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaptureBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub of: Reference,
    pub points: Option<String>,
    #[serde(rename = "till")]
    pub _till: Option<IgnoredAny>,
}

/// A void.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VoidBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub of: Reference,
}

/// An exchange.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExchangeBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub from: ProgrammeId,
    pub to: ProgrammeId,
    pub member: String,
    pub points: String,
}

/// A merge.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MergeBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub keep: String,
    pub drop: String,
}

/// A member's own rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PersonalRuleBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub programme: ProgrammeId,
    pub member: String,
    pub max_share: Option<Rate>,
}

/// A pack.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PackBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub programme: ProgrammeId,
    pub points: String,
    pub valid_from: Option<Day>,
    pub valid_through: Option<Day>,
}

/// A service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceBody {
    #[serde(rename = "kind")]
    pub _kind: IgnoredAny,
    pub r#ref: Reference,
    pub programme: ProgrammeId,
    pub service: ServiceKind,
    pub count: Option<i64>,
    pub at: Option<String>,
}

/// A quote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct QuoteBody {
    pub programme: ProgrammeId,
    pub member: String,
    pub amount: Option<String>,
    pub lines: Option<Vec<LineBody>>,
    pub currency: Option<String>,
}
