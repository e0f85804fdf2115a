//! What the clock does to an account: lots are lost, holds time out.
//!
//! Balances and burns look at the clock themselves; this only writes the postings that follow.

use super::draft::{Draft, Title};
use super::{Context, Decision, Stop};
use crate::domain::account::{Account, AccountKey};
use crate::domain::amount::Points;
use crate::domain::command::Kind;
use crate::domain::hold::Hold;
use crate::domain::ids::LotId;
use crate::domain::ledger::Ledger;
use crate::domain::time::Instant;
use crate::domain::transaction::Detail;

/// Whether the clock did something to an account that is not posted yet. None: what it may have
/// changed is not in memory.
pub fn is_due(ledger: &Ledger, account: &Account, now: Instant) -> Option<bool> {
    let is_known = account.lots.are_past_loaded(now) && account.are_holds_loaded();
    let due_hold = || ledger.holds_of(account).any(|hold| hold.is_due(now));
    is_known.then(|| account.lots.is_any_past(now) || due_hold())
}

/// Decides what the clock did to an account: releases its timed-out holds, then loses its past
/// lots.
///
/// # Errors
/// If the account must be read first. An account with nothing due gives an empty transaction,
/// which the caller does not record.
pub fn decide_expiry(ledger: &Ledger, context: &Context, key: &AccountKey) -> Decision {
    let account = ledger.account(key);
    let programme = context.programme(&key.programme)?;
    let mut draft = Draft::new(ledger, context);
    let now = draft.now();
    let mut due: Vec<&Hold> = ledger.holds_of(&account).filter(|hold| hold.is_due(now)).collect();
    let is_known = is_due(ledger, &account, now).is_some();
    let is_enough = is_known && due.iter().all(|hold| account.has_lots_of(hold));
    if !is_enough && !account.is_whole() {
        return Err(Stop::Read(key.clone()));
    }
    due.sort_by_key(|hold| (hold.valid_until, hold.id));
    let holds = due.iter().map(|hold| hold.id).collect();
    for hold in due {
        draft.finish_hold(hold, Points::ZERO, programme);
    }
    let lots: Vec<LotId> =
        draft.account(key).lots.in_burning_order().iter().map(|lot| lot.id).collect();
    let expired = lots.into_iter().map(|lot| draft.expire_if_past(key, lot, programme)).sum();
    let title = Title {
        kind: Kind::Expiry,
        party: context.coalition.operator.clone(),
        reference: None,
        at: None,
        till: None,
        member: key.member,
    };
    let detail = Detail::Expiry { programme: key.programme.clone(), holds, expired };
    Ok(draft.finish(title, detail))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::amount::Money;
    use crate::domain::decide::tests::{NOW, coalition};
    use crate::domain::hold::Allocation;
    use crate::domain::ids::{MemberId, ShardId, TransactionId};
    use crate::domain::lot::{Lot, Lots};
    use crate::domain::time::NEVER;

    fn lot(number: i64, (remaining, held): (i64, i64), expires_at: Instant) -> Lot {
        Lot {
            id: LotId::of(TransactionId::new(ShardId(0), number), 0),
            granted: Points(remaining + held),
            remaining: Points(remaining),
            held: Points(held),
            expired: Points::ZERO,
            available_at: Instant(0),
            expires_at,
            price: Decimal::ONE,
            cost: Money::ZERO,
            funding: None,
        }
    }

    #[test]
    fn of_many_lots_only_those_that_ended_must_be_in_memory() {
        let key = AccountKey {
            member: MemberId::new(ShardId(0), 1),
            programme: "club".parse().expect("an id"),
        };
        let (past, reserved) = (lot(1, (7, 0), NOW), lot(2, (90, 5), NEVER));
        let hold = Hold {
            id: TransactionId::new(ShardId(0), 3),
            party: "shop".parse().expect("an id"),
            member: key.member,
            programme: key.programme.clone(),
            allocations: vec![Allocation::of(reserved.id, Points(5))],
            valid_until: NOW,
            open: true,
            owes: std::collections::BTreeMap::new(),
        };
        let mut account = Account::new(key.clone());
        (account.points, account.held) = (Points(1_000), Points(5));
        (account.lots, account.holds) = (Lots::default(), Some(vec![hold.id]));
        let mut ledger = Ledger::default();
        ledger.holds.insert(hold.id, hold);
        let context = |now: Instant| Context {
            coalition: Arc::clone(&coalition()),
            now,
            id: TransactionId::new(ShardId(0), 9),
        };
        let mut at = |account: &Account, now: Instant| {
            ledger.accounts.insert(key.clone(), account.clone());
            decide_expiry(&ledger, &context(now), &key)
        };
        let must_read = |decision: Decision| {
            assert_eq!(decision.err(), Some(Stop::Read(key.clone())));
        };
        must_read(at(&account, NOW));
        account.lots.add_past([past], NOW);
        must_read(at(&account, NOW));
        account.lots.add_single([reserved]);
        must_read(at(&account, NOW.plus_micros(1)));
        let decided = at(&account, NOW).unwrap_or_else(|stop| panic!("{stop:?}"));
        let after = &decided.accounts[&key];
        assert_eq!((after.points, after.held), (Points(998), Points::ZERO));
        let Detail::Expiry { holds, expired, .. } = decided.transaction.detail else {
            panic!("an expiry");
        };
        assert_eq!((holds.len(), expired), (1, Points(7)));
    }
}
