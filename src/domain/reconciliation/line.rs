//! The two sides of a run, kept small: a million lines on each take about 150 MB.
//!
//! References lie in one text for each side; a line has the place of its own. Sums are checked
//! while lines come in, so that nothing later can overflow.

use std::cmp::Ordering;
use std::fmt;
use std::ops::Index;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::amount::{Money, Points};
use crate::domain::command::Kind;
use crate::domain::ids::TransactionId;
use crate::domain::time::Instant;

/// The most lines of a partner's list.
pub const LINES_MAX: usize = 1_000_000;

/// The most lines of ours: the range, and what lies around it.
const OURS_MAX: usize = 4_000_000;

/// The longest reference in a partner's list, in bytes.
const REFERENCE_MAX: usize = 128;

/// The largest sum of a side, all signs taken away: a quarter of what 64 bits hold.
const GROSS_MAX: i64 = i64::MAX / 4;

/// An ISO 4217 code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The code as text.
    ///
    /// # Panics
    /// Never: the three bytes are letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("three letters are text")
    }
}

impl FromStr for Currency {
    type Err = BookError;
    fn from_str(text: &str) -> Result<Self, BookError> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| BookError::Currency)?;
        if code.iter().all(u8::is_ascii_uppercase) {
            Ok(Self(code))
        } else {
            Err(BookError::Currency)
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A line of the partner's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TheirLine {
    /// Its number in the list, from 1.
    pub line_no: u64,
    /// The partner's own reference, the business key; empty where the line has none.
    pub reference: String,
    /// What it was, where the list says so.
    pub kind: Option<Kind>,
    /// Gross of the receipt or effect in money, signed, in minor units of its currency.
    pub amount: Money,
    /// Points, signed, in the programme's smallest unit.
    pub points: Points,
    /// When it happened.
    pub at: Instant,
    /// The currency of the amount.
    pub currency: Currency,
}

/// A line of the ledger, with what was posted to correct it folded in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurLine {
    /// The transaction.
    pub transaction: TransactionId,
    /// The partner's reference of it.
    pub reference: String,
    /// Its kind.
    pub kind: Kind,
    /// Gross of the receipt or effect in money, signed, in minor units.
    pub amount: Money,
    /// Points, signed, in the programme's smallest unit.
    pub points: Points,
    /// When the server recorded it.
    pub recorded_at: Instant,
    /// When it happened, by the partner's own account; none: when it was recorded.
    pub at: Option<Instant>,
    /// The currency of the amount.
    pub currency: Currency,
    /// Whether it lies in the range of the run. Others are only there to be recognised.
    pub in_range: bool,
}

/// Which figures the partner's list has. What it lacks is not compared and counts as nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Whether it has amounts.
    pub amounts: bool,
    /// Whether it has points.
    pub points: bool,
}

/// Why a line can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// Too many lines.
    #[error("a list may have 1,000,000 lines; cut it into shorter ranges")]
    TooMany,
    /// The figures are too large to be summed.
    #[error("the figures sum to more than can be counted; check the columns")]
    TooLarge,
    /// A reference is too long.
    #[error("a reference may have 128 bytes")]
    ReferenceTooLong,
    /// Not a currency.
    #[error("write a currency as three capital letters, such as RUB")]
    Currency,
}

/// The sign that a kind's amount has in both lists: refunds are negative.
pub const fn amount_sign(kind: Kind) -> i64 {
    if matches!(kind, Kind::Refund) { -1 } else { 1 }
}

/// The sign that a kind's points have in both lists: what takes points away is negative.
pub const fn points_sign(kind: Kind) -> i64 {
    if matches!(kind, Kind::Refund | Kind::Capture | Kind::Expiry) { -1 } else { 1 }
}

/// The place of a line on its side. A partner's side has at most [`LINES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(u32);

impl Place {
    pub(super) fn index(self) -> usize {
        usize::try_from(self.0).expect("a place fits an index")
    }
}

impl<T> Index<Place> for Vec<T> {
    type Output = T;
    fn index(&self, place: Place) -> &T {
        &self[place.index()]
    }
}

/// A line of either side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// Number in the list, or number of the transaction.
    pub(super) id: i64,
    pub(super) amount: i64,
    pub(super) points: i64,
    pub(super) at: Instant,
    /// When we know of it: ours, when it was recorded; theirs, when it happened.
    pub(super) seen: Instant,
    start: u32,
    length: u8,
    pub(super) kind: Option<Kind>,
    pub(super) currency: Currency,
    pub(super) in_range: bool,
}

/// The lines of one side.
#[derive(Debug, Default)]
pub(super) struct Side {
    rows: Vec<Row>,
    text: String,
    gross_amount: i64,
    gross_points: i64,
}

impl Side {
    pub(super) const fn rows(&self) -> &Vec<Row> {
        &self.rows
    }

    pub(super) fn row(&self, place: Place) -> &Row {
        &self.rows[place.index()]
    }

    pub(super) fn reference(&self, place: Place) -> &str {
        self.text_of(self.row(place))
    }

    fn text_of(&self, row: &Row) -> &str {
        let start = usize::try_from(row.start).expect("a place in a text");
        &self.text[start..start + usize::from(row.length)]
    }

    /// All places in canonical order: by reference, kind, figures, and last by number.
    pub(super) fn order(&self) -> Vec<Place> {
        let count = u32::try_from(self.rows.len()).expect("a side is bounded");
        let mut order: Vec<Place> = (0..count).map(Place).collect();
        order.sort_unstable_by(|&left, &right| self.compare(left, right));
        order
    }

    fn compare(&self, left: Place, right: Place) -> Ordering {
        let (one, other) = (self.row(left), self.row(right));
        let figures = |row: &Row| (row.kind, row.currency, row.amount, row.points, row.at, row.id);
        self.text_of(one).cmp(self.text_of(other)).then_with(|| figures(one).cmp(&figures(other)))
    }

    fn push(&mut self, row: Row, reference: &str, most: usize) -> Result<(), BookError> {
        let length = u8::try_from(reference.len()).map_err(|_| BookError::ReferenceTooLong)?;
        if reference.len() > REFERENCE_MAX {
            return Err(BookError::ReferenceTooLong);
        }
        if self.rows.len() >= most {
            return Err(BookError::TooMany);
        }
        self.gross_amount = gross(self.gross_amount, row.amount)?;
        self.gross_points = gross(self.gross_points, row.points)?;
        let start = u32::try_from(self.text.len()).map_err(|_| BookError::TooMany)?;
        self.text.push_str(reference);
        self.rows.push(Row { start, length, ..row });
        Ok(())
    }
}

fn gross(sum: i64, figure: i64) -> Result<i64, BookError> {
    figure
        .checked_abs()
        .and_then(|figure| sum.checked_add(figure))
        .filter(|&sum| sum <= GROSS_MAX)
        .ok_or(BookError::TooLarge)
}

/// Both sides of a run.
#[derive(Debug)]
pub struct Book {
    pub(super) theirs: Side,
    pub(super) ours: Side,
    compared: Compared,
}

impl Book {
    /// A book without lines.
    pub fn new(compared: Compared) -> Self {
        Self { theirs: Side::default(), ours: Side::default(), compared }
    }

    /// Takes a line of the partner's list.
    ///
    /// # Errors
    /// If there are too many lines, a reference is too long, or the sums grow too large.
    pub fn add_theirs(&mut self, line: &TheirLine) -> Result<(), BookError> {
        let row = Row {
            id: i64::try_from(line.line_no).map_err(|_| BookError::TooMany)?,
            amount: self.amount(line.amount),
            points: self.points(line.points),
            at: line.at,
            seen: line.at,
            start: 0,
            length: 0,
            kind: line.kind,
            currency: line.currency,
            in_range: true,
        };
        self.theirs.push(row, &line.reference, LINES_MAX)
    }

    /// Takes a line of the ledger.
    ///
    /// # Errors
    /// If there are too many lines, a reference is too long, or the sums grow too large.
    pub fn add_ours(&mut self, line: &OurLine) -> Result<(), BookError> {
        let row = Row {
            id: line.transaction.0,
            amount: self.amount(line.amount),
            points: self.points(line.points),
            at: line.at.unwrap_or(line.recorded_at),
            seen: line.recorded_at,
            start: 0,
            length: 0,
            kind: Some(line.kind),
            currency: line.currency,
            in_range: line.in_range,
        };
        self.ours.push(row, &line.reference, OURS_MAX)
    }

    fn amount(&self, amount: Money) -> i64 {
        if self.compared.amounts { amount.0 } else { 0 }
    }

    fn points(&self, points: Points) -> i64 {
        if self.compared.points { points.0 } else { 0 }
    }
}
