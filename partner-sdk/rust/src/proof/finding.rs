//! What a check can find, and where.

use std::fmt;

use thiserror::Error;

use super::merkle::MerkleFault;
use super::note::NoteError;

/// Something that is not as it must be.
#[derive(Debug, Error)]
#[error("{place}: {fault}")]
pub struct Finding {
    /// Where.
    pub place: Place,
    /// What.
    pub fault: Fault,
}

impl Finding {
    /// Whether nothing was found out, as a file could not be read.
    pub fn is_unreadable(&self) -> bool {
        matches!(self.fault, Fault::Unreadable(_))
    }
}

/// Where something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A line of the statement's file, from 1.
    Line(u64),
    /// A line of the file of proofs, from 1.
    Proof(u64),
    /// A line of the file of receipts, from 1.
    Receipt(u64),
    /// A section of the statement.
    Section(&'static str),
    /// What stands around the lines of the statement.
    Sections,
    /// The log of a shard.
    Shard(i64),
    /// The note of a file.
    Note,
    /// A file of another form.
    File,
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(out, "line {number} of the file"),
            Self::Proof(number) => write!(out, "line {number} of the proofs"),
            Self::Receipt(number) => write!(out, "line {number} of the receipts"),
            Self::Section(name) => write!(out, "section {name}"),
            Self::Sections => out.write_str("what stands around the lines"),
            Self::Shard(shard) => write!(out, "log of shard {shard}"),
            Self::Note => out.write_str("the note"),
            Self::File => out.write_str("the file"),
        }
    }
}

impl Place {
    /// The fault at this place.
    pub(super) fn finds(self, fault: impl Into<Fault>) -> Finding {
        Finding { place: self, fault: fault.into() }
    }
}

/// What is not as it must be.
#[derive(Debug, Error)]
pub enum Fault {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// The file ends too early.
    #[error("the file ends here, before its signature and last line feed")]
    BrokenOff,
    /// A line, or all that stands around the lines, is longer than is read.
    #[error("this is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// Not UTF-8.
    #[error("this is not UTF-8")]
    NotUtf8,
    /// The file is not laid out as a statement is.
    #[error("{0}")]
    Layout(&'static str),
    /// The statement is laid out as statements were not when this was written.
    #[error("its layout is {layout}, which is not known here: use a newer version to check it")]
    OtherLayout {
        /// The layout.
        layout: u32,
    },
    /// The JSON cannot be read, or is not of this kind.
    #[error("this cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// A section is not there.
    #[error("it is missing")]
    Missing,
    /// A note or checkpoint is wrong.
    #[error("{0}")]
    Note(#[from] NoteError),
    /// What was signed is something else than this file.
    #[error("the operator signed something else: the file was changed, or the signature moved")]
    SignedOther,
    /// A value is not the one that follows from the rest.
    #[error("{what} is {found} and should be {expected}")]
    Differs {
        /// Which value.
        what: &'static str,
        /// What stands there.
        found: String,
        /// What should stand there.
        expected: String,
    },
    /// A value is not of its form.
    #[error("{what} is not of its form: {found}")]
    Malformed {
        /// Which value.
        what: &'static str,
        /// What stands there.
        found: String,
    },
    /// A line does not stand after the one before it.
    #[error("the line does not stand in order after the one before it")]
    OutOfOrder,
    /// A line is not within what the cycle covers.
    #[error("the line is not in the range that the cycle covers of its log")]
    OutOfCut,
    /// A line concerns others.
    #[error("the party is not a side of the entry, or stands on the other side")]
    NotOwn,
    /// The log was rewritten, or never held the line.
    #[error("{0}")]
    Merkle(#[from] MerkleFault),
    /// A later checkpoint has fewer leaves.
    #[error("the log went back from {from} to {to} transactions")]
    WentBack {
        /// Its size before.
        from: i64,
        /// Its size now.
        to: i64,
    },
    /// A cycle covers again what an earlier one covered.
    #[error("the cycle covers transaction {seq} again, which the previous statement covered")]
    CoveredTwice {
        /// The first such place of the log.
        seq: i64,
    },
    /// A line has no proof.
    #[error("transaction {transaction} has no proof, or its proof does not stand in order")]
    NoProof {
        /// The transaction.
        transaction: String,
    },
    /// A proof is for no line.
    #[error("the proof is for something that the statement does not have")]
    ProofOfNothing,
    /// The entry is not what the leaf committed to.
    #[error("entry {place} is not the one that was recorded")]
    OtherEntry {
        /// Its place in the transaction, from 1.
        place: u32,
    },
    /// The statement has no line for an entry that a receipt of its cycle was given for.
    #[error(
        "OMITTED: the statement has no line {entry}, for which the operator signed this receipt; the \
         two files prove it to anybody who has the operator's key{}", more(*.others)
    )]
    Omitted {
        /// The entry's id.
        entry: String,
        /// How many more are left out.
        others: usize,
    },
    /// The statement is cut so that its cycle does not cover what a receipt says that it settles.
    #[error(
        "OMITTED: the statement's cycle ends before or begins after {entry}, for which the operator \
         signed this receipt of that cycle; the two files prove it to anybody who has the operator's key"
    )]
    NotCovered {
        /// The entry's id.
        entry: String,
    },
    /// The statement has another line than the receipt says.
    #[error(
        "CHANGED: entry {entry} is {told} in the receipt that the operator signed; the two files prove \
         it to anybody who has the operator's key"
    )]
    ToldOtherwise {
        /// The entry's id.
        entry: String,
        /// What the receipt says.
        told: String,
    },
    /// The operator signed two receipts of one transaction that differ.
    #[error(
        "CHANGED: the operator signed another receipt of {transaction} before; the two prove it to \
         anybody who has the operator's key"
    )]
    TwoReceipts {
        /// The transaction.
        transaction: String,
    },
}

/// What is said of lines that are left out besides the first.
fn more(others: usize) -> String {
    if others == 0 { String::new() } else { format!("; {others} more are left out") }
}

impl Fault {
    /// A value that is not the one that follows from the rest.
    pub(super) fn differs(
        what: &'static str,
        found: impl fmt::Display,
        expected: impl fmt::Display,
    ) -> Self {
        Self::Differs { what, found: printable(found), expected: printable(expected) }
    }

    /// A value that is not of its form.
    pub(super) fn malformed(what: &'static str, found: impl fmt::Display) -> Self {
        Self::Malformed { what, found: printable(found) }
    }
}

/// A text of a file that nobody vouches for, without what a terminal would obey.
fn printable(text: impl fmt::Display) -> String {
    text.to_string().escape_debug().to_string()
}
