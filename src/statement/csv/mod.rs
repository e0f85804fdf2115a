//! A statement's lines as CSV.
//!
//! UTF-8, a line feed after each row, a header row, dot decimals, RFC 3339 instants in UTC. The
//! last row is no line: `#END;lines=…;points=…;debit=…;credit=…;sha256=…`, where the hash is over
//! all bytes before that row, and the fields of that row are parted by `;` in both profiles.
//! Whoever reads a file without that row reads a part of a file.

use std::borrow::Cow;
use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

use super::columns::{COLUMNS, Cell, Sums, is_plain_decimal};
use super::line::Line;

/// How the fields of a row are parted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CsvProfile {
    /// By `;`, as spreadsheets want it where the decimal sign is a comma.
    #[default]
    Semicolon,
    /// By `,`.
    Comma,
}

impl CsvProfile {
    /// The profile of a name: `semicolon` or `comma`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "semicolon" => Some(Self::Semicolon),
            "comma" => Some(Self::Comma),
            _ => None,
        }
    }

    const fn delimiter(self) -> u8 {
        match self {
            Self::Semicolon => b';',
            Self::Comma => b',',
        }
    }
}

/// Writes lines as they come; holds one row at a time.
pub struct CsvWriter<W: Write> {
    rows: csv::Writer<Hashed<W>>,
    sums: Sums,
    money_scale: u32,
}

impl<W: Write> CsvWriter<W> {
    /// Begins with the header row.
    ///
    /// # Errors
    /// If the output takes no more.
    pub fn new(out: W, profile: CsvProfile, money_scale: u32) -> io::Result<Self> {
        let hashed = Hashed { out, hash: Sha256::new() };
        let mut rows = csv::WriterBuilder::new().delimiter(profile.delimiter()).from_writer(hashed);
        rows.write_record(COLUMNS.iter().map(|column| column.name))?;
        Ok(Self { rows, sums: Sums::default(), money_scale })
    }

    /// Writes a line.
    ///
    /// # Errors
    /// If the output takes no more.
    pub fn line(&mut self, line: &Line) -> io::Result<()> {
        for column in &COLUMNS {
            let cell = (column.cell)(line, self.money_scale);
            self.rows.write_field(printed(&cell).as_bytes())?;
        }
        self.rows.write_record(None::<&[u8]>)?;
        self.sums.add(line);
        Ok(())
    }

    /// Writes the last row and says what the lines add up to. Without it the file is not whole.
    ///
    /// # Errors
    /// If the output takes no more.
    pub fn finish(self) -> io::Result<Sums> {
        let Hashed { mut out, hash } =
            self.rows.into_inner().map_err(csv::IntoInnerError::into_error)?;
        let sums = self.sums;
        writeln!(
            out,
            "#END;lines={};points={};debit={};credit={};sha256={}",
            sums.lines,
            sums.points_text(),
            sums.debit.text(self.money_scale),
            sums.credit.text(self.money_scale),
            hex::encode(hash.finalize()),
        )?;
        out.flush()?;
        Ok(sums)
    }
}

/// A cell's text. A spreadsheet must not take a partner's text for a formula: where one begins
/// like a formula and is no number, `'` goes before it.
fn printed<'a>(cell: &'a Cell<'_>) -> Cow<'a, str> {
    match cell {
        Cell::Empty => "".into(),
        Cell::Text(text) | Cell::Figure(text) => {
            let begins = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
            let is_formula = begins && !is_plain_decimal(text);
            if is_formula { format!("'{text}").into() } else { text.as_ref().into() }
        }
        Cell::Count(count) => count.to_string().into(),
        Cell::At(instant) => instant.to_string().into(),
        Cell::On(day) => day.to_string().into(),
    }
}

/// Hashes what it passes on.
struct Hashed<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes)?;
        self.hash.update(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests;
