//! Persons: what a profile says, where it comes from, and what people agreed to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::PartyId;
use super::named::named;
use super::time::{Day, Instant};

named! {
    /// Where somebody enrolled, or something was learnt.
    Source:
    /// A wallet.
    Wallet "wallet",
    /// A site.
    WebShop "web_shop",
    /// A till, during a sale.
    Till "till",
    /// A call.
    CallCentre "call_centre",
    /// A file of another system.
    Import "import",
    /// A service centre.
    Service "service",
    /// Nothing was said.
    Other "other",
}

impl Source {
    /// Whether somebody is a member there only when a code was confirmed.
    pub const fn asks_for_code(self) -> bool {
        matches!(self, Self::Till | Self::Service)
    }
}

named! {
    /// How far somebody is a member.
    Stage:
    /// Earns; burns nothing until a code is confirmed.
    Unconfirmed "unconfirmed",
    /// A member.
    Member "member",
    /// Gone: nothing is known of them any more.
    Erased "erased",
}

named! {
    /// A field of a profile.
    Field:
    /// How the person is called; 1 to 200 characters.
    Name "name",
    /// The day of birth.
    BirthDate "birth_date",
    /// The city; 1 to 100 characters.
    City "city",
    /// The language: a tag of RFC 5646, such as `ru` or `en-GB`.
    Language "language",
    /// The sex as the person gave it: `female`, `male`, `other`.
    Gender "gender",
}

named! {
    /// What people agree to.
    Purpose:
    /// That the programme keeps and uses what is known of them.
    Processing "processing",
    /// Advertising.
    Marketing "marketing",
    /// That others are given what is known of them.
    Transfer "transfer",
}

named! {
    /// A way to reach people.
    Channel:
    /// A push of an app.
    Push "push",
    /// A text message.
    Sms "sms",
    /// E-mail.
    Email "email",
    /// A call.
    Call "call",
    /// All that have no row of their own.
    Any "any",
}

/// A value that was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// A name.
    #[error("write 1 to 200 characters, none of them a control character")]
    Name,
    /// A day of birth.
    #[error("write a day from 1900-01-01 to today as YYYY-MM-DD")]
    BirthDate,
    /// A city.
    #[error("write 1 to 100 characters, none of them a control character")]
    City,
    /// A language.
    #[error("write a language tag, such as ru or en-GB")]
    Language,
    /// A gender.
    #[error("use female, male or other")]
    Gender,
}

impl Field {
    /// The value as it is kept.
    ///
    /// # Errors
    /// If it can't be one.
    pub fn checked(self, text: &str, today: Day) -> Result<String, FieldError> {
        let text = text.trim();
        let is_text = |most: usize| {
            (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control)
        };
        match self {
            Self::Name => is_text(200).then_some(text.to_owned()).ok_or(FieldError::Name),
            Self::City => is_text(100).then_some(text.to_owned()).ok_or(FieldError::City),
            Self::BirthDate => {
                let first = Day::parse("1900-01-01");
                let day = Day::parse(text).filter(|day| first <= Some(*day) && *day <= today);
                day.map(|day| day.to_string()).ok_or(FieldError::BirthDate)
            }
            Self::Language => {
                let parts: Vec<&str> = text.split('-').collect();
                let fits = |part: &&str| {
                    (1..=8).contains(&part.len())
                        && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
                };
                let first = parts.first().is_some_and(|part| {
                    (2..=3).contains(&part.len())
                        && part.bytes().all(|byte| byte.is_ascii_alphabetic())
                });
                let right = first && parts.len() <= 4 && parts.iter().all(fits);
                right.then(|| text.to_owned()).ok_or(FieldError::Language)
            }
            Self::Gender => {
                let known = ["female", "male", "other"].contains(&text);
                known.then(|| text.to_owned()).ok_or(FieldError::Gender)
            }
        }
    }
}

/// A value, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The value.
    pub value: String,
    /// Who gave it.
    pub party: PartyId,
    /// Where it was learnt.
    pub source: Source,
    /// When.
    pub at: Instant,
}

/// What is known of a person, field by field. It is stored sealed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Profile(pub BTreeMap<Field, Known>);

impl Profile {
    /// What the field says.
    pub fn value(&self, field: Field) -> Option<&str> {
        self.0.get(&field).map(|known| known.value.as_str())
    }

    /// Takes what another profile of the same person says and this one does not.
    pub fn complete_from(&mut self, other: Self) {
        for (field, known) in other.0 {
            self.0.entry(field).or_insert(known);
        }
    }
}

/// What somebody agreed to, or took back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// What for.
    pub purpose: Purpose,
    /// By which channel.
    pub channel: Channel,
    /// Given, or taken back.
    pub given: bool,
    /// The version of the text that was shown.
    pub version: String,
    /// When.
    pub at: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_bounded_and_checked() {
        let today = Day::parse("2025-03-03").expect("a day");
        let checked = |field: Field, text: &str| field.checked(text, today);
        assert_eq!(checked(Field::Name, " Анна Каренина "), Ok("Анна Каренина".to_owned()));
        for text in ["", "  ", &"я".repeat(201), "a\u{0}b"] {
            assert_eq!(checked(Field::Name, text), Err(FieldError::Name), "{text}");
        }
        assert!(checked(Field::BirthDate, "1985-02-28").is_ok());
        for text in ["1985-02-30", "1899-12-31", "2025-03-04", "28.02.1985"] {
            assert_eq!(checked(Field::BirthDate, text), Err(FieldError::BirthDate), "{text}");
        }
        for text in ["ru", "en-GB", "zh-Hant-TW"] {
            assert!(checked(Field::Language, text).is_ok(), "{text}");
        }
        for text in ["", "r", "russian", "en_GB", "en-", "en-a-b-c-d"] {
            assert_eq!(checked(Field::Language, text), Err(FieldError::Language), "{text}");
        }
        assert_eq!(checked(Field::Gender, "male"), Ok("male".to_owned()));
        assert_eq!(checked(Field::Gender, "m"), Err(FieldError::Gender));
    }
}
