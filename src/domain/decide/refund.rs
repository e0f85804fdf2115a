//! Refunds: what was burned comes back, then what was earned is taken back, and money follows.
//!
//! They are taken in every mode of the programme.

use super::draft::{Draft, Gift, Title, member_of};
use super::earning::count;
use super::{Ask, Decision};
use crate::domain::account::AccountKey;
use crate::domain::amount::{Money, Points};
use crate::domain::command::RefundOf;
use crate::domain::exact::Ratio;
use crate::domain::hold::{Allocation, standing};
use crate::domain::ids::{LotId, ProgrammeId, Reference};
use crate::domain::ledger::Ledger;
use crate::domain::member::MemberName;
use crate::domain::metric::Addition;
use crate::domain::obligation::{EarnMoney, Obligations, Scales};
use crate::domain::pack::returned;
use crate::domain::posting::{LedgerAccount, Posting};
use crate::domain::receipt::{Part, PartState, ReceiptState};
use crate::domain::rejection::Rejection;
use crate::domain::terms::programme::{LotDates, Shortfall};
use crate::domain::terms::{Agreement, Programme};
use crate::domain::transaction::{Detail, RefundPart, Transaction};

/// What is kept of a receipt before this refund.
pub fn state_of(ledger: &Ledger, original: &Transaction) -> ReceiptState {
    let stored = ledger.receipts.get(&original.id).cloned();
    stored.unwrap_or_else(|| ReceiptState::whole(original.parts()))
}

/// Decides the refund of a receipt, by amount or by lines.
pub fn decide(ask: &Ask<'_>, of: &Reference, what: &RefundOf) -> Decision {
    let origin = ask.original(of)?;
    let original = ask.ledger.originals.get(&origin).ok_or(Rejection::OriginalNotFound)?;
    let member = ask.ledger.current(original.member);
    let mut state = state_of(ask.ledger, original);
    let key = |part: &Part| AccountKey { member, programme: part.programme.clone() };
    let keys: Vec<AccountKey> = original.parts().iter().map(key).collect();
    let mut next = state.parts.clone();
    for (part, state) in original.parts().iter().zip(&mut next) {
        let less = match what {
            RefundOf::Amount(amount) => state.less_amount(*amount),
            RefundOf::Lines(ids) => state.less_lines(part, ids),
        };
        *state = less.map_err(|_| Rejection::RefundExceedsOriginal)?;
    }

    // After this point the refund must succeed.
    for (place, part) in original.parts().iter().enumerate() {
        let programme = ask.context.programme(&part.programme)?;
        let [before, after] = [&state.parts[place], &next[place]]
            .map(|state: &PartState| state.earned(part, programme.scales));
        if own_lot_has(ask, &keys[place], part, before - after) {
            ask.must_know(&keys[place], |_| true)?;
        } else {
            ask.draft_on(std::slice::from_ref(&keys[place]))?;
        }
    }
    let mut draft = Draft::new(ask.ledger, ask.context);
    draft.belongs_to = Some(original.recorded_at);
    let mut parts = Vec::with_capacity(keys.len());
    for (place, part) in original.parts().iter().enumerate() {
        let programme = ask.context.programme(&part.programme)?;
        let turn =
            Turn { key: &keys[place], programme, part, before: &state.parts[place], original };
        parts.push(turn.back(&mut draft, &mut next[place]));
    }
    state.parts = next;
    draft.receipt = Some((origin, state));
    Ok(draft.finish(Title::of(ask.command, member), Detail::Refund { of: Some(origin), parts }))
}

/// Whether the lot that a receipt made has so many points that can be taken back: then the other
/// lots, which may be many, are not touched.
fn own_lot_has(ask: &Ask<'_>, key: &AccountKey, part: &Part, points: Points) -> bool {
    let Some(account) = ask.ledger.accounts.get(key) else { return false };
    let own = part.lot.and_then(|lot| account.lots.get(lot));
    let there = own.map_or(Points::ZERO, |lot| lot.remaining);
    points <= there
}

/// One part of a receipt on its way back.
struct Turn<'a> {
    key: &'a AccountKey,
    programme: &'a Programme,
    part: &'a Part,
    before: &'a PartState,
    original: &'a Transaction,
}

impl Turn<'_> {
    fn back(&self, draft: &mut Draft<'_>, next: &mut PartState) -> RefundPart {
        let Self { key, programme, part, before, .. } = *self;
        next.restored = part.burned - next.burned(part);
        self.restore(draft, next.restored);
        let restored = next.restored - before.restored;

        next.clawed_back = part.earned - next.earned(part, programme.scales);
        let clawed_back = next.clawed_back - before.clawed_back;
        let missing = claw_back(draft, key, part.lot, clawed_back, programme);
        let bearer = bearer_of(programme, !part.from_packs.is_empty());
        let (debt_added, absorbed) = settle_shortfall(draft, key, missing, bearer);
        match bearer {
            Shortfall::Absorb => next.absorbed += absorbed,
            Shortfall::Funder => next.borne.funder += absorbed,
            Shortfall::Shop => next.borne.shop += absorbed,
            Shortfall::Debt | Shortfall::Brand => {}
        }

        let stood = self.obligations(draft, before);
        let money = self.obligations(draft, next).change_from(&stood, &programme.id);
        draft.post_all(money);
        let to_packs = returned(&part.from_packs, before.funded(part), next.funded(part));
        let to_packs = draft.give_back_to(to_packs);
        self.uncount(draft, next);
        RefundPart {
            programme: programme.id.clone(),
            restored,
            clawed_back,
            debt_added,
            absorbed,
            borne_by: borne_by(bearer, absorbed),
            to_packs,
            kept: next.kept,
            refunded: Some(before.kept - next.kept),
        }
    }

    /// Gives burned points back to the lots that they came from, the last taken first, with what
    /// was charged for them. `restored` is how many come back with this refund and the earlier
    /// ones.
    fn restore(&self, draft: &mut Draft<'_>, restored: Points) {
        let stood = standing(&self.part.taken, self.before.restored);
        let stands = standing(&self.part.taken, restored);
        for (before, after) in stood.iter().zip(&stands).rev() {
            let (points, cost) = (before.points - after.points, before.cost - after.cost);
            if points.is_positive() {
                self.restore_to(draft, Allocation { lot: before.lot, points, cost });
            }
        }
    }

    fn restore_to(&self, draft: &mut Draft<'_>, one: Allocation) {
        let key = self.key;
        let now = draft.now();
        let lot = draft.account(key).lots.get(one.lot).cloned();
        let lot = lot.expect("the lots of an original are read with it");
        if lot.is_past(now) {
            let zone = &self.programme.zone;
            let last = zone.day_of(now).plus_days(self.programme.restore_days);
            let dates = LotDates { available_at: now, expires_at: zone.end_of(last) };
            let promo = lot.funding.as_ref().and_then(|funding| funding.under.promo.clone());
            let Allocation { points, cost, .. } = one;
            let (price, funding) = (lot.price, lot.funding);
            draft.give_back(key, &Gift { points, dates, price, cost, funding, promo });
        } else {
            draft.bring(LedgerAccount::Burned(key.programme.clone()), key, one);
            draft.pay_debt(key, one.lot, one.points);
        }
    }

    fn obligations(&self, draft: &mut Draft<'_>, state: &PartState) -> Obligations {
        let part = self.part;
        let charges = draft.charges_left(self.key, &part.taken, state.restored);
        let sides = draft.sides(self.programme, &self.original.party);
        let earning = part.earn_money.as_ref().map(|money| {
            let (counted, billed) = (state.counted(part), state.billed(part));
            let due = state.due(part, money, sides.scales);
            let missing = part.due_for(state.borne.shop, money, sides.scales);
            Obligations::of_valued_earning(counted, (billed, due), money, &sides)
                .and(Obligations::of_shortfall(state.borne.shop, missing, money, &sides))
        });
        let burning = part
            .burn_money
            .as_ref()
            .map(|money| Obligations::of_burning(part.burned - state.restored, money, &sides));
        let lots = Obligations::of_lots(&charges, &sides);
        earning.unwrap_or_default().and(burning.unwrap_or_default()).and(lots)
    }

    /// Takes what came back out of the tier's metric, on the receipt's own day. A receipt of which
    /// nothing eligible is kept no longer counts as a purchase.
    fn uncount(&self, draft: &mut Draft<'_>, next: &PartState) {
        let eligible = |state: &PartState| Money(state.eligible(self.part).floor());
        let (before, after) = (eligible(self.before), eligible(next));
        let receipts = i64::from(after.is_positive()) - i64::from(before.is_positive());
        let addition = Addition { spend: after - before, receipts };
        count(draft, self.key, self.programme, self.part.day, addition);
    }
}

/// Takes points back: first from the receipt's own lot, expired ones included, then from the other
/// available lots in burning order, then from the other pending ones. Gives back what is missing.
fn claw_back(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    own: Option<LotId>,
    wanted: Points,
    programme: &Programme,
) -> Points {
    let mut missing = wanted;
    if let Some(own) = own {
        missing -= take(draft, key, own, missing);
        missing -= take_expired(draft, key, own, missing, programme);
    }
    let now = draft.now();
    let others = |draft: &mut Draft<'_>, available: bool| -> Vec<LotId> {
        let lots = draft.account(key).lots.in_burning_order();
        let fits = lots
            .into_iter()
            .filter(|lot| Some(lot.id) != own && lot.is_available(now) == available);
        fits.map(|lot| lot.id).collect()
    };
    for available in [true, false] {
        for lot in others(draft, available) {
            missing -= take(draft, key, lot, missing);
        }
    }
    missing
}

/// Takes back up to so many free points of a lot.
fn take(draft: &mut Draft<'_>, key: &AccountKey, lot: LotId, wanted: Points) -> Points {
    let there = draft.account(key).lots.get(lot).map_or(Points::ZERO, |lot| lot.remaining);
    let points = wanted.min(there);
    if points.is_positive() {
        let issued = LedgerAccount::Issued(key.programme.clone());
        draft.post_points(member_of(key), issued, points, Some(lot));
    }
    points
}

/// What expired unused counts as given back; what its loss gave to others comes back too.
fn take_expired(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    lot: LotId,
    wanted: Points,
    programme: &Programme,
) -> Points {
    let Some(lot) = draft.account(key).lots.get(lot).cloned() else { return Points::ZERO };
    let points = wanted.min(lot.expired);
    if points.is_positive() {
        let expired = LedgerAccount::Expired(key.programme.clone());
        let issued = LedgerAccount::Issued(key.programme.clone());
        draft.post_points(expired, issued, points, Some(lot.id));
        if programme.shares_breakage() {
            let before = draft.breakage_of(programme, &lot, lot.expired);
            let after = draft.breakage_of(programme, &lot, lot.expired - points);
            draft.post_all(after.change_from(&before, &programme.id));
        }
    }
    points
}

/// Who bears what is missing. A party that paid with its packs funded the points alone: what it
/// would owe for them it has paid.
fn bearer_of(programme: &Programme, from_packs: bool) -> Shortfall {
    match programme.shortfall {
        Shortfall::Shop if from_packs => Shortfall::Funder,
        agreed => agreed,
    }
}

/// Who is told to bear what stays lost.
fn borne_by(bearer: Shortfall, lost: Points) -> Option<Shortfall> {
    let names = matches!(bearer, Shortfall::Funder | Shortfall::Shop | Shortfall::Brand);
    Some(bearer).filter(|_| names && lost.is_positive())
}

/// What is missing is owed by the member, or stays lost. Gives back both.
fn settle_shortfall(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    missing: Points,
    bearer: Shortfall,
) -> (Points, Points) {
    if missing.is_zero() {
        return (Points::ZERO, Points::ZERO);
    }
    if bearer != Shortfall::Debt {
        return (Points::ZERO, missing);
    }
    let debt = LedgerAccount::Debt(key.member, key.programme.clone());
    let issued = LedgerAccount::Issued(key.programme.clone());
    draft.post_points(debt, issued, missing, None);
    (missing, Points::ZERO)
}

/// Decides a refund whose receipt was lost: it claws back what the amount would have earned at the
/// programme's base rate, and restores nothing. The tier's metric stays: no receipt is known that
/// counted towards it.
pub fn decide_unlinked(
    ask: &Ask<'_>,
    programme: &ProgrammeId,
    member: &MemberName,
    amount: Money,
) -> Decision {
    let key = ask.account_key(member, programme)?;
    let agreement = ask.agreement(programme)?;
    if !agreement.unlinked_refunds {
        return Err(Rejection::NoAgreement.into());
    }
    let programme = ask.context.programme(programme)?;
    let mut draft = ask.draft_on(std::slice::from_ref(&key))?;
    let rule = programme.earn.rule.as_ref();
    let clawed_back =
        rule.map_or(Points::ZERO, |rule| rule.points_for(Ratio::whole(amount.0), programme.scales));
    let missing = claw_back(&mut draft, &key, None, clawed_back, programme);
    let bearer = bearer_of(programme, agreement.is_prepaid());
    let (debt_added, absorbed) = settle_shortfall(&mut draft, &key, missing, bearer);
    if let Some(money) = agreement.earn.as_ref().map(|earn| &earn.money) {
        let turned = Turned { bearer, amount, clawed_back, lost: absorbed };
        let postings = reversal(&draft, (programme, agreement), money, &turned);
        draft.post_all(postings);
    }
    let part = RefundPart {
        programme: programme.id.clone(),
        restored: Points::ZERO,
        clawed_back,
        debt_added,
        absorbed,
        borne_by: borne_by(bearer, absorbed),
        to_packs: Vec::new(),
        kept: Money::ZERO,
        refunded: Some(amount),
    };
    let detail = Detail::Refund { of: None, parts: vec![part] };
    Ok(draft.finish(Title::of(ask.command, key.member), detail))
}

/// Points that a refund without an original turns back, and the amount that would have earned them.
struct Turned {
    bearer: Shortfall,
    amount: Money,
    clawed_back: Points,
    /// Of these, what stays lost.
    lost: Points,
}

impl Turned {
    /// What was owed at issue for so many of the points; what packs covered is known of no lost
    /// receipt.
    fn due_for(&self, points: Points, money: &EarnMoney, scales: Scales) -> Money {
        let amount = Ratio::share_of(self.amount.0, points.0, self.clawed_back.0);
        money.due_on(points, amount, scales)
    }
}

fn reversal(
    draft: &Draft<'_>,
    (programme, agreement): (&Programme, &Agreement),
    money: &EarnMoney,
    turned: &Turned,
) -> Vec<Posting> {
    let sides = draft.sides(programme, &agreement.party);
    let found = turned.clawed_back - turned.lost;
    let (with_fee, funded) = match turned.bearer {
        Shortfall::Absorb => (found, found),
        Shortfall::Funder => (turned.clawed_back, found),
        Shortfall::Debt | Shortfall::Shop | Shortfall::Brand => {
            (turned.clawed_back, turned.clawed_back)
        }
    };
    // Where points were bought in packs only the fee is given back.
    let billed = if agreement.is_prepaid() { Points::ZERO } else { funded };
    let due = turned.due_for(billed, money, sides.scales);
    let before = Obligations::of_valued_earning(with_fee, (billed, due), money, &sides);
    let owed = if turned.bearer == Shortfall::Shop { turned.lost } else { Points::ZERO };
    let due = turned.due_for(owed, money, sides.scales);
    Obligations::of_shortfall(owed, due, money, &sides).change_from(&before, &programme.id)
}
