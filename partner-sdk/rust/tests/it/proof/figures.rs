//! What the rows of a statement come to: its sections, as an honest operator writes them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::books::{PARTY, Row, money};

/// So many rows, what they owe and what is owed by them.
type Sums = (usize, i64, i64);

fn signed(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    format!("{sign}{}", money(cents.unsigned_abs()))
}

fn entry(row: &Row) -> Value {
    serde_json::from_str(&row.entry).expect("an entry is JSON")
}

fn sides(row: &Row) -> (i64, i64) {
    let cents = |side: Option<u64>| i64::try_from(side.unwrap_or(0)).expect("small");
    (cents(row.debit), cents(row.credit))
}

fn by<K: Ord>(rows: &[Row], key: impl Fn(&Row) -> K) -> BTreeMap<K, Sums> {
    let mut all: BTreeMap<K, Sums> = BTreeMap::new();
    for row in rows {
        let ((debit, credit), sums) = (sides(row), all.entry(key(row)).or_default());
        *sums = (sums.0 + 1, sums.1 + debit, sums.2 + credit);
    }
    all
}

fn whole(rows: &[Row]) -> Sums {
    by(rows, |_| ()).remove(&()).unwrap_or_default()
}

pub fn control(rows: &[Row]) -> Value {
    let row = |(count, debit, credit): Sums| json!({"count": count, "debit": signed(debit), "credit": signed(credit)});
    let kind = |row: &Row| row.more.split('"').nth(3).expect("a type").to_owned();
    let by_type: BTreeMap<String, Value> =
        by(rows, kind).into_iter().map(|(kind, sums)| (kind, row(sums))).collect();
    let points: i64 = rows
        .iter()
        .map(|row| {
            entry(row)["points"].as_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0)
        })
        .sum();
    let (lines, debit, credit) = whole(rows);
    json!({"lines": lines, "points": points.to_string(), "debit": signed(debit),
        "credit": signed(credit), "by_type": by_type})
}

pub fn summary(rows: &[Row]) -> Value {
    let step = |row: &Row| match entry(row)["obligation"].as_str().expect("a text") {
        "reimbursement_reversed" => "burn_reversals",
        "reimbursement" | "lot_funding" => "burns",
        "exchange" => "exchange",
        "vat" => "vat",
        _ => "issues",
    };
    let all = by(rows, step);
    let steps: Vec<Value> = ["issues", "burns", "burn_reversals", "exchange", "vat"]
        .into_iter()
        .map(|step| {
            let (_, debit, credit) = all.get(step).copied().unwrap_or_default();
            json!({"step": step, "debit": signed(debit), "credit": signed(credit),
                "net": signed(credit - debit)})
        })
        .collect();
    let (_, debit, credit) = whole(rows);
    let net = credit - debit;
    json!({"gross_debit": signed(debit), "gross_credit": signed(credit), "net": signed(net),
        "payable": signed((-net).max(0)), "receivable": signed(net.max(0)), "steps": steps})
}

/// What is owed to and by each counterparty; what is given back lowers what was owed.
fn between(rows: &[Row]) -> BTreeMap<String, (i64, i64)> {
    let mut all: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for row in rows {
        let entry = entry(row);
        let other = if entry["from"] == PARTY { &entry["to"] } else { &entry["from"] };
        let sums = all.entry(other.as_str().expect("a text").to_owned()).or_default();
        let (debit, credit) = sides(row);
        if entry["obligation"] == "reimbursement_reversed" {
            *sums = (sums.0 - credit, sums.1 - debit);
        } else {
            *sums = (sums.0 + debit, sums.1 + credit);
        }
    }
    for sums in all.values_mut() {
        let (debit, credit) = *sums;
        *sums = (debit.max(0) - credit.min(0), credit.max(0) - debit.min(0));
    }
    all
}

pub fn matrix(rows: &[Row]) -> Value {
    let row = |(other, (debit, credit)): (String, (i64, i64))| {
        json!({"counterparty": other, "debit": signed(debit), "credit": signed(credit),
            "net": signed(credit - debit)})
    };
    between(rows).into_iter().map(row).collect()
}

/// How the payments of a cycle are netted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Netting {
    All,
    Pairs,
    Nothing,
}

pub fn cash(rows: &[Row], netting: Netting) -> Value {
    let (_, debit, credit) = whole(rows);
    let amounts: Vec<(Option<String>, i64)> = match netting {
        Netting::All => vec![(None, credit - debit)],
        Netting::Pairs => between(rows)
            .into_iter()
            .map(|(other, (debit, credit))| (Some(other), credit - debit))
            .collect(),
        Netting::Nothing => between(rows)
            .into_iter()
            .flat_map(|(other, (debit, credit))| {
                [(Some(other.clone()), -debit), (Some(other), credit)]
            })
            .collect(),
    };
    let row = |(other, amount): (Option<String>, i64)| {
        let direction = if amount < 0 { "you_pay" } else { "you_are_paid" };
        json!({"direction": direction, "amount": money(amount.unsigned_abs()),
            "due": "2024-07-20", "counterparty": other, "reference": "RF18CH240710"})
    };
    amounts.into_iter().filter(|(_, amount)| *amount != 0).map(row).collect()
}
