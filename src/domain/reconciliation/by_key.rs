//! First step: by business key, the partner's reference, and the kind where both have it.
//!
//! Lines that agree in everything are tied first, then several of theirs that sum to one of ours,
//! then those that differ least. What is left under a key that was there before is a duplicate. A
//! line without a reference has no key.

use super::class::Class;
use super::line::{Book, Place, Side};
use super::rules::Rules;
use super::tie::{PARTS_MAX, Ties, Whole, are_whole, kinds_agree};

/// Ties what has the same key.
pub(super) fn tie(book: &Book, rules: &Rules, orders: (&[Place], &[Place]), ties: &mut Ties) {
    let (mut theirs, mut ours) = orders;
    while !theirs.is_empty() {
        let (same, rest) = split_run(&book.theirs, theirs);
        let reference = book.theirs.reference(same[0]);
        let before = ours.partition_point(|&place| book.ours.reference(place) < reference);
        ours = &ours[before..];
        let equal = ours.iter().take_while(|&&place| book.ours.reference(place) == reference);
        let (answers, after) = ours.split_at(equal.count());
        if !reference.is_empty() {
            Key { book, rules, theirs: same, ours: answers }.tie(ties);
        }
        (theirs, ours) = (rest, after);
    }
}

/// The lines at the start that share a reference, and the rest.
fn split_run<'a>(side: &Side, places: &'a [Place]) -> (&'a [Place], &'a [Place]) {
    let reference = side.reference(places[0]);
    let same = places.iter().take_while(|&&place| side.reference(place) == reference).count();
    places.split_at(same)
}

/// All lines of one reference, each side in canonical order.
struct Key<'a> {
    book: &'a Book,
    rules: &'a Rules,
    theirs: &'a [Place],
    ours: &'a [Place],
}

impl Key<'_> {
    fn tie(&self, ties: &mut Ties) {
        self.tie_equal(ties);
        self.tie_parts(ties);
        while let Some((theirs, ours)) = self.least_different(ties) {
            ties.pair(theirs, ours);
        }
        self.mark_duplicates(ties);
    }

    fn free_theirs(&self, ties: &Ties) -> impl Iterator<Item = Place> {
        self.theirs.iter().copied().filter(|&place| ties.theirs[place].is_free())
    }

    fn free_ours(&self, ties: &Ties) -> impl Iterator<Item = Place> {
        self.ours.iter().copied().filter(|&place| ties.ours[place].is_free())
    }

    /// Pairs what agrees in everything but the cycle.
    fn tie_equal(&self, ties: &mut Ties) {
        for &ours in self.ours {
            let equal = |&theirs: &Place| {
                matches!(self.class(theirs, ours), Some(Class::Matched | Class::Timing))
            };
            let found = self.free_theirs(ties).find(equal);
            if let Some(theirs) = found {
                ties.pair(theirs, ours);
            }
        }
    }

    /// Ties several lines of theirs that are together one of ours.
    fn tie_parts(&self, ties: &mut Ties) {
        for &ours in self.ours.iter().filter(|_| 1 < self.theirs.len()) {
            let whole = self.book.ours.row(ours);
            let agrees = |place: &Place| kinds_agree(self.book.theirs.row(*place), whole);
            let parts: Vec<Place> =
                self.free_theirs(ties).filter(agrees).take(PARTS_MAX + 1).collect();
            let rows = parts.iter().map(|&place| self.book.theirs.row(place));
            let bounded = (2..=PARTS_MAX).contains(&parts.len());
            if bounded && ties.ours[ours].is_free() && are_whole(rows, whole, self.rules) {
                ties.group(&parts, ours, Whole::Ours);
            }
        }
    }

    /// The two free lines that differ least; of equally different ones the first of each side.
    fn least_different(&self, ties: &Ties) -> Option<(Place, Place)> {
        let mut least = None;
        for ours in self.free_ours(ties) {
            for theirs in self.free_theirs(ties) {
                let Some(class) = self.class(theirs, ours) else { continue };
                let (their_row, our_row) = (self.book.theirs.row(theirs), self.book.ours.row(ours));
                let distance = their_row.amount.abs_diff(our_row.amount);
                let rank = (class.difference(), distance);
                if least.is_none_or(|(before, _)| rank < before) {
                    least = Some((rank, (theirs, ours)));
                }
            }
        }
        least.map(|(_, pair)| pair)
    }

    /// Marks the lines of theirs whose key is tied, or is there a second time.
    fn mark_duplicates(&self, ties: &mut Ties) {
        let mut before: Vec<Place> = Vec::new();
        let is_tied = |place: &Place| !ties.theirs[*place].is_free();
        before.extend(self.theirs.iter().copied().filter(is_tied).take(PARTS_MAX));
        let free: Vec<Place> = self.free_theirs(ties).collect();
        for place in free {
            let row = self.book.theirs.row(place);
            if before.iter().any(|&other| kinds_agree(self.book.theirs.row(other), row)) {
                ties.duplicate(place);
            } else {
                before.push(place);
            }
        }
    }

    fn class(&self, theirs: Place, ours: Place) -> Option<Class> {
        let (theirs, ours) = (self.book.theirs.row(theirs), self.book.ours.row(ours));
        kinds_agree(theirs, ours).then(|| Class::of_pair(theirs, ours, self.rules))
    }
}
