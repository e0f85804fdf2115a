//! What the liability report says.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::domain::amount::decimal_text;
use crate::domain::ids::ProgrammeId;
use crate::domain::time::Instant;

/// A whole number of smallest units with its scale; written as decimal text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    /// Smallest units.
    pub units: i64,
    /// Digits after the point.
    pub scale: u32,
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(&decimal_text(self.units, self.scale))
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.collect_str(self)
    }
}

/// The liability of all programmes at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The instant.
    pub as_of: Instant,
    /// ISO 4217 code of the money.
    pub currency: String,
    /// The programmes, by id.
    pub programmes: Vec<ProgrammeLiability>,
}

/// The liability of one programme.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProgrammeLiability {
    /// Which.
    pub programme: ProgrammeId,
    /// Points that members have, by state.
    pub outstanding: Outstanding,
    /// The same by days since they were made.
    pub ages: Vec<Age>,
    /// All that was ever made, by the month in which it was made.
    pub cohorts: Vec<Cohort>,
    /// What is outstanding, by when it is lost. The ranges don't overlap.
    pub losses: Vec<Loss>,
    /// What is lost in each of the next twelve months, the current one first.
    pub months: Vec<MonthLoss>,
    /// What was lost so far.
    pub breakage: Breakage,
}

/// Points that members have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outstanding {
    /// Not yet to be spent.
    pub pending: Figure,
    /// To be spent now.
    pub available: Figure,
    /// Reserved by holds.
    pub held: Figure,
    /// Owed by members; stands apart, it belongs to no lot.
    pub debt: Figure,
    /// Pending, available and held.
    pub total: Figure,
    /// The total at the prices at which its lots were funded.
    pub funded: Figure,
    /// What is still to be paid for the total when it is burned, where not all was paid at issue.
    pub due_at_burn: Figure,
    /// The total at the programme's `point_value`, rounded half to even once.
    pub face: Figure,
}

/// Outstanding points of an age.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Age {
    /// At least so many days old.
    pub from_days: i64,
    /// At most so many; none: however old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through_days: Option<i64>,
    /// How many points.
    pub points: Figure,
    /// Their money.
    pub funded: Figure,
}

/// The points that were made in one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cohort {
    /// `YYYY-MM`.
    pub month: String,
    /// How many were made.
    pub issued: Figure,
    /// Of those still there and free.
    pub remaining: Figure,
    /// Of those reserved.
    pub held: Figure,
    /// Of those lost.
    pub expired: Figure,
    /// The rest: burned, exchanged or taken back.
    pub used: Figure,
    /// Money of those remaining and held.
    pub funded: Figure,
}

/// Outstanding points that are lost in a range of days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// `overdue` (past their day, reserved by a hold), `days_30`, `days_90`, `days_180`,
    /// `days_365`, `later`, `undated` (they wait for a delivery) or `never`.
    pub when: &'static str,
    /// How many points.
    pub points: Figure,
    /// Their money.
    pub funded: Figure,
}

/// Outstanding points that are lost in one month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MonthLoss {
    /// `YYYY-MM`.
    pub month: String,
    /// How many points.
    pub points: Figure,
    /// Their money.
    pub funded: Figure,
}

/// What was lost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Breakage {
    /// How many points, those not posted yet included.
    pub points: Figure,
    /// Their money at the prices at which their lots were funded.
    pub funded: Figure,
    /// How many of them are past their day and not posted yet.
    pub not_posted: Figure,
}
