//! What limited parties owe: one row for each over all cycles, one for the open cycle of each
//! of its caps.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use diesel::prelude::*;

use super::connection::{Database, each_backend};
use super::rows::read_json;
use super::schema::{cycles, exposures, holds, positions};
use super::{StoreError, payments};
use crate::domain::amount::Money;
use crate::domain::exposure::Exposure;
use crate::domain::ids::PartyId;
use crate::domain::settlement::{CycleId, CycleState};

/// The schedule and cycle of the row over all cycles.
const ALL: (&str, i64) = ("", 0);

/// Locks and reads the exposures of parties, in the order that all writers keep.
///
/// # Errors
/// If the database fails.
pub fn lock(
    connection: &mut Database,
    parties: &BTreeMap<PartyId, BTreeSet<CycleId>>,
) -> Result<HashMap<PartyId, Exposure>, StoreError> {
    let keys = parties.iter().flat_map(|(party, cycles)| {
        let caps = cycles.iter().map(|cycle| (cycle.schedule.as_str(), cycle.first.number()));
        std::iter::once(ALL).chain(caps).map(|key| (party.as_str(), key))
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
    let new_rows = each_backend!(connection, |one| {
        diesel::insert_into(exposures::table).values(&rows).on_conflict_do_nothing().execute(one)
    })?;
    let names: Vec<&str> = parties.keys().map(PartyId::as_str).collect();
    let cycles = parties.values().flatten().map(|cycle| cycle.first.number());
    let cycles: Vec<i64> = cycles.chain(std::iter::once(ALL.1)).collect();
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
    let exposure = |(party, cycles): (&PartyId, &BTreeSet<CycleId>)| {
        let (unsettled, held) = row(party, ALL.0, ALL.1);
        let in_cycle =
            |cycle: &CycleId| Money(row(party, cycle.schedule.as_str(), cycle.first.number()).0);
        let exposure = Exposure {
            in_cycles: cycles.iter().map(|cycle| (cycle.clone(), in_cycle(cycle))).collect(),
            unsettled: Money(unsettled),
            held: Money(held),
        };
        (party.clone(), exposure)
    };
    let mut all: HashMap<PartyId, Exposure> = parties.iter().map(exposure).collect();
    if new_rows > 0 {
        // A cap that an earlier version of the server did not count begins within its cycle.
        for (party, exposure) in &mut all {
            for (cycle, net) in exposure.in_cycles.iter_mut().filter(|(_, net)| net.is_zero()) {
                *net = within(connection, party, cycle)?;
            }
        }
    }
    Ok(all)
}

/// What a party is owed, net, by the positions of a cycle.
fn within(
    connection: &mut Database,
    party: &PartyId,
    cycle: &CycleId,
) -> Result<Money, StoreError> {
    let name = party.as_str();
    let rows: Vec<(String, String, i64)> = positions::table
        .select((positions::debtor, positions::creditor, positions::amount))
        .filter(positions::schedule.eq(cycle.schedule.as_str()))
        .filter(positions::cycle.eq(cycle.first.number()))
        .filter(positions::debtor.eq(name).or(positions::creditor.eq(name)))
        .load(connection)?;
    Ok(rows.iter().map(|(debtor, creditor, amount)| change(name, debtor, creditor, *amount)).sum())
}

/// What a position adds to what a party is owed.
fn change(name: &str, debtor: &str, creditor: &str, amount: i64) -> Money {
    let gets = if creditor == name { amount } else { 0 };
    let gives = if debtor == name { amount } else { 0 };
    Money(gets - gives)
}

/// Saves exposures that are locked.
///
/// # Errors
/// If the database fails.
pub fn save<S: std::hash::BuildHasher>(
    connection: &mut Database,
    all: &HashMap<PartyId, Exposure, S>,
) -> Result<(), StoreError> {
    for (party, exposure) in all {
        let in_cycles = exposure.in_cycles.iter().map(|(cycle, net)| {
            ((cycle.schedule.as_str(), cycle.first.number()), *net, Money::ZERO)
        });
        let all = std::iter::once((ALL, exposure.unsettled, exposure.held));
        for ((schedule, cycle), net, held) in all.chain(in_cycles) {
            diesel::update(exposures::table.find((party.as_str(), schedule, cycle)))
                .set((exposures::net.eq(net.0), exposures::held.eq(held.0)))
                .execute(connection)?;
        }
    }
    Ok(())
}

/// What a party is owed, net, in all cycles that are not settled, less what was paid of them.
///
/// # Errors
/// If the database fails.
pub fn unsettled(connection: &mut Database, party: &PartyId) -> Result<Money, StoreError> {
    let settled: Vec<(String, i64)> = cycles::table
        .select((cycles::schedule, cycles::cycle))
        .filter(cycles::state.eq(CycleState::Settled.name()))
        .load(connection)?;
    let settled: HashSet<(String, i64)> = settled.into_iter().collect();
    let name = party.as_str();
    let rows: Vec<(String, i64, String, String, i64)> = positions::table
        .select((
            positions::schedule,
            positions::cycle,
            positions::debtor,
            positions::creditor,
            positions::amount,
        ))
        .filter(positions::debtor.eq(name).or(positions::creditor.eq(name)))
        .load(connection)?;
    let open = rows.into_iter().filter(|row| !settled.contains(&(row.0.clone(), row.1)));
    let changes =
        open.map(|(_, _, debtor, creditor, amount)| change(name, &debtor, &creditor, amount));
    let owed: Money = changes.sum();
    let booked = payments::booked_for(connection, party)?.into_iter().filter(|(cycle, _)| {
        !settled.contains(&(cycle.schedule.to_string(), cycle.first.number()))
    });
    Ok(owed + booked.map(|(_, change)| change).sum::<Money>())
}

/// What all open holds would make a party owe.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn held(connection: &mut Database, party: &PartyId) -> Result<Money, StoreError> {
    let rows: Vec<Option<String>> = holds::table
        .select(holds::owes)
        .filter(holds::open)
        .filter(holds::owes.is_not_null())
        .load(connection)?;
    let mut sum = Money::ZERO;
    for owes in rows.into_iter().flatten() {
        let owes: BTreeMap<PartyId, Money> =
            read_json(&owes, "what a hold would make parties owe")?;
        sum += owes.get(party).copied().unwrap_or_default();
    }
    Ok(sum)
}
