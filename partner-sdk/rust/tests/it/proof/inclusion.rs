//! Lines against the logs, by the server's proofs.

use coalition_partner::proof::{
    Fault, Finding, MerkleFault, Place, Posted, Verified, verify_inclusion_of,
    verify_statement_with,
};

use super::books::{Books, Draft, books, hex, verifier_key};

fn check(draft: &Draft, proofs: &str) -> Result<Verified, Finding> {
    verify_inclusion_of(draft.file().as_bytes(), proofs.as_bytes(), &verifier_key())
}

fn honest() -> (Books, Draft, String) {
    let books = books();
    let draft = books.draft("S-1", None);
    let proofs = books.proofs(&draft);
    (books, draft, proofs)
}

#[test]
fn every_line_stands_in_the_log() {
    let (_, draft, proofs) = honest();
    assert_eq!(check(&draft, &proofs).expect("nothing was changed").lines, 51);
    assert_eq!(proofs.lines().count(), 38, "a transaction with two lines has one proof");
}

#[test]
fn an_entry_that_was_never_recorded_is_found() {
    // The operator signs a statement with another amount: it is right by itself.
    let (_, mut draft, proofs) = honest();
    let row = &mut draft.rows[3];
    assert_eq!(row.key, (0, 4, 1));
    row.credit = Some(5);
    row.entry = row.entry.replace("0.04", "0.05");
    let finding = check(&draft, &proofs).expect_err("it is found");
    assert_eq!(finding.place, Place::Line(7));
    assert!(matches!(finding.fault, Fault::OtherEntry { place: 1 }), "{finding}");
}

#[test]
fn a_leaf_that_the_log_never_had_is_found() {
    // The proof is made for what the statement says, but the log is another.
    let (mut books, mut draft, _) = honest();
    let entry = &mut books.logs.get_mut(&0).expect("it is there")[3].entries[0];
    *entry = entry.replace("0.04", "0.05");
    draft.rows[3].credit = Some(5);
    draft.rows[3].entry.clone_from(entry);
    let finding = check(&draft, &books.proofs(&draft)).expect_err("it is found");
    let expected = MerkleFault::WrongRoot;
    assert!(matches!(finding.fault, Fault::Merkle(fault) if fault == expected), "{finding}");
}

#[test]
fn proofs_that_are_missing_doubled_or_out_of_order_are_found() {
    let (_, draft, proofs) = honest();
    let lines: Vec<&str> = proofs.split_inclusive('\n').collect();
    for place in 0..lines.len() {
        let without = [&lines[..place], &lines[place + 1..]].concat().concat();
        let finding = check(&draft, &without).expect_err("it is found");
        assert!(matches!(finding.fault, Fault::NoProof { .. }), "{finding}");
        let doubled = [&lines[..=place], &lines[place..]].concat().concat();
        assert!(check(&draft, &doubled).is_err());
    }
    let mut swapped = lines.clone();
    swapped.swap(2, 3);
    let finding = check(&draft, &swapped.concat()).expect_err("it is found");
    assert!(matches!(finding.fault, Fault::NoProof { .. }), "{finding}");
    for more in [lines[0], "\n", " ", "{}\n"] {
        assert!(check(&draft, &format!("{proofs}{more}")).is_err(), "{more:?}");
    }
}

#[test]
fn a_salt_for_an_entry_without_a_line_is_found() {
    // Line 3 of the proofs is of a transaction whose second entry alone is the party's.
    let (books, draft, proofs) = honest();
    let recorded = &books.logs[&0][2];
    let second = format!("\"2\":\"{}\"", hex(&recorded.salt(2)));
    let both = format!("\"1\":\"{}\",{second}", hex(&recorded.salt(1)));
    assert!(proofs.contains(&second));
    let finding = check(&draft, &proofs.replace(&second, &both)).expect_err("it is found");
    assert!(matches!(finding.fault, Fault::ProofOfNothing), "{finding}");
    // And a party without its own salt has no proof.
    let finding = check(&draft, &proofs.replace(&second, "")).expect_err("it is found");
    assert!(matches!(finding.fault, Fault::OtherEntry { place: 2 }), "{finding}");
}

#[test]
fn a_proof_has_one_form() {
    let (_, draft, proofs) = honest();
    for (from, to) in [
        ("{\"shard\"", "{ \"shard\""),
        ("\"shard\":0,\"seq\":2", "\"seq\":2,\"shard\":0"),
        ("\"c\":", "\"x\":1,\"c\":"),
        ("\n", "\r\n"),
        ("\"salts\":{", "\"salts\":{\"7\":\"\","),
        ("\"seq\":2", "\"seq\":2.0"),
        ("=\"]}", "\"]}"),
    ] {
        assert!(proofs.contains(from), "{from}");
        assert!(check(&draft, &proofs.replacen(from, to, 1)).is_err(), "{from} {to}");
    }
    let digit = proofs.find("\"c\":\"").expect("it is there") + 5;
    let letter = proofs[digit..].find(|one: char| one.is_ascii_lowercase()).expect("a hex letter");
    let mut upper = proofs.clone();
    let at = digit + letter;
    upper.replace_range(at..=at, &proofs[at..=at].to_uppercase());
    assert!(check(&draft, &upper).is_err(), "upper case");
}

#[test]
fn transactions_without_a_line_are_told() {
    let (_, draft, _) = honest();
    let list = "tx_0_2\ntx_0_5\n\ntx_3_1\ntx_3_35\ntx_9_1\ntx_1023_3\n";
    let mut posted = Posted::read(list.as_bytes()).expect("these are ids");
    let file = draft.file();
    verify_statement_with(file.as_bytes(), &verifier_key(), &mut [&mut posted])
        .expect("it is honest");
    assert_eq!(posted.covered(), 4);
    assert_eq!(posted.without_line().collect::<Vec<_>>(), ["tx_0_5", "tx_3_1"]);
    for bad in ["tx_0", "tx_0_5/1", "0_5", "tx_00_5", "tx_+0_5"] {
        assert!(Posted::read(bad.as_bytes()).is_err(), "{bad}");
    }
}
