//! The liability report: the points that members still have, what they cost and when they go.
//!
//! Lots are added one by one and kept only as sums, so a report of ten million lots needs no more
//! memory than one of ten. A report is of one instant: a lot past its day is lost whether or not
//! anything was posted for it yet. A hold past its time counts as held until that is posted.
//!
//! Money of a lot is points × the price at which it was funded, rounded half to even **once for
//! each lot**, and so is what is still to be paid for it at burn; so the ages, the cohorts and the days of loss each add up to the total. Days and
//! months are of the programme's zone. A lot is lost on its last good day.

mod report;
mod tally;

pub use report::{
    Age, Breakage, Cohort, Figure, Loss, MonthLoss, Outstanding, ProgrammeLiability, Report,
};
pub use tally::{LotFigures, Tally};

#[cfg(test)]
mod tests;
