//! Checks statements without trusting the server, and without asking it.
//!
//! A statement is a file that the operator signed. [`verify_statement`] checks that no byte of it
//! was changed, that its lines are a party's own and add up, and that the states of the log that it
//! names were signed. [`verify_follows`] checks that it continues an earlier statement, and that the
//! log it rests on still holds all that the earlier one rested on. [`verify_inclusion_of`] checks
//! that every line stands in that log, by the proofs that the server hands out in bulk.
//! [`verify_receipts`] checks that the statement has every line for which the operator signed a
//! receipt before: what is missing is proved by the two files. [`Posted`] looks for what a partner
//! posted and the statement leaves out, where there are no receipts. [`verify_file`] checks that a
//! CSV or XLSX file is a form of a statement, by the note that the operator signed for it.
//!
//! Files are read line by line: a statement of a million lines takes no more memory than a short
//! one. Whatever is not as it must be is a [`Finding`], which says where and what.
//!
//! ```no_run
//! use std::fs::File;
//! use std::io::BufReader;
//!
//! use coalition_partner::proof::{VerifierKey, verify_follows, verify_statement};
//!
//! let key: VerifierKey = "coalition.example+c74f20a3+ARpc2Qc…".parse()?;
//! let open = |path| Ok::<_, std::io::Error>(BufReader::new(File::open(path)?));
//! let june = verify_statement(open("june.json")?, &key)?;
//! let july = verify_statement(open("july.json")?, &key)?;
//! verify_follows(&june, &july)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod amount;
mod encoding;
mod file;
mod finding;
mod follows;
mod header;
mod layout;
mod merkle;
mod note;
mod posted;
mod proofs;
mod receipt;
mod receipts;
mod row;
mod sections;
mod statement;
mod steps;
mod totals;

pub use file::{NOTE_MAX, VerifiedFile, verify_file};
pub use finding::{Fault, Finding, Place};
pub use follows::{Continuity, Gap, verify_follows};
pub use header::{Consistency, Cut, HOUSE_SHARD, Header, Previous};
pub use merkle::{
    Hash, MerkleFault, commitment, empty_root, leaf_hash, node_hash, verify_consistency,
    verify_inclusion,
};
pub use note::{Checkpoint, NoteError, Opened, VerifierKey};
pub use posted::{Posted, PostedError};
pub use proofs::{Proofs, verify_inclusion_of};
pub use receipt::{Receipt, ReceiptEntry};
pub use receipts::{Kept, Receipts, verify_receipts};
pub use row::Line;
pub use statement::{LineCheck, Verified, verify_statement, verify_statement_with};
