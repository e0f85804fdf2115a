//! What the lines add up to, against what the statement says of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::amount;
use super::finding::{Fault, Finding, Place};
use super::header::Header;
use super::row::Line;
use super::sections::Unique;
use super::steps::step_of;

/// Digits after the point of a sum of points: more than any programme has.
const POINTS_SCALE: usize = 12;

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

    fn net(&self) -> i128 {
        self.credit - self.debit
    }
}

/// What the lines add up to.
#[derive(Default)]
pub struct Totals {
    scale: usize,
    /// Whether the steps of the summary are known by their names.
    has_steps: bool,
    all: Tally,
    /// The points of all lines; none: a line's are no number.
    points: Option<i128>,
    by_type: BTreeMap<String, Tally>,
    by_step: BTreeMap<&'static str, Tally>,
    /// What is owed to and by each counterparty, before what was given back turns it round.
    between: BTreeMap<String, Tally>,
}

#[derive(Deserialize)]
struct Control {
    lines: u64,
    points: Option<String>,
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
    step: String,
    debit: String,
    credit: String,
    net: String,
}

#[derive(Deserialize)]
struct MatrixRow {
    counterparty: String,
    debit: String,
    credit: String,
    net: String,
}

#[derive(Deserialize)]
struct CashRow {
    direction: String,
    amount: String,
    counterparty: Option<String>,
}

/// The sections that follow from the lines.
pub struct Stated<'s> {
    /// The section `control`.
    pub control: &'s str,
    /// The section `summary`.
    pub summary: &'s str,
    /// The section `matrix`.
    pub matrix: &'s str,
    /// The section `cash`.
    pub cash: &'s str,
}

/// What the steps of a summary add up to.
const STEPS: [&str; 3] = [
    "a sum of summary.steps: debit",
    "a sum of summary.steps: credit",
    "a sum of summary.steps: net",
];

fn read<'s, T: Deserialize<'s>>(place: Place, text: &'s str) -> Result<T, Finding> {
    serde_json::from_str(text).map_err(|error| place.finds(error))
}

impl Totals {
    /// No lines yet of a statement with this header.
    pub fn new(header: &Header) -> Self {
        let (scale, has_steps) = (header.money_scale, header.layout > 1);
        Self { scale, has_steps, points: Some(0), ..Self::default() }
    }

    /// Adds a line.
    pub fn add(&mut self, line: &Line<'_>) {
        self.all.add(line);
        match self.by_type.get_mut(&line.record_type) {
            Some(tally) => tally.add(line),
            None => self.by_type.entry(line.record_type.clone()).or_default().add(line),
        }
        self.by_step.entry(step_of(line)).or_default().add(line);
        let points = amount::parse_signed(&line.points, POINTS_SCALE);
        self.points = self.points.zip(points).and_then(|(sum, one)| sum.checked_add(one));
        // What is given back lowers what was owed in the direction that it lowers; of discounts
        // the reversal adds again.
        let adds = line.reverses == (line.obligation == "volume_discount");
        let (is_debit, sign) = if adds { (line.is_debit, 1) } else { (!line.is_debit, -1) };
        let between = match self.between.get_mut(&line.counterparty) {
            Some(tally) => tally,
            None => self.between.entry(line.counterparty.clone()).or_default(),
        };
        *(if is_debit { &mut between.debit } else { &mut between.credit }) += sign * line.amount;
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

    /// Checks the sections that follow from the lines.
    pub fn check(&self, stated: &Stated<'_>) -> Result<(), Finding> {
        self.check_control(stated.control)?;
        self.check_summary(stated.summary)?;
        let matrix = self.check_matrix(stated.matrix)?;
        self.check_cash(stated.cash, &matrix)
    }

    fn check_control(&self, control: &str) -> Result<(), Finding> {
        let place = Place::Section("control");
        let says: Control = read(place, control)?;
        same(place, "control.lines", says.lines, self.all.count)?;
        self.check_points(says.points.as_deref())?;
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
        Ok(())
    }

    /// The points of all lines, which statements of the first layout may leave out.
    fn check_points(&self, stated: Option<&str>) -> Result<(), Finding> {
        let place = Place::Section("control");
        let Some(stated) = stated else {
            let fault = Fault::Layout("control.points is missing");
            return if self.has_steps { Err(place.finds(fault)) } else { Ok(()) };
        };
        let found = amount::parse_signed(stated, POINTS_SCALE);
        if found.is_some() && found == self.points {
            return Ok(());
        }
        let sum = self.points.map(|sum| amount::print(sum, POINTS_SCALE));
        let sum = sum
            .as_deref()
            .map_or("no number", |sum| sum.trim_end_matches('0').trim_end_matches('.'));
        Err(place.finds(Fault::differs("control.points", stated, sum)))
    }

    fn check_summary(&self, summary: &str) -> Result<(), Finding> {
        let place = Place::Section("summary");
        let says: Summary = read(place, summary)?;
        self.same_amount(place, "summary.gross_debit", &says.gross_debit, self.all.debit)?;
        self.same_amount(place, "summary.gross_credit", &says.gross_credit, self.all.credit)?;
        let net = self.all.net();
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
        if self.has_steps { self.check_steps(&says.steps) } else { Ok(()) }
    }

    /// Each step of the summary, VAT among them, against the lines that it is made of.
    fn check_steps(&self, steps: &[Step]) -> Result<(), Finding> {
        let place = Place::Section("summary");
        let mut left = self.by_step.clone();
        for one in steps {
            let due = left.remove(&*one.step).unwrap_or_default();
            self.same_amount(place, "the debit of a step", &one.debit, due.debit)?;
            self.same_amount(place, "the credit of a step", &one.credit, due.credit)?;
            self.same_amount(place, "the net of a step", &one.net, due.net())?;
        }
        match left.keys().next() {
            Some(step) => Err(place.finds(Fault::differs("the list of summary.steps", "", *step))),
            None => Ok(()),
        }
    }

    /// The rows of the matrix against the lines; the nets by counterparty.
    fn check_matrix(&self, matrix: &str) -> Result<BTreeMap<String, Tally>, Finding> {
        let place = Place::Section("matrix");
        let rows: Vec<MatrixRow> = read(place, matrix)?;
        let found = rows.iter().map(|row| row.counterparty.as_str()).collect::<Vec<_>>();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        let expected = self.between.keys().cloned().collect::<Vec<_>>().join(", ");
        same(place, "the list of counterparties", sorted.join(", "), expected)?;
        let mut all = BTreeMap::new();
        for row in &rows {
            let Tally { debit, credit, count } = self.between[&row.counterparty];
            // Where more was given back than was owed, the rest is owed the other way.
            let turned = Tally {
                debit: debit.max(0) + (-credit).max(0),
                credit: credit.max(0) + (-debit).max(0),
                count,
            };
            self.same_amount(place, "a debit of the matrix", &row.debit, turned.debit)?;
            self.same_amount(place, "a credit of the matrix", &row.credit, turned.credit)?;
            self.same_amount(place, "a net of the matrix", &row.net, turned.net())?;
            all.insert(row.counterparty.clone(), turned);
        }
        Ok(all)
    }

    /// What is to be paid: the net with all together, or with each counterparty the net or both
    /// sides.
    fn check_cash(&self, cash: &str, matrix: &BTreeMap<String, Tally>) -> Result<(), Finding> {
        let place = Place::Section("cash");
        let rows: Vec<CashRow> = read(place, cash)?;
        let mut paid: BTreeMap<Option<&str>, Tally> = BTreeMap::new();
        for row in &rows {
            let amount = amount::parse_sum(&row.amount, self.scale).filter(|amount| 0 < *amount);
            let malformed = || place.finds(Fault::malformed("an amount", &row.amount));
            let amount = amount.ok_or_else(malformed)?;
            let tally = paid.entry(row.counterparty.as_deref()).or_default();
            tally.count += 1;
            match row.direction.as_str() {
                "you_pay" => tally.debit += amount,
                "you_are_paid" => tally.credit += amount,
                other => return Err(place.finds(Fault::malformed("a direction", other))),
            }
        }
        if let Some(all) = paid.get(&None) {
            same(place, "the count of payments", rows.len(), 1)?;
            let found = amount::print(all.net(), self.scale);
            return self.same_amount(place, "what is to be paid", &found, self.all.net());
        }
        if let Some(other) = paid.keys().flatten().find(|one| !matrix.contains_key(**one)) {
            return Err(place.finds(Fault::differs("a counterparty", other, "one of the matrix")));
        }
        // Nothing to pay is zero with all together; else it is with everybody.
        if rows.is_empty() && self.all.net() == 0 {
            return Ok(());
        }
        for (counterparty, due) in matrix {
            let is = paid.get(&Some(counterparty.as_str())).copied().unwrap_or_default();
            let found = amount::print(is.net(), self.scale);
            self.same_amount(place, "what is to be paid", &found, due.net())?;
            let is_net = is.debit == 0 || is.credit == 0;
            let is_gross = (is.debit, is.credit) == (due.debit, due.credit);
            if 2 < is.count || !(is_net || is_gross) {
                let due = amount::print(due.debit, self.scale);
                let paid = amount::print(is.debit, self.scale);
                return Err(place.finds(Fault::differs("what you pay", paid, due)));
            }
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
