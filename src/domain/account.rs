//! An account: one member in one programme.

use rust_decimal::Decimal;

use super::amount::Points;
use super::hold::Hold;
use super::ids::{MemberId, ProgrammeId, TransactionId};
use super::lot::Lots;
use super::metric::Metric;
use super::time::{Instant, NEVER};

/// The name of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    /// Whose.
    pub member: MemberId,
    /// In which programme.
    pub programme: ProgrammeId,
}

/// One member in one programme, as far as it is in memory.
///
/// `points`, `held` and `debt` are the balances of its three ledger accounts as of the last
/// posting. What is available or pending follows from the lots and the clock.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its name.
    pub key: AccountKey,
    /// Points in lots that no hold reserves.
    pub points: Points,
    /// Points that holds reserve.
    pub held: Points,
    /// Points that the member owes; zero or above.
    pub debt: Points,
    /// What counts towards the tier.
    pub metric: Metric,
    /// The member's own share of a receipt that points may pay.
    pub max_share: Option<Decimal>,
    /// Its lots.
    pub lots: Lots,
    /// Its open holds; none: not read yet.
    pub holds: Option<Vec<TransactionId>>,
}

impl Account {
    /// An account in which nothing has happened.
    pub fn new(key: AccountKey) -> Self {
        let mut lots = Lots::default();
        lots.set_all_loaded();
        Self {
            key,
            points: Points::ZERO,
            held: Points::ZERO,
            debt: Points::ZERO,
            metric: Metric::default(),
            max_share: None,
            lots,
            holds: Some(Vec::new()),
        }
    }

    /// Whether all that holds points is in memory.
    pub fn is_whole(&self) -> bool {
        self.lots.are_all_loaded() && self.are_holds_loaded()
    }

    /// Whether its open holds are in memory.
    pub const fn are_holds_loaded(&self) -> bool {
        self.held.is_zero() || self.holds.is_some()
    }

    /// Whether the lots of a hold are in memory.
    pub fn has_lots_of(&self, hold: &Hold) -> bool {
        hold.allocations.iter().all(|one| self.lots.get(one.lot).is_some())
    }
}

/// A balance: what a member has in one programme at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// Can be spent now.
    pub available: Points,
    /// Will come.
    pub pending: Points,
    /// Is reserved.
    pub held: Points,
    /// Is owed.
    pub debt: Points,
    /// What will come when; never: after a delivery.
    pub pending_lots: Vec<(Instant, Points)>,
    /// What is lost when, of what can be spent now or will come.
    pub expiring: Vec<(Instant, Points)>,
}

impl Balance {
    /// The balance of an account at `now`, from its lots and the open holds.
    ///
    /// Holds past their time count as released, and lots past their day as lost, whether or not
    /// anything was posted for it yet; points released pay a debt first.
    pub fn of(account: &Account, holds: &[&Hold], now: Instant) -> Self {
        let mut balance = Self { debt: account.debt, ..Self::default() };
        let mut lots = account.lots.clone();
        for hold in holds.iter().filter(|hold| hold.open) {
            if !hold.is_due(now) {
                balance.held += hold.points();
                continue;
            }
            for one in &hold.allocations {
                let paid = one.points.min(balance.debt);
                balance.debt -= paid;
                if let Some(lot) = lots.get_mut(one.lot) {
                    lot.remaining += one.points - paid;
                }
            }
        }
        for lot in lots.in_burning_order() {
            if lot.is_past(now) || lot.remaining.is_zero() {
                continue;
            }
            if lot.is_available(now) {
                balance.available += lot.remaining;
            } else {
                balance.pending += lot.remaining;
                add(&mut balance.pending_lots, lot.available_at, lot.remaining);
            }
            if lot.expires_at != NEVER {
                add(&mut balance.expiring, lot.expires_at, lot.remaining);
            }
        }
        balance.pending_lots.sort();
        balance
    }
}

fn add(sums: &mut Vec<(Instant, Points)>, at: Instant, points: Points) {
    match sums.iter_mut().find(|sum| sum.0 == at) {
        Some(sum) => sum.1 += points,
        None => sums.push((at, points)),
    }
}
