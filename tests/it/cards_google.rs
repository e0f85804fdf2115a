//! Passes for Google Wallet: the signed link, and objects that are kept up to date.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use coalition::passes::refresh::refresh;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Verifier;
use serde_json::{Value, json};

use crate::cards_world::{Got, Recorder, club, grant, issue, refusal, step};
use crate::support::{Setup, World, both, text};

fn saved(world: &World, number: &str) -> Value {
    let target = format!("/v1/cards/{number}/google-pass");
    let answer = world.party("wallet").post(&target, &world.new_key(), &json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// Header and claims of a token that the key signed.
fn opened(token: &str, key: &PKey<Private>) -> (Value, Value) {
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("a token has three parts") };
    let decoded = |part: &str| URL_SAFE_NO_PAD.decode(part).expect("it is base64url");
    let mut verifier = Verifier::new(MessageDigest::sha256(), key).expect("it can verify");
    let text = format!("{header}.{claims}");
    let fits = verifier.verify_oneshot(&decoded(signature), text.as_bytes());
    assert!(fits.expect("it can verify"), "the signature is not the key's");
    let read = |part: &str| serde_json::from_slice(&decoded(part)).expect("it is JSON");
    (read(header), read(claims))
}

#[test]
fn the_link_carries_the_card_signed_by_the_account() {
    both(|world| {
        let card = json!({"title": "Club", "barcode": "ean13",
            "art_url": "https://club.example/card.png"});
        let anna = club(world, &card).anna;
        let number = issue(world, "wallet", &anna);
        grant(world, &anna, "1250", "2025-12-31");
        let answer = saved(world, &number);
        let link = text(&answer, "save_url");
        let token = link.strip_prefix("https://pay.google.com/gp/v/save/").expect("it leads there");
        let key = world.app().passes.google.key().expect("one was made");
        let (header, claims) = opened(token, key);
        assert_eq!(header, json!({"alg": "RS256", "typ": "JWT"}));
        assert_eq!((&claims["aud"], &claims["typ"]), (&json!("google"), &json!("savetowallet")));
        assert_eq!(claims["payload"]["loyaltyClasses"], json!([answer["class"]]));
        let object = &claims["payload"]["loyaltyObjects"][0];
        assert_eq!(*object, answer["object"]);
        assert_eq!(object["id"], json!(format!("0.card-{number}")));
        assert_eq!((&object["classId"], &object["state"]), (&json!("0.club"), &json!("ACTIVE")));
        assert_eq!(object["loyaltyPoints"]["balance"]["string"], "1250");
        assert_eq!(object["barcode"]["type"], "EAN_13");
        let uri = &answer["class"]["programLogo"]["sourceUri"]["uri"];
        assert_eq!(*uri, json!("https://club.example/card.png"));

        assert_eq!(step(world, "wallet", &number, "freeze").status, 200);
        assert_eq!(saved(world, &number)["object"]["state"], "INACTIVE");
        let target = format!("/v1/cards/{number}/google-pass");
        let other = world.party("other").post(&target, &world.new_key(), &json!({}));
        assert_eq!(refusal(&other), (404, "unknown_card".to_owned()));
    });
}

/// Answers as Google does: a token, and 404 for what is not there yet.
fn google(got: &Got) -> (u16, String) {
    if got.line.contains("/token") {
        return (200, json!({"access_token": "t-1", "expires_in": 3600}).to_string());
    }
    let is_change = got.header("x-http-method-override") == Some("PATCH");
    let is_new = is_change && got.body.contains("\"string\":\"0\"");
    (if is_new { 404 } else { 200 }, "{}".to_owned())
}

fn look(world: &World) {
    let app = world.app();
    refresh(&app.engine, &app.passes).expect("passes can be looked at");
}

#[test]
fn objects_are_kept_up_to_date_and_their_holders_told_three_times_a_day() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = folder.path().join("key.pem");
    let key = PKey::from_rsa(Rsa::generate(2_048).expect("a key")).expect("a key");
    let pem = key.private_key_to_pem_pkcs8().expect("it can be written");
    std::fs::write(&file, pem).expect("it can be written");
    for database in ["SQLite", "PostgreSQL"] {
        let recorder = Recorder::start(google);
        let mut setup = Setup::default();
        setup.settings.google.key_file = Some(file.clone());
        setup.settings.google.issuer = "3388".to_owned();
        setup.settings.google.api_url = format!("{}/v1", recorder.url);
        setup.settings.google.token_url = format!("{}/token", recorder.url);
        let mut world = World::new(&setup, database);
        kept_up_to_date(&mut world, &recorder, &key);
        world.close();
    }
}

fn kept_up_to_date(world: &mut World, recorder: &Recorder, key: &PKey<Private>) {
    let anna = club(world, &json!({"title": "Club"})).anna;
    let number = issue(world, "wallet", &anna);
    look(world);
    let link = text(&saved(world, &number), "save_url");
    let token = link.rsplit('/').next().expect("there is a token").to_owned();
    assert!(opened(&token, key).1["payload"].get("loyaltyClasses").is_none());
    look(world);
    let got = recorder.take();
    let lines: Vec<&str> = got.iter().map(|one| one.line.trim_end_matches(" HTTP/1.1")).collect();
    let due = [
        "POST /token".to_owned(),
        "POST /v1/loyaltyClass/3388.club".to_owned(),
        format!("POST /v1/loyaltyObject/3388.card-{number}"),
        "POST /v1/loyaltyObject".to_owned(),
    ];
    assert_eq!(lines, due);
    let assertion = got[0].body.split("assertion=").nth(1).expect("there is one");
    assert_eq!(opened(assertion, key).1["aud"], json!(format!("{}/token", recorder.url)));
    assert_eq!(got[1].header("authorization"), Some("Bearer t-1"));

    let mut told = 0;
    for place in 1..=5 {
        grant(world, &anna, "10", "2025-12-31");
        look(world);
        let got = recorder.take();
        let object = got.iter().find(|one| one.line.contains("loyaltyObject/"));
        let object: Value =
            serde_json::from_str(&object.expect("it was brought").body).expect("it is JSON");
        let balance = &object["loyaltyPoints"]["balance"]["string"];
        assert_eq!(*balance, json!((place * 10).to_string()));
        told += i32::from(object["notifyPreference"] == "NOTIFY_ON_UPDATE");
    }
    assert_eq!(told, 2, "the third of the day came with the object itself");
    world.move_to("2025-03-04T09:00:00Z");
    grant(world, &anna, "10", "2025-12-31");
    look(world);
    assert!(recorder.take().iter().any(|one| one.body.contains("NOTIFY_ON_UPDATE")));
    look(world);
    assert!(recorder.take().is_empty(), "nothing changed");
}
