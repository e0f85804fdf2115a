//! How a partner writes its list, as a document and as the checked layout that reading goes by.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::domain::command::Kind;
use crate::domain::obligation::Scales;
use crate::domain::reconciliation::{Compared, Currency};

/// The most words that a profile can map to kinds.
const WORDS_MAX: usize = 200;

/// The longest name of a column or word, in bytes.
const NAME_MAX: usize = 200;

/// The form of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Lines of cells with a header.
    #[default]
    Csv,
    /// A JSON object on each line.
    Ndjson,
    /// A sheet of a workbook with a header.
    Xlsx,
}

/// How the letters of a CSV list are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// UTF-8, with or without a mark at the beginning.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// Cyrillic of Windows.
    #[serde(rename = "windows-1251")]
    Windows1251,
}

/// What a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The partner's own reference.
    Reference,
    /// What it was.
    Kind,
    /// Money.
    Amount,
    /// Points.
    Points,
    /// When it happened.
    At,
    /// The currency of the money.
    Currency,
}

impl Field {
    /// All fields, each at its own index.
    pub(super) const ALL: [Self; 6] =
        [Self::Reference, Self::Kind, Self::Amount, Self::Points, Self::At, Self::Currency];

    /// Its place among all fields.
    pub(super) const fn index(self) -> usize {
        match self {
            Self::Reference => 0,
            Self::Kind => 1,
            Self::Amount => 2,
            Self::Points => 3,
            Self::At => 4,
            Self::Currency => 5,
        }
    }
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DateForm {
    /// With an offset: `2026-06-02T12:30:00+03:00`.
    #[serde(rename = "RFC3339")]
    Rfc3339,
    /// `2026-06-02 12:30:00`, in the profile's zone.
    #[serde(rename = "YYYY-MM-DD HH:MM:SS")]
    YearFirst,
    /// `2026-06-02`, in the profile's zone.
    #[serde(rename = "YYYY-MM-DD")]
    YearFirstDay,
    /// `02.06.2026 12:30:00`, in the profile's zone.
    #[serde(rename = "DD.MM.YYYY HH:MM:SS")]
    DayFirst,
    /// `02.06.2026`, in the profile's zone.
    #[serde(rename = "DD.MM.YYYY")]
    DayFirstDay,
}

/// Where the signs of figures stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AmountIs {
    /// On the figures.
    #[default]
    Signed,
    /// Nowhere: the kind tells, and a refund is negative.
    UnsignedWithKind,
}

/// The longest lag of a side: 31 days.
const LAG_HOURS_MAX: u32 = 744;

/// How late each side says what the other has said: until then a missing line is only pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LagHours {
    /// How long after we recorded it the partner's list has it.
    #[serde(default = "a_day")]
    pub theirs: u32,
    /// How long after it happened by the partner's list it is recorded here.
    #[serde(default = "a_day")]
    pub ours: u32,
}

impl Default for LagHours {
    /// A day on each side.
    fn default() -> Self {
        Self { theirs: a_day(), ours: a_day() }
    }
}

const fn a_day() -> u32 {
    24
}

/// How a partner writes its list. It is kept for the partner, so that it is said once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The form of the list.
    #[serde(default)]
    pub format: Format,
    /// What stands between the cells of a CSV list.
    #[serde(default = "comma")]
    pub delimiter: char,
    /// The letters of a CSV list.
    #[serde(default)]
    pub encoding: Encoding,
    /// The sheet of a workbook; none: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The partner's name of each column, or of each member of an NDJSON line.
    pub columns: BTreeMap<Field, String>,
    /// The kinds by the partner's words; none: the words are ours.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub kinds: BTreeMap<String, Kind>,
    /// The zone of instants without an offset, by its name in the tz database.
    #[serde(default = "utc")]
    pub zone: String,
    /// How instants may be written; the first that fits counts.
    #[serde(default = "rfc3339")]
    pub dates: Vec<DateForm>,
    /// Whether decimals follow a comma.
    #[serde(default)]
    pub decimal_comma: bool,
    /// Where the signs stand.
    #[serde(default)]
    pub amount_is: AmountIs,
    /// The currency of lines that don't say one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Whether the list must end with a control line.
    #[serde(default)]
    pub requires_control: bool,
    /// How late each side may be; none: a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_hours: Option<LagHours>,
}

const fn comma() -> char {
    ','
}

fn utc() -> String {
    "UTC".to_owned()
}

fn rfc3339() -> Vec<DateForm> {
    vec![DateForm::Rfc3339]
}

/// What is wrong with a profile: where, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct ProfileError {
    /// JSON pointer into the profile.
    pub pointer: &'static str,
    /// What to write instead.
    pub detail: &'static str,
}

/// A checked profile.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(super) profile: Profile,
    pub(super) scales: Scales,
    pub(super) delimiter: u8,
    pub(super) zone: TimeZone,
}

impl Profile {
    /// Checks the profile, for a programme's and currency's decimals.
    ///
    /// # Errors
    /// If a list could not be read by it.
    pub fn check(&self, scales: Scales) -> Result<Layout, ProfileError> {
        let wrong = |pointer, detail| Err(ProfileError { pointer, detail });
        let has = |field| self.columns.contains_key(&field);
        if !has(Field::At) {
            return wrong("/columns/at", "name the column of the instant");
        }
        if !has(Field::Amount) && !has(Field::Points) {
            return wrong("/columns", "name the column of the amount or of the points");
        }
        if has(Field::Amount) && !has(Field::Currency) && self.currency.is_none() {
            return wrong("/currency", "say the currency, or name its column");
        }
        if self.amount_is == AmountIs::UnsignedWithKind && !has(Field::Kind) {
            return wrong("/columns/kind", "name the column of the kind: it tells the sign");
        }
        let mut names = self.columns.values().chain(self.kinds.keys());
        if names.any(|name| name.trim().is_empty() || NAME_MAX < name.len()) {
            return wrong("/columns", "a name or word has 1 to 200 bytes");
        }
        if WORDS_MAX < self.kinds.len() {
            return wrong("/kinds", "map at most 200 words");
        }
        if self.dates.is_empty() {
            return wrong("/dates", "say at least one form");
        }
        let lag = self.lag_hours.unwrap_or_default();
        for (hours, pointer) in [(lag.theirs, "/lag_hours/theirs"), (lag.ours, "/lag_hours/ours")] {
            if LAG_HOURS_MAX < hours {
                return wrong(pointer, "use at most 744 hours, which are 31 days");
            }
        }
        let Some(delimiter) = delimiter_byte(self.delimiter) else {
            return wrong("/delimiter", "use `,`, `;`, `|` or a tabulator");
        };
        let Ok(zone) = TimeZone::get(&self.zone) else {
            return wrong("/zone", "use a zone of the tz database, such as Europe/Moscow");
        };
        Ok(Layout { profile: self.clone(), scales, delimiter, zone })
    }
}

fn delimiter_byte(delimiter: char) -> Option<u8> {
    u8::try_from(delimiter).ok().filter(|byte| b",;|\t".contains(byte))
}

impl Layout {
    /// The form of the list.
    pub const fn format(&self) -> Format {
        self.profile.format
    }

    /// Which figures the list has.
    pub fn compared(&self) -> Compared {
        let has = |field| self.profile.columns.contains_key(&field);
        Compared { amounts: has(Field::Amount), points: has(Field::Points) }
    }

    /// Whether the list must end with a control line.
    pub const fn requires_control(&self) -> bool {
        self.profile.requires_control
    }

    /// How late each side may be.
    pub fn lag_hours(&self) -> LagHours {
        self.profile.lag_hours.unwrap_or_default()
    }
}
