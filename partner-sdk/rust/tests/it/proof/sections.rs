//! The sections beside the lines: one figure of each is wrong, and the operator signed it all the same.

use coalition_partner::proof::verify_statement;
use serde_json::{Value, json};

use super::books::{Draft, Row, books, verifier_key};
use super::figures::{self, Netting};

fn draft() -> Draft {
    let mut draft = books().draft("S-1", None);
    // A line of VAT on its own, at the end of the house's.
    let last = draft.rows.last().expect("rows").clone();
    let entry =
        last.entry.replace(r#""obligation":"reimbursement_reversed""#, r#""obligation":"vat""#);
    let entry = entry.replace(r#""record_type":"refund""#, r#""record_type":"vat""#);
    let more = last.more.replace(r#""record_type":"refund""#, r#""record_type":"vat""#);
    *draft.rows.last_mut().expect("rows") = Row { entry, more, ..last };
    draft
}

fn check(draft: &Draft) -> Result<(), String> {
    let checked = verify_statement(draft.file().as_bytes(), &verifier_key());
    checked.map(drop).map_err(|finding| finding.to_string())
}

/// A section with another value at a path.
fn with(mut section: Value, path: &str, value: Value) -> Value {
    let place = section.pointer_mut(path).unwrap_or_else(|| panic!("no {path}"));
    assert_ne!(*place, value, "{path}");
    *place = value;
    section
}

#[track_caller]
fn finds(change: impl FnOnce(&mut Draft), expected: &str) {
    let mut draft = draft();
    change(&mut draft);
    let found = check(&draft).expect_err("it is found");
    assert!(found.starts_with(expected), "{found}");
}

#[test]
fn honest_sections_are_taken() {
    assert_eq!(check(&draft()), Ok(()));
    assert!(draft().rows.iter().any(|row| row.more.contains("\"vat\"")));
    for netting in [Netting::Pairs, Netting::Nothing] {
        let mut draft = draft();
        let cash = figures::cash(&draft.rows, netting);
        assert!(cash.as_array().is_some_and(|rows| rows.len() > 1));
        draft.cash = Some(cash);
        assert_eq!(check(&draft), Ok(()), "{netting:?}");
    }
}

#[test]
fn the_matrix_is_what_the_lines_are_by_counterparty() {
    let matrix = |path: &str, value: Value| {
        let matrix = figures::matrix(&draft().rows);
        assert_eq!(matrix.as_array().map(Vec::len), Some(2), "{matrix}");
        let matrix = with(matrix, path, value);
        move |draft: &mut Draft| draft.matrix = Some(matrix)
    };
    finds(matrix("/0/debit", json!("0.01")), "section matrix: a debit of the matrix is 0.01");
    finds(matrix("/1/credit", json!("0.01")), "section matrix: a credit of the matrix is 0.01");
    finds(matrix("/1/net", json!("0.01")), "section matrix: a net of the matrix is 0.01");
    finds(matrix("/0/counterparty", json!("banks")), "section matrix: the list of counterparties");
    finds(matrix("/0/counterparty", json!("brand")), "section matrix: the list of counterparties");
    finds(|draft| draft.matrix = Some(json!([])), "section matrix: the list of counterparties");
    // Both sides of a row are raised by the same amount: the net is right, and nothing else.
    let raised = |draft: &mut Draft| {
        let mut rows = figures::matrix(&draft.rows);
        for side in ["debit", "credit"] {
            let text = format!("9{}", rows[0][side].as_str().expect("a text"));
            rows[0][side] = json!(text);
        }
        draft.matrix = Some(rows);
    };
    finds(raised, "section matrix: a debit of the matrix is 9");
}

#[test]
fn what_is_to_be_paid_is_what_the_lines_come_to() {
    let cash = |netting: Netting, path: &str, value: Value| {
        let cash = with(figures::cash(&draft().rows, netting), path, value);
        move |draft: &mut Draft| draft.cash = Some(cash)
    };
    let differs = "section cash: what is to be paid is ";
    finds(cash(Netting::All, "/0/amount", json!("0.01")), differs);
    finds(cash(Netting::All, "/0/direction", json!("you_are_paid")), differs);
    finds(cash(Netting::All, "/0/direction", json!("sideways")), "section cash: a direction");
    finds(cash(Netting::All, "/0/amount", json!("-1.00")), "section cash: an amount");
    finds(cash(Netting::Pairs, "/1/amount", json!("0.01")), differs);
    finds(cash(Netting::Nothing, "/1/amount", json!("0.01")), differs);
    finds(cash(Netting::Pairs, "/0/counterparty", json!("x")), "section cash: a counterparty is x");
    finds(|draft| draft.cash = Some(json!([])), differs);
    // One payment too many, though with all of them the amounts come out right.
    let more = |draft: &mut Draft| {
        let mut rows = figures::cash(&draft.rows, Netting::All);
        let row = json!({"direction": "you_pay", "amount": "0.01", "counterparty": "bank"});
        rows.as_array_mut().expect("a list").push(row);
        draft.cash = Some(rows);
    };
    finds(more, "section cash: the count of payments is 2");
    let raised = |draft: &mut Draft| {
        let mut rows = figures::cash(&draft.rows, Netting::Nothing);
        for place in 0..2 {
            let text = format!("9{}", rows[place]["amount"].as_str().expect("a text"));
            rows[place]["amount"] = json!(text);
        }
        draft.cash = Some(rows);
    };
    finds(raised, "section cash: what ");
}

#[test]
fn control_adds_up_points_and_types() {
    let control = |path: &str, value: Value| {
        let control = with(figures::control(&draft().rows), path, value);
        move |draft: &mut Draft| draft.control = Some(control)
    };
    finds(control("/points", json!("1")), "section control: control.points is 1 and should be ");
    finds(control("/points", json!("x")), "section control: control.points is x");
    let without = |draft: &mut Draft| {
        let mut control = draft.honest_control();
        control.as_object_mut().expect("an object").remove("points");
        draft.control = Some(control);
    };
    finds(without, "section control: control.points is missing");
    finds(control("/by_type/exchange_in/count", json!(1)), "section control: a count of control");
    let types = ["vat", "exchange_out", "earn", "burn", "refund"];
    for kind in types {
        let path = format!("/by_type/{kind}/debit");
        finds(control(&path, json!("0.77")), "section control: a debit of control.by_type is 0.77");
    }
    // The two ways of an exchange are put into one, as they were before.
    let merged = |draft: &mut Draft| {
        let mut control = draft.honest_control();
        let by_type = control["by_type"].as_object_mut().expect("an object");
        let one = by_type.remove("exchange_in").expect("it is there");
        by_type.insert("exchange".to_owned(), one);
        draft.control = Some(control);
    };
    finds(merged, "section control: the list of control.by_type");
}

#[test]
fn each_step_of_the_summary_is_what_its_lines_come_to() {
    // What is taken from one step is put into another, VAT among them: the sums are right.
    for (from, to) in [(4, 0), (0, 1), (1, 2), (2, 3), (3, 4)] {
        let moved = |draft: &mut Draft| {
            let mut summary = figures::summary(&draft.rows);
            let steps = summary["steps"].as_array_mut().expect("a list");
            let (one, other) = (steps[from].clone(), steps[to].clone());
            for side in ["debit", "credit", "net"] {
                steps[from][side] = other[side].clone();
                steps[to][side] = one[side].clone();
            }
            draft.summary = Some(summary);
        };
        finds(moved, "section summary: the ");
    }
    let renamed = |draft: &mut Draft| {
        let summary = figures::summary(&draft.rows);
        draft.summary = Some(with(summary, "/steps/4/step", json!("fees")));
    };
    finds(renamed, "section summary: the ");
}
