//! Money that follows points: who owes whom how much for how many points.
//!
//! An obligation is a pure function of the recorded terms and of the points that stand. A refund
//! computes it anew for the points that are kept and posts the difference to what stood before,
//! so a receipt refunded in full nets to zero in every account.

pub mod kind;
mod money;

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::amount::{Money, Points};
use super::exact::{Ratio, split};
use super::hold::Allocation;
use super::ids::{LotId, PartyId, ProgrammeId};
use super::posting::{LedgerAccount, ObligationKind, Owed, Posting, Under};
use money::Priced;
pub use money::{BurnMoney, EarnMoney, LotCharge, LotFunding};

/// One party's share of a funding or of breakage, in units of a millionth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Who pays or gets it.
    pub party: PartyId,
    /// The weight; only its proportion to the others' counts.
    pub weight: i64,
}

/// Scales between which points become money: the unit's, and the currency's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scales {
    /// Decimals of the programme's unit.
    pub points: u32,
    /// Decimals of the currency.
    pub money: u32,
}

/// The parties of a transaction's obligations.
#[derive(Clone, Copy, Debug)]
pub struct Sides<'a> {
    /// The programme whose pool pays and is paid.
    pub programme: &'a ProgrammeId,
    /// The brand that keeps the pool.
    pub brand: &'a PartyId,
    /// The partner that posted.
    pub partner: &'a PartyId,
    /// The operator.
    pub operator: &'a PartyId,
    /// The scales of points and money.
    pub scales: Scales,
}

/// The value of points at a price for a whole point, rounded half to even.
pub fn value_of(points: Points, price: Decimal, scales: Scales) -> Money {
    Money(Ratio::whole(points.0).times(price).rescaled(scales.points, scales.money).half_even())
}

/// What one obligation stands at: from whom to whom, for how many points, how much.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    points: Points,
    money: Money,
    priced: Priced,
    under: Arc<Under>,
}

/// Kind, lot, place, debtor and creditor: the key of an obligation within a transaction.
type Key = (ObligationKind, Option<LotId>, usize, LedgerAccount, LedgerAccount);

/// All obligations of one transaction, each at most once.
#[derive(Clone, Debug, Default)]
pub struct Obligations(BTreeMap<Key, Standing>);

impl Obligations {
    /// What earning `points` costs: the funding of each party, and the fee.
    pub fn of_earning(points: Points, money: &EarnMoney, sides: &Sides<'_>) -> Self {
        Self::of_billed_earning(points, points, money, sides)
    }

    /// What earning `points` costs of which only `billed` are funded now: the others were bought
    /// before.
    pub fn of_billed_earning(
        points: Points,
        billed: Points,
        money: &EarnMoney,
        sides: &Sides<'_>,
    ) -> Self {
        let due = money.due_at_issue(billed, sides.scales);
        Self::of_valued_earning(points, (billed, due), money, sides)
    }

    /// What earning `points` costs whose funding was valued before.
    pub fn of_valued_earning(
        points: Points,
        (billed, due): (Points, Money),
        money: &EarnMoney,
        sides: &Sides<'_>,
    ) -> Self {
        let mut all = Self::default();
        let priced = money.told_priced();
        for (place, (share, part)) in shared(due, &money.funding).enumerate() {
            let debtor = LedgerAccount::Party(share.party.clone());
            let key = (ObligationKind::Funding, None, place, debtor, sides.pool());
            all.put(key, (billed, part), priced, &money.under);
        }
        all.put_fee(ObligationKind::EarnFee, points, (money.fee, &money.under), sides);
        all
    }

    /// What the partner owes the pool for points that a refund did not find: what they were funded
    /// with at issue.
    pub fn of_shortfall(points: Points, due: Money, money: &EarnMoney, sides: &Sides<'_>) -> Self {
        let mut all = Self::default();
        let partner = LedgerAccount::Party(sides.partner.clone());
        let key = (ObligationKind::Shortfall, None, 0, partner, sides.pool());
        all.put(key, (points, due), money.told_priced(), &money.under);
        all
    }

    /// What burning points of lots makes those owe who fund them, lot by lot.
    pub fn of_lots(charges: &[LotCharge], sides: &Sides<'_>) -> Self {
        let mut all = Self::default();
        for LotCharge { taken: Allocation { lot, points, cost }, funding } in charges {
            for (place, (share, part)) in shared(*cost, &funding.shares).enumerate() {
                let debtor = LedgerAccount::Party(share.party.clone());
                let key = (ObligationKind::LotFunding, Some(*lot), place, debtor, sides.pool());
                let LotFunding { price, percentage, .. } = **funding;
                let priced = Priced { price: Some(price), percentage };
                all.put(key, (*points, part), priced, &funding.under);
            }
        }
        all
    }

    /// What burning `points` brings: the reimbursement, less the fee.
    pub fn of_burning(points: Points, money: &BurnMoney, sides: &Sides<'_>) -> Self {
        let mut all = Self::default();
        let value = value_of(points, money.reimburse, sides.scales);
        let partner = LedgerAccount::Party(sides.partner.clone());
        let key = (ObligationKind::Reimbursement, None, 0, sides.pool(), partner);
        all.put(key, (points, value), Priced::plain(money.reimburse), &money.under);
        all.put_fee(ObligationKind::BurnFee, points, (money.fee, &money.under), sides);
        all
    }

    /// What expired points leave to others than the pool: shares of it to named parties, a part to
    /// those who funded the lot, in their shares.
    pub fn of_breakage(
        points: Points,
        value: Money,
        (shares, to_funder): (&[Share], i64),
        funding: Option<&LotFunding>,
        sides: &Sides<'_>,
    ) -> Self {
        let mut all = Self::default();
        // What is left after the shares stays in the pool and needs no posting.
        let named: i64 = shares.iter().map(|share| share.weight).sum();
        let kept = (WHOLE_SHARE - named - to_funder).max(0);
        let weights: Vec<i64> =
            shares.iter().map(|share| share.weight).chain([to_funder, kept]).collect();
        let parts = split(value.0, &weights);
        let mut give = |place: usize, party: &PartyId, part: Money, under: &Arc<Under>| {
            let creditor = LedgerAccount::Party(party.clone());
            let key = (ObligationKind::Breakage, None, place, sides.pool(), creditor);
            all.put(key, (points, part), Priced::default(), under);
        };
        for (place, share) in shares.iter().enumerate() {
            give(place, &share.party, Money(parts[place]), &Arc::default());
        }
        if let Some(funding) = funding {
            let returned = shared(Money(parts[shares.len()]), &funding.shares);
            for (place, (share, part)) in (shares.len()..).zip(returned) {
                give(place, &share.party, part, &funding.under);
            }
        }
        all
    }

    /// Joins the obligations of another transaction part.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// What each party owes by these obligations; parties that owe nothing are left out.
    pub fn debtors(&self) -> BTreeMap<PartyId, Money> {
        let mut owes: BTreeMap<PartyId, Money> = BTreeMap::new();
        for ((.., debtor, creditor), standing) in &self.0 {
            for (account, sign) in [(debtor, 1), (creditor, -1)] {
                if let Some(party) = account.party() {
                    *owes.entry(party.clone()).or_default() += Money(standing.money.0 * sign);
                }
            }
        }
        owes.retain(|_, money| money.is_positive());
        owes
    }

    /// The postings of these obligations.
    pub fn postings(&self, programme: &ProgrammeId) -> Vec<Posting> {
        self.change_from(&Self::default(), programme)
    }

    /// The postings that lead from what stood `before` to these: more is owed in the direction of
    /// the obligation, less is given back.
    pub fn change_from(&self, before: &Self, programme: &ProgrammeId) -> Vec<Posting> {
        let mut keys: Vec<Key> = self.0.keys().chain(before.0.keys()).cloned().collect();
        keys.sort();
        keys.dedup();
        let at = |all: &Self, key: &Key| {
            all.0.get(key).map_or((Points::ZERO, Money::ZERO), |one| (one.points, one.money))
        };
        let mut postings = Vec::with_capacity(keys.len());
        for key in keys {
            let ((points, money), (points_before, money_before)) =
                (at(self, &key), at(before, &key));
            let amount = Money((money.0 - money_before.0).abs());
            if amount.is_zero() {
                continue;
            }
            let reverses = money < money_before;
            let standing = self.0.get(&key).or_else(|| before.0.get(&key));
            let owed = Owed {
                amount,
                programme: Some(programme.clone()),
                obligation: key.0,
                reverses,
                points: Points((points.0 - points_before.0).abs()),
                price: standing.and_then(|one| one.priced.price),
                under: standing.map(|one| Arc::clone(&one.under)).unwrap_or_default(),
            };
            let percentage = standing.and_then(|one| one.priced.percentage);
            let (_, lot, _, debtor, creditor) = key;
            let (from, to) = if reverses { (creditor, debtor) } else { (debtor, creditor) };
            let posting = Posting::money(from, to, owed).with_lot(lot);
            postings.push(posting.with_percentage(percentage));
        }
        postings
    }

    fn put_fee(
        &mut self,
        kind: ObligationKind,
        points: Points,
        (fee, under): (Decimal, &Arc<Under>),
        sides: &Sides<'_>,
    ) {
        let partner = LedgerAccount::Party(sides.partner.clone());
        let operator = LedgerAccount::Party(sides.operator.clone());
        let value = value_of(points, fee, sides.scales);
        let key = (kind, None, 0, partner, operator);
        self.put(key, (points, value), Priced::plain(fee), under);
    }

    fn put(
        &mut self,
        key: Key,
        (points, money): (Points, Money),
        priced: Priced,
        under: &Arc<Under>,
    ) {
        self.0.insert(key, Standing { points, money, priced, under: Arc::clone(under) });
    }
}

/// An amount split among those who share it.
fn shared(amount: Money, shares: &[Share]) -> impl Iterator<Item = (&Share, Money)> {
    let weights: Vec<i64> = shares.iter().map(|share| share.weight).collect();
    shares.iter().zip(split(amount.0, &weights).into_iter().map(Money))
}

/// A share of one, in the unit of [`Share::weight`].
pub const WHOLE_SHARE: i64 = 1_000_000;

impl Sides<'_> {
    /// The programme's pool.
    pub fn pool(&self) -> LedgerAccount {
        LedgerAccount::Pool(self.programme.clone(), self.brand.clone())
    }
}

#[cfg(test)]
mod tests;
