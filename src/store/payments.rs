//! Payments of instructed cycles, and what the bank booked.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::rows::read_name;
use super::schema::{bank_entries, cycles, legs};
use crate::domain::amount::Money;
use crate::domain::ids::PartyId;
use crate::domain::settlement::netting::{Direction, Leg};
use crate::domain::settlement::payment::Payment;
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::time::Day;

/// Names that are asked for at once; SQLite takes at most 32,766 binds.
const NAMES_AT_ONCE: usize = 1_000;

#[derive(Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = legs, treat_none_as_default_value = false)]
struct LegRow {
    reference: String,
    schedule: String,
    cycle: i64,
    party: String,
    counterparty: String,
    direction: String,
    amount: i64,
    paid: i64,
    due: i64,
    returned: bool,
}

impl LegRow {
    fn of(payment: &Payment) -> Self {
        let Payment { reference, cycle, leg, due, paid, returned } = payment;
        let counterparty = leg.counterparty.as_ref().map_or("", |one| one.as_str());
        Self {
            reference: reference.clone(),
            schedule: cycle.schedule.to_string(),
            cycle: cycle.first.number(),
            party: leg.party.to_string(),
            counterparty: counterparty.to_owned(),
            direction: leg.direction.name().to_owned(),
            amount: leg.amount.0,
            paid: paid.0,
            due: due.number(),
            returned: *returned,
        }
    }

    fn into_payment(self) -> Result<Payment, StoreError> {
        let damaged = || StoreError::Damaged(format!("the direction of {}", self.reference));
        let direction = Direction::named(&self.direction).ok_or_else(damaged)?;
        let counterparty = Some(&self.counterparty).filter(|name| !name.is_empty());
        Ok(Payment {
            cycle: CycleId {
                schedule: read_name(&self.schedule)?,
                first: Day::from_number(self.cycle),
            },
            leg: Leg {
                party: read_name(&self.party)?,
                direction,
                amount: Money(self.amount),
                counterparty: counterparty.map(|name| read_name(name)).transpose()?,
            },
            reference: self.reference,
            due: Day::from_number(self.due),
            paid: Money(self.paid),
            returned: self.returned,
        })
    }
}

/// Adds the payments of a cycle.
///
/// # Errors
/// If one is there already, or the database fails.
pub fn add(connection: &mut Database, payments: &[Payment]) -> Result<(), StoreError> {
    let rows: Vec<LegRow> = payments.iter().map(LegRow::of).collect();
    for rows in rows.chunks(NAMES_AT_ONCE) {
        each_backend!(connection, |one| {
            diesel::insert_into(legs::table).values(rows).execute(one)
        })?;
    }
    Ok(())
}

/// Saves how far a payment is.
///
/// # Errors
/// If the database fails.
pub fn save(connection: &mut Database, payment: &Payment) -> Result<(), StoreError> {
    diesel::update(legs::table.find(&payment.reference))
        .set((legs::paid.eq(payment.paid.0), legs::returned.eq(payment.returned)))
        .execute(connection)?;
    Ok(())
}

/// The payments of a cycle, by party.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn of_cycle(connection: &mut Database, cycle: &CycleId) -> Result<Vec<Payment>, StoreError> {
    let rows: Vec<LegRow> = legs::table
        .select(LegRow::as_select())
        .filter(legs::schedule.eq(cycle.schedule.as_str()))
        .filter(legs::cycle.eq(cycle.first.number()))
        .order((legs::party, legs::direction, legs::counterparty))
        .load(connection)?;
    rows.into_iter().map(LegRow::into_payment).collect()
}

/// The payments of these references that there are.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn named(
    connection: &mut Database,
    references: &BTreeSet<&str>,
) -> Result<Vec<Payment>, StoreError> {
    let references: Vec<&str> = references.iter().copied().collect();
    let mut found = Vec::new();
    for names in references.chunks(NAMES_AT_ONCE) {
        let rows: Vec<LegRow> = each_backend!(connection, |one| {
            legs::table.select(LegRow::as_select()).filter(legs::reference.eq_any(names)).load(one)
        })?;
        for row in rows {
            found.push(row.into_payment()?);
        }
    }
    Ok(found)
}

/// The cycles that are instructed and not settled.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn instructed_cycles(connection: &mut Database) -> Result<Vec<CycleId>, StoreError> {
    let rows: Vec<(String, i64)> = cycles::table
        .select((cycles::schedule, cycles::cycle))
        .filter(cycles::state.eq(CycleState::Instructed.name()))
        .order((cycles::cycle, cycles::schedule))
        .load(connection)?;
    rows.into_iter().map(cycle_of).collect()
}

/// The cycles with payments, the latest first, before a day.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn paid_cycles(
    connection: &mut Database,
    before: i64,
    most: i64,
) -> Result<Vec<CycleId>, StoreError> {
    let rows: Vec<(String, i64)> = legs::table
        .select((legs::schedule, legs::cycle))
        .distinct()
        .filter(legs::cycle.lt(before))
        .order((legs::cycle.desc(), legs::schedule))
        .limit(most)
        .load(connection)?;
    rows.into_iter().map(cycle_of).collect()
}

fn cycle_of((schedule, first): (String, i64)) -> Result<CycleId, StoreError> {
    Ok(CycleId { schedule: read_name(&schedule)?, first: Day::from_number(first) })
}

/// What was booked of a party's payments, cycle by cycle: what it paid, less what it got.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn booked_for(
    connection: &mut Database,
    party: &PartyId,
) -> Result<Vec<(CycleId, Money)>, StoreError> {
    let rows: Vec<LegRow> = legs::table
        .select(LegRow::as_select())
        .filter(legs::party.eq(party.as_str()))
        .filter(legs::paid.gt(0))
        .load(connection)?;
    let booked = |row: LegRow| {
        let payment = row.into_payment()?;
        Ok((payment.cycle, payment.leg.direction.signed(payment.paid)))
    };
    rows.into_iter().map(booked).collect()
}

/// All payments.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn all(connection: &mut Database) -> Result<Vec<Payment>, StoreError> {
    let rows: Vec<LegRow> = legs::table.select(LegRow::as_select()).load(connection)?;
    rows.into_iter().map(LegRow::into_payment).collect()
}

/// Something that the bank booked, as it was imported.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = bank_entries, treat_none_as_default_value = false)]
pub struct EntryRow {
    /// Its key.
    pub entry: String,
    /// The bank's statement that told it.
    pub statement: String,
    /// The day on which it was booked.
    pub booked_on: Option<i64>,
    /// How much: in above zero, out below.
    pub amount: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// The payer's reference.
    pub end_to_end_id: Option<String>,
    /// The name of the other side.
    pub name: Option<String>,
    /// The account of the other side.
    pub account: Option<String>,
    /// Its texts, as a JSON list.
    pub texts: String,
    /// What it was found to be.
    pub outcome: String,
    /// The payment that it belongs to.
    pub leg: Option<String>,
    /// What told the payment.
    pub matched_by: Option<String>,
    /// The transaction that posted it.
    pub transaction_id: Option<i64>,
    /// When it was imported.
    pub imported_at: i64,
    /// Who imported it.
    pub imported_by: String,
}

/// Adds what the bank booked.
///
/// # Errors
/// If one is there already, or the database fails.
pub fn add_entries(connection: &mut Database, rows: &[EntryRow]) -> Result<(), StoreError> {
    for rows in rows.chunks(NAMES_AT_ONCE) {
        each_backend!(connection, |one| {
            diesel::insert_into(bank_entries::table).values(rows).execute(one)
        })?;
    }
    Ok(())
}

/// Which of these keys were imported before.
///
/// # Errors
/// If the database fails.
pub fn known_entries(
    connection: &mut Database,
    keys: &[&str],
) -> Result<BTreeSet<String>, StoreError> {
    let mut known = BTreeSet::new();
    for keys in keys.chunks(NAMES_AT_ONCE) {
        let found: Vec<String> = each_backend!(connection, |one| {
            bank_entries::table
                .select(bank_entries::entry)
                .filter(bank_entries::entry.eq_any(keys))
                .load(one)
        })?;
        known.extend(found);
    }
    Ok(known)
}

/// What the bank booked on payments, by the day of booking.
///
/// # Errors
/// If the database fails.
pub fn entries_of(
    connection: &mut Database,
    references: &[&str],
) -> Result<Vec<EntryRow>, StoreError> {
    let mut all: Vec<EntryRow> = Vec::new();
    for names in references.chunks(NAMES_AT_ONCE) {
        let found: Vec<EntryRow> = each_backend!(connection, |one| {
            bank_entries::table
                .select(EntryRow::as_select())
                .filter(bank_entries::leg.eq_any(names))
                .load(one)
        })?;
        all.extend(found);
    }
    all.sort_by(|one, other| (one.booked_on, &one.entry).cmp(&(other.booked_on, &other.entry)));
    Ok(all)
}
