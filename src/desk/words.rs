//! What is told to whoever asked, in plain sentences.

use serde_json::{Value, json};

use crate::domain::account::Balance;
use crate::domain::ids::ProgrammeId;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::http::present::points_text;

/// A balance in a programme, and the member's level there.
pub type Held = (ProgrammeId, Balance, Option<String>);

/// Days that a sentence names.
const DAYS_NAMED: usize = 5;

/// The balance of a programme.
pub fn balance_view(
    coalition: &Coalition,
    programme: &ProgrammeId,
    balance: &Balance,
    tier: Option<&str>,
) -> Value {
    let text = |points| points_text(coalition, programme, points);
    let pending = balance.pending_lots.iter();
    let pending: Vec<Value> = pending
        .map(|(at, points)| json!({"points": text(*points), "available_at": at.comes().then_some(at)}))
        .collect();
    let expiring = balance.expiring.iter();
    let expiring: Vec<Value> =
        expiring.map(|(at, points)| json!({"points": text(*points), "expires_at": at})).collect();
    json!({
        "programme": programme,
        "available": text(balance.available),
        "pending": text(balance.pending),
        "held": text(balance.held),
        "debt": text(balance.debt),
        "tier": tier,
        "pending_lots": pending,
        "expiring": expiring,
    })
}

/// The sentences: first what was asked about, then what there is.
pub fn say(coalition: &Coalition, balances: &[Held], asked: &[Value]) -> Vec<String> {
    let order = |order| say_order(coalition, order);
    let mut says: Vec<String> = asked.iter().flat_map(order).collect();
    says.extend(balances.iter().map(|held| say_balance(coalition, held)));
    if says.is_empty() {
        says.push("Nothing has happened for this member yet.".to_owned());
    }
    says
}

/// The day of an instant where the programme is.
fn day_of(coalition: &Coalition, programme: &str, at: Instant) -> String {
    let programme = programme.parse::<ProgrammeId>().ok();
    let terms = programme.and_then(|one| coalition.programmes.get(&one));
    terms.map_or(&coalition.zone, |one| &one.zone).day_of(at).to_string()
}

/// The day of an instant in an answer, moved by so many microseconds.
fn day_at(coalition: &Coalition, programme: &str, at: &Value, micros: i64) -> Option<String> {
    let at = Instant::parse(at.as_str()?)?;
    Some(day_of(coalition, programme, at.plus_micros(micros)))
}

fn say_order(coalition: &Coalition, order: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = [&order["ref"], &order["id"]].into_iter().find_map(Value::as_str);
    let day = day_at(coalition, "", &order["recorded_at"], 0).unwrap_or_default();
    let name = format!("{} at {} ({day})", name.unwrap_or_default(), text(&order["party"]));
    let parts = order["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let part = |part: &Value| {
        let programme = text(&part["programme"]);
        if part.get("clawed_back").is_some() {
            let (restored, taken) = (text(&part["restored"]), text(&part["clawed_back"]));
            return format!(
                "{name}: {restored} came back and {taken} were taken back in {programme}."
            );
        }
        let earned = match part["arithmetic"].as_str() {
            Some(arithmetic) => {
                format!("{} earned in {programme}: {arithmetic}", text(&part["earned"]))
            }
            None => format!("nothing is earned here in {programme}"),
        };
        let burned = text(&part["burned"]);
        let burned = if burned == "0" { String::new() } else { format!("; {burned} paid") };
        format!("{name}: {earned}{burned}.{}", say_lot(coalition, &programme, &part["lot"]))
    };
    parts.iter().map(part).collect()
}

fn say_lot(coalition: &Coalition, programme: &str, lot: &Value) -> String {
    let until = day_at(coalition, programme, &lot["expires_at"], -1);
    let until = until.map(|day| format!(" through {day}")).unwrap_or_default();
    match lot["state"].as_str() {
        Some("awaits_delivery") => " They open after the delivery is reported.".to_owned(),
        Some("pending") => {
            let from = day_at(coalition, programme, &lot["available_at"], 0).unwrap_or_default();
            format!(" They can be spent from {from}{until}.")
        }
        Some("available") => {
            format!(
                " {} are left and can be spent{until}.",
                lot["left"].as_str().unwrap_or_default()
            )
        }
        Some("expired") => " What was left of them is lost.".to_owned(),
        Some("used_up") => " Nothing of them is left.".to_owned(),
        _ => String::new(),
    }
}

fn say_balance(coalition: &Coalition, (programme, balance, tier): &Held) -> String {
    let text = |points| points_text(coalition, programme, points);
    let mut said = vec![format!("{programme}: {} can be spent", text(balance.available))];
    let day = |at: Instant| day_of(coalition, programme.as_str(), at);
    if balance.pending.is_positive() {
        let each = balance.pending_lots.iter().take(DAYS_NAMED).map(|(at, points)| {
            let when = if at.comes() { day(*at) } else { "after delivery".to_owned() };
            format!("{} {when}", text(*points))
        });
        let each: Vec<String> = each.collect();
        said.push(format!("{} wait ({})", text(balance.pending), each.join(", ")));
    }
    if balance.held.is_positive() {
        said.push(format!("{} are held", text(balance.held)));
    }
    if balance.debt.is_positive() {
        said.push(format!("{} are owed", text(balance.debt)));
    }
    if let Some((at, points)) = balance.expiring.iter().min_by_key(|(at, _)| *at) {
        said.push(format!("{} are lost after {}", text(*points), day(at.plus_micros(-1))));
    }
    let tier = tier.as_ref().map(|tier| format!("; level {tier}")).unwrap_or_default();
    format!("{}{tier}.", said.join(", "))
}
