//! The transparency log: each shard's journal as a Merkle tree that anybody can check.
//!
//! Every transaction is one leaf, at the index `seq − 1` of its shard's tree (RFC 6962 and RFC 9162
//! hashing). Its leaf commits to the whole transaction and, apart from that, to each of its entries
//! with a salt, so that a party can be shown its entries and nothing of others. A checkpoint is the
//! signed size and root of a tree; inclusion proofs tie an entry to it, consistency proofs tie a
//! later checkpoint to it.
//!
//! The tree lives in three places. A [`Frontier`] in the shard's head takes each new leaf. The
//! *block nodes*, each the root of 256, 65,536, … leaves, are handed out when they become complete,
//! and stored. Leaf hashes follow from the journal. A [`Tree`] reads these to prove.

pub mod leaf;
pub mod note;
pub mod receipt;
pub mod tree;

#[cfg(test)]
mod tests;

pub use leaf::{commitment, empty_root, leaf_data, leaf_hash, node_hash, salt};
pub use note::{Checkpoint, NoteError, Signer};
pub use receipt::Receipt;
pub use tree::{Frontier, FrontierError, Node, Nodes, ProofError, Tree};

/// A SHA-256 hash.
pub type Hash = [u8; 32];
