//! Every error's status, code and document (RFC 9457): the only place that knows them.

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use crate::auth::signature::SignatureError;
use crate::auth::token::TokenError;
use crate::domain::rejection::Rejection;
use crate::domain::terms::Invalid;
use crate::engine::{ConfigureError, EngineError};
use crate::statement::scan::StatementError;
use crate::store::StoreError;

/// What went wrong, as the caller sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    status: u16,
    code: &'static str,
    detail: String,
    more: Map<String, Value>,
    retry_after_seconds: Option<u32>,
}

impl Problem {
    pub(super) fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        let (detail, more) = (detail.into(), Map::new());
        Self { status, code, detail, more, retry_after_seconds: None }
    }

    /// A request that can't be read, with the place.
    pub fn invalid(pointer: &str, detail: &str) -> Self {
        let mut problem =
            Self::new(400, "invalid_request", format!("{}: {detail}", place(pointer)));
        problem.more.insert("errors".into(), json!([{"pointer": pointer, "detail": detail}]));
        problem
    }

    /// The same where what was read is a part of the body: its pointers begin there.
    #[must_use]
    pub fn within(mut self, part: &str) -> Self {
        for error in self.more.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten()
        {
            if let Some(pointer) = error["pointer"].as_str() {
                error["pointer"] = format!("{part}{pointer}").into();
            }
        }
        self
    }

    /// A card number where a token is expected. The number is not repeated.
    pub fn card_number(pointer: &str) -> Self {
        let detail = "this is a card number; send a token of the card instead, never the number";
        let mut problem = Self::new(400, "card_number_refused", detail);
        problem.more.insert("errors".into(), json!([{"pointer": pointer, "detail": detail}]));
        problem
    }

    /// Nothing that the caller may see.
    pub fn not_found() -> Self {
        Self::new(404, "not_found", "there is nothing here that you may see; check the address")
    }

    /// A method that the address does not take.
    pub fn method_not_allowed() -> Self {
        Self::new(405, "method_not_allowed", "this address takes other methods; see /docs")
    }

    /// No signature where one is needed.
    pub fn signature_missing() -> Self {
        Self::from(SignatureError::Missing)
    }

    /// One text for an unknown key, a revoked key and a wrong signature.
    pub fn signature_invalid() -> Self {
        Self::from(SignatureError::Invalid)
    }

    /// The caller's role does not allow this.
    pub fn role_not_allowed() -> Self {
        let detail = "your role or your kind of party may not do this; ask the operator";
        Self::new(403, "role_not_allowed", detail)
    }

    /// A key is needed to make the call repeatable.
    pub fn key_missing() -> Self {
        let detail = "send an Idempotency-Key of 1 to 255 visible ASCII characters, and sign it";
        Self::new(400, "idempotency_key_missing", detail)
    }

    /// Bytes that are not of the media type that is expected.
    pub fn unsupported_media_type(expected: &str) -> Self {
        Self::new(415, "unsupported_media_type", format!("send Content-Type: {expected}"))
    }

    /// A body above the limit.
    pub fn payload_too_large(bytes_max: usize) -> Self {
        let detail = format!("send at most {bytes_max} bytes; split the request");
        Self::new(413, "payload_too_large", detail)
    }

    /// More lines than a bulk call takes.
    pub fn batch_too_large(lines_max: usize) -> Self {
        Self::new(413, "batch_too_large", format!("send at most {lines_max} lines in a call"))
    }

    /// Too many requests under one key.
    pub fn rate_limited(seconds: u32) -> Self {
        let detail = "this key sends more requests than agreed; wait as Retry-After says";
        let problem = Self::new(429, "rate_limited", detail);
        Self { retry_after_seconds: Some(seconds), ..problem }
    }

    /// A party has as many active keys as it may.
    pub fn too_many_keys() -> Self {
        let detail = "a party has at most two active keys; revoke one first";
        Self::new(409, "too_many_keys", detail)
    }

    /// A clock that can't be moved.
    pub fn test_clock_off() -> Self {
        let detail = "the clock is the system's; start the server with --test-clock to move it";
        Self::new(403, "test_clock_off", detail)
    }

    /// A settlement day that is not over.
    pub fn cycle_not_over() -> Self {
        let detail = "the day is not over in the coalition's time zone; close it afterwards";
        Self::new(422, "cycle_not_over", detail)
    }

    /// A step that a cycle or a statement can't take now.
    pub fn wrong_cycle_state(detail: &str) -> Self {
        Self::new(409, "wrong_cycle_state", detail)
    }

    /// A failure of the server.
    pub fn internal() -> Self {
        let detail = "the server failed; nothing is lost, try again with the same key";
        Self::new(500, "internal", detail)
    }

    /// The stable code.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// HTTP status.
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The document.
    pub fn document(&self) -> Value {
        let mut document = Map::new();
        document.insert("type".into(), format!("/problems/{}", self.code).into());
        document.insert("title".into(), self.code.replace('_', " ").into());
        document.insert("status".into(), self.status.into());
        document.insert("code".into(), self.code.into());
        document.insert("detail".into(), self.detail.clone().into());
        document.extend(self.more.clone());
        Value::Object(document)
    }

    pub(super) const fn after(mut self, seconds: u32) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.into(), value.into());
        self
    }
}

fn place(pointer: &str) -> &str {
    if pointer.is_empty() { "the body" } else { pointer }
}

impl From<&Rejection> for Problem {
    fn from(rejection: &Rejection) -> Self {
        let status = match rejection {
            Rejection::DuplicateReference { .. }
            | Rejection::HoldFinished
            | Rejection::CardEnded
            | Rejection::MergeStands
            | Rejection::IdentifierTaken => 409,
            Rejection::UnknownMember
            | Rejection::UnknownCardToken
            | Rejection::UnknownCard
            | Rejection::OriginalNotFound => 404,
            Rejection::NoAgreement => 403,
            Rejection::ReportedTooLate { .. }
            | Rejection::ProgrammePaused
            | Rejection::BurningNotOpen
            | Rejection::MemberUnconfirmed
            | Rejection::BurnBelowMinimum { .. }
            | Rejection::BurnLimitExceeded { .. }
            | Rejection::CaptureExceedsHold { .. }
            | Rejection::ExchangeTooSmall
            | Rejection::InsufficientPoints { .. }
            | Rejection::RefundExceedsOriginal
            | Rejection::CardNotActive { .. }
            | Rejection::NoCards
            | Rejection::CardFrozen
            | Rejection::CardNumbersUsedUp
            | Rejection::LimitExceeded(_) => 422,
            Rejection::InvalidField { pointer, detail } => return Self::invalid(pointer, detail),
        };
        let problem = Self::new(status, rejection.code(), rejection.to_string());
        match rejection {
            Rejection::DuplicateReference { first } => {
                problem.with("transaction", first.to_string())
            }
            Rejection::BurnBelowMinimum { least } => problem.with("least", least.as_str()),
            Rejection::BurnLimitExceeded { most } => problem.with("most", most.as_str()),
            Rejection::CardNotActive { state } => problem.with("state", *state),
            Rejection::CaptureExceedsHold { held } => problem.with("held", held.as_str()),
            Rejection::InsufficientPoints { available } => {
                problem.with("available", available.as_str())
            }
            _ => problem,
        }
    }
}

impl From<SignatureError> for Problem {
    fn from(error: SignatureError) -> Self {
        let detail = error.to_string();
        match error {
            SignatureError::Missing => Self::new(401, "signature_missing", detail),
            SignatureError::Malformed(_) | SignatureError::Invalid => {
                Self::new(401, "signature_invalid", detail)
            }
            SignatureError::Expired => Self::new(401, "signature_expired", detail),
            SignatureError::NonceReused => Self::new(401, "nonce_reused", detail),
            SignatureError::DigestMismatch(_) => Self::new(400, "digest_mismatch", detail),
            SignatureError::UnsupportedEncoding => Self::new(415, "unsupported_encoding", detail),
        }
    }
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        Self::new(401, "token_invalid", error.to_string())
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let detail = error.to_string();
        match error {
            EngineError::Overloaded | EngineError::Stopping => {
                let problem = Self::new(503, "overloaded", detail);
                Self { retry_after_seconds: Some(1), ..problem }
            }
            EngineError::Failed => Self::internal(),
            EngineError::KeyReused => Self::new(422, "idempotency_key_reused", detail),
            EngineError::SignerRevoked => Self::signature_invalid(),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::invalid(&invalid.pointer, &invalid.detail)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = error.chain(), "the database failed");
        if error.is_passing() { Self::from(EngineError::Overloaded) } else { Self::internal() }
    }
}

impl From<StatementError> for Problem {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Store(error) => error.into(),
            other => {
                tracing::error!(error = other.to_string(), "a statement can't be made");
                Self::new(500, "ledger_differs", format!("{other}; run `coalition audit`"))
            }
        }
    }
}

impl From<ConfigureError> for Problem {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Invalid(invalid) => invalid.into(),
            ConfigureError::Engine(error) => error.into(),
            ConfigureError::Store(error) => error.into(),
            ConfigureError::TooManyKeys => Self::too_many_keys(),
        }
    }
}

impl From<actix_web::error::BlockingError> for Problem {
    fn from(_: actix_web::error::BlockingError) -> Self {
        Self::from(EngineError::Stopping)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header(problem_json());
        if let Some(seconds) = self.retry_after_seconds {
            response.insert_header((RETRY_AFTER, HeaderValue::from(seconds)));
        }
        response.body(self.document().to_string())
    }
}

/// The media type of problems.
pub fn problem_json() -> ContentType {
    ContentType("application/problem+json".parse().expect("a media type"))
}
