//! Signs requests by RFC 9421 under the profile `coalition-v1`, with RFC 9530 content digests.
//!
//! Knows nothing of HTTP clients: text in, header values out. A key is prepared once (the HMAC key
//! state is computed when it is built), so that signing is a clone and a few hashes. The values
//! that are signed must be the ones that are sent: nothing here is re-encoded or normalised.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// The `tag` parameter of every signature under this profile.
const TAG: &str = "coalition-v1";

/// The label of the only signature that a request carries.
const LABEL: &str = "sig1";

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256; both sides hold the secret.
    HmacSha256,
    /// Ed25519; only the partner holds the private key.
    Ed25519,
}

impl Algorithm {
    /// The name in RFC 9421's registry, as the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match text {
            "hmac-sha256" => Ok(Self::HmacSha256),
            "ed25519" => Ok(Self::Ed25519),
            _ => Err(KeyError::UnknownAlgorithm(text.to_owned())),
        }
    }
}

/// Why a text is not a signing key. The text itself is never repeated: it may be a secret.
#[derive(Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The id would not survive in a header.
    #[error("the key id may hold only a-z, 0-9, '.', '_', ':' and '-'")]
    BadId,
    /// The algorithm is not one of this profile.
    #[error("the algorithm is hmac-sha256 or ed25519, not {0:?}")]
    UnknownAlgorithm(String),
    /// The secret is not base64.
    #[error("the key is not base64 in the standard alphabet, with padding")]
    NotBase64,
    /// An empty HMAC secret would sign for everybody.
    #[error("the key is empty")]
    Empty,
    /// An Ed25519 private key is its seed.
    #[error("an Ed25519 private key is 32 bytes, this one has {0}")]
    WrongLength(usize),
}

/// A partner's key: its id and what it signs with.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    /// The state after the key block; a signature starts from a clone of it.
    Hmac(Box<Hmac<Sha256>>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl SigningKey {
    /// Builds a key from its id and the base64 text in which the server or a key file holds it.
    ///
    /// An Ed25519 key is its 32-byte seed. Whitespace around the text is ignored, as key files
    /// often end in a newline.
    ///
    /// # Errors
    /// If the id or the text is not one of a key; the error never repeats the text.
    pub fn from_base64(id: &str, algorithm: Algorithm, text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| KeyError::NotBase64)?;
        match algorithm {
            Algorithm::HmacSha256 => Self::hmac(id, &bytes),
            Algorithm::Ed25519 => {
                let seed = <[u8; 32]>::try_from(bytes.as_slice())
                    .map_err(|_| KeyError::WrongLength(bytes.len()))?;
                Self::ed25519(id, &seed)
            }
        }
    }

    /// Builds an HMAC key from the bytes of its secret.
    ///
    /// # Errors
    /// If the id is not a key id, or the secret is empty.
    pub fn hmac(id: &str, secret: &[u8]) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::Empty);
        }
        let state = Hmac::new_from_slice(secret).expect("HMAC takes a key of any length");
        Ok(Self { id: checked_id(id)?, secret: Secret::Hmac(Box::new(state)) })
    }

    /// Builds an Ed25519 key from its seed.
    ///
    /// # Errors
    /// If the id is not a key id.
    pub fn ed25519(id: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let private = ed25519_dalek::SigningKey::from_bytes(seed);
        Ok(Self { id: checked_id(id)?, secret: Secret::Ed25519(Box::new(private)) })
    }

    /// The id, sent as `keyid`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// How this key signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.secret {
            Secret::Hmac(_) => Algorithm::HmacSha256,
            Secret::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// The public key in base64, to be registered with the operator; an HMAC key has none.
    pub fn public_key(&self) -> Option<String> {
        match &self.secret {
            Secret::Hmac(_) => None,
            Secret::Ed25519(private) => Some(STANDARD.encode(private.verifying_key().as_bytes())),
        }
    }

    /// Signs a signature base; the answer is base64.
    pub fn sign(&self, base: &str) -> String {
        match &self.secret {
            Secret::Hmac(state) => {
                let mut mac = state.as_ref().clone();
                mac.update(base.as_bytes());
                STANDARD.encode(mac.finalize().into_bytes())
            }
            Secret::Ed25519(private) => STANDARD.encode(private.sign(base.as_bytes()).to_bytes()),
        }
    }
}

impl fmt::Debug for SigningKey {
    /// Shows which key it is and never what it is.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// The parts of a request that a signature covers, exactly as they are sent.
#[derive(Clone, Copy, Debug)]
pub struct RequestToSign<'a> {
    /// The method in capitals.
    pub method: &'a str,
    /// Host and port in lower case, without the scheme's default port.
    pub authority: &'a str,
    /// The path with its percent-escapes; never empty.
    pub path: &'a str,
    /// The query with its percent-escapes and without the `?`; empty if there is none.
    pub query: &'a str,
    /// The bytes of the body; `None` sends no `Content-Digest`.
    pub body: Option<&'a [u8]>,
    /// The value of the `Idempotency-Key` header, with its quotes if it is sent with quotes.
    pub idempotency_key: Option<&'a str>,
}

/// The headers that a signature adds to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureHeaders {
    /// The value of `Content-Digest`, where there is a body.
    pub content_digest: Option<String>,
    /// The value of `Signature-Input`.
    pub signature_input: String,
    /// The value of `Signature`.
    pub signature: String,
}

/// Signs a request as of `created_unix`, in seconds since 1970.
///
/// The nonce is visible ASCII and must be new for every attempt of a request: see
/// [`random_nonce`].
pub fn sign_request(
    key: &SigningKey,
    request: &RequestToSign<'_>,
    created_unix: i64,
    nonce: &str,
) -> SignatureHeaders {
    let digest = request.body.map(content_digest);
    let query = format!("?{}", request.query);
    let mut components = Vec::with_capacity(6);
    components.push(("@method", request.method));
    components.push(("@authority", request.authority));
    components.push(("@path", request.path));
    components.push(("@query", query.as_str()));
    components.extend(digest.as_deref().map(|value| ("content-digest", value)));
    components.extend(request.idempotency_key.map(|value| ("idempotency-key", value)));

    let params = signature_params(&components, created_unix, key.id(), nonce);
    let signature = key.sign(&signature_base(&components, &params));
    SignatureHeaders {
        content_digest: digest,
        signature_input: format!("{LABEL}={params}"),
        signature: format!("{LABEL}=:{signature}:"),
    }
}

/// The text that is signed: a line for each component (name without quotes, value) in order, then
/// the line of `@signature-params`, without a newline at the end.
pub fn signature_base(components: &[(&str, &str)], params: &str) -> String {
    let length: usize = components.iter().map(|(name, value)| name.len() + value.len() + 5).sum();
    let mut base = String::with_capacity(length + params.len() + 24);
    for (name, value) in components {
        base.extend(["\"", name, "\": ", value, "\n"]);
    }
    base.extend(["\"@signature-params\": ", params]);
    base
}

/// The value of `Content-Digest` for these bytes.
pub fn content_digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(Sha256::digest(body)))
}

/// A nonce of 128 random bits, in hexadecimal.
///
/// # Errors
/// If the system has no randomness to give.
pub fn random_nonce() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// The inner list of the components' names with its parameters, serialised by RFC 9651.
fn signature_params(
    components: &[(&str, &str)],
    created_unix: i64,
    key_id: &str,
    nonce: &str,
) -> String {
    let mut params = String::with_capacity(192);
    for (name, _) in components {
        params.extend([if params.is_empty() { "(\"" } else { " \"" }, name, "\""]);
    }
    let nonce = escaped(nonce);
    write!(params, ");created={created_unix};keyid=\"{key_id}\";nonce=\"{nonce}\";tag=\"{TAG}\"")
        .expect("writing to a string does not fail");
    params
}

/// The inside of an RFC 9651 string.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Lets through only ids that need no escaping in a header.
fn checked_id(id: &str) -> Result<String, KeyError> {
    let fits =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._:-".contains(&byte);
    if id.is_empty() || !id.bytes().all(fits) {
        return Err(KeyError::BadId);
    }
    Ok(id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_never_shows_its_secret() {
        let key = SigningKey::hmac("shop:1", b"very secret").expect("the key is well formed");
        assert_eq!(format!("{key:?}"), "SigningKey { id: \"shop:1\", algorithm: HmacSha256, .. }");
    }

    #[test]
    fn a_key_that_is_none_is_refused_without_repeating_it() {
        let build = |id, algorithm, text| {
            SigningKey::from_base64(id, algorithm, text).err().map(|error| error.to_string())
        };
        let refused = build("shop:1", Algorithm::Ed25519, "c2hvcnQ=").expect("5 bytes are no seed");
        assert!(refused.contains("has 5") && !refused.contains("c2hvcnQ"), "{refused}");
        assert!(build("shop:1", Algorithm::HmacSha256, "???").is_some());
        assert!(build("shop:1", Algorithm::HmacSha256, "").is_some());
        assert!(build("shop\"1", Algorithm::HmacSha256, "c2hvcnQ=").is_some());
        assert!(build("shop:1", Algorithm::HmacSha256, "c2hvcnQ=\n").is_none());
    }

    #[test]
    fn nonces_differ() {
        let nonce = || random_nonce().expect("the system has randomness");
        assert_ne!(nonce(), nonce());
        assert_eq!(nonce().len(), 32);
    }
}
