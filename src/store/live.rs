//! Reads what holds points: the live lots and the open holds of accounts.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::StoreError;
use super::connection::Database;
use super::prepared::prepared;
use super::rows::{HoldRow, LotRow};
use super::schema::{holds, lots};
use crate::domain::account::AccountKey;
use crate::domain::ledger::Ledger;
use crate::domain::lot::{Loaded, Lot};
use crate::domain::time::{Instant, NEVER};

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
    /// When the first live lot of accounts is past; an account without a live lot has no row.
    FirstPasts(
        members: [i64] => Array<BigInt>,
        programmes: [&'a str] => Array<Text>,
    ) -> (BigInt, Text, BigInt)
        = "SELECT k.member, k.programme, l.expires_at FROM unnest(?::bigint[], ?::text[]) \
           AS k(member, programme) CROSS JOIN LATERAL ( \
           SELECT expires_at FROM lots \
           WHERE lots.member = k.member AND lots.programme = k.programme AND live \
           ORDER BY expires_at, available_at, lot LIMIT 1) l"
}

/// Reads when the first lot is past of accounts of which a receipt may come back.
pub(super) fn read_first_pasts(
    connection: &mut Database,
    ledger: &mut Ledger,
) -> Result<(), StoreError> {
    let mut keys: BTreeSet<AccountKey> = BTreeSet::new();
    for original in ledger.originals.values() {
        let member = ledger.current(original.member);
        let parts = original.parts().iter();
        keys.extend(parts.map(|part| AccountKey { member, programme: part.programme.clone() }));
    }
    keys.retain(|key| ledger.accounts.get(key).is_some_and(|one| !one.lots.are_all_loaded()));
    if keys.is_empty() {
        return Ok(());
    }
    let mut firsts: BTreeMap<(i64, String), i64> = BTreeMap::new();
    match connection {
        Database::Postgres(one) => {
            let members: Vec<i64> = keys.iter().map(|key| key.member.0).collect();
            let programmes: Vec<&str> = keys.iter().map(|key| key.programme.as_str()).collect();
            let rows: Vec<(i64, String, i64)> =
                FirstPasts { members: &members, programmes: &programmes }.load(one)?;
            firsts.extend(rows.into_iter().map(|(member, of, at)| ((member, of), at)));
        }
        Database::Sqlite(one) => {
            for key in &keys {
                let first: Option<i64> = lots::table
                    .select(lots::expires_at)
                    .filter(lots::member.eq(key.member.0))
                    .filter(lots::programme.eq(key.programme.as_str()))
                    .filter(lots::live)
                    .order((lots::expires_at, lots::available_at, lots::lot))
                    .first(one)
                    .optional()?;
                let of = (key.member.0, key.programme.to_string());
                firsts.extend(first.map(|at| (of, at)));
            }
        }
    }
    for key in keys {
        let first = firsts.get(&(key.member.0, key.programme.to_string())).copied();
        if let Some(account) = ledger.accounts.get_mut(&key) {
            account.lots.add_first_past(first.map_or(NEVER, Instant));
        }
    }
    Ok(())
}
