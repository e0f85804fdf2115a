//! Lists of XLSX: one sheet, its header in the first row that has anything.
//!
//! Only cells that hold values count; a formula counts as what it came to. Numbers are taken with
//! the 15 digits that the format promises.

use std::borrow::Cow;
use std::io::{Read, Seek, SeekFrom};

use calamine::{DataRef, Reader, Xlsx};
use jiff::civil::DateTime;
use rust_decimal::Decimal;

use super::WORKBOOK_MAX;
use super::archive;
use super::fields::{Cell, Cells};
use super::intake::{BooksError, CONTROL, Intake, LineError, control_words, places};
use super::profile::Field;

/// The most cells that one row may have.
const ROW_CELLS_MAX: usize = 1_000;

/// A cell with its column, or what is wrong with it.
type Placed = (usize, Result<Cell<'static>, &'static str>);

/// Reads the sheet.
pub(super) fn read(
    mut source: impl Read + Seek,
    intake: &mut Intake<'_>,
) -> Result<(), BooksError> {
    if WORKBOOK_MAX < source.seek(SeekFrom::End(0))? {
        return Err(BooksError::TooLarge);
    }
    archive::check(&mut source)?;
    let unreadable = |error: calamine::XlsxError| BooksError::Workbook(error.to_string());
    let mut workbook = Xlsx::new(std::io::BufReader::new(source)).map_err(unreadable)?;
    let first = workbook.sheet_names().into_iter().next();
    let sheet = intake.layout.profile.sheet.clone().or(first).ok_or(BooksError::Empty)?;
    let mut reader = workbook.worksheet_cells_reader(&sheet).map_err(unreadable)?;
    let mut rows = Rows { columns: None, line: 0, cells: Vec::new() };
    while let Some(cell) = reader.next_cell().map_err(unreadable)? {
        let (row, column) = cell.get_position();
        let line = u64::from(row) + 1;
        if line != rows.line {
            rows.end(intake)?;
            rows.line = line;
        }
        if let Some(value) = value(cell.get_value()) {
            if rows.cells.len() == ROW_CELLS_MAX {
                return Err(BooksError::Workbook(format!("row {line} has too many cells")));
            }
            rows.cells.push((usize::try_from(column).expect("columns are few"), value));
        }
    }
    rows.end(intake)?;
    if rows.columns.is_some() { Ok(()) } else { Err(BooksError::Empty) }
}

/// The row that is being read.
struct Rows {
    columns: Option<[Option<usize>; 6]>,
    line: u64,
    cells: Vec<Placed>,
}

impl Rows {
    /// Takes the row that has ended.
    fn end(&mut self, intake: &mut Intake<'_>) -> Result<(), BooksError> {
        let cells = std::mem::take(&mut self.cells);
        if cells.is_empty() {
            return Ok(());
        }
        let Some(columns) = self.columns else {
            self.columns = Some(header(&cells, intake)?);
            return Ok(());
        };
        if is_control(&cells) {
            let texts: Vec<String> = cells.iter().filter_map(text).collect();
            return intake.take_control(self.line, control_words(&texts.join(";")));
        }
        let mut fields: Cells<'_> = [const { None }; 6];
        for (column, cell) in cells {
            let is_here = |field: &Field| columns[field.index()] == Some(column);
            let Some(field) = Field::ALL.into_iter().find(is_here) else { continue };
            match cell {
                Ok(cell) => fields[field.index()] = Some(cell),
                Err(detail) => {
                    let column = intake.layout.profile.columns.get(&field).cloned();
                    let detail = detail.to_owned();
                    return intake.refuse(LineError { line: self.line, column, detail });
                }
            }
        }
        intake.take(self.line, &fields)
    }
}

/// Where the fields stand, by sheet columns.
fn header(cells: &[Placed], intake: &Intake<'_>) -> Result<[Option<usize>; 6], BooksError> {
    let names: Vec<(usize, String)> =
        cells.iter().filter_map(|cell| Some((cell.0, text(cell)?))).collect();
    let found = places(intake.layout, names.iter().map(|(_, name)| Cow::from(name.as_str())))?;
    Ok(found.map(|place| place.map(|place| names[place].0)))
}

fn is_control(cells: &[Placed]) -> bool {
    cells.first().and_then(text).is_some_and(|text| text.starts_with(CONTROL))
}

fn text((_, cell): &Placed) -> Option<String> {
    match cell {
        Ok(Cell::Text(text)) => Some(text.trim().to_owned()),
        Ok(Cell::Number(text)) => Some(text.clone()),
        _ => None,
    }
}

/// What a cell holds; none if nothing.
fn value(data: &DataRef<'_>) -> Option<Result<Cell<'static>, &'static str>> {
    let text = |text: &str| Some(Ok(Cell::Text(Cow::Owned(text.to_owned()))));
    match data {
        DataRef::Empty => None,
        DataRef::String(one) | DataRef::DateTimeIso(one) => text(one),
        DataRef::SharedString(one) => text(one),
        DataRef::Int(number) => Some(Ok(Cell::Number(number.to_string()))),
        DataRef::Float(number) => Some(number_text(*number).map(Cell::Number)),
        DataRef::DateTime(stamp) if stamp.is_datetime() => Some(local(*stamp).map(Cell::Local)),
        DataRef::DateTime(_) | DataRef::DurationIso(_) => Some(Err("this is a span of time")),
        DataRef::Bool(_) => Some(Err("this is true or false; write text or a number")),
        DataRef::Error(_) => Some(Err("the formula in this cell failed")),
    }
}

/// A number in plain decimals, of 15 digits.
fn number_text(number: f64) -> Result<String, &'static str> {
    Decimal::from_scientific(&format!("{number:.14e}"))
        .map(|decimal| decimal.normalize().to_string())
        .map_err(|_| "the number is too large or too small")
}

fn local(stamp: calamine::ExcelDateTime) -> Result<DateTime, &'static str> {
    let wrong = "this is no date";
    let (year, month, day, hour, minute, second, millis) = stamp.to_ymd_hms_milli();
    let small = |part: u8| i8::try_from(part).map_err(|_| wrong);
    let year = i16::try_from(year).map_err(|_| wrong)?;
    let nanos = i32::from(millis) * 1_000_000;
    let (month, day) = (small(month)?, small(day)?);
    DateTime::new(year, month, day, small(hour)?, small(minute)?, small(second)?, nanos)
        .map_err(|_| wrong)
}
