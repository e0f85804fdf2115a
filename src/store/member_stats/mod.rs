//! What follows from members' journals, counted once and kept: see `domain::campaign::tally`.
//!
//! One server counts at a time. Everything here can be thrown away: it grows again from the journal.

mod saving;

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::prelude::*;

use super::connection::{Database, each_backend};
use super::rows::read_json;
use super::schema::{
    member_days, member_products, member_stats, promo_flows, stat_cursors, transactions,
};
use super::{StoreError, heads, members};
use crate::domain::amount::Points;
use crate::domain::campaign::tally::{Flow, Tally};
use crate::domain::ids::{LotId, ProgrammeId, PromoId, ShardId};
use crate::domain::terms::Coalition;
use crate::domain::time::Day;
use crate::domain::transaction::Transaction;

/// Transactions that are counted in one commit.
const AT_ONCE: i64 = 4_000;

/// The row whose lock lets one server count at a time.
const GATE: i64 = -1;

/// Shards and how far each is counted, and how far it goes.
type Behind = Vec<(ShardId, i64, i64)>;

/// Transactions that are not counted yet.
///
/// # Errors
/// If the database fails.
pub fn behind(connection: &mut Database) -> Result<i64, StoreError> {
    Ok(shards_behind(connection)?.iter().map(|(_, counted, last)| last - counted).sum())
}

fn shards_behind(connection: &mut Database) -> Result<Behind, StoreError> {
    let rows: Vec<(i64, i64)> = stat_cursors::table.load(connection)?;
    let counted: HashMap<i64, i64> = rows.into_iter().collect();
    let all = heads::all(connection)?.into_iter().filter(|head| head.shard != ShardId::HOUSE);
    let behind = all.map(|head| {
        let counted = counted.get(&head.shard.0).copied().unwrap_or(0);
        (head.shard, counted, head.next_seq - 1)
    });
    Ok(behind.filter(|(_, counted, last)| counted < last).collect())
}

/// Counts some more transactions, in the open transaction of the database. False: all are counted.
///
/// # Errors
/// If the database fails, or a transaction can't be read.
pub fn count_some(connection: &mut Database, coalition: &Coalition) -> Result<bool, StoreError> {
    lock(connection)?;
    let Some((shard, counted, last)) = shards_behind(connection)?.into_iter().next() else {
        return Ok(false);
    };
    let until = last.min(counted + AT_ONCE);
    let rows: Vec<String> = transactions::table
        .select(transactions::content)
        .filter(transactions::shard.eq(shard.0))
        .filter(transactions::seq.gt(counted))
        .filter(transactions::seq.le(until))
        .order(transactions::seq)
        .load(connection)?;
    let mut all: Vec<Transaction> = Vec::with_capacity(rows.len());
    for content in &rows {
        all.push(read_json(content, "a transaction")?);
    }
    let ids: HashSet<i64> = all.iter().map(|one| one.member.0).collect();
    let ids: Vec<i64> = ids.into_iter().collect();
    let now = members::current(connection, &ids)?;
    let mut tally = Tally::default();
    for one in &all {
        let member = now.get(&one.member).copied().unwrap_or(one.member);
        tally.count(one, member, coalition);
    }
    let promos = promos_of(connection, &tally, &all)?;
    tally.place(|lot| promos.get(&lot).cloned());
    saving::save(connection, &tally)?;
    put_cursor(connection, shard.0, until)?;
    Ok(true)
}

fn lock(connection: &mut Database) -> Result<(), StoreError> {
    let asked = stat_cursors::table.find(GATE).select(stat_cursors::seq);
    let there: Option<i64> = match connection {
        Database::Postgres(one) => asked.for_update().first(one),
        Database::Sqlite(one) => asked.first(one),
    }
    .optional()?;
    if there.is_none() {
        put_cursor(connection, GATE, 0)?;
    }
    Ok(())
}

fn put_cursor(connection: &mut Database, shard: i64, seq: i64) -> Result<(), StoreError> {
    let row = (stat_cursors::shard.eq(shard), stat_cursors::seq.eq(seq));
    each_backend!(connection, |one| {
        diesel::insert_into(stat_cursors::table)
            .values(row)
            .on_conflict(stat_cursors::shard)
            .do_update()
            .set(stat_cursors::seq.eq(seq))
            .execute(one)
    })?;
    Ok(())
}

/// The promotions of the lots that moved: from these transactions, or from those that made them.
fn promos_of(
    connection: &mut Database,
    tally: &Tally,
    all: &[Transaction],
) -> Result<HashMap<LotId, PromoId>, StoreError> {
    let of_lots = |all: &[Transaction]| -> Vec<(LotId, PromoId)> {
        let lots = all.iter().flat_map(|one| &one.lots);
        lots.filter_map(|lot| Some((lot.id, lot.promo.clone()?))).collect()
    };
    let mut found: HashMap<LotId, PromoId> = of_lots(all).into_iter().collect();
    let mut by_shard: BTreeMap<i64, HashSet<i64>> = BTreeMap::new();
    for (lot, _) in tally.moved.keys() {
        if !found.contains_key(lot) {
            let made_by = lot.transaction();
            by_shard.entry(made_by.shard().0).or_default().insert(made_by.number());
        }
    }
    for (shard, places) in by_shard {
        let places: Vec<i64> = places.into_iter().collect();
        for places in places.chunks(5_000) {
            let rows: Vec<String> = each_backend!(connection, |one| {
                transactions::table
                    .select(transactions::content)
                    .filter(transactions::shard.eq(shard))
                    .filter(transactions::seq.eq_any(places))
                    .filter(transactions::content.like("%\"promo\":\"%"))
                    .load(one)
            })?;
            for content in &rows {
                let made: Transaction = read_json(content, "a transaction")?;
                found.extend(of_lots(std::slice::from_ref(&made)));
            }
        }
    }
    Ok(found)
}

/// What became of a promotion's points, as far as the journal is counted.
///
/// # Errors
/// If the database fails.
pub fn flow_of(
    connection: &mut Database,
    promo: &PromoId,
    programme: &ProgrammeId,
) -> Result<Flow, StoreError> {
    let row: Option<(i64, i64, i64, i64, i64, i64)> = promo_flows::table
        .find((promo.as_str(), programme.as_str()))
        .select((
            promo_flows::lots,
            promo_flows::granted,
            promo_flows::spent,
            promo_flows::returned,
            promo_flows::expired,
            promo_flows::taken_back,
        ))
        .first(connection)
        .optional()?;
    Ok(row.map_or(Flow::default(), |(lots, granted, spent, returned, expired, taken_back)| Flow {
        lots,
        granted: Points(granted),
        spent: Points(spent),
        returned: Points(returned),
        expired: Points(expired),
        taken_back: Points(taken_back),
    }))
}

/// Forgets days and products of before these days, at most so many of each. Gives back how many
/// went.
///
/// # Errors
/// If the database fails.
pub fn forget(
    connection: &mut Database,
    (days, products): (Day, Day),
    most: i64,
) -> Result<usize, StoreError> {
    let members: Vec<i64> = member_days::table
        .select(member_days::member)
        .filter(member_days::day.lt(days.number()))
        .limit(most)
        .load(connection)?;
    let mut gone = each_backend!(connection, |one| {
        let rows = member_days::table
            .filter(member_days::member.eq_any(&members))
            .filter(member_days::day.lt(days.number()));
        diesel::delete(rows).execute(one)
    })?;
    let members: Vec<i64> = member_products::table
        .select(member_products::member)
        .filter(member_products::last_day.lt(products.number()))
        .limit(most)
        .load(connection)?;
    gone += each_backend!(connection, |one| {
        let rows = member_products::table
            .filter(member_products::member.eq_any(&members))
            .filter(member_products::last_day.lt(products.number()));
        diesel::delete(rows).execute(one)
    })?;
    Ok(gone)
}

/// Throws away all that was counted; it is counted again from the first transaction on.
///
/// # Errors
/// If the database fails.
pub fn begin_again(connection: &mut Database) -> Result<(), StoreError> {
    lock(connection)?;
    diesel::delete(member_stats::table).execute(connection)?;
    diesel::delete(member_days::table).execute(connection)?;
    diesel::delete(member_products::table).execute(connection)?;
    diesel::delete(promo_flows::table).execute(connection)?;
    diesel::delete(stat_cursors::table.filter(stat_cursors::shard.ne(GATE))).execute(connection)?;
    Ok(())
}
