//! What an Apple pass says: `pass.json` and its words in two languages.

use serde_json::{Map, Value, json};

use crate::cards::face::Face;
use crate::domain::card::CardState;
use crate::domain::terms::card::{BarcodeKind, CardTerms, Colour};
use crate::domain::time::Instant;
use crate::passes::settings::AppleSettings;

/// Words of labels, in English and Russian, by the key that stands in the document.
const WORDS: [(&str, &str, &str); 9] = [
    ("label_balance", "Points", "Баллы"),
    ("label_pending", "Pending", "Ожидают"),
    ("label_tier", "Level", "Уровень"),
    ("label_tag", "Offer", "Акция"),
    ("label_expires", "Lost after", "Сгорят после"),
    ("label_number", "Card number", "Номер карты"),
    ("label_terms", "Terms", "Правила"),
    ("label_more", "More", "Подробнее"),
    ("balance_changed", "Points: %@", "Баллы: %@"),
];

/// The words of one language, as the file of that language has them.
pub fn words(russian: bool) -> String {
    let line = |&(key, english, translated): &(&str, &str, &str)| {
        format!("\"{key}\" = \"{}\";\n", if russian { translated } else { english })
    };
    WORDS.iter().map(line).collect()
}

/// What a pass is made of.
pub struct Content<'a> {
    /// The card's face.
    pub face: &'a Face,
    /// The programme's cards; none: it issues none any more.
    pub terms: Option<&'a CardTerms>,
    /// The digits as people read them.
    pub grouped: &'a str,
}

/// An instant as passes have it: without fractions of a second.
fn date(at: Instant) -> String {
    Instant(at.0.div_euclid(1_000_000) * 1_000_000).to_string()
}

fn rgb(colour: Colour) -> String {
    let [red, green, blue] = colour.0;
    format!("rgb({red}, {green}, {blue})")
}

const fn format_of(kind: BarcodeKind) -> &'static str {
    match kind {
        BarcodeKind::Qr => "PKBarcodeFormatQR",
        BarcodeKind::Pdf417 => "PKBarcodeFormatPDF417",
        BarcodeKind::Aztec => "PKBarcodeFormatAztec",
        // The wallet has no EAN-13: the same digits as Code 128.
        BarcodeKind::Ean13 | BarcodeKind::Code128 => "PKBarcodeFormatCode128",
    }
}

/// `pass.json`, without what only the phone of its holder may know.
pub fn document(content: &Content<'_>, settings: &AppleSettings) -> Map<String, Value> {
    let Content { face, terms, grouped } = content;
    let white = Colour([255; 3]);
    let (background, text) =
        terms.map_or((white, white.readable()), |terms| (terms.background, terms.text));
    let barcode = json!({
        "format": format_of(face.barcode.kind),
        "message": face.barcode.value,
        "messageEncoding": "iso-8859-1",
        "altText": grouped,
    });
    let mut pass = Map::new();
    let mut put = |name: &str, value: Value| {
        pass.insert(name.to_owned(), value);
    };
    put("formatVersion", json!(1));
    put("passTypeIdentifier", json!(settings.pass_type));
    put("teamIdentifier", json!(settings.team));
    put("organizationName", json!(settings.organization));
    put("serialNumber", json!(face.number));
    put("description", json!(face.title));
    put("logoText", json!(face.title));
    put("backgroundColor", json!(rgb(background)));
    put("foregroundColor", json!(rgb(text)));
    put("labelColor", json!(rgb(text)));
    put("sharingProhibited", json!(true));
    put("voided", json!(face.state != CardState::Active));
    put("barcodes", json!([barcode]));
    put("storeCard", fields(content));
    pass
}

fn fields(content: &Content<'_>) -> Value {
    let Content { face, terms, grouped } = content;
    let field = |key: &str, value: &str| json!({"key": key, "label": format!("label_{key}"), "value": value});
    let mut balance = field("balance", &format!("{} {}", face.available(), face.unit));
    balance["changeMessage"] = json!("balance_changed");
    let mut header = Vec::new();
    if let Some(tag) = &face.tag {
        let mut tag = field("tag", &tag.text);
        tag["changeMessage"] = json!("%@");
        header.push(tag);
    }
    let mut secondary = Vec::new();
    if let Some(level) = face.tier.as_ref().and_then(|tier| tier.level.as_ref()) {
        secondary.push(field("tier", level.as_str()));
    }
    if face.pending().bytes().any(|byte| byte.is_ascii_digit() && byte != b'0') {
        secondary.push(field("pending", face.pending()));
    }
    let mut auxiliary = Vec::new();
    if let Some(next) = &face.expires_next {
        // The last instant of the last day on which they are good.
        let last = Instant(next.expires_at.0 - 1_000_000);
        let mut expires = field("expires", &date(last));
        expires["dateStyle"] = json!("PKDateStyleShort");
        auxiliary.push(expires);
        auxiliary.push(json!({"key": "expiring", "label": "", "value": next.points}));
    }
    let mut back = vec![field("number", grouped)];
    if let Some(text) = terms.and_then(|terms| terms.terms.as_ref()) {
        back.push(field("terms", text));
    }
    if let Some(url) = terms.and_then(|terms| terms.terms_url.as_ref()) {
        back.push(field("more", url));
    }
    json!({
        "headerFields": header,
        "primaryFields": [balance],
        "secondaryFields": secondary,
        "auxiliaryFields": auxiliary,
        "backFields": back,
    })
}
