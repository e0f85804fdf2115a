//! Statements by themselves: each rule, broken alone and signed by the operator all the same.

use coalition_partner::proof::{Fault, Finding, Place, Verified, verify_statement};
use serde_json::{Value, json};

use super::books::{Draft, books, money, note, verifier_key};

fn check(file: &str) -> Result<Verified, Finding> {
    verify_statement(file.as_bytes(), &verifier_key())
}

fn draft() -> Draft {
    books().draft("S-1", None)
}

/// What is found in a statement of which the operator signed something wrong.
#[track_caller]
fn found(lie: impl FnOnce(&mut Draft)) -> String {
    let mut draft = draft();
    lie(&mut draft);
    check(&draft.file()).expect_err("it is found").to_string()
}

/// The same, of a body that is changed as text.
#[track_caller]
fn found_in_text(from: &str, to: &str) -> String {
    let draft = draft();
    let body = draft.body();
    assert!(body.contains(from), "{from}");
    check(&draft.signed(&body.replacen(from, to, 1))).expect_err("it is found").to_string()
}

#[test]
fn an_honest_statement_is_taken() {
    let draft = draft();
    let verified = check(&draft.file()).expect("it is honest");
    assert_eq!(verified.lines, 51);
    assert_eq!(verified.header.statement, "S-1");
    assert_eq!(verified.header.checkpoints[&3].size, 34);
    let debit = money(draft.rows.iter().filter_map(|row| row.debit).sum());
    assert_eq!(verified.debit, debit);
    assert_eq!(verified.sha256.len(), 64);
}

#[test]
fn a_statement_without_lines_is_taken() {
    let mut draft = draft();
    draft.rows.clear();
    draft.late = "{\n\"b\":[],\n\"a\":null\n}".to_owned();
    let verified = check(&draft.file()).expect("it is honest");
    assert_eq!((verified.lines, verified.debit.as_str()), (0, "0.00"));
}

#[test]
fn what_nobody_signed_is_found() {
    let file = draft().file();
    for (from, to) in [
        (r#""currency":"EUR""#, r#""currency":"USD""#),
        (r#""late":[]"#, r#""late":[ ]"#),
        (r#""late":[]"#, r#""late":[1]"#),
        (r#""due":"2024-07-20""#, r#""due":"2024-07-21""#),
    ] {
        assert!(file.contains(from), "{from}");
        let finding = check(&file.replacen(from, to, 1)).expect_err("it is found");
        assert!(matches!(finding.fault, Fault::SignedOther), "{finding}");
    }
    // A signature of the operator, for another statement.
    let (_, other) = Draft { header: json!({"statement": "S-2"}), ..draft() }
        .signed(&draft().body())
        .split_once("\"signature\":")
        .map(|(body, signature)| (body.to_owned(), signature.to_owned()))
        .expect("it is signed");
    let (body, _) = file.split_once("\"signature\":").expect("it is signed");
    let moved = check(&format!("{body}\"signature\":{other}")).expect_err("it is found");
    assert!(matches!(moved.fault, Fault::SignedOther), "{moved}");
}

#[test]
fn a_statement_that_breaks_off_is_found_wherever_it_does() {
    let file = draft().file();
    for end in (0..file.len()).filter(|end| end % 61 == 0 || file.len() - end < 300) {
        if let Some(start) = file.get(..end) {
            assert!(check(start).is_err(), "{end} of {}", file.len());
        }
    }
    let more = check(&format!("{file} \n")).expect_err("it is found");
    assert!(more.to_string().contains("something stands after the signature"), "{more}");
}

#[test]
fn a_line_that_was_taken_out_is_found() {
    let file = draft().file();
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    let without = |place: usize| [&lines[..place], &lines[place + 1..]].concat().concat();
    for place in 0..lines.len() {
        assert!(check(&without(place)).is_err(), "line {}", place + 1);
    }
    // Numbers, counts and sums are put right; the signature is not to be had.
    let mut draft = draft();
    draft.rows.remove(20);
    let (body, _) = draft.file().rsplit_once("\"signature\":").map(own).expect("it is signed");
    let (_, signature) = file.rsplit_once("\"signature\":").expect("it is signed");
    let finding = check(&format!("{body}\"signature\":{signature}")).expect_err("it is found");
    assert!(matches!(finding.fault, Fault::SignedOther), "{finding}");
}

fn own((before, after): (&str, &str)) -> (String, String) {
    (before.to_owned(), after.to_owned())
}

#[test]
fn lines_stand_in_order_and_once() {
    let finding = found(|draft| draft.rows.swap(4, 5));
    assert_eq!(
        finding,
        "line 9 of the file: the line does not stand in order after the one before it"
    );
    let twice = found(|draft| {
        let row = draft.rows[4].clone();
        draft.rows.insert(4, row);
    });
    assert!(twice.starts_with("line 9 of the file: the line does not stand in order"), "{twice}");
    let number = found_in_text(r#""line_no":7,"#, r#""line_no":8,"#);
    assert_eq!(number, "line 10 of the file: line_no is 8 and should be 7");
}

#[test]
fn a_line_says_what_its_entry_says() {
    let amount = found(|draft| {
        let row = &mut draft.rows[0];
        row.debit = row.debit.map(|cents| cents + 1);
    });
    assert!(amount.contains("the gross amount is 0.15 and should be 0.14"), "{amount}");
    let side = found(|draft| {
        let row = &mut draft.rows[0];
        std::mem::swap(&mut row.debit, &mut row.credit);
    });
    assert!(side.contains("the party is not a side of the entry"), "{side}");
    let other = found(|draft| {
        let row = &mut draft.rows[0];
        row.entry = row.entry.replace(r#""from":"shop""#, r#""from":"bank""#);
    });
    assert!(other.contains("the party is not a side of the entry"), "{other}");
    let both = found(|draft| draft.rows[0].credit = draft.rows[0].debit);
    assert!(both.contains("either a debit or a credit"), "{both}");
    let neither = found(|draft| draft.rows[0].debit = None);
    assert!(neither.contains("either a debit or a credit"), "{neither}");
    let id = found(|draft| draft.rows[0].entry = draft.rows[1].entry.clone());
    assert!(id.contains("entry.id is tx_0_2/2 and should be tx_0_2/1"), "{id}");
    let missing = found_in_text(r#""points":"2","#, "");
    assert!(missing.contains("missing field `points`"), "{missing}");
    let scale = found(|draft| draft.header["money_scale"] = json!(1));
    assert!(scale.contains("the gross amount is not of its form: 0.14"), "{scale}");
}

#[test]
fn lines_are_within_the_cycle_but_for_the_house() {
    let cut = |draft: &mut Draft, at: usize, first: i64, last: i64| {
        draft.header["cut"][at]["first"] = json!(first);
        draft.header["cut"][at]["last"] = json!(last);
    };
    for (at, first, last) in [(0, 3, 21), (0, 1, 16), (1, 3, 34), (2, 1, 6)] {
        let finding = found(|draft| cut(draft, at, first, last));
        assert!(finding.contains("not in the range that the cycle covers"), "{finding}");
    }
    let mut house = draft();
    cut(&mut house, 2, 5, 8);
    check(&house.file()).expect("the house's lines may be older");
    let beyond = found(|draft| cut(draft, 0, 1, 22));
    assert!(beyond.contains("transactions that are not in the checkpoint"), "{beyond}");
    let bad = found(|draft| cut(draft, 0, 0, 21));
    assert!(bad.contains("log of shard 0: cut is not of its form: 0 to 21"), "{bad}");
}

#[test]
fn sums_follow_from_the_lines() {
    let control = |path: &str, value: Value| {
        found(|draft| {
            let mut control = draft.honest_control();
            *control.pointer_mut(path).expect("it is there") = value;
            draft.control = Some(control);
        })
    };
    for (path, value) in [
        ("/lines", json!(50)),
        ("/debit", json!("1.00")),
        ("/credit", json!("1.00")),
        ("/by_type/burn/count", json!(1)),
        ("/by_type/refund/debit", json!("1.00")),
        ("/by_type/refund/credit", json!("x")),
        ("/by_type", json!({})),
    ] {
        let finding = control(path, value);
        assert!(finding.starts_with("section control: "), "{path}: {finding}");
        assert!(finding.contains(" and should be "), "{path}: {finding}");
    }
    let summary = found_in_text(r#""gross_debit":"1"#, r#""gross_debit":"9"#);
    assert!(summary.starts_with("section summary: summary.gross_debit is 9"), "{summary}");
    for (from, to, what) in [
        (r#""receivable":""#, r#""receivable":"1"#, "summary.receivable is 1"),
        (r#""payable":""#, r#""payable":"1"#, "summary.payable is 1"),
        (r#""net":""#, r#""net":"-1"#, "summary.net is -1"),
        (
            r#""steps":[{"credit":""#,
            r#""steps":[{"credit":"1"#,
            "a sum of summary.steps: credit is ",
        ),
    ] {
        let summary = found_in_text(from, to);
        assert!(summary.starts_with(&format!("section summary: {what}")), "{summary}");
    }
}

#[test]
fn checkpoints_are_signed_and_of_their_log() {
    let with = |text: &str| {
        let note = note(text);
        found(|draft| draft.header["checkpoints"][1]["note"] = json!(note))
    };
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    let other = with(&format!("coalition.example/log/4\n34\n{root}\n"));
    assert!(other.contains("shard 3: origin is coalition.example/log/4"), "{other}");
    let form = with(&format!("coalition.example/log/3\n034\n{root}\n"));
    assert!(form.contains("a checkpoint is three lines"), "{form}");
    let unsigned = found(|draft| {
        let note = draft.header["checkpoints"][1]["note"].as_str().expect("a text");
        let note = note.replace("\n34\n", "\n35\n");
        draft.header["checkpoints"][1]["note"] = json!(note);
    });
    assert!(unsigned.contains("log of shard 3: the signature is not the key's"), "{unsigned}");
    let size = with(&format!("coalition.example/log/3\n9223372036854775807\n{root}\n"));
    assert!(size.contains("shard 3: size is not of its form"), "{size}");
    let twice = found(|draft| {
        let first = draft.header["checkpoints"][0].clone();
        draft.header["checkpoints"].as_array_mut().expect("a list").push(first);
    });
    assert!(twice.contains("two checkpoints"), "{twice}");
}

#[test]
fn two_readers_cannot_read_two_statements() {
    let twice = found_in_text("\"late\":[]", "\"late\":[],\n\"summary\":{}");
    assert!(twice.contains("`summary` stands twice"), "{twice}");
    let nested = found_in_text("\"lines\":[\n", "\"x\":{\"y\":0,\n\"lines\":[\n");
    assert!(nested.starts_with("what stands around the lines: "), "{nested}");
    let again = found_in_text("\"late\":[]", "\"late\":[],\"lines\":[]");
    assert!(again.contains("`lines` stands twice"), "{again}");
    let signature = found_in_text("\"late\":[]", "\"late\":[],\"signature\":\"\"");
    assert!(signature.contains("section signature: there are two"), "{signature}");
    let early = found_in_text("\"late\":[]", "\"late\":[],\n\"signature\":\"\"");
    assert!(early.starts_with("section control: it is missing"), "{early}");
    let header = found_in_text("{\"header\":", "{\"hea\\u0064er\":");
    assert!(header.starts_with("line 1 of the file: no statement begins so"), "{header}");
    let field = found_in_text("\"place\":1,", "\"place\":1,\"place\":2,");
    assert!(field.contains("duplicate field `place`"), "{field}");
    let comma = found_in_text("},\n{\"line_no\":9,", "}\n{\"line_no\":9,");
    assert!(comma.starts_with("line 12 of the file: no comma stands before this"), "{comma}");
    let open = found_in_text("\n],\n\"late\"", ",\n],\n\"late\"");
    assert!(open.contains("a comma stands before this, and no line follows"), "{open}");
}

#[test]
fn a_signature_has_one_form() {
    let file = draft().file();
    for (from, to) in [
        ("\u{2014} coalition", "\\u2014 coalition"),
        ("\"signature\":\"", "\"signature\": \""),
        ("\"}\n", "\" }\n"),
        ("\"}\n", "\"}\r\n"),
        ("\\nsha256 ", "\\u000asha256 "),
        ("/statement/", "\\/statement\\/"),
    ] {
        let (body, signature) = file.rsplit_once(",\n").expect("it is signed");
        assert!(signature.contains(from), "{from}");
        let changed = format!("{body},\n{}", signature.replacen(from, to, 1));
        assert!(check(&changed).is_err(), "{from} {to}");
    }
    // Somebody else's signature beside the operator's is not vouched for.
    let line = "\u{2014} other AAAAAAAAAAAA\\n";
    let more = file.replace("\\n\"}\n", &format!("\\n{line}\"}}\n"));
    assert_ne!(more, file);
    let finding = check(&more).expect_err("it is found");
    assert!(finding.to_string().contains("a statement has one signature"), "{finding}");
}

#[test]
fn a_line_beyond_all_measure_is_not_read() {
    let draft = draft();
    let long = " ".repeat(5 << 20);
    let finding = check(&draft.body().replacen("{\"line_no\":3", &format!("{long}{{"), 1));
    let finding = finding.expect_err("it is found");
    assert_eq!(finding.place, Place::Line(6));
    assert!(matches!(finding.fault, Fault::TooLong { .. }), "{finding}");
    let finding = verify_statement(&b"{\"header\":\"\xff\"\n"[..], &verifier_key());
    assert!(matches!(finding.expect_err("it is found").fault, Fault::NotUtf8));
}

#[test]
fn what_is_found_cannot_speak_to_a_terminal() {
    let finding = found(|draft| draft.header["operator"] = json!("\u{1b}[2Jgood"));
    assert!(finding.ends_with("operator is not of its form: \\u{1b}[2Jgood"), "{finding}");
}
