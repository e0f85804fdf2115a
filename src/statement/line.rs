//! One line of a statement: a money posting as the party sees it.

use serde::Serialize;

use crate::domain::amount::Money;
use crate::domain::entry::Entry;
use crate::domain::ids::{PartyId, TransactionId};
use crate::domain::terms::charges::SupplyNature;

/// A money posting as one of its sides sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its place in the statement, from 1.
    pub line_no: u64,
    /// The transaction.
    pub transaction: TransactionId,
    /// The place among the transaction's money postings, from 1.
    pub place: u32,
    /// Whether the party owes.
    pub is_debit: bool,
    /// How much.
    pub amount: Money,
    /// The VAT that the amount bears, on top or inside.
    pub vat: Option<LineVat>,
    /// What was agreed of its invoice.
    pub invoice: Invoice,
    /// What both sides see.
    pub entry: Entry,
    /// The bytes of the entry that the log commits to.
    pub entry_bytes: String,
}

/// VAT of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineVat {
    /// The rate, as decimal text.
    pub rate: String,
    /// How much.
    pub amount: Money,
    /// Whether it is inside the line's amount; otherwise a line of its own charges it.
    pub included: bool,
}

/// What was agreed of the invoice for a line; what was not agreed is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Invoice {
    /// What is supplied.
    pub nature: Option<SupplyNature>,
    /// The party that issues it.
    pub by: Option<PartyId>,
}

/// A line as its JSON says it.
#[derive(Serialize)]
struct LineJson<'a> {
    line_no: u64,
    shard: i64,
    seq: i64,
    place: u32,
    gross_debit: Option<String>,
    gross_credit: Option<String>,
    vat_rate: Option<&'a str>,
    vat_amount: Option<String>,
    vat_included: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vat_nature: Option<SupplyNature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vat_invoice_by: Option<&'a PartyId>,
    entry: &'a serde_json::value::RawValue,
}

impl Line {
    /// The other side of the posting; none: money that a bank moved.
    pub fn counterparty(&self) -> Option<&PartyId> {
        if self.is_debit { self.entry.to.as_ref() } else { self.entry.from.as_ref() }
    }

    /// What the party owes by this line; none: it is owed.
    pub fn debit(&self) -> Option<Money> {
        Some(self.amount).filter(|_| self.is_debit)
    }

    /// What the party is owed by this line; none: it owes.
    pub fn credit(&self) -> Option<Money> {
        Some(self.amount).filter(|_| !self.is_debit)
    }

    /// The line in JSON.
    ///
    /// # Panics
    /// Never: an entry's bytes are JSON.
    pub fn json(&self, money_scale: u32) -> String {
        let entry = serde_json::value::RawValue::from_string(self.entry_bytes.clone())
            .expect("an entry's bytes are JSON");
        let text = |money: Money| money.text(money_scale);
        let line = LineJson {
            line_no: self.line_no,
            shard: self.transaction.shard().0,
            seq: self.transaction.number(),
            place: self.place,
            gross_debit: self.debit().map(text),
            gross_credit: self.credit().map(text),
            vat_rate: self.vat.as_ref().map(|vat| vat.rate.as_str()),
            vat_amount: self.vat.as_ref().map(|vat| text(vat.amount)),
            vat_included: self.vat.as_ref().map(|vat| vat.included),
            vat_nature: self.invoice.nature,
            vat_invoice_by: self.invoice.by.as_ref(),
            entry: &entry,
        };
        serde_json::to_string(&line).expect("a line is plain JSON")
    }
}
