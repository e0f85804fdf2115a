//! Verifies requests signed by RFC 9421 under the profile `coalition-v1`.
//!
//! A signature under this profile covers `@method`, `@authority`, `@path` and `@query`; where there
//! is a body also `content-digest` and, if it is sent, `idempotency-key`; other headers may be
//! covered. It carries `created`, `keyid` and `nonce`. The algorithm is the key's, never the
//! message's. What RFC 9421 leaves open is closed here: what is covered twice, sent twice or cannot
//! be computed is refused.
//!
//! The server's own name is an argument: behind a proxy `@authority` comes from the configuration.

mod base;
mod covered;
mod digest;
mod fields;
mod key;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_refused;

use std::fmt;

use thiserror::Error;

pub use base::signature_base;
pub use covered::Covered;
pub use digest::check_digest;
pub use fields::{FieldLines, Headers};
pub use key::VerifyingKey;

use crate::domain::terms::party::Algorithm;

/// How long after `created` a signature is good, and how far `expires` may be from it.
pub const LIFETIME_SECONDS: i64 = 300;

/// How far the clocks of a partner and of the server may differ.
pub const SKEW_SECONDS: i64 = 60;

/// How long one signature may be accepted, from the first second to the last: its lifetime and the
/// skew at either end.
pub const ACCEPTED_FOR_SECONDS: i64 = LIFETIME_SECONDS + 2 * SKEW_SECONDS;

/// The `tag` of signatures under this profile.
const TAG: &str = "coalition-v1";

/// A request as it came in, nothing decoded or normalised.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The method in capitals.
    pub method: &'a str,
    /// The server's host and port, without the scheme's default port.
    pub authority: &'a str,
    /// The path with its percent-escapes.
    pub path: &'a str,
    /// The query with its percent-escapes, without the `?`.
    pub query: Option<&'a str>,
    /// The headers.
    pub headers: &'a dyn Headers,
    /// The bytes of the body; `None` where the request has none, which an empty one is not.
    pub body: Option<&'a [u8]>,
}

/// A signature that was read and not yet verified.
#[derive(Clone, PartialEq, Eq)]
pub struct Presented {
    /// Under which key.
    pub key_id: String,
    /// When it was made, in seconds since 1970.
    pub created: i64,
    /// After when it must not be accepted, if it says so.
    pub expires: Option<i64>,
    /// What makes it unlike all others of its key.
    pub nonce: String,
    /// The algorithm that it claims, if it says so; must be the key's.
    pub algorithm: Option<Algorithm>,
    /// The text that was signed.
    pub base: String,
    /// The signature's bytes.
    pub signature: Vec<u8>,
}

impl fmt::Debug for Presented {
    /// Shows whose it is and when it was made, and neither the text nor the signature.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Presented")
            .field("key_id", &self.key_id)
            .field("created", &self.created)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

/// Why a request's signature was refused. The text tells the partner what to do, and nothing of
/// keys or signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// `signature_missing`, 401: there is none under this profile.
    #[error("sign the request: no signature with the tag \"{TAG}\" was found")]
    Missing,
    /// `signature_invalid`, 401: it departs from the profile; no key was looked at.
    #[error("the signature cannot be used: {0}")]
    Malformed(&'static str),
    /// `signature_invalid`, 401: the key is unknown, revoked or another, or something was changed.
    /// One text for all of them.
    #[error("the signature does not verify: check the key and the text that is signed")]
    Invalid,
    /// `signature_expired`, 401.
    #[error(
        "the signature was made more than {LIFETIME_SECONDS} s ago, is from the future, or has \
         expired: check the clock and sign every attempt anew"
    )]
    Expired,
    /// `nonce_reused`, 401.
    #[error("this nonce was used before: sign every attempt with a new one")]
    NonceReused,
    /// `digest_mismatch`, 400.
    #[error("the body does not agree with Content-Digest: {0}")]
    DigestMismatch(&'static str),
    /// `unsupported_encoding`, 415.
    #[error("send a signed body without Content-Encoding")]
    UnsupportedEncoding,
}

/// Reads the signature of a request and writes the text that must have been signed.
///
/// The body's bytes are not looked at, only whether there is one: see
/// [`SignedRequest::check_digest`].
///
/// # Errors
/// If there is no signature, or it departs from the profile.
pub fn parse(request: &SignedRequest<'_>) -> Result<Presented, SignatureError> {
    let inputs = request.headers.lines("signature-input").joined()?;
    let signatures = request.headers.lines("signature").joined()?;
    let (Some(inputs), Some(signatures)) = (inputs, signatures) else {
        return Err(SignatureError::Missing);
    };
    let covered = Covered::select(&inputs)?;
    check_coverage(&covered, request)?;

    let nonce = covered.text("nonce")?.filter(|nonce| !nonce.is_empty());
    Ok(Presented {
        key_id: required(covered.text("keyid")?, "keyid is missing")?.to_owned(),
        created: required(covered.integer("created")?, "created is missing")?,
        expires: covered.integer("expires")?,
        nonce: required(nonce, "nonce is missing")?.to_owned(),
        algorithm: covered.text("alg")?.map(algorithm_of).transpose()?,
        base: signature_base(request, &covered)?,
        signature: fields::byte_sequence(&signatures, covered.label())?,
    })
}

/// Whether a signature is neither too old nor from the future.
///
/// # Errors
/// If it is, or if it would live longer than the profile allows.
pub fn check_freshness(presented: &Presented, now_unix: i64) -> Result<(), SignatureError> {
    let age = now_unix.saturating_sub(presented.created);
    if !(-SKEW_SECONDS..=LIFETIME_SECONDS + SKEW_SECONDS).contains(&age) {
        return Err(SignatureError::Expired);
    }
    let Some(expires) = presented.expires else {
        return Ok(());
    };
    let lifetime = expires.saturating_sub(presented.created);
    if !(0..=LIFETIME_SECONDS).contains(&lifetime) {
        let reason = "expires must be at most 300 s after created";
        return Err(SignatureError::Malformed(reason));
    }
    if expires.saturating_add(SKEW_SECONDS) < now_unix {
        return Err(SignatureError::Expired);
    }
    Ok(())
}

impl SignedRequest<'_> {
    /// Compares `Content-Digest` with the body, or with an empty one where there is none.
    ///
    /// # Errors
    /// If they differ, or a body comes without a digest.
    pub fn check_digest(&self) -> Result<(), SignatureError> {
        let field = self.headers.lines("content-digest");
        match (self.body, &field) {
            (None, FieldLines::Absent) => Ok(()),
            (body, field) => check_digest(field, body.unwrap_or_default()),
        }
    }
}

/// Whether the signature covers what this request needs.
fn check_coverage(
    covered: &Covered<'_>,
    request: &SignedRequest<'_>,
) -> Result<(), SignatureError> {
    let always = ["@method", "@authority", "@path", "@query"];
    if !always.iter().all(|name| covered.covers(name)) {
        let reason = "it must cover @method, @authority, @path and @query";
        return Err(SignatureError::Malformed(reason));
    }
    if request.body.is_none() {
        return Ok(());
    }
    if !covered.covers("content-digest") {
        let reason = "with a body it must cover content-digest";
        return Err(SignatureError::Malformed(reason));
    }
    // Whether this route needs the header at all is not a question of signatures.
    let is_keyed = !request.headers.lines("idempotency-key").is_absent();
    if is_keyed && !covered.covers("idempotency-key") {
        let reason = "with a body it must cover idempotency-key";
        return Err(SignatureError::Malformed(reason));
    }
    if !request.headers.lines("content-encoding").is_absent() {
        return Err(SignatureError::UnsupportedEncoding);
    }
    Ok(())
}

fn required<T>(parameter: Option<T>, reason: &'static str) -> Result<T, SignatureError> {
    parameter.ok_or(SignatureError::Malformed(reason))
}

fn algorithm_of(name: &str) -> Result<Algorithm, SignatureError> {
    [Algorithm::HmacSha256, Algorithm::Ed25519]
        .into_iter()
        .find(|algorithm| algorithm.name() == name)
        .ok_or(SignatureError::Malformed("alg is hmac-sha256 or ed25519"))
}
