//! Cards of a programme: what its document says of them.

use serde::{Deserialize, Serialize};

use super::Invalid;

/// Characters of a card's title.
const TITLE_MAX: usize = 64;

/// Characters of a card's terms.
const TERMS_MAX: usize = 8_000;

/// Characters of an address.
const URL_MAX: usize = 500;

/// Digits of a prefix of numbers with a Luhn digit; at least three follow, and the Luhn digit.
const LUHN_PREFIX_MAX: usize = 12;

/// Digits of a prefix of EAN-13; at least three follow, and the check digit.
const EAN_PREFIX_MAX: usize = 9;

/// 9 and Russia's number in ISO 3166: no payment card begins so.
const LUHN_PREFIX: &str = "9643";

/// GS1's numbers for use within a company.
const EAN_PREFIX: &str = "29";

/// How a card is shown to a scanner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarcodeKind {
    /// EAN-13; its numbers have 13 digits.
    Ean13,
    /// Code 128.
    Code128,
    /// QR code.
    #[default]
    Qr,
    /// PDF417.
    Pdf417,
    /// Aztec.
    Aztec,
}

impl BarcodeKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ean13, Self::Code128, Self::Qr, Self::Pdf417, Self::Aztec];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ean13 => "ean13",
            Self::Code128 => "code128",
            Self::Qr => "qr",
            Self::Pdf417 => "pdf417",
            Self::Aztec => "aztec",
        }
    }
}

/// A colour of 24 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    /// Reads `#RRGGBB`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        let mut bytes = [0; 3];
        hex::decode_to_slice(digits, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// Black or white, whichever is easier to read on it.
    #[must_use]
    pub fn readable(self) -> Self {
        let [red, green, blue] = self.0.map(u32::from);
        let light = (red * 299 + green * 587 + blue * 114) / 1_000;
        Self(if light < 140 { [255; 3] } else { [0; 3] })
    }
}

impl std::fmt::Display for Colour {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "#{}", hex::encode_upper(self.0))
    }
}

/// The colours of a card as written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ColoursDocument {
    background: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Cards as written, in a programme's document.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CardDocument {
    title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    terms_url: Option<String>,
    #[serde(default, rename = "colors", skip_serializing_if = "Option::is_none")]
    colours: Option<ColoursDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    art_url: Option<String>,
    #[serde(default)]
    barcode: BarcodeKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(default)]
    rotating: bool,
}

/// Cards of a programme, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardTerms {
    /// The card's name for people.
    pub title: String,
    /// The name of the product in the wallet's books.
    pub product: String,
    /// What the member agrees to.
    pub terms: Option<String>,
    /// Where that can be read.
    pub terms_url: Option<String>,
    /// Behind everything.
    pub background: Colour,
    /// Of the text.
    pub text: Colour,
    /// A picture.
    pub art_url: Option<String>,
    /// How a scanner reads it.
    pub barcode: BarcodeKind,
    /// What its numbers begin with.
    pub prefix: String,
    /// Whether it shows a rotating code in place of its number.
    pub rotating: bool,
}

impl CardDocument {
    /// Checks the document.
    ///
    /// # Errors
    /// The first thing that can't be taken, with its place in the programme's document.
    pub fn check(&self) -> Result<CardTerms, Invalid> {
        bounded("/card/title", &self.title, TITLE_MAX)?;
        if let Some(terms) = &self.terms {
            bounded("/card/terms", terms, TERMS_MAX)?;
        }
        let product = self.product.as_deref().unwrap_or("card");
        let is_slug = product.parse::<crate::domain::ids::LevelId>().is_ok();
        if !is_slug {
            return Err(Invalid::at("/card/product", "use a name of a-z, 0-9 and ._:-"));
        }
        for (pointer, url) in
            [("/card/terms_url", &self.terms_url), ("/card/art_url", &self.art_url)]
        {
            if let Some(url) = url {
                check_url(pointer, url)?;
            }
        }
        if self.rotating && self.barcode != BarcodeKind::Qr {
            return Err(Invalid::at("/card/rotating", "only a qr can carry a rotating code"));
        }
        let (background, text) = self.colours()?;
        Ok(CardTerms {
            title: self.title.clone(),
            product: product.to_owned(),
            terms: self.terms.clone(),
            terms_url: self.terms_url.clone(),
            background,
            text,
            art_url: self.art_url.clone(),
            barcode: self.barcode,
            prefix: self.prefix()?,
            rotating: self.rotating,
        })
    }

    fn colours(&self) -> Result<(Colour, Colour), Invalid> {
        let Some(written) = &self.colours else {
            let white = Colour([255; 3]);
            return Ok((white, white.readable()));
        };
        let read = |pointer: &str, text: &str| {
            Colour::parse(text).ok_or_else(|| Invalid::at(pointer, "write a colour as #RRGGBB"))
        };
        let background = read("/card/colors/background", &written.background)?;
        let text = written.text.as_deref().map(|text| read("/card/colors/text", text));
        Ok((background, text.transpose()?.unwrap_or_else(|| background.readable())))
    }

    fn prefix(&self) -> Result<String, Invalid> {
        let is_ean = self.barcode == BarcodeKind::Ean13;
        let usual = if is_ean { EAN_PREFIX } else { LUHN_PREFIX };
        let prefix = self.prefix.as_deref().unwrap_or(usual);
        let (first, most, detail) = if is_ean {
            ('2', EAN_PREFIX_MAX, "of an ean13 use 2 to 9 digits that begin with 20 to 29")
        } else {
            ('9', LUHN_PREFIX_MAX, "use 4 to 12 digits that begin with 9")
        };
        let least = if is_ean { 2 } else { 4 };
        let fits = prefix.bytes().all(|byte| byte.is_ascii_digit())
            && prefix.starts_with(first)
            && (least..=most).contains(&prefix.len());
        if fits { Ok(prefix.to_owned()) } else { Err(Invalid::at("/card/prefix", detail)) }
    }
}

fn bounded(pointer: &str, text: &str, most: usize) -> Result<(), Invalid> {
    let count = text.chars().count();
    let clean = !text.chars().any(|one| one.is_control() && one != '\n');
    if (1..=most).contains(&count) && clean {
        return Ok(());
    }
    Err(Invalid::at(pointer, format!("use 1 to {most} characters, without control characters")))
}

fn check_url(pointer: &str, url: &str) -> Result<(), Invalid> {
    let visible = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\`".contains(&byte));
    let has_host = url.strip_prefix("https://").is_some_and(|rest| !rest.starts_with('/'));
    if visible && has_host && (9..=URL_MAX).contains(&url.len()) {
        return Ok(());
    }
    Err(Invalid::at(
        pointer,
        "write an address that begins with https://, of at most 500 characters",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(text: &str) -> Result<CardTerms, Invalid> {
        serde_json::from_str::<CardDocument>(text).expect("it is read").check()
    }

    #[test]
    fn the_least_that_is_said_is_completed() {
        let terms = checked(r#"{"title": "Club"}"#).expect("it is taken");
        assert_eq!((terms.barcode, terms.prefix.as_str()), (BarcodeKind::Qr, "9643"));
        assert_eq!(
            (terms.background.to_string(), terms.text.to_string()),
            ("#FFFFFF".into(), "#000000".into())
        );
        let ean = checked(r#"{"title": "Club", "barcode": "ean13"}"#).expect("it is taken");
        assert_eq!(ean.prefix, "29");
        let dark = r##"{"title": "Club", "colors": {"background": "#0c2238"}}"##;
        assert_eq!(checked(dark).expect("it is taken").text, Colour([255; 3]));
    }

    #[test]
    fn what_can_not_be_a_card_is_refused_with_its_place() {
        for (more, pointer) in [
            (r#""title": """#, "/card/title"),
            (r#""title": "a\u0007""#, "/card/title"),
            (r#""title": "a", "product": "A B""#, "/card/product"),
            (r#""title": "a", "colors": {"background": "red"}"#, "/card/colors/background"),
            (r#""title": "a", "art_url": "http://a.example/x.png""#, "/card/art_url"),
            (r#""title": "a", "art_url": "https://a.example/\"x""#, "/card/art_url"),
            (r#""title": "a", "prefix": "4111""#, "/card/prefix"),
            (r#""title": "a", "prefix": "9643000000000""#, "/card/prefix"),
            (r#""title": "a", "barcode": "ean13", "prefix": "30""#, "/card/prefix"),
            (r#""title": "a", "barcode": "code128", "rotating": true"#, "/card/rotating"),
        ] {
            let refused = checked(&format!("{{{more}}}")).expect_err("it is refused");
            assert_eq!(refused.pointer, pointer, "{more}");
        }
    }
}
