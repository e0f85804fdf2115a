//! Brings a database to the schema of this program.

use diesel::connection::SimpleConnection;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::StoreError;
use super::connection::{Address, Database, Use, each_backend};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Runs the migrations that are missing; several servers may do so at once. Gives back their
/// names.
///
/// # Errors
/// If the database can't be reached or a migration fails.
pub fn migrate(address: &Address) -> Result<Vec<String>, StoreError> {
    let mut connection = address.open(Use::Write)?;
    let lock = 7_246_011;
    if matches!(connection, Database::Postgres(_)) {
        connection.batch_execute(&format!("SELECT pg_advisory_lock({lock})"))?;
    }
    let done = each_backend!(&mut connection, |one| {
        one.run_pending_migrations(MIGRATIONS)
            .map(|versions| versions.iter().map(ToString::to_string).collect())
    });
    done.map_err(|error| StoreError::SetUp(format!("a migration failed: {error}")))
}

/// Whether migrations are missing.
///
/// # Errors
/// If the database can't be asked.
pub fn is_behind(connection: &mut Database) -> Result<bool, StoreError> {
    each_backend!(connection, |one| one.has_pending_migration(MIGRATIONS))
        .map_err(|error| StoreError::SetUp(format!("the migrations can't be read: {error}")))
}
