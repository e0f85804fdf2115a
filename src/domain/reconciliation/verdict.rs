//! The verdict of a run: one word, and why a list is not the whole range.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::class::Class;
use super::finding::is_young;
use super::line::Book;
use super::rules::{Control, Rules};
use super::tie::Ties;
use crate::domain::amount::{Money, Points};
use crate::domain::time::Instant;

/// The one word for a run. The first that applies counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The list is not the whole range.
    Incomplete,
    /// Something has to be explained, adjusted or written off.
    Breaks,
    /// Nothing is wrong, but something may yet come.
    Pending,
    /// Both sides say the same.
    Reconciled,
}

impl Verdict {
    /// The word in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::Breaks => "breaks",
            Self::Pending => "pending",
            Self::Reconciled => "reconciled",
        }
    }
}

/// Why a list is not the whole range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "gap", rename_all = "snake_case")]
pub enum Gap {
    /// It says nothing of itself, and should.
    #[error("the list has no control line; add one, or declare its lines and sums")]
    NoControl,
    /// It has not as many lines as it says.
    #[error("the list declares {declared} lines and has {found}; upload all of it")]
    Lines {
        /// How many it says.
        declared: u64,
        /// How many it has.
        found: u64,
    },
    /// Its amounts don't sum to what it says.
    #[error("the amounts do not sum to what the list declares; upload all of it")]
    Amount {
        /// What it says, in minor units.
        declared: Money,
        /// What they sum to.
        found: Money,
    },
    /// Its points don't sum to what it says.
    #[error("the points do not sum to what the list declares; upload all of it")]
    Points {
        /// What it says.
        declared: Points,
        /// What they sum to.
        found: Points,
    },
    /// It says that it covers another range.
    #[error("the list covers {from} to {until}, which is not the whole range")]
    Range {
        /// The first instant that it covers.
        from: Instant,
        /// The first instant that it does not cover any more.
        until: Instant,
    },
    /// It begins too late.
    #[error("{missing} transactions lie before the first line of the list; upload all of it")]
    Head {
        /// How many of ours lie before it and are missing.
        missing: u64,
    },
    /// It ends too early.
    #[error("{missing} transactions lie after the last line of the list; upload all of it")]
    Tail {
        /// How many of ours lie after it and are missing.
        missing: u64,
    },
}

/// The verdict. `settled` breaks were dealt with before.
pub(super) fn of(gaps: &[Gap], counts: &BTreeMap<Class, u64>, settled: u64) -> Verdict {
    let breaks = counts.iter().filter(|(class, _)| class.is_break()).map(|(_, count)| count);
    if !gaps.is_empty() {
        Verdict::Incomplete
    } else if settled < breaks.sum() {
        Verdict::Breaks
    } else if counts.keys().any(|class| class.is_pending()) {
        Verdict::Pending
    } else {
        Verdict::Reconciled
    }
}

/// Why the list is not the whole range. What it declares is checked; without that, ours tell.
pub(super) fn gaps(book: &Book, rules: &Rules, ties: &Ties) -> Vec<Gap> {
    match &rules.control {
        Some(control) => control_gaps(book, rules, control),
        None if rules.requires_control => vec![Gap::NoControl],
        None => uncovered(book, rules, ties),
    }
}

fn control_gaps(book: &Book, rules: &Rules, control: &Control) -> Vec<Gap> {
    let rows = book.theirs.rows();
    let lines = u64::try_from(rows.len()).expect("a list is bounded");
    let amount = Money(rows.iter().map(|row| row.amount).sum());
    let points = Points(rows.iter().map(|row| row.points).sum());
    let mut gaps = Vec::new();
    if let Some(declared) = control.lines.filter(|&declared| declared != lines) {
        gaps.push(Gap::Lines { declared, found: lines });
    }
    if let Some(declared) = control.amount.filter(|&declared| declared != amount) {
        gaps.push(Gap::Amount { declared, found: amount });
    }
    if let Some(declared) = control.points.filter(|&declared| declared != points) {
        gaps.push(Gap::Points { declared, found: points });
    }
    let covers = |from, until| from <= rules.range.0 && rules.range.1 <= until;
    if let Some((from, until)) = control.range.filter(|&(from, until)| !covers(from, until)) {
        gaps.push(Gap::Range { from, until });
    }
    gaps
}

/// Looks for ours that are missing in a row before their first line or after their last one.
fn uncovered(book: &Book, rules: &Rules, ties: &Ties) -> Vec<Gap> {
    let instants = || book.theirs.rows().iter().map(|row| row.at);
    let missing = || {
        let rows = book.ours.rows().iter().zip(&ties.ours);
        let due = rows.filter(|(row, tie)| {
            row.in_range && tie.is_free() && !is_young(row.seen, rules.lag_there, rules.now)
        });
        due.map(|(row, _)| row.at)
    };
    let count = |places: usize| u64::try_from(places).expect("a side is bounded");
    let (Some(first), Some(last)) = (instants().min(), instants().max()) else {
        let missing = count(missing().count());
        return if missing == 0 { Vec::new() } else { vec![Gap::Tail { missing }] };
    };
    let before = count(missing().filter(|&at| at < first).count());
    let after = count(missing().filter(|&at| last < at).count());
    let mut gaps = Vec::new();
    if rules.gap_lines <= before {
        gaps.push(Gap::Head { missing: before });
    }
    if rules.gap_lines <= after {
        gaps.push(Gap::Tail { missing: after });
    }
    gaps
}
