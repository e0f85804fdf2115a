//! Promo codes over HTTP: made, redeemed once whoever asks and however often, refused by name,
//! reported on.

use std::sync::Arc;
use std::time::Duration;

use coalition::auth::token::{Role, mint};
use coalition::clock::unix_now;
use coalition::engine::Engine;
use coalition::http::answers::Answers;
use coalition::offers;
use coalition::server::{self, token_key};
use coalition::store::{Use, outbox};
use coalition_partner::{Answer, Credentials};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::{Club, World, both, code_of, instant, purchase, text};

/// The body of an answer that must have a status.
pub fn body(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// Somebody of marketing.
pub fn marketing(world: &World) -> Caller {
    let address = world.settings.address().expect("the address is one");
    let mut database = address.open(Use::Read).expect("the database can be read");
    let key = token_key(&mut database).expect("the database has a token key");
    let hour = Duration::from_hours(1);
    let token = mint(&key, "maria", Role::Marketing, hour, unix_now()).expect("a token");
    world.calling(Credentials::Bearer(token))
}

/// Another server's engine on the same database and clock.
pub fn engine(world: &World) -> Engine {
    let settings = world.settings.engine().expect("the settings are in order");
    let clock = Arc::clone(&world.clock);
    Engine::start(&settings, clock, Box::new(Answers)).expect("an engine starts")
}

/// What was told of a kind, as whom it is told and what.
pub fn told(world: &World, event: &str) -> Vec<(Option<String>, Value)> {
    let address = world.settings.address().expect("the address is one");
    let mut database = address.open(Use::Read).expect("the database can be read");
    let facts = outbox::after(&mut database, 0, 1_000).expect("it can be read");
    let of_kind = facts.into_iter().filter(|fact| fact.event == event);
    of_kind.map(|fact| (fact.party, fact.data)).collect()
}

/// Terms under which the brand pays.
pub fn paid() -> Value {
    json!({"funding": [{"party": "brand", "share": "1"}], "price_per_point": "1.00"})
}

/// A batch of codes of `club`, 500 points each, with more fields.
fn batch(more: &Value) -> Value {
    let mut batch =
        json!({"campaign": "june", "programmes": ["club"], "points": "500", "paid": paid()});
    let fields = batch.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    batch
}

fn make(world: &World, more: &Value) -> Value {
    body(&world.party("brand").post("/v1/promo-codes", &world.new_key(), &batch(more)), 201)
}

fn redeem(world: &World, who: &str, code: &str, member: &str) -> Answer {
    let wish = json!({"code": code, "member": member});
    world.party(who).post("/v1/promo-codes/redeem", &world.new_key(), &wish)
}

#[track_caller]
fn is_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!((answer.status, code_of(answer).as_str()), (status, code), "{}", answer.text());
}

#[test]
fn a_code_gives_points_once_and_the_same_request_the_same_answer() {
    both(|world| {
        let club = Club::new(world);
        let made = make(world, &json!({"code": "june-25", "points_valid": {"days": 10}}));
        assert_eq!(
            (made["issued"].as_i64(), &made["codes"][0]["code"]),
            (Some(1), &json!("JUNE-25"))
        );
        let (key, wish) = (world.new_key(), json!({"code": "JUNE 25", "member": club.anna}));
        let first = world.party("shop").post("/v1/promo-codes/redeem", &key, &wish);
        let redeemed = body(&first, 201);
        assert_eq!(
            (text(&redeemed, "points"), text(&redeemed, "valid_through")),
            ("500".into(), "2025-03-13".into())
        );
        let again = world.party("shop").post("/v1/promo-codes/redeem", &key, &wish);
        assert!(again.replayed && again.body == first.body);
        let other = json!({"code": "JUNE25", "member": "phone:+79160000009"});
        is_refused(
            &world.party("shop").post("/v1/promo-codes/redeem", &key, &other),
            422,
            "idempotency_key_reused",
        );
        is_refused(&redeem(world, "bank", "june25", &club.anna), 409, "code_used");
        assert_eq!(world.balance(&club.anna, "club")["available"], "500");
        let posted =
            world.operator.get(&format!("/v1/transactions/{}", text(&redeemed, "transaction")));
        let posted = body(&posted, 200);
        assert_eq!(
            (&posted["party"], &posted["lots"][0]["promo"]),
            (&json!("brand"), &json!("june"))
        );
        let told = told(world, "promo.granted");
        assert_eq!((told.len(), &told[0].1["points"]), (1, &json!("500")));
        assert_eq!(make_status(world, &json!({"code": "JUNE25"})), (409, "code_taken".to_owned()));
    });
}

fn make_status(world: &World, more: &Value) -> (u16, String) {
    let answer = world.party("brand").post("/v1/promo-codes", &world.new_key(), &batch(more));
    (answer.status, code_of(&answer))
}

#[test]
fn a_code_is_refused_by_name() {
    both(|world| {
        let club = Club::new(world);
        let dated =
            json!({"code": "SPRING", "valid_from": "2025-03-05", "valid_through": "2025-03-06"});
        let id = text(&make(world, &dated), "id");
        let at_shop = |code: &str| redeem(world, "shop", code, &club.anna);
        is_refused(&at_shop("nothing"), 404, "code_unknown");
        is_refused(&at_shop("~"), 404, "code_unknown");
        is_refused(&at_shop("spring"), 422, "code_not_yet");
        make(world, &json!({"code": "ATBANK", "parties": ["bank"]}));
        is_refused(&at_shop("atbank"), 403, "code_not_for_party");
        let each = make(world, &json!({"per_party": ["shop", "bank"]}));
        let code_of_bank = text(&each["codes"][1], "code");
        assert_eq!(each["codes"][1]["party"], "bank");
        is_refused(&at_shop(&code_of_bank), 403, "code_not_for_party");
        world.move_to("2025-03-04T21:00:00Z");
        let nobody = redeem(world, "shop", "spring", "phone:+79169999999");
        is_refused(&nobody, 404, "unknown_member");
        body(&redeem(world, "bank", &code_of_bank, &club.anna), 201);
        let stop = format!("/v1/promo-codes/{id}/stop");
        is_refused(
            &world.party("shop").post(&stop, &world.new_key(), &json!({})),
            404,
            "not_found",
        );
        body(&redeem(world, "bank", "spring", &club.anna), 201);
        body(&world.party("brand").post(&stop, &world.new_key(), &json!({})), 200);
        let boris = world.add_member(&json!({"phone": "+79160000002"}));
        is_refused(&redeem(world, "shop", "spring", &boris), 422, "code_expired");
        world.add_party("stranger", "retailer");
        is_refused(&redeem(world, "stranger", "atbank", &club.anna), 404, "code_unknown");
        is_refused(&world.party("shop").get(&format!("/v1/promo-codes/{id}")), 404, "not_found");
    });
}

#[test]
fn the_limits_of_a_batch_hold_over_days_and_members() {
    both(|world| {
        let club = Club::new(world);
        let limits = json!({"in_all": 4, "per_day": 2, "per_member": 2});
        make(world, &json!({"code": "DAILY", "limits": limits}));
        let boris = world.add_member(&json!({"phone": "+79160000002"}));
        body(&redeem(world, "shop", "daily", &club.anna), 201);
        body(&redeem(world, "shop", "daily", &club.anna), 201);
        is_refused(&redeem(world, "shop", "daily", &club.anna), 409, "code_used");
        let full = redeem(world, "shop", "daily", &boris);
        is_refused(&full, 422, "code_limit_reached");
        world.move_to("2025-03-03T21:00:00Z");
        body(&redeem(world, "shop", "daily", &boris), 201);
        body(&redeem(world, "shop", "daily", &boris), 201);
        world.move_to("2025-03-04T21:00:00Z");
        let clara = world.add_member(&json!({"phone": "+79160000003"}));
        is_refused(&redeem(world, "shop", "daily", &clara), 422, "code_limit_reached");
        // Two profiles of one person are one member.
        world.accept("brand", &json!({"kind": "merge", "keep": clara, "drop": boris}));
        is_refused(&redeem(world, "shop", "daily", &clara), 409, "code_used");
    });
}

#[test]
fn of_many_at_once_on_two_servers_as_many_get_points_as_may() {
    both(|world| {
        Club::new(world);
        let second = server::start(&world.settings, Arc::clone(&world.clock)).expect("it starts");
        let single = make(world, &json!({"limits": {"in_all": 5}}));
        let pool = make(world, &json!({"pool": 1}));
        let members: Vec<String> = (10..22)
            .map(|number| world.add_member(&json!({"phone": format!("+791600000{number}")})))
            .collect();
        for (made, may) in [(single, 5), (pool, 1)] {
            let code = text(&made["codes"][0], "code");
            let shop = world.party("shop");
            let answers: Vec<Answer> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..)
                    .zip(&members)
                    .map(|(place, member)| {
                        let caller =
                            if place % 2 == 0 { shop.clone() } else { shop.at(&second.url()) };
                        let wish = json!({"code": code, "member": member});
                        let key = format!("{code}-{place}");
                        scope.spawn(move || {
                            loop {
                                let answer = caller.post("/v1/promo-codes/redeem", &key, &wish);
                                if answer.status != 503 {
                                    return answer;
                                }
                            }
                        })
                    })
                    .collect();
                threads.into_iter().map(|one| one.join().expect("it answers")).collect()
            });
            assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), may);
            assert!(answers.iter().all(|answer| [201, 409, 422].contains(&answer.status)));
            let seen = world.party("brand").get(&format!("/v1/promo-codes/{}", text(&made, "id")));
            assert_eq!(body(&seen, 200)["used"].as_u64(), u64::try_from(may).ok());
        }
        let points = |member: &String| {
            let balance = world.balance(member, "club");
            balance["available"].as_str().and_then(|text| text.parse::<i64>().ok()).unwrap_or(0)
        };
        assert_eq!(members.iter().map(points).sum::<i64>(), 6 * 500);
        drop(second);
    });
}

#[test]
fn what_the_ledger_refuses_gives_the_use_back_and_what_broke_off_is_finished() {
    both(|world| {
        let club = Club::new(world);
        make(world, &json!({"code": "ONCE", "limits": {"in_all": 1}}));
        let mode = |mode: &str| {
            let wish = json!({"mode": mode});
            body(&world.operator.post("/v1/programmes/club/mode", &world.new_key(), &wish), 200)
        };
        mode("paused");
        let (key, wish) = (world.new_key(), json!({"code": "once", "member": club.anna}));
        let refused = world.party("shop").post("/v1/promo-codes/redeem", &key, &wish);
        is_refused(&refused, 422, "programme_paused");
        mode("live");
        let final_for_key = world.party("shop").post("/v1/promo-codes/redeem", &key, &wish);
        assert!(final_for_key.replayed && final_for_key.status == 422);
        let taken = taken_without_grant(world, &club.anna);
        let late = instant("2025-03-03T09:01:00Z");
        for _ in 0..2 {
            offers::finish(&engine(world), late).expect("it is finished");
        }
        assert_eq!(world.balance(&club.anna, "club")["available"], "500");
        assert_eq!(told(world, "promo.granted").len(), 1);
        let answer = world.party("shop").post("/v1/promo-codes/redeem", &taken, &wish);
        assert_eq!(body(&answer, 201)["points"], "500", "the same request finds what it began");
        is_refused(&redeem(world, "bank", "once", &club.anna), 409, "code_used");
    });
}

/// Leaves a use that a server took and died before it posted the grant; the request's key.
fn taken_without_grant(world: &World, member: &str) -> String {
    use coalition::domain::amount::Points;
    use coalition::domain::time::Day;
    use coalition::store::names::key_hash;
    use coalition::store::offers::{promo_codes, promo_uses};

    let key = world.new_key();
    let done = engine(world).write::<_, coalition::store::StoreError>(|database| {
        let (batch, code) = promo_codes::lock(database, "ONCE")?.expect("the code is there");
        let one = promo_uses::CodeUse {
            batch: batch.number,
            number: promo_uses::number_of_use(database, batch.number)?,
            code: code.code,
            member: member.parse().expect("a member"),
            party: "shop".parse().expect("a party"),
            programme: "club".parse().expect("a programme"),
            used_at: instant("2025-03-03T09:00:00Z"),
            day: Day::parse("2025-03-03").expect("a day"),
            points: Points(500),
            posted: None,
            request: key_hash("shop", &key),
        };
        promo_uses::take(database, &one)
    });
    done.expect("it can be written");
    key
}

#[test]
fn a_batch_is_made_by_the_brand_or_marketing_and_its_report_says_what_came_of_it() {
    both(|world| {
        let club = Club::new(world);
        let maria = marketing(world);
        let made = body(
            &maria.post("/v1/promo-codes", &world.new_key(), &batch(&json!({"pool": 3}))),
            201,
        );
        let id = text(&made, "id");
        for who in [&world.finance(), &world.auditor()] {
            is_refused(
                &who.post("/v1/promo-codes", &world.new_key(), &batch(&json!({}))),
                403,
                "role_not_allowed",
            );
        }
        let by_shop =
            world.party("shop").post("/v1/promo-codes", &world.new_key(), &batch(&json!({})));
        is_refused(&by_shop, 404, "not_found");
        for wrong in [
            json!({"points": "0"}),
            json!({"points": "1.5"}),
            json!({"pool": 2, "code": "JUNE"}),
            json!({"parties": ["nobody"]}),
            json!({"programmes": ["none"]}),
            json!({"paid": {"price_per_point": "1.00"}}),
            json!({"limits": {"in_all": 0}}),
            json!({"colour": "red"}),
        ] {
            assert_eq!(make_status(world, &wrong).0, 400, "{wrong}");
        }
        let codes = body(&maria.get(&format!("/v1/promo-codes/{id}/codes?limit=2")), 200);
        let next = text(&codes["page"], "next");
        let rest =
            body(&maria.get(&format!("/v1/promo-codes/{id}/codes?limit=2&cursor={next}")), 200);
        assert_eq!(
            (codes["data"].as_array().map(Vec::len), rest["data"].as_array().map(Vec::len)),
            (Some(2), Some(1))
        );
        world.accept("shop", &purchase("before", &club.anna, "100.00"));
        world.move_to("2025-03-03T10:00:00Z");
        body(&redeem(world, "shop", &text(&codes["data"][0], "code"), &club.anna), 201);
        let lines = json!([{"id": "1", "amount": "700.00", "sku": "TV-55"}, {"id": "2", "amount": "300.00"}]);
        world.accept(
            "shop",
            &json!({"kind": "purchase", "ref": "after", "programme": "club",
            "member": club.anna, "lines": lines, "burn": "200"}),
        );
        // The ten points of the receipt before expire first.
        let report = body(&world.party("brand").get(&format!("/v1/promo-codes/{id}/report")), 200);
        let figures =
            ["issued", "codes_used", "activated", "members"].map(|name| report[name].as_i64());
        assert_eq!(figures, [Some(3), Some(1), Some(1), Some(1)]);
        assert_eq!(
            (&report["granted"], &report["used"], &report["left"]),
            (&json!("500"), &json!("190"), &json!("310"))
        );
        assert_eq!(
            report["orders"],
            json!({"members": 1, "receipts": 1, "amount": "1000.00",
            "products": [{"sku": "TV-55", "lines": 1, "amount": "700.00"}]})
        );
        assert_eq!(
            body(&maria.get("/v1/promo-codes"), 200)["data"].as_array().map(Vec::len),
            Some(1)
        );
    });
}
