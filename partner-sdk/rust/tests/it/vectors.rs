//! The signing vectors in `partner-sdk/vectors`, which an independent implementation computed.

use std::path::Path;

use coalition_partner::{
    Algorithm, RequestToSign, SigningKey, content_digest, sign_request, signature_base,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize)]
struct VectorKey {
    id: String,
    algorithm: String,
    secret: String,
    public_key: Option<String>,
}

#[derive(Deserialize)]
struct BaseVector {
    name: String,
    key: VectorKey,
    components: Vec<(String, String)>,
    params: String,
    base: String,
    signature: String,
}

#[derive(Deserialize)]
struct RequestVector {
    name: String,
    key: VectorKey,
    method: String,
    authority: String,
    path: String,
    query: String,
    body: Option<String>,
    idempotency_key: Option<String>,
    created: i64,
    nonce: String,
    content_digest: Option<String>,
    signature_input: String,
    base: String,
    signature: String,
}

#[test]
fn the_rfcs_bases_and_signatures_are_reproduced() {
    let vectors: Vec<BaseVector> = load("rfc9421.json");
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let components: Vec<(&str, &str)> =
            vector.components.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let base = signature_base(&components, &vector.params);
        assert_eq!(base, vector.base, "{}", vector.name);
        assert_eq!(key(&vector.key).sign(&base), vector.signature, "{}", vector.name);
    }
}

#[test]
fn requests_are_signed_as_another_implementation_signs_them() {
    let vectors: Vec<RequestVector> = load("requests.json");
    assert!(6 <= vectors.len());
    for vector in vectors {
        let request = RequestToSign {
            method: &vector.method,
            authority: &vector.authority,
            path: &vector.path,
            query: &vector.query,
            body: vector.body.as_deref().map(str::as_bytes),
            idempotency_key: vector.idempotency_key.as_deref(),
        };
        let key = key(&vector.key);
        let signed = sign_request(&key, &request, vector.created, &vector.nonce);
        assert_eq!(signed.content_digest, vector.content_digest, "{}", vector.name);
        assert_eq!(signed.signature_input, vector.signature_input, "{}", vector.name);
        // The base is checked too, so that a departure shows where it is.
        assert_eq!(format!("sig1=:{}:", key.sign(&vector.base)), vector.signature);
        assert_eq!(signed.signature, vector.signature, "{}", vector.name);
        assert_eq!(key.public_key(), vector.key.public_key, "{}", vector.name);
    }
}

#[test]
fn digests_are_those_of_rfc_9530() {
    let digest = |body: &str| content_digest(body.as_bytes());
    let hello = "{\"hello\": \"world\"}";
    assert_eq!(digest(hello), "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:");
    let with_newline = format!("{hello}\n");
    assert_eq!(digest(&with_newline), "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:");
}

fn load<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vectors").join(name);
    let text = std::fs::read_to_string(&path).expect("the vectors are part of the repository");
    serde_json::from_str(&text).expect("the vectors have the form their README describes")
}

fn key(vector: &VectorKey) -> SigningKey {
    let algorithm: Algorithm = vector.algorithm.parse().expect("the algorithm is one of ours");
    SigningKey::from_base64(&vector.id, algorithm, &vector.secret).expect("the key is well formed")
}
