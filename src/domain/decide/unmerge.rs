//! A merge is undone: what came with the profile that went goes back with it, as long as nothing of
//! it was touched since.

use std::collections::BTreeMap;

use super::draft::{Draft, Title, held_of, member_of};
use super::{Ask, Decision};
use crate::domain::account::AccountKey;
use crate::domain::amount::Points;
use crate::domain::hold::Hold;
use crate::domain::ids::{LotId, MemberId, ProgrammeId, TransactionId};
use crate::domain::posting::{Body, LedgerAccount};
use crate::domain::rejection::Rejection;
use crate::domain::terms::PartyKind;
use crate::domain::transaction::{Detail, Transaction, Went};

/// What a merge moved in one programme.
#[derive(Default)]
struct Moved {
    /// The lots: free points, held points.
    lots: BTreeMap<LotId, (Points, Points)>,
    /// What was owed.
    debt: Points,
}

/// Decides the end of a merge. It is refused once a point that came along was burned, held, lost or
/// taken back, once what was owed was paid, and where either profile was merged on.
pub fn decide(ask: &Ask<'_>, of: TransactionId, gone: MemberId) -> Decision {
    let kind = ask.context.coalition.parties.get(&ask.command.party).map(|party| party.kind);
    if !matches!(kind, Some(PartyKind::Operator)) {
        return Err(Rejection::NoAgreement.into());
    }
    let merge = ask.ledger.originals.get(&of).ok_or(Rejection::OriginalNotFound)?;
    let Detail::Merge { drop, went } = &merge.detail else {
        return Err(Rejection::OriginalNotFound.into());
    };
    let keep = merge.member;
    let stands = *drop == gone && ask.ledger.merged.get(drop) == Some(&keep);
    let ended = ask.ledger.current(keep) != keep;
    if !stands || ended {
        return Err(Rejection::MergeStands.into());
    }
    let moved = moved_by(merge, keep, gone).ok_or(Rejection::MergeStands)?;
    // A merge of earlier days did not write down what went.
    if went.is_empty() && !moved.is_empty() {
        return Err(Rejection::MergeStands.into());
    }
    let key = |member: MemberId, programme: &ProgrammeId| AccountKey {
        member,
        programme: programme.clone(),
    };
    let all: Vec<AccountKey> = went.iter().map(|one| key(keep, &one.programme)).collect();
    let mut draft = ask.draft_on(&all)?;
    for one in went {
        let (from, to) = (key(keep, &one.programme), key(gone, &one.programme));
        let moved = moved.get(&one.programme);
        give_back(&mut draft, ask, (&from, &to), moved)?;
        part(&mut draft, (&from, &to), one);
    }
    draft.unmerged = Some((gone, keep));
    Ok(draft.finish(Title::of(ask.command, keep), Detail::Unmerge { of, restored: gone }))
}

/// What a merge moved, programme by programme; none: it paid debts with points, which can't be told
/// apart any more.
fn moved_by(
    merge: &Transaction,
    keep: MemberId,
    gone: MemberId,
) -> Option<BTreeMap<ProgrammeId, Moved>> {
    let mut all: BTreeMap<ProgrammeId, Moved> = BTreeMap::new();
    for posting in &merge.postings {
        let Body::Points { points, lot, .. } = &posting.body else { return None };
        match (&posting.from, &posting.to, lot) {
            (LedgerAccount::Member(from, programme), LedgerAccount::Member(to, _), Some(lot))
                if (*from, *to) == (gone, keep) =>
            {
                let moved = all.entry(programme.clone()).or_default();
                moved.lots.entry(*lot).or_default().0 += *points;
            }
            (LedgerAccount::Held(from, programme), LedgerAccount::Held(to, _), Some(lot))
                if (*from, *to) == (gone, keep) =>
            {
                let moved = all.entry(programme.clone()).or_default();
                moved.lots.entry(*lot).or_default().1 += *points;
            }
            (LedgerAccount::Debt(from, programme), LedgerAccount::Debt(to, _), None)
                if (*from, *to) == (keep, gone) =>
            {
                all.entry(programme.clone()).or_default().debt += *points;
            }
            _ => return None,
        }
    }
    Some(all)
}

fn give_back(
    draft: &mut Draft<'_>,
    ask: &Ask<'_>,
    (from, to): (&AccountKey, &AccountKey),
    moved: Option<&Moved>,
) -> Result<(), Rejection> {
    let Some(moved) = moved else { return Ok(()) };
    let kept = draft.account(from).clone();
    for (&id, &(free, held)) in &moved.lots {
        let lot = kept.lots.get(id).ok_or(Rejection::MergeStands)?;
        if (lot.remaining, lot.held) != (free, held) {
            return Err(Rejection::MergeStands);
        }
    }
    let holds: Vec<Hold> = ask
        .ledger
        .holds_of(&kept)
        .filter(|hold| hold.allocations.iter().any(|one| moved.lots.contains_key(&one.lot)))
        .cloned()
        .collect();
    let are_whole = holds
        .iter()
        .all(|hold| hold.allocations.iter().all(|one| moved.lots.contains_key(&one.lot)));
    if !are_whole || kept.debt < moved.debt {
        return Err(Rejection::MergeStands);
    }
    for (&id, &(free, held)) in &moved.lots {
        let lot = kept.lots.get(id).ok_or(Rejection::MergeStands)?;
        let mut empty = lot.clone();
        (empty.remaining, empty.held) = Default::default();
        draft.account(to).lots.put(empty);
        if free.is_positive() {
            draft.post_points(member_of(from), member_of(to), free, Some(id));
        }
        if held.is_positive() {
            draft.post_points(held_of(from), held_of(to), held, Some(id));
        }
        draft.forget_lot(from, id);
    }
    if moved.debt.is_positive() {
        let debt = |key: &AccountKey| LedgerAccount::Debt(key.member, key.programme.clone());
        draft.post_points(debt(to), debt(from), moved.debt, None);
    }
    for hold in holds {
        let open = draft.account(from).holds.get_or_insert_default();
        open.retain(|id| *id != hold.id);
        draft.put_hold(Hold { member: to.member, ..hold });
    }
    Ok(())
}

/// Parts the tier's metric and the member's own rule again.
fn part(draft: &mut Draft<'_>, (from, to): (&AccountKey, &AccountKey), went: &Went) {
    let kept = draft.account(from);
    kept.metric.part(&went.metric);
    if kept.max_share == went.kept_max_share.or(went.max_share) {
        kept.max_share = went.kept_max_share;
    }
    let back = draft.account(to);
    back.metric = went.metric.clone();
    back.max_share = went.max_share;
    back.holds.get_or_insert_default();
}
