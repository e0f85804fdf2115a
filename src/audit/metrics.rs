//! What counts towards tiers, and members' own rules, as transactions say they came to be.
//!
//! An account of a member is counted in the journal of the member's own shard, in its order. A merge
//! says what the profile that went brought along; so nothing has to be known of other journals.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rust_decimal::Decimal;

use super::receipts::Uncounted;
use super::replay::{Finding, differs};
use crate::domain::account::{Account, AccountKey};
use crate::domain::ids::{MemberId, ProgrammeId, TransactionId};
use crate::domain::metric::{Addition, Metric};
use crate::domain::terms::coalition::Versioned;
use crate::domain::terms::{Coalition, Timeline};
use crate::domain::time::Day;
use crate::domain::transaction::{Detail, Transaction, Went};
use crate::store::{Database, StoreError, configurations};

/// The configuration that each transaction was decided under.
pub(super) struct Terms {
    changes: Vec<Versioned>,
    /// With all changes.
    pub timeline: Timeline,
    /// With the changes up to a number.
    earlier: HashMap<i64, Timeline>,
}

impl Terms {
    pub(super) fn load(database: &mut Database) -> Result<Self, Finding> {
        let changes = configurations::load(database)?;
        let timeline = timeline_of(&changes)?;
        Ok(Self { changes, timeline, earlier: HashMap::new() })
    }

    /// What counted for a transaction: of the changes up to its number those that were in force. A
    /// later change may begin at the same instant.
    fn of(&mut self, transaction: &Transaction) -> Result<Arc<Coalition>, Finding> {
        let (version, at) = (transaction.config_version, transaction.recorded_at);
        let now = self.timeline.at(at);
        if now.version == version {
            return Ok(Arc::clone(now));
        }
        if !self.earlier.contains_key(&version) {
            let known = self.changes.iter().filter(|change| change.version <= version);
            let known: Vec<Versioned> = known.cloned().collect();
            self.earlier.insert(version, timeline_of(&known)?);
        }
        Ok(Arc::clone(self.earlier[&version].at(at)))
    }
}

fn timeline_of(changes: &[Versioned]) -> Result<Timeline, Finding> {
    let timeline = Timeline::new(changes);
    timeline.map_err(|invalid| StoreError::SetUp(invalid.to_string()).into())
}

/// What transactions say of an account beside its points.
#[derive(Clone, Debug, Default)]
struct Counted {
    metric: Metric,
    max_share: Option<Decimal>,
    /// Whether something counted of which it is not told how much.
    untold: bool,
}

impl Counted {
    fn is_nothing(&self) -> bool {
        self.metric == Metric::default() && self.max_share.is_none()
    }
}

/// What transactions say of all accounts beside their points.
#[derive(Default)]
pub(super) struct Counts {
    all: HashMap<AccountKey, Counted>,
    /// What each merge brought along.
    merges: HashMap<TransactionId, Vec<Went>>,
    /// Merges that brought nothing along, or did not write it down: who went, and who stayed.
    unwritten: Vec<(MemberId, MemberId)>,
    /// Profiles that are another's now.
    gone: HashSet<MemberId>,
    /// Profiles of which it is not written down what they brought or got.
    untold: HashSet<MemberId>,
    /// Rows of accounts in which something counts.
    seen: usize,
}

impl Counts {
    /// Adds a transaction, and what it takes out of the metrics.
    pub(super) fn add(
        &mut self,
        transaction: &Transaction,
        uncounted: Vec<Uncounted>,
        terms: &mut Terms,
    ) -> Result<(), Finding> {
        for part in transaction.parts() {
            let receipts = i64::from(part.eligible.is_positive());
            let addition = Some(Addition { spend: part.eligible, receipts });
            self.count(transaction, (&part.programme, part.day), addition, terms)?;
        }
        for one in uncounted {
            self.count(transaction, (&one.programme, one.day), one.addition, terms)?;
        }
        let member = transaction.member;
        match &transaction.detail {
            Detail::PersonalRule { programme, max_share } => {
                self.account(member, programme).max_share = *max_share;
            }
            Detail::Merge { drop, went } => {
                for one in went {
                    let kept = self.account(member, &one.programme);
                    kept.metric.join(&one.metric);
                    kept.max_share = kept.max_share.or(one.max_share);
                }
                if went.is_empty() {
                    self.unwritten.push((*drop, member));
                }
                self.merges.insert(transaction.id, went.clone());
            }
            Detail::Unmerge { of, .. } => {
                // Who went has in its own journal what it had when it went.
                for one in self.merges.remove(of).unwrap_or_default() {
                    let kept = self.account(member, &one.programme);
                    kept.metric.part(&one.metric);
                    if kept.max_share == one.kept_max_share.or(one.max_share) {
                        kept.max_share = one.kept_max_share;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn count(
        &mut self,
        transaction: &Transaction,
        (programme, day): (&ProgrammeId, Day),
        addition: Option<Addition>,
        terms: &mut Terms,
    ) -> Result<(), Finding> {
        let coalition = terms.of(transaction)?;
        let Some(programme) = coalition.programmes.get(programme) else { return Ok(()) };
        let Some(tiers) = &programme.tiers else { return Ok(()) };
        let account = self.account(transaction.member, &programme.id);
        let today = programme.zone.day_of(transaction.recorded_at);
        match addition {
            Some(addition) => account.metric.add(day, addition, tiers.window, today),
            None => account.untold = true,
        }
        Ok(())
    }

    fn account(&mut self, member: MemberId, programme: &ProgrammeId) -> &mut Counted {
        let key = AccountKey { member, programme: programme.clone() };
        self.all.entry(key).or_default()
    }

    /// Takes that all journals are read, and which profiles are another's now.
    pub(super) fn settle(&mut self, merged: &HashMap<MemberId, MemberId>) {
        self.gone = merged.keys().copied().collect();
        let has: HashSet<MemberId> = self.all.keys().map(|key| key.member).collect();
        for (drop, keep) in self.unwritten.drain(..).filter(|(drop, _)| has.contains(drop)) {
            self.untold.extend([drop, keep]);
        }
    }

    /// What an account must say; none: it can't be told.
    fn expected(&self, key: &AccountKey) -> Option<Counted> {
        if self.gone.contains(&key.member) {
            return Some(Counted::default());
        }
        let is_told = !self.untold.contains(&key.member);
        is_told.then(|| self.all.get(key).cloned().unwrap_or_default())
    }

    /// Compares an account's row.
    pub(super) fn compare(&mut self, account: &Account) -> Result<(), Finding> {
        let key = &account.key;
        let Some(expected) = self.expected(key) else { return Ok(()) };
        self.seen += usize::from(!expected.is_nothing());
        let same = expected.untold || expected.metric == account.metric;
        if same && expected.max_share == account.max_share {
            return Ok(());
        }
        Err(differs(format!(
            "account {} in {}: receipts, refunds, merges and rules give {expected:?}, its row says \
             {:?} and {:?}",
            key.member, key.programme, account.metric, account.max_share
        )))
    }

    /// Whether each account in which something counts had a row.
    pub(super) fn end(&self) -> Result<(), Finding> {
        let counts = |key: &&AccountKey| self.expected(key).is_some_and(|one| !one.is_nothing());
        let made = self.all.keys().filter(counts).count();
        if made == self.seen {
            return Ok(());
        }
        let seen = self.seen;
        Err(differs(format!("something counts in {made} accounts, {seen} of them have a row")))
    }
}
