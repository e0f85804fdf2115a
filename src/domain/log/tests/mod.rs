//! The log against vectors that others computed, and against the definitions of RFC 9162.

use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Frontier, Hash, Node, Nodes, Tree, empty_root, leaf_hash, node_hash};

mod partner;
mod properties;
mod vectors;

/// A log in memory, filled as the server fills its own: by a frontier.
#[derive(Default)]
struct Journal {
    frontier: Frontier,
    leaves: Vec<Hash>,
    blocks: Vec<Node>,
    /// Blocks of leaves that were read, in order.
    read: Vec<i64>,
}

impl Journal {
    /// A log of leaves that differ.
    fn of(size: u32) -> Self {
        let mut journal = Self::default();
        for number in 0..size {
            journal.append(leaf_hash(&number.to_be_bytes()));
        }
        journal
    }

    fn append(&mut self, leaf: Hash) {
        self.leaves.push(leaf);
        self.blocks.extend(self.frontier.append(leaf));
    }

    fn at(&mut self, size: usize) -> Tree<&mut Self> {
        Tree::new(self, i64::try_from(size).expect("small"))
    }
}

impl Nodes for &mut Journal {
    type Error = Infallible;

    fn leaves(&mut self, block: i64, count: usize) -> Result<Vec<Hash>, Infallible> {
        self.read.push(block);
        let first = usize::try_from(block * 256).expect("small");
        Ok(self.leaves[first..first + count].to_vec())
    }

    fn blocks(&mut self, level: u8, first: i64, count: usize) -> Result<Vec<Hash>, Infallible> {
        let of_level = self.blocks.iter().filter(|node| node.level == level);
        let from = of_level.skip_while(|node| node.index < first);
        Ok(from.take(count).map(|node| node.hash).collect())
    }
}

/// The root by its definition, RFC 9162 2.1.1.
fn root_of(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        leaves => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&root_of(left), &root_of(right))
        }
    }
}

/// The root that an inclusion proof leads to, from the top down; none if its length is wrong.
///
/// Written from the definition of a proof, and not as the partner's verifier is.
fn root_by_inclusion(leaf: Hash, index: usize, size: usize, path: &[Hash]) -> Option<Hash> {
    if size == 1 {
        return path.is_empty().then_some(leaf);
    }
    let (sibling, below) = path.split_last()?;
    let middle = size.next_power_of_two() / 2;
    if index < middle {
        Some(node_hash(&root_by_inclusion(leaf, index, middle, below)?, sibling))
    } else {
        let right = root_by_inclusion(leaf, index - middle, size - middle, below)?;
        Some(node_hash(sibling, &right))
    }
}

/// The roots of both sizes that a consistency proof leads to; none if its length is wrong.
fn roots_by_consistency(
    (from, to): (usize, usize),
    path: &[Hash],
    known: Option<Hash>,
) -> Option<(Hash, Hash)> {
    if from == to {
        let root = match (known, path) {
            (Some(root), []) => root,
            (None, [root]) => *root,
            _ => return None,
        };
        return Some((root, root));
    }
    let (sibling, below) = path.split_last()?;
    let middle = to.next_power_of_two() / 2;
    if from <= middle {
        let (old, new) = roots_by_consistency((from, middle), below, known)?;
        Some((old, node_hash(&new, sibling)))
    } else {
        let (old, new) = roots_by_consistency((from - middle, to - middle), below, None)?;
        Some((node_hash(sibling, &old), node_hash(sibling, &new)))
    }
}

fn proves_consistency(sizes: (usize, usize), path: &[Hash], roots: (Hash, Hash)) -> bool {
    roots_by_consistency(sizes, path, Some(roots.0)) == Some(roots)
}

fn base64_of(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}
