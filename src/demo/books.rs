//! A shop's own list of a day is compared with the ledger; a few of its lines are wrong.

use std::collections::BTreeMap;
use std::io::Write;

use coalition_partner::Outgoing;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::DemoError;
use super::stage::{Stage, must_accept, text};
use crate::domain::amount::Money;
use crate::domain::command::Kind;
use crate::domain::ids::PartyId;
use crate::domain::reconciliation::amount_sign;
use crate::domain::time::Day;
use crate::domain::transaction::Transaction;
use crate::reconcile::amount_of;
use crate::server::Running;
use crate::store::{StoreError, audit, heads, rows};

/// Whose list it is: a shop that posts receipts and refunds and nothing else.
const SHOP: &str = "linea-boutiques";

/// A line of the shop's list: reference, kind, amount in minor units, instant.
type Line = (String, &'static str, i64, String);

/// Compares the shop's list of its busiest day, with faults, and prints what was found.
pub fn compare(
    out: &mut dyn Write,
    (stage, running): (&Stage, &Running),
    days: &[Day],
) -> Result<(), DemoError> {
    let by_day = lines_by_day(running)?;
    let of = |day: &Day| by_day.get(&day.number()).map_or(0, Vec::len);
    let Some(&day) = days.iter().max_by_key(|day| of(day)) else { return Ok(()) };
    let mut lines = by_day.get(&day.number()).cloned().unwrap_or_default();
    let planted = plant(&mut lines);
    let list = list_of(&lines);
    let profile = json!({"format": "csv", "columns": {
        "reference": "ref", "kind": "kind", "amount": "amount", "at": "at", "currency": "currency"
    }});
    let finance = &stage.operator;
    let request = json!({"party": SHOP, "cycle": day.to_string(), "profile": profile});
    let path = "/v1/reconciliations";
    let begun = must_accept(path, &finance.post(path, "demo-list", &request)?)?;
    let path = format!("{path}/{}", text(&begun, "id"));
    let part = format!("{path}/parts/1");
    let put = Outgoing { method: "PUT", ..Outgoing::post(&part, "demo-part", list.as_bytes()) };
    must_accept(&part, &finance.connection().send(&put)?)?;
    let sha256 = hex::encode(Sha256::digest(list.as_bytes()));
    let run = format!("{path}/run");
    must_accept(&run, &finance.post(&run, "demo-run", &json!({"sha256": sha256}))?)?;
    let ended = loop {
        let view = must_accept(&path, &finance.get(&path)?)?;
        if text(&view, "state") != "running" {
            break view;
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    let breaks = format!("{path}/breaks");
    let breaks = must_accept(&breaks, &finance.get(&breaks)?)?;
    writeln!(
        out,
        "\nReconciliation: {SHOP} compares its own list of {day}, {} lines with {planted} faults",
        lines.len()
    )?;
    writeln!(out, "  verdict: {}", text(&ended, "verdict"))?;
    for one in breaks.get("data").and_then(Value::as_array).into_iter().flatten() {
        writeln!(
            out,
            "  {:<20}{:<16}{:>12}  {}",
            text(one, "class"),
            text(one, "ref"),
            text(one, "effect"),
            one.get("proposal").map(Value::to_string).unwrap_or_default()
        )?;
    }
    Ok(())
}

/// What the shop posted on each day, as its own books have it.
fn lines_by_day(running: &Running) -> Result<BTreeMap<i64, Vec<Line>>, DemoError> {
    let party: PartyId = SHOP.parse().expect("the shop's name is an id");
    let read = running.app().engine.read(|database| {
        let mut lines: BTreeMap<i64, Vec<Line>> = BTreeMap::new();
        for head in heads::all(database)? {
            let mut after = 0;
            loop {
                let page = audit::journal(database, head.shard.0, after)?;
                let Some(last) = page.last() else { break };
                after = last.0;
                for (_, _, settled_on, content, _) in &page {
                    if let Some(line) = line_of(&party, content)? {
                        lines.entry(*settled_on).or_default().push(line);
                    }
                }
            }
        }
        Ok::<_, StoreError>(lines)
    });
    Ok(read.map_err(crate::server::ServerError::from)?)
}

fn line_of(party: &PartyId, content: &str) -> Result<Option<Line>, StoreError> {
    let transaction: Transaction = rows::read_json(content, "a transaction")?;
    let is_listed = matches!(transaction.kind, Kind::Purchase | Kind::Refund);
    if transaction.party != *party || !is_listed {
        return Ok(None);
    }
    let Some(programme) = transaction.programmes().into_iter().next().cloned() else {
        return Ok(None);
    };
    let amount = amount_of(&transaction, &programme).0 * amount_sign(transaction.kind);
    let reference = transaction.reference.as_ref().map(|one| one.as_str().to_owned());
    let at = transaction.at.unwrap_or(transaction.recorded_at).to_string();
    Ok(Some((reference.unwrap_or_default(), transaction.kind.name(), amount, at)))
}

/// Makes a few lines wrong; how many.
fn plant(lines: &mut Vec<Line>) -> usize {
    let [first, second, third, ..] = lines.as_mut_slice() else { return 0 };
    first.2 += 10_000;
    let (twice, missing) = (second.clone(), third.clone());
    lines.push(twice);
    lines.push(("never-posted".to_owned(), missing.1, missing.2 + 777, missing.3));
    lines.remove(2);
    4
}

fn list_of(lines: &[Line]) -> String {
    let line = |(reference, kind, amount, at): &Line| {
        let amount = Money(*amount).text(2);
        [reference.as_str(), kind, &amount, at, "RUB"].join(",")
    };
    let mut rows = vec!["ref,kind,amount,at,currency".to_owned()];
    rows.extend(lines.iter().map(line));
    rows.join("\n")
}
