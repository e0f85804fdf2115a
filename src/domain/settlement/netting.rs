//! Netting: what the positions of a cycle come to, and the payments that settle them.
//!
//! All money goes through the clearing house's bank account: it collects from those who owe and
//! pays out to those who are owed, so what it collects for a cycle is what it pays out.

use std::collections::BTreeMap;

use super::PositionSum;
use crate::domain::amount::Money;
use crate::domain::ids::PartyId;
use crate::domain::posting::ObligationKind;
use crate::domain::terms::schedule::Netting;

/// What two parties owe each other; a pair stands once, the earlier name first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The one.
    pub one: PartyId,
    /// The other.
    pub other: PartyId,
    /// What the one owes the other, gross; never below zero.
    pub owes: Money,
    /// What the other owes the one, gross; never below zero.
    pub owed: Money,
    /// What the one gets: above zero from the other, below zero for the other.
    pub net: Money,
}

/// Which way money goes, as the clearing house sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// The party pays the clearing house.
    Collect,
    /// The clearing house pays the party.
    PayOut,
}

impl Direction {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Collect => "collect",
            Self::PayOut => "pay_out",
        }
    }

    /// The direction of a name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Collect, Self::PayOut].into_iter().find(|one| one.name() == name)
    }

    /// Money that goes this way, as the clearing house's account sees it: what comes in is above
    /// zero.
    pub fn signed(self, amount: Money) -> Money {
        match self {
            Self::Collect => amount,
            Self::PayOut => -amount,
        }
    }
}

/// One payment of a cycle.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leg {
    /// Who pays or is paid.
    pub party: PartyId,
    /// Which of the two.
    pub direction: Direction,
    /// How much; above zero.
    pub amount: Money,
    /// With whom it is settled; none: with all together.
    pub counterparty: Option<PartyId>,
}

/// Who owes whom by a position, as it was before anything was given back: what a reversal or a
/// discount gives back is below zero, in the direction of what it lowers.
pub fn directed(position: &PositionSum) -> (&PartyId, &PartyId, Money) {
    let is_discount = position.kind == ObligationKind::VolumeDiscount;
    if position.reverses == is_discount {
        (&position.debtor, &position.creditor, position.amount)
    } else {
        (&position.creditor, &position.debtor, -position.amount)
    }
}

/// What each party gets, net: above zero it is paid, below zero it pays. Parties at zero stay in.
/// The nets sum to zero.
pub fn nets(positions: &[PositionSum]) -> BTreeMap<PartyId, Money> {
    let mut nets: BTreeMap<PartyId, Money> = BTreeMap::new();
    for one in positions {
        *nets.entry(one.debtor.clone()).or_default() -= one.amount;
        *nets.entry(one.creditor.clone()).or_default() += one.amount;
    }
    nets
}

/// What each pair of parties owes each other, in the order of their names. A party's dealings with
/// itself, such as a brand's own share of a promotion, move no money and are left out. Where more
/// was given back than was owed, the rest is owed the other way.
pub fn matrix(positions: &[PositionSum]) -> Vec<Pair> {
    let mut pairs: BTreeMap<(&PartyId, &PartyId), (Money, Money)> = BTreeMap::new();
    for position in positions {
        let (debtor, creditor, amount) = directed(position);
        if debtor < creditor {
            pairs.entry((debtor, creditor)).or_default().0 += amount;
        } else if creditor < debtor {
            pairs.entry((creditor, debtor)).or_default().1 += amount;
        }
    }
    let pair = |((one, other), (owes, owed)): ((&PartyId, &PartyId), (Money, Money))| Pair {
        one: one.clone(),
        other: other.clone(),
        owes: owes.max(Money::ZERO) + (-owed).max(Money::ZERO),
        owed: owed.max(Money::ZERO) + (-owes).max(Money::ZERO),
        net: owed - owes,
    };
    pairs.into_iter().map(pair).collect()
}

/// What would have to be paid if nothing were netted.
pub fn gross(positions: &[PositionSum]) -> Money {
    matrix(positions).iter().map(|pair| pair.owes + pair.owed).sum()
}

/// The payments that settle the positions, in the order of the parties.
pub fn legs(netting: Netting, positions: &[PositionSum]) -> Vec<Leg> {
    let mut legs = Vec::new();
    match netting {
        Netting::Multilateral => {
            for (party, net) in nets(positions) {
                let (direction, amount) = way(net);
                legs.push(Leg { party, direction, amount, counterparty: None });
            }
        }
        Netting::Bilateral => {
            for pair in matrix(positions) {
                let (from, to) = if pair.net < Money::ZERO {
                    (&pair.one, &pair.other)
                } else {
                    (&pair.other, &pair.one)
                };
                legs.extend(both_legs(from, to, way(pair.net).1));
            }
        }
        Netting::Gross => {
            for pair in matrix(positions) {
                legs.extend(both_legs(&pair.one, &pair.other, pair.owes));
                legs.extend(both_legs(&pair.other, &pair.one, pair.owed));
            }
        }
    }
    legs.retain(|leg| leg.amount.is_positive());
    legs.sort();
    legs
}

fn way(net: Money) -> (Direction, Money) {
    if net < Money::ZERO { (Direction::Collect, -net) } else { (Direction::PayOut, net) }
}

/// What is collected from the one and paid out to the other.
fn both_legs(from: &PartyId, to: &PartyId, amount: Money) -> [Leg; 2] {
    let leg = |direction, party: &PartyId, with: &PartyId| Leg {
        party: party.clone(),
        direction,
        amount,
        counterparty: Some(with.clone()),
    };
    [leg(Direction::Collect, from, to), leg(Direction::PayOut, to, from)]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::amount::Points;
    use crate::domain::time::Day;

    fn position(debtor: &str, creditor: &str, kind: ObligationKind, amount: i64) -> PositionSum {
        PositionSum {
            debtor: debtor.parse().expect("a party"),
            creditor: creditor.parse().expect("a party"),
            programme: None,
            kind,
            reverses: false,
            agreement: None,
            promo: None,
            late_for: Day::parse("2026-06-01").expect("a day"),
            count: 1,
            points: Points::ZERO,
            amount: Money(amount),
        }
    }

    fn shown(legs: &[Leg]) -> Vec<String> {
        let text = |leg: &Leg| {
            let with = leg.counterparty.as_ref().map_or("all", PartyId::as_str);
            format!("{:?} {} {} {with}", leg.direction, leg.party, leg.amount.0)
        };
        legs.iter().map(text).collect()
    }

    #[test]
    fn the_three_ways_to_settle_the_same_positions() {
        let positions = [
            position("a", "b", ObligationKind::Funding, 100),
            position("b", "a", ObligationKind::Reimbursement, 30),
            position("b", "c", ObligationKind::Reimbursement, 70),
            position("b", "b", ObligationKind::Funding, 500),
        ];
        let many = legs(Netting::Multilateral, &positions);
        assert_eq!(shown(&many), ["Collect a 70 all", "PayOut c 70 all"]);
        let two = ["Collect a 70 b", "Collect b 70 c", "PayOut b 70 a", "PayOut c 70 b"];
        assert_eq!(shown(&legs(Netting::Bilateral, &positions)), two);
        let each = [
            "Collect a 100 b",
            "PayOut a 30 b",
            "Collect b 30 a",
            "Collect b 70 c",
            "PayOut b 100 a",
            "PayOut c 70 b",
        ];
        assert_eq!(shown(&legs(Netting::Gross, &positions)), each);
        assert_eq!(gross(&positions), Money(200));
    }

    #[test]
    fn what_is_given_back_lowers_what_is_owed() {
        let back =
            PositionSum { reverses: true, ..position("b", "a", ObligationKind::Funding, 40) };
        let less = position("b", "a", ObligationKind::VolumeDiscount, 5);
        let first = position("a", "b", ObligationKind::Funding, 100);
        let pair = |positions: &[PositionSum]| {
            let pair = matrix(positions).remove(0);
            (pair.owes.0, pair.owed.0, pair.net.0)
        };
        assert_eq!(pair(&[first, back.clone(), less.clone()]), (55, 0, -55));
        // More than what was owed: the rest is owed the other way.
        assert_eq!(pair(&[back, less]), (0, 45, 45));
    }

    fn any_position() -> impl Strategy<Value = PositionSum> {
        let parties = prop::sample::select(vec!["a", "b", "c", "d"]);
        let kinds = prop::sample::select(ObligationKind::ALL);
        (parties.clone(), parties, kinds, any::<bool>(), 1..1_000_000_i64).prop_map(
            |(debtor, creditor, kind, reverses, amount)| PositionSum {
                reverses,
                ..position(debtor, creditor, kind, amount)
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_collected_is_paid_out_and_settles_every_net(
            positions in prop::collection::vec(any_position(), 0..40),
        ) {
            let nets = nets(&positions);
            prop_assert!(nets.values().copied().sum::<Money>().is_zero());
            let mut sizes = Vec::new();
            for netting in [Netting::Multilateral, Netting::Bilateral, Netting::Gross] {
                let mut left = nets.clone();
                let mut sums = [Money::ZERO; 2];
                for leg in legs(netting, &positions) {
                    prop_assert!(leg.amount.is_positive());
                    let party = left.entry(leg.party).or_default();
                    if leg.direction == Direction::Collect {
                        sums[0] += leg.amount;
                        *party += leg.amount;
                    } else {
                        sums[1] += leg.amount;
                        *party -= leg.amount;
                    }
                }
                prop_assert_eq!(sums[0], sums[1]);
                prop_assert!(left.values().all(Money::is_zero), "{:?}", left);
                sizes.push(sums[0]);
            }
            prop_assert!(sizes[0] <= sizes[1] && sizes[1] <= sizes[2]);
            prop_assert_eq!(sizes[2], gross(&positions));
        }
    }
}
