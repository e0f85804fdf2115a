//! What the log proves and signs, as a partner checks it with the public library.

use coalition_partner::proof::{self, VerifierKey, verify_consistency, verify_inclusion};

use super::*;
use crate::domain::log::{Checkpoint, Signer, commitment, leaf_data, salt};

#[test]
fn a_partner_takes_the_logs_proofs() {
    let mut journal = Journal::of(600);
    let leaves = journal.leaves.clone();
    let roots: Vec<Hash> = (0..=leaves.len()).map(|size| root_of(&leaves[..size])).collect();
    for to in [1_i64, 2, 3, 7, 255, 256, 257, 511, 512, 513, 599, 600] {
        let size = usize::try_from(to).expect("small");
        let mut tree = journal.at(size);
        for (index, leaf) in (0..to).zip(&leaves) {
            let path = tree.inclusion(index).expect("memory can be read");
            let found = verify_inclusion(*leaf, (index, to), &path, &roots[size]);
            assert_eq!(found, Ok(()), "{index} in {to}");
        }
        for (from, earlier) in (1..=to).zip(&roots[1..]) {
            let path = tree.consistency(from).expect("memory can be read");
            let found = verify_consistency((from, earlier), (to, &roots[size]), &path);
            assert_eq!(found, Ok(()), "{from} to {to}");
        }
    }
}

#[test]
fn a_partner_opens_the_logs_checkpoints() {
    let signer = Signer::from_seed("coalition.example", &[5; 32]).expect("it is a name");
    let key: VerifierKey = signer.verifier_key().parse().expect("it is a key");
    let root = Journal::of(9).frontier.root();
    let checkpoint = Checkpoint { origin: "coalition.example/log/3".to_owned(), size: 9, root };
    let note = signer.sign(&checkpoint.to_string());
    let read: proof::Checkpoint =
        key.open(&note).expect("the log signed it").text.parse().expect("it is a checkpoint");
    assert_eq!((read.origin, read.size, read.root), (checkpoint.origin, 9, root));
}

#[test]
fn a_partner_hashes_leaves_and_entries_as_the_log_does() {
    let salt = salt(&[1; 32], 1);
    let own = commitment(&salt, b"{}");
    assert_eq!(proof::commitment(&salt, b"{}"), own);
    let data = leaf_data(&[2; 32], &[own]);
    assert_eq!(proof::leaf_hash(&data), leaf_hash(&data));
    assert_eq!(proof::empty_root(), empty_root());
}
