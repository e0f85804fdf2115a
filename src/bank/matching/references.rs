//! References of legs, found in what people and banks write.
//!
//! Spaces and dashes are ignored, as is whether letters are capital; Cyrillic letters that look as
//! Latin ones count as these. A reference stands by itself: what touches it is no letter, digit or
//! dash, so that `NET-1` is not found in `NET-1-2` or `NET-12`.

use std::collections::{BTreeSet, HashMap};

use super::super::reference::rf_reference;
use super::OpenLeg;

/// The shortest reference that is looked for in texts; shorter ones occur by chance.
const LENGTH_MIN: usize = 6;

/// How many legs fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// None.
    None,
    /// This one only.
    One(usize),
    /// More than one.
    Several,
}

impl Found {
    /// How many distinct legs there are.
    pub(super) fn among(legs: impl IntoIterator<Item = usize>) -> Self {
        legs.into_iter().fold(Self::None, Self::and)
    }

    fn and(self, leg: usize) -> Self {
        match self {
            Self::None => Self::One(leg),
            Self::One(first) if first == leg => self,
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

/// The references of legs.
pub(super) struct References<'a> {
    by_id: HashMap<&'a str, Found>,
    by_text: HashMap<String, Found>,
    /// The lengths of the references, the longest last.
    lengths: BTreeSet<usize>,
}

impl<'a> References<'a> {
    /// The end-to-end ids of legs, and the creditor references that these make.
    pub(super) fn of(legs: &'a [OpenLeg]) -> Self {
        let mut references =
            Self { by_id: HashMap::new(), by_text: HashMap::new(), lengths: BTreeSet::new() };
        for (place, leg) in legs.iter().enumerate() {
            let found = references.by_id.entry(&leg.end_to_end_id).or_insert(Found::None);
            *found = found.and(place);
            let own = Written::of(&leg.end_to_end_id).packed.iter().collect();
            for text in [Some(own), rf_reference(&leg.end_to_end_id)].into_iter().flatten() {
                let length = text.chars().count();
                if length >= LENGTH_MIN {
                    references.lengths.insert(length);
                    let found = references.by_text.entry(text).or_insert(Found::None);
                    *found = found.and(place);
                }
            }
        }
        references
    }

    /// The leg with exactly this end-to-end id.
    pub(super) fn by_id(&self, id: &str) -> Found {
        self.by_id.get(id).copied().unwrap_or(Found::None)
    }

    /// The leg whose reference stands in a line's id or in one of its texts, or else across texts,
    /// since banks cut long ones.
    pub(super) fn in_texts(&self, id: Option<&str>, texts: &[String]) -> Found {
        let each = id.into_iter().chain(texts.iter().map(String::as_str));
        let legs: Vec<Found> = each.flat_map(|text| self.in_text(text)).collect();
        let found =
            if legs.is_empty() && texts.len() > 1 { self.in_text(&texts.concat()) } else { legs };
        found.into_iter().fold(Found::None, |all, one| match one {
            Found::One(leg) => all.and(leg),
            Found::Several => Found::Several,
            Found::None => all,
        })
    }

    /// What is found in one text, from left to right, the longest reference at each place.
    fn in_text(&self, text: &str) -> Vec<Found> {
        let written = Written::of(text);
        let mut all = Vec::new();
        let mut start = 0;
        while start < written.packed.len() {
            if !written.begins_alone(start) {
                start += 1;
                continue;
            }
            let longest = self.lengths.iter().rev().find_map(|length| {
                let end = start + length;
                let packed: String = written.packed.get(start..end)?.iter().collect();
                let found = self.by_text.get(&packed)?;
                written.ends_alone(end).then_some((*found, end))
            });
            if let Some((found, end)) = longest {
                all.push(found);
                start = end;
            } else {
                start += 1;
            }
        }
        all
    }
}

/// A text as it is compared, and as it was written.
struct Written {
    /// Without spaces and dashes, folded.
    packed: Vec<char>,
    /// Where each of these stood.
    places: Vec<usize>,
    /// All characters.
    original: Vec<char>,
}

impl Written {
    fn of(text: &str) -> Self {
        let original: Vec<char> = text.chars().collect();
        let kept = original.iter().enumerate();
        let kept = kept.filter(|&(_, &one)| !one.is_whitespace() && !is_dash(one));
        let (places, packed) = kept.map(|(place, &one)| (place, fold(one))).unzip();
        Self { packed, places, original }
    }

    /// Whether nothing touches the packed character at `start` from before.
    fn begins_alone(&self, start: usize) -> bool {
        let before = self.places[start].checked_sub(1).map(|place| self.original[place]);
        !before.is_some_and(touches)
    }

    /// Whether nothing touches the last packed character before `end` from behind.
    fn ends_alone(&self, end: usize) -> bool {
        let after = self.original.get(self.places[end - 1] + 1).copied();
        !after.is_some_and(touches)
    }
}

/// Whether a character belongs to what it stands beside.
fn touches(one: char) -> bool {
    one.is_alphanumeric() || is_dash(one)
}

const fn is_dash(one: char) -> bool {
    matches!(one, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// A letter as it is compared: capital, and Latin if it looks so.
fn fold(one: char) -> char {
    let capital = one.to_uppercase().next().unwrap_or(one);
    match capital {
        'А' => 'A',
        'В' => 'B',
        'Е' => 'E',
        'К' => 'K',
        'М' => 'M',
        'Н' => 'H',
        'О' => 'O',
        'Р' => 'P',
        'С' => 'C',
        'Т' => 'T',
        'У' => 'Y',
        'Х' => 'X',
        other => other,
    }
}
