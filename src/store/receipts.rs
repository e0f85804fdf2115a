//! What is kept of receipts that were refunded or delivered, as the audit reads it.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::load::KEYS_PER_STATEMENT;
use super::rows::read_json;
use super::schema::{receipts, transactions};
use crate::domain::ids::{ShardId, TransactionId};
use crate::domain::receipt::ReceiptState;
use crate::domain::transaction::Transaction;

/// Rows of a page.
const PAGE: i64 = 2_000;

/// What is kept of a receipt, as its row has it.
#[derive(Clone, Debug)]
pub struct StoredState {
    /// The receipt.
    pub origin: TransactionId,
    /// The shard that made it.
    pub shard: ShardId,
    /// What is kept.
    pub state: ReceiptState,
}

fn read(origin: i64, state: &str) -> Result<ReceiptState, StoreError> {
    read_json(state, &format!("the state of receipt {}", TransactionId(origin)))
}

/// The next page of states, after a receipt.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn page(connection: &mut Database, after: i64) -> Result<Vec<StoredState>, StoreError> {
    let rows: Vec<(i64, i64, String)> = receipts::table
        .select((receipts::origin, receipts::shard, receipts::state))
        .filter(receipts::origin.gt(after))
        .order(receipts::origin)
        .limit(PAGE)
        .load(connection)?;
    let row = |(origin, shard, state): (i64, i64, String)| {
        let state = read(origin, &state)?;
        Ok(StoredState { origin: TransactionId(origin), shard: ShardId(shard), state })
    };
    rows.into_iter().map(row).collect()
}

/// The states of receipts; those that nothing is kept of are left out.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn states_of(
    connection: &mut Database,
    origins: &[TransactionId],
) -> Result<HashMap<TransactionId, ReceiptState>, StoreError> {
    let ids: Vec<i64> = origins.iter().map(|id| id.0).collect();
    let mut all = HashMap::new();
    for ids in ids.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<(i64, String)> = each_backend!(connection, |one| {
            receipts::table
                .select((receipts::origin, receipts::state))
                .filter(receipts::origin.eq_any(ids))
                .load(one)
        })?;
        for (origin, state) in rows {
            all.insert(TransactionId(origin), read(origin, &state)?);
        }
    }
    Ok(all)
}

/// The transactions that made receipts; those that are not there are left out.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn originals_of(
    connection: &mut Database,
    origins: &[TransactionId],
) -> Result<HashMap<TransactionId, Transaction>, StoreError> {
    let mut by_shard: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for id in origins {
        by_shard.entry(id.shard().0).or_default().push(id.number());
    }
    let mut all = HashMap::new();
    for (shard, numbers) in by_shard {
        for numbers in numbers.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<(i64, String)> = each_backend!(connection, |one| {
                transactions::table
                    .select((transactions::seq, transactions::content))
                    .filter(transactions::shard.eq(shard))
                    .filter(transactions::seq.eq_any(numbers))
                    .load(one)
            })?;
            for (number, content) in rows {
                let id = TransactionId::new(ShardId(shard), number);
                all.insert(id, read_json(&content, &id.to_string())?);
            }
        }
    }
    Ok(all)
}
