//! Reads the earlier transactions that commands name, and what hangs on them.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::live::add_lots;
use super::load::{KEYS_PER_STATEMENT, add_hold, by_hash};
use super::names::NameHash;
use super::rows::{HoldRow, read_json};
use super::schema::{holds, receipts, transactions};
use crate::domain::account::AccountKey;
use crate::domain::ids::TransactionId;
use crate::domain::ledger::{Ledger, ReferenceKey};
use crate::domain::transaction::Transaction;

/// Reads earlier transactions that commands name.
pub fn read(
    connection: &mut Database,
    ledger: &mut Ledger,
    keys: &[ReferenceKey],
) -> Result<(), StoreError> {
    let named = by_hash(keys);
    let hashes: Vec<&[u8]> = named.keys().map(NameHash::as_slice).collect();
    for hashes in hashes.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<(Option<Vec<u8>>, String)> = each_backend!(connection, |one| {
            transactions::table
                .select((transactions::reference_hash, transactions::content))
                .filter(transactions::reference_hash.eq_any(hashes))
                .load(one)
        })?;
        for (hash, content) in rows {
            let transaction: Transaction = read_json(&content, "a transaction")?;
            let hash = hash.and_then(|hash| NameHash::try_from(hash).ok());
            if let Some(key) = hash.and_then(|hash| named.get(&hash)) {
                ledger.references.insert((*key).clone(), transaction.id);
                ledger.originals.insert(transaction.id, Arc::new(transaction));
            }
        }
    }
    Ok(())
}

/// Reads earlier transactions by their ids.
pub fn read_by_id(
    connection: &mut Database,
    ledger: &mut Ledger,
    ids: &[TransactionId],
) -> Result<(), StoreError> {
    for id in ids {
        let content: Option<String> = transactions::table
            .find((id.shard().0, id.number()))
            .select(transactions::content)
            .first(connection)
            .optional()?;
        if let Some(content) = content {
            let transaction: Transaction = read_json(&content, "a transaction")?;
            ledger.originals.insert(transaction.id, Arc::new(transaction));
        }
    }
    Ok(())
}

/// Reads what the originals at hand name: their lots (spent ones too), holds and states.
pub fn read_state(connection: &mut Database, ledger: &mut Ledger) -> Result<(), StoreError> {
    let mut owners: HashMap<i64, AccountKey> = HashMap::new();
    for original in ledger.originals.values() {
        let member = ledger.current(original.member);
        for part in original.parts() {
            let key = AccountKey { member, programme: part.programme.clone() };
            owners.extend(part.lots().map(|lot| (lot.0, key.clone())));
        }
    }
    add_lots(connection, ledger, &owners)?;
    let origins: Vec<i64> = ledger.originals.keys().map(|id| id.0).collect();
    for ids in origins.chunks(KEYS_PER_STATEMENT) {
        let states: Vec<(i64, String)> = each_backend!(connection, |one| {
            receipts::table
                .select((receipts::origin, receipts::state))
                .filter(receipts::origin.eq_any(ids))
                .load(one)
        })?;
        for (origin, state) in states {
            ledger.receipts.insert(TransactionId(origin), read_json(&state, "a receipt's state")?);
        }
        let rows: Vec<HoldRow> = each_backend!(connection, |one| {
            holds::table.select(HoldRow::as_select()).filter(holds::hold.eq_any(ids)).load(one)
        })?;
        for row in rows {
            add_hold(ledger, row.into_hold()?);
        }
    }
    Ok(())
}
