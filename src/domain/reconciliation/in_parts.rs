//! Second step: several lines that are one, by a common stem of their references.
//!
//! A receipt `R-1` may stand on the other side as `R-1/1` and `R-1/2`, or as `R-1` with less than
//! its amount and `R-1/2` with the rest. All lines of a stem together must be the whole exactly;
//! nobody tries which of many might sum up, so the work stays proportional to the lines and nothing
//! is tied by luck.

use super::class::Class;
use super::line::{Book, Place, Side};
use super::rules::Rules;
use super::tie::{PARTS_MAX, Tie, Ties, Whole, are_whole};

/// Between a stem and the number of a part.
const SEPARATORS: [char; 6] = ['-', '/', '.', '_', '#', ':'];

/// Ties several of theirs to one of ours, then several of ours to one of theirs.
pub(super) fn tie(book: &Book, rules: &Rules, orders: (&[Place], &[Place]), ties: &mut Ties) {
    let (theirs, ours) = orders;
    let sides = Sides { parts: &book.theirs, wholes: &book.ours, whole_is: Whole::Ours };
    sides.tie((theirs, ours), (book, rules), ties);
    let sides = Sides { parts: &book.ours, wholes: &book.theirs, whole_is: Whole::Theirs };
    sides.tie((ours, theirs), (book, rules), ties);
}

/// One direction of the step.
struct Sides<'a> {
    parts: &'a Side,
    wholes: &'a Side,
    whole_is: Whole,
}

impl Sides<'_> {
    fn tie(&self, orders: (&[Place], &[Place]), terms: (&Book, &Rules), ties: &mut Ties) {
        let stems = self.stems(orders.0, ties);
        let mut rest = &stems[..];
        let mut wholes = orders.1;
        while let Some(&(stem, _)) = rest.first() {
            let (same, after) = rest.split_at(rest.iter().take_while(|one| one.0 == stem).count());
            rest = after;
            let before = wholes.partition_point(|&place| self.wholes.reference(place) < stem);
            wholes = &wholes[before..];
            let parts: Vec<Place> = same.iter().map(|&(_, place)| place).collect();
            if parts.len() <= PARTS_MAX {
                let named = |place: &&Place| self.wholes.reference(**place) == stem;
                for &whole in wholes.iter().take_while(named) {
                    if self.tie_whole(whole, &parts, terms, ties) {
                        break;
                    }
                }
            }
        }
    }

    /// The free lines that may be parts, by stem.
    fn stems(&self, order: &[Place], ties: &Ties) -> Vec<(&str, Place)> {
        let part_ties = self.part_ties(ties);
        let free = order.iter().filter(|&&place| part_ties[place].is_free());
        let stem_of = |&place: &Place| Some((stem(self.parts.reference(place))?, place));
        let mut stems: Vec<(&str, Place)> = free.filter_map(stem_of).collect();
        // The sort is stable: within a stem the canonical order stays.
        stems.sort_by_key(|&(stem, _)| stem);
        stems
    }

    fn tie_whole(
        &self,
        whole: Place,
        parts: &[Place],
        (book, rules): (&Book, &Rules),
        ties: &mut Ties,
    ) -> bool {
        let partner = match self.whole_ties(ties)[whole] {
            Tie::Free => None,
            Tie::Pair(partner) => Some(partner),
            Tie::Group(_) | Tie::Duplicate => return false,
        };
        let mut all = parts.to_vec();
        if let Some(partner) = partner {
            let (theirs, ours) = match self.whole_is {
                Whole::Ours => (partner, whole),
                Whole::Theirs => (whole, partner),
            };
            let class = Class::of_pair(book.theirs.row(theirs), book.ours.row(ours), rules);
            if !matches!(class, Class::AmountMismatch | Class::PointsMismatch) {
                return false;
            }
            all.push(partner);
        }
        let rows = all.iter().map(|&place| self.parts.row(place));
        let is_whole = 1 < all.len() && are_whole(rows, self.wholes.row(whole), rules);
        if is_whole {
            ties.group(&all, whole, self.whole_is);
        }
        is_whole
    }

    const fn part_ties<'t>(&self, ties: &'t Ties) -> &'t Vec<Tie> {
        match self.whole_is {
            Whole::Ours => &ties.theirs,
            Whole::Theirs => &ties.ours,
        }
    }

    const fn whole_ties<'t>(&self, ties: &'t Ties) -> &'t Vec<Tie> {
        match self.whole_is {
            Whole::Ours => &ties.ours,
            Whole::Theirs => &ties.theirs,
        }
    }
}

/// What stands before the last separator.
fn stem(reference: &str) -> Option<&str> {
    let (stem, part) = reference.rsplit_once(SEPARATORS)?;
    (!stem.is_empty() && !part.is_empty()).then_some(stem)
}
