//! Phones as people write them, and E.164.

use phonenumber::Mode;
pub use phonenumber::country::Id as Region;

use crate::domain::member::{MemberName, MemberNameError};

/// The most characters of a phone as it is written.
const CHARACTERS_MAX: usize = 40;

/// Reads the name of a region: two letters of ISO 3166, such as `RU`.
pub fn region_of(text: &str) -> Option<Region> {
    text.parse().ok()
}

/// The phone that somebody in a region means: `8 (916) 123-45-67` and `9161234567` are
/// `+79161234567` in Russia. With a plus in front the region does not matter.
///
/// # Errors
/// If it is none.
pub fn phone_in(region: Region, text: &str) -> Result<MemberName, MemberNameError> {
    let text = text.trim();
    let refused = Err(MemberNameError::NotPhone);
    let written = text.chars().all(|one| one.is_ascii_digit() || " -()+.\u{a0}".contains(one));
    let plain: String = text.chars().filter(|one| one.is_ascii_digit() || *one == '+').collect();
    // A way out of the country is not part of a number.
    if !written || text.len() > CHARACTERS_MAX || plain.starts_with("00") {
        return refused;
    }
    if plain.starts_with('+') {
        return MemberName::phone(&plain);
    }
    match phonenumber::parse(Some(region), &plain) {
        Ok(number) if number.is_valid() => {
            MemberName::phone(&number.format().mode(Mode::E164).to_string())
        }
        _ => refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_becomes_e_164() {
        let russia = region_of("RU").expect("a region");
        for (written, meant) in [
            ("8 (916) 123-45-67", "+79161234567"),
            ("9161234567", "+79161234567"),
            ("7 916 123 45 67", "+79161234567"),
            ("+7 (916) 123-45-67", "+79161234567"),
            ("8.916.123.45.67", "+79161234567"),
            ("+7 701 123 45 67", "+77011234567"),
            ("87011234567", "+77011234567"),
            ("+380 44 123 45 67", "+380441234567"),
        ] {
            assert_eq!(phone_in(russia, written), Ok(MemberName::Phone(meant.into())), "{written}");
        }
        for written in [
            "0079161234567",
            "007916123",
            "8-800-FLOWERS",
            "916123456",
            "91612345678",
            "12",
            "",
            "+",
            "+7",
            "8 916 123 45 67 ext. 5",
            "９１６１２３４５６７",
        ] {
            assert!(phone_in(russia, written).is_err(), "{written}");
        }
        let kazakhstan = region_of("KZ").expect("a region");
        let asked = phone_in(kazakhstan, "8 701 123 45 67");
        assert_eq!(asked, Ok(MemberName::Phone("+77011234567".into())));
        assert!(region_of("Russia").is_none());
    }
}
