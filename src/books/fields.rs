//! From the cells of a line to its figures: decimals, instants, kinds.

use std::borrow::Cow;

use jiff::civil::DateTime;

use super::intake::LineError;
use super::profile::{AmountIs, DateForm, Field, Layout};
use crate::domain::amount::{AmountError, MONEY_MAX, Money, POINTS_MAX, Points, parse_decimal};
use crate::domain::command::Kind;
use crate::domain::reconciliation::{Currency, TheirLine, amount_sign, points_sign};
use crate::domain::time::Instant;

/// Between thousands: a space, one that does not break, and a narrow one.
const SPACES: [char; 3] = [' ', '\u{a0}', '\u{202f}'];

/// The years that a list may be of.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2999;

/// A cell as its list has it.
#[derive(Clone, Debug)]
pub(super) enum Cell<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// A number with a point before its decimals, whatever the profile says.
    Number(String),
    /// A local date and time.
    Local(DateTime),
}

impl Cell<'_> {
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.trim().is_empty())
    }

    /// Its text, without spaces around it and without the mark before a formula.
    fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => plain(text).into(),
            Self::Number(text) => text.into(),
            Self::Local(local) => local.to_string().into(),
        }
    }
}

/// The cells of a line, each at the index of its field.
pub(super) type Cells<'a> = [Option<Cell<'a>>; 6];

/// Text without spaces around it, and without the `'` that keeps a table from calculating.
pub(super) fn plain(text: &str) -> &str {
    let text = text.trim();
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@']) => rest,
        _ => text,
    }
}

/// Reads a line.
pub(super) fn line(
    layout: &Layout,
    line_no: u64,
    cells: &Cells<'_>,
) -> Result<TheirLine, LineError> {
    let row = Row { layout, cells };
    let wrong = |field: Field| {
        move |detail: String| {
            let column = layout.profile.columns.get(&field).cloned();
            LineError { line: line_no, column, detail }
        }
    };
    let kind = row.kind().map_err(wrong(Field::Kind))?;
    let amount = row.amount(kind).map_err(wrong(Field::Amount))?;
    let points = row.points(kind).map_err(wrong(Field::Points))?;
    if amount.is_none() && points.is_none() {
        return Err(wrong(Field::Amount)("write the amount or the points".to_owned()));
    }
    Ok(TheirLine {
        line_no,
        reference: row.reference().map_err(wrong(Field::Reference))?,
        kind,
        amount: Money(amount.unwrap_or(0)),
        points: Points(points.unwrap_or(0)),
        at: row.at().map_err(wrong(Field::At))?,
        currency: row.currency().map_err(wrong(Field::Currency))?,
    })
}

/// A line that is being read.
struct Row<'a> {
    layout: &'a Layout,
    cells: &'a Cells<'a>,
}

impl<'a> Row<'a> {
    /// The cell of a field, if there is anything in it.
    fn cell(&self, field: Field) -> Option<&'a Cell<'a>> {
        self.cells[field.index()].as_ref().filter(|cell| !cell.is_empty())
    }

    fn reference(&self) -> Result<String, String> {
        let Some(cell) = self.cell(Field::Reference) else { return Ok(String::new()) };
        let text = cell.text();
        if text.chars().any(char::is_control) {
            return Err("a reference is one line of visible characters".to_owned());
        }
        Ok(text.into_owned())
    }

    fn kind(&self) -> Result<Option<Kind>, String> {
        let Some(cell) = self.cell(Field::Kind) else {
            return match self.layout.profile.amount_is {
                AmountIs::Signed => Ok(None),
                AmountIs::UnsignedWithKind => Err("write the kind: it tells the sign".to_owned()),
            };
        };
        let word = cell.text();
        let kinds = &self.layout.profile.kinds;
        let kind = if kinds.is_empty() { Kind::named(&word) } else { kinds.get(&*word).copied() };
        kind.map(Some).ok_or_else(|| "map this word to a kind in the profile".to_owned())
    }

    fn amount(&self, kind: Option<Kind>) -> Result<Option<i64>, String> {
        let bounds = (self.layout.scales.money, MONEY_MAX);
        self.figure(Field::Amount, bounds, kind.map_or(1, amount_sign))
    }

    fn points(&self, kind: Option<Kind>) -> Result<Option<i64>, String> {
        let bounds = (self.layout.scales.points, POINTS_MAX);
        self.figure(Field::Points, bounds, kind.map_or(1, points_sign))
    }

    fn figure(
        &self,
        field: Field,
        (scale, max): (u32, i64),
        sign: i64,
    ) -> Result<Option<i64>, String> {
        let Some(cell) = self.cell(field) else { return Ok(None) };
        let units = match cell {
            Cell::Text(text) => decimal(self.layout, plain(text), scale, max)?,
            Cell::Number(text) => signed_decimal(text, scale, max)?,
            Cell::Local(_) => return Err("this is a date; write a decimal number".to_owned()),
        };
        match self.layout.profile.amount_is {
            AmountIs::Signed => Ok(Some(units)),
            AmountIs::UnsignedWithKind if units < 0 => {
                Err("write it without a sign: the kind tells it".to_owned())
            }
            AmountIs::UnsignedWithKind => Ok(Some(sign * units)),
        }
    }

    fn at(&self) -> Result<Instant, String> {
        match self.cell(Field::At) {
            None => Err("write when it happened".to_owned()),
            Some(Cell::Local(local)) => in_zone(self.layout, *local),
            Some(cell) => instant(self.layout, &cell.text()),
        }
    }

    fn currency(&self) -> Result<Currency, String> {
        match self.cell(Field::Currency) {
            Some(cell) => cell.text().parse().map_err(|error| format!("{error}")),
            // A list without amounts has no use for a currency.
            None => match self.layout.profile.currency {
                Some(currency) => Ok(currency),
                None if self.cell(Field::Amount).is_none() => {
                    Ok("XXX".parse().expect("the code of no currency"))
                }
                None => Err("write the currency as three capital letters".to_owned()),
            },
        }
    }
}

/// Reads a decimal as the profile writes it, with or without a sign, into smallest units.
pub(super) fn decimal(layout: &Layout, text: &str, scale: u32, max: i64) -> Result<i64, String> {
    let mut text: String = text.chars().filter(|one| !SPACES.contains(one)).collect();
    if layout.profile.decimal_comma {
        if text.contains('.') {
            return Err("write decimals after a comma, as the profile says".to_owned());
        }
        text = text.replace(',', ".");
    }
    signed_decimal(&text, scale, max)
}

fn signed_decimal(text: &str, scale: u32, max: i64) -> Result<i64, String> {
    let (digits, sign) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(rest) => (rest, -1),
        None => (text.strip_prefix('+').unwrap_or(text), 1),
    };
    let units = parse_decimal(digits, scale, max).map_err(|error| match error {
        AmountError::NotDecimal => "write a decimal number, such as 12.50".to_owned(),
        other => other.to_string(),
    })?;
    Ok(sign * units)
}

/// Reads an instant in one of the profile's forms.
pub(super) fn instant(layout: &Layout, text: &str) -> Result<Instant, String> {
    for form in &layout.profile.dates {
        let local = match form {
            DateForm::Rfc3339 => match Instant::parse(text) {
                Some(at) => return Ok(at),
                None => None,
            },
            DateForm::YearFirst => date_time(text, year_first),
            DateForm::YearFirstDay => year_first(text).and_then(midnight),
            DateForm::DayFirst => date_time(text, day_first),
            DateForm::DayFirstDay => day_first(text).and_then(midnight),
        };
        if let Some(local) = local {
            return in_zone(layout, local);
        }
    }
    Err("write the date in a form that the profile names".to_owned())
}

fn in_zone(layout: &Layout, local: DateTime) -> Result<Instant, String> {
    let zoned = local.to_zoned(layout.zone.clone()).ok();
    let within = zoned.filter(|zoned| YEARS.contains(&zoned.year()));
    within
        .map(|zoned| Instant(zoned.timestamp().as_microsecond()))
        .ok_or_else(|| "write a date from 1970 to 2999".to_owned())
}

/// Year, month and day.
type Date = (i16, i8, i8);

fn date_time(text: &str, day: impl Fn(&str) -> Option<Date>) -> Option<DateTime> {
    let (date, time) = text.split_once([' ', 'T'])?;
    let (year, month, day) = day(date)?;
    let mut parts = time.trim_start().split(':');
    let hour = number(parts.next()?, 1..=2)?;
    let minute = number(parts.next()?, 2..=2)?;
    let second = parts.next().map_or(Some(0), |part| number(part, 2..=2))?;
    let is_over = parts.next().is_none();
    DateTime::new(year, month, day, hour, minute, second, 0).ok().filter(|_| is_over)
}

fn midnight((year, month, day): Date) -> Option<DateTime> {
    DateTime::new(year, month, day, 0, 0, 0, 0).ok()
}

fn year_first(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let date = (year(parts.next()?)?, number(parts.next()?, 2..=2)?, number(parts.next()?, 2..=2)?);
    parts.next().is_none().then_some(date)
}

fn day_first(text: &str) -> Option<Date> {
    let mut parts = text.split('.');
    let (day, month) = (number(parts.next()?, 1..=2)?, number(parts.next()?, 1..=2)?);
    let date = (year(parts.next()?)?, month, day);
    parts.next().is_none().then_some(date)
}

fn year(text: &str) -> Option<i16> {
    let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_year)
}

fn number(text: &str, digits: std::ops::RangeInclusive<usize>) -> Option<i8> {
    let is_number = digits.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}
