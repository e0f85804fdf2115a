//! Merkle trees as RFC 9162 has them: hashes, and the checks of proofs.

use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MerkleFault {
    /// The tree has no such leaf, or never had that size.
    #[error("the tree has no such leaf or earlier size")]
    OutOfRange,
    /// The path is longer or shorter than the sizes ask for.
    #[error("the proof is longer or shorter than it must be")]
    WrongLength,
    /// The path leads to another root.
    #[error("the proof leads to another root than that of the checkpoint")]
    WrongRoot,
    /// The path starts from another root than the earlier one.
    #[error("the log no longer holds what it held: the proof starts from another earlier root")]
    WrongEarlierRoot,
}

/// The hash of a leaf.
pub fn leaf_hash(data: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// The hash of a node over its two halves.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// The root of a tree without leaves.
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// What a leaf says of an entry: its bytes, hidden by its salt.
pub fn commitment(salt: &Hash, entry: &[u8]) -> Hash {
    Sha256::new().chain_update(salt).chain_update(entry).finalize().into()
}

/// Checks that a leaf stands at an index (from 0) of a tree: RFC 9162 2.1.3.2.
///
/// # Errors
/// If it is not proved.
pub fn verify_inclusion(
    leaf: Hash,
    (index, size): (i64, i64),
    path: &[Hash],
    root: &Hash,
) -> Result<(), MerkleFault> {
    if !(0..size).contains(&index) {
        return Err(MerkleFault::OutOfRange);
    }
    let mut climb = Climb { place: index, last: size - 1 };
    let mut hash = leaf;
    for sibling in path {
        hash = match climb.step()? {
            Side::Left => node_hash(sibling, &hash),
            Side::Right => node_hash(&hash, sibling),
        };
    }
    climb.finish()?;
    if hash == *root { Ok(()) } else { Err(MerkleFault::WrongRoot) }
}

/// Checks that a tree continues an earlier one: RFC 9162 2.1.4.2.
///
/// Each tree is given by its size, above 0, and its root.
///
/// # Errors
/// If it is not proved.
pub fn verify_consistency(
    (from, earlier): (i64, &Hash),
    (to, later): (i64, &Hash),
    path: &[Hash],
) -> Result<(), MerkleFault> {
    if !(1..=to).contains(&from) {
        return Err(MerkleFault::OutOfRange);
    }
    if from == to {
        let is_same = earlier == later;
        return match path {
            [] if is_same => Ok(()),
            [] => Err(MerkleFault::WrongEarlierRoot),
            _ => Err(MerkleFault::WrongLength),
        };
    }
    let mut climb = Climb { place: from - 1, last: to - 1 };
    // The earlier tree is a node of the later one: its root is the start, and is left out.
    let (start, path) = if from.count_ones() == 1 {
        (earlier, path)
    } else {
        path.split_first().ok_or(MerkleFault::WrongLength)?
    };
    while climb.place & 1 == 1 {
        climb.up();
    }
    let (mut old, mut new) = (*start, *start);
    for sibling in path {
        match climb.step()? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    climb.finish()?;
    if old != *earlier {
        return Err(MerkleFault::WrongEarlierRoot);
    }
    if new == *later { Ok(()) } else { Err(MerkleFault::WrongRoot) }
}

/// On which side of the node a sibling stands.
enum Side {
    Left,
    Right,
}

/// The way from a node to the root: `fn` and `sn` of the RFC.
struct Climb {
    place: i64,
    last: i64,
}

impl Climb {
    /// Takes one sibling, and goes up to where the next one is needed.
    fn step(&mut self) -> Result<Side, MerkleFault> {
        if self.last == 0 {
            return Err(MerkleFault::WrongLength);
        }
        let side = if self.place & 1 == 1 || self.place == self.last {
            while self.place & 1 == 0 && self.place != 0 {
                self.up();
            }
            Side::Left
        } else {
            Side::Right
        };
        self.up();
        Ok(side)
    }

    fn up(&mut self) {
        self.place >>= 1;
        self.last >>= 1;
    }

    fn finish(&self) -> Result<(), MerkleFault> {
        if self.last == 0 { Ok(()) } else { Err(MerkleFault::WrongLength) }
    }
}
