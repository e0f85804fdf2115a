//! Sections of a statement as sheets.

use std::borrow::Cow;

use rust_xlsxwriter::{Worksheet, XlsxError};
use serde_json::Value;

use super::cells::{self, Formats, number};
use crate::domain::time::{Day, Instant};
use crate::statement::columns::Cell;

/// Keys whose texts are names, even if they look like numbers or days.
const NAMES: [&str; 24] = [
    "account",
    "agreement",
    "bank",
    "bic",
    "counterparty",
    "creditor",
    "cycle",
    "debtor",
    "funder",
    "hash",
    "id",
    "inn",
    "key",
    "lot",
    "member",
    "original_window",
    "pack",
    "party",
    "programme",
    "promo",
    "ref",
    "statement",
    "transaction",
    "window",
];

/// Ends of keys whose texts are names.
const NAME_ENDS: [&str; 6] = ["_account", "_hash", "_id", "_key", "_name", "_ref"];

/// Writes an object as rows of keys and values, an array of objects as a table.
///
/// # Errors
/// If a text has more than 32,767 characters, or there are more rows than a sheet has.
pub fn write(sheet: &mut Worksheet, formats: &Formats, section: &Value) -> Result<(), XlsxError> {
    match section {
        Value::Array(rows) => write_table(sheet, formats, rows),
        other => write_pairs(sheet, formats, other),
    }
}

fn write_pairs(sheet: &mut Worksheet, formats: &Formats, section: &Value) -> Result<(), XlsxError> {
    cells::write_head(sheet, formats, ["key", "value"].into_iter())?;
    sheet.set_column_width(0, 36)?;
    sheet.set_column_width(1, 36)?;
    for (row, (key, value)) in (1_u32..).zip(flat(section)) {
        cells::write(sheet, formats, (row, 0), &Cell::Text((&key).into()))?;
        cells::write(sheet, formats, (row, 1), &cell_of(&key, value))?;
    }
    Ok(())
}

fn write_table(sheet: &mut Worksheet, formats: &Formats, rows: &[Value]) -> Result<(), XlsxError> {
    let rows: Vec<Vec<(String, &Value)>> = rows.iter().map(flat).collect();
    let columns = columns_of(&rows);
    cells::write_head(sheet, formats, columns.iter().map(String::as_str))?;
    for (row, fields) in (1_u32..).zip(&rows) {
        for (place, column) in (0_u16..).zip(&columns) {
            let value = fields.iter().find(|(key, _)| key == column);
            let cell = value.map_or(Cell::Empty, |(key, value)| cell_of(key, value));
            cells::write(sheet, formats, (row, place), &cell)?;
        }
    }
    Ok(())
}

/// The keys of all rows, in the order in which they come; what has figures goes after what has
/// none, so that a row begins with what it is about.
fn columns_of(rows: &[Vec<(String, &Value)>]) -> Vec<String> {
    let mut columns: Vec<(bool, String)> = Vec::new();
    for (key, value) in rows.iter().flatten() {
        let is_figure = matches!(cell_of(key, value), Cell::Figure(_));
        match columns.iter_mut().find(|(_, column)| column == key) {
            Some((has_figures, _)) => *has_figures |= is_figure,
            None => columns.push((is_figure, key.clone())),
        }
    }
    columns.sort_by_key(|(has_figures, _)| *has_figures);
    columns.into_iter().map(|(_, column)| column).collect()
}

/// The plain values below a value, each with its path: `by_type.earn.count`, `cut.1.shard`.
fn flat(value: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    flatten("", value, &mut found);
    found
}

fn flatten<'a>(path: &str, value: &'a Value, found: &mut Vec<(String, &'a Value)>) {
    let under = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                flatten(&under(key), field, found);
            }
        }
        // As many columns as a dispute has lines would be no table.
        Value::Array(_) if path == "lines" => found.push((path.to_owned(), value)),
        Value::Array(items) => {
            for (number, item) in (1_u32..).zip(items) {
                flatten(&under(&number.to_string()), item, found);
            }
        }
        plain => found.push((if path.is_empty() { "value" } else { path }.to_owned(), plain)),
    }
}

fn cell_of<'a>(path: &str, value: &'a Value) -> Cell<'a> {
    match value {
        Value::Null => Cell::Empty,
        Value::Number(count) => {
            let text = Cow::from(count.to_string());
            count.as_u64().map_or(Cell::Figure(text), Cell::Count)
        }
        Value::String(text) if is_name(path) => Cell::Text(text.into()),
        Value::String(text) => cell_of_text(text),
        Value::Array(items) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            Cell::Text(texts.join(" ").into())
        }
        Value::Bool(_) | Value::Object(_) => Cell::Text(value.to_string().into()),
    }
}

fn cell_of_text(text: &str) -> Cell<'_> {
    if number(text).is_some() {
        return Cell::Figure(text.into());
    }
    if let Some(day) = Day::parse(text) {
        return Cell::On(day);
    }
    // Shorter texts are no instants, and most texts are short.
    let instant = Some(text).filter(|text| text.len() >= 20).and_then(Instant::parse);
    instant.map_or(Cell::Text(text.into()), Cell::At)
}

/// Whether what stands at a path is a name. Items of a list are what the list is. The window is told
/// in local time, which a cell of UTC could not show.
fn is_name(path: &str) -> bool {
    if path.starts_with("window.") {
        return true;
    }
    let is_number = |part: &&str| part.bytes().all(|one| one.is_ascii_digit());
    let key = path.rsplit('.').find(|part| !is_number(part)).unwrap_or_default();
    NAMES.contains(&key) || NAME_ENDS.iter().any(|end| key.ends_with(end))
}
