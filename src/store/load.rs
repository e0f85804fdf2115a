//! Reads the working set of a batch: all that its commands may touch, in a few sets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::connection::{Database, each_backend};
use super::names::{NameHash, reference_hash};
use super::prepared::prepared;
use super::rows::{AccountRow, HoldRow, LotRow};
use super::schema::{accounts, holds, lots, members, transactions};
use super::{StoreError, exposures, originals, packs};
use crate::domain::account::AccountKey;
use crate::domain::hold::Hold;
use crate::domain::ids::{MemberId, PartyId, ShardId, TransactionId};
use crate::domain::ledger::{Ledger, ReferenceKey};
use crate::domain::lot::{Loaded, Lot};
use crate::domain::settlement::CycleId;
use crate::domain::time::Instant;

/// How many lots of an account a burn reads at first.
const LOTS_READ_FIRST: usize = 32;

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
    /// Accounts of which points are taken in burning order.
    pub burning: BTreeSet<AccountKey>,
    /// Parties whose exposure counts, each with the cycle of its cap.
    pub limited: BTreeMap<PartyId, CycleId>,
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
    let owners: Vec<MemberId> = ledger.originals.values().map(|one| one.member).collect();
    members.extend(&owners);
    whole.extend(&owners);
    if wanted.may_be_merged {
        read_merged(connection, &mut ledger, &mut members)?;
        whole = whole.iter().map(|&member| ledger.current(member)).collect();
        members = members.iter().map(|&member| ledger.current(member)).collect();
    }
    read_accounts(connection, &mut ledger, &members)?;
    read_whole(connection, &mut ledger, &whole)?;
    let burning = wanted.burning.iter().filter(|key| {
        ledger.accounts.get(*key).is_some_and(|account| !account.lots.are_all_loaded())
    });
    let burning: Vec<AccountKey> = burning.cloned().collect();
    read_first_lots(connection, &mut ledger, &burning, now)?;
    originals::read_state(connection, &mut ledger)?;
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

prepared! {
    /// The live lots of members: for each member by the index, however few lots there are.
    LiveLots(members: [i64] => Array<BigInt>) -> (
        BigInt, BigInt, BigInt, Text, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, Text, Bool,
        BigInt, Nullable<Text>,
    )
        = "SELECT l.* FROM unnest(?::bigint[]) AS k(member) CROSS JOIN LATERAL ( \
           SELECT lot, shard, member, programme, granted, remaining, held, expired, \
           available_at, expires_at, price, live, cost, funding FROM lots \
           WHERE lots.member = k.member AND live OFFSET 0) l"
}

prepared! {
    /// The open holds of members, by the index likewise.
    OpenHolds(members: [i64] => Array<BigInt>) -> (
        BigInt, BigInt, Text, BigInt, Text, BigInt, Text, Bool, Nullable<Text>,
    )
        = "SELECT h.* FROM unnest(?::bigint[]) AS k(member) CROSS JOIN LATERAL ( \
           SELECT hold, shard, party, member, programme, valid_until, allocations, open, owes \
           FROM holds WHERE holds.member = k.member AND open OFFSET 0) h"
}

/// The live lots and the open holds of members.
fn live_rows(
    connection: &mut Database,
    members: &[i64],
) -> Result<(Vec<LotRow>, Vec<HoldRow>), StoreError> {
    match connection {
        Database::Postgres(one) => {
            Ok((LiveLots { members }.load(one)?, OpenHolds { members }.load(one)?))
        }
        Database::Sqlite(one) => {
            let lots = lots::table.select(LotRow::as_select()).filter(lots::live);
            let holds = holds::table.select(HoldRow::as_select()).filter(holds::open);
            Ok((
                lots.filter(lots::member.eq_any(members)).load(one)?,
                holds.filter(holds::member.eq_any(members)).load(one)?,
            ))
        }
    }
}

/// Reads all lots and open holds of members.
fn read_whole(
    connection: &mut Database,
    ledger: &mut Ledger,
    members: &BTreeSet<MemberId>,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = members.iter().map(|member| member.0).collect();
    for ids in ids.chunks(KEYS_PER_STATEMENT) {
        let (lot_rows, hold_rows) = live_rows(connection, ids)?;
        let mut by_account: BTreeMap<AccountKey, Vec<Lot>> = BTreeMap::new();
        for row in lot_rows {
            by_account.entry(row.account_key()?).or_default().push(row.into_lot()?);
        }
        for (key, account) in &mut ledger.accounts {
            if members.contains(&key.member) {
                let lots = by_account.remove(key).unwrap_or_default();
                account.lots.add_read(lots, Loaded::All);
                account.holds.get_or_insert_default();
            }
        }
        for row in hold_rows {
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

prepared! {
    /// The first live lots of accounts, in burning order.
    FirstLots(
        members: [i64] => Array<BigInt>,
        programmes: [&'a str] => Array<Text>,
        now: i64 => BigInt,
    ) -> (
        BigInt, BigInt, BigInt, Text, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, Text, Bool,
        BigInt, Nullable<Text>,
    )
        = "SELECT l.* FROM unnest(?::bigint[], ?::text[]) AS k(member, programme) CROSS JOIN LATERAL ( \
           SELECT lot, shard, member, programme, granted, remaining, held, expired, \
           available_at, expires_at, price, live, cost, funding FROM lots \
           WHERE lots.member = k.member AND lots.programme = k.programme AND live \
           AND expires_at > ? ORDER BY expires_at, available_at, lot LIMIT 32) l"
}

fn read_first_lots(
    connection: &mut Database,
    ledger: &mut Ledger,
    keys: &[AccountKey],
    now: Instant,
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let rows: Vec<LotRow> = match connection {
        Database::Postgres(one) => {
            let members: Vec<i64> = keys.iter().map(|key| key.member.0).collect();
            let programmes: Vec<&str> = keys.iter().map(|key| key.programme.as_str()).collect();
            FirstLots { members: &members, programmes: &programmes, now: &now.0 }.load(one)?
        }
        Database::Sqlite(one) => {
            let mut rows = Vec::new();
            for key in keys {
                let first: Vec<LotRow> = lots::table
                    .select(LotRow::as_select())
                    .filter(lots::member.eq(key.member.0))
                    .filter(lots::programme.eq(key.programme.as_str()))
                    .filter(lots::live)
                    .filter(lots::expires_at.gt(now.0))
                    .order((lots::expires_at, lots::available_at, lots::lot))
                    .limit(32)
                    .load(one)?;
                rows.extend(first);
            }
            rows
        }
    };
    let mut by_account: BTreeMap<AccountKey, Vec<Lot>> = BTreeMap::new();
    for row in rows {
        by_account.entry(row.account_key()?).or_default().push(row.into_lot()?);
    }
    for key in keys {
        let read = by_account.remove(key).unwrap_or_default();
        let end = read.iter().map(Lot::burning_order).max();
        let loaded = match end {
            Some(end) if read.len() == LOTS_READ_FIRST => Loaded::UpTo(end),
            _ => Loaded::Current,
        };
        if let Some(account) = ledger.accounts.get_mut(key) {
            account.lots.add_read(read, loaded);
        }
    }
    Ok(())
}
