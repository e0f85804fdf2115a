//! How points move: each posting changes the lots and balances that it touches, and takes along its
//! part of what is still to be paid for the lot.

use super::draft::{Draft, member_of};
use crate::domain::account::AccountKey;
use crate::domain::amount::{Money, Points};
use crate::domain::hold::{Allocation, standing};
use crate::domain::ids::{LotId, ProgrammeId};
use crate::domain::lot::Opening;
use crate::domain::obligation::LotCharge;
use crate::domain::posting::{LedgerAccount, Posting};

impl Draft<'_> {
    /// Posts points. Those that leave a lot take their part of its cost along; who funds the lot
    /// is charged for it only where they are burned.
    pub fn post_points(
        &mut self,
        from: LedgerAccount,
        to: LedgerAccount,
        points: Points,
        lot: Option<LotId>,
    ) {
        let cost = match lot {
            Some(lot) if is_in_lot(&from) && !is_in_lot(&to) => self.leave(&from, lot, points),
            _ => Money::ZERO,
        };
        let early = if is_in_lot(&to) { None } else { self.opening_of(&from, lot) };
        let posting = Posting::points(from, to, points, lot).with_cost(cost).with_early(early);
        self.move_points(posting, points, lot);
    }

    /// When points that leave a lot now could first have been spent; none: they could be now.
    fn opening_of(&mut self, from: &LedgerAccount, lot: Option<LotId>) -> Option<Opening> {
        let LedgerAccount::Member(member, programme) = from else { return None };
        let key = AccountKey { member: *member, programme: programme.clone() };
        let now = self.now();
        let lot = self.account(&key).lots.get(lot?)?;
        Opening::after(now, lot.available_at)
    }

    /// Posts points that come into a lot of a member with what is still to be paid for them.
    pub fn bring(&mut self, from: LedgerAccount, key: &AccountKey, coming: Allocation) {
        let Allocation { lot, points, cost } = coming;
        let there = self.account(key).lots.get_mut(lot).expect("a lot is read before it is used");
        there.cost += cost;
        let posting = Posting::points(from, member_of(key), points, Some(lot)).with_cost(cost);
        self.move_points(posting, points, Some(lot));
    }

    /// Points of lots with what is still to be paid for them, as they would leave now.
    pub fn priced(&mut self, key: &AccountKey, points: Vec<(LotId, Points)>) -> Vec<Allocation> {
        let lots = &self.account(key).lots;
        let cost = |lot, points| lots.get(lot).map(|lot| lot.cost_of(points)).unwrap_or_default();
        points
            .into_iter()
            .map(|(lot, points)| Allocation { lot, points, cost: cost(lot, points) })
            .collect()
    }

    /// Who pays for points that are taken from lots.
    pub fn charges(&mut self, key: &AccountKey, taken: &[Allocation]) -> Vec<LotCharge> {
        let costly = taken.iter().filter(|one| one.cost.is_positive());
        let charges = costly.map(|&taken| {
            let lot = self.account(key).lots.get(taken.lot);
            let funding = lot.and_then(|lot| lot.funding.clone());
            LotCharge { taken, funding: funding.expect("a lot with a cost says who pays it") }
        });
        charges.collect()
    }

    /// Who pays for what is left of burned points after so many of them came back.
    pub fn charges_left(
        &mut self,
        key: &AccountKey,
        taken: &[Allocation],
        restored: Points,
    ) -> Vec<LotCharge> {
        if taken.iter().all(|one| one.cost.is_zero()) {
            return Vec::new();
        }
        self.charges(key, &standing(taken, restored))
    }

    fn leave(&mut self, from: &LedgerAccount, lot: LotId, points: Points) -> Money {
        let (member, programme) = from.member().expect("a member's points leave a member");
        let key = AccountKey { member, programme: programme.clone() };
        let lot = self.account(&key).lots.get_mut(lot).expect("a lot is read before it is used");
        let cost = lot.cost_of(points);
        lot.cost -= cost;
        assert!(lot.cost >= Money::ZERO, "no more is paid for a lot than it costs");
        cost
    }

    fn move_points(&mut self, posting: Posting, points: Points, lot: Option<LotId>) {
        assert!(points.is_positive(), "a posting moves something");
        for (account, change) in [(&posting.from, -points), (&posting.to, points)] {
            self.apply(account, change, lot);
        }
        self.postings.push(posting);
    }

    fn apply(&mut self, account: &LedgerAccount, change: Points, lot: Option<LotId>) {
        if let LedgerAccount::Expired(programme) = account {
            self.apply_expired(programme, change, lot);
            return;
        }
        let Some((member, programme)) = account.member() else { return };
        let key = AccountKey { member, programme: programme.clone() };
        let kept = self.account(&key);
        let balance = match account {
            LedgerAccount::Member(..) => &mut kept.points,
            LedgerAccount::Held(..) => &mut kept.held,
            _ => {
                kept.debt -= change;
                assert!(kept.debt >= Points::ZERO, "a debt is not paid beyond itself");
                return;
            }
        };
        *balance += change;
        assert!(*balance >= Points::ZERO, "an account is never below zero");
        let id = lot.expect("a member's points belong to a lot");
        let lot = kept.lots.get_mut(id).expect("a lot is read before it is used");
        let part = match account {
            LedgerAccount::Member(..) => &mut lot.remaining,
            _ => &mut lot.held,
        };
        *part += change;
        assert!(*part >= Points::ZERO, "a lot is never below zero");
        self.touched_lots.insert((key, id));
    }

    /// Expired points belong to no member, but the lot remembers how many of its own they are.
    fn apply_expired(&mut self, programme: &ProgrammeId, change: Points, lot: Option<LotId>) {
        let id = lot.expect("expired points come from a lot");
        let owner = self
            .accounts
            .iter_mut()
            .find(|(key, account)| key.programme == *programme && account.lots.get(id).is_some());
        let (key, account) = owner.expect("the lot's account is at hand");
        let lot = account.lots.get_mut(id).expect("found above");
        lot.expired += change;
        assert!(lot.expired >= Points::ZERO, "no more comes back than was lost");
        self.touched_lots.insert((key.clone(), id));
    }
}

/// Whether an account's points lie in a member's lots.
const fn is_in_lot(account: &LedgerAccount) -> bool {
    matches!(account, LedgerAccount::Member(..) | LedgerAccount::Held(..))
}
