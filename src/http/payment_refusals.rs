//! Refusals of payments, bank statements and open items, as problems.

use super::problem::Problem;
use crate::payments::PaymentError;

impl From<PaymentError> for Problem {
    fn from(error: PaymentError) -> Self {
        let detail = error.to_string();
        match error {
            PaymentError::Store(error) => error.into(),
            PaymentError::Engine(error) => error.into(),
            PaymentError::NotFound => Self::not_found(),
            PaymentError::CycleState(_) => Self::wrong_cycle_state(&detail),
            PaymentError::OwnAccountMissing => Self::new(422, "own_account_missing", detail),
            PaymentError::OtherAccount(_) => Self::new(422, "other_account", detail),
            PaymentError::Camt(_) => Self::invalid("", &detail),
            PaymentError::Order(_) => Self::new(422, "payment_file_refused", detail),
            PaymentError::NothingToPay => Self::new(422, "nothing_to_pay", detail),
            PaymentError::ItemState(_) | PaymentError::EndsByItself => {
                Self::new(409, "open_item_state", detail)
            }
            PaymentError::DoesNotFit(_) => Self::new(422, "payment_does_not_fit", detail),
            PaymentError::SamePerson => Self::new(403, "second_person_needed", detail),
            PaymentError::WhyMissing => Self::invalid("/why", &detail),
        }
    }
}
