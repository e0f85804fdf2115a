//! A line of a statement: one entry, from the party's side.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::amount;
use super::finding::{Fault, Finding, Place};
use super::header::{HOUSE_SHARD, Header};

/// A line that was checked by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'l> {
    /// Where it stands in the file.
    pub at: Place,
    /// The shard whose log has it.
    pub shard: i64,
    /// The transaction's place in the log, from 1.
    pub seq: i64,
    /// The entry's place in the transaction, from 1.
    pub place: u32,
    /// Whether the party owes it; otherwise it is owed to the party.
    pub is_debit: bool,
    /// The amount in the currency's smallest unit.
    pub amount: i128,
    /// What kind of record it is.
    pub record_type: String,
    /// The entry, byte for byte as it was recorded.
    pub entry: &'l str,
}

#[derive(Deserialize)]
struct LineText<'l> {
    line_no: u64,
    shard: i64,
    seq: i64,
    place: u32,
    gross_debit: Option<String>,
    gross_credit: Option<String>,
    #[serde(borrow)]
    entry: &'l RawValue,
}

#[derive(Deserialize)]
struct EntryText {
    id: String,
    from: String,
    to: String,
    amount: String,
    record_type: String,
    #[serde(rename = "cycle")]
    _cycle: IgnoredAny,
    #[serde(rename = "points")]
    _points: IgnoredAny,
}

impl<'l> Line<'l> {
    /// Reads a line, the one with this number of the statement, and checks it by itself.
    pub(super) fn read(
        json: &'l str,
        at: Place,
        number: u64,
        header: &Header,
    ) -> Result<Self, Finding> {
        let text: LineText<'l> = serde_json::from_str(json).map_err(|error| at.finds(error))?;
        let entry = text.entry.get();
        let says: EntryText = serde_json::from_str(entry).map_err(|error| at.finds(error))?;
        if text.line_no != number {
            return Err(at.finds(Fault::differs("line_no", text.line_no, number)));
        }
        let id = format!("tx_{}_{}/{}", text.shard, text.seq, text.place);
        if says.id != id {
            return Err(at.finds(Fault::differs("entry.id", says.id, id)));
        }
        let is_covered = header.cut.get(&text.shard).is_some_and(|cut| {
            let is_house = text.shard == HOUSE_SHARD && 1 <= text.seq;
            (is_house || cut.first <= text.seq) && text.seq <= cut.last
        });
        if !is_covered || text.place == 0 {
            return Err(at.finds(Fault::OutOfCut));
        }
        let (gross, is_debit) = match (text.gross_debit, text.gross_credit) {
            (Some(debit), None) => (debit, true),
            (None, Some(credit)) => (credit, false),
            _ => return Err(at.finds(Fault::Layout("a line is either a debit or a credit"))),
        };
        let own = if is_debit { &says.from } else { &says.to };
        if *own != header.party || says.from == says.to {
            return Err(at.finds(Fault::NotOwn));
        }
        let units = |what, text: &str| {
            let amount = amount::parse(text, header.money_scale);
            amount.ok_or_else(|| at.finds(Fault::malformed(what, text)))
        };
        let amount = units("the gross amount", &gross)?;
        if units("entry.amount", &says.amount)? != amount {
            return Err(at.finds(Fault::differs("the gross amount", gross, says.amount)));
        }
        let LineText { shard, seq, place, .. } = text;
        Ok(Self { at, shard, seq, place, is_debit, amount, record_type: says.record_type, entry })
    }

    /// The transaction's id.
    pub fn transaction(&self) -> String {
        format!("tx_{}_{}", self.shard, self.seq)
    }

    /// The entry's id.
    pub fn entry_id(&self) -> String {
        format!("tx_{}_{}/{}", self.shard, self.seq, self.place)
    }

    /// What lines are ordered by.
    pub(super) fn key(&self) -> (i64, i64, u32) {
        (self.shard, self.seq, self.place)
    }
}
