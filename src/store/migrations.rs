//! Brings a database to the schema of this program.

use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection;
use diesel::migration::MigrationSource;
use diesel::result::Error as DieselError;
use diesel::sqlite::Sqlite;
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
    // The crate's own question would first make its table, which a reader may not.
    let asked = diesel::sql_query(format!("SELECT version FROM {TABLE}"));
    let applied: Vec<Applied> = match each_backend!(connection, |one| asked.load(one)) {
        Ok(applied) => applied,
        Err(DieselError::DatabaseError(_, told)) if told.message().contains(TABLE) => {
            return Ok(true);
        }
        Err(error) => return Err(error.into()),
    };
    let known = MigrationSource::<Sqlite>::migrations(&MIGRATIONS);
    let known = known.expect("the migrations of this program can be read");
    Ok(known.iter().any(|one| {
        let version = one.name().version().to_string();
        applied.iter().all(|there| there.version != version)
    }))
}

/// Where the crate writes which migrations ran.
const TABLE: &str = "__diesel_schema_migrations";

/// A migration that ran.
#[derive(diesel::QueryableByName)]
struct Applied {
    #[diesel(sql_type = diesel::sql_types::Text)]
    version: String,
}
