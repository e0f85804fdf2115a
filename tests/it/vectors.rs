//! The signing vectors that partners get: the server accepts every one of them, and none altered.

use std::collections::HashMap;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use coalition::auth::signature::{
    FieldLines, Headers, SignatureError, SignedRequest, VerifyingKey, parse,
};
use coalition::domain::terms::party::Algorithm;
use serde_json::Value;

struct Sent(HashMap<&'static str, String>);

impl Headers for Sent {
    fn lines<'a>(&'a self, name: &str) -> FieldLines<'a> {
        self.0.get(name).into_iter().map(String::as_bytes).collect()
    }
}

fn vectors(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("partner-sdk/vectors").join(file);
    let text = std::fs::read_to_string(path).expect("the vectors can be read");
    serde_json::from_str(&text).expect("the vectors are JSON")
}

fn text<'a>(vector: &'a Value, pointer: &str) -> Option<&'a str> {
    vector.pointer(pointer).and_then(Value::as_str)
}

fn must<'a>(vector: &'a Value, pointer: &str) -> &'a str {
    text(vector, pointer).unwrap_or_else(|| panic!("no {pointer} in {vector}"))
}

fn key_of(vector: &Value) -> VerifyingKey {
    let (algorithm, material) = match must(vector, "/key/algorithm") {
        "ed25519" => (Algorithm::Ed25519, must(vector, "/key/public_key")),
        _ => (Algorithm::HmacSha256, must(vector, "/key/secret")),
    };
    VerifyingKey::from_material(algorithm, material).expect("the key is one")
}

/// Reads and verifies a vector's request with another body, if one is given.
fn verify(vector: &Value, body: Option<&str>) -> Result<String, SignatureError> {
    let mut headers = HashMap::from([
        ("signature-input", must(vector, "/signature_input").to_owned()),
        ("signature", must(vector, "/signature").to_owned()),
    ]);
    for (name, pointer) in
        [("content-digest", "/content_digest"), ("idempotency-key", "/idempotency_key")]
    {
        headers.extend(text(vector, pointer).map(|value| (name, value.to_owned())));
    }
    let headers = Sent(headers);
    let body = body.or_else(|| text(vector, "/body"));
    let request = SignedRequest {
        method: must(vector, "/method"),
        authority: must(vector, "/authority"),
        path: must(vector, "/path"),
        query: Some(must(vector, "/query")).filter(|query| !query.is_empty()),
        headers: &headers,
        body: body.map(str::as_bytes),
    };
    let presented = parse(&request)?;
    key_of(vector).verify(&presented)?;
    request.check_digest()?;
    assert_eq!(presented.key_id, must(vector, "/key/id"));
    assert_eq!(presented.nonce, must(vector, "/nonce"));
    assert_eq!(Some(presented.created), vector["created"].as_i64());
    Ok(presented.base)
}

#[test]
fn every_request_of_the_vectors_verifies() {
    let vectors = vectors("requests.json");
    assert!(vectors.len() >= 4);
    for vector in &vectors {
        let base = verify(vector, None);
        assert_eq!(base.as_deref(), Ok(must(vector, "/base")), "{}", must(vector, "/name"));
    }
}

#[test]
fn an_altered_request_of_the_vectors_does_not_verify() {
    for vector in vectors("requests.json") {
        for field in ["method", "authority", "path", "query", "signature"] {
            let mut altered = vector.clone();
            altered[field] = match field {
                "method" => "PATCH".into(),
                "signature" => "sig1=:AAAA:".into(),
                _ => format!("{}x", must(&vector, &format!("/{field}"))).into(),
            };
            assert!(verify(&altered, None).is_err(), "{field} of {}", must(&vector, "/name"));
        }
        if vector["body"].is_string() {
            assert!(verify(&vector, Some("{}")).is_err(), "{}", must(&vector, "/name"));
        }
    }
}

#[test]
fn the_rfcs_own_signatures_verify() {
    let vectors = vectors("rfc9421.json");
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let signature = BASE64_STANDARD.decode(must(&vector, "/signature"));
        let signature = signature.expect("the signature is base64");
        let verified = key_of(&vector).verify_text(must(&vector, "/base"), &signature);
        assert_eq!(verified, Ok(()), "{}", must(&vector, "/name"));
    }
}
