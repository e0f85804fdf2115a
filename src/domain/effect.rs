//! What transactions did beside their postings: lots, levels, refunds, merges.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::amount::{Money, Points};
use super::ids::{LevelId, LotId, ProgrammeId, PromoId};
use super::metric::Metric;
use super::obligation::LotFunding;
use super::pack::FromPack;
use super::terms::programme::Shortfall;
use super::time::{Instant, NEVER};

/// A lot that a transaction made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewLot {
    /// Its id.
    pub id: LotId,
    /// Of which programme.
    pub programme: ProgrammeId,
    /// How many points were put in.
    pub granted: Points,
    /// When they can be spent; none: after a delivery.
    #[serde(default = "never", skip_serializing_if = "is_never")]
    pub available_at: Instant,
    /// When they are lost; none: never.
    #[serde(default = "never", skip_serializing_if = "is_never")]
    pub expires_at: Instant,
    /// What a whole point was funded with when it was given out.
    pub price: Decimal,
    /// What is still to be paid for its points when they are burned.
    #[serde(default, skip_serializing_if = "Money::is_zero")]
    pub cost: Money,
    /// Who pays that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub funding: Option<Arc<LotFunding>>,
    /// The promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo: Option<PromoId>,
}

pub(super) const fn never() -> Instant {
    NEVER
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
pub(super) const fn is_never(instant: &Instant) -> bool {
    !instant.comes()
}

/// The dates that a delivery gave a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatedLot {
    /// The lot.
    pub id: LotId,
    /// When it can be spent.
    pub available_at: Instant,
    /// When it is lost; none: never.
    #[serde(default = "never", skip_serializing_if = "is_never")]
    pub expires_at: Instant,
    /// Of which programme; none: the server did not write it down then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<ProgrammeId>,
    /// How many points were in it.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub points: Points,
}

/// A level that a member left, and the one that it is in now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierChange {
    /// Of which programme.
    pub programme: ProgrammeId,
    /// The level before; none: the member was in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<LevelId>,
    /// The level now; none: the member is in none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<LevelId>,
}

/// What a refund did in one programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundPart {
    /// The programme.
    pub programme: ProgrammeId,
    /// Points that came back.
    pub restored: Points,
    /// Points that were taken back, what was missing included.
    pub clawed_back: Points,
    /// What was missing and is owed now.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub debt_added: Points,
    /// What was missing and stays lost.
    #[serde(default, skip_serializing_if = "Points::is_zero")]
    pub absorbed: Points,
    /// Who bears that; none: nobody's money changes for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub borne_by: Option<Shortfall>,
    /// Points that went back to the packs that they were taken from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_packs: Vec<FromPack>,
    /// What is kept of the receipt's price.
    pub kept: Money,
    /// What went off the receipt's price; none: the server did not write it down then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded: Option<Money>,
}

/// What a merge joined in one programme beside points.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Went {
    /// The programme.
    pub programme: ProgrammeId,
    /// What counted towards the tier of the profile that went.
    pub metric: Metric,
    /// Its own share of a receipt that points may pay.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_share: Option<Decimal>,
    /// The same of the profile that stayed, before the merge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_max_share: Option<Decimal>,
}
