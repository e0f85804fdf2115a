//! A payment order: what the clearing house pays out of one account on one day.
//!
//! An order is checked once, as a whole; whoever writes one to a file takes it checked.

use std::collections::BTreeSet;
use std::ops::Deref;

use crate::domain::amount::Money;
use crate::domain::time::{Day, Instant, Zone};

use super::account::{Account, is_line};

/// The longest reference of a message or a payment, in characters.
pub const REFERENCE_MAX: usize = 35;

/// The longest text that says what a payment is for, in characters.
pub const REMITTANCE_MAX: usize = 140;

/// The largest sum that a bank's file can carry, in minor units: 18 digits.
const SUM_MAX: i64 = 999_999_999_999_999_999;

/// One payment of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The reference that comes back in the bank's statement; at most 35 characters.
    pub end_to_end_id: String,
    /// How much, in minor units; above zero.
    pub amount: Money,
    /// Who is paid.
    pub to: Account,
    /// What it is for; at most 140 characters on one line.
    pub remittance: String,
}

/// What is paid out of one account on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentOrder {
    /// The order's own reference, at most 35 characters: a bank takes each one once.
    pub message_id: String,
    /// When it was made.
    pub created_at: Instant,
    /// The zone in which the day of its making is written.
    pub zone: Zone,
    /// The day on which the bank is to pay.
    pub execution: Day,
    /// The ISO 4217 code.
    pub currency: String,
    /// Decimals of the currency, at most 5.
    pub money_scale: u32,
    /// The clearing house's account.
    pub from: Account,
    /// The payments, in the order in which they are written.
    pub payments: Vec<Payment>,
}

/// A payment order that is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedOrder {
    order: PaymentOrder,
    total: Money,
}

/// Why an order was refused, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OrderError {
    /// A reference has another form.
    #[error(
        "write the reference \"{0}\" as 1 to 35 Latin letters, digits, spaces and / - ? : ( ) . , ' +, \
         with no space and no slash at its ends and no two slashes together"
    )]
    Reference(String),
    /// The currency is no code.
    #[error("write the currency \"{0}\" as three capital letters")]
    Currency(String),
    /// A currency with so many decimals fits no bank's file.
    #[error("a bank's file has at most 5 decimals, not {0}")]
    Scale(u32),
    /// Nothing is to be paid.
    #[error("the order has no payments: nothing is to be sent")]
    Empty,
    /// A payment of nothing, or of less.
    #[error("payment {0} has no amount above zero: leave it out")]
    Amount(String),
    /// The amounts together are too large for a file.
    #[error("the payments together have more than 18 digits: make two orders")]
    Sum,
    /// Two payments have one reference, so that a statement could not tell them apart.
    #[error("two payments have the reference {0}: give each its own")]
    Twice(String),
    /// What a payment is for is missing, too long, or no text.
    #[error("write what payment {0} is for as 1 to 140 characters on one line")]
    Remittance(String),
    /// A file for a Russian bank was asked for what only another form can carry.
    #[error("the client-bank text carries {0}: use the ISO 20022 file for this order")]
    NotRussian(&'static str),
    /// A character that the client-bank text cannot carry.
    #[error(
        "the client-bank text has no character '{character}' (in \"{text}\"): write it otherwise"
    )]
    Character {
        /// The character.
        character: char,
        /// The text it stands in.
        text: String,
    },
}

impl PaymentOrder {
    /// The order, if all of it is in order.
    ///
    /// # Errors
    /// If something is not in order; the error says what to do.
    pub fn check(self) -> Result<CheckedOrder, OrderError> {
        check_reference(&self.message_id)?;
        if self.currency.len() != 3 || !self.currency.bytes().all(|one| one.is_ascii_uppercase()) {
            return Err(OrderError::Currency(self.currency));
        }
        if self.money_scale > 5 {
            return Err(OrderError::Scale(self.money_scale));
        }
        if self.payments.is_empty() {
            return Err(OrderError::Empty);
        }
        let mut seen = BTreeSet::new();
        let mut total = Money::ZERO;
        for payment in &self.payments {
            check_payment(payment)?;
            if !seen.insert(payment.end_to_end_id.as_str()) {
                return Err(OrderError::Twice(payment.end_to_end_id.clone()));
            }
            let sum = total.0.checked_add(payment.amount.0).filter(|&sum| sum <= SUM_MAX);
            total = Money(sum.ok_or(OrderError::Sum)?);
        }
        Ok(CheckedOrder { order: self, total })
    }
}

fn check_payment(payment: &Payment) -> Result<(), OrderError> {
    let id = &payment.end_to_end_id;
    check_reference(id)?;
    if !payment.amount.is_positive() {
        return Err(OrderError::Amount(id.clone()));
    }
    if !is_line(&payment.remittance, REMITTANCE_MAX) {
        return Err(OrderError::Remittance(id.clone()));
    }
    Ok(())
}

/// Checks a reference by the character set that every bank takes.
fn check_reference(text: &str) -> Result<(), OrderError> {
    let fits = |one: char| one.is_ascii_alphanumeric() || " /-?:().,'+".contains(one);
    let has_form = (1..=REFERENCE_MAX).contains(&text.len())
        && text.chars().all(fits)
        && !text.starts_with(['/', ' '])
        && !text.ends_with(['/', ' '])
        && !text.contains("//");
    has_form.then_some(()).ok_or_else(|| OrderError::Reference(text.to_owned()))
}

impl CheckedOrder {
    /// The sum of the payments.
    pub const fn total(&self) -> Money {
        self.total
    }

    /// An amount as the order's currency writes it.
    pub(super) fn amount_text(&self, amount: Money) -> String {
        amount.text(self.order.money_scale)
    }
}

impl Deref for CheckedOrder {
    type Target = PaymentOrder;

    fn deref(&self) -> &PaymentOrder {
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn refused(change: impl FnOnce(&mut PaymentOrder)) -> OrderError {
        let mut order = samples::russian_order();
        change(&mut order);
        order.check().expect_err("the order is not in order")
    }

    #[test]
    fn an_order_is_checked_as_a_whole() {
        let order = samples::russian_order().check().expect("the sample is in order");
        assert_eq!(order.total(), Money(12_345_678 + 100));

        assert_eq!(refused(|it| it.payments.clear()), OrderError::Empty);
        assert_eq!(refused(|it| it.money_scale = 6), OrderError::Scale(6));
        assert_eq!(refused(|it| it.currency = "rub".into()), OrderError::Currency("rub".into()));
        let id = samples::russian_order().payments[0].end_to_end_id.clone();
        let twice = refused(|it| it.payments[1].end_to_end_id = id.clone());
        assert_eq!(twice, OrderError::Twice(id.clone()));
        assert_eq!(refused(|it| it.payments[0].amount = Money(0)), OrderError::Amount(id.clone()));
        let long = "ж".repeat(141);
        assert_eq!(refused(|it| it.payments[0].remittance = long), OrderError::Remittance(id));
        assert_eq!(refused(|it| it.payments[0].amount = Money(SUM_MAX)), OrderError::Sum);
        assert_eq!(refused(|it| it.payments[0].amount = Money(i64::MAX)), OrderError::Sum);
    }

    #[test]
    fn a_reference_has_only_characters_that_every_bank_takes() {
        let long = "x".repeat(36);
        for wrong in ["", "/a", "a/", "a//b", " a", "a ", "a_b", "ж", "a\n", long.as_str()] {
            let error = refused(|it| it.message_id = wrong.into());
            assert_eq!(error, OrderError::Reference(wrong.into()));
            let error = refused(|it| it.payments[1].end_to_end_id = wrong.into());
            assert_eq!(error, OrderError::Reference(wrong.into()));
        }
        assert!(check_reference("RF38NET20261122").is_ok());
        assert!(check_reference("a/b-c?d:e(f).,'+ g").is_ok());
    }
}
