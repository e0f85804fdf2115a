//! Money in and out: payments of a cycle are instructed, written to files for a bank, found again in
//! what the bank booked, and what is found to be nobody's waits as an open item.
//!
//! All that changes holds the lock of the house's head, and is one transaction of the database with
//! what it posts: nothing is posted twice, whoever imports what how often.

pub mod import;
pub mod instruct;
pub mod items;
mod judging;
pub mod order;
mod progress;
pub mod view;

use crate::bank::account::Account;
use crate::bank::camt::CamtError;
use crate::bank::order::OrderError;
use crate::domain::settlement::CycleState;
use crate::domain::settlement::payment::ItemState;
use crate::domain::terms::coalition::currency_scale;
use crate::domain::terms::{Coalition, Party};
use crate::engine::{ConfigureError, EngineError};
use crate::store::StoreError;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key was used for another request.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// There is no such cycle, payment or item.
    #[error("there is no such thing")]
    NotFound,
    /// A cycle that this can't be done with.
    #[error("the cycle is {}; {}", .0.name(), what_first(*.0))]
    CycleState(CycleState),
    /// The clearing house has no bank account.
    #[error("give the operator a bank account first: POST /v1/parties with its `account`")]
    OwnAccountMissing,
    /// A bank's statement of another account.
    #[error("the statement is of account {0}, which is not the clearing house's: nothing was read")]
    OtherAccount(String),
    /// A bank's file that can't be read.
    #[error(transparent)]
    Camt(#[from] CamtError),
    /// A file for a bank that can't be written.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// There is nothing to be paid out, or nobody who could be.
    #[error("there is nothing to pay out, or those to be paid have no bank account")]
    NothingToPay,
    /// An item that is no longer open.
    #[error("the item is {} already", .0.name())]
    ItemState(ItemState),
    /// An item without money: it ends by itself.
    #[error("this item ends by itself when its payment comes; nothing is to be done with it")]
    EndsByItself,
    /// Money that can't be assigned to this payment.
    #[error("{0}")]
    DoesNotFit(&'static str),
    /// One person can't do it alone.
    #[error("you proposed this yourself; somebody else has to do it too")]
    SamePerson,
    /// Nobody said why.
    #[error("say why, in 1 to 500 characters")]
    WhyMissing,
}

impl From<ConfigureError> for PaymentError {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Store(error) => Self::Store(error),
            ConfigureError::Engine(error) => Self::Engine(error),
            // Nothing else is asked of the answers that are kept.
            ConfigureError::Invalid(_) | ConfigureError::TooManyKeys => {
                Self::Engine(EngineError::Failed)
            }
        }
    }
}

const fn what_first(state: CycleState) -> &'static str {
    match state {
        CycleState::Open | CycleState::Closing => "close it first",
        CycleState::Closed => "publish its statements first",
        CycleState::Published => "its parties have to agree first, or to object",
        CycleState::Acknowledged | CycleState::Disputed => "instruct its payments first",
        CycleState::Instructed => "its payments are on their way",
        CycleState::Settled => "all of it was paid",
    }
}

/// The clearing house's own bank account.
fn own_account(coalition: &Coalition) -> Result<Account, PaymentError> {
    let operator = coalition.parties.get(&coalition.operator);
    operator.and_then(Party::bank_account).ok_or(PaymentError::OwnAccountMissing)
}

/// Decimals of a currency: the coalition's, or those that are known of another.
fn scale_of(currency: &str, coalition: &Coalition) -> u32 {
    if currency == coalition.currency {
        coalition.money_scale
    } else {
        currency_scale(currency).unwrap_or(coalition.money_scale)
    }
}
