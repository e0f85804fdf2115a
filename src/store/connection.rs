//! Connections to either database, opened by URL, and pools of them.
//!
//! `sqlite:PATH` opens a file (`sqlite::memory:` is refused: two connections would see two
//! databases); `postgres://…` opens PostgreSQL. The address is kept as the caller wrote it and
//! never logged, since it may hold a password.

use std::path::Path;
use std::time::Duration;

use diesel::Connection as _;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sqlite::SqliteConnection;

use super::StoreError;

/// A connection to one of the two databases.
#[derive(diesel::MultiConnection)]
pub enum Database {
    /// PostgreSQL.
    Postgres(PgConnection),
    /// SQLite.
    Sqlite(SqliteConnection),
}

/// Which database an address names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL, for production.
    Postgres,
    /// SQLite, for one machine without set-up.
    Sqlite,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It writes.
    Write,
    /// It only reads.
    Read,
}

/// The address of a database.
#[derive(Clone)]
pub struct Address {
    kind: Kind,
    target: String,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}(…)", self.kind)
    }
}

/// SQLite's pages in memory, in KiB: for a connection that reads, and for one that writes, which
/// comes back to the lots and receipts of months. They are taken as they are used.
const READER_CACHE: u32 = 32_000;
const WRITER_CACHE: u32 = 128_000;

/// How long SQLite waits for another process to finish its commit.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

impl Address {
    /// Reads `sqlite:PATH` or `postgres://…`.
    ///
    /// # Errors
    /// If it is neither.
    pub fn parse(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self { kind: Kind::Postgres, target: url.to_owned() });
        }
        let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
        match path {
            Some(path) if !path.is_empty() && !path.contains(":memory:") => {
                Ok(Self { kind: Kind::Sqlite, target: path.to_owned() })
            }
            _ => Err(StoreError::Address),
        }
    }

    /// The file of a SQLite database.
    pub(super) fn file(&self) -> Option<&Path> {
        (self.kind == Kind::Sqlite).then(|| Path::new(&self.target))
    }

    /// Which database it names.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether there is a database to open: SQLite would make an empty one of a mistyped name.
    ///
    /// # Errors
    /// If there is none.
    pub fn must_exist(&self) -> Result<(), StoreError> {
        let is_missing = self.kind == Kind::Sqlite && !std::path::Path::new(&self.target).exists();
        if is_missing {
            let text = "there is no such database; check its name, or run `coalition migrate`";
            return Err(StoreError::SetUp(text.to_owned()));
        }
        Ok(())
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// If the database can't be reached.
    pub fn open(&self, purpose: Use) -> Result<Database, StoreError> {
        let opened = match self.kind {
            Kind::Postgres => PgConnection::establish(&self.target).map(Database::Postgres),
            Kind::Sqlite => SqliteConnection::establish(&self.target).map(Database::Sqlite),
        };
        let mut connection = opened.map_err(|error| StoreError::Unreachable(error.to_string()))?;
        connection.batch_execute(&self.settings(purpose)).map_err(StoreError::from)?;
        Ok(connection)
    }

    fn settings(&self, purpose: Use) -> String {
        match (self.kind, purpose) {
            // Plans are made once, and may be made while tables are still empty; a batch always goes
            // by keys, so its plans go by indexes whatever the tables hold at that moment.
            (Kind::Postgres, Use::Write) => "SET statement_timeout = '60s'; \
                SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '120s'; \
                SET synchronous_commit = on; SET client_min_messages = warning; \
                SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
                SET jit = off;"
                .to_owned(),
            (Kind::Postgres, Use::Read) => "SET statement_timeout = '30s'; \
                SET default_transaction_read_only = on; SET client_min_messages = warning; \
                SET jit = off;"
                .to_owned(),
            (Kind::Sqlite, purpose) => {
                let busy = BUSY_TIMEOUT.as_millis();
                // Checkpoints are made beside the writer (`checkpoints`); a commit makes one only
                // where a program that has none of that thread let the log grow long.
                // Small pages, since a commit writes each page that it touched into the log.
                let cache = if purpose == Use::Read { READER_CACHE } else { WRITER_CACHE };
                let common = format!(
                    "PRAGMA busy_timeout = {busy}; PRAGMA page_size = 2048; \
                     PRAGMA journal_mode = WAL; \
                     PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 128000; \
                     PRAGMA cache_size = -{cache}; PRAGMA temp_store = MEMORY;"
                );
                if purpose == Use::Read { common + "PRAGMA query_only = ON;" } else { common }
            }
        }
    }
}

/// Opens connections for a pool.
#[derive(Clone, Debug)]
pub struct Manager {
    address: Address,
}

impl r2d2::ManageConnection for Manager {
    type Connection = Database;
    type Error = StoreError;

    fn connect(&self) -> Result<Database, StoreError> {
        self.address.open(Use::Read)
    }

    fn is_valid(&self, connection: &mut Database) -> Result<(), StoreError> {
        connection.batch_execute("SELECT 1").map_err(StoreError::from)
    }

    fn has_broken(&self, connection: &mut Database) -> bool {
        std::thread::panicking() || !connection.is_open()
    }
}

impl Database {
    fn is_open(&mut self) -> bool {
        use diesel::r2d2::R2D2Connection;
        !self.is_broken()
    }
}

/// A pool of connections that only read.
pub type ReadPool = r2d2::Pool<Manager>;

/// Opens a pool of connections that only read.
///
/// # Errors
/// If the database can't be reached.
pub fn open_pool(address: &Address, size: u32) -> Result<ReadPool, StoreError> {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        // A connection that the database has dropped meanwhile is replaced, not handed out again.
        .test_on_check_out(true)
        .connection_timeout(Duration::from_secs(5))
        .build(Manager { address: address.clone() })
        .map_err(|error| StoreError::Unreachable(error.to_string()))
}

/// A condition that a partial index has, in its very words. With a bind in it neither database can
/// know that the index holds all rows that are asked for: it would look through the whole table.
pub fn of_index(condition: &str) -> diesel::expression::SqlLiteral<diesel::sql_types::Bool> {
    diesel::dsl::sql(condition)
}

/// Runs a statement once for each kind of connection: what the derived multi-connection can't do
/// (batch inserts and upserts) it can on the concrete one.
macro_rules! each_backend {
    ($connection:expr, |$concrete:ident| $body:expr) => {
        match $connection {
            $crate::store::connection::Database::Postgres($concrete) => $body,
            $crate::store::connection::Database::Sqlite($concrete) => $body,
        }
    };
}

pub(crate) use each_backend;
