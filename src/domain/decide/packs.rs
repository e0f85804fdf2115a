//! Packs: points that a party buys in advance, takes from when its receipts earn, and gets back with
//! refunds.

use rust_decimal::Decimal;

use super::draft::{Draft, Title};
use super::{Ask, Decision, must_earn};
use crate::domain::amount::Points;
use crate::domain::command::Action;
use crate::domain::exposure::{LimitHit, LimitName};
use crate::domain::ids::{MemberId, TransactionId};
use crate::domain::obligation::value_of;
use crate::domain::pack::{FromPack, Pack, covered, take};
use crate::domain::posting::{LedgerAccount, ObligationKind, Owed, Posting};
use crate::domain::rejection::Rejection;
use crate::domain::terms::Agreement;
use crate::domain::terms::funding::WhenEmpty;
use crate::domain::time::NEVER;
use crate::domain::transaction::Detail;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Decides the purchase of a pack, at the price of the party's agreement.
pub fn decide(ask: &Ask<'_>) -> Decision {
    let Action::Pack { programme, points, valid_from, valid_through, .. } = &ask.command.action
    else {
        unreachable!("only packs are sent here");
    };
    let agreement = ask.agreement(programme)?;
    let earn = agreement.earn.as_ref().ok_or(Rejection::NoAgreement)?;
    let price = earn.prepaid.as_ref().ok_or(Rejection::NoAgreement)?.price;
    let programme = ask.context.programme(programme)?;
    must_earn(programme)?;
    let mut draft = Draft::new(ask.ledger, ask.context);
    let now = draft.now();
    let starts_at = valid_from.map_or(now, |day| programme.zone.start_of(day).max(now));
    let ends_at = valid_through.map_or(NEVER, |day| programme.zone.end_of(day));
    if ends_at <= starts_at {
        let detail = "the pack must be valid at least until the day on which it starts";
        return Err(Rejection::InvalidField { pointer: "/valid_through", detail }.into());
    }
    let amount = value_of(*points, price, programme.scales);
    let owed = Owed {
        amount,
        programme: Some(programme.id.clone()),
        obligation: ObligationKind::Pack,
        reverses: false,
        points: *points,
        price: Some(price),
        under: Arc::clone(&earn.money.under),
    };
    let buyer = LedgerAccount::Party(agreement.party.clone());
    let pool = draft.sides(programme, &agreement.party).pool();
    let postings = if amount.is_zero() { vec![] } else { vec![Posting::money(buyer, pool, owed)] };
    draft.must_keep_limits(&postings, &BTreeMap::new())?;
    draft.post_all(postings);
    let pack = Pack {
        id: ask.context.id,
        party: agreement.party.clone(),
        programme: programme.id.clone(),
        bought: *points,
        left: *points,
        price,
        starts_at,
        ends_at,
    };
    draft.packs.insert(pack.id, pack);
    let programme = programme.id.clone();
    let detail = Detail::Pack { programme, bought: *points, price, amount, starts_at, ends_at };
    Ok(draft.finish(Title::of(ask.command, MemberId::NOBODY), detail))
}

impl Draft<'_> {
    /// The packs that points which a party's receipt earns are taken from; none where it buys no
    /// packs.
    ///
    /// # Errors
    /// If the packs don't cover them, and the agreement bills nothing.
    pub fn cover(&self, agreement: &Agreement, earned: Points) -> Result<Vec<FromPack>, Rejection> {
        let prepaid = agreement.earn.as_ref().and_then(|earn| earn.prepaid.as_ref());
        let Some(prepaid) = prepaid else { return Ok(Vec::new()) };
        let own =
            self.ledger.packs.values().filter(|pack| {
                pack.party == agreement.party && pack.programme == agreement.programme
            });
        let taken = take(own, earned, self.now());
        match prepaid.when_empty {
            WhenEmpty::Refuse if covered(&taken) < earned => {
                let limit = LimitName::Packs(agreement.programme.clone());
                Err(Rejection::LimitExceeded(LimitHit { party: agreement.party.clone(), limit }))
            }
            _ => Ok(taken),
        }
    }

    /// Takes points from packs. Gives back the price of the first.
    pub fn spend(&mut self, taken: &[FromPack]) -> Option<Decimal> {
        for one in taken {
            let pack = self.pack(one.pack).expect("a pack is read before it is used");
            pack.left -= one.points;
            assert!(pack.left >= Points::ZERO, "a pack is never below zero");
        }
        let first = taken.first()?;
        self.packs.get(&first.pack).map(|pack| pack.price)
    }

    /// Gives points back to packs that still run; what goes back to others is lost. Gives back
    /// what was taken.
    pub fn give_back_to(&mut self, returned: Vec<FromPack>) -> Vec<FromPack> {
        let now = self.now();
        let mut taken = returned;
        taken.retain(|one| match self.pack(one.pack) {
            Some(pack) if pack.runs(now) => {
                pack.left += one.points;
                assert!(pack.left <= pack.bought, "no more comes back than was taken");
                true
            }
            _ => false,
        });
        taken
    }

    /// A pack as this transaction leaves it so far.
    fn pack(&mut self, id: TransactionId) -> Option<&mut Pack> {
        if !self.packs.contains_key(&id) {
            let pack = self.ledger.packs.get(&id)?.clone();
            self.packs.insert(id, pack);
        }
        self.packs.get_mut(&id)
    }
}
