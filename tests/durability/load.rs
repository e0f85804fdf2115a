//! Load as partners make it: purchases, some with a burn, grants, refunds, holds and what ends
//! them, exchanges, one by one and in bulk; each with an idempotency key and a reference of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use coalition_partner::Client;
use serde_json::{Value, json};

use super::support::{Checked, Random, Reply, Request, World, ensure, post, post_batch};

/// The most lines of a call.
const LINES_MAX: u64 = 20;

/// One call: a transaction, or several in bulk.
#[derive(Clone, Debug)]
pub struct Call {
    /// The transactions, all of one party.
    pub requests: Vec<Request>,
    /// Whether they go in bulk.
    pub in_bulk: bool,
}

/// A call, and what came back: nothing if the answer was not received.
pub struct Sent {
    /// The call.
    pub call: Call,
    /// The answers.
    pub replies: Option<Vec<Reply>>,
}

/// One partner's tills: what it may name later, and how far its counters are.
pub struct Till {
    random: Random,
    number: u64,
    count: u64,
    receipts: Vec<String>,
    holds: Vec<String>,
}

impl Till {
    /// A till whose choices are a stream of their own.
    pub fn new(number: u64) -> Self {
        let random = Random::stream(number);
        Self { random, number, count: 0, receipts: Vec::new(), holds: Vec::new() }
    }

    /// The next call for some of the members.
    pub fn next(&mut self, members: &[String]) -> Call {
        if self.random.below(4) == 0 {
            let lines = 1 + self.random.below(LINES_MAX);
            let requests = (0..lines).map(|_| self.transaction("shop", members)).collect();
            return Call { requests, in_bulk: true };
        }
        let party = if self.random.below(3) == 0 { "brand" } else { "shop" };
        Call { requests: vec![self.transaction(party, members)], in_bulk: false }
    }

    /// Learns from the answers what may be named later.
    pub fn learn(&mut self, sent: &Sent) {
        for (request, reply) in sent.call.requests.iter().zip(sent.replies.iter().flatten()) {
            let name = request.body["ref"].as_str().unwrap_or_default().to_owned();
            match request.body["kind"].as_str() {
                Some("purchase") if reply.status == 201 => self.receipts.push(name),
                Some("hold") if reply.status == 201 => self.holds.push(name),
                _ => {}
            }
        }
    }

    fn transaction(&mut self, party: &'static str, members: &[String]) -> Request {
        self.count += 1;
        let name = format!("T{}-{}", self.number, self.count);
        let member = self.random.pick(members).clone();
        let body = if party == "brand" {
            json!({"kind": "grant", "ref": name, "programme": "club", "member": member,
                "points": (1 + self.random.below(300)).to_string(),
                "funding": [{"party": "brand", "share": "1"}], "price_per_point": "0.55"})
        } else {
            self.of_shop(&name, &member)
        };
        Request { party, key: format!("key/{name}"), body }
    }

    fn of_shop(&mut self, name: &str, member: &str) -> Value {
        let cents = 100 + self.random.below(90_000);
        let amount = format!("{}.{:02}", cents / 100, cents % 100);
        let programme = *self.random.pick(&["club", "club", "miles"]);
        let mut purchase = json!({"kind": "purchase", "ref": name, "programme": programme,
            "member": member, "amount": amount});
        let few = (1 + self.random.below(40)).to_string();
        match self.random.below(12) {
            0..=3 => purchase,
            4 => {
                purchase["burn"] = "max".into();
                purchase
            }
            5 => {
                purchase["burn"] = few.into();
                purchase
            }
            6 | 7 if !self.receipts.is_empty() => {
                let of = self.random.pick(&self.receipts).clone();
                json!({"kind": "refund", "ref": name, "of": of, "amount": "0.37"})
            }
            8 if !self.holds.is_empty() => {
                let place = usize::try_from(self.random.below(8)).unwrap_or(0);
                let of = self.holds.swap_remove(place % self.holds.len());
                let kind = *self.random.pick(&["capture", "void"]);
                json!({"kind": kind, "of": of})
            }
            9 => json!({"kind": "exchange", "ref": name, "from": "club", "to": "miles",
                "member": member, "points": few}),
            _ => json!({"kind": "hold", "ref": name, "programme": programme, "member": member,
                "points": few, "valid_for": {"days": 3}}),
        }
    }
}

/// Sends a call once.
pub fn send(world: &World, url: &str, call: &Call) -> Option<Vec<Reply>> {
    send_by(&world.client(url, call.requests[0].party), call)
}

/// Sends a call once, by a client that is there already.
pub fn send_by(client: &Client, call: &Call) -> Option<Vec<Reply>> {
    if call.in_bulk {
        return post_batch(client, &call.requests);
    }
    post(client, &call.requests[0]).map(|reply| vec![reply])
}

/// Lets all tills work at servers, in turn, until they are told to stop or an answer fails to come.
pub fn work(world: &World, urls: &[&str], tills: &mut [Till], stop: &AtomicBool) -> Vec<Sent> {
    let run = |till: &mut Till| {
        let clients: Vec<_> = urls
            .iter()
            .map(|url| ["shop", "brand"].map(|party| (party, world.client(url, party))))
            .collect();
        let mut all = Vec::new();
        for turn in 0.. {
            if stop.load(Ordering::SeqCst) {
                break;
            }
            let call = till.next(&world.members);
            let [of_shop, of_brand] = &clients[turn % clients.len()];
            let client = if call.requests[0].party == "shop" { &of_shop.1 } else { &of_brand.1 };
            let sent = Sent { replies: send_by(client, &call), call };
            till.learn(&sent);
            let is_over = sent.replies.is_none();
            all.push(sent);
            if is_over {
                break;
            }
        }
        all
    };
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = tills.iter_mut().map(|till| scope.spawn(move || run(till))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a till works")).collect()
    })
}

/// What all the answers say that there is.
#[derive(Default)]
pub struct Books {
    ids: BTreeSet<String>,
    earned: BTreeMap<String, i64>,
    /// Answers, refusals included.
    pub answers: u64,
}

impl Books {
    /// Takes an answer that is the first to its key.
    pub fn enter(&mut self, request: &Request, reply: &Reply) -> Checked {
        self.answers += 1;
        let key = &request.key;
        if reply.status != 201 {
            let code = reply.code();
            let is_business = [
                "insufficient_points",
                "burn_limit_exceeded",
                "refund_exceeds_original",
                "exchange_too_small",
                "hold_finished",
            ];
            return ensure(is_business.contains(&code.as_str()), || {
                format!("{key}: {} {}", reply.status, reply.body)
            });
        }
        let body = reply.json();
        let id = body["id"].as_str().unwrap_or_default().to_owned();
        ensure(self.ids.insert(id.clone()), || format!("{key}: {id} answers two keys"))?;
        let member = body["member"].as_str().unwrap_or_default().to_owned();
        *self.earned.entry(member).or_default() += hundredths(&body["earned"]);
        Ok(())
    }

    /// Compares with what the members' histories say: the same transactions, each once, and the
    /// same points earned.
    pub fn compare(&self, world: &World, url: &str) -> Checked {
        let mut ids = BTreeSet::new();
        let mut earned: BTreeMap<String, i64> = BTreeMap::new();
        for member in &world.members {
            for entry in history(world, url, member) {
                if entry["kind"] == "expiry" {
                    continue;
                }
                let id = entry["id"].as_str().unwrap_or_default().to_owned();
                ensure(ids.insert(id.clone()), || format!("{id} is in the histories twice"))?;
                let member = entry["member"].as_str().unwrap_or_default().to_owned();
                *earned.entry(member).or_default() += hundredths(&entry["earned"]);
            }
        }
        let lost: Vec<_> = self.ids.difference(&ids).collect();
        ensure(lost.is_empty(), || format!("acknowledged and not there: {lost:?}"))?;
        let strange: Vec<_> = ids.difference(&self.ids).collect();
        ensure(strange.is_empty(), || format!("there, and nobody was told: {strange:?}"))?;
        ensure(self.earned == earned, || "the points earned differ".to_owned())
    }
}

/// All of a member's history, newest first.
pub fn history(world: &World, url: &str, member: &str) -> Vec<Value> {
    let operator = world.operator(url);
    let mut entries = Vec::new();
    let mut cursor = String::new();
    loop {
        let target = format!("/v1/members/{member}/history?limit=200{cursor}");
        let page: Value = operator.get(&target).expect("an answer").json().expect("JSON");
        entries.extend(page["data"].as_array().expect("a page").iter().cloned());
        match page["page"]["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return entries,
        }
    }
}

/// A decimal text of at most two places in hundredths; what is no text counts as nothing.
pub fn hundredths(value: &Value) -> i64 {
    let text = value.as_str().unwrap_or("0");
    let (sign, text) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{part:0<2}");
    sign * digits.parse::<i64>().expect("a decimal of two places")
}
