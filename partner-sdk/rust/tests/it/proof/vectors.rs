//! The vectors of `partner-sdk/vectors/log.json`.

use coalition_partner::proof::{
    Checkpoint, Hash, NoteError, VerifierKey, commitment, empty_root, leaf_hash, node_hash,
    verify_consistency, verify_inclusion,
};
use serde_json::Value;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

fn vectors() -> Value {
    let text = include_str!("../../../../vectors/log.json");
    serde_json::from_str(text).expect("the vectors can be read")
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().expect("it is a list")
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().expect("it is a text")
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal");
    (0..hex.len()).step_by(2).map(byte).collect()
}

fn hash(hex: &str) -> Hash {
    bytes(hex).try_into().expect("a hash has 32 bytes")
}

fn hashes(value: &Value, name: &str) -> Vec<Hash> {
    let texts = list(value, name).iter().map(|one| one.as_str().expect("it is a text"));
    texts.map(hash).collect()
}

fn path(value: &Value) -> Vec<Hash> {
    let texts = list(value, "path").iter().map(|one| one.as_str().expect("it is a text"));
    let bytes = texts.map(|text| STANDARD.decode(text).expect("it is base64"));
    bytes.map(|bytes| bytes.try_into().expect("a hash has 32 bytes")).collect()
}

#[test]
fn hashes_are_those_of_the_rfc() {
    let vectors = vectors();
    for one in list(&vectors, "hashers") {
        assert_eq!(leaf_hash(&bytes(text(one, "data"))), hash(text(one, "hash")));
    }
    for one in list(&vectors, "nodes") {
        let node = node_hash(&hash(text(one, "left")), &hash(text(one, "right")));
        assert_eq!(node, hash(text(one, "hash")));
    }
    assert_eq!(empty_root(), hashes(&vectors, "roots")[0]);
    for one in list(&vectors, "transactions") {
        let entries = list(one, "entries").iter().map(|entry| entry.as_str().expect("a text"));
        let found: Vec<Hash> = hashes(one, "salts")
            .iter()
            .zip(entries)
            .map(|(salt, entry)| commitment(salt, entry.as_bytes()))
            .collect();
        assert_eq!(found, hashes(one, "commitments"));
        assert_eq!(leaf_hash(&bytes(text(one, "data"))), hash(text(one, "hash")));
    }
}

#[test]
fn proofs_of_other_logs_are_taken() {
    let vectors = vectors();
    let (leaves, roots) = (hashes(&vectors, "leaf_hashes"), hashes(&vectors, "roots"));
    let place = |value: &Value| {
        let whole = value.as_i64().expect("a number");
        (whole, usize::try_from(whole).expect("small"))
    };
    assert_eq!(list(&vectors, "inclusion").len(), 36);
    for one in list(&vectors, "inclusion") {
        let (index, size) = (place(&one["index"]), place(&one["size"]));
        let at = (index.0, size.0);
        let found = verify_inclusion(leaves[index.1], at, &path(one), &roots[size.1]);
        assert_eq!(found, Ok(()), "{at:?}");
    }
    assert_eq!(list(&vectors, "consistency").len(), 36);
    for one in list(&vectors, "consistency") {
        let (from, to) = (place(&one["from"]), place(&one["to"]));
        let (earlier, later) = ((from.0, &roots[from.1]), (to.0, &roots[to.1]));
        assert_eq!(verify_consistency(earlier, later, &path(one)), Ok(()), "{from:?} {to:?}");
    }
}

#[test]
fn notes_of_other_signers_are_opened() {
    let vectors = vectors();
    let notes = list(&vectors, "published_notes").iter().chain(list(&vectors, "notes"));
    for one in notes {
        let key: VerifierKey = text(one, "verifier_key").parse().expect("it is a key");
        let note = text(one, "note");
        let opened = key.open(note).expect("the note is signed");
        assert_eq!((opened.text, opened.signatures), (text(one, "text"), 1));

        let line = "\u{2014} other.example AAAAAAAAAAAA\n";
        let opened = key.open(&format!("{note}{line}")).map(|opened| opened.signatures);
        assert_eq!(opened, Ok(2), "others may sign too");
        let other = note.replace(&format!("\u{2014} {}", key.name()), "\u{2014} other.example");
        assert_eq!(key.open(&other), Err(NoteError::NotSigned));
        let changed = format!("x{note}");
        assert_eq!(key.open(&changed), Err(NoteError::WrongSignature));
        let (start, signature) = note.split_once("\n\n").expect("there is a blank line");
        let doubled = format!("{note}{signature}");
        for broken in [
            start.to_owned(),
            note.trim_end().to_owned(),
            note.replace("=\n", "\n"),
            note.replace('\u{2014}', "-"),
            format!("\u{1}{note}"),
            doubled,
            format!("{note}{}", line.repeat(16)),
        ] {
            assert_eq!(key.open(&broken), Err(NoteError::BadNote), "{broken:?}");
        }
    }
}

#[test]
fn a_key_that_was_mistyped_is_no_key() {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    assert_eq!(key.parse::<VerifierKey>().map(|key| key.name().to_owned()), Ok(key[..15].into()));
    for (from, to, error) in [
        ("foo", "fooo", NoteError::WrongKeyId),
        ("530d", "530D", NoteError::WrongKeyId),
        ("AekyeRrm", "AekyeRrn", NoteError::WrongKeyId),
        ("+Aeky", "+Aek", NoteError::BadKey),
        ("+Aeky", "+Beky", NoteError::BadKey),
        ("+530d903a", "", NoteError::BadKey),
        ("example", "exa mple", NoteError::BadKey),
    ] {
        assert_eq!(key.replacen(from, to, 1).parse::<VerifierKey>(), Err(error), "{from} {to}");
    }
}

#[test]
fn checkpoints_have_one_form() {
    for one in list(&vectors(), "checkpoints") {
        let checkpoint: Checkpoint = text(one, "text").parse().expect("it is a checkpoint");
        assert_eq!(checkpoint.origin, text(one, "origin"));
        assert_eq!(Some(checkpoint.size), one["size"].as_i64());
        assert_eq!(checkpoint.root, hash(text(one, "root")));
        assert_eq!(checkpoint.to_string(), text(one, "text"));
        for (from, to) in
            [("\n8\n", "\n08\n"), ("\n8\n", "\n-8\n"), ("=\n", "\n"), ("=\n", "=\nx\n")]
        {
            let broken = text(one, "text").replace(from, to);
            assert_eq!(broken.parse::<Checkpoint>(), Err(NoteError::BadCheckpoint), "{broken:?}");
        }
    }
}
