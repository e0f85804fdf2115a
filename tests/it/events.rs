//! Events, pulled: their order, their cursor, and who may know of what.

use std::collections::BTreeSet;

use coalition::store::{Database, Use};
use coalition_partner::{Client, Credentials, RetryPolicy, Settings};
use diesel::RunQueryDsl as _;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::{Club, Setup, World, both, both_with, code_of, purchase, text};
use crate::webhooks::pulled;

fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| text(event, "type")).collect()
}

fn page(caller: &Caller, query: &str) -> Value {
    let answer = caller.get(&format!("/v1/events{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

#[test]
fn a_receipt_and_its_refund_tell_what_they_did() {
    both(|world| {
        let anna = Club::new(world).anna;
        let bought = world.accept("shop", &purchase("R-1", &anna, "1000.00"));
        let mut burning = purchase("R-2", &anna, "100.00");
        burning["burn"] = json!("40");
        world.accept("shop", &burning);
        let refund = json!({"kind": "refund", "ref": "B-2", "of": "R-2", "amount": "100.00"});
        world.accept("shop", &refund);
        let all = pulled(world, "shop");
        assert_eq!(
            types(&all),
            [
                "points.earned",
                "points.available",
                "points.burned",
                "points.earned",
                "points.available",
                "points.restored",
                "points.clawed_back",
            ]
        );
        let first = &all[0];
        assert_eq!(first["id"], "ev_".to_owned() + &text(&bought, "id")[3..] + "_0");
        assert_eq!(first["timestamp"], bought["recorded_at"]);
        assert_eq!(first["data"]["points"], "100");
        assert_eq!(first["data"]["member"], json!(anna));
        assert_eq!(first["data"]["programme"], "club");
        let points: Vec<String> = all[2..].iter().map(|one| text(&one["data"], "points")).collect();
        assert_eq!(points, ["40", "6", "6", "40", "6"]);
        assert_eq!(all[6]["data"]["debt_added"], "0");
        let told: String = all.iter().map(ToString::to_string).collect();
        assert!(!told.contains("9160000001") && !told.contains("anna@"), "{told}");
    });
}

#[test]
fn points_that_wait_are_told_of_when_they_open_and_when_they_are_lost() {
    both(|world| {
        Club::new(world);
        let member = world.add_member(&json!({"external_ids": ["waits"]}));
        world.add_programme(&json!({
            "id": "slow", "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "hold_days": 14,
            "expire": {"days": 30}, "burn": {"max_share": "1"}
        }));
        world.add_agreement(&json!({
            "programme": "slow", "party": "shop",
            "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00"}
        }));
        let buy = |reference: &str, amount: &str| {
            let mut body = purchase(reference, &member, amount);
            body["programme"] = json!("slow");
            world.accept("shop", &body);
        };
        buy("R-1", "100.00");
        buy("R-2", "50.00");
        buy("R-3", "70.00");
        let refund = json!({"kind": "refund", "ref": "B-3", "of": "R-3", "amount": "70.00"});
        world.accept("shop", &refund);
        let told = |kind: &str| -> Vec<Value> {
            let all = pulled(world, "brand");
            all.into_iter().filter(|event| event["type"] == kind).collect()
        };
        assert!(told("points.available").is_empty());
        world.move_to("2025-03-20T09:00:00Z");
        let opened = events_when(|| told("points.available"), 1);
        assert_eq!(opened[0]["data"]["points"], "15", "what was refunded opens no more");
        assert_eq!(opened[0]["data"]["lots"].as_array().map(Vec::len), Some(2));
        assert_eq!(opened[0]["data"]["opened_at"], "2025-03-16T21:00:00Z");
        world.move_to("2025-05-20T09:00:00Z");
        // The server posts what was lost, within ten seconds by itself.
        let mut body = purchase("R-9", &member, "10.00");
        body["programme"] = json!("slow");
        world.accept("shop", &body);
        let refund = json!({"kind": "refund", "ref": "B-9", "of": "R-9", "amount": "10.00"});
        world.accept("shop", &refund);
        let lost = events_when(|| told("points.expired"), 1);
        assert_eq!(lost[0]["data"]["points"], "15");
        assert_eq!(told("points.available").len(), 1, "each is told once");
    });
}

/// Asks until there are so many.
fn events_when(ask: impl Fn() -> Vec<Value>, count: usize) -> Vec<Value> {
    let started = std::time::Instant::now();
    loop {
        let all = ask();
        if all.len() >= count {
            return all;
        }
        assert!(started.elapsed().as_secs() < 20, "{all:?}");
        std::thread::yield_now();
    }
}

#[test]
fn levels_are_told_of_when_they_change_also_by_a_refund() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.add_programme(&json!({
            "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
            "burn": {"max_share": "0.50"},
            "tiers": {"metric": "spend", "window": "lifetime",
                "levels": [{"id": "want", "from": "5000.00"}]}
        }));
        world.accept("shop", &purchase("R-1", &anna, "4000.00"));
        world.accept("shop", &purchase("R-2", &anna, "1000.00"));
        world.accept("shop", &purchase("R-3", &anna, "10.00"));
        let refund = json!({"kind": "refund", "ref": "B-2", "of": "R-2", "amount": "1000.00"});
        world.accept("shop", &refund);
        let all = pulled(world, "brand");
        let levels: Vec<&Value> = all
            .iter()
            .filter(|event| event["type"] == "tier.changed")
            .map(|one| &one["data"])
            .collect();
        let both: Vec<_> = levels.iter().map(|data| (&data["from"], &data["to"])).collect();
        assert_eq!(both, [(&Value::Null, &json!("want")), (&json!("want"), &Value::Null)]);
    });
}

#[test]
fn pages_of_any_size_lose_and_double_nothing_while_others_post() {
    both_with(&Setup::default().with_shards(4), |world| {
        Club::new(world);
        let members: Vec<String> = (0..12)
            .map(|number| world.add_member(&json!({"external_ids": [format!("m{number}")]})))
            .collect();
        let post = |round: usize| {
            for (number, member) in members.iter().enumerate() {
                let reference = format!("R-{round}-{number}");
                world.accept("shop", &purchase(&reference, member, "100.00"));
            }
        };
        post(0);
        let (mut seen, mut cursor, mut round) = (Vec::new(), String::new(), 0);
        for limit in [1, 2, 3, 5, 7].into_iter().cycle() {
            let query = format!("?limit={limit}{cursor}");
            let page = page(world.party("brand"), &query);
            let data = page["data"].as_array().expect("a list");
            assert!(data.len() <= limit);
            seen.extend(data.iter().map(|event| text(event, "id")));
            cursor = format!("&cursor={}", text(&page["page"], "next"));
            if page["page"]["more"] == false && round == 5 {
                break;
            }
            if seen.len() / 20 > round && round < 5 {
                round += 1;
                post(round);
            }
        }
        let all: BTreeSet<&String> = seen.iter().collect();
        assert_eq!((seen.len(), all.len()), (6 * 12 * 2, 6 * 12 * 2));
        // At the end nothing comes, and the cursor stays what it is.
        let brand = world.party("brand");
        let end = page(brand, &format!("?limit=1{cursor}"));
        assert_eq!(end["data"], json!([]));
        assert_eq!(format!("&cursor={}", text(&end["page"], "next")), cursor);
        assert_eq!(page(brand, "?cursor=end")["page"]["next"], end["page"]["next"]);
        // Asked the same again, the same comes.
        assert_eq!(page(brand, "?limit=7"), page(brand, "?limit=7"));
    });
}

#[test]
fn each_party_is_told_what_concerns_it() {
    both(|world| {
        let anna = Club::new(world).anna;
        for (id, kind) in [("wallet", "wallet"), ("other-wallet", "wallet"), ("rival", "brand")] {
            world.add_party(id, kind);
        }
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        world.accept("bank", &purchase("R-2", &anna, "200.00"));
        let earned = |party: &str| -> Vec<String> {
            let page = page(world.party(party), "?types=points.earned");
            let data = page["data"].as_array().expect("a list").clone();
            data.iter().map(|event| text(&event["data"], "points")).collect()
        };
        assert_eq!(earned("shop"), ["10"]);
        assert_eq!(earned("bank"), ["20"]);
        assert_eq!(earned("brand"), ["10", "20"]);
        assert!(earned("rival").is_empty() && earned("wallet").is_empty());
        give_card(world, &anna, "wallet", "active");
        give_card(world, &anna, "other-wallet", "closed");
        assert_eq!(earned("wallet"), ["10", "20"]);
        assert!(earned("other-wallet").is_empty(), "the card was closed");
        let people = [world.operator.clone(), world.auditor(), world.finance()];
        for person in people {
            let page = page(&person, "?types=points.earned,points.available");
            assert_eq!(page["data"].as_array().map(Vec::len), Some(4));
        }
    });
}

/// Puts a card into the database, as a wallet's request would.
fn give_card(world: &World, member: &str, wallet: &str, state: &str) {
    let member: coalition::domain::ids::MemberId = member.parse().expect("an id");
    let number = i64::try_from(wallet.len()).expect("short");
    let blank = if world.database == "SQLite" { "x''" } else { "''" };
    let text = format!(
        "INSERT INTO cards (card, member, programme, wallet, product, number, state, issued_at, \
         changed_at, secret, version) VALUES ({number}, {}, 'club', '{wallet}', 'card', '{number}', \
         '{state}', 0, 0, {blank}, 1)",
        member.0
    );
    let address = world.settings.address().expect("the address is one");
    let added = match address.open(Use::Write).expect("it can be written") {
        Database::Sqlite(mut one) => diesel::sql_query(text).execute(&mut one),
        Database::Postgres(mut one) => diesel::sql_query(text).execute(&mut one),
    };
    assert_eq!(added.expect("the row is added"), 1);
}

#[test]
fn a_query_that_means_nothing_is_refused() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop");
        for query in [
            "?cursor=",
            "?cursor=nonsense",
            "?cursor=AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "?cursor=end&since=2025-03-03T09:00:00Z",
            "?since=yesterday",
            "?types=",
            "?types=a..b",
            "?limit=0",
            "?limit=100000",
            "?after=1",
        ] {
            let answer = shop.get(&format!("/v1/events{query}"));
            assert_eq!(
                (answer.status, code_of(&answer).as_str()),
                (400, "invalid_request"),
                "{query}"
            );
        }
    });
}

#[test]
fn the_sdk_reads_on_from_its_cursor() {
    both(|world| {
        let anna = Club::new(world).anna;
        let Credentials::Signature(key) = world.party("shop").credentials().clone() else {
            panic!("a party signs")
        };
        let settings = Settings { retry: RetryPolicy::never(), ..Settings::default() };
        let client = Client::with_settings(&world.url(), key, &settings).expect("an address");
        let end = client.events(Some("end")).expect("an answer").value.page.next;
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        let page = client.events(Some(&end)).expect("an answer").value;
        let kinds: Vec<&str> = page.data.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["points.earned", "points.available"]);
        assert!(!page.page.more);
        let rest = client.events(Some(&page.page.next)).expect("an answer").value;
        assert!(rest.data.is_empty());
        assert_eq!(rest.page.next, page.page.next);
    });
}
