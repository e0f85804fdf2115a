//! What holds for a tree of any size.

use proptest::prelude::*;

use super::*;
use crate::domain::log::{FrontierError, ProofError};

/// Two groups and a part of a third.
const SIZES: u32 = 600;

#[test]
fn every_root_is_the_one_of_the_definition() {
    let mut journal = Journal::of(SIZES);
    let leaves = journal.leaves.clone();
    let mut frontier = Frontier::new();
    for size in 0..=leaves.len() {
        let root = root_of(&leaves[..size]);
        assert_eq!(frontier.root(), root, "size {size}");
        assert_eq!(journal.at(size).root().expect("memory can be read"), root, "size {size}");
        leaves.get(size).map(|leaf| frontier.append(*leaf));
    }
}

#[test]
fn every_leaf_is_proved_in_every_size() {
    let mut journal = Journal::of(SIZES);
    let leaves = journal.leaves.clone();
    for size in 1..=leaves.len() {
        let mut tree = journal.at(size);
        let root = tree.root().expect("memory can be read");
        for (index, leaf) in leaves[..size].iter().enumerate() {
            let at = i64::try_from(index).expect("small");
            let path = tree.inclusion(at).expect("memory can be read");
            let found = root_by_inclusion(*leaf, index, size, &path);
            assert_eq!(found, Some(root), "{index} in {size}");
        }
    }
}

#[test]
fn every_size_is_proved_to_continue_every_earlier_one() {
    let mut journal = Journal::of(SIZES);
    let leaves = journal.leaves.clone();
    let roots: Vec<Hash> = (0..=leaves.len()).map(|size| root_of(&leaves[..size])).collect();
    for to in 1..=leaves.len() {
        let mut tree = journal.at(to);
        for from in 1..=to {
            let size = i64::try_from(from).expect("small");
            let path = tree.consistency(size).expect("memory can be read");
            assert!(proves_consistency((from, to), &path, (roots[from], roots[to])), "{from} {to}");
        }
    }
}

#[test]
fn blocks_come_out_when_they_are_complete() {
    let mut frontier = Frontier::new();
    let mut leaves = Vec::new();
    let mut blocks = Vec::new();
    for number in 0..(1_u32 << 16) + 300 {
        let leaf = leaf_hash(&number.to_be_bytes());
        leaves.push(leaf);
        for node in frontier.append(leaf) {
            let span = 256_usize.pow(u32::from(node.level));
            assert_eq!(leaves.len() % span, 0, "the last leaf made it complete");
            assert_eq!(usize::try_from(node.index), Ok(leaves.len() / span - 1));
            blocks.push((node, span));
        }
    }
    assert_eq!(blocks.len(), 256 + 1 + 1, "256 of a level and one above them, then one");
    for (node, span) in blocks.iter().filter(|(node, _)| node.index % 37 == 0) {
        let first = usize::try_from(node.index).expect("small") * span;
        assert_eq!(node.hash, root_of(&leaves[first..first + span]), "{node:?}");
    }
}

#[test]
fn proofs_reach_over_the_levels() {
    let size = (1_u32 << 16) + 700;
    let mut journal = Journal::of(size);
    let leaves = journal.leaves.clone();
    let size = leaves.len();
    let root = journal.frontier.root();
    let mut tree = journal.at(size);
    assert_eq!(tree.root().expect("memory can be read"), root);
    for index in (0..size).step_by(997).chain([255, 256, 65_535, 65_536, 66_047, 66_048, size - 1])
    {
        let path = tree.inclusion(i64::try_from(index).expect("small"));
        let path = path.expect("memory can be read");
        assert_eq!(root_by_inclusion(leaves[index], index, size, &path), Some(root), "{index}");
    }
    for from in [1, 255, 256, 257, 4_000, 65_535, 65_536, 65_537, 66_048, size] {
        let path = tree.consistency(i64::try_from(from).expect("small"));
        let path = path.expect("memory can be read");
        let roots = (root_of(&leaves[..from]), root);
        assert!(proves_consistency((from, size), &path, roots), "{from}");
    }
}

#[test]
fn many_proofs_in_order_read_each_block_once() {
    let mut journal = Journal::of((1 << 16) + 700);
    let size = journal.leaves.len();
    let mut tree = journal.at(size);
    tree.root().expect("memory can be read");
    for index in (0..size).step_by(50) {
        tree.inclusion(i64::try_from(index).expect("small")).expect("memory can be read");
    }
    let blocks = i64::try_from(size.div_ceil(256)).expect("small");
    let mut read = journal.read;
    read.sort_unstable();
    assert_eq!(read, (0..blocks).collect::<Vec<_>>());
}

#[test]
fn too_few_nodes_are_an_error() {
    struct Lost;
    impl Nodes for Lost {
        type Error = Infallible;
        fn leaves(&mut self, _: i64, count: usize) -> Result<Vec<Hash>, Infallible> {
            Ok(vec![[0; 32]; count - 1])
        }
        fn blocks(&mut self, _: u8, _: i64, count: usize) -> Result<Vec<Hash>, Infallible> {
            Ok(vec![[0; 32]; count])
        }
    }
    // 300 leaves are one block node and 44 leaves.
    let error = Tree::new(Lost, 300).root().expect_err("a leaf is missing");
    assert!(
        matches!(error, ProofError::Missing { level: 0, first: 256, count: 44, found: 43 }),
        "{error}"
    );
}

#[test]
fn a_frontier_is_read_back_or_refused() {
    for size in [0, 1, 2, 3, 255, 256, 257, 600] {
        let frontier = Journal::of(size).frontier;
        let bytes = frontier.to_bytes();
        assert_eq!(Frontier::from_bytes(&bytes), Ok(frontier.clone()));
        assert!(Frontier::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        assert!(Frontier::from_bytes(&[&bytes[..], &[0; 32]].concat()).is_err());
        assert!(Frontier::from_bytes(&bytes[..bytes.len() - 1]).is_err());
    }
    assert_eq!(Frontier::from_bytes(&[255; 8]), Err(FrontierError::NoSize));
    assert_eq!(Frontier::from_bytes(&[0; 7]), Err(FrontierError::NoSize));
}

proptest! {
    #[test]
    fn a_flipped_bit_is_refused(
        (size, index, from) in (2..600_usize).prop_flat_map(|size| (Just(size), 0..size, 1..size)),
        byte in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let mut journal = Journal::of(u32::try_from(size).expect("small"));
        let leaves = journal.leaves.clone();
        let roots = (root_of(&leaves[..from]), journal.frontier.root());
        let mut tree = journal.at(size);
        let flip = |path: &mut Vec<Hash>| {
            let at = byte.index(path.len() * 32);
            path[at / 32][at % 32] ^= 1 << bit;
        };

        let mut path = tree.inclusion(i64::try_from(index).expect("small")).expect("memory");
        flip(&mut path);
        prop_assert_ne!(root_by_inclusion(leaves[index], index, size, &path), Some(roots.1));

        let mut path = tree.consistency(i64::try_from(from).expect("small")).expect("memory");
        prop_assert!(proves_consistency((from, size), &path, roots));
        flip(&mut path);
        prop_assert!(!proves_consistency((from, size), &path, roots));
    }

    #[test]
    fn a_frontier_goes_on_where_it_was_stored(before in 0..600_u32, after in 0..600_u32) {
        let mut stored = Journal::of(before).frontier;
        stored = Frontier::from_bytes(&stored.to_bytes()).expect("it was just written");
        for number in before..before + after {
            stored.append(leaf_hash(&number.to_be_bytes()));
        }
        prop_assert_eq!(stored.size(), i64::from(before + after));
        prop_assert_eq!(stored, Journal::of(before + after).frontier);
    }
}
