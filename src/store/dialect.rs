//! What truly differs between the two databases: how a write begins, and what an error means.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::{BUSY_TIMEOUT, Database};
use super::{StoreError, is_unique_violation};

/// Those of this process who wait for SQLite's write lock, but for who gives way.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// How long somebody gives way, and how often it is looked whether it is still asked for.
const GIVES_WAY_MAX: Duration = Duration::from_millis(50);
const LOOK_EVERY: Duration = Duration::from_micros(200);

/// Begins a transaction that will write. SQLite takes its write lock now, so that it can't fail
/// later; PostgreSQL locks rows as they are read.
///
/// # Errors
/// If the database does not begin.
pub fn begin(connection: &mut Database) -> Result<(), StoreError> {
    match connection {
        Database::Postgres(_) => connection.batch_execute("BEGIN").map_err(StoreError::from),
        Database::Sqlite(_) => {
            WAITING.fetch_add(1, Ordering::SeqCst);
            let begun = begin_alone(connection);
            WAITING.fetch_sub(1, Ordering::SeqCst);
            begun
        }
    }
}

/// The same for who begins again and again: on SQLite whoever waits meanwhile goes first. Left to
/// itself SQLite gives its lock to whoever asks in the right instant, and that is seldom somebody
/// else where one writer always has more to write.
///
/// # Errors
/// If the database does not begin.
pub fn begin_after_others(connection: &mut Database) -> Result<(), StoreError> {
    match connection {
        Database::Postgres(_) => begin(connection),
        Database::Sqlite(_) => {
            let since = Stopwatch::now();
            while WAITING.load(Ordering::SeqCst) > 0 && since.elapsed() < GIVES_WAY_MAX {
                std::thread::sleep(LOOK_EVERY);
            }
            begin_alone(connection)
        }
    }
}

/// Takes SQLite's write lock. It is asked for every millisecond: SQLite's own waits grow to a tenth
/// of a second, in which the lock was free.
fn begin_alone(connection: &mut Database) -> Result<(), StoreError> {
    let usual = format!("PRAGMA busy_timeout = {};", BUSY_TIMEOUT.as_millis());
    let statement = format!("PRAGMA busy_timeout = 1; BEGIN IMMEDIATE; {usual}");
    let since = Stopwatch::now();
    loop {
        match connection.batch_execute(&statement).map_err(StoreError::from) {
            Err(StoreError::Conflict(_)) if since.elapsed() < BUSY_TIMEOUT => {}
            Ok(()) => return Ok(()),
            Err(error) => {
                connection.batch_execute(&usual).map_err(StoreError::Broken)?;
                return Err(error);
            }
        }
    }
}

/// Begins a transaction that reads one state of the database.
///
/// # Errors
/// If the database does not begin.
pub fn begin_snapshot(connection: &mut Database) -> Result<(), StoreError> {
    let statement = match connection {
        Database::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Database::Sqlite(_) => "BEGIN",
    };
    connection.batch_execute(statement).map_err(StoreError::from)
}

/// Makes all of a transaction last.
///
/// # Errors
/// If it did not, or if it is not known whether it did.
pub fn commit(connection: &mut Database) -> Result<(), StoreError> {
    connection.batch_execute("COMMIT").map_err(|error| match StoreError::from(error) {
        StoreError::Other(source) => StoreError::Broken(source),
        classified => classified,
    })
}

/// Undoes a transaction. A failure to do so means that the connection is lost.
///
/// # Errors
/// If the connection is lost.
pub fn roll_back(connection: &mut Database) -> Result<(), StoreError> {
    connection.batch_execute("ROLLBACK").map_err(StoreError::Broken)
}

/// What an error of the database means for the work that met it.
pub fn classify(error: DieselError) -> StoreError {
    if is_unique_violation(&error) {
        return StoreError::Taken(error);
    }
    match &error {
        DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => {
            StoreError::Conflict(error)
        }
        DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, _)
        | DieselError::BrokenTransactionManager => StoreError::Broken(error),
        DieselError::DatabaseError(_, information) => {
            let message = information.message();
            // diesel has no kind for these; their texts are stable in both databases.
            let waits =
                ["database is locked", "deadlock detected", "lock timeout", "statement timeout"];
            let lost = [
                "server closed the connection",
                "no connection to the server",
                "terminating connection",
                "disk I/O error",
            ];
            if waits.iter().any(|text| message.contains(text)) {
                StoreError::Conflict(error)
            } else if lost.iter().any(|text| message.contains(text)) {
                StoreError::Broken(error)
            } else {
                StoreError::Other(error)
            }
        }
        _ => StoreError::Other(error),
    }
}
