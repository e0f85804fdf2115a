//! The sheet of checks: what the sections say, beside what the lines add up to.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use rust_xlsxwriter::{Worksheet, XlsxError};
use serde_json::Value;

use super::cells::{self, Formats};
use crate::domain::amount::Money;
use crate::statement::columns::{Cell, Sums, decimal};
use crate::statement::line::Line;

/// What the lines add up to, all, of each type and between parties.
#[derive(Default)]
pub struct Tally {
    /// All lines.
    pub sums: Sums,
    by_type: BTreeMap<&'static str, Gross>,
    /// Lines that have a counterparty.
    between: Gross,
}

#[derive(Clone, Copy, Default)]
struct Gross {
    count: u64,
    debit: Money,
    credit: Money,
}

impl Gross {
    fn add(&mut self, line: &Line) {
        self.count += 1;
        self.debit += line.debit().unwrap_or(Money::ZERO);
        self.credit += line.credit().unwrap_or(Money::ZERO);
    }
}

/// One check.
pub struct Check {
    /// What is checked.
    pub name: String,
    /// The figure of a section, if it says one.
    stated: Option<String>,
    /// The figure added up.
    added: String,
}

impl Check {
    /// Whether the section says something else.
    pub fn differs(&self) -> bool {
        self.stated.as_deref().is_some_and(|stated| {
            decimal(stated).is_none_or(|stated| Some(stated) != decimal(&self.added))
        })
    }

    fn verdict(&self) -> &'static str {
        match self.stated {
            None => "NOT STATED",
            Some(_) if self.differs() => "DIFFERS",
            Some(_) => "OK",
        }
    }
}

/// Writes the sheet.
///
/// # Errors
/// If a text has more than 32,767 characters.
pub fn write(sheet: &mut Worksheet, formats: &Formats, checks: &[Check]) -> Result<(), XlsxError> {
    let head = ["check", "figure of the section", "added up", "result"];
    cells::write_head(sheet, formats, head.into_iter())?;
    sheet.set_column_width(0, 48)?;
    for (row, check) in (1_u32..).zip(checks) {
        let stated = check.stated.as_deref().map_or(Cell::Empty, |one| Cell::Figure(one.into()));
        let cells = [
            Cell::Text(check.name.as_str().into()),
            stated,
            Cell::Figure(check.added.as_str().into()),
            Cell::Text(check.verdict().into()),
        ];
        for (column, cell) in (0_u16..).zip(&cells) {
            cells::write(sheet, formats, (row, column), cell)?;
        }
    }
    Ok(())
}

impl Tally {
    /// Adds a line.
    pub fn add(&mut self, line: &Line) {
        self.sums.add(line);
        self.by_type.entry(line.record_type).or_default().add(line);
        if line.counterparty().is_some() {
            self.between.add(line);
        }
    }

    /// All checks that the sections allow. The four of the control section are always there; a
    /// figure that another section does not have is not checked.
    pub fn checks(&self, sections: &[(String, Value)], money_scale: u32) -> Vec<Check> {
        let text = |money: Money| money.text(money_scale);
        let stated = |path: &[&str]| figure_at(sections, path);
        let net = self.sums.credit - self.sums.debit;
        let control = [
            ("lines", self.sums.lines.to_string()),
            ("points", self.sums.points_text()),
            ("debit", text(self.sums.debit)),
            ("credit", text(self.sums.credit)),
        ];
        let summary = [
            ("gross_debit", text(self.sums.debit)),
            ("gross_credit", text(self.sums.credit)),
            ("net", text(net)),
        ];
        let check = |section: &str, key: &str, added: String| Check {
            name: format!("{section}.{key}"),
            stated: stated(&[section, key]),
            added,
        };
        let mut checks: Vec<Check> =
            control.map(|(key, added)| check("control", key, added)).into();
        checks.extend(self.type_checks(sections, money_scale));
        checks.extend(
            summary
                .map(|(key, added)| check("summary", key, added))
                .into_iter()
                .filter(|check| check.stated.is_some()),
        );
        checks.extend(self.matrix_checks(sections, money_scale));
        checks
    }

    /// Count, debit and credit of each type of line that the control section or a line has.
    fn type_checks(&self, sections: &[(String, Value)], money_scale: u32) -> Vec<Check> {
        let Some(Value::Object(stated)) = value_at(sections, &["control", "by_type"]) else {
            return Vec::new();
        };
        let mut all: BTreeMap<&str, Gross> =
            stated.keys().map(|name| (name.as_str(), Gross::default())).collect();
        all.extend(self.by_type.iter().map(|(name, gross)| (*name, *gross)));
        let of_type = |(name, gross): (&str, Gross)| {
            let figures = [
                ("count", gross.count.to_string()),
                ("debit", gross.debit.text(money_scale)),
                ("credit", gross.credit.text(money_scale)),
            ];
            figures.map(|(key, added)| Check {
                name: format!("control.by_type.{name}.{key}"),
                stated: figure_at(sections, &["control", "by_type", name, key]),
                added,
            })
        };
        all.into_iter().flat_map(of_type).collect()
    }

    /// The nets of the matrix against the lines that have a counterparty, and against its own
    /// columns. Those are not the lines' sides: what is given back lowers what was owed before.
    fn matrix_checks(&self, sections: &[(String, Value)], money_scale: u32) -> Vec<Check> {
        let Some(Value::Array(rows)) = value_at(sections, &["matrix"]) else {
            return Vec::new();
        };
        let sums = ["debit", "credit", "net"].map(|key| sum_of(rows, key));
        let [Some(debit), Some(credit), Some(net)] = sums else { return Vec::new() };
        let check = |key: &str, added: String| {
            let (name, stated) = (format!("matrix.{key}"), Some(net.to_string()));
            Check { name, stated, added }
        };
        let of_lines = self.between.credit - self.between.debit;
        vec![
            check("net", of_lines.text(money_scale)),
            check("credit_less_debit", (credit - debit).to_string()),
        ]
    }
}

/// The sum of a field of all rows, if a row has it; an empty field is nothing.
fn sum_of(rows: &[Value], key: &str) -> Option<Decimal> {
    let fields: Vec<&Value> = rows.iter().filter_map(|row| row.get(key)).collect();
    let figures = fields.iter().filter_map(|field| decimal(field.as_str()?));
    (!fields.is_empty()).then(|| figures.sum())
}

fn figure_at(sections: &[(String, Value)], path: &[&str]) -> Option<String> {
    match value_at(sections, path)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn value_at<'a>(sections: &'a [(String, Value)], path: &[&str]) -> Option<&'a Value> {
    let (section, keys) = path.split_first()?;
    let (_, value) = sections.iter().find(|(name, _)| name == section)?;
    keys.iter().try_fold(value, |value, key| value.get(key))
}
