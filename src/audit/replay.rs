//! Adds postings up and compares.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rust_decimal::Decimal;

use super::Report;
use super::cycles::Basis;
use super::ends::{Ends, Seals};
use super::exposures;
use super::metrics::{Counts, Terms};
use super::payments::BankMoney;
use super::receipts::{Named, Receipts};
use super::sums::{Fundings, HoldSums, LotSums, PackSums, PositionText, Sums};
use crate::domain::account::AccountKey;
use crate::domain::amount::Points;
use crate::domain::entry::leaf_of;
use crate::domain::ids::{LotId, MemberId, ShardId, TransactionId};
use crate::domain::ledger::Position;
use crate::domain::log::tree::Frontier;
use crate::domain::pack::Pack;
use crate::domain::posting::{Body, LedgerAccount, Posting};
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};
use crate::store::heads::{ChainHash, Head};
use crate::store::rows::read_json;
use crate::store::save::chain;
use crate::store::{Database, StoreError, audit, log};

/// Why an audit ended early.
pub enum Finding {
    /// The database can't be read.
    Store(StoreError),
    /// Something is not as it should be.
    Difference(String),
}

impl From<StoreError> for Finding {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(text) => Self::Difference(text),
            other => Self::Store(other),
        }
    }
}

pub(super) fn differs(text: String) -> Finding {
    Finding::Difference(text)
}

/// The ledger as its postings say it is.
#[derive(Default)]
pub struct Replay {
    /// What was checked so far.
    pub report: Report,
    pub(super) accounts: HashMap<AccountKey, Sums>,
    pub(super) lots: HashMap<LotId, LotSums>,
    pub(super) holds: BTreeMap<TransactionId, HoldSums>,
    pub(super) packs: BTreeMap<TransactionId, PackSums>,
    pub(super) positions: HashMap<PositionText, (i64, i64, i64)>,
    pub(super) receipts: Receipts,
    pub(super) counts: Counts,
    pub(super) bank_money: BankMoney,
    pub(super) ends: Ends,
    fundings: Fundings,
    dated: HashMap<LotId, (i64, i64)>,
    /// How often one became the other, less how often that was undone.
    merges: HashMap<(MemberId, MemberId), i64>,
    finished_holds: HashSet<TransactionId>,
}

impl Replay {
    /// Checks everything.
    ///
    /// # Errors
    /// At the first difference, or if the database can't be read.
    pub fn check(&mut self, database: &mut Database, heads: &[Head]) -> Result<(), Finding> {
        let mut terms = Terms::load(database)?;
        self.ends = Ends::load(database)?;
        for head in heads {
            self.read_journal(database, head, &mut terms)?;
            self.report.shards += u64::from(head.shard != ShardId::HOUSE);
        }
        let timeline = terms.timeline;
        self.settle();
        self.compare_accounts(database)?;
        self.compare_lots(database)?;
        self.compare_holds(database)?;
        self.compare_receipts(database)?;
        self.compare_packs(database)?;
        self.compare_positions(database, &timeline.latest().currency)?;
        self.compare_payments(database)?;
        let last = heads.iter().map(|head| head.last_recorded_at).max();
        let now = last.unwrap_or(Instant(0));
        exposures::compare(database, &timeline.at(now).limited(now))?;
        let shards = i64::try_from(self.report.shards).unwrap_or(i64::MAX);
        let basis = Basis::of(database, &timeline, shards)?;
        self.compare_cycles(database, &basis)
    }

    /// A merge carries on in the shard of the profile that stays, which may be read first: what
    /// replaces something else is put in its place only when all journals are read.
    fn settle(&mut self) {
        for (id, (available_at, expires_at)) in std::mem::take(&mut self.dated) {
            if let Some(lot) = self.lots.get_mut(&id) {
                (lot.available_at, lot.expires_at) = (available_at, expires_at);
            }
        }
        let stand = self.merges.iter().filter(|(_, count)| **count > 0);
        let merged: HashMap<MemberId, MemberId> = stand.map(|(&pair, _)| pair).collect();
        for lot in self.lots.values_mut() {
            while let Some(&kept) = merged.get(&lot.owner.member) {
                lot.owner.member = kept;
            }
        }
        self.counts.settle(&merged);
        self.holds.retain(|id, _| !self.finished_holds.contains(id));
    }

    fn read_journal(
        &mut self,
        database: &mut Database,
        head: &Head,
        terms: &mut Terms,
    ) -> Result<(), Finding> {
        let coalition = &Arc::clone(terms.timeline.latest());
        let shard = head.shard.0;
        let mut hash: ChainHash = [0; 32];
        let mut frontier = Frontier::new();
        let mut seals = Seals::load(database, head.shard)?;
        let mut last = 0;
        loop {
            seals.pass(&frontier)?;
            self.pass_house(head.shard, &frontier);
            let page = audit::recorded(database, shard, last)?;
            if page.is_empty() {
                break;
            }
            let mut transactions = Vec::with_capacity(page.len());
            for row in page {
                let (seq, content) = (row.seq, &row.content);
                let id = TransactionId::new(head.shard, seq);
                if seq != last + 1 {
                    return Err(differs(format!("{id}: the sequence has a gap after {last}")));
                }
                let before = hash;
                hash = chain(&before, content);
                if row.hash != hash {
                    return Err(differs(format!("{id}: its bytes do not give its hash")));
                }
                let transaction: Transaction = read_json(content, &id.to_string())?;
                if transaction.id != id || !row.is_of(&transaction) {
                    return Err(differs(format!("{id}: its columns differ from its bytes")));
                }
                let leaf = leaf_of(&transaction, (&before, &hash), coalition);
                for node in frontier.append(leaf) {
                    if log::node(database, head.shard, &node)? != Some(node.hash) {
                        return Err(differs(format!("{id}: the log has another subtree there")));
                    }
                }
                seals.take(&transaction)?;
                seals.pass(&frontier)?;
                self.pass_house(head.shard, &frontier);
                transactions.push(transaction);
                last = seq;
            }
            let named = Named::load(database, &transactions)?;
            for transaction in &transactions {
                let uncounted = self.receipts.add(transaction, &named, coalition)?;
                self.counts.add(transaction, uncounted, terms)?;
                self.add(transaction)?;
            }
        }
        seals.end()?;
        if head.next_seq != last + 1 || head.hash != hash || head.frontier != frontier {
            return Err(differs(format!(
                "the head of shard {shard} differs from its last transaction"
            )));
        }
        Ok(())
    }

    fn pass_house(&mut self, shard: ShardId, frontier: &Frontier) {
        if shard == ShardId::HOUSE {
            self.ends.pass_house(frontier);
        }
    }

    fn add(&mut self, transaction: &Transaction) -> Result<(), Finding> {
        self.report.transactions += 1;
        for lot in &transaction.lots {
            let key = AccountKey { member: transaction.member, programme: lot.programme.clone() };
            let funding = lot.funding.as_ref().map(|funding| self.fundings.shared(funding));
            let there = self.lot(lot.id, key);
            there.granted = lot.granted.0;
            there.available_at = lot.available_at.0;
            there.expires_at = lot.expires_at.0;
            there.price = lot.price;
            there.funding = funding;
        }
        self.add_detail(transaction);
        for posting in &transaction.postings {
            self.report.postings += 1;
            self.add_posting(transaction, posting)?;
        }
        Ok(())
    }

    fn add_detail(&mut self, transaction: &Transaction) {
        match &transaction.detail {
            Detail::Delivery { dated, .. } => {
                let dates =
                    dated.iter().map(|one| (one.id, (one.available_at.0, one.expires_at.0)));
                self.dated.extend(dates);
            }
            Detail::Merge { drop, .. } => {
                *self.merges.entry((*drop, transaction.member)).or_default() += 1;
            }
            Detail::Unmerge { restored, .. } => {
                *self.merges.entry((*restored, transaction.member)).or_default() -= 1;
            }
            Detail::Hold { programme, held, allocations, valid_until } => {
                let hold = HoldSums {
                    party: transaction.party.clone(),
                    programme: programme.clone(),
                    held: *held,
                    allocations: allocations.clone(),
                    valid_until: *valid_until,
                };
                self.holds.insert(transaction.id, hold);
            }
            Detail::Capture { of, .. }
            | Detail::Void { of, .. }
            | Detail::Purchase { hold: Some(of), .. } => self.finish_hold(*of),
            Detail::Expiry { holds, .. } => {
                for of in holds {
                    self.finish_hold(*of);
                }
            }
            Detail::Pack { programme, bought, price, starts_at, ends_at, .. } => {
                let pack = Pack {
                    id: transaction.id,
                    party: transaction.party.clone(),
                    programme: programme.clone(),
                    bought: *bought,
                    left: Points::ZERO,
                    price: *price,
                    starts_at: *starts_at,
                    ends_at: *ends_at,
                };
                let sums = self.packs.entry(transaction.id).or_default();
                (sums.left, sums.pack) = (sums.left + bought.0, Some(pack));
            }
            Detail::Refund { parts, .. } => {
                for one in parts.iter().flat_map(|part| &part.to_packs) {
                    self.packs.entry(one.pack).or_default().left += one.points.0;
                }
            }
            _ => {}
        }
        for one in transaction.parts().iter().flat_map(|part| &part.from_packs) {
            self.packs.entry(one.pack).or_default().left -= one.points.0;
        }
    }

    /// What finishes a hold may stand on another shard, which is read first.
    fn finish_hold(&mut self, of: TransactionId) {
        if self.holds.remove(&of).is_none() {
            self.finished_holds.insert(of);
        }
    }

    fn lot(&mut self, id: LotId, owner: AccountKey) -> &mut LotSums {
        self.lots.entry(id).or_insert_with(|| LotSums {
            owner,
            granted: 0,
            remaining: 0,
            held: 0,
            expired: 0,
            available_at: 0,
            expires_at: 0,
            price: Decimal::ZERO,
            cost: 0,
            funding: None,
        })
    }

    fn add_posting(&mut self, transaction: &Transaction, posting: &Posting) -> Result<(), Finding> {
        let id = transaction.id;
        match &posting.body {
            Body::Points { points, lot, cost, .. } => {
                if !points.is_positive() || posting.from.programme() != posting.to.programme() {
                    return Err(differs(format!("{id}: a posting does not balance")));
                }
                self.move_points(&posting.from, -points.0, *lot);
                self.move_points(&posting.to, points.0, *lot);
                if let Some(lot) = lot {
                    self.move_cost(posting, *lot, cost.0);
                }
            }
            Body::Money { amount, .. } => {
                if !amount.is_positive() {
                    return Err(differs(format!("{id}: a money posting moves nothing")));
                }
                self.bank_money.add(transaction, posting, *amount);
                // What a bank moved is owed by no party to another.
                let Some((key, addition)) = Position::of(transaction, posting) else {
                    return Ok(());
                };
                let key = PositionText::of(&key);
                let sum = self.positions.entry(key).or_default();
                *sum = (sum.0 + addition.count, sum.1 + addition.points, sum.2 + addition.amount);
            }
        }
        Ok(())
    }

    /// What is still to be paid for a lot comes with points and leaves with points.
    fn move_cost(&mut self, posting: &Posting, lot: LotId, cost: i64) {
        let owner = |account: &LedgerAccount| match account {
            LedgerAccount::Member(member, programme) | LedgerAccount::Held(member, programme) => {
                Some(AccountKey { member: *member, programme: programme.clone() })
            }
            _ => None,
        };
        let (left, came) = (owner(&posting.from), owner(&posting.to));
        if let Some(key) = left {
            self.lot(lot, key).cost -= cost;
        }
        if let Some(key) = came {
            self.lot(lot, key).cost += cost;
        }
    }

    fn move_points(&mut self, account: &LedgerAccount, change: i64, lot: Option<LotId>) {
        if let Some((member, programme)) = account.member() {
            let key = AccountKey { member, programme: programme.clone() };
            let sums = self.accounts.entry(key.clone()).or_default();
            match account {
                LedgerAccount::Member(..) => sums.points += change,
                LedgerAccount::Held(..) => sums.held += change,
                _ => sums.debt -= change,
            }
            if let Some(id) = lot {
                match account {
                    LedgerAccount::Member(..) => self.lot(id, key).remaining += change,
                    LedgerAccount::Held(..) => self.lot(id, key).held += change,
                    _ => {}
                }
            }
        } else if let (LedgerAccount::Expired(programme), Some(id)) = (account, lot) {
            let key = AccountKey { member: MemberId(0), programme: programme.clone() };
            self.lot(id, key).expired += change;
        }
    }
}
