//! Reads what holds points: the live lots and the open holds of accounts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::StoreError;
use super::connection::{Database, each_backend};
use super::load::KEYS_PER_STATEMENT;
use super::prepared::prepared;
use super::rows::{HoldRow, LotRow};
use super::schema::{holds, lots};
use crate::domain::account::AccountKey;
use crate::domain::hold::Hold;
use crate::domain::ledger::Ledger;
use crate::domain::lot::{Loaded, Lot};
use crate::domain::time::Instant;

/// How many lots of an account a burn reads at first.
const LOTS_READ_FIRST: usize = 32;

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

/// The live lots of members.
pub(super) fn live_lots(
    connection: &mut Database,
    members: &[i64],
) -> Result<Vec<LotRow>, StoreError> {
    Ok(match connection {
        Database::Postgres(one) => LiveLots { members }.load(one)?,
        Database::Sqlite(one) => lots::table
            .select(LotRow::as_select())
            .filter(lots::live)
            .filter(lots::member.eq_any(members))
            .load(one)?,
    })
}

/// The open holds of members.
pub(super) fn open_holds(
    connection: &mut Database,
    members: &[i64],
) -> Result<Vec<HoldRow>, StoreError> {
    Ok(match connection {
        Database::Postgres(one) => OpenHolds { members }.load(one)?,
        Database::Sqlite(one) => holds::table
            .select(HoldRow::as_select())
            .filter(holds::open)
            .filter(holds::member.eq_any(members))
            .load(one)?,
    })
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

pub(super) fn read_first_lots(
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

prepared! {
    /// The live lots of accounts that are past.
    PastLots(
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
           AND expires_at <= ? OFFSET 0) l"
}

/// Reads what the clock did something to, and what open holds that end now reserve: of accounts
/// of which a receipt may come back, that are looked at for what is due, or whose holds are due or
/// named. The rest of their lots, which grow in number, are not touched.
pub(super) fn read_due(
    connection: &mut Database,
    ledger: &mut Ledger,
    keys: BTreeSet<AccountKey>,
    now: Instant,
) -> Result<(), StoreError> {
    let mut keys = keys;
    for original in ledger.originals.values() {
        let member = ledger.current(original.member);
        let parts = original.parts().iter();
        keys.extend(parts.map(|part| AccountKey { member, programme: part.programme.clone() }));
    }
    let is_named = |hold: &Hold| ledger.originals.contains_key(&hold.id);
    let ending = ledger.holds.values().filter(|hold| hold.is_due(now) || is_named(hold));
    let mut reserved = HashMap::new();
    for hold in ending.filter(|hold| hold.open) {
        let key = AccountKey { member: hold.member, programme: hold.programme.clone() };
        reserved.extend(hold.allocations.iter().map(|one| (one.lot.0, key.clone())));
        keys.insert(key);
    }
    let is_whole = |key: &AccountKey| {
        ledger.accounts.get(key).is_none_or(|account| account.lots.are_all_loaded())
    };
    keys.retain(|key| !is_whole(key));
    reserved.retain(|_, key| !is_whole(key));
    add_lots(connection, ledger, &reserved)?;
    let mut past: BTreeMap<AccountKey, Vec<Lot>> = BTreeMap::new();
    for row in past_lots(connection, &keys, now)? {
        past.entry(row.account_key()?).or_default().push(row.into_lot()?);
    }
    for key in keys {
        let lots = past.remove(&key).unwrap_or_default();
        if let Some(account) = ledger.accounts.get_mut(&key) {
            account.lots.add_past(lots, now);
        }
    }
    Ok(())
}

fn past_lots(
    connection: &mut Database,
    keys: &BTreeSet<AccountKey>,
    now: Instant,
) -> Result<Vec<LotRow>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(match connection {
        Database::Postgres(one) => {
            let members: Vec<i64> = keys.iter().map(|key| key.member.0).collect();
            let programmes: Vec<&str> = keys.iter().map(|key| key.programme.as_str()).collect();
            PastLots { members: &members, programmes: &programmes, now: &now.0 }.load(one)?
        }
        Database::Sqlite(one) => {
            let mut rows = Vec::new();
            for key in keys {
                let past: Vec<LotRow> = lots::table
                    .select(LotRow::as_select())
                    .filter(lots::member.eq(key.member.0))
                    .filter(lots::programme.eq(key.programme.as_str()))
                    .filter(lots::live)
                    .filter(lots::expires_at.le(now.0))
                    .load(one)?;
                rows.extend(past);
            }
            rows
        }
    })
}

/// Reads lots by id, each for the account that holds or held it.
pub(super) fn add_lots(
    connection: &mut Database,
    ledger: &mut Ledger,
    owners: &HashMap<i64, AccountKey>,
) -> Result<(), StoreError> {
    let ids: Vec<i64> = owners.keys().copied().collect();
    for ids in ids.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<LotRow> = each_backend!(connection, |one| {
            lots::table.select(LotRow::as_select()).filter(lots::lot.eq_any(ids)).load(one)
        })?;
        for row in rows {
            let key = owners.get(&row.lot);
            if let Some(account) = key.and_then(|key| ledger.accounts.get_mut(key)) {
                account.lots.add_single([row.into_lot()?]);
            }
        }
    }
    Ok(())
}
