//! Lists of CSV: cells by a header, quoted where needed, in UTF-8 or windows-1251.

use std::borrow::Cow;
use std::cell::Cell as Counter;
use std::io::{self, Read};
use std::rc::Rc;

use csv::{ByteRecord, ErrorKind, ReaderBuilder};
use encoding_rs::WINDOWS_1251;

use super::fields::{Cell, Cells};
use super::intake::{BooksError, CONTROL, Intake, LineError, control_words, places};
use super::profile::{Encoding, Field};
use super::{FILE_MAX, LINE_MAX};

/// Bytes that are read at once.
const BUFFER: usize = 64 << 10;

/// What a source had too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum TooLong {
    /// Bytes.
    #[error("the list is too large")]
    File,
    /// Bytes without the end of a line.
    #[error("the line is too long")]
    Line,
}

/// A source that is read no further than the limits, its lines ended by a line feed alone, the last
/// one too, so that they can be counted.
struct Bounded<R> {
    source: R,
    total: u64,
    /// Bytes since the last line ended.
    since: Rc<Counter<usize>>,
    is_ended: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if LINE_MAX + BUFFER < self.since.get() {
            return Err(io::Error::other(TooLong::Line));
        }
        loop {
            let count = self.source.read(buffer)?;
            if count == 0 {
                return Ok(self.end(buffer));
            }
            self.total += u64::try_from(count).expect("a buffer is small");
            if FILE_MAX < self.total {
                return Err(io::Error::other(TooLong::File));
            }
            let kept = without_returns(&mut buffer[..count]);
            self.since.set(self.since.get() + kept);
            if kept != 0 {
                return Ok(kept);
            }
        }
    }
}

impl<R> Bounded<R> {
    /// Ends the last line, once.
    fn end(&mut self, buffer: &mut [u8]) -> usize {
        let is_first = !std::mem::replace(&mut self.is_ended, true);
        match buffer.first_mut().filter(|_| is_first) {
            Some(byte) => {
                *byte = b'\n';
                1
            }
            None => 0,
        }
    }
}

/// Moves what is no carriage return to the front and says how much that is.
fn without_returns(bytes: &mut [u8]) -> usize {
    if !bytes.contains(&b'\r') {
        return bytes.len();
    }
    let mut kept = 0;
    for place in 0..bytes.len() {
        if bytes[place] != b'\r' {
            bytes[kept] = bytes[place];
            kept += 1;
        }
    }
    kept
}

/// Reads a list.
pub(super) fn read(source: impl Read, intake: &mut Intake<'_>) -> Result<(), BooksError> {
    let since = Rc::new(Counter::new(0));
    let bounded = Bounded { source, total: 0, since: Rc::clone(&since), is_ended: false };
    let mut reader = ReaderBuilder::new()
        .delimiter(intake.layout.delimiter)
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(BUFFER)
        .from_reader(bounded);
    let mut record = ByteRecord::new();
    let mut columns = None;
    loop {
        let start = reader.position().clone();
        let more = match reader.read_byte_record(&mut record) {
            Ok(more) => more,
            Err(error) => return Err(failed(error, start.line(), intake)),
        };
        if !more {
            return if columns.is_some() { Ok(()) } else { Err(BooksError::Empty) };
        }
        since.set(0);
        let inside = record.as_slice().split(|&byte| byte == b'\n').count() - 1;
        let inside = u64::try_from(inside).expect("a line is bounded");
        let line = reader.position().line() - 1 - inside;
        let bytes = reader.position().byte() - start.byte();
        if u64::try_from(LINE_MAX).expect("a small number") < bytes {
            intake.refuse(too_long(line))?;
            continue;
        }
        let Some(texts) = decode(&record, intake.layout.profile.encoding) else {
            intake.refuse(not_text(line))?;
            continue;
        };
        match columns {
            None => columns = Some(places(intake.layout, texts.into_iter())?),
            Some(places) => take(line, &texts, &places, intake)?,
        }
    }
}

fn take(
    line: u64,
    texts: &[Cow<'_, str>],
    places: &[Option<usize>; 6],
    intake: &mut Intake<'_>,
) -> Result<(), BooksError> {
    if texts.first().is_some_and(|first| first.trim_start().starts_with(CONTROL)) {
        let joined = texts.join(";");
        return intake.take_control(line, control_words(&joined));
    }
    let mut cells: Cells<'_> = [const { None }; 6];
    for field in Field::ALL {
        let text = places[field.index()].and_then(|place| texts.get(place));
        cells[field.index()] = text.map(|text| Cell::Text(Cow::Borrowed(&**text)));
    }
    intake.take(line, &cells)
}

/// The cells as text; none if they are not in the encoding.
fn decode(record: &ByteRecord, encoding: Encoding) -> Option<Vec<Cow<'_, str>>> {
    let decoded = |cell| match encoding {
        Encoding::Utf8 => std::str::from_utf8(cell).ok().map(Cow::Borrowed),
        Encoding::Windows1251 => {
            WINDOWS_1251.decode_without_bom_handling_and_without_replacement(cell)
        }
    };
    record.iter().map(decoded).collect()
}

fn failed(error: csv::Error, line: u64, intake: &mut Intake<'_>) -> BooksError {
    match error.into_kind() {
        ErrorKind::Io(error) => {
            let too_much = error.get_ref().and_then(|inner| inner.downcast_ref::<TooLong>());
            match too_much {
                Some(TooLong::File) => BooksError::TooLarge,
                Some(TooLong::Line) => match intake.refuse(too_long(line)) {
                    Ok(()) => intake.wrong_lines(),
                    Err(full) => full,
                },
                None => BooksError::Io(error),
            }
        }
        other => BooksError::Io(io::Error::other(format!("{other:?}"))),
    }
}

/// A line of which there is no end in sight.
pub(super) fn too_long(line: u64) -> LineError {
    let detail = "the line is longer than 64 KiB; look for a quote that is not closed".to_owned();
    LineError { line, column: None, detail }
}

/// A line whose letters can't be read.
pub(super) fn not_text(line: u64) -> LineError {
    let detail = "the letters can't be read; save the list in the profile's encoding".to_owned();
    LineError { line, column: None, detail }
}
