//! Signatures that must be accepted, and what a change makes of them. The vectors in
//! `partner-sdk/vectors` were computed by another implementation.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::*;
use crate::auth::secrets::KeyError;

#[derive(Clone, Deserialize)]
pub(super) struct VectorKey {
    algorithm: Algorithm,
    secret: String,
    public_key: Option<String>,
}

impl VectorKey {
    pub(super) fn prepare(&self) -> VerifyingKey {
        let material = self.public_key.as_ref().unwrap_or(&self.secret);
        VerifyingKey::from_material(self.algorithm, material).expect("the vector has a key")
    }
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
pub(super) struct RequestVector {
    name: String,
    pub(super) key: VectorKey,
    method: String,
    authority: String,
    path: String,
    query: String,
    body: Option<String>,
    idempotency_key: Option<String>,
    pub(super) created: i64,
    nonce: String,
    content_digest: Option<String>,
    signature_input: String,
    base: String,
    signature: String,
}

/// A request that a test can change.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) method: String,
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Vec<u8>>,
}

impl Headers for Message {
    fn lines<'a>(&'a self, name: &str) -> FieldLines<'a> {
        let named = self.headers.iter().filter(|(field, _)| field == name);
        named.map(|(_, value)| value.as_bytes()).collect()
    }
}

impl Message {
    pub(super) fn request(&self) -> SignedRequest<'_> {
        SignedRequest {
            method: &self.method,
            authority: &self.authority,
            path: &self.path,
            query: self.query.as_deref(),
            headers: self,
            body: self.body.as_deref(),
        }
    }

    pub(super) fn check(&self, key: &VerifyingKey, now_unix: i64) -> Result<(), SignatureError> {
        let request = self.request();
        let presented = parse(&request)?;
        check_freshness(&presented, now_unix)?;
        key.verify(&presented)?;
        request.check_digest()
    }

    pub(super) fn header_mut(&mut self, name: &str) -> &mut String {
        let found = self.headers.iter_mut().find(|(field, _)| field == name);
        &mut found.expect("the request has this header").1
    }

    pub(super) fn push_header(&mut self, name: &str, value: &str) {
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

impl RequestVector {
    pub(super) fn message(&self) -> Message {
        let mut message = Message {
            method: self.method.clone(),
            authority: self.authority.clone(),
            path: self.path.clone(),
            query: (!self.query.is_empty()).then(|| self.query.clone()),
            headers: Vec::new(),
            body: self.body.clone().map(String::into_bytes),
        };
        let optional =
            [("content-digest", &self.content_digest), ("idempotency-key", &self.idempotency_key)];
        for (name, value) in optional {
            if let Some(value) = value {
                message.push_header(name, value);
            }
        }
        message.push_header("signature-input", &self.signature_input);
        message.push_header("signature", &self.signature);
        message
    }
}

pub(super) fn load<T: DeserializeOwned>(name: &str) -> Vec<T> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("partner-sdk/vectors").join(name);
    let text = std::fs::read_to_string(&path).expect("the vectors are part of the repository");
    serde_json::from_str(&text).expect("the vectors have the form that their README describes")
}

#[test]
fn the_signatures_of_the_rfc_verify() {
    let vectors: Vec<BaseVector> = load("rfc9421.json");
    assert_eq!(vectors.len(), 2);
    for vector in vectors {
        let headers = vector.components.into_iter().filter(|(name, _)| !name.starts_with('@'));
        let message = Message {
            method: "POST".to_owned(),
            authority: "example.com".to_owned(),
            path: "/foo".to_owned(),
            query: Some("param=Value&Pet=dog".to_owned()),
            headers: headers.collect(),
            body: Some(b"{\"hello\": \"world\"}".to_vec()),
        };
        let input = format!("sig={}", vector.params);
        let covered = Covered::select(input.as_bytes()).expect("the only signature is selected");
        let base = signature_base(&message.request(), &covered).expect("all is in the request");
        assert_eq!(base, vector.base, "{}", vector.name);
        let signature = STANDARD.decode(&vector.signature).expect("the vector is base64");
        let key = vector.key.prepare();
        assert_eq!(key.verify_text(&base, &signature), Ok(()), "{}", vector.name);
        every_changed_byte_is_noticed(&key, &base, &signature);
    }
}

#[test]
fn requests_signed_by_another_implementation_verify() {
    let vectors: Vec<RequestVector> = load("requests.json");
    assert!(6 <= vectors.len());
    for vector in vectors {
        let message = vector.message();
        let presented = parse(&message.request()).expect("the request is signed");
        assert_eq!(presented.base, vector.base, "{}", vector.name);
        assert_eq!(presented.created, vector.created);
        assert_eq!(presented.nonce, vector.nonce);
        let key = vector.key.prepare();
        assert_eq!(message.check(&key, vector.created), Ok(()), "{}", vector.name);
        every_changed_byte_is_noticed(&key, &presented.base, &presented.signature);
    }
}

fn every_changed_byte_is_noticed(key: &VerifyingKey, base: &str, signature: &[u8]) {
    for place in 0..base.len() {
        let mut changed = base.as_bytes().to_vec();
        changed[place] ^= 1;
        let changed = String::from_utf8(changed).expect("the base is ASCII");
        assert_eq!(key.verify_text(&changed, signature), Err(SignatureError::Invalid), "{changed}");
    }
    for place in 0..signature.len() {
        let mut changed = signature.to_vec();
        changed[place] ^= 1;
        assert_eq!(key.verify_text(base, &changed), Err(SignatureError::Invalid), "{place}");
    }
    for length in 0..signature.len() {
        let cut = key.verify_text(base, &signature[..length]);
        assert_eq!(cut, Err(SignatureError::Invalid), "{length}");
    }
}

#[test]
fn every_changed_byte_of_a_request_is_noticed() {
    for vector in load::<RequestVector>("requests.json") {
        let key = vector.key.prepare();
        let is_refused = |change: &dyn Fn(&mut Message)| {
            let mut message = vector.message();
            change(&mut message);
            assert!(message.check(&key, vector.created).is_err(), "{}", vector.name);
        };
        for place in 0..vector.signature_input.len() {
            is_refused(&|message| flip(message.header_mut("signature-input"), place));
        }
        for place in 0..vector.path.len() {
            is_refused(&|message| flip(&mut message.path, place));
        }
        for place in 0..vector.method.len() {
            is_refused(&|message| flip(&mut message.method, place));
        }
        for place in 0..vector.authority.len() {
            is_refused(&|message| flip(&mut message.authority, place));
        }
        for place in 0..vector.query.len() {
            is_refused(&|message| flip(message.query.as_mut().expect("it has one"), place));
        }
        for place in 0..vector.body.as_ref().map_or(0, String::len) {
            is_refused(&|message| message.body.as_mut().expect("it has one")[place] ^= 1);
        }
        for place in 0..vector.idempotency_key.as_ref().map_or(0, String::len) {
            is_refused(&|message| flip(message.header_mut("idempotency-key"), place));
        }
        is_refused(&|message| message.query = Some("other=1".to_owned()));
        is_refused(&|message| message.body = Some(b"another".to_vec()));
    }
}

fn flip(text: &mut String, place: usize) {
    let mut bytes = std::mem::take(text).into_bytes();
    bytes[place] ^= 1;
    *text = String::from_utf8(bytes).expect("the request is ASCII");
}

#[test]
fn a_signature_made_with_another_algorithm_or_key_does_not_verify() {
    let vectors: Vec<RequestVector> = load("requests.json");
    let of = |algorithm| vectors.iter().find(|vector| vector.key.algorithm == algorithm);
    let mac = of(Algorithm::HmacSha256).expect("there is one");
    let curve = of(Algorithm::Ed25519).expect("there is one");
    let check =
        |vector: &RequestVector, key: &VerifyingKey| vector.message().check(key, vector.created);
    // The public key is public: taken for a shared secret it would let anybody sign.
    let public = curve.key.public_key.as_ref().expect("it has one");
    let confused = VerifyingKey::from_material(Algorithm::HmacSha256, public).expect("32 bytes");
    assert_eq!(check(curve, &confused), Err(SignatureError::Invalid));
    assert_eq!(check(mac, &confused), Err(SignatureError::Invalid));
    assert_eq!(check(mac, &curve.key.prepare()), Err(SignatureError::Invalid));
    assert_eq!(check(curve, &mac.key.prepare()), Err(SignatureError::Invalid));
    assert_eq!(check(curve, &curve.key.prepare()), Ok(()));
}

#[test]
fn a_key_shows_nothing_and_one_that_protects_nothing_is_refused() {
    let key = |algorithm, text: &str| VerifyingKey::from_material(algorithm, text);
    let secret = STANDARD.encode([1_u8; 32]);
    let prepared = key(Algorithm::HmacSha256, &secret).expect("32 bytes are enough");
    assert_eq!(format!("{prepared:?}"), "VerifyingKey(hmac-sha256)");
    let refused = |algorithm, text| key(algorithm, text).err();
    assert_eq!(refused(Algorithm::HmacSha256, ""), Some(KeyError::TooShort(0)));
    assert_eq!(refused(Algorithm::HmacSha256, "?"), Some(KeyError::NotBase64));
    assert_eq!(refused(Algorithm::Ed25519, "c2hvcnQ="), Some(KeyError::WrongLength(5)));
}
