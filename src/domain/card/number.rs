//! Numbers of cards: 16 digits with a Luhn digit, or 13 digits of EAN-13.
//!
//! Numbers of 16 digits begin with 9 (ISO/IEC 7812: given out by countries), those of 13 with 20 to
//! 29 (GS1: for use within a company). Neither can be taken for a payment card's.

use std::fmt;

use crate::domain::member::{is_card_number, passes_luhn};

/// Digits of a number with a Luhn digit.
pub const LUHN_DIGITS: usize = 16;

/// Digits of an EAN-13.
pub const EAN_DIGITS: usize = 13;

/// The number of a card that this server issued.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CardNumber(Box<str>);

impl CardNumber {
    /// Reads a number; spaces are left out.
    pub fn parse(text: &str) -> Option<Self> {
        let plain: String = text.chars().filter(|one| *one != ' ').collect();
        let digits = digits_of(&plain)?;
        let fits = match (digits.len(), digits.first()) {
            (LUHN_DIGITS, Some(9)) => passes_luhn(&digits),
            (EAN_DIGITS, Some(2)) => passes_ean(&digits) && !is_card_number(&plain),
            _ => false,
        };
        fits.then(|| Self(plain.into()))
    }

    /// A number of a prefix and random bytes; none where the bytes give one that can't be used.
    pub fn draw(prefix: &str, random: [u8; 16]) -> Option<Self> {
        let is_ean = prefix.starts_with('2');
        let length = if is_ean { EAN_DIGITS } else { LUHN_DIGITS };
        let mut digits = digits_of(prefix)?;
        // 128 random bits make the twelve digits at most that follow as good as evenly spread.
        let mut rest = u128::from_be_bytes(random);
        while digits.len() + 1 < length {
            digits.push(u32::try_from(rest % 10).unwrap_or(0));
            rest /= 10;
        }
        digits.push(if is_ean { ean_digit(&digits) } else { luhn_digit(&digits) });
        let text: String = digits.iter().filter_map(|one| char::from_digit(*one, 10)).collect();
        Self::parse(&text)
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number as a number, which is its key.
    pub fn id(&self) -> i64 {
        self.0.parse().unwrap_or_default()
    }

    /// Whether it is an EAN-13.
    pub fn is_ean(&self) -> bool {
        self.0.len() == EAN_DIGITS
    }

    /// The digits as people read them: in fours, or as they stand below an EAN-13.
    pub fn grouped(&self) -> String {
        let breaks: &[usize] = if self.is_ean() { &[1, 7] } else { &[4, 8, 12] };
        let mut text = String::with_capacity(self.0.len() + breaks.len());
        for (place, digit) in self.0.chars().enumerate() {
            if breaks.contains(&place) {
                text.push(' ');
            }
            text.push(digit);
        }
        text
    }
}

impl fmt::Display for CardNumber {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

fn digits_of(text: &str) -> Option<Vec<u32>> {
    let digit = |one: char| one.is_ascii_digit().then(|| one.to_digit(10)).flatten();
    text.chars().map(digit).collect()
}

/// The digit that makes these pass the Luhn check.
pub fn luhn_digit(digits: &[u32]) -> u32 {
    let mut all = digits.to_vec();
    all.push(0);
    (0..10)
        .find(|&last| {
            if let Some(place) = all.last_mut() {
                *place = last;
            }
            passes_luhn(&all)
        })
        .unwrap_or(0)
}

/// The check digit of an EAN-13, of its first twelve.
pub fn ean_digit(digits: &[u32]) -> u32 {
    let weighed = digits.iter().enumerate().map(|(place, digit)| match place % 2 {
        0 => *digit,
        _ => digit * 3,
    });
    (10 - weighed.sum::<u32>() % 10) % 10
}

fn passes_ean(digits: &[u32]) -> bool {
    digits.split_last().is_some_and(|(last, rest)| ean_digit(rest) == *last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn check_digits_are_those_of_the_standards() {
        let digits = |text: &str| digits_of(text).expect("digits");
        for (text, last) in
            [("7992739871", 3), ("964300000000000", 4), ("964300000000001", 2), ("18937", 3)]
        {
            assert_eq!(luhn_digit(&digits(text)), last, "{text}");
        }
        for (text, last) in
            [("400638133393", 1), ("590123412345", 7), ("200000000001", 5), ("978020137962", 4)]
        {
            assert_eq!(ean_digit(&digits(text)), last, "{text}");
        }
    }

    #[test]
    fn only_numbers_that_can_be_ours_are_read() {
        for text in ["9643000000000004", "9643 0000 0000 0012", "2000000000015"] {
            assert!(CardNumber::parse(text).is_some(), "{text}");
        }
        for text in [
            "9643000000000019",
            "4111111111111111",
            "2000000000014",
            "4006381333931",
            "96430000000000٠4",
            "0000000000000000",
            "",
        ] {
            assert_eq!(CardNumber::parse(text), None, "{text}");
        }
        let number = CardNumber::parse("9643000000000004").expect("a number");
        assert_eq!(number.grouped(), "9643 0000 0000 0004");
        assert_eq!(number.id(), 9_643_000_000_000_004);
    }

    proptest! {
        #[test]
        fn what_is_drawn_is_a_number_with_its_prefix(random: [u8; 16], is_ean: bool) {
            let prefix = if is_ean { "29" } else { "9643" };
            match CardNumber::draw(prefix, random) {
                Some(number) => {
                    prop_assert!(number.as_str().starts_with(prefix));
                    prop_assert_eq!(number.is_ean(), is_ean);
                    prop_assert!(!is_card_number(number.as_str()));
                    prop_assert_eq!(CardNumber::parse(number.as_str()), Some(number));
                }
                // One EAN-13 in ten passes the Luhn check too, and is not given out.
                None => prop_assert!(is_ean),
            }
        }
    }
}
