//! Cards as they come over the wire.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Reader, member_name, read_fields};
use crate::domain::card::code::Shown;
use crate::domain::card::{CardNumber, Step, Why};
use crate::domain::command::Receipt;
use crate::domain::ids::ProgrammeId;
use crate::domain::member::MemberName;
use crate::engine::CardWork;
use crate::http::problem::Problem;
use crate::http::wire::transactions::receipt_of;

/// Characters of a campaign's name.
const CAMPAIGN_MAX: usize = 63;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueBody {
    programme: ProgrammeId,
    member: Option<String>,
    person: Option<Map<String, Value>>,
}

/// For whom a card is issued.
pub enum Holder {
    /// A member.
    Member(MemberName),
    /// Somebody who enrols with it, as in `POST /v1/members`.
    Person(Value),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepBody {
    why: Option<Why>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IntroBody {
    campaign: String,
}

#[derive(Deserialize)]
struct ResolveBody {
    card: String,
    programme: Option<ProgrammeId>,
    amount: Option<Value>,
    lines: Option<Value>,
}

/// Reads for whom a card is issued.
///
/// # Errors
/// If a field can't be read.
pub fn issue_of(value: &Value) -> Result<(ProgrammeId, Holder), Problem> {
    let IssueBody { programme, member, person } = read_fields(value)?;
    let holder = match (member, person) {
        (Some(member), None) => Holder::Member(member_name("/member", &member)?),
        (None, Some(mut person)) => {
            person.entry("source").or_insert_with(|| "wallet".into());
            Holder::Person(Value::Object(person))
        }
        _ => return Err(Problem::invalid("/member", "give either `member` or `person`")),
    };
    Ok((programme, holder))
}

/// Reads a step of a card.
///
/// # Errors
/// If a field can't be read.
pub fn step_of(number: &CardNumber, step: Step, value: &Value) -> Result<CardWork, Problem> {
    let StepBody { why } = read_fields(value)?;
    Ok(CardWork::Step { number: number.clone(), step, why })
}

/// Reads which intro screen was seen.
///
/// # Errors
/// If a field can't be read.
pub fn intro_of(value: &Value) -> Result<String, Problem> {
    let IntroBody { campaign } = read_fields(value)?;
    if (1..=CAMPAIGN_MAX).contains(&campaign.len()) {
        Ok(campaign)
    } else {
        Err(Problem::invalid("/campaign", "name a campaign"))
    }
}

/// What a till asks about what it scanned.
pub struct Asked {
    /// What it scanned.
    pub shown: Shown,
    /// In which programme; none: in the card's.
    pub programme: Option<ProgrammeId>,
    receipt: Option<Map<String, Value>>,
}

/// Reads what a till asks.
///
/// # Errors
/// If a field can't be read, or what was scanned is no card.
pub fn asked_of(value: &Value) -> Result<Asked, Problem> {
    const KNOWN: [&str; 5] = ["card", "programme", "amount", "lines", "currency"];
    let fields = value.as_object().cloned().unwrap_or_default();
    if let Some(other) = fields.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(Problem::invalid(&format!("/{other}"), "this field is not known here"));
    }
    let body: ResolveBody = read_fields(value)?;
    let shown = Shown::parse(&body.card).ok_or_else(|| {
        Problem::invalid("/card", "send a card's number, or its code as it was scanned")
    })?;
    let has_receipt = body.amount.is_some() || body.lines.is_some();
    Ok(Asked { shown, programme: body.programme, receipt: has_receipt.then_some(fields) })
}

impl Asked {
    /// The receipt, if there is one, in a programme.
    ///
    /// # Errors
    /// If a field of it can't be read.
    pub fn receipt(
        &self,
        reader: Reader<'_>,
        programme: &ProgrammeId,
    ) -> Result<Option<Receipt>, Problem> {
        let Some(mut fields) = self.receipt.clone() else { return Ok(None) };
        fields.remove("card");
        fields.insert("programme".into(), programme.as_str().into());
        fields.insert("member".into(), format!("loyalty:{}", self.shown.number()).into());
        receipt_of(reader, &Value::Object(fields)).map(Some)
    }
}
