//! A lane: one thread that commits the batches of some shards.
//!
//! What fails for a passing reason is done again; the outcome of a commit that is not known is
//! found by doing the batch again, since the keys that were stored answer for themselves. One
//! command that breaks the database or the rules' own asserts must not take its neighbours down:
//! the batch is halved until it alone fails.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use super::Shared;
use super::batch::{Batch, Outcome};
use super::router::Router;
use super::work::{EngineError, Pending};
use crate::store::{Database, StoreError, Use, dialect};

/// How often a batch is done again.
const ATTEMPTS_MAX: u32 = 10;

/// One committing thread.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    router: Arc<Router>,
    queue: Receiver<Pending>,
    connection: Option<Database>,
    look_first: u32,
}

/// How many batches look keys and references up first, after one met a used one: repeats come
/// in rows, as when a partner posts a file again.
const LOOK_FIRST: u32 = 64;

/// Why a batch was not committed.
enum Failure {
    Store(StoreError),
    Bug,
}

impl Lane {
    pub const fn new(shared: Arc<Shared>, router: Arc<Router>, queue: Receiver<Pending>) -> Self {
        Self { shared, router, queue, connection: None, look_first: 0 }
    }

    pub fn run(mut self) {
        while let Ok(first) = self.queue.recv() {
            let mut gathered = vec![first];
            while gathered.len() < self.shared.batch_max {
                let Ok(next) = self.queue.try_recv() else { break };
                gathered.push(next);
            }
            metrics::histogram!("coalition_engine_batch_commands").record(count(&gathered));
            for batch in self.runs_of_one_day(gathered) {
                self.commit(batch);
            }
        }
    }

    /// With a clock that follows what is posted, a batch ends where the settlement day does.
    fn runs_of_one_day(&self, gathered: Vec<Pending>) -> Vec<Vec<Pending>> {
        if !self.shared.clock.follows() {
            return vec![gathered];
        }
        let timeline = self.shared.timeline();
        let zone = &timeline.latest().zone;
        let mut runs: Vec<Vec<Pending>> = Vec::new();
        let mut current = None;
        for pending in gathered {
            let day = super::batch::instant_of(&pending).map(|at| zone.day_of(at));
            if day != current || runs.is_empty() {
                runs.push(Vec::new());
                current = day;
            }
            if let Some(run) = runs.last_mut() {
                run.push(pending);
            }
        }
        runs
    }

    fn commit(&mut self, mut batch: Vec<Pending>) {
        let mut attempts = 0;
        loop {
            let failure = match self.attempt(&batch) {
                Ok(outcomes) => {
                    self.answer(batch, outcomes);
                    #[cfg(feature = "faults")]
                    crate::faults::commit_late(self.connection.as_mut());
                    return;
                }
                Err(failure) => failure,
            };
            attempts += 1;
            if matches!(failure, Failure::Store(StoreError::Taken(_))) {
                self.look_first = LOOK_FIRST;
            }
            let is_passing = matches!(&failure, Failure::Store(error) if error.is_passing());
            if is_passing && attempts < ATTEMPTS_MAX {
                metrics::counter!("coalition_engine_retries_total").increment(1);
                // The first repeat is at once: most often a key had been used, which is now known.
                std::thread::sleep(Duration::from_millis(5) * (attempts - 1));
                continue;
            }
            if batch.len() > 1 && !is_passing {
                let rest = batch.split_off(batch.len() / 2);
                self.commit(batch);
                return self.commit(rest);
            }
            if let Failure::Store(error) = failure {
                tracing::error!(error = error.chain(), "a batch can't be stored");
            }
            // What is passing is worth another try of the caller's; the rest is not.
            let answer = if is_passing { EngineError::Overloaded } else { EngineError::Failed };
            for pending in batch {
                pending.answer(Err(answer));
            }
            return;
        }
    }

    fn attempt(&mut self, batch: &[Pending]) -> Result<Vec<Outcome>, Failure> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.shared.address.open(Use::Write).map_err(Failure::Store)?,
        };
        let shared = &self.shared;
        let looks_first = self.look_first > 0;
        self.look_first = self.look_first.saturating_sub(1);
        let tried = catch_unwind(AssertUnwindSafe(|| {
            Batch::new(shared, batch, looks_first).commit(&mut connection)
        }));
        let failure = match tried {
            Ok(Ok(outcomes)) => {
                self.connection = Some(connection);
                return Ok(outcomes);
            }
            Ok(Err(error)) => Failure::Store(error),
            Err(_) => Failure::Bug,
        };
        // A connection that can't be rolled back is dropped, and with it what it began.
        let lost = matches!(&failure, Failure::Store(error) if error.is_connection_lost());
        if !lost && dialect::roll_back(&mut connection).is_ok() {
            self.connection = Some(connection);
        }
        Err(failure)
    }

    fn answer(&self, batch: Vec<Pending>, outcomes: Vec<Outcome>) {
        for (pending, outcome) in batch.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Answer(answer) => pending.answer(answer),
                Outcome::Moved if self.shared.is_stopping() => {
                    pending.answer(Err(EngineError::Stopping));
                }
                Outcome::Moved => self.router.route_again(pending),
            }
        }
    }
}

fn count(batch: &[Pending]) -> u32 {
    u32::try_from(batch.len()).unwrap_or(u32::MAX)
}
