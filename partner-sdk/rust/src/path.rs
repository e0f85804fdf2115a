//! Puts values into paths and queries, percent-encoded by RFC 3986.

use std::fmt::Write as _;

/// Encodes everything but the unreserved characters, so that `phone:+7…` or `card:a/b` is one
/// segment of a path or one value of a query.
pub fn encoded(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 8);
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a string does not fail");
        }
    }
    text
}

/// A path with those of the pairs that have a value as its query.
pub fn with_query(path: &str, pairs: &[(&str, Option<&str>)]) -> String {
    let mut text = path.to_owned();
    let given = pairs.iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    for (position, (name, value)) in given.enumerate() {
        text.push(if position == 0 { '?' } else { '&' });
        text.extend([name, "=", &encoded(value)]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_one_segment() {
        assert_eq!(encoded("m_1024"), "m_1024");
        assert_eq!(encoded("phone:+79160000001"), "phone%3A%2B79160000001");
        assert_eq!(encoded("external:a/b ß"), "external%3Aa%2Fb%20%C3%9F");
    }

    #[test]
    fn a_query_holds_what_is_given() {
        assert_eq!(with_query("/v1/x", &[("a", None), ("b", None)]), "/v1/x");
        let pairs = [("kind", Some("purchase")), ("party", None), ("ref", Some("R&1"))];
        assert_eq!(with_query("/v1/x", &pairs), "/v1/x?kind=purchase&ref=R%261");
    }
}
