//! Campaigns grant once, to those who are meant, by who may.

use std::collections::BTreeSet;
use std::time::Duration;

use coalition::campaigns::{jobs, run as running};
use coalition::http::ROUTES;
use coalition_partner::Outgoing;
use serde_json::{Value, json};

use crate::campaign_world::{
    Stage, bonus, execute, facts, give_cards, number_of, put_campaign, read, run, step,
};
use crate::support::{Setup, World, both, both_with, code_of, purchase, text};

/// A member's lots, by the campaign that gave them.
fn promo_lots(world: &World, member: &str) -> Vec<(String, String)> {
    let answer = world.operator.get(&format!("/v1/members/{member}/history"));
    let body: Value = answer.json().expect("it is JSON");
    let all = body["data"].as_array().expect("a list").iter();
    let grants = all.filter(|one| one["kind"] == "grant");
    grants
        .map(|one| {
            let full = world.operator.get(&format!("/v1/transactions/{}", text(one, "id")));
            let full: Value = full.json().expect("it is JSON");
            let lot = &full["lots"][0];
            (text(lot, "promo"), text(lot, "expires_at"))
        })
        .collect()
}

/// Runs what is due, as the job does.
fn take_on(world: &World) {
    let engine = &world.app().engine;
    for campaign in jobs::due(engine).expect("the job looks") {
        running::take_on(engine, &campaign, Duration::from_mins(1)).expect("the campaign runs");
    }
}

#[test]
fn every_member_with_a_card_gets_one_lot_and_a_rerun_gives_none() {
    both_with(&Setup::default().with_shards(3), |world| {
        let stage = Stage::new(world, 40);
        give_cards(world, &stage.members[..25]);
        let mut document = bonus("spring", "1000");
        document["audience"] = json!({"card_of": "koshelek"});
        let done = run(world, &document);
        let figures = (&done["run"]["granted"], &done["run"]["points"], &done["run"]["refused"]);
        assert_eq!(figures, (&json!(25), &json!("25000"), &json!(0)));
        for (place, member) in stage.members.iter().enumerate() {
            // Ten days after 3 March, through the 13th in Moscow.
            let lot = ("spring".to_owned(), "2025-03-13T21:00:00Z".to_owned());
            let due = if place < 25 { vec![lot] } else { Vec::new() };
            assert_eq!(promo_lots(world, member), due, "{member}");
        }
        let told = facts(world, "promo.granted");
        let told_of: BTreeSet<i64> = told.iter().filter_map(|fact| Some(fact.member?.0)).collect();
        let granted: BTreeSet<i64> = stage.members[..25].iter().map(|m| number_of(m)).collect();
        assert_eq!((told.len(), told_of), (25, granted));
        assert_eq!(told[0].data["points"], "1000");

        world.move_to("2025-03-05T09:00:00Z");
        let again = step(world, "spring", "run");
        let figures = (&again["run"]["number"], &again["run"]["matched"], &again["run"]["granted"]);
        assert_eq!(figures, (&json!(2), &json!(0), &json!(0)));
        // Who is meant only now is granted now, with dates of their own.
        give_cards(world, &stage.members[25..26]);
        assert_eq!(step(world, "spring", "run")["run"]["granted"], 1);
        let lot = ("spring".to_owned(), "2025-03-15T21:00:00Z".to_owned());
        assert_eq!(promo_lots(world, &stage.members[25]), [lot]);
        assert_eq!(facts(world, "promo.granted").len(), 26);
    });
}

#[test]
fn points_of_a_campaign_are_spent_first_and_paid_by_its_funder() {
    both(|world| {
        let stage = Stage::new(world, 1);
        let anna = &stage.members[0];
        world.accept("shop", &purchase("R-1", anna, "1000.00"));
        run(world, &bonus("spring", "300"));
        let mut bought = purchase("R-2", anna, "700.00");
        bought["burn"] = json!("max");
        let bought = world.accept("shop", &bought);
        assert_eq!(bought["burned"], "350");
        let full = world.operator.get(&format!("/v1/transactions/{}", text(&bought, "id")));
        let full: Value = full.json().expect("it is JSON");
        let taken = full["explain"]["parts"][0]["taken"].as_array().expect("lots");
        let points: Vec<&str> = taken.iter().filter_map(|one| one["points"].as_str()).collect();
        assert_eq!(points, ["300", "50"], "the campaign's lot goes first");
        let flow = read(world, "/v1/campaigns/spring/report");
        assert_eq!(flow["points"]["spent"], "300");
        assert_eq!(flow["money"]["spent_points"], "150.00");
        world.move_to("2025-03-04T21:00:00Z");
        let close = world.operator.post("/v1/cycles/2025-03-03/close", "close", &json!({}));
        assert_eq!(close.status, 200, "{}", close.text());
        let cycle = world.operator.get("/v1/cycles/2025-03-03");
        let cycle: Value = cycle.json().expect("it is JSON");
        let positions = cycle["positions"].as_array().expect("a list");
        let of_brand =
            positions.iter().find(|one| one["debtor"] == "brand" && one["kind"] == "funding");
        let funding = of_brand.expect("the brand funds it");
        assert_eq!((&funding["points"], &funding["amount"]), (&json!("300"), &json!("150.00")));
    });
}

#[test]
fn a_chunk_that_a_server_left_is_granted_once_by_another() {
    both(|world| {
        let stage = Stage::new(world, 6);
        run(world, &bonus("spring", "100"));
        let lots: Vec<_> = stage.members.iter().map(|member| promo_lots(world, member)).collect();
        // As if the server had died after granting four and before it wrote who takes part.
        let numbers: Vec<i64> = stage.members.iter().map(|member| number_of(member)).collect();
        execute(world, "DELETE FROM promos");
        let now = world.app().now().0;
        let grants: Vec<(i64, i64)> = numbers.iter().map(|number| (*number, 100)).collect();
        let content =
            json!({"grants": grants, "without": [], "through": "2025-03-13", "day": 20150});
        execute(
            world,
            &format!("INSERT INTO campaign_chunks VALUES ('spring', 1, 1, {now}, '{content}')"),
        );
        execute(world, "UPDATE campaign_passes SET granted = 0, points = 0");
        // It may still be at work: nobody else takes its members, in this run or another one.
        let again = step(world, "spring", "run");
        assert_eq!((&again["run"]["number"], &again["run"]["granted"]), (&json!(1), &json!(0)));
        take_on(world);
        assert_eq!(read(world, "/v1/campaigns/spring/report")["run"]["finished"], false);
        world.move_to("2025-03-03T09:05:00Z");
        let waits = step(world, "spring", "stop");
        assert_eq!(waits["run"]["finished"], false);
        take_on(world);
        let view = read(world, "/v1/campaigns/spring");
        let figures = (&view["run"]["finished"], &view["run"]["granted"], &view["run"]["points"]);
        assert_eq!(figures, (&json!(true), &json!(6), &json!("600")));
        let after: Vec<_> = stage.members.iter().map(|member| promo_lots(world, member)).collect();
        assert_eq!(after, lots, "nobody got a second lot");
        assert_eq!(read(world, "/v1/campaigns/spring/report")["points"]["lots"], 6);
    });
}

#[test]
fn whoever_took_part_with_another_profile_is_not_granted_again() {
    both_with(&Setup::default().with_shards(3), |world| {
        let stage = Stage::new(world, 3);
        let mut document = bonus("spring", "100");
        document["audience"] = json!({"members": stage.members[..1]});
        run(world, &document);
        let merge = |keep: usize, drop: usize| {
            let body =
                json!({"kind": "merge", "keep": stage.members[keep], "drop": stage.members[drop]});
            world.accept("brand", &body);
        };
        merge(1, 0);
        merge(2, 1);
        // The same campaign, had it meant everyone.
        document["audience"] = json!("everyone");
        execute(world, &format!("UPDATE campaigns SET document = '{document}'"));
        assert_eq!(step(world, "spring", "run")["run"]["matched"], 0);
    });
}

#[test]
fn refusals_are_counted_and_may_be_tried_again() {
    both(|world| {
        Stage::new(world, 3);
        let mut document = bonus("spring", "100");
        document["budget"] = json!({"points": "300"});
        put_campaign(world, &document);
        step(world, "spring", "start");
        let mode = |mode: &str| {
            let body = json!({"mode": mode});
            let answer = world.operator.post("/v1/programmes/club/mode", &world.new_key(), &body);
            assert_eq!(answer.status, 200);
        };
        mode("paused");
        let refused = step(world, "spring", "run");
        assert_eq!(refused["run"]["refusals"], json!({"programme_paused": 3}));
        assert_eq!(refused["run"]["granted"], 0);
        mode("live");
        // The budget was given back, so all fit into it now.
        assert_eq!(step(world, "spring", "run")["run"]["granted"], 3);
    });
}

#[test]
fn a_campaign_runs_by_its_dates() {
    both(|world| {
        Stage::new(world, 2);
        let mut document = bonus("spring", "100");
        document["start"] = json!("2025-03-04T09:00:00Z");
        document["stop"] = json!("2025-03-06T09:00:00Z");
        put_campaign(world, &document);
        step(world, "spring", "start");
        let look = || {
            take_on(world);
            let view = read(world, "/v1/campaigns/spring");
            (view["state"].clone(), view["run"]["granted"].clone())
        };
        assert_eq!(look(), (json!("running"), Value::Null));
        world.move_to("2025-03-04T09:00:00Z");
        assert_eq!(look(), (json!("running"), json!(2)));
        assert_eq!(look(), (json!("running"), json!(2)), "it runs by itself once");
        world.move_to("2025-03-06T09:00:00Z");
        assert_eq!(look().0, "ended");
        let target = "/v1/campaigns/spring/start";
        let answer = world.marketing().post(target, &world.new_key(), &json!({}));
        assert_eq!((answer.status, code_of(&answer).as_str()), (409, "campaign_state"));
    });
}

/// Documents that can't be taken, with the place that is wrong.
fn wrong_documents() -> Vec<(Value, &'static str)> {
    let with = |field: &str, value: Value| {
        let mut document = bonus("spring", "100");
        document[field] = value;
        document
    };
    let of_grant = |field: &str, value: Value| {
        let mut document = bonus("spring", "100");
        document["grant"][field] = value;
        document
    };
    let push = |more: Value| {
        let mut step = json!({"channel": "push", "party": "app", "text": "Hello"});
        step.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
        with("channels", json!([step]))
    };
    vec![
        (with("colour", json!("red")), "/colour"),
        (with("programme", json!("nowhere")), "/programme"),
        (with("party", json!("nobody")), "/party"),
        (with("id", json!("autumn")), "/id"),
        (with("audience", json!({"age": 30})), "/audience"),
        (with("audience", json!({"all": [{"tier": ["silver"]}]})), "/audience/all/0/tier"),
        (with("audience", json!({"not": {"spend": {}}})), "/audience/not/spend"),
        (with("audience", json!({"spend": {"at_least": "1.005"}})), "/audience/spend/at_least"),
        (
            with("audience", json!({"receipts": {"within_days": 500, "at_least": 1}})),
            "/audience/receipts/within_days",
        ),
        (with("audience", json!({"bought": {}})), "/audience/bought"),
        (with("budget", json!({"points": "1.5"})), "/budget/points"),
        (with("budget", json!({"funders": {"brand": "x"}})), "/budget/funders/brand"),
        (with("control", json!({"share": "1.5", "gets": "bonus"})), "/control/share"),
        (with("start", json!("tomorrow")), "/start"),
        (with("window_days", json!(0)), "/window_days"),
        (
            with("channels", json!([{"channel": "fax", "party": "app", "text": "a"}])),
            "/channels/0/channel",
        ),
        (push(json!({"party": "nobody"})), "/channels/0/party"),
        (push(json!({"text": ""})), "/channels/0/text"),
        (
            push(json!({"fallback": {"channel": "sms", "party": "nobody", "text": "a"}})),
            "/channels/0/fallback/party",
        ),
        (of_grant("points", json!("0")), "/grant/points"),
        (of_grant("share_of_basket", json!("0.10")), "/grant"),
        (of_grant("expire", json!({"days": 0})), "/grant/expire/days"),
        (of_grant("funding", json!([{"party": "brand", "share": "0.5"}])), "/grant/funding"),
        (of_grant("price_per_point", Value::Null), "/grant/funding"),
    ]
}

#[test]
fn a_document_that_can_not_be_taken_is_refused_with_its_place() {
    both(|world| {
        Stage::new(world, 1);
        for (document, pointer) in wrong_documents() {
            let answer = world.marketing().put("/v1/campaigns/spring", &world.new_key(), &document);
            let told: Value = answer.json().expect("it is JSON");
            assert_eq!(
                (answer.status, &told["errors"][0]["pointer"]),
                (400, &json!(pointer)),
                "{document}: {told}"
            );
        }
        let mut deep = json!("everyone");
        for _ in 0..9 {
            deep = json!({"not": deep});
        }
        let mut document = bonus("spring", "100");
        document["audience"] = deep;
        let answer = world.marketing().put("/v1/campaigns/spring", &world.new_key(), &document);
        assert_eq!(answer.status, 400, "{}", answer.text());
    });
}

#[test]
fn marketing_and_the_brand_write_campaigns_and_nobody_else() {
    both(|world| {
        Stage::new(world, 2);
        world.add_party("rival", "brand");
        let document = bonus("spring", "100");
        let put = |caller: &crate::caller::Caller| {
            caller.put("/v1/campaigns/spring", &world.new_key(), &document).status
        };
        assert_eq!(put(world.party("brand")), 200);
        assert_eq!(put(&world.marketing()), 200);
        assert_eq!((put(world.party("rival")), put(world.party("shop"))), (404, 404));
        assert_eq!((put(&world.auditor()), put(&world.finance())), (403, 403));
        let steps = ["preview", "start", "run", "stop"];
        for what in steps {
            let target = format!("/v1/campaigns/spring/{what}");
            for (caller, status) in
                [(world.party("rival"), 404), (&world.finance(), 403), (world.party("brand"), 200)]
            {
                let answer = caller.post(&target, &world.new_key(), &json!({}));
                assert_eq!(answer.status, status, "{target}: {}", answer.text());
            }
        }
        assert_eq!(world.party("rival").get("/v1/campaigns/spring").status, 404);
        assert_eq!(world.auditor().get("/v1/campaigns/spring/report").status, 200);
        // A brand makes nobody else grant.
        let mut foreign = bonus("summer", "100");
        foreign["party"] = json!("shop");
        let answer = world.party("brand").put("/v1/campaigns/summer", &world.new_key(), &foreign);
        assert_eq!((answer.status, code_of(&answer).as_str()), (400, "invalid_request"));
        let again = world.marketing().put("/v1/campaigns/spring", &world.new_key(), &document);
        assert_eq!((again.status, code_of(&again).as_str()), (409, "campaign_state"));
    });
}

#[test]
fn marketing_sees_nothing_but_campaigns_and_offers() {
    both(|world| {
        let marketing = world.marketing();
        let open =
            ["/livez", "/readyz", "/metrics", "/openapi.yaml", "/docs", "/problems/{code}", "/"];
        // Phones and Slack bring credentials of their own.
        let others = ["/wallet/", "/slack/"];
        let own =
            ["/v1/campaigns", "/v1/notice", "/v1/programmes", "/v1/promo-codes", "/v1/basket"];
        let own = [&own[..], &["/v1/call-list"], &others].concat();
        for &(method, template) in ROUTES {
            let own = own.iter().any(|one| template.starts_with(one));
            if own || open.contains(&template) {
                continue;
            }
            let parts = template.split('/').map(|part| match part {
                "{member}" => "external%3A1",
                "{cycle}" => "2025-01-01",
                part if part.starts_with('{') => "some-id",
                part => part,
            });
            let target = parts.collect::<Vec<_>>().join("/");
            let body = (method != "GET").then_some(b"{}".as_slice());
            let is_bulk = template.ends_with(":batch");
            let answer = marketing.send(&Outgoing {
                method,
                idempotency_key: body.map(|_| "a-key"),
                content_type: if is_bulk { "application/x-ndjson" } else { "application/json" },
                body,
                ..Outgoing::get(&target)
            });
            // What only parties may ask is not there for tokens at all.
            assert!([401, 403].contains(&answer.status), "{method} {target}: {}", answer.text());
        }
    });
}

#[test]
fn a_step_is_taken_once_for_its_key() {
    both(|world| {
        Stage::new(world, 2);
        put_campaign(world, &bonus("spring", "100"));
        step(world, "spring", "start");
        let target = "/v1/campaigns/spring/run";
        let first = world.marketing().post(target, "one-key", &json!({}));
        let second = world.marketing().post(target, "one-key", &json!({}));
        assert!(second.replayed && !first.replayed);
        assert_eq!(first.text(), second.text());
        assert_eq!(read(world, "/v1/campaigns/spring")["run"]["number"], 1);
    });
}
