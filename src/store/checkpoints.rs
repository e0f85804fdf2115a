//! Carries what SQLite wrote ahead into the database, beside those that write.
//!
//! Left to itself SQLite does this in the commit that makes its log long: tens of megabytes in random
//! places, while everybody waits. A passive checkpoint waits for nobody and nobody for it; only for
//! the little that was written meanwhile, so that the log can begin anew, is the writer kept off.
//!
//! A passive checkpoint that does not reach the log's end leaves what it wrote in the system's cache:
//! SQLite brings it to the disk when nothing is left, and that is while the writer is kept off. So
//! the file is brought to the disk here, before.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Stopwatch};

use diesel::QueryableByName;
use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Integer;

use super::StoreError;
use super::connection::{Address, Database, Kind, Use, each_backend};

/// How often the log is looked at.
const PERIOD: Duration = Duration::from_millis(200);

/// Pages that are carried over together; a page has 2 KiB.
const CARRIED_FROM: i32 = 4_000;

/// Pages of the log from which on it should begin anew.
const RENEWED_FROM: i32 = 48_000;

/// How long it is let be after a reader was in the way of that: each try keeps the writer off.
const LEFT_FOR: Duration = Duration::from_secs(1);

/// The thread of the checkpoints; it ends when this is dropped.
pub struct Checkpoints {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// How many pages may be left when the writer is kept off, and how often it is tried to get there:
/// each time there is only what was written during the last.
const LEFT_MAX: i32 = 256;
const TRIES: usize = 4;

/// What a checkpoint says: whether somebody was in its way, the pages of the log, and those of them
/// that are in the database.
#[derive(Clone, Copy, Debug, Default, QueryableByName)]
struct Outcome {
    #[diesel(sql_type = Integer)]
    busy: i32,
    #[diesel(sql_type = Integer)]
    log: i32,
    #[diesel(sql_type = Integer)]
    checkpointed: i32,
}

impl Outcome {
    /// Pages that are not in the database.
    const fn left(self) -> i32 {
        self.log - self.checkpointed
    }
}

impl Checkpoints {
    /// Begins, where the database is SQLite.
    ///
    /// # Errors
    /// If the database can't be opened, or no thread can be started.
    pub fn start(address: &Address) -> Result<Option<Self>, StoreError> {
        if address.kind() != Kind::Sqlite {
            return Ok(None);
        }
        let mut connection = address.open(Use::Write)?;
        // Readers and the writer are waited for no longer than a till notices.
        connection.batch_execute("PRAGMA busy_timeout = 10; PRAGMA wal_autocheckpoint = 0;")?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = Arc::clone(&stop);
        // POSIX takes away all locks that a process has on a file when it closes any descriptor of it,
        // SQLite's too: this one is never closed.
        let file: &'static File = match address.file().map(File::open) {
            Some(Ok(file)) => Box::leak(Box::new(file)),
            Some(Err(error)) => return Err(StoreError::SetUp(error.to_string())),
            None => return Ok(None),
        };
        let run = move || {
            let mut left_at = None;
            while !stopping.load(Ordering::SeqCst) {
                if let Err(error) = carry_over(&mut connection, file, &mut left_at) {
                    tracing::debug!(error = error.chain(), "a checkpoint is left for later");
                }
                std::thread::sleep(PERIOD);
            }
        };
        let thread = std::thread::Builder::new().name("checkpoints".to_owned()).spawn(run);
        let thread = thread.map_err(|error| StoreError::SetUp(error.to_string()))?;
        Ok(Some(Self { stop, thread: Some(thread) }))
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the checkpoints ended by a bug");
        }
    }
}

/// Carries over what there is. `left_at` is when a reader was last in the way of a new beginning.
fn carry_over(
    connection: &mut Database,
    file: &File,
    left_at: &mut Option<Stopwatch>,
) -> Result<(), StoreError> {
    let there = checkpoint(connection, "NOOP")?;
    if CARRIED_FROM <= there.left() {
        carry(connection, file)?;
    }
    if there.log < RENEWED_FROM || left_at.is_some_and(|at| at.elapsed() < LEFT_FOR) {
        return Ok(());
    }
    for _ in 0..TRIES {
        if checkpoint(connection, "NOOP")?.left() <= LEFT_MAX {
            break;
        }
        carry(connection, file)?;
    }
    let renewed = checkpoint(connection, "RESTART")?;
    *left_at = (renewed.busy != 0).then(Stopwatch::now);
    Ok(())
}

/// Carries over and brings it to the disk: little at a time, since a commit waits for the disk too.
fn carry(connection: &mut Database, file: &File) -> Result<(), StoreError> {
    checkpoint(connection, "PASSIVE")?;
    file.sync_data().map_err(|error| StoreError::SetUp(error.to_string()))
}

/// Makes a checkpoint.
fn checkpoint(connection: &mut Database, mode: &str) -> Result<Outcome, StoreError> {
    let asked = diesel::sql_query(format!("PRAGMA wal_checkpoint({mode})"));
    let said: Vec<Outcome> = each_backend!(connection, |one| asked.load(one))?;
    Ok(said.first().copied().unwrap_or_default())
}
