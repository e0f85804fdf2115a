//! The classes in which lines end.

use serde::{Deserialize, Serialize};

use super::line::Row;
use super::rules::Rules;

/// The one class in which a line ends.
///
/// Of several differences between two lines the first in this order counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The same on both sides.
    Matched,
    /// The same key in another currency.
    CurrencyMismatch,
    /// Amount or points run in opposite directions.
    SignMismatch,
    /// The amounts differ.
    AmountMismatch,
    /// The points differ.
    PointsMismatch,
    /// The dates differ.
    DateMismatch,
    /// The line is right, but ours lies in another cycle.
    Timing,
    /// Their line has a key that their list has before.
    DuplicateInFile,
    /// Their line is not in the ledger.
    MissingInLedger,
    /// Our line is not in their list.
    MissingInFile,
    /// Their line is not in the ledger, but may yet come within the agreed lag.
    PendingInLedger,
    /// Our line is not in their list, but may yet come within the agreed lag.
    PendingInFile,
}

impl Class {
    /// The word in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Matched => "matched",
            Self::CurrencyMismatch => "currency_mismatch",
            Self::SignMismatch => "sign_mismatch",
            Self::AmountMismatch => "amount_mismatch",
            Self::PointsMismatch => "points_mismatch",
            Self::DateMismatch => "date_mismatch",
            Self::Timing => "timing",
            Self::DuplicateInFile => "duplicate_in_file",
            Self::MissingInLedger => "missing_in_ledger",
            Self::MissingInFile => "missing_in_file",
            Self::PendingInLedger => "pending_in_ledger",
            Self::PendingInFile => "pending_in_file",
        }
    }

    /// Whether it is neither a match nor a break yet.
    pub const fn is_pending(self) -> bool {
        matches!(self, Self::PendingInLedger | Self::PendingInFile)
    }

    /// Whether somebody has to explain, adjust or write it off.
    pub const fn is_break(self) -> bool {
        !matches!(self, Self::Matched) && !self.is_pending()
    }

    /// How different two lines of such a class are, the least first.
    pub(super) const fn difference(self) -> u8 {
        match self {
            Self::Matched => 0,
            Self::Timing => 1,
            Self::DateMismatch => 2,
            Self::PointsMismatch => 3,
            Self::AmountMismatch => 4,
            Self::SignMismatch => 5,
            _ => 6,
        }
    }

    /// The class of two lines with the same key.
    pub(super) fn of_pair(theirs: &Row, ours: &Row, rules: &Rules) -> Self {
        let opposite = |one: i64, other: i64| one.signum() * other.signum() < 0;
        if theirs.currency != ours.currency {
            Self::CurrencyMismatch
        } else if opposite(theirs.amount, ours.amount) || opposite(theirs.points, ours.points) {
            Self::SignMismatch
        } else if theirs.amount != ours.amount {
            Self::AmountMismatch
        } else if theirs.points != ours.points {
            Self::PointsMismatch
        } else if rules.differ_in_date(theirs.at, ours.at) {
            Self::DateMismatch
        } else if ours.in_range {
            Self::Matched
        } else {
            Self::Timing
        }
    }
}
