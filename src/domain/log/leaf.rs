//! What stands in a leaf: a hash of the transaction, and one commitment for each of its entries.
//!
//! An *entry* is what both sides of a money posting may see, as canonical JSON. Its commitment is
//! SHA-256 over its salt and its bytes. Salts follow from the chain's hash before the transaction,
//! so that hash must be shown to no party: whoever has it has the salts, and could guess what the
//! entries of others say. A salt alone opens its own entry and no other.

use sha2::{Digest as _, Sha256};

use super::Hash;

/// The salt of the entry at a place (from 1) of a transaction, from the chain's hash before it.
pub fn salt(chain_before: &Hash, place: u32) -> Hash {
    let digest = Sha256::new().chain_update(b"coalition/salt").chain_update(chain_before);
    digest.chain_update(place.to_be_bytes()).finalize().into()
}

/// What a leaf says of an entry: its bytes, hidden by its salt.
pub fn commitment(salt: &Hash, entry: &[u8]) -> Hash {
    Sha256::new().chain_update(salt).chain_update(entry).finalize().into()
}

/// The data of a transaction's leaf, from the chain's hash after it and its entries' commitments.
///
/// The chain's hash does not stand there itself: it is the root of the next transaction's salts.
pub fn leaf_data(chain: &Hash, commitments: &[Hash]) -> Vec<u8> {
    let whole = Sha256::new().chain_update(b"coalition/leaf").chain_update(chain).finalize();
    let mut data = Vec::with_capacity(whole.len() * (1 + commitments.len()));
    data.extend_from_slice(&whole);
    data.extend(commitments.iter().flatten());
    data
}

/// The hash of a leaf.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// The hash of a node over its two halves.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut data = [1; 65];
    data[1..33].copy_from_slice(left);
    data[33..].copy_from_slice(right);
    Sha256::digest(data).into()
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}
