//! Personal prices: for each item of a list the recommended price, the discount that a member gets, and
//! what is left to pay if points are used. Nothing is stored.
//!
//! Each item is priced as if the member bought nothing else. Of two discounts the one that is better
//! for the member counts, unless the item's own may be stacked. A discount that would lead below the
//! floor that the item's vendor set is left out, the whole of it; points stop at the floor.

use rust_decimal::Decimal;

use super::burning::{CapOf, cap_of, is_excluded, limit_of, price_of};
use super::purchase::most_of;
use super::{Context, must_earn};
use crate::domain::account::{Account, Balance};
use crate::domain::amount::{Money, Points};
use crate::domain::command::Line;
use crate::domain::exact::Ratio;
use crate::domain::ids::{LevelId, PartyId, ProgrammeId};
use crate::domain::rejection::Rejection;
use crate::domain::terms::tiers::Level;
use crate::domain::terms::{Mode, Programme};

/// A discount of an item's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemDiscount {
    /// In percent.
    pub percent: Decimal,
    /// Whether it comes on top of the programme's.
    pub is_stackable: bool,
}

/// An item of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is; its amount is the recommended price.
    pub line: Line,
    /// The least that it may be sold for.
    pub floor: Option<Money>,
    /// Its own discount.
    pub discount: Option<ItemDiscount>,
}

/// What stopped points from paying more of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// A share of the price.
    Share(CapOf),
    /// The member has no more.
    Balance,
    /// The vendor's floor.
    Floor,
    /// Fewer would be burned than the programme takes at once.
    Minimum,
    /// The item is not open to burning.
    Excluded,
    /// Nothing burns here now.
    Closed,
}

impl Cap {
    /// The name in the API.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Share(CapOf::Personal) => "personal",
            Self::Share(CapOf::Category) => "category",
            Self::Share(CapOf::Tier) => "tier",
            Self::Share(CapOf::Programme) => "programme",
            Self::Balance => "balance",
            Self::Floor => "floor",
            Self::Minimum => "minimum",
            Self::Excluded => "excluded",
            Self::Closed => "closed",
        }
    }
}

/// An item with its prices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PricedItem {
    /// The recommended price.
    pub recommended: Money,
    /// What the discounts that count take off.
    pub discount: Money,
    /// Discounts that don't count: `programme` or `item`, and why (`floor`, `other_is_better`).
    pub dropped: Vec<(&'static str, &'static str)>,
    /// The price after the discount.
    pub price: Money,
    /// What is left to pay if points are used.
    pub with_points: Money,
    /// How many points that takes.
    pub points: Points,
    /// The share of the price that points may pay; none: none may.
    pub share: Option<Decimal>,
    /// What stopped points from paying more.
    pub cap: Cap,
}

/// Prices items for a member. The member's level comes along.
///
/// # Errors
/// If the party has no agreement, or the programme is paused.
pub fn decide_prices(
    context: &Context,
    (party, programme): (&PartyId, &ProgrammeId),
    items: &[Item],
    (account, balance): (&Account, &Balance),
) -> Result<(Vec<PricedItem>, Option<LevelId>), Rejection> {
    let agreement = context.coalition.agreement(programme, party).ok_or(Rejection::NoAgreement)?;
    let programme = context.programme(programme)?;
    must_earn(programme)?;
    let day = programme.zone.day_of(context.now);
    let level = programme.tiers.as_ref().and_then(|tiers| tiers.level_of(&account.metric, day));
    let pricing = Pricing {
        programme,
        account,
        level,
        available: balance.available,
        is_open: programme.mode == Mode::Live && agreement.burn.is_some(),
    };
    let priced = items.iter().map(|item| pricing.price(item)).collect();
    Ok((priced, level.map(|level| level.id.clone())))
}

struct Pricing<'a> {
    programme: &'a Programme,
    account: &'a Account,
    level: Option<&'a Level>,
    available: Points,
    is_open: bool,
}

impl Pricing<'_> {
    fn price(&self, item: &Item) -> PricedItem {
        let recommended = item.line.amount;
        let (discount, dropped) = self.discount(item);
        let price = recommended - discount;
        let (points, share, cap) = self.points(item, price);
        let with_points = price - price_of(points, self.programme);
        PricedItem { recommended, discount, dropped, price, with_points, points, share, cap }
    }

    /// What counts of the programme's discount and the item's own, and what does not.
    fn discount(&self, item: &Item) -> (Money, Vec<(&'static str, &'static str)>) {
        let recommended = item.line.amount;
        let of = |price: Money, percent: Decimal| {
            Money(Ratio { over: i128::from(price.0), under: 100 }.times(percent).half_even())
        };
        let fits = |off: Money| item.floor.is_none_or(|floor| floor <= recommended - off);
        let by_programme = self.programme.discount.as_ref().and_then(|discount| {
            let percent = self.level.and_then(|level| level.discount).unwrap_or(discount.percent);
            (!is_excluded(&discount.exclude, &item.line)).then(|| of(recommended, percent))
        });
        let by_programme = by_programme.filter(|off| off.is_positive());
        let own = item.discount.map(|own| (of(recommended, own.percent), own));
        let own = own.filter(|(off, _)| off.is_positive());
        let mut dropped = Vec::new();
        let mut keep = |name: &'static str, off: Option<Money>| {
            if off.is_some_and(|off| !fits(off)) {
                dropped.push((name, "floor"));
                return Money::ZERO;
            }
            off.unwrap_or_default()
        };
        let first = keep("programme", by_programme);
        let second = keep("item", own.map(|(off, _)| off));
        if first.is_zero() || second.is_zero() {
            return (first + second, dropped);
        }
        let stacked = own.filter(|(_, own)| own.is_stackable);
        let stacked = stacked.map(|(_, own)| first + of(recommended - first, own.percent));
        if let Some(both) = stacked {
            if fits(both) {
                return (both, dropped);
            }
            dropped.push((if first < second { "programme" } else { "item" }, "floor"));
        } else {
            dropped.push((if first < second { "programme" } else { "item" }, "other_is_better"));
        }
        (first.max(second), dropped)
    }

    /// How many points may pay for an item at a price, and what stops more.
    fn points(&self, item: &Item, price: Money) -> (Points, Option<Decimal>, Cap) {
        let line = Line { amount: price, ..item.line.clone() };
        let Some(burn) = self.programme.burn.as_ref().filter(|_| self.is_open) else {
            return (Points::ZERO, None, Cap::Closed);
        };
        if is_excluded(&burn.exclude, &line) {
            return (Points::ZERO, None, Cap::Excluded);
        }
        let (share, of) = cap_of(burn, self.account, self.level, &line);
        let mut limit =
            limit_of(self.programme, burn, self.account, self.level, std::slice::from_ref(&line));
        let mut cap = Cap::Share(of);
        let above = item.floor.map(|floor| Money((price - floor).0.max(0)));
        if let Some(above) = above.map(|above| self.points_worth(above))
            && above < limit.most
        {
            (limit.most, cap) = (above, Cap::Floor);
        }
        if self.available < limit.most {
            cap = Cap::Balance;
        }
        let points = most_of(&limit, self.available);
        let too_few = points.is_zero() && limit.most.min(self.available).is_positive();
        (points, Some(share), if too_few { Cap::Minimum } else { cap })
    }

    /// The most points that take no more off a price than so much.
    fn points_worth(&self, amount: Money) -> Points {
        let scales = self.programme.scales;
        let worth = Ratio::whole(amount.0).divided_by(self.programme.point_value);
        let points = Points(worth.rescaled(scales.money, scales.points).floor());
        // What points take off is rounded, and must not go beyond.
        if amount < price_of(points, self.programme) { points - Points(1) } else { points }
    }
}
