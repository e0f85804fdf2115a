//! The Merkle tree of a shard: growing by a leaf, and proofs.
//!
//! A *node* of height `h` and index `i` is the root over the leaves `i × 2^h` up to
//! `(i + 1) × 2^h`; only complete nodes are ever stored. Those whose height is a multiple of eight
//! are block nodes: level `L` has height `8 × L`. What lies between two levels is computed from a
//! *group*, the 256 block nodes (or leaves) below one node of the level above.

use std::convert::Infallible;

use thiserror::Error;

use super::Hash;
use super::leaf::{empty_root, node_hash};

/// Heights between two stored levels.
const LEVEL_HEIGHT: u32 = 8;

/// Block nodes (or leaves) of a group.
const GROUP: i64 = 1 << LEVEL_HEIGHT;

/// Groups of a level that a tree keeps at hand: the last, and the one where it works.
const GROUPS_KEPT: usize = 2;

/// A block node: the root over `256^level` leaves that are all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// From 1: the node has 256 to this power leaves below it.
    pub level: u8,
    /// Its place among the nodes of its level, from 0.
    pub index: i64,
    /// Its hash.
    pub hash: Hash,
}

/// Why stored bytes are not a frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrontierError {
    /// They are shorter than a size, or the size is above 2^63.
    #[error("the bytes have no size of a tree")]
    NoSize,
    /// They do not have one hash for each complete subtree of the size.
    #[error("a tree of {size} leaves has {} peaks, not {bytes} bytes of them", size.count_ones())]
    WrongPeaks {
        /// The size they begin with.
        size: i64,
        /// How many bytes follow.
        bytes: usize,
    },
}

/// What a tree must remember to grow: its size and its *peaks*, the roots of the complete subtrees
/// that it consists of, the largest first.
///
/// Invariant: there is one peak for each bit that is set in the size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: i64,
    peaks: Vec<Hash>,
}

impl Frontier {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many leaves there are.
    pub fn size(&self) -> i64 {
        self.size
    }

    /// Adds a leaf's hash; returns the block nodes that it made complete, lowest first.
    ///
    /// There is one every 256 leaves, so nearly always none; one more hash is computed for each
    /// leaf on average.
    pub fn append(&mut self, leaf: Hash) -> Vec<Node> {
        let mut complete = Vec::new();
        let mut hash = leaf;
        for height in 1..=self.size.trailing_ones() {
            let left = self.peaks.pop().expect("each bit of the size has a peak");
            hash = node_hash(&left, &hash);
            if height % LEVEL_HEIGHT == 0 {
                let level = u8::try_from(height / LEVEL_HEIGHT).expect("a size has 63 bits");
                complete.push(Node { level, index: self.size >> height, hash });
            }
        }
        self.peaks.push(hash);
        self.size += 1;
        complete
    }

    /// The root; of a tree without leaves, the hash of nothing.
    pub fn root(&self) -> Hash {
        merged(&self.peaks).unwrap_or_else(empty_root)
    }

    /// The size, eight bytes with the highest first, and the peaks.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.peaks.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        bytes.extend(self.peaks.iter().flatten());
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    /// If the bytes are not of that form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FrontierError> {
        let (size, rest) = bytes.split_first_chunk::<8>().ok_or(FrontierError::NoSize)?;
        let size = i64::from_be_bytes(*size);
        if size < 0 {
            return Err(FrontierError::NoSize);
        }
        let (peaks, odd) = rest.as_chunks::<32>();
        if !odd.is_empty() || u32::try_from(peaks.len()) != Ok(size.count_ones()) {
            return Err(FrontierError::WrongPeaks { size, bytes: rest.len() });
        }
        Ok(Self { size, peaks: peaks.to_vec() })
    }
}

/// The root over neighbouring peaks, the largest first; none over none.
fn merged(peaks: &[Hash]) -> Option<Hash> {
    let (last, before) = peaks.split_last()?;
    Some(before.iter().rev().fold(*last, |right, left| node_hash(left, &right)))
}

/// Where a tree reads its hashes.
pub trait Nodes {
    /// Why a read failed.
    type Error;

    /// The hashes of `count` leaves, from the first of the block on (leaf `256 × block`).
    ///
    /// # Errors
    /// If they cannot be read.
    fn leaves(&mut self, block: i64, count: usize) -> Result<Vec<Hash>, Self::Error>;

    /// The hashes of `count` block nodes of a level (from 1), in order, from the index `first` on.
    ///
    /// # Errors
    /// If they cannot be read.
    fn blocks(&mut self, level: u8, first: i64, count: usize) -> Result<Vec<Hash>, Self::Error>;
}

/// Why something could not be proved.
#[derive(Debug, Error)]
pub enum ProofError<E = Infallible> {
    /// The nodes could not be read.
    #[error("the nodes of the log cannot be read")]
    Nodes(#[source] E),
    /// There are fewer or more nodes than the size asks for.
    #[error("level {level} of the log has {found} nodes from {first} on where {count} were asked")]
    Missing {
        /// The level; 0 for leaves.
        level: u8,
        /// The index of the first one asked for.
        first: i64,
        /// How many were asked for.
        count: usize,
        /// How many there were.
        found: usize,
    },
}

/// The nodes of a group by height above its level; only complete ones.
struct Group {
    place: i64,
    heights: Vec<Vec<Hash>>,
}

impl Group {
    fn over(place: i64, lowest: Vec<Hash>) -> Self {
        let mut heights = vec![lowest];
        for height in 1..LEVEL_HEIGHT {
            let below = heights.last().expect("the lowest is there");
            if below.len() < 2 {
                break;
            }
            let (pairs, _) = below.as_chunks::<2>();
            let mut here = Vec::with_capacity(usize::try_from(GROUP >> height).expect("small"));
            here.extend(pairs.iter().map(|[left, right]| node_hash(left, right)));
            heights.push(here);
        }
        Self { place, heights }
    }
}

/// A tree at one of its sizes, for roots and proofs.
///
/// It keeps the last group of every level and the one it worked with: proofs of many leaves in
/// ascending order read each group once, and hash each of its nodes once.
pub struct Tree<N> {
    nodes: N,
    size: i64,
    levels: Vec<Vec<Group>>,
}

impl<N: Nodes> Tree<N> {
    /// The tree as it was with `size` leaves; reads nothing yet.
    ///
    /// # Panics
    /// If the size is below zero.
    pub fn new(nodes: N, size: i64) -> Self {
        assert!(0 <= size, "a tree has no fewer than no leaves");
        Self { nodes, size, levels: Vec::new() }
    }

    /// How many leaves there are.
    pub fn size(&self) -> i64 {
        self.size
    }

    /// The root.
    ///
    /// # Errors
    /// If nodes cannot be read.
    pub fn root(&mut self) -> Result<Hash, ProofError<N::Error>> {
        if self.size == 0 { Ok(empty_root()) } else { self.over(0, self.size) }
    }

    /// Proves that the leaf at an index (from 0) is in the tree: RFC 9162 2.1.3.1.
    ///
    /// # Errors
    /// If nodes cannot be read.
    ///
    /// # Panics
    /// If the tree has no such leaf.
    pub fn inclusion(&mut self, index: i64) -> Result<Vec<Hash>, ProofError<N::Error>> {
        assert!((0..self.size).contains(&index), "only a leaf of the tree can be proved");
        let mut path = Vec::new();
        let (mut first, mut end) = (0, self.size);
        while 1 < end - first {
            let middle = first + split(end - first);
            if index < middle {
                path.push(self.over(middle, end)?);
                end = middle;
            } else {
                path.push(self.over(first, middle)?);
                first = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// Proves that the tree's first `from` leaves were the whole tree once: RFC 9162 2.1.4.1.
    ///
    /// # Errors
    /// If nodes cannot be read.
    ///
    /// # Panics
    /// If the tree never had that size, or the size is 0: there is nothing to prove.
    pub fn consistency(&mut self, from: i64) -> Result<Vec<Hash>, ProofError<N::Error>> {
        assert!((1..=self.size).contains(&from), "only a size that the tree had can be proved");
        let mut path = Vec::new();
        let (mut first, mut end) = (0, self.size);
        while end != from {
            let middle = first + split(end - first);
            if from <= middle {
                path.push(self.over(middle, end)?);
                end = middle;
            } else {
                path.push(self.over(first, middle)?);
                first = middle;
            }
        }
        // The old root is known to whoever checks, unless it is only a part that is left here.
        if first != 0 {
            path.push(self.over(first, end)?);
        }
        path.reverse();
        Ok(path)
    }

    /// The root over the leaves from `first` (a multiple of the largest complete subtree) to `end`.
    fn over(&mut self, first: i64, end: i64) -> Result<Hash, ProofError<N::Error>> {
        let mut peaks = Vec::new();
        let mut start = first;
        while start < end {
            let height = (end - start).ilog2();
            peaks.push(self.node(height, start >> height)?);
            start += 1 << height;
        }
        Ok(merged(&peaks).expect("the range has leaves"))
    }

    /// A complete node.
    fn node(&mut self, height: u32, index: i64) -> Result<Hash, ProofError<N::Error>> {
        let (level, above) = (height / LEVEL_HEIGHT, height % LEVEL_HEIGHT);
        let lowest = index << above;
        let place = lowest / GROUP;
        let within = to_usize((lowest % GROUP) >> above);
        let group = self.group(to_usize(i64::from(level)), place)?;
        Ok(group.heights[to_usize(i64::from(above))][within])
    }

    fn group(&mut self, level: usize, place: i64) -> Result<&Group, ProofError<N::Error>> {
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        let kept = &self.levels[level];
        if let Some(at) = kept.iter().position(|group| group.place == place) {
            return Ok(&self.levels[level][at]);
        }
        let number = u8::try_from(level).expect("a size has 63 bits");
        let complete = self.size >> (LEVEL_HEIGHT * u32::from(number));
        let first = place * GROUP;
        let count = to_usize(GROUP.min(complete - first));
        let read = match number {
            0 => self.nodes.leaves(place, count),
            level => self.nodes.blocks(level, first, count),
        };
        let hashes = read.map_err(ProofError::Nodes)?;
        if hashes.len() != count {
            let found = hashes.len();
            return Err(ProofError::Missing { level: number, first, count, found });
        }
        let last = (complete - 1) / GROUP;
        let kept = &mut self.levels[level];
        if GROUPS_KEPT <= kept.len() {
            let oldest = kept.iter().position(|group| group.place != last);
            kept.remove(oldest.expect("only one group is the last"));
        }
        kept.push(Group::over(place, hashes));
        Ok(kept.last().expect("it was just put there"))
    }
}

/// The largest power of two below a count above one.
fn split(count: i64) -> i64 {
    1 << (count - 1).ilog2()
}

fn to_usize(value: i64) -> usize {
    usize::try_from(value).expect("a place within a group or a level")
}
