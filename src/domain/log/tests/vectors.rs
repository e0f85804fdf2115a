//! The vectors of `partner-sdk/vectors/log.json`.

use serde::Deserialize;

use super::*;
use crate::domain::log::{Checkpoint, NoteError, Signer, commitment, leaf_data, salt};

#[derive(Deserialize)]
struct Vectors {
    hashers: Vec<Hasher>,
    nodes: Vec<Pair>,
    leaves: Vec<String>,
    leaf_hashes: Vec<String>,
    roots: Vec<String>,
    inclusion: Vec<Inclusion>,
    consistency: Vec<Consistency>,
    notes: Vec<SignedText>,
    checkpoints: Vec<CheckpointText>,
    transactions: Vec<Leaf>,
}

#[derive(Deserialize)]
struct Hasher {
    data: String,
    hash: String,
}

#[derive(Deserialize)]
struct Pair {
    left: String,
    right: String,
    hash: String,
}

#[derive(Deserialize)]
struct Inclusion {
    index: usize,
    size: usize,
    path: Vec<String>,
}

#[derive(Deserialize)]
struct Consistency {
    from: i64,
    to: usize,
    path: Vec<String>,
}

#[derive(Deserialize)]
struct SignedText {
    name: String,
    seed: String,
    verifier_key: String,
    text: String,
    note: String,
}

#[derive(Deserialize)]
struct CheckpointText {
    text: String,
    origin: String,
    size: i64,
    root: String,
}

#[derive(Deserialize)]
struct Leaf {
    name: String,
    chain_before: String,
    chain: String,
    entries: Vec<String>,
    salts: Vec<String>,
    commitments: Vec<String>,
    data: String,
    hash: String,
}

fn vectors() -> Vectors {
    let text = include_str!("../../../../partner-sdk/vectors/log.json");
    serde_json::from_str(text).expect("the vectors can be read")
}

fn bytes(hex: &str) -> Vec<u8> {
    hex::decode(hex).expect("the vectors are hexadecimal")
}

fn hash(hex: &str) -> Hash {
    bytes(hex).try_into().expect("a hash has 32 bytes")
}

fn journal(vectors: &Vectors) -> Journal {
    let mut journal = Journal::default();
    for leaf in &vectors.leaves {
        journal.append(leaf_hash(&bytes(leaf)));
    }
    journal
}

#[test]
fn leaves_and_nodes_are_hashed_as_the_rfc_says() {
    let vectors = vectors();
    for vector in &vectors.hashers {
        assert_eq!(leaf_hash(&bytes(&vector.data)), hash(&vector.hash));
    }
    for vector in &vectors.nodes {
        assert_eq!(node_hash(&hash(&vector.left), &hash(&vector.right)), hash(&vector.hash));
    }
    for (leaf, expected) in vectors.leaves.iter().zip(&vectors.leaf_hashes) {
        assert_eq!(leaf_hash(&bytes(leaf)), hash(expected));
    }
}

#[test]
fn roots_are_those_of_other_logs() {
    let vectors = vectors();
    let mut journal = journal(&vectors);
    assert_eq!(journal.frontier.root(), hash(&vectors.roots[8]));
    let mut frontier = Frontier::new();
    assert_eq!(vectors.roots.len(), 9);
    for (size, root) in vectors.roots.iter().enumerate() {
        assert_eq!(frontier.root(), hash(root), "size {size}");
        assert_eq!(journal.at(size).root().expect("memory can be read"), hash(root), "size {size}");
        if size < 8 {
            frontier.append(journal.leaves[size]);
        }
    }
}

#[test]
fn proofs_are_those_of_other_logs() {
    let vectors = vectors();
    let mut journal = journal(&vectors);
    assert_eq!(vectors.inclusion.len(), 36);
    for Inclusion { index, size, path } in &vectors.inclusion {
        let mut tree = journal.at(*size);
        let index = i64::try_from(*index).expect("small");
        let proof = tree.inclusion(index).expect("memory can be read");
        assert_eq!(base64_of(&proof), *path, "{index} in {size}");
    }
    assert_eq!(vectors.consistency.len(), 36);
    for Consistency { from, to, path } in &vectors.consistency {
        let proof = journal.at(*to).consistency(*from).expect("memory can be read");
        assert_eq!(base64_of(&proof), *path, "{from} to {to}");
    }
}

#[test]
fn a_transactions_leaf_is_made_as_another_implementation_makes_it() {
    for vector in vectors().transactions {
        let before = hash(&vector.chain_before);
        let mut commitments = Vec::new();
        for (place, entry) in (1..).zip(&vector.entries) {
            let salt = salt(&before, place);
            commitments.push(commitment(&salt, entry.as_bytes()));
            let at = usize::try_from(place).expect("small") - 1;
            assert_eq!(salt, hash(&vector.salts[at]), "{}", vector.name);
            assert_eq!(commitments[at], hash(&vector.commitments[at]), "{}", vector.name);
        }
        let data = leaf_data(&hash(&vector.chain), &commitments);
        assert_eq!(data, bytes(&vector.data), "{}", vector.name);
        assert_eq!(leaf_hash(&data), hash(&vector.hash), "{}", vector.name);
    }
}

#[test]
fn notes_are_signed_as_another_implementation_signs_them() {
    for vector in vectors().notes {
        let seed = STANDARD.decode(&vector.seed).expect("a seed is base64");
        let seed = <[u8; 32]>::try_from(seed).expect("a seed has 32 bytes");
        let signer = Signer::from_seed(&vector.name, &seed).expect("it is a name");
        assert_eq!(signer.verifier_key(), vector.verifier_key);
        assert_eq!(signer.sign(&vector.text), vector.note);
        assert_eq!(format!("{signer:?}"), format!("Signer({})", vector.verifier_key));
    }
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b"] {
        assert_eq!(Signer::from_seed(name, &[0; 32]).err(), Some(NoteError::BadName), "{name:?}");
    }
}

#[test]
#[should_panic(expected = "the text can be a note's")]
fn a_text_without_an_end_is_not_signed() {
    Signer::from_seed("coalition", &[0; 32]).expect("it is a name").sign("text");
}

#[test]
fn checkpoints_have_one_form() {
    for vector in vectors().checkpoints {
        let checkpoint = Checkpoint {
            origin: vector.origin.clone(),
            size: vector.size,
            root: hash(&vector.root),
        };
        assert_eq!(checkpoint.to_string(), vector.text);
        assert_eq!(vector.text.parse(), Ok(checkpoint));
        let mut lines = vector.text.split_inclusive('\n');
        let size = format!("\n{}\n", vector.size);
        for broken in [
            vector.text.replace(&size, "\n08\n"),
            vector.text.replace(&size, "\n+8\n"),
            vector.text.replace(&size, "\n-8\n"),
            vector.text.replace('\n', "\r\n"),
            vector.text.replace("=\n", "\n"),
            vector.text.trim_end().to_owned(),
            format!("{}more\n", vector.text),
            lines.next().expect("a line").to_owned(),
            lines.collect(),
        ] {
            assert_eq!(broken.parse::<Checkpoint>(), Err(NoteError::BadCheckpoint), "{broken:?}");
        }
    }
}
