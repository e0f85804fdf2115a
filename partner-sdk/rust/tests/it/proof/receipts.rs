//! Receipts against statements that the operator signed with a lie in them.

use coalition_partner::proof::{Fault, Finding, Kept, Place, verify_receipts, verify_statement};
use serde_json::json;

use super::books::{Books, Draft, Row, books, money, note, verifier_key};
use super::flips::Chance;

/// What the receipts say of a statement of all that was recorded.
fn check(file: &str, receipts: &str) -> Result<Kept, Finding> {
    let checked = verify_receipts(file.as_bytes(), receipts.as_bytes(), &verifier_key());
    checked.map(|(_, kept)| kept)
}

/// What is found in a statement that is right by itself, with the receipts of the books.
#[track_caller]
fn found(lie: impl FnOnce(&mut Draft)) -> Finding {
    let books = books();
    let mut draft = books.draft("S-1", None);
    lie(&mut draft);
    let file = draft.file();
    verify_statement(file.as_bytes(), &verifier_key()).expect("by itself it is right");
    check(&file, &books.receipts()).expect_err("it is found")
}

fn entry_of(row: &Row) -> String {
    let (shard, seq, place) = row.key;
    format!("tx_{shard}_{seq}/{place}")
}

#[test]
fn an_honest_statement_has_every_line_of_its_receipts() {
    let books = books();
    let draft = books.draft("S-1", None);
    let kept = check(&draft.file(), &books.receipts()).expect("it is honest");
    assert_eq!(kept, Kept { receipts: 63, lines: 51, of_other_cycles: 0 });
    assert_eq!(check(&draft.file(), "").expect("nothing is asked").lines, 0);
}

#[test]
fn every_line_that_is_left_out_is_found_by_its_receipt_alone() {
    let books = books();
    let honest = books.draft("S-1", None);
    for place in 0..honest.rows.len() {
        let mut draft = honest.clone();
        let gone = draft.rows.remove(place);
        let (shard, seq, _) = gone.key;
        let file = draft.file();
        verify_statement(file.as_bytes(), &verifier_key()).expect("numbers and sums are right");
        let finding =
            check(&file, &note(&books.receipt_text(shard, seq))).expect_err("it is found");
        let told = matches!(&finding.fault, Fault::Omitted { entry, others: 0 } if *entry == entry_of(&gone));
        assert!(told, "{finding}");
        assert_eq!(finding.place, Place::Receipt(1));
    }
}

#[test]
fn a_line_that_says_something_else_is_found() {
    let amount = found(|draft| {
        let row = &mut draft.rows[0];
        let cents = row.debit.expect("it is a debit") + 1;
        row.entry =
            row.entry.replace(r#""amount":"0.14""#, &format!(r#""amount":"{}""#, money(cents)));
        row.debit = Some(cents);
    });
    assert_eq!(
        amount.to_string(),
        "line 4 of the file: CHANGED: entry tx_0_2/1 is a debit of 0.14 in the receipt that the operator \
         signed; the two files prove it to anybody who has the operator's key"
    );
    let side = found(|draft| {
        let row = &mut draft.rows[0];
        std::mem::swap(&mut row.debit, &mut row.credit);
        row.entry = row.entry.replace(r#""from":"shop""#, r#""from":"bank""#);
        row.entry = row.entry.replace(r#""to":"brand""#, r#""to":"shop""#);
        row.more = row.more.replace("exchange_out", "exchange_in");
    });
    assert!(matches!(side.fault, Fault::ToldOtherwise { .. }), "{side}");
}

#[test]
fn a_cut_that_leaves_a_transaction_out_is_found() {
    let finding = found(|draft| {
        draft.header["cut"][0]["last"] = json!(18);
        draft.rows.retain(|row| row.key.0 != 0 || row.key.1 <= 18);
    });
    let told = matches!(&finding.fault, Fault::NotCovered { entry } if entry == "tx_0_19/1");
    assert!(told, "{finding}");
    let all = found(|draft| {
        draft.header["cut"].as_array_mut().expect("a list").remove(0);
        draft.rows.retain(|row| row.key.0 != 0);
    });
    assert!(matches!(all.fault, Fault::NotCovered { .. }), "{all}");
}

#[test]
fn what_nobody_signed_is_called_no_proof() {
    let books = books();
    let file = books.draft("S-1", None).file();
    let mut short = books.draft("S-1", None);
    short.rows.remove(20);
    // The lines of the short statement under the signature of the whole one.
    let (body, _) = short.file().rsplit_once("\"signature\":").map(own).expect("it is signed");
    let (_, signature) = file.rsplit_once("\"signature\":").expect("it is signed");
    let finding = check(&format!("{body}\"signature\":{signature}"), &books.receipts());
    let finding = finding.expect_err("it is found");
    assert!(matches!(finding.fault, Fault::SignedOther), "{finding}");
}

fn own((before, after): (&str, &str)) -> (String, String) {
    (before.to_owned(), after.to_owned())
}

/// What is found in receipts with which nothing is wrong but the text of the second one.
#[track_caller]
fn found_in_text(books: &Books, text: &str) -> String {
    let file = books.draft("S-1", None).file();
    let receipts = note(&books.receipt_text(0, 1)) + &note(text);
    check(&file, &receipts).expect_err("it is found").to_string()
}

#[test]
fn receipts_that_do_not_concern_the_statement_are_told_apart() {
    let books = books();
    let file = books.draft("S-1", None).file();
    let text = books.receipt_text(0, 2);
    let other = note(&text.replace(" 2024-07-10 ", " 2024-07-11 "));
    let twice = check(&file, &(note(&books.receipt_text(3, 2)).repeat(2)));
    assert_eq!(twice.expect("it is the same"), Kept { receipts: 2, lines: 2, of_other_cycles: 0 });
    // A line that the receipt gives to another cycle is a lie of one of the two.
    let finding = check(&file, &other).expect_err("it is found");
    assert!(finding.to_string().contains("tx_0_2/1 is of cycle 2024-07-11"), "{finding}");
    let mut draft = books.draft("S-1", None);
    draft.rows.retain(|row| row.key.1 != 2 || row.key.0 != 0);
    let kept = check(&draft.file(), &other).expect("it is of another cycle");
    assert_eq!(kept, Kept { receipts: 1, lines: 0, of_other_cycles: 2 });
    let bank = text.replace("party shop", "party bank");
    let found = check(&file, &note(&bank)).expect_err("it is another's").to_string();
    assert_eq!(found, "line 1 of the receipts: party is bank and should be shop");
    assert!(found_in_text(&books, &bank).contains("party is bank"), "within the file too");
    let again = books.receipt_text(0, 1).replace("12:00", "12:01");
    let found = found_in_text(&books, &again);
    assert!(found.contains("signed another receipt of tx_0_1 before"), "{found}");
}

#[test]
fn a_receipt_has_one_form() {
    let books = books();
    let text = books.receipt_text(0, 2);
    for (from, to) in [
        ("seq 2\n", "seq 02\n"),
        ("seq 2\n", "seq 3\n"),
        ("tx_0_2\n", "tx_0_3\n"),
        ("/log/0", "/log/00"),
        ("log coalition.example/", "log other.example/"),
        ("entry tx_0_2/1", "entry tx_0_3/1"),
        ("entry tx_0_2/1", "entry tx_0_2/01"),
        ("entry tx_0_2/1", "entry tx_0_2/0"),
        ("debit 0.14", "debit 0.14 "),
        ("debit 0.14", "debits 0.14"),
        ("party shop\n", ""),
        ("currency EUR\n", "currency EUR\nmore x\n"),
    ] {
        assert!(text.contains(from), "{from}");
        let found = found_in_text(&books, &text.replacen(from, to, 1));
        assert_eq!(
            found, "line 11 of the receipts: what was signed is no receipt",
            "{from} {to:?}"
        );
    }
    let twice = found_in_text(&books, &text.replacen("/2 ", "/1 ", 1));
    assert!(twice.contains("has an entry twice"), "{twice}");
    for (from, to) in [("0.14", "0.140"), ("currency EUR", "currency USD")] {
        let amount = found_in_text(&books, &text.replacen(from, to, 1));
        assert!(amount.contains("the amount is not of its form"), "{amount}");
    }
    let stranger = found_in_text(&books, &text.replace("coalition.example", "other.example"));
    assert!(stranger.contains("operator is other.example and should be"), "{stranger}");
}

#[test]
fn every_changed_byte_of_receipts_is_found() {
    let mut books = Books::default();
    books.record(0, 7);
    books.record(3, 4);
    let file = books.draft("S-1", None).file();
    let mut receipts = books.receipts().into_bytes();
    let key = verifier_key();
    let is_right = |receipts: &[u8]| verify_receipts(file.as_bytes(), receipts, &key).is_ok();
    assert!(is_right(&receipts));
    let mut chance = Chance(2);
    for _ in 0..10_000 {
        let at = chance.below(receipts.len());
        let change = match chance.below(2) {
            0 => 1 << chance.below(8),
            _ => u8::try_from(1 + chance.below(255)).expect("a byte"),
        };
        receipts[at] ^= change;
        assert!(!is_right(&receipts), "byte {at}, {change:#04x}");
        receipts[at] ^= change;
    }
    assert!(is_right(&receipts), "all is as it was");
    for end in (0..receipts.len()).filter(|end| end % 97 == 1) {
        let cut = &receipts[..end];
        assert!(!is_right(cut), "it breaks off at {end}");
    }
}
