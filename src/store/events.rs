//! What events are read from: the ends of the journals and of the outbox, pages of a journal, who
//! holds cards, and the lots that open.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::rows::{read_json, read_name};
use super::schema::{
    accounts, cards, event_progress, lots, members, outbox, outbox_head, shard_heads, transactions,
};
use crate::domain::amount::Points;
use crate::domain::ids::{LotId, MemberId, ProgrammeId, ShardId};
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;

/// How many rows one query names.
const NAMED_AT_ONCE: usize = 2_000;

/// The ends of all that is read: the last place of the outbox, and that of each shard of members,
/// in their order.
///
/// # Errors
/// If the database fails.
pub fn ends(connection: &mut Database) -> Result<(i64, Vec<i64>), StoreError> {
    let next: i64 = outbox_head::table.select(outbox_head::next_seq).first(connection)?;
    let shards: Vec<i64> = shard_heads::table
        .select(shard_heads::next_seq)
        .filter(shard_heads::shard.ne(ShardId::HOUSE.0))
        .order(shard_heads::shard)
        .load(connection)?;
    Ok((next - 1, shards.into_iter().map(|next| next - 1).collect()))
}

/// The transactions of a shard after a place, at most so many.
///
/// # Errors
/// If the database fails, or a transaction was changed.
pub fn transactions_after(
    connection: &mut Database,
    shard: ShardId,
    (after, until): (i64, i64),
    limit: i64,
) -> Result<Vec<Transaction>, StoreError> {
    let rows: Vec<String> = transactions::table
        .select(transactions::content)
        .filter(transactions::shard.eq(shard.0))
        .filter(transactions::seq.gt(after))
        .filter(transactions::seq.le(until))
        .order(transactions::seq)
        .limit(limit)
        .load(connection)?;
    rows.iter().map(|content| read_json(content, "a transaction")).collect()
}

/// The last place of the outbox before what came about at an instant or later. Facts are nearly in
/// the order of their instants.
///
/// # Errors
/// If the database fails.
pub fn outbox_since(connection: &mut Database, at: Instant) -> Result<i64, StoreError> {
    let (mut low, mut high) = (0, ends(connection)?.0);
    // What is asked is the last place before; the facts of the beginning may be forgotten.
    while low < high {
        let middle = low + (high - low) / 2 + 1;
        let there: Option<i64> = outbox::table
            .select(outbox::at)
            .filter(outbox::seq.ge(middle))
            .order(outbox::seq)
            .first(connection)
            .optional()?;
        if there.is_some_and(|there| there < at.0) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    Ok(low)
}

/// Forgets facts of before an instant.
///
/// # Errors
/// If the database fails.
pub fn forget_facts(connection: &mut Database, before: Instant) -> Result<(), StoreError> {
    let until = outbox_since(connection, before)?;
    diesel::delete(outbox::table.filter(outbox::seq.le(until))).execute(connection)?;
    Ok(())
}

/// A member's card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Of which programme.
    pub programme: String,
    /// Who issued it.
    pub wallet: String,
    /// Whether it is active or frozen, and not closed or replaced.
    pub is_in_use: bool,
}

/// The cards of members, and of those that were merged into them.
///
/// # Errors
/// If the database fails.
pub fn cards_of(
    connection: &mut Database,
    wanted: &BTreeSet<MemberId>,
) -> Result<HashMap<MemberId, Vec<Holding>>, StoreError> {
    let mut found: HashMap<MemberId, Vec<Holding>> = HashMap::new();
    let any: Option<i64> = cards::table.select(cards::card).first(connection).optional()?;
    if any.is_none() || wanted.is_empty() {
        return Ok(found);
    }
    // Whom each member at hand belongs to: itself, and then those that became it.
    let mut owners: HashMap<i64, MemberId> = wanted.iter().map(|one| (one.0, *one)).collect();
    let mut look_at: Vec<i64> = owners.keys().copied().collect();
    while !look_at.is_empty() {
        let mut next = Vec::new();
        for some in look_at.chunks(NAMED_AT_ONCE) {
            let gone: Vec<(i64, Option<i64>)> = each_backend!(connection, |one| {
                members::table
                    .select((members::member, members::merged_into))
                    .filter(members::merged_into.eq_any(some))
                    .load(one)
            })?;
            for (member, into) in gone {
                let owner = into.and_then(|into| owners.get(&into).copied());
                if let Some(owner) = owner.filter(|_| !owners.contains_key(&member)) {
                    owners.insert(member, owner);
                    next.push(member);
                }
            }
        }
        look_at = next;
    }
    let all: Vec<i64> = owners.keys().copied().collect();
    for some in all.chunks(NAMED_AT_ONCE) {
        let rows: Vec<(i64, String, String, String)> = each_backend!(connection, |one| {
            cards::table
                .select((cards::member, cards::programme, cards::wallet, cards::state))
                .filter(cards::member.eq_any(some))
                .load(one)
        })?;
        for (member, programme, wallet, state) in rows {
            let is_in_use = ["active", "frozen"].contains(&state.as_str());
            let Some(owner) = owners.get(&member) else { continue };
            found.entry(*owner).or_default().push(Holding { programme, wallet, is_in_use });
        }
    }
    Ok(found)
}

/// The programmes in which a member has an account.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn programmes_of(
    connection: &mut Database,
    member: MemberId,
) -> Result<Vec<ProgrammeId>, StoreError> {
    let rows: Vec<String> = accounts::table
        .select(accounts::programme)
        .filter(accounts::member.eq(member.0))
        .order(accounts::programme)
        .load(connection)?;
    rows.iter().map(|name| read_name(name)).collect()
}

/// How far the telling of points that came free is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Up to this instant,
    pub at: Instant,
    /// and of those that came free then, up to this lot.
    pub lot: i64,
}

/// The name of that row.
const OPENINGS: &str = "openings";

/// How far the telling is; none: it has not begun.
///
/// # Errors
/// If the database fails.
pub fn opened(connection: &mut Database) -> Result<Option<Opened>, StoreError> {
    let row: Option<(i64, i64)> = event_progress::table
        .find(OPENINGS)
        .select((event_progress::at, event_progress::lot))
        .first(connection)
        .optional()?;
    Ok(row.map(|(at, lot)| Opened { at: Instant(at), lot }))
}

/// The same, its row locked in the open transaction; none: it has not begun.
///
/// # Errors
/// If the database fails.
pub fn lock_opened(connection: &mut Database) -> Result<Option<Opened>, StoreError> {
    let query =
        event_progress::table.find(OPENINGS).select((event_progress::at, event_progress::lot));
    let row: Option<(i64, i64)> = match connection {
        Database::Postgres(one) => query.for_update().first(one).optional()?,
        Database::Sqlite(one) => query.first(one).optional()?,
    };
    Ok(row.map(|(at, lot)| Opened { at: Instant(at), lot }))
}

/// Writes how far the telling is.
///
/// # Errors
/// If the database fails.
pub fn set_opened(connection: &mut Database, opened: Opened) -> Result<(), StoreError> {
    let (at, lot) = (opened.at.0, opened.lot);
    each_backend!(connection, |one| {
        diesel::insert_into(event_progress::table)
            .values((
                event_progress::name.eq(OPENINGS),
                event_progress::at.eq(at),
                event_progress::lot.eq(lot),
            ))
            .on_conflict(event_progress::name)
            .do_update()
            .set((event_progress::at.eq(at), event_progress::lot.eq(lot)))
            .execute(one)
    })?;
    Ok(())
}

/// Until when every lot that opened is known: no shard will add one that opened before.
///
/// # Errors
/// If the database fails.
pub fn known_until(connection: &mut Database, at_least: Instant) -> Result<Instant, StoreError> {
    let last: Option<i64> = shard_heads::table
        .select(diesel::dsl::min(shard_heads::last_recorded_at))
        .filter(shard_heads::shard.ne(ShardId::HOUSE.0))
        .first(connection)?;
    Ok(Instant(last.unwrap_or(0)).max(at_least))
}

/// A lot that came free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedLot {
    /// Which.
    pub lot: LotId,
    /// Whose.
    pub member: MemberId,
    /// Of which programme.
    pub programme: ProgrammeId,
    /// What is in it.
    pub points: Points,
    /// When it came free.
    pub at: Instant,
    /// Whether it waited: it was made before it came free.
    pub waited: bool,
}

/// The next lots that came free, after a place and up to an instant.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn opened_after(
    connection: &mut Database,
    after: Opened,
    until: Instant,
    limit: i64,
) -> Result<Vec<OpenedLot>, StoreError> {
    let same = lots::available_at.eq(after.at.0).and(lots::lot.gt(after.lot));
    let rows: Vec<(i64, i64, String, i64, i64)> = lots::table
        .select((lots::lot, lots::member, lots::programme, lots::remaining, lots::available_at))
        .filter(lots::live)
        .filter(lots::available_at.ge(after.at.0))
        .filter(lots::available_at.le(until.0))
        .filter(same.or(lots::available_at.gt(after.at.0)))
        .order((lots::available_at, lots::lot))
        .limit(limit)
        .load(connection)?;
    let made = made_at(connection, rows.iter().map(|row| LotId(row.0)))?;
    let opened = |(lot, member, programme, remaining, at): (i64, i64, String, i64, i64)| {
        Ok(OpenedLot {
            lot: LotId(lot),
            member: MemberId(member),
            programme: read_name(&programme)?,
            points: Points(remaining),
            at: Instant(at),
            waited: made.get(&LotId(lot).transaction().0).is_some_and(|made| *made < at),
        })
    };
    rows.into_iter().map(opened).collect()
}

/// When the transactions that made lots were recorded.
fn made_at(
    connection: &mut Database,
    lots: impl Iterator<Item = LotId>,
) -> Result<HashMap<i64, i64>, StoreError> {
    let mut by_shard: HashMap<i64, Vec<i64>> = HashMap::new();
    for id in lots.map(LotId::transaction) {
        by_shard.entry(id.shard().0).or_default().push(id.number());
    }
    let mut found = HashMap::new();
    for (shard, sequences) in by_shard {
        for some in sequences.chunks(NAMED_AT_ONCE) {
            let rows: Vec<(i64, i64)> = each_backend!(connection, |one| {
                transactions::table
                    .select((transactions::seq, transactions::recorded_at))
                    .filter(transactions::shard.eq(shard))
                    .filter(transactions::seq.eq_any(some))
                    .load(one)
            })?;
            let id = |seq| crate::domain::ids::TransactionId::new(ShardId(shard), seq).0;
            found.extend(rows.into_iter().map(|(seq, at)| (id(seq), at)));
        }
    }
    Ok(found)
}
