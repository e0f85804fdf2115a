//! Compares what the postings give with what the tables say.

use std::collections::{BTreeMap, HashMap};

use super::replay::{Finding, Replay, differs};
use super::sums::{HoldSums, LotSums, PositionText, Sums};
use crate::domain::account::AccountKey;
use crate::domain::amount::Points;
use crate::domain::ids::{LotId, TransactionId};
use crate::domain::obligation::LotFunding;
use crate::domain::pack::Pack;
use crate::store::rows::{AccountRow, LotRow, read_json};
use crate::store::{Database, audit, packs};

impl Replay {
    pub(super) fn compare_accounts(&mut self, database: &mut Database) -> Result<(), Finding> {
        let mut after = (0, String::new());
        let mut seen = 0_usize;
        loop {
            let page = audit::accounts(database, &after)?;
            let Some(last) = page.last() else { break };
            after = (last.member, last.programme.clone());
            for row in page {
                self.report.accounts += 1;
                seen += usize::from(self.compare_account(row)?);
            }
        }
        let moved = self.accounts.values().filter(|sums| **sums != Sums::default()).count();
        if seen < moved {
            return Err(differs(format!("{} accounts of the postings have no row", moved - seen)));
        }
        self.counts.end()
    }

    /// Whether postings moved anything in the account that is still there.
    fn compare_account(&mut self, row: AccountRow) -> Result<bool, Finding> {
        let account = row.into_account()?;
        let key = &account.key;
        let expected = self.accounts.get(key).copied().unwrap_or_default();
        let got = Sums { points: account.points.0, held: account.held.0, debt: account.debt.0 };
        if expected != got {
            let text = format!(
                "account {} in {}: its postings give {expected:?}, its row says {got:?}",
                key.member, key.programme
            );
            return Err(differs(text));
        }
        if account.debt < Points::ZERO {
            return Err(differs(format!(
                "account {} in {}: a debt below zero",
                key.member, key.programme
            )));
        }
        self.counts.compare(&account)?;
        Ok(expected != Sums::default())
    }

    pub(super) fn compare_lots(&mut self, database: &mut Database) -> Result<(), Finding> {
        let mut after = 0;
        let mut in_lots: HashMap<AccountKey, (i64, i64)> = HashMap::new();
        loop {
            let page = audit::lots(database, after)?;
            let Some(last) = page.last() else { break };
            after = last.lot;
            for row in page {
                self.report.lots += 1;
                let key = row.account_key()?;
                let sums = in_lots.entry(key).or_default();
                *sums = (sums.0 + row.remaining, sums.1 + row.held);
                self.compare_lot(&row)?;
            }
        }
        let made = u64::try_from(self.lots.len()).unwrap_or(u64::MAX);
        if self.report.lots != made {
            return Err(differs(format!(
                "the postings made {made} lots, the table has {}",
                self.report.lots
            )));
        }
        for (key, sums) in &self.accounts {
            let lots = in_lots.get(key).copied().unwrap_or_default();
            if (sums.points, sums.held) != lots {
                return Err(differs(format!(
                    "account {} in {}: its lots sum to {lots:?}",
                    key.member, key.programme
                )));
            }
        }
        Ok(())
    }

    fn compare_lot(&self, row: &LotRow) -> Result<(), Finding> {
        let id = LotId(row.lot);
        let expected =
            self.lots.get(&id).ok_or_else(|| differs(format!("{id}: no posting made it")))?;
        let figures = |one: &LotSums| {
            let points = [one.granted, one.remaining, one.held, one.expired];
            (points, [one.available_at, one.expires_at], one.cost)
        };
        let points = [row.granted, row.remaining, row.held, row.expired];
        let got = (points, [row.available_at, row.expires_at], row.cost);
        if figures(expected) != got {
            let text =
                format!("{id}: its postings give {:?}, its row says {got:?}", figures(expected));
            return Err(differs(text));
        }
        if row.price.parse() != Ok(expected.price) {
            return Err(differs(format!("{id}: it was made at {}", expected.price)));
        }
        let funding: Option<LotFunding> = match &row.funding {
            None => None,
            Some(funding) => Some(read_json(funding, &format!("{id}: who funds it"))?),
        };
        if expected.funding.as_deref() != funding.as_ref() {
            return Err(differs(format!(
                "{id}: what made it says {:?} funds it, its row {funding:?}",
                expected.funding
            )));
        }
        let live = row.remaining > 0 || row.held > 0;
        let key = row.account_key()?;
        if live != row.live || (live && expected.owner != key) {
            return Err(differs(format!("{id}: its owner or its mark of being live is wrong")));
        }
        if points.iter().any(|figure| *figure < 0) || row.cost < 0 {
            return Err(differs(format!("{id}: a figure is below zero")));
        }
        if row.cost > 0 && (!live || row.funding.is_none()) {
            return Err(differs(format!("{id}: nobody is to pay what it still costs")));
        }
        Ok(())
    }

    pub(super) fn compare_holds(&mut self, database: &mut Database) -> Result<(), Finding> {
        let mut after = 0;
        let mut found: BTreeMap<TransactionId, HoldSums> = BTreeMap::new();
        loop {
            let page = audit::open_holds(database, after)?;
            let Some(last) = page.last() else { break };
            after = last.hold;
            for row in page {
                self.report.holds += 1;
                let hold = row.into_hold()?;
                let sums = HoldSums {
                    held: hold.points(),
                    party: hold.party,
                    programme: hold.programme,
                    allocations: hold.allocations,
                    valid_until: hold.valid_until,
                };
                found.insert(hold.id, sums);
            }
        }
        if self.holds == found {
            Ok(())
        } else {
            Err(differs("the open holds differ from the postings".to_owned()))
        }
    }

    pub(super) fn compare_packs(&mut self, database: &mut Database) -> Result<(), Finding> {
        let mut after = 0;
        loop {
            let page = packs::page(database, after)?;
            let Some(last) = page.last() else { break };
            after = last.pack;
            for row in page {
                self.report.packs += 1;
                let pack = row.into_pack()?;
                let sums = self.packs.get(&pack.id).cloned().unwrap_or_default();
                let expected = sums.pack.map(|one| Pack { left: Points(sums.left), ..one });
                if expected.as_ref() != Some(&pack) || pack.left > pack.bought {
                    return Err(differs(format!(
                        "pack {}: receipts and refunds leave {expected:?}, its row says {pack:?}",
                        pack.id
                    )));
                }
            }
        }
        let made = u64::try_from(self.packs.len()).unwrap_or(u64::MAX);
        if self.report.packs == made {
            Ok(())
        } else {
            Err(differs(format!("{made} packs were bought, {} have a row", self.report.packs)))
        }
    }

    pub(super) fn compare_positions(
        &mut self,
        database: &mut Database,
        currency: &str,
    ) -> Result<(), Finding> {
        let rows = audit::positions(database)?;
        if let Some(row) = rows.iter().find(|row| row.currency != currency) {
            return Err(differs(format!(
                "position of {} and {}: it is in {}",
                row.debtor, row.creditor, row.currency
            )));
        }
        let sums = |row: audit::StoredPosition| {
            let sums = (row.postings, row.points, row.amount);
            (PositionText::from(row), sums)
        };
        let stored: HashMap<PositionText, (i64, i64, i64)> = rows.into_iter().map(sums).collect();
        self.report.positions = u64::try_from(stored.len()).unwrap_or(u64::MAX);
        for (key, got) in &stored {
            let expected = self.positions.get(key).copied().unwrap_or_default();
            if expected != *got {
                return Err(differs(format!(
                    "position {key:?}: its postings give {expected:?}, its row says {got:?}"
                )));
            }
        }
        match self.positions.keys().find(|key| !stored.contains_key(*key)) {
            None => Ok(()),
            Some(key) => Err(differs(format!("position {key:?} has no row"))),
        }
    }
}
