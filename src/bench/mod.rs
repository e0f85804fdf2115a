//! Measures this machine: the server beside pgbench and bare SQL, as ratios in one run.
//!
//! The server runs as a process of its own, on a private PostgreSQL with fsync on and on SQLite;
//! the load comes from one thread of this process, on the same cores. Absolute figures belong to
//! the machine, ratios to the program. Nothing here is a test: a missed bar is printed, and the
//! exit code stays 0.

mod bare;
mod bulk;
mod campaigns;
mod cards;
mod download;
mod journal;
mod load;
mod machine;
mod members;
pub mod planted;
mod postgres;
mod process;
mod purchases;
mod reconciling;
mod rows;
mod scale;
mod seed;
mod settling;
mod single;
mod stages;
mod statements;
mod table;
mod wire;
mod world;

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cluster::ClusterError;
use crate::server::ServerError;
use crate::settings::Settings;
use crate::store::{Kind, StoreError};
use postgres::Postgres;
use table::{Table, say};

/// Arguments of `bench`.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Seconds that each load is counted for.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,

    /// Members of the coalition.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    members: u64,

    /// Connections of the load of single requests.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: u16,

    /// Measures only these; what they are compared with is measured too.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "NAME")]
    only: Vec<Part>,

    /// A PostgreSQL to use in place of a private one; databases named `coalition_bench_…` are
    /// made on it and dropped. The programs of PostgreSQL must be on the path.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,

    /// Postings of the day that is closed, at least; 200,000, or 10,000,000 with --large.
    #[arg(long)]
    postings: Option<u64>,

    /// Lines of the statement, and of the partner's list that is reconciled; 100,000, or 1,000,000
    /// with --large.
    #[arg(long, value_parser = clap::value_parser!(u64).range(100..=1_000_000))]
    lines: Option<u64>,

    /// Takes the full sizes of what is closed, stated and reconciled, and compares 10,000 members
    /// with 10,000,000 instead of with 1,000,000. That takes long to set up.
    #[arg(long)]
    large: bool,

    /// Reads and reconciles this list and measures nothing else: what a run starts as a process of
    /// its own.
    #[arg(long, hide = true, value_name = "FILE")]
    reconcile_list: Option<PathBuf>,
}

impl Arguments {
    fn postings(&self) -> u64 {
        self.postings.unwrap_or(if self.large { 10_000_000 } else { 200_000 })
    }

    fn lines(&self) -> u64 {
        self.lines.unwrap_or(if self.large { 1_000_000 } else { 100_000 })
    }
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Signed single purchases on PostgreSQL beside pgbench's TPC-B-like script.
    Single,
    /// The same on SQLite beside PostgreSQL.
    Sqlite,
    /// Bulk calls beside bare SQL.
    Bulk,
    /// The time of a burn at half of the load.
    Burn,
    /// What cards show.
    Cards,
    /// Cost by lots of a member.
    Lots,
    /// Cost by members of the coalition.
    Members,
    /// Closing a day, on both databases.
    Close,
    /// Posting while a day is closed, on both databases.
    Pause,
    /// A long statement, on both databases.
    Statement,
    /// Reconciling a partner's list.
    Reconcile,
    /// A campaign that grants points to all members, on both databases.
    Campaign,
    /// Members from files of other systems, on both databases.
    Import,
    /// Memory and start of the server.
    Server,
}

/// Why nothing more was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// There is no PostgreSQL.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A program of PostgreSQL failed.
    #[error("{0}")]
    Program(String),
    /// The server can't be set up.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The operator's calls failed.
    #[error("the server refused the operator: {0}")]
    Operator(#[from] coalition_partner::Error),
    /// A file or a connection failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// Something did not say what it should.
    #[error("no answer from {0}")]
    NoAnswer(&'static str),
    /// What a statement says does not hold.
    #[error("the statement does not verify: {0}")]
    Statement(String),
    /// What a row begins from was refused.
    #[error("the server refused: {0}")]
    Refused(String),
}

/// A run under way.
struct Bench<'a> {
    arguments: &'a Arguments,
    settings: &'a Settings,
    postgres: Postgres,
    table: Table,
    scratch: Scratch,
    /// Single purchases a second on PostgreSQL.
    single: Option<u64>,
}

/// Runs the measurements and prints the table.
///
/// # Errors
/// If something needed is missing; a missed bar is none.
pub fn run(arguments: &Arguments, settings: &Settings) -> Result<(), BenchError> {
    if let Some(list) = &arguments.reconcile_list {
        return reconciling::reconcile_list(list, arguments.lines());
    }
    say(&format!("machine: {}", machine::describe()))?;
    if cfg!(debug_assertions) {
        say("WARNING: this program was built without optimisation; use `cargo build --release`")?;
    }
    let postgres = Postgres::start(arguments.postgres.as_deref())?;
    say(&format!("PostgreSQL {}", postgres.version()?))?;
    say(&format!(
        "{} members, {} connections, {} s each",
        table::grouped(arguments.members),
        arguments.connections,
        arguments.seconds
    ))?;
    say("")?;
    let mut bench = Bench {
        arguments,
        settings,
        postgres,
        table: Table::begin()?,
        scratch: Scratch::new()?,
        single: None,
    };
    bench.measure()?;
    Ok(bench.table.end()?)
}

impl Bench<'_> {
    fn measure(&mut self) -> Result<(), BenchError> {
        let on_postgres =
            [Part::Single, Part::Sqlite, Part::Bulk, Part::Burn, Part::Cards, Part::Lots];
        if self.wants(&on_postgres) || self.wants(&[Part::Server]) {
            self.on_postgres()?;
        }
        if self.wants(&[Part::Members]) {
            self.by_members()?;
        }
        for kind in [Kind::Postgres, Kind::Sqlite] {
            if self.wants(&[Part::Close]) {
                self.close(kind)?;
            }
            if self.wants(&[Part::Pause]) {
                self.pause(kind)?;
            }
            if self.wants(&[Part::Statement]) {
                self.statement(kind)?;
            }
            if self.wants(&[Part::Campaign]) {
                self.campaign(kind)?;
            }
            if self.wants(&[Part::Import]) {
                self.import(kind)?;
            }
        }
        if self.wants(&[Part::Reconcile]) {
            self.reconcile()?;
        }
        Ok(())
    }

    /// Whether one of these is to be measured.
    fn wants(&self, parts: &[Part]) -> bool {
        let only = &self.arguments.only;
        only.is_empty() || parts.iter().any(|part| only.contains(part))
    }
}

/// A folder for one run, removed when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self, BenchError> {
        let folder = std::env::temp_dir().join(format!("coalition-bench-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
