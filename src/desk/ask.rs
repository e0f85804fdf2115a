//! What is asked for at the desk: a phone, a mail address, a card, or a receipt.

use crate::domain::ids::{PartyId, Reference};
use crate::domain::member::{MemberName, MemberNameError, is_card_number};

/// The fewest digits that are taken for a card where nobody says what they are.
const CARD_DIGITS_MIN: usize = 13;

/// By what a member is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A phone.
    Phone,
    /// An e-mail address.
    Email,
    /// A loyalty card's number, or a token of a bank card.
    Card,
    /// A reference of a receipt or an order.
    Receipt,
}

impl Kind {
    /// The kind as text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Card => "card",
            Self::Receipt => "receipt",
        }
    }
}

/// What is asked for, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A member by name.
    Name(Kind, MemberName),
    /// A receipt by its reference, of one party or of any.
    Receipt(Reference, Option<PartyId>),
}

/// Why it can't be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAsked {
    /// A name of a wrong form.
    #[error(transparent)]
    Name(#[from] MemberNameError),
    /// No reference.
    #[error("use 1 to 128 visible ASCII characters")]
    Reference,
}

impl Asked {
    /// Reads what is asked for. A card is a loyalty card where its number can be one, and else a
    /// token of a bank card.
    ///
    /// # Errors
    /// If it can't be what it is said to be.
    pub fn read(kind: Kind, text: &str, party: Option<PartyId>) -> Result<Self, NotAsked> {
        let name = match kind {
            Kind::Phone => MemberName::phone(text)?,
            Kind::Email => MemberName::email(text)?,
            Kind::Card | Kind::Receipt if is_card_number(text) => {
                return Err(MemberNameError::CardNumber.into());
            }
            Kind::Card => match MemberName::loyalty(text) {
                Ok(loyalty) => loyalty,
                Err(_) => MemberName::parse(&format!("card:{text}"))?,
            },
            Kind::Receipt => {
                let reference = text.parse().map_err(|_| NotAsked::Reference)?;
                return Ok(Self::Receipt(reference, party));
            }
        };
        Ok(Self::Name(kind, name))
    }

    /// Reads what somebody typed: `+7916…`, `anna@…`, a card's number, or anything else as a receipt.
    /// A word before it says what it is.
    ///
    /// # Errors
    /// If it can't be what it looks like.
    pub fn typed(text: &str) -> Result<Self, NotAsked> {
        let text = text.trim();
        let words = [
            ("phone ", Kind::Phone),
            ("email ", Kind::Email),
            ("card ", Kind::Card),
            ("receipt ", Kind::Receipt),
            ("order ", Kind::Receipt),
        ];
        for (word, kind) in words {
            if let Some(rest) = text.strip_prefix(word) {
                return Self::read(kind, rest.trim(), None);
            }
        }
        let kind = if text.starts_with('+') {
            Kind::Phone
        } else if text.contains('@') {
            Kind::Email
        } else if text.len() >= CARD_DIGITS_MIN && MemberName::loyalty(text).is_ok() {
            Kind::Card
        } else {
            Kind::Receipt
        };
        Self::read(kind, text, None)
    }

    /// By what it is looked up.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Name(kind, _) => *kind,
            Self::Receipt(..) => Kind::Receipt,
        }
    }

    /// What is asked for, for the keyed hash of the record.
    pub fn text(&self) -> String {
        match self {
            Self::Name(_, name) => name.to_string(),
            Self::Receipt(reference, _) => format!("receipt:{}", reference.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_known_by_its_looks() {
        let kind = |text| Asked::typed(text).map(|asked| asked.kind());
        assert_eq!(kind("+7 916 000-00-01"), Ok(Kind::Phone));
        assert_eq!(kind(" Anna@Example.org "), Ok(Kind::Email));
        assert_eq!(kind("9643000000000019"), Ok(Kind::Receipt), "not by its last digit");
        assert_eq!(kind("9643000000000004"), Ok(Kind::Card));
        assert_eq!(kind("12345674"), Ok(Kind::Receipt), "too short");
        assert_eq!(kind("R-1"), Ok(Kind::Receipt));
        assert_eq!(kind("order 123"), Ok(Kind::Receipt));
        assert_eq!(kind("card par-anna-1"), Ok(Kind::Card));
        for text in ["4111111111111111", "card 4111111111111111", "receipt 4111111111111111"] {
            assert_eq!(kind(text), Err(NotAsked::Name(MemberNameError::CardNumber)), "{text}");
        }
        assert!(kind("phone 123").is_err());
        assert!(kind("").is_err());
    }
}
