//! Who funds which points, at what price and how far.

use std::collections::BTreeMap;

use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Value, json};

use super::Basis;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{PartyId, ProgrammeId, PromoId};
use crate::domain::posting::ObligationKind;
use crate::domain::settlement::PositionSum;
use crate::statement::counts::PriceKey;

/// Digits after the point of a share.
const SHARE_DIGITS: u32 = 4;

/// Programme, promotion and agreement.
type Key<'k> = (&'k str, &'k str, &'k str);

/// What one party funds.
#[derive(Default)]
struct Part {
    points: Points,
    cost: Money,
    priced_as: Vec<PriceKey>,
}

impl Basis<'_> {
    /// By promotion, or by agreement where there is none. A brand sees all shares of its
    /// programmes, its own among them; that one moves no money.
    pub(super) fn funding(&self) -> Value {
        let is_funding = |one: &&PositionSum| {
            matches!(one.kind, ObligationKind::Funding | ObligationKind::LotFunding)
        };
        let mut rows: BTreeMap<Key<'_>, BTreeMap<&PartyId, Part>> = BTreeMap::new();
        for one in self.positions.iter().filter(is_funding) {
            let key = (
                one.programme.as_ref().map_or("", ProgrammeId::as_str),
                one.promo.as_ref().map_or("", PromoId::as_str),
                one.agreement.as_ref().map_or("", PartyId::as_str),
            );
            let (funder, sign) = if one.reverses { (&one.creditor, -1) } else { (&one.debtor, 1) };
            let part = rows.entry(key).or_default().entry(funder).or_default();
            part.points += Points(one.points.0 * sign);
            part.cost += Money(one.amount.0 * sign);
            part.priced_as.push(PriceKey::of(one));
        }
        let mut all = Vec::new();
        for (key, funders) in rows {
            let id: Option<ProgrammeId> = key.0.parse().ok();
            let brand = id.as_ref().and_then(|id| self.coalition.programmes.get(id));
            let brand = brand.map(|one| &one.brand);
            let cost: Money = funders.values().map(|part| part.cost).sum();
            for (funder, part) in funders {
                if brand == Some(self.party) || funder == self.party {
                    let price = self.counts.prices.common(&part.priced_as);
                    all.push(json!({
                        "programme": key.0,
                        "promo": key.1,
                        "agreement": key.2,
                        "funder": funder,
                        "points": self.points(id.as_ref(), part.points),
                        "price": price.map(|price| price.to_string()),
                        "cost": self.money(cost),
                        "share": share(part.cost, cost),
                        "own_cost": self.money(part.cost),
                        "cash": brand != Some(funder),
                    }));
                }
            }
        }
        Value::Array(all)
    }
}

/// The share of a cost that is one's own; none: nothing was paid.
pub(super) fn share(own: Money, cost: Money) -> Option<String> {
    let share = Decimal::from(own.0).checked_div(Decimal::from(cost.0))?;
    let share = share.round_dp_with_strategy(SHARE_DIGITS, RoundingStrategy::MidpointNearestEven);
    Some(share.normalize().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_what_was_paid_of_the_cost() {
        let text = |own, cost| share(Money(own), Money(cost));
        assert_eq!(text(960_000, 1_600_000).as_deref(), Some("0.6"));
        assert_eq!(text(-72, -72).as_deref(), Some("1"));
        assert_eq!(text(1, 3).as_deref(), Some("0.3333"));
        assert_eq!(text(0, 0), None);
    }
}
