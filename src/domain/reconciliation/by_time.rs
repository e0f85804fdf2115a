//! Third step: by amount, points and time, for lines whose reference changed or is missing.
//!
//! Two lines are tied when their figures are equal, they lie within the window, and each is the
//! only nearest one of the other. Where two are equally near, neither is taken. Lines of another
//! cycle don't take part: what merely looks alike there says nothing.

use super::line::{Book, Currency, Place, Row, Side};
use super::rules::{Rules, distance};
use super::tie::{Tie, Ties};
use crate::domain::command::Kind;
use crate::domain::time::Instant;

/// How often the nearest are looked for again among those that are left.
const ROUNDS_MAX: usize = 16;

/// What has to be equal. The kind stands in it only where both sides say it.
type Likeness = (Currency, i64, i64, Option<Kind>);

/// A line that is free: its likeness, when it happened, and where it stands.
type Loose = (Likeness, Instant, Place);

/// Ties what is alike and near: first lines that say their kind, then those that don't.
pub(super) fn tie(book: &Book, rules: &Rules, orders: (&[Place], &[Place]), ties: &mut Ties) {
    for says_kind in [true, false] {
        let likeness = |row: &Row| {
            let kind = if says_kind { row.kind } else { None };
            (row.currency, row.amount, row.points, kind)
        };
        let takes_theirs = |row: &Row| row.kind.is_some() == says_kind;
        let theirs = loose(&book.theirs, (orders.0, &ties.theirs), takes_theirs, likeness);
        let ours = loose(&book.ours, (orders.1, &ties.ours), |row| row.in_range, likeness);
        let (mut theirs, mut ours) = (theirs.as_slice(), ours.as_slice());
        while let (Some(one), Some(other)) = (theirs.first(), ours.first()) {
            let like = one.0.min(other.0);
            let (same_theirs, rest_theirs) = split_like(theirs, like);
            let (same_ours, rest_ours) = split_like(ours, like);
            tie_alike(same_theirs.to_vec(), same_ours.to_vec(), rules, ties);
            (theirs, ours) = (rest_theirs, rest_ours);
        }
    }
}

/// The free lines with anything to compare, by likeness and time.
fn loose(
    side: &Side,
    (order, ties): (&[Place], &Vec<Tie>),
    takes: impl Fn(&Row) -> bool,
    likeness: impl Fn(&Row) -> Likeness,
) -> Vec<Loose> {
    let free = order.iter().filter(|&&place| ties[place].is_free());
    let rows = free.map(|&place| (place, side.row(place)));
    let of_use = rows.filter(|(_, row)| takes(row) && (row.amount, row.points) != (0, 0));
    let mut found: Vec<Loose> = of_use.map(|(place, row)| (likeness(row), row.at, place)).collect();
    // The sort is stable: what happened at once stays in canonical order.
    found.sort_by_key(|&(like, at, _)| (like, at));
    found
}

fn split_like(lines: &[Loose], like: Likeness) -> (&[Loose], &[Loose]) {
    lines.split_at(lines.partition_point(|line| line.0 == like))
}

/// Ties the nearest of lines that are alike, again and again, until nothing more is clear.
fn tie_alike(mut theirs: Vec<Loose>, mut ours: Vec<Loose>, rules: &Rules, ties: &mut Ties) {
    for _ in 0..ROUNDS_MAX {
        let to_ours: Vec<Option<usize>> = theirs.iter().map(|line| nearest(line, &ours)).collect();
        let mut found = false;
        for (line, answer) in theirs.iter().zip(&to_ours) {
            let Some(other) = answer.map(|index| &ours[index]) else { continue };
            let is_mutual = nearest(other, &theirs).is_some_and(|index| theirs[index].2 == line.2);
            if is_mutual && rules.are_near(line.1, other.1) {
                ties.pair(line.2, other.2);
                found = true;
            }
        }
        if !found {
            return;
        }
        theirs.retain(|line| ties.theirs[line.2].is_free());
        ours.retain(|line| ties.ours[line.2].is_free());
    }
}

/// The one line that is nearest in time; none if two are equally near.
fn nearest(line: &Loose, others: &[Loose]) -> Option<usize> {
    let after = others.partition_point(|other| other.1 < line.1);
    let around = after.saturating_sub(2)..(after + 2).min(others.len());
    let far = |index: usize| distance(others[index].1, line.1);
    let best = around.clone().min_by_key(|&index| far(index))?;
    let rivals = around.filter(|&index| far(index) == far(best)).count();
    (rivals == 1).then_some(best)
}
