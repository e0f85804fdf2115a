//! The result file: one line of NDJSON for each line of the posted file that has its answer.
//!
//! A line is written whole and at once, so that a break can tear only the last one; the next run
//! cuts it off. What is no result file is left as it is.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::lines::{FileError, Line};
use super::summary::Tally;
use crate::answer::LineResult;

/// How every line starts; what starts otherwise was not written here.
const START: &[u8] = b"{\"line\":";

/// What became of one line of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The line's number in the file, from 1.
    pub line: u64,
    /// The line's reference, or what it refers to.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The status that the line alone would have had.
    pub status: u16,
    /// Whether the server knew the line from before.
    pub replayed: bool,
    /// The transaction's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Record {
    /// What the server said of a line.
    pub fn new(line: &Line, result: LineResult) -> Self {
        let (code, detail) = match result.problem {
            Some(problem) => (Some(problem.code.to_string()), Some(problem.detail)),
            None => (None, None),
        };
        Self {
            line: line.number,
            reference: line.reference.clone(),
            status: result.status,
            replayed: result.replayed,
            id: result.transaction.and_then(|transaction| transaction.id),
            code,
            detail,
        }
    }

    /// Whether the line was recorded, now or before.
    pub fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// What an earlier run left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resumed {
    /// The last whole result.
    pub last: Option<Record>,
    /// All the results.
    pub tally: Tally,
}

/// An open result file, to be appended to by one process at a time.
pub struct ResultFile {
    path: PathBuf,
    file: File,
}

impl ResultFile {
    /// Opens or creates a result file, reads what there is, and cuts off a torn last line.
    ///
    /// # Errors
    /// If the file cannot be used, another process is writing it, or it is no result file.
    pub fn open(path: &Path) -> Result<(Self, Resumed), FileError> {
        let failed = |source| FileError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(source) => failed(source),
            TryLockError::WouldBlock => {
                failed(io::Error::other("another process is writing this result file"))
            }
        })?;
        let mut results = Self { path: path.to_owned(), file };
        let (resumed, whole_bytes) = results.read_whole_lines()?;
        results.file.set_len(whole_bytes).map_err(failed)?;
        results.file.seek(SeekFrom::Start(whole_bytes)).map_err(failed)?;
        Ok((results, resumed))
    }

    /// Adds a result.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append(&mut self, record: &Record) -> Result<(), FileError> {
        let mut line = serde_json::to_vec(record).expect("a record has only strings and numbers");
        line.push(b'\n');
        let written = self.file.write_all(&line);
        written.map_err(|source| FileError::Io { path: self.path.clone(), source })
    }

    /// The results of the whole lines, and how many bytes these have.
    fn read_whole_lines(&self) -> Result<(Resumed, u64), FileError> {
        let failed = |source| FileError::Io { path: self.path.clone(), source };
        let mut reader = BufReader::new(&self.file);
        let mut resumed = Resumed::default();
        let mut whole_bytes = 0;
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let length = reader.read_until(b'\n', &mut line).map_err(failed)?;
            let is_whole = line.ends_with(b"\n");
            if !is_whole && (line.starts_with(START) || START.starts_with(&line)) {
                break;
            }
            let record: Record = serde_json::from_slice(&line).map_err(|_| FileError::Line {
                path: self.path.clone(),
                line: number,
                why: "this is no line of a result file; give another --result".to_owned(),
            })?;
            resumed.tally.add(&record);
            resumed.last = Some(record);
            whole_bytes += u64::try_from(length).expect("a line's length fits 64 bits");
        }
        Ok((resumed, whole_bytes))
    }
}
