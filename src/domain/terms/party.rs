//! Parties and their signing keys.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{KeyId, PartyId};

/// What a party is in the coalition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// Owns programmes and keeps their pools.
    Brand,
    /// Posts card payments.
    Bank,
    /// Co-funds card earnings.
    PaymentSystem,
    /// Issues cards and shows balances.
    Wallet,
    /// Sells, earns and burns.
    Retailer,
    /// Compensates.
    ServiceCentre,
    /// Runs the server.
    Operator,
}

/// A legal entity in the coalition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its name in the API and in statements.
    pub id: PartyId,
    /// What it is.
    pub kind: PartyKind,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How a key signs. Taken from the key's record, never from a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 9421 §3.3.3): both sides know the secret.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// Ed25519 (RFC 9421 §3.3.6): only the party can sign.
    #[serde(rename = "ed25519")]
    Ed25519,
}

impl Algorithm {
    /// The name in RFC 9421's registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// A signing key of a party.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The `keyid` of signatures.
    pub id: KeyId,
    /// Whose it is.
    pub party: PartyId,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The shared secret, or the public key; base64.
    pub material: String,
    /// Whether it may sign; a revoked key never signs again.
    pub active: bool,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Key({}, {}, active: {})", self.id, self.algorithm.name(), self.active)
    }
}
