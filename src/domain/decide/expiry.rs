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

/// Whether the clock did something to an account that is not posted yet.
pub fn is_due(ledger: &Ledger, account: &Account, now: Instant) -> bool {
    let past = |lot: &&crate::domain::lot::Lot| lot.is_past(now) && lot.remaining.is_positive();
    account.lots.in_burning_order().iter().any(past)
        || ledger.holds_of(account).any(|hold| hold.is_due(now))
}

/// Decides what the clock did to an account: releases its timed-out holds, then loses its past
/// lots.
///
/// # Errors
/// If the account must be read first. An account with nothing due gives an empty transaction,
/// which the caller does not record.
pub fn decide_expiry(ledger: &Ledger, context: &Context, key: &AccountKey) -> Decision {
    let account = ledger.account(key);
    if !account.is_whole() {
        return Err(Stop::Read(key.clone()));
    }
    let programme = context.programme(&key.programme)?;
    let mut draft = Draft::new(ledger, context);
    let now = draft.now();
    let mut due: Vec<&Hold> = ledger.holds_of(&account).filter(|hold| hold.is_due(now)).collect();
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
