//! People as they come over the wire: profiles, consents, codes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::{name_problem, no_card_number, read_fields};
use crate::domain::member::MemberName;
use crate::domain::person::{Channel, Consent, Field, Purpose, Source};
use crate::domain::time::{Day, Instant};
use crate::engine::Joining;
use crate::http::problem::Problem;
use crate::people::codes::CodeFor;
use crate::people::phone::{Region, phone_in};

/// The most consents that are given at once.
const CONSENTS_MAX: usize = 20;

/// The most characters of a version of a text.
const VERSION_MAX: usize = 64;

/// How far ahead of the server's clock a party's may be, in microseconds.
const AHEAD_MAX_MICROS: i64 = 5 * 60 * 1_000_000;

/// With what people are read.
#[derive(Clone, Copy, Debug)]
pub struct PeopleReader {
    /// The instant of the call.
    pub now: Instant,
    /// The day, for days of birth.
    pub today: Day,
    /// The region of phones that are written without a country.
    pub region: Region,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConsentBody {
    purpose: Purpose,
    channel: Option<Channel>,
    given: Option<bool>,
    version: String,
    at: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum VerifiedBody {
    Phone,
    Email,
}

/// What a body says of a person, beside the names.
#[derive(Deserialize, Default)]
pub(super) struct JoiningBody {
    pub profile: Option<BTreeMap<Field, String>>,
    pub source: Option<Source>,
    pub verified: Option<Vec<VerifiedBody>>,
    pub codes: Option<Vec<String>>,
    pub consents: Option<Vec<ConsentBody>>,
}

impl PeopleReader {
    /// Reads a phone as people write it.
    ///
    /// # Errors
    /// If it is none.
    pub fn phone(&self, pointer: &str, text: &str) -> Result<MemberName, Problem> {
        phone_in(self.region, text).map_err(|error| name_problem(pointer, error))
    }

    fn field(&self, pointer: &str, field: Field, text: &str) -> Result<String, Problem> {
        no_card_number(pointer, text)?;
        let checked = field.checked(text, self.today);
        checked.map_err(|error| Problem::invalid(pointer, &error.to_string()))
    }

    fn consent(&self, pointer: &str, body: &ConsentBody) -> Result<Consent, Problem> {
        let refuse = |field: &str, detail: &str| {
            Err(Problem::invalid(&format!("{pointer}/{field}"), detail))
        };
        let length = body.version.chars().count();
        if !(1..=VERSION_MAX).contains(&length) || body.version.chars().any(char::is_control) {
            return refuse("version", "write 1 to 64 characters, none of them a control character");
        }
        let at = match &body.at {
            None => self.now,
            Some(text) => match Instant::parse(text) {
                Some(at) if at <= self.now.plus_micros(AHEAD_MAX_MICROS) => at,
                Some(_) => return refuse("at", "this instant has not come yet"),
                None => return refuse("at", "write an RFC 3339 instant"),
            },
        };
        Ok(Consent {
            purpose: body.purpose,
            channel: body.channel.unwrap_or(Channel::Any),
            given: body.given.unwrap_or(true),
            version: body.version.clone(),
            at,
        })
    }

    /// Reads a consent that is given or taken back.
    ///
    /// # Errors
    /// If a field can't be read.
    pub fn consent_of(&self, value: &Value) -> Result<Consent, Problem> {
        self.consent("", &read_fields(value)?)
    }

    /// Reads what is told of a person who enrols, and the codes that show that the phone is
    /// theirs; none: only names are given.
    pub(super) fn joining(
        &self,
        body: JoiningBody,
        names: &[MemberName],
    ) -> Result<Option<(Joining, Vec<String>)>, Problem> {
        let JoiningBody { profile, source, verified, codes, consents } = body;
        let says_more = profile.is_some()
            || source.is_some()
            || verified.is_some()
            || codes.is_some()
            || consents.is_some();
        if !says_more {
            return Ok(None);
        }
        let mut fields = BTreeMap::new();
        for (field, text) in profile.unwrap_or_default() {
            let pointer = format!("/profile/{}", field.name());
            fields.insert(field, self.field(&pointer, field, &text)?);
        }
        let mut shown = BTreeSet::new();
        for (place, which) in verified.unwrap_or_default().into_iter().enumerate() {
            let name = names.iter().find(|name| match which {
                VerifiedBody::Phone => matches!(name, MemberName::Phone(_)),
                VerifiedBody::Email => matches!(name, MemberName::Email(_)),
            });
            let Some(name) = name else {
                let detail = "give the name that was verified";
                return Err(Problem::invalid(&format!("/verified/{place}"), detail));
            };
            shown.insert(name.clone());
        }
        let consents = consents.unwrap_or_default();
        if consents.len() > CONSENTS_MAX {
            return Err(Problem::invalid("/consents", "give at most 20 at once"));
        }
        let read = |(place, one)| self.consent(&format!("/consents/{place}"), one);
        let consents = consents.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        let codes = codes.unwrap_or_default();
        if codes.len() > 1 {
            return Err(Problem::invalid("/codes", "name one confirmed code"));
        }
        let source = source.unwrap_or(Source::Other);
        let joining = Joining { source, profile: fields, verified: shown, consents };
        Ok(Some((joining, codes)))
    }

    /// Reads changes of a profile.
    ///
    /// # Errors
    /// If a field can't be read.
    pub fn changes_of(
        &self,
        value: &Value,
    ) -> Result<(Source, BTreeMap<Field, Option<String>>), Problem> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            source: Option<Source>,
            profile: BTreeMap<Field, Option<String>>,
        }
        let body: Body = read_fields(value)?;
        let mut fields = BTreeMap::new();
        for (field, text) in body.profile {
            let pointer = format!("/profile/{}", field.name());
            let text = text.map(|text| self.field(&pointer, field, &text)).transpose()?;
            fields.insert(field, text);
        }
        if fields.is_empty() {
            return Err(Problem::invalid("/profile", "name at least one field"));
        }
        Ok((body.source.unwrap_or(Source::Other), fields))
    }

    /// Reads for whom a code is asked.
    ///
    /// # Errors
    /// If a field can't be read.
    pub fn asking_of(&self, value: &Value) -> Result<(MemberName, CodeFor), Problem> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Body {
            phone: String,
            purpose: CodeFor,
        }
        let body: Body = read_fields(value)?;
        Ok((self.phone("/phone", &body.phone)?, body.purpose))
    }
}

/// Reads a code that is tried.
///
/// # Errors
/// If it is not six digits.
pub fn tried_code(value: &Value) -> Result<String, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        code: String,
    }
    let body: Body = read_fields(value)?;
    let is_code = body.code.len() == 6 && body.code.bytes().all(|byte| byte.is_ascii_digit());
    if is_code { Ok(body.code) } else { Err(Problem::invalid("/code", "write six digits")) }
}
