//! Many ask at once for what is there for a few: exactly as many succeed as it is good for.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier};

use coalition::clock::Clock;
use coalition::domain::time::Instant;
use coalition::server;
use serde_json::{Value, json};

use super::load::{Till, hundredths, work};
use super::support::{Checked, NOON, Reply, Request, Store, World, ensure, post, post_batch};

/// Who asks at once, each on a thread and a connection of its own.
const CALLERS: usize = 64;

/// How many spends a balance is good for.
const GOOD_FOR: usize = 17;

/// Sends every request on a thread of its own, all at the same moment, to servers in turn.
pub fn all_at_once(world: &World, urls: &[&str], requests: &[Request]) -> Vec<Reply> {
    let barrier = Barrier::new(requests.len());
    let one = |place: usize, request: &Request| {
        let client = world.client(urls[place % urls.len()], request.party);
        barrier.wait();
        post(&client, request).expect("an answer")
    };
    std::thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> = requests
            .iter()
            .enumerate()
            .map(|(place, request)| scope.spawn(move || one(place, request)))
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("it is sent")).collect()
    })
}

/// Requests like one another, each with its own key, from its number.
pub fn requests(
    party: &'static str,
    name: &str,
    count: usize,
    body: impl Fn(String, usize) -> Value,
) -> Vec<Request> {
    (0..count)
        .map(|number| {
            let name = format!("{name}-{number}");
            Request { party, key: format!("key/{name}"), body: body(name, number) }
        })
        .collect()
}

/// Gives a member points that can be spent at once.
pub fn grant(world: &World, url: &str, member: &str, points: usize) {
    let name = format!("gift-{member}-{points}");
    let body = json!({"kind": "grant", "ref": name, "programme": "club", "member": member,
        "points": points.to_string(), "funding": [{"party": "brand", "share": "1"}],
        "price_per_point": "1.00"});
    let request = Request { party: "brand", key: format!("key/{name}"), body };
    let reply = post(&world.client(url, "brand"), &request).expect("an answer");
    assert_eq!(reply.status, 201, "{}", reply.body);
}

/// A member's balance in a programme.
pub fn balance(world: &World, url: &str, member: &str, programme: &str) -> Value {
    let target = format!("/v1/members/{member}/balances?programme={programme}");
    let all: Value = world.operator(url).get(&target).expect("an answer").json().expect("JSON");
    all["balances"][0].clone()
}

/// How many were accepted; all others were refused with a code.
pub fn accepted(replies: &[Reply], code: &str) -> Checked<usize> {
    let (good, bad): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 201);
    for reply in bad {
        ensure(reply.code() == code, || format!("not {code}: {} {}", reply.status, reply.body))?;
    }
    Ok(good.len())
}

/// Sixty-four spend ten points each of a balance that is good for fewer.
fn spends_fit(store: Store, spend: impl Fn(String, &str) -> Value) {
    let world = World::new(store, None, 1);
    let running = world.start();
    let url = running.url();
    let member = world.members[0].as_str();
    grant(&world, &url, member, GOOD_FOR * 10 + 9);
    let all = requests("shop", "spend", CALLERS, |name, _| spend(name, member));
    let replies = all_at_once(&world, &[&url], &all);
    assert_eq!(accepted(&replies, "insufficient_points"), Ok(GOOD_FOR));
    assert_eq!(balance(&world, &url, member, "club")["available"], "9");
    let again = all_at_once(&world, &[&url], &all);
    for (first, again) in replies.iter().zip(again) {
        assert!(again.replayed);
        assert_eq!((first.status, &first.body), (again.status, &again.body));
    }
    world.audit().expect("the audit is clean");
}

#[test]
fn as_many_purchases_burn_as_the_balance_is_good_for() {
    for store in Store::asked() {
        spends_fit(store, |name, member| {
            json!({"kind": "purchase", "ref": name, "programme": "club", "member": member,
                "amount": "500.00", "burn": "10"})
        });
    }
}

#[test]
fn as_many_holds_stand_as_the_balance_is_good_for() {
    for store in Store::asked() {
        spends_fit(store, |name, member| {
            json!({"kind": "hold", "ref": name, "programme": "club", "member": member,
                "points": "10", "valid_for": {"days": 1}})
        });
    }
}

#[test]
fn as_many_exchanges_are_made_as_the_balance_is_good_for() {
    for store in Store::asked() {
        spends_fit(store, |name, member| {
            json!({"kind": "exchange", "ref": name, "from": "club", "to": "miles",
                "member": member, "points": "10"})
        });
    }
}

/// Purchases for 10.00 of debt each under a cap of 150.00, for members of all shards.
pub fn cap_holds(store: Store, fault: &str, in_bulk: bool) -> Checked {
    let world = World::new(store, None, 32);
    let served = world.serve_faulty(fault);
    let all = requests("capped", "capped", CALLERS, |name, number| {
        let member = &world.members[number % world.members.len()];
        json!({"kind": "purchase", "ref": name, "programme": "club", "member": member,
            "amount": "100.00"})
    });
    let replies = if in_bulk {
        let client = world.client(&served.url, "capped");
        post_batch(&client, &all).ok_or("no answer")?
    } else {
        all_at_once(&world, &[&served.url], &all)
    };
    let fit = accepted(&replies, "limit_exceeded")?;
    ensure(fit == 15, || format!("{fit} purchases of 10.00 fit under a cap of 150.00"))?;
    let good = replies.iter().find(|reply| reply.status == 201).ok_or("none was accepted")?;
    let day = good.json()["settlement_day"].as_str().unwrap_or_default().to_owned();
    let cycle = world.operator(&served.url).cycle(&day).map_err(|error| error.to_string())?;
    let net = cycle.value["nets"]["capped"].clone();
    ensure(net == "-150.00", || format!("the capped party's net is {net}"))?;
    world.audit()
}

#[test]
fn a_cap_is_reached_and_never_passed() {
    for store in Store::asked() {
        cap_holds(store, "", false).expect("the cap holds for single requests");
        cap_holds(store, "", true).expect("the cap holds in bulk");
    }
}

/// Who asks at once for what is left of a credit line.
const DEBTORS: usize = 200;

#[test]
fn a_credit_line_counts_what_is_unpaid_and_is_never_passed() {
    for store in Store::asked() {
        let world = World::new(store, None, 32);
        let purchases = |name: &str, count| {
            requests("capped", name, count, |name, number| {
                let member = &world.members[number % world.members.len()];
                json!({"kind": "purchase", "ref": name, "programme": "club", "member": member,
                    "amount": "100.00"})
            })
        };
        let running = world.start();
        let line = json!({"credit_line": "1300.00", "earn": {
            "funding": [{"party": "capped", "share": "1"}], "price_per_point": "1.00"}});
        let put = world.operator(&running.url()).put("/v1/agreements/club/capped", &line);
        assert!(put.expect("an answer").is_accepted());
        let client = world.client(&running.url(), "capped");
        let earlier = post_batch(&client, &purchases("earlier", 30)).expect("an answer");
        assert!(earlier.iter().all(|reply| reply.status == 201), "300.00 are owed");
        drop(running);
        // The next day: another cycle is open, and nobody has paid the first one.
        let noon = Instant::parse(NOON).expect("an instant");
        let clock = || Arc::new(Clock::set(noon.plus_micros(86_400_000_000)));
        // One server has a SQLite file, several a PostgreSQL.
        let count = if store == Store::Postgres { 2 } else { 1 };
        let start = |_| server::start(&world.settings, clock()).expect("it starts");
        let servers: Vec<_> = (0..count).map(start).collect();
        let urls: Vec<String> = servers.iter().map(server::Running::url).collect();
        let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
        let replies = all_at_once(&world, &urls, &purchases("later", DEBTORS));
        assert_eq!(accepted(&replies, "limit_exceeded"), Ok(100), "1,000.00 were left");
        drop(servers);
        world.audit().expect("the audit is clean");
    }
}

#[test]
fn of_one_reference_under_many_keys_one_wins() {
    for store in Store::asked() {
        let world = World::new(store, None, 16);
        let running = world.start();
        let url = running.url();
        for members in [1, world.members.len()] {
            let reference = format!("once-{members}");
            let all = requests("shop", &reference, CALLERS, |_, number| {
                json!({"kind": "purchase", "ref": reference, "programme": "club",
                    "member": world.members[number % members], "amount": "100.00"})
            });
            let replies = all_at_once(&world, &[&url], &all);
            assert_eq!(accepted(&replies, "duplicate_reference"), Ok(1));
            let id_of = |reply: &Reply| {
                let body = reply.json();
                let id = if reply.status == 201 { &body["id"] } else { &body["transaction"] };
                id.as_str().expect("an id").to_owned()
            };
            let ids: BTreeSet<String> = replies.iter().map(id_of).collect();
            assert_eq!(ids.len(), 1, "every refusal names the one that won: {ids:?}");
        }
        world.audit().expect("the audit is clean");
    }
}

#[test]
fn one_key_sent_by_many_is_recorded_once() {
    for store in Store::asked() {
        let world = World::new(store, None, 1);
        let running = world.start();
        let url = running.url();
        let one = requests("shop", "same", 1, |name, _| {
            json!({"kind": "purchase", "ref": name, "programme": "club",
                "member": world.members[0], "amount": "100.00"})
        });
        let replies = all_at_once(&world, &[&url], &vec![one[0].clone(); CALLERS]);
        let first = replies.iter().filter(|reply| !reply.replayed).count();
        let bodies: BTreeSet<&str> = replies.iter().map(|reply| reply.body.as_str()).collect();
        assert_eq!((first, bodies.len()), (1, 1), "{bodies:?}");
        assert!(replies.iter().all(|reply| reply.status == 201));
        world.audit().expect("the audit is clean");
    }
}

/// A till that names members of all shards while others do the same: nothing waits for ever.
#[test]
fn load_leaves_a_clean_ledger() {
    for store in Store::asked() {
        let world = World::new(store, None, 8);
        let running = world.start();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let mut tills: Vec<Till> = (200..208).map(Till::new).collect();
        let url = running.url();
        let sent = std::thread::scope(|scope| {
            let working = scope.spawn(|| work(&world, &[&url], &mut tills, &stop));
            std::thread::sleep(std::time::Duration::from_secs(2));
            stop.store(true, std::sync::atomic::Ordering::SeqCst);
            working.join().expect("the tills work")
        });
        assert!(sent.iter().all(|one| one.replies.is_some()), "every request is answered");
        let mut books = super::load::Books::default();
        for one in &sent {
            for (request, reply) in one.call.requests.iter().zip(one.replies.iter().flatten()) {
                books.enter(request, reply).expect("nothing but refusals of business");
            }
        }
        books.compare(&world, &url).expect("the histories say the same");
        world.audit().expect("the audit is clean");
    }
}

/// Whoever looks while points are held and released sees each of them once.
#[test]
fn a_balance_is_read_as_it_was_at_one_moment() {
    for store in Store::asked() {
        let world = World::new(store, None, 1);
        let running = world.start();
        let (url, member) = (running.url(), world.members[0].as_str());
        grant(&world, &url, member, 100);
        let done = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let client = world.client(&url, "shop");
                for number in 0..150 {
                    let hold = json!({"kind": "hold", "ref": format!("H{number}"),
                        "programme": "club", "member": member, "points": "60",
                        "valid_for": {"days": 1}});
                    let void = json!({"kind": "void", "of": format!("H{number}")});
                    for (kind, body) in [("hold", hold), ("void", void)] {
                        let key = format!("{kind}/{number}");
                        let request = Request { party: "shop", key, body };
                        let reply = post(&client, &request).expect("an answer");
                        assert_eq!(reply.status, 201, "{}", reply.body);
                    }
                }
                done.store(true, std::sync::atomic::Ordering::SeqCst);
            });
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                let seen = balance(&world, &url, member, "club");
                let sum = hundredths(&seen["available"]) + hundredths(&seen["held"]);
                assert_eq!(sum, 10_000, "{store:?}: {seen}");
            }
        });
    }
}
