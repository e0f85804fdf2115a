//! Signed notes (C2SP `signed-note`, Ed25519) and checkpoints (C2SP `tlog-checkpoint`).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::encoding::{hash_from_base64, hex_of};
use super::merkle::Hash;

/// The mark of Ed25519 in key ids and verifier keys.
const ED25519: u8 = 1;

/// Signatures that a note may have.
const SIGNATURES_MAX: usize = 16;

/// Why a key, a note or a checkpoint cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Not a verifier key.
    #[error("a verifier key is a name, `+`, eight digits, `+`, and an Ed25519 key in base64")]
    BadKey,
    /// The digits do not follow from the name and the key: one of them was mistyped.
    #[error("the verifier key's digits do not belong to its name and key; copy it again")]
    WrongKeyId,
    /// Not a signed note.
    #[error("this is not a signed note: a text, a blank line, lines of signatures")]
    BadNote,
    /// The key did not sign.
    #[error("the key is not among those that signed the note")]
    NotSigned,
    /// A signature under the key's name and id is not the key's.
    #[error("the signature is not the key's")]
    WrongSignature,
    /// Not a checkpoint.
    #[error("a checkpoint is three lines: an origin, a size, and a root in base64")]
    BadCheckpoint,
}

/// What checks notes: a name and a public key, from the text `name+key id+key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key_id: [u8; 4],
    key: Box<VerifyingKey>,
}

/// A note whose signature is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened<'n> {
    /// The text, with its last line feed.
    pub text: &'n str,
    /// How many signatures the note has, those by unknown keys included.
    pub signatures: usize,
}

impl VerifierKey {
    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Checks that a note was signed with this key.
    ///
    /// Signatures by others are passed over, as the format asks.
    ///
    /// # Errors
    /// If it is no note, or the key did not sign it.
    pub fn open<'n>(&self, note: &'n str) -> Result<Opened<'n>, NoteError> {
        let is_bad = |one: char| one.is_ascii_control() && one != '\n';
        let end = note.rfind("\n\n").ok_or(NoteError::BadNote)?;
        let (text, lines) = (&note[..=end], &note[end + 2..]);
        if note.contains(is_bad) || !lines.ends_with('\n') {
            return Err(NoteError::BadNote);
        }
        let mut own = None;
        let signatures = lines.lines().count();
        for line in lines.lines() {
            let (name, bytes) = signature(line).ok_or(NoteError::BadNote)?;
            if name == self.name && bytes.starts_with(&self.key_id) {
                // Two signatures by one key say nothing that one does not.
                if own.replace(bytes).is_some() {
                    return Err(NoteError::BadNote);
                }
            }
        }
        if SIGNATURES_MAX < signatures {
            return Err(NoteError::BadNote);
        }
        let signature = Signature::from_slice(&own.ok_or(NoteError::NotSigned)?[4..])
            .map_err(|_| NoteError::WrongSignature)?;
        match self.key.verify_strict(text.as_bytes(), &signature) {
            Ok(()) => Ok(Opened { text, signatures }),
            Err(_) => Err(NoteError::WrongSignature),
        }
    }
}

/// Who signed, and the bytes of key id and signature, of a line `— name base64`.
fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, base64) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    let bytes = STANDARD.decode(base64).ok()?;
    (is_name(name) && 4 < bytes.len()).then_some((name, bytes))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|one: char| one.is_whitespace() || one == '+')
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let mut next = || parts.next().ok_or(NoteError::BadKey);
        let (name, digits, base64) = (next()?, next()?, next()?);
        let bytes = STANDARD.decode(base64).map_err(|_| NoteError::BadKey)?;
        let key = match bytes.split_first() {
            Some((&ED25519, key)) if is_name(name) => key,
            _ => return Err(NoteError::BadKey),
        };
        let digest = Sha256::new()
            .chain_update(name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(key)
            .finalize();
        let key_id = *digest.first_chunk().expect("a hash is longer than a key's id");
        if hex_of(&key_id) != digits {
            return Err(NoteError::WrongKeyId);
        }
        let key = VerifyingKey::try_from(key).map_err(|_| NoteError::BadKey)?;
        // A key of small order would find some signature right for every text.
        if key.is_weak() {
            return Err(NoteError::BadKey);
        }
        Ok(Self { name: name.to_owned(), key_id, key: Box::new(key) })
    }
}

/// The state of a log: which one, how many leaves, and its root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves.
    pub size: i64,
    /// The root over them.
    pub root: Hash,
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root))
    }
}

impl FromStr for Checkpoint {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.lines();
        let mut next = || lines.next().ok_or(NoteError::BadCheckpoint);
        let (origin, size, root) = (next()?.to_owned(), next()?, next()?);
        let size = size.parse().map_err(|_| NoteError::BadCheckpoint)?;
        let root = hash_from_base64(root).ok_or(NoteError::BadCheckpoint)?;
        let checkpoint = Self { origin, size, root };
        // Only the printed form is a checkpoint: no leading zeros, no more lines.
        let is_whole = 0 <= size && !checkpoint.origin.is_empty();
        let is_whole = is_whole && checkpoint.to_string() == text;
        if is_whole { Ok(checkpoint) } else { Err(NoteError::BadCheckpoint) }
    }
}
