//! Many receipts at once take their points from what is left of one pack.

use coalition_partner::Client;
use serde_json::{Value, json};

use super::contention::{accepted, all_at_once, requests};
use super::support::{Request, Store, World, post, post_batch};

/// How many receipts ask at once.
const RECEIPTS: usize = 200;

/// Points that the pack has when they ask.
const LEFT: i64 = 1_000;

/// A world in which the bank buys its points in advance.
fn world(store: Store) -> World {
    let world = World::new(store, None, 16);
    let running = world.start();
    let agreement = json!({"earn": {
        "funding": [{"party": "bank", "share": "1"}], "price_per_point": "1.00",
        "billing": {"prepaid": {"when_empty": "refuse", "pack_price_per_point": "0.75"}}
    }});
    let put = world.operator(&running.url()).put("/v1/agreements/club/bank", &agreement);
    let put = put.expect("an answer");
    assert!(put.is_accepted(), "{}", put.text());
    world
}

fn send(client: &Client, name: &str, body: Value) -> Value {
    let request = Request { party: "bank", key: format!("key/{name}"), body };
    let reply = post(client, &request).expect("an answer");
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.json()
}

fn receipts(world: &World, name: &str) -> Vec<Request> {
    requests("bank", name, RECEIPTS, |name, number| {
        let member = &world.members[number % world.members.len()];
        json!({"kind": "purchase", "ref": name, "programme": "club", "member": member,
            "amount": "70.00"})
    })
}

/// One pack is used up by many members of all shards, on as many servers; then what came back is
/// used up again, in bulk.
fn a_pack_is_used_up(world: &World, urls: &[&str]) {
    let client = world.client(urls[0], "bank");
    let buy = json!({"kind": "pack", "ref": "K", "programme": "club", "points": LEFT.to_string()});
    send(&client, "pack", buy);
    let all = receipts(world, "first");
    let replies = all_at_once(world, urls, &all);
    assert_eq!(accepted(&replies, "limit_exceeded"), Ok(142), "142 times 7 points are 994");
    let good = replies.iter().find(|reply| reply.status == 201).expect("142 were accepted");
    let name = good.json()["ref"].clone();
    send(&client, "back", json!({"kind": "refund", "ref": "B", "of": name, "amount": "70.00"}));
    let again = post_batch(&client, &receipts(world, "again")).expect("an answer");
    assert_eq!(accepted(&again, "limit_exceeded"), Ok(1), "13 points are left");
    world.audit().expect("the audit is clean");
}

#[test]
fn a_pack_gives_out_as_many_points_as_it_has() {
    for store in Store::asked() {
        let world = world(store);
        let running = world.start();
        a_pack_is_used_up(&world, &[&running.url()]);
    }
}

#[test]
fn two_servers_take_from_one_pack() {
    if Store::asked().contains(&Store::Postgres) {
        let world = world(Store::Postgres);
        let (one, other) = (world.start(), world.start());
        a_pack_is_used_up(&world, &[&one.url(), &other.url()]);
    }
}
