//! What follows when a payment gets on: notes about it end, and its cycle is settled with the last.

use super::PaymentError;
use crate::domain::amount::Money;
use crate::domain::settlement::payment::{ItemKind, ItemState, OpenItem, Payment};
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::time::Day;
use crate::domain::transaction::Detail;
use crate::engine::House;
use crate::store::cycles::{self, Doing};
use crate::store::{open_items, payments};

/// The latest part of a payment that was booked.
#[derive(Clone, Debug)]
pub struct LatestPart {
    /// The bank's entry.
    pub entry: String,
    /// The day on which it was booked.
    pub booked_on: Option<Day>,
}

/// Saves how far a payment is. A payment in full ends what was noted about its parts and returns; a
/// part is noted with what is missing still.
///
/// # Errors
/// If the database fails.
pub fn follow(
    house: &mut House<'_>,
    payment: &mut Payment,
    part: Option<&LatestPart>,
) -> Result<(), PaymentError> {
    let open = payment.open();
    if open.is_zero() {
        payment.returned = false;
    }
    payments::save(house.database, payment)?;
    let notes = open_items::open_of(house.database, &payment.reference)?;
    let is_note = |item: &OpenItem| item.suspense.is_zero() && item.kind != ItemKind::OverPayment;
    for mut note in notes.into_iter().filter(is_note) {
        if open.is_zero() || (note.kind == ItemKind::PartPayment && part.is_some()) {
            note.state = ItemState::Done;
            open_items::save(house.database, &note)?;
        }
    }
    let Some(part) = part.filter(|_| !open.is_zero()) else { return Ok(()) };
    let note = OpenItem {
        id: open_items::next_id(house.database)?,
        kind: ItemKind::PartPayment,
        state: ItemState::Open,
        entry: part.entry.clone(),
        leg: Some(payment.reference.clone()),
        amount: payment.leg.direction.signed(open),
        currency: house.coalition.currency.clone(),
        suspense: Money::ZERO,
        booked_on: part.booked_on,
        opened_at: house.now,
        text: "a part was paid; so much is missing".to_owned(),
        reference: None,
        confirmed_by: None,
    };
    Ok(open_items::add(house.database, &[note])?)
}

/// Settles a cycle that is instructed, if all of its payments are made. What the clearing house pays
/// itself needs no bank: it is posted when everybody else is even. Gives back whether it is settled.
///
/// # Errors
/// If the database fails.
pub fn settle_if_paid(
    house: &mut House<'_>,
    cycle: &CycleId,
    author: &str,
) -> Result<bool, PaymentError> {
    let operator = house.coalition.operator.clone();
    let all = payments::of_cycle(house.database, cycle)?;
    let (own, others): (Vec<Payment>, Vec<Payment>) =
        all.into_iter().partition(|one| one.leg.party == operator);
    if others.iter().any(|one| !one.open().is_zero()) {
        return Ok(false);
    }
    for mut payment in own.into_iter().filter(|one| !one.open().is_zero()) {
        let open = payment.open();
        let detail = Detail::Payment {
            leg: Some(payment.reference.clone()),
            entry: None,
            booked_on: None,
            item: None,
        };
        house.post(vec![payment.posting(open)], detail)?;
        payment.paid += open;
        payments::save(house.database, &payment)?;
    }
    let doing = Doing { author, at: house.now, note: "" };
    let steps = (CycleState::Instructed, CycleState::Settled);
    Ok(cycles::advance(house.database, cycle, steps, &doing)?)
}
