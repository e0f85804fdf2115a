//! The text and the idempotency key of a line, the same whenever the same line is read.

use std::fmt::Write as _;

use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

/// JSON without spaces, the names of every object in the order of their bytes.
///
/// The order is made here and not left to the map, which keeps another one if any crate of the
/// build asks for it.
pub fn canonical_text(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| name.as_bytes());
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(name, value)| {
                    format!("{}:{}", Value::from(name.as_str()), canonical_text(value))
                })
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical_text).collect();
            format!("[{}]", items.join(","))
        }
        leaf => leaf.to_string(),
    }
}

/// The key of a line that brings none: SHA-256, in hexadecimal, over its kind, a newline, its
/// reference, a newline, and its canonical text (with the defaults filled in, without the key).
pub fn derived_key(fields: &Map<String, Value>, canonical: &str) -> String {
    let text = |name| fields.get(name).and_then(Value::as_str).unwrap_or_default();
    hex_digest(&[text("kind"), text("ref"), canonical])
}

/// SHA-256, in hexadecimal, over the parts with newlines between them.
pub fn hex_digest(parts: &[&str]) -> String {
    let digest = Sha256::digest(parts.join("\n").as_bytes());
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("writing to a string does not fail");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_text_does_not_depend_on_order_or_spaces() {
        let read = |text| canonical_text(&serde_json::from_str(text).expect("the text is JSON"));
        let canonical = r#"{"a":"é\"","lines":[{"amount":"1.00","id":"1"}],"z":null}"#;
        assert_eq!(
            read(r#"{ "z": null, "lines": [{"id":"1", "amount":"1.00"}], "a": "\u00e9\"" }"#),
            canonical
        );
    }

    #[test]
    fn the_digest_is_sha_256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex_digest(&[""]), empty);
    }
}
