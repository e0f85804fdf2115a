//! What commands share that ask a running server over its API.

use clap::Args;
use coalition_partner::{Error, OperatorClient, random_nonce};
use serde_json::Value;

use super::keys::new_token;
use super::output::{Failure, say};
use crate::auth::token::Role;
use crate::settings::Settings;

/// Minutes for which a token of a command's own counts.
const TOKEN_MINUTES: u64 = 10;

/// The server that a command asks, and as whom.
#[derive(Debug, Args)]
pub struct Remote {
    /// Where the server is.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// A token of finance or of the operator, whose name is kept with what is done; left out, one
    /// is minted on the database.
    #[arg(long, global = true, env = "COALITION_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

impl Remote {
    /// Whether a token is minted on the database.
    pub const fn needs_database(&self) -> bool {
        self.token.is_none()
    }

    /// A client of the server.
    pub fn client(&self, settings: &Settings) -> Result<OperatorClient, Failure> {
        let token = match &self.token {
            Some(token) => token.clone(),
            None => new_token(settings, "command-line", Role::Finance, TOKEN_MINUTES)?,
        };
        OperatorClient::new(&self.server, &token).map_err(failed)
    }
}

/// The objects of a page.
pub fn rows(view: &Value) -> impl Iterator<Item = &Value> {
    view["data"].as_array().into_iter().flatten()
}

/// A field as text: a dash where there is nothing.
pub fn text(value: &Value, field: &str) -> String {
    match &value[field] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Prints fields of an object in a line.
pub fn say_fields(one: &Value, fields: &[&str]) -> Result<(), Failure> {
    let cells: Vec<String> = fields.iter().map(|field| text(one, field)).collect();
    say(&cells.join("\t"))
}

/// Prints all pages of a list, an object in a line. `get` is given the `next` of the page before.
pub fn say_pages(
    fields: &[&str],
    get: impl Fn(Option<&str>) -> Result<Value, Error>,
) -> Result<(), Failure> {
    let mut next: Option<String> = None;
    loop {
        let page = get(next.as_deref()).map_err(failed)?;
        rows(&page).try_for_each(|one| say_fields(one, fields))?;
        next = page["page"]["next"].as_str().map(str::to_owned);
        if next.is_none() {
            return Ok(());
        }
    }
}

/// A key for one call.
pub fn fresh_key() -> Result<String, Failure> {
    random_nonce().map_err(|error| Failure::Unusable(error.to_string()))
}

/// An object without what is not said.
pub fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, field| !field.is_null());
    }
    value
}

/// Prints an object as JSON, for people and for the next program.
pub fn say_json(view: &Value) -> Result<(), Failure> {
    say(&format!("{view:#}"))
}

/// What a refusal or a lost server is to a command.
pub fn failed(error: Error) -> Failure {
    match error {
        Error::Refused(problem) => Failure::No(problem.to_string()),
        other => Failure::Unusable(other.to_string()),
    }
}
