//! The stage: a coalition set up through the API, and a signing client for each of its parties.

use std::collections::BTreeMap;
use std::time::Duration;

use coalition_partner::{Algorithm, Answer, Client, OperatorClient, SigningKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::DemoError;
use crate::auth::token::{Role, mint};
use crate::clock::unix_now;
use crate::server::{Running, ServerError, token_key};
use crate::settings::{CoalitionSettings, Settings};
use crate::store::Use;

/// The coalition, as in `coalition.yaml`.
const COALITION: &str = include_str!("coalition.yaml");

/// How long the operator of the demonstration may work.
const LIFETIME: Duration = Duration::from_hours(2);

/// What the file says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    operator: String,
    currency: String,
    timezone: String,
    /// Parties, as in the API.
    pub parties: Vec<Value>,
    /// Programmes, as in the API.
    pub programmes: Vec<Value>,
    agreements: Vec<Value>,
    exchanges: Vec<Value>,
}

impl Script {
    /// Reads the file.
    ///
    /// # Panics
    /// Never: it is compiled in, and a test reads it.
    pub fn read() -> Self {
        serde_saphyr::from_str(COALITION).expect("the file is part of the program")
    }

    /// What a server is set up with.
    pub fn settings(&self) -> CoalitionSettings {
        CoalitionSettings {
            operator: self.operator.clone(),
            currency: self.currency.clone(),
            timezone: self.timezone.clone(),
            ..CoalitionSettings::default()
        }
    }
}

/// A key that was issued, to be shown.
pub struct ShownKey {
    /// Its id.
    pub id: String,
    /// Its secret.
    pub secret: String,
}

/// A server that is configured, and who talks to it.
pub struct Stage {
    /// The operator.
    pub operator: OperatorClient,
    /// The parties' clients.
    pub parties: BTreeMap<String, Client>,
    /// The parties' keys.
    pub keys: BTreeMap<String, ShownKey>,
}

impl Stage {
    /// Configures a server.
    pub fn set(script: &Script, settings: &Settings, running: &Running) -> Result<Self, DemoError> {
        let address = settings.address().map_err(ServerError::from)?;
        let mut database = address.open(Use::Read).map_err(ServerError::from)?;
        let key = token_key(&mut database)?;
        let token = mint(&key, "demo", Role::Operator, LIFETIME, unix_now())
            .map_err(|error| ServerError::Key(error.to_string()))?;
        let mut stage = Self {
            operator: OperatorClient::new(&running.url(), &token)?,
            parties: BTreeMap::new(),
            keys: BTreeMap::new(),
        };
        for party in &script.parties {
            stage.add_party(party, &running.url())?;
        }
        for programme in &script.programmes {
            stage.put(&format!("/v1/programmes/{}", text(programme, "id")), programme)?;
        }
        for agreement in &script.agreements {
            let (programme, party) = (text(agreement, "programme"), text(agreement, "party"));
            stage.put(&format!("/v1/agreements/{programme}/{party}"), agreement)?;
        }
        for exchange in &script.exchanges {
            let (from, to) = (text(exchange, "from"), text(exchange, "to"));
            stage.put(&format!("/v1/exchanges/{from}/{to}"), exchange)?;
        }
        Ok(stage)
    }

    fn add_party(&mut self, party: &Value, url: &str) -> Result<(), DemoError> {
        let id = text(party, "id");
        let made = self.operator.post("/v1/parties", &format!("party/{id}"), party)?;
        must_accept(id, &made)?;
        let body = json!({"id": format!("{id}:demo"), "algorithm": "hmac-sha256"});
        let path = format!("/v1/parties/{id}/keys");
        let issued = must_accept(&path, &self.operator.post(&path, &format!("key/{id}"), &body)?)?;
        let shown = ShownKey {
            id: text(&issued, "id").to_owned(),
            secret: text(&issued, "secret").to_owned(),
        };
        let key = SigningKey::from_base64(&shown.id, Algorithm::HmacSha256, &shown.secret)
            .map_err(coalition_partner::Error::from)?;
        self.parties.insert(id.to_owned(), Client::new(url, key)?);
        self.keys.insert(id.to_owned(), shown);
        Ok(())
    }

    fn put(&self, path: &str, document: &Value) -> Result<(), DemoError> {
        must_accept(path, &self.operator.put(path, document)?).map(drop)
    }

    /// A party's client.
    ///
    /// # Panics
    /// If the file names no such party.
    pub fn party(&self, id: &str) -> &Client {
        self.parties.get(id).expect("the file names every party that acts")
    }
}

/// The body of an answer that must be accepted.
pub fn must_accept(what: &str, answer: &Answer) -> Result<Value, DemoError> {
    if answer.is_accepted() {
        return Ok(answer.json()?);
    }
    Err(DemoError::Refused { what: what.to_owned(), answer: answer.text() })
}

/// A text of a document; empty where there is none.
pub fn text<'a>(document: &'a Value, field: &str) -> &'a str {
    document.get(field).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coalition_can_be_read() {
        let script = Script::read();
        assert_eq!(script.programmes.len(), 3);
        assert!(script.parties.iter().all(|party| !text(party, "name").is_empty()));
    }
}
