//! One programme as the catalogue of cards shows it.

use serde_json::{Value, json};

use crate::domain::terms::summary::Summary;
use crate::domain::terms::{Coalition, Programme};

/// The entry of a programme that issues cards.
pub fn entry(programme: &Programme, coalition: &Coalition) -> Option<Value> {
    let terms = programme.card.as_ref()?;
    let brand = coalition.parties.get(&programme.brand);
    let name = brand.and_then(|brand| brand.name.clone());
    Some(json!({
        "programme": programme.id,
        "brand": {"id": programme.brand, "name": name},
        "mode": programme.mode,
        "unit": programme.unit,
        "title": terms.title,
        "product": terms.product,
        "terms": terms.terms,
        "terms_url": terms.terms_url,
        "colors": {
            "background": terms.background.to_string(),
            "text": terms.text.to_string(),
        },
        "art_url": terms.art_url,
        "barcode": {"kind": terms.barcode, "rotating": terms.rotating},
        "summary": Summary::of(programme, &coalition.currency),
    }))
}
