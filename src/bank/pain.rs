//! A payment order as an ISO 20022 file: pain.001.001.09, customer credit transfer initiation.
//!
//! The same order gives the same bytes. One `PmtInf` holds all payments, since an order has one
//! account and one day; each is booked by itself, so that the statement names each.

use std::fmt::Write;

use crate::domain::time::Instant;

use super::account::{Account, Bank, Number};
use super::order::{CheckedOrder, Payment};

/// The XML namespace of what is written.
pub const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

/// The order as a pain.001.001.09 document.
pub fn pain_001(order: &CheckedOrder) -> String {
    let mut out = Lines::default();
    out.line("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    out.open(&format!("Document xmlns=\"{NAMESPACE}\""));
    out.open("CstmrCdtTrfInitn");
    write_header(&mut out, order);
    out.open("PmtInf");
    write_terms(&mut out, order);
    for payment in &order.payments {
        write_payment(&mut out, order, payment);
    }
    out.close("PmtInf");
    out.close("CstmrCdtTrfInitn");
    out.close("Document");
    out.text
}

fn write_header(out: &mut Lines, order: &CheckedOrder) {
    out.open("GrpHdr");
    out.leaf("MsgId", &order.message_id);
    out.leaf("CreDtTm", &whole_second(order.created_at).to_string());
    write_control(out, order);
    write_party(out, "InitgPty", &order.from);
    out.close("GrpHdr");
}

fn write_terms(out: &mut Lines, order: &CheckedOrder) {
    out.leaf("PmtInfId", &order.message_id);
    out.leaf("PmtMtd", "TRF");
    out.leaf("BtchBookg", "false");
    write_control(out, order);
    out.line(&format!("<ReqdExctnDt><Dt>{}</Dt></ReqdExctnDt>", order.execution));
    write_party(out, "Dbtr", &order.from);
    out.open("DbtrAcct");
    write_number(out, order.from.number());
    out.leaf("Ccy", &order.currency);
    out.close("DbtrAcct");
    write_agent(out, "DbtrAgt", order.from.bank());
}

fn write_control(out: &mut Lines, order: &CheckedOrder) {
    out.leaf("NbOfTxs", &order.payments.len().to_string());
    out.leaf("CtrlSum", &order.amount_text(order.total()));
}

fn write_payment(out: &mut Lines, order: &CheckedOrder, payment: &Payment) {
    out.open("CdtTrfTxInf");
    out.open("PmtId");
    out.leaf("EndToEndId", &payment.end_to_end_id);
    out.close("PmtId");
    let amount = order.amount_text(payment.amount);
    out.line(&format!("<Amt><InstdAmt Ccy=\"{}\">{amount}</InstdAmt></Amt>", order.currency));
    write_agent(out, "CdtrAgt", payment.to.bank());
    write_party(out, "Cdtr", &payment.to);
    out.open("CdtrAcct");
    write_number(out, payment.to.number());
    out.close("CdtrAcct");
    out.open("RmtInf");
    out.leaf("Ustrd", &payment.remittance);
    out.close("RmtInf");
    out.close("CdtTrfTxInf");
}

fn write_party(out: &mut Lines, tag: &str, account: &Account) {
    out.open(tag);
    out.leaf("Nm", account.name());
    if let Some(tax_id) = account.tax_id() {
        // A tax number of 12 digits with a Russian bank is a person's.
        let is_person = tax_id.len() == 12 && matches!(account.bank(), Bank::Bik(_));
        let kind = if is_person { "PrvtId" } else { "OrgId" };
        out.open("Id");
        out.open(kind);
        out.open("Othr");
        out.leaf("Id", tax_id);
        out.line("<SchmeNm><Cd>TXID</Cd></SchmeNm>");
        out.close("Othr");
        out.close(kind);
        out.close("Id");
    }
    out.close(tag);
}

fn write_number(out: &mut Lines, number: &Number) {
    match number {
        Number::Iban(text) => out.line(&format!("<Id><IBAN>{text}</IBAN></Id>")),
        Number::Local(text) => out.line(&format!("<Id><Othr><Id>{text}</Id></Othr></Id>")),
    }
}

fn write_agent(out: &mut Lines, tag: &str, bank: &Bank) {
    out.open(tag);
    out.open("FinInstnId");
    match bank {
        Bank::Bic(text) => out.leaf("BICFI", text),
        Bank::Bik(text) => {
            out.open("ClrSysMmbId");
            out.line("<ClrSysId><Cd>RUCBC</Cd></ClrSysId>");
            out.leaf("MmbId", text);
            out.close("ClrSysMmbId");
        }
    }
    out.close("FinInstnId");
    out.close(tag);
}

/// Some banks refuse fractions of a second.
fn whole_second(instant: Instant) -> Instant {
    Instant(instant.0 - instant.0.rem_euclid(1_000_000))
}

/// XML with one element on a line, indented by two spaces.
#[derive(Default)]
struct Lines {
    text: String,
    depth: usize,
}

impl Lines {
    fn line(&mut self, text: &str) {
        let indent = 2 * self.depth;
        writeln!(self.text, "{:indent$}{text}", "").expect("a text takes whatever is written");
    }

    fn open(&mut self, tag: &str) {
        self.line(&format!("<{tag}>"));
        self.depth += 1;
    }

    fn close(&mut self, tag: &str) {
        self.depth -= 1;
        self.line(&format!("</{tag}>"));
    }

    fn leaf(&mut self, tag: &str, text: &str) {
        self.line(&format!("<{tag}>{}</{tag}>", escape(text)));
    }
}

/// A text with XML's marks replaced by its entities.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn written(order: super::super::order::PaymentOrder) -> String {
        pain_001(&order.check().expect("the sample is in order"))
    }

    #[test]
    fn an_order_is_the_file_that_was_checked_by_hand() {
        let russian = written(samples::russian_order());
        assert_eq!(russian, include_str!("fixtures/pain_001_russian.xml"));
        let euro = written(samples::euro_order());
        assert_eq!(euro, include_str!("fixtures/pain_001_euro.xml"));
    }

    #[test]
    fn texts_of_the_greatest_lengths_and_of_marks_validate() {
        let mut order = samples::russian_order();
        order.payments[0].remittance = "&".repeat(140);
        order.payments[1].remittance = "]]>\u{1F680}'\"".to_owned();
        order.payments[1].end_to_end_id = "x".repeat(35);
        order.payments[1].amount.0 = 999_999_999_000_000_000;
        for file in
            [written(order), written(samples::russian_order()), written(samples::euro_order())]
        {
            samples::assert_valid(&file, "pain.001.001.09.xsd");
        }
    }
}
