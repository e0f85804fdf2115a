//! A receipt at the desk: what it gave, by which rule, and what has become of it.

use serde_json::{Value, json};

use crate::domain::account::AccountKey;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::LotId;
use crate::domain::ledger::Ledger;
use crate::domain::receipt::Part;
use crate::domain::terms::Coalition;
use crate::domain::terms::programme::EarnRule;
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};
use crate::http::present::{TransactionAnswer, points_text};

/// A transaction with the arithmetic of what it gave.
pub fn order_view(
    transaction: &Transaction,
    ledger: &Ledger,
    (coalition, now): (&Coalition, Instant),
) -> Value {
    let mut view = serde_json::to_value(TransactionAnswer::of(transaction, coalition))
        .expect("answers are plain JSON");
    let part = |part: &Part| part_view(part, transaction, ledger, (coalition, now));
    let parts: Vec<Value> = match &transaction.detail {
        Detail::Refund { parts, .. } => parts
            .iter()
            .map(|one| {
                let text = |points| points_text(coalition, &one.programme, points);
                json!({
                    "programme": one.programme,
                    "restored": text(one.restored),
                    "clawed_back": text(one.clawed_back),
                    "debt_added": text(one.debt_added),
                })
            })
            .collect(),
        _ => transaction.parts().iter().map(part).collect(),
    };
    view["parts"] = parts.into();
    view
}

fn part_view(
    part: &Part,
    transaction: &Transaction,
    ledger: &Ledger,
    (coalition, now): (&Coalition, Instant),
) -> Value {
    let text = |points| points_text(coalition, &part.programme, points);
    let money = |money: Money| money.text(coalition.money_scale);
    json!({
        "programme": part.programme,
        "amount": money(part.amount()),
        "to_pay": money(part.to_pay),
        "burned": text(part.burned),
        "earned": text(part.earned),
        "tier": part.tier,
        "eligible": money(part.eligible),
        "arithmetic": arithmetic(part, coalition),
        "lot": part.lot.map(|lot| lot_view(lot, part, transaction, ledger, (coalition, now))),
    })
}

/// How the points of a part come about: `5990.00 × 0.10 = 599, rounded down`.
fn arithmetic(part: &Part, coalition: &Coalition) -> Option<String> {
    let eligible = part.eligible.text(coalition.money_scale);
    let earned = points_text(coalition, &part.programme, part.earned);
    Some(match part.rule.as_ref()? {
        EarnRule::Rate(rate) => format!("{eligible} × {rate} = {earned}, rounded down"),
        EarnRule::Step { points, per } => {
            let points = points_text(coalition, &part.programme, Points(*points));
            let per = Money(*per).text(coalition.money_scale);
            format!("{points} for each whole {per} of {eligible} = {earned}")
        }
    })
}

/// What has become of the points of a receipt.
fn lot_view(
    id: LotId,
    part: &Part,
    transaction: &Transaction,
    ledger: &Ledger,
    (coalition, now): (&Coalition, Instant),
) -> Value {
    let made = transaction.lots.iter().find(|lot| lot.id == id);
    let keys = ledger.accounts.keys().filter(|key| key.programme == part.programme);
    let there = keys.into_iter().find_map(|key: &AccountKey| {
        ledger.accounts.get(key).and_then(|account| account.lots.get(id))
    });
    let never = |instant: Instant| instant.comes().then_some(instant);
    match (there, made) {
        (Some(lot), _) => {
            let state = if lot.awaits_delivery() {
                "awaits_delivery"
            } else if lot.is_past(now) {
                "expired"
            } else if lot.is_pending(now) {
                "pending"
            } else {
                "available"
            };
            json!({
                "id": id,
                "state": state,
                "left": points_text(coalition, &part.programme, lot.remaining + lot.held),
                "available_at": never(lot.available_at),
                "expires_at": never(lot.expires_at),
            })
        }
        // Nothing is left of it: it was spent, lost, or taken back.
        (None, made) => json!({
            "id": id,
            "state": "used_up",
            "left": points_text(coalition, &part.programme, Points::ZERO),
            "available_at": made.and_then(|lot| never(lot.available_at)),
            "expires_at": made.and_then(|lot| never(lot.expires_at)),
        }),
    }
}
