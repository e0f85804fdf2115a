//! Takes the lines of a list one after another: reads their cells, keeps what was wrong, and sees
//! the control line.

use std::borrow::Cow;

use super::Sink;
use super::fields::{self, Cell, Cells};
use super::profile::{Field, Layout};
use crate::domain::amount::{MONEY_MAX, Money, POINTS_MAX, Points};
use crate::domain::reconciliation::{BookError, Control, LINES_MAX};

/// How many wrong lines are told before reading stops.
pub const ERRORS_MAX: usize = 100;

/// How a control line begins.
pub(super) const CONTROL: &str = "#END";

/// A line that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {detail}")]
pub struct LineError {
    /// Its number, from 1, the header counted.
    pub line: u64,
    /// The partner's name of the column, where it is about one.
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub detail: String,
}

/// Why a list is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BooksError {
    /// Lines can't be read: the first [`ERRORS_MAX`] of them.
    #[error("{} lines can't be read; correct them and upload the whole list again", .0.len())]
    Lines(Vec<LineError>),
    /// A column that the profile names is not there, or is there twice.
    #[error("the header must have the column `{0}` exactly once; correct the list or the profile")]
    Column(String),
    /// There is no header.
    #[error("the list is empty; it needs a header")]
    Empty,
    /// Too many bytes.
    #[error("the list is larger than 512 MiB, or a workbook than 64 MiB; cut it into ranges")]
    TooLarge,
    /// The workbook can't be read.
    #[error("the workbook can't be read: {0}; save it again as .xlsx")]
    Workbook(String),
    /// A workbook can't be read while it comes in.
    #[error("a workbook is read when all of it is there")]
    NotAStream,
    /// The lines don't fit.
    #[error(transparent)]
    Book(#[from] BookError),
    /// Reading failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// What was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upload {
    /// How many lines.
    pub lines: u64,
    /// What the list says of itself.
    pub control: Option<Control>,
}

/// What has been read so far.
pub(super) struct Intake<'a> {
    pub(super) layout: &'a Layout,
    sink: Sink<'a>,
    lines: usize,
    control: Option<Control>,
    errors: Vec<LineError>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(layout: &'a Layout, sink: Sink<'a>) -> Self {
        Self { layout, sink, lines: 0, control: None, errors: Vec::new() }
    }

    /// Takes a line. An empty one is passed over.
    pub(super) fn take(&mut self, line: u64, cells: &Cells<'_>) -> Result<(), BooksError> {
        if cells.iter().all(|cell| cell.as_ref().is_none_or(Cell::is_empty)) {
            return Ok(());
        }
        if self.control.is_some() {
            let detail = "lines follow the control line; it must be the last".to_owned();
            return self.refuse(LineError { line, column: None, detail });
        }
        if self.lines == LINES_MAX {
            return Err(BookError::TooMany.into());
        }
        self.lines += 1;
        match fields::line(self.layout, line, cells) {
            Err(error) => self.refuse(error),
            Ok(read) => match (self.sink)(read) {
                Err(BookError::ReferenceTooLong) => self.refuse_column(
                    (line, Field::Reference),
                    &BookError::ReferenceTooLong.to_string(),
                ),
                taken => Ok(taken?),
            },
        }
    }

    /// Takes the control line: `lines=3`, `amount=12.50`, `points=7`, `from=…` and `to=…`. Other
    /// words say nothing here.
    pub(super) fn take_control<'t>(
        &mut self,
        line: u64,
        words: impl Iterator<Item = (Cow<'t, str>, Cow<'t, str>)>,
    ) -> Result<(), BooksError> {
        let mut control = Control::default();
        let (mut from, mut to) = (None, None);
        for (name, value) in words {
            let layout = self.layout;
            let wrong = |detail: String| LineError { line, column: Some(name.to_string()), detail };
            let read = match &*name {
                "lines" => value
                    .parse()
                    .map(|lines| control.lines = Some(lines))
                    .map_err(|_| wrong("write how many lines, in digits".to_owned())),
                "amount" => fields::decimal(layout, &value, layout.scales.money, MONEY_SUM_MAX)
                    .map(|sum| control.amount = Some(Money(sum)))
                    .map_err(wrong),
                "points" => fields::decimal(layout, &value, layout.scales.points, POINTS_SUM_MAX)
                    .map(|sum| control.points = Some(Points(sum)))
                    .map_err(wrong),
                "from" => fields::instant(layout, &value).map(|at| from = Some(at)).map_err(wrong),
                "to" => fields::instant(layout, &value).map(|at| to = Some(at)).map_err(wrong),
                _ => Ok(()),
            };
            if let Err(error) = read {
                self.refuse(error)?;
            }
        }
        control.range = from.zip(to);
        self.control = Some(control);
        Ok(())
    }

    /// Keeps what is wrong with a line.
    ///
    /// # Errors
    /// If as much was wrong already as is told.
    pub(super) fn refuse(&mut self, error: LineError) -> Result<(), BooksError> {
        self.errors.push(error);
        if self.errors.len() < ERRORS_MAX { Ok(()) } else { Err(self.wrong_lines()) }
    }

    /// Keeps what is wrong with a column of a line.
    fn refuse_column(
        &mut self,
        (line, field): (u64, Field),
        detail: &str,
    ) -> Result<(), BooksError> {
        let column = self.layout.profile.columns.get(&field).cloned();
        self.refuse(LineError { line, column, detail: detail.to_owned() })
    }

    /// What is wrong so far, as the end of reading.
    pub(super) fn wrong_lines(&mut self) -> BooksError {
        BooksError::Lines(std::mem::take(&mut self.errors))
    }

    /// Ends reading.
    pub(super) fn close(mut self) -> Result<Upload, BooksError> {
        if self.errors.is_empty() {
            let lines = u64::try_from(self.lines).expect("a list is bounded");
            Ok(Upload { lines, control: self.control })
        } else {
            Err(self.wrong_lines())
        }
    }
}

/// The largest sum that a control line may say.
const MONEY_SUM_MAX: i64 = MONEY_MAX * 1_000_000;
const POINTS_SUM_MAX: i64 = POINTS_MAX * 100_000;

/// Where each field stands among the names of a header.
pub(super) fn places<'n>(
    layout: &Layout,
    header: impl Iterator<Item = Cow<'n, str>>,
) -> Result<[Option<usize>; 6], BooksError> {
    let names: Vec<String> = header.map(|name| fields::plain(&name).to_lowercase()).collect();
    let mut places = [None; 6];
    for (field, column) in &layout.profile.columns {
        let wanted = column.trim().to_lowercase();
        let mut found = names.iter().enumerate().filter(|(_, name)| **name == wanted);
        match (found.next(), found.next()) {
            (Some((place, _)), None) => places[field.index()] = Some(place),
            _ => return Err(BooksError::Column(column.clone())),
        }
    }
    Ok(places)
}

/// The words of a control line whose cells are joined by `;`.
pub(super) fn control_words(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let words = text.split(';').filter_map(|word| word.split_once('='));
    words.map(|(name, value)| (Cow::from(name.trim()), Cow::from(value.trim())))
}
