//! Money that banks moved: what the postings give, and what payments, cycles and open items say.

use std::collections::BTreeMap;

use super::replay::{Finding, Replay, differs};
use crate::domain::amount::Money;
use crate::domain::posting::{LedgerAccount, Posting};
use crate::domain::settlement::{CycleId, CycleState};
use crate::store::{Database, cycles, open_items, payments};

/// What the postings moved through accounts that belong to no party.
#[derive(Debug, Default)]
pub(super) struct BankMoney {
    /// Through clearing, cycle by cycle: in above zero.
    clearing: BTreeMap<CycleId, Money>,
    /// Into suspense: in above zero.
    suspense: Money,
}

impl BankMoney {
    /// Adds a posting of money.
    pub(super) fn add(&mut self, posting: &Posting, amount: Money) {
        for (account, change) in [(&posting.from, -amount), (&posting.to, amount)] {
            match account {
                // What comes in goes from clearing to the party that paid it.
                LedgerAccount::Clearing(cycle) => {
                    *self.clearing.entry(cycle.clone()).or_default() -= change;
                }
                LedgerAccount::Suspense(_) => self.suspense += change,
                _ => {}
            }
        }
    }
}

impl Replay {
    pub(super) fn compare_payments(&mut self, database: &mut Database) -> Result<(), Finding> {
        let mut booked: BTreeMap<CycleId, Money> = BTreeMap::new();
        for payment in payments::all(database)? {
            self.report.payments += 1;
            let moved = payment.leg.direction.signed(payment.paid);
            *booked.entry(payment.cycle).or_default() += moved;
        }
        let all = booked.keys().chain(self.bank_money.clearing.keys());
        for cycle in all {
            let expected = self.bank_money.clearing.get(cycle).copied().unwrap_or_default();
            let got = booked.get(cycle).copied().unwrap_or_default();
            if expected != got {
                return Err(differs(format!(
                    "clearing of cycle {cycle}: its postings give {}, its payments {}",
                    expected.0, got.0
                )));
            }
            let state = cycles::find(database, cycle)?.map(|row| row.state);
            if state == Some(CycleState::Settled) && !expected.is_zero() {
                return Err(differs(format!(
                    "cycle {cycle} is settled, and its clearing account is at {}",
                    expected.0
                )));
            }
        }
        let in_items = open_items::in_suspense(database)?;
        if in_items != self.bank_money.suspense {
            return Err(differs(format!(
                "the suspense account is at {}, its open items sum to {}",
                self.bank_money.suspense.0, in_items.0
            )));
        }
        Ok(())
    }
}
