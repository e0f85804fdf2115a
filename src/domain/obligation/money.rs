//! What points cost and bring, as recorded with the transactions that move them.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Scales, Share, value_of};
use crate::domain::amount::{Money, Points};
use crate::domain::exact::Ratio;
use crate::domain::hold::Allocation;
use crate::domain::posting::Under;

/// What earned points cost, as recorded with the transaction that made them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EarnMoney {
    /// Price of a whole point, in whole currency units, before the percentage.
    pub price: Decimal,
    /// The factor on the price.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub percentage: Decimal,
    /// The part of the eligible amount that is owed in place of a price for each point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of_purchase: Option<Decimal>,
    /// The share of the value that is owed at issue; the rest is owed when the points are burned.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub at_issue: Decimal,
    /// Who funds it, in the agreement's order.
    pub funding: Vec<Share>,
    /// Fee for a whole point, owed to the operator by the earning partner.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub fee: Decimal,
    /// Under which terms.
    #[serde(default, skip_serializing_if = "Under::is_plain")]
    pub under: Arc<Under>,
}

const fn one() -> Decimal {
    Decimal::ONE
}

fn is_one(factor: &Decimal) -> bool {
    *factor == Decimal::ONE
}

impl EarnMoney {
    /// What is owed at issue: for points at their price, or for the amount that earned them.
    pub fn due_on(&self, points: Points, eligible: Ratio, scales: Scales) -> Money {
        match self.of_purchase {
            Some(part) => Money(eligible.times(part).times(self.percentage).half_even()),
            None => self.due_at_issue(points, scales),
        }
    }

    /// The price of a whole point that a posting tells, and the factors in it; none: an amount is
    /// what was priced.
    pub(super) fn told_priced(&self) -> Priced {
        if self.of_purchase.is_some() { Priced::default() } else { self.priced_at_issue() }
    }

    /// What a whole point costs: price × percentage.
    pub fn full_price(&self) -> Decimal {
        (self.price * self.percentage).normalize()
    }

    /// What is owed for a whole point when it is given out.
    pub fn price_at_issue(&self) -> Decimal {
        (self.full_price() * self.at_issue).normalize()
    }

    /// What is owed for a whole point when it is given out, and the factors in it.
    pub(super) fn priced_at_issue(&self) -> Priced {
        Priced::of(self.price_at_issue(), self.percentage * self.at_issue)
    }

    /// What is owed for points when they are given out.
    pub fn due_at_issue(&self, points: Points, scales: Scales) -> Money {
        let value = value_of(points, self.full_price(), scales);
        Money(Ratio::whole(value.0).times(self.at_issue).half_even())
    }

    /// What is owed for points when they are burned: the rest of their value.
    pub fn due_at_burn(&self, points: Points, scales: Scales) -> Money {
        value_of(points, self.full_price(), scales) - self.due_at_issue(points, scales)
    }

    /// Whether something is owed when the points are burned.
    pub fn is_due_at_burn(&self) -> bool {
        self.at_issue != Decimal::ONE
    }

    /// Who pays for the points of a lot when they are burned, and gets back what they leave.
    pub fn lot_funding(&self) -> Arc<LotFunding> {
        let later = Decimal::ONE - self.at_issue;
        let price = (self.full_price() * later).normalize();
        let Priced { percentage, .. } = Priced::of(price, self.percentage * later);
        let (shares, under) = (self.funding.clone(), Arc::clone(&self.under));
        Arc::new(LotFunding { price, percentage, shares, under })
    }
}

/// Who pays for points of a lot when they are burned, as agreed when the lot was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LotFunding {
    /// What is owed for a whole point, in whole currency units.
    pub price: Decimal,
    /// The factor that the price has in it already; none: none, or it was not written down then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Decimal>,
    /// Who funds it, in the agreement's order.
    pub shares: Vec<Share>,
    /// Under which terms.
    #[serde(default, skip_serializing_if = "Under::is_plain")]
    pub under: Arc<Under>,
}

/// Points that are taken from a lot, and who pays for them.
#[derive(Clone, Debug)]
pub struct LotCharge {
    /// The lot, the points, and what they cost.
    pub taken: Allocation,
    /// Who pays.
    pub funding: Arc<LotFunding>,
}

/// What burned points bring the accepting partner, as recorded with the burn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BurnMoney {
    /// What the pool owes the partner for a whole point.
    pub reimburse: Decimal,
    /// Fee for a whole point, owed to the operator by the accepting partner.
    #[serde(default, skip_serializing_if = "Decimal::is_zero")]
    pub fee: Decimal,
    /// Under which terms.
    #[serde(default, skip_serializing_if = "Under::is_plain")]
    pub under: Arc<Under>,
}

/// A price that was applied, and the factor in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Priced {
    pub(super) price: Option<Decimal>,
    pub(super) percentage: Option<Decimal>,
}

impl Priced {
    /// A price with a factor in it; a factor of one says nothing.
    pub(super) fn of(price: Decimal, factor: Decimal) -> Self {
        let percentage = Some(factor.normalize()).filter(|one| !is_one(one) && !one.is_zero());
        Self { price: Some(price), percentage }
    }

    /// A price as it was agreed.
    pub(super) const fn plain(price: Decimal) -> Self {
        Self { price: Some(price), percentage: None }
    }
}
