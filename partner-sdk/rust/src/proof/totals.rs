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
    net: String,
    payable: String,
    receivable: String,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    debit: String,
    credit: String,
    net: String,
}

/// What the steps of a summary add up to.
const STEPS: [&str; 3] = [
    "a sum of summary.steps: debit",
    "a sum of summary.steps: credit",
    "a sum of summary.steps: net",
];

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
        self.same_amount(place, "summary.gross_credit", &says.gross_credit, self.all.credit)?;
        let net = self.all.credit - self.all.debit;
        self.same_amount(place, "summary.net", &says.net, net)?;
        self.same_amount(place, "summary.payable", &says.payable, (-net).max(0))?;
        self.same_amount(place, "summary.receivable", &says.receivable, net.max(0))?;
        let sum = |of: fn(&Step) -> &str| -> Option<i128> {
            says.steps.iter().map(|step| amount::parse_signed(of(step), self.scale)).sum()
        };
        let sums = [sum(|step| &step.debit), sum(|step| &step.credit), sum(|step| &step.net)];
        let due = [self.all.debit, self.all.credit, net];
        for (what, (found, due)) in STEPS.into_iter().zip(sums.into_iter().zip(due)) {
            let found = found.map_or_else(String::new, |sum| amount::print(sum, self.scale));
            self.same_amount(place, what, &found, due)?;
        }
        Ok(())
    }

    fn same_amount(
        &self,
        place: Place,
        what: &'static str,
        found: &str,
        expected: i128,
    ) -> Result<(), Finding> {
        if amount::parse_signed(found, self.scale) == Some(expected) {
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
