//! What lines say beside their entries: of each member one lie, signed by the operator.

use coalition_partner::proof::{Fault, verify_statement};
use serde_json::json;

use super::books::{Draft, books, verifier_key};

fn draft() -> Draft {
    books().draft("S-1", None)
}

/// What is found if a member of the first line that has it is changed.
#[track_caller]
fn found(from: &str, to: &str) -> String {
    let mut draft = draft();
    let row = draft.rows.iter_mut().find(|row| row.more.contains(from)).expect("a line has it");
    row.more = row.more.replace(from, to);
    let file = draft.signed(&draft.body());
    verify_statement(file.as_bytes(), &verifier_key()).expect_err("it is found").to_string()
}

#[test]
fn a_line_says_of_its_entry_what_is_true() {
    for (from, to, what) in [
        ("exchange_out", "exchange_in", "record_type is exchange_in and should be exchange_out"),
        ("exchange_in", "exchange", "record_type is exchange and should be exchange_in"),
        (r#""funder":"shop""#, r#""funder":"bank""#, "funder is bank and should be shop"),
        (r#""funder":"shop","#, "", "funder is  and should be shop"),
        (r#""status":"posted""#, r#""status":"open""#, "status is open and should be posted"),
        (r#""status":"posted""#, r#""status":"disputed""#, "a disputed line names no dispute"),
        (r#""proof":"0/1""#, r#""proof":"0/2""#, "proof is 0/2 and should be 0/1"),
        (r#""status":"#, r#""lot_issuer":"bank","status":"#, "lot_issuer is bank and should be "),
        (r#""proof":"#, r#""status":"posted","proof":"#, "duplicate field `status`"),
    ] {
        let found = found(from, to);
        assert!(found.contains(what), "{found}");
    }
    let mut disputed = draft();
    let row = &mut disputed.rows[0];
    row.more = row.more.replace("\"posted\"", "\"disputed\",\"dispute_id\":\"dsp_4\"");
    let file = disputed.file();
    verify_statement(file.as_bytes(), &verifier_key()).expect("it may be disputed");
}

#[test]
fn a_lot_was_made_by_who_agreed_to_it_or_by_who_does_not_fund_it() {
    let with = |agreement: &str, issuer: &str| {
        let mut draft = draft();
        let funded = |row: &&mut super::books::Row| row.more.contains("\"funder\":\"shop\"");
        let row = draft.rows.iter_mut().find(funded).expect("a line is funded");
        let fields = format!(r#""obligation":"lot_funding",{agreement}"lot":"lot_0_64""#);
        row.entry = row.entry.replace(r#""obligation":"funding""#, &fields);
        row.more =
            row.more.replace("\"status\"", &format!("\"lot_issuer\":\"{issuer}\",\"status\""));
        let checked = verify_statement(draft.file().as_bytes(), &verifier_key());
        checked.map(drop).map_err(|finding| finding.to_string())
    };
    assert_eq!(with(r#""agreement":"bank","#, "bank"), Ok(()));
    assert!(with(r#""agreement":"bank","#, "brand").is_err());
    assert!(with("", "shop").is_err(), "it funds the lot");
}

#[test]
fn statements_of_the_first_layout_are_read_and_of_later_ones_refused() {
    let mut old = draft();
    old.header.as_object_mut().expect("an object").remove("layout");
    for row in &mut old.rows {
        row.more = row.more.split_inclusive(',').next().expect("a type").to_owned();
    }
    old.control = Some({
        let mut control = old.honest_control();
        let fields = control["by_type"].as_object_mut().expect("an object");
        let ways = ["exchange_in", "exchange_out"].map(|way| fields.remove(way).expect("a way"));
        let sum = |key: &str| -> String {
            let cents = ways.iter().map(|way| way[key].as_str().expect("a text").replace('.', ""));
            super::books::money(cents.map(|cents| cents.parse::<u64>().expect("cents")).sum())
        };
        let count: u64 = ways.iter().filter_map(|way| way["count"].as_u64()).sum();
        let (debit, credit) = (sum("debit"), sum("credit"));
        fields.insert("exchange".into(), json!({"count": count, "debit": debit, "credit": credit}));
        control
    });
    verify_statement(old.file().as_bytes(), &verifier_key()).expect("it is honest");
    let mut later = draft();
    later.header["layout"] = json!(3);
    let finding = verify_statement(later.file().as_bytes(), &verifier_key());
    let fault = finding.expect_err("it is not known").fault;
    assert!(matches!(fault, Fault::OtherLayout { layout: 3 }), "{fault}");
}
