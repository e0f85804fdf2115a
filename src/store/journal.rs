//! What a party posted in a span of time, read shard by shard in bounded pieces.
//!
//! Time never goes back in a shard, so where a span begins in its sequence is found by halving.

use diesel::prelude::*;

use super::connection::{Database, each_backend};
use super::members;
use super::rows::read_json;
use super::schema::transactions;
use super::{StoreError, heads};
use crate::domain::ids::{MemberId, PartyId, ShardId, TransactionId};
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;

/// Places of a sequence that are looked at in one statement.
const PLACES: i64 = 5_000;

/// The places of a shard's sequence in which a span of time lies: from, and up to but without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// The shard.
    pub shard: ShardId,
    /// The first place.
    pub from: i64,
    /// The first place after it.
    pub until: i64,
}

/// Where a span of time lies in the sequences of all shards, the clearing house's own among them.
///
/// # Errors
/// If the database fails.
pub fn stretches(
    connection: &mut Database,
    (from, until): (Instant, Instant),
) -> Result<Vec<Stretch>, StoreError> {
    let mut found = Vec::new();
    for head in heads::all(connection)? {
        let end = head.next_seq;
        let from = first_since(connection, head.shard, from, end)?;
        let until = first_since(connection, head.shard, until, end)?;
        found.push(Stretch { shard: head.shard, from, until });
    }
    Ok(found)
}

/// The first place of a shard's sequence that was recorded at an instant or later.
fn first_since(
    connection: &mut Database,
    shard: ShardId,
    instant: Instant,
    end: i64,
) -> Result<i64, StoreError> {
    let (mut low, mut high) = (1, end);
    while low < high {
        let middle = low + (high - low) / 2;
        let at: i64 = transactions::table
            .find((shard.0, middle))
            .select(transactions::recorded_at)
            .first(connection)?;
        if at < instant.0 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Gives each transaction of a stretch that names a party to `take`, in order. Some may name it
/// only in passing.
///
/// # Errors
/// If the database fails, or `take` does.
pub fn naming<E: From<StoreError>>(
    connection: &mut Database,
    stretch: Stretch,
    party: &PartyId,
    mut take: impl FnMut(&mut Database, Transaction) -> Result<(), E>,
) -> Result<(), E> {
    let named = format!("%\"party\":\"{party}\"%");
    let mut from = stretch.from;
    while from < stretch.until {
        let until = (from + PLACES).min(stretch.until);
        let rows: Vec<String> = transactions::table
            .select(transactions::content)
            .filter(transactions::shard.eq(stretch.shard.0))
            .filter(transactions::seq.ge(from))
            .filter(transactions::seq.lt(until))
            .filter(transactions::content.like(&named))
            .order(transactions::seq)
            .load(connection)
            .map_err(StoreError::from)?;
        for content in rows {
            take(connection, read_json(&content, "a transaction")?)?;
        }
        from = until;
    }
    Ok(())
}

/// The refunds of a receipt that its member's transactions have, in the order of recording.
///
/// # Errors
/// If the database fails.
pub fn refunds_of(
    connection: &mut Database,
    receipt: TransactionId,
    member: MemberId,
) -> Result<Vec<Transaction>, StoreError> {
    let all = members::with_merged(connection, member)?;
    let named = format!("%\"detail\":{{\"refund\":{{\"of\":\"{receipt}\"%");
    let rows: Vec<String> = each_backend!(connection, |one| {
        transactions::table
            .select(transactions::content)
            .filter(transactions::member.eq_any(&all))
            .filter(transactions::content.like(&named))
            .order((transactions::recorded_at, transactions::seq))
            .load(one)
    })?;
    rows.iter().map(|content| read_json(content, "a refund")).collect()
}
