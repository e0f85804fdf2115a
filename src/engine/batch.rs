//! One batch: lock, load, decide one after another, save, commit.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use super::Shared;
use super::cards::Cards;
use super::closing::ended_by;
use super::limits::{self, Before};
use super::people::People;
use super::records::replay;
use super::router::{originals_of, reference_of};
use super::work::{Answer, EngineError, Pending, Submission, Work};
use crate::domain::account::AccountKey;
use crate::domain::command::Command;
use crate::domain::decide::{Context, Stop, decide, decide_expiry};
use crate::domain::ids::{MemberId, ShardId, TransactionId};
use crate::domain::ledger::{Ledger, NamedBy};
use crate::domain::terms::{Coalition, Timeline};
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};
use crate::store::answers::{self, AnswerRow, StoredAnswer};
use crate::store::heads::{self, Head};
use crate::store::load;
use crate::store::names::NameHash;
use crate::store::save::{self, Rows};
use crate::store::save_members::NewMembers;
use crate::store::{Database, StoreError, configurations, dialect, members};

/// What became of one command of a batch.
pub(crate) enum Outcome {
    /// It was answered, or can't be.
    Answer(Result<Answer, EngineError>),
    /// Its member lives on another shard now.
    Moved,
}

/// One batch on its way.
pub(crate) struct Batch<'a> {
    pub(super) shared: &'a Shared,
    pub(super) pending: &'a [Pending],
    pub(super) heads: BTreeMap<i64, Head>,
    timeline: Arc<Timeline>,
    pub(super) now: Instant,
    pub(super) ledger: Ledger,
    answers: HashMap<NameHash, StoredAnswer>,
    rows: Rows,
    pub(super) new_members: NewMembers,
    pub(super) cards: Cards,
    pub(super) people: People,
    /// The epoch of names under the locks.
    pub(super) epoch: u64,
    /// Names that lead elsewhere than when they were looked up.
    pub(super) moved: HashSet<NamedBy>,
    before: Before,
    pub(super) looks_first: bool,
}

/// When a command happened, by the party's own account.
pub(crate) fn instant_of(pending: &Pending) -> Option<Instant> {
    match &pending.submission.work {
        Work::Post(command) => command.at,
        _ => None,
    }
}

impl<'a> Batch<'a> {
    /// A batch over commands. Unless it looks first, it takes their keys and references for new
    /// ones, as nearly all are; where one is not, saving fails and the batch is done again.
    pub fn new(shared: &'a Shared, pending: &'a [Pending], looks_first: bool) -> Self {
        Self {
            shared,
            pending,
            heads: BTreeMap::new(),
            timeline: shared.timeline(),
            now: shared.clock.now(),
            ledger: Ledger::default(),
            answers: HashMap::new(),
            rows: Rows::default(),
            new_members: NewMembers::default(),
            cards: Cards::default(),
            people: People::default(),
            epoch: 0,
            moved: HashSet::new(),
            before: Before::default(),
            looks_first,
        }
    }

    /// Does all of the batch in one transaction; whoever calls rolls back what fails.
    pub fn commit(mut self, connection: &mut Database) -> Result<Vec<Outcome>, StoreError> {
        let started = Stopwatch::now();
        dialect::begin_after_others(connection)?;
        self.lock(connection)?;
        let locked = stage("lock", started);
        self.load(connection)?;
        let loaded = stage("load", locked);
        let mut outcomes = Vec::with_capacity(self.pending.len());
        for pending in self.pending {
            outcomes.push(self.decide_one(connection, pending)?);
        }
        let decided = stage("decide", loaded);
        self.save(connection)?;
        let (told, terms) = (&self.shared.limits_told, (&**self.coalition(), self.now));
        let notices = limits::tell(connection, (&self.before, &self.ledger), terms, told)?;
        // Last, since its head is everybody's.
        self.tell_all(connection)?;
        let saved = stage("save", decided);
        if crate::faults::planted("answer_before_commit") {
            return Ok(outcomes);
        }
        dialect::commit(connection)?;
        told.remember(notices);
        stage("commit", saved);
        Ok(outcomes)
    }

    fn lock(&mut self, connection: &mut Database) -> Result<(), StoreError> {
        let shards: BTreeSet<i64> =
            self.pending.iter().flat_map(|one| one.target.shards.iter().copied()).collect();
        let shards: Vec<i64> = shards.into_iter().collect();
        let heads = heads::lock(connection, &shards)?;
        let latest = heads.iter().map(|head| head.configuration).max().unwrap_or(0);
        if self.timeline.version < latest {
            self.timeline = Arc::new(configurations::load_timeline(connection)?);
            self.shared.take_timeline(&self.timeline);
        }
        let recorded = heads.iter().map(|head| head.last_recorded_at).max();
        let follows = self.shared.clock.follows();
        let posted = self.pending.iter().filter_map(instant_of).min().filter(|_| follows);
        self.now =
            posted.unwrap_or_else(|| self.shared.clock.now()).max(recorded.unwrap_or_default());
        self.epoch = self.shared.names.notice(heads.iter());
        for head in &heads {
            self.rows.seals.extend(ended_by(head, self.coalition(), self.now));
        }
        self.heads = heads.into_iter().map(|head| (head.shard.0, head)).collect();
        Ok(())
    }

    pub(super) fn coalition(&self) -> &Arc<Coalition> {
        self.timeline.at(self.now)
    }

    fn load(&mut self, connection: &mut Database) -> Result<(), StoreError> {
        let wanted = self.wanted();
        self.ledger = load::load(connection, &wanted, self.now)?;
        self.before = Before::of(&self.ledger);
        if self.looks_first {
            let keyed = self.pending.iter().filter(|one| !is_of_clock(&one.submission));
            let keys: Vec<NameHash> = keyed.map(|one| one.submission.key).collect();
            self.answers = answers::load(connection, &keys)?;
        }
        let new_names: Vec<NamedBy> =
            self.pending.iter().flat_map(|one| one.submission.new_names()).collect();
        if !new_names.is_empty() {
            let key = self.shared.vault.names();
            self.ledger.members = members::resolve(connection, key, &new_names)?;
        }
        let named = self.pending.iter().flat_map(|one| one.target.members.iter().cloned());
        self.ledger.members.extend(named);
        self.look_again(connection)?;
        self.load_people(connection, &wanted.unconfirmed())?;
        self.cards.load(connection, self.pending)
    }

    fn decide_one(
        &mut self,
        connection: &mut Database,
        pending: &Pending,
    ) -> Result<Outcome, StoreError> {
        let submission = &pending.submission;
        if let Work::Expire(key) = &submission.work {
            return self.expire(connection, key);
        }
        if !self.signer_is_active(submission) {
            return Ok(Outcome::Answer(Err(EngineError::SignerRevoked)));
        }
        if let Some(stored) = self.answers.get(&submission.key) {
            return Ok(Outcome::Answer(replay(stored, submission)));
        }
        let Some(shard) = self.shard_of(pending) else { return Ok(Outcome::Moved) };
        let answered = match &submission.work {
            Work::Post(command) => Some(self.post(connection, shard, command)?),
            Work::Enroll(enroll) => self.enroll(connection, shard, submission, enroll)?,
            Work::Name { member, name } => Some(self.name(connection, submission, member, name)?),
            Work::Erase(member) => Some(self.erase(connection, submission, member)?),
            Work::Card(work) => Some(self.card(connection, submission, work)?),
            Work::Expire(_) => unreachable!("done above"),
        };
        let Some((status, body)) = answered else { return Ok(Outcome::Moved) };
        self.rows.answers.push(AnswerRow {
            key_hash: submission.key.to_vec(),
            fingerprint: submission.fingerprint.to_vec(),
            status: i64::from(status),
            answer: body.clone(),
            recorded_at: self.now.0,
        });
        if crate::faults::planted("forget_key") {
            self.rows.answers.clear();
        }
        let body: Arc<str> = body.into();
        let fingerprint = submission.fingerprint.to_vec();
        let stored = StoredAnswer { fingerprint, status, body: Arc::clone(&body) };
        self.answers.insert(submission.key, stored);
        Ok(Outcome::Answer(Ok(Answer { status, body, replayed: false })))
    }

    fn signer_is_active(&self, submission: &Submission) -> bool {
        let Some(signer) = &submission.signed_by else { return true };
        let key = self.timeline.latest().keys.get(signer);
        key.is_some_and(|key| key.active && key.party == submission.party)
    }

    /// The shard on which a command is decided: where its member lives now. None: that shard's
    /// head is not locked, the receipt that it names turned up meanwhile, or names mean others now.
    fn shard_of(&self, pending: &Pending) -> Option<ShardId> {
        if pending.target.members.iter().any(|(named, _)| self.moved.contains(named)) {
            return None;
        }
        let named = pending.target.members.first().map(|(_, member)| *member);
        let owner = originals_of(pending).into_iter().find_map(|key| {
            let id = self.ledger.references.get(&key)?;
            self.ledger.originals.get(id).map(|original| original.member)
        });
        let home = pending.target.shards.first().copied().unwrap_or(0);
        let Some(member) = owner.or(named) else { return Some(ShardId(home)) };
        let all = pending.target.members.iter().map(|(_, member)| *member).chain(owner);
        let locked =
            |member: MemberId| self.heads.contains_key(&self.ledger.current(member).shard().0);
        all.into_iter().all(locked).then(|| self.ledger.current(member).shard())
    }

    fn context(&mut self, shard: ShardId, at: Option<Instant>) -> Context {
        let follows = self.shared.clock.follows();
        let head = &self.heads[&shard.0];
        let now =
            at.filter(|_| follows).unwrap_or(self.now).max(head.last_recorded_at).max(self.now);
        if follows {
            self.now = now;
            self.shared.clock.advance_to(now);
        }
        let coalition = Arc::clone(self.timeline.at(now));
        Context { coalition, now, id: TransactionId::new(shard, head.next_seq) }
    }

    fn post(
        &mut self,
        connection: &mut Database,
        shard: ShardId,
        command: &Command,
    ) -> Result<(u16, String), StoreError> {
        let mut looked = self.looks_first;
        loop {
            let context = self.context(shard, command.at);
            let refused = self.card_refusal(command).map(Stop::Refused);
            match refused.map_or_else(|| decide(&self.ledger, &context, command), Err) {
                Ok(decided) => {
                    let transaction = self.ledger.commit(decided);
                    self.record(&transaction);
                    if let Detail::Unmerge { restored, .. } = &transaction.detail {
                        self.names_went(*restored, transaction.member);
                    }
                    let body = self.shared.present.transaction(&transaction, &context.coalition);
                    return Ok((201, body));
                }
                Err(Stop::Refused(rejection)) => {
                    if !looked && self.has_used_reference(connection, command)? {
                        looked = true;
                        continue;
                    }
                    self.ledger.changes.limits_hit.extend(rejection.limit_hit().cloned());
                    return Ok(self.shared.present.rejection(&rejection));
                }
                Err(Stop::Unchanged(origin)) => {
                    return Ok((201, self.shared.present.unchanged(command, origin)));
                }
                Err(Stop::Read(key)) => load::read_account(connection, &mut self.ledger, &key)?,
                Err(Stop::Post(key)) => self.post_expiry(connection, &key)?,
            }
        }
    }

    /// A refusal adds nothing that a used reference could collide with, and a used reference is
    /// the refusal that comes first: so it is looked up before any other refusal is given.
    fn has_used_reference(
        &mut self,
        connection: &mut Database,
        command: &Command,
    ) -> Result<bool, StoreError> {
        let Some(key) = reference_of(command) else { return Ok(false) };
        load::read_references(connection, &mut self.ledger, std::slice::from_ref(&key))?;
        Ok(self.ledger.references.contains_key(&key))
    }

    fn expire(
        &mut self,
        connection: &mut Database,
        key: &AccountKey,
    ) -> Result<Outcome, StoreError> {
        let key = AccountKey { member: self.ledger.current(key.member), ..key.clone() };
        if self.heads.contains_key(&key.member.shard().0) {
            self.post_expiry(connection, &key)?;
        }
        let body: Arc<str> = "".into();
        Ok(Outcome::Answer(Ok(Answer { status: 204, body, replayed: false })))
    }

    fn post_expiry(
        &mut self,
        connection: &mut Database,
        key: &AccountKey,
    ) -> Result<(), StoreError> {
        loop {
            let context = self.context(key.member.shard(), None);
            match decide_expiry(&self.ledger, &context, key) {
                Ok(decided) if decided.transaction.postings.is_empty() => return Ok(()),
                Ok(decided) => {
                    let transaction = self.ledger.commit(decided);
                    self.record(&transaction);
                    return Ok(());
                }
                Err(Stop::Read(key)) => load::read_account(connection, &mut self.ledger, &key)?,
                Err(stop) => {
                    return Err(StoreError::Damaged(format!("an account can't expire: {stop:?}")));
                }
            }
        }
    }

    /// Gives a transaction its place in its shard's sequence and chain.
    fn record(&mut self, transaction: &Transaction) {
        let shard = transaction.id.shard().0;
        let head = self.heads.get_mut(&shard).expect("the shard of a decision is locked");
        assert_eq!(head.next_seq, transaction.id.number(), "a sequence has no gaps");
        let coalition = self.timeline.at(transaction.recorded_at);
        let nodes = &mut self.rows.log_nodes;
        self.rows.transactions.push(save::transaction_row(head, transaction, coalition, nodes));
        head.next_seq += 1;
        head.last_recorded_at = transaction.recorded_at;
        // The shard of the member that stays is marked too: who names a receipt of the one that
        // went is sent there, and only there.
        for member in self.ledger.changes.merges.iter().flat_map(|&(gone, kept)| [gone, kept]) {
            if let Some(head) = self.heads.get_mut(&member.shard().0) {
                head.set_merged();
            }
        }
    }

    fn save(&mut self, connection: &mut Database) -> Result<(), StoreError> {
        let changed = save::rows_of(&self.ledger, &self.coalition().currency);
        let mut rows = Rows {
            accounts: changed.accounts,
            lots: changed.lots,
            positions: changed.positions,
            ..std::mem::take(&mut self.rows)
        };
        // All writers take unique keys in the same order.
        rows.transactions.sort_by(|one, other| one.reference_hash.cmp(&other.reference_hash));
        rows.answers.sort_by(|one, other| one.key_hash.cmp(&other.key_hash));
        let heads: Vec<Head> = self.heads.values().cloned().collect();
        self.save_people(connection)?;
        save::save(connection, &self.ledger, &rows, &heads)
    }
}

fn is_of_clock(submission: &Submission) -> bool {
    matches!(submission.work, Work::Expire(_))
}

fn stage(name: &'static str, since: Stopwatch) -> Stopwatch {
    let now = Stopwatch::now();
    metrics::histogram!("coalition_engine_stage_seconds", "stage" => name).record(now - since);
    now
}
