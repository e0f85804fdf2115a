//! Tokens that must be accepted and tokens that must not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;

const NOW: i64 = 1_720_598_400;
const SECRET: [u8; 32] = [7; 32];
const SEED: [u8; 32] = [9; 32];
const TEN_MINUTES: Duration = Duration::from_mins(10);

fn mac_key() -> TokenKey {
    TokenKey {
        kid: "mac".to_owned(),
        algorithm: TokenAlgorithm::Hs256,
        material: STANDARD.encode(SECRET),
        can_mint: true,
    }
}

fn curve_key() -> TokenKey {
    TokenKey {
        kid: "curve".to_owned(),
        algorithm: TokenAlgorithm::EdDsa,
        material: STANDARD.encode(SEED),
        can_mint: true,
    }
}

fn public_key() -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(&SEED).verifying_key().to_bytes()
}

fn keys() -> TokenKeys {
    TokenKeys::new(&[mac_key(), curve_key()]).expect("the keys are well formed")
}

fn minted(key: &TokenKey) -> String {
    mint(key, "olga", Role::Operator, TEN_MINUTES, NOW).expect("the key mints")
}

fn claims() -> Value {
    json!({
        "iss": "coalition", "aud": "coalition", "sub": "olga", "role": "operator",
        "iat": NOW, "nbf": NOW, "exp": NOW + 600, "jti": "t-1",
    })
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// A token whatever its header says, without asking the code under test.
fn mac_token(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes any key");
    mac.update(message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn check(claims: &Value) -> Result<Operator, TokenError> {
    let token = mac_token(&SECRET, &json!({"alg": "HS256", "kid": "mac"}), claims);
    verify(&keys(), &token, NOW)
}

#[test]
fn a_minted_token_says_who_bears_it() {
    for key in [mac_key(), curve_key()] {
        let token = minted(&key);
        let operator = verify(&keys(), &token, NOW + 599).expect("the token is ours");
        assert_eq!((operator.subject.as_str(), operator.role), ("olga", Role::Operator));
        let again = verify(&keys(), &minted(&key), NOW).expect("the token is ours");
        assert_ne!(operator.jti, again.jti);
    }
    let auditor = mint(&mac_key(), "anna", Role::Auditor, TEN_MINUTES, NOW).expect("it mints");
    assert_eq!(verify(&keys(), &auditor, NOW).map(|operator| operator.role), Ok(Role::Auditor));
}

#[test]
fn a_public_key_verifies_and_does_not_mint() {
    let public =
        TokenKey { material: STANDARD.encode(public_key()), can_mint: false, ..curve_key() };
    let keys = TokenKeys::new(std::slice::from_ref(&public)).expect("the key is well formed");
    assert!(verify(&keys, &minted(&curve_key()), NOW).is_ok());
    let refused = mint(&public, "olga", Role::Operator, TEN_MINUTES, NOW);
    assert_eq!(refused, Err(MintError::KeyOnlyVerifies));
}

#[test]
fn the_ed25519_of_tokens_is_that_of_rfc_8037() {
    // Appendix A.4, whose payload is no set of claims: the signature alone is compared.
    let decode = |text| URL_SAFE_NO_PAD.decode(text).expect("the RFC's text is base64url");
    let seed = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let message = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    let expected = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvp\
                    Ar_MuM0KAg";
    provider::install();
    let key = EncodingKey::from_ed_der(&seed);
    let algorithm = jsonwebtoken::Algorithm::EdDSA;
    let signed = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm);
    assert_eq!(signed.as_deref(), Ok(expected));
}

#[test]
fn every_changed_byte_of_a_token_is_noticed() {
    for key in [mac_key(), curve_key()] {
        let token = minted(&key);
        for place in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[place] ^= 1;
            let changed = String::from_utf8(bytes).expect("the token is ASCII");
            assert!(verify(&keys(), &changed, NOW).is_err(), "{place}");
        }
    }
}

#[test]
fn the_algorithm_is_the_keys_and_not_the_tokens() {
    let header = |alg: &str, kid: &str| json!({"alg": alg, "kid": kid, "typ": "JWT"});
    let refused = |token: &str| {
        assert_eq!(verify(&keys(), token, NOW), Err(TokenError::Unverified), "{token}");
    };
    for alg in ["none", "None", "", "HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256"] {
        refused(&mac_token(&SECRET, &header(alg, "mac"), &claims()));
        refused(&format!("{}.", unsigned(&header(alg, "mac"), &claims())));
    }
    // The public key is public: taken for a shared secret it would let anybody mint.
    refused(&mac_token(&public_key(), &header("HS256", "curve"), &claims()));
    refused(&mac_token(&public_key(), &header("EdDSA", "curve"), &claims()));
    refused(&mac_token(&SECRET, &header("HS256", "curve"), &claims()));
    assert!(verify(&keys(), &mac_token(&SECRET, &header("HS256", "mac"), &claims()), NOW).is_ok());
}

#[test]
fn a_token_names_one_of_our_keys_and_nothing_else() {
    let own = URL_SAFE_NO_PAD.encode(SECRET);
    for header in [
        json!({"alg": "HS256"}),
        json!({"alg": "HS256", "kid": "foreign"}),
        json!({"alg": "HS256", "kid": ""}),
        json!({"alg": "HS256", "kid": null}),
        json!({"alg": "HS256", "jku": "https://example.com/keys"}),
        json!({"alg": "HS256", "jwk": {"kty": "oct", "k": own}}),
        json!({"alg": "HS256", "kid": "mac", "crit": ["exp"]}),
        json!({"alg": "HS256", "kid": "mac", "typ": "JWE"}),
    ] {
        let token = mac_token(&SECRET, &header, &claims());
        assert_eq!(verify(&keys(), &token, NOW), Err(TokenError::Unverified), "{header}");
    }
    let stranger = TokenKeys::new(&[TokenKey { kid: "other".to_owned(), ..mac_key() }]);
    let stranger = stranger.expect("the key is well formed");
    assert_eq!(verify(&stranger, &minted(&mac_key()), NOW), Err(TokenError::Unverified));
}

#[test]
fn every_claim_is_required() {
    assert!(check(&claims()).is_ok());
    for name in ["iss", "aud", "sub", "role", "iat", "nbf", "exp", "jti"] {
        let mut missing = claims();
        missing.as_object_mut().expect("an object").remove(name);
        assert_eq!(check(&missing), Err(TokenError::Claims), "{name}");
        let mut null = claims();
        null[name] = Value::Null;
        assert_eq!(check(&null), Err(TokenError::Claims), "{name}");
    }
    for (name, value) in [
        ("iss", json!("other")),
        ("aud", json!("other")),
        ("aud", json!(["other"])),
        ("role", json!("admin")),
        ("sub", json!("")),
        ("sub", json!("a\nb")),
        ("sub", json!("a".repeat(129))),
        ("jti", json!("")),
        ("exp", json!("1720599000")),
    ] {
        let mut wrong = claims();
        wrong[name] = value.clone();
        assert_eq!(check(&wrong), Err(TokenError::Claims), "{name} {value}");
    }
}

#[test]
fn a_token_is_valid_in_its_time() {
    let at = |iat: i64, nbf: i64, exp: i64| {
        let mut timed = claims();
        (timed["iat"], timed["nbf"], timed["exp"]) = (json!(iat), json!(nbf), json!(exp));
        check(&timed).map(|_| ())
    };
    assert_eq!(at(NOW - 600, NOW - 600, NOW - 29), Ok(()));
    assert_eq!(at(NOW - 600, NOW - 600, NOW - 30), Err(TokenError::Expired));
    assert_eq!(at(NOW, NOW + 30, NOW + 600), Ok(()));
    assert_eq!(at(NOW, NOW + 31, NOW + 600), Err(TokenError::NotYetValid));
    assert_eq!(at(NOW + 31, NOW, NOW + 600), Err(TokenError::NotYetValid));
    assert_eq!(at(NOW, NOW, NOW + 12 * 3_600), Ok(()));
    assert_eq!(at(NOW, NOW, NOW + 12 * 3_600 + 1), Err(TokenError::TooLong));
    assert_eq!(at(NOW, NOW, NOW - 1), Err(TokenError::TooLong));
    assert_eq!(at(i64::MIN, NOW, i64::MAX), Err(TokenError::TooLong));
    assert_eq!(at(NOW, i64::MAX, NOW), Err(TokenError::NotYetValid));
}

#[test]
fn a_token_is_short_and_of_three_parts() {
    let mut long = claims();
    long["note"] = json!("a".repeat(2_000));
    assert_eq!(check(&long), Err(TokenError::Unverified));
    for text in ["", ".", "..", "a.b.c", "a.b", "a.b.c.d", "ä.ö.ü"] {
        assert_eq!(verify(&keys(), text, NOW), Err(TokenError::Unverified), "{text}");
    }
}

#[test]
fn nothing_else_is_minted() {
    let mint = |subject: &str, lifetime| {
        mint(&mac_key(), subject, Role::Operator, lifetime, NOW).map(|_| ())
    };
    assert_eq!(mint("olga", LIFETIME_MAX), Ok(()));
    let second = Duration::from_secs(1);
    assert_eq!(mint("olga", LIFETIME_MAX + second), Err(MintError::Lifetime));
    assert_eq!(mint("olga", Duration::ZERO), Err(MintError::Lifetime));
    assert_eq!(mint("", second), Err(MintError::Subject));
    assert_eq!(mint("a\nb", second), Err(MintError::Subject));
}

#[test]
fn keys_are_named_once_long_enough_and_never_shown() {
    let refused = |records: &[TokenKey]| TokenKeys::new(records).err();
    assert_eq!(refused(&[mac_key(), mac_key()]), Some(KeyError::SameId));
    let short = TokenKey { material: STANDARD.encode([7; 31]), ..mac_key() };
    assert_eq!(refused(&[short]), Some(KeyError::TooShort(31)));
    let shown = format!("{:?} {:?}", mac_key(), keys());
    assert_eq!(shown, "TokenKey(mac, Hs256, can_mint: true) [\"mac\", \"curve\"]");
}
