//! Signatures that depart from the profile, and liberties that it leaves. The signatures here are
//! right in every other respect, so that nothing is refused for another reason.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::tests::Message;
use super::*;

const NOW: i64 = 1_720_598_400;
const SECRET: [u8; 32] = [7; 32];
const BODY: &str = "{\"kind\":\"void\",\"of\":\"H-1\"}";
const READ: &str = "(\"@method\" \"@authority\" \"@path\" \"@query\")";
const COMMAND: &str =
    "(\"@method\" \"@authority\" \"@path\" \"@query\" \"content-digest\" \"idempotency-key\")";
const COMMON: &str = ";created=1720598400;keyid=\"shop:1\";nonce=\"n\"";
const TAGGED: &str = ";tag=\"coalition-v1\"";

fn key() -> VerifyingKey {
    VerifyingKey::from_material(Algorithm::HmacSha256, &STANDARD.encode(SECRET)).expect("a key")
}

fn read() -> Message {
    Message {
        method: "GET".to_owned(),
        authority: "coalition.example".to_owned(),
        path: "/v1/programmes".to_owned(),
        query: None,
        headers: Vec::new(),
        body: None,
    }
}

fn command() -> Message {
    let digest = STANDARD.encode(Sha256::digest(BODY));
    let mut message = Message {
        method: "POST".to_owned(),
        path: "/v1/transactions".to_owned(),
        body: Some(BODY.as_bytes().to_vec()),
        ..read()
    };
    message.push_header("content-digest", &format!("sha-256=:{digest}:"));
    message.push_header("idempotency-key", "k-1");
    message
}

/// The value of a component of these requests, without asking the code under test.
fn value(message: &Message, name: &str) -> String {
    match name {
        "@method" => message.method.clone(),
        "@authority" => message.authority.clone(),
        "@path" => message.path.clone(),
        "@query" => format!("?{}", message.query.clone().unwrap_or_default()),
        name => {
            let found = message.headers.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.clone()).unwrap_or_default()
        }
    }
}

fn mac(text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).expect("HMAC takes any key");
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// Signs for these components and parameters, written as a client sends them.
fn sign(message: &mut Message, label: &str, components: &str, parameters: &str) {
    let names = components.trim_matches(['(', ')']).split(' ');
    let lines = names.filter(|name| !name.is_empty()).map(|name| {
        let bare = name.trim_matches('"');
        format!("{name}: {}\n", value(message, bare))
    });
    let params = format!("\"@signature-params\": {components}{parameters}");
    let base = lines.collect::<String>() + &params;
    message.push_header("signature-input", &format!("{label}={components}{parameters}"));
    message.push_header("signature", &format!("{label}=:{}:", mac(&base)));
}

fn check(mut message: Message, components: &str, parameters: &str) -> Result<(), SignatureError> {
    sign(&mut message, "sig1", components, parameters);
    message.check(&key(), NOW)
}

fn is_malformed(result: Result<(), SignatureError>) -> bool {
    matches!(result, Err(SignatureError::Malformed(_)))
}

#[test]
fn what_the_profile_leaves_open_is_accepted() {
    let common = format!("{COMMON}{TAGGED}");
    assert_eq!(check(read(), READ, &common), Ok(()));
    assert_eq!(check(command(), COMMAND, &common), Ok(()));
    // The only signature may leave the tag out, and parameters may come in any order.
    assert_eq!(check(read(), READ, COMMON), Ok(()));
    assert_eq!(check(read(), READ, &format!("{TAGGED}{COMMON};app=1")), Ok(()));
    assert_eq!(check(read(), READ, &format!("{common};expires=1720598700")), Ok(()));
    assert_eq!(check(read(), READ, &format!("{common};alg=\"hmac-sha256\"")), Ok(()));
    // Other headers may be covered.
    let mut with_date = read();
    with_date.push_header("date", "Wed, 10 Jul 2024 08:00:00 GMT");
    let components = READ.replace(')', " \"date\")");
    assert_eq!(check(with_date, &components, &common), Ok(()));
}

#[test]
fn spaces_and_lines_of_the_headers_do_not_matter() {
    let mut message = read();
    sign(&mut message, "sig1", READ, &format!("{COMMON}{TAGGED}"));
    let input = message.header_mut("signature-input");
    *input = input.replace('(', "(  ").replace(')', " )").replace(';', "; ");
    // A signature for somebody else, that this profile could not compute.
    message.push_header("signature-input", "proxy=(\"@status\";req 7);tag=\"other\", third");
    message.push_header("signature", "proxy=:AAAA:, third=?1");
    assert_eq!(message.check(&key(), NOW), Ok(()));
    message.authority = "Coalition.Example".to_owned();
    assert_eq!(message.check(&key(), NOW), Ok(()));
}

#[test]
fn a_request_without_our_signature_is_told_to_sign() {
    assert_eq!(read().check(&key(), NOW), Err(SignatureError::Missing));
    for header in ["signature", "signature-input"] {
        let mut message = read();
        sign(&mut message, "sig1", READ, COMMON);
        message.headers.retain(|(name, _)| name != header);
        assert_eq!(message.check(&key(), NOW), Err(SignatureError::Missing));
    }
    let other = format!("{COMMON};tag=\"coalition-v2\"");
    assert_eq!(check(read(), READ, &other), Err(SignatureError::Missing));
    let mut two_untagged = read();
    sign(&mut two_untagged, "sig1", READ, COMMON);
    sign(&mut two_untagged, "sig2", READ, COMMON);
    assert_eq!(two_untagged.check(&key(), NOW), Err(SignatureError::Missing));
}

#[test]
fn of_two_signatures_for_us_none_is_chosen() {
    let tagged = format!("{COMMON}{TAGGED}");
    for (label, parameters) in [("sig2", tagged.as_str()), ("sig1", &tagged), ("sig1", COMMON)] {
        let mut message = read();
        sign(&mut message, "sig1", READ, &tagged);
        sign(&mut message, label, READ, parameters);
        assert!(is_malformed(message.check(&key(), NOW)), "{label} {parameters}");
    }
    let mut labelled_twice = read();
    sign(&mut labelled_twice, "sig1", READ, &tagged);
    labelled_twice.push_header("signature-input", "sig1=();tag=\"other\"");
    assert!(is_malformed(labelled_twice.check(&key(), NOW)));
    let mut signed_twice = read();
    sign(&mut signed_twice, "sig1", READ, &tagged);
    signed_twice.push_header("signature", "sig1=:AAAA:");
    assert!(is_malformed(signed_twice.check(&key(), NOW)));
}

#[test]
fn what_must_be_covered_is_covered() {
    let without = |components: &str, name: &str| {
        let names = components.trim_matches(['(', ')']).split(' ');
        let left = names.filter(|component| component.trim_matches('"') != name);
        format!("({})", left.collect::<Vec<_>>().join(" "))
    };
    for name in ["@method", "@authority", "@path", "@query"] {
        assert!(is_malformed(check(read(), &without(READ, name), COMMON)), "{name}");
        assert!(is_malformed(check(command(), &without(COMMAND, name), COMMON)), "{name}");
    }
    for name in ["content-digest", "idempotency-key"] {
        assert!(is_malformed(check(command(), &without(COMMAND, name), COMMON)), "{name}");
    }
    let mut unkeyed = command();
    unkeyed.headers.retain(|(name, _)| name != "idempotency-key");
    assert_eq!(check(unkeyed, &without(COMMAND, "idempotency-key"), COMMON), Ok(()));
    assert!(is_malformed(check(read(), "()", COMMON)));
}

#[test]
fn what_is_covered_is_sent_once_and_can_be_computed() {
    let with = |component: &str| READ.replace(')', &format!(" {component})"));
    for component in [
        "\"@path\"",
        "\"@status\"",
        "\"@target-uri\"",
        "\"@query-param\"",
        "\"absent\"",
        "\"DATE\"",
        "\"\"",
        "date",
        "7",
        "\"date\";bs",
        "\"date\";req",
        "\"date\";sf",
        "\"@signature-params\"",
    ] {
        let mut message = read();
        message.push_header("date", "today");
        assert!(is_malformed(check(message, &with(component), COMMON)), "{component}");
    }
    for name in ["idempotency-key", "content-digest"] {
        let mut message = command();
        let value = message.header_mut(name).clone();
        message.push_header(name, &value);
        assert!(is_malformed(check(message, COMMAND, COMMON)), "{name}");
    }
    for value in ["a\nb", "a\0b", "\u{e4}"] {
        let mut message = command();
        *message.header_mut("idempotency-key") = value.to_owned();
        assert!(is_malformed(check(message, COMMAND, COMMON)), "{value:?}");
    }
}

#[test]
fn parameters_are_of_their_type_and_given_once() {
    for parameters in [
        ";keyid=\"shop:1\";nonce=\"n\"",
        ";created=1720598400;nonce=\"n\"",
        ";created=1720598400;keyid=\"shop:1\"",
        ";created=1720598400;keyid=\"shop:1\";nonce=\"\"",
        ";created=\"1720598400\";keyid=\"shop:1\";nonce=\"n\"",
        ";created=1720598400.5;keyid=\"shop:1\";nonce=\"n\"",
        ";created=1720598400;keyid=shop;nonce=\"n\"",
        ";created=1;created=1720598400;keyid=\"shop:1\";nonce=\"n\"",
        ";created=1720598400;keyid=\"shop:2\";keyid=\"shop:1\";nonce=\"n\"",
        ";created=1720598400;keyid=\"shop:1\";nonce=\"n\";tag=\"x\";tag=\"coalition-v1\"",
        ";created=1720598400;keyid=\"shop:1\";nonce=\"n\";expires=\"x\"",
        ";created=1720598400;keyid=\"shop:1\";nonce=\"n\";alg=\"none\"",
        ";created=1720598400;keyid=\"shop:1\";nonce=\"n\";alg=\"rsa-v1_5-sha256\"",
    ] {
        assert!(is_malformed(check(read(), READ, parameters)), "{parameters}");
    }
    let claimed = format!("{COMMON};alg=\"ed25519\"");
    assert_eq!(check(read(), READ, &claimed), Err(SignatureError::Invalid));
}

#[test]
fn headers_that_are_no_dictionaries_are_refused() {
    let long = format!("sig1=({})", " ".repeat(5_000));
    for input in ["", "sig1", "sig1=", "sig1=\"a\"", "sig1=(", "(", "sig1=(\"a\"", "ä", &long] {
        let mut message = read();
        sign(&mut message, "sig1", READ, COMMON);
        *message.header_mut("signature-input") = input.to_owned();
        assert!(message.check(&key(), NOW).is_err(), "{input}");
    }
    let mut followed_by_much = read();
    sign(&mut followed_by_much, "sig1", READ, &format!("{COMMON}{TAGGED}"));
    followed_by_much.push_header("signature-input", &long.replace("sig1", "proxy"));
    assert!(is_malformed(followed_by_much.check(&key(), NOW)));
    for signature in ["", "sig1", "sig1=()", "sig1=\"AAAA\"", "sig1=:AA", "sig2=:AAAA:", ":AAAA:"] {
        let mut message = read();
        sign(&mut message, "sig1", READ, COMMON);
        *message.header_mut("signature") = signature.to_owned();
        assert!(is_malformed(message.check(&key(), NOW)), "{signature}");
    }
}

#[test]
fn a_signature_is_neither_old_nor_from_the_future() {
    let at = |created: i64, expires: Option<i64>| {
        let expires = expires.map(|expires| format!(";expires={expires}")).unwrap_or_default();
        let parameters = format!(";created={created}{expires};keyid=\"shop:1\";nonce=\"n\"");
        check(read(), READ, &parameters)
    };
    assert_eq!(at(NOW + 60, None), Ok(()));
    assert_eq!(at(NOW + 61, None), Err(SignatureError::Expired));
    assert_eq!(at(NOW - 360, None), Ok(()));
    assert_eq!(at(NOW - 361, None), Err(SignatureError::Expired));
    assert_eq!(at(0, None), Err(SignatureError::Expired));
    assert_eq!(at(999_999_999_999_999, None), Err(SignatureError::Expired));
    assert_eq!(at(-999_999_999_999_999, None), Err(SignatureError::Expired));

    assert_eq!(at(NOW, Some(NOW + 300)), Ok(()));
    assert!(is_malformed(at(NOW, Some(NOW + 301))));
    assert!(is_malformed(at(NOW, Some(NOW - 1))));
    assert!(is_malformed(at(NOW, Some(999_999_999_999_999))));
    assert_eq!(at(NOW - 100, Some(NOW - 60)), Ok(()));
    assert_eq!(at(NOW - 100, Some(NOW - 61)), Err(SignatureError::Expired));
}

#[test]
fn a_body_is_bound_by_its_digest() {
    let mut other = command();
    *other.header_mut("content-digest") = "sha-256=:AAAA:".to_owned();
    let refused = check(other, COMMAND, COMMON);
    assert!(matches!(refused, Err(SignatureError::DigestMismatch(_))), "{refused:?}");
    let mut encoded = command();
    encoded.push_header("content-encoding", "gzip");
    assert_eq!(check(encoded, COMMAND, COMMON), Err(SignatureError::UnsupportedEncoding));
    // A body that was cut off whole leaves its digest behind.
    let mut cut = command();
    cut.body = None;
    let refused = check(cut, COMMAND, COMMON);
    assert!(matches!(refused, Err(SignatureError::DigestMismatch(_))), "{refused:?}");
}

#[test]
fn refusals_show_neither_secrets_nor_signatures() {
    let mut message = read();
    sign(&mut message, "sig1", READ, COMMON);
    let signature = message.header_mut("signature").clone();
    let presented = parse(&message.request()).expect("it is signed");
    let shown = format!("{presented:?}");
    assert!(!shown.contains("@method") && !shown.contains(&signature[6..20]), "{shown}");
    assert!(!shown.contains("signature"), "{shown}");
}
