//! Points that were given out of packs, and that came back to them.

use std::collections::BTreeMap;

use crate::domain::amount::Points;
use crate::domain::ids::{ProgrammeId, TransactionId};
use crate::domain::pack::Pack;
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};

/// What a cycle took from a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PackUse {
    /// Given out.
    pub used: Points,
    /// Came back with refunds.
    pub returned: Points,
}

/// A pack in a cycle: opening less used and expired, with returned, is closing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackFigures {
    /// The pack; what is left of it now is no figure of the cycle.
    pub pack: Pack,
    /// When it was bought.
    pub bought_at: Instant,
    /// What was left when the cycle began; of a pack that was bought in it, all of it.
    pub opening: Points,
    /// What the cycle took.
    pub of_cycle: PackUse,
    /// What was left when it ended.
    pub expired: Points,
    /// What is left at the cycle's end.
    pub closing: Points,
}

/// The figures of packs in a cycle that ends before `end`.
pub fn figures(
    packs: Vec<(Pack, Instant)>,
    left_before: &BTreeMap<(ProgrammeId, TransactionId), Points>,
    uses: &BTreeMap<TransactionId, PackUse>,
    end: Instant,
) -> Vec<PackFigures> {
    let there = packs.into_iter().filter(|(_, bought_at)| *bought_at < end);
    let figures = there.map(|(pack, bought_at)| {
        let before = left_before.get(&(pack.programme.clone(), pack.id));
        let opening = before.copied().unwrap_or(pack.bought);
        let of_cycle = uses.get(&pack.id).copied().unwrap_or_default();
        let left = opening - of_cycle.used + of_cycle.returned;
        // A pack can't be used any more from the instant on at which it ends.
        let expired = if pack.ends_at <= end { left } else { Points::ZERO };
        PackFigures { pack, bought_at, opening, of_cycle, expired, closing: left - expired }
    });
    figures.collect()
}

/// What is left of the packs that go on after `end`.
pub fn left(
    figures: &[PackFigures],
    end: Instant,
) -> BTreeMap<(ProgrammeId, TransactionId), Points> {
    let going_on = figures.iter().filter(|one| end < one.pack.ends_at);
    going_on.map(|one| ((one.pack.programme.clone(), one.pack.id), one.closing)).collect()
}

/// Adds what a transaction took and gave back.
pub fn add(packs: &mut BTreeMap<TransactionId, PackUse>, transaction: &Transaction) {
    for one in transaction.parts().iter().flat_map(|part| &part.from_packs) {
        packs.entry(one.pack).or_default().used += one.points;
    }
    let Detail::Refund { parts, .. } = &transaction.detail else { return };
    for one in parts.iter().flat_map(|part| &part.to_packs) {
        packs.entry(one.pack).or_default().returned += one.points;
    }
}
