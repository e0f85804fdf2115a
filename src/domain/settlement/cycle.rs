//! Cycles: the windows that are settled together, and the states that they go through.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::ids::{NameError, ScheduleId};
use crate::domain::time::Day;

/// A cycle: a schedule, and the first settlement day of the window. Printed `2026-06-01` for the
/// coalition's own schedule, `SCHEDULE.2026-06-01` for others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CycleId {
    /// Whose rhythm it follows.
    pub schedule: ScheduleId,
    /// Its first settlement day.
    pub first: Day,
}

impl fmt::Display for CycleId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.schedule.is_main() {
            write!(out, "{}", self.first)
        } else {
            write!(out, "{}.{}", self.schedule, self.first)
        }
    }
}

impl FromStr for CycleId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (schedule, day) = match text.rsplit_once('.') {
            Some((schedule, day)) => (schedule.parse()?, day),
            None => (ScheduleId::main(), text),
        };
        let first = Day::parse(day).ok_or(NameError::NotId)?;
        let id = Self { schedule, first };
        if id.to_string() == text { Ok(id) } else { Err(NameError::NotId) }
    }
}

impl Serialize for CycleId {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CycleId {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a cycle has come to. It only ever goes forward, one transition at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CycleState {
    /// Takes postings.
    Open,
    /// Takes no more; its shards are being cut one by one.
    Closing,
    /// Its figures are fixed.
    Closed,
    /// Its statements can be read.
    Published,
    /// Every party agreed, or its time to disagree went by.
    Acknowledged,
    /// A party disagreed. The dispute is booked in the open cycle; this one is still paid.
    Disputed,
    /// Its payments are instructed.
    Instructed,
    /// Every payment was found at the bank.
    Settled,
}

impl CycleState {
    /// All states, in their order.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Closing,
        Self::Closed,
        Self::Published,
        Self::Acknowledged,
        Self::Disputed,
        Self::Instructed,
        Self::Settled,
    ];

    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closing => "closing",
            Self::Closed => "closed",
            Self::Published => "published",
            Self::Acknowledged => "acknowledged",
            Self::Disputed => "disputed",
            Self::Instructed => "instructed",
            Self::Settled => "settled",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the next transition may lead there.
    pub const fn may_become(self, next: Self) -> bool {
        matches!(
            (self, next),
            (Self::Open, Self::Closing)
                | (Self::Closing, Self::Closed)
                | (Self::Closed, Self::Published)
                | (Self::Published, Self::Acknowledged | Self::Disputed)
                | (Self::Acknowledged | Self::Disputed, Self::Instructed)
                | (Self::Instructed, Self::Settled)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_print_and_parse() {
        for text in ["2026-06-01", "monthly.2026-06-01", "a.b.2026-06-01"] {
            let id: CycleId = text.parse().expect("a cycle's id");
            assert_eq!(id.to_string(), text);
        }
        for text in ["", "2026-06", "main.2026-06-01", ".2026-06-01", "monthly", "x.2026-6-1"] {
            assert!(text.parse::<CycleId>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_cycle_never_goes_back() {
        for from in CycleState::ALL {
            assert_eq!(CycleState::named(from.name()), Some(from));
            for to in CycleState::ALL {
                assert!(!(from.may_become(to) && to <= from), "{from:?} to {to:?}");
            }
        }
        assert!(!CycleState::Acknowledged.may_become(CycleState::Disputed));
        assert!(!CycleState::Published.may_become(CycleState::Instructed));
    }
}
