//! Members and how they are named: by id, phone, e-mail, a partner's own id, a card token.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::card::CardNumber;
use super::ids::MemberId;

/// One string that names a member, as a partner writes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MemberName {
    /// The member's id: `m_0_17`.
    Id(MemberId),
    /// `phone:+79160000001`, E.164.
    Phone(String),
    /// `email:anna@example.org`, in lower case.
    Email(String),
    /// `external:17850`: an id of the posting party's own.
    External(String),
    /// `card:TOKEN`: a token of a bank card, never its number.
    Card(String),
    /// `loyalty:9643000000000004`: the number of a card that this server issued.
    Loyalty(String),
}

/// Why a name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MemberNameError {
    /// Not of one of the forms.
    #[error("name a member as m_…, phone:+…, email:…, external:…, card:… or loyalty:…")]
    NoForm,
    /// No phone number of E.164.
    #[error("write a phone as + and 7 to 15 digits, such as phone:+79160000001")]
    NotPhone,
    /// No address.
    #[error("write an e-mail address of at most 254 characters")]
    NotEmail,
    /// Not 1 to 128 visible ASCII characters.
    #[error("use 1 to 128 visible ASCII characters")]
    NotToken,
    /// No number of a card of ours.
    #[error("this is not the number of a loyalty card: its last digit does not fit")]
    NotLoyalty,
    /// A card number, which this server must never see.
    #[error("this looks like a card number; send a token of the card instead")]
    CardNumber,
}

impl MemberName {
    /// Reads one of the forms.
    ///
    /// # Errors
    /// If it is of none, or its value can't be what the form says.
    pub fn parse(text: &str) -> Result<Self, MemberNameError> {
        if text.starts_with("m_") {
            return text.parse().map(Self::Id).map_err(|_| MemberNameError::NoForm);
        }
        let (form, value) = text.split_once(':').ok_or(MemberNameError::NoForm)?;
        match form {
            "phone" => Self::phone(value),
            "email" => Self::email(value),
            "external" => token(value).map(Self::External),
            "card" => token(value).map(Self::Card),
            "loyalty" => Self::loyalty(value),
            _ => Err(MemberNameError::NoForm),
        }
    }

    /// Whether it says who somebody is to anybody: a phone or an e-mail address. Such names are
    /// kept sealed.
    pub const fn is_personal(&self) -> bool {
        matches!(self, Self::Phone(_) | Self::Email(_))
    }

    /// The form, as it stands before the value.
    pub const fn form(&self) -> &'static str {
        match self {
            Self::Id(_) => "member",
            Self::Phone(_) => "phone",
            Self::Email(_) => "email",
            Self::External(_) => "external",
            Self::Card(_) => "card",
            Self::Loyalty(_) => "loyalty",
        }
    }

    /// A phone, in E.164; spaces, dashes and brackets are left out.
    ///
    /// # Errors
    /// If it is not `+` and 7 to 15 digits, the first not zero.
    pub fn phone(text: &str) -> Result<Self, MemberNameError> {
        let plain: String = text.chars().filter(|one| !" -()".contains(*one)).collect();
        let digits = plain.strip_prefix('+').ok_or(MemberNameError::NotPhone)?;
        let numeric = digits.bytes().all(|byte| byte.is_ascii_digit());
        if numeric && (7..=15).contains(&digits.len()) && !digits.starts_with('0') {
            Ok(Self::Phone(plain))
        } else {
            Err(MemberNameError::NotPhone)
        }
    }

    /// The number of a card of ours; spaces are left out.
    ///
    /// # Errors
    /// If it is none that this server could have issued.
    pub fn loyalty(text: &str) -> Result<Self, MemberNameError> {
        let number = CardNumber::parse(text).ok_or(MemberNameError::NotLoyalty)?;
        Ok(Self::Loyalty(number.to_string()))
    }

    /// An e-mail address, in lower case.
    ///
    /// # Errors
    /// If it has no name or no host.
    pub fn email(text: &str) -> Result<Self, MemberNameError> {
        let lower = text.trim().to_lowercase();
        let parts = lower
            .split_once('@')
            .filter(|(name, host)| !name.is_empty() && host.contains('.') && !host.contains('@'));
        let clean = !lower.chars().any(|one| one.is_whitespace() || one.is_control());
        if parts.is_some() && clean && lower.len() <= 254 {
            Ok(Self::Email(lower))
        } else {
            Err(MemberNameError::NotEmail)
        }
    }
}

/// Checks a token or external id.
///
/// # Errors
/// If it is not 1 to 128 visible ASCII characters, or is a card number.
pub fn token(text: &str) -> Result<String, MemberNameError> {
    if is_card_number(text) {
        return Err(MemberNameError::CardNumber);
    }
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=128).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(MemberNameError::NotToken)
    }
}

/// Whether a text is 13 to 19 digits that pass the Luhn check, spaces, dashes and dots aside
/// (ISO/IEC 7812-1, annex B), and begins as payment cards do: 1 to 6. Numbers that begin with 9 are
/// given out by countries, and ours are among them.
pub fn is_card_number(text: &str) -> bool {
    let mut digits = Vec::with_capacity(19);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' => digits.push(u32::from(byte - b'0')),
            b' ' | b'-' | b'.' => {}
            _ => return false,
        }
    }
    let begins_as_one = digits.first().is_some_and(|first| (1..=6).contains(first));
    (13..=19).contains(&digits.len()) && begins_as_one && passes_luhn(&digits)
}

/// Whether the last digit is the Luhn digit of the others.
pub fn passes_luhn(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        })
        .sum();
    sum.is_multiple_of(10)
}

impl fmt::Display for MemberName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(out, "{id}"),
            Self::Phone(phone) => write!(out, "phone:{phone}"),
            Self::Email(email) => write!(out, "email:{email}"),
            Self::External(id) => write!(out, "external:{id}"),
            Self::Card(token) => write!(out, "card:{token}"),
            Self::Loyalty(number) => write!(out, "loyalty:{number}"),
        }
    }
}

impl Serialize for MemberName {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MemberName {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(source)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn card_numbers_are_told_from_tokens() {
        for number in
            ["4111111111111111", "5555 5555 5555 4444", "378282246310005", "2200000000000053"]
        {
            assert!(is_card_number(number), "{number}");
            assert_eq!(
                MemberName::parse(&format!("card:{number}")),
                Err(MemberNameError::CardNumber)
            );
            assert_eq!(
                MemberName::parse(&format!("external:{number}")),
                Err(MemberNameError::CardNumber)
            );
        }
        for token in [
            "9643000000000019",
            "9643000000000004",
            "4111111111111112",
            "79927398713",
            "par-boris-1",
            "4111111111111111x",
        ] {
            assert!(!is_card_number(token), "{token}");
        }
    }

    #[test]
    fn phones_are_e_164() {
        let phone = MemberName::parse("phone:+7 916 123-45-67").expect("a phone");
        assert_eq!(phone, MemberName::Phone("+79161234567".into()));
        for text in
            ["phone:007916123", "phone:+0791612345", "phone:abc", "phone:+123456", "fax:+1234567"]
        {
            assert!(MemberName::parse(text).is_err(), "{text}");
        }
    }
}
