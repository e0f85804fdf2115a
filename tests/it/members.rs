//! Members: their names, what is shown of them, histories, and two profiles that become one.

use coalition_partner::path::encoded;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::{Club, Setup, World, both, both_with, code_of, purchase, text};

fn shown(caller: &Caller, name: &str) -> Value {
    let answer = caller.get(&format!("/v1/members/{}", encoded(name)));
    assert_eq!(answer.status, 200, "{name}: {}", answer.text());
    answer.json().expect("it is JSON")
}

#[test]
fn every_name_leads_to_the_member_and_each_caller_sees_what_it_may() {
    both(|world| {
        let club = Club::new(world);
        let body = json!({"external_ids": ["17850"], "phone": "+7 916 000-00-09"});
        let made = world.party("shop").post("/v1/members", "m-1", &body);
        let olga = text(&made.json().expect("it is JSON"), "member");
        let seen = shown(world.party("shop"), "external:17850");
        assert_eq!(seen, json!({"member": olga, "external_ids": ["17850"], "card_tokens": []}));
        assert_eq!(shown(world.party("bank"), "phone:+79160000009")["external_ids"], json!([]));
        // Another party's id of the same text is another member.
        let missing = world.party("bank").get("/v1/members/external%3A17850");
        assert_eq!((missing.status, code_of(&missing).as_str()), (404, "unknown_member"));
        let bank =
            world.party("bank").post("/v1/members", "m-2", &json!({"external_ids": ["17850"]}));
        assert_ne!(text(&bank.json().expect("it is JSON"), "member"), olga);

        for caller in [&world.operator, &world.auditor()] {
            let seen = shown(caller, "email:ANNA@example.org");
            let due = json!({"member": club.anna, "phone": "+79160000001",
                "email": "anna@example.org", "external_ids": [], "card_tokens": ["par-anna-1"]});
            assert_eq!(seen, due);
        }
        assert_eq!(shown(&world.operator, "card:par-anna-1")["member"], club.anna);
        let party = shown(world.party("shop"), &club.anna);
        assert_eq!(party, json!({"member": club.anna, "external_ids": [], "card_tokens": []}));
    });
}

#[test]
fn a_member_has_at_least_one_name_and_each_once() {
    both(|world| {
        let club = Club::new(world);
        let shop = world.party("shop");
        let many: Vec<String> = (0..51).map(|number| format!("id-{number}")).collect();
        let wrong = [
            json!({}),
            json!({"external_ids": []}),
            json!({"external_ids": ["a", "a"]}),
            json!({"external_ids": many}),
            json!({"phone": "0089160000001"}),
            json!({"email": "nobody"}),
            json!({"nickname": "a"}),
        ];
        for body in wrong {
            let answer = shop.post("/v1/members", &world.new_key(), &body);
            let told = (answer.status, code_of(&answer));
            assert_eq!(told, (400, "invalid_request".to_owned()), "{body}");
        }
        let taken = json!({"external_ids": ["new"], "phone": "+79160000001"});
        let answer = shop.post("/v1/members", "taken", &taken);
        assert_eq!((answer.status, code_of(&answer).as_str()), (409, "identifier_taken"));
        let free = shop.get("/v1/members/external%3Anew");
        assert_eq!(free.status, 404, "nothing of a refused member was written");
        assert_eq!(shown(shop, "phone:+79160000001")["member"], club.anna);
    });
}

fn page(caller: &Caller, target: &str) -> (Vec<String>, Option<String>) {
    let answer = caller.get(target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    let body: Value = answer.json().expect("it is JSON");
    let data = body["data"].as_array().expect("a page has entries");
    let references = data.iter().map(|one| text(one, "ref")).collect();
    (references, body["page"]["next"].as_str().map(str::to_owned))
}

#[test]
fn a_history_is_paged_newest_first_and_shows_each_caller_its_own() {
    both(|world| {
        let club = Club::new(world);
        for number in 1..=7 {
            world.move_to(&format!("2025-03-04T10:00:0{number}Z"));
            let party = if number % 2 == 0 { "bank" } else { "shop" };
            world.accept(party, &purchase(&format!("R-{number}"), &club.anna, "10.00"));
        }
        let base = format!("/v1/members/{}/history?limit=3", club.anna);
        let mut seen = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..4 {
            let at = cursor.as_ref().map_or(String::new(), |one| format!("&cursor={one}"));
            let (references, next) = page(&world.operator, &format!("{base}{at}"));
            seen.extend(references);
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["R-7", "R-6", "R-5", "R-4", "R-3", "R-2", "R-1"]);
        let whole = format!("/v1/members/{}/history", club.anna);
        assert_eq!(page(world.party("bank"), &whole).0, ["R-6", "R-4", "R-2"]);
        assert_eq!(page(world.party("brand"), &whole).0.len(), 7, "the brand sees all");
        let elsewhere = page(&world.operator, &format!("{whole}?programme=other"));
        assert!(elsewhere.0.is_empty());
    });
}

#[test]
fn balances_tell_what_is_pending_and_what_expires() {
    both(|world| {
        let club = Club::new(world);
        let grant = |reference: &str, points: &str, opens: &str, through: &str| {
            json!({"kind": "grant", "ref": reference, "programme": "club", "member": club.anna,
                "points": points, "available_at": opens, "valid_through": through,
                "funding": [{"party": "brand", "share": "1"}], "price_per_point": "1.00"})
        };
        world.accept("brand", &grant("G-1", "5", "2025-04-01", "2025-04-30"));
        world.accept("brand", &grant("G-2", "7", "2025-03-03", "2025-03-10"));
        let balance = world.balance(&club.anna, "club");
        assert_eq!(
            (balance["available"].clone(), balance["pending"].clone()),
            (json!("7"), json!("5"))
        );
        let pending = json!([{"points": "5", "available_at": "2025-03-31T21:00:00Z"}]);
        assert_eq!(balance["pending_lots"], pending);
        let expiring = json!([{"points": "7", "expires_at": "2025-03-10T21:00:00Z"},
            {"points": "5", "expires_at": "2025-04-30T21:00:00Z"}]);
        assert_eq!(balance["expiring"], expiring);
        world.move_to("2025-03-31T21:00:00Z");
        let balance = world.balance(&club.anna, "club");
        assert_eq!(
            (balance["available"].clone(), balance["pending"].clone()),
            (json!("5"), json!("0"))
        );
    });
}

/// A member with a purchase that awaits nothing, a hold and a purchase to be refunded.
fn busy(world: &World, phone: &str, mark: &str) -> String {
    let member = world.add_member(&json!({"phone": phone}));
    world.accept("shop", &purchase(&format!("P-{mark}"), &member, "1000.00"));
    let hold = json!({"kind": "hold", "ref": format!("H-{mark}"), "programme": "club",
        "member": member, "points": "30"});
    world.accept("shop", &hold);
    let mut burn = purchase(&format!("B-{mark}"), &member, "140.00");
    burn["burn"] = json!("70");
    world.accept("shop", &burn);
    member
}

#[test]
fn whichever_shard_a_profile_was_on_what_was_its_own_comes_with_it() {
    // With few shards the kept profile is now before, now after the one that goes.
    both_with(&Setup::default().with_shards(4), |world| {
        Club::new(world);
        for pair in 0..6 {
            let (one, other) = (format!("{pair}a"), format!("{pair}b"));
            let keep = busy(world, &format!("+7916000200{pair}"), &one);
            let drop = busy(world, &format!("+7916000300{pair}"), &other);
            let merge = json!({"kind": "merge", "keep": keep, "drop": drop});
            assert_eq!(world.accept("brand", &merge)["keep"], keep);
            for mark in [&one, &other] {
                let capture = json!({"kind": "capture", "of": format!("H-{mark}"), "points": "10"});
                assert_eq!(world.accept("shop", &capture)["released"], "20", "{mark}");
                let refund = json!({"kind": "refund", "ref": format!("X-{mark}"),
                    "of": format!("B-{mark}"), "amount": "140.00"});
                assert_eq!(world.accept("shop", &refund)["restored"], "70", "{mark}");
            }
            // Each earned 100 and burned 10; what B earned went with its refund.
            let balance = world.balance(&drop, "club");
            assert_eq!(balance["available"], "180", "{balance}");
            assert_eq!(shown(&world.operator, &drop)["member"], keep);
            assert_eq!(shown(&world.operator, &format!("phone:+7916000300{pair}"))["member"], keep);
        }
    });
}
