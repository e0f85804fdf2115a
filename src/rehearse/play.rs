//! Plays the steps of a scenario as partners and operators would.

use std::collections::HashMap;
use std::time::Duration;

use coalition_partner::{
    Algorithm, Answer, Client, OperatorClient, Outgoing, RetryPolicy, Settings as ClientSettings,
    SigningKey, path,
};
use serde_json::{Map, Value, json};

use super::names::Names;
use super::outcome::{Outcome, is_same, must_accept, of_the_ledger, shown};
use super::scenario::{MemberSection, Scenario, Step};
use super::{Difference, RehearsalError, verbs};
use crate::auth::token::{Role, mint};
use crate::clock::unix_now;
use crate::server::{Running, ServerError, token_key};
use crate::settings::Settings;
use crate::store::Use;

/// How long the operator of a rehearsal may work.
const LIFETIME: Duration = Duration::from_hours(6);

/// The longest wait for what the server asks to be asked again later: its clock stands meanwhile.
const WAIT_MAX: Duration = Duration::from_millis(500);

/// A rehearsal under way.
pub struct Play<'a> {
    pub(super) running: &'a Running,
    pub(super) operator: OperatorClient,
    parties: HashMap<String, Client>,
    pub(super) names: Names,
    clock: String,
    is_marketing: bool,
}

impl<'a> Play<'a> {
    /// Configures the server as the scenario says.
    pub fn begin(
        scenario: &Scenario,
        settings: &Settings,
        running: &'a Running,
    ) -> Result<Self, RehearsalError> {
        let mut database = settings
            .address()
            .map_err(ServerError::from)?
            .open(Use::Read)
            .map_err(ServerError::from)?;
        let key = token_key(&mut database)?;
        let token = mint(&key, "rehearsal", Role::Operator, LIFETIME, unix_now())
            .map_err(|error| ServerError::Key(error.to_string()))?;
        let retry =
            RetryPolicy { attempts_max: 4, retry_after_max: WAIT_MAX, ..RetryPolicy::default() };
        let calling = ClientSettings { retry, ..ClientSettings::default() };
        let mut play = Self {
            running,
            operator: OperatorClient::with_settings(&running.url(), &token, &calling)?,
            parties: HashMap::new(),
            names: Names::default(),
            clock: String::new(),
            is_marketing: scenario.steps.iter().any(|step| verbs::is_marketing(&step.r#do)),
        };
        for party in &scenario.parties {
            play.operator.create_party(&party.id, &party.kind)?;
            let issued = play.operator.issue_hmac_key(&party.id)?.value;
            let secret = issued.secret.unwrap_or_default();
            let key = SigningKey::from_base64(&issued.id, Algorithm::HmacSha256, &secret)
                .map_err(|error| ServerError::Key(error.to_string()))?;
            let client = Client::with_settings(&running.url(), key, &calling)?;
            play.parties.insert(party.id.clone(), client);
        }
        play.configure(scenario)?;
        for member in &scenario.members {
            play.enroll(member)?;
        }
        Ok(play)
    }

    fn configure(&self, scenario: &Scenario) -> Result<(), RehearsalError> {
        for schedule in &scenario.schedules {
            self.set(&format!("/v1/schedules/{}", name(schedule, "id")), schedule)?;
        }
        for table in &scenario.vat {
            self.set(&format!("/v1/vat-rates/{}", name(table, "id")), table)?;
        }
        for programme in &scenario.programmes {
            self.set(&format!("/v1/programmes/{}", name(programme, "id")), programme)?;
        }
        for agreement in &scenario.agreements {
            let (programme, party) = (name(agreement, "programme"), name(agreement, "party"));
            self.set(&format!("/v1/agreements/{programme}/{party}"), agreement)?;
        }
        for exchange in &scenario.exchanges {
            let (from, to) = (name(exchange, "from"), name(exchange, "to"));
            self.set(&format!("/v1/exchanges/{from}/{to}"), exchange)?;
        }
        Ok(())
    }

    fn set(&self, path: &str, document: &Value) -> Result<(), RehearsalError> {
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
        self.names.add_member(&member.id, name(&made, "member"));
        Ok(())
    }

    /// Plays one step and compares what came out.
    pub fn step(&mut self, number: usize, step: &Step) -> Result<(), RehearsalError> {
        if self.clock != step.at {
            self.operator.set_test_clock(&step.at)?;
            self.clock.clone_from(&step.at);
            if self.is_marketing {
                self.follow_the_clock()?;
            }
        }
        let Outcome { answer, fields: got } = self.perform(number, step)?;
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
        for (field, expected) in step.expect.iter() {
            let found = got.get(field);
            if found.is_none() && field != "error" && verbs::is_known(&step.r#do) {
                return Err(differs(field, expected, "no such field".to_owned()));
            }
            let found = found.unwrap_or(&Value::Null);
            if !is_same(expected, found) {
                let text =
                    if field == "error" && found.is_null() { answer.text() } else { shown(found) };
                return Err(differs(field, expected, text));
            }
        }
        Ok(())
    }

    fn perform(&mut self, number: usize, step: &Step) -> Result<Outcome, RehearsalError> {
        if let Some(done) = self.go_about_people(number, step) {
            return done;
        }
        if let Some(done) = self.go_about_marketing(number, step) {
            return done;
        }
        let answer = self.go_about_the_ledger(number, step)?;
        Ok(of_the_ledger(&step.r#do, answer))
    }

    fn go_about_the_ledger(&self, number: usize, step: &Step) -> Result<Answer, RehearsalError> {
        let key = format!("step-{number}");
        let with = self.names.by_card(&step.with);
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

    /// Posts as the step's party, or as the operator.
    pub(super) fn post(
        &self,
        step: &Step,
        target: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, RehearsalError> {
        let bytes = body.to_string();
        self.send(step.party.as_deref(), &Outgoing::post(target, key, bytes.as_bytes()))
    }

    /// Puts as the step's party, or as the operator.
    pub(super) fn put(
        &self,
        step: &Step,
        target: &str,
        key: &str,
        body: &Value,
    ) -> Result<Answer, RehearsalError> {
        let bytes = body.to_string();
        let outgoing = Outgoing { method: "PUT", ..Outgoing::post(target, key, bytes.as_bytes()) };
        self.send(step.party.as_deref(), &outgoing)
    }

    /// Gets as the step's party, or as the operator.
    pub(super) fn get(&self, step: &Step, target: &str) -> Result<Answer, RehearsalError> {
        self.send(step.party.as_deref(), &Outgoing::get(target))
    }

    /// All rows of a list, as a party or the operator sees it, with the answer that ended it.
    pub(super) fn rows(
        &self,
        by: Option<&str>,
        target: &str,
    ) -> Result<(Answer, Vec<Value>), RehearsalError> {
        let (mut rows, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let target = path::with_query(target, &[("cursor", cursor.as_deref())]);
            let answer = self.send(by, &Outgoing::get(&target))?;
            let page: Value = answer.json()?;
            rows.extend(page["data"].as_array().into_iter().flatten().cloned());
            cursor = page["page"]["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok((answer, rows));
            }
        }
    }

    fn send(&self, by: Option<&str>, outgoing: &Outgoing<'_>) -> Result<Answer, RehearsalError> {
        let connection = match by {
            None => self.operator.connection(),
            Some(party) => {
                let client = self.parties.get(party).ok_or_else(|| RehearsalError::Refused {
                    what: format!("a step of `{party}`"),
                    answer: "there is no such party in the scenario".to_owned(),
                })?;
                client.connection()
            }
        };
        Ok(connection.send(outgoing)?)
    }
}

fn name<'a>(document: &'a Value, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A text among arguments; empty, it is none.
pub(super) fn text<'a>(with: &'a Map<String, Value>, field: &str) -> &'a str {
    with.get(field).and_then(Value::as_str).unwrap_or_default()
}
