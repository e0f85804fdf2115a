//! Short, unique hashes of what a party calls things: they index requests, references and members.
//!
//! A hash is the first 16 bytes of SHA-256 over the parts, each ended by a zero byte, which no
//! part contains. Two different names meet with a probability of 2^-128. Personal names are hashed
//! under a key of the vault's instead (HMAC-SHA-256), since all phones there are can be tried.

use sha2::{Digest, Sha256};

use crate::auth::vault::NamesKey;
use crate::domain::ids::PartyId;
use crate::domain::ledger::{NamedBy, ReferenceKey};

/// A hash of a name.
pub type NameHash = [u8; 16];

fn hash_of(parts: &[&str]) -> NameHash {
    let mut state = Sha256::new();
    for part in parts {
        state.update(part.as_bytes());
        state.update([0]);
    }
    let digest = state.finalize();
    let mut hash = NameHash::default();
    hash.copy_from_slice(&digest[..16]);
    hash
}

/// The hash of a party's idempotency key.
pub fn key_hash(party: &str, key: &str) -> NameHash {
    hash_of(&["key", party, key])
}

/// The hash of a party's reference of a kind.
pub fn reference_hash(key: &ReferenceKey) -> NameHash {
    hash_of(&["reference", key.party.as_str(), key.kind.name(), key.reference.as_str()])
}

/// The hash of a member's name.
pub fn member_hash(key: &NamesKey, named: &NamedBy) -> NameHash {
    let party = named.party.as_ref().map_or("", PartyId::as_str);
    let name = named.name.to_string();
    if !named.name.is_personal() {
        return hash_of(&["member", party, &name]);
    }
    let mac = key.mac(&[b"member", party.as_bytes(), name.as_bytes()]);
    let mut hash = NameHash::default();
    hash.copy_from_slice(&mac[..16]);
    hash
}
