//! The prices that a cycle's postings applied.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::domain::ids::{PartyId, ProgrammeId, PromoId};
use crate::domain::posting::{Body, ObligationKind};
use crate::domain::settlement::{CycleId, PositionSum};
use crate::domain::transaction::Transaction;

/// What has a price: what is owed for, on whose account, under which agreement and promotion, and
/// who pays it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PriceKey {
    /// What is owed for.
    pub kind: ObligationKind,
    /// On whose account.
    pub programme: Option<ProgrammeId>,
    /// The party of the agreement.
    pub agreement: Option<PartyId>,
    /// The promotion.
    pub promo: Option<PromoId>,
    /// Who pays; of what is turned back, who had paid.
    pub payer: PartyId,
}

impl PriceKey {
    /// What a position is the sum of.
    pub fn of(position: &PositionSum) -> Self {
        let payer = if position.reverses { &position.creditor } else { &position.debtor };
        Self {
            kind: position.kind,
            programme: position.programme.clone(),
            agreement: position.agreement.clone(),
            promo: position.promo.clone(),
            payer: payer.clone(),
        }
    }
}

/// Prices by what they are for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    /// None: several were applied.
    by_key: BTreeMap<PriceKey, Option<Decimal>>,
}

impl Prices {
    /// Adds the prices of a transaction's postings that a cycle settles.
    pub fn add(&mut self, transaction: &Transaction, cycle: &CycleId) {
        for posting in &transaction.postings {
            let Body::Money { programme, obligation, reverses, price, under, .. } = &posting.body
            else {
                continue;
            };
            let payer = if *reverses { posting.to.party() } else { posting.from.party() };
            let (Some(price), Some(payer)) = (price, payer) else { continue };
            if posting.cycle(transaction).as_ref() != Some(cycle) {
                continue;
            }
            let key = PriceKey {
                kind: *obligation,
                programme: programme.clone(),
                agreement: under.agreement.clone(),
                promo: under.promo.clone(),
                payer: payer.clone(),
            };
            let known = self.by_key.entry(key).or_insert(Some(*price));
            *known = known.filter(|known| known == price);
        }
    }

    /// The price; none: it has none, or several were applied.
    pub fn of(&self, key: &PriceKey) -> Option<Decimal> {
        self.by_key.get(key).copied().flatten()
    }

    /// The one price of several things; none: one of them has none, or they differ.
    pub fn common<'k>(&self, keys: impl IntoIterator<Item = &'k PriceKey>) -> Option<Decimal> {
        let mut prices = keys.into_iter().map(|key| self.of(key));
        let first = prices.next()??;
        prices.all(|price| price == Some(first)).then_some(first)
    }
}
