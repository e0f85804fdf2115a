//! Random secrets and ids, and the reading of keys from their base64 text.
//!
//! No error here repeats the text that it refused: it may be a secret.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::domain::ids::{KeyId, PartyId};

/// The fewest bytes of a shared secret: as many as SHA-256 gives, as RFC 7518 §3.2 asks.
pub const SECRET_BYTES_MIN: usize = 32;

/// The most bytes of a party's id that its keys' ids begin with; 16 digits and a colon follow.
const PARTY_PREFIX_MAX: usize = 46;

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not base64.
    #[error("the key is not base64 in the standard alphabet, with padding")]
    NotBase64,
    /// Could be guessed.
    #[error("a shared secret has at least {SECRET_BYTES_MIN} bytes, this one has {0}")]
    TooShort(usize),
    /// Not the length of an Ed25519 key.
    #[error("an Ed25519 key has 32 bytes, this one has {0}")]
    WrongLength(usize),
    /// Not a point of the curve, or one under which anything would verify.
    #[error("this is not a usable Ed25519 public key")]
    NotAPublicKey,
    /// Two records share an id.
    #[error("two keys have the same id")]
    SameId,
}

/// Random bytes from the operating system.
///
/// # Errors
/// If the system has no randomness to give.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A seed of 32 bytes from its base64 text, which may end with a line break.
pub fn seed_of(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text.trim_end()).ok()?.try_into().ok()
}

/// A new shared secret of 256 bits, in base64.
///
/// # Errors
/// If the system has no randomness to give.
pub fn new_secret() -> Result<String, getrandom::Error> {
    random_bytes::<SECRET_BYTES_MIN>().map(|bytes| STANDARD.encode(bytes))
}

/// A new id of 128 random bits, in hexadecimal.
///
/// # Errors
/// If the system has no randomness to give.
pub fn new_id() -> Result<String, getrandom::Error> {
    random_bytes().map(|bytes| format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// A new key id of a party: its name (the first 46 characters) and 64 random bits.
///
/// # Errors
/// If the system has no randomness to give.
pub fn new_key_id(party: &PartyId) -> Result<KeyId, getrandom::Error> {
    let number = u64::from_be_bytes(random_bytes()?);
    let prefix: String = party.as_str().chars().take(PARTY_PREFIX_MAX).collect();
    let id = format!("{prefix}:{number:016x}");
    Ok(id.parse().expect("a party's id with hexadecimal digits is a slug"))
}

/// Reads a shared secret.
///
/// # Errors
/// If the text is not base64 or the secret is too short.
pub fn shared_secret(base64: &str) -> Result<Vec<u8>, KeyError> {
    let bytes = decoded(base64)?;
    if bytes.len() < SECRET_BYTES_MIN {
        return Err(KeyError::TooShort(bytes.len()));
    }
    Ok(bytes)
}

/// Reads an Ed25519 public key.
///
/// # Errors
/// If the text is not base64 of a point of the curve, or the point has a small order.
pub fn public_key(base64: &str) -> Result<ed25519_dalek::VerifyingKey, KeyError> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(&array_of_32(base64)?)
        .map_err(|_| KeyError::NotAPublicKey)?;
    if key.is_weak() {
        return Err(KeyError::NotAPublicKey);
    }
    Ok(key)
}

/// Reads an Ed25519 private key: its seed of 32 bytes.
///
/// # Errors
/// If the text is not base64 of 32 bytes.
pub fn private_key(base64: &str) -> Result<ed25519_dalek::SigningKey, KeyError> {
    Ok(ed25519_dalek::SigningKey::from_bytes(&array_of_32(base64)?))
}

fn array_of_32(base64: &str) -> Result<[u8; 32], KeyError> {
    let bytes = decoded(base64)?;
    let length = bytes.len();
    bytes.try_into().map_err(|_| KeyError::WrongLength(length))
}

fn decoded(base64: &str) -> Result<Vec<u8>, KeyError> {
    STANDARD.decode(base64).map_err(|_| KeyError::NotBase64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_and_ids_are_never_the_same_twice() {
        let secret = || new_secret().expect("the system has randomness");
        assert_ne!(secret(), secret());
        assert_eq!(shared_secret(&secret()).map(|bytes| bytes.len()), Ok(32));
        let id = || new_id().expect("the system has randomness");
        assert_ne!(id(), id());
        assert_eq!(id().len(), 32);
    }

    #[test]
    fn a_key_id_begins_with_its_party() {
        let of = |party: &str| {
            let party = party.parse().expect("a party's id");
            new_key_id(&party).expect("the system has randomness").as_str().to_owned()
        };
        assert!(of("shop").starts_with("shop:"));
        assert_ne!(of("shop"), of("shop"));
        assert_eq!(of(&"a".repeat(63)).len(), 63);
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let short = STANDARD.encode([7_u8; 31]);
        assert_eq!(shared_secret(&short), Err(KeyError::TooShort(31)));
        assert_eq!(public_key(&short).err(), Some(KeyError::WrongLength(31)));
        assert_eq!(private_key("AAA").err(), Some(KeyError::NotBase64));
        // The neutral element: anybody could sign under it.
        let mut neutral = [0_u8; 32];
        neutral[0] = 1;
        let weak = public_key(&STANDARD.encode(neutral)).err();
        assert_eq!(weak, Some(KeyError::NotAPublicKey));
    }
}
