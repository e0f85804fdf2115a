//! What a partner posted, and what a statement has of it.
//!
//! Not every transaction moves money, so one without a line is not a fault by itself; it is where to
//! look if something is missing.

use std::io::BufRead;

use thiserror::Error;

use super::finding::Finding;
use super::header::Header;
use super::row::Line;
use super::statement::LineCheck;

/// Why a list of transactions cannot be used.
#[derive(Debug, Error)]
pub enum PostedError {
    /// The list cannot be read.
    #[error("the list of transactions cannot be read")]
    Unreadable(#[from] std::io::Error),
    /// A line is not a transaction's id.
    #[error("line {line} of the list is not a transaction's id such as tx_3_1042")]
    NotId {
        /// The line, from 1.
        line: usize,
    },
}

/// Transactions that a partner got as answers, and which of them have a line.
pub struct Posted {
    /// Shard and place of each, ascending, and whether it has a line.
    transactions: Vec<((i64, i64), bool)>,
    header: Option<Header>,
}

impl Posted {
    /// Reads a list of transactions' ids, one on each line; blank lines are passed over.
    ///
    /// # Errors
    /// If the list cannot be read, or a line is no id.
    pub fn read(reader: impl BufRead) -> Result<Self, PostedError> {
        let mut transactions = Vec::new();
        for (index, line) in reader.lines().enumerate() {
            let line = line?;
            if line.trim().is_empty() {
                continue;
            }
            let id = parse(line.trim()).ok_or(PostedError::NotId { line: index + 1 })?;
            transactions.push((id, false));
        }
        transactions.sort_unstable();
        transactions.dedup();
        Ok(Self { transactions, header: None })
    }

    /// How many of them the statement's cycle covers.
    pub fn covered(&self) -> usize {
        self.transactions.iter().filter(|(id, _)| self.is_covered(*id)).count()
    }

    /// Those that the cycle covers and that have no line, ascending.
    pub fn without_line(&self) -> impl Iterator<Item = String> {
        let missing = |(id, has_line): &&((i64, i64), bool)| !has_line && self.is_covered(*id);
        let printed = |((shard, seq), _): &((i64, i64), bool)| format!("tx_{shard}_{seq}");
        self.transactions.iter().filter(missing).map(printed)
    }

    fn is_covered(&self, (shard, seq): (i64, i64)) -> bool {
        let cut = self.header.as_ref().and_then(|header| header.cut.get(&shard));
        cut.is_some_and(|cut| (cut.first..=cut.last).contains(&seq))
    }
}

/// Shard and place of a transaction, from its printed id alone.
fn parse(text: &str) -> Option<(i64, i64)> {
    let (shard, seq) = text.strip_prefix("tx_")?.split_once('_')?;
    let id = (shard.parse().ok()?, seq.parse().ok()?);
    (format!("tx_{}_{}", id.0, id.1) == text).then_some(id)
}

impl LineCheck for Posted {
    fn begin(&mut self, header: &Header) -> Result<(), Finding> {
        self.header = Some(header.clone());
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), Finding> {
        let id = (line.shard, line.seq);
        if let Ok(place) = self.transactions.binary_search_by_key(&id, |(id, _)| *id) {
            self.transactions[place].1 = true;
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Finding> {
        Ok(())
    }
}
