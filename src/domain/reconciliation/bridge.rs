//! The bridge: from their totals to ours, class by class, gross as well as net, without a residue.
//!
//! Each currency has its own. A line in another cycle is a step of its own even where something
//! else is wrong with it: ours is not in the total that the bridge leads to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::class::Class;
use super::line::{Book, Currency, Row};
use crate::domain::amount::{Money, Points};

/// Sums of lines. Gross: all signs taken away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// How many lines; in a step, how many theirs has more.
    pub lines: i64,
    /// The amounts without their signs.
    pub gross: Money,
    /// The amounts with their signs.
    pub net: Money,
    /// The points without their signs.
    pub points_gross: Points,
    /// The points with their signs.
    pub points_net: Points,
}

impl Totals {
    fn of(row: &Row) -> Self {
        Self {
            lines: 1,
            gross: Money(row.amount.abs()),
            net: Money(row.amount),
            points_gross: Points(row.points.abs()),
            points_net: Points(row.points),
        }
    }

    fn add(&mut self, other: Self) {
        self.lines += other.lines;
        self.gross += other.gross;
        self.net += other.net;
        self.points_gross += other.points_gross;
        self.points_net += other.points_net;
    }

    fn subtract(&mut self, other: Self) {
        self.lines -= other.lines;
        self.gross -= other.gross;
        self.net -= other.net;
        self.points_gross -= other.points_gross;
        self.points_net -= other.points_net;
    }
}

/// What one class does between the two totals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The class. `matched` stands for lines that are one on one side and several on the other.
    pub class: Class,
    /// Theirs less ours.
    pub effect: Totals,
}

/// The way from their totals to ours in one currency: theirs less every step is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// The currency.
    pub currency: Currency,
    /// All lines of their list.
    pub theirs: Totals,
    /// What lies between, in the order of the classes; steps that change nothing are left out.
    pub steps: Vec<Step>,
    /// All lines of ours in the range.
    pub ours: Totals,
}

impl Bridge {
    /// What is left unexplained; nothing, or the run was wrong.
    pub fn residue(&self) -> Totals {
        let mut rest = self.theirs;
        for step in &self.steps {
            rest.subtract(step.effect);
        }
        rest.subtract(self.ours);
        rest
    }
}

/// The bridges of a run while it goes on.
#[derive(Debug)]
pub(super) struct Bridges {
    totals: BTreeMap<Currency, (Totals, Totals)>,
    steps: BTreeMap<(Currency, Class), Totals>,
}

impl Bridges {
    /// The totals of both sides, and no steps yet.
    pub(super) fn of(book: &Book) -> Self {
        let mut totals: BTreeMap<Currency, (Totals, Totals)> = BTreeMap::new();
        for row in book.theirs.rows() {
            totals.entry(row.currency).or_default().0.add(Totals::of(row));
        }
        for row in book.ours.rows().iter().filter(|row| row.in_range) {
            totals.entry(row.currency).or_default().1.add(Totals::of(row));
        }
        Self { totals, steps: BTreeMap::new() }
    }

    /// Counts a line of theirs that stands alone.
    pub(super) fn take_theirs(&mut self, class: Class, theirs: &Row) {
        self.step(class, theirs).add(Totals::of(theirs));
    }

    /// Counts a line of ours that stands alone.
    pub(super) fn take_ours(&mut self, class: Class, ours: &Row) {
        self.step(class, ours).subtract(Totals::of(ours));
    }

    /// Counts two lines that answer each other.
    pub(super) fn take_pair(&mut self, class: Class, theirs: &Row, ours: &Row) {
        self.take_theirs(class, theirs);
        self.take_ours(class, ours);
        if !ours.in_range {
            self.step(Class::Timing, ours).add(Totals::of(ours));
        }
    }

    fn step(&mut self, class: Class, row: &Row) -> &mut Totals {
        self.steps.entry((row.currency, class)).or_default()
    }

    /// The bridges, by currency.
    ///
    /// # Panics
    /// If one has a residue.
    pub(super) fn close(self) -> Vec<Bridge> {
        let nothing = Totals::default();
        let bridge = |(currency, (theirs, ours))| {
            let here =
                self.steps.range((currency, Class::Matched)..=(currency, Class::PendingInFile));
            let steps = here
                .filter(|(_, effect)| **effect != nothing)
                .map(|(&(_, class), &effect)| Step { class, effect })
                .collect();
            let bridge = Bridge { currency, theirs, steps, ours };
            assert_eq!(bridge.residue(), nothing, "a bridge leads from their totals to ours");
            bridge
        };
        self.totals.into_iter().map(bridge).collect()
    }
}
