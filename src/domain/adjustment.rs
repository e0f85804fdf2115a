//! Adjustments: money that the clearing house moves to set right what was posted before. They
//! touch no member's points.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::amount::Money;
use super::command::Kind;
use super::exact::Ratio;
use super::ids::{NameError, PartyId, ProgrammeId, Reference, ScheduleId, TransactionId};
use super::posting::{Body, LedgerAccount, ObligationKind};
use super::time::Instant;
use super::transaction::Transaction;

macro_rules! counted_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let number = text.strip_prefix($prefix).and_then(|rest| rest.parse().ok());
                let id = number.map(Self).ok_or(NameError::NotId)?;
                // Only the printed form is an id: no leading zeros, no sign.
                if 0 < id.0 && id.to_string() == text { Ok(id) } else { Err(NameError::NotId) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
                sink.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

counted_id! {
    /// A reconciliation. Printed `rec_NUMBER`.
    ReconciliationId, "rec_"
}

counted_id! {
    /// A dispute. Printed `dsp_NUMBER`.
    DisputeId, "dsp_"
}

/// Why the clearing house adjusts something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A break of a reconciliation.
    Break {
        /// The reconciliation.
        run: ReconciliationId,
        /// The number of the break.
        number: u64,
    },
    /// A dispute.
    Dispute {
        /// The dispute.
        dispute: DisputeId,
    },
}

/// A receipt's amount as it stands after an adjustment: what a partner's own list has to say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Corrected {
    /// The partner's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The kind of the line.
    pub kind: Kind,
    /// What is added to the receipt's amount.
    pub by_amount: Money,
    /// When it happened.
    pub at: Instant,
}

/// A correction of money by the clearing house.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// The clearing house's reference of it.
    pub reference: Reference,
    /// Whom it concerns.
    pub party: PartyId,
    /// On the other side: the pool of this programme; none: the clearing house itself.
    pub programme: Option<ProgrammeId>,
    /// By which schedule it is settled.
    pub schedule: ScheduleId,
    /// What it is: an adjustment, or the reserve of a dispute.
    pub obligation: ObligationKind,
    /// What the party owes; below zero: what it gets. Nothing where only a line is corrected.
    pub owes: Money,
    /// An instant of the cycle that it belongs to; none: the open one.
    pub belongs_to: Option<Instant>,
    /// The transaction that it corrects.
    pub of: Option<TransactionId>,
    /// Why.
    pub cause: Cause,
    /// The line that it corrects.
    pub corrected: Option<Corrected>,
}

/// What a party owed a programme's pool by a transaction; below zero: what it was owed.
fn owed_to_pool(transaction: &Transaction, party: &PartyId, programme: &ProgrammeId) -> Money {
    let is_party = |account: &LedgerAccount| *account == LedgerAccount::Party(party.clone());
    let is_pool = |account: &LedgerAccount| matches!(account, LedgerAccount::Pool(pool, _) if pool == programme);
    let change = |posting: &super::posting::Posting| match &posting.body {
        Body::Money { amount, .. } if is_party(&posting.from) && is_pool(&posting.to) => *amount,
        Body::Money { amount, .. } if is_pool(&posting.from) && is_party(&posting.to) => -*amount,
        _ => Money::ZERO,
    };
    transaction.postings.iter().map(change).sum()
}

/// What a party owes a programme's pool when a receipt of an amount is corrected by another one:
/// the same share of what it owed by the receipt, rounded half to even.
pub fn owes_for(
    transaction: &Transaction,
    (party, programme): (&PartyId, &ProgrammeId),
    (by, amount): (Money, Money),
) -> Money {
    if amount.is_zero() {
        return Money::ZERO;
    }
    let (by, amount) = if amount < Money::ZERO { (-by, -amount) } else { (by, amount) };
    let owed = owed_to_pool(transaction, party, programme);
    Money(Ratio::share_of(owed.0, by.0, amount.0).half_even())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse() {
        assert_eq!("rec_12".parse(), Ok(ReconciliationId(12)));
        assert_eq!(DisputeId(3).to_string(), "dsp_3");
        for text in ["rec_", "rec_0", "rec_-1", "rec_01", "dsp_1", "rec_99999999999999999999"] {
            assert_eq!(text.parse::<ReconciliationId>(), Err(NameError::NotId), "{text}");
        }
    }
}
