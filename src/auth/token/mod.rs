//! Operators' and auditors' tokens: JWTs under keys of ours.
//!
//! A token's header names a key, and the key's record says how it signs: nothing else in the header
//! is believed. Every claim is required. The time is an argument; the crate below, which asks the
//! system, is told not to look at times at all.
//!
//! A token is no signature of a request: it is not bound to a body, and no transaction is posted
//! under one.

mod provider;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::secrets::{self, KeyError};

/// The longest token that is read.
pub const TOKEN_BYTES_MAX: usize = 2_048;

/// The longest life of a token.
pub const LIFETIME_MAX: Duration = Duration::from_hours(12);

/// How far the clocks of the minting and the verifying server may differ.
const LEEWAY_SECONDS: i64 = 30;

/// Both who mints the tokens and for whom they are.
const COALITION: &str = "coalition";

/// The longest subject or token id.
const NAME_BYTES_MAX: usize = 128;

/// What the bearer may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Configures, and reads everything.
    Operator,
    /// Closes cycles, publishes, pays and reconciles; reads everything.
    Finance,
    /// Makes campaigns and offers, and looks at what came of them; sees nothing else.
    Marketing,
    /// Reads everything.
    Auditor,
    /// Looks members up at the help desk; sees nothing else.
    Support,
}

/// How a key signs tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenAlgorithm {
    /// HMAC with SHA-256: whoever verifies can also mint.
    #[serde(rename = "HS256")]
    Hs256,
    /// Ed25519: a server may hold the public key alone.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl From<TokenAlgorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: TokenAlgorithm) -> Self {
        match algorithm {
            TokenAlgorithm::Hs256 => Self::HS256,
            TokenAlgorithm::EdDsa => Self::EdDSA,
        }
    }
}

/// The record of a key for tokens.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    /// The `kid` of tokens.
    pub kid: String,
    /// How it signs; taken from here, never from a token.
    pub algorithm: TokenAlgorithm,
    /// Base64. HS256: the shared secret. Ed25519: the private seed if the key mints, else the
    /// public key.
    pub material: String,
    /// Whether tokens are minted with it; an old key only verifies.
    #[serde(default)]
    pub can_mint: bool,
}

impl fmt::Debug for TokenKey {
    /// Shows which key it is and never what it is.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "TokenKey({}, {:?}, can_mint: {})", self.kid, self.algorithm, self.can_mint)
    }
}

/// The keys under which tokens are accepted, prepared once.
pub struct TokenKeys(Vec<PreparedKey>);

struct PreparedKey {
    kid: String,
    key: DecodingKey,
    validation: Validation,
}

/// Who bears a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// The person or the system.
    pub subject: String,
    /// What it may do.
    pub role: Role,
    /// The token's id, by which it can be revoked.
    pub jti: String,
}

/// Why a token was refused: `token_invalid`, 401. Nothing of the token is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Unreadable, of an unknown key, of another algorithm than the key's, or changed.
    #[error("the token does not verify")]
    Unverified,
    /// It verifies, but it is not one of our tokens.
    #[error("the token needs iss and aud \"{COALITION}\", exp, nbf, iat, sub, jti and a role")]
    Claims,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Its life is longer than any that we give.
    #[error("the token lives longer than {} h", LIFETIME_MAX.as_secs() / 3_600)]
    TooLong,
}

/// Why no token was minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MintError {
    /// The record says that it only verifies.
    #[error("this key does not mint")]
    KeyOnlyVerifies,
    /// The record holds no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Nothing, or more than allowed.
    #[error("a token lives from 1 s to {} h", LIFETIME_MAX.as_secs() / 3_600)]
    Lifetime,
    /// Not a name for a log.
    #[error("a subject has 1 to {NAME_BYTES_MAX} bytes and no control characters")]
    Subject,
    /// No token id can be drawn.
    #[error("the system has no randomness to give")]
    Random,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    role: Role,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
}

impl TokenKeys {
    /// Prepares keys from their records.
    ///
    /// # Errors
    /// If a record holds no key of its algorithm, or two have one `kid`.
    pub fn new(records: &[TokenKey]) -> Result<Self, KeyError> {
        provider::install();
        let mut keys: Vec<PreparedKey> = Vec::with_capacity(records.len());
        for record in records {
            if keys.iter().any(|key| key.kid == record.kid) {
                return Err(KeyError::SameId);
            }
            keys.push(PreparedKey {
                kid: record.kid.clone(),
                key: decoding_key(record)?,
                validation: validation(record.algorithm),
            });
        }
        Ok(Self(keys))
    }
}

impl fmt::Debug for TokenKeys {
    /// Shows which keys there are and never what they are.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.0.iter().map(|key| &key.kid)).finish()
    }
}

/// Mints a token that is valid from now on, and at most for [`LIFETIME_MAX`].
///
/// # Errors
/// If the key does not mint, or the subject or the lifetime is not one.
pub fn mint(
    key: &TokenKey,
    subject: &str,
    role: Role,
    lifetime: Duration,
    now_unix: i64,
) -> Result<String, MintError> {
    provider::install();
    if !key.can_mint {
        return Err(MintError::KeyOnlyVerifies);
    }
    if !is_name(subject) {
        return Err(MintError::Subject);
    }
    let seconds = i64::try_from(lifetime.as_secs()).map_err(|_| MintError::Lifetime)?;
    if seconds < 1 || LIFETIME_MAX < lifetime {
        return Err(MintError::Lifetime);
    }
    let claims = Claims {
        iss: COALITION.to_owned(),
        aud: COALITION.to_owned(),
        sub: subject.to_owned(),
        role,
        iat: now_unix,
        nbf: now_unix,
        exp: now_unix.saturating_add(seconds),
        jti: secrets::new_id().map_err(|_| MintError::Random)?,
    };
    let mut header = Header::new(key.algorithm.into());
    header.kid = Some(key.kid.clone());
    let signed = encode(&header, &claims, &encoding_key(key)?);
    Ok(signed.expect("a key that was read signs, and the claims are JSON"))
}

/// Who bears this token, if one of our keys signed it and its time is now.
///
/// # Errors
/// If the token is not to be believed.
pub fn verify(keys: &TokenKeys, text: &str, now_unix: i64) -> Result<Operator, TokenError> {
    if TOKEN_BYTES_MAX < text.len() {
        return Err(TokenError::Unverified);
    }
    let header = decode_header(text).map_err(|_| TokenError::Unverified)?;
    // `crit` names extensions that must be understood, and none is.
    if header.crit.is_some() || header.typ.is_some_and(|typ| typ != "JWT") {
        return Err(TokenError::Unverified);
    }
    let named = |key: &&PreparedKey| header.kid.as_deref() == Some(key.kid.as_str());
    let key = keys.0.iter().find(named).ok_or(TokenError::Unverified)?;
    let token =
        decode::<Claims>(text, &key.key, &key.validation).map_err(|error| refusal(&error))?;
    check_times(&token.claims, now_unix)?;
    if !is_name(&token.claims.sub) || !is_name(&token.claims.jti) {
        return Err(TokenError::Claims);
    }
    Ok(Operator { subject: token.claims.sub, role: token.claims.role, jti: token.claims.jti })
}

/// Tells faults of the claims, which are looked at after the signature, from all others.
fn refusal(error: &jsonwebtoken::errors::Error) -> TokenError {
    use jsonwebtoken::errors::ErrorKind;
    match error.kind() {
        ErrorKind::Json(_)
        | ErrorKind::MissingRequiredClaim(_)
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience => TokenError::Claims,
        _ => TokenError::Unverified,
    }
}

fn check_times(claims: &Claims, now_unix: i64) -> Result<(), TokenError> {
    let latest = now_unix.saturating_add(LEEWAY_SECONDS);
    if latest < claims.nbf || latest < claims.iat {
        return Err(TokenError::NotYetValid);
    }
    if claims.exp.saturating_add(LEEWAY_SECONDS) <= now_unix {
        return Err(TokenError::Expired);
    }
    let lifetime = u64::try_from(claims.exp.saturating_sub(claims.iat));
    if lifetime.is_ok_and(|seconds| seconds <= LIFETIME_MAX.as_secs()) {
        Ok(())
    } else {
        Err(TokenError::TooLong)
    }
}

/// What the crate below checks: the algorithm, the signature, `iss`, `aud`, and that the rest is
/// there.
fn validation(algorithm: TokenAlgorithm) -> Validation {
    let mut validation = Validation::new(algorithm.into());
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    validation.set_issuer(&[COALITION]);
    validation.set_audience(&[COALITION]);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation
}

fn encoding_key(record: &TokenKey) -> Result<EncodingKey, KeyError> {
    Ok(match record.algorithm {
        TokenAlgorithm::Hs256 => {
            EncodingKey::from_secret(&secrets::shared_secret(&record.material)?)
        }
        TokenAlgorithm::EdDsa => {
            EncodingKey::from_ed_der(secrets::private_key(&record.material)?.as_bytes())
        }
    })
}

fn decoding_key(record: &TokenKey) -> Result<DecodingKey, KeyError> {
    let public = match record.algorithm {
        TokenAlgorithm::Hs256 => {
            return Ok(DecodingKey::from_secret(&secrets::shared_secret(&record.material)?));
        }
        TokenAlgorithm::EdDsa if record.can_mint => {
            secrets::private_key(&record.material)?.verifying_key()
        }
        TokenAlgorithm::EdDsa => secrets::public_key(&record.material)?,
    };
    Ok(DecodingKey::from_ed_der(public.as_bytes()))
}

/// Whether a text can stand in a log and in the journal.
fn is_name(text: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}
