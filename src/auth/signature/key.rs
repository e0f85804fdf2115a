//! Keys that verify, prepared once.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{Presented, SignatureError};
use crate::auth::secrets::{self, KeyError};
use crate::domain::terms::party::Algorithm;

/// A partner's key. The HMAC key is already absorbed, and the Ed25519 point already decompressed,
/// so that a verification costs only the message.
#[derive(Clone)]
pub struct VerifyingKey(Material);

#[derive(Clone)]
enum Material {
    Hmac(Box<Hmac<Sha256>>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

impl VerifyingKey {
    /// Prepares a key from its record: base64 of the shared secret or of the public key.
    ///
    /// # Errors
    /// If the text is not one of such a key, or of one that protects nothing.
    pub fn from_material(algorithm: Algorithm, base64: &str) -> Result<Self, KeyError> {
        let material = match algorithm {
            Algorithm::HmacSha256 => {
                let secret = secrets::shared_secret(base64)?;
                let state = Hmac::new_from_slice(&secret).expect("HMAC takes a key of any length");
                Material::Hmac(Box::new(state))
            }
            Algorithm::Ed25519 => Material::Ed25519(Box::new(secrets::public_key(base64)?)),
        };
        Ok(Self(material))
    }

    /// How this key signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Material::Hmac(_) => Algorithm::HmacSha256,
            Material::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Whether this key made the signature, and the signature claims no other algorithm.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] if not.
    pub fn verify(&self, presented: &Presented) -> Result<(), SignatureError> {
        if presented.algorithm.is_some_and(|claimed| claimed != self.algorithm()) {
            return Err(SignatureError::Invalid);
        }
        self.verify_text(&presented.base, &presented.signature)
    }

    /// Whether this key signed the text; in constant time as far as the secret is concerned.
    ///
    /// # Errors
    /// [`SignatureError::Invalid`] if not.
    pub fn verify_text(&self, text: &str, signature: &[u8]) -> Result<(), SignatureError> {
        match &self.0 {
            Material::Hmac(state) => {
                let mut mac = state.as_ref().clone();
                mac.update(text.as_bytes());
                mac.verify_slice(signature).map_err(|_| SignatureError::Invalid)
            }
            Material::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .and_then(|signature| key.verify_strict(text.as_bytes(), &signature))
                .map_err(|_| SignatureError::Invalid),
        }
    }
}

impl fmt::Debug for VerifyingKey {
    /// Shows how it signs and never what with.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "VerifyingKey({})", self.algorithm().name())
    }
}
