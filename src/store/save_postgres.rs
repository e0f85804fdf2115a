//! The bulk form of a save on PostgreSQL: one statement for all rows of a batch.
//!
//! Each column of each table is one array, so the text never changes and is planned once. Data
//! modifying CTEs write all tables in one round trip; rows that must be unique are in the order of
//! their keys, which all writers keep.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};

use super::StoreError;
use super::heads::Head;
use super::prepared::prepared;
use super::save::Rows;

prepared! {
    /// Writes answers, transactions, accounts, lots, positions and heads.
    SaveBatch(
        a_key: [&'a [u8]] => Array<Binary>,
        a_fingerprint: [&'a [u8]] => Array<Binary>,
        a_status: [i64] => Array<BigInt>,
        a_answer: [&'a str] => Array<Text>,
        a_at: [i64] => Array<BigInt>,
        t_shard: [i64] => Array<BigInt>,
        t_seq: [i64] => Array<BigInt>,
        t_member: [i64] => Array<BigInt>,
        t_at: [i64] => Array<BigInt>,
        t_day: [i64] => Array<BigInt>,
        t_reference: [Option<&'a [u8]>] => Array<Nullable<Binary>>,
        t_content: [&'a str] => Array<Text>,
        t_hash: [&'a [u8]] => Array<Binary>,
        c_member: [i64] => Array<BigInt>,
        c_programme: [&'a str] => Array<Text>,
        c_shard: [i64] => Array<BigInt>,
        c_points: [i64] => Array<BigInt>,
        c_held: [i64] => Array<BigInt>,
        c_debt: [i64] => Array<BigInt>,
        c_metric: [&'a str] => Array<Text>,
        c_share: [Option<&'a str>] => Array<Nullable<Text>>,
        l_lot: [i64] => Array<BigInt>,
        l_shard: [i64] => Array<BigInt>,
        l_member: [i64] => Array<BigInt>,
        l_programme: [&'a str] => Array<Text>,
        l_granted: [i64] => Array<BigInt>,
        l_remaining: [i64] => Array<BigInt>,
        l_held: [i64] => Array<BigInt>,
        l_expired: [i64] => Array<BigInt>,
        l_available: [i64] => Array<BigInt>,
        l_expires: [i64] => Array<BigInt>,
        l_price: [&'a str] => Array<Text>,
        l_live: [bool] => Array<Bool>,
        l_cost: [i64] => Array<BigInt>,
        l_funding: [Option<&'a str>] => Array<Nullable<Text>>,
        p_shard: [i64] => Array<BigInt>,
        p_schedule: [&'a str] => Array<Text>,
        p_cycle: [i64] => Array<BigInt>,
        p_late: [i64] => Array<BigInt>,
        p_debtor: [&'a str] => Array<Text>,
        p_creditor: [&'a str] => Array<Text>,
        p_programme: [&'a str] => Array<Text>,
        p_agreement: [&'a str] => Array<Text>,
        p_promo: [&'a str] => Array<Text>,
        p_kind: [&'a str] => Array<Text>,
        p_currency: [&'a str] => Array<Text>,
        p_postings: [i64] => Array<BigInt>,
        p_points: [i64] => Array<BigInt>,
        p_amount: [i64] => Array<BigInt>,
        h_shard: [i64] => Array<BigInt>,
        h_seq: [i64] => Array<BigInt>,
        h_member: [i64] => Array<BigInt>,
        h_merges: [i64] => Array<BigInt>,
        h_at: [i64] => Array<BigInt>,
        h_hash: [&'a [u8]] => Array<Binary>,
        h_frontier: [&'a [u8]] => Array<Binary>,
    ) -> BigInt = "WITH a AS (INSERT INTO requests (key_hash, fingerprint, status, answer, \
        recorded_at) SELECT * FROM unnest(?, ?, ?, ?, ?)), \
        t AS (INSERT INTO transactions (shard, seq, member, recorded_at, settlement_day, \
        reference_hash, content, hash) SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?)), \
        c AS (INSERT INTO accounts (member, programme, shard, points, held, debt, metric, \
        max_share) SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (member, programme, shard) DO UPDATE SET points = excluded.points, \
        held = excluded.held, debt = excluded.debt, metric = excluded.metric, \
        max_share = excluded.max_share), \
        l AS (INSERT INTO lots (lot, shard, member, programme, granted, remaining, held, expired, \
        available_at, expires_at, price, live, cost, funding) \
        SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (lot, shard) DO UPDATE SET member = excluded.member, \
        remaining = excluded.remaining, held = excluded.held, expired = excluded.expired, \
        available_at = excluded.available_at, expires_at = excluded.expires_at, \
        live = excluded.live, cost = excluded.cost), \
        p AS (INSERT INTO positions (shard, schedule, cycle, late_for, debtor, creditor, \
        programme, agreement, promo, kind, currency, postings, points, amount) \
        SELECT * FROM unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
        ON CONFLICT (schedule, cycle, shard, late_for, debtor, creditor, programme, agreement, \
        promo, kind, currency) \
        DO UPDATE SET postings = positions.postings + excluded.postings, \
        points = positions.points + excluded.points, \
        amount = positions.amount + excluded.amount), \
        h AS (UPDATE shard_heads SET next_seq = n.seq, next_member = n.member, \
        merges = n.merges, last_recorded_at = n.at, hash = n.hash, \
        frontier = n.frontier \
        FROM unnest(?, ?, ?, ?, ?, ?, ?) AS n(shard, seq, member, merges, at, hash, frontier) \
        WHERE shard_heads.shard = n.shard) SELECT 1::bigint"
}

/// Saves the rows of a batch.
///
/// # Errors
/// If another writer took a key, or the database fails.
pub fn save(connection: &mut PgConnection, rows: &Rows, heads: &[Head]) -> Result<(), StoreError> {
    macro_rules! column {
        ($rows:expr, $row:ident => $value:expr) => {
            &$rows.iter().map(|$row| $value).collect::<Vec<_>>()
        };
    }
    let Rows { answers, transactions, accounts, lots, positions, .. } = rows;
    let frontiers: Vec<Vec<u8>> = heads.iter().map(|head| head.frontier.to_bytes()).collect();
    let statement = SaveBatch {
        a_key: column!(answers, row => row.key_hash.as_slice()),
        a_fingerprint: column!(answers, row => row.fingerprint.as_slice()),
        a_status: column!(answers, row => row.status),
        a_answer: column!(answers, row => row.answer.as_str()),
        a_at: column!(answers, row => row.recorded_at),
        t_shard: column!(transactions, row => row.shard),
        t_seq: column!(transactions, row => row.seq),
        t_member: column!(transactions, row => row.member),
        t_at: column!(transactions, row => row.recorded_at),
        t_day: column!(transactions, row => row.settlement_day),
        t_reference: column!(transactions, row => row.reference_hash.as_deref()),
        t_content: column!(transactions, row => row.content.as_str()),
        t_hash: column!(transactions, row => row.hash.as_slice()),
        c_member: column!(accounts, row => row.member),
        c_programme: column!(accounts, row => row.programme.as_str()),
        c_shard: column!(accounts, row => row.shard),
        c_points: column!(accounts, row => row.points),
        c_held: column!(accounts, row => row.held),
        c_debt: column!(accounts, row => row.debt),
        c_metric: column!(accounts, row => row.metric.as_str()),
        c_share: column!(accounts, row => row.max_share.as_deref()),
        l_lot: column!(lots, row => row.lot),
        l_shard: column!(lots, row => row.shard),
        l_member: column!(lots, row => row.member),
        l_programme: column!(lots, row => row.programme.as_str()),
        l_granted: column!(lots, row => row.granted),
        l_remaining: column!(lots, row => row.remaining),
        l_held: column!(lots, row => row.held),
        l_expired: column!(lots, row => row.expired),
        l_available: column!(lots, row => row.available_at),
        l_expires: column!(lots, row => row.expires_at),
        l_price: column!(lots, row => row.price.as_str()),
        l_live: column!(lots, row => row.live),
        l_cost: column!(lots, row => row.cost),
        l_funding: column!(lots, row => row.funding.as_deref()),
        p_shard: column!(positions, row => row.shard),
        p_schedule: column!(positions, row => row.schedule.as_str()),
        p_cycle: column!(positions, row => row.cycle),
        p_late: column!(positions, row => row.late_for),
        p_debtor: column!(positions, row => row.debtor.as_str()),
        p_creditor: column!(positions, row => row.creditor.as_str()),
        p_programme: column!(positions, row => row.programme.as_str()),
        p_agreement: column!(positions, row => row.agreement.as_str()),
        p_promo: column!(positions, row => row.promo.as_str()),
        p_kind: column!(positions, row => row.kind),
        p_currency: column!(positions, row => row.currency.as_str()),
        p_postings: column!(positions, row => row.postings),
        p_points: column!(positions, row => row.points),
        p_amount: column!(positions, row => row.amount),
        h_shard: column!(heads, head => head.shard.0),
        h_seq: column!(heads, head => head.next_seq),
        h_member: column!(heads, head => head.next_member),
        h_merges: column!(heads, head => head.merges),
        h_at: column!(heads, head => head.last_recorded_at.0),
        h_hash: column!(heads, head => head.hash.as_slice()),
        h_frontier: column!(frontiers, bytes => bytes.as_slice()),
    };
    let _: Vec<i64> = statement.load(connection)?;
    Ok(())
}
