//! Packs: points that a party bought in advance and gives out later.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::amount::Points;
use super::ids::{PartyId, ProgrammeId, TransactionId};
use super::time::Instant;

/// Points that a party bought in advance.
///
/// Invariant: `left` is neither below zero nor above `bought`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The transaction that bought it.
    pub id: TransactionId,
    /// Whose.
    pub party: PartyId,
    /// Of which programme.
    pub programme: ProgrammeId,
    /// How many points were bought.
    pub bought: Points,
    /// How many were not given out yet.
    pub left: Points,
    /// What a whole point was bought for.
    pub price: Decimal,
    /// From when on it can be used.
    pub starts_at: Instant,
    /// From when on it can't be used any more; never: it always can.
    pub ends_at: Instant,
}

/// Points that were given out of a pack, or came back to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FromPack {
    /// The pack.
    pub pack: TransactionId,
    /// How many points.
    pub points: Points,
}

impl Pack {
    /// Whether it can be used now.
    pub fn runs(&self, now: Instant) -> bool {
        self.starts_at <= now && now < self.ends_at
    }
}

/// Takes points from packs that run, the one that started first first. What is not covered is left
/// out.
pub fn take<'a>(
    packs: impl Iterator<Item = &'a Pack>,
    wanted: Points,
    now: Instant,
) -> Vec<FromPack> {
    let mut running: Vec<&Pack> =
        packs.filter(|pack| pack.runs(now) && pack.left.is_positive()).collect();
    running.sort_by_key(|pack| (pack.starts_at, pack.id));
    let mut missing = wanted;
    let mut taken = Vec::new();
    for pack in running {
        let points = missing.min(pack.left);
        if points.is_positive() {
            taken.push(FromPack { pack: pack.id, points });
        }
        missing -= points;
    }
    taken
}

/// What goes back to each pack when of the points of a receipt only so many are kept: those that
/// no pack covered go first, then those of the last pack.
pub fn returned(taken: &[FromPack], before: Points, kept: Points) -> Vec<FromPack> {
    let mut start = Points::ZERO;
    let mut back = Vec::new();
    for one in taken {
        let within = |points: Points| (points - start).min(one.points).max(Points::ZERO);
        let points = within(before) - within(kept);
        if points.is_positive() {
            back.push(FromPack { pack: one.pack, points });
        }
        start += one.points;
    }
    back.reverse();
    back
}

/// How many points packs covered.
pub fn covered(taken: &[FromPack]) -> Points {
    taken.iter().map(|one| one.points).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ShardId;
    use crate::domain::time::NEVER;

    fn pack(number: i64, left: i64, starts_at: i64, ends_at: Instant) -> Pack {
        Pack {
            id: TransactionId::new(ShardId::HOUSE, number),
            party: "bank".parse().expect("a party"),
            programme: "club".parse().expect("an id"),
            bought: Points(1_000),
            left: Points(left),
            price: Decimal::ONE,
            starts_at: Instant(starts_at),
            ends_at,
        }
    }

    fn figures(taken: &[FromPack]) -> Vec<(i64, i64)> {
        taken.iter().map(|one| (one.pack.number(), one.points.0)).collect()
    }

    #[test]
    fn the_pack_that_started_first_is_used_first_while_it_runs() {
        let packs = [
            pack(1, 50, 20, NEVER),
            pack(2, 30, 10, Instant(100)),
            pack(3, 0, 5, NEVER),
            pack(4, 70, 60, NEVER),
        ];
        let taken = |wanted, now| figures(&take(packs.iter(), Points(wanted), Instant(now)));
        assert_eq!(taken(40, 50), [(2, 30), (1, 10)]);
        assert_eq!(taken(500, 50), [(2, 30), (1, 50)], "the fourth has not started");
        assert_eq!(taken(60, 100), [(1, 50), (4, 10)], "the second has ended");
        assert_eq!(taken(60, 9), []);
    }

    #[test]
    fn what_no_pack_covered_goes_back_first_then_the_last_pack() {
        let from = |number, points| FromPack {
            pack: TransactionId::new(ShardId::HOUSE, number),
            points: Points(points),
        };
        let taken = [from(2, 30), from(1, 10)];
        let back = |before, kept| figures(&returned(&taken, Points(before), Points(kept)));
        assert_eq!(back(50, 40), [], "ten were billed");
        assert_eq!(back(50, 35), [(1, 5)]);
        assert_eq!(back(35, 12), [(1, 5), (2, 18)]);
        assert_eq!(back(12, 0), [(2, 12)]);
    }
}
