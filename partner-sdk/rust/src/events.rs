//! Events, pulled by a cursor.

use serde::Deserialize;
use serde_json::Value;

use crate::answer::Accepted;
use crate::client::Client;
use crate::error::Error;
use crate::path::with_query;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Event {
    /// Its id, the same whenever it is told.
    pub id: String,
    /// Its type, such as `points.earned`.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: String,
    /// What happened.
    pub data: Value,
}

/// Events after a cursor.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct EventPage {
    /// The events.
    pub data: Vec<Event>,
    /// Where it goes on.
    pub page: EventCursor,
}

/// Where the events go on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct EventCursor {
    /// The cursor after a page. Keep it with what was done of the page.
    pub next: String,
    /// Whether there was more: ask again at once.
    pub more: bool,
}

impl Client {
    /// The next events after a cursor: none begins with the first that there is, `end` with what is
    /// to come.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn events(&self, cursor: Option<&str>) -> Result<Accepted<EventPage>, Error> {
        self.get(&with_query("/v1/events", &[("cursor", cursor)]))?.accepted()
    }
}
