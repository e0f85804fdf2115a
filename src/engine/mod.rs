//! The one writer: commands wait in bounded queues, are decided in batches, and are answered after
//! the commit.
//!
//! A command is *routed* to its member's shard (looking the member up, in sets, where it is not
//! remembered), waits in the queue of that shard's lane, and is decided with what has gathered
//! there. While one batch commits the next one gathers.

mod batch;
mod cards;
mod closing;
mod enrolment;
mod exclusive;
mod house;
mod lane;
mod limits;
mod people;
mod reading;
mod records;
mod router;
mod work;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;

use tokio::sync::oneshot;

pub use closing::{Close, Closing, SignedCheckpoint};
pub use exclusive::{ConfigureError, Keyed, Making};
pub use house::House;
pub use work::{
    Answer, CardWork, EngineError, Enroll, Enrolled, Joining, Present, Submission, Work,
};

use crate::auth::vault::Vault;
use crate::clock::Clock;
use crate::domain::ids::ShardId;
use crate::domain::log::note::Signer;
use crate::domain::terms::Timeline;
use crate::store::{
    Address, Database, ReadPool, StoreError, Use, configurations, heads, log_key, open_pool,
    vault_key,
};
use lane::Lane;
use router::{Epoch, Router};
use work::{Pending, Place};

/// How an engine is built.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The database.
    pub address: Address,
    /// Lanes that commit side by side; SQLite has one writer and so one lane.
    pub lanes: usize,
    /// The most commands that wait.
    pub queue_max: usize,
    /// The most commands of a batch.
    pub batch_max: usize,
    /// Connections that read.
    pub readers: u32,
    /// The key of the vault, where a file provides it; none: the database holds it.
    pub vault_key: Option<VaultKey>,
}

/// A key of the vault, which is never shown.
#[derive(Clone, Copy)]
pub struct VaultKey(pub [u8; 32]);

impl std::fmt::Debug for VaultKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("VaultKey")
    }
}

/// The engine and all that it shares.
pub struct Engine {
    shared: Arc<Shared>,
    router: Arc<Router>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
}

/// What the engine's threads share.
pub(crate) struct Shared {
    pub address: Address,
    pub clock: Arc<Clock>,
    pub shards: i64,
    pub readers: ReadPool,
    pub batch_max: usize,
    pub present: Box<dyn Present>,
    pub signer: Signer,
    pub vault: Arc<Vault>,
    pub names: Epoch,
    timeline: RwLock<Arc<Timeline>>,
    stopping: AtomicBool,
    exclusive: Mutex<()>,
    limits_told: limits::Told,
}

impl Shared {
    pub fn timeline(&self) -> Arc<Timeline> {
        let timeline = self.timeline.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        Arc::clone(&timeline)
    }

    /// Takes a newer configuration; an older one is left alone.
    pub fn take_timeline(&self, newer: &Arc<Timeline>) {
        let mut current = self.timeline.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        if current.version < newer.version {
            *current = Arc::clone(newer);
        }
    }

    /// The fingerprint of a request as it is kept: a request may hold a phone, and who has the tables
    /// alone must not be able to try them all.
    pub fn kept(&self, fingerprint: &[u8; 32]) -> [u8; 32] {
        self.vault.names().mac(&[b"request", fingerprint])
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

impl Engine {
    /// Starts the engine's threads on a database that is migrated and set up.
    ///
    /// # Errors
    /// If the database can't be reached or is not set up.
    pub fn start(
        settings: &Settings,
        clock: Arc<Clock>,
        present: Box<dyn Present>,
    ) -> Result<Self, StoreError> {
        let readers = open_pool(&settings.address, settings.readers)?;
        let mut first = settings.address.open(Use::Read)?;
        let timeline = configurations::load_timeline(&mut first)?;
        let all = heads::all(&mut first)?;
        let shards = all.iter().filter(|head| head.shard != ShardId::HOUSE).count();
        let key = settings.vault_key.map(|key| key.0);
        let vault = vault_key::open(&mut first, key.as_ref())?;
        let signer = log_key::signer(&mut first, &timeline.latest().operator)?;
        let shared = Arc::new(Shared {
            address: settings.address.clone(),
            clock,
            shards: i64::try_from(shards).unwrap_or(1),
            readers,
            batch_max: settings.batch_max,
            present,
            signer,
            vault: Arc::new(vault),
            names: Epoch::new(&all),
            timeline: RwLock::new(Arc::new(timeline)),
            stopping: AtomicBool::new(false),
            exclusive: Mutex::new(()),
            limits_told: limits::Told::default(),
        });
        let count = settings.lanes.clamp(1, shards.max(1));
        let (senders, queues): (Vec<_>, Vec<_>) =
            (0..count).map(|_| std::sync::mpsc::sync_channel(settings.queue_max)).unzip();
        let (resolve, unresolved) = std::sync::mpsc::sync_channel(settings.queue_max);
        let router = Arc::new(Router::new(Arc::clone(&shared), senders, resolve));
        let mut threads = Vec::with_capacity(count + 1);
        for (number, queue) in queues.into_iter().enumerate() {
            let lane = Lane::new(Arc::clone(&shared), Arc::clone(&router), queue);
            threads.push(spawn(&format!("lane-{number}"), move || lane.run())?);
        }
        let resolving = Arc::clone(&router);
        threads.push(spawn("resolver", move || resolving.run(&unresolved))?);
        let waiting = Arc::new(AtomicUsize::new(0));
        let threads = Mutex::new(threads);
        Ok(Self { shared, router, threads, waiting, waiting_max: settings.queue_max })
    }

    /// Submits one command and waits for its answer.
    ///
    /// # Errors
    /// If it was not decided: the queue is full, the key is taken, or the database failed.
    pub async fn submit(&self, mut submission: Submission) -> Result<Answer, EngineError> {
        let place = self.place().ok_or(EngineError::Overloaded)?;
        submission.fingerprint = self.shared.kept(&submission.fingerprint);
        let (reply, answer) = oneshot::channel();
        self.router.route(Pending::new(submission, reply, place));
        answer.await.unwrap_or(Err(EngineError::Stopping))
    }

    /// Submits commands that keep their order, and gives back their answers as they come. Those
    /// for which there is no place are answered at once.
    pub fn submit_in_order(
        &self,
        submissions: Vec<Submission>,
    ) -> Vec<oneshot::Receiver<Result<Answer, EngineError>>> {
        let mut group = Vec::with_capacity(submissions.len());
        let mut answers = Vec::with_capacity(submissions.len());
        for mut submission in submissions {
            submission.fingerprint = self.shared.kept(&submission.fingerprint);
            let (reply, answer) = oneshot::channel();
            match self.place() {
                Some(place) => group.push(Pending::new(submission, reply, place)),
                // Nobody else holds the receiver, so this arrives.
                None => drop(reply.send(Err(EngineError::Overloaded))),
            }
            answers.push(answer);
        }
        self.router.route_group(group);
        answers
    }

    fn place(&self) -> Option<Place> {
        Place::take(&self.waiting, self.waiting_max)
    }

    /// What counts, over time.
    pub fn timeline(&self) -> Arc<Timeline> {
        self.shared.timeline()
    }

    /// The clock that decisions are dated by.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Who signs checkpoints and statements.
    pub fn signer(&self) -> &Signer {
        &self.shared.signer
    }

    /// The vault of what is personal.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.shared.vault
    }

    /// The number of shards of members.
    pub fn shards(&self) -> i64 {
        self.shared.shards
    }

    /// A connection of the caller's own, for what takes long or writes beside the lanes.
    ///
    /// # Errors
    /// If the database can't be reached.
    pub fn open(&self, to: Use) -> Result<Database, StoreError> {
        self.shared.address.open(to)
    }

    /// A connection that reads.
    ///
    /// # Errors
    /// If none is free in time.
    pub fn read<T>(
        &self,
        ask: impl FnOnce(&mut Database) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut one = self
            .shared
            .readers
            .get()
            .map_err(|error| StoreError::Unreachable(error.to_string()))?;
        ask(&mut one)
    }

    /// Reads the configuration again if another server changed it.
    ///
    /// # Errors
    /// If the database fails.
    pub fn refresh(&self) -> Result<(), StoreError> {
        let known = self.timeline().version;
        let newer = self.read(|one| {
            let latest = heads::all(one)?.iter().map(|head| head.configuration).max();
            if latest <= Some(known) {
                Ok(None)
            } else {
                configurations::load_timeline(one).map(Some)
            }
        })?;
        if let Some(timeline) = newer {
            self.shared.take_timeline(&Arc::new(timeline));
        }
        Ok(())
    }

    /// Takes nothing more in, finishes what waits, and ends the threads.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.router.close();
        let mut threads = self.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the engine ended by a bug");
            }
        }
    }

    /// Whether the engine takes commands in.
    pub fn is_running(&self) -> bool {
        !self.shared.is_stopping()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|error| StoreError::SetUp(format!("no thread could be started: {error}")))
}
