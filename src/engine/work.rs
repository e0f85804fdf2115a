//! What waits in the engine, and what it is answered with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::oneshot;

use crate::domain::account::AccountKey;
use crate::domain::card::{Card, CardNumber, Step, Why};
use crate::domain::command::Command;
use crate::domain::ids::{KeyId, MemberId, PartyId, ProgrammeId, TransactionId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::person::{Consent, Field, Source, Stage};
use crate::domain::rejection::Rejection;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;
use crate::store::names::NameHash;

/// A member to be made, with all names at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enroll {
    /// The names: phone, e-mail, external ids of the party, card tokens.
    pub names: Vec<MemberName>,
    /// The person; none: only names are given, and one that is known refuses them all.
    pub joining: Option<Box<Joining>>,
}

/// A person who enrols, perhaps once more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joining {
    /// Where.
    pub source: Source,
    /// What is told of the person.
    pub profile: BTreeMap<Field, String>,
    /// The names that were shown to be theirs.
    pub verified: BTreeSet<MemberName>,
    /// What they agree to.
    pub consents: Vec<Consent>,
}

impl Enroll {
    /// Whether who is known by a name is the person who enrols: it was shown to be theirs, or is
    /// the party's own.
    pub fn attaches(&self, name: &MemberName) -> bool {
        let own = matches!(name, MemberName::External(_));
        self.joining.as_ref().is_some_and(|joining| own || joining.verified.contains(name))
    }
}

/// What can be asked of cards.
#[derive(Clone, Debug)]
pub enum CardWork {
    /// A card of the asking party; the one in use where there is one.
    Issue {
        /// For whom. Identifiers that the wallet verified become one more way to say it.
        member: MemberName,
        /// In which programme.
        programme: ProgrammeId,
    },
    /// A change of a card's state.
    Step {
        /// The card.
        number: CardNumber,
        /// What is done.
        step: Step,
        /// Why.
        why: Option<Why>,
    },
}

/// What can be asked of the engine.
#[derive(Clone, Debug)]
pub enum Work {
    /// A transaction.
    Post(Box<Command>),
    /// A new member.
    Enroll(Enroll),
    /// One more name for a member.
    Name {
        /// The member.
        member: MemberName,
        /// The name.
        name: MemberName,
    },
    /// Something about a card.
    Card(CardWork),
    /// A member is forgotten: who they are, never what was posted.
    Erase(MemberName),
    /// What the clock did to an account. It has no key: doing it again changes nothing.
    Expire(AccountKey),
}

/// One request to the engine.
#[derive(Clone, Debug)]
pub struct Submission {
    /// Who asks.
    pub party: PartyId,
    /// The key that signed; it must be active when the batch is decided.
    pub signed_by: Option<KeyId>,
    /// The hash of the idempotency key.
    pub key: NameHash,
    /// What is asked for, as a hash: the same key with another fingerprint is refused.
    pub fingerprint: [u8; 32],
    /// What is asked for.
    pub work: Work,
}

/// An answer: what a command led to, or its refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Arc<str>,
    /// Whether it was given before.
    pub replayed: bool,
}

/// Why a command was not decided. Nothing of it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Too much waits already.
    #[error("the server has more to do than it can hold; try again a little later")]
    Overloaded,
    /// The server is shutting down.
    #[error("the server is stopping; try again with the same key")]
    Stopping,
    /// The database failed, and the outcome is not known to have happened.
    #[error("the server could not store this; try again with the same key")]
    Failed,
    /// The idempotency key was used for another request.
    #[error("this key was used for another request; take a new key")]
    KeyReused,
    /// The signing key was revoked.
    #[error("the signing key is not active")]
    SignerRevoked,
}

/// What came of an enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolled {
    /// The member.
    pub member: MemberId,
    /// Whether they were not there before.
    pub is_new: bool,
    /// How far they are a member.
    pub stage: Stage,
    /// How many names belong to others; none: who asks is not told, since it would say whether a
    /// phone is known.
    pub proposed: Option<usize>,
}

/// How answers are written. The bytes are stored, so they never change for a key.
pub trait Present: Send + Sync {
    /// An accepted transaction.
    fn transaction(&self, transaction: &Transaction, coalition: &Coalition) -> String;
    /// A delivery that was reported before.
    fn unchanged(&self, command: &Command, original: TransactionId) -> String;
    /// A new member.
    fn member(&self, member: MemberId) -> String;
    /// A person who enrolled. Status and body.
    fn enrolled(&self, enrolled: &Enrolled) -> (u16, String);
    /// A member that was erased.
    fn erased(&self, member: MemberId, at: Instant) -> String;
    /// A member's new name.
    fn named(&self, member: MemberId, name: &MemberName) -> String;
    /// A card, and whose it is now.
    fn card(&self, card: &Card, member: MemberId, coalition: &Coalition) -> String;
    /// A refusal: status and body.
    fn rejection(&self, rejection: &Rejection) -> (u16, String);
}

/// Where a command goes: the shards that it touches, and the members that it names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Target {
    /// The shards whose heads must be locked; the first is home.
    pub shards: Vec<i64>,
    /// The members by the names that the command uses.
    pub members: Vec<(NamedBy, MemberId)>,
    /// The epoch of names in which they were looked up.
    pub epoch: u64,
}

/// A place among the commands that wait; it is free again when this is dropped.
pub(crate) struct Place(Arc<AtomicUsize>);

impl Place {
    /// Takes a place, unless `most` are taken.
    pub fn take(waiting: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(waiting));
        // A place that is not to be had is given back by its drop.
        (place.0.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A submission on its way, and who waits for its answer.
pub(crate) struct Pending {
    pub submission: Submission,
    pub target: Target,
    pub reply: oneshot::Sender<Result<Answer, EngineError>>,
    _place: Place,
}

impl Pending {
    pub fn new(
        submission: Submission,
        reply: oneshot::Sender<Result<Answer, EngineError>>,
        place: Place,
    ) -> Self {
        Self { submission, target: Target::default(), reply, _place: place }
    }

    /// Answers; whoever waited may have gone, and that is fine.
    pub fn answer(self, answer: Result<Answer, EngineError>) {
        drop(self.reply.send(answer));
    }
}

impl Submission {
    /// The names of members that it uses.
    pub fn names(&self) -> Vec<NamedBy> {
        let by = |name: &MemberName| NamedBy::new(&self.party, name);
        match &self.work {
            Work::Post(command) => command.action.members().into_iter().map(by).collect(),
            Work::Name { member, .. }
            | Work::Erase(member)
            | Work::Card(CardWork::Issue { member, .. }) => vec![by(member)],
            Work::Card(CardWork::Step { number, .. }) => {
                vec![by(&MemberName::Loyalty(number.to_string()))]
            }
            Work::Enroll(enroll) => {
                enroll.names.iter().filter(|name| enroll.attaches(name)).map(by).collect()
            }
            Work::Expire(_) => Vec::new(),
        }
    }

    /// The names that it gives.
    pub fn new_names(&self) -> Vec<NamedBy> {
        let by = |name: &MemberName| NamedBy::new(&self.party, name);
        match &self.work {
            Work::Enroll(enroll) => enroll.names.iter().map(by).collect(),
            Work::Name { name, .. } => vec![by(name)],
            Work::Post(_) | Work::Erase(_) | Work::Card(_) | Work::Expire(_) => Vec::new(),
        }
    }
}
