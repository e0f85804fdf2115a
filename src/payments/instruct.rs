//! Instructing a cycle: its frozen positions become payments.

use super::PaymentError;
use super::progress::settle_if_paid;
use crate::domain::amount::Money;
use crate::domain::settlement::netting::legs;
use crate::domain::settlement::payment::Payment;
use crate::domain::settlement::{CycleId, CycleState};
use crate::engine::{Engine, House};
use crate::statement::reference_of;
use crate::store::cycles::{self, Doing};
use crate::store::payments;

/// Makes the payments of a cycle that everybody agreed to, or that is paid although somebody did
/// not. Doing it again changes nothing. A cycle without payments is settled at once.
///
/// # Errors
/// If the cycle is not that far, or the database fails.
pub fn instruct(engine: &Engine, cycle: &CycleId, author: &str) -> Result<(), PaymentError> {
    engine.on_house(|house| {
        let row = cycles::find(house.database, cycle)?.ok_or(PaymentError::NotFound)?;
        match row.state {
            CycleState::Instructed | CycleState::Settled => return Ok(()),
            CycleState::Acknowledged | CycleState::Disputed => {}
            early => return Err(PaymentError::CycleState(early)),
        }
        let all = payments_of(house, cycle)?;
        payments::add(house.database, &all)?;
        let doing = Doing { author, at: house.now, note: "" };
        cycles::advance(house.database, cycle, (row.state, CycleState::Instructed), &doing)?;
        settle_if_paid(house, cycle, author)?;
        Ok(())
    })
}

/// The payments of a closed cycle, by what counted at its end.
fn payments_of(house: &mut House<'_>, cycle: &CycleId) -> Result<Vec<Payment>, PaymentError> {
    let end = house.coalition.schedule(&cycle.schedule).closes(cycle.first);
    let schedule = house.timeline.at(end.plus_micros(-1)).schedule(&cycle.schedule);
    let due = schedule.due(cycle.first);
    let positions = cycles::positions_of(house.database, cycle)?;
    let payment = |leg| Payment {
        reference: reference_of(cycle, &leg),
        cycle: cycle.clone(),
        leg,
        due,
        paid: Money::ZERO,
        returned: false,
    };
    Ok(legs(schedule.netting, &positions).into_iter().map(payment).collect())
}
