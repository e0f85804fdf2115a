//! Lists of a partner's own books, in each form.

use std::collections::BTreeMap;

use rust_xlsxwriter::Workbook;
use serde_json::{Value, json};

const AT: &str = "2025-03-03T09:00:00Z";

/// A line of the shop's list.
#[derive(Clone, Debug)]
pub struct Line {
    pub reference: String,
    pub kind: &'static str,
    pub cents: i64,
    pub points: i64,
    pub at: &'static str,
    pub currency: &'static str,
}

impl Line {
    /// A purchase.
    pub fn new(reference: &str, cents: i64) -> Self {
        let (kind, at, currency) = ("purchase", AT, "RUB");
        Self { reference: reference.to_owned(), kind, cents, points: cents / 1_000, at, currency }
    }

    /// Its amount as text.
    pub fn amount(&self) -> String {
        let sign = if self.cents < 0 { "-" } else { "" };
        format!("{sign}{}.{:02}", self.cents.abs() / 100, self.cents.abs() % 100)
    }

    fn cells(&self) -> [String; 6] {
        let (kind, at, currency) = (self.kind, self.at, self.currency);
        let [kind, at, currency] = [kind, at, currency].map(str::to_owned);
        [self.reference.clone(), kind, self.amount(), self.points.to_string(), at, currency]
    }
}

const COLUMNS: [&str; 6] = ["ref", "kind", "sum", "points", "at", "currency"];

/// How the list is written.
pub fn profile(format: &str) -> Value {
    json!({"format": format, "columns": {
        "reference": "ref", "kind": "kind", "amount": "sum", "points": "points", "at": "at",
        "currency": "currency"
    }})
}

/// The bytes of a list.
pub fn list(format: &str, lines: &[Line]) -> Vec<u8> {
    match format {
        "csv" => {
            let mut text = COLUMNS.join(",");
            for line in lines {
                text.push('\n');
                text.push_str(&line.cells().join(","));
            }
            text.into_bytes()
        }
        "ndjson" => {
            let object = |line: &Line| -> String {
                let members = COLUMNS.into_iter().zip(line.cells());
                json!(members.collect::<BTreeMap<_, _>>()).to_string()
            };
            lines.iter().map(object).collect::<Vec<_>>().join("\n").into_bytes()
        }
        _ => {
            let mut workbook = Workbook::new();
            let sheet = workbook.add_worksheet();
            let header = COLUMNS.map(str::to_owned);
            let rows = std::iter::once(header).chain(lines.iter().map(Line::cells));
            for (row, cells) in (0..).zip(rows) {
                for (column, cell) in (0..).zip(cells) {
                    sheet.write(row, column, cell).expect("a cell");
                }
            }
            workbook.save_to_buffer().expect("a workbook")
        }
    }
}
