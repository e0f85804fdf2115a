//! Which passes may show something else than before.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::upsert::excluded;

use crate::domain::time::Instant;
use crate::store::StoreError;
use crate::store::connection::{Database, each_backend};
use crate::store::schema::{
    cards, members, outbox, outbox_head, pass_cursors, passes, shard_heads, transactions,
};

/// The outbox among the journals.
const OUTBOX: i64 = -1;

/// Keys a statement.
const KEYS_PER_STATEMENT: usize = 1_000;

/// How far journals were looked through, by shard; the outbox among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursors(HashMap<i64, i64>);

/// Cards on phones that may show something else than before.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// Their keys, each once.
    pub cards: Vec<i64>,
    /// How far the journals were looked through for them.
    upto: Cursors,
    /// Whether there is more to look through.
    pub more: bool,
    /// Whether the journals went on since the last look.
    pub moved: bool,
}

/// Looks for cards on phones that may show something else: of members whose journals went on, and
/// those that the clock changes. Reads at most so many entries of each journal.
///
/// # Errors
/// If the database fails.
pub fn candidates(
    connection: &mut Database,
    now: Instant,
    most: i64,
) -> Result<Candidates, StoreError> {
    let known: Vec<(i64, i64)> = pass_cursors::table.load(connection)?;
    let known: HashMap<i64, i64> = known.into_iter().collect();
    let heads: Vec<(i64, i64)> =
        shard_heads::table.select((shard_heads::shard, shard_heads::next_seq)).load(connection)?;
    let outbox: i64 = outbox_head::table.select(outbox_head::next_seq).first(connection)?;
    let any: Option<i64> = passes::table.select(passes::card).first(connection).optional()?;
    let mut found = Candidates::default();
    let mut touched: Vec<i64> = Vec::new();
    for (journal, next) in heads.into_iter().chain([(OUTBOX, outbox)]) {
        let last = next - 1;
        let from = known.get(&journal).copied().unwrap_or(last);
        let upto = if any.is_some() { last.min(from + most) } else { last };
        found.more |= upto < last;
        found.moved |= known.get(&journal) != Some(&upto);
        found.upto.0.insert(journal, upto);
        if any.is_some() && from < upto {
            touched.extend(members_between(connection, journal, (from, upto))?);
        }
    }
    touched.sort_unstable();
    touched.dedup();
    found.cards = passes_of(connection, &touched)?;
    let due: Vec<i64> = passes::table
        .select(passes::card)
        .filter(passes::next_at.le(now.0))
        .order(passes::next_at)
        .limit(most)
        .load(connection)?;
    found.cards.extend(due);
    found.cards.sort_unstable();
    found.cards.dedup();
    Ok(found)
}

fn members_between(
    connection: &mut Database,
    journal: i64,
    (from, upto): (i64, i64),
) -> Result<Vec<i64>, StoreError> {
    if journal == OUTBOX {
        let members: Vec<Option<i64>> = outbox::table
            .select(outbox::member)
            .filter(outbox::seq.gt(from))
            .filter(outbox::seq.le(upto))
            .load(connection)?;
        return Ok(members.into_iter().flatten().collect());
    }
    let members = transactions::table
        .select(transactions::member)
        .filter(transactions::shard.eq(journal))
        .filter(transactions::seq.gt(from))
        .filter(transactions::seq.le(upto))
        .load(connection)?;
    Ok(members)
}

/// The cards on phones of members, and of those who were merged into them.
fn passes_of(connection: &mut Database, touched: &[i64]) -> Result<Vec<i64>, StoreError> {
    let mut all: Vec<i64> = touched.to_vec();
    let mut look_at = all.clone();
    while !look_at.is_empty() {
        let mut next = Vec::new();
        for keys in look_at.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<i64> = each_backend!(connection, |one| {
                members::table
                    .select(members::member)
                    .filter(members::merged_into.is_not_null())
                    .filter(members::merged_into.eq_any(keys))
                    .load(one)
            })?;
            next.extend(rows);
        }
        all.extend(&next);
        look_at = next;
    }
    let mut found = Vec::new();
    for keys in all.chunks(KEYS_PER_STATEMENT) {
        let of_members: Vec<i64> = each_backend!(connection, |one| {
            cards::table.select(cards::card).filter(cards::member.eq_any(keys)).load(one)
        })?;
        for keys in of_members.chunks(KEYS_PER_STATEMENT) {
            let rows: Vec<i64> = each_backend!(connection, |one| {
                passes::table.select(passes::card).filter(passes::card.eq_any(keys)).load(one)
            })?;
            found.extend(rows);
        }
    }
    Ok(found)
}

/// Notes how far the journals were looked through.
///
/// # Errors
/// If the database fails.
pub fn advance(connection: &mut Database, looked: &Candidates) -> Result<(), StoreError> {
    for (journal, seq) in &looked.upto.0 {
        let there: Option<i64> = pass_cursors::table
            .find(journal)
            .select(pass_cursors::seq)
            .first(connection)
            .optional()?;
        if there.is_some_and(|there| *seq <= there) {
            continue;
        }
        each_backend!(connection, |one| {
            diesel::insert_into(pass_cursors::table)
                .values((pass_cursors::journal.eq(journal), pass_cursors::seq.eq(seq)))
                .on_conflict(pass_cursors::journal)
                .do_update()
                .set(pass_cursors::seq.eq(excluded(pass_cursors::seq)))
                .execute(one)
        })?;
    }
    Ok(())
}
