//! Events: what a recorded transaction tells those who may know of it.
//!
//! They follow from the transaction's stored bytes alone, so the same transaction gives the same
//! events under the same ids for ever. New types come after those that are there.

mod derive;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub use derive::events_of;

use super::ids::{MemberId, ProgrammeId};
use super::time::Instant;

/// The most characters of an event's type.
pub const TYPE_CHARS_MAX: usize = 64;

/// The most bytes of an event as it is sent.
pub const EVENT_BYTES_MAX: usize = 20_000;

/// Something that happened, to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its id: the same whenever and wherever it is told.
    pub id: EventId,
    /// Its type, such as `points.earned`.
    pub kind: String,
    /// When it happened.
    pub at: Instant,
    /// The programme that it is of.
    pub programme: Option<ProgrammeId>,
    /// Whose it is.
    pub member: Option<MemberId>,
    /// What is told. No personal data.
    pub data: Value,
}

/// Where an event stands. Printed without a `.`, which separates the parts of what is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventId {
    /// In a shard's journal: shard, sequence, and place among the transaction's events. Printed
    /// `ev_SHARD_SEQUENCE_PLACE`.
    Journal(i64, i64, usize),
    /// In the outbox. Printed `ev_o_SEQUENCE`.
    Outbox(i64),
}

impl std::fmt::Display for EventId {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Journal(shard, seq, place) => write!(out, "ev_{shard}_{seq}_{place}"),
            Self::Outbox(seq) => write!(out, "ev_o_{seq}"),
        }
    }
}

impl std::str::FromStr for EventId {
    type Err = super::ids::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = text.split('_').collect();
        let number = |part: &str| part.parse::<i64>().ok().filter(|number| *number >= 0);
        let id = match parts.as_slice() {
            ["ev", "o", seq] => number(seq).map(Self::Outbox),
            ["ev", shard, seq, place] => {
                let place = place.parse().ok();
                number(shard)
                    .zip(number(seq))
                    .zip(place)
                    .map(|((shard, seq), place)| Self::Journal(shard, seq, place))
            }
            _ => None,
        };
        // Only the printed form is an id: no leading zeros, no sign.
        id.filter(|id| id.to_string() == text).ok_or(super::ids::NameError::NotId)
    }
}

impl Event {
    /// The event as it is sent: `type`, `timestamp`, `data`. One that is too long says only that.
    pub fn body(&self) -> String {
        let text = self.written(&self.data);
        if text.len() <= EVENT_BYTES_MAX {
            return text;
        }
        self.written(&serde_json::json!({"too_long": true, "event": self.id.to_string()}))
    }

    fn written(&self, data: &Value) -> String {
        // A map of its own would sort the names; these stand in the order of the standard.
        let (kind, at) = (Value::from(self.kind.as_str()), Value::from(self.at.to_string()));
        format!("{{\"type\":{kind},\"timestamp\":{at},\"data\":{data}}}")
    }
}

/// Whether a text can be the type of an event: letters, digits and `_`, in parts with dots between.
pub fn is_type(text: &str) -> bool {
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.len() <= TYPE_CHARS_MAX && text.split('.').all(is_part)
}
