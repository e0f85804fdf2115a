//! A statement as a workbook: a sheet for each section, sheets of lines, a sheet of checks.
//!
//! Cells hold values, never formulas. Whatever a partner wrote is text, whatever it begins with.
//! Rows go to a scratch file as they are written, so that a million lines need little memory; the
//! same statement gives the same bytes.

mod cells;
mod checks;
mod sections;

use std::io::{self, Write};
use std::path::Path;

use rust_xlsxwriter::{DocProperties, ExcelDateTime, Workbook, Worksheet, XlsxError};
use serde_json::Value;

use self::cells::Formats;
use self::checks::Tally;
use super::columns::{COLUMNS, Cell, Sums};
use super::line::Line;
use crate::domain::time::Instant;

/// The most lines of one sheet: Excel's rows without the header row.
const LINES_PER_SHEET_MAX: u32 = 1_048_575;

/// From this many lines on, a sheet's XML could pass the 4 GiB that a plain ZIP file can hold.
const LINES_OF_PLAIN_ZIP_MAX: u64 = 500_000;

/// The sections that stand after the lines; all others stand before them.
const AFTER_LINES: [&str; 5] = ["late", "disputes", "breakage", "cash", "control"];

/// What a workbook is made of, except for the lines.
pub struct Book<'a> {
    /// The sections by name, in their order. Objects become rows of keys and values, arrays of
    /// objects tables.
    pub sections: &'a [(String, Value)],
    /// The decimals of the coalition's currency.
    pub money_scale: u32,
    /// The folder of the scratch files; 1 to 2 GB for a million lines. They have no names, so
    /// nothing is left behind.
    pub scratch: &'a Path,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// What the lines add up to.
    pub sums: Sums,
    /// The checks that found a section say something else than the lines do.
    pub differing: Vec<String>,
}

/// Takes a line.
pub type Sink<'a> = dyn FnMut(&Line) -> io::Result<()> + 'a;

impl Book<'_> {
    /// Writes the workbook. `lines` hands over each line, in order, and passes errors on.
    ///
    /// # Errors
    /// If the lines end with an error, a scratch file cannot be made, the output takes no more, or
    /// a text has more than the 32,767 characters that a cell can hold.
    ///
    /// # Panics
    /// If the scratch folder runs full: the library asserts that it does not.
    pub fn write<E: From<io::Error>>(
        &self,
        out: impl Write + Send,
        lines: impl FnOnce(&mut Sink<'_>) -> Result<(), E>,
    ) -> Result<Written, E> {
        self.write_cut(out, LINES_PER_SHEET_MAX, lines)
    }

    fn write_cut<E: From<io::Error>>(
        &self,
        out: impl Write + Send,
        sheet_lines_max: u32,
        lines: impl FnOnce(&mut Sink<'_>) -> Result<(), E>,
    ) -> Result<Written, E> {
        let formats = Formats::new();
        let mut workbook = self.new_workbook().map_err(failed)?;
        let is_after = |(name, _): &(String, Value)| AFTER_LINES.contains(&name.as_str());
        let cut = self.sections.iter().position(is_after).unwrap_or(self.sections.len());
        let (before, after) = self.sections.split_at(cut);
        for (name, section) in before {
            let sheet = new_sheet(&mut workbook, name).map_err(failed)?;
            sections::write(sheet, &formats, section).map_err(failed)?;
        }
        let mut writer = LineSheets {
            workbook: &mut workbook,
            formats: &formats,
            money_scale: self.money_scale,
            sheet_lines_max,
            tally: Tally::default(),
            sheets: 0,
            row: 0,
        };
        writer.begin_sheet().map_err(failed)?;
        lines(&mut |line| writer.line(line).map_err(failed))?;
        let tally = writer.tally;
        for (name, section) in after {
            let sheet = new_sheet(&mut workbook, name).map_err(failed)?;
            sections::write(sheet, &formats, section).map_err(failed)?;
        }
        let checks = tally.checks(self.sections, self.money_scale);
        let sheet = new_sheet(&mut workbook, "checks").map_err(failed)?;
        checks::write(sheet, &formats, &checks).map_err(failed)?;
        workbook.use_zip_large_file(LINES_OF_PLAIN_ZIP_MAX < tally.sums.lines);
        workbook.save_to_writer(out).map_err(failed)?;
        let differing = checks.iter().filter(|one| one.differs()).map(|one| one.name.clone());
        Ok(Written { differing: differing.collect(), sums: tally.sums })
    }

    /// A workbook that says when the cycle was closed, not when somebody asked for the file.
    fn new_workbook(&self) -> Result<Workbook, XlsxError> {
        let header = self.sections.iter().find(|(name, _)| name == "header");
        let text = |key: &str| header.and_then(|(_, header)| header.get(key)?.as_str());
        let closed = text("closed_at").and_then(Instant::parse).unwrap_or_default();
        let closed = ExcelDateTime::from_timestamp(closed.0.div_euclid(1_000_000))?;
        let properties = DocProperties::new()
            .set_title(text("statement").unwrap_or_default())
            .set_author(text("operator").unwrap_or_default())
            .set_creation_datetime(&closed);
        let mut workbook = Workbook::new();
        workbook.set_tempdir(self.scratch)?;
        workbook.set_properties(&properties);
        Ok(workbook)
    }
}

fn failed(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        other => io::Error::other(other),
    }
}

/// A sheet at the end of the workbook. Its strings stand in the sheet: a table of all strings would
/// be held in memory.
fn new_sheet<'a>(workbook: &'a mut Workbook, name: &str) -> Result<&'a mut Worksheet, XlsxError> {
    workbook.add_worksheet_with_constant_memory()?.set_name(name)
}

/// The sheets of lines.
struct LineSheets<'a> {
    workbook: &'a mut Workbook,
    formats: &'a Formats,
    money_scale: u32,
    sheet_lines_max: u32,
    tally: Tally,
    /// How many sheets were begun.
    sheets: u32,
    /// The row of the last sheet that was written last, from 0.
    row: u32,
}

impl LineSheets<'_> {
    fn begin_sheet(&mut self) -> Result<(), XlsxError> {
        self.sheets += 1;
        self.row = 0;
        let name = match self.sheets {
            1 => "lines".to_owned(),
            more => format!("lines {more}"),
        };
        let sheet = new_sheet(self.workbook, &name)?;
        cells::write_head(sheet, self.formats, COLUMNS.iter().map(|column| column.name))
    }

    fn line(&mut self, line: &Line) -> Result<(), XlsxError> {
        if self.row == self.sheet_lines_max {
            self.begin_sheet()?;
        }
        self.row += 1;
        let sheet = self.workbook.worksheets_mut().last_mut().expect("a sheet was begun");
        for (place, column) in (0_u16..).zip(&COLUMNS) {
            let cell: Cell<'_> = (column.cell)(line, self.money_scale);
            cells::write(sheet, self.formats, (self.row, place), &cell)?;
        }
        self.tally.add(line);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
