//! The lines of a file, each with its number; and the two digests of a statement's.

use std::io::{BufRead, Read as _};

use sha2::{Digest as _, Sha256};

use super::finding::{Fault, Finding, Place};
use super::merkle::Hash;

/// The longest line of an entry or a proof, in bytes.
pub const LINE_MAX: usize = 4 << 20;

/// The most that may stand around the lines of a statement, in bytes.
pub const SECTIONS_MAX: usize = 64 << 20;

/// What stands between two sections, the signature's included.
pub const SEPARATOR: &str = ",\n";

/// Lines of a file, one at a time.
pub struct Lines<R> {
    reader: R,
    place: fn(u64) -> Place,
    number: u64,
    bytes: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    /// The lines of a file; `place` says which file's they are.
    pub fn of(reader: R, place: fn(u64) -> Place) -> Self {
        Self { reader, place, number: 0, bytes: Vec::new() }
    }

    /// Where the line is that was read last.
    pub fn place(&self) -> Place {
        (self.place)(self.number)
    }

    /// Reads the next line, up to a limit of bytes; false at the end of the file.
    pub fn advance(&mut self, limit: usize) -> Result<bool, Finding> {
        self.number += 1;
        self.bytes.clear();
        let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
        let mut source = self.reader.by_ref().take(most);
        let read = source.read_until(b'\n', &mut self.bytes);
        let read = read.map_err(|error| self.place().finds(error))?;
        if limit < read {
            return Err(self.place().finds(Fault::TooLong { limit }));
        }
        if read != 0 && self.bytes.last() != Some(&b'\n') {
            return Err(self.place().finds(Fault::BrokenOff));
        }
        Ok(read != 0)
    }

    /// The line that was read last, with its line feed.
    pub fn text(&self) -> Result<&str, Finding> {
        str::from_utf8(&self.bytes).map_err(|_| self.place().finds(Fault::NotUtf8))
    }
}

/// The digests of a statement: of its body, which ends before a separator, and of the whole file.
#[derive(Default)]
pub struct Digests {
    body: Sha256,
    /// Whether the last line ended in a separator, which is not in the digest yet.
    is_separated: bool,
}

impl Digests {
    /// Takes a line.
    pub fn take(&mut self, line: &str) {
        if std::mem::take(&mut self.is_separated) {
            self.body.update(SEPARATOR);
        }
        match line.strip_suffix(SEPARATOR) {
            Some(start) => {
                self.body.update(start);
                self.is_separated = true;
            }
            None => self.body.update(line),
        }
    }

    /// The digests of the body and of the file, given the line of the signature; none if no
    /// separator stands before it.
    pub fn finish(self, signature_line: &str) -> Option<(Hash, Hash)> {
        let whole = self.body.clone().chain_update(SEPARATOR).chain_update(signature_line);
        self.is_separated.then(|| (self.body.finalize().into(), whole.finalize().into()))
    }
}
