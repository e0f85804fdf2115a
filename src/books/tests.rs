//! Tests of reading lists.

use std::io::Cursor;

use rust_xlsxwriter::{ExcelDateTime, Format as CellFormat, Workbook};
use serde_json::json;

use super::*;
use crate::domain::amount::{Money, Points};
use crate::domain::command::Kind;
use crate::domain::obligation::Scales;
use crate::domain::reconciliation::Control;
use crate::domain::time::Instant;

const SCALES: Scales = Scales { points: 0, money: 2 };

fn layout(profile: serde_json::Value) -> Layout {
    let profile: Profile = serde_json::from_value(profile).expect("a profile");
    profile.check(SCALES).expect("a profile that can be read by")
}

fn simple(format: &str) -> Layout {
    layout(json!({
        "format": format, "currency": "RUB",
        "columns": {"reference": "ref", "kind": "kind", "amount": "sum", "points": "points",
            "at": "at"},
    }))
}

/// How a Russian accounting program exports.
fn russian() -> serde_json::Value {
    json!({
        "delimiter": ";", "encoding": "windows-1251", "currency": "RUB", "zone": "Europe/Moscow",
        "columns": {"reference": "Чек", "kind": "Вид", "amount": "Сумма", "points": "Баллы",
            "at": "Дата"},
        "kinds": {"Продажа": "purchase", "Возврат": "refund"},
        "dates": ["DD.MM.YYYY HH:MM:SS", "DD.MM.YYYY"],
        "decimal_comma": true, "amount_is": "unsigned_with_kind", "requires_control": true,
    })
}

fn read(layout: &Layout, bytes: &[u8]) -> Result<(Vec<TheirLine>, Upload), BooksError> {
    let mut lines = Vec::new();
    let mut sink = |line| {
        lines.push(line);
        Ok(())
    };
    let upload = read_lines(layout, Cursor::new(bytes), &mut sink)?;
    Ok((lines, upload))
}

fn wrong(layout: &Layout, bytes: &[u8]) -> Vec<LineError> {
    match read(layout, bytes) {
        Err(BooksError::Lines(errors)) => errors,
        other => panic!("the lines should be refused, not {other:?}"),
    }
}

fn receipt() -> TheirLine {
    TheirLine {
        line_no: 2,
        reference: "R-1".to_owned(),
        kind: Some(Kind::Purchase),
        amount: Money(123_456),
        points: Points(12),
        at: Instant::parse("2026-06-02T09:30:00Z").expect("an instant"),
        currency: "RUB".parse().expect("a currency"),
    }
}

#[test]
fn csv_is_read_by_the_names_of_its_columns() {
    let text = "\u{feff}shop, AT ,sum,points,ref,kind\r\n\
        1,2026-06-02T12:30:00+03:00,1234.56,12,R-1,purchase\r\n\r\n\
        1,2026-06-02T12:30:00+03:00,\"-1 234.56\",-12,'-R,refund\r\n,,,,,\r\n\
        #END;lines=2;amount=0.00;points=0;sha256=00\r\n";
    let (lines, upload) = read(&simple("csv"), text.as_bytes()).expect("a list");
    assert_eq!(lines[0], receipt());
    assert_eq!((lines[1].amount, lines[1].points), (Money(-123_456), Points(-12)));
    assert_eq!(lines[1].reference, "-R");
    let (lines, amount, points) = (Some(2), Some(Money(0)), Some(Points(0)));
    let control = Control { lines, amount, points, range: None };
    assert_eq!(upload, Upload { lines: 2, control: Some(control) });
}

#[test]
fn windows_1251_commas_and_words_of_the_partner_are_understood() {
    let text = "Чек;Вид;Сумма;Баллы;Дата\n\
        R-1;Продажа;1 234,56;12;02.06.2026 12:30:00\n\
        R-2;Возврат;1234,5;;2.6.2026\n\
        #END;lines=2;amount=0,06\n";
    let (bytes, _, _) = encoding_rs::WINDOWS_1251.encode(text);
    let (lines, upload) = read(&layout(russian()), &bytes).expect("a list");
    assert_eq!(lines[0], receipt());
    assert_eq!((lines[1].amount, lines[1].points), (Money(-123_450), Points(0)));
    assert_eq!(lines[1].at, Instant::parse("2026-06-01T21:00:00Z").expect("an instant"));
    assert_eq!(upload.control.expect("a control line").amount, Some(Money(6)));
}

#[test]
fn ndjson_is_read_by_the_names_of_its_members() {
    let text = "\u{feff}{\"ref\":\"R-1\",\"kind\":\"purchase\",\"sum\":1234.56,\"points\":\"12\",\
        \"at\":\"2026-06-02T09:30:00Z\",\"till\":[1,2]}\n\n\
        {\"sum\":\"-0.10\",\"points\":null,\"at\":\"2026-06-02T09:30:00Z\"}\n\
        {\"#END\":{\"lines\":2,\"amount\":\"1234.46\"}}";
    let (lines, upload) = read(&simple("ndjson"), text.as_bytes()).expect("a list");
    assert_eq!(lines[0], TheirLine { line_no: 1, ..receipt() });
    assert_eq!((lines[1].line_no, lines[1].kind, lines[1].amount), (3, None, Money(-10)));
    assert_eq!(lines[1].reference, "");
    let control = upload.control.expect("a control line");
    assert_eq!((control.lines, control.amount), (Some(2), Some(Money(123_446))));
}

#[test]
fn a_workbook_is_read_with_its_numbers_and_dates() {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    let date = CellFormat::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    for (column, name) in (0..).zip(["at", "sum", "other", "ref", "points", "kind"]) {
        sheet.write(2, column, name).expect("a cell");
    }
    let at = ExcelDateTime::parse_from_str("2026-06-02 12:30:00").expect("a date");
    sheet.write_with_format(3, 0, &at, &date).expect("a cell");
    sheet.write(3, 1, 1234.56).expect("a cell");
    sheet.write(3, 3, "R-1").expect("a cell");
    sheet.write(3, 4, 12).expect("a cell");
    sheet.write(3, 5, "purchase").expect("a cell");
    sheet.write_with_format(4, 0, &at, &date).expect("a cell");
    sheet.write(4, 1, 0.1 + 0.2).expect("a cell");
    sheet.write(4, 3, 17_850).expect("a cell");
    sheet.write(5, 0, "#END;lines=2;points=12").expect("a cell");
    let bytes = workbook.save_to_buffer().expect("a workbook");
    let mut profile = simple("xlsx").profile;
    profile.zone = "Europe/Moscow".to_owned();
    profile.decimal_comma = true;
    let layout = profile.check(SCALES).expect("a profile");
    let (lines, upload) = read(&layout, &bytes).expect("a list");
    assert_eq!(lines[0], TheirLine { line_no: 4, ..receipt() });
    assert_eq!((lines[1].amount, lines[1].reference.as_str()), (Money(30), "17850"));
    assert_eq!(upload.control.expect("a control line").points, Some(Points(12)));
    let torn = read(&layout, &bytes[..bytes.len() / 2]);
    assert!(matches!(torn, Err(BooksError::Workbook(_))), "{torn:?}");
}

#[test]
fn a_wrong_line_is_told_with_its_number_its_column_and_what_to_do() {
    let text = "ref,kind,sum,points,at\n\
        R-1,purchase,1.999,1,2026-06-02T09:30:00Z\n\
        R-2,gift,1.00,1,2026-06-02T09:30:00Z\n\
        R-3,purchase,abc,1,2026-06-02T09:30:00Z\n\
        R-4,purchase,1.00,1,02.06.2026\n\
        R-5,purchase,,,2026-06-02T09:30:00Z\n\
        R-6,purchase,1.00,1\n\
        #END;lines=many\n\
        R-7,purchase,1.00,1,2026-06-02T09:30:00Z\n";
    let errors = wrong(&simple("csv"), text.as_bytes());
    let places: Vec<(u64, &str)> =
        errors.iter().map(|one| (one.line, one.column.as_deref().unwrap_or("-"))).collect();
    let expected = [
        (2, "sum"),
        (3, "kind"),
        (4, "sum"),
        (5, "at"),
        (6, "sum"),
        (7, "at"),
        (8, "lines"),
        (9, "-"),
    ];
    assert_eq!(places, expected);
    assert_eq!(errors[0].detail, "at most 2 digits may follow the point");
}

#[test]
fn a_hundred_wrong_lines_are_enough() {
    let mut text = "ref,kind,sum,points,at\n".to_owned();
    text.push_str(&"R,purchase,x,1,2026-06-02T09:30:00Z\n".repeat(500));
    assert_eq!(wrong(&simple("csv"), text.as_bytes()).len(), ERRORS_MAX);
}

#[test]
fn a_line_without_an_end_is_not_read_into_memory() {
    let long = format!("ref,kind,sum,points,at\nR-1,\"{}", "a\n".repeat(5_000_000));
    let mut source = Cursor::new(long.into_bytes());
    let mut sink = |_| Ok(());
    let error = read_text_lines(&simple("csv"), &mut source, &mut sink).expect_err("too long");
    assert!(matches!(&error, BooksError::Lines(lines) if lines[0].line == 2), "{error:?}");
    assert!(source.position() < 400_000, "{} bytes were read", source.position());
    let long = format!("{{\"ref\":\"{}\"}}", "a".repeat(LINE_MAX));
    assert_eq!(wrong(&simple("ndjson"), long.as_bytes())[0].line, 1);
}

#[test]
fn letters_of_another_encoding_are_refused() {
    let (bytes, _, _) = encoding_rs::WINDOWS_1251
        .encode("ref,kind,sum,points,at\nЧек,purchase,1,1,2026-06-02T09:30:00Z\n");
    assert_eq!(wrong(&simple("csv"), &bytes)[0].line, 2);
}

#[test]
fn a_column_must_be_there_once() {
    let layout = simple("csv");
    for header in ["ref,kind,sum,at\n", "ref,kind,sum,points,at,Points\n"] {
        let error = read(&layout, header.as_bytes()).expect_err("no such column");
        assert!(matches!(&error, BooksError::Column(name) if name == "points"), "{error:?}");
    }
    assert!(matches!(read(&layout, b""), Err(BooksError::Empty)));
}

#[test]
fn a_profile_that_nothing_can_be_read_by_is_refused() {
    let refused = |change: serde_json::Value| {
        let mut profile = russian();
        for (name, value) in change.as_object().expect("an object") {
            profile[name] = value.clone();
        }
        let profile: Profile = serde_json::from_value(profile).expect("a profile");
        profile.check(SCALES).expect_err("refused").pointer
    };
    assert_eq!(refused(json!({"columns": {"amount": "a"}})), "/columns/at");
    assert_eq!(refused(json!({"columns": {"at": "a"}})), "/columns");
    let unknown_sign = json!({"columns": {"at": "a", "amount": "b"}});
    assert_eq!(refused(unknown_sign), "/columns/kind");
    assert_eq!(refused(json!({"currency": null})), "/currency");
    assert_eq!(refused(json!({"zone": "Mars"})), "/zone");
    assert_eq!(refused(json!({"delimiter": "x"})), "/delimiter");
    assert_eq!(refused(json!({"dates": []})), "/dates");
    let unknown = json!({"columns": {"at": "a", "amount": "b"}, "colour": 1});
    assert!(serde_json::from_value::<Profile>(unknown).is_err());
    let profile = layout(russian()).profile;
    let again = serde_json::to_value(&profile).and_then(serde_json::from_value::<Profile>);
    assert_eq!(again.expect("a profile"), profile);
}

#[test]
fn no_bytes_bring_the_reader_down() {
    use proptest::prelude::*;
    let layouts = [simple("csv"), simple("ndjson"), simple("xlsx"), layout(russian())];
    proptest!(|(bytes in prop::collection::vec(any::<u8>(), 0..400), text in ".{0,200}")| {
        for layout in &layouts {
            drop(read(layout, &bytes));
            let list = format!("ref,kind,sum,points,at\n{text}\n");
            drop(read(layout, list.as_bytes()));
        }
    });
}
