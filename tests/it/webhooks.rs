//! Webhooks: made, signed, changed, sent again.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use coalition::server;
use serde_json::{Value, json};

use crate::hooks::{Call, Hook, add_hook, deliveries_when, setup};
use crate::support::{Club, World, both, both_with, code_of, purchase, text};

fn ids(calls: &[Call]) -> BTreeSet<String> {
    calls.iter().map(|call| call.id().to_owned()).collect()
}

/// The events that a party pulls from the beginning.
pub fn pulled(world: &World, party: &str) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page: Value =
            world.party(party).get(&format!("/v1/events{cursor}")).json().expect("it is JSON");
        all.extend(page["data"].as_array().expect("a list").clone());
        if page["page"]["more"] == false {
            return all;
        }
        cursor = format!("?cursor={}", text(&page["page"], "next"));
    }
}

#[test]
fn an_event_arrives_signed_and_says_what_the_pulled_one_says() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let hook = Hook::new();
        world.accept("shop", &purchase("R-0", &anna, "100.00"));
        let (id, secret) = add_hook(world, world.party("shop"), &hook.url, &[]);
        world.accept("shop", &purchase("R-1", &anna, "590.00"));
        let calls = hook.take(2);
        assert_eq!(
            calls.iter().map(Call::kind).collect::<Vec<_>>(),
            ["points.earned", "points.available"]
        );
        let shown: Value =
            world.party("shop").get(&format!("/v1/webhooks/{id}")).json().expect("it is JSON");
        assert!(shown.get("secret").is_none(), "the secret is shown once");
        let public = shown["public_keys"][0].as_str().expect("a key");
        for call in &calls {
            assert!(call.verifies(&secret) && call.verifies(public));
            assert!(!call.verifies("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"));
            assert_eq!(call.headers["content-type"], "application/json");
        }
        // What was before the webhook is not sent; the rest is what is pulled, under its id.
        let all = pulled(world, "shop");
        assert_eq!(all.len(), 4);
        for (call, event) in calls.iter().zip(&all[2..]) {
            assert_eq!(call.id(), text(event, "id"));
            let body = call.json();
            for field in ["type", "timestamp", "data"] {
                assert_eq!(body[field], event[field]);
            }
        }
        assert_eq!(all[2]["data"]["points"], "59");
        assert!(hook.is_quiet());
    });
}

/// A Python that has the official library. Where it is missing there is nothing to compare with,
/// unless `COALITION_TOOLS=required`.
fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let python = home.join(".cache/coalition/venv/bin/python");
    let asked = Command::new(&python).args(["-c", "import standardwebhooks"]).output();
    let is_there = asked.is_ok_and(|output| output.status.success());
    let required = std::env::var("COALITION_TOOLS").is_ok_and(|value| value == "required");
    assert!(is_there || !required, "standardwebhooks is missing; .ci/tools installs it");
    if !is_there {
        eprintln!("no standardwebhooks on this machine: nothing to compare with");
    }
    is_there.then_some(python)
}

/// The library of another language believes what it should, and nothing else.
#[test]
fn the_official_library_of_python_verifies_calls() {
    let Some(python) = python() else { return };
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let hook = Hook::new();
        let (_, secret) = add_hook(world, world.party("shop"), &hook.url, &["points.earned"]);
        world.accept("shop", &purchase("R-1", &anna, "590.00"));
        let call = hook.next();
        let program = "import json, sys\n\
            from standardwebhooks import Webhook, WebhookVerificationError\n\
            secret, headers, body = json.load(sys.stdin)\n\
            try:\n    Webhook(secret).verify(body, headers)\n    print('good')\n\
            except WebhookVerificationError:\n    print('bad')\n";
        let verdict = |body: &str| {
            let input = json!([secret, call.headers, body]).to_string();
            let folder = tempfile::tempdir().expect("a folder");
            let file = folder.path().join("call.json");
            std::fs::write(&file, input).expect("it is written");
            let input = std::fs::File::open(&file).expect("it is there");
            let output = Command::new(&python).args(["-c", program]).stdin(input).output();
            let output = output.expect("it runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        assert_eq!(verdict(&call.body), "good");
        assert_eq!(verdict(&call.body.replace("59", "60")), "bad");
    });
}

#[test]
fn old_and_new_secrets_sign_together_for_a_day() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let hook = Hook::new();
        let (id, old) = add_hook(world, world.party("shop"), &hook.url, &["points.earned"]);
        let rotate = format!("/v1/webhooks/{id}/rotate");
        let answer = world.party("shop").post(&rotate, "rotate-1", &json!({}));
        let new = text(&answer.json().expect("it is JSON"), "secret");
        let again = world.party("shop").post(&rotate, "rotate-1", &json!({}));
        assert!(again.replayed, "a repeated change makes no third secret");
        assert_eq!(text(&again.json().expect("it is JSON"), "secret"), new);
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        let call = hook.next();
        assert!(call.verifies(&old) && call.verifies(&new));
        world.move_to("2025-03-04T09:00:00Z");
        world.accept("shop", &purchase("R-2", &anna, "100.00"));
        let call = hook.next();
        assert!(!call.verifies(&old) && call.verifies(&new), "the old one had its day");
    });
}

#[test]
fn what_was_sent_is_sent_again_by_id_by_time_and_by_cursor() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let shop = world.party("shop").clone();
        let hook = Hook::new();
        let (id, _) = add_hook(world, &shop, &hook.url, &["points.earned"]);
        let replay = |body: &Value| {
            let target = format!("/v1/webhooks/{id}/replay");
            shop.post(&target, &world.new_key(), body)
        };
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        world.move_to("2025-03-03T10:00:00Z");
        let page: Value = shop.get("/v1/events?cursor=end").json().expect("it is JSON");
        let cursor = text(&page["page"], "next");
        world.accept("shop", &purchase("R-2", &anna, "200.00"));
        world.move_to("2025-03-03T11:00:00Z");
        world.accept("shop", &purchase("R-3", &anna, "300.00"));
        let first = hook.take(3);
        let points = |call: &Call| text(&call.json()["data"], "points");
        assert_eq!(first.iter().map(points).collect::<Vec<_>>(), ["10", "20", "30"]);
        deliveries_when(&shop, (&id, "delivered"), |all| all.len() == 3);

        let answer = replay(&json!({"events": [first[1].id()]}));
        assert_eq!(answer.status, 202, "{}", answer.text());
        let again = hook.next();
        assert_eq!((again.id(), &again.body), (first[1].id(), &first[1].body), "the same bytes");

        deliveries_when(&shop, (&id, "delivered"), |all| all.len() == 3);
        let span = json!({"from": "2025-03-03T10:00:00Z", "until": "2025-03-03T11:00:00Z"});
        assert_eq!(replay(&span).status, 202);
        assert_eq!(hook.next().id(), first[1].id());
        assert!(hook.is_quiet());

        assert_eq!(replay(&json!({"cursor": cursor})).status, 202);
        assert_eq!(ids(&hook.take(2)), ids(&first[1..]));
        assert!(hook.is_quiet());

        for body in [
            json!({}),
            json!({"events": []}),
            json!({"events": ["ev_0_999_0"]}),
            json!({"events": ["ev_9000_1_0"]}),
            json!({"events": ["no"]}),
            json!({"events": [first[0].id()], "state": "dead"}),
            json!({"from": "2025-03-03T10:00:00Z", "until": "2025-03-03T10:00:00Z"}),
            json!({"cursor": "AQ"}),
            json!({"state": "pending"}),
        ] {
            let answer = replay(&body);
            assert_eq!(
                (answer.status, code_of(&answer).as_str()),
                (400, "invalid_request"),
                "{body}"
            );
        }
        // Another party's event is none.
        let hook = Hook::new();
        let (other, _) = add_hook(world, world.party("bank"), &hook.url, &[]);
        let target = format!("/v1/webhooks/{other}/replay");
        let body = json!({"events": [first[0].id()]});
        let answer = world.party("bank").post(&target, &world.new_key(), &body);
        assert_eq!(answer.status, 400, "{}", answer.text());
    });
}

#[test]
fn a_webhook_that_can_not_be_is_refused() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop");
        let refused = |body: &Value| {
            let answer = shop.post("/v1/webhooks", &world.new_key(), body);
            (answer.status, code_of(&answer))
        };
        for body in [
            json!({"url": "http://shop.example/hook"}),
            json!({"url": "https://127.0.0.1/hook"}),
            json!({"url": "https://[fd00::1]/hook"}),
            json!({"url": "https://shop.example:22/hook"}),
            json!({"url": "nonsense"}),
            json!({"url": "https://shop.example/", "types": ["points earned"]}),
            json!({"url": "https://shop.example/", "types": vec!["a"; 51]}),
            json!({"url": "https://shop.example/", "description": "d".repeat(201)}),
            json!({"url": "https://shop.example/", "secret": "mine"}),
        ] {
            assert_eq!(refused(&body), (400, "invalid_request".to_owned()), "{body}");
        }
        let quiet = json!({"url": "https://shop.example/", "types": ["no.thing"]});
        for _ in 0..10 {
            assert_eq!(shop.post("/v1/webhooks", &world.new_key(), &quiet).status, 201);
        }
        assert_eq!(refused(&quiet), (409, "too_many_webhooks".to_owned()));
        let list: Value = shop.get("/v1/webhooks").json().expect("it is JSON");
        let first = text(&list["data"][0], "id");
        let target = format!("/v1/webhooks/{first}");
        let outgoing = coalition_partner::Outgoing::get(&target);
        let outgoing = coalition_partner::Outgoing { method: "DELETE", ..outgoing };
        assert_eq!(shop.send(&outgoing).status, 204);
        assert_eq!(shop.send(&outgoing).status, 404);
        assert_eq!(shop.get(&target).status, 404);
        assert_eq!(shop.post("/v1/webhooks", &world.new_key(), &quiet).status, 201);
    });
}

/// A webhook that was switched off is sent what happened meanwhile.
#[test]
fn a_webhook_that_is_enabled_again_misses_nothing() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let shop = world.party("shop").clone();
        let hook = Hook::new();
        let (id, _) = add_hook(world, &shop, &hook.url, &["points.earned"]);
        let target = format!("/v1/webhooks/{id}");
        let change = |body: &Value| {
            let body = body.to_string();
            let key = world.new_key();
            let post = coalition_partner::Outgoing::post(&target, &key, body.as_bytes());
            let answer = shop.send(&coalition_partner::Outgoing { method: "PATCH", ..post });
            assert_eq!(answer.status, 200, "{}", answer.text());
        };
        change(&json!({"state": "disabled"}));
        for number in 0..30 {
            world.accept("shop", &purchase(&format!("R-{number}"), &anna, "100.00"));
        }
        assert!(hook.is_quiet());
        let other = Hook::new();
        change(&json!({"state": "enabled", "url": other.url}));
        assert_eq!(ids(&other.take(30)).len(), 30);
        assert!(hook.is_quiet() && other.is_quiet());
    });
}

#[test]
fn two_servers_send_each_event_once() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let hook = Hook::new();
        let clock = Arc::clone(&world.clock);
        let second = server::start(&world.settings, clock).expect("a second server starts");
        let (id, _) = add_hook(world, world.party("shop"), &hook.url, &["points.earned"]);
        for number in 0..60 {
            world.accept("shop", &purchase(&format!("R-{number}"), &anna, "100.00"));
        }
        let calls = hook.take(60);
        deliveries_when(world.party("shop"), (&id, "delivered"), |all| all.len() == 50);
        assert!(hook.is_quiet(), "nothing is sent twice");
        drop(second);
        assert_eq!(ids(&calls).len(), 60);
    });
}
