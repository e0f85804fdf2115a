//! Signed notes and checkpoints: a text, a blank line, and who signed it.
//!
//! The formats are C2SP `signed-note` and `tlog-checkpoint`, with Ed25519. Signing is
//! deterministic: the same text under the same key is the same note, to the byte.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::Hash;

/// The mark of Ed25519 in key ids and verifier keys.
const ED25519: u8 = 1;

/// Why a text is not a signer's name or a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Not a name of a key.
    #[error("a key's name has characters, and among them no space, control character or `+`")]
    BadName,
    /// Not a checkpoint.
    #[error("a checkpoint is three lines: an origin, a size, and a root in base64")]
    BadCheckpoint,
}

/// Who signs notes: a name and an Ed25519 key.
pub struct Signer {
    name: String,
    key: SigningKey,
    key_id: [u8; 4],
}

impl Signer {
    /// A signer from its name and the seed of its key.
    ///
    /// # Errors
    /// If the name cannot stand in a note.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let is_bad = |one: char| one.is_whitespace() || one.is_control() || one == '+';
        if name.is_empty() || name.contains(is_bad) {
            return Err(NoteError::BadName);
        }
        let key = SigningKey::from_bytes(seed);
        let digest = Sha256::new()
            .chain_update(name.as_bytes())
            .chain_update([b'\n', ED25519])
            .chain_update(key.verifying_key().as_bytes())
            .finalize();
        let key_id = *digest.first_chunk().expect("a hash is longer than a key's id");
        Ok(Self { name: name.to_owned(), key, key_id })
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of a hash over the name and the public key.
    pub fn key_id(&self) -> [u8; 4] {
        self.key_id
    }

    /// What others need to check the notes, as text: `name+key id+key`.
    pub fn verifier_key(&self) -> String {
        let mut public = vec![ED25519];
        public.extend_from_slice(self.key.verifying_key().as_bytes());
        format!("{}+{}+{}", self.name, hex::encode(self.key_id), STANDARD.encode(public))
    }

    /// Signs a text: the note is the text, a blank line and the line of the signature.
    ///
    /// # Panics
    /// If the text does not end in a line feed, or has other control characters: it is not the text
    /// of a note.
    pub fn sign(&self, text: &str) -> String {
        let is_bad = |one: char| one.is_ascii_control() && one != '\n';
        assert!(text.ends_with('\n') && !text.contains(is_bad), "the text can be a note's");
        let mut signature = self.key_id.to_vec();
        signature.extend_from_slice(&self.key.sign(text.as_bytes()).to_bytes());
        format!("{text}\n\u{2014} {} {}\n", self.name, STANDARD.encode(signature))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Signer({})", self.verifier_key())
    }
}

/// The state of a log: which one, how many leaves, and its root. As text it is what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log, as in `coalition.example/log/3`.
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
        let root = STANDARD.decode(root).map_err(|_| NoteError::BadCheckpoint)?;
        let checkpoint = Self {
            origin,
            size: size.parse().map_err(|_| NoteError::BadCheckpoint)?,
            root: root.try_into().map_err(|_| NoteError::BadCheckpoint)?,
        };
        // Only the printed form is a checkpoint: no leading zeros, no more lines.
        let is_whole = 0 <= checkpoint.size && !checkpoint.origin.is_empty();
        let is_whole = is_whole && checkpoint.to_string() == text;
        if is_whole { Ok(checkpoint) } else { Err(NoteError::BadCheckpoint) }
    }
}
