//! Two sides of a reconciliation with planted faults, the same every time for a seed.
//!
//! Twelve kinds of faults take turns. Nine have to be found, each in its class; three look like
//! faults and have to be matched: a receipt split on their side, one split on ours, and a changed
//! reference. No two lines near each other have the same amount, so that what was planted is the
//! whole truth.

use crate::domain::amount::{Money, Points};
use crate::domain::command::Kind;
use crate::domain::ids::{ShardId, TransactionId};
use crate::domain::reconciliation::{Class, Currency, OurLine, Rules, TheirLine};
use crate::domain::time::{Day, Instant, Zone};

#[cfg(test)]
mod tests;

/// Microseconds.
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// 2026-06-01T21:00:00Z, midnight in Moscow.
const START: i64 = 1_780_347_600 * SECOND;

/// Lines at the end that have no faults, so that the number of lines comes out.
const CALM: u64 = 16;

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    MissingInLedger,
    MissingInFile,
    Amount,
    Points,
    Date,
    Duplicate,
    Sign,
    Currency,
    Timing,
    SplitThere,
    SplitHere,
    Reference,
}

/// All faults, in the order in which they take turns.
const FAULTS: [Fault; 12] = [
    Fault::MissingInLedger,
    Fault::MissingInFile,
    Fault::Amount,
    Fault::Points,
    Fault::Date,
    Fault::Duplicate,
    Fault::Sign,
    Fault::Currency,
    Fault::Timing,
    Fault::SplitThere,
    Fault::SplitHere,
    Fault::Reference,
];

/// How much is made.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Lines of the partner's list, exactly; at least 100.
    pub lines: u64,
    /// Faults in a thousand lines.
    pub faults: u64,
    /// Where chance begins.
    pub seed: u64,
}

/// A fault that has to be found: its class and the reference under which it is.
pub type Expected = (Class, String);

/// The rules that the two sides were made for: the day after [`START`], asked ten days later.
///
/// # Panics
/// Never: the zone is compiled in.
pub fn rules() -> Rules {
    let zone = Zone::named("Europe/Moscow").expect("a zone of the tz database");
    Rules::of((Instant(START), Instant(START + DAY)), zone, Instant(START + 11 * DAY))
}

/// The settlement day of the rules.
pub fn day() -> Day {
    rules().zone.day_of(Instant(START))
}

/// Makes both sides, line by line, and says what has to be found.
///
/// # Panics
/// If fewer than 100 lines are asked for.
pub fn plant(
    plan: Plan,
    theirs: &mut dyn FnMut(TheirLine),
    ours: &mut dyn FnMut(OurLine),
) -> Vec<Expected> {
    assert!(100 <= plan.lines, "few lines have no room for every fault");
    let currency = |code: &str| code.parse().expect("a currency");
    let mut garden = Garden {
        plan,
        chance: plan.seed,
        line_no: 0,
        sequence: 0,
        faults: 0,
        expected: Vec::new(),
        currencies: (currency("RUB"), currency("EUR")),
        theirs,
        ours,
    };
    let mut number = 0;
    while garden.line_no < plan.lines {
        garden.grow(number);
        number += 1;
    }
    garden.expected
}

/// What is being made.
struct Garden<'a> {
    plan: Plan,
    chance: u64,
    line_no: u64,
    sequence: i64,
    faults: usize,
    expected: Vec<Expected>,
    currencies: (Currency, Currency),
    theirs: &'a mut dyn FnMut(TheirLine),
    ours: &'a mut dyn FnMut(OurLine),
}

impl Garden<'_> {
    /// Makes the lines of one receipt.
    fn grow(&mut self, number: u64) {
        let (their_line, our_line) = self.receipt(number);
        match self.fault() {
            None => {
                self.give_theirs(their_line);
                self.give_ours(our_line);
            }
            Some(fault) => self.plant(fault, their_line, our_line),
        }
    }

    /// The fault of the next receipt, if it has one.
    fn fault(&mut self) -> Option<Fault> {
        let is_calm = self.plan.lines < self.line_no + CALM;
        if self.below(1_000) >= self.plan.faults || is_calm {
            return None;
        }
        let fault = FAULTS[self.faults % FAULTS.len()];
        self.faults += 1;
        Some(fault)
    }

    fn plant(&mut self, fault: Fault, mut theirs: TheirLine, mut ours: OurLine) {
        let reference = theirs.reference.clone();
        let sign = theirs.amount.0.signum();
        let class = match fault {
            Fault::MissingInLedger => {
                self.give_theirs(theirs);
                self.expected.push((Class::MissingInLedger, reference));
                return;
            }
            Fault::MissingInFile => {
                self.give_ours(ours);
                self.expected.push((Class::MissingInFile, reference));
                return;
            }
            Fault::SplitThere => return self.split_there(theirs, ours),
            Fault::SplitHere => return self.split_here(theirs, ours),
            Fault::Reference => {
                theirs.reference = format!("till{reference}");
                theirs.at = theirs.at.plus_micros(SECOND);
                self.give_theirs(theirs);
                self.give_ours(ours);
                return;
            }
            Fault::Amount => {
                theirs.amount += Money(sign * (1 + self.small(999)));
                Class::AmountMismatch
            }
            Fault::Points => {
                theirs.points += Points(sign * (1 + self.small(9)));
                Class::PointsMismatch
            }
            Fault::Date => {
                theirs.at = theirs.at.plus_micros(-2 * DAY);
                Class::DateMismatch
            }
            Fault::Duplicate => {
                self.give_theirs(theirs.clone());
                Class::DuplicateInFile
            }
            Fault::Sign => {
                (theirs.amount, theirs.points) = (-theirs.amount, -theirs.points);
                Class::SignMismatch
            }
            Fault::Currency => {
                theirs.currency = self.currencies.1;
                Class::CurrencyMismatch
            }
            Fault::Timing => {
                ours.recorded_at = ours.recorded_at.plus_micros(DAY);
                ours.in_range = false;
                Class::Timing
            }
        };
        self.give_theirs(theirs);
        self.give_ours(ours);
        self.expected.push((class, reference));
    }

    /// Their side has the receipt in two or three lines; the first may keep the reference.
    fn split_there(&mut self, theirs: TheirLine, ours: OurLine) {
        let parts = 2 + self.small(2);
        let keeps = self.below(2) == 0;
        let (amount, points) = (theirs.amount.0 / parts, theirs.points.0 / parts);
        for part in 1..parts {
            let mut line = theirs.clone();
            line.reference = format!("{}/{part}", theirs.reference);
            (line.amount, line.points) = (Money(amount), Points(points));
            self.give_theirs(line);
        }
        let mut last = theirs;
        if !keeps {
            last.reference = format!("{}/{parts}", last.reference);
        }
        last.amount -= Money(amount * (parts - 1));
        last.points -= Points(points * (parts - 1));
        self.give_theirs(last);
        self.give_ours(ours);
    }

    /// Our side has the receipt in two lines.
    fn split_here(&mut self, theirs: TheirLine, ours: OurLine) {
        let (mut first, mut second) = (ours.clone(), ours);
        first.reference = format!("{}-1", theirs.reference);
        second.reference = format!("{}-2", theirs.reference);
        (first.amount, first.points) = (Money(first.amount.0 / 3), Points(first.points.0 / 3));
        second.amount -= first.amount;
        second.points -= first.points;
        self.give_theirs(theirs);
        self.give_ours(first);
        self.give_ours(second);
    }

    /// A receipt that is right on both sides; every tenth is a refund.
    fn receipt(&mut self, number: u64) -> (TheirLine, OurLine) {
        let place = i64::try_from(number).expect("a small number");
        let lines = i64::try_from(self.plan.lines).expect("a small number");
        let at = Instant(START + place * (DAY - 3_600 * SECOND) / (lines + lines / 10));
        let (kind, sign) = if number % 10 == 9 { (Kind::Refund, -1) } else { (Kind::Purchase, 1) };
        let amount = sign * (10_000 + place * 7_919 % 999_983);
        let theirs = TheirLine {
            line_no: 0,
            reference: format!("R{number:07}"),
            kind: Some(kind),
            amount: Money(amount),
            points: Points(amount / 100),
            at,
            currency: self.currencies.0,
        };
        let ours = OurLine {
            transaction: TransactionId(0),
            reference: theirs.reference.clone(),
            kind,
            amount: theirs.amount,
            points: theirs.points,
            recorded_at: at.plus_micros(2 * SECOND),
            at: Some(at),
            currency: theirs.currency,
            in_range: true,
        };
        (theirs, ours)
    }

    fn give_theirs(&mut self, line: TheirLine) {
        self.line_no += 1;
        (self.theirs)(TheirLine { line_no: self.line_no, ..line });
    }

    fn give_ours(&mut self, line: OurLine) {
        self.sequence += 1;
        let transaction = TransactionId::new(ShardId(self.sequence % 16), self.sequence);
        (self.ours)(OurLine { transaction, ..line });
    }

    /// A number from 0 to one below `end` (`SplitMix64`).
    fn below(&mut self, end: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.chance;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }

    fn small(&mut self, end: u64) -> i64 {
        i64::try_from(self.below(end)).expect("a small number")
    }
}
