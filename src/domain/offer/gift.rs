//! Points that an offer gives: how many, until when, who pays. Written as a grant is.

use serde::{Deserialize, Serialize};

use crate::domain::ids::PartyId;
use crate::domain::obligation::EarnMoney;
use crate::domain::terms::funding::{FundingDocument, SettleDocument};
use crate::domain::terms::rate::{Rate, ShareDocument};
use crate::domain::terms::{Invalid, Programme};
use crate::domain::time::{Day, Instant};

/// The longest life of points that an offer gives, in days.
const DAYS_MAX: u32 = 3_650;

/// The last day of points, as written: `{days: 14}` after they are given, or `{through: DAY}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidDocument {
    /// So many days after the day on which they are given.
    Days(u32),
    /// This day, whenever they are given.
    Through(Day),
}

impl ValidDocument {
    /// Checks the words, at a place.
    ///
    /// # Errors
    /// If it is longer than ten years, or no day at all.
    pub fn check(self, pointer: &str) -> Result<(), Invalid> {
        match self {
            Self::Days(days) if !(1..=DAYS_MAX).contains(&days) => {
                Err(Invalid::at(format!("{pointer}/days"), "use 1 to 3650 days"))
            }
            _ => Ok(()),
        }
    }

    /// The last day of points that are given at an instant.
    pub fn last_day(self, programme: &Programme, given_at: Instant) -> Day {
        match self {
            Self::Days(days) => programme.zone.day_of(given_at).plus_days(days),
            Self::Through(day) => day,
        }
    }
}

/// Who pays for points that an offer gives, as a grant says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PaidDocument {
    /// Who pays, and which share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub funding: Option<Vec<ShareDocument>>,
    /// The price of a whole point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_point: Option<Rate>,
    /// A factor on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<Rate>,
    /// When it is owed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<SettleDocument>,
}

impl PaidDocument {
    /// The terms; none: those of the giving party's agreement count.
    ///
    /// # Errors
    /// If only a part of them is there, or a figure is out of its range.
    pub fn check(&self, pointer: &str) -> Result<Option<EarnMoney>, Invalid> {
        let (percentage, settle) = (self.percentage, self.settle);
        match (&self.funding, self.price_per_point) {
            (Some(funding), Some(price)) => {
                let written = FundingDocument { funding, price, percentage, settle, fee: None };
                written.check(pointer).map(Some)
            }
            (None, None) if percentage.is_none() && settle.is_none() => Ok(None),
            _ => {
                let detail = "give `funding` and `price_per_point` where it says who pays";
                Err(Invalid::at(format!("{pointer}/funding"), detail))
            }
        }
    }

    /// The parties that pay.
    pub fn payers(&self) -> impl Iterator<Item = &PartyId> {
        self.funding.iter().flatten().map(|share| &share.party)
    }
}
