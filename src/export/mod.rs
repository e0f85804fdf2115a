//! Exports: the whole ledger, a settlement day or a cycle, for other programs.
//!
//! | format | what | where |
//! |---|---|---|
//! | `beancount` | a journal that `bean-check` takes | a file |
//! | `hledger` | a journal that `hledger check --strict` takes | a file |
//! | `parquet` | a table for each fact | a folder |
//! | `csv` | the postings of each settlement day | a folder |
//!
//! An export reads one state of the database beside the server and writes nothing there. It goes
//! through the journal once, page by page: its memory does not grow with the ledger. (A journal of
//! one cycle keeps the sums of the accounts that the cycle touched.) A file gets its name when it
//! is complete. Members stand by their ids; no names, phones or cards leave.

mod beancount;
mod book;
mod csv;
mod hledger;
mod names;
mod output;
mod parquet;
mod selection;

use std::path::{Path, PathBuf};

pub use csv::CSV_COLUMNS;
pub use names::{Names, Unit};
pub use parquet::{BREAKS, LOTS, POSITIONS, POSTINGS, TRANSACTIONS};
pub use selection::Selection;
use selection::{Part, Taken};

use crate::domain::settlement::CycleId;
use crate::domain::terms::Coalition;
use crate::store::stream::Journal;
use crate::store::{Address, Database, StoreError, Use, configurations, dialect};

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A beancount journal.
    Beancount,
    /// An hledger journal.
    Hledger,
    /// Parquet tables.
    Parquet,
    /// A flat file for each settlement day.
    Csv,
}

/// What to export.
#[derive(Clone, Debug)]
pub struct Request {
    /// As what.
    pub format: Format,
    /// The file, or the folder, which is made if it is not there.
    pub to: PathBuf,
    /// Which part of the ledger.
    pub selection: Selection,
    /// Whether journals have one account for all members of a programme.
    pub aggregate: bool,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Transactions.
    pub transactions: u64,
    /// The files, in order.
    pub files: Vec<PathBuf>,
}

/// Why an export did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database can't be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file can't be written.
    #[error("the export can't be written: {0}")]
    File(#[from] std::io::Error),
    /// A Parquet file can't be written.
    #[error("the export can't be written: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// No schedule has such a cycle.
    #[error("there is no cycle {0}")]
    NoSuchCycle(CycleId),
    /// A figure does not fit its column.
    #[error("{0} has more digits than its column takes")]
    TooLarge(String),
}

/// Exports what is asked for.
///
/// # Errors
/// If the database can't be read or a file can't be written. Files that were complete stay.
pub fn export(address: &Address, request: &Request) -> Result<Written, ExportError> {
    let mut database = address.open(Use::Read)?;
    dialect::begin_snapshot(&mut database)?;
    let timeline = configurations::load_timeline(&mut database)?;
    let (coalition, to) = (timeline.latest().as_ref(), request.to.as_path());
    let part = Part::of(&request.selection, coalition)?;
    let journal = Journal::open(&mut database)?;
    let mut source = Source { database, journal, part, transactions: 0 };
    let files = match request.format {
        Format::Beancount => write_book(&mut source, &beancount::Beancount, coalition, request)?,
        Format::Hledger => write_book(&mut source, &hledger::Hledger, coalition, request)?,
        Format::Parquet => parquet::write(&mut source, coalition, to)?,
        Format::Csv => csv::write(&mut source, coalition, to)?,
    };
    Ok(Written { transactions: source.transactions, files })
}

fn write_book(
    source: &mut Source,
    language: &dyn book::Language,
    coalition: &Coalition,
    request: &Request,
) -> Result<Vec<PathBuf>, ExportError> {
    let names = Names::new(coalition, request.aggregate);
    let mut file = output::Part::create(&request.to)?;
    book::write(source, language, (coalition, &names), &mut file)?;
    Ok(vec![file.finish()?])
}

/// Where an export reads from.
struct Source {
    database: Database,
    journal: Journal,
    part: Part,
    transactions: u64,
}

impl Source {
    /// The next transaction that is exported.
    fn next(&mut self) -> Result<Option<Taken>, StoreError> {
        while let Some(entry) = self.journal.next(&mut self.database)? {
            if let Some(taken) = self.part.take(entry)? {
                self.transactions += 1;
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }
}

/// Makes a folder for an export.
fn make_folder(folder: &Path) -> Result<(), ExportError> {
    std::fs::create_dir_all(folder).map_err(|error| output::named(folder, &error))?;
    Ok(())
}

/// A programme that the configuration does not know.
fn unknown_programme(programme: &dyn std::fmt::Display) -> ExportError {
    let text = format!("the programme {programme} is not in the configuration");
    ExportError::Store(StoreError::Damaged(text))
}
