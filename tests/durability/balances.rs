//! A balance that the server tells is what the history's postings and the clock say, at every
//! instant: it is added up here a second time, from what the API shows and by the rulebook alone.

use std::collections::BTreeMap;

use coalition::domain::time::Instant;
use proptest::test_runner::{TestCaseError, TestRunner};
use serde_json::{Value, json};

use super::commands::{Op, Writer, ops};
use super::contention::balance;
use super::load::{history, hundredths};
use super::support::{NOON, Store, World, few_cases, post};

/// A lot, as postings tell it.
#[derive(Clone, Debug, Default)]
struct Lot {
    free: i64,
    available_at: i64,
    expires_at: i64,
}

/// A hold that is not finished: when it times out, and the lots that it reserves.
type Hold = (i64, Vec<(String, i64)>);

/// One account, as postings tell it.
#[derive(Clone, Debug, Default)]
struct Account {
    lots: BTreeMap<String, Lot>,
    holds: BTreeMap<String, Hold>,
    debt: i64,
}

/// Available, pending, held and owed points, in hundredths.
type Balance = [i64; 4];

fn micros(value: &Value) -> i64 {
    value.as_str().map_or(i64::MAX, |text| Instant::parse(text).expect("an instant").0)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

impl Account {
    fn add(&mut self, view: &Value, programme: &str) {
        for lot in view["lots"].as_array().into_iter().flatten() {
            let there = self.lots.entry(text(&lot["id"])).or_default();
            there.available_at = micros(&lot["available_at"]);
            there.expires_at = micros(&lot["expires_at"]);
        }
        let mut reserved = Vec::new();
        for posting in view["postings"].as_array().into_iter().flatten() {
            if posting["unit"] != programme {
                continue;
            }
            let (points, lot) = (hundredths(&posting["points"]), text(&posting["lot"]));
            for (side, sign) in [("from", -1), ("to", 1)] {
                let account = text(&posting[side]);
                match account.split('/').next() {
                    Some("member") => {
                        self.lots.entry(lot.clone()).or_default().free += sign * points;
                    }
                    Some("debt") => self.debt -= sign * points,
                    Some("held") if side == "to" => reserved.push((lot.clone(), points)),
                    _ => {}
                }
            }
        }
        match view["kind"].as_str() {
            Some("hold") if view["programme"] == programme => {
                let hold = (micros(&view["valid_until"]), reserved);
                self.holds.insert(text(&view["id"]), hold);
            }
            Some("capture" | "void") => drop(self.holds.remove(&text(&view["of"]))),
            Some("expiry") => {
                for hold in view["holds"].as_array().into_iter().flatten() {
                    self.holds.remove(&text(hold));
                }
            }
            _ => {}
        }
    }

    /// The balance at an instant: holds that timed out are released, which pays a debt first;
    /// lots past their day are lost.
    fn at(mut self, now: i64) -> Balance {
        let mut held = 0;
        let mut holds: Vec<Hold> = self.holds.into_values().collect();
        holds.sort();
        for (until, lots) in holds {
            for (lot, points) in lots {
                if now < until {
                    held += points;
                    continue;
                }
                let paid = points.min(self.debt);
                self.debt -= paid;
                self.lots.entry(lot).or_default().free += points - paid;
            }
        }
        let sum = |fits: &dyn Fn(&Lot) -> bool| -> i64 {
            self.lots
                .values()
                .filter(|lot| now < lot.expires_at && fits(lot))
                .map(|lot| lot.free)
                .sum()
        };
        [sum(&|lot| lot.available_at <= now), sum(&|lot| now < lot.available_at), held, self.debt]
    }
}

/// What the server shows, transaction by transaction; nothing that was posted changes.
#[derive(Default)]
struct Shown(BTreeMap<String, Value>);

impl Shown {
    /// The member's account by its history, oldest first.
    fn account(&mut self, world: &World, url: &str, member: &str, programme: &str) -> Account {
        let mut account = Account::default();
        for entry in history(world, url, member).into_iter().rev() {
            let id = text(&entry["id"]);
            let view = self.0.entry(id.clone()).or_insert_with(|| {
                let target = format!("/v1/transactions/{id}");
                let answer = world.operator(url).get(&target).expect("an answer");
                answer.json().expect("JSON")
            });
            account.add(view, programme);
        }
        account
    }
}

fn compare(world: &World, url: &str, now: i64, shown: &mut Shown) {
    for member in &world.members {
        for programme in ["club", "miles"] {
            let told = balance(world, url, member, programme);
            let told = ["available", "pending", "held", "debt"].map(|part| hundredths(&told[part]));
            let added = shown.account(world, url, member, programme).at(now);
            assert_eq!(told, added, "{member} in {programme}: available, pending, held, debt");
        }
    }
}

fn check(world: &World, ops: &[Op]) {
    let running = world.start();
    let url = running.url();
    let operator = world.operator(&url);
    let mut now = Instant::parse(NOON).expect("an instant");
    let mut writer = Writer::new("b", &world.members);
    let mut shown = Shown::default();
    for op in ops {
        if let Some(request) = writer.request(op) {
            post(&world.client(&url, request.party), &request).expect("an answer");
            continue;
        }
        compare(world, &url, now.0, &mut shown);
        if let Op::Wait(hours) = op {
            now = now.plus_micros(i64::from(*hours) * 3_600_000_000);
            let body = json!({"now": now.to_string()});
            let key = format!("clock/{}", now.0);
            let moved = operator.post("/v1/test-clock", &key, &body).expect("an answer");
            assert_eq!(moved.status, 200, "{}", moved.text());
            compare(world, &url, now.0, &mut shown);
        }
    }
    compare(world, &url, now.0, &mut shown);
    drop(running);
    world.audit().expect("the audit is clean");
}

#[test]
fn balances_are_what_postings_and_the_clock_say() {
    let world = World::new(Store::Sqlite, Some(1), 3);
    let outcome = TestRunner::new(few_cases()).run(&ops(3), |ops| {
        check(&world.copy(), &ops);
        Ok::<(), TestCaseError>(())
    });
    outcome.expect("two ways to add up agree");
}
