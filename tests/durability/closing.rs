//! Days that are closed, by hand and by the job, while 32 clients post: whatever money was posted
//! lies in exactly one cycle, once for each side.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Stopwatch};

use coalition::clock::Clock;
use coalition::domain::posting::Body;
use coalition::domain::time::{Day, Instant};
use coalition::domain::transaction::Transaction;
use coalition::server;
use coalition::store::{Use, audit, heads};
use coalition_partner::OperatorClient;
use serde_json::{Value, json};

use super::load::{Sent, Till, send_by};
use super::support::{NOON, Store, World};

const CLIENTS: u64 = 32;

/// What a client waits between two calls: the journal should grow, but not be all there is to do.
const PACE: Duration = Duration::from_millis(25);

/// How often a bulk call is sent again.
const AGAIN_MAX: u32 = 400;

const DAY_MICROS: i64 = 86_400_000_000;

/// How long it goes on, how long a day is, and how many members there are.
fn sizes() -> (Duration, Duration, usize) {
    let asked = std::env::var("COALITION_CLOSING_SECONDS").ok().and_then(|text| text.parse().ok());
    match asked {
        Some(seconds) => (Duration::from_secs(seconds), Duration::from_secs(10), 5_000),
        None => (Duration::from_secs(4), Duration::from_millis(700), 60),
    }
}

/// From when to when something took its time.
type Span = (Stopwatch, Stopwatch);

#[test]
fn every_posting_of_money_lies_in_one_cycle_though_days_end_under_load() {
    for store in Store::asked() {
        let mut world = World::new(store, None, sizes().2);
        world.settings.settle_seconds = 1;
        let (days, calls, closings, ends) = run(&world);
        let around =
            |(begun, done): &&Span| closings.iter().any(|(from, to)| begun < to && from < done);
        let count = calls.len();
        eprintln!("{store:?}: {count} calls over {days} days");
        eprintln!("  around a close by hand: {}", told(calls.iter().filter(around)));
        eprintln!("  all: {}", told(calls.iter()));
        let first = calls.iter().map(|(begun, _)| *begun).min().expect("some calls");
        let mut minutes: BTreeMap<u64, Vec<&Span>> = BTreeMap::new();
        for call in &calls {
            minutes.entry((call.0 - first).as_secs() / 60).or_default().push(call);
        }
        for (minute, calls) in minutes {
            eprintln!("  minute {minute}: {} calls, {}", calls.len(), told(calls.into_iter()));
        }
        let mut slow: Vec<&Span> = calls.iter().collect();
        slow.sort_by_key(|(begun, done)| std::cmp::Reverse(*done - *begun));
        for (begun, done) in slow.iter().take(5) {
            let after = ends.iter().filter_map(|end| begun.checked_duration_since(*end)).min();
            let (took, at) = (*done - *begun, *begun - first);
            eprintln!("  {took:?}, begun at {at:?}, {after:?} after a day ended");
        }
        world.settings.settle_seconds = 0;
        check(&world, days);
        world.audit().expect("the books are whole");
    }
}

/// How long calls took.
fn told<'a>(calls: impl Iterator<Item = &'a Span>) -> String {
    let mut took: Vec<Duration> = calls.map(|(begun, done)| *done - *begun).collect();
    took.sort();
    let within = |permille: usize| took.get(took.len() * permille / 1000).copied();
    let [half, most, nearly] = [500, 990, 999].map(|one| within(one).unwrap_or_default());
    let longest = took.last().copied().unwrap_or_default();
    format!("half within {half:?}, 99 % {most:?}, 99.9 % {nearly:?}, the longest {longest:?}")
}

/// Posts while days go by; how many did, when calls were under way and days closed by hand, and
/// when days ended.
fn run(world: &World) -> (u32, Vec<Span>, Vec<Span>, Vec<Stopwatch>) {
    let noon = Instant::parse(NOON).expect("an instant");
    let clock = Arc::new(Clock::set(noon));
    let running = server::start(&world.settings, Arc::clone(&clock)).expect("the server starts");
    let url = running.url();
    let operator = world.operator(&url);
    // What the clearing house itself posts at each close.
    put(&operator, "/v1/schedules/main", &json!({"period": "daily", "carry_below": "5.00"}));
    let minimum = json!({"earn": {"funding": [{"party": "bank", "share": "1"}],
        "price_per_point": "0.41"}, "charges": {"minimum_fee": "7.00"}});
    put(&operator, "/v1/agreements/club/bank", &minimum);
    let (lasts, one_day, _) = sizes();
    let stop = AtomicBool::new(false);
    let (mut days, mut closings, mut ends) = (0, Vec::new(), Vec::new());
    let calls = std::thread::scope(|scope| {
        let (stop, url) = (&stop, url.as_str());
        let threads: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(move || post(world, url, Till::new(number), stop)))
            .collect();
        let _ends = EndsWith(stop);
        let begun = Stopwatch::now();
        while begun.elapsed() < lasts {
            std::thread::sleep(one_day);
            days += 1;
            ends.push(Stopwatch::now());
            clock.advance_to(noon.plus_micros(i64::from(days) * DAY_MICROS));
            // Every other day is left to the job.
            if days % 2 == 1 {
                let from = Stopwatch::now();
                close(&operator, days - 1);
                closings.push((from, Stopwatch::now()));
            }
        }
        stop.store(true, Ordering::SeqCst);
        let calls = threads.into_iter().map(|thread| thread.join().expect("a client works"));
        calls.flatten().collect()
    });
    (days, calls, closings, ends)
}

/// Stops the clients when it goes, so that nothing waits for ever where a check fails.
struct EndsWith<'a>(&'a AtomicBool);

impl Drop for EndsWith<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// One client's calls, each of which is answered.
fn post(world: &World, url: &str, mut till: Till, stop: &AtomicBool) -> Vec<Span> {
    let clients = ["shop", "brand"].map(|party| (party, world.client(url, party)));
    let mut spans = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let call = till.next(&world.members);
        let client = clients.iter().find(|(party, _)| *party == call.requests[0].party);
        let (_, client) = client.expect("tills are of two parties");
        let begun = Stopwatch::now();
        let mut replies = send_by(client, &call);
        // Only so many bulk calls are taken at once; the others are told to come again.
        for _ in 0..AGAIN_MAX {
            if replies.is_some() || !call.in_bulk {
                break;
            }
            std::thread::sleep(PACE);
            replies = send_by(client, &call);
        }
        spans.push((begun, Stopwatch::now()));
        assert!(replies.is_some(), "no answer to {call:?}");
        till.learn(&Sent { call, replies });
        std::thread::sleep(PACE);
    }
    spans
}

fn put(operator: &OperatorClient, path: &str, body: &Value) {
    let put = operator.put(path, body).expect("an answer");
    assert!(put.is_accepted(), "{path}: {}", put.text());
}

fn day(number: u32) -> String {
    Day::parse("2025-05-05").expect("a day").plus_days(number).to_string()
}

fn close(operator: &OperatorClient, number: u32) {
    let target = format!("/v1/cycles/{}/close", day(number));
    let closed = operator.post(&target, &target, &json!({})).expect("an answer");
    assert_eq!(closed.status, 200, "{}", closed.text());
}

fn get(operator: &OperatorClient, target: &str) -> Value {
    let answer = operator.get(target).expect("an answer");
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json().expect("JSON")
}

/// Closes what is left, publishes all, and compares the statements with the journal.
fn check(world: &World, days: u32) {
    let noon = Instant::parse(NOON).expect("an instant");
    let clock = Arc::new(Clock::set(noon.plus_micros(i64::from(days + 1) * DAY_MICROS)));
    let running = server::start(&world.settings, clock).expect("the server starts again");
    let operator = world.operator(&running.url());
    let mut lines: BTreeMap<String, Vec<(String, bool)>> = BTreeMap::new();
    let mut cuts: BTreeMap<i64, i64> = BTreeMap::new();
    let mut by_job = 0;
    for number in 0..=days {
        close(&operator, number);
        let target = format!("/v1/cycles/{}/publish", day(number));
        let published = operator.post(&target, &target, &json!({})).expect("an answer");
        assert_eq!(published.status, 200, "{}", published.text());
        let cycle = get(&operator, &format!("/v1/cycles/{}", day(number)));
        let events = cycle["events"].as_array().expect("events");
        by_job += usize::from(events.iter().any(|one| one["by"] == "schedule"));
        let listed: Value = published.json().expect("JSON");
        for listed in listed["data"].as_array().expect("a list") {
            let party = listed["party"].as_str().expect("a party");
            let statement = get(&operator, &format!("/v1/statements/{}/{party}", day(number)));
            for line in statement["lines"].as_array().expect("lines") {
                let entry = line["entry"]["id"].as_str().expect("an id").to_owned();
                assert_eq!(line["entry"]["cycle"], day(number), "{entry}");
                let side = (day(number), line["gross_debit"].is_string());
                lines.entry(entry).or_default().push(side);
            }
            if party == "brand" {
                follow(&mut cuts, &statement["header"]["cut"]);
            }
        }
    }
    assert!(by_job > 0, "the job closed no day");
    let posted = posted(world);
    let open = day(days + 1);
    for (entry, cycle) in posted {
        let sides = lines.remove(&entry).unwrap_or_default();
        // What the last close carried over is not settled yet.
        if cycle == open {
            assert!(sides.is_empty(), "{entry} of {cycle} lies in {sides:?}");
            continue;
        }
        let [debit, credit] = [true, false].map(|is_debit| (cycle.clone(), is_debit));
        let once = [vec![debit.clone(), credit.clone()], vec![credit, debit]].contains(&sides);
        assert!(once, "{entry} of {cycle} lies in {sides:?}");
    }
    assert!(lines.is_empty(), "in statements, but not in the journal: {lines:?}");
}

/// Each day covers what comes after the day before, shard by shard.
fn follow(cuts: &mut BTreeMap<i64, i64>, cut: &Value) {
    const HOUSE: i64 = coalition::domain::ids::SHARDS_MAX;
    for part in cut.as_array().expect("a cut") {
        let number = |field: &str| part[field].as_i64().expect("a number");
        let (shard, first, last) = (number("shard"), number("first"), number("last"));
        let before = cuts.insert(shard, last).unwrap_or(0);
        assert!(shard == HOUSE || first == before + 1, "shard {shard}: {first} after {before}");
        assert!(before <= last && first <= last + 1, "shard {shard}: {first} to {last}");
    }
}

/// The journal's postings of money between two parties, each with its cycle.
fn posted(world: &World) -> Vec<(String, String)> {
    let address = world.settings.address().expect("an address");
    let mut database = address.open(Use::Read).expect("it can be read");
    let mut posted = Vec::new();
    for head in heads::all(&mut database).expect("the heads are there") {
        let mut after = 0;
        loop {
            let page = audit::journal(&mut database, head.shard.0, after).expect("a page");
            let Some(last) = page.last().map(|row| row.0) else { break };
            for (_, _, _, content, _) in page {
                let one: Transaction = serde_json::from_str(&content).expect("stored JSON");
                let money =
                    one.postings.iter().filter(|one| matches!(one.body, Body::Money { .. }));
                for (place, posting) in (1..).zip(money) {
                    if posting.from.party() != posting.to.party() {
                        let cycle = posting.cycle(&one).expect("money is settled in a cycle");
                        posted.push((format!("{}/{place}", one.id), cycle.to_string()));
                    }
                }
            }
            after = last;
        }
    }
    posted
}
