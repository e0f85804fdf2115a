//! What can keep a call from being answered as hoped.

use thiserror::Error;

use crate::refusal::Problem;
use crate::signature::KeyError;

/// Why a call has no accepted answer.
#[derive(Debug, Error)]
pub enum Error {
    /// The server answered, and the answer is no; it is final unless the status says otherwise.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// No answer came, over all the attempts; whether the request was recorded is unknown, and
    /// repeating it under the same idempotency key is safe.
    #[error("no answer from the server after {attempts} attempts")]
    Unreachable {
        /// How often it was tried.
        attempts: u32,
        /// What went wrong the last time.
        #[source]
        source: Box<ureq::Error>,
    },
    /// An answer broke off; repeating the request under the same keys is safe.
    #[error("the server's answer broke off")]
    BrokenOff(#[source] std::io::Error),
    /// The answer does not follow the contract.
    #[error("the server's answer is not understood: {text:?}")]
    NotUnderstood {
        /// The beginning of the answer.
        text: String,
        /// Where it departs from what was expected.
        #[source]
        source: serde_json::Error,
    },
    /// The request cannot be written as JSON.
    #[error("the request cannot be written as JSON")]
    NotJson(#[source] serde_json::Error),
    /// What was to be sent cannot be read.
    #[error("what was to be sent cannot be read")]
    Unreadable(#[source] std::io::Error),
    /// The server's address cannot be used.
    #[error("{0:?} is not http://host[:port] or https://host[:port]")]
    BadAddress(String),
    /// The request cannot be sent as HTTP, say for a key with a newline in it.
    #[error("the request cannot be sent as HTTP")]
    BadRequest(#[source] ureq::http::Error),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The system gave no randomness for a nonce.
    #[error("the system gave no randomness for a nonce")]
    Random(#[source] getrandom::Error),
}
