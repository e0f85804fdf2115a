//! The heads of the shards: the one row that every batch locks first.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary};

use super::StoreError;
use super::connection::{Database, each_backend};
use super::prepared::prepared;
use super::schema::shard_heads;
use crate::domain::ids::ShardId;
use crate::domain::log::tree::{Frontier, FrontierError};
use crate::domain::time::Instant;

/// A hash of the chain.
pub type ChainHash = [u8; 32];

/// The state of one shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which shard.
    pub shard: ShardId,
    /// The number that the next transaction gets.
    pub next_seq: i64,
    /// The number that the next member gets.
    pub next_member: i64,
    /// The lowest bit: whether a member of this shard was merged into another, or another into it.
    /// The rest: how often names of its members came to lead elsewhere, by an erasure or the end of
    /// a merge.
    pub merges: i64,
    /// When the last transaction was recorded; time does not go back from there.
    pub last_recorded_at: Instant,
    /// The number of the latest change of the configuration.
    pub configuration: i64,
    /// The end of the hash chain.
    pub hash: ChainHash,
    /// The frontier of the Merkle log.
    pub frontier: Frontier,
}

impl Head {
    /// Whether members of this shard were merged.
    pub const fn has_merges(&self) -> bool {
        self.merges & 1 == 1
    }

    /// Writes down that members of this shard were merged.
    pub const fn set_merged(&mut self) {
        self.merges |= 1;
    }

    /// How often names of its members came to lead elsewhere.
    pub const fn names_moved(&self) -> i64 {
        self.merges >> 1
    }

    /// Counts that names of its members lead elsewhere from now on.
    pub const fn count_names_moved(&mut self) {
        self.merges += 2;
    }
}

prepared! {
    /// Locks the heads of shards in their order, which all writers keep: no deadlocks.
    LockHeads(shards: [i64] => Array<BigInt>)
        -> (BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, Binary, Binary)
        = "SELECT shard, next_seq, next_member, merges, last_recorded_at, configuration, hash, \
           frontier FROM shard_heads WHERE shard = ANY(?) ORDER BY shard FOR UPDATE"
}

type HeadRow = (i64, i64, i64, i64, i64, i64, Vec<u8>, Vec<u8>);

/// Locks the heads of shards until the transaction ends.
///
/// # Errors
/// If one is missing, or the database fails.
pub fn lock(connection: &mut Database, shards: &[i64]) -> Result<Vec<Head>, StoreError> {
    let rows: Vec<HeadRow> = match connection {
        Database::Postgres(one) => LockHeads { shards }.load(one)?,
        Database::Sqlite(one) => shard_heads::table
            .select((
                shard_heads::shard,
                shard_heads::next_seq,
                shard_heads::next_member,
                shard_heads::merges,
                shard_heads::last_recorded_at,
                shard_heads::configuration,
                shard_heads::hash,
                shard_heads::frontier,
            ))
            .filter(shard_heads::shard.eq_any(shards))
            .order(shard_heads::shard)
            .load(one)?,
    };
    if rows.len() != shards.len() {
        return Err(StoreError::SetUp("a shard is missing; run `coalition migrate`".into()));
    }
    rows.into_iter().map(head_of).collect()
}

fn head_of(row: HeadRow) -> Result<Head, StoreError> {
    let (shard, next_seq, next_member, merges, last_recorded_at, configuration, hash, frontier) =
        row;
    let damaged = || StoreError::Damaged(format!("the head of shard {shard}"));
    let hash = ChainHash::try_from(hash).map_err(|_| damaged())?;
    let frontier = read_frontier(&frontier).map_err(|_| damaged())?;
    Ok(Head {
        shard: ShardId(shard),
        next_seq,
        next_member,
        merges,
        last_recorded_at: Instant(last_recorded_at),
        configuration,
        hash,
        frontier,
    })
}

/// Reads a stored frontier; no bytes are the frontier of an empty log.
///
/// # Errors
/// If the row was changed.
pub fn read_frontier(bytes: &[u8]) -> Result<Frontier, FrontierError> {
    if bytes.is_empty() { Ok(Frontier::new()) } else { Frontier::from_bytes(bytes) }
}

/// All heads, without a lock.
///
/// # Errors
/// If the database fails.
pub fn all(connection: &mut Database) -> Result<Vec<Head>, StoreError> {
    let rows: Vec<HeadRow> = shard_heads::table.order(shard_heads::shard).load(connection)?;
    rows.into_iter().map(head_of).collect()
}

/// Adds the shards that are missing: at set-up all of them, and the journal of the house.
///
/// # Errors
/// If the database was set up with another number of shards.
pub fn create(connection: &mut Database, count: i64) -> Result<(), StoreError> {
    let of_members = shard_heads::table.filter(shard_heads::shard.ne(ShardId::HOUSE.0));
    let there: i64 = of_members.count().get_result(connection)?;
    if there != 0 && there != count {
        let text = format!("the ledger was set up with {there} shards, which can't become {count}");
        return Err(StoreError::SetUp(text));
    }
    // The house of a ledger that was set up before it had one knows what the others know.
    let latest = all(connection)?.iter().map(|head| head.configuration).max().unwrap_or(0);
    let rows: Vec<_> = (0..count)
        .chain([ShardId::HOUSE.0])
        .map(|shard| {
            (
                shard_heads::shard.eq(shard),
                shard_heads::next_seq.eq(1_i64),
                shard_heads::next_member.eq(1_i64),
                shard_heads::merges.eq(0_i64),
                shard_heads::last_recorded_at.eq(0_i64),
                shard_heads::configuration.eq(latest),
                shard_heads::hash.eq(vec![0_u8; 32]),
                shard_heads::frontier.eq(Vec::<u8>::new()),
            )
        })
        .collect();
    each_backend!(connection, |one| {
        diesel::insert_into(shard_heads::table).values(&rows).on_conflict_do_nothing().execute(one)
    })?;
    Ok(())
}
