//! What limited parties owe: one row for each over all cycles, one for the open cycle of its cap.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::schema::exposures;
use crate::domain::amount::Money;
use crate::domain::exposure::Exposure;
use crate::domain::ids::PartyId;
use crate::domain::settlement::CycleId;

/// The schedule and cycle of the row over all cycles.
const ALL: (&str, i64) = ("", 0);

/// Locks and reads the exposures of parties, in the order that all writers keep.
///
/// # Errors
/// If the database fails.
pub fn lock(
    connection: &mut Database,
    parties: &BTreeMap<PartyId, CycleId>,
) -> Result<HashMap<PartyId, Exposure>, StoreError> {
    let keys = parties.iter().flat_map(|(party, cycle)| {
        let cap = (cycle.schedule.as_str(), cycle.first.number());
        [(party.as_str(), ALL), (party.as_str(), cap)]
    });
    let rows: Vec<_> = keys
        .map(|(party, (schedule, cycle))| {
            (
                exposures::party.eq(party),
                exposures::schedule.eq(schedule),
                exposures::cycle.eq(cycle),
                exposures::net.eq(0_i64),
                exposures::held.eq(0_i64),
            )
        })
        .collect();
    each_backend!(connection, |one| {
        diesel::insert_into(exposures::table).values(&rows).on_conflict_do_nothing().execute(one)
    })?;
    let names: Vec<&str> = parties.keys().map(PartyId::as_str).collect();
    let mut cycles: Vec<i64> = parties.values().map(|cycle| cycle.first.number()).collect();
    cycles.push(ALL.1);
    let query = exposures::table
        .select(exposures::all_columns)
        .filter(exposures::party.eq_any(&names))
        .filter(exposures::cycle.eq_any(&cycles))
        .order((exposures::party, exposures::schedule, exposures::cycle));
    let rows: Vec<(String, String, i64, i64, i64)> = match connection {
        Database::Postgres(one) => query.for_update().load(one)?,
        Database::Sqlite(one) => query.load(one)?,
    };
    let found: HashMap<(String, String, i64), (i64, i64)> = rows
        .into_iter()
        .map(|(party, schedule, cycle, net, held)| ((party, schedule, cycle), (net, held)))
        .collect();
    let row = |party: &PartyId, schedule: &str, cycle: i64| {
        let key = (party.to_string(), schedule.to_owned(), cycle);
        found.get(&key).copied().unwrap_or_default()
    };
    let exposure = |(party, cycle): (&PartyId, &CycleId)| {
        let (unsettled, held) = row(party, ALL.0, ALL.1);
        let (in_cycle, _) = row(party, cycle.schedule.as_str(), cycle.first.number());
        let exposure = Exposure {
            cycle: cycle.clone(),
            in_cycle: Money(in_cycle),
            unsettled: Money(unsettled),
            held: Money(held),
        };
        (party.clone(), exposure)
    };
    Ok(parties.iter().map(exposure).collect())
}

/// Saves exposures that are locked.
///
/// # Errors
/// If the database fails.
pub fn save(
    connection: &mut Database,
    all: &HashMap<PartyId, Exposure>,
) -> Result<(), StoreError> {
    for (party, exposure) in all {
        let cycle = &exposure.cycle;
        let rows = [
            (ALL, exposure.unsettled, exposure.held),
            ((cycle.schedule.as_str(), cycle.first.number()), exposure.in_cycle, Money::ZERO),
        ];
        for ((schedule, cycle), net, held) in rows {
            diesel::update(exposures::table.find((party.as_str(), schedule, cycle)))
                .set((exposures::net.eq(net.0), exposures::held.eq(held.0)))
                .execute(connection)?;
        }
    }
    Ok(())
}
