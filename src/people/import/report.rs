//! What came of a file of members.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The most refused rows that are named.
const NAMED_MAX: usize = 100;

/// What came of the rows of a file. It names no person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Rows that were read.
    pub rows: u64,
    /// New members.
    pub new: u64,
    /// Rows of who was a member before.
    pub attached: u64,
    /// Rows of which a name belongs to somebody else and nobody showed whose it is; each is new or
    /// attached as well, and the two were proposed to be joined.
    pub unresolved: u64,
    /// Rows that were refused, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// The first rows that were refused: their number in the file, and why.
    pub named: Vec<(u64, String)>,
}

/// What came of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody enrolled.
    Enrolled {
        /// Whether they were not there before.
        is_new: bool,
        /// Whether a name was somebody else's.
        is_unresolved: bool,
    },
    /// It was refused.
    Rejected(String),
}

impl Report {
    /// Counts a row.
    pub fn add(&mut self, outcome: Outcome) {
        self.rows += 1;
        match outcome {
            Outcome::Enrolled { is_new, is_unresolved } => {
                self.new += u64::from(is_new);
                self.attached += u64::from(!is_new);
                self.unresolved += u64::from(is_unresolved);
            }
            Outcome::Rejected(reason) => {
                if self.named.len() < NAMED_MAX {
                    self.named.push((self.rows, reason.clone()));
                }
                *self.rejected.entry(reason).or_default() += 1;
            }
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rejected: u64 = self.rejected.values().sum();
        writeln!(out, "rows read    {}", self.rows)?;
        writeln!(out, "new          {}", self.new)?;
        writeln!(out, "attached     {}", self.attached)?;
        writeln!(out, "unresolved   {}", self.unresolved)?;
        write!(out, "rejected     {rejected}")?;
        for (reason, count) in &self.rejected {
            write!(out, "\n  {reason:<11}{count}")?;
        }
        for (row, reason) in self.named.iter().take(10) {
            write!(out, "\n  row {row}: {reason}")?;
        }
        Ok(())
    }
}
