//! A place in the stream of events, and the cursor that it is printed as.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The version of the form below.
const VERSION: u8 = 1;

/// The most numbers of a cursor: every shard, the outbox, and three more.
const NUMBERS_MAX: usize = 1_030;

/// How far a reader has come: what lies up to here was told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The last place of the outbox that was told.
    pub outbox: i64,
    /// The last of each shard of members, in their order.
    pub shards: Vec<i64>,
    /// A transaction of which only the first events were told: its shard, and how many.
    pub within: Option<(usize, usize)>,
}

/// A text is not a cursor of this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("use a cursor that the server gave out")]
pub struct NotACursor;

impl Place {
    /// The beginning of a ledger of so many shards.
    pub fn beginning(shards: usize) -> Self {
        Self { outbox: 0, shards: vec![0; shards], within: None }
    }

    /// Whether nothing of this place lies after another, which may be the end of a span.
    pub fn is_within(&self, end: &Self) -> bool {
        self.outbox <= end.outbox
            && self.shards.len() == end.shards.len()
            && self.shards.iter().zip(&end.shards).all(|(one, end)| one <= end)
    }

    /// Whether all of a span up to another place was told.
    pub fn has_reached(&self, end: &Self) -> bool {
        end.outbox <= self.outbox
            && end.shards.iter().zip(&self.shards).all(|(end, one)| end <= one)
    }

    /// The place on a ledger of so many shards.
    ///
    /// # Errors
    /// If it is of another ledger.
    pub fn fits(self, shards: usize) -> Result<Self, NotACursor> {
        let is_there = self.within.is_none_or(|(shard, _)| shard < shards);
        if self.shards.len() == shards && is_there { Ok(self) } else { Err(NotACursor) }
    }
}

/// A cursor: base64url over a version and numbers of seven bits a byte.
impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        let shards = self.shards.iter().copied();
        let within = self.within.map(|(shard, told)| [shard, told].map(number));
        for one in std::iter::once(self.outbox).chain(shards) {
            write_number(&mut bytes, one);
        }
        // The count stands at the end: a place without a rest is one number longer.
        match within {
            None => write_number(&mut bytes, 0),
            Some([shard, told]) => {
                for one in [shard, told, 1] {
                    write_number(&mut bytes, one);
                }
            }
        }
        out.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Place {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let (&version, mut rest) = bytes.split_first().ok_or(NotACursor)?;
        let mut numbers = Vec::new();
        while !rest.is_empty() && numbers.len() <= NUMBERS_MAX {
            numbers.push(read_number(&mut rest).ok_or(NotACursor)?);
        }
        let within = match numbers.pop() {
            Some(0) => None,
            Some(1) => {
                let told = numbers.pop().and_then(|told| usize::try_from(told).ok());
                let shard = numbers.pop().and_then(|shard| usize::try_from(shard).ok());
                Some(shard.zip(told).ok_or(NotACursor)?)
            }
            _ => return Err(NotACursor),
        };
        if version != VERSION || numbers.is_empty() || !rest.is_empty() {
            return Err(NotACursor);
        }
        let outbox = numbers.remove(0);
        let place = Self { outbox, shards: numbers, within };
        // Only the printed form is a cursor.
        if place.to_string() == text { Ok(place) } else { Err(NotACursor) }
    }
}

fn number(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

fn write_number(bytes: &mut Vec<u8>, number: i64) {
    let mut rest = u64::try_from(number).unwrap_or(0);
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or(0);
        rest >>= 7;
        if rest == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

fn read_number(rest: &mut &[u8]) -> Option<i64> {
    let mut number: u64 = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return i64::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_is_read_as_it_was_printed(
            outbox in 0..i64::MAX,
            shards in prop::collection::vec(0..i64::MAX, 0..40),
            within in prop::option::of((0_usize..1_000, 0_usize..1_000)),
        ) {
            let place = Place { outbox, shards, within };
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }

        #[test]
        fn no_text_makes_the_server_fail(text in "[A-Za-z0-9_-]{0,60}") {
            if let Ok(place) = text.parse::<Place>() {
                prop_assert_eq!(place.to_string(), text);
            }
        }
    }

    #[test]
    fn a_ledger_of_1023_shards_has_a_cursor_that_fits_into_an_address() {
        let place = Place { outbox: 1 << 40, shards: vec![1 << 34; 1_023], within: Some((9, 3)) };
        let text = place.to_string();
        assert!(text.len() < 8_000, "{}", text.len());
        assert_eq!(text.parse(), Ok(place));
    }
}
