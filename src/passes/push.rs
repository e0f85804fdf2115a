//! Tells phones that a pass changed, through a gateway that speaks Apple's protocol.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use super::PassError;
use crate::outbound::{Outbound, Reach};

/// What a call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What became of a message to a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It was taken.
    Taken,
    /// The phone has the pass no more.
    Gone,
}

/// Who tells phones that a pass changed.
pub trait Push: Send + Sync {
    /// Tells one phone.
    ///
    /// # Errors
    /// If it is not known to have been told.
    fn tell(&self, push_token: &str, topic: &str) -> Result<Told, PassError>;
}

/// A gateway over HTTP: `{"push_token", "topic"}`, answered with 2xx, or 410 where the phone has
/// the pass no more.
#[derive(Debug)]
pub struct Gateway {
    outbound: Outbound,
    url: String,
    token: Option<String>,
}

impl Gateway {
    /// The gateway at an address, with the bearer token of a file.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn new(url: &str, token_file: Option<&Path>) -> Result<Self, PassError> {
        let token = token_file.map(|path| {
            let text = std::fs::read_to_string(path);
            text.map_err(|_| PassError::File(path.display().to_string()))
        });
        let token = token.transpose()?.map(|text| text.trim_end().to_owned());
        let outbound = Outbound::new(Reach::Anywhere, TIMEOUT);
        Ok(Self { outbound, url: url.to_owned(), token })
    }
}

impl Push for Gateway {
    fn tell(&self, push_token: &str, topic: &str) -> Result<Told, PassError> {
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(token) = &self.token {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        let body = json!({"push_token": push_token, "topic": topic}).to_string();
        match self.outbound.post(&self.url, &headers, body.as_bytes())?.status {
            200..=299 => Ok(Told::Taken),
            410 => Ok(Told::Gone),
            status => Err(PassError::Refused(status)),
        }
    }
}
