//! Routing: from a command to the shard of its member.
//!
//! Names that were looked up before are remembered, so that most commands go straight to their
//! lane. The others are looked up in sets by the resolver's thread. What is remembered can be
//! stale in two ways. The member was merged into another: the lane notices and sends the command back
//! here. Or a name went elsewhere, as when a member is erased or a merge undone: then the head of the
//! shard moved on, a new epoch begins, and all that was remembered is forgotten.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Shared;
use super::work::{EngineError, Pending, Target, Work};
use crate::domain::command::{Action, Command};
use crate::domain::ids::{MemberId, ShardId};
use crate::domain::ledger::{NamedBy, ReferenceKey};
use crate::store::heads::Head;
use crate::store::names::{NameHash, member_hash};
use crate::store::{StoreError, members};

/// How many names are remembered, in two generations; one takes about 40 bytes.
const NAMES_REMEMBERED: usize = 250_000;

/// The most groups that are resolved at once.
const GROUPS_AT_ONCE: usize = 256;

/// Commands that keep their order.
pub(crate) type Group = Vec<Pending>;

/// Sends commands to their lanes.
pub(crate) struct Router {
    shared: Arc<Shared>,
    lanes: Mutex<Option<Vec<SyncSender<Pending>>>>,
    resolve: Mutex<Option<SyncSender<Group>>>,
    remembered: Mutex<Remembered>,
}

/// The epoch of names: what was looked up in an earlier one may be wrong now.
#[derive(Debug)]
pub(crate) struct Epoch {
    number: AtomicU64,
    /// How far the heads of shards had moved on.
    seen: Mutex<HashMap<i64, i64>>,
}

impl Epoch {
    /// The first one, with the heads as they are.
    pub fn new(heads: &[Head]) -> Self {
        let seen = heads.iter().map(|head| (head.shard.0, head.names_moved())).collect();
        Self { number: AtomicU64::new(1), seen: Mutex::new(seen) }
    }

    /// Its number.
    pub fn number(&self) -> u64 {
        self.number.load(Ordering::SeqCst)
    }

    /// Looks at heads that are locked: where one moved on, another epoch begins. Gives back the
    /// epoch that counts under their locks.
    pub fn notice<'a>(&self, heads: impl Iterator<Item = &'a Head>) -> u64 {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut has_moved = false;
        for head in heads {
            let last = seen.entry(head.shard.0).or_default();
            has_moved |= *last < head.names_moved();
            *last = head.names_moved().max(*last);
        }
        if has_moved {
            self.number.fetch_add(1, Ordering::SeqCst);
        }
        self.number()
    }
}

/// Names and their members, the older half of which is forgotten now and then.
#[derive(Default)]
struct Remembered {
    epoch: u64,
    young: HashMap<NameHash, MemberId>,
    old: HashMap<NameHash, MemberId>,
}

impl Remembered {
    fn get(&mut self, name: &NameHash) -> Option<MemberId> {
        if let Some(&member) = self.young.get(name) {
            return Some(member);
        }
        let member = self.old.remove(name)?;
        self.put(*name, member);
        Some(member)
    }

    fn put(&mut self, name: NameHash, member: MemberId) {
        if self.young.len() >= NAMES_REMEMBERED / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(name, member);
    }
}

impl Router {
    pub fn new(
        shared: Arc<Shared>,
        lanes: Vec<SyncSender<Pending>>,
        resolve: SyncSender<Group>,
    ) -> Self {
        Self {
            shared,
            lanes: Mutex::new(Some(lanes)),
            resolve: Mutex::new(Some(resolve)),
            remembered: Mutex::new(Remembered::default()),
        }
    }

    /// Takes nothing more in: the threads end when they have finished what waits.
    pub fn close(&self) {
        self.resolve.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Routes one command.
    pub fn route(&self, mut pending: Pending) {
        match self.target_from_memory(&pending) {
            Some(target) => {
                pending.target = target;
                self.send(pending);
            }
            None => self.route_group(vec![pending]),
        }
    }

    /// Routes commands that keep their order.
    pub fn route_group(&self, group: Group) {
        let sent = match &*self.resolve.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(resolve) => resolve.try_send(group),
            None => Err(TrySendError::Disconnected(group)),
        };
        let (group, error) = match sent {
            Ok(()) => return,
            Err(TrySendError::Full(group)) => (group, EngineError::Overloaded),
            Err(TrySendError::Disconnected(group)) => (group, EngineError::Stopping),
        };
        for pending in group {
            pending.answer(Err(error));
        }
    }

    /// Routes a command again whose member was merged into another.
    pub fn route_again(&self, mut pending: Pending) {
        {
            let mut remembered = self.remembered();
            for (named, _) in &pending.target.members {
                let hash = self.hash_of(named);
                remembered.young.remove(&hash);
                remembered.old.remove(&hash);
            }
        }
        pending.target = Target::default();
        self.route_group(vec![pending]);
    }

    /// What is remembered of this epoch.
    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = self.shared.names.number();
        if remembered.epoch != epoch {
            *remembered = Remembered { epoch, ..Remembered::default() };
        }
        remembered
    }

    fn hash_of(&self, named: &NamedBy) -> NameHash {
        member_hash(self.shared.vault.names(), named)
    }

    fn target_from_memory(&self, pending: &Pending) -> Option<Target> {
        let submission = &pending.submission;
        match &submission.work {
            Work::Post(command) if !command.action.originals().is_empty() => return None,
            Work::Post(command) if command.action.is_of_house() => {
                return Some(self.home_of_nobody(pending));
            }
            Work::Enroll(_) if submission.names().is_empty() => {
                return Some(self.home_of_nobody(pending));
            }
            Work::Expire(key) => {
                let shards = vec![key.member.shard().0];
                return Some(Target { shards, ..Target::default() });
            }
            _ => {}
        }
        let names = submission.names();
        let mut remembered = self.remembered();
        let epoch = remembered.epoch;
        let members = names.into_iter().map(|named| {
            let member = remembered.get(&self.hash_of(&named))?;
            Some((named, member))
        });
        let members: Vec<(NamedBy, MemberId)> = members.collect::<Option<_>>()?;
        Some(target_of(members, epoch).and(pending))
    }

    /// Commands that name nobody who is known are decided on a shard that their key chooses; those
    /// that concern no member, on the clearing house's own.
    fn home_of_nobody(&self, pending: &Pending) -> Target {
        if let Work::Post(command) = &pending.submission.work
            && command.action.is_of_house()
        {
            return Target { shards: vec![ShardId::HOUSE.0], ..Target::default() };
        }
        let [first, second, ..] = pending.submission.key;
        let shard = (i64::from(first) << 8 | i64::from(second)) % self.shared.shards;
        Target { shards: vec![shard], ..Target::default() }
    }

    fn send(&self, pending: Pending) {
        let home = pending.target.shards.first().copied().unwrap_or(0);
        let sent = match &*self.lanes.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(lanes) => {
                let lane = usize::try_from(home).unwrap_or(0) % lanes.len();
                lanes[lane].try_send(pending)
            }
            None => Err(TrySendError::Disconnected(pending)),
        };
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(pending)) => pending.answer(Err(EngineError::Overloaded)),
            Err(TrySendError::Disconnected(pending)) => pending.answer(Err(EngineError::Stopping)),
        }
    }

    /// The resolver's thread: looks names and references up in sets, in the order of arrival.
    pub fn run(&self, queue: &Receiver<Group>) {
        while let Ok(first) = queue.recv() {
            let mut groups = vec![first];
            while groups.len() < GROUPS_AT_ONCE {
                let Ok(next) = queue.try_recv() else { break };
                groups.push(next);
            }
            let all: Group = groups.into_iter().flatten().collect();
            if let Err((group, error)) = self.resolve(all) {
                tracing::error!(error = error.chain(), "names can't be looked up");
                let is_passing = error.is_passing();
                let answer = if is_passing { EngineError::Overloaded } else { EngineError::Failed };
                for pending in group {
                    pending.answer(Err(answer));
                }
            }
        }
    }

    fn resolve(&self, group: Group) -> Result<(), (Group, StoreError)> {
        let found = match self.look_up(&group) {
            Ok(found) => found,
            Err(error) => return Err((group, error)),
        };
        // What an earlier command of the same group will post, a later one may name.
        let mut coming: HashMap<ReferenceKey, MemberId> = HashMap::new();
        for mut pending in group {
            pending.target = self.target_of_found(&pending, &found, &coming);
            if let (Work::Post(command), Some((_, member))) =
                (&pending.submission.work, pending.target.members.first())
                && let Some(reference) = command.action.reference()
            {
                let (party, kind) = (command.party.clone(), command.action.kind());
                coming.insert(ReferenceKey { party, kind, reference: reference.clone() }, *member);
            }
            self.send(pending);
        }
        Ok(())
    }

    fn look_up(&self, group: &Group) -> Result<Found, StoreError> {
        let mut found = Found::default();
        let mut names: Vec<NamedBy> = Vec::new();
        {
            let mut remembered = self.remembered();
            found.epoch = remembered.epoch;
            for named in group.iter().flat_map(|pending| pending.submission.names()) {
                match remembered.get(&self.hash_of(&named)) {
                    Some(member) => {
                        found.members.insert(named, member);
                    }
                    None => names.push(named),
                }
            }
        }
        let originals: Vec<ReferenceKey> = group.iter().flat_map(originals_of).collect();
        if names.is_empty() && originals.is_empty() {
            return Ok(found);
        }
        let mut one = self
            .shared
            .readers
            .get()
            .map_err(|error| StoreError::Unreachable(error.to_string()))?;
        let looked_up = members::resolve(&mut one, self.shared.vault.names(), &names)?;
        let references = members::find_references(&mut one, &originals)?;
        let owners: Vec<i64> = references.values().map(|(_, member)| member.0).collect();
        let current = members::current(&mut one, &owners)?;
        for (key, (_, owner)) in references {
            let member = current.get(&owner).copied().unwrap_or(owner);
            found.originals.insert(key, member);
        }
        let mut remembered = self.remembered();
        for (named, member) in looked_up {
            if remembered.epoch == found.epoch {
                remembered.put(self.hash_of(&named), member);
            }
            found.members.insert(named, member);
        }
        Ok(found)
    }

    fn target_of_found(
        &self,
        pending: &Pending,
        found: &Found,
        coming: &HashMap<ReferenceKey, MemberId>,
    ) -> Target {
        if let Work::Expire(_) = pending.submission.work {
            return self.target_from_memory(pending).unwrap_or_default();
        }
        let names = pending.submission.names().into_iter();
        let members: Vec<(NamedBy, MemberId)> =
            names.filter_map(|named| Some((named.clone(), *found.members.get(&named)?))).collect();
        let owner = originals_of(pending)
            .into_iter()
            .find_map(|key| found.originals.get(&key).or_else(|| coming.get(&key)).copied());
        let mut target = target_of(members, found.epoch).and(pending);
        match owner {
            // A receipt's owner is home, whoever else is named.
            Some(owner) => target.shards.insert(0, owner.shard().0),
            None if target.shards.is_empty() => {
                target.shards = self.home_of_nobody(pending).shards;
            }
            None => {}
        }
        target
    }
}

/// What was looked up.
#[derive(Default)]
struct Found {
    epoch: u64,
    members: HashMap<NamedBy, MemberId>,
    originals: HashMap<ReferenceKey, MemberId>,
}

fn target_of(members: Vec<(NamedBy, MemberId)>, epoch: u64) -> Target {
    Target { shards: members.iter().map(|(_, member)| member.shard().0).collect(), members, epoch }
}

impl Target {
    /// With the shard of a profile that is to be itself again: nobody is known by its id now.
    fn and(mut self, pending: &Pending) -> Self {
        if let Work::Post(command) = &pending.submission.work
            && let Action::Unmerge { gone, .. } = &command.action
        {
            self.shards.push(gone.shard().0);
        }
        self
    }
}

/// The references of earlier transactions that a command names.
pub(crate) fn originals_of(pending: &Pending) -> Vec<ReferenceKey> {
    let Work::Post(command) = &pending.submission.work else { return Vec::new() };
    let originals = command.action.originals().into_iter();
    originals
        .map(|(kind, reference)| ReferenceKey {
            party: command.party.clone(),
            kind,
            reference: reference.clone(),
        })
        .collect()
}

/// The reference that a command is known by, if it has one.
pub(crate) fn reference_of(command: &Command) -> Option<ReferenceKey> {
    let reference = command.action.reference()?.clone();
    Some(ReferenceKey { party: command.party.clone(), kind: command.action.kind(), reference })
}
