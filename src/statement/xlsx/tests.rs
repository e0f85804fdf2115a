//! Workbooks, read back by another library.

use std::io::Cursor;

use calamine::{Data, Range, Reader as _, Xlsx};
use serde_json::json;

use super::*;
use crate::domain::amount::Money;
use crate::statement::columns::decimal;
use crate::statement::samples::{FORMULA, SCALE, line, lines};

fn sections() -> Vec<(String, Value)> {
    let sections = json!([
        ["header", {
            "statement": "bank.2026-06-01", "party": "bank", "operator": "hub",
            "closed_at": "2026-07-01T00:00:05.125Z", "previous": null,
            "shards": [{"shard": 3, "first": 1}],
        }],
        ["summary", {"gross_debit": "104423.16", "gross_credit": "0.72", "net": "-104422.44"}],
        ["matrix", [
            {
                "counterparty": "1234",
                "debit": "104423.16", "credit": "0.00", "net": "-104423.16",
            },
            {"counterparty": "@brand", "debit": "0.00", "credit": "0.72", "net": "0.72"},
        ]],
        ["packs", []],
        ["late", [{"day": "2026-05-01", "why": "=1+1"}]],
        ["control", {
            "lines": 5, "points": "31.50", "debit": "104423.16", "credit": "0.72",
            "by_type": {
                "earn": {"count": 3, "debit": "104401.44", "credit": "0.00"},
                "earn_cancel": {"count": 1, "debit": "0.00", "credit": "0.72"},
                "vat": {"count": 1, "debit": "21.72", "credit": "0.00"},
            },
        }],
    ]);
    serde_json::from_value(sections).expect("pairs of a name and a section")
}

fn write_cut(
    sections: &[(String, Value)],
    lines: &[Line],
    sheet_lines_max: u32,
) -> (Vec<u8>, Written) {
    let scratch = std::env::temp_dir();
    let book = Book { sections, money_scale: SCALE, scratch: &scratch };
    let mut out = Vec::new();
    let written = book
        .write_cut(&mut out, sheet_lines_max, |sink| lines.iter().try_for_each(sink))
        .expect("memory takes it");
    (out, written)
}

fn write(sections: &[(String, Value)], lines: &[Line]) -> (Vec<u8>, Written) {
    write_cut(sections, lines, LINES_PER_SHEET_MAX)
}

fn open(bytes: &[u8]) -> Xlsx<Cursor<&[u8]>> {
    Xlsx::new(Cursor::new(bytes)).expect("a workbook")
}

fn sheet(bytes: &[u8], name: &str) -> Range<Data> {
    open(bytes).worksheet_range(name).expect("a sheet")
}

/// The column of a name, without the name.
fn column(range: &Range<Data>, name: &str) -> Vec<Data> {
    let head = range.rows().next().expect("a header row");
    let place = head.iter().position(|cell| *cell == *name).expect("a column");
    range.rows().skip(1).map(|row| row[place].clone()).collect()
}

fn text(text: &str) -> Data {
    Data::String(text.to_owned())
}

#[test]
fn sections_lines_and_checks_stand_in_their_order() {
    let (bytes, written) = write(&sections(), &lines());
    let names = ["header", "summary", "matrix", "packs", "lines", "late", "control", "checks"];
    assert_eq!(open(&bytes).sheet_names(), names);
    assert_eq!(written.differing, Vec::<String>::new());
    assert_eq!(written.sums.debit, Money(10_442_316));
}

#[test]
fn the_lines_read_back_add_up_to_the_sums() {
    let (bytes, written) = write(&sections(), &lines());
    let range = sheet(&bytes, "lines");
    let names: Vec<String> =
        range.rows().next().expect("a row").iter().map(Data::to_string).collect();
    assert_eq!(names, COLUMNS.map(|column| column.name));
    let sum = |name| {
        let cells = column(&range, name).into_iter().filter(|cell| *cell != Data::Empty);
        cells
            .map(|cell| match cell {
                Data::Float(number) => decimal(&number.to_string()).expect("a number"),
                other => panic!("{name} is no number: {other:?}"),
            })
            .sum::<rust_decimal::Decimal>()
            .normalize()
            .to_string()
    };
    assert_eq!(sum("points"), written.sums.points_text());
    assert_eq!(sum("gross_debit"), written.sums.debit.text(SCALE));
    assert_eq!(sum("gross_credit"), written.sums.credit.text(SCALE));
    assert_eq!(sum("line_no"), "15");
}

#[test]
fn dates_are_dates_in_utc() {
    let (bytes, _) = write(&sections(), &lines());
    let parts = |cell: &Data| match cell {
        Data::DateTime(date) => date.to_ymd_hms_milli(),
        other => panic!("no date: {other:?}"),
    };
    let range = sheet(&bytes, "lines");
    let (year, month, day, hour, minute, ..) = parts(&column(&range, "processed_at")[0]);
    assert_eq!((year, month, day, hour, minute), (2026, 6, 1, 9, 1));
    assert_eq!(parts(&column(&range, "processed_at")[0]), (2026, 6, 1, 9, 1, 2, 250));
    assert_eq!(parts(&column(&range, "original_window")[2]), (2026, 5, 1, 0, 0, 0, 0));
    assert_eq!(column(&range, "original_window")[0], Data::Empty);
    assert_eq!(column(&range, "window")[0], text("2026-06-01"), "a cycle's id is a name");
    assert_eq!(parts(&column(&sheet(&bytes, "late"), "day")[0]), (2026, 5, 1, 0, 0, 0, 0));
    assert_eq!(parts(&value(&sheet(&bytes, "header"), "closed_at")), (2026, 7, 1, 0, 0, 5, 125));
}

/// The value beside a key.
fn value(range: &Range<Data>, key: &str) -> Data {
    let row = range.rows().find(|row| row[0] == *key);
    row.unwrap_or_else(|| panic!("no {key}"))[1].clone()
}

#[test]
fn sections_become_keys_and_values_or_tables() {
    let (bytes, _) = write(&sections(), &lines());
    assert_eq!(value(&sheet(&bytes, "header"), "statement"), text("bank.2026-06-01"));
    assert_eq!(value(&sheet(&bytes, "header"), "shards.1.shard"), Data::Float(3.0));
    assert_eq!(value(&sheet(&bytes, "header"), "previous"), Data::Empty);
    assert_eq!(value(&sheet(&bytes, "summary"), "net"), Data::Float(-104_422.44));
    let by_type = value(&sheet(&bytes, "control"), "by_type.earn.debit");
    assert_eq!(by_type, Data::Float(104_401.44));
    let matrix = sheet(&bytes, "matrix");
    let head: Vec<String> =
        matrix.rows().next().expect("a row").iter().map(Data::to_string).collect();
    assert_eq!(head[0], "counterparty", "names before figures");
    assert_eq!(column(&matrix, "debit"), [Data::Float(104_423.16), Data::Float(0.0)]);
}

#[test]
fn what_a_partner_wrote_is_text() {
    let (bytes, _) = write(&sections(), &lines());
    let references = column(&sheet(&bytes, "lines"), "partner_ref");
    assert_eq!(references[1], text(FORMULA));
    assert_eq!(references[2], text("-12"));
    assert_eq!(column(&sheet(&bytes, "late"), "why"), [text("=1+1")]);
    let parties = column(&sheet(&bytes, "matrix"), "counterparty");
    assert_eq!(parties, [text("1234"), text("@brand")]);
    let mut book = open(&bytes);
    for name in book.sheet_names() {
        let formulas = book.worksheet_formula(&name).expect("a sheet");
        assert!(formulas.is_empty(), "{name} has a formula");
    }
}

#[test]
fn a_figure_that_a_double_cannot_show_is_text() {
    let exact = ["0", "-0.72", "999999999999999", "9999999999999.99", "0.0000000001"];
    for figure in exact {
        let (double, decimals) = cells::number(figure).expect("a number");
        assert_eq!(format!("{double:.decimals$}"), figure);
    }
    let text_only = [
        "",
        "-",
        "007",
        "1.",
        ".5",
        "1e5",
        "+1",
        "1 000",
        "inf",
        "NaN",
        "1.2.3",
        "1000000000000000",
        "10000000000000.01",
        "0.00000000001",
    ];
    for figure in text_only {
        assert_eq!(cells::number(figure), None, "{figure}");
    }
    let mut large = line(1);
    large.amount = Money(1_000_000_000_000_001);
    let (bytes, _) = write(&[], &[large]);
    assert_eq!(column(&sheet(&bytes, "lines"), "gross_debit"), [text("10000000000000.01")]);
}

#[test]
fn a_check_finds_what_differs() {
    let result = |bytes: &[u8], check: &str| -> String {
        let range = sheet(bytes, "checks");
        let row = range.rows().find(|row| row[0] == *check).expect("a check");
        row[3].to_string()
    };
    let (bytes, _) = write(&sections(), &lines());
    let all = column(&sheet(&bytes, "checks"), "result");
    assert_eq!(all, vec![text("OK"); 4 + 9 + 3 + 2]);

    let mut wrong = sections();
    wrong[1].1["net"] = json!("-104422.45");
    wrong[2].1[1]["net"] = json!("0.71");
    wrong[5].1["points"] = json!("many");
    wrong[5].1["by_type"]["fee"] = json!({"count": 1, "debit": "0.00", "credit": "0.00"});
    wrong[5].1.as_object_mut().expect("an object").remove("debit");
    let (bytes, written) = write(&wrong, &lines());
    let differing = [
        "control.points",
        "control.by_type.fee.count",
        "summary.net",
        "matrix.net",
        "matrix.credit_less_debit",
    ];
    assert_eq!(written.differing, differing);
    for check in differing {
        assert_eq!(result(&bytes, check), "DIFFERS");
    }
    assert_eq!(result(&bytes, "control.debit"), "NOT STATED");
    assert_eq!(result(&bytes, "control.credit"), "OK");

    let (_, written) = write(&sections(), &lines()[..4]);
    assert!(written.differing.contains(&"control.lines".to_owned()));
}

#[test]
fn lines_go_on_to_another_sheet() {
    let (bytes, written) = write_cut(&sections(), &lines(), 2);
    let names = open(&bytes).sheet_names();
    assert_eq!(names[4..8], ["lines", "lines 2", "lines 3", "late"]);
    let numbers =
        ["lines", "lines 2", "lines 3"].map(|name| column(&sheet(&bytes, name), "line_no"));
    let expected = [vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0]];
    assert_eq!(
        numbers,
        expected.map(|sheet| sheet.into_iter().map(Data::Float).collect::<Vec<_>>())
    );
    assert_eq!(written.differing, Vec::<String>::new());
    let (bytes, _) = write_cut(&[], &lines()[..4], 2);
    assert_eq!(open(&bytes).sheet_names(), ["lines", "lines 2", "checks"], "no empty sheet");
}

#[test]
fn the_same_statement_gives_the_same_bytes() {
    let (first, second) = (write(&sections(), &lines()), write(&sections(), &lines()));
    assert!(first == second);
    let mut later = sections();
    later[0].1["closed_at"] = json!("2026-07-01T00:00:06Z");
    assert!(write(&later, &lines()).0 != first.0);
}

#[test]
fn errors_come_back() {
    let scratch = std::env::temp_dir();
    let book = Book { sections: &[], money_scale: SCALE, scratch: &scratch };
    let lost = book.write(Vec::new(), |sink| {
        sink(&line(1))?;
        Err(io::Error::other("the journal is lost"))
    });
    assert_eq!(lost.expect_err("lost").to_string(), "the journal is lost");
    let mut room = [0_u8; 100];
    let full = book.write(&mut room[..], |sink| sink(&line(1)));
    assert!(full.is_err());
    let nowhere = Book { scratch: Path::new("/nowhere/at/all"), ..book };
    assert!(nowhere.write(Vec::new(), |sink| sink(&line(1))).is_err());
}

#[test]
fn many_lines_need_little_memory() {
    let scratch = std::env::temp_dir();
    let book = Book { sections: &[], money_scale: SCALE, scratch: &scratch };
    let many = 100_000;
    let before = memory_peak();
    let written = book
        .write(io::sink(), |sink| (1..=many).try_for_each(|number| sink(&line(number))))
        .expect("a sink takes it");
    assert_eq!(written.sums.lines, u64::from(many));
    assert_eq!(written.sums.debit, Money(72 * i64::from(many)));
    let grown = memory_peak().zip(before).map(|(after, before)| after.saturating_sub(before));
    assert!(grown.is_none_or(|kilobytes| kilobytes < 150_000), "{grown:?} KB more");
}

/// The most memory that this process had so far, in KB, where the system tells.
fn memory_peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}
