//! Files for a bank: what the clearing house still has to pay out of a cycle.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{PaymentError, own_account};
use crate::bank::client_bank::client_bank_1c;
use crate::bank::list::payment_list;
use crate::bank::order::{self, CheckedOrder, PaymentOrder};
use crate::bank::pain::pain_001;
use crate::domain::settlement::netting::Direction;
use crate::domain::settlement::payment::Payment;
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::terms::{Coalition, Party};
use crate::domain::time::Instant;
use crate::store::{Database, cycles, payments};

/// The form of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// ISO 20022, pain.001.001.09.
    Pain001,
    /// A text for people.
    List,
    /// The text of Russian client-bank programs, in windows-1251.
    ClientBank,
}

/// A file for a bank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its media type.
    pub content_type: &'static str,
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The payments that it leaves out, as their parties have no bank account: references.
    pub left_out: Vec<String>,
}

/// Writes what is still to be paid out of a cycle that is instructed. The day of payment is the due
/// one, or today if that is past.
///
/// # Errors
/// If the cycle is not instructed, there is nobody to be paid, the clearing house has no account, or
/// the form can't carry the payments.
pub fn file(
    database: &mut Database,
    (coalition, now): (&Coalition, Instant),
    cycle: &CycleId,
    form: Form,
) -> Result<File, PaymentError> {
    let row = cycles::find(database, cycle)?.ok_or(PaymentError::NotFound)?;
    if !matches!(row.state, CycleState::Instructed | CycleState::Settled) {
        return Err(PaymentError::CycleState(row.state));
    }
    let mut all = payments::of_cycle(database, cycle)?;
    all.retain(|one| {
        let is_out = one.leg.direction == Direction::PayOut;
        is_out && one.open().is_positive() && one.leg.party != coalition.operator
    });
    let (order, left_out) = order_of((coalition, now), cycle, &all)?;
    let order = order.check()?;
    let (content_type, extension, bytes) = match form {
        Form::Pain001 => ("application/xml", "xml", pain_001(&order).into_bytes()),
        Form::List => {
            let text = listed(&order, &left_out, coalition);
            ("text/plain; charset=utf-8", "list.txt", text.into_bytes())
        }
        Form::ClientBank => ("text/plain; charset=windows-1251", "1c.txt", client_bank_1c(&order)?),
    };
    let name = format!("{}.{extension}", order.message_id);
    let left_out = left_out.into_iter().map(|one| one.reference.clone()).collect();
    Ok(File { content_type, name, bytes, left_out })
}

/// The order, and the payments that it leaves out.
fn order_of<'a>(
    (coalition, now): (&Coalition, Instant),
    cycle: &CycleId,
    all: &'a [Payment],
) -> Result<(PaymentOrder, Vec<&'a Payment>), PaymentError> {
    let zone = coalition.schedule(&cycle.schedule).zone.clone();
    let (mut order_payments, mut left_out) = (Vec::new(), Vec::new());
    for one in all {
        let party = coalition.parties.get(&one.leg.party);
        match party.and_then(Party::bank_account) {
            None => left_out.push(one),
            Some(to) => order_payments.push(order::Payment {
                end_to_end_id: one.reference.clone(),
                amount: one.open(),
                to,
                remittance: format!("Settlement of cycle {cycle}, {}", one.reference),
            }),
        }
    }
    let due = all.iter().map(|one| one.due).min().ok_or(PaymentError::NothingToPay)?;
    if order_payments.is_empty() {
        return Err(PaymentError::NothingToPay);
    }
    let order = PaymentOrder {
        message_id: message_id(cycle, &order_payments),
        created_at: now,
        execution: due.max(zone.day_of(now)),
        zone,
        currency: coalition.currency.clone(),
        money_scale: coalition.money_scale,
        from: own_account(coalition)?,
        payments: order_payments,
    };
    Ok((order, left_out))
}

/// The reference of an order: a bank takes each one once, so the same payments have the same one.
fn message_id(cycle: &CycleId, payments: &[order::Payment]) -> String {
    let mut state = Sha256::new();
    state.update(cycle.to_string());
    for one in payments {
        state.update(format!(
            "\n{} {} {}",
            one.end_to_end_id,
            one.amount.0,
            one.to.number().text()
        ));
    }
    let digest = hex::encode_upper(&state.finalize()[..6]);
    format!("PO-{}-{digest}", cycle.first)
}

/// The list for people, with what no file can carry.
fn listed(order: &CheckedOrder, left_out: &[&Payment], coalition: &Coalition) -> String {
    let mut text = payment_list(order);
    if !left_out.is_empty() {
        text.push_str("\nLeft out, no bank account is known:\n");
    }
    for one in left_out {
        let amount = one.open().text(coalition.money_scale);
        let (party, reference) = (&one.leg.party, &one.reference);
        writeln!(text, "{party}  {amount} {}  {reference}", coalition.currency)
            .expect("a text takes whatever is written");
    }
    text
}
