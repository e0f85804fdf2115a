//! Refunds at once and in any order: never more than the receipt, and the same in the end.

use std::cell::Cell;
use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};

use super::contention::{accepted, all_at_once, balance, grant, requests};
use super::load::{history, hundredths};
use super::support::{Request, Store, World, few_cases, post};

#[test]
fn refunds_at_once_never_exceed_the_receipt() {
    for store in Store::asked() {
        let world = World::new(store, None, 1);
        let running = world.start();
        let url = running.url();
        let member = world.members[0].as_str();
        grant(&world, &url, member, 50);
        let purchase = requests("shop", "receipt", 1, |_, _| {
            json!({"kind": "purchase", "ref": "receipt", "programme": "club", "member": member,
                "amount": "150.00", "burn": "50"})
        });
        let bought = post(&world.client(&url, "shop"), &purchase[0]).expect("an answer");
        assert_eq!(bought.json()["earned"], "10");
        let all = requests(
            "shop",
            "refund",
            64,
            |name, _| json!({"kind": "refund", "ref": name, "of": "receipt", "amount": "7.00"}),
        );
        let replies = all_at_once(&world, &[&url], &all);
        assert_eq!(accepted(&replies, "refund_exceeds_original"), Ok(21), "21 × 7.00 of 150.00");
        let sum = |field: &str| -> i64 {
            replies.iter().map(|reply| hundredths(&reply.json()[field])).sum()
        };
        assert_eq!(sum("restored"), 4_900, "50 − ceil(50 × 3 ÷ 150)");
        assert_eq!(sum("clawed_back"), 1_000, "10 − floor(0.10 × what was paid of 3.00)");
        world.audit().expect("the audit is clean");
    }
}

/// What postings leave each party with, and each programme's members.
fn sums(world: &World, url: &str, member: &str) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for entry in history(world, url, member) {
        let id = entry["id"].as_str().expect("an id");
        let target = format!("/v1/transactions/{id}");
        let view: Value =
            world.operator(url).get(&target).expect("an answer").json().expect("JSON");
        for posting in view["postings"].as_array().expect("postings") {
            let amount = posting.get("amount").or_else(|| posting.get("points"));
            let amount = hundredths(amount.expect("a posting moves something"));
            for (side, sign) in [("from", -1), ("to", 1)] {
                let account = posting[side].as_str().expect("an account").replace(member, "m");
                *sums.entry(account).or_default() += sign * amount;
            }
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// A receipt, refunded by amounts in some order.
struct Story<'a> {
    cents: u64,
    gift: usize,
    burn: u64,
    parts: &'a [u64],
}

impl Story<'_> {
    fn tell(&self, world: &World, url: &str, number: usize) -> (Value, BTreeMap<String, i64>) {
        let name = format!("story-{number}");
        let made = json!({"external_ids": [name]});
        let made = world.operator(url).post("/v1/members", &name, &made).expect("an answer");
        let made: Value = made.json().expect("JSON");
        let member = made["member"].as_str().expect("an id");
        grant(world, url, member, self.gift);
        let text = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
        let mut bodies = vec![json!({"kind": "purchase", "ref": name, "programme": "club",
            "member": member, "amount": text(self.cents), "burn": self.burn.to_string()})];
        bodies.extend(self.parts.iter().enumerate().map(|(part, &cents)| {
            json!({"kind": "refund", "ref": format!("{name}/{part}"), "of": name,
                "amount": text(cents)})
        }));
        let client = world.client(url, "shop");
        for body in bodies {
            let key = format!("key/{}", body["ref"].as_str().expect("a reference"));
            let reply = post(&client, &Request { party: "shop", key, body }).expect("an answer");
            assert_eq!(reply.status, 201, "{}", reply.body);
        }
        (balance(world, url, member, "club"), sums(world, url, member))
    }
}

/// Amounts that together are at most the receipt, once in one order and once in another.
fn orders() -> impl Strategy<Value = (u64, u64, Vec<u64>, Vec<u64>)> {
    (2_000_u64..60_000, proptest::collection::vec(1_u64..1_000, 2..6)).prop_flat_map(
        |(cents, weights)| {
            let all: u64 = weights.iter().sum::<u64>() + 300;
            let parts: Vec<u64> =
                weights.iter().map(|weight| (cents * weight / all).max(1)).collect();
            let burn = 1..cents / 100;
            (Just(cents), burn, Just(parts.clone()), Just(parts).prop_shuffle())
        },
    )
}

#[test]
fn the_order_of_refunds_makes_no_difference() {
    let world = World::new(Store::Sqlite, Some(1), 0);
    let running = world.start();
    let url = running.url();
    let number = Cell::new(0);
    let outcome = TestRunner::new(few_cases()).run(&orders(), |(cents, burn, parts, shuffled)| {
        let gift = usize::try_from(burn).expect("few") + 7;
        let tell = |parts: &[u64]| {
            number.set(number.get() + 1);
            Story { cents, gift, burn, parts }.tell(&world, &url, number.get())
        };
        let (one, other) = (tell(&parts), tell(&shuffled));
        prop_assert_eq!(one, other);
        Ok::<(), TestCaseError>(())
    });
    outcome.expect("an order makes no difference");
    world.audit().expect("the audit is clean");
}
