//! Two profiles are one person: everything moves, nothing is lost.

use super::draft::{Draft, Title, held_of, member_of};
use super::{Ask, Decision};
use crate::domain::account::AccountKey;
use crate::domain::hold::Hold;
use crate::domain::ids::LotId;
use crate::domain::member::MemberName;
use crate::domain::metric::Metric;
use crate::domain::posting::LedgerAccount;
use crate::domain::rejection::Rejection;
use crate::domain::terms::PartyKind;
use crate::domain::transaction::{Detail, Went};

/// Decides a merge: lots move with their dates, and receipts, holds, tier metric and debts with
/// them; what is owed is then paid from the points that there are, available before pending.
pub fn decide(ask: &Ask<'_>, keep: &MemberName, drop: &MemberName) -> Decision {
    let (keep, drop) = (ask.member(keep)?, ask.member(drop)?);
    if keep == drop {
        let detail = "these two names are one member already";
        return Err(Rejection::InvalidField { pointer: "/drop", detail }.into());
    }
    let kind = ask.context.coalition.parties.get(&ask.command.party).map(|party| party.kind);
    if !matches!(kind, Some(PartyKind::Brand | PartyKind::Wallet | PartyKind::Operator)) {
        return Err(Rejection::NoAgreement.into());
    }
    let going = ask.ledger.accounts_of(drop);
    let staying = |key: &AccountKey| AccountKey { member: keep, programme: key.programme.clone() };
    let all: Vec<AccountKey> = going.iter().cloned().chain(going.iter().map(staying)).collect();
    let mut draft = ask.draft_on(&all)?;
    let mut went = Vec::with_capacity(going.len());
    for from in &going {
        let to = staying(from);
        went.push(Went {
            programme: from.programme.clone(),
            metric: draft.account(from).metric.clone(),
            max_share: draft.account(from).max_share,
            kept_max_share: draft.account(&to).max_share,
        });
        move_account(&mut draft, ask, from, &to);
        pay_debt(&mut draft, &to);
    }
    draft.merged = Some((drop, keep));
    Ok(draft.finish(Title::of(ask.command, keep), Detail::Merge { drop, went }))
}

fn move_account(draft: &mut Draft<'_>, ask: &Ask<'_>, from: &AccountKey, to: &AccountKey) {
    let gone = draft.account(from).clone();
    let lots: Vec<LotId> = gone.lots.in_burning_order().iter().map(|lot| lot.id).collect();
    for id in lots {
        let Some(lot) = gone.lots.get(id).cloned() else { continue };
        let mut empty = lot.clone();
        (empty.remaining, empty.held) = Default::default();
        draft.account(to).lots.put(empty);
        if lot.remaining.is_positive() {
            draft.post_points(member_of(from), member_of(to), lot.remaining, Some(id));
        }
        if lot.held.is_positive() {
            draft.post_points(held_of(from), held_of(to), lot.held, Some(id));
        }
        draft.forget_lot(from, id);
    }
    if gone.debt.is_positive() {
        let debt = |key: &AccountKey| LedgerAccount::Debt(key.member, key.programme.clone());
        draft.post_points(debt(to), debt(from), gone.debt, None);
    }
    for hold in ask.ledger.holds_of(&gone) {
        draft.put_hold(Hold { member: to.member, ..hold.clone() });
    }
    let kept = draft.account(to);
    kept.metric.join(&gone.metric);
    kept.max_share = kept.max_share.or(gone.max_share);
    let left = draft.account(from);
    left.metric = Metric::default();
    left.max_share = None;
    left.holds = Some(Vec::new());
}

/// Pays what is owed from available lots in burning order, then from pending ones.
fn pay_debt(draft: &mut Draft<'_>, key: &AccountKey) {
    let now = draft.now();
    for available in [true, false] {
        let account = draft.account(key);
        let lots = account.lots.in_burning_order();
        let fits = lots.into_iter().filter(|lot| lot.is_available(now) == available);
        let lots: Vec<LotId> = fits.map(|lot| lot.id).collect();
        for id in lots {
            let there = draft.account(key).lots.get(id).map(|lot| lot.remaining);
            draft.pay_debt(key, id, there.unwrap_or_default());
        }
    }
}
