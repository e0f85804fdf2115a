//! Hashes as text; every hash has one form, and no other is taken.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::merkle::Hash;

/// A hash in lower-case hexadecimal.
pub fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

/// A hash from 64 digits of lower-case hexadecimal.
pub fn hash_from_hex(text: &str) -> Option<Hash> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, odd) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect();
    if odd.is_empty() { bytes?.try_into().ok() } else { None }
}

/// A hash from base64 in the standard alphabet, padded, with no stray bits.
pub fn hash_from_base64(text: &str) -> Option<Hash> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

/// The path of a proof from base64.
pub fn path_from_base64(texts: &[String]) -> Option<Vec<Hash>> {
    texts.iter().map(|text| hash_from_base64(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_form() {
        let hash: Hash = std::array::from_fn(|place| u8::try_from(place * 8).expect("below 256"));
        let hex = hex_of(&hash);
        assert_eq!(hash_from_hex(&hex), Some(hash));
        for broken in [&hex[1..], &hex[2..], &hex.to_uppercase(), &format!("{hex}0"), ""] {
            assert_eq!(hash_from_hex(broken), None, "{broken}");
        }
        let base64 = STANDARD.encode(hash);
        assert_eq!(hash_from_base64(&base64), Some(hash));
        // 32 bytes leave two bits of the last character unused.
        let stray = base64.replace("g=", "h=");
        assert_ne!(stray, base64);
        for broken in [stray.as_str(), base64.trim_end_matches('='), &base64[4..], ""] {
            assert_eq!(hash_from_base64(broken), None, "{broken}");
        }
    }
}
