//! A tier's metric: what a member spent, and how often, over a window of local days.

use serde::{Deserialize, Serialize};

use super::amount::Money;
use super::time::Day;

/// What counts towards a tier on one local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricDay(
    /// The day's number.
    pub i64,
    /// Eligible amounts less refunds, in minor units; below zero where more came back.
    pub i64,
    /// Receipts with an eligible amount above zero.
    pub i64,
);

/// A member's metric in one programme.
///
/// With a lifetime window only the totals are kept. With a window of months the days that can
/// still count are kept, oldest first; older ones are dropped when a new one is added.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metric {
    /// Eligible amounts of all time, less refunds.
    #[serde(default)]
    pub spend: Money,
    /// Receipts of all time.
    #[serde(default)]
    pub receipts: i64,
    /// Days that a window can still see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<MetricDay>,
}

/// The window of a tier's metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Everything counts for ever.
    Lifetime,
    /// Receipts of local days after the same day so many months ago.
    Months(u32),
}

/// What one receipt or refund adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addition {
    /// Added to the spend; below zero for a refund.
    pub spend: Money,
    /// Added to the count of receipts; below zero where a receipt was refunded in full.
    pub receipts: i64,
}

impl Metric {
    /// Counts a receipt or a refund on a local day.
    pub fn add(&mut self, day: Day, addition: Addition, window: Window, today: Day) {
        self.spend += addition.spend;
        self.receipts += addition.receipts;
        let Window::Months(months) = window else { return };
        let number = day.number();
        match self.days.binary_search_by_key(&number, |one| one.0) {
            Ok(place) => {
                self.days[place].1 += addition.spend.0;
                self.days[place].2 += addition.receipts;
            }
            Err(place) => {
                self.days.insert(place, MetricDay(number, addition.spend.0, addition.receipts));
            }
        }
        let begin = today.minus_months(months).number();
        self.days.retain(|one| begin < one.0);
    }

    /// Joins the metric of a profile that turned out to be the same person.
    pub fn join(&mut self, other: &Self) {
        self.spend += other.spend;
        self.receipts += other.receipts;
        for &MetricDay(number, spend, receipts) in &other.days {
            match self.days.binary_search_by_key(&number, |one| one.0) {
                Ok(place) => {
                    self.days[place].1 += spend;
                    self.days[place].2 += receipts;
                }
                Err(place) => self.days.insert(place, MetricDay(number, spend, receipts)),
            }
        }
    }

    /// Parts the metric of a profile that turned out to be another person, as it was when it was
    /// joined. Days that no window can see any more are gone on both sides.
    pub fn part(&mut self, other: &Self) {
        self.spend -= other.spend;
        self.receipts -= other.receipts;
        for &MetricDay(number, spend, receipts) in &other.days {
            if let Ok(place) = self.days.binary_search_by_key(&number, |one| one.0) {
                self.days[place].1 -= spend;
                self.days[place].2 -= receipts;
            }
        }
        self.days.retain(|one| (one.1, one.2) != (0, 0));
    }

    /// What counts on a day: spend in minor units, and receipts.
    pub fn on(&self, today: Day, window: Window) -> Addition {
        match window {
            Window::Lifetime => Addition { spend: self.spend, receipts: self.receipts },
            Window::Months(months) => {
                let begin = today.minus_months(months).number();
                let counted = self.days.iter().filter(|one| begin < one.0);
                counted.fold(Addition::default(), |sum, one| Addition {
                    spend: sum.spend + Money(one.1),
                    receipts: sum.receipts + one.2,
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    #[test]
    fn a_window_of_months_forgets_the_same_day_so_many_months_ago() {
        let mut metric = Metric::default();
        let window = Window::Months(6);
        let one = Addition { spend: Money(100), receipts: 1 };
        metric.add(day("2021-11-01"), one, window, day("2021-11-01"));
        metric.add(day("2021-11-20"), one, window, day("2021-11-20"));
        assert_eq!(metric.on(day("2022-04-30"), window).receipts, 2);
        assert_eq!(metric.on(day("2022-05-01"), window).receipts, 1);
        assert_eq!(metric.on(day("2022-05-20"), window).receipts, 0);
        assert_eq!(metric.on(day("2022-05-20"), Window::Lifetime).spend, Money(200));
    }
}
