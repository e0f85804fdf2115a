//! A transaction in the making: each posting changes copies of the accounts that it touches.
//!
//! All state follows from postings: nothing else here changes a balance, a lot or a hold, so what
//! the audit adds up from postings is what the accounts say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rust_decimal::Decimal;

use super::Context;
use crate::domain::account::{Account, AccountKey};
use crate::domain::amount::{Money, Points};
use crate::domain::command::{Command, Kind};
use crate::domain::exposure::LimitHit;
use crate::domain::hold::{Allocation, Hold};
use crate::domain::ids::{LotId, MemberId, PartyId, PromoId, Reference, TransactionId};
use crate::domain::ledger::{Decided, Ledger};
use crate::domain::lot::Lot;
use crate::domain::metric::Metric;
use crate::domain::obligation::{EarnMoney, LotFunding, Obligations, Sides, value_of};
use crate::domain::pack::Pack;
use crate::domain::posting::{LedgerAccount, Posting};
use crate::domain::receipt::ReceiptState;
use crate::domain::terms::Programme;
use crate::domain::terms::programme::LotDates;
use crate::domain::till::Till;
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, NewLot, TierChange, Transaction};

/// A transaction in the making.
pub struct Draft<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) context: &'a Context,
    pub(super) accounts: BTreeMap<AccountKey, Account>,
    pub(super) touched_lots: BTreeSet<(AccountKey, LotId)>,
    pub(super) holds: BTreeMap<TransactionId, Hold>,
    pub(super) packs: BTreeMap<TransactionId, Pack>,
    pub(super) postings: Vec<Posting>,
    new_lots: Vec<NewLot>,
    /// The state of the receipt that this transaction refunds or delivers.
    pub receipt: Option<(TransactionId, ReceiptState)>,
    /// The profile that goes, and the one that it becomes.
    pub merged: Option<(MemberId, MemberId)>,
    /// The profile that is itself again, and the one that it had become.
    pub unmerged: Option<(MemberId, MemberId)>,
    /// The instant that says to which cycle this belongs by its date; none: that of its title.
    pub belongs_to: Option<Instant>,
    /// Limits that kept a part of it from being posted.
    pub limits_hit: Vec<LimitHit>,
}

/// Points for a new lot.
#[derive(Clone, Debug)]
pub struct Gift {
    /// How many.
    pub points: Points,
    /// When they can be spent, and when they are lost.
    pub dates: LotDates,
    /// What a whole point is funded with now.
    pub price: Decimal,
    /// What is to be paid for them when they are burned.
    pub cost: Money,
    /// Who pays that; none: nothing is to be paid.
    pub funding: Option<Arc<LotFunding>>,
    /// The promotion that they belong to.
    pub promo: Option<PromoId>,
}

impl Gift {
    /// Points that are funded now, all of them.
    pub const fn funded(points: Points, dates: LotDates, price: Decimal) -> Self {
        Self { points, dates, price, cost: Money::ZERO, funding: None, promo: None }
    }

    /// Points that are funded as agreed, now and when they are burned.
    pub fn under(
        points: Points,
        dates: LotDates,
        money: &EarnMoney,
        programme: &Programme,
    ) -> Self {
        let remembers = money.is_due_at_burn() || programme.breakage_to_funder > 0;
        let funding = remembers.then(|| money.lot_funding());
        let cost = money.due_at_burn(points, programme.scales);
        let price = money.price_at_issue();
        Self { points, dates, price, cost, funding, promo: money.under.promo.clone() }
    }
}

/// Who posts a transaction, and as what.
pub struct Title {
    /// Its kind.
    pub kind: Kind,
    /// Who posted it.
    pub party: PartyId,
    /// The party's own reference.
    pub reference: Option<Reference>,
    /// When it happened, by the party's own account.
    pub at: Option<Instant>,
    /// What the till said of it.
    pub till: Option<Box<Till>>,
    /// Whose points it moves.
    pub member: MemberId,
}

impl Title {
    /// The title of a command's transaction.
    pub fn of(command: &Command, member: MemberId) -> Self {
        Self {
            kind: command.action.kind(),
            party: command.party.clone(),
            reference: command.action.reference().cloned(),
            at: command.at,
            till: command.till.clone(),
            member,
        }
    }
}

impl<'a> Draft<'a> {
    /// An empty transaction.
    pub fn new(ledger: &'a Ledger, context: &'a Context) -> Self {
        Self {
            ledger,
            context,
            accounts: BTreeMap::new(),
            touched_lots: BTreeSet::new(),
            holds: BTreeMap::new(),
            packs: BTreeMap::new(),
            postings: Vec::new(),
            new_lots: Vec::new(),
            receipt: None,
            merged: None,
            unmerged: None,
            belongs_to: None,
            limits_hit: Vec::new(),
        }
    }

    /// The instant of the transaction.
    pub const fn now(&self) -> Instant {
        self.context.now
    }

    /// The account as this transaction leaves it so far.
    pub fn account(&mut self, key: &AccountKey) -> &mut Account {
        let ledger = self.ledger;
        self.accounts.entry(key.clone()).or_insert_with(|| ledger.account(key))
    }

    /// The sides of obligations of a party in a programme.
    pub fn sides<'b>(&'b self, programme: &'b Programme, partner: &'b PartyId) -> Sides<'b> {
        Sides {
            programme: &programme.id,
            brand: &programme.brand,
            partner,
            operator: &self.context.coalition.operator,
            scales: programme.scales,
        }
    }

    /// Gives points: a new lot, from which a debt is paid at once.
    pub fn give(&mut self, key: &AccountKey, gift: &Gift) -> LotId {
        self.give_from(LedgerAccount::Issued(key.programme.clone()), key, gift)
    }

    /// Gives back burned points whose lot is past: a new lot, from which a debt is paid at once.
    pub fn give_back(&mut self, key: &AccountKey, gift: &Gift) -> LotId {
        self.give_from(LedgerAccount::Burned(key.programme.clone()), key, gift)
    }

    fn give_from(&mut self, from: LedgerAccount, key: &AccountKey, gift: &Gift) -> LotId {
        let id = LotId::of(self.context.id, self.new_lots.len());
        let Gift { points, dates: LotDates { available_at, expires_at }, price, cost, .. } = *gift;
        self.new_lots.push(NewLot {
            id,
            programme: key.programme.clone(),
            granted: points,
            available_at,
            expires_at,
            price,
            cost,
            funding: gift.funding.clone(),
            promo: gift.promo.clone(),
        });
        self.account(key).lots.put(Lot {
            id,
            granted: points,
            remaining: Points::ZERO,
            held: Points::ZERO,
            expired: Points::ZERO,
            available_at,
            expires_at,
            price,
            cost: Money::ZERO,
            funding: gift.funding.clone(),
        });
        self.bring(from, key, Allocation { lot: id, points, cost });
        self.pay_debt(key, id, points);
        id
    }

    /// Pays a debt with points that just came into a lot.
    pub fn pay_debt(&mut self, key: &AccountKey, lot: LotId, points: Points) {
        let paid = self.account(key).debt.min(points);
        if paid.is_positive() {
            let debt = LedgerAccount::Debt(key.member, key.programme.clone());
            self.post_points(member_of(key), debt, paid, Some(lot));
        }
    }

    /// Takes points of lots to where burned points go.
    pub fn burn(&mut self, key: &AccountKey, taken: &[Allocation]) {
        for one in taken {
            let burned = LedgerAccount::Burned(key.programme.clone());
            self.post_points(member_of(key), burned, one.points, Some(one.lot));
        }
    }

    /// Reserves points of lots.
    pub fn reserve(&mut self, key: &AccountKey, allocations: &[Allocation]) {
        for one in allocations {
            self.post_points(member_of(key), held_of(key), one.points, Some(one.lot));
        }
    }

    /// Finishes a hold: burns what is captured and releases the rest, which pays a debt first and
    /// is lost at once where its lot is past. Gives back how many points were released.
    pub fn finish_hold(&mut self, hold: &Hold, captured: Points, programme: &Programme) -> Points {
        let key = AccountKey { member: hold.member, programme: hold.programme.clone() };
        let (burned, released) = hold.divide(captured);
        for one in &burned {
            let to = LedgerAccount::Burned(key.programme.clone());
            self.post_points(held_of(&key), to, one.points, Some(one.lot));
        }
        for one in &released {
            self.post_points(held_of(&key), member_of(&key), one.points, Some(one.lot));
            self.pay_debt(&key, one.lot, one.points);
        }
        for one in &released {
            self.expire_if_past(&key, one.lot, programme);
        }
        let closed = Hold { open: false, allocations: hold.allocations.clone(), ..hold.clone() };
        self.put_hold(closed);
        released.iter().map(|one| one.points).sum()
    }

    /// Puts a hold as it is now.
    pub fn put_hold(&mut self, hold: Hold) {
        let key = AccountKey { member: hold.member, programme: hold.programme.clone() };
        let account = self.account(&key);
        let open = account.holds.get_or_insert_default();
        open.retain(|id| *id != hold.id);
        if hold.open {
            open.push(hold.id);
        }
        self.holds.insert(hold.id, hold);
    }

    /// Posts the loss of a lot whose day has passed. Gives back how many points were lost.
    pub fn expire_if_past(
        &mut self,
        key: &AccountKey,
        lot: LotId,
        programme: &Programme,
    ) -> Points {
        let now = self.now();
        let Some(lot) = self.account(key).lots.get(lot).cloned() else { return Points::ZERO };
        if !lot.is_past(now) || !lot.remaining.is_positive() {
            return Points::ZERO;
        }
        let expired = LedgerAccount::Expired(key.programme.clone());
        self.post_points(member_of(key), expired, lot.remaining, Some(lot.id));
        if programme.shares_breakage() {
            let before = self.breakage_of(programme, &lot, lot.expired);
            let after = self.breakage_of(programme, &lot, lot.expired + lot.remaining);
            self.post_all(after.change_from(&before, &programme.id));
        }
        lot.remaining
    }

    /// What the loss of points of one lot gives to others than the pool.
    pub fn breakage_of(&self, programme: &Programme, lot: &Lot, gone: Points) -> Obligations {
        let value = value_of(gone, lot.price, programme.scales);
        let sides = self.sides(programme, &programme.brand);
        let shares = (programme.breakage.as_slice(), programme.breakage_to_funder);
        Obligations::of_breakage(gone, value, shares, lot.funding.as_deref(), &sides)
    }

    /// Posts money.
    pub fn post_all(&mut self, postings: Vec<Posting>) {
        self.postings.extend(postings);
    }

    /// The finished transaction with all that it changes.
    pub fn finish(mut self, title: Title, detail: Detail) -> Decided {
        let belongs_to = self.belongs_to.or(title.at);
        for posting in &mut self.postings {
            self.context.settle(posting, belongs_to);
        }
        let tiers = self.tier_changes(title.member);
        let transaction = Transaction {
            id: self.context.id,
            kind: title.kind,
            party: title.party,
            reference: title.reference,
            member: title.member,
            recorded_at: self.context.now,
            settlement_day: self.context.settlement_day(),
            at: title.at,
            till: title.till,
            config_version: self.context.coalition.version,
            detail,
            postings: self.postings,
            lots: self.new_lots,
            tier_after: None,
            tiers,
        };
        Decided {
            transaction,
            accounts: self.accounts,
            lots: self.touched_lots,
            holds: self.holds,
            packs: self.packs,
            receipt: self.receipt,
            merged: self.merged,
            unmerged: self.unmerged,
            limits_hit: self.limits_hit,
        }
    }

    /// The levels that a member rises or falls to by this transaction.
    fn tier_changes(&self, member: MemberId) -> Vec<TierChange> {
        let unmoved = Metric::default();
        let change = |(key, account): (&AccountKey, &Account)| {
            let programme = self.context.coalition.programmes.get(&key.programme)?;
            let tiers = programme.tiers.as_ref()?;
            let before = self.ledger.accounts.get(key).map_or(&unmoved, |one| &one.metric);
            if key.member != member || *before == account.metric {
                return None;
            }
            let today = programme.zone.day_of(self.context.now);
            let level = |metric| tiers.level_of(metric, today).map(|level| level.id.clone());
            let (from, to) = (level(before), level(&account.metric));
            let programme = key.programme.clone();
            (from != to).then_some(TierChange { programme, from, to })
        };
        self.accounts.iter().filter_map(change).collect()
    }

    /// Marks a lot as changed without a posting: a delivery gives it its dates.
    pub fn touch_lot(&mut self, key: &AccountKey, lot: LotId) {
        self.touched_lots.insert((key.clone(), lot));
    }

    /// Takes an emptied lot out of an account that goes.
    pub fn forget_lot(&mut self, key: &AccountKey, lot: LotId) {
        self.account(key).lots.remove(lot);
        self.touched_lots.remove(&(key.clone(), lot));
    }
}

/// The ledger account of a member's free points.
pub fn member_of(key: &AccountKey) -> LedgerAccount {
    LedgerAccount::Member(key.member, key.programme.clone())
}

/// The ledger account of a member's reserved points.
pub fn held_of(key: &AccountKey) -> LedgerAccount {
    LedgerAccount::Held(key.member, key.programme.clone())
}
