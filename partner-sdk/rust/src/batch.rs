//! Many lines in one call: NDJSON out, NDJSON back, read while it arrives.

use std::fmt;
use std::io::{BufRead, BufReader};

use serde::Serialize;
use ureq::BodyReader;
use ureq::http::Response;

use crate::answer::LineResult;
use crate::error::Error;
use crate::transaction::Transaction;

/// A transaction with the key that makes it repeatable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BatchLine {
    /// The line's idempotency key.
    pub idempotency_key: String,
    /// The transaction.
    #[serde(flatten)]
    pub transaction: Transaction,
}

/// The answers to a batch, in the order of its lines, read from the connection as they come.
///
/// If the stream breaks off, the last item is an error and the lines without an answer are to be
/// sent again under the same keys.
pub struct Batch {
    reader: BufReader<BodyReader<'static>>,
    request_id: Option<String>,
    is_over: bool,
}

impl Batch {
    pub(crate) fn new(response: Response<ureq::Body>) -> Self {
        let request_id = response.headers().get("x-request-id");
        let request_id = request_id.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.into_body().into_with_config().limit(u64::MAX).reader();
        Self { reader: BufReader::new(body), request_id, is_over: false }
    }

    /// The server's name for the whole call.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    fn read_line(&mut self) -> Result<Option<LineResult>, Error> {
        let mut line = String::new();
        while line.trim().is_empty() {
            line.clear();
            if self.reader.read_line(&mut line).map_err(Error::BrokenOff)? == 0 {
                return Ok(None);
            }
        }
        let understood = serde_json::from_str(&line);
        understood.map(Some).map_err(|source| Error::NotUnderstood {
            text: line.chars().take(200).collect(),
            source,
        })
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Batch")
            .field("request_id", &self.request_id)
            .field("is_over", &self.is_over)
            .finish_non_exhaustive()
    }
}

impl Iterator for Batch {
    type Item = Result<LineResult, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let line = self.read_line().transpose();
        self.is_over = !matches!(line, Some(Ok(_)));
        line
    }
}
