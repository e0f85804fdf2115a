//! Posts a file of transactions in bulk, and goes on where it broke off.
//!
//! Nothing is posted twice, by two guards. Each line has an idempotency key derived from its own
//! text, so that a line sent again is replayed by the server. And the result file holds one line
//! for each line of the file that has its answer, so that a further run starts after the last of
//! them. The second guard only saves time: the first alone is enough.

mod canonical;
mod enroll;
mod lines;
mod progress;
mod result_file;
mod stream;
mod summary;

use std::path::PathBuf;

use thiserror::Error as ThisError;

use crate::client::Client;
use crate::clock::instant;
use crate::error::Error;
use crate::retry::RetryPolicy;

pub use lines::{Defaults, FileError, Line, open_lines};
pub use progress::Progress;
pub use result_file::{Record, ResultFile, Resumed};
pub use summary::{Enrolment, Summary, Tally};

use stream::{Bulk, post_in_batches};

/// The most lines that the server takes in one call.
pub const BATCH_LINES_MAX: usize = 10_000;

/// What to post, and how.
#[derive(Clone, Debug)]
pub struct PostOptions {
    /// The file: CSV with a header, or NDJSON.
    pub file: PathBuf,
    /// Where the results go, and where an earlier run left them.
    pub result: PathBuf,
    /// What the lines leave out.
    pub defaults: Defaults,
    /// Lines in one call, at most [`BATCH_LINES_MAX`].
    pub batch_lines: usize,
    /// Whether the file's members are created first.
    pub enroll: bool,
    /// How patiently lines are sent again that the server could not take for the moment.
    pub retry: RetryPolicy,
}

/// Why a file was not posted to its end. Running the same command again goes on.
#[derive(Debug, ThisError)]
pub enum PostError {
    /// The file or the result file is not what it should be; nothing more is sent.
    #[error(transparent)]
    File(#[from] FileError),
    /// The server did not take a call as a whole, or no answer came.
    #[error("the server did not take the lines")]
    Server(#[from] Error),
    /// An answer belongs to another line than its place says.
    #[error("the answer in the place of line {line} carries another line's key")]
    OutOfStep {
        /// The line's number in the file; 0 while members are created.
        line: u64,
    },
    /// The server keeps answering that it cannot take a line for the moment.
    #[error("the server could not take line {line} in {attempts} attempts: {answer}")]
    Stalled {
        /// The line's number in the file; 0 while members are created.
        line: u64,
        /// How often it was sent.
        attempts: u32,
        /// What the server last said of it.
        answer: String,
    },
}

/// Posts a file from where an earlier run left off to its end, in the file's order.
///
/// The whole file is read first: a line that cannot be understood is found before anything is
/// sent.
///
/// # Errors
/// If the file cannot be understood, or the server stops taking lines. The results so far are kept.
pub fn post_file(
    client: &Client,
    options: &PostOptions,
    progress: &mut Progress,
) -> Result<Summary, PostError> {
    let overview = lines::survey(&options.file, &options.defaults)?;
    let (mut results, resumed) = ResultFile::open(&options.result)?;
    let started = instant();
    let bulk = Bulk { client, lines_max: options.batch_lines, retry: options.retry };

    let enrolment = if options.enroll {
        Some(enroll::enroll(&bulk, &overview.members, progress)?)
    } else {
        None
    };

    progress.begin("transactions", overview.lines.saturating_sub(resumed.tally.lines()));
    let mut tally = Tally::default();
    let remaining = lines::open_lines_after(&options.file, &options.defaults, &resumed)?;
    post_in_batches(&bulk, "/v1/transactions:batch", remaining, |line, result| {
        let record = Record::new(line, result);
        results.append(&record)?;
        tally.add(&record);
        progress.advance();
        Ok(())
    })?;
    progress.end();

    Ok(Summary { before: resumed.tally, tally, enrolment, elapsed: started.elapsed() })
}
