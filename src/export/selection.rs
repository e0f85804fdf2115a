//! Which part of the ledger is exported: all of it, one settlement day, or one cycle.
//!
//! A day takes the transactions that were recorded on that settlement day, whole.
//!
//! A cycle takes what it settles. A transaction is taken if one of its postings of money is settled
//! in the cycle, whenever it was recorded: what closing the cycle added is among them. A transaction
//! without money is taken if it was recorded while the cycle was open. Of a transaction that is
//! taken the postings of points stay, and those of money that the cycle settles; money of other
//! cycles is left out. So money adds up to the cycle's positions and nets, until payments of the
//! cycle, which are no positions, take the nets to zero; and each posting of money belongs to one
//! cycle of all. Schedules overlap in time, so points may stand in a cycle of
//! each; in the cycles of one schedule they stand once.

use super::ExportError;
use crate::domain::posting::{Body, Posting};
use crate::domain::settlement::CycleId;
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant};
use crate::domain::transaction::Transaction;
use crate::store::StoreError;
use crate::store::stream::Entry;

/// Which part of the ledger is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// All of it.
    Whole,
    /// What was recorded on one settlement day.
    Day(Day),
    /// What one cycle settles.
    Cycle(CycleId),
}

/// A selection that was looked up in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of the ledger.
    Whole,
    /// A settlement day.
    Day(Day),
    /// A cycle.
    Cycle {
        /// Which.
        id: CycleId,
        /// When it begins.
        opens: Instant,
        /// When it is over.
        closes: Instant,
    },
}

impl Part {
    /// Looks a selection up.
    ///
    /// # Errors
    /// If there is no such cycle.
    pub fn of(selection: &Selection, coalition: &Coalition) -> Result<Self, ExportError> {
        Ok(match selection {
            Selection::Whole => Self::Whole,
            Selection::Day(day) => Self::Day(*day),
            Selection::Cycle(id) => {
                let there = coalition.schedules.get(&id.schedule);
                let schedule = there.filter(|schedule| schedule.begins_with(id.first));
                let schedule = schedule.ok_or_else(|| ExportError::NoSuchCycle(id.clone()))?;
                let (opens, closes) = (schedule.opens(id.first), schedule.closes(id.first));
                Self::Cycle { id: id.clone(), opens, closes }
            }
        })
    }

    /// Whether nothing is left out.
    pub fn is_whole(&self) -> bool {
        *self == Self::Whole
    }

    /// What is exported of a transaction; none: nothing.
    ///
    /// # Errors
    /// If its bytes were changed.
    pub fn take(&self, entry: Entry) -> Result<Option<Taken>, StoreError> {
        if matches!(self, Self::Day(day) if *day != entry.stamp.settlement_day) {
            return Ok(None);
        }
        let one = entry.transaction()?;
        Ok(self.places(&one).map(|places| Taken { one, hash: entry.hash, places }))
    }

    /// The places of the postings that are exported of a transaction; none: it is not exported.
    fn places(&self, one: &Transaction) -> Option<Vec<usize>> {
        let all = 0..one.postings.len();
        let Self::Cycle { id, opens, closes } = self else { return Some(all.collect()) };
        let is_money = |posting: &Posting| matches!(posting.body, Body::Money { .. });
        let settles = |posting: &Posting| posting.cycle(one).is_some_and(|cycle| cycle == *id);
        let takes = if one.postings.iter().any(is_money) {
            one.postings.iter().any(settles)
        } else {
            (*opens..*closes).contains(&one.recorded_at)
        };
        let stays = |place: &usize| {
            let posting = &one.postings[*place];
            !is_money(posting) || settles(posting)
        };
        takes.then(|| all.filter(stays).collect())
    }
}

/// A transaction that is exported.
pub(super) struct Taken {
    /// As it was recorded.
    pub one: Transaction,
    /// The hash of its shard's chain after it.
    pub hash: Vec<u8>,
    places: Vec<usize>,
}

impl Taken {
    /// The postings that are exported, each with its place in the transaction, from 0.
    pub fn postings(&self) -> impl ExactSizeIterator<Item = (usize, &Posting)> {
        self.places.iter().map(|place| (*place, &self.one.postings[*place]))
    }
}
