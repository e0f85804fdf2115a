//! One line of a statement: a money posting as the party sees it.

use std::sync::Arc;

use serde::Serialize;

use crate::domain::amount::Money;
use crate::domain::entry::Entry;
use crate::domain::ids::{PartyId, TransactionId};
use crate::domain::posting::ObligationKind;
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
    /// What it is in the statement: the entry's type, and of an exchange also the direction.
    pub record_type: &'static str,
    /// What else the line says; none: in the first layout it says no more.
    pub more: Option<More>,
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

/// What a line says that its entry does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct More {
    /// The zone in which its day is counted, by its name in the tz database.
    pub zone: Arc<str>,
    /// The dispute: the one that is about the line, or the one that the line follows from.
    pub dispute: Option<String>,
    /// Whether the line was disputed when the statement was published.
    pub is_disputed: bool,
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
    #[serde(flatten)]
    more: Option<MoreJson<'a>>,
    entry: &'a serde_json::value::RawValue,
}

/// What lines say since the second layout.
#[derive(Serialize)]
struct MoreJson<'a> {
    record_type: &'a str,
    tz: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    funder: Option<&'a PartyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lot_issuer: Option<&'a PartyId>,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dispute_id: Option<&'a str>,
    proof: String,
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

    /// The party whose share of what points cost this is; none: it is no such share.
    pub fn funder(&self) -> Option<&PartyId> {
        use ObligationKind::{Funding, LotFunding};
        match ObligationKind::named(self.entry.obligation)? {
            (Funding | LotFunding, false) => self.entry.from.as_ref(),
            (Funding | LotFunding, true) => self.entry.to.as_ref(),
            _ => None,
        }
    }

    /// The party under whose agreement the lot was made; without one it was the brand's own.
    pub fn lot_issuer(&self) -> Option<&PartyId> {
        self.entry.lot?;
        let Entry { agreement, from, to, .. } = &self.entry;
        agreement.as_ref().or_else(|| {
            let funder = self.funder();
            [from, to].into_iter().flatten().find(|side| Some(*side) != funder)
        })
    }

    /// Whether it stands, or was disputed when the statement was published.
    pub fn status(&self) -> &'static str {
        if self.more.as_ref().is_some_and(|more| more.is_disputed) { "disputed" } else { "posted" }
    }

    /// The dispute: the one that is about the line, or the one that the line follows from.
    pub fn dispute(&self) -> Option<&str> {
        self.more.as_ref().and_then(|more| more.dispute.as_deref())
    }

    /// Where its transaction's leaf is: the shard whose log has it, and its index there from 0.
    pub fn leaf(&self) -> String {
        format!("{}/{}", self.transaction.shard().0, self.transaction.number() - 1)
    }

    /// The line in JSON.
    ///
    /// # Panics
    /// Never: an entry's bytes are JSON.
    pub fn json(&self, money_scale: u32) -> String {
        let entry = serde_json::value::RawValue::from_string(self.entry_bytes.clone())
            .expect("an entry's bytes are JSON");
        let text = |money: Money| money.text(money_scale);
        let more = self.more.as_ref().map(|more| MoreJson {
            record_type: self.record_type,
            tz: &more.zone,
            funder: self.funder(),
            lot_issuer: self.lot_issuer(),
            status: self.status(),
            dispute_id: self.dispute(),
            proof: self.leaf(),
        });
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
            more,
            entry: &entry,
        };
        serde_json::to_string(&line).expect("a line is plain JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{SCALE, line};
    use super::*;
    use crate::domain::ids::LotId;
    use crate::domain::till::Till;

    const ENTRY: &str = r#"{"id":"tx_3_1001/1","record_type":"earn","kind":"card_payment","obligation":"funding","recorded_at":"2026-06-01T09:01:02.25Z","party":"bank","ref":"R-1","member":"m_3_7","from":"bank","to":"brand","programme":"club","points":"10","price":"0.80","purchase_amount":"100.00","amount":"0.72","currency":"RUB","agreement":"bank","agreement_version":4,"cycle":"2026-06-01"}"#;

    #[test]
    fn an_entry_of_which_nothing_new_is_said_has_the_bytes_that_it_had() {
        assert_eq!(line(1).entry_bytes, ENTRY);
        let mut entry = line(1).entry;
        entry.price_before = Some("0.8".to_owned());
        entry.percentage = Some("0.9".to_owned());
        let till = Till { till: Some("3".parse().expect("a text")), ..Till::default() };
        entry.till = Some(Box::new(till));
        let more = r#","price_before":"0.8","percentage":"0.9","till":{"till":"3"}}"#;
        assert_eq!(entry.bytes(), format!("{}{more}", ENTRY.trim_end_matches('}')));
    }

    #[test]
    fn a_line_of_the_first_layout_has_the_bytes_that_it_had() {
        let first = format!(
            r#"{{"line_no":1,"shard":3,"seq":1001,"place":1,"gross_debit":"0.72","gross_credit":null,"vat_rate":null,"vat_amount":null,"vat_included":null,"entry":{ENTRY}}}"#
        );
        assert_eq!(Line { more: None, ..line(1) }.json(SCALE), first);
        let more = r#""record_type":"earn","tz":"Europe/Moscow","funder":"bank","status":"posted","proof":"3/1000","#;
        let at = first.find("\"entry\"").expect("an entry");
        assert_eq!(line(1).json(SCALE), format!("{}{more}{}", &first[..at], &first[at..]));
    }

    #[test]
    fn a_lots_issuer_is_who_agreed_or_who_keeps_the_pool() {
        let mut one = line(1);
        assert_eq!(one.lot_issuer(), None, "no lot was burned");
        one.entry.lot = Some(LotId::of(one.transaction, 0));
        one.entry.obligation = "lot_funding";
        let issuer = |one: &Line| one.lot_issuer().map(ToString::to_string);
        assert_eq!(issuer(&one).as_deref(), Some("bank"));
        one.entry.agreement = None;
        assert_eq!(issuer(&one).as_deref(), Some("brand"));
        one.entry.obligation = "lot_funding_reversed";
        assert_eq!(one.funder().map(ToString::to_string).as_deref(), Some("brand"));
        assert_eq!(issuer(&one).as_deref(), Some("bank"));
    }
}
