//! Findings: for every line its class, and for what is no match its effect and a proposal.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reconciled;
use super::bridge::{Bridge, Bridges};
use super::class::Class;
use super::line::{Book, Currency, Place, Row};
use super::rules::Rules;
use super::tie::Tie;
use super::verdict::{Gap, Verdict};
use crate::domain::amount::{Money, Points};
use crate::domain::command::Kind;
use crate::domain::ids::TransactionId;
use crate::domain::time::Instant;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// What one side says of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// The kind, where it is said.
    pub kind: Option<Kind>,
    /// The amount, signed, in minor units.
    pub amount: Money,
    /// The points, signed, in smallest units.
    pub points: Points,
    /// When it happened.
    pub at: Instant,
    /// The currency.
    pub currency: Currency,
}

/// The entry that would make both sides agree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Proposal {
    /// Post their line here, into the open cycle.
    PostHere {
        /// The kind, where they say it.
        kind: Option<Kind>,
        /// The amount, signed.
        amount: Money,
        /// The points, signed.
        points: Points,
    },
    /// Reverse our transaction here, in the open cycle.
    ReverseHere {
        /// The transaction.
        transaction: TransactionId,
    },
    /// Correct our transaction here, in the open cycle.
    CorrectHere {
        /// The transaction.
        transaction: TransactionId,
        /// What to add to its amount.
        by_amount: Money,
        /// What to add to its points.
        by_points: Points,
    },
    /// The partner corrects its line to what our transaction says.
    CorrectThere {
        /// Its line.
        line_no: u64,
        /// The transaction.
        transaction: TransactionId,
    },
    /// The partner takes its line out: it has it twice.
    RemoveThere {
        /// Its line.
        line_no: u64,
    },
    /// Nothing to post: the line counts in the cycle of our transaction, in their list too.
    CarryOver {
        /// Its line.
        line_no: u64,
        /// When the server recorded our transaction.
        recorded_at: Instant,
    },
    /// Nothing yet: it may still come.
    Wait,
}

/// A line that is no match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Break {
    /// Its number within the run, from 1.
    pub number: u64,
    /// What is wrong.
    pub class: Class,
    /// The number of their line; none: they have none.
    pub line_no: Option<u64>,
    /// Our transaction; none: we have none.
    pub transaction: Option<TransactionId>,
    /// The reference, theirs if they have a line.
    pub reference: String,
    /// What they say.
    pub theirs: Option<Figures>,
    /// What we say.
    pub ours: Option<Figures>,
    /// The currency of the effect: ours, if we have a line.
    pub currency: Currency,
    /// What they have more than we, in this range; of another currency's amount nothing counts.
    pub effect: Money,
    /// The points that they have more than we, in this range.
    pub points_effect: Points,
    /// Whole days since it happened there, or since it was recorded here if they have no line.
    pub age_days: i64,
    /// What would make both sides agree.
    pub proposal: Proposal,
}

impl Break {
    /// The money that is at stake: the effect, or in another currency the larger of the amounts.
    pub fn at_stake(&self) -> Money {
        let amount = |side: &Option<Figures>| side.as_ref().map_or(0, |one| one.amount.0.abs());
        if self.class == Class::CurrencyMismatch {
            Money(amount(&self.theirs).max(amount(&self.ours)))
        } else {
            Money(self.effect.0.abs())
        }
    }
}

/// What a run has found so far.
#[derive(Debug)]
pub(super) struct Findings<'a> {
    rules: &'a Rules,
    pub(super) counts: BTreeMap<Class, u64>,
    breaks: Vec<Break>,
    pending: Vec<Break>,
    left_out: u64,
}

impl<'a> Findings<'a> {
    pub(super) const fn new(rules: &'a Rules) -> Self {
        let counts = BTreeMap::new();
        Self { rules, counts, breaks: Vec::new(), pending: Vec::new(), left_out: 0 }
    }

    fn take(&mut self, class: Class, make: impl FnOnce(&Rules) -> Break) {
        *self.counts.entry(class).or_default() += 1;
        let list = match class {
            Class::Matched => return,
            _ if class.is_pending() => &mut self.pending,
            _ => &mut self.breaks,
        };
        if list.len() < self.rules.breaks_max {
            list.push(make(self.rules));
        } else {
            self.left_out += 1;
        }
    }

    /// Numbers what was found.
    pub(super) fn close(
        mut self,
        verdict: Verdict,
        gaps: Vec<Gap>,
        bridges: Vec<Bridge>,
    ) -> Reconciled {
        for (number, one) in (1..).zip(self.breaks.iter_mut().chain(&mut self.pending)) {
            one.number = number;
        }
        let Self { counts, breaks, pending, left_out, .. } = self;
        Reconciled { verdict, gaps, counts, breaks, pending, left_out, bridges }
    }
}

/// Finds the class of a line of theirs.
pub(super) fn judge_theirs(
    book: &Book,
    (place, tie): (Place, Tie),
    findings: &mut Findings<'_>,
    bridges: &mut Bridges,
) {
    let theirs = book.theirs.row(place);
    let rules = findings.rules;
    let (class, ours) = match tie {
        Tie::Pair(ours) => {
            let ours = book.ours.row(ours);
            (Class::of_pair(theirs, ours, rules), Some(ours))
        }
        Tie::Group(ours) => {
            let ours = book.ours.row(ours);
            (if ours.in_range { Class::Matched } else { Class::Timing }, Some(ours))
        }
        Tie::Duplicate => (Class::DuplicateInFile, None),
        Tie::Free if is_young(theirs.seen, rules.lag_here, rules.now) => {
            (Class::PendingInLedger, None)
        }
        Tie::Free => (Class::MissingInLedger, None),
    };
    match (tie, ours) {
        (Tie::Pair(_), Some(ours)) => bridges.take_pair(class, theirs, ours),
        _ => bridges.take_theirs(class, theirs),
    }
    findings.take(class, |rules| {
        let sides = Sides { theirs: Some(theirs), ours, in_group: matches!(tie, Tie::Group(_)) };
        sides.as_break(class, book.theirs.reference(place), rules)
    });
}

/// Finds the class of a line of ours. One that is tied to one of theirs was counted with it.
pub(super) fn judge_ours(
    book: &Book,
    (place, tie): (Place, Tie),
    findings: &mut Findings<'_>,
    bridges: &mut Bridges,
) {
    let ours = book.ours.row(place);
    if !ours.in_range || matches!(tie, Tie::Pair(_)) {
        return;
    }
    if !tie.is_free() {
        bridges.take_ours(Class::Matched, ours);
        return;
    }
    let is_pending = is_young(ours.seen, findings.rules.lag_there, findings.rules.now);
    let class = if is_pending { Class::PendingInFile } else { Class::MissingInFile };
    bridges.take_ours(class, ours);
    findings.take(class, |rules| {
        let sides = Sides { theirs: None, ours: Some(ours), in_group: false };
        sides.as_break(class, book.ours.reference(place), rules)
    });
}

/// Whether it may still come to the other side.
pub(super) const fn is_young(since: Instant, lag: i64, now: Instant) -> bool {
    now.0.saturating_sub(since.0) < lag
}

/// The lines of one finding.
struct Sides<'a> {
    theirs: Option<&'a Row>,
    ours: Option<&'a Row>,
    in_group: bool,
}

impl Sides<'_> {
    fn as_break(&self, class: Class, reference: &str, rules: &Rules) -> Break {
        let currency = self.ours.or(self.theirs).expect("a finding has a line").currency;
        let theirs = self.theirs.filter(|row| row.currency == currency);
        // Of a line in another cycle nothing counts in this range; a wrong one is compared whole.
        let ours = self.ours.filter(|_| class != Class::Timing);
        let effect = |of: fn(&Row) -> i64| theirs.map_or(0, of) - ours.map_or(0, of);
        let since = self.theirs.map_or_else(|| self.ours.map(|row| row.seen), |row| Some(row.at));
        let age = rules.now.0.saturating_sub(since.expect("a finding has a line").0);
        Break {
            number: 0,
            class,
            line_no: self.theirs.map(line_no),
            transaction: self.ours.map(transaction),
            reference: reference.to_owned(),
            theirs: self.theirs.map(figures),
            ours: self.ours.map(figures).filter(|_| !self.in_group),
            currency,
            effect: Money(effect(|row| row.amount)),
            points_effect: Points(effect(|row| row.points)),
            age_days: age.max(0) / DAY,
            proposal: self.proposal(class),
        }
    }

    fn proposal(&self, class: Class) -> Proposal {
        match (class, self.theirs, self.ours) {
            (Class::PendingInLedger | Class::PendingInFile, ..) => Proposal::Wait,
            (Class::Timing, Some(theirs), Some(ours)) => {
                Proposal::CarryOver { line_no: line_no(theirs), recorded_at: ours.seen }
            }
            (Class::AmountMismatch | Class::PointsMismatch, Some(theirs), Some(ours)) => {
                Proposal::CorrectHere {
                    transaction: transaction(ours),
                    by_amount: Money(theirs.amount - ours.amount),
                    by_points: Points(theirs.points - ours.points),
                }
            }
            (_, Some(theirs), Some(ours)) => {
                Proposal::CorrectThere { line_no: line_no(theirs), transaction: transaction(ours) }
            }
            (Class::DuplicateInFile, Some(theirs), None) => {
                Proposal::RemoveThere { line_no: line_no(theirs) }
            }
            (_, Some(theirs), None) => Proposal::PostHere {
                kind: theirs.kind,
                amount: Money(theirs.amount),
                points: Points(theirs.points),
            },
            (_, None, Some(ours)) => Proposal::ReverseHere { transaction: transaction(ours) },
            (_, None, None) => unreachable!("a finding has a line"),
        }
    }
}

fn line_no(row: &Row) -> u64 {
    u64::try_from(row.id).expect("lines are numbered from 1")
}

const fn transaction(row: &Row) -> TransactionId {
    TransactionId(row.id)
}

fn figures(row: &Row) -> Figures {
    Figures {
        kind: row.kind,
        amount: Money(row.amount),
        points: Points(row.points),
        at: row.at,
        currency: row.currency,
    }
}
