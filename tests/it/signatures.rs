//! Who calls: a request counts only if a key of the party that is active now signed exactly it.

use coalition::clock::unix_now;
use coalition_partner::{
    Algorithm, Answer, Credentials, Outgoing, RequestToSign, SignatureHeaders, SigningKey,
    random_nonce, sign_request,
};
use serde_json::{Value, json};

use crate::support::{Club, Setup, World, both, both_with, code_of, purchase, text};

/// A request, as it is signed and as it is sent; a test changes one of the two.
#[derive(Clone)]
struct Signing<'a> {
    method: &'a str,
    path: &'a str,
    query: &'a str,
    body: Option<&'a [u8]>,
    key: Option<&'a str>,
    created: i64,
    nonce: String,
}

impl<'a> Signing<'a> {
    fn get(path: &'a str, query: &'a str) -> Self {
        let nonce = random_nonce().expect("there is randomness");
        Self { method: "GET", path, query, body: None, key: None, created: unix_now(), nonce }
    }

    fn post(path: &'a str, key: &'a str, body: &'a [u8]) -> Self {
        Self { method: "POST", body: Some(body), key: Some(key), ..Self::get(path, "") }
    }

    fn sign(&self, world: &World, key: &SigningKey) -> SignatureHeaders {
        let url = world.url();
        let request = RequestToSign {
            method: self.method,
            authority: url.trim_start_matches("http://"),
            path: self.path,
            query: self.query,
            body: self.body,
            idempotency_key: self.key,
        };
        sign_request(key, &request, self.created, &self.nonce)
    }

    /// Sends the request under headers that were made for it, or for another.
    fn send(&self, world: &World, signed: &SignatureHeaders) -> Answer {
        let mut headers = vec![
            ("signature-input", signed.signature_input.as_str()),
            ("signature", signed.signature.as_str()),
        ];
        headers.extend(signed.content_digest.as_deref().map(|digest| ("content-digest", digest)));
        let question = if self.query.is_empty() { "" } else { "?" };
        world.calling(Credentials::Nobody).send(&Outgoing {
            method: self.method,
            target: &format!("{}{question}{}", self.path, self.query),
            idempotency_key: self.key,
            body: self.body,
            headers: &headers,
            ..Outgoing::get("")
        })
    }
}

fn key_of(world: &World, party: &str) -> SigningKey {
    match world.party(party).credentials() {
        Credentials::Signature(key) => key.clone(),
        _ => unreachable!("parties sign"),
    }
}

fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, code_of(answer).as_str()), (status, code), "{}", answer.text());
}

#[test]
fn a_request_without_a_signature_is_refused() {
    both(|world| {
        let club = Club::new(world);
        let nobody = world.calling(Credentials::Nobody);
        let answer = nobody.post("/v1/transactions", "k", &purchase("R-1", &club.anna, "10.00"));
        assert_refused(&answer, 401, "signature_missing");
        assert_refused(&nobody.get("/v1/parties"), 401, "token_invalid");
        let liar = world.calling(Credentials::Bearer("no.such.token".to_owned()));
        assert_refused(&liar.get("/v1/parties"), 401, "token_invalid");
        assert_refused(&liar.get(&format!("/v1/members/{}", club.anna)), 401, "token_invalid");
    });
}

#[test]
fn only_an_active_key_of_the_party_signs_and_a_revoked_one_not_even_once_more() {
    both(|world| {
        let club = Club::new(world);
        let first = key_of(world, "shop");
        let target = format!("/v1/members/{}/balances", club.anna);
        let ask = |world: &World, key: &SigningKey| {
            world.calling(Credentials::Signature(key.clone())).get(&target)
        };
        // Another secret under the same id, and a key that nobody issued: one text for both.
        let secret = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldCE=";
        let forged = |id: &str| SigningKey::from_base64(id, Algorithm::HmacSha256, secret);
        let wrong = ask(world, &forged(first.id()).expect("the key is one"));
        let unknown = ask(world, &forged("shop:nobody").expect("the key is one"));
        assert_refused(&wrong, 401, "signature_invalid");
        assert_eq!(wrong.body, unknown.body);

        let second = world.issue_key("shop");
        assert_eq!((ask(world, &first).status, ask(world, &second).status), (200, 200));
        let body = json!({"algorithm": "hmac-sha256"});
        let third = world.operator.post("/v1/parties/shop/keys", "third", &body);
        assert_refused(&third, 409, "too_many_keys");

        let id = first.id().replace(':', "%3A");
        let revoke = format!("/v1/parties/shop/keys/{id}/revoke");
        assert_eq!(world.operator.post(&revoke, "revoke", &json!({})).status, 200);
        let revoked = ask(world, &first);
        assert_eq!(revoked.body, wrong.body, "nothing tells a revoked key from a wrong one");
        assert_eq!(ask(world, &second).status, 200);
        let list = world.operator.get("/v1/parties/shop/keys").text();
        assert!(list.contains("revoked") && !list.contains("secret"), "{list}");
        // The place is free again; the shop goes on with what it got.
        let fourth = world.issue_key("shop");
        assert_eq!(ask(world, &fourth).status, 200);
    });
}

#[test]
fn a_revoked_key_posts_nothing_though_it_posted_a_moment_ago() {
    both(|world| {
        let club = Club::new(world);
        world.accept("shop", &purchase("R-1", &club.anna, "10.00"));
        let id = key_of(world, "shop").id().replace(':', "%3A");
        let revoke = format!("/v1/parties/shop/keys/{id}/revoke");
        assert_eq!(world.operator.post(&revoke, "revoke", &json!({})).status, 200);
        let (status, code) = world.refuse("shop", &purchase("R-2", &club.anna, "10.00"));
        assert_eq!((status, code.as_str()), (401, "signature_invalid"));
        assert_eq!(world.balance(&club.anna, "club")["available"], "1");
    });
}

#[test]
fn what_was_signed_is_what_counts() {
    both(|world| {
        let club = Club::new(world);
        let key = key_of(world, "shop");
        let body = purchase("R-1", &club.anna, "10.00").to_string();
        let other = purchase("R-1", &club.anna, "99.00").to_string();
        let signing = Signing::post("/v1/transactions", "key-of-R-1", body.as_bytes());
        let signed = signing.sign(world, &key);
        let altered = |change: fn(&mut Signing<'_>)| {
            let mut changed = signing.clone();
            change(&mut changed);
            changed.send(world, &signed)
        };
        let swapped = Signing { body: Some(other.as_bytes()), ..signing.clone() };
        assert_refused(&swapped.send(world, &signed), 400, "digest_mismatch");
        assert_refused(&altered(|one| one.path = "/v1/quotes"), 401, "signature_invalid");
        assert_refused(&altered(|one| one.query = "a=b"), 401, "signature_invalid");
        assert_refused(&altered(|one| one.key = Some("another")), 401, "signature_invalid");
        let mut wrong = signed.clone();
        wrong.content_digest = swapped.sign(world, &key).content_digest;
        assert_refused(&signing.send(world, &wrong), 401, "signature_invalid");
        // Nothing was posted by any of them; as it was signed, it is.
        assert_eq!(signing.send(world, &signed).status, 201);
        assert_eq!(world.balance(&club.anna, "club")["available"], "1");

        let read = Signing::get("/v1/transactions", "kind=purchase&ref=R-1");
        let signed = read.sign(world, &key);
        let elsewhere = Signing { query: "kind=purchase&ref=R-2", ..read.clone() };
        assert_refused(&elsewhere.send(world, &signed), 401, "signature_invalid");
        assert_eq!(read.send(world, &signed).status, 200);
    });
}

#[test]
fn a_signature_is_good_for_five_minutes_and_its_nonce_for_one_read() {
    both(|world| {
        let club = Club::new(world);
        let key = key_of(world, "shop");
        let path = format!("/v1/members/{}", club.anna);
        for (shift, due) in [(-400, 401), (-290, 200), (30, 200), (100, 401)] {
            let mut read = Signing::get(&path, "");
            read.created += shift;
            let answer = read.send(world, &read.sign(world, &key));
            assert_eq!(answer.status, due, "{shift} s: {}", answer.text());
            if due == 401 {
                assert_refused(&answer, 401, "signature_expired");
            }
        }
        let read = Signing::get(&path, "");
        let signed = read.sign(world, &key);
        assert_eq!(read.send(world, &signed).status, 200);
        assert_refused(&read.send(world, &signed), 401, "nonce_reused");
        // A command that is sent again byte for byte is answered again: its key guards it.
        let body = purchase("R-1", &club.anna, "10.00").to_string();
        let post = Signing::post("/v1/transactions", "key-of-R-1", body.as_bytes());
        let signed = post.sign(world, &key);
        let (first, again) = (post.send(world, &signed), post.send(world, &signed));
        assert_eq!((first.status, first.replayed), (201, false));
        assert_eq!((again.status, again.replayed, &again.body), (201, true, &first.body));
        assert_eq!(world.balance(&club.anna, "club")["available"], "1");
    });
}

#[test]
fn an_ed25519_key_signs_as_well_and_the_server_never_has_its_secret() {
    both(|world| {
        let club = Club::new(world);
        let seed = "nncxquiNaOihhhmLL3+5n/qb094JjeGLmsuT0Yt676k=";
        let public = "pE/MFI2JX+9Wx7tTcQq8dHzFtWHhaXuA2u/pSP19WoU=";
        let body = json!({"id": "bank:till-7", "algorithm": "ed25519", "public_key": public});
        let issued = world.operator.post("/v1/parties/bank/keys", "ed", &body);
        assert_eq!(issued.status, 201, "{}", issued.text());
        assert!(!issued.text().contains("secret"));
        let key = SigningKey::from_base64("bank:till-7", Algorithm::Ed25519, seed);
        let caller = world.calling(Credentials::Signature(key.expect("the seed is one")));
        let posted = caller.post("/v1/transactions", "k-1", &purchase("R-1", &club.anna, "10.00"));
        assert_eq!(posted.status, 201, "{}", posted.text());
        let transaction: Value = posted.json().expect("it is JSON");
        assert_eq!(text(&transaction, "party"), "bank");
    });
}

#[test]
fn a_request_that_is_too_large_or_of_another_form_is_refused_as_such() {
    let mut setup = Setup::default();
    setup.settings.body_bytes_max = 2_000;
    setup.settings.bulk_bytes_max = 4_000;
    setup.settings.bulk_lines_max = 3;
    both_with(&setup, |world| {
        let club = Club::new(world);
        let shop = world.party("shop");
        let long = "x".repeat(2_001);
        let answer = shop.post("/v1/quotes", "k", &json!({"programme": "club", "member": long}));
        assert_refused(&answer, 413, "payload_too_large");
        let lines = |count: usize| "{}\n".repeat(count);
        let call = |body: &str, content_type| {
            let outgoing = Outgoing::post("/v1/transactions:batch", "call", body.as_bytes());
            shop.send(&Outgoing { content_type, ..outgoing })
        };
        assert_eq!(call(&lines(3), "application/x-ndjson").status, 200);
        assert_refused(&call(&lines(4), "application/x-ndjson"), 413, "batch_too_large");
        let bytes = call(&"x".repeat(4_001), "application/x-ndjson");
        assert_refused(&bytes, 413, "payload_too_large");
        let json = call(&lines(1), "application/json");
        assert_refused(&json, 415, "unsupported_media_type");
        let body = purchase("R-1", &club.anna, "10.00").to_string();
        let compressed = shop.send(&Outgoing {
            headers: &[("content-encoding", "gzip")],
            ..Outgoing::post("/v1/transactions", "zip", body.as_bytes())
        });
        assert_refused(&compressed, 415, "unsupported_encoding");
        let none = shop.send(&Outgoing {
            idempotency_key: None,
            ..Outgoing::post("/v1/transactions", "", body.as_bytes())
        });
        assert_refused(&none, 400, "idempotency_key_missing");
    });
}
