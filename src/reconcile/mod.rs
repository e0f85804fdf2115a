//! Reconciling: a partner's list beside what the journal says that the partner posted.
//!
//! [`compare`] reads the list, streams the party's own transactions from the journal, and lets the
//! domain compare them. [`Runner`] does so in the background for lists that came in parts, one at
//! a time, since a million lines take a few hundred MB, and stores what was found.

mod earlier;
mod ours;
mod run;
mod settle;
mod source;

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use serde::{Deserialize, Serialize};

pub use run::{Due, Runner, hash_of};
pub use settle::{
    SettleError, adjustment_owes, expire_dispute, finish_break, finish_dispute, settle_all,
};

pub use ours::amount_of;

use crate::books::{BooksError, Format, LineError, Profile, ProfileError, read_lines};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::obligation::Scales;
use crate::domain::reconciliation::{
    Book, BookError, Bridge, Class, Control, Earlier, Gap, Reconciled, Rules, TheirLine, reconcile,
};
use crate::domain::settlement::CycleId;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::store::{Database, StoreError};

/// How long before the range and after it ours are looked at at least, to recognise a line that
/// lies in another cycle: three days.
const AROUND: i64 = 3 * 86_400_000_000;

const HOUR: i64 = 3_600_000_000;

/// What is to be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// The partner's name of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The cycle, where one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<CycleId>,
    /// The range: from, and up to but without.
    pub range: (Instant, Instant),
    /// Only this programme; none: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<ProgrammeId>,
    /// Decimals of the points that are compared: of the programme, or the most of all.
    pub points_scale: u32,
    /// How the list is written.
    pub profile: Profile,
    /// What was said of the list beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Control>,
}

/// A line that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrongLine {
    /// Its number, from 1, the header counted.
    pub line: u64,
    /// The partner's name of the column, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What is wrong and what to do.
    pub detail: String,
}

impl From<LineError> for WrongLine {
    fn from(error: LineError) -> Self {
        Self { line: error.line, column: error.column, detail: error.detail }
    }
}

/// What a run found, without its breaks; or why the list was not taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Lines of the list.
    pub lines: u64,
    /// How many lines ended in each class.
    #[serde(default)]
    pub counts: BTreeMap<Class, u64>,
    /// Why the list is not the whole range.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// From their totals to ours, one for each currency.
    #[serde(default)]
    pub bridges: Vec<Bridge>,
    /// Breaks that are counted and bridged, but not listed.
    #[serde(default)]
    pub left_out: u64,
    /// Why the list was not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The lines that can't be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wrong_lines: Vec<WrongLine>,
}

impl Outcome {
    fn of(lines: u64, found: &Reconciled) -> Self {
        Self {
            lines,
            counts: found.counts.clone(),
            gaps: found.gaps.clone(),
            bridges: found.bridges.clone(),
            left_out: found.left_out,
            error: None,
            wrong_lines: Vec::new(),
        }
    }

    fn refused(error: BooksError) -> Self {
        let text = error.to_string();
        let wrong_lines = match error {
            BooksError::Lines(lines) => lines.into_iter().map(WrongLine::from).collect(),
            _ => Vec::new(),
        };
        Self { error: Some(text), wrong_lines, ..Self::default() }
    }
}

/// Why nothing was compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// The list can't be read.
    #[error(transparent)]
    Books(#[from] BooksError),
    /// The profile can't be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<BookError> for CompareError {
    fn from(error: BookError) -> Self {
        Self::Books(error.into())
    }
}

/// A list that was compared.
#[derive(Debug)]
pub struct Compared {
    /// Its lines.
    pub lines: u64,
    /// What was found.
    pub found: Reconciled,
    /// Its breaks that were dealt with in earlier runs, by number; the verdict leaves them out.
    pub settled: BTreeMap<u64, Earlier>,
}

/// Decimals with which a party's lists are read: those of a programme, or the most of all.
pub fn points_scale(coalition: &Coalition, programme: Option<&ProgrammeId>) -> u32 {
    let scales = coalition.programmes.values();
    let named = scales.filter(|one| programme.is_none_or(|programme| one.id == *programme));
    named.map(|one| one.scales.points).max().unwrap_or(0)
}

/// What is to be compared, of whom, and when.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// What counts.
    pub coalition: &'a Coalition,
    /// Whose list it is.
    pub party: &'a PartyId,
    /// What is to be compared.
    pub request: &'a Request,
    /// The instant of the run.
    pub now: Instant,
}

/// Reads a list from `open` and compares it with what the party posted.
///
/// # Errors
/// If the list can't be read, or the database fails.
pub fn compare<S: Read + Seek>(
    database: &mut Database,
    task: Task<'_>,
    open: impl FnOnce(&mut Database, Format) -> Result<S, StoreError>,
) -> Result<Compared, CompareError> {
    let Task { coalition, request, .. } = task;
    let scales = Scales { points: request.points_scale, money: coalition.money_scale };
    let layout = request.profile.check(scales)?;
    let mut book = Book::new(layout.compared());
    let source = open(database, layout.format())?;
    let mut sink = |line: TheirLine| book.add_theirs(&line);
    let upload = read_lines(&layout, source, &mut sink)?;
    let lag = layout.lag_hours();
    let (theirs, ours) = (i64::from(lag.theirs) * HOUR, i64::from(lag.ours) * HOUR);
    ours::add(database, task, AROUND.max(theirs).max(ours), &mut book)?;
    let rules = Rules {
        lag_there: theirs,
        lag_here: ours,
        control: joined(request.declared, upload.control),
        requires_control: layout.requires_control(),
        ..Rules::of(request.range, coalition.own_schedule().zone.clone(), task.now)
    };
    let mut found = reconcile(&book, &rules);
    let settled = earlier::settled(database, task, &found.breaks)?;
    found.settle(&settled);
    Ok(Compared { lines: upload.lines, found, settled })
}

/// What was said of a list beside it, and then what it says itself.
fn joined(declared: Option<Control>, control: Option<Control>) -> Option<Control> {
    let (Some(one), Some(other)) = (declared, control) else { return declared.or(control) };
    Some(Control {
        lines: one.lines.or(other.lines),
        amount: one.amount.or(other.amount),
        points: one.points.or(other.points),
        range: one.range.or(other.range),
    })
}
