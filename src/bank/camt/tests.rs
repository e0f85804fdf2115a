//! What the fixtures of each version say, and the keys and lines that follow.

use super::super::samples;
use super::*;
use crate::domain::amount::Money;
use crate::domain::time::Day;

pub const V02: &str = include_str!("../fixtures/camt_053_02.xml");
pub const V04: &str = include_str!("../fixtures/camt_053_04.xml");
pub const V06: &str = include_str!("../fixtures/camt_053_06.xml");
pub const V08: &str = include_str!("../fixtures/camt_053_08.xml");
pub const NOTE: &str = include_str!("../fixtures/camt_054_08.xml");

pub fn read(file: &str) -> Result<Vec<BankStatement>, CamtError> {
    read_camt_053(file.as_bytes(), &CamtLimits::default())
}

fn only(file: &str) -> BankStatement {
    let mut statements = read(file).expect("the fixture can be read");
    assert_eq!(statements.len(), 1);
    statements.remove(0)
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

#[test]
fn version_02_has_plain_status_and_amounts_within_details() {
    let statement = only(V02);
    assert_eq!((statement.kind, statement.version), (MessageKind::Statement, 2));
    assert_eq!(statement.message_id.as_deref(), Some("FILE-02"));
    assert_eq!((statement.id.as_str(), statement.electronic_number), ("2026-327", Some(327)));
    assert_eq!(statement.legal_number, Some(12));
    assert_eq!(statement.account, "DE89370400440532013000");
    assert_eq!(statement.currency.as_deref(), Some("EUR"));
    assert_eq!(statement.opening.as_ref().map(|it| it.amount), Some(Money(100_000)));
    assert_eq!(statement.balance_check(), BalanceCheck::Holds);

    let entry = &statement.entries[0];
    assert_eq!((entry.amount, entry.side), (Money(30_050), Side::Credit));
    assert_eq!(
        (entry.booked_on, entry.value_on),
        (Some(day("2026-11-23")), Some(day("2026-11-24")))
    );
    assert_eq!((entry.batch.as_deref(), entry.bank_ref.as_deref()), (None, Some("E1")));
    let statuses: Vec<&EntryStatus> = statement.entries.iter().map(|one| &one.status).collect();
    assert_eq!(statuses, [&EntryStatus::Booked, &EntryStatus::Pending, &EntryStatus::Booked]);
    let [first, second] = entry.details.as_slice() else { panic!("two payments") };
    assert_eq!(first.end_to_end_id.as_deref(), Some("NET-1"));
    assert_eq!(first.transaction_id.as_deref(), Some("T-1"));
    assert_eq!(first.amount, Some(Money(20_025)));
    assert_eq!(first.debtor.name.as_deref(), Some("Shop & Sons"));
    assert_eq!(first.remittance, ["Settlement", "of 22 November"]);
    assert_eq!((&second.end_to_end_id, second.amount), (&None, Some(Money(10_025))));
    assert_eq!(second.references, ["RF18539007547034"]);

    let lines = bank_lines(&statement);
    let shown: Vec<(&str, i64)> = lines.iter().map(|it| (it.key.as_str(), it.amount.0)).collect();
    assert_eq!(
        shown,
        [
            ("DE89370400440532013000|credit|1|E1#1", 20_025),
            ("DE89370400440532013000|credit|1|E1#2", 10_025),
            ("DE89370400440532013000|stmt|3|2026-327", 5),
        ]
    );
    assert_eq!(lines[0].account.as_deref(), Some("GB82WEST12345698765432"));
    assert_eq!(lines[2].texts, ["interest"]);
}

#[test]
fn version_04_tells_returns_and_reversals() {
    let statement = only(V04);
    assert_eq!(statement.version, 4);
    assert_eq!(statement.balance_check(), BalanceCheck::Differs(1));
    let lines = bank_lines(&statement);
    let [returned, reversed] = lines.as_slice() else { panic!("two lines") };
    assert!(returned.is_return && reversed.is_return);
    assert_eq!(returned.return_reason.as_deref(), Some("AC04"));
    assert_eq!(returned.end_to_end_id.as_deref(), Some("NET-20261122-SHOP"));
    // The roles are those of the first payment: the account tells who is the other.
    assert_eq!(returned.name.as_deref(), Some("ИП Петров"));
    assert_eq!(returned.account.as_deref(), Some("40702810200000000001"));
    // Both have one reference of the bank; they are two entries all the same.
    assert_eq!(returned.key, "40702810900000000001|credit|1|R-7");
    assert_eq!(reversed.key, "40702810900000000001|debit|1|R-7");
}

#[test]
fn version_06_may_hold_little() {
    let statements = read(V06).expect("the fixture can be read");
    let [first, second] = statements.as_slice() else { panic!("two statements") };
    assert_eq!((first.version, &first.opening, &first.closing), (6, &None, &None));
    assert_eq!(first.balance_check(), BalanceCheck::NotGiven);
    let lines = bank_lines(first);
    assert_eq!((lines[0].amount, lines[0].name.as_deref()), (Money(5_000), Some("店 <1>")));
    // A bank that gives two entries one reference must not hide the second.
    assert_eq!(lines[0].key, "0012345|credit|1|J-1");
    assert_eq!(lines[1].key, "0012345|credit|2|J-1");
    assert_eq!((second.account.as_str(), second.entries.len()), ("0054321", 0));
}

#[test]
fn version_08_wraps_status_and_parties() {
    let statement = only(V08);
    assert_eq!(statement.balance_check(), BalanceCheck::Holds);
    let lines = bank_lines(&statement);
    let [batch, single] = lines.as_slice() else { panic!("two lines") };
    // Which part went to whom is not told, so nobody is named.
    assert_eq!((batch.amount, &batch.end_to_end_id), (Money(30_000), &None));
    assert_eq!(batch.key, "40702810900000000001|stmt|1|S-231");
    assert_eq!(statement.entries[0].batch.as_deref(), Some("STL-1"));
    assert_eq!(single.end_to_end_id.as_deref(), Some("NET-20261122-BANKA"));
    assert_eq!(single.name.as_deref(), Some("АО \"Банк А\" №1"));
    assert_eq!(single.account.as_deref(), Some("40702810500000000002"));
    assert_eq!(single.day, Some(day("2026-11-23")));
    let detail = &statement.entries[1].details[0];
    assert_eq!(detail.uetr.as_deref(), Some("9d3b1f9e-3c1a-4a5e-8f7a-2f6f0a1b2c3d"));
    assert_eq!(detail.bank_ref.as_deref(), Some("D-2"));
    samples::assert_valid(V08, "camt.053.001.08.xsd");
}

#[test]
fn a_notification_tells_the_same_entry_earlier() {
    let note = only(NOTE);
    assert_eq!(
        (note.kind, note.balance_check()),
        (MessageKind::Notification, BalanceCheck::NotGiven)
    );
    assert_eq!(note.entries[0].key, only(V08).entries[1].key);
    samples::assert_valid(NOTE, "camt.054.001.08.xsd");
}

#[test]
fn the_shared_statement_settles_the_shared_order() {
    let Ok(file) = std::fs::read_to_string(samples::shared("camt053.xml")) else {
        eprintln!("no statement beside the repository; nothing to read");
        return;
    };
    let statement = only(&file);
    assert_eq!(statement.balance_check(), BalanceCheck::Holds);
    let lines = bank_lines(&statement);
    assert_eq!(lines[0].end_to_end_id.as_deref(), Some("NET-20261122-BANKA"));
    assert_eq!((lines[0].amount, lines[0].side), (Money(12_345_678), Side::Debit));
    assert_eq!(lines[0].texts, ["RF38NET20261122"]);
}

#[test]
fn a_declared_encoding_is_read() {
    let file = V08.replace("UTF-8", "windows-1251").replace("Расчёты", "Оплата");
    let (bytes, _, is_lossy) = encoding_rs::WINDOWS_1251.encode(&file);
    assert!(!is_lossy);
    let statements = read_camt_053(&bytes, &CamtLimits::default()).expect("it can be read");
    assert_eq!(bank_lines(&statements[0])[1].texts, ["Оплата за 22.11.2026"]);

    let as_utf8 = file.replace("windows-1251", "utf-8");
    let (bytes, ..) = encoding_rs::WINDOWS_1251.encode(&as_utf8);
    let error = read_camt_053(&bytes, &CamtLimits::default()).expect_err("no UTF-8");
    assert!(error.to_string().contains("utf-8"), "{error}");
}

#[test]
fn payments_that_do_not_sum_to_the_entry_are_not_told_apart() {
    let file = V02.replace("200.25</Amt>", "200.24</Amt>");
    let lines = bank_lines(&only(&file));
    assert_eq!((lines[0].amount, lines.len()), (Money(30_050), 2));
    assert_eq!((&lines[0].end_to_end_id, lines[0].texts.len()), (&None, 0));
}

#[test]
fn an_entry_keeps_its_key_when_it_is_booked_after_it_was_expected() {
    let entry = &NOTE[NOTE.find("<Ntry>").expect("an entry")..];
    let entry = &entry[..entry.find("</Ntfctn>").expect("its end")];
    let expected = entry.replace("BOOK", "PDNG");
    let both = only(&NOTE.replace(entry, &format!("{expected}{entry}")));
    assert_eq!(both.entries[1].key, only(NOTE).entries[0].key);
    assert_ne!(both.entries[0].key, both.entries[1].key);
    assert_eq!(bank_lines(&both).len(), 1);
}
