//! Creditor references of ISO 11649: `RF`, two check digits, and up to 21 digits and letters.
//!
//! A person may type one into a bank's form with spaces; a wrong digit is seen.

use super::check_digits::{digits_97, fits_97};

/// The longest body of a reference, in characters.
pub const BODY_MAX: usize = 21;

/// The reference of a body: `NET20261122` gives `RF38NET20261122`.
///
/// Letters become capital; everything that is neither digit nor Latin letter is left out. None if
/// nothing is left, or more than [`BODY_MAX`].
pub fn rf_reference(body: &str) -> Option<String> {
    let body: String = body
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|one| one.to_ascii_uppercase())
        .collect();
    if body.is_empty() || body.len() > BODY_MAX {
        return None;
    }
    digits_97("RF", &body).map(|digits| format!("RF{digits}{body}"))
}

/// Whether a text is a reference with right check digits; spaces between its groups are allowed.
pub fn is_rf_reference(text: &str) -> bool {
    let packed: String = text.chars().filter(|&one| one != ' ').collect();
    (5..=4 + BODY_MAX).contains(&packed.len()) && packed.starts_with("RF") && fits_97(&packed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_those_of_the_standard() {
        assert_eq!(rf_reference("539007547034").as_deref(), Some("RF18539007547034"));
        assert_eq!(rf_reference("net-20261122").as_deref(), Some("RF38NET20261122"));
        assert!(is_rf_reference("RF18 5390 0754 7034"));
        assert!(is_rf_reference("RF38NET20261122"));
        for wrong in ["RF19539007547034", "RF38NET20261123", "DE89370400440532013000", "RF18", ""] {
            assert!(!is_rf_reference(wrong), "{wrong}");
        }
        assert_eq!(rf_reference("––"), None);
        assert_eq!(rf_reference(&"9".repeat(22)), None);
    }
}
