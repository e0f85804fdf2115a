//! A statement from its first byte to its last.
//!
//! ```text
//! {"header":{…},
//! "summary":{…},
//! "lines":[
//! {"line_no":1,…},
//! {"line_no":2,…}
//! ],
//! "control":{…},
//! "signature":"…"}
//! ```
//!
//! The *body* is all before the comma in front of the signature. The operator signs its SHA-256 with
//! the statement's id and the count of its lines.

use std::io::BufRead;

use serde_json::value::RawValue;

use super::encoding::hex_of;
use super::finding::{Fault, Finding, Place};
use super::header::Header;
use super::layout::{Digests, LINE_MAX, Lines, SECTIONS_MAX, SEPARATOR};
use super::merkle::Hash;
use super::note::VerifierKey;
use super::row::Line;
use super::sections::Unique;
use super::totals::{Stated, Totals};

/// Where the lines begin.
const LINES_BEGIN: &str = "\"lines\":[\n";

/// Where the lines end.
const LINES_END: &str = "],\n";

/// How the line of the signature begins, and no other line.
const SIGNATURE: &str = "\"signature\":";

/// How a statement begins.
const BEGINNING: &str = "{\"header\":";

/// A statement that was checked by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Its header.
    pub header: Header,
    /// How many lines it has.
    pub lines: u64,
    /// What the party owes by its lines.
    pub debit: String,
    /// What is owed to the party by its lines.
    pub credit: String,
    /// SHA-256 of the whole file, in hexadecimal, by which the next statement names it.
    pub sha256: String,
}

/// A check over the lines of a statement, in their order, while it is read.
///
/// Lines come before the signature is known to be right: what a check finds counts only if
/// [`verify_statement_with`] finds nothing.
pub trait LineCheck {
    /// Looks at the header, before any line.
    ///
    /// # Errors
    /// If something is not as it must be.
    fn begin(&mut self, header: &Header) -> Result<(), Finding>;

    /// Looks at a line.
    ///
    /// # Errors
    /// If something is not as it must be.
    fn line(&mut self, line: &Line<'_>) -> Result<(), Finding>;

    /// There are no more lines.
    ///
    /// # Errors
    /// If something is missing.
    fn end(&mut self) -> Result<(), Finding>;
}

/// Checks a statement by itself: its signature over every byte, its lines and its sums, and the
/// signatures of the checkpoints that it rests on.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn verify_statement(reader: impl BufRead, key: &VerifierKey) -> Result<Verified, Finding> {
    verify_statement_with(reader, key, &mut [])
}

/// Checks a statement by itself, and its lines by further checks.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn verify_statement_with(
    reader: impl BufRead,
    key: &VerifierKey,
    checks: &mut [&mut dyn LineCheck],
) -> Result<Verified, Finding> {
    let mut reading = Reading {
        lines: Lines::of(reader, Place::Line),
        digests: Digests::default(),
        sections: String::new(),
    };
    let header = reading.read_header(key)?;
    for check in &mut *checks {
        check.begin(&header)?;
    }
    let totals = reading.read_lines(&header, checks)?;
    for check in checks {
        check.end()?;
    }
    reading.read_rest()?;
    reading.check_sections(&totals)?;
    let lines = totals.lines();
    let whole = reading.read_signature(key, &header, lines)?;
    Ok(Verified {
        header,
        lines,
        debit: totals.debit(),
        credit: totals.credit(),
        sha256: hex_of(&whole),
    })
}

/// A statement that is being read.
struct Reading<R> {
    lines: Lines<R>,
    digests: Digests,
    /// All of the body but the lines of the statement.
    sections: String,
}

impl<R: BufRead> Reading<R> {
    /// Reads what stands before the lines.
    fn read_header(&mut self, key: &VerifierKey) -> Result<Header, Finding> {
        loop {
            self.advance_in_sections()?;
            let line = self.lines.text()?;
            if self.sections.is_empty() && !line.starts_with(BEGINNING) {
                return Err(self.lines.place().finds(Fault::Layout("no statement begins so")));
            }
            if line == LINES_BEGIN {
                break;
            }
            if line.starts_with(SIGNATURE) {
                return Err(Place::Section("lines").finds(Fault::Missing));
            }
            self.take_section_line()?;
        }
        let so_far = closed(&self.sections);
        let so_far = so_far.ok_or_else(|| self.lines.place().finds(Fault::Layout(NO_COMMA)))?;
        let header = Header::read(find(&parsed(&so_far)?, "header")?, key)?;
        self.take_section_line()?;
        Ok(header)
    }

    /// Reads the lines, and the end of their list.
    fn read_lines(
        &mut self,
        header: &Header,
        checks: &mut [&mut dyn LineCheck],
    ) -> Result<Totals, Finding> {
        let mut totals = Totals::new(header);
        let mut before = (i64::MIN, 0, 0);
        // Whether another line must follow: there is none yet if the list is empty.
        let mut is_open = None;
        loop {
            self.advance(LINE_MAX)?;
            let text = self.lines.text()?;
            let at = self.lines.place();
            if text == LINES_END {
                break;
            }
            let row = text.strip_suffix(SEPARATOR);
            let json = row.or(text.strip_suffix('\n')).expect("a line ends in a line feed");
            if is_open.replace(row.is_some()) == Some(false) {
                return Err(at.finds(Fault::Layout(NO_COMMA)));
            }
            let line = Line::read(json, at, totals.lines() + 1, header)?;
            if line.key() <= before {
                return Err(at.finds(Fault::OutOfOrder));
            }
            before = line.key();
            totals.add(&line);
            for check in &mut *checks {
                check.line(&line)?;
            }
            self.digests.take(text);
        }
        if is_open == Some(true) {
            let fault = Fault::Layout("a comma stands before this, and no line follows");
            return Err(self.lines.place().finds(fault));
        }
        self.take_section_line()?;
        Ok(totals)
    }

    /// Reads what stands between the lines and the signature, and the line of the signature.
    fn read_rest(&mut self) -> Result<(), Finding> {
        loop {
            self.advance_in_sections()?;
            if self.lines.text()?.starts_with(SIGNATURE) {
                return Ok(());
            }
            self.take_section_line()?;
        }
    }

    /// Checks the signature on the line that was read last; returns the digest of the file.
    fn read_signature(
        mut self,
        key: &VerifierKey,
        header: &Header,
        lines: u64,
    ) -> Result<Hash, Finding> {
        let at = self.lines.place();
        let line = self.lines.text()?.to_owned();
        let json = line.strip_prefix(SIGNATURE).and_then(|rest| rest.strip_suffix("}\n"));
        let json = json.ok_or_else(|| at.finds(Fault::Layout("the file ends with `}`")))?;
        let note: String = serde_json::from_str(json).map_err(|error| at.finds(error))?;
        let printed = serde_json::to_string(&note).map_err(|error| at.finds(error))?;
        if printed != json {
            return Err(at.finds(Fault::Layout("the signature has another form")));
        }
        if self.lines.advance(LINE_MAX)? {
            let fault = Fault::Layout("something stands after the signature");
            return Err(self.lines.place().finds(fault));
        }
        let digests = self.digests.finish(&line);
        let (body, whole) = digests.ok_or_else(|| at.finds(Fault::Layout(NO_COMMA)))?;
        let place = Place::Section("signature");
        let opened = key.open(&note).map_err(|error| place.finds(error))?;
        // A second signature would be bytes that nobody vouches for.
        if opened.signatures != 1 {
            return Err(place.finds(Fault::Layout("a statement has one signature")));
        }
        let Header { operator, statement, .. } = header;
        let body = hex_of(&body);
        let expected = format!("{operator}/statement/{statement}\nsha256 {body}\nlines {lines}\n");
        if opened.text == expected { Ok(whole) } else { Err(place.finds(Fault::SignedOther)) }
    }

    /// Checks the sections that follow from the lines.
    fn check_sections(&self, totals: &Totals) -> Result<(), Finding> {
        let place = Place::Section("signature");
        let all = closed(&self.sections);
        let all = all.ok_or_else(|| place.finds(Fault::Layout(NO_COMMA)))?;
        let all = parsed(&all)?;
        if all.0.contains_key("signature") {
            return Err(place.finds(Fault::Layout("there are two")));
        }
        // The list is where the lines were, and not within another section.
        find(&all, "lines")?;
        totals.check(&Stated {
            control: find(&all, "control")?,
            summary: find(&all, "summary")?,
            matrix: find(&all, "matrix")?,
            cash: find(&all, "cash")?,
        })
    }

    /// Reads a line that is not one of an entry.
    fn advance_in_sections(&mut self) -> Result<(), Finding> {
        self.advance(SECTIONS_MAX.saturating_sub(self.sections.len()))
    }

    fn advance(&mut self, limit: usize) -> Result<(), Finding> {
        if self.lines.advance(limit)? {
            return Ok(());
        }
        Err(self.lines.place().finds(Fault::BrokenOff))
    }

    fn take_section_line(&mut self) -> Result<(), Finding> {
        let line = self.lines.text()?;
        self.digests.take(line);
        self.sections.push_str(line);
        Ok(())
    }
}

const NO_COMMA: &str = "no comma stands before this";

/// Sections as an object of their own; none if no comma stands after them.
fn closed(sections: &str) -> Option<String> {
    Some(format!("{}}}", sections.strip_suffix(SEPARATOR)?))
}

fn parsed(sections: &str) -> Result<Unique<&RawValue>, Finding> {
    serde_json::from_str(sections).map_err(|error| Place::Sections.finds(error))
}

fn find<'s>(sections: &Unique<&'s RawValue>, name: &'static str) -> Result<&'s str, Finding> {
    let section = sections.0.get(name).map(|value| value.get());
    section.ok_or_else(|| Place::Section(name).finds(Fault::Missing))
}
