//! Points by the month in which they were made.

use std::collections::BTreeMap;

use crate::domain::amount::Points;
use crate::domain::ids::{LotId, ProgrammeId, ShardId};
use crate::domain::posting::{Body, LedgerAccount};
use crate::domain::time::Day;
use crate::domain::transaction::Transaction;

/// The points that were made in one month.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cohort {
    /// How many were made.
    pub issued: Points,
    /// Of those still there, held ones among them.
    pub remaining: Points,
    /// Of those lost.
    pub expired: Points,
}

/// In which month a lot was made: that of the first day of the cycle that it belongs to. Places in
/// a journal ascend with time, so where the cycles end says it for every lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Months {
    /// By shard: how many transactions belong to a month or to earlier ones, and its first day.
    ends: BTreeMap<ShardId, BTreeMap<i64, Day>>,
    /// The month of the cycle itself.
    own: Day,
}

impl Months {
    /// The months of a cycle that begins on a day, and of the cycles before it, of which each ends
    /// after so many transactions of a shard.
    pub fn new(first: Day, ends_before: impl IntoIterator<Item = (ShardId, Day, i64)>) -> Self {
        let month = |day: Day| day.with_day_of_month(1);
        let mut by_month: BTreeMap<(ShardId, Day), i64> = BTreeMap::new();
        for (shard, first, size) in ends_before {
            let end = by_month.entry((shard, month(first))).or_default();
            *end = size.max(*end);
        }
        let mut ends: BTreeMap<ShardId, BTreeMap<i64, Day>> = BTreeMap::new();
        for ((shard, month), size) in by_month {
            // A month in which nothing was made ends where the one before it does.
            ends.entry(shard).or_default().entry(size).or_insert(month);
        }
        Self { ends, own: month(first) }
    }

    /// The month of a lot.
    pub fn of(&self, lot: LotId) -> Day {
        let made = lot.transaction();
        let ends = self.ends.get(&made.shard());
        let end = ends.and_then(|ends| ends.range(made.number()..).next());
        end.map_or(self.own, |(_, month)| *month)
    }
}

/// Adds what a transaction changed.
pub fn add(
    cohorts: &mut BTreeMap<(ProgrammeId, Day), Cohort>,
    transaction: &Transaction,
    months: &Months,
) {
    for posting in &transaction.postings {
        let Body::Points { points, lot: Some(lot), .. } = posting.body else { continue };
        let Some(programme) = posting.from.programme() else { continue };
        let cohort = cohorts.entry((programme.clone(), months.of(lot))).or_default();
        for (account, change) in [(&posting.from, -points), (&posting.to, points)] {
            match account {
                LedgerAccount::Member(..) | LedgerAccount::Held(..) => cohort.remaining += change,
                LedgerAccount::Expired(_) => cohort.expired += change,
                _ => {}
            }
        }
    }
    for lot in &transaction.lots {
        let key = (lot.programme.clone(), months.of(lot.id));
        cohorts.entry(key).or_default().issued += lot.granted;
    }
}
