//! Members as they come over the wire.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::people::{ConsentBody, JoiningBody, PeopleReader, VerifiedBody};
use super::{name_problem, read_fields};
use crate::domain::member::{MemberName, token};
use crate::domain::person::{Field, Source};
use crate::engine::Enroll;
use crate::http::problem::Problem;

/// The most names that a member is made with.
const NAMES_MAX: usize = 50;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MemberBody {
    phone: Option<String>,
    email: Option<String>,
    #[serde(default)]
    external_ids: Vec<String>,
    #[serde(default)]
    card_tokens: Vec<String>,
    profile: Option<BTreeMap<Field, String>>,
    source: Option<Source>,
    verified: Option<Vec<VerifiedBody>>,
    codes: Option<Vec<String>>,
    consents: Option<Vec<ConsentBody>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardTokenBody {
    card_token: String,
}

/// Reads a new member, and the codes that show that the phone is theirs.
///
/// # Errors
/// If it has no name, too many, or one that can't be read.
pub fn enroll_of(reader: &PeopleReader, value: &Value) -> Result<(Enroll, Vec<String>), Problem> {
    let body: MemberBody = read_fields(value)?;
    let mut names = names_of(reader, &body)?;
    let count = names.len();
    names.sort();
    names.dedup();
    if !(1..=NAMES_MAX).contains(&count) || names.len() != count {
        let detail = "give 1 to 50 names, each once: phone, email, external_ids, card_tokens";
        return Err(Problem::invalid("", detail));
    }
    let MemberBody { profile, source, verified, codes, consents, .. } = body;
    let body = JoiningBody { profile, source, verified, codes, consents };
    let (joining, codes) = match reader.joining(body, &names)? {
        Some((joining, codes)) => (Some(Box::new(joining)), codes),
        None => (None, Vec::new()),
    };
    Ok((Enroll { names, joining }, codes))
}

fn names_of(reader: &PeopleReader, body: &MemberBody) -> Result<Vec<MemberName>, Problem> {
    let mut names = Vec::new();
    if let Some(phone) = &body.phone {
        names.push(reader.phone("/phone", phone)?);
    }
    if let Some(email) = &body.email {
        names.push(MemberName::email(email).map_err(|error| name_problem("/email", error))?);
    }
    for (place, id) in body.external_ids.iter().enumerate() {
        let pointer = format!("/external_ids/{place}");
        names.push(MemberName::External(token(id).map_err(|error| name_problem(&pointer, error))?));
    }
    for (place, id) in body.card_tokens.iter().enumerate() {
        let pointer = format!("/card_tokens/{place}");
        names.push(MemberName::Card(token(id).map_err(|error| name_problem(&pointer, error))?));
    }
    Ok(names)
}

/// Reads a card token.
///
/// # Errors
/// If it is none, or a card number.
pub fn card_token_of(value: &Value) -> Result<MemberName, Problem> {
    let body: CardTokenBody = read_fields(value)?;
    let card = token(&body.card_token).map_err(|error| name_problem("/card_token", error))?;
    Ok(MemberName::Card(card))
}
