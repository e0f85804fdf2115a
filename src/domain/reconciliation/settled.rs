//! Breaks that somebody dealt with before: the same difference in another list asks nobody again.
//!
//! An earlier break answers one that has the same class, the same business key on both sides and the
//! same difference, if it ended without an entry: what was adjusted is met by the lists that follow,
//! and if it is not, that is new. As many are answered as one earlier run ended; a line that is there
//! once more is a break.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Reconciled;
use super::class::Class;
use super::finding::Break;
use super::handling::Resolution;
use super::line::Currency;
use super::verdict;
use crate::domain::adjustment::ReconciliationId;
use crate::domain::amount::{Money, Points};
use crate::domain::command::Kind;
use crate::domain::ids::TransactionId;
use crate::domain::time::Instant;

/// A break of an earlier run, and how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The run.
    pub run: ReconciliationId,
    /// Its number there.
    pub number: u64,
    /// How it ended.
    pub resolution: Resolution,
}

/// What makes two breaks the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Same {
    class: Class,
    /// Their reference, or ours where they have no line.
    reference: String,
    /// Their kind.
    kind: Option<Kind>,
    /// Ours, which has our reference.
    transaction: Option<TransactionId>,
    currencies: (Currency, Option<Currency>),
    effect: (Money, Points),
    /// Beside the effect, which is nothing where currencies differ.
    at_stake: Money,
    /// Their date, where the difference is one of dates.
    at: Option<Instant>,
}

impl Same {
    fn of(one: &Break) -> Self {
        let theirs = one.theirs.as_ref();
        let is_of_dates = matches!(one.class, Class::DateMismatch | Class::Timing);
        Self {
            class: one.class,
            reference: one.reference.clone(),
            kind: theirs.and_then(|line| line.kind),
            transaction: one.transaction,
            currencies: (one.currency, theirs.map(|line| line.currency)),
            effect: (one.effect, one.points_effect),
            at_stake: one.at_stake(),
            at: theirs.map(|line| line.at).filter(|_| is_of_dates),
        }
    }
}

/// Finds the earlier breaks that answer those of a run.
#[derive(Debug)]
pub struct Recognition {
    /// The numbers of the run's breaks, in their order.
    wanted: HashMap<Same, Vec<u64>>,
    /// What each earlier run has for them.
    there: HashMap<Same, BTreeMap<ReconciliationId, Vec<Earlier>>>,
}

impl Recognition {
    /// Begins with what a run found.
    pub fn of(breaks: &[Break]) -> Self {
        let mut wanted: HashMap<Same, Vec<u64>> = HashMap::new();
        for one in breaks {
            wanted.entry(Same::of(one)).or_default().push(one.number);
        }
        Self { wanted, there: HashMap::new() }
    }

    /// Whether there is anything to find.
    pub fn is_needed(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Looks at an earlier break, in the order of runs and numbers. What ended by an entry is passed
    /// over.
    pub fn look_at(&mut self, one: &Break, earlier: Earlier) {
        let same = Same::of(one);
        if earlier.resolution == Resolution::Adjusted || !self.wanted.contains_key(&same) {
            return;
        }
        self.there.entry(same).or_default().entry(earlier.run).or_default().push(earlier);
    }

    /// Which breaks of the run are answered, by their numbers. Where several runs have such breaks,
    /// the one with the most of them answers, and of those the latest.
    pub fn close(self) -> BTreeMap<u64, Earlier> {
        let mut answered = BTreeMap::new();
        for (same, runs) in &self.there {
            let most = runs.values().max_by_key(|ended| ended.len());
            let wanted = self.wanted.get(same).into_iter().flatten();
            answered.extend(wanted.copied().zip(most.into_iter().flatten().copied()));
        }
        answered
    }
}

impl Reconciled {
    /// Says the verdict anew: breaks that were dealt with before, by their number, don't count.
    pub fn settle(&mut self, settled: &BTreeMap<u64, Earlier>) {
        let settled = u64::try_from(settled.len()).expect("breaks are bounded");
        self.verdict = verdict::of(&self.gaps, &self.counts, settled);
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::{Figures, Proposal};
    use super::*;

    fn currency(code: &str) -> Currency {
        code.parse().expect("a currency")
    }

    fn found(number: u64, class: Class, effect: i64) -> Break {
        let theirs = Figures {
            kind: Some(Kind::Purchase),
            amount: Money(effect),
            points: Points(0),
            at: Instant(5),
            currency: currency("RUB"),
        };
        Break {
            number,
            class,
            line_no: Some(number),
            transaction: None,
            reference: "R-1".to_owned(),
            theirs: Some(theirs),
            ours: None,
            currency: currency("RUB"),
            effect: Money(effect),
            points_effect: Points(0),
            age_days: 3,
            proposal: Proposal::Wait,
        }
    }

    fn earlier(run: i64, number: u64, resolution: Resolution) -> Earlier {
        Earlier { run: ReconciliationId(run), number, resolution }
    }

    /// Which breaks are answered by what, as run and number.
    fn answered(found: &[Break], ended: &[(Break, Earlier)]) -> Vec<(u64, i64, u64)> {
        let mut recognition = Recognition::of(found);
        for (one, earlier) in ended {
            recognition.look_at(one, *earlier);
        }
        let answered = recognition.close().into_iter();
        answered.map(|(number, by)| (number, by.run.0, by.number)).collect()
    }

    #[test]
    fn the_same_difference_is_answered_and_another_is_not() {
        let known = found(4, Class::AmountMismatch, 500);
        let by = earlier(7, 4, Resolution::Explained);
        let same = [found(1, Class::AmountMismatch, 500)];
        assert_eq!(answered(&same, &[(known.clone(), by)]), [(1, 7, 4)]);
        let changes: [fn(&mut Break); 8] = [
            |one| one.class = Class::SignMismatch,
            |one| "R-2".clone_into(&mut one.reference),
            |one| one.transaction = Some(TransactionId(9)),
            |one| one.effect = Money(501),
            |one| one.points_effect = Points(1),
            |one| one.currency = currency("EUR"),
            |one| one.theirs.as_mut().expect("a line").currency = currency("EUR"),
            |one| one.theirs.as_mut().expect("a line").kind = Some(Kind::Refund),
        ];
        for change in changes {
            let mut other = same[0].clone();
            change(&mut other);
            assert_eq!(answered(&[other.clone()], &[(known.clone(), by)]), [], "{other:?}");
        }
    }

    #[test]
    fn a_date_counts_where_dates_differ_and_an_amount_where_currencies_do() {
        let by = earlier(7, 1, Resolution::WrittenOff);
        let later = |class| {
            let mut one = found(1, class, 500);
            one.theirs.as_mut().expect("a line").at = Instant(6);
            one
        };
        for (class, is_same) in [(Class::AmountMismatch, true), (Class::DateMismatch, false)] {
            let is_answered = !answered(&[later(class)], &[(found(1, class, 500), by)]).is_empty();
            assert_eq!(is_answered, is_same, "{class:?}");
        }
        let foreign = |amount| {
            let mut one = found(1, Class::CurrencyMismatch, 0);
            one.theirs.as_mut().expect("a line").amount = Money(amount);
            one
        };
        assert_eq!(answered(&[foreign(5)], &[(foreign(5), by)]).len(), 1);
        assert_eq!(answered(&[foreign(6)], &[(foreign(5), by)]), []);
    }

    #[test]
    fn a_line_that_is_there_once_more_is_a_break() {
        let twice = [1, 2].map(|number| found(number, Class::DuplicateInFile, 500));
        let one = |run, number| {
            (
                found(number, Class::DuplicateInFile, 500),
                earlier(run, number, Resolution::Explained),
            )
        };
        assert_eq!(answered(&twice, &[one(3, 8)]), [(1, 3, 8)]);
        assert_eq!(answered(&twice, &[one(3, 8), one(4, 5)]), [(1, 4, 5)], "two of one line");
        let both = [one(3, 8), one(3, 9), one(4, 5)];
        assert_eq!(answered(&twice, &both), [(1, 3, 8), (2, 3, 9)]);
    }

    #[test]
    fn what_was_adjusted_answers_nothing() {
        let both = [1, 2].map(|number| found(number, Class::AmountMismatch, 500));
        let by = earlier(7, 1, Resolution::Adjusted);
        assert_eq!(answered(&both, &[(both[0].clone(), by)]), []);
    }
}
