//! Reads the working set of a batch: all that its commands may touch, in a few sets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;

use super::connection::{Database, each_backend};
use super::live::{live_lots, open_holds, read_due, read_first_lots};
use super::names::{NameHash, reference_hash};
use super::rows::{AccountRow, HoldRow};
use super::schema::{accounts, holds, members, transactions};
use super::{StoreError, exposures, originals, packs};
use crate::domain::account::AccountKey;
use crate::domain::hold::Hold;
use crate::domain::ids::{MemberId, PartyId, ShardId, TransactionId};
use crate::domain::ledger::{Ledger, ReferenceKey};
use crate::domain::lot::{Loaded, Lot};
use crate::domain::settlement::CycleId;
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};

/// SQLite takes at most 32,766 binds a statement.
pub(super) const KEYS_PER_STATEMENT: usize = 10_000;

/// What a batch wants to read.
#[derive(Debug, Default)]
pub struct Wanted {
    /// References that must be new.
    pub references: Vec<ReferenceKey>,
    /// References of earlier transactions that commands name.
    pub originals: Vec<ReferenceKey>,
    /// Earlier transactions that commands name by id.
    pub transactions: Vec<TransactionId>,
    /// Members that commands name.
    pub members: BTreeSet<MemberId>,
    /// Members whose accounts are needed whole.
    pub whole: BTreeSet<MemberId>,
    /// Accounts that are looked at for what the clock did to them.
    pub due: BTreeSet<AccountKey>,
    /// Accounts of which points are taken in burning order.
    pub burning: BTreeSet<AccountKey>,
    /// Parties whose exposure counts, each with the cycles of its caps.
    pub limited: BTreeMap<PartyId, BTreeSet<CycleId>>,
    /// Parties whose packs may be used.
    pub prepaid: BTreeSet<PartyId>,
    /// Whether any member of the shards at hand was ever merged.
    pub may_be_merged: bool,
}

impl Wanted {
    /// The members of whom it must be known that they are confirmed: those that burn.
    pub fn unconfirmed(&self) -> BTreeSet<i64> {
        self.burning.iter().map(|key| key.member.0).collect()
    }
}

/// Reads the working set.
///
/// # Errors
/// If the database fails, or what is stored can't be read.
pub fn load(
    connection: &mut Database,
    wanted: &Wanted,
    now: Instant,
) -> Result<Ledger, StoreError> {
    let mut ledger = Ledger::default();
    read_references(connection, &mut ledger, &wanted.references)?;
    originals::read(connection, &mut ledger, &wanted.originals)?;
    originals::read_by_id(connection, &mut ledger, &wanted.transactions)?;
    let mut members = wanted.members.clone();
    let mut whole = wanted.whole.clone();
    members.extend(ledger.originals.values().map(|one| one.member));
    // What comes back of a receipt is mostly in the lot that it made; a hold names its lots.
    let is_hold = |one: &Transaction| matches!(one.detail, Detail::Hold { .. });
    let others = ledger.originals.values().filter(|one| one.parts().is_empty() && !is_hold(one));
    whole.extend(others.map(|one| one.member));
    if wanted.may_be_merged {
        read_merged(connection, &mut ledger, &mut members)?;
        whole = whole.iter().map(|&member| ledger.current(member)).collect();
        members = members.iter().map(|&member| ledger.current(member)).collect();
    }
    read_accounts(connection, &mut ledger, &members)?;
    read_whole(connection, &mut ledger, &whole)?;
    read_holds(connection, &mut ledger)?;
    let burning = wanted.burning.iter().filter(|key| {
        ledger.accounts.get(*key).is_some_and(|account| !account.lots.are_all_loaded())
    });
    let burning: Vec<AccountKey> = burning.cloned().collect();
    read_first_lots(connection, &mut ledger, &burning, now)?;
    originals::read_state(connection, &mut ledger)?;
    let due = wanted.due.iter();
    let due = due.map(|key| AccountKey { member: ledger.current(key.member), ..key.clone() });
    let due = due.collect();
    read_due(connection, &mut ledger, due, now)?;
    if !wanted.limited.is_empty() {
        ledger.exposures = exposures::lock(connection, &wanted.limited)?;
    }
    ledger.packs = packs::lock(connection, &ledger, &wanted.prepaid, now)?;
    Ok(ledger)
}

fn transaction_id(shard: i64, seq: i64) -> TransactionId {
    TransactionId::new(ShardId(shard), seq)
}

pub(super) fn by_hash(keys: &[ReferenceKey]) -> HashMap<NameHash, &ReferenceKey> {
    keys.iter().map(|key| (reference_hash(key), key)).collect()
}

/// Reads which references were used before.
///
/// # Errors
/// If the database fails.
pub fn read_references(
    connection: &mut Database,
    ledger: &mut Ledger,
    keys: &[ReferenceKey],
) -> Result<(), StoreError> {
    let named = by_hash(keys);
    let hashes: Vec<&[u8]> = named.keys().map(NameHash::as_slice).collect();
    for hashes in hashes.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<(Option<Vec<u8>>, i64, i64)> = each_backend!(connection, |one| {
            transactions::table
                .select((transactions::reference_hash, transactions::shard, transactions::seq))
                .filter(transactions::reference_hash.eq_any(hashes))
                .load(one)
        })?;
        for (hash, shard, seq) in rows {
            let hash = hash.and_then(|hash| NameHash::try_from(hash).ok());
            if let Some(key) = hash.and_then(|hash| named.get(&hash)) {
                ledger.references.insert((*key).clone(), transaction_id(shard, seq));
            }
        }
    }
    Ok(())
}

/// Follows merged members to what they became.
fn read_merged(
    connection: &mut Database,
    ledger: &mut Ledger,
    named: &mut BTreeSet<MemberId>,
) -> Result<(), StoreError> {
    let mut look_at: Vec<i64> = named.iter().map(|member| member.0).collect();
    while !look_at.is_empty() {
        let mut next = Vec::new();
        for ids in look_at.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<(i64, Option<i64>)> = each_backend!(connection, |one| {
                members::table
                    .select((members::member, members::merged_into))
                    .filter(members::member.eq_any(ids))
                    .filter(members::merged_into.is_not_null())
                    .load(one)
            })?;
            for (member, into) in rows {
                let Some(into) = into else { continue };
                ledger.merged.insert(MemberId(member), MemberId(into));
                next.push(into);
            }
        }
        look_at = next;
    }
    Ok(())
}

fn read_accounts(
    connection: &mut Database,
    ledger: &mut Ledger,
    members: &BTreeSet<MemberId>,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = members.iter().map(|member| member.0).collect();
    for ids in ids.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<AccountRow> = each_backend!(connection, |one| {
            accounts::table
                .select(AccountRow::as_select())
                .filter(accounts::member.eq_any(ids))
                .load(one)
        })?;
        for row in rows {
            let account = row.into_account()?;
            ledger.accounts.insert(account.key.clone(), account);
        }
    }
    Ok(())
}

/// Reads all lots and open holds of members.
fn read_whole(
    connection: &mut Database,
    ledger: &mut Ledger,
    members: &BTreeSet<MemberId>,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = members.iter().map(|member| member.0).collect();
    for ids in ids.chunks(KEYS_PER_STATEMENT) {
        let mut by_account: BTreeMap<AccountKey, Vec<Lot>> = BTreeMap::new();
        for row in live_lots(connection, ids)? {
            by_account.entry(row.account_key()?).or_default().push(row.into_lot()?);
        }
        for (key, account) in &mut ledger.accounts {
            if members.contains(&key.member) {
                let lots = by_account.remove(key).unwrap_or_default();
                account.lots.add_read(lots, Loaded::All);
            }
        }
    }
    add_open_holds(connection, ledger, members)
}

/// Reads the open holds of those who have points in any that is not in memory.
fn read_holds(connection: &mut Database, ledger: &mut Ledger) -> Result<(), StoreError> {
    let unread =
        ledger.accounts.values().filter(|one| one.held.is_positive() && one.holds.is_none());
    let members: BTreeSet<MemberId> = unread.map(|one| one.key.member).collect();
    add_open_holds(connection, ledger, &members)
}

fn add_open_holds(
    connection: &mut Database,
    ledger: &mut Ledger,
    members: &BTreeSet<MemberId>,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = members.iter().map(|member| member.0).collect();
    for account in ledger.accounts.values_mut() {
        if members.contains(&account.key.member) {
            account.holds.get_or_insert_default();
        }
    }
    for ids in ids.chunks(KEYS_PER_STATEMENT) {
        for row in open_holds(connection, ids)? {
            add_hold(ledger, row.into_hold()?);
        }
    }
    Ok(())
}

/// The open holds of one account.
///
/// # Errors
/// If the database fails.
pub(super) fn holds_of(
    connection: &mut Database,
    key: &AccountKey,
) -> Result<Vec<Hold>, StoreError> {
    let rows: Vec<HoldRow> = each_backend!(connection, |one| {
        holds::table
            .select(HoldRow::as_select())
            .filter(holds::member.eq(key.member.0))
            .filter(holds::programme.eq(key.programme.as_str()))
            .filter(holds::open)
            .load(one)
    })?;
    rows.into_iter().map(HoldRow::into_hold).collect()
}

/// Puts a stored hold beside its account; what is in memory already is newer and stays.
pub(super) fn add_hold(ledger: &mut Ledger, hold: Hold) {
    if ledger.holds.contains_key(&hold.id) {
        return;
    }
    let key = AccountKey { member: hold.member, programme: hold.programme.clone() };
    if let Some(account) = ledger.accounts.get_mut(&key)
        && hold.open
    {
        let open = account.holds.get_or_insert_default();
        if !open.contains(&hold.id) {
            open.push(hold.id);
        }
    }
    ledger.holds.insert(hold.id, hold);
}

/// Reads all lots and open holds of one account that turned out to need them.
///
/// # Errors
/// If the database fails.
pub fn read_account(
    connection: &mut Database,
    ledger: &mut Ledger,
    key: &AccountKey,
) -> Result<(), StoreError> {
    let member = BTreeSet::from([key.member]);
    if !ledger.accounts.contains_key(key) {
        let mut there = Ledger::default();
        read_accounts(connection, &mut there, &member)?;
        let account = there.account(key);
        ledger.accounts.insert(key.clone(), account);
    }
    read_whole(connection, ledger, &member)
}
