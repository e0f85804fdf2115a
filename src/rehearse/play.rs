//! Plays the steps of a scenario as partners and operators would.

use std::collections::HashMap;
use std::time::Duration;

use coalition_partner::{Algorithm, Answer, Client, OperatorClient, SigningKey, path};
use serde_json::{Map, Value, json};

use super::scenario::{MemberSection, Scenario, Step};
use super::{Difference, RehearsalError};
use crate::auth::token::{Role, mint};
use crate::clock::unix_now;
use crate::server::{Running, ServerError, token_key};
use crate::settings::Settings;
use crate::store::Use;

/// How long the operator of a rehearsal may work.
const LIFETIME: Duration = Duration::from_hours(6);

/// A rehearsal under way.
pub struct Play {
    operator: OperatorClient,
    parties: HashMap<String, Client>,
    members: HashMap<String, String>,
    clock: String,
}

impl Play {
    /// Configures the server as the scenario says.
    pub fn begin(
        scenario: &Scenario,
        settings: &Settings,
        running: &Running,
    ) -> Result<Self, RehearsalError> {
        let mut database = settings
            .address()
            .map_err(ServerError::from)?
            .open(Use::Read)
            .map_err(ServerError::from)?;
        let key = token_key(&mut database)?;
        let token = mint(&key, "rehearsal", Role::Operator, LIFETIME, unix_now())
            .map_err(|error| ServerError::Key(error.to_string()))?;
        let operator = OperatorClient::new(&running.url(), &token)?;
        let mut play = Self {
            operator,
            parties: HashMap::new(),
            members: HashMap::new(),
            clock: String::new(),
        };
        for party in &scenario.parties {
            play.operator.create_party(&party.id, &party.kind)?;
            let issued = play.operator.issue_hmac_key(&party.id)?.value;
            let secret = issued.secret.unwrap_or_default();
            let key = SigningKey::from_base64(&issued.id, Algorithm::HmacSha256, &secret)
                .map_err(|error| ServerError::Key(error.to_string()))?;
            play.parties.insert(party.id.clone(), Client::new(&running.url(), key)?);
        }
        play.configure(scenario)?;
        for member in &scenario.members {
            play.enroll(member)?;
        }
        Ok(play)
    }

    fn configure(&self, scenario: &Scenario) -> Result<(), RehearsalError> {
        for schedule in &scenario.schedules {
            self.put(&format!("/v1/schedules/{}", name(schedule, "id")), schedule)?;
        }
        for table in &scenario.vat {
            self.put(&format!("/v1/vat-rates/{}", name(table, "id")), table)?;
        }
        for programme in &scenario.programmes {
            self.put(&format!("/v1/programmes/{}", name(programme, "id")), programme)?;
        }
        for agreement in &scenario.agreements {
            let (programme, party) = (name(agreement, "programme"), name(agreement, "party"));
            self.put(&format!("/v1/agreements/{programme}/{party}"), agreement)?;
        }
        for exchange in &scenario.exchanges {
            let (from, to) = (name(exchange, "from"), name(exchange, "to"));
            self.put(&format!("/v1/exchanges/{from}/{to}"), exchange)?;
        }
        Ok(())
    }

    fn put(&self, path: &str, document: &Value) -> Result<(), RehearsalError> {
        must_accept(path, &self.operator.put(path, document)?).map(drop)
    }

    fn enroll(&mut self, member: &MemberSection) -> Result<(), RehearsalError> {
        let mut body = json!({"card_tokens": member.card_tokens});
        for (field, value) in [("phone", &member.phone), ("email", &member.email)] {
            if let Some(value) = value {
                body[field] = value.clone().into();
            }
        }
        let key = format!("member/{}", member.id);
        let answer = self.operator.post("/v1/members", &key, &body)?;
        let made = must_accept(&key, &answer)?;
        self.members.insert(member.id.clone(), name(&made, "member").to_owned());
        Ok(())
    }

    /// Plays one step and compares what came out.
    pub fn step(&mut self, number: usize, step: &Step) -> Result<(), RehearsalError> {
        if self.clock != step.at {
            self.operator.set_test_clock(&step.at)?;
            self.clock.clone_from(&step.at);
        }
        let answer = self.perform(number, step)?;
        let got = flattened(&step.r#do, &answer);
        let differs = |field: &str, expected: &Value, got: String| {
            RehearsalError::Differs(Box::new(Difference {
                step: number,
                at: step.at.clone(),
                operation: step.r#do.clone(),
                field: field.to_owned(),
                expected: shown(expected),
                got,
            }))
        };
        if !answer.is_accepted() && !step.expect.contains_key("error") {
            return Err(differs("error", &Value::from("no error"), answer.text()));
        }
        for (field, expected) in &step.expect {
            let found = got.get(field).unwrap_or(&Value::Null);
            if !is_same(expected, found) {
                let text =
                    if field == "error" && found.is_null() { answer.text() } else { shown(found) };
                return Err(differs(field, expected, text));
            }
        }
        Ok(())
    }

    fn perform(&self, number: usize, step: &Step) -> Result<Answer, RehearsalError> {
        let key = format!("step-{number}");
        let with = self.named(&step.with);
        match step.r#do.as_str() {
            "balance" => {
                let member = path::encoded(text(&with, "member"));
                let query = [("programme", with.get("programme").and_then(Value::as_str))];
                let target = path::with_query(&format!("/v1/members/{member}/balances"), &query);
                Ok(self.operator.get(&target)?)
            }
            "close_cycle" => {
                let named = ["cycle", "day"].map(|field| text(&with, field));
                let target = format!("/v1/cycles/{}/close", named.concat());
                Ok(self.operator.post(&target, &key, &json!({}))?)
            }
            "set_mode" => {
                let target = format!("/v1/programmes/{}/mode", text(&with, "programme"));
                let body = json!({"mode": text(&with, "mode")});
                self.post(step, &target, &key, &body)
            }
            "quote" => self.post(step, "/v1/quotes", &key, &Value::Object(with)),
            kind => {
                let mut body = with;
                body.insert("kind".to_owned(), kind.into());
                self.post(step, "/v1/transactions", &key, &Value::Object(body))
            }
        }
    }

    fn post(
        &self,
        step: &Step,
        target: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, RehearsalError> {
        let Some(party) = &step.party else { return Ok(self.operator.post(target, key, body)?) };
        let client = self.parties.get(party).ok_or_else(|| RehearsalError::Refused {
            what: format!("a step of `{party}`"),
            answer: "there is no such party in the scenario".to_owned(),
        })?;
        Ok(client.post(target, key, body)?)
    }

    /// The arguments, with the members' own ids in place of their names in the scenario.
    fn named(&self, with: &Map<String, Value>) -> Map<String, Value> {
        let named = with.iter().map(|(field, value)| {
            let is_member = ["member", "keep", "drop"].contains(&field.as_str());
            let member = value.as_str().filter(|_| is_member).and_then(|id| self.members.get(id));
            (field.clone(), member.map_or_else(|| value.clone(), |id| id.clone().into()))
        });
        named.collect()
    }
}

fn must_accept(what: &str, answer: &Answer) -> Result<Value, RehearsalError> {
    if answer.is_accepted() {
        return Ok(answer.json()?);
    }
    Err(RehearsalError::Refused { what: what.to_owned(), answer: answer.text() })
}

fn name<'a>(document: &'a Value, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn text<'a>(with: &'a Map<String, Value>, field: &str) -> &'a str {
    with.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The fields of an answer as scenarios name them: a refusal as `error`, the first balance's
/// fields, and a card payment's figures plain where there is one programme and as maps by
/// programme where there are several.
fn flattened(operation: &str, answer: &Answer) -> Map<String, Value> {
    let body: Value = answer.json().unwrap_or(Value::Null);
    if !answer.is_accepted() {
        let code = body.get("code").cloned().unwrap_or_default();
        return Map::from_iter([("error".to_owned(), code)]);
    }
    match (operation, body) {
        ("balance", body) => match body.pointer("/balances/0") {
            Some(Value::Object(balance)) => balance.clone(),
            _ => Map::new(),
        },
        (_, Value::Object(mut fields)) => {
            if let Some(Value::Object(programmes)) = fields.remove("programmes") {
                fields.extend(by_field(&programmes));
            }
            fields
        }
        _ => Map::new(),
    }
}

fn by_field(programmes: &Map<String, Value>) -> Map<String, Value> {
    let mut fields: Map<String, Value> = Map::new();
    for (programme, outcome) in programmes {
        for (field, value) in outcome.as_object().into_iter().flatten() {
            if programmes.len() == 1 {
                fields.insert(field.clone(), value.clone());
            } else if let Value::Object(map) =
                fields.entry(field.clone()).or_insert_with(|| json!({}))
            {
                map.insert(programme.clone(), value.clone());
            }
        }
    }
    fields
}

/// Figures are compared as text; a map must have the same entries.
fn is_same(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            expected.len() == got.len()
                && expected
                    .iter()
                    .all(|(field, value)| got.get(field).is_some_and(|other| is_same(value, other)))
        }
        (expected, got) => shown(expected) == shown(got),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
