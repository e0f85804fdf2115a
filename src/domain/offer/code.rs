//! Promo codes as people read, say and type them.
//!
//! A code that is made here is [`RANDOM_SYMBOLS`] random symbols and a check symbol, of an alphabet
//! without those that look or sound like others. The check symbol is that of the Luhn algorithm over
//! as many symbols as the alphabet has (ISO/IEC 7812-1, annex B, done in base 30): it tells a
//! mistyped code from one that is not there. A code that somebody chose has none.

/// What codes are made of: no `0`, `1`, `I`, `L`, `O`, `U`.
const ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Random symbols of a code that is made here: 30^11 codes, about 54 bits.
pub const RANDOM_SYMBOLS: usize = 11;

/// The fewest and the most symbols of a code that somebody chose.
const CHOSEN: std::ops::RangeInclusive<usize> = 4..=32;

/// Letters of the Russian keyboard that look like Latin ones.
const LOOK_ALIKE: [(char, char); 12] = [
    ('А', 'A'),
    ('В', 'B'),
    ('Е', 'E'),
    ('К', 'K'),
    ('М', 'M'),
    ('Н', 'H'),
    ('О', 'O'),
    ('Р', 'P'),
    ('С', 'C'),
    ('Т', 'T'),
    ('У', 'Y'),
    ('Х', 'X'),
];

/// A code as it is stored and compared: upper case, without spaces and dashes, look-alikes of other
/// alphabets read as Latin letters. None: no code can be written so.
pub fn normal(text: &str) -> Option<String> {
    if text.len() > 128 {
        return None;
    }
    let mut code = String::with_capacity(text.len());
    for one in text.chars().filter(|one| !matches!(one, ' ' | '-' | '\u{a0}')) {
        let upper = one.to_uppercase().next().unwrap_or(one);
        let latin = LOOK_ALIKE.iter().find(|(other, _)| *other == upper);
        let symbol = latin.map_or(upper, |(_, latin)| *latin);
        if !symbol.is_ascii_alphanumeric() {
            return None;
        }
        code.push(symbol);
    }
    CHOSEN.contains(&code.len()).then_some(code)
}

/// A code of random bytes, with its check symbol; none: too few of the bytes can be used.
///
/// Bytes from 240 on are left out: the others fall on each symbol equally often.
pub fn of_random(bytes: &[u8]) -> Option<String> {
    let fair = bytes.iter().filter(|byte| **byte < 240).map(|byte| usize::from(*byte) % 30);
    let values: Vec<usize> = fair.take(RANDOM_SYMBOLS).collect();
    if values.len() < RANDOM_SYMBOLS {
        return None;
    }
    let check = check_of(&values);
    let symbols = values.into_iter().chain([check]).map(|value| char::from(ALPHABET[value]));
    Some(symbols.collect())
}

/// Whether a code in its normal form can be one that was made here: it has the right length, no
/// symbol of another alphabet, and its check symbol fits.
pub fn is_well_typed(code: &str) -> bool {
    let values: Option<Vec<usize>> =
        code.bytes().map(|byte| ALPHABET.iter().position(|one| *one == byte)).collect();
    let Some(values) = values.filter(|values| values.len() == RANDOM_SYMBOLS + 1) else {
        return false;
    };
    check_of(&values[..RANDOM_SYMBOLS]) == values[RANDOM_SYMBOLS]
}

/// A code in groups of four, as it is printed.
pub fn printed(code: &str) -> String {
    let groups: Vec<String> = code
        .as_bytes()
        .chunks(4)
        .map(|group| String::from_utf8_lossy(group).into_owned())
        .collect();
    groups.join("-")
}

fn check_of(values: &[usize]) -> usize {
    let sum: usize = values
        .iter()
        .rev()
        .enumerate()
        .map(|(place, value)| match place % 2 {
            0 => value * 2 / 30 + value * 2 % 30,
            _ => *value,
        })
        .sum();
    (30 - sum % 30) % 30
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        let code = of_random(&[7; 16]).expect("enough bytes");
        assert_eq!(code.len(), 12);
        assert_eq!(normal(&printed(&code)), Some(code.clone()));
        assert_eq!(normal(&code.to_lowercase()), Some(code));
        assert_eq!(normal("СЕМЬ"), None, "a letter that no Latin one looks like");
        assert_eq!(normal("нот 25"), Some("HOT25".to_owned()));
        for none in ["", "AB", "июнь", "JUNE_25", &"A".repeat(33)] {
            assert_eq!(normal(none), None, "{none}");
        }
    }

    #[test]
    fn bytes_that_would_favour_a_symbol_are_left_out() {
        assert_eq!(of_random(&[255; 64]), None);
        let mut bytes = vec![255; 5];
        bytes.extend([0; RANDOM_SYMBOLS]);
        assert_eq!(of_random(&bytes), of_random(&[0; RANDOM_SYMBOLS]));
    }

    proptest! {
        #[test]
        fn one_wrong_symbol_or_two_that_changed_places_are_noticed(
            bytes in prop::collection::vec(0_u8..240, RANDOM_SYMBOLS),
            place in 0..=RANDOM_SYMBOLS,
            other in 0..ALPHABET.len(),
        ) {
            let code = of_random(&bytes).expect("enough bytes");
            prop_assert!(is_well_typed(&code));
            let mut wrong = code.clone().into_bytes();
            wrong[place] = ALPHABET[other];
            let wrong = String::from_utf8(wrong).expect("it is ASCII");
            prop_assert_eq!(is_well_typed(&wrong), wrong == code);
            let mut swapped = code.clone().into_bytes();
            swapped.swap(place.saturating_sub(1), place);
            let swapped = String::from_utf8(swapped).expect("it is ASCII");
            // Luhn misses one pair: the first and the last symbol beside each other.
            let ends = |one: u8| one == ALPHABET[0] || one == ALPHABET[ALPHABET.len() - 1];
            let pair = [code.as_bytes()[place.saturating_sub(1)], code.as_bytes()[place]];
            if !pair.into_iter().all(ends) {
                prop_assert_eq!(is_well_typed(&swapped), swapped == code);
            }
        }
    }
}
