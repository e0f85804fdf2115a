//! Files of members from other systems.
//!
//! Rows go through the engine as enrolments do, some thousands at once, each under a key that the
//! file's bytes and the row's number make: what was stored answers for itself. How far a file was
//! read is written down after each part, so that a run that broke off is carried on, and a file that
//! was read changes nothing when it is read again.

mod dry;
mod report;
mod row;

use std::io::Read;
use std::time::Duration;

use csv::StringRecord;
use serde_json::Value;

pub use report::{Outcome, Report};

use crate::domain::ids::PartyId;
use crate::engine::{Engine, EngineError, Enroll, Submission, Work};
use crate::store::imports::{self, ImportRow};
use crate::store::names::key_hash;
use crate::store::rows::{read_json, write_json};
use crate::store::{StoreError, Use};
use dry::DryRun;
use row::{Columns, RowReader};

use super::phone::Region;

/// Rows of a part, after which it is written down how far the file was read.
const ROWS_AT_ONCE: usize = 5_000;

/// How often a row is tried again while the engine has too much to do.
const TRIES_MAX: u32 = 600;

/// Why a file was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file is no CSV.
    #[error("the file can't be read: {0}")]
    Csv(#[from] csv::Error),
    /// The columns name nobody.
    #[error("the first line can't be used: {0}")]
    Columns(String),
}

/// What is read, and as whose.
#[derive(Clone, Debug)]
pub struct Importing {
    /// The name of the system that the file is from.
    pub source: String,
    /// Whose external ids its ids are.
    pub party: PartyId,
    /// Whether ids get the source's name in front.
    pub has_prefix: bool,
    /// The region of phones that are written without a country.
    pub region: Region,
    /// The hash of the file's bytes.
    pub file_hash: [u8; 32],
    /// What separates fields.
    pub delimiter: u8,
    /// Whether only is said what would happen.
    pub is_dry: bool,
}

/// What came of a file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// What came of its rows, those of earlier runs included.
    pub report: Report,
    /// Rows that were there from earlier runs.
    pub skipped: u64,
    /// Columns that mean nothing here.
    pub ignored: Vec<String>,
}

/// Reads a file of members. `progress` is told after each part.
///
/// # Errors
/// If the file is no such file, or the database or the engine fails; reading it again carries on.
pub fn import(
    engine: &Engine,
    importing: &Importing,
    file: impl Read,
    mut progress: impl FnMut(&Report),
) -> Result<Imported, ImportError> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(importing.delimiter).flexible(true).from_reader(file);
    let prefix = importing.has_prefix.then(|| importing.source.clone());
    let columns = Columns::of(reader.headers()?, prefix).map_err(ImportError::Columns)?;
    let before =
        engine.read(|database| imports::find(database, &importing.source, &importing.file_hash))?;
    let mut report = match &before {
        Some(row) if !importing.is_dry => read_json(&row.report, "the report of an import")?,
        _ => Report::default(),
    };
    let skipped = report.rows;
    let done = Imported { report: report.clone(), skipped, ignored: columns.ignored.clone() };
    if before.is_some_and(|row| row.finished_at.is_some()) && !importing.is_dry {
        return Ok(done);
    }
    let now = engine.clock().now();
    let today = engine.timeline().latest().own_schedule().day_of(now);
    let rows = RowReader { columns: &columns, region: importing.region, today };
    let mut run = Run { engine, importing, dry: DryRun::default() };
    let mut record = StringRecord::new();
    for _ in 0..skipped {
        reader.read_record(&mut record)?;
    }
    loop {
        let mut part = Vec::with_capacity(ROWS_AT_ONCE);
        while part.len() < ROWS_AT_ONCE && reader.read_record(&mut record)? {
            part.push(rows.read(&record));
        }
        let is_last = part.len() < ROWS_AT_ONCE;
        for outcome in run.enroll(part, report.rows)? {
            report.add(outcome);
        }
        run.write_down(&report, is_last)?;
        progress(&report);
        if is_last {
            return Ok(Imported { report, ..done });
        }
    }
}

/// A file on its way.
struct Run<'a> {
    engine: &'a Engine,
    importing: &'a Importing,
    dry: DryRun,
}

impl Run<'_> {
    /// What rows lead to, or would, in their order.
    fn enroll(
        &mut self,
        part: Vec<Result<Enroll, &'static str>>,
        first: u64,
    ) -> Result<Vec<Outcome>, ImportError> {
        let mut places = Vec::with_capacity(part.len());
        let mut rows = Vec::with_capacity(part.len());
        for (number, row) in (first..).zip(part) {
            match row {
                Ok(enroll) => {
                    places.push(Ok(number));
                    rows.push((number, enroll));
                }
                Err(reason) => places.push(Err(reason)),
            }
        }
        let outcomes = if self.importing.is_dry {
            let rows: Vec<Enroll> = rows.into_iter().map(|(_, enroll)| enroll).collect();
            let (vault, party) = (self.engine.vault(), &self.importing.party);
            let dry = &mut self.dry;
            self.engine.read(|database| dry.enroll(database, vault, party, &rows))?
        } else {
            self.submit(&rows)?
        };
        let mut outcomes = outcomes.into_iter();
        let all = places.into_iter().map(|place| match place {
            Ok(_) => outcomes.next().unwrap_or_else(|| Outcome::Rejected("not_answered".into())),
            Err(reason) => Outcome::Rejected(reason.to_owned()),
        });
        Ok(all.collect())
    }

    fn submit(&self, rows: &[(u64, Enroll)]) -> Result<Vec<Outcome>, ImportError> {
        let submissions = rows.iter().map(|(number, enroll)| self.submission(*number, enroll));
        let waiting = self.engine.submit_in_order(submissions.collect());
        let mut outcomes = Vec::with_capacity(rows.len());
        for (answer, (number, enroll)) in waiting.into_iter().zip(rows) {
            let mut answer = answer.blocking_recv().unwrap_or(Err(EngineError::Stopping));
            let mut tries = 0;
            while matches!(answer, Err(EngineError::Overloaded)) && tries < TRIES_MAX {
                std::thread::sleep(Duration::from_millis(100));
                let again = self.engine.submit_in_order(vec![self.submission(*number, enroll)]);
                let again =
                    again.into_iter().next().map(tokio::sync::oneshot::Receiver::blocking_recv);
                answer = again.and_then(Result::ok).unwrap_or(Err(EngineError::Stopping));
                tries += 1;
            }
            let answer = answer?;
            let body: Value = read_json(&answer.body, "an answer")?;
            outcomes.push(if (200..300).contains(&answer.status) {
                let is_unresolved = body["proposed"].as_u64().is_some_and(|count| count > 0);
                Outcome::Enrolled { is_new: answer.status == 201, is_unresolved }
            } else {
                let code = body["code"].as_str().unwrap_or("refused");
                Outcome::Rejected(code.to_owned())
            });
        }
        Ok(outcomes)
    }

    fn submission(&self, number: u64, enroll: &Enroll) -> Submission {
        let Importing { source, party, file_hash, .. } = self.importing;
        let file = hex::encode(&file_hash[..16]);
        Submission {
            party: party.clone(),
            signed_by: None,
            key: key_hash(party.as_str(), &format!("import {source} {file} {number}")),
            fingerprint: *file_hash,
            work: Work::Enroll(enroll.clone()),
        }
    }

    /// Writes down how far the file was read.
    fn write_down(&self, report: &Report, is_last: bool) -> Result<(), ImportError> {
        if self.importing.is_dry {
            return Ok(());
        }
        let row = ImportRow {
            source: self.importing.source.clone(),
            file_hash: self.importing.file_hash.to_vec(),
            lines: i64::try_from(report.rows).unwrap_or(i64::MAX),
            report: write_json(report),
            finished_at: is_last.then(|| self.engine.clock().now().0),
        };
        let mut database = self.engine.open(Use::Write)?;
        Ok(imports::save(&mut database, &row)?)
    }
}
