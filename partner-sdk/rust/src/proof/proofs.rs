//! Whether every line of a statement stands in the log.
//!
//! The file of proofs has one line for each transaction that has lines in the statement, in their
//! order: the leaf's parts, the salts of the party's own entries, and the path to the root.

use std::collections::BTreeMap;
use std::io::BufRead;

use serde::{Deserialize, Serialize};

use super::encoding::{hash_from_hex, path_from_base64};
use super::finding::{Fault, Finding, Place};
use super::header::Header;
use super::layout::{LINE_MAX, Lines};
use super::merkle::{Hash, commitment, leaf_hash, verify_inclusion};
use super::note::{Checkpoint, VerifierKey};
use super::row::Line;
use super::statement::{LineCheck, Verified, verify_statement_with};

/// Checks a statement, and that each of its lines stands in the logs that it rests on.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn verify_inclusion_of(
    statement: impl BufRead,
    proofs: impl BufRead,
    key: &VerifierKey,
) -> Result<Verified, Finding> {
    verify_statement_with(statement, key, &mut [&mut Proofs::new(proofs)])
}

/// A file of proofs, checked against the lines of a statement while both are read.
pub struct Proofs<R> {
    lines: Lines<R>,
    checkpoints: BTreeMap<i64, Checkpoint>,
    current: Option<Proof>,
    transactions: u64,
}

/// A transaction whose leaf was shown to stand in the log.
struct Proof {
    at: Place,
    transaction: (i64, i64),
    commitments: Vec<Hash>,
    /// Salts of entries that no line has met yet.
    salts: BTreeMap<u32, Hash>,
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofText {
    shard: i64,
    seq: i64,
    c: String,
    commitments: Vec<String>,
    salts: BTreeMap<u32, String>,
    path: Vec<String>,
}

impl<R: BufRead> Proofs<R> {
    /// A file that nothing was read of yet.
    pub fn new(reader: R) -> Self {
        let lines = Lines::of(reader, Place::Proof);
        Self { lines, checkpoints: BTreeMap::new(), current: None, transactions: 0 }
    }

    /// How many transactions were shown to stand in the logs.
    pub fn transactions(&self) -> u64 {
        self.transactions
    }

    /// Reads the proof of a line's transaction.
    fn read(&mut self, line: &Line<'_>) -> Result<Proof, Finding> {
        let no_proof = || line.at.finds(Fault::NoProof { transaction: line.transaction() });
        if !self.lines.advance(LINE_MAX)? {
            return Err(no_proof());
        }
        let at = self.lines.place();
        let text = self.lines.text()?;
        let json = text.strip_suffix('\n').expect("a line ends in a line feed");
        let proof: ProofText = serde_json::from_str(json).map_err(|error| at.finds(error))?;
        let printed = serde_json::to_string(&proof).map_err(|error| at.finds(error))?;
        if printed != json {
            return Err(at.finds(Fault::Layout("the proof has another form")));
        }
        if (proof.shard, proof.seq) != (line.shard, line.seq) {
            return Err(no_proof());
        }
        let proof = Proof::of(proof, at, self.checkpoints.get(&line.shard))?;
        self.transactions += 1;
        Ok(proof)
    }

    fn finish_current(&mut self) -> Result<(), Finding> {
        match self.current.take() {
            Some(proof) if !proof.salts.is_empty() => Err(proof.at.finds(Fault::ProofOfNothing)),
            _ => Ok(()),
        }
    }
}

impl Proof {
    /// Checks that the leaf stands in the log.
    fn of(text: ProofText, at: Place, checkpoint: Option<&Checkpoint>) -> Result<Self, Finding> {
        let hash = |what, text: &String| {
            hash_from_hex(text).ok_or_else(|| at.finds(Fault::malformed(what, text)))
        };
        let commitments = text.commitments.iter().map(|text| hash("a commitment", text));
        let commitments: Vec<Hash> = commitments.collect::<Result<_, _>>()?;
        let salts = text.salts.iter().map(|(place, text)| Ok((*place, hash("a salt", text)?)));
        let salts: BTreeMap<u32, Hash> = salts.collect::<Result<_, Finding>>()?;
        let path = path_from_base64(&text.path);
        let path = path.ok_or_else(|| at.finds(Fault::malformed("path", text.path.join(" "))))?;

        let mut data = hash("c", &text.c)?.to_vec();
        data.extend(commitments.iter().flatten());
        let checkpoint = checkpoint.expect("a line's shard is covered, so it has a checkpoint");
        let place = (text.seq - 1, checkpoint.size);
        verify_inclusion(leaf_hash(&data), place, &path, &checkpoint.root)
            .map_err(|fault| at.finds(fault))?;
        Ok(Self { at, transaction: (text.shard, text.seq), commitments, salts })
    }

    /// Checks that the leaf committed to a line's entry.
    fn check(&mut self, line: &Line<'_>) -> Result<(), Finding> {
        let index = usize::try_from(line.place - 1).ok();
        let committed = index.and_then(|index| self.commitments.get(index));
        let salt = self.salts.remove(&line.place);
        let found = salt.map(|salt| commitment(&salt, line.entry.as_bytes()));
        match (committed, found) {
            (Some(committed), Some(found)) if *committed == found => Ok(()),
            _ => Err(line.at.finds(Fault::OtherEntry { place: line.place })),
        }
    }
}

impl<R: BufRead> LineCheck for Proofs<R> {
    fn begin(&mut self, header: &Header) -> Result<(), Finding> {
        self.checkpoints.clone_from(&header.checkpoints);
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), Finding> {
        let transaction = (line.shard, line.seq);
        if self.current.as_ref().is_none_or(|proof| proof.transaction != transaction) {
            self.finish_current()?;
            self.current = Some(self.read(line)?);
        }
        self.current.as_mut().expect("it was just read").check(line)
    }

    fn end(&mut self) -> Result<(), Finding> {
        self.finish_current()?;
        if self.lines.advance(LINE_MAX)? {
            return Err(self.lines.place().finds(Fault::ProofOfNothing));
        }
        Ok(())
    }
}
