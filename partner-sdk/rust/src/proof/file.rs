//! A statement's file in another form, by the note that the operator signed for it.
//!
//! Only the JSON form has its signature in it. For the file of each form the operator signs a note:
//!
//! ```text
//! coalition.example/statement-file/2024-07-10/shop
//! form csv
//! bytes 48213
//! sha256 9f2c…
//! statement 41aa…
//!
//! — coalition.example …
//! ```
//!
//! `sha256` is that of the file, `statement` that of the JSON form.

use std::io::Read;

use sha2::{Digest as _, Sha256};

use super::encoding::hex_of;
use super::finding::{Fault, Finding, Place};
use super::note::VerifierKey;
use super::statement::Verified;

/// The longest note, in bytes.
pub const NOTE_MAX: u64 = 64 << 10;

/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// A file that is the one that was signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedFile {
    /// Its form, such as `csv` or `xlsx`.
    pub form: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// SHA-256 of it, in hexadecimal.
    pub sha256: String,
}

/// What a note says of a file.
struct Said<'n> {
    form: &'n str,
    bytes: &'n str,
    sha256: &'n str,
    statement: &'n str,
}

/// Checks that a file is a form of a statement that was verified: that the key of the statement signed
/// the note, that the note is of this statement, and that the file has the bytes that it names.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn verify_file(
    statement: &Verified,
    key: &VerifierKey,
    note: &str,
    file: impl Read,
) -> Result<VerifiedFile, Finding> {
    let place = Place::Note;
    let opened = key.open(note).map_err(|error| place.finds(error))?;
    if opened.signatures != 1 {
        return Err(place.finds(Fault::Layout("a statement's note has one signature")));
    }
    let header = &statement.header;
    let title = format!("{}/statement-file/{}", header.operator, header.statement);
    let said = said(opened.text, &title, place)?;
    if said.statement != statement.sha256 {
        return Err(place.finds(Fault::differs("statement", said.statement, &statement.sha256)));
    }
    let (bytes, sha256) = measured(file)?;
    if said.bytes != bytes.to_string() {
        return Err(Place::File.finds(Fault::differs("its length", bytes, said.bytes)));
    }
    if said.sha256 != sha256 {
        return Err(Place::File.finds(Fault::differs("its sha256", sha256, said.sha256)));
    }
    Ok(VerifiedFile { form: said.form.to_owned(), bytes, sha256 })
}

fn said<'n>(text: &'n str, title: &str, place: Place) -> Result<Said<'n>, Finding> {
    let mut lines = text.lines();
    let found = lines.next().unwrap_or_default();
    if found != title {
        return Err(place.finds(Fault::differs("what it is of", found, title)));
    }
    let mut field = |name: &'static str| {
        let line = lines.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.ok_or_else(|| place.finds(Fault::malformed("a line of the note", name)))
    };
    let said = Said {
        form: field("form")?,
        bytes: field("bytes")?,
        sha256: field("sha256")?,
        statement: field("statement")?,
    };
    if lines.next().is_some() {
        return Err(place.finds(Fault::Layout("the note says more than is known here")));
    }
    Ok(said)
}

/// The length of a file, and its SHA-256.
fn measured(mut file: impl Read) -> Result<(u64, String), Finding> {
    let (mut bytes, mut digest) = (0_u64, Sha256::new());
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = file.read(&mut chunk).map_err(|error| Place::File.finds(error))?;
        if read == 0 {
            return Ok((bytes, hex_of(&digest.finalize())));
        }
        digest.update(&chunk[..read]);
        bytes += u64::try_from(read).expect("a chunk is short");
    }
}
