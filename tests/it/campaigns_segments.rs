//! Whom segments mean, and that a preview tells what a run will do.

use coalition::campaigns::stats;
use coalition::store::member_stats;
use serde_json::{Value, json};

use crate::campaign_world::{
    Stage, agree, bonus, facts, give_cards, give_profiles, notices, put_campaign, read, run, step,
};
use crate::support::{Setup, World, both, both_with, purchase, text};

/// How many a segment means.
fn meant(world: &World, audience: &Value) -> i64 {
    let mut document = bonus("asked", "1");
    document["audience"] = audience.clone();
    put_campaign(world, &document);
    let preview = step(world, "asked", "preview");
    preview["planned"].as_i64().unwrap_or_else(|| panic!("no figure: {preview}"))
}

/// Eight members with a life behind them, on 20 March.
fn with_history(world: &World, stage: &Stage) {
    let of = |range: std::ops::Range<usize>| &stage.members[range];
    give_profiles(world, of(0..3), ("Moscow", "wallet", "member"));
    give_profiles(world, of(3..5), ("Kazan", "till", "unconfirmed"));
    give_profiles(world, of(5..6), ("Moscow", "till", "member"));
    let erase = format!("/v1/members/{}/erase", stage.members[5]);
    assert_eq!(world.operator.post(&erase, "erase", &json!({})).status, 200);
    give_cards(world, of(1..4));
    agree(world, of(0..2), "any", true);
    agree(world, of(2..4), "sms", true);
    agree(world, of(1..2), "push", false);
    let buy = |reference: &str, member: usize, lines: Value| {
        let mut body = purchase(reference, &stage.members[member], "1.00");
        body.as_object_mut().expect("an object").remove("amount");
        body["lines"] = lines;
        world.accept("shop", &body);
    };
    buy(
        "R-1",
        0,
        json!([{"id": "a", "amount": "800.00", "sku": "kettle-1", "category": "kettles"}]),
    );
    buy("R-2", 1, json!([{"id": "a", "amount": "100.00", "brand": "acme", "category": "irons"}]));
    world.move_to("2025-03-18T09:00:00Z");
    buy(
        "R-3",
        0,
        json!([{"id": "a", "amount": "300.00", "category": "irons"},
        {"id": "b", "amount": "20.00"}]),
    );
    buy("R-4", 2, json!([{"id": "a", "amount": "60.00", "sku": "kettle-1"}]));
    buy("R-5", 3, json!([{"id": "a", "amount": "500.00"}]));
    let refund = |reference: &str, of: &str, amount: &str| {
        let body = json!({"kind": "refund", "ref": reference, "of": of, "amount": amount});
        world.accept("shop", &body);
    };
    refund("B-1", "R-4", "60.00");
    refund("B-2", "R-5", "200.00");
    world.move_to("2025-03-20T09:00:00Z");
}

#[test]
fn segments_mean_those_of_whom_all_that_is_true() {
    both_with(&Setup::default().with_shards(3), |world| {
        let stage = Stage::new(world, 8);
        with_history(world, &stage);
        let cases = [
            // Who was erased is never meant.
            (json!("everyone"), 7),
            (json!({"city": ["moscow"]}), 3),
            (json!({"city": ["Kazan", "Moscow"]}), 5),
            (json!({"source": ["till"]}), 2),
            (json!({"stage": ["unconfirmed"]}), 2),
            (json!({"tier": ["gold"]}), 1),
            (json!({"card_of": "koshelek"}), 3),
            (json!({"not": {"card_of": "koshelek"}}), 4),
            (json!({"consent": {"purpose": "marketing", "channel": "sms"}}), 4),
            (json!({"consent": {"purpose": "marketing", "channel": "push"}}), 1),
            (json!({"consent": {"purpose": "marketing"}}), 2),
            (json!({"consent": {"purpose": "transfer"}}), 0),
            // Two receipts of one, one of another; a receipt that came back whole does not count.
            (json!({"receipts": {"at_least": 1}}), 3),
            (json!({"receipts": {"at_least": 2}}), 1),
            (json!({"receipts": {"at_most": 0}}), 4),
            (json!({"receipts": {"within_days": 10, "at_least": 1}}), 2),
            (json!({"spend": {"at_least": "100.00"}}), 3),
            (json!({"spend": {"at_least": "300.00", "at_most": "300.00"}}), 1),
            (json!({"spend": {"within_days": 10, "at_least": "310.00"}}), 1),
            (json!({"last_receipt": {"at_least": 10}}), 1),
            (json!({"last_receipt": {"at_most": 2}}), 3),
            (json!({"balance": {"at_least": "30"}}), 2),
            (json!({"bought": {"sku": "kettle-1"}}), 2),
            (json!({"bought": {"category": "irons"}}), 2),
            (json!({"bought": {"category": "irons", "within_days": 10}}), 1),
            (json!({"bought": {"brand": "acme"}}), 1),
            (json!({"members": [stage.members[0], stage.members[7]]}), 2),
            (json!({"all": [{"city": ["Moscow"]}, {"receipts": {"at_least": 1}}]}), 2),
            (json!({"any": [{"tier": ["gold"]}, {"city": ["Kazan"]}]}), 3),
            (json!({"any": []}), 0),
        ];
        for (audience, due) in cases {
            assert_eq!(meant(world, &audience), due, "{audience}");
        }
    });
}

#[test]
fn who_is_of_another_programme_alone_is_meant_by_no_segment() {
    both_with(&Setup::default().with_shards(3), |world| {
        let stage = Stage::new(world, 2);
        world.add_party("airline", "brand");
        world.add_programme(&json!({
            "id": "miles", "brand": "airline", "unit": {"name": "mile", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": "never"
        }));
        let flies: Vec<Value> = (0..4)
            .map(|number| {
                let phone = format!("+7903123456{number}");
                json!({"phone": phone, "idempotency_key": format!("flies-{number}")})
            })
            .collect();
        let enrolled = world.party("airline").lines("/v1/members:batch", &flies);
        let enrolled = enrolled.iter().map(|answer| text(&answer["member"], "member"));
        let [stranger, known, kept, gone] =
            enrolled.collect::<Vec<_>>().try_into().expect("four members");
        let both = json!({"members": [stage.members[0], stranger]});
        assert_eq!(meant(world, &json!("everyone")), 2);
        assert_eq!(meant(world, &both), 1);
        let mut document = bonus("spring", "10");
        document["audience"] = json!("everyone");
        run(world, &document);
        let granted = || facts(world, "promo.granted").len();
        assert_eq!(granted(), 2, "the stranger is neither granted nor named");
        // Who buys takes part from then on.
        world.accept("shop", &purchase("R-1", &stranger, "100.00"));
        assert_eq!(meant(world, &both), 2);
        step(world, "spring", "run");
        assert_eq!(granted(), 3);
        assert_eq!(world.balance(&stranger, "club")["available"], "20");
        // So does who tells the brand something, and who turns out to be somebody with a card.
        assert_eq!(meant(world, &json!("everyone")), 3);
        agree(world, [&known], "push", true);
        assert_eq!(meant(world, &json!("everyone")), 4);
        give_cards(world, [&gone]);
        assert_eq!(meant(world, &json!("everyone")), 5);
        let merge = json!({"kind": "merge", "keep": kept, "drop": gone});
        world.accept("airline", &merge);
        assert_eq!(meant(world, &json!("everyone")), 5);
        assert_eq!(meant(world, &json!({"members": [kept]})), 1);
    });
}

#[test]
fn what_is_known_follows_a_merge_and_grows_again_from_the_journal() {
    both_with(&Setup::default().with_shards(3), |world| {
        let stage = Stage::new(world, 4);
        let buy = |reference: &str, member: usize, amount: &str| {
            world.accept("shop", &purchase(reference, &stage.members[member], amount));
        };
        buy("R-1", 0, "100.00");
        buy("R-2", 1, "200.00");
        let big = json!({"spend": {"at_least": "300.00"}});
        assert_eq!(meant(world, &big), 0);
        let merge = json!({"kind": "merge", "keep": stage.members[0], "drop": stage.members[1]});
        world.accept("brand", &merge);
        assert_eq!(meant(world, &big), 1);
        assert_eq!(meant(world, &json!("everyone")), 3);
        buy("R-3", 1, "50.00");
        let more = json!({"spend": {"within_days": 5, "at_least": "350.00"}});
        assert_eq!(meant(world, &more), 1, "whoever is named by the old profile");
        let engine = &world.app().engine;
        let done = engine.write(member_stats::begin_again);
        done.expect("it can be thrown away");
        let left = engine.read(member_stats::behind).expect("it can be asked");
        assert_eq!(left, 4);
        stats::catch_up(engine).expect("it can be counted");
        assert_eq!(meant(world, &more), 1);
        assert_eq!(meant(world, &json!({"receipts": {"at_least": 3}})), 1);
    });
}

/// A campaign for 50 of whom some can't be told.
fn planned(world: &World, stage: &Stage) -> Value {
    // Twenty agreed to messages, of whom five take it back; ten hold a card.
    agree(world, &stage.members[..20], "any", true);
    give_cards(world, &stage.members[10..20]);
    let target = "/v1/notice-channels/club/sms";
    let answer =
        world.marketing().put(target, &world.new_key(), &json!({"per_month": 1, "price": "1.50"}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut first = bonus("first", "10");
    first["audience"] = json!({"members": stage.members[..3]});
    first["channels"] = json!([{"channel": "sms", "party": "app", "text": "Hello"}]);
    run(world, &first);
    world.move_to("2025-03-04T09:00:00Z");
    agree(world, &stage.members[15..20], "any", false);
    let mut document = bonus("second", "100");
    document["budget"] = json!({"points": "4500"});
    document["channels"] = json!([
        {"channel": "wallet", "party": "koshelek", "text": "Hello",
            "fallback": {"channel": "sms", "party": "app", "text": "Hello"}},
        {"channel": "push", "party": "app", "text": "Again"}
    ]);
    document
}

#[test]
fn a_preview_tells_whom_a_run_really_reaches() {
    both_with(&Setup::default().with_shards(3), |world| {
        let stage = Stage::new(world, 50);
        let document = planned(world, &stage);
        put_campaign(world, &document);
        let preview = step(world, "second", "preview");
        assert_eq!((&preview["planned"], &preview["granted"]), (&json!(50), &json!(45)));
        assert_eq!(preview["short_of"], "points");
        // 15 agree; three of these got their message of the month.
        let ways = preview["channels"].as_array().expect("ways");
        let reached: Vec<i64> = ways.iter().filter_map(|way| way["reachable"].as_i64()).collect();
        assert_eq!(reached, [5, 7, 15]);
        assert_eq!(ways[1]["refused"], json!({"no_consent": 30, "frequency_cap": 3}));
        assert_eq!(ways[1]["cost"], "10.50");
        assert_eq!(preview["reachable"], 15);
        assert_eq!(preview["cost"]["total"], "2260.50");
        step(world, "second", "start");
        let done = step(world, "second", "run");
        assert_eq!(done["run"]["granted"], preview["granted"]);
        let all = notices(world, "second");
        let count = |channel: &str, state: &str| {
            all.iter().filter(|one| one["channel"] == channel && one["state"] == state).count()
        };
        let planned = [("wallet", 5), ("sms", 7), ("push", 15)];
        for (channel, due) in planned {
            assert_eq!(count(channel, "planned"), due, "{channel}");
        }
        assert_eq!(count("sms", "refused"), 33);
        assert_eq!(count("wallet", "refused"), 0, "the last way says why");
        // The preview of a campaign that ran.
        let again = step(world, "second", "preview");
        assert_eq!((&again["planned"], &again["already"]), (&json!(5), &json!(45)));
        assert_eq!((&again["granted"], &again["reachable"]), (&json!(0), &json!(0)));
    });
}

#[test]
fn an_event_in_one_city_is_reported_for_that_city() {
    both(|world| {
        let stage = Stage::new(world, 12);
        give_profiles(world, &stage.members[..6], ("Moscow", "till", "member"));
        give_profiles(world, &stage.members[6..8], ("Kazan", "till", "member"));
        agree(world, &stage.members[..4], "push", true);
        let mut document = bonus("event", "10");
        document["audience"] = json!({"city": ["Moscow"]});
        document["channels"] = json!([{"channel": "push", "party": "app", "text": "Come"}]);
        put_campaign(world, &document);
        let preview = step(world, "event", "preview");
        assert_eq!((&preview["planned"], &preview["reachable"]), (&json!(6), &json!(4)));
        step(world, "event", "start");
        step(world, "event", "run");
        crate::campaign_world::tell(world);
        let id = format!("event/0/{}", stage.members[0]);
        let reports = json!({"reports": [{"notice": id, "what": "opened"}]});
        let answer = world.party("app").post("/v1/notices:report", &world.new_key(), &reports);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let report = read(world, "/v1/campaigns/event/report");
        let due = json!([{"city": "Moscow", "members": 6, "opened": 1, "rate": "16.67"}]);
        assert_eq!(report["cities"], due);
    });
}
