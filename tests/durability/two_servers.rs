//! Two servers on one PostgreSQL: what one does counts for the other at once.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use coalition_partner::{Algorithm, Client, SigningKey};
use serde_json::{Value, json};

use super::contention::{accepted, all_at_once, requests};
use super::load::{Books, Till, work};
use super::support::{Reply, Request, Store, World, ask, post};

fn is_asked() -> bool {
    Store::asked().contains(&Store::Postgres)
}

fn purchase(world: &World, name: &str) -> Request {
    let body = json!({"kind": "purchase", "ref": name, "programme": "club",
        "member": world.members[0], "amount": "100.00"});
    Request { party: "shop", key: format!("key/{name}"), body }
}

#[test]
fn two_servers_under_load_keep_one_ledger() {
    if !is_asked() {
        return;
    }
    let world = World::new(Store::Postgres, None, 24);
    let (one, other) = (world.serve(), world.serve());
    let stop = AtomicBool::new(false);
    let mut tills: Vec<Till> = (400..408).map(Till::new).collect();
    let sent = std::thread::scope(|scope| {
        let working = scope.spawn(|| work(&world, &[&one.url, &other.url], &mut tills, &stop));
        std::thread::sleep(Duration::from_secs(5));
        stop.store(true, Ordering::SeqCst);
        working.join().expect("the tills work")
    });
    let mut books = Books::default();
    for one in &sent {
        let replies = one.replies.as_ref().expect("every request is answered");
        for (request, reply) in one.call.requests.iter().zip(replies) {
            books.enter(request, reply).expect("nothing but refusals of business");
        }
    }
    books.compare(&world, &other.url).expect("the histories say the same");
    drop((one, other));
    world.audit().expect("the audit is clean");
    let url = &world.settings.database;
    let gaps = "SELECT count(*) FROM (SELECT shard FROM transactions GROUP BY shard \
        HAVING count(*) <> max(seq) OR min(seq) <> 1) AS gaps";
    assert_eq!(ask(url, gaps), "0", "a sequence has a gap");
    let behind = "SELECT count(*) FROM shard_heads h WHERE next_seq <> 1 + \
        (SELECT count(*) FROM transactions t WHERE t.shard = h.shard)";
    assert_eq!(ask(url, behind), "0", "a head is not at the end of its sequence");
    assert_eq!(deadlocks(url), "0");
    eprintln!("two servers answered {} requests", books.answers);
}

/// The deadlocks of a database, once those who were connected have reported theirs.
fn deadlocks(url: &str) -> String {
    while ask(url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        != "1"
    {
        std::thread::yield_now();
    }
    ask(url, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
}

#[test]
fn one_key_sent_to_two_servers_is_recorded_once() {
    if !is_asked() {
        return;
    }
    let world = World::new(Store::Postgres, None, 8);
    let (one, other) = (world.serve(), world.serve());
    for round in 0..10 {
        let request = purchase(&world, &format!("R{round}"));
        let urls = [one.url.as_str(), other.url.as_str()];
        let replies = all_at_once(&world, &urls, &vec![request; 16]);
        let first = replies.iter().filter(|reply| !reply.replayed).count();
        let bodies: BTreeSet<&str> = replies.iter().map(|reply| reply.body.as_str()).collect();
        assert_eq!((first, bodies.len()), (1, 1), "{bodies:?}");
        // The same reference under other keys, for members of other shards.
        let name = format!("S{round}");
        let all = requests("shop", &name, 16, |_, number| {
            json!({"kind": "purchase", "ref": name, "programme": "club",
                "member": world.members[number % 8], "amount": "100.00"})
        });
        let replies: Vec<Reply> = all_at_once(&world, &urls, &all);
        assert_eq!(accepted(&replies, "duplicate_reference"), Ok(1));
    }
    world.audit().expect("the audit is clean");
}

#[test]
fn a_cap_holds_over_two_servers() {
    if !is_asked() {
        return;
    }
    let world = World::new(Store::Postgres, None, 32);
    let (one, other) = (world.serve(), world.serve());
    let all = requests("capped", "capped", 64, |name, number| {
        json!({"kind": "purchase", "ref": name, "programme": "club",
            "member": world.members[number % 32], "amount": "100.00"})
    });
    let replies = all_at_once(&world, &[&one.url, &other.url], &all);
    assert_eq!(accepted(&replies, "limit_exceeded"), Ok(15));
    world.audit().expect("the audit is clean");
}

#[test]
fn a_key_revoked_at_one_server_posts_nothing_at_the_other() {
    if !is_asked() {
        return;
    }
    let world = World::new(Store::Postgres, None, 1);
    let (one, other) = (world.serve(), world.serve());
    let (here, there) = (world.operator(&one.url), world.operator(&other.url));
    for round in 0..5 {
        let issued = here.issue_hmac_key("shop").expect("a key").value;
        let secret = issued.secret.expect("a shared secret");
        let key = SigningKey::from_base64(&issued.id, Algorithm::HmacSha256, &secret);
        let client = Client::new(&other.url, key.expect("a key")).expect("an address");
        // The other server hears of a new key within its refresh.
        let request = purchase(&world, &format!("before-{round}"));
        while post(&client, &request).expect("an answer").status == 401 {
            std::thread::yield_now();
        }
        here.revoke_key("shop", &issued.id).expect("it is revoked");
        let request = purchase(&world, &format!("after-{round}"));
        let reply = post(&client, &request).expect("an answer");
        assert_eq!((reply.status, reply.code().as_str()), (401, "signature_invalid"));
        let target = format!("/v1/transactions?kind=purchase&ref=after-{round}&party=shop");
        assert_eq!(there.get(&target).expect("an answer").status, 404, "it was posted");
    }
}

#[test]
fn a_mode_set_at_one_server_counts_at_the_other() {
    if !is_asked() {
        return;
    }
    let world = World::new(Store::Postgres, None, 1);
    let (one, other) = (world.serve(), world.serve());
    for round in 0..5 {
        for (mode, here, there) in [("paused", &one, &other), ("live", &other, &one)] {
            world.operator(&here.url).set_mode("club", mode).expect("it is set");
            let request = purchase(&world, &format!("{mode}-{round}"));
            let reply = post(&world.client(&there.url, "shop"), &request).expect("an answer");
            let expected = if mode == "paused" { "programme_paused" } else { "" };
            assert_eq!(reply.code(), expected, "{}", reply.body);
        }
    }
}

/// The database drops every connection, as when it is restarted.
#[test]
fn a_server_finds_its_database_again() {
    if !is_asked() {
        return;
    }
    let world = World::new(Store::Postgres, None, 1);
    let served = world.serve();
    let client = world.client(&served.url, "shop");
    let operator = world.operator(&served.url);
    for round in 0..4 {
        let bought = post(&client, &purchase(&world, &format!("R{round}"))).expect("an answer");
        assert_eq!(bought.status, 201, "{}", bought.body);
        let ended = ask(
            &world.settings.database,
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        assert_ne!(ended, "0");
        for part in 0..8 {
            let name = format!("F{round}-{part}");
            let body = json!({"kind": "refund", "ref": name, "of": format!("R{round}"),
                "amount": "1.00"});
            let request = Request { party: "shop", key: format!("key/{name}"), body };
            let reply = post(&client, &request).expect("an answer");
            assert_eq!(reply.status, 201, "{}", reply.body);
            let target = format!("/v1/members/{}/balances", world.members[0]);
            let answer = operator.get(&target).expect("an answer");
            assert_eq!(answer.status, 200, "{}", answer.text());
            let view: Value = answer.json().expect("JSON");
            assert_eq!(view["balances"][0]["programme"], "club");
        }
    }
    world.audit().expect("the audit is clean");
}
