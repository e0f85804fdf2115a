//! `coalition-partner receipt`: fetches signed receipts of transactions.

use std::io::{BufRead as _, Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use coalition_partner::Error;
use serde::Deserialize;

use crate::verify::open;
use crate::{Failure, KeyArguments, ServerArguments, client, settings};

/// Transactions of one call.
const IDS_AT_ONCE: usize = 1_000;

pub const HELP: &str = "\
Writes signed notes, one after the other, to the standard output. Fetch them when you post, and keep
the file: `coalition-partner verify STATEMENT --receipts FILE` then finds what a statement leaves out,
and the two files prove it. A receipt is the same to the byte whenever it is asked for.";

/// Whose receipts are fetched.
#[derive(Args)]
pub struct ReceiptArguments {
    /// Transactions, by the ids that your posts were answered with.
    #[arg(required_unless_present = "result")]
    ids: Vec<String>,
    /// A result file of `post`; the transactions that it has ids of.
    #[arg(long)]
    result: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArguments,
    #[command(flatten)]
    key: KeyArguments,
}

/// A line of a result file.
#[derive(Deserialize)]
struct ResultLine {
    id: Option<String>,
}

/// Fetches receipts.
pub fn receipt(arguments: ReceiptArguments) -> Result<ExitCode, Failure> {
    let client = client(&arguments.server, &arguments.key, &settings(&arguments.server))?;
    let mut ids = arguments.ids;
    if let Some(path) = &arguments.result {
        ids.extend(ids_of(path)?);
    }
    let mut output = stdout().lock();
    for some in ids.chunks(IDS_AT_ONCE) {
        match client.receipts(some) {
            Ok(notes) => output.write_all(notes.as_bytes())?,
            Err(Error::Refused(problem)) => {
                writeln!(stderr(), "refused: {}: {}", problem.code, problem.detail)?;
                return Ok(ExitCode::from(1));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn ids_of(path: &Path) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for (number, line) in (1..).zip(open(path)?.lines()) {
        let line: ResultLine = serde_json::from_str(&line?).map_err(|error| {
            Failure::Usage(format!("{}: line {number}: {error}", path.display()))
        })?;
        ids.extend(line.id);
    }
    Ok(ids)
}
