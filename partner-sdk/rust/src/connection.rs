//! Sends requests over kept-alive HTTP connections, signed or with a token, and repeats them.
//!
//! Knows nothing of what the requests mean. Every attempt carries a fresh signature and nonce and
//! the same idempotency key, so that an attempt which reached the server without our learning of
//! it is replayed and not recorded twice. Redirects are not followed: a signature names the host.

use std::fmt;
use std::thread;
use std::time::Duration;

use ureq::http::{Request, Response, header};

use crate::address::Address;
use crate::answer::Answer;
use crate::clock::unix_seconds;
use crate::error::Error;
use crate::retry::{RetryPolicy, is_retryable, parse_retry_after};
use crate::signature::{RequestToSign, SignatureHeaders, SigningKey, random_nonce, sign_request};

/// No answer that is read as a whole is longer; a batch's answer is streamed and has no limit.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Who the caller is.
#[derive(Clone)]
pub enum Credentials {
    /// A party: every request is signed.
    Signature(SigningKey),
    /// An operator or auditor: every request carries this token.
    Bearer(String),
    /// Nobody, as for `/livez`.
    Nobody,
}

impl fmt::Debug for Credentials {
    /// Shows what kind of caller it is and never a token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(key) => key.fmt(formatter),
            Self::Bearer(_) => formatter.write_str("Bearer(..)"),
            Self::Nobody => formatter.write_str("Nobody"),
        }
    }
}

/// How a connection behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often and how patiently a request is repeated.
    pub retry: RetryPolicy,
    /// For how long the server may be silent, and a connection may take to be made.
    pub silence_max: Duration,
    /// How many idle connections are kept for further requests.
    pub idle_connections_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retry: RetryPolicy::default(),
            silence_max: Duration::from_secs(30),
            idle_connections_max: 16,
        }
    }
}

/// A request as it is to be sent, but for the credentials.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The method in capitals.
    pub method: &'a str,
    /// Path and query, percent-encoded, from the `/`.
    pub target: &'a str,
    /// The value of the `Idempotency-Key` header, exactly as sent.
    pub idempotency_key: Option<&'a str>,
    /// The media type of the body.
    pub content_type: &'a str,
    /// The body; an empty one is still digested and signed.
    pub body: Option<&'a [u8]>,
    /// Further headers, not covered by the signature.
    pub headers: &'a [(&'a str, &'a str)],
}

impl<'a> Outgoing<'a> {
    /// A request without a body.
    pub fn get(target: &'a str) -> Self {
        Self {
            method: "GET",
            target,
            idempotency_key: None,
            content_type: "application/json",
            body: None,
            headers: &[],
        }
    }

    /// A request with a JSON body.
    pub fn post(target: &'a str, idempotency_key: &'a str, body: &'a [u8]) -> Self {
        Self {
            method: "POST",
            idempotency_key: Some(idempotency_key),
            body: Some(body),
            ..Self::get(target)
        }
    }
}

/// A pool of connections to one server for one caller; cheap to clone, and the clones share it.
#[derive(Clone, Debug)]
pub struct Connection {
    agent: ureq::Agent,
    address: Address,
    credentials: Credentials,
    retry: RetryPolicy,
}

impl Connection {
    /// Prepares to talk to the server at `http[s]://host[:port]`; nothing is sent yet.
    ///
    /// # Errors
    /// If the address has another scheme, or a path.
    pub fn new(
        base_url: &str,
        credentials: Credentials,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let silence_max = Some(settings.silence_max);
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("coalition-partner/", env!("CARGO_PKG_VERSION")))
            .max_idle_connections(settings.idle_connections_max)
            .max_idle_connections_per_host(settings.idle_connections_max)
            .timeout_connect(silence_max)
            .timeout_per_read(silence_max)
            .timeout_per_write(silence_max)
            .build()
            .new_agent();
        let address = Address::parse(base_url)?;
        Ok(Self { agent, address, credentials, retry: settings.retry })
    }

    /// Sends a request, and again as the policy says; answers with whatever the server says last,
    /// be it a refusal.
    ///
    /// # Errors
    /// If the request cannot be sent, or no attempt was answered.
    pub fn send(&self, outgoing: &Outgoing<'_>) -> Result<Answer, Error> {
        self.attempt_until(outgoing, read_answer)
    }

    /// The address as it is used: in lower case, without the scheme's default port.
    pub fn base_url(&self) -> String {
        format!("{}://{}", self.address.scheme, self.address.authority)
    }

    /// Sends a request like [`Self::send`], and leaves the body of an accepted answer unread.
    pub(crate) fn stream(&self, outgoing: &Outgoing<'_>) -> Result<Streamed, Error> {
        self.attempt_until(outgoing, |response| {
            if response.status().as_u16() == 200 {
                Ok(Streamed::Accepted(Box::new(response)))
            } else {
                read_answer(response).map(Streamed::Refused)
            }
        })
    }

    /// Attempts until there is an answer not worth repeating; `read` takes the answer over.
    ///
    /// An answer that breaks off while it is read counts as none.
    fn attempt_until<T>(
        &self,
        outgoing: &Outgoing<'_>,
        read: impl Fn(Response<ureq::Body>) -> Result<T, ureq::Error>,
    ) -> Result<T, Error> {
        let attempts_max = self.retry.attempts_max.max(1);
        for attempt in 1.. {
            let is_last = attempt >= attempts_max;
            let retry_after = match self.attempt(outgoing)? {
                Ok(response) => {
                    let retry_after = retry_after(&response);
                    let status = response.status().as_u16();
                    if is_last || !is_retryable(status, retry_after.is_some()) {
                        match read(response) {
                            Ok(read) => return Ok(read),
                            Err(error) if is_last => return Err(unreachable_after(attempt, error)),
                            Err(_) => {}
                        }
                    }
                    retry_after
                }
                Err(error) if is_last => return Err(unreachable_after(attempt, error)),
                Err(_) => None,
            };
            thread::sleep(self.retry.pause(attempt, retry_after, random()?));
        }
        unreachable!("the last attempt returns")
    }

    /// Sends a request once. The outer error is of our making and would be the same next time.
    fn attempt(
        &self,
        outgoing: &Outgoing<'_>,
    ) -> Result<Result<Response<ureq::Body>, ureq::Error>, Error> {
        let Address { scheme, authority } = &self.address;
        let mut request = Request::builder()
            .method(outgoing.method)
            .uri(format!("{scheme}://{authority}{}", outgoing.target));
        for (name, value) in outgoing
            .headers
            .iter()
            .copied()
            .chain(outgoing.idempotency_key.map(|key| ("idempotency-key", key)))
        {
            request = request.header(name, value);
        }
        for (name, value) in self.credential_headers(outgoing)? {
            request = request.header(name, value);
        }
        Ok(match outgoing.body {
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, outgoing.content_type);
                self.agent.run(request.body(body).map_err(Error::BadRequest)?)
            }
            None => self.agent.run(request.body(()).map_err(Error::BadRequest)?),
        })
    }

    fn credential_headers(
        &self,
        outgoing: &Outgoing<'_>,
    ) -> Result<Vec<(&'static str, String)>, Error> {
        match &self.credentials {
            Credentials::Nobody => Ok(Vec::new()),
            Credentials::Bearer(token) => Ok(vec![("authorization", format!("Bearer {token}"))]),
            Credentials::Signature(key) => {
                let signed = sign_outgoing(key, &self.address.authority, outgoing)?;
                let mut headers = vec![
                    ("signature-input", signed.signature_input),
                    ("signature", signed.signature),
                ];
                headers.extend(signed.content_digest.map(|digest| ("content-digest", digest)));
                Ok(headers)
            }
        }
    }
}

/// Signs, as of now, a request that other software will send to `url`; the target of `outgoing` is
/// replaced by that of the address.
///
/// # Errors
/// If the address cannot be used.
pub fn sign_for_url(
    key: &SigningKey,
    url: &str,
    outgoing: &Outgoing<'_>,
) -> Result<SignatureHeaders, Error> {
    let scheme_end = url.find("://").map_or(0, |position| position + 3);
    let target_start = url[scheme_end..].find(['/', '?', '#']).map(|at| at + scheme_end);
    let (base_url, target) = url.split_at(target_start.unwrap_or(url.len()));
    // Clients leave out what follows a `#`, and send `/` where there is no path.
    let target = target.split('#').next().unwrap_or_default();
    let slash = if target.starts_with('/') { "" } else { "/" };
    let target = format!("{slash}{target}");
    let authority = Address::parse(base_url)?.authority;
    sign_outgoing(key, &authority, &Outgoing { target: &target, ..*outgoing })
}

/// Signs one attempt of a request.
fn sign_outgoing(
    key: &SigningKey,
    authority: &str,
    outgoing: &Outgoing<'_>,
) -> Result<SignatureHeaders, Error> {
    let (path, query) = outgoing.target.split_once('?').unwrap_or((outgoing.target, ""));
    let request = RequestToSign {
        method: outgoing.method,
        authority,
        path,
        query,
        body: outgoing.body,
        idempotency_key: outgoing.idempotency_key,
    };
    let nonce = random_nonce().map_err(Error::Random)?;
    Ok(sign_request(key, &request, unix_seconds(), &nonce))
}

/// An answer of which the accepted body is still to be read.
pub(crate) enum Streamed {
    /// 200, with the body to come.
    Accepted(Box<Response<ureq::Body>>),
    /// Anything else, read.
    Refused(Answer),
}

fn read_answer(mut response: Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec()?;
    Ok(Answer::new(response.status().as_u16(), response.headers(), body))
}

fn retry_after(response: &Response<ureq::Body>) -> Option<Duration> {
    let value = response.headers().get(header::RETRY_AFTER)?;
    // A date cannot be read as seconds, yet says that trying again makes sense.
    Some(value.to_str().ok().and_then(parse_retry_after).unwrap_or_default())
}

fn unreachable_after(attempts: u32, source: ureq::Error) -> Error {
    Error::Unreachable { attempts, source: Box::new(source) }
}

fn random() -> Result<u64, Error> {
    getrandom::u64().map_err(Error::Random)
}
