//! Adjustments: money that the clearing house moves in the open cycle, linked to what it corrects.

use std::sync::Arc;

use super::draft::{Draft, Title};
use super::{Ask, Decision};
use crate::domain::adjustment::Adjustment;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::MemberId;
use crate::domain::posting::{LedgerAccount, Owed, Posting, Under};
use crate::domain::rejection::Rejection;
use crate::domain::transaction::Detail;

/// Decides an adjustment. It moves no points and is refused for no limit.
pub fn decide(ask: &Ask<'_>, adjustment: &Adjustment) -> Decision {
    let coalition = &ask.context.coalition;
    let unknown = |pointer| Rejection::InvalidField { pointer, detail: "there is none such" };
    if !coalition.parties.contains_key(&adjustment.party) {
        return Err(unknown("/party").into());
    }
    if !coalition.schedules.contains_key(&adjustment.schedule) {
        return Err(unknown("/schedule").into());
    }
    let programme = match &adjustment.programme {
        None => None,
        Some(id) => Some(coalition.programmes.get(id).ok_or_else(|| unknown("/programme"))?),
    };
    let party = LedgerAccount::Party(adjustment.party.clone());
    let other = match programme {
        Some(one) => LedgerAccount::Pool(one.id.clone(), one.brand.clone()),
        None => LedgerAccount::Party(coalition.operator.clone()),
    };
    let mut draft = Draft::new(ask.ledger, ask.context);
    draft.belongs_to = adjustment.belongs_to;
    if party != other && !adjustment.owes.is_zero() {
        let reverses = adjustment.owes < Money::ZERO;
        let (from, to) = if reverses { (other, party) } else { (party, other) };
        draft.post_all(vec![Posting::money(from, to, owed(ask, adjustment, reverses))]);
    }
    let detail = Detail::Adjustment {
        party: adjustment.party.clone(),
        programme: adjustment.programme.clone(),
        of: adjustment.of,
        cause: adjustment.cause,
        corrected: adjustment.corrected.clone(),
    };
    Ok(draft.finish(Title::of(ask.command, MemberId::NOBODY), detail))
}

fn owed(ask: &Ask<'_>, adjustment: &Adjustment, reverses: bool) -> Owed {
    let agreement = adjustment.programme.as_ref().and_then(|programme| {
        let key = (programme.clone(), adjustment.party.clone());
        ask.context.coalition.agreements.get(&key)
    });
    let under = Under {
        agreement: agreement.map(|agreement| agreement.party.clone()),
        version: agreement.map_or(0, |agreement| agreement.version),
        schedule: adjustment.schedule.clone(),
        promo: None,
    };
    Owed {
        amount: Money(adjustment.owes.0.abs()),
        programme: adjustment.programme.clone(),
        obligation: adjustment.obligation,
        reverses,
        points: Points::ZERO,
        price: None,
        under: Arc::new(under),
    }
}
