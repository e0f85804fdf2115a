//! Statements one after another, and a history that was rewritten between them.

use coalition_partner::proof::{
    Fault, Gap, MerkleFault, Place, Verified, verify_follows, verify_statement,
};
use serde_json::json;

use super::books::{Books, Draft, base64, books, consistency, sha, verifier_key};

fn check(draft: &Draft) -> Verified {
    verify_statement(draft.file().as_bytes(), &verifier_key()).expect("it is right by itself")
}

/// Two cycles: books after the second, and both statements.
fn two_cycles() -> (Books, Draft, Draft) {
    let mut books = books();
    let first = books.draft("S-1", None);
    books.record(0, 40);
    books.record(7, 5);
    books.record(1023, 2);
    let second = books.draft("S-2", Some(&first));
    (books, first, second)
}

/// What is found when the second statement is changed and signed again.
#[track_caller]
fn found(lie: impl FnOnce(&mut Draft)) -> String {
    let (_, first, mut second) = two_cycles();
    lie(&mut second);
    verify_follows(&check(&first), &check(&second)).expect_err("it is found").to_string()
}

#[test]
fn statements_follow_each_other() {
    let (mut books, first, second) = two_cycles();
    let continuity = verify_follows(&check(&first), &check(&second)).expect("nothing was changed");
    assert_eq!((continuity.logs, continuity.gaps), (3, Vec::new()));
    books.record(3, 1);
    let third = books.draft("S-3", Some(&second));
    let continuity = verify_follows(&check(&second), &check(&third)).expect("nothing was changed");
    assert_eq!(continuity.logs, 4);
}

#[test]
fn a_log_where_nothing_happened_needs_no_proof() {
    let (_, first, mut second) = two_cycles();
    let proofs = second.header["consistency"].as_array_mut().expect("a list");
    proofs.retain(|proof| proof["shard"] != 3);
    verify_follows(&check(&first), &check(&second)).expect("the roots are the same");
}

#[test]
fn another_statement_before_is_found() {
    let (_, first, second) = two_cycles();
    let changed = Draft { late: "[1]".to_owned(), ..first.clone() };
    let finding = verify_follows(&check(&changed), &check(&second)).expect_err("it is found");
    assert!(matches!(finding.fault, Fault::Differs { what: "previous.sha256", .. }), "{finding}");
    let finding = verify_follows(&check(&second), &check(&first)).expect_err("it is found");
    assert!(matches!(finding.fault, Fault::Differs { what: "previous", .. }), "{finding}");
    let named = found(|second| second.header["previous"]["statement"] = json!("S-0"));
    assert!(named.contains("previous.statement is S-0 and should be S-1"), "{named}");
    let other = found(|second| {
        second.header["party"] = json!("bank");
        second.rows.clear();
    });
    assert!(other.contains("party is bank and should be shop"), "{other}");
}

#[test]
fn a_history_that_was_rewritten_is_found() {
    let (mut books, first, _) = two_cycles();
    // One old amount of others is another now, and all that follows is made anew.
    let log = books.logs.get_mut(&0).expect("it is there");
    log[5].entries[0] = log[5].entries[0].replace("0.05", "0.06");
    let mut before = log[4].chain;
    for recorded in &mut log[5..] {
        recorded.before = before;
        recorded.chain = sha(&[&before, recorded.entries.concat().as_bytes(), b"stored"]);
        before = recorded.chain;
    }
    let second = books.draft("S-2", Some(&first));
    let finding = verify_follows(&check(&first), &check(&second)).expect_err("it is found");
    assert_eq!(finding.place, Place::Shard(0));
    let expected = MerkleFault::WrongEarlierRoot;
    assert!(matches!(finding.fault, Fault::Merkle(fault) if fault == expected), "{finding}");
    // By itself the new statement is right: only what the partner kept tells.
    check(&second);
}

#[test]
fn a_log_that_went_back_is_found() {
    let (_, first, _) = two_cycles();
    let mut books = books();
    books.logs.get_mut(&3).expect("it is there").pop();
    let mut second = books.draft("S-2", None);
    second.header["previous"] = json!({
        "statement": "S-1",
        "sha256": check(&first).sha256,
    });
    second.header["cut"] = json!([]);
    second.rows.clear();
    let finding = verify_follows(&check(&first), &check(&second)).expect_err("it is found");
    assert!(matches!(finding.fault, Fault::WentBack { from: 34, to: 33 }), "{finding}");
}

#[test]
fn a_proof_that_is_missing_or_for_other_sizes_is_found() {
    let missing = found(|second| {
        second.header["consistency"].as_array_mut().expect("a list").remove(0);
    });
    assert_eq!(missing, "log of shard 0: its consistency proof is missing");
    let lost = found(|second| {
        for list in ["checkpoints", "consistency", "cut"] {
            let list = second.header[list].as_array_mut().expect("a list");
            list.retain(|one| one["shard"] != 0);
        }
        second.rows.retain(|row| row.key.0 != 0);
    });
    assert_eq!(lost, "log of shard 0: its checkpoint is missing");
    let (books, _, _) = two_cycles();
    let path = base64(&consistency(20, &books.leaves(0), true));
    let other = found(|second| {
        second.header["consistency"][0]["from"] = json!(20);
        second.header["consistency"][0]["path"] = json!(path);
    });
    assert!(other.contains("consistency.from is 20 and should be 21"), "{other}");
    let swapped = found(|second| {
        second.header["consistency"][0]["path"].as_array_mut().expect("a list").swap(0, 1);
    });
    assert!(swapped.starts_with("log of shard 0: "), "{swapped}");
}

#[test]
fn what_two_cycles_cover_twice_is_found_and_what_neither_covers_is_told() {
    let twice = found(|second| second.header["cut"][0]["first"] = json!(21));
    assert!(twice.contains("covers transaction 21 again"), "{twice}");
    let (_, first, mut second) = two_cycles();
    second.header["cut"][0]["first"] = json!(30);
    second.rows.retain(|row| row.key.0 != 0 || 30 <= row.key.1);
    let continuity = verify_follows(&check(&first), &check(&second)).expect("it may be so");
    assert_eq!(continuity.gaps, [Gap { shard: 0, first: 22, last: 29 }]);
}
