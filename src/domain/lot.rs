//! Lots: the points of one receipt or grant in one account, with their dates.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::amount::{Money, Points};
use super::exact::Ratio;
use super::ids::LotId;
use super::obligation::LotFunding;
use super::terms::programme::LotDates;
use super::time::{Instant, NEVER};

/// The points of one receipt or grant in one account.
///
/// Invariant: no quantity is below zero, `remaining + held + expired ≤` what was granted and
/// restored, and a lot without points has no cost left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// Its id, which sorts by age.
    pub id: LotId,
    /// Points that were given into it when it was made.
    pub granted: Points,
    /// Points that are there and that no hold reserves.
    pub remaining: Points,
    /// Points that holds reserve.
    pub held: Points,
    /// Points that were lost by expiry.
    pub expired: Points,
    /// When it can be spent; never: it awaits its delivery.
    pub available_at: Instant,
    /// When it is lost; never: it is not.
    pub expires_at: Instant,
    /// What a whole point of it was funded with when it was given out.
    pub price: Decimal,
    /// What is still to be paid for its points, remaining and held, when they are burned.
    pub cost: Money,
    /// Who pays that; none: all was paid when they were given out.
    pub funding: Option<Arc<LotFunding>>,
}

/// When points that can't be spent yet can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// From an instant on.
    At(Instant),
    /// When their delivery is reported.
    AfterDelivery,
}

impl Opening {
    /// The opening of a lot with such a date; none: it can be spent at `now`.
    pub fn after(now: Instant, available_at: Instant) -> Option<Self> {
        match available_at {
            NEVER => Some(Self::AfterDelivery),
            later if now < later => Some(Self::At(later)),
            _ => None,
        }
    }

    /// The instant; never: it is not known yet.
    pub const fn instant(self) -> Instant {
        match self {
            Self::At(instant) => instant,
            Self::AfterDelivery => NEVER,
        }
    }
}

/// The order in which lots are spent: what expires first, then what was available earlier, then
/// the older.
pub type BurningOrder = (Instant, Instant, LotId);

impl Lot {
    /// Its place in the burning order.
    pub const fn burning_order(&self) -> BurningOrder {
        (self.expires_at, self.available_at, self.id)
    }

    /// Whether its points can be spent now.
    pub fn is_available(&self, now: Instant) -> bool {
        self.available_at <= now && now < self.expires_at
    }

    /// Whether its points will come: not yet available, not yet lost.
    pub fn is_pending(&self, now: Instant) -> bool {
        now < self.available_at && now < self.expires_at
    }

    /// Whether its day has passed.
    pub fn is_past(&self, now: Instant) -> bool {
        self.expires_at <= now
    }

    /// Whether it holds any points.
    pub const fn is_live(&self) -> bool {
        self.remaining.is_positive() || self.held.is_positive()
    }

    /// Whether it waits for a delivery to be reported.
    pub fn awaits_delivery(&self) -> bool {
        self.available_at == NEVER
    }

    /// What leaves its cost with so many of its points: pro rata, half to even; the last points
    /// take all that is left.
    pub fn cost_of(&self, points: Points) -> Money {
        let there = self.remaining + self.held;
        Money(Ratio::share_of(self.cost.0, points.0, there.0).half_even())
    }

    /// Gives it other dates.
    pub const fn set_dates(&mut self, dates: LotDates) {
        self.available_at = dates.available_at;
        self.expires_at = dates.expires_at;
    }
}

/// How much of an account's lots is in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Loaded {
    /// Only lots made in this batch, or asked for by id.
    #[default]
    Some,
    /// All that come up to this place in the burning order and were not past when read.
    UpTo(BurningOrder),
    /// All that hold points, but for those that were past when read.
    Current,
    /// All that hold points.
    All,
}

/// The lots of one account, as far as they are in memory.
#[derive(Clone, Debug, Default)]
pub struct Lots {
    by_id: BTreeMap<LotId, Lot>,
    loaded: Loaded,
    /// When those were read that were past by then; none: not read.
    past_read_at: Option<Instant>,
}

/// More lots must be read before this can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLoaded;

impl Lots {
    /// Adds lots that were read; what is in memory already is newer and stays.
    pub fn add_read(&mut self, lots: impl IntoIterator<Item = Lot>, loaded: Loaded) {
        self.add_single(lots);
        if self.loaded != Loaded::All {
            self.loaded = loaded;
        }
    }

    /// Adds all lots that hold points and were past at an instant.
    pub fn add_past(&mut self, lots: impl IntoIterator<Item = Lot>, at: Instant) {
        self.add_single(lots);
        self.past_read_at = self.past_read_at.max(Some(at));
    }

    /// Whether all that hold points and are past by now are in memory.
    pub fn are_past_loaded(&self, now: Instant) -> bool {
        self.are_all_loaded() || self.past_read_at.is_some_and(|at| now <= at)
    }

    /// Whether one in memory is past and still has points to be lost.
    pub fn is_any_past(&self, now: Instant) -> bool {
        self.by_id.values().any(|lot| lot.is_past(now) && lot.remaining.is_positive())
    }

    /// Adds lots that were read by id, which says nothing of the others.
    pub fn add_single(&mut self, lots: impl IntoIterator<Item = Lot>) {
        for lot in lots {
            self.by_id.entry(lot.id).or_insert(lot);
        }
    }

    /// Puts a lot that was made or that came from another account.
    pub fn put(&mut self, lot: Lot) {
        self.by_id.insert(lot.id, lot);
    }

    /// Takes a lot out, for another account.
    pub fn remove(&mut self, id: LotId) -> Option<Lot> {
        self.by_id.remove(&id)
    }

    /// A lot by id.
    pub fn get(&self, id: LotId) -> Option<&Lot> {
        self.by_id.get(&id)
    }

    /// A lot by id, to change it.
    pub fn get_mut(&mut self, id: LotId) -> Option<&mut Lot> {
        self.by_id.get_mut(&id)
    }

    /// Whether all lots that hold points are in memory.
    pub fn are_all_loaded(&self) -> bool {
        self.loaded == Loaded::All
    }

    /// Marks a new account: there is nothing else to read.
    pub const fn set_all_loaded(&mut self) {
        self.loaded = Loaded::All;
    }

    /// The lots in memory that hold points, in burning order.
    pub fn in_burning_order(&self) -> Vec<&Lot> {
        let mut lots: Vec<&Lot> = self.by_id.values().filter(|lot| lot.is_live()).collect();
        lots.sort_by_key(|lot| lot.burning_order());
        lots
    }

    /// Chooses the lots that `wanted` points are taken from now, in burning order; fewer if there
    /// are fewer.
    ///
    /// # Errors
    /// If lots that may come earlier in the order are not in memory.
    pub fn choose(&self, wanted: Points, now: Instant) -> Result<Vec<(LotId, Points)>, NotLoaded> {
        let mut chosen = Vec::new();
        let mut missing = wanted;
        for lot in self.in_burning_order() {
            if missing.is_zero() {
                break;
            }
            if !lot.is_available(now) || !lot.remaining.is_positive() {
                continue;
            }
            self.must_reach(lot.burning_order())?;
            let points = missing.min(lot.remaining);
            chosen.push((lot.id, points));
            missing -= points;
        }
        let nothing_more = matches!(self.loaded, Loaded::All | Loaded::Current);
        if missing.is_positive() && !nothing_more { Err(NotLoaded) } else { Ok(chosen) }
    }

    fn must_reach(&self, place: BurningOrder) -> Result<(), NotLoaded> {
        match self.loaded {
            Loaded::All | Loaded::Current => Ok(()),
            Loaded::UpTo(end) if place <= end => Ok(()),
            _ => Err(NotLoaded),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::hold::{Allocation, standing};
    use crate::domain::ids::{ShardId, TransactionId};

    fn lot(number: i64, remaining: i64, expires_at: i64) -> Lot {
        Lot {
            id: LotId::of(TransactionId::new(ShardId(0), number), 0),
            granted: Points(remaining),
            remaining: Points(remaining),
            held: Points::ZERO,
            expired: Points::ZERO,
            available_at: Instant(0),
            expires_at: Instant(expires_at),
            price: Decimal::ONE,
            cost: Money::ZERO,
            funding: None,
        }
    }

    #[test]
    fn the_lot_that_expires_first_is_taken_first() {
        let mut lots = Lots::default();
        lots.add_read([lot(1, 10, i64::MAX), lot(2, 5, 200), lot(3, 7, 100)], Loaded::All);
        let taken = lots.choose(Points(13), Instant(99)).expect("all is loaded");
        let numbers: Vec<(i64, i64)> =
            taken.iter().map(|(id, points)| (id.transaction().number(), points.0)).collect();
        assert_eq!(numbers, [(3, 7), (2, 5), (1, 1)]);
        let later = lots.choose(Points(100), Instant(100)).expect("all is loaded");
        assert_eq!(later.iter().map(|(_, points)| points.0).sum::<i64>(), 15, "a lot is past");
    }

    #[test]
    fn a_prefix_is_never_overstepped() {
        let mut lots = Lots::default();
        let first = lot(1, 10, 100);
        let end = first.burning_order();
        lots.add_read([first], Loaded::UpTo(end));
        assert!(lots.choose(Points(10), Instant(1)).is_ok());
        assert_eq!(lots.choose(Points(11), Instant(1)), Err(NotLoaded));
        lots.put(lot(9, 10, 300));
        assert_eq!(lots.choose(Points(11), Instant(1)), Err(NotLoaded), "others may lie between");
    }

    proptest! {
        #[test]
        fn what_leaves_and_what_is_left_is_the_whole_cost(
            points in 1_i64..10_000,
            cost in 0_i64..1_000_000_000,
            cuts in prop::collection::vec(1_i64..3_000, 0..12),
        ) {
            let mut lot = Lot { cost: Money(cost), ..lot(1, points, i64::MAX) };
            let mut left = Money::ZERO;
            for cut in cuts.into_iter().chain([i64::MAX]) {
                let taken = Points(cut).min(lot.remaining);
                let leaves = lot.cost_of(taken);
                prop_assert!(Money::ZERO <= leaves && leaves <= lot.cost);
                lot.cost -= leaves;
                lot.remaining -= taken;
                left += leaves;
                prop_assert_eq!(left + lot.cost, Money(cost));
            }
            prop_assert_eq!(lot.cost, Money::ZERO, "the last points take all");
        }

        #[test]
        fn what_comes_back_in_parts_is_what_was_charged(
            charged in prop::collection::vec((1_i64..5_000, 0_i64..1_000_000), 1..5),
            cuts in prop::collection::vec(1_i64..2_000, 0..8),
        ) {
            let place = |place: usize| LotId::of(TransactionId::new(ShardId(0), 1), place);
            let taken: Vec<Allocation> = (0..)
                .zip(&charged)
                .map(|(at, &(points, cost))| Allocation {
                    lot: place(at),
                    points: Points(points),
                    cost: Money(cost),
                })
                .collect();
            let whole: Points = taken.iter().map(|one| one.points).sum();
            let mut restored = Points::ZERO;
            let mut before = taken.clone();
            for cut in cuts.into_iter().chain([i64::MAX]) {
                restored += Points(cut).min(whole - restored);
                let now = standing(&taken, restored);
                let left: Points = now.iter().map(|one| one.points).sum();
                prop_assert_eq!(left, whole - restored);
                for (one, other) in now.iter().zip(&before) {
                    prop_assert!(Money::ZERO <= one.cost && one.cost <= other.cost);
                }
                before = now;
            }
            prop_assert!(before.iter().all(|one| one.cost.is_zero() && one.points.is_zero()));
        }
    }
}
