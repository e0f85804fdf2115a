//! Promo codes as they are shown.

use serde_json::{Value, json};

use crate::domain::ids::ProgrammeId;
use crate::domain::offer::code::printed;
use crate::domain::terms::Coalition;
use crate::http::present::points_text;
use crate::http::problem::Problem;
use crate::store::offers::promo_codes::{Batch, Code};
use crate::store::offers::promo_figures::{Figures, USES_MAX};
use crate::store::offers::promo_uses::CodeUse;

/// Articles that a report names.
const PRODUCTS_MAX: usize = 20;

/// A batch's number as an id.
pub(super) fn id_text(number: i64) -> String {
    format!("pc_{number}")
}

/// The number of a batch's id.
pub(super) fn number_of(id: &str) -> Result<i64, Problem> {
    let number = id.strip_prefix("pc_").and_then(|number| number.parse().ok());
    number.filter(|number| id_text(*number) == id).ok_or_else(Problem::not_found)
}

/// A batch.
pub(super) fn batch_view(batch: &Batch) -> Value {
    let document = &batch.document;
    json!({
        "id": id_text(batch.number),
        "campaign": document.campaign,
        "party": batch.party,
        "programmes": document.programmes,
        "points": document.points,
        "points_valid": document.points_valid,
        "parties": document.parties,
        "limits": document.limits_in_force(),
        "valid_from": document.valid_from,
        "valid_through": document.valid_through,
        "created_at": batch.created_at,
        "stopped_at": batch.stopped_at,
        "issued": batch.issued,
        "used": batch.used,
    })
}

/// A code.
pub(super) fn code_view(code: &Code) -> Value {
    json!({"code": printed(&code.code), "party": code.party, "used": code.used})
}

/// A code that was redeemed.
pub(super) fn use_view(taken: &CodeUse, batch: &Batch, coalition: &Coalition) -> Value {
    let terms = coalition.programmes.get(&taken.programme);
    let valid = batch.document.points_valid.zip(terms);
    json!({
        "promo_code": id_text(batch.number),
        "campaign": batch.document.campaign,
        "member": taken.member,
        "programme": taken.programme,
        "points": points_text(coalition, &taken.programme, taken.points),
        "valid_through": valid.map(|(valid, terms)| valid.last_day(terms, taken.used_at)),
        "redeemed_at": taken.used_at,
        "transaction": taken.posted,
    })
}

/// What became of a batch.
pub(super) fn report_view(batch: &Batch, figures: &Figures, coalition: &Coalition) -> Value {
    let first = batch.document.programmes.first();
    let points = |points| first.map(|one: &ProgrammeId| points_text(coalition, one, points));
    let scale = coalition.money_scale;
    let mut products: Vec<_> = figures.products.iter().collect();
    products.sort_by_key(|(sku, one)| (std::cmp::Reverse(one.amount), *sku));
    let products: Vec<Value> = products
        .into_iter()
        .take(PRODUCTS_MAX)
        .map(|(sku, one)| json!({"sku": sku, "lines": one.lines, "amount": one.amount.text(scale)}))
        .collect();
    json!({
        "id": id_text(batch.number),
        "campaign": batch.document.campaign,
        "issued": batch.issued,
        "codes_used": figures.codes_used,
        "activated": batch.used,
        "members": figures.members.len(),
        "granted": points(figures.granted),
        "left": points(figures.left),
        "expired": points(figures.expired),
        "used": points(figures.granted - figures.left - figures.expired),
        "orders": {
            "members": figures.buyers.len(),
            "receipts": figures.orders,
            "amount": figures.ordered.text(scale),
            "products": products,
        },
        "complete": batch.used <= USES_MAX,
    })
}
