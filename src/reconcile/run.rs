//! Runs: lists that came in parts, compared in the background, and what was found stored.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::source::Source;
use super::{CompareError, Compared, Outcome, Request, Task, compare};
use crate::books::{BooksError, Format, WORKBOOK_MAX};
use crate::domain::adjustment::ReconciliationId;
use crate::domain::reconciliation::Earlier;
use crate::domain::reconciliation::handling::Handling;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::store::reconciliations::{self, Ending, RunRow, RunState};
use crate::store::rows::{read_json, write_json};
use crate::store::{Address, Database, StoreError, Use, dialect};

/// How often a comparison is tried while the database fails in passing.
const ATTEMPTS_MAX: u32 = 5;

/// Compares lists, one at a time.
pub struct Runner {
    address: Address,
    one_at_a_time: Mutex<()>,
    taken: Mutex<BTreeSet<ReconciliationId>>,
}

/// A run that is due: which attempt it is, and what counts.
pub struct Due {
    /// The run as it was asked for.
    pub row: RunRow,
    /// Which attempt.
    pub attempt: i64,
    /// What counts.
    pub coalition: Arc<Coalition>,
    /// The instant of the run.
    pub now: Instant,
}

/// SHA-256 over the parts of a list, in hexadecimal.
///
/// # Errors
/// If the database fails.
pub fn hash_of(
    database: &mut Database,
    run: ReconciliationId,
) -> Result<(String, i64), StoreError> {
    let mut state = Sha256::new();
    let mut size = 0;
    for part in 1.. {
        let Some(bytes) = reconciliations::part_bytes(database, run, part)? else { break };
        size += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        state.update(&bytes);
    }
    Ok((hex::encode(state.finalize()), size))
}

impl Runner {
    /// A runner on a database.
    pub const fn new(address: Address) -> Self {
        Self { address, one_at_a_time: Mutex::new(()), taken: Mutex::new(BTreeSet::new()) }
    }

    /// Takes a run for this server; false: it has it already.
    pub fn take(&self, run: ReconciliationId) -> bool {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(run)
    }

    /// Gives a run back that is not begun after all.
    pub fn give_back(&self, run: ReconciliationId) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }

    /// Compares a list that was taken and stores what was found. Called on a thread of its own; what fails here
    /// stays `running` and is begun again by the next call or the next start.
    pub fn run(&self, due: &Due) {
        self.run_patiently(due);
        self.give_back(due.row.id);
    }

    fn run_patiently(&self, due: &Due) {
        let _one = self.one_at_a_time.lock().unwrap_or_else(PoisonError::into_inner);
        for attempt in 1..=ATTEMPTS_MAX {
            match self.try_run(due) {
                Ok(()) => return,
                Err(error) if error.is_passing() && attempt < ATTEMPTS_MAX => {
                    std::thread::sleep(std::time::Duration::from_millis(200) * attempt);
                }
                Err(error) => {
                    let run = due.row.id;
                    tracing::error!(%run, error = error.chain(), "a reconciliation failed");
                    return;
                }
            }
        }
    }

    fn try_run(&self, due: &Due) -> Result<(), StoreError> {
        let request: Request = read_json(&due.row.request, "a reconciliation's request")?;
        let mut database = self.address.open(Use::Read)?;
        let task = Task {
            coalition: &due.coalition,
            party: &due.row.party,
            request: &request,
            now: due.now,
        };
        let open = |_: &mut Database, format| match format {
            Format::Xlsx => Source::whole(&self.address, due.row.id, WORKBOOK_MAX),
            Format::Csv | Format::Ndjson => Source::streamed(&self.address, due.row.id),
        };
        let compared = match compare(&mut database, task, open) {
            Ok(compared) => Ok(compared),
            Err(CompareError::Store(error)) => return Err(error),
            // The list lies in the database: what can't be read is not there at the moment.
            Err(CompareError::Books(BooksError::Io(error))) => {
                return Err(StoreError::Unreachable(error.to_string()));
            }
            Err(CompareError::Books(error)) => Err(Outcome::refused(error)),
            Err(CompareError::Profile(error)) => {
                Err(Outcome { error: Some(error.to_string()), ..Outcome::default() })
            }
        };
        self.store(due, &compared)
    }

    fn store(&self, due: &Due, compared: &Result<Compared, Outcome>) -> Result<(), StoreError> {
        let ending = match compared {
            Err(outcome) => failed(due, outcome),
            Ok(Compared { lines, found, settled }) => Ending {
                state: RunState::Done,
                at: due.now,
                verdict: Some(found.verdict.name()),
                outcome: write_json(&Outcome::of(*lines, found)),
                file_hash: due.row.sha256.as_deref().filter(|_| !due.row.may_repeat),
                breaks: found
                    .breaks
                    .iter()
                    .chain(&found.pending)
                    .map(|one| (one, standing(settled.get(&one.number))))
                    .collect(),
            },
        };
        match self.finish(due, &ending) {
            Err(StoreError::Taken(_)) => {
                let error = "this list was compared meanwhile; see the other reconciliation";
                let outcome = Outcome { error: Some(error.to_owned()), ..Outcome::default() };
                self.finish(due, &failed(due, &outcome))
            }
            done => done,
        }
    }

    fn finish(&self, due: &Due, ending: &Ending<'_>) -> Result<(), StoreError> {
        let mut database = self.address.open(Use::Write)?;
        dialect::begin(&mut database)?;
        let is_last = reconciliations::finish(&mut database, due.row.id, due.attempt, ending)?;
        if is_last { dialect::commit(&mut database) } else { dialect::roll_back(&mut database) }
    }
}

/// Where a break stands when it is found.
fn standing(earlier: Option<&Earlier>) -> Handling {
    earlier.map_or(Handling::Open, |&by| Handling::Settled { by })
}

fn failed<'a>(due: &Due, outcome: &Outcome) -> Ending<'a> {
    Ending {
        state: RunState::Failed,
        at: due.now,
        verdict: None,
        outcome: write_json(outcome),
        file_hash: None,
        breaks: Vec::new(),
    }
}
