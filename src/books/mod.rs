//! A partner's own books: reading its list from CSV, NDJSON or XLSX into lines to reconcile.
//!
//! A [`Profile`] says how a partner writes its list: which column is what, which words are which
//! kinds, how dates and decimals look. The list is read as a stream; a line that can't be read is an
//! error with its number and what to do, and then the list is not taken. Nothing here compares:
//! that is `domain::reconciliation`.

mod archive;
mod csv_list;
mod fields;
mod intake;
mod ndjson_list;
mod profile;
#[cfg(test)]
mod tests;
mod workbook;

use std::io::{Read, Seek};

pub use intake::{BooksError, ERRORS_MAX, LineError, Upload};
pub use profile::{AmountIs, DateForm, Encoding, Field, Format, Layout, Profile, ProfileError};

use crate::domain::reconciliation::{BookError, TheirLine};
use intake::Intake;

/// The most bytes of a list.
pub const FILE_MAX: u64 = 512 << 20;

/// The most bytes of one line.
pub const LINE_MAX: usize = 64 << 10;

/// The most bytes of a workbook: it unpacks to many times that. What it says that it unpacks to is
/// bounded too, before anything is unpacked.
pub const WORKBOOK_MAX: u64 = 64 << 20;

/// What takes the lines.
pub type Sink<'a> = &'a mut dyn FnMut(TheirLine) -> Result<(), BookError>;

/// Reads a list of the profile's format and gives each line to `sink`, in the list's order.
///
/// # Errors
/// If the list is too large, lacks a column, or has lines that can't be read; then the caller drops
/// what `sink` took.
pub fn read_lines(
    layout: &Layout,
    source: impl Read + Seek,
    sink: Sink<'_>,
) -> Result<Upload, BooksError> {
    match layout.format() {
        Format::Csv | Format::Ndjson => read_text_lines(layout, source, sink),
        Format::Xlsx => {
            let mut intake = Intake::new(layout, sink);
            workbook::read(source, &mut intake)?;
            intake.close()
        }
    }
}

/// Reads a list of CSV or NDJSON from a source that can't go back, such as a body under way.
///
/// # Errors
/// As [`read_lines`]; for a workbook, which can't be read so.
pub fn read_text_lines(
    layout: &Layout,
    source: impl Read,
    sink: Sink<'_>,
) -> Result<Upload, BooksError> {
    let mut intake = Intake::new(layout, sink);
    match layout.format() {
        Format::Csv => csv_list::read(source, &mut intake)?,
        Format::Ndjson => ndjson_list::read(source, &mut intake)?,
        Format::Xlsx => return Err(BooksError::NotAStream),
    }
    intake.close()
}
