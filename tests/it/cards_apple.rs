//! Passes for Apple Wallet: the package, its signature, and the web service that phones call.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::path::Path;
use std::process::Command;

use coalition::passes::apple::Identity;
use coalition::passes::refresh::refresh;
use coalition_partner::{Answer, Outgoing};
use openssl::sha::sha1;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::cards_world::{Recorder, club, grant, issue, nobody, refusal, step};
use crate::support::{Setup, World, both_with, text};

const TYPE: &str = "pass.example.club";

fn setup() -> Setup {
    let mut setup = Setup::default();
    TYPE.clone_into(&mut setup.settings.apple.pass_type);
    setup.settings.apple.web_service_url = Some("https://cards.example/wallet".to_owned());
    setup
}

type Files = BTreeMap<String, Vec<u8>>;

fn unpacked(package: &[u8]) -> Files {
    let mut archive = ZipArchive::new(Cursor::new(package)).expect("it is a package");
    let mut files = Files::new();
    for place in 0..archive.len() {
        let mut file = archive.by_index(place).expect("it has a file");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("it can be read");
        files.insert(file.name().expect("it has a name").into_owned(), bytes);
    }
    files
}

fn package(world: &World, number: &str) -> Files {
    let answer = world.party("wallet").get(&format!("/v1/cards/{number}/pass"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/vnd.apple.pkpass"));
    unpacked(&answer.body)
}

fn pass(files: &Files) -> Value {
    serde_json::from_slice(&files["pass.json"]).expect("it is JSON")
}

fn verified(folder: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").current_dir(folder).args(arguments).output();
    let output = output.expect("openssl can be run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
}

/// Asks OpenSSL's own program whether a package is signed under an authority.
fn is_signed(files: &Files, ca: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("it can be written");
    };
    write("manifest.json", &files["manifest.json"]);
    write("signature", &files["signature"]);
    write("ca.pem", ca);
    let tail = [
        "-inform",
        "DER",
        "-in",
        "signature",
        "-content",
        "manifest.json",
        "-CAfile",
        "ca.pem",
        "-out",
        "out",
    ];
    verified(folder.path(), &[&["cms", "-verify", "-binary"], &tail[..]].concat());
    verified(folder.path(), &[&["smime", "-verify", "-binary"], &tail[..]].concat());
    let printed = Command::new("openssl")
        .current_dir(folder.path())
        .args(["cms", "-cmsout", "-print", "-noout", "-inform", "DER", "-in", "signature"])
        .output()
        .expect("openssl can be run");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("signingTime"), "{printed}");
    assert!(printed.contains("eContent: <ABSENT>"), "{printed}");
    // Another manifest is not what was signed.
    write("manifest.json", b"{}");
    let other = Command::new("openssl")
        .current_dir(folder.path())
        .args([&["cms", "-verify", "-binary"], &tail[..]].concat())
        .output();
    assert!(!other.expect("openssl can be run").status.success());
}

#[test]
fn a_package_is_complete_and_signed() {
    both_with(&setup(), |world| {
        let card = json!({"title": "Клуб", "terms": "Be kind.", "barcode": "ean13",
            "colors": {"background": "#0c2238"}});
        let anna = club(world, &card).anna;
        let number = issue(world, "wallet", &anna);
        grant(world, &anna, "1250", "2025-12-31");
        let files = package(world, &number);
        let manifest: BTreeMap<String, String> =
            serde_json::from_slice(&files["manifest.json"]).expect("it is JSON");
        for (name, bytes) in &files {
            if !["manifest.json", "signature"].contains(&name.as_str()) {
                assert_eq!(manifest.get(name), Some(&hex::encode(sha1(bytes))), "{name}");
            }
        }
        assert_eq!(manifest.len() + 2, files.len());
        for name in ["icon.png", "icon@2x.png", "icon@3x.png", "logo.png"] {
            assert_eq!(&files[name][1..4], b"PNG", "{name}");
        }
        let said = pass(&files);
        assert_eq!(said["passTypeIdentifier"], TYPE);
        assert_eq!((&said["formatVersion"], &said["serialNumber"]), (&json!(1), &json!(number)));
        assert_eq!(said["storeCard"]["primaryFields"][0]["value"], "1250 point");
        assert_eq!(said["backgroundColor"], "rgb(12, 34, 56)");
        assert_eq!(said["voided"], false);
        assert_eq!(said["webServiceURL"], "https://cards.example/wallet");
        assert!(text(&said, "authenticationToken").len() >= 16);
        let barcode = &said["barcodes"][0];
        assert_eq!(barcode["format"], "PKBarcodeFormatCode128", "Apple has no EAN-13");
        assert_eq!(barcode["message"], json!(number));
        let words = |language: &str| {
            let bytes = files[&format!("{language}.lproj/pass.strings")].clone();
            String::from_utf8(bytes).expect("it is UTF-8")
        };
        assert!(words("ru").contains("\"label_balance\" = \"Баллы\";"));
        assert!(words("en").contains("\"label_balance\" = \"Points\";"));

        let identity = world.app().passes.apple.identity().expect("one was made");
        is_signed(&files, &identity.intermediate_pem().expect("it can be written"));
    });
}

#[test]
fn certificates_come_from_files_and_must_fit() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let identity = Identity::made(TYPE, "TEAM").expect("one can be made");
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(path(name), bytes).expect("written");
    write("ca.pem", identity.intermediate_pem().expect("it can be written"));
    write("certificate.pem", identity.certificate_pem().expect("it can be written"));
    write("key.pem", identity.key_pem().expect("it can be written"));
    let other = Identity::made(TYPE, "TEAM").expect("one can be made");
    write("other.pem", other.key_pem().expect("it can be written"));
    let read = |key: &str| Identity::read(&path("certificate.pem"), &path(key), &path("ca.pem"));
    assert!(read("key.pem").is_ok());
    assert!(read("other.pem").is_err(), "the key of another certificate");
    assert!(read("missing.pem").is_err());
}

/// A phone that has a card's pass.
struct Phone<'a> {
    world: &'a World,
    number: String,
    token: String,
}

impl<'a> Phone<'a> {
    fn new(world: &'a World, number: &str) -> Self {
        let token = text(&pass(&package(world, number)), "authenticationToken");
        Self { world, number: number.to_owned(), token }
    }

    fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &Value) -> Answer {
        let body = body.to_string();
        let body = (method == "POST").then_some(body.as_bytes());
        nobody(self.world, &Outgoing { method, body, headers, ..Outgoing::get(target) })
    }

    fn registration(&self, device: &str) -> String {
        format!("/wallet/v1/devices/{device}/registrations/{TYPE}/{}", self.number)
    }

    fn register(&self, device: &str, push_token: &str) -> u16 {
        let authorization = format!("ApplePass {}", self.token);
        let headers = [("authorization", authorization.as_str())];
        let body = json!({"pushToken": push_token});
        self.send("POST", &self.registration(device), &headers, &body).status
    }

    fn changed(&self, device: &str, since: &str) -> Option<(String, Vec<Value>)> {
        let target =
            format!("/wallet/v1/devices/{device}/registrations/{TYPE}?passesUpdatedSince={since}");
        let answer = self.send("GET", &target, &[], &Value::Null);
        if answer.status == 204 {
            return None;
        }
        let body: Value = answer.json().expect("it is JSON");
        let numbers = body["serialNumbers"].as_array().expect("a list").clone();
        Some((text(&body, "lastUpdated"), numbers))
    }

    fn latest(&self, since: Option<&str>) -> Answer {
        let authorization = format!("ApplePass {}", self.token);
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(since.map(|since| ("if-modified-since", since)));
        let target = format!("/wallet/v1/passes/{TYPE}/{}", self.number);
        self.send("GET", &target, &headers, &Value::Null)
    }
}

fn look(world: &World) {
    let app = world.app();
    refresh(&app.engine, &app.passes).expect("passes can be looked at");
}

#[test]
fn a_phone_registers_is_told_of_a_change_and_gets_the_pass_anew() {
    let gateway = Recorder::start(|_| (200, String::new()));
    let mut setup = setup();
    setup.settings.apple.push_url = Some(format!("{}/push", gateway.url));
    both_with(&setup, |world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        let phone = Phone::new(world, &number);
        look(world);
        assert_eq!(phone.changed("phone-1", ""), None, "nobody registered");
        assert_eq!(phone.register("phone-1", "push-1"), 201);
        for _ in 0..200 {
            assert_eq!(phone.register("phone-1", "push-1"), 200);
        }
        assert_eq!(phone.register("phone-2", "push-2"), 201);
        let (tag, numbers) = phone.changed("phone-1", "").expect("an empty tag gets all");
        assert_eq!(numbers, [json!(number)]);
        assert_eq!(phone.changed("phone-1", &tag), None);
        let first = phone.latest(None);
        assert_eq!(first.status, 200);
        let modified = first.header("last-modified").expect("it says when").to_owned();
        assert_eq!(phone.latest(Some(&modified)).status, 304);
        look(world);
        assert!(gateway.take().is_empty(), "nothing changed");

        grant(world, &anna, "100", "2025-12-31");
        look(world);
        let mut told: Vec<Value> = gateway
            .take()
            .iter()
            .map(|got| serde_json::from_str(&got.body).expect("it is JSON"))
            .collect();
        told.sort_by_key(|one| text(one, "push_token"));
        let due = |token: &str| json!({"push_token": token, "topic": TYPE});
        assert_eq!(told, [due("push-1"), due("push-2")]);
        let (later, numbers) = phone.changed("phone-1", &tag).expect("it changed");
        assert_eq!(numbers, [json!(number)]);
        assert!(later.parse::<i64>().expect("a number") > tag.parse().expect("a number"));
        let second = phone.latest(Some(&modified));
        assert_eq!(second.status, 200, "the clock stands, and the pass is another");
        let shown = pass(&unpacked(&second.body));
        assert_eq!(shown["storeCard"]["primaryFields"][0]["value"], "100 point");
        assert_eq!(text(&shown, "authenticationToken"), phone.token, "it never changes");
        look(world);
        assert!(gateway.take().is_empty(), "told once");

        // The clock alone changes a pass, and a card that is closed is void.
        world.move_to("2025-12-31T21:00:00Z");
        look(world);
        assert_eq!(gateway.take().len(), 2);
        assert_eq!(step(world, "wallet", &number, "close").status, 200);
        look(world);
        assert_eq!(gateway.take().len(), 2);
        assert_eq!(pass(&unpacked(&phone.latest(None).body))["voided"], true);
    });
}

#[test]
fn a_phone_without_the_token_learns_nothing() {
    both_with(&setup(), |world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        let phone = Phone::new(world, &number);
        let refused = (401, "pass_token_invalid".to_owned());
        let wrong = format!("ApplePass {}", phone.token.replace(|_| true, "0"));
        let own = format!("ApplePass {}", phone.token);
        let of_nobody = "9643000000000004";
        for (method, target, header) in [
            ("POST", phone.registration("phone-1"), wrong.as_str()),
            ("POST", phone.registration("phone-1"), ""),
            ("DELETE", phone.registration("phone-1"), wrong.as_str()),
            ("GET", format!("/wallet/v1/passes/{TYPE}/{number}"), wrong.as_str()),
            ("GET", format!("/wallet/v1/passes/{TYPE}/{of_nobody}"), own.as_str()),
            ("GET", format!("/wallet/v1/passes/pass.other/{number}"), own.as_str()),
        ] {
            let body = json!({"pushToken": "push-1"});
            let answer = phone.send(method, &target, &[("authorization", header)], &body);
            assert_eq!(refusal(&answer), refused, "{method} {target}");
        }
        let headers = [("authorization", own.as_str())];
        for token in ["", "a b", &"x".repeat(201)] {
            let body = json!({"pushToken": token});
            let answer = phone.send("POST", &phone.registration("phone-1"), &headers, &body);
            assert_eq!(answer.status, 400, "{token:?}");
        }
        let logs = json!({"logs": ["one\ttwo", "x".repeat(5_000)]});
        assert_eq!(phone.send("POST", "/wallet/v1/log", &[], &logs).status, 200);
        let long = json!({"logs": ["x".repeat(20_000)]});
        assert_eq!(phone.send("POST", "/wallet/v1/log", &[], &long).status, 413);
    });
}

#[test]
fn a_phone_that_lost_the_pass_is_forgotten_and_a_failing_gateway_is_asked_again() {
    let gateway = Recorder::start(|got| {
        let is = |token: &str| got.body.contains(token);
        let status = if is("gone") { 410 } else { 200 + 303 * u16::from(is("slow")) };
        (status, String::new())
    });
    let mut setup = setup();
    setup.settings.apple.push_url = Some(gateway.url.clone());
    both_with(&setup, |world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        let phone = Phone::new(world, &number);
        look(world);
        for (device, token) in [("phone-1", "fine"), ("phone-2", "gone"), ("phone-3", "slow")] {
            assert_eq!(phone.register(device, token), 201);
        }
        grant(world, &anna, "100", "2025-12-31");
        look(world);
        assert_eq!(gateway.take().len(), 3);
        assert_eq!(phone.changed("phone-2", ""), None, "it is not registered any more");
        assert!(phone.changed("phone-1", "").is_some());
        look(world);
        assert!(gateway.take().is_empty(), "not before a minute is over");
        world.move_to("2025-03-03T09:01:00Z");
        look(world);
        let again = gateway.take();
        assert_eq!(again.len(), 1);
        assert!(again[0].body.contains("slow"));

        let own = format!("ApplePass {}", phone.token);
        for _ in 0..2 {
            let headers = [("authorization", own.as_str())];
            let target = phone.registration("phone-1");
            assert_eq!(phone.send("DELETE", &target, &headers, &Value::Null).status, 200);
        }
        assert_eq!(phone.changed("phone-1", ""), None);
    });
}
