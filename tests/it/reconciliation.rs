//! Reconciliations over HTTP: lists with planted faults, two people for what is large, adjustments
//! that the next list meets, and nobody who sees another's.

use std::collections::BTreeMap;
use std::time::{Duration, Instant as Stopwatch};

use coalition::store::Use;
use coalition::store::reconciliations::{self, FileFacts};
use coalition_partner::{Answer, Outgoing};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::caller::Caller;
use crate::lists::{Line, list, profile};
use crate::support::{Club, World, both, code_of, purchase, text};

pub const DAY: &str = "2025-03-03";

fn put_bytes(caller: &Caller, target: &str, bytes: &[u8]) -> Answer {
    caller.send(&Outgoing { method: "PUT", ..Outgoing::post(target, "part", bytes) })
}

pub fn body(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// Begins a reconciliation of the shop and sends its list in parts; its address.
fn send(world: &World, caller: &Caller, request: &Value, bytes: &[u8]) -> String {
    let run = body(&caller.post("/v1/reconciliations", &world.new_key(), request), 201);
    assert_eq!(run["state"], "receiving");
    let target = format!("/v1/reconciliations/{}", text(&run, "id"));
    for (part, bytes) in (1..).zip(bytes.chunks(bytes.len() / 2 + 1)) {
        body(&put_bytes(caller, &format!("{target}/parts/{part}"), bytes), 200);
    }
    target
}

fn run(world: &World, caller: &Caller, target: &str, bytes: &[u8]) -> Answer {
    let sha256 = hex::encode(Sha256::digest(bytes));
    caller.post(&format!("{target}/run"), &world.new_key(), &json!({"sha256": sha256}))
}

/// Makes a list look as if a server had died while it compared it.
fn left_behind(world: &World, target: &str, bytes: &[u8]) {
    let address = world.settings.address().expect("the address is one");
    let mut database = address.open(Use::Write).expect("the database can be opened");
    let id = target.rsplit('/').next().and_then(|id| id.parse().ok()).expect("an id");
    let sha256 = hex::encode(Sha256::digest(bytes));
    let size = i64::try_from(bytes.len()).expect("a small list");
    let facts = FileFacts { sha256: &sha256, size, may_repeat: false };
    let begun = reconciliations::begin(&mut database, id, &facts);
    assert_eq!(begun.expect("it can be begun"), Some(1));
}

/// Waits until a list is compared.
fn ended(caller: &Caller, target: &str) -> Value {
    let started = Stopwatch::now();
    loop {
        let view = body(&caller.get(target), 200);
        if view["state"] != "running" {
            return view;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{view}");
        std::thread::yield_now();
    }
}

/// Sends a list and compares it; its address, and what was found.
pub fn compare(world: &World, caller: &Caller, request: &Value, bytes: &[u8]) -> (String, Value) {
    let target = send(world, caller, request, bytes);
    body(&run(world, caller, &target, bytes), 202);
    let view = ended(caller, &target);
    (target, view)
}

/// The shop's trade of a day: purchases of different amounts, of which every tenth comes back in
/// part; and what its list should say.
pub fn trade(world: &mut World, count: i64) -> Vec<Line> {
    let club = Club::new(world);
    let mut bodies = Vec::new();
    let mut lines = Vec::new();
    for number in 0..count {
        let line = Line::new(&format!("R-{number:03}"), 10_000 + number * 1_010);
        bodies.push(purchase(&line.reference, &club.anna, &line.amount()));
        lines.push(line.clone());
        if number % 10 == 9 {
            let reference = format!("B-{number:03}");
            bodies.push(json!({
                "kind": "refund", "ref": reference, "of": line.reference, "amount": "50.00"
            }));
            let kept = (line.cents - 5_000) / 1_000;
            lines.push(Line {
                reference,
                kind: "refund",
                cents: -5_000,
                points: kept - line.points,
                ..line
            });
        }
    }
    for body in &mut bodies {
        body["idempotency_key"] = json!(world.new_key());
    }
    for answer in world.party("shop").lines("/v1/transactions:batch", &bodies) {
        assert_eq!(answer["status"], 201, "{answer}");
    }
    world.move_to("2025-03-06T09:00:00Z");
    lines
}

pub fn place(lines: &[Line], reference: &str) -> usize {
    lines.iter().position(|line| line.reference == reference).expect("the line is there")
}

/// Plants a fault of each class; what has to be found.
fn plant(lines: &mut Vec<Line>) -> BTreeMap<&'static str, Vec<String>> {
    let mut expected: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    let mut expect = |class, reference: &str| {
        expected.entry(class).or_default().push(reference.to_owned());
    };
    lines.remove(place(lines, "R-010"));
    expect("missing_in_file", "R-010");
    lines.push(Line::new("X-1", 777_700));
    expect("missing_in_ledger", "X-1");
    let mut change = |reference: &str, class, change: fn(&mut Line)| {
        let place = place(lines, reference);
        change(&mut lines[place]);
        expect(class, reference);
    };
    change("R-020", "amount_mismatch", |line| line.cents += 500);
    change("R-021", "points_mismatch", |line| line.points += 1);
    change("R-023", "date_mismatch", |line| line.at = "2025-02-27T09:00:00Z");
    change("R-024", "sign_mismatch", |line| {
        (line.cents, line.points) = (-line.cents, -line.points);
    });
    change("R-025", "currency_mismatch", |line| line.currency = "EUR");
    let twice = lines[place(lines, "R-022")].clone();
    lines.push(twice);
    expect("duplicate_in_file", "R-022");
    // One receipt in two lines is no fault.
    let place = place(lines, "R-026");
    let mut second = lines[place].clone();
    lines[place].reference.push_str("/1");
    second.reference.push_str("/2");
    (lines[place].cents, lines[place].points) = (4_000, 3);
    (second.cents, second.points) = (second.cents - 4_000, second.points - 3);
    lines.push(second);
    expected
}

pub fn breaks(caller: &Caller, target: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = "0".to_owned();
    loop {
        let page = body(&caller.get(&format!("{target}/breaks?limit=3&after={after}")), 200);
        all.extend(page["data"].as_array().expect("a page has data").clone());
        match page["page"]["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return all,
        }
    }
}

pub fn number_of(breaks: &[Value], class: &str) -> u64 {
    let found = breaks.iter().find(|one| one["class"] == class).expect("such a break");
    found["number"].as_u64().expect("a number")
}

#[test]
fn every_planted_fault_is_found_in_each_form_of_list() {
    both(|world| {
        let mut lines = trade(world, 60);
        let right = lines.clone();
        let expected = plant(&mut lines);
        let shop = world.party("shop").clone();
        for format in ["csv", "ndjson", "xlsx"] {
            let request = json!({"cycle": DAY, "profile": profile(format), "name": format});
            let (_, view) = compare(world, &shop, &request, &list(format, &right));
            assert_eq!(view["verdict"], "reconciled", "{view}");
            let (target, view) = compare(world, &shop, &request, &list(format, &lines));
            assert_eq!(view["verdict"], "breaks", "{format}: {view}");
            assert_eq!(view["parts"], json!([]), "the list is dropped");
            let all = breaks(&shop, &target);
            let mut found: BTreeMap<&str, Vec<String>> = BTreeMap::new();
            for one in &all {
                let class = one["class"].as_str().expect("a class");
                found.entry(class).or_default().push(text(one, "ref"));
            }
            assert_eq!(found, expected, "{format}");
            for bridge in view["bridges"].as_array().expect("bridges") {
                let residue = &bridge["residue"];
                let of = |name: &str| residue[name].as_str().map(str::to_owned);
                assert_eq!((residue["lines"].as_i64(), of("net")), (Some(0), Some("0.00".into())));
                assert_eq!(
                    (of("gross"), of("points_net")),
                    (Some("0.00".into()), Some("0".into()))
                );
            }
            let only = body(&shop.get(&format!("{target}/breaks?class=sign_mismatch")), 200);
            assert_eq!(only["data"].as_array().map(Vec::len), Some(1));
        }
    });
}

#[test]
fn parts_come_again_and_a_list_only_once() {
    both(|world| {
        let lines = trade(world, 10);
        let shop = world.party("shop").clone();
        let profiled = shop.put("/v1/parties/shop/book-profile", "p-1", &profile("csv"));
        assert_eq!(body(&profiled, 200)["version"], 1);
        let again = shop.put("/v1/parties/shop/book-profile", "p-2", &profile("csv"));
        assert_eq!(body(&again, 200)["versions"].as_array().map(Vec::len), Some(1));

        let bytes = list("csv", &lines);
        let request = json!({"cycle": DAY, "declared": {"lines": lines.len()}});
        let target = send(world, &shop, &request, &bytes);
        let first = &bytes[..=bytes.len() / 2];
        body(&put_bytes(&shop, &format!("{target}/parts/1"), first), 200);
        let other = put_bytes(&shop, &format!("{target}/parts/1"), b"other");
        assert_eq!((other.status, code_of(&other).as_str()), (409, "part_differs"));
        let there = body(&shop.get(&target), 200);
        assert_eq!(there["parts"].as_array().map(Vec::len), Some(2));
        let wrong = run(world, &shop, &target, b"another list");
        assert_eq!((wrong.status, code_of(&wrong).as_str()), (422, "file_incomplete"));
        // What a server left behind when it died is compared when one starts.
        left_behind(world, &target, &bytes);
        world.restart();
        let shop = world.party("shop").clone();
        assert_eq!(ended(&shop, &target)["verdict"], "reconciled");
        body(&run(world, &shop, &target, &bytes), 202);
        let late = put_bytes(&shop, &format!("{target}/parts/3"), b"late");
        assert_eq!((late.status, code_of(&late).as_str()), (409, "reconciliation_state"));

        let second = send(world, &shop, &request, &bytes);
        let seen = run(world, &shop, &second, &bytes);
        assert_eq!((seen.status, code_of(&seen).as_str()), (409, "file_already_seen"));
        let first: Value = seen.json().expect("it is JSON");
        assert!(target.ends_with(&text(&first, "reconciliation")));
        let sha256 = hex::encode(Sha256::digest(&bytes));
        let wish = json!({"sha256": sha256, "again": true});
        let refused = shop.post(&format!("{second}/run"), &world.new_key(), &wish);
        assert_eq!(refused.status, 403, "only finance compares a list again");
        body(
            &world.finance_named("anna").post(&format!("{second}/run"), &world.new_key(), &wish),
            202,
        );
        assert_eq!(ended(&shop, &second)["verdict"], "reconciled");

        let broken =
            b"ref,kind,sum,points,at,currency\nR-1,purchase,abc,1,2025-03-03T09:00:00Z,RUB";
        let (_, view) = compare(world, &shop, &request, broken);
        assert_eq!(
            (view["state"].as_str(), view["errors"][0]["line"].as_u64()),
            (Some("failed"), Some(2))
        );
        let (_, view) = compare(world, &shop, &request, &list("csv", &lines[1..]));
        assert_eq!(
            (view["verdict"].as_str(), view["gaps"][0]["gap"].as_str()),
            (Some("incomplete"), Some("lines"))
        );
    });
}

#[test]
fn an_adjusted_break_is_met_by_the_next_list_and_large_ones_take_two_people() {
    both(|world| {
        let mut lines = trade(world, 30);
        for (reference, more) in [("R-003", 10_000), ("R-004", 200_000)] {
            let place = place(&lines, reference);
            lines[place].cents += more;
        }
        let shop = world.party("shop").clone();
        let (anna, boris) = (world.finance_named("anna"), world.finance_named("boris"));
        let request = json!({"cycle": DAY, "profile": profile("csv")});
        let (target, _) = compare(world, &shop, &request, &list("csv", &lines));
        let all = breaks(&shop, &target);
        assert_eq!(all.len(), 2, "{all:?}");
        let step = |who: &Caller, number: u64, step: &str, wish: &Value| {
            who.post(&format!("{target}/breaks/{number}/{step}"), &world.new_key(), wish)
        };
        let adjusted = json!({"resolution": "adjusted", "why": "the till was offline"});
        for who in [&shop, &world.auditor()] {
            assert_eq!(step(who, 1, "resolve", &adjusted).status, 403);
        }
        // R-003 cost 130.30 and brought 13 points that the shop paid with 13.00: 100.00 more of it
        // are 9.98 more.
        let key = world.new_key();
        let place = format!("{target}/breaks/1/resolve");
        let small = anna.post(&place, &key, &adjusted);
        let done = body(&small, 200);
        assert_eq!(done["handling"]["party_pays"], "9.98");
        let posted = text(&done["handling"], "adjustment");
        assert!(posted.starts_with("tx_1023_"), "{posted}");
        assert_eq!(anna.post(&place, &key, &adjusted).body, small.body);

        let asked = body(&step(&anna, 2, "resolve", &adjusted), 200);
        assert_eq!(
            (asked["state"].as_str(), asked["handling"]["adjustment"].as_str()),
            (Some("proposed"), None)
        );
        let alone = step(&anna, 2, "approve", &json!({"why": "sure"}));
        assert_eq!((alone.status, code_of(&alone).as_str()), (403, "second_person_needed"));
        body(&step(&boris, 2, "send-back", &json!({"why": "ask the shop"})), 200);
        body(&step(&anna, 2, "resolve", &adjusted), 200);
        let done = body(&step(&boris, 2, "approve", &json!({"why": "the shop agrees"})), 200);
        assert_eq!(done["handling"]["checker"]["by"], "boris");
        assert_eq!(done["history"].as_array().map(Vec::len), Some(4));
        let again = step(&anna, 2, "resolve", &adjusted);
        assert_eq!((again.status, code_of(&again).as_str()), (409, "break_state"));

        let mut next = list("csv", &lines);
        next.push(b'\n');
        let (_, view) = compare(world, &shop, &request, &next);
        assert_eq!(view["verdict"], "reconciled", "{view}");
    });
}

#[test]
fn others_see_nothing_and_auditors_only_look() {
    both(|world| {
        let mut lines = trade(world, 10);
        lines.pop();
        let (shop, bank) = (world.party("shop").clone(), world.party("bank").clone());
        let request = json!({"cycle": DAY, "profile": profile("csv")});
        let bytes = list("csv", &lines);
        let (target, _) = compare(world, &shop, &request, &bytes);
        let number = number_of(&breaks(&shop, &target), "missing_in_file");
        let auditor = world.auditor();
        for path in ["", "/breaks", &format!("/breaks/{number}")] {
            assert_eq!(bank.get(&format!("{target}{path}")).status, 404);
            assert_eq!(auditor.get(&format!("{target}{path}")).status, 200);
        }
        assert_eq!(bank.get("/v1/reconciliations?party=shop").status, 404);
        assert_eq!(body(&bank.get("/v1/reconciliations"), 200)["data"], json!([]));
        assert_eq!(bank.get("/v1/parties/shop/book-profile").status, 404);
        assert_eq!(put_bytes(&bank, &format!("{target}/parts/9"), b"x").status, 404);
        assert_eq!(run(world, &bank, &target, &bytes).status, 404);
        let mine = json!({"party": "shop", "cycle": DAY, "profile": profile("csv")});
        assert_eq!(bank.post("/v1/reconciliations", &world.new_key(), &mine).status, 404);
        let resolve = format!("{target}/breaks/{number}/resolve");
        let explained = json!({"resolution": "explained", "why": "posted by hand"});
        assert_eq!(bank.post(&resolve, &world.new_key(), &explained).status, 404);
        assert_eq!(auditor.post(&resolve, &world.new_key(), &explained).status, 403);
        assert_eq!(auditor.post("/v1/reconciliations", &world.new_key(), &mine).status, 403);
        let own = body(&shop.post(&resolve, &world.new_key(), &explained), 200);
        assert_eq!(own["state"], "resolved");
    });
}
