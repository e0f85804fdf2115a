//! Receipts: what the operator vouches for to one party when a transaction was recorded.
//!
//! The text of a receipt follows from the journal alone, and its signature from the text: a party
//! gets the same bytes whenever it asks. Who holds one can show that a statement of the cycle that
//! it names leaves an entry out.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Hash;
use crate::domain::entry::{Entry, Side};
use crate::domain::ids::PartyId;
use crate::domain::terms::Coalition;
use crate::domain::transaction::Transaction;

/// What is told to a party of a transaction. As text it is what is signed.
#[derive(Clone, Copy, Debug)]
pub struct Receipt<'a> {
    /// Whose log, and in which currency.
    pub coalition: &'a Coalition,
    /// The transaction.
    pub transaction: &'a Transaction,
    /// All of its entries, in their order.
    pub entries: &'a [Entry],
    /// Its leaf in the log.
    pub leaf: Hash,
    /// Who is told.
    pub party: &'a PartyId,
}

impl Receipt<'_> {
    /// Whether the party may have it: it posted the transaction, or a statement of its own has a
    /// line of it.
    pub fn is_due(&self) -> bool {
        self.transaction.concerns(self.party) || self.lines().next().is_some()
    }

    /// The entries that are lines of a statement of the party's, and on which side.
    fn lines(&self) -> impl Iterator<Item = (&Entry, Side)> {
        self.entries.iter().filter_map(|entry| Some((entry, entry.side_of(self.party)?)))
    }
}

impl fmt::Display for Receipt<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (operator, id) = (&self.coalition.operator, self.transaction.id);
        writeln!(out, "{operator}/receipt")?;
        writeln!(out, "log {operator}/log/{}", id.shard().0)?;
        writeln!(out, "transaction {id}")?;
        writeln!(out, "seq {}", id.number())?;
        writeln!(out, "leaf {}", STANDARD.encode(self.leaf))?;
        writeln!(out, "recorded_at {}", self.transaction.recorded_at)?;
        writeln!(out, "party {}", self.party)?;
        writeln!(out, "currency {}", self.coalition.currency)?;
        for (entry, side) in self.lines() {
            writeln!(out, "entry {} {} {} {}", entry.id, entry.cycle, side.name(), entry.amount)?;
        }
        Ok(())
    }
}
