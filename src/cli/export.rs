//! `export`: the ledger for other programs.

use std::path::PathBuf;

use clap::ValueEnum;

use super::output::{Failure, say};
use crate::domain::settlement::CycleId;
use crate::domain::time::Day;
use crate::export::{ExportError, Format, Request, Selection, export};
use crate::settings::Settings;

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// As what.
    #[arg(long, value_enum)]
    format: FormatName,
    /// The file of a journal; the folder of Parquet or CSV files.
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
    /// Only what this cycle settles, such as 2026-06-01 or monthly.2026-06-01. Left out: the whole
    /// ledger.
    #[arg(long, value_name = "CYCLE_ID", value_parser = cycle_of, conflicts_with = "day")]
    cycle: Option<CycleId>,
    /// Only what was recorded on this settlement day.
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = day_of)]
    day: Option<Day>,
    /// Journals get one account for all members of a programme, instead of one for each.
    #[arg(long)]
    aggregate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// A journal for beancount.
    Beancount,
    /// A journal for hledger.
    Hledger,
    /// Tables of transactions, postings, lots, positions and breaks.
    Parquet,
    /// The postings of each settlement day.
    Csv,
}

fn day_of(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a day as YYYY-MM-DD".to_owned())
}

fn cycle_of(text: &str) -> Result<CycleId, String> {
    let form = "write the cycle's first day as YYYY-MM-DD, or SCHEDULE.YYYY-MM-DD";
    text.parse().map_err(|_| form.to_owned())
}

/// Runs `export`.
pub fn run(arguments: Arguments, settings: &Settings) -> Result<(), Failure> {
    let format = match arguments.format {
        FormatName::Beancount => Format::Beancount,
        FormatName::Hledger => Format::Hledger,
        FormatName::Parquet => Format::Parquet,
        FormatName::Csv => Format::Csv,
    };
    let selection = match (arguments.cycle, arguments.day) {
        (Some(cycle), _) => Selection::Cycle(cycle),
        (None, Some(day)) => Selection::Day(day),
        (None, None) => Selection::Whole,
    };
    let request = Request { format, to: arguments.to, selection, aggregate: arguments.aggregate };
    let written = export(&settings.address()?, &request).map_err(|error| match error {
        ExportError::Store(error) => error.into(),
        error @ ExportError::NoSuchCycle(_) => Failure::No(error.to_string()),
        other => Failure::Unusable(other.to_string()),
    })?;
    let files = written.files.len();
    say(&format!("exported {} transactions in {files} files", written.transactions))?;
    written.files.iter().try_for_each(|file| say(&file.display().to_string()))
}
