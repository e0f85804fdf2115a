//! Money that banks moved: what the postings give, and what payments, cycles and open items say.

use std::collections::{BTreeMap, HashMap};

use super::replay::{Finding, Replay, differs};
use crate::domain::amount::Money;
use crate::domain::ids::TransactionId;
use crate::domain::posting::{LedgerAccount, Posting};
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::transaction::{Detail, Transaction};
use crate::store::{Database, audit, cycles, open_items, payments};

/// What the postings moved through accounts that belong to no party.
#[derive(Debug, Default)]
pub(super) struct BankMoney {
    /// Through clearing, cycle by cycle: in above zero.
    clearing: BTreeMap<CycleId, Money>,
    /// The same, by the party on the other side.
    by_party: BTreeMap<CycleId, HashMap<String, Money>>,
    /// Into suspense: in above zero.
    suspense: Money,
    /// The same, by open item.
    by_item: BTreeMap<i64, Money>,
    /// By the transaction that posted what a bank booked: its key, and what came in.
    entries: HashMap<TransactionId, (String, Money)>,
}

impl BankMoney {
    /// Adds a posting of money.
    pub(super) fn add(&mut self, transaction: &Transaction, posting: &Posting, amount: Money) {
        let (from, to) = (&posting.from, &posting.to);
        for (account, other, change) in [(from, to, -amount), (to, from, amount)] {
            match account {
                LedgerAccount::Clearing(_) => self.add_entry(transaction, -change),
                LedgerAccount::Suspense(_) => self.add_entry(transaction, change),
                _ => {}
            }
            match account {
                // What comes in goes from clearing to the party that paid it.
                LedgerAccount::Clearing(cycle) => {
                    *self.clearing.entry(cycle.clone()).or_default() -= change;
                    let by_party = self.by_party.entry(cycle.clone()).or_default();
                    let party = other.party().map(ToString::to_string).unwrap_or_default();
                    *by_party.entry(party).or_default() -= change;
                }
                LedgerAccount::Suspense(_) => {
                    self.suspense += change;
                    if let Detail::Payment { item: Some(item), .. } = &transaction.detail {
                        *self.by_item.entry(item.0).or_default() += change;
                    }
                }
                _ => {}
            }
        }
    }

    fn add_entry(&mut self, transaction: &Transaction, change: Money) {
        let Detail::Payment { entry: Some(entry), .. } = &transaction.detail else { return };
        let sum = self.entries.entry(transaction.id);
        sum.or_insert_with(|| (entry.clone(), Money::ZERO)).1 += change;
    }

    /// Compares what was posted of what banks booked, and of open items, with their rows.
    fn compare_entries(&self, database: &mut Database) -> Result<(), Finding> {
        for (entry, id, amount) in audit::posted_entries(database)? {
            let posted = self.entries.get(&TransactionId(id));
            if posted != Some(&(entry.clone(), amount)) {
                return Err(differs(format!(
                    "what the bank booked as {entry} is {}, posted was {posted:?}",
                    amount.0
                )));
            }
        }
        let found = audit::items_in_suspense(database)?;
        let expected = self.by_item.iter().filter(|(_, sum)| !sum.is_zero());
        let expected: Vec<(i64, Money)> = expected.map(|(item, sum)| (*item, *sum)).collect();
        if found == expected {
            return Ok(());
        }
        Err(differs("the open items are not what was posted into suspense".to_owned()))
    }

    /// Compares what was posted of each party's payments of a cycle with what their rows say.
    pub(super) fn compare_parties(
        &self,
        cycle: &CycleId,
        found: &HashMap<String, Money>,
    ) -> Result<(), Finding> {
        let none = HashMap::new();
        let expected = self.by_party.get(cycle).unwrap_or(&none);
        for party in expected.keys().chain(found.keys()) {
            let sums = [expected, found].map(|sums| sums.get(party).copied().unwrap_or_default());
            if sums[0] != sums[1] {
                return Err(differs(format!(
                    "payments of {party} in cycle {cycle}: postings give {}, rows {}",
                    sums[0].0, sums[1].0
                )));
            }
        }
        Ok(())
    }
}

impl Replay {
    pub(super) fn compare_payments(&mut self, database: &mut Database) -> Result<(), Finding> {
        let mut booked: BTreeMap<CycleId, Money> = BTreeMap::new();
        for payment in payments::all(database)? {
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
        self.bank_money.compare_entries(database)
    }
}
