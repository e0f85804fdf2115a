//! Webhooks whose receivers fail, redirect, hang, ask for time, or are gone.

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::hooks::{Call, Hook, Reply, add_hook, deliveries_when, setup};
use crate::support::{Club, World, both_with, instant, purchase, text};
use crate::webhooks::pulled;

const EARNED: &[&str] = &["points.earned"];

/// The one delivery that waits, once it was tried so often.
fn tried(caller: &Caller, webhook: &str, attempts: i64) -> Value {
    let is_right = |all: &[Value]| all.len() == 1 && all[0]["attempts"] == attempts;
    deliveries_when(caller, (webhook, "pending"), is_right).remove(0)
}

/// How many seconds after now a delivery is due.
fn wait_of(world: &World, delivery: &Value) -> i64 {
    (instant(&text(delivery, "due_at")).0 - world.clock.now().0) / 1_000_000
}

#[test]
fn failures_are_tried_again_by_the_schedule_under_the_same_id() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let shop = world.party("shop").clone();
        let (hook, elsewhere) = (Hook::new(), Hook::new());
        let (id, secret) = add_hook(world, &shop, &hook.url, EARNED);
        hook.replies([
            Reply::Status(500, &[]),
            Reply::Redirect(elsewhere.url.clone()),
            Reply::Status(503, &[("retry-after", "7200")]),
            Reply::Silence,
        ]);
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        let mut calls = vec![hook.next()];
        for (attempt, (least, most), status) in [
            (1, (5, 6), json!(500)),
            (2, (300, 330), json!(302)),
            // Half an hour by the schedule; the receiver asked for two hours.
            (3, (7_200, 7_200), json!(503)),
            (4, (7_200, 7_920), Value::Null),
        ] {
            let delivery = tried(&shop, &id, attempt);
            let wait = wait_of(world, &delivery);
            assert!((least..=most).contains(&wait), "after {attempt}: {wait} s");
            assert_eq!(delivery["status"], status);
            assert!(!text(&delivery, "error").is_empty());
            world.move_to(&text(&delivery, "due_at"));
            calls.push(hook.next());
        }
        let arrived = deliveries_when(&shop, (&id, "delivered"), |all| all.len() == 1);
        assert_eq!(arrived[0]["attempts"], 5);
        for call in &calls {
            assert_eq!((call.id(), &call.body), (calls[0].id(), &calls[0].body));
            assert!(call.verifies(&secret), "each call has a timestamp of its own");
        }
        assert!(elsewhere.is_quiet(), "nobody follows a redirect");
        let webhook: Value = shop.get(&format!("/v1/webhooks/{id}")).json().expect("it is JSON");
        assert_eq!(webhook["failing_since"], Value::Null, "it works again");
    });
}

#[test]
fn a_receiver_that_is_gone_is_called_no_more_and_its_party_is_told() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let shop = world.party("shop").clone();
        let hook = Hook::new();
        let (id, _) = add_hook(world, &shop, &hook.url, EARNED);
        hook.replies([Reply::Status(410, &[])]);
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        let first = hook.next();
        tried(&shop, &id, 1);
        world.accept("shop", &purchase("R-2", &anna, "100.00"));
        world.move_to("2025-03-03T12:00:00Z");
        assert!(hook.is_quiet());
        let webhook: Value = shop.get(&format!("/v1/webhooks/{id}")).json().expect("it is JSON");
        assert_eq!((&webhook["state"], &webhook["reason"]), (&json!("disabled"), &json!("gone")));
        let told = |party| -> Vec<Value> {
            let all = pulled(world, party);
            all.into_iter().filter(|event| event["type"] == "webhook.disabled").collect()
        };
        assert_eq!(told("shop").len(), 1);
        assert_eq!(told("shop")[0]["data"]["webhook"], json!(id));
        assert!(told("bank").is_empty() && told("brand").is_empty());
        let enable = json!({"state": "enabled"}).to_string();
        let target = format!("/v1/webhooks/{id}");
        let post = coalition_partner::Outgoing::post(&target, "enable", enable.as_bytes());
        shop.send(&coalition_partner::Outgoing { method: "PATCH", ..post });
        let calls = hook.take(2);
        assert!(calls.iter().any(|call| call.id() == first.id()), "nothing is lost");
        assert!(hook.is_quiet());
    });
}

#[test]
fn ten_failures_in_three_days_give_a_delivery_up_and_it_can_be_sent_again() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let shop = world.party("shop").clone();
        let hook = Hook::new();
        let (id, _) = add_hook(world, &shop, &hook.url, EARNED);
        hook.replies(std::iter::repeat_n(Reply::Status(500, &[]), 10));
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        let begun = world.clock.now();
        let mut calls = Vec::new();
        for attempt in 1..10 {
            calls.push(hook.next());
            world.move_to(&text(&tried(&shop, &id, attempt), "due_at"));
        }
        calls.push(hook.next());
        let dead = deliveries_when(&shop, (&id, "dead"), |all| all.len() == 1);
        assert_eq!((&dead[0]["attempts"], &dead[0]["status"]), (&json!(10), &json!(500)));
        let hours = (world.clock.now().0 - begun.0) / 3_600_000_000;
        assert!((75..=84).contains(&hours), "{hours} h");
        let webhook: Value = shop.get(&format!("/v1/webhooks/{id}")).json().expect("it is JSON");
        assert_eq!(
            (&webhook["state"], &webhook["reason"]),
            (&json!("disabled"), &json!("failing"))
        );

        let target = format!("/v1/webhooks/{id}");
        let enable = json!({"state": "enabled"}).to_string();
        let post = coalition_partner::Outgoing::post(&target, "enable", enable.as_bytes());
        shop.send(&coalition_partner::Outgoing { method: "PATCH", ..post });
        assert!(hook.is_quiet(), "what was given up is not sent by itself");
        let answer = shop.post(&format!("{target}/replay"), "again", &json!({"state": "dead"}));
        assert_eq!(answer.json::<Value>().expect("it is JSON")["deliveries"], 1);
        assert_eq!(hook.next().id(), calls[0].id());
        deliveries_when(&shop, (&id, "dead"), <[Value]>::is_empty);
    });
}

#[test]
fn a_receiver_that_hangs_does_not_hold_up_the_others() {
    both_with(&setup(), |world| {
        let anna = Club::new(world).anna;
        let (slow, fast) = (Hook::new(), Hook::new());
        slow.replies(std::iter::repeat_n(Reply::Silence, 1_000));
        for _ in 0..10 {
            add_hook(world, world.party("brand"), &slow.url, EARNED);
        }
        add_hook(world, world.party("shop"), &fast.url, EARNED);
        let started = std::time::Instant::now();
        for number in 0..40 {
            world.accept("shop", &purchase(&format!("R-{number}"), &anna, "100.00"));
        }
        let calls = fast.take(40);
        let points: Vec<String> = calls.iter().map(Call::kind).collect();
        assert_eq!(points.len(), 40);
        // Ten times forty calls that hang for two seconds each would take minutes.
        assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
    });
}
