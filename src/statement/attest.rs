//! Notes that a statement's files are what they are: one for each form, signed with the key of the log.
//!
//! ```text
//! coalition.example/statement-file/2026-06-01/bank
//! form csv
//! bytes 48213
//! sha256 9f2c…
//! statement 41aa…
//!
//! — coalition.example …
//! ```
//!
//! `sha256` is that of the file as it is handed out, `statement` that of the JSON form. Both are
//! written anew for it, from one reading of the journal, and neither is kept in memory.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::csv::{CsvProfile, CsvWriter};
use super::json::JsonWriter;
use super::render::Rendering;
use super::scan::StatementError;
use crate::domain::log::note::Signer;
use crate::store::Database;

/// A form of a statement's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON.
    Json,
    /// CSV, parted in one way.
    Csv(CsvProfile),
    /// A workbook.
    Xlsx,
}

impl Form {
    /// The name in a note.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv(CsvProfile::Semicolon) => "csv",
            Self::Csv(CsvProfile::Comma) => "csv-comma",
            Self::Xlsx => "xlsx",
        }
    }

    /// The end of the file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv(_) => "csv",
            Self::Xlsx => "xlsx",
        }
    }
}

impl Rendering<'_> {
    /// Writes one of the forms.
    ///
    /// # Errors
    /// If the database fails, nothing can be written, or what was recorded or kept was changed.
    pub fn write(
        &self,
        form: Form,
        (database, signer): (&mut Database, &Signer),
        out: impl Write + Send,
    ) -> Result<(), StatementError> {
        match form {
            Form::Json => self.json(database, signer, out),
            Form::Csv(profile) => self.csv(database, profile, out),
            Form::Xlsx => self.xlsx(database, out),
        }
    }

    /// The note of one of the forms. It is signed only if the JSON form is what was published.
    ///
    /// # Errors
    /// If the database fails, or what was recorded or kept was changed.
    pub fn note(
        &self,
        form: Form,
        database: &mut Database,
        signer: &Signer,
    ) -> Result<String, StatementError> {
        let mut file = Measured::default();
        match form {
            Form::Json => self.json(database, signer, &mut file)?,
            Form::Csv(profile) => {
                let scale = self.window.coalition.money_scale;
                let mut json = JsonWriter::begin(io::sink(), &self.row.head)?;
                let mut csv = CsvWriter::new(&mut file, profile, scale)?;
                let lines = self.lines(database, &mut |line| {
                    json.line(&line.json(scale))?;
                    Ok(csv.line(line)?)
                })?;
                csv.finish()?;
                self.end(json, lines, signer)?;
            }
            Form::Xlsx => {
                let scale = self.window.coalition.money_scale;
                let mut json = JsonWriter::begin(io::sink(), &self.row.head)?;
                let mut lines = 0;
                self.book(&mut file, |sink| {
                    lines = self.lines(database, &mut |line| {
                        json.line(&line.json(scale))?;
                        Ok(sink(line)?)
                    })?;
                    Ok(())
                })?;
                self.end(json, lines, signer)?;
            }
        }
        let (operator, id) =
            (&self.window.coalition.operator, self.window.statement_id(self.party));
        let Measured { bytes, digest } = file;
        let digest = hex::encode(digest.finalize());
        let (form, statement) = (form.name(), &self.row.sha256);
        Ok(signer.sign(&format!(
            "{operator}/statement-file/{id}\nform {form}\nbytes {bytes}\nsha256 {digest}\n\
             statement {statement}\n"
        )))
    }
}

/// Counts and hashes what is written, and keeps none of it.
#[derive(Default)]
struct Measured {
    bytes: u64,
    digest: Sha256,
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.digest.update(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
