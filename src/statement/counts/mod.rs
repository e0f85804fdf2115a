//! What one pass over a cycle's journal counts for the sections, going on from the sums that were
//! kept at the end of the cycle before. Nothing here grows with the number of transactions.

mod cohorts;
mod packs;
mod prices;
mod rows;
mod states;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use self::cohorts::{Cohort, Months};
pub use self::packs::{PackFigures, PackUse};
pub use self::prices::{PriceKey, Prices};
pub use self::states::{AtEnd, State};
use super::movement::Movements;
use crate::domain::amount::Points;
use crate::domain::ids::{ProgrammeId, ShardId, TransactionId};
use crate::domain::pack::Pack;
use crate::domain::settlement::CycleId;
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant};
use crate::domain::transaction::Transaction;

/// Sums at the end of a cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Points that members have, by programme.
    pub states: BTreeMap<ProgrammeId, State>,
    /// Points ever made, by programme and the first day of the month.
    pub cohorts: BTreeMap<(ProgrammeId, Day), Cohort>,
    /// What is left of packs that have not ended, by programme and the transaction that bought it.
    pub packs: BTreeMap<(ProgrammeId, TransactionId), Points>,
}

/// What was counted in a cycle.
pub struct Counts {
    cycle: CycleId,
    months: Months,
    /// Points that moved.
    pub movements: Movements,
    /// The sums, so far.
    pub sums: Kept,
    /// What was given out of packs and came back to them.
    pub packs: BTreeMap<TransactionId, PackUse>,
    /// The prices that were applied.
    pub prices: Prices,
}

impl Counts {
    /// Nothing counted yet after the cycle before.
    pub fn new(cycle: CycleId, months: Months, before: Kept) -> Self {
        Self {
            cycle,
            months,
            movements: Movements::default(),
            sums: before,
            packs: BTreeMap::new(),
            prices: Prices::default(),
        }
    }

    /// Ends the cycle: what members have before an instant, by programme, and the packs. What is
    /// left in `sums` is what the next cycle goes on from.
    pub fn end(
        &mut self,
        packs: Vec<(Pack, Instant)>,
        end: Instant,
    ) -> (BTreeMap<ProgrammeId, AtEnd>, Vec<PackFigures>) {
        let states = self.sums.states.iter_mut();
        let at_end = states.map(|(programme, state)| (programme.clone(), state.end(end))).collect();
        let figures = packs::figures(packs, &self.sums.packs, &self.packs, end);
        self.sums.packs = packs::left(&figures, end);
        (at_end, figures)
    }

    /// Counts a transaction of the cycle. The house moves no points; of its journal those that
    /// other cycles settle are passed over.
    pub fn add(&mut self, transaction: &Transaction, coalition: &Coalition) {
        self.prices.add(transaction, &self.cycle);
        if transaction.id.shard() == ShardId::HOUSE {
            return;
        }
        self.movements.add(transaction, coalition);
        states::add(&mut self.sums.states, transaction);
        cohorts::add(&mut self.sums.cohorts, transaction, &self.months);
        packs::add(&mut self.packs, transaction);
    }
}
