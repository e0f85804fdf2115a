//! The CSV of statements, read back.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};

use super::*;
use crate::domain::amount::Money;
use crate::statement::samples::{FORMULA, SCALE, line, lines};
use rust_decimal::Decimal;

type Row = BTreeMap<String, String>;

fn write(profile: CsvProfile, lines: &[Line]) -> (String, Sums) {
    let mut out = Vec::new();
    let mut writer = CsvWriter::new(&mut out, profile, SCALE).expect("memory takes it");
    for line in lines {
        writer.line(line).expect("memory takes it");
    }
    let sums = writer.finish().expect("memory takes it");
    (String::from_utf8(out).expect("UTF-8"), sums)
}

/// The rows by their columns, as a reader of CSV sees them.
fn read(text: &str, profile: CsvProfile) -> Vec<Row> {
    let mut reader = ::csv::ReaderBuilder::new()
        .delimiter(profile.delimiter())
        .comment(Some(b'#'))
        .from_reader(text.as_bytes());
    reader.deserialize().map(|row| row.expect("a row of as many fields as the header")).collect()
}

#[test]
fn the_columns_are_as_agreed() {
    let (text, _) = write(CsvProfile::Comma, &lines()[2..3]);
    let rows: Vec<&str> = text.lines().collect();
    assert_eq!(
        rows[0],
        "line_no,entry_seq,record_type,activity_at,processed_at,partner_ref,our_ref,original_ref,\
         member,kind,programme,counterparty,agreement,agreement_version,promo,lot,purchase_amount,\
         currency,points,price_per_point,gross_debit,gross_credit,vat_rate,vat_amount,net_debit,\
         net_credit,settlement_currency,fx_rate,window,original_window,status,obligation,tz,shop,till,\
         shift,receipt,fiscal_sign,funder,lot_issuer,percentage,dispute_id,proof"
    );
    assert_eq!(
        rows[1],
        "3,3/1003/1,earn_cancel,2026-05-31T20:59:59.999999Z,2026-06-01T09:01:04.25Z,-12,tx_3_1003,,\
         m_3_7,card_payment,club,brand,bank,4,,,100.00,RUB,-10,0.80,,0.72,,,,0.72,RUB,1,2026-06-01,\
         2026-05-01,posted,funding,Europe/Moscow,,,,,,brand,,,,3/1002"
    );
}

#[test]
fn the_last_row_says_what_the_rows_add_up_to_and_hash_to() {
    for profile in [CsvProfile::Semicolon, CsvProfile::Comma] {
        let (text, sums) = write(profile, &lines());
        let end = text.rfind("#END").expect("a last row");
        let hash = hex::encode(Sha256::digest(&text.as_bytes()[..end]));
        let expected =
            format!("#END;lines=5;points=31.5;debit=104423.16;credit=0.72;sha256={hash}\n");
        assert_eq!(&text[end..], expected);
        let rows = read(&text, profile);
        let sum = |column: &str| -> Decimal {
            rows.iter().filter_map(|row| row[column].parse::<Decimal>().ok()).sum()
        };
        assert_eq!((sums.lines, sums.points), (5, sum("points")));
        assert_eq!(sums.debit, Money(10_442_316));
        assert_eq!(sum("gross_debit").to_string(), "104423.16");
        assert_eq!(sum("gross_credit").to_string(), sums.credit.text(SCALE));
    }
}

#[test]
fn nothing_begins_like_a_formula_unless_it_is_a_number() {
    for profile in [CsvProfile::Semicolon, CsvProfile::Comma] {
        let rows = read(&write(profile, &lines()).0, profile);
        assert_eq!(rows[1]["partner_ref"], format!("'{FORMULA}"));
        assert_eq!(rows[2]["partner_ref"], "-12");
        assert_eq!(rows[2]["points"], "-10");
    }
    for text in ["=1", "+1", "@a", "-a", "-", "-1-1", "--1", "-1.", "-.5", "\t=1", "\r=1", "-1e5"] {
        assert_eq!(printed(&Cell::Text(text.into())), format!("'{text}"), "{text:?}");
    }
    for text in ["", "-1", "-1.50", "1=1", "R-1", "'=1", "#1"] {
        assert_eq!(printed(&Cell::Text(text.into())), text, "{text:?}");
    }
}

#[test]
fn the_gross_is_the_net_and_the_vat_over_the_whole_statement() {
    let (text, _) = write(CsvProfile::Semicolon, &lines());
    let rows = read(&text, CsvProfile::Semicolon);
    assert_eq!(
        (rows[3]["vat_rate"].as_str(), rows[3]["vat_amount"].as_str()),
        ("0.20", "17400.00")
    );
    assert_eq!(rows[3]["net_debit"], "87000.00");
    assert_eq!((rows[4]["gross_debit"].as_str(), rows[4]["net_debit"].as_str()), ("21.72", "0.00"));
    // On top of 108.60, at 20 %, are the 21.72 of the line that charges it.
    let mut on_top = lines();
    on_top[0].amount = Money(10_860);
    let (rate, amount) = ("0.20".to_owned(), Money(2_172));
    on_top[0].vat = Some(crate::statement::LineVat { rate, amount, included: false });
    let rows = read(&write(CsvProfile::Semicolon, &on_top).0, CsvProfile::Semicolon);
    let sum = |column: &str| -> Decimal {
        rows.iter().filter_map(|row| row[column].parse::<Decimal>().ok()).sum()
    };
    assert_eq!(sum("gross_debit"), sum("net_debit") + sum("vat_amount"));
}

#[test]
fn the_same_lines_give_the_same_bytes() {
    assert_eq!(write(CsvProfile::Comma, &lines()), write(CsvProfile::Comma, &lines()));
}

#[test]
fn a_text_with_the_delimiter_stays_one_field() {
    let mut one = line(1);
    one.entry.reference = Some("a;\"b\",c".parse().expect("a reference"));
    for profile in [CsvProfile::Semicolon, CsvProfile::Comma] {
        let rows = read(&write(profile, std::slice::from_ref(&one)).0, profile);
        assert_eq!(rows[0]["partner_ref"], "a;\"b\",c");
    }
}

#[test]
fn an_output_that_takes_no_more_is_an_error() {
    let mut room = [0_u8; 600];
    let mut writer = CsvWriter::new(&mut room[..], CsvProfile::Comma, SCALE).expect("room");
    let written = (1..1000).try_for_each(|number| writer.line(&line(number)));
    assert!(written.is_err());
}

#[test]
fn no_lines_are_a_whole_file() {
    let (text, sums) = write(CsvProfile::Semicolon, &[]);
    assert_eq!(sums, Sums::default());
    assert!(text.contains("\n#END;lines=0;points=0;debit=0.00;credit=0.00;sha256="), "{text}");
}
