//! What is left of a grant comes back, as if less had been given: a compensation whose case turned
//! out to be no defect.
//!
//! Only free points of the grant's own lot are taken. What was spent stays spent, what a hold
//! reserves stays reserved, what was lost stays lost, and what paid a debt stays paid. The money of
//! the grant is reversed in proportion, each obligation at its recorded figure; what was still to be
//! paid for the points when they are burned leaves with them.

use std::sync::Arc;

use super::draft::{Title, member_of};
use super::{Ask, Decision};
use crate::domain::account::AccountKey;
use crate::domain::amount::{Money, Points};
use crate::domain::exact::Ratio;
use crate::domain::ids::Reference;
use crate::domain::posting::{Body, LedgerAccount, Owed, Posting};
use crate::domain::receipt::{Borne, PartState, ReceiptState};
use crate::domain::rejection::Rejection;
use crate::domain::transaction::{Detail, RefundPart, Transaction};

/// Decides a take-back. A grant is taken back once, and not when nothing of it is left.
pub fn decide(ask: &Ask<'_>, of: &Reference) -> Decision {
    let origin = ask.original(of)?;
    let original = ask.ledger.originals.get(&origin).ok_or(Rejection::OriginalNotFound)?;
    let (Detail::Grant { programme, granted }, Some(lot)) =
        (&original.detail, original.lots.first())
    else {
        return Err(Rejection::OriginalNotFound.into());
    };
    let member = ask.ledger.current(original.member);
    let key = AccountKey { member, programme: programme.clone() };
    let programme = ask.context.programme(programme)?;
    let mut draft = ask.draft_on(std::slice::from_ref(&key))?;
    let left = draft.account(&key).lots.get(lot.id).map_or(Points::ZERO, |lot| lot.remaining);
    if ask.ledger.receipts.contains_key(&origin) || left.is_zero() {
        return Err(Rejection::RefundExceedsOriginal.into());
    }

    // After this point it must succeed.
    draft.belongs_to = Some(original.recorded_at);
    let issued = LedgerAccount::Issued(key.programme.clone());
    draft.post_points(member_of(&key), issued, left, Some(lot.id));
    draft.post_all(reversed(original, left, *granted));
    let state = PartState {
        kept: Money::ZERO,
        gone: Vec::new(),
        clawed_back: left,
        absorbed: Points::ZERO,
        borne: Borne::default(),
        restored: Points::ZERO,
    };
    draft.receipt = Some((origin, ReceiptState { parts: vec![state], delivered: false }));
    let part = RefundPart {
        programme: programme.id.clone(),
        restored: Points::ZERO,
        clawed_back: left,
        debt_added: Points::ZERO,
        absorbed: Points::ZERO,
        borne_by: None,
        to_packs: Vec::new(),
        kept: Money::ZERO,
        refunded: Some(Money::ZERO),
    };
    let detail = Detail::Refund { of: Some(origin), parts: vec![part] };
    Ok(draft.finish(Title::of(ask.command, member), detail))
}

/// The part of each obligation of a grant that comes back with so many of its points.
fn reversed(original: &Transaction, back: Points, granted: Points) -> Vec<Posting> {
    let mut postings = Vec::new();
    for posting in &original.postings {
        let Body::Money { amount, programme, obligation, price, percentage, under, .. } =
            &posting.body
        else {
            continue;
        };
        // What is kept is rounded, so that all comes back with all of the points.
        let kept = Ratio::share_of(amount.0, (granted - back).0, granted.0).half_even();
        let owed = Owed {
            amount: *amount - Money(kept),
            programme: programme.clone(),
            obligation: *obligation,
            reverses: true,
            points: back,
            price: *price,
            under: Arc::clone(under),
        };
        if owed.amount.is_positive() {
            let back = Posting::money(posting.to.clone(), posting.from.clone(), owed);
            postings.push(back.with_percentage(*percentage));
        }
    }
    postings
}
