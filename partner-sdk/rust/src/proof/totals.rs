//! What the lines add up to, against what the statement says of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::amount;
use super::finding::{Fault, Finding, Place};
use super::row::Line;
use super::sections::Unique;

/// Sums of lines, in the currency's smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    count: u64,
    debit: i128,
    credit: i128,
}

impl Tally {
    fn add(&mut self, line: &Line<'_>) {
        self.count += 1;
        if line.is_debit {
            self.debit += line.amount;
        } else {
            self.credit += line.amount;
        }
    }
}

/// What the lines add up to.
#[derive(Default)]
pub struct Totals {
    scale: usize,
    all: Tally,
    by_type: BTreeMap<String, Tally>,
}

#[derive(Deserialize)]
struct Control {
    lines: u64,
    debit: String,
    credit: String,
    by_type: Unique<TypeControl>,
}

#[derive(Deserialize)]
struct TypeControl {
    count: u64,
    debit: String,
    credit: String,
}

#[derive(Deserialize)]
struct Summary {
    gross_debit: String,
    gross_credit: String,
}

impl Totals {
    /// No lines yet, in a currency with so many decimals.
    pub fn new(scale: usize) -> Self {
        Self { scale, ..Self::default() }
    }

    /// Adds a line.
    pub fn add(&mut self, line: &Line<'_>) {
        self.all.add(line);
        match self.by_type.get_mut(&line.record_type) {
            Some(tally) => tally.add(line),
            None => self.by_type.entry(line.record_type.clone()).or_default().add(line),
        }
    }

    /// How many lines there are.
    pub fn lines(&self) -> u64 {
        self.all.count
    }

    /// The sum of what the party owes.
    pub fn debit(&self) -> String {
        amount::print(self.all.debit, self.scale)
    }

    /// The sum of what is owed to the party.
    pub fn credit(&self) -> String {
        amount::print(self.all.credit, self.scale)
    }

    /// Checks the sections `control` and `summary`.
    pub fn check(&self, control: &str, summary: &str) -> Result<(), Finding> {
        let place = Place::Section("control");
        let says: Control = serde_json::from_str(control).map_err(|error| place.finds(error))?;
        same(place, "control.lines", says.lines, self.all.count)?;
        self.same_amount(place, "control.debit", &says.debit, self.all.debit)?;
        self.same_amount(place, "control.credit", &says.credit, self.all.credit)?;
        let found = says.by_type.0.keys().cloned().collect::<Vec<_>>().join(", ");
        let expected = self.by_type.keys().cloned().collect::<Vec<_>>().join(", ");
        same(place, "the list of control.by_type", found, expected)?;
        for (one, tally) in says.by_type.0.values().zip(self.by_type.values()) {
            same(place, "a count of control.by_type", one.count, tally.count)?;
            self.same_amount(place, "a debit of control.by_type", &one.debit, tally.debit)?;
            self.same_amount(place, "a credit of control.by_type", &one.credit, tally.credit)?;
        }
        let place = Place::Section("summary");
        let says: Summary = serde_json::from_str(summary).map_err(|error| place.finds(error))?;
        self.same_amount(place, "summary.gross_debit", &says.gross_debit, self.all.debit)?;
        self.same_amount(place, "summary.gross_credit", &says.gross_credit, self.all.credit)
    }

    fn same_amount(
        &self,
        place: Place,
        what: &'static str,
        found: &str,
        expected: i128,
    ) -> Result<(), Finding> {
        if amount::parse_sum(found, self.scale) == Some(expected) {
            return Ok(());
        }
        Err(place.finds(Fault::differs(what, found, amount::print(expected, self.scale))))
    }
}

fn same<T: PartialEq + ToString>(
    place: Place,
    what: &'static str,
    found: T,
    expected: T,
) -> Result<(), Finding> {
    if found == expected {
        return Ok(());
    }
    Err(place.finds(Fault::differs(what, found.to_string(), expected.to_string())))
}
