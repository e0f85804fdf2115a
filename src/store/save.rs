//! Saves what a batch changed, in a few sets.

use diesel::prelude::*;
use diesel::upsert::excluded;
use sha2::{Digest, Sha256};

use super::answers::{self, AnswerRow};
use super::connection::{Database, each_backend};
use super::heads::{ChainHash, Head};
use super::names::{NameHash, reference_hash};
use super::rows::{AccountRow, HoldRow, LotRow, write_json};
use super::schema::{
    accounts, holds, log_nodes, lots, positions, receipts, shard_heads, transactions,
};
use super::seals::{self, Seal};
use super::{StoreError, exposures, packs, save_members, save_postgres};
use crate::domain::entry::leaf_of;
use crate::domain::ledger::{Ledger, ReferenceKey};
use crate::domain::terms::Coalition;
use crate::domain::transaction::Transaction;

/// Rows a statement; SQLite takes at most 32,766 binds.
pub(super) const ROWS_PER_STATEMENT: usize = 1_000;

/// A transaction's row.
#[derive(Debug, Insertable)]
#[diesel(table_name = transactions, treat_none_as_default_value = false)]
pub struct TransactionRow {
    /// The shard.
    pub shard: i64,
    /// The place in its sequence.
    pub seq: i64,
    /// Whose points it moved.
    pub member: i64,
    /// When it was recorded.
    pub recorded_at: i64,
    /// The settlement day.
    pub settlement_day: i64,
    /// The hash of the party's reference.
    pub reference_hash: Option<Vec<u8>>,
    /// The stored bytes.
    pub content: String,
    /// The hash of the chain up to here.
    pub hash: Vec<u8>,
}

/// A position's row, as an addition.
#[derive(Debug, Insertable)]
#[diesel(table_name = positions, treat_none_as_default_value = false)]
pub struct PositionRow {
    /// The shard that keeps it.
    pub shard: i64,
    /// The schedule.
    pub schedule: String,
    /// The cycle's first day.
    pub cycle: i64,
    /// The first day of the cycle that it belongs to by its date.
    pub late_for: i64,
    /// Who owes.
    pub debtor: String,
    /// Who is owed.
    pub creditor: String,
    /// On whose account.
    pub programme: String,
    /// Under whose agreement.
    pub agreement: String,
    /// For which promotion.
    pub promo: String,
    /// For what.
    pub kind: &'static str,
    /// ISO 4217 code.
    pub currency: String,
    /// How many postings.
    pub postings: i64,
    /// For how many points.
    pub points: i64,
    /// How much.
    pub amount: i64,
}

/// The rows that a batch leaves.
#[derive(Debug, Default)]
pub struct Rows {
    /// Answers.
    pub answers: Vec<AnswerRow>,
    /// Transactions.
    pub transactions: Vec<TransactionRow>,
    /// Accounts.
    pub accounts: Vec<AccountRow>,
    /// Lots.
    pub lots: Vec<LotRow>,
    /// Positions, as additions.
    pub positions: Vec<PositionRow>,
    /// Complete subtrees of the log.
    pub log_nodes: Vec<LogNodeRow>,
    /// Where cycles end that this batch is past.
    pub seals: Vec<Seal>,
}

/// The hash of the chain after one more transaction: SHA-256 over the hash before and the stored
/// bytes.
pub fn chain(before: &ChainHash, content: &str) -> ChainHash {
    let mut state = Sha256::new();
    state.update(before);
    state.update(content.as_bytes());
    state.finalize().into()
}

/// A complete subtree of the log that a transaction finished.
#[derive(Debug, Insertable)]
#[diesel(table_name = log_nodes, treat_none_as_default_value = false)]
pub struct LogNodeRow {
    shard: i64,
    level: i64,
    place: i64,
    hash: Vec<u8>,
}

/// By what a transaction's reference is found; none: it has no reference.
pub fn reference_hash_of(transaction: &Transaction) -> Option<NameHash> {
    let reference = transaction.reference.clone()?;
    let (party, kind) = (transaction.party.clone(), transaction.kind);
    Some(reference_hash(&ReferenceKey { party, kind, reference }))
}

/// The row of a transaction; moves the head's chain and log on, and adds what that finished of the
/// log to `nodes`.
pub fn transaction_row(
    head: &mut Head,
    transaction: &Transaction,
    coalition: &Coalition,
    nodes: &mut Vec<LogNodeRow>,
) -> TransactionRow {
    #[cfg(feature = "faults")]
    let transaction = &crate::faults::stored(transaction);
    let content = write_json(transaction);
    let before = head.hash;
    head.hash = chain(&before, &content);
    let leaf = leaf_of(transaction, (&before, &head.hash), coalition);
    nodes.extend(head.frontier.append(leaf).into_iter().map(|node| LogNodeRow {
        shard: head.shard.0,
        level: i64::from(node.level),
        place: node.index,
        hash: node.hash.to_vec(),
    }));
    let reference_hash = reference_hash_of(transaction).map(|hash| hash.to_vec());
    TransactionRow {
        shard: transaction.id.shard().0,
        seq: transaction.id.number(),
        member: transaction.member.0,
        recorded_at: transaction.recorded_at.0,
        settlement_day: transaction.settlement_day.number(),
        reference_hash,
        content,
        hash: head.hash.to_vec(),
    }
}

/// Saves a batch: its rows, what the ledger changed beside them, and the heads.
///
/// # Errors
/// If another writer took a key, or the database fails; the caller rolls back.
pub fn save(
    connection: &mut Database,
    ledger: &Ledger,
    rows: &Rows,
    heads: &[Head],
) -> Result<(), StoreError> {
    match connection {
        Database::Postgres(one) => save_postgres::save(one, rows, heads)?,
        Database::Sqlite(_) => save_rows(connection, rows, heads)?,
    }
    save_log(connection, &rows.log_nodes)?;
    seals::add(connection, &rows.seals)?;
    save_holds(connection, ledger)?;
    packs::save(connection, ledger)?;
    save_receipts(connection, ledger)?;
    save_members::save_merges(connection, ledger)?;
    save_members::save_unmerges(connection, ledger)?;
    exposures::save(connection, &ledger.exposures)
}

/// A name, or nothing: a key's column is never null.
fn text_of(name: Option<&impl ToString>) -> String {
    name.map(ToString::to_string).unwrap_or_default()
}

/// The rows of what a ledger changed.
pub fn rows_of(ledger: &Ledger, currency: &str) -> Rows {
    let account_rows = ledger.changes.accounts.iter().filter_map(|key| ledger.accounts.get(key));
    let lot_rows = ledger.changes.lots.iter().filter_map(|(key, lot)| {
        let lot = ledger.accounts.get(key)?.lots.get(*lot)?;
        Some(LotRow::of(key, lot))
    });
    let lost = usize::from(crate::faults::planted("lost_position"));
    let position_rows =
        ledger.changes.positions.iter().skip(lost).map(|(key, position)| PositionRow {
            shard: key.shard.0,
            schedule: key.cycle.schedule.to_string(),
            cycle: key.cycle.first.number(),
            late_for: key.late_for.number(),
            debtor: key.debtor.to_string(),
            creditor: key.creditor.to_string(),
            programme: text_of(key.programme.as_ref()),
            agreement: text_of(key.agreement.as_ref()),
            promo: text_of(key.promo.as_ref()),
            kind: key.kind,
            currency: currency.to_owned(),
            postings: position.count,
            points: position.points,
            amount: position.amount,
        });
    Rows {
        accounts: account_rows.map(AccountRow::of).collect(),
        lots: lot_rows.collect(),
        positions: position_rows.collect(),
        ..Rows::default()
    }
}

fn save_rows(connection: &mut Database, rows: &Rows, heads: &[Head]) -> Result<(), StoreError> {
    answers::save(connection, &rows.answers)?;
    for rows in rows.transactions.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(transactions::table).values(rows).execute(one)
        })?;
    }
    for rows in rows.accounts.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(accounts::table)
                .values(rows)
                .on_conflict((accounts::member, accounts::programme, accounts::shard))
                .do_update()
                .set((
                    accounts::points.eq(excluded(accounts::points)),
                    accounts::held.eq(excluded(accounts::held)),
                    accounts::debt.eq(excluded(accounts::debt)),
                    accounts::metric.eq(excluded(accounts::metric)),
                    accounts::max_share.eq(excluded(accounts::max_share)),
                ))
                .execute(one)
        })?;
    }
    for rows in rows.lots.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(lots::table)
                .values(rows)
                .on_conflict((lots::lot, lots::shard))
                .do_update()
                .set((
                    lots::member.eq(excluded(lots::member)),
                    lots::remaining.eq(excluded(lots::remaining)),
                    lots::held.eq(excluded(lots::held)),
                    lots::expired.eq(excluded(lots::expired)),
                    lots::available_at.eq(excluded(lots::available_at)),
                    lots::expires_at.eq(excluded(lots::expires_at)),
                    lots::live.eq(excluded(lots::live)),
                    lots::cost.eq(excluded(lots::cost)),
                ))
                .execute(one)
        })?;
    }
    save_positions(connection, &rows.positions)?;
    save_heads(connection, heads)
}

fn save_log(connection: &mut Database, rows: &[LogNodeRow]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(log_nodes::table).values(rows).execute(one)
        })?;
    }
    Ok(())
}

fn save_positions(connection: &mut Database, rows: &[PositionRow]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(positions::table)
                .values(rows)
                .on_conflict((
                    positions::schedule,
                    positions::cycle,
                    positions::shard,
                    positions::late_for,
                    positions::debtor,
                    positions::creditor,
                    positions::programme,
                    positions::agreement,
                    positions::promo,
                    positions::kind,
                    positions::currency,
                ))
                .do_update()
                .set((
                    positions::postings.eq(positions::postings + excluded(positions::postings)),
                    positions::points.eq(positions::points + excluded(positions::points)),
                    positions::amount.eq(positions::amount + excluded(positions::amount)),
                ))
                .execute(one)
        })?;
    }
    Ok(())
}

/// Saves heads one by one: there are few in a batch.
///
/// # Errors
/// If the database fails.
pub fn save_heads(connection: &mut Database, heads: &[Head]) -> Result<(), StoreError> {
    for head in heads {
        diesel::update(shard_heads::table.find(head.shard.0))
            .set((
                shard_heads::next_seq.eq(head.next_seq),
                shard_heads::next_member.eq(head.next_member),
                shard_heads::merges.eq(head.merges),
                shard_heads::last_recorded_at.eq(head.last_recorded_at.0),
                shard_heads::configuration.eq(head.configuration),
                shard_heads::hash.eq(head.hash.to_vec()),
                shard_heads::frontier.eq(head.frontier.to_bytes()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

fn save_holds(connection: &mut Database, ledger: &Ledger) -> Result<(), StoreError> {
    let changed = ledger.changes.holds.iter().filter_map(|id| ledger.holds.get(id));
    let rows: Vec<HoldRow> = changed.map(HoldRow::of).collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(holds::table)
                .values(rows)
                .on_conflict((holds::hold, holds::shard))
                .do_update()
                .set((
                    holds::member.eq(excluded(holds::member)),
                    holds::open.eq(excluded(holds::open)),
                ))
                .execute(one)
        })?;
    }
    Ok(())
}

fn save_receipts(connection: &mut Database, ledger: &Ledger) -> Result<(), StoreError> {
    let states =
        ledger.changes.receipts.iter().filter_map(|id| Some((id, ledger.receipts.get(id)?)));
    let rows: Vec<_> = states
        .map(|(id, state)| {
            (
                receipts::origin.eq(id.0),
                receipts::shard.eq(id.shard().0),
                receipts::state.eq(write_json(state)),
            )
        })
        .collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(receipts::table)
                .values(rows)
                .on_conflict((receipts::origin, receipts::shard))
                .do_update()
                .set(receipts::state.eq(excluded(receipts::state)))
                .execute(one)
        })?;
    }
    Ok(())
}
