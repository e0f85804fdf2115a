//! Packs: points that parties bought in advance.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::rows::read_name;
use super::schema::{packs, transactions};
use crate::domain::amount::Points;
use crate::domain::ids::{PartyId, ShardId, TransactionId};
use crate::domain::ledger::Ledger;
use crate::domain::pack::Pack;
use crate::domain::time::Instant;

/// Rows of a page.
const PAGE: i64 = 10_000;

/// A pack's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = packs, treat_none_as_default_value = false)]
pub struct PackRow {
    /// The transaction that bought it.
    pub pack: i64,
    /// Whose.
    pub party: String,
    /// Of which programme.
    pub programme: String,
    /// How many points were bought.
    pub bought: i64,
    /// How many were not given out yet.
    pub left_points: i64,
    /// What a whole point was bought for.
    pub price: String,
    /// From when on it can be used.
    pub starts_at: i64,
    /// From when on it can't.
    pub ends_at: i64,
}

impl PackRow {
    /// The pack.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn into_pack(self) -> Result<Pack, StoreError> {
        Ok(Pack {
            id: TransactionId(self.pack),
            party: read_name(&self.party)?,
            programme: read_name(&self.programme)?,
            bought: Points(self.bought),
            left: Points(self.left_points),
            price: read_name(&self.price)?,
            starts_at: Instant(self.starts_at),
            ends_at: Instant(self.ends_at),
        })
    }

    /// The row of a pack.
    pub fn of(pack: &Pack) -> Self {
        Self {
            pack: pack.id.0,
            party: pack.party.to_string(),
            programme: pack.programme.to_string(),
            bought: pack.bought.0,
            left_points: pack.left.0,
            price: pack.price.to_string(),
            starts_at: pack.starts_at.0,
            ends_at: pack.ends_at.0,
        }
    }
}

/// Locks and reads the packs of parties that may still be used, and those that originals at hand
/// name, in the order that all writers keep.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn lock(
    connection: &mut Database,
    ledger: &Ledger,
    parties: &BTreeSet<PartyId>,
    now: Instant,
) -> Result<HashMap<TransactionId, Pack>, StoreError> {
    let parts = ledger.originals.values().flat_map(|original| original.parts());
    let named: BTreeSet<i64> =
        parts.flat_map(|part| part.from_packs.iter().map(|one| one.pack.0)).collect();
    if parties.is_empty() && named.is_empty() {
        return Ok(HashMap::new());
    }
    let parties: Vec<&str> = parties.iter().map(PartyId::as_str).collect();
    let usable =
        packs::party.eq_any(&parties).and(packs::left_points.gt(0)).and(packs::ends_at.gt(now.0));
    let query = packs::table
        .select(packs::all_columns)
        .filter(packs::pack.eq_any(&named).or(usable))
        .order(packs::pack);
    let rows: Vec<PackRow> = match connection {
        Database::Postgres(one) => query.for_update().load(one)?,
        Database::Sqlite(one) => query.load(one)?,
    };
    let packs = rows.into_iter().map(|row| Ok((TransactionId(row.pack), row.into_pack()?)));
    packs.collect()
}

/// Saves packs that are new or locked.
///
/// # Errors
/// If the database fails.
pub fn save(connection: &mut Database, ledger: &Ledger) -> Result<(), StoreError> {
    let changed = ledger.changes.packs.iter().filter_map(|id| ledger.packs.get(id));
    let rows: Vec<PackRow> = changed.map(PackRow::of).collect();
    for rows in rows.chunks(1_000) {
        each_backend!(connection, |one| {
            diesel::insert_into(packs::table)
                .values(rows)
                .on_conflict(packs::pack)
                .do_update()
                .set(packs::left_points.eq(excluded(packs::left_points)))
                .execute(one)
        })?;
    }
    Ok(())
}

/// The next page of packs, after an id.
///
/// # Errors
/// If the database fails.
pub fn page(connection: &mut Database, after: i64) -> Result<Vec<PackRow>, StoreError> {
    let rows = packs::table
        .select(PackRow::as_select())
        .filter(packs::pack.gt(after))
        .order(packs::pack)
        .limit(PAGE)
        .load(connection)?;
    Ok(rows)
}

/// The packs that did not end before an instant, each with when it was bought, in order. What was
/// left of them then is not known here: `left` is what is left now.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn running_since(
    connection: &mut Database,
    since: Instant,
) -> Result<Vec<(Pack, Instant)>, StoreError> {
    let rows: Vec<PackRow> = packs::table
        .select(PackRow::as_select())
        .filter(packs::ends_at.gt(since.0))
        .order(packs::pack)
        .load(connection)?;
    let mut all = Vec::with_capacity(rows.len());
    for some in rows.chunks(1_000) {
        let places = some.iter().map(|row| TransactionId(row.pack).number());
        let bought: Vec<(i64, i64)> = transactions::table
            .select((transactions::seq, transactions::recorded_at))
            .filter(transactions::shard.eq(ShardId::HOUSE.0))
            .filter(transactions::seq.eq_any(places))
            .load(connection)?;
        let bought: HashMap<i64, i64> = bought.into_iter().collect();
        for row in some {
            let at = bought.get(&TransactionId(row.pack).number());
            let missing = || StoreError::Damaged(format!("nothing bought the pack {}", row.pack));
            all.push((row.clone().into_pack()?, Instant(*at.ok_or_else(missing)?)));
        }
    }
    Ok(all)
}
