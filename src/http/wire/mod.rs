//! Requests as they come over the wire, and their way into commands. Unknown fields are refused.

mod bodies;
pub mod cards;
pub mod members;
pub mod people;
pub mod transactions;

use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use crate::domain::amount::{MONEY_MAX, Money, Points, parse_decimal};
use crate::domain::ids::ProgrammeId;
use crate::domain::member::{MemberName, MemberNameError, is_card_number};
use crate::domain::terms::{Coalition, Programme};
use crate::domain::time::Instant;

/// Reads a body into JSON.
///
/// # Errors
/// If it is no JSON object.
pub fn read_object(body: &[u8]) -> Result<Value, Problem> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::invalid("", &format!("write JSON: {error}")))?;
    if value.is_object() { Ok(value) } else { Err(Problem::invalid("", "write a JSON object")) }
}

/// Reads a JSON value into a request, naming the field that can't be read.
///
/// # Errors
/// If a field is missing, unknown, or of another type.
pub fn read_fields<T: DeserializeOwned>(value: &Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer_of(error.path());
        Problem::invalid(&pointer, &error.into_inner().to_string())
    })
}

fn pointer_of(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let step = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(step).collect()
}

/// What a request asks for, as a hash: SHA-256 over its kind and its JSON with sorted keys, so that
/// the same request is the same in a bulk line, alone, and however it is spaced.
pub fn fingerprint(kind: &str, value: &Value) -> [u8; 32] {
    let mut state = Sha256::new();
    state.update(kind.as_bytes());
    state.update([0]);
    state.update(value.to_string().as_bytes());
    state.finalize().into()
}

/// What the figures of a request are read with.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    /// What counts.
    pub coalition: &'a Coalition,
    /// The instant of the call, against which dates are checked.
    pub now: Instant,
}

/// How far ahead of the server's clock a party's may be, in microseconds.
const AHEAD_MAX_MICROS: i64 = 5 * 60 * 1_000_000;

impl<'a> Reader<'a> {
    /// The programme of a name.
    ///
    /// # Errors
    /// If there is none.
    pub fn programme(&self, pointer: &str, id: &ProgrammeId) -> Result<&'a Programme, Problem> {
        let programme = self.coalition.programmes.get(id).map(|one| &**one);
        programme.ok_or_else(|| Problem::invalid(pointer, "there is no such programme"))
    }

    /// An amount of money above zero.
    ///
    /// # Errors
    /// If it is no decimal of the currency's scale, or out of range.
    pub fn money(&self, pointer: &str, text: &str) -> Result<Money, Problem> {
        let amount = parse_decimal(text, self.coalition.money_scale, MONEY_MAX)
            .map_err(|error| Problem::invalid(pointer, &error.to_string()))?;
        if amount > 0 {
            Ok(Money(amount))
        } else {
            Err(Problem::invalid(pointer, "use an amount above zero"))
        }
    }

    /// Points above zero.
    ///
    /// # Errors
    /// If they are no decimal of the programme's scale, or out of range.
    pub fn points(
        &self,
        pointer: &str,
        programme: &Programme,
        text: &str,
    ) -> Result<Points, Problem> {
        let points = programme
            .parse_points(text)
            .map_err(|error| Problem::invalid(pointer, &error.to_string()))?;
        if points.is_zero() {
            Err(Problem::invalid(pointer, "use points above zero"))
        } else {
            Ok(points)
        }
    }

    /// A currency that must be the coalition's.
    ///
    /// # Errors
    /// If it is another.
    pub fn currency(&self, code: Option<&String>) -> Result<(), Problem> {
        match code {
            Some(code) if *code != self.coalition.currency => {
                let detail = format!("this coalition's money is {}", self.coalition.currency);
                Err(Problem::invalid("/currency", &detail))
            }
            _ => Ok(()),
        }
    }

    /// When something happened, which can't be ahead of now.
    ///
    /// # Errors
    /// If it is no instant, or ahead.
    pub fn at(&self, text: Option<&String>, may_lead: bool) -> Result<Option<Instant>, Problem> {
        let Some(text) = text else { return Ok(None) };
        let at = Instant::parse(text).ok_or_else(|| {
            Problem::invalid("/at", "write an RFC 3339 instant, such as 2026-11-23T10:00:00+03:00")
        })?;
        if !may_lead && self.now.plus_micros(AHEAD_MAX_MICROS) < at {
            return Err(Problem::invalid("/at", "this instant has not come yet"));
        }
        Ok(Some(at))
    }
}

/// A member's name in one of its forms.
///
/// # Errors
/// If it is of none, or a card number.
pub fn member_name(pointer: &str, text: &str) -> Result<MemberName, Problem> {
    MemberName::parse(text).map_err(|error| name_problem(pointer, error))
}

/// The problem of a name that was refused.
pub fn name_problem(pointer: &str, error: MemberNameError) -> Problem {
    match error {
        MemberNameError::CardNumber => Problem::card_number(pointer),
        other => Problem::invalid(pointer, &other.to_string()),
    }
}

/// Refuses a card number in a free text that is stored.
///
/// # Errors
/// If it is one.
pub fn no_card_number(pointer: &str, text: &str) -> Result<(), Problem> {
    if is_card_number(text) { Err(Problem::card_number(pointer)) } else { Ok(()) }
}
