//! Quotes: what a receipt would earn, and how many points may pay for it. Nothing is stored.

use super::burning::{is_excluded, limit_of, price_of};
use super::earning::{Basis, BurnedPart, part_of};
use super::purchase::most_of;
use super::{Context, must_earn};
use crate::domain::account::{Account, Balance};
use crate::domain::amount::{Money, Points};
use crate::domain::command::{Line, Receipt};
use crate::domain::exact::{Ratio, split};
use crate::domain::ids::{LevelId, PartyId};
use crate::domain::rejection::Rejection;
use crate::domain::terms::tiers::Level;
use crate::domain::terms::{Mode, Programme};

/// The answer to a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The most points that the purchase may burn.
    pub max_burn: Points,
    /// What they take off the price.
    pub max_burn_value: Money,
    /// What the programme's discount takes off.
    pub discount: Money,
    /// The price less discount and points.
    pub to_pay_at_least: Money,
    /// What the purchase earns if it burns nothing.
    pub would_earn: Points,
    /// The member's tier now.
    pub tier: Option<LevelId>,
}

impl Quote {
    /// The same for a member who may burn nothing yet.
    #[must_use]
    pub fn without_burning(self) -> Self {
        Self {
            to_pay_at_least: self.to_pay_at_least + self.max_burn_value,
            max_burn: Points::ZERO,
            max_burn_value: Money::ZERO,
            ..self
        }
    }
}

/// Answers a quote. The points are reckoned on the price after the discount, since that is what a
/// till then posts.
///
/// # Errors
/// If the party has no agreement, or the programme is paused.
pub fn decide_quote(
    context: &Context,
    party: &PartyId,
    receipt: &Receipt,
    account: &Account,
    balance: &Balance,
) -> Result<Quote, Rejection> {
    let agreement = context.coalition.agreement(&receipt.programme, party);
    let agreement = agreement.ok_or(Rejection::NoAgreement)?;
    let programme = context.programme(&receipt.programme)?;
    must_earn(programme)?;
    let day = programme.zone.day_of(context.now);
    let level = programme.tiers.as_ref().and_then(|tiers| tiers.level_of(&account.metric, day));
    let (discount, lines) = discounted(programme, level, &receipt.lines);
    let is_open = programme.mode == Mode::Live && agreement.burn.is_some();
    let max_burn = match &programme.burn {
        Some(terms) if is_open => {
            let limit = limit_of(programme, terms, account, level, &lines);
            most_of(&limit, balance.available)
        }
        _ => Points::ZERO,
    };
    let basis = Basis { programme, agreement, level, lines: &lines, day };
    let price: Money = lines.iter().map(|line| line.amount).sum();
    let max_burn_value = price_of(max_burn, programme);
    Ok(Quote {
        max_burn,
        max_burn_value,
        discount,
        to_pay_at_least: price - max_burn_value,
        would_earn: part_of(&basis, BurnedPart::default()).earned,
        tier: level.map(|level| level.id.clone()),
    })
}

/// The discount, rounded half to even once for the receipt, and the lines less their parts of it.
fn discounted(programme: &Programme, level: Option<&Level>, lines: &[Line]) -> (Money, Vec<Line>) {
    let Some(discount) = &programme.discount else { return (Money::ZERO, lines.to_vec()) };
    let percent = level.and_then(|level| level.discount).unwrap_or(discount.percent);
    let weight = |line: &Line| if is_excluded(&discount.exclude, line) { 0 } else { line.amount.0 };
    let weights: Vec<i64> = lines.iter().map(weight).collect();
    let base = Ratio { over: i128::from(weights.iter().sum::<i64>()), under: 100 };
    let total = base.times(percent).half_even();
    let parts = split(total, &weights);
    let less =
        |(line, part): (&Line, i64)| Line { amount: line.amount - Money(part), ..line.clone() };
    (Money(total), lines.iter().zip(parts).map(less).collect())
}
