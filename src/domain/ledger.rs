//! The working set of one batch: what its commands may touch, and what they changed.
//!
//! It is read in sets before deciding and saved in sets after. `decide` reads it and gives back a
//! [`Decided`], which [`Ledger::commit`] takes in whole: a refused command leaves no trace.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::account::{Account, AccountKey};
use super::command::Kind;
use super::exposure::{Exposure, LimitHit, held_by};
use super::hold::Hold;
use super::ids::{
    LotId, MemberId, PartyId, ProgrammeId, PromoId, Reference, ShardId, TransactionId,
};
use super::member::MemberName;
use super::pack::Pack;
use super::posting::{Body, Posting};
use super::receipt::ReceiptState;
use super::settlement::CycleId;
use super::time::Day;
use super::transaction::Transaction;

/// A party's reference of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReferenceKey {
    /// Whose reference.
    pub party: PartyId,
    /// Of which kind of transaction.
    pub kind: Kind,
    /// The reference.
    pub reference: Reference,
}

/// Who names a member how: external ids belong to the party that gave them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NamedBy {
    /// The party, for external ids; none: the name is the same for all.
    pub party: Option<PartyId>,
    /// The name.
    pub name: MemberName,
}

impl NamedBy {
    /// A name as a party uses it.
    pub fn new(party: &PartyId, name: &MemberName) -> Self {
        let own = matches!(name, MemberName::External(_));
        Self { party: own.then(|| party.clone()), name: name.clone() }
    }
}

/// One line of the positions: who owes whom what for what in a cycle.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PositionKey {
    /// The shard that keeps it.
    pub shard: ShardId,
    /// The cycle that settles it.
    pub cycle: CycleId,
    /// The first day of the cycle that it belongs to by its date: an earlier one if it is late.
    pub late_for: Day,
    /// Who owes.
    pub debtor: PartyId,
    /// Who is owed.
    pub creditor: PartyId,
    /// On whose account; none: the clearing house's own.
    pub programme: Option<ProgrammeId>,
    /// The party of the agreement that it is owed under.
    pub agreement: Option<PartyId>,
    /// The promotion that it is owed for.
    pub promo: Option<PromoId>,
    /// For what; reversals apart.
    pub kind: &'static str,
}

/// What a position adds up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Postings.
    pub count: i64,
    /// Points that they are owed for.
    pub points: i64,
    /// Money, in minor units.
    pub amount: i64,
}

impl Position {
    /// The position line that a money posting belongs to, and what it adds; none where no two
    /// parties face each other, as when a bank moves money.
    pub fn of(transaction: &Transaction, posting: &Posting) -> Option<(PositionKey, Self)> {
        let Body::Money {
            amount, programme, obligation, reverses, points, under, late_for, ..
        } = &posting.body
        else {
            return None;
        };
        let cycle = posting.cycle(transaction)?;
        let key = PositionKey {
            shard: transaction.id.shard(),
            late_for: late_for.unwrap_or(cycle.first),
            cycle,
            debtor: posting.from.party()?.clone(),
            creditor: posting.to.party()?.clone(),
            programme: programme.clone(),
            agreement: under.agreement.clone(),
            promo: under.promo.clone(),
            kind: obligation.name(*reverses),
        };
        Some((key, Self { count: 1, points: points.0, amount: amount.0 }))
    }

    /// Adds another.
    pub fn add(&mut self, other: Self) {
        self.count += other.count;
        self.points += other.points;
        self.amount += other.amount;
    }
}

/// The outcome of one accepted command, to be taken in whole.
#[derive(Clone, Debug)]
pub struct Decided {
    /// What is recorded.
    pub transaction: Transaction,
    /// The accounts as they are now.
    pub accounts: BTreeMap<AccountKey, Account>,
    /// The lots that changed, account by account.
    pub lots: BTreeSet<(AccountKey, LotId)>,
    /// The holds as they are now.
    pub holds: BTreeMap<TransactionId, Hold>,
    /// The packs as they are now.
    pub packs: BTreeMap<TransactionId, Pack>,
    /// The state of the receipt that was refunded or delivered.
    pub receipt: Option<(TransactionId, ReceiptState)>,
    /// A profile that went, and the one that it became.
    pub merged: Option<(MemberId, MemberId)>,
    /// A profile that is itself again, and the one that it had become.
    pub unmerged: Option<(MemberId, MemberId)>,
    /// Limits that kept a part of it from being posted.
    pub limits_hit: Vec<LimitHit>,
}

impl Decided {
    /// A transaction of the clearing house, which touches no member.
    pub fn of_house(transaction: Transaction) -> Self {
        Self {
            transaction,
            accounts: BTreeMap::new(),
            lots: BTreeSet::new(),
            holds: BTreeMap::new(),
            packs: BTreeMap::new(),
            receipt: None,
            merged: None,
            unmerged: None,
            limits_hit: Vec::new(),
        }
    }
}

/// What a batch changed, in sets to be saved.
#[derive(Debug, Default)]
pub struct Changes {
    /// Transactions, in the order in which they were decided.
    pub transactions: Vec<Arc<Transaction>>,
    /// Accounts that changed.
    pub accounts: BTreeSet<AccountKey>,
    /// Lots that changed.
    pub lots: BTreeSet<(AccountKey, LotId)>,
    /// Holds that changed.
    pub holds: BTreeSet<TransactionId>,
    /// Packs that changed.
    pub packs: BTreeSet<TransactionId>,
    /// Receipts whose state changed.
    pub receipts: BTreeSet<TransactionId>,
    /// Positions, as additions.
    pub positions: BTreeMap<PositionKey, Position>,
    /// Profiles that went, and what they became, in order.
    pub merges: Vec<(MemberId, MemberId)>,
    /// Profiles that are themselves again, and what they had become.
    pub unmerges: Vec<(MemberId, MemberId)>,
    /// Limits that kept something from being posted.
    pub limits_hit: BTreeSet<LimitHit>,
}

/// The working set of one batch.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Members by the names that commands use.
    pub members: HashMap<NamedBy, MemberId>,
    /// What merged members became.
    pub merged: HashMap<MemberId, MemberId>,
    /// Members who burn nothing until a code is confirmed.
    pub unconfirmed: HashSet<MemberId>,
    /// Accounts.
    pub accounts: HashMap<AccountKey, Account>,
    /// Holds.
    pub holds: HashMap<TransactionId, Hold>,
    /// Transactions by reference: those read, and those of this batch.
    pub references: HashMap<ReferenceKey, TransactionId>,
    /// Original receipts.
    pub originals: HashMap<TransactionId, Arc<Transaction>>,
    /// States of receipts of which something came back.
    pub receipts: HashMap<TransactionId, ReceiptState>,
    /// Packs of the parties at hand that may still be used, and those that originals name.
    pub packs: HashMap<TransactionId, Pack>,
    /// What limited parties owe.
    pub exposures: HashMap<PartyId, Exposure>,
    /// What changed.
    pub changes: Changes,
}

impl Ledger {
    /// The member that a party means by a name, if it is known.
    pub fn member(&self, party: &PartyId, name: &MemberName) -> Option<MemberId> {
        self.members.get(&NamedBy::new(party, name)).map(|&member| self.current(member))
    }

    /// The member that a merged member became, or the member itself.
    pub fn current(&self, member: MemberId) -> MemberId {
        let mut member = member;
        while let Some(&next) = self.merged.get(&member) {
            member = next;
        }
        member
    }

    /// An account; a new one where nothing has happened yet.
    pub fn account(&self, key: &AccountKey) -> Account {
        self.accounts.get(key).cloned().unwrap_or_else(|| Account::new(key.clone()))
    }

    /// The accounts of one member, programme by programme.
    pub fn accounts_of(&self, member: MemberId) -> Vec<AccountKey> {
        let mut keys: Vec<AccountKey> =
            self.accounts.keys().filter(|key| key.member == member).cloned().collect();
        keys.sort();
        keys
    }

    /// The open holds of an account, as far as they are in memory.
    pub fn holds_of<'a>(&'a self, account: &'a Account) -> impl Iterator<Item = &'a Hold> {
        let ids = account.holds.iter().flatten();
        ids.filter_map(|id| self.holds.get(id)).filter(|hold| hold.open)
    }

    /// Adds to what limited parties owe.
    fn expose(&mut self, transaction: &Transaction, holds: &BTreeMap<TransactionId, Hold>) {
        if crate::faults::planted("stale_limit") {
            return;
        }
        for (party, exposure) in &mut self.exposures {
            exposure.add(party, transaction);
            for hold in holds.values() {
                let change = held_by(self.holds.get(&hold.id), hold).remove(party);
                exposure.held += change.unwrap_or_default();
            }
        }
    }

    /// Takes in an accepted command.
    pub fn commit(&mut self, decided: Decided) -> Arc<Transaction> {
        let transaction = Arc::new(decided.transaction);
        for posting in &transaction.postings {
            if let Some((key, addition)) = Position::of(&transaction, posting) {
                self.changes.positions.entry(key).or_default().add(addition);
            }
        }
        self.expose(&transaction, &decided.holds);
        self.changes.accounts.extend(decided.accounts.keys().cloned());
        self.accounts.extend(decided.accounts);
        self.changes.lots.extend(decided.lots);
        self.changes.holds.extend(decided.holds.keys());
        self.holds.extend(decided.holds);
        self.changes.packs.extend(decided.packs.keys());
        self.packs.extend(decided.packs);
        if let Some((origin, state)) = decided.receipt {
            self.changes.receipts.insert(origin);
            self.receipts.insert(origin, state);
        }
        if let Some((gone, kept)) = decided.merged {
            self.merged.insert(gone, kept);
            self.changes.merges.push((gone, kept));
        }
        if let Some((gone, kept)) = decided.unmerged {
            self.merged.remove(&gone);
            // A merge of the same batch is not saved: it ended before it began to count.
            self.changes.unmerges.push((gone, kept));
        }
        self.changes.limits_hit.extend(decided.limits_hit);
        if let Some(reference) = &transaction.reference {
            let key = ReferenceKey {
                party: transaction.party.clone(),
                kind: transaction.kind,
                reference: reference.clone(),
            };
            self.references.insert(key, transaction.id);
        }
        self.originals.insert(transaction.id, Arc::clone(&transaction));
        self.changes.transactions.push(Arc::clone(&transaction));
        transaction
    }
}
