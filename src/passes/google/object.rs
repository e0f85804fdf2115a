//! What Google Wallet keeps of a card: the class of its programme, and its object.

use serde_json::{Value, json};

use crate::cards::face::Face;
use crate::domain::card::CardState;
use crate::domain::ids::ProgrammeId;
use crate::domain::terms::card::BarcodeKind;
use crate::domain::terms::{Coalition, Programme};
use crate::domain::time::Instant;

/// The id of a programme's class. Ids have letters, digits, `.`, `_` and `-`, but no colon.
pub fn class_id(issuer: &str, programme: &ProgrammeId) -> String {
    let name = programme.as_str().replace('_', "__").replace(':', "_c");
    format!("{issuer}.{name}")
}

/// The id of a card's object.
pub fn object_id(issuer: &str, number: &str) -> String {
    format!("{issuer}.card-{number}")
}

/// The class of a programme.
pub fn class(issuer: &str, programme: &Programme, coalition: &Coalition) -> Value {
    let brand = coalition.parties.get(&programme.brand);
    let name = brand.and_then(|brand| brand.name.clone());
    let terms = programme.card.as_ref();
    let title = terms.map_or(programme.id.as_str(), |terms| terms.title.as_str());
    let mut class = json!({
        "id": class_id(issuer, &programme.id),
        "issuerName": name.unwrap_or_else(|| programme.brand.to_string()),
        "programName": title,
        "reviewStatus": "UNDER_REVIEW",
        "accountIdLabel": "Card",
        "localizedAccountIdLabel": both("Card", "Карта"),
        "rewardsTierLabel": "Level",
        "localizedRewardsTierLabel": both("Level", "Уровень"),
    });
    if let Some(terms) = terms {
        class["hexBackgroundColor"] = json!(terms.background.to_string().to_lowercase());
        if let Some(url) = &terms.art_url {
            class["programLogo"] = json!({
                "sourceUri": {"uri": url},
                "contentDescription": {"defaultValue": {"language": "en", "value": title}},
            });
        }
        if let Some(url) = &terms.terms_url {
            class["homepageUri"] = json!({"uri": url, "description": "Terms"});
        }
    }
    class
}

fn both(english: &str, russian: &str) -> Value {
    json!({
        "defaultValue": {"language": "en", "value": english},
        "translatedValues": [{"language": "ru", "value": russian}],
    })
}

const fn barcode_type(kind: BarcodeKind) -> &'static str {
    match kind {
        BarcodeKind::Ean13 => "EAN_13",
        BarcodeKind::Code128 => "CODE_128",
        BarcodeKind::Qr => "QR_CODE",
        BarcodeKind::Pdf417 => "PDF_417",
        BarcodeKind::Aztec => "AZTEC",
    }
}

/// The object of a card.
pub fn object(issuer: &str, face: &Face, grouped: &str) -> Value {
    let state = match face.state {
        CardState::Active => "ACTIVE",
        CardState::Frozen | CardState::Replaced => "INACTIVE",
        CardState::Closed => "COMPLETED",
    };
    let mut modules = Vec::new();
    if let Some(level) = face.tier.as_ref().and_then(|tier| tier.level.as_ref()) {
        modules.push(json!({"id": "tier", "header": "Level", "body": level,
            "localizedHeader": both("Level", "Уровень")}));
    }
    if let Some(tag) = &face.tag {
        modules.push(json!({"id": "tag", "header": "Offer", "body": tag.text,
            "localizedHeader": both("Offer", "Акция")}));
    }
    if let Some(next) = &face.expires_next {
        let last = Instant((next.expires_at.0 - 1_000_000).div_euclid(1_000_000) * 1_000_000);
        modules.push(json!({"id": "expires", "header": "Lost after",
            "localizedHeader": both("Lost after", "Сгорят после"),
            "body": format!("{}: {last}", next.points)}));
    }
    json!({
        "id": object_id(issuer, &face.number),
        "classId": class_id(issuer, &face.programme),
        "state": state,
        "accountId": face.number,
        "loyaltyPoints": {
            "label": face.unit,
            "balance": {"string": face.available()},
        },
        "secondaryLoyaltyPoints": {
            "label": "Pending",
            "localizedLabel": both("Pending", "Ожидают"),
            "balance": {"string": face.pending()},
        },
        "barcode": {
            "type": barcode_type(face.barcode.kind),
            "value": face.barcode.value,
            "alternateText": grouped,
        },
        "textModulesData": modules,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_classes_differ_and_have_no_colon() {
        let ids = ["a:b", "a_b", "a_cb", "a.b", "a-b"]
            .map(|text| class_id("3388", &text.parse().expect("a name")));
        for (place, id) in ids.iter().enumerate() {
            assert!(!id.contains(':'), "{id}");
            assert!(!ids[..place].contains(id), "{id}");
        }
    }
}
