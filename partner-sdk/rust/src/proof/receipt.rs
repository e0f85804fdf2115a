//! A receipt: what the operator signed of a transaction for one party when it was recorded.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::encoding::hash_from_base64;
use super::finding::{Fault, Finding, Place};
use super::merkle::Hash;

/// What a receipt says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who signed it.
    pub operator: String,
    /// The shard whose log has the transaction.
    pub shard: i64,
    /// The transaction's place in that log, from 1.
    pub seq: i64,
    /// The transaction's leaf in the log.
    pub leaf: Hash,
    /// When it was recorded, in RFC 3339.
    pub recorded_at: String,
    /// Who was told.
    pub party: String,
    /// The currency of its amounts.
    pub currency: String,
    /// The party's entries, each with where it is settled.
    pub entries: Vec<ReceiptEntry>,
}

/// An entry of a transaction that a statement of the party's must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// Its place among the transaction's entries, from 1.
    pub place: u32,
    /// The cycle that settles it.
    pub cycle: String,
    /// Whether the party owes it; otherwise it is owed to the party.
    pub is_debit: bool,
    /// How much, as decimal text.
    pub amount: String,
}

impl Receipt {
    /// The transaction's id.
    pub fn transaction(&self) -> String {
        format!("tx_{}_{}", self.shard, self.seq)
    }

    /// Reads the text of a signed note.
    pub(super) fn read(text: &str, at: Place) -> Result<Self, Finding> {
        let receipt = Self::parse(text).filter(|receipt| receipt.to_string() == text);
        receipt.ok_or_else(|| at.finds(Fault::Layout("what was signed is no receipt")))
    }

    /// The text's parts; what it says twice is compared by printing it again.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let operator = lines.next()?.strip_suffix("/receipt")?.to_owned();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let log = field("log")?;
        field("transaction")?;
        let seq = field("seq")?.parse().ok().filter(|seq| 0 < *seq)?;
        let leaf = hash_from_base64(field("leaf")?)?;
        let recorded_at = field("recorded_at")?.to_owned();
        let party = field("party")?.to_owned();
        let currency = field("currency")?.to_owned();
        let shard = log.rsplit_once('/')?.1.parse().ok()?;
        let entries = lines.map(ReceiptEntry::parse).collect::<Option<_>>()?;
        Some(Self { operator, shard, seq, leaf, recorded_at, party, currency, entries })
    }
}

impl ReceiptEntry {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("entry ")?.split(' ');
        let place = words.next()?.rsplit_once('/')?.1.parse().ok().filter(|place| 0 < *place)?;
        let cycle = words.next()?.to_owned();
        let is_debit = match words.next()? {
            "debit" => true,
            "credit" => false,
            _ => return None,
        };
        let amount = words.next()?.to_owned();
        words.next().is_none().then_some(Self { place, cycle, is_debit, amount })
    }

    /// On which side it is.
    pub fn side(&self) -> &'static str {
        if self.is_debit { "debit" } else { "credit" }
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, shard, seq, recorded_at, party, currency, .. } = self;
        let id = self.transaction();
        writeln!(out, "{operator}/receipt\nlog {operator}/log/{shard}\ntransaction {id}")?;
        writeln!(out, "seq {seq}\nleaf {}", STANDARD.encode(self.leaf))?;
        writeln!(out, "recorded_at {recorded_at}\nparty {party}\ncurrency {currency}")?;
        for entry in &self.entries {
            let ReceiptEntry { place, cycle, amount, .. } = entry;
            writeln!(out, "entry {id}/{place} {cycle} {} {amount}", entry.side())?;
        }
        Ok(())
    }
}
