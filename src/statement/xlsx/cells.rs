//! Cells of a workbook: numbers that are numbers, dates that are dates, and text.

use rust_xlsxwriter::{Format, Worksheet, XlsxError};

use crate::domain::time::{Day, Instant};
use crate::statement::columns::{Cell, is_plain_decimal};

/// The most digits of a number. A workbook's number is a double: it holds every whole number below
/// 2^53, and Excel shows and keeps 15 digits of it. A figure within 15 digits comes out as it went
/// in; a longer one is written as text.
const DIGITS_MAX: usize = 15;

/// The most digits after the point that there is a format for.
const DECIMALS_MAX: usize = 10;

const DAY_MICROS: i64 = 86_400_000_000;

/// 1970-01-01 as a workbook counts days.
const EPOCH_DAYS: i64 = 25_569;

/// 1900-03-01: before it workbooks count a day that never was.
const DAYS_MIN: i64 = 61;

/// 9999-12-31.
const DAYS_MAX: i64 = 2_958_465;

/// The formats of a workbook's cells.
pub struct Formats {
    head: Format,
    /// By the digits after the point.
    figures: Vec<Format>,
    instant: Format,
    day: Format,
}

impl Formats {
    /// All formats.
    pub fn new() -> Self {
        let figure = |decimals| match decimals {
            0 => Format::new().set_num_format("#,##0"),
            some => Format::new().set_num_format(format!("#,##0.{}", "0".repeat(some))),
        };
        Self {
            head: Format::new().set_bold(),
            figures: (0..=DECIMALS_MAX).map(figure).collect(),
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss.000"),
            day: Format::new().set_num_format("yyyy-mm-dd"),
        }
    }
}

/// Writes the names of columns into the first row, which stays in sight.
///
/// # Errors
/// As [`write`].
pub fn write_head<'a>(
    sheet: &mut Worksheet,
    formats: &Formats,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), XlsxError> {
    sheet.set_freeze_panes(1, 0)?;
    for (place, name) in (0_u16..).zip(names) {
        sheet.set_column_width(place, 18)?;
        sheet.write_string_with_format(0, place, name, &formats.head)?;
    }
    Ok(())
}

/// Writes a cell at a row and a column, both from 0. Rows are written in ascending order.
///
/// # Errors
/// If there is no such place, or a text has more than 32,767 characters.
pub fn write(
    sheet: &mut Worksheet,
    formats: &Formats,
    (row, column): (u32, u16),
    cell: &Cell<'_>,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => {}
        Cell::Text(text) => {
            sheet.write_string(row, column, text.as_ref())?;
        }
        Cell::Count(count) => {
            let text = count.to_string();
            match number(&text) {
                Some((number, _)) => sheet.write_number(row, column, number)?,
                None => sheet.write_string(row, column, text)?,
            };
        }
        Cell::Figure(text) => {
            match number(text) {
                Some((number, decimals)) => {
                    let format = &formats.figures[decimals];
                    sheet.write_number_with_format(row, column, number, format)?
                }
                None => sheet.write_string(row, column, text.as_ref())?,
            };
        }
        Cell::At(instant) => {
            match serial_of_instant(*instant) {
                Some(serial) => {
                    sheet.write_number_with_format(row, column, serial, &formats.instant)?
                }
                None if instant.comes() => sheet.write_string(row, column, instant.to_string())?,
                None => sheet,
            };
        }
        Cell::On(day) => {
            match serial_of_day(*day) {
                Some(serial) => {
                    sheet.write_number_with_format(row, column, serial, &formats.day)?
                }
                None => sheet.write_string(row, column, day.to_string())?,
            };
        }
    }
    Ok(())
}

/// The double of a decimal text, and its digits after the point; none if it would not come out as
/// it went in.
///
/// This is the one place where a float is right: a workbook has no other numbers. It is read from
/// the exact text, and nothing is calculated with it.
pub fn number(text: &str) -> Option<(f64, usize)> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let has_zeros_before = whole.starts_with('0') && whole != "0";
    let leading = format!("{whole}{fraction}");
    let is_exact = leading.trim_start_matches('0').len() <= DIGITS_MAX
        && fraction.len() <= DECIMALS_MAX
        && is_plain_decimal(text)
        && !has_zeros_before;
    is_exact.then(|| text.parse().ok()).flatten().map(|number| (number, fraction.len()))
}

/// Days since the beginning of 1900 as a workbook counts them, UTC; none if it cannot.
fn serial_of_instant(instant: Instant) -> Option<f64> {
    let days = instant.0.div_euclid(DAY_MICROS) + EPOCH_DAYS;
    let part = i128::from(instant.0.rem_euclid(DAY_MICROS));
    // A double keeps about half a microsecond of a date of this century.
    let fraction = part * 1_000_000_000_000 / i128::from(DAY_MICROS);
    let is_date = (DAYS_MIN..=DAYS_MAX).contains(&days);
    is_date.then(|| format!("{days}.{fraction:012}").parse().ok()).flatten()
}

fn serial_of_day(day: Day) -> Option<f64> {
    let days = day.number() + EPOCH_DAYS;
    let is_date = (DAYS_MIN..=DAYS_MAX).contains(&days);
    is_date.then(|| days.to_string().parse().ok()).flatten()
}
