//! Seals: where a cycle ends in each shard.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::heads::read_frontier;
use super::schema::seals;
use crate::domain::ids::ShardId;
use crate::domain::log::tree::Frontier;
use crate::domain::settlement::CycleId;
use crate::domain::time::Day;

/// Where a cycle ends in a shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The shard.
    pub shard: ShardId,
    /// The cycle.
    pub cycle: CycleId,
    /// How many transactions of the shard belong to it or to earlier ones.
    pub size: i64,
    /// The frontier of the log there.
    pub frontier: Frontier,
}

/// Adds seals; those that are there stay as they are.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, all: &[Seal]) -> Result<(), StoreError> {
    let rows: Vec<_> = all
        .iter()
        .map(|seal| {
            (
                seals::shard.eq(seal.shard.0),
                seals::schedule.eq(seal.cycle.schedule.as_str()),
                seals::cycle.eq(seal.cycle.first.number()),
                seals::size.eq(seal.size),
                seals::frontier.eq(seal.frontier.to_bytes()),
            )
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    each_backend!(connection, |one| {
        diesel::insert_into(seals::table).values(&rows).on_conflict_do_nothing().execute(one)
    })?;
    Ok(())
}

/// The latest seal of a shard for a cycle or an earlier one of its schedule.
///
/// # Errors
/// If the database fails.
pub fn latest(
    connection: &mut Database,
    shard: ShardId,
    cycle: &CycleId,
) -> Result<Option<Seal>, StoreError> {
    let row: Option<(i64, i64, Vec<u8>)> = seals::table
        .select((seals::cycle, seals::size, seals::frontier))
        .filter(seals::shard.eq(shard.0))
        .filter(seals::schedule.eq(cycle.schedule.as_str()))
        .filter(seals::cycle.le(cycle.first.number()))
        .order(seals::cycle.desc())
        .first(connection)
        .optional()?;
    row.map(|(first, size, frontier)| {
        let cycle = CycleId { schedule: cycle.schedule.clone(), first: Day::from_number(first) };
        let frontier = read_frontier(&frontier).map_err(|_| {
            StoreError::Damaged(format!("the seal of {cycle} on shard {}", shard.0))
        })?;
        Ok(Seal { shard, cycle, size, frontier })
    })
    .transpose()
}

/// Where the earlier cycles of a schedule end in the shards: the shard, the cycle's first day, and
/// how many transactions belong to it or to earlier ones.
///
/// # Errors
/// If the database fails.
pub fn all_before(
    connection: &mut Database,
    cycle: &CycleId,
) -> Result<Vec<(ShardId, Day, i64)>, StoreError> {
    let rows: Vec<(i64, i64, i64)> = seals::table
        .select((seals::shard, seals::cycle, seals::size))
        .filter(seals::schedule.eq(cycle.schedule.as_str()))
        .filter(seals::cycle.lt(cycle.first.number()))
        .load(connection)?;
    let seal = |(shard, first, size)| (ShardId(shard), Day::from_number(first), size);
    Ok(rows.into_iter().map(seal).collect())
}
