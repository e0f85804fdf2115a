//! Writes the signature base: the text that was signed, RFC 9421 §2.5.

use super::{Covered, FieldLines, SignatureError, SignedRequest};

/// Room for the base of an ordinary request.
const BASE_BYTES: usize = 640;

/// The text that a signature of this request must have signed.
///
/// It is open to signatures that cover less than the profile asks for; [`super::parse`] checks that
/// first.
///
/// # Errors
/// If something covered is not in the request, was sent more than once, or cannot be computed.
pub fn signature_base(
    request: &SignedRequest<'_>,
    covered: &Covered<'_>,
) -> Result<String, SignatureError> {
    let mut base = String::with_capacity(BASE_BYTES);
    for name in covered.components() {
        base.extend(["\"", name, "\": "]);
        let start = base.len();
        push_value(&mut base, name, request)?;
        if !base[start..].bytes().all(is_plain) {
            let reason = "what is covered holds more than visible ASCII";
            return Err(SignatureError::Malformed(reason));
        }
        base.push('\n');
    }
    base.push_str("\"@signature-params\": ");
    covered.write_to(&mut base);
    Ok(base)
}

/// Appends a component's value.
fn push_value(
    base: &mut String,
    name: &str,
    request: &SignedRequest<'_>,
) -> Result<(), SignatureError> {
    match name {
        "@method" => base.push_str(request.method),
        "@authority" => {
            let start = base.len();
            base.push_str(request.authority);
            base[start..].make_ascii_lowercase();
        }
        "@path" if request.path.is_empty() => base.push('/'),
        "@path" => base.push_str(request.path),
        "@query" => base.extend(["?", request.query.unwrap_or_default()]),
        _ if name.starts_with('@') => {
            let reason =
                "of derived components only @method, @authority, @path and @query are known";
            return Err(SignatureError::Malformed(reason));
        }
        _ => base.push_str(field_value(name, request)?),
    }
    Ok(())
}

/// The value of a covered header, without the spaces around it.
fn field_value<'a>(name: &str, request: &SignedRequest<'a>) -> Result<&'a str, SignatureError> {
    let malformed = |reason| Err(SignatureError::Malformed(reason));
    match request.headers.lines(name) {
        FieldLines::Absent => malformed("a header that it covers is not in the request"),
        FieldLines::Many(_) => malformed("a header that it covers was sent more than once"),
        FieldLines::One(line) => str::from_utf8(line.trim_ascii())
            .or_else(|_| malformed("a header that it covers is not ASCII")),
    }
}

/// A byte that cannot end a line or be written in two ways.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}
