//! Lists of NDJSON: an object on each line, members by the names that the profile gives them.
//!
//! The control line is `{"#END": {"lines": 3, "amount": "12.50"}}`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};

use serde_json::value::RawValue;

use super::csv_list::{not_text, too_long};
use super::fields::{Cell, Cells};
use super::intake::{BooksError, CONTROL, Intake, LineError};
use super::{FILE_MAX, LINE_MAX};

/// The members of an object, their values as they stand.
type Object<'a> = BTreeMap<Cow<'a, str>, &'a RawValue>;

/// Reads a list.
pub(super) fn read(source: impl Read, intake: &mut Intake<'_>) -> Result<(), BooksError> {
    let most = u64::try_from(LINE_MAX).expect("a small number") + 1;
    let mut source = BufReader::with_capacity(LINE_MAX, source);
    let (mut text, mut total) = (Vec::new(), 0);
    for line in 1.. {
        text.clear();
        let count = (&mut source).take(most).read_until(b'\n', &mut text)?;
        total += u64::try_from(count).expect("a line is bounded");
        if FILE_MAX < total {
            return Err(BooksError::TooLarge);
        }
        if count == 0 {
            return Ok(());
        }
        if LINE_MAX < count {
            intake.refuse(too_long(line))?;
            return Err(intake.wrong_lines());
        }
        let mark = "\u{feff}".as_bytes();
        let bytes = if line == 1 { text.strip_prefix(mark).unwrap_or(&text) } else { &text };
        match std::str::from_utf8(bytes) {
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => take(line, text, intake)?,
            Err(_) => intake.refuse(not_text(line))?,
        }
    }
    Ok(())
}

fn take(line: u64, text: &str, intake: &mut Intake<'_>) -> Result<(), BooksError> {
    let wrong = |column: Option<String>, detail: &str| LineError {
        line,
        column,
        detail: detail.to_owned(),
    };
    let Ok(object) = serde_json::from_str::<Object<'_>>(text) else {
        return intake.refuse(wrong(None, "write one JSON object on each line"));
    };
    if let Some(control) = object.get(CONTROL) {
        let Ok(words) = serde_json::from_str::<Object<'_>>(control.get()) else {
            return intake.refuse(wrong(None, "write an object after \"#END\""));
        };
        let words = words.into_iter().map(|(name, value)| (name, scalar(value)));
        return intake.take_control(line, words);
    }
    let mut cells: Cells<'_> = [const { None }; 6];
    for (field, name) in &intake.layout.profile.columns {
        let value = object.get(name.as_str()).map(|value| value.get());
        cells[field.index()] = match value {
            None | Some("null") => None,
            Some(value) if value.starts_with('"') => {
                serde_json::from_str(value).ok().map(|text: String| Cell::Text(Cow::Owned(text)))
            }
            Some(value) if value.starts_with(['{', '[', 't', 'f']) => {
                let error = wrong(Some(name.clone()), "write a string or a number");
                return intake.refuse(error);
            }
            Some(value) => Some(Cell::Number(value.to_owned())),
        };
    }
    intake.take(line, &cells)
}

/// A string without its quotes, or a number as it stands.
fn scalar(value: &RawValue) -> Cow<'_, str> {
    let string = serde_json::from_str::<String>(value.get());
    string.map_or(Cow::Borrowed(value.get()), Cow::Owned)
}
