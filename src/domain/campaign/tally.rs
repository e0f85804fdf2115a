//! What the journal says of members and promotions: receipts, spend, what was bought, what became of
//! points. Counted from transactions alone, in their order within a shard.

use std::collections::BTreeMap;

use super::segment::ProductKind;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{LotId, MemberId, ProgrammeId, PromoId};
use crate::domain::posting::{Body, LedgerAccount, Posting};
use crate::domain::receipt::Part;
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant};
use crate::domain::transaction::{Detail, Transaction};

/// Bytes of a product's name that is remembered; longer ones are left out.
const PRODUCT_BYTES_MAX: usize = 128;

/// A member in a programme.
pub type Who = (MemberId, ProgrammeId);

/// The last receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReceipt {
    /// When it was recorded.
    pub at: Instant,
    /// Its local day.
    pub day: Day,
    /// Its price.
    pub amount: Money,
}

/// What receipts come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// How many, less those that came back whole.
    pub receipts: i64,
    /// Their price, less what was refunded.
    pub spend: Money,
}

impl Turnover {
    fn add(&mut self, other: Self) {
        self.receipts += other.receipts;
        self.spend += other.spend;
    }
}

/// What became of a promotion's points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Lots that were granted.
    pub lots: i64,
    /// Points that were granted.
    pub granted: Points,
    /// Points that paid, or were exchanged away.
    pub spent: Points,
    /// Points that came back from refunds, to the lots that they had left or to lots in their place.
    pub returned: Points,
    /// Points that were lost.
    pub expired: Points,
    /// Points that were taken back, or paid a debt.
    pub taken_back: Points,
}

/// What some transactions add up to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// By member and programme.
    pub totals: BTreeMap<Who, Turnover>,
    /// The last receipts.
    pub last: BTreeMap<Who, LastReceipt>,
    /// By local day.
    pub days: BTreeMap<(MemberId, ProgrammeId, Day), Turnover>,
    /// When something was bought last.
    pub products: BTreeMap<(MemberId, ProgrammeId, ProductKind, String), Day>,
    /// Profiles that went into others: dropped and kept.
    pub merges: Vec<(MemberId, MemberId)>,
    /// Promotions.
    pub flows: BTreeMap<(PromoId, ProgrammeId), Flow>,
    /// What moved of lots whose promotion has to be looked up.
    pub moved: BTreeMap<(LotId, ProgrammeId), Flow>,
}

impl Tally {
    /// Counts a transaction, for what its member is now.
    pub fn count(&mut self, one: &Transaction, member: MemberId, coalition: &Coalition) {
        for part in one.parts() {
            self.count_receipt(part, member, one.recorded_at);
        }
        match &one.detail {
            Detail::Refund { of, parts } => {
                for part in parts {
                    let zone = coalition.programmes.get(&part.programme).map(|one| &one.zone);
                    let day = zone.map_or(one.settlement_day, |zone| zone.day_of(one.recorded_at));
                    let is_whole = of.is_some() && part.kept.is_zero();
                    let back = Turnover {
                        receipts: -i64::from(is_whole),
                        spend: -part.refunded.unwrap_or_default(),
                    };
                    self.add(member, &part.programme, day, back);
                }
            }
            Detail::Merge { drop, .. } => self.merges.push((*drop, member)),
            _ => {}
        }
        // A lot into which a refund gives points back, once their own is over, is no grant.
        let is_refund = matches!(one.detail, Detail::Refund { .. });
        for lot in one.lots.iter().filter(|_| !is_refund) {
            if let Some(promo) = &lot.promo {
                let flow = self.flows.entry((promo.clone(), lot.programme.clone())).or_default();
                flow.lots += 1;
                flow.granted += lot.granted;
            }
        }
        one.postings.iter().for_each(|posting| self.count_posting(posting));
    }

    fn count_receipt(&mut self, part: &Part, member: MemberId, at: Instant) {
        let amount = part.amount();
        self.add(member, &part.programme, part.day, Turnover { receipts: 1, spend: amount });
        let who = (member, part.programme.clone());
        let last = LastReceipt { at, day: part.day, amount };
        if self.last.get(&who).is_none_or(|before| before.at <= at) {
            self.last.insert(who, last);
        }
        for line in &part.lines {
            let named = [
                (ProductKind::Sku, &line.sku),
                (ProductKind::Category, &line.category),
                (ProductKind::Brand, &line.brand),
            ];
            for (kind, value) in named {
                let Some(value) = value else { continue };
                if (1..=PRODUCT_BYTES_MAX).contains(&value.len()) {
                    let key = (member, part.programme.clone(), kind, value.clone());
                    let day = self.products.entry(key).or_insert(part.day);
                    *day = part.day.max(*day);
                }
            }
        }
    }

    fn add(&mut self, member: MemberId, programme: &ProgrammeId, day: Day, more: Turnover) {
        self.totals.entry((member, programme.clone())).or_default().add(more);
        self.days.entry((member, programme.clone(), day)).or_default().add(more);
    }

    fn count_posting(&mut self, posting: &Posting) {
        use LedgerAccount::{Burned, Debt, Expired, Held, Issued, Member};
        let Body::Points { points, lot: Some(lot), .. } = &posting.body else { return };
        let (from, to) = (&posting.from, &posting.to);
        let mut flow = Flow::default();
        let figure = match (from, to) {
            (Member(..) | Held(..), Burned(_)) => &mut flow.spent,
            (Burned(_), Member(..) | Held(..)) => &mut flow.returned,
            (Member(..) | Held(..), Expired(_)) => &mut flow.expired,
            (Member(..) | Held(..), Issued(_) | Debt(..)) => &mut flow.taken_back,
            _ => return,
        };
        *figure = *points;
        let Some(programme) = from.programme() else { return };
        self.moved.entry((*lot, programme.clone())).or_default().add(&flow);
    }

    /// Puts what moved of lots to their promotions, where they have one.
    pub fn place(&mut self, promo_of: impl Fn(LotId) -> Option<PromoId>) {
        for ((lot, programme), flow) in std::mem::take(&mut self.moved) {
            if let Some(promo) = promo_of(lot) {
                self.flows.entry((promo, programme)).or_default().add(&flow);
            }
        }
    }
}

impl Flow {
    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.lots += other.lots;
        self.granted += other.granted;
        self.spent += other.spent;
        self.returned += other.returned;
        self.expired += other.expired;
        self.taken_back += other.taken_back;
    }
}
