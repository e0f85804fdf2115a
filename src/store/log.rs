//! The nodes of a shard's Merkle log: those that are stored, and leaves from what was recorded.

use diesel::prelude::*;

use super::connection::Database;
use super::heads::{self, Head};
use super::rows::read_json;
use super::save::{chain, save_heads};
use super::schema::{log_nodes, transactions};
use super::{StoreError, audit, dialect};
use crate::domain::entry::leaf_of;
use crate::domain::ids::ShardId;
use crate::domain::log::Hash;
use crate::domain::log::tree::{Frontier, Node, Nodes};
use crate::domain::terms::Coalition;
use crate::domain::transaction::Transaction;

/// Leaves of a block.
const BLOCK: i64 = 256;

/// The log of one shard.
pub struct ShardLog<'a> {
    /// The database.
    pub database: &'a mut Database,
    /// The shard.
    pub shard: ShardId,
    /// What counts; units and currency never change.
    pub coalition: &'a Coalition,
}

impl Nodes for ShardLog<'_> {
    type Error = StoreError;

    /// Leaves come from the transactions themselves, so a proof over one that was changed fails.
    fn leaves(&mut self, block: i64, count: usize) -> Result<Vec<Hash>, StoreError> {
        let first = block * BLOCK;
        let mut before = match first {
            0 => [0; 32],
            _ => audit::hash_at(self.database, self.shard.0, first)?
                .ok_or_else(|| StoreError::Damaged(format!("the log of shard {}", self.shard.0)))?,
        };
        let rows: Vec<String> = transactions::table
            .select(transactions::content)
            .filter(transactions::shard.eq(self.shard.0))
            .filter(transactions::seq.gt(first))
            .order(transactions::seq)
            .limit(i64::try_from(count).unwrap_or(BLOCK))
            .load(self.database)?;
        let leaf = |content: String| {
            let transaction: Transaction = read_json(&content, "a transaction")?;
            let hash = chain(&before, &content);
            let leaf = leaf_of(&transaction, (&before, &hash), self.coalition);
            before = hash;
            Ok(leaf)
        };
        rows.into_iter().map(leaf).collect()
    }

    fn blocks(&mut self, level: u8, first: i64, count: usize) -> Result<Vec<Hash>, StoreError> {
        let count = i64::try_from(count).unwrap_or(BLOCK);
        let rows: Vec<Vec<u8>> = log_nodes::table
            .select(log_nodes::hash)
            .filter(log_nodes::shard.eq(self.shard.0))
            .filter(log_nodes::level.eq(i64::from(level)))
            .filter(log_nodes::place.ge(first))
            .filter(log_nodes::place.lt(first + count))
            .order(log_nodes::place)
            .load(self.database)?;
        let hash = |bytes: Vec<u8>| {
            Hash::try_from(bytes).map_err(|_| StoreError::Damaged("a node of the log".into()))
        };
        rows.into_iter().map(hash).collect()
    }
}

/// The stored hash of a complete subtree; none: it is not there.
///
/// # Errors
/// If the database fails.
pub fn node(
    connection: &mut Database,
    shard: ShardId,
    node: &Node,
) -> Result<Option<Hash>, StoreError> {
    let stored: Option<Vec<u8>> = log_nodes::table
        .find((shard.0, i64::from(node.level), node.index))
        .select(log_nodes::hash)
        .first(connection)
        .optional()?;
    Ok(stored.and_then(|hash| Hash::try_from(hash).ok()))
}

/// Grows the logs of a ledger that was kept before there were any. A log that is there already is
/// left alone.
///
/// # Errors
/// If the database fails, or a transaction can't be read.
pub fn grow_missing(connection: &mut Database, coalition: &Coalition) -> Result<(), StoreError> {
    for head in heads::all(connection)? {
        if head.frontier.size() == head.next_seq - 1 {
            continue;
        }
        dialect::begin(connection)?;
        let mut locked = heads::lock(connection, &[head.shard.0])?;
        for head in &mut locked {
            grow(connection, head, coalition)?;
        }
        save_heads(connection, &locked)?;
        dialect::commit(connection)?;
    }
    Ok(())
}

fn grow(
    connection: &mut Database,
    head: &mut Head,
    coalition: &Coalition,
) -> Result<(), StoreError> {
    let shard = head.shard.0;
    head.frontier = Frontier::new();
    let mut before: Hash = [0; 32];
    loop {
        let page = audit::journal(connection, shard, head.frontier.size())?;
        if page.is_empty() {
            return Ok(());
        }
        for (_, _, _, content, _) in page {
            let transaction: Transaction = read_json(&content, "a transaction")?;
            let hash = chain(&before, &content);
            let leaf = leaf_of(&transaction, (&before, &hash), coalition);
            let nodes = head.frontier.append(leaf);
            add_nodes(connection, shard, &nodes)?;
            before = hash;
        }
    }
}

fn add_nodes(connection: &mut Database, shard: i64, nodes: &[Node]) -> Result<(), StoreError> {
    for node in nodes {
        diesel::insert_into(log_nodes::table)
            .values((
                log_nodes::shard.eq(shard),
                log_nodes::level.eq(i64::from(node.level)),
                log_nodes::place.eq(node.index),
                log_nodes::hash.eq(node.hash.to_vec()),
            ))
            .execute(connection)?;
    }
    Ok(())
}
