//! Ties: which line of one side answers which of the other, each at most once.

use super::line::{Book, Place, Row};
use super::rules::Rules;

/// The most lines of one side that can be one line of the other.
pub(super) const PARTS_MAX: usize = 64;

/// What a line is tied to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// Nothing yet.
    Free,
    /// One line of the other side.
    Pair(Place),
    /// One of several that are together a line of the other side, or that line. For theirs it
    /// names the line of ours, or the first of them.
    Group(Place),
    /// Nothing: its key was there before.
    Duplicate,
}

impl Tie {
    pub(super) const fn is_free(self) -> bool {
        matches!(self, Self::Free)
    }
}

/// The ties of all lines.
#[derive(Debug)]
pub(super) struct Ties {
    pub(super) theirs: Vec<Tie>,
    pub(super) ours: Vec<Tie>,
}

impl Ties {
    pub(super) fn new(book: &Book) -> Self {
        let free = |count| vec![Tie::Free; count];
        Self { theirs: free(book.theirs.rows().len()), ours: free(book.ours.rows().len()) }
    }

    /// Ties two lines.
    ///
    /// # Panics
    /// If one is tied already.
    pub(super) fn pair(&mut self, theirs: Place, ours: Place) {
        assert!(self.theirs[theirs].is_free() && self.ours[ours].is_free(), "tied at most once");
        self.theirs[theirs.index()] = Tie::Pair(ours);
        self.ours[ours.index()] = Tie::Pair(theirs);
    }

    /// Marks a line whose key was there before.
    pub(super) fn duplicate(&mut self, theirs: Place) {
        assert!(self.theirs[theirs].is_free(), "tied at most once");
        self.theirs[theirs.index()] = Tie::Duplicate;
    }

    /// Ties several lines of one side to one of the other.
    pub(super) fn group(&mut self, parts: &[Place], whole: Place, whole_is: Whole) {
        let (of_parts, of_whole) = match whole_is {
            Whole::Ours => (&mut self.theirs, &mut self.ours),
            Whole::Theirs => (&mut self.ours, &mut self.theirs),
        };
        let first = *parts.first().expect("a group has parts");
        of_whole[whole.index()] = Tie::Group(first);
        for part in parts {
            of_parts[part.index()] = Tie::Group(whole);
        }
    }
}

/// On which side the one line stands that several of the other side are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// Several of theirs are one of ours.
    Ours,
    /// Several of ours are one of theirs.
    Theirs,
}

/// Whether two lines can be the same kind: the same, or one does not say.
pub(super) fn kinds_agree(one: &Row, other: &Row) -> bool {
    match (one.kind, other.kind) {
        (Some(one), Some(other)) => one == other,
        _ => true,
    }
}

/// Whether these rows are together the whole: same currency, direction, date and kind, sums equal.
pub(super) fn are_whole<'a>(
    parts: impl Iterator<Item = &'a Row> + Clone,
    whole: &Row,
    rules: &Rules,
) -> bool {
    let Some(first) = parts.clone().next() else { return false };
    let fits = |part: &Row| {
        part.currency == whole.currency
            && kinds_agree(part, whole)
            && runs_along(part.amount, whole.amount)
            && runs_along(part.points, whole.points)
            && (part.amount, part.points) != (0, 0)
            && part.in_range == first.in_range
            && !rules.differ_in_date(part.at, whole.at)
    };
    parts.clone().all(fits)
        && parts.clone().map(|part| part.amount).sum::<i64>() == whole.amount
        && parts.map(|part| part.points).sum::<i64>() == whole.points
}

/// Whether a part does not run against its whole.
const fn runs_along(part: i64, whole: i64) -> bool {
    part.signum() == whole.signum() || part == 0
}
