//! What truly differs between the two databases: how a write begins, and what an error means.

use diesel::connection::SimpleConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use super::connection::Database;
use super::{StoreError, is_unique_violation};

/// Begins a transaction that will write. SQLite takes its write lock now, so that it can't fail
/// later; PostgreSQL locks rows as they are read.
///
/// # Errors
/// If the database does not begin.
pub fn begin(connection: &mut Database) -> Result<(), StoreError> {
    let statement = match connection {
        Database::Postgres(_) => "BEGIN",
        Database::Sqlite(_) => "BEGIN IMMEDIATE",
    };
    connection.batch_execute(statement).map_err(StoreError::from)
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
