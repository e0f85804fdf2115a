//! Profiles become one while their members buy: nothing is lost, refused or counted twice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;

use super::contention::{accepted, all_at_once, requests};
use super::load::{Books, Till, history, work};
use super::support::{Reply, Request, Store, World, post};

fn merge(keep: &str, drop: &str, key: String) -> Request {
    Request { party: "brand", key, body: json!({"kind": "merge", "keep": keep, "drop": drop}) }
}

#[test]
fn members_are_merged_while_they_buy() {
    for store in Store::asked() {
        let mut world = World::new(store, None, 6);
        let running = world.start();
        let url = running.url();
        let stop = AtomicBool::new(false);
        let mut tills: Vec<Till> = (300..306).map(Till::new).collect();
        let (sent, merges) = std::thread::scope(|scope| {
            let working = scope.spawn(|| work(&world, &[&url], &mut tills, &stop));
            let client = world.client(&url, "brand");
            let mut merges: Vec<(Request, Reply)> = Vec::new();
            for pair in world.members.windows(2) {
                std::thread::sleep(Duration::from_millis(250));
                let request = merge(&pair[1], &pair[0], format!("merge/{}", pair[0]));
                let reply = post(&client, &request).expect("an answer");
                merges.push((request, reply));
            }
            std::thread::sleep(Duration::from_millis(250));
            stop.store(true, Ordering::SeqCst);
            (working.join().expect("the tills work"), merges)
        });
        let mut books = Books::default();
        for (request, reply) in &merges {
            books.enter(request, reply).expect("a merge is accepted");
        }
        for one in &sent {
            let replies = one.replies.as_ref().expect("every request is answered");
            for (request, reply) in one.call.requests.iter().zip(replies) {
                books.enter(request, reply).expect("nothing but refusals of business");
            }
        }
        world.audit().expect("the audit is clean");
        // All are one person now, whichever of the names is asked for.
        let of_last = history(&world, &url, &world.members[5]);
        for member in &world.members {
            assert_eq!(history(&world, &url, member).len(), of_last.len());
        }
        world.members = world.members.split_off(5);
        books.compare(&world, &url).expect("the history says the same");
    }
}

#[test]
fn two_members_are_merged_once_whoever_asks() {
    for store in Store::asked() {
        let world = World::new(store, None, 2);
        let running = world.start();
        let url = running.url();
        let (one, other) = (&world.members[0], &world.members[1]);
        let all = requests("brand", "merge", 32, |_, number| {
            let (keep, drop) = if number % 2 == 0 { (one, other) } else { (other, one) };
            json!({"kind": "merge", "keep": keep, "drop": drop})
        });
        let replies = all_at_once(&world, &[&url], &all);
        assert_eq!(accepted(&replies, "invalid_request"), Ok(1));
        world.audit().expect("the audit is clean");
    }
}
