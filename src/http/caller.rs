//! Who calls: what was checked stands in a handler's signature.
//!
//! [`Signed`] is a party whose signature over the raw bytes was verified before the body is
//! parsed; [`Operated`] is an operator whose token was; [`Either`] is one of the two.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::StreamExt;
use tokio::sync::OwnedSemaphorePermit;

use super::app::App;
use super::problem::Problem;
use crate::auth::signature::{FieldLines, Headers, SignedRequest, check_freshness, parse};
use crate::auth::token::{Operator, Role, verify};
use crate::clock::unix_now;
use crate::domain::ids::{KeyId, PartyId};
use crate::engine::EngineError;

/// A party whose signature was verified, and what it sent.
#[derive(Debug)]
pub struct Signed {
    /// Who.
    pub party: PartyId,
    /// With which key.
    pub signed_by: KeyId,
    /// The idempotency key, where one was sent.
    pub idempotency_key: Option<String>,
    /// The body's bytes.
    pub body: Bytes,
    /// The place of a bulk call; others find it free when this is dropped.
    pub bulk: Option<OwnedSemaphorePermit>,
}

/// An operator whose token was verified, and what it sent.
#[derive(Debug)]
pub struct Operated {
    /// Who.
    pub operator: Operator,
    /// The idempotency key, where one was sent.
    pub idempotency_key: Option<String>,
    /// The body's bytes.
    pub body: Bytes,
    /// The place of a call with a large body; others find it free when this is dropped.
    pub bulk: Option<OwnedSemaphorePermit>,
}

/// A party or an operator.
#[derive(Debug)]
pub enum Either {
    /// A party.
    Party(Signed),
    /// An operator or auditor.
    Operator(Operated),
}

impl Either {
    /// The party, if it is one.
    pub const fn party(&self) -> Option<&PartyId> {
        match self {
            Self::Party(signed) => Some(&signed.party),
            Self::Operator(_) => None,
        }
    }
}

impl Operated {
    /// Refuses who may not settle: finance and operators may.
    ///
    /// # Errors
    /// If the caller is neither.
    pub fn must_settle(&self) -> Result<(), Problem> {
        match self.operator.role {
            Role::Operator | Role::Finance => Ok(()),
            Role::Auditor | Role::Marketing | Role::Support => Err(Problem::role_not_allowed()),
        }
    }

    /// Refuses who may not make campaigns and offers: marketing and operators may.
    ///
    /// # Errors
    /// If the caller is neither.
    pub fn must_market(&self) -> Result<(), Problem> {
        match self.operator.role {
            Role::Operator | Role::Marketing => Ok(()),
            Role::Finance | Role::Auditor | Role::Support => Err(Problem::role_not_allowed()),
        }
    }

    /// Refuses who only reads.
    ///
    /// # Errors
    /// If the caller is no operator.
    pub fn must_operate(&self) -> Result<(), Problem> {
        if self.operator.role == Role::Operator { Ok(()) } else { Err(Problem::role_not_allowed()) }
    }
}

/// An idempotency key: bare, or a string of RFC 9651 in double quotes.
///
/// # Errors
/// If there is none, or it is not 1 to 255 visible ASCII characters.
pub fn must_have_key(key: Option<&String>) -> Result<&str, Problem> {
    let key = key.ok_or_else(Problem::key_missing)?;
    let bare = key.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(key);
    let visible = bare.bytes().all(|byte| byte.is_ascii_graphic());
    if visible && (1..=255).contains(&bare.len()) { Ok(bare) } else { Err(Problem::key_missing()) }
}

struct RequestHeaders<'a>(&'a HeaderMap);

impl Headers for RequestHeaders<'_> {
    fn lines<'a>(&'a self, name: &str) -> FieldLines<'a> {
        self.0.get_all(name).map(actix_web::http::header::HeaderValue::as_bytes).collect()
    }
}

type Extracting<T> = Pin<Box<dyn Future<Output = Result<T, Problem>>>>;

impl FromRequest for Signed {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bulk = bulk_place(&request)?;
            let body = read_body(&request, payload).await?;
            Ok(Self { bulk, ..verified(&request, body)? })
        })
    }
}

impl FromRequest for Operated {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let operator = bearer(&request)?;
            let bulk = bulk_place(&request)?;
            let body = read_body(&request, payload).await?;
            Ok(Self { operator, idempotency_key: key_of(&request), body, bulk })
        })
    }
}

impl FromRequest for Either {
    type Error = Problem;
    type Future = Extracting<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if request.headers().contains_key(AUTHORIZATION) {
                let operator = bearer(&request)?;
                let bulk = bulk_place(&request)?;
                let body = read_body(&request, payload).await?;
                let idempotency_key = key_of(&request);
                return Ok(Self::Operator(Operated { operator, idempotency_key, body, bulk }));
            }
            let bulk = bulk_place(&request)?;
            let body = read_body(&request, payload).await?;
            Ok(Self::Party(Signed { bulk, ..verified(&request, body)? }))
        })
    }
}

fn app_of(request: &HttpRequest) -> Result<&Data<App>, Problem> {
    request.app_data::<Data<App>>().ok_or_else(Problem::internal)
}

fn key_of(request: &HttpRequest) -> Option<String> {
    let value = request.headers().get("idempotency-key")?;
    value.to_str().ok().map(str::to_owned)
}

fn is_bulk(request: &HttpRequest) -> bool {
    let path = request.path();
    let is_part = path.starts_with("/v1/reconciliations/") && path.contains("/parts/");
    let is_list = path == "/v1/bank-statements" || path == "/v1/notices:report";
    path.ends_with(":batch") || is_list || is_part
}

/// A place for a bulk call, taken before its body is read.
fn bulk_place(request: &HttpRequest) -> Result<Option<OwnedSemaphorePermit>, Problem> {
    if !is_bulk(request) {
        return Ok(None);
    }
    let places = std::sync::Arc::clone(&app_of(request)?.bulk_calls);
    places.try_acquire_owned().map(Some).map_err(|_| EngineError::Overloaded.into())
}

async fn read_body(request: &HttpRequest, mut payload: Payload) -> Result<Bytes, Problem> {
    let limits = &app_of(request)?.limits;
    let most = if is_bulk(request) { limits.batch_bytes_max } else { limits.body_bytes_max };
    let announced = request.headers().get("content-length").and_then(|length| length.to_str().ok());
    let announced: Option<usize> = announced.and_then(|length| length.parse().ok());
    if announced.is_some_and(|bytes| bytes > most) {
        return Err(Problem::payload_too_large(most));
    }
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Problem::invalid("", "the body broke off"))?;
        if body.len() + chunk.len() > most {
            return Err(Problem::payload_too_large(most));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn bearer(request: &HttpRequest) -> Result<Operator, Problem> {
    let app = app_of(request)?;
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|header| header.strip_prefix("Bearer ")).unwrap_or_default();
    let operator = verify(&app.token_keys, token, unix_now())?;
    if may_ask(operator.role, request.path()) {
        Ok(operator)
    } else {
        Err(Problem::role_not_allowed())
    }
}

/// Whether a role may ask for an address at all. Support sees the desk alone; marketing its campaigns
/// and offers, since members and money are none of its business.
fn may_ask(role: Role, path: &str) -> bool {
    let is_below = |root: &&str| {
        path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    match role {
        Role::Support => path == "/v1/desk",
        Role::Marketing => OF_MARKETING.iter().any(is_below),
        Role::Operator | Role::Finance | Role::Auditor => true,
    }
}

const OF_MARKETING: &[&str] = &[
    "/v1/campaigns",
    "/v1/notices",
    "/v1/notices:report",
    "/v1/notice-channels",
    "/v1/programmes",
    "/v1/promo-codes",
    "/v1/baskets",
    "/v1/basket-rules",
    "/v1/call-list",
];

fn verified(request: &HttpRequest, body: Bytes) -> Result<Signed, Problem> {
    let app = app_of(request)?;
    let headers = RequestHeaders(request.headers());
    let connection = request.connection_info();
    // Without a list of own names the `Host` header is what was signed; a proxy's forwarded
    // names are never looked at.
    let host = request.headers().get("host").and_then(|host| host.to_str().ok());
    let authority = host.unwrap_or_else(|| connection.host()).to_ascii_lowercase();
    if !app.authorities.is_empty() && !app.authorities.contains(&authority) {
        return Err(Problem::signature_invalid());
    }
    let uri = request.uri();
    let presenting = SignedRequest {
        method: request.method().as_str(),
        authority: without_default_port(&authority),
        path: uri.path(),
        query: uri.query(),
        headers: &headers,
        body: if body.is_empty() { None } else { Some(&body) },
    };
    let presented = parse(&presenting)?;
    let now = unix_now();
    let signer = app.signer(&presented.key_id);
    let (signed_by, party, key) = signer.ok_or_else(Problem::signature_invalid)?;
    key.verify(&presented)?;
    check_freshness(&presented, now)?;
    presenting.check_digest()?;
    app.count_request(&signed_by)?;
    let idempotency_key = key_of(request);
    // A repeated command is harmless, its key answers for it; a repeated read is refused. Without a
    // body the key need not be signed, and so says nothing.
    let is_command = presenting.body.is_some() && idempotency_key.is_some();
    if !is_command && !app.nonces.is_new(&presented.key_id, &presented.nonce, now) {
        return Err(crate::auth::signature::SignatureError::NonceReused.into());
    }
    Ok(Signed { party, signed_by, idempotency_key, body, bulk: None })
}

/// RFC 9421 §2.2.3: the scheme's default port is left out.
fn without_default_port(authority: &str) -> &str {
    authority.strip_suffix(":443").or_else(|| authority.strip_suffix(":80")).unwrap_or(authority)
}
