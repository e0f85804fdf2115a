//! A line of a statement: one entry, from the party's side.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::amount;
use super::finding::{Fault, Finding, Place};
use super::header::{HOUSE_SHARD, Header};

/// What ends the name of an obligation that gives back.
const REVERSED: &str = "_reversed";

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
    /// What kind of record it is; since the second layout an exchange says which way it went.
    pub record_type: String,
    /// The other side.
    pub counterparty: String,
    /// What is owed for, without what ends it where something is given back.
    pub obligation: String,
    /// Whether it gives back what was owed before.
    pub reverses: bool,
    /// For how many points or pieces, as decimal text.
    pub points: String,
    /// The promotion.
    pub promo: Option<String>,
    /// Whether it belongs to an earlier cycle by its date.
    pub is_late: bool,
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
    record_type: Option<String>,
    funder: Option<String>,
    lot_issuer: Option<String>,
    status: Option<String>,
    dispute_id: Option<String>,
    proof: Option<String>,
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
    #[serde(default)]
    obligation: String,
    points: String,
    agreement: Option<String>,
    promo: Option<String>,
    lot: Option<String>,
    late_for: Option<String>,
    #[serde(rename = "cycle")]
    _cycle: IgnoredAny,
}

impl EntryText {
    /// What is owed for, and whether it gives back.
    fn owed_for(&self) -> (&str, bool) {
        match self.obligation.strip_suffix(REVERSED) {
            Some(obligation) => (obligation, true),
            None => (&self.obligation, false),
        }
    }

    /// The party whose share of what points cost this is.
    fn funder(&self) -> Option<&str> {
        match self.owed_for() {
            ("funding" | "lot_funding", false) => Some(&self.from),
            ("funding" | "lot_funding", true) => Some(&self.to),
            _ => None,
        }
    }

    /// The party under whose agreement the lot was made, or the one that was no funder.
    fn lot_issuer(&self) -> Option<&str> {
        self.lot.as_ref()?;
        let other =
            [&self.from, &self.to].into_iter().find(|one| Some(one.as_str()) != self.funder());
        self.agreement.as_ref().or(other).map(String::as_str)
    }

    fn record_type(&self, is_debit: bool) -> &str {
        match (self.record_type.as_str(), is_debit != self.owed_for().1) {
            ("exchange", true) => "exchange_out",
            ("exchange", false) => "exchange_in",
            (other, _) => other,
        }
    }
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
        let (gross, is_debit) = match (&text.gross_debit, &text.gross_credit) {
            (Some(debit), None) => (debit, true),
            (None, Some(credit)) => (credit, false),
            _ => return Err(at.finds(Fault::Layout("a line is either a debit or a credit"))),
        };
        let (own, other) = if is_debit { (&says.from, &says.to) } else { (&says.to, &says.from) };
        if *own != header.party || own == other {
            return Err(at.finds(Fault::NotOwn));
        }
        let units = |what, text: &str| {
            let amount = amount::parse(text, header.money_scale);
            amount.ok_or_else(|| at.finds(Fault::malformed(what, text)))
        };
        let amount = units("the gross amount", gross)?;
        if units("entry.amount", &says.amount)? != amount {
            return Err(at.finds(Fault::differs("the gross amount", gross, says.amount)));
        }
        if header.layout > 1 {
            text.check(&says, is_debit, at)?;
        }
        let is_split = header.layout > 1;
        let record_type = if is_split { says.record_type(is_debit) } else { &says.record_type };
        let (obligation, reverses) = says.owed_for();
        Ok(Self {
            at,
            shard: text.shard,
            seq: text.seq,
            place: text.place,
            is_debit,
            amount,
            record_type: record_type.to_owned(),
            counterparty: other.clone(),
            obligation: obligation.to_owned(),
            reverses,
            points: says.points,
            promo: says.promo,
            is_late: says.late_for.is_some(),
            entry,
        })
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

impl LineText<'_> {
    /// Checks what the line says beside its entry and has from it.
    fn check(&self, says: &EntryText, is_debit: bool, at: Place) -> Result<(), Finding> {
        let leaf = format!("{}/{}", self.shard, self.seq - 1);
        let status = if self.status.as_deref() == Some("disputed") { "disputed" } else { "posted" };
        let all = [
            ("record_type", &self.record_type, Some(says.record_type(is_debit))),
            ("funder", &self.funder, says.funder()),
            ("lot_issuer", &self.lot_issuer, says.lot_issuer()),
            ("proof", &self.proof, Some(&*leaf)),
            ("status", &self.status, Some(status)),
        ];
        for (what, found, expected) in all {
            if found.as_deref() != expected {
                let (found, expected) = (found.as_deref().unwrap_or(""), expected.unwrap_or(""));
                return Err(at.finds(Fault::differs(what, found, expected)));
            }
        }
        if status == "disputed" && self.dispute_id.is_none() {
            return Err(at.finds(Fault::Layout("a disputed line names no dispute")));
        }
        Ok(())
    }
}
