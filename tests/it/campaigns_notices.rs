//! Who is told, how often, at which hours; and what parties report back.

use serde_json::{Value, json};

use crate::caller::Caller;
use crate::campaign_world::{
    Stage, agree, bonus, facts, give_cards, notices, put_campaign, read, run, step, tell,
};
use crate::support::{World, both, code_of, purchase};

/// Asks for one notice.
fn ask(world: &World, member: &str, channel: &str, more: &Value) -> coalition_partner::Answer {
    let mut body = json!({"programme": "club", "member": member, "channel": channel,
        "party": "app", "text": "Hello"});
    body.as_object_mut().expect("an object").extend(more.as_object().expect("one").clone());
    world.marketing().post("/v1/notices", &world.new_key(), &body)
}

fn set_channel(world: &World, channel: &str, rules: &Value) {
    let target = format!("/v1/notice-channels/club/{channel}");
    let answer = world.party("brand").put(&target, &world.new_key(), rules);
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[test]
fn the_ninth_push_and_the_fourth_notice_of_a_card_wait_for_the_next_month() {
    both(|world| {
        let stage = Stage::new(world, 2);
        agree(world, &stage.members, "push", true);
        give_cards(world, &stage.members);
        let anna = &stage.members[0];
        for (channel, party, most) in [("push", "app", 8), ("wallet", "koshelek", 3)] {
            let party = json!({"party": party});
            for number in 0..most {
                assert_eq!(ask(world, anna, channel, &party).status, 201, "{channel} {number}");
            }
            let refused = ask(world, anna, channel, &party);
            let told: Value = refused.json().expect("it is JSON");
            assert_eq!((refused.status, &told["code"]), (422, &json!("frequency_cap")));
            // April begins in Moscow three hours before it does in UTC.
            assert_eq!(told["next_allowed_at"], "2025-03-31T21:00:00Z");
            assert_eq!(ask(world, &stage.members[1], channel, &party).status, 201);
            let other = json!({"party": party["party"], "kind": "transactional"});
            assert_eq!(ask(world, anna, channel, &other).status, 201, "these are counted apart");
        }
        set_channel(world, "push", &json!({"per_month": 9, "transactional_per_month": 1}));
        assert_eq!(ask(world, anna, "push", &json!({})).status, 201);
        assert_eq!(code_of(&ask(world, anna, "push", &json!({}))), "frequency_cap");
        let transactional = ask(world, anna, "push", &json!({"kind": "transactional"}));
        assert_eq!(code_of(&transactional), "frequency_cap");
        world.move_to("2025-03-31T21:00:00Z");
        assert_eq!(ask(world, anna, "push", &json!({})).status, 201);
    });
}

#[test]
fn a_brand_asks_only_for_those_who_take_part_in_its_programme() {
    both(|world| {
        let stage = Stage::new(world, 1);
        let anna = &stage.members[0];
        agree(world, &stage.members, "push", true);
        let ask = |world: &World| {
            let body = json!({"programme": "club", "member": anna, "channel": "push",
                "party": "app", "text": "Hello"});
            world.party("brand").post("/v1/notices", &world.new_key(), &body)
        };
        assert_eq!(code_of(&ask(world)), "unknown_member", "nothing is learnt of strangers");
        world.accept("shop", &purchase("R-1", anna, "100.00"));
        assert_eq!(ask(world).status, 201);
    });
}

#[test]
fn nobody_is_told_without_consent_and_an_address() {
    both(|world| {
        let stage = Stage::new(world, 2);
        let anna = &stage.members[0];
        assert_eq!(code_of(&ask(world, anna, "sms", &json!({}))), "no_consent");
        assert_eq!(ask(world, anna, "sms", &json!({"kind": "transactional"})).status, 201);
        agree(world, &stage.members, "any", true);
        assert_eq!(ask(world, anna, "sms", &json!({})).status, 201);
        let card = ask(world, anna, "wallet", &json!({"party": "koshelek"}));
        assert_eq!(code_of(&card), "no_address");
        let nameless = world.add_member(&json!({"external_ids": ["nameless"]}));
        agree(world, [&nameless], "any", true);
        for channel in ["sms", "email", "call"] {
            assert_eq!(code_of(&ask(world, &nameless, channel, &json!({}))), "no_address");
        }
        assert_eq!(ask(world, "external:nobody", "sms", &json!({})).status, 404);
    });
}

#[test]
fn nothing_promotional_goes_out_in_quiet_hours() {
    both(|world| {
        let stage = Stage::new(world, 1);
        agree(world, &stage.members, "any", true);
        set_channel(world, "sms", &json!({"quiet": {"from": "21:00", "until": "09:00"}}));
        let anna = &stage.members[0];
        // 23:30 in Moscow.
        world.move_to("2025-03-03T20:30:00Z");
        let due = |more: &Value| -> Value {
            let body: Value = ask(world, anna, "sms", more).json().expect("it is JSON");
            body["due_at"].clone()
        };
        assert_eq!(due(&json!({})), "2025-03-04T06:00:00Z");
        assert_eq!(due(&json!({"kind": "transactional"})), "2025-03-03T20:30:00Z");
        assert_eq!(due(&json!({"at": "2025-03-05T10:00:00Z"})), "2025-03-05T10:00:00Z");
        tell(world);
        assert_eq!(facts(world, "notice.due").len(), 1, "the transactional one");
        world.move_to("2025-03-04T06:00:00Z");
        tell(world);
        tell(world);
        let told = facts(world, "notice.due");
        assert_eq!(told.len(), 2);
        let party = told[1].party.as_deref();
        assert_eq!((party, told[1].data["channel"].as_str()), (Some("app"), Some("sms")));
        assert_eq!(told[1].data["text"], "Hello");
    });
}

/// A campaign with an intro on the card and a push where there is no card.
fn with_intro(world: &World, stage: &Stage) -> Value {
    agree(world, &stage.members[..8], "push", true);
    give_cards(world, &stage.members[..4]);
    let mut document = bonus("spring", "1000");
    document["channels"] = json!([{"channel": "wallet", "party": "koshelek", "text": "Look",
        "fallback": {"channel": "push", "party": "app", "text": "Look at your app"}}]);
    document
}

fn reported(world: &World, caller: &Caller, reports: &Value) -> Value {
    let body = json!({"reports": reports});
    let answer = caller.post("/v1/notices:report", &world.new_key(), &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

#[test]
fn who_has_no_card_gets_a_push_and_the_report_splits_the_two() {
    both(|world| {
        let stage = Stage::new(world, 10);
        run(world, &with_intro(world, &stage));
        tell(world);
        let told = facts(world, "notice.due");
        let to =
            |party: &str| told.iter().filter(|one| one.party.as_deref() == Some(party)).count();
        assert_eq!((to("koshelek"), to("app")), (4, 4));
        let card = told.iter().find(|one| one.party.as_deref() == Some("koshelek"));
        let card = &card.expect("one").data;
        assert_eq!((&card["points"], card["card"].is_string()), (&json!("1000"), true));
        let id = |place: usize| format!("spring/0/{}", stage.members[place]);
        let reports = json!([
            {"notice": id(0), "what": "delivered"}, {"notice": id(0), "what": "opened"},
            {"notice": id(1), "what": "delivered"},
        ]);
        let taken = reported(world, world.party("koshelek"), &reports);
        assert_eq!(taken, json!({"accepted": 3, "refused": []}));
        let again = reported(world, world.party("koshelek"), &reports);
        assert_eq!(again["accepted"], 3);
        reported(world, world.party("app"), &json!([{"notice": id(5), "what": "visited"}]));
        // Another's notice, one that nobody planned, one that never went out, and no campaign.
        let foreign = json!([
            {"notice": id(5), "what": "opened"}, {"notice": id(9), "what": "opened"},
            {"notice": "spring/7/m_0_1", "what": "opened"},
            {"campaign": "autumn", "member": stage.members[0], "what": "opened"}
        ]);
        let refused = reported(world, world.party("koshelek"), &foreign);
        assert_eq!(
            (&refused["accepted"], refused["refused"].as_array().map(Vec::len)),
            (&json!(0), Some(4))
        );
        let report = read(world, "/v1/campaigns/spring/report");
        let channels = report["channels"].as_array().expect("a list");
        let of = |channel: &str, figure: &str| -> i64 {
            let rows = channels.iter().filter(|one| one["channel"] == channel);
            rows.filter_map(|one| one[figure].as_i64()).sum()
        };
        assert_eq!((of("wallet", "told"), of("push", "told")), (4, 4));
        assert_eq!((of("wallet", "delivered"), of("wallet", "opened")), (2, 1));
        assert_eq!((of("push", "clicked"), of("push", "opened")), (1, 0));
        let test = &report["arms"]["test"];
        assert_eq!(
            (&test["members"], &test["opened"], &test["visited"]),
            (&json!(10), &json!(1), &json!(1))
        );
        let all = notices(world, "spring");
        let refused: Vec<&Value> = all.iter().filter(|one| one["state"] == "refused").collect();
        assert!(refused.iter().all(|one| one["reason"] == "no_consent"));
        assert_eq!(refused.len(), 2);
        let first = all.iter().find(|one| one["id"] == id(0)).expect("it is there");
        assert_eq!(first["state"], "opened");
    });
}

#[test]
fn the_control_group_is_not_told_but_what_it_does_is_known() {
    both(|world| {
        let stage = Stage::new(world, 30);
        agree(world, &stage.members, "push", true);
        let mut document = bonus("spring", "100");
        document["control"] = json!({"share": "0.5", "gets": "bonus"});
        document["channels"] = json!([{"channel": "push", "party": "app", "text": "Look"}]);
        run(world, &document);
        let told: Vec<Value> = notices(world, "spring");
        let report = read(world, "/v1/campaigns/spring/report");
        let (test, control) = (&report["arms"]["test"], &report["arms"]["control"]);
        assert_eq!(json!(told.len()), test["members"]);
        let some = |figure: &Value| figure.as_i64().is_some_and(|count| count > 3);
        assert!(some(&test["members"]) && some(&control["members"]), "{report}");
        assert_eq!(control["granted"], control["members"]);
        let is_told = |member: &&String| told.iter().any(|one| one["member"] == json!(member));
        let silent = stage.members.iter().find(|member| !is_told(member)).expect("somebody");
        let seen = json!([{"campaign": "spring", "member": silent, "what": "opened"}]);
        assert_eq!(reported(world, world.party("app"), &seen)["accepted"], 1);
        assert_eq!(reported(world, world.party("shop"), &seen)["accepted"], 0);
        let report = read(world, "/v1/campaigns/spring/report");
        assert_eq!(report["arms"]["control"]["opened"], 1);
    });
}

#[test]
fn who_takes_consent_back_or_spends_the_points_is_not_told() {
    both(|world| {
        let stage = Stage::new(world, 3);
        agree(world, &stage.members, "push", true);
        let mut document = bonus("spring", "100");
        document["channels"] = json!([{"channel": "push", "party": "app", "text": "Three days",
            "when": {"days_before_expiry": 3}}]);
        run(world, &document);
        // The points are good through 13 March.
        assert_eq!(notices(world, "spring")[0]["due_at"], "2025-03-10T21:00:00Z");
        world.move_to("2025-03-09T09:00:00Z");
        agree(world, &stage.members[..1], "push", false);
        let mut spent = crate::support::purchase("R-1", &stage.members[1], "200.00");
        spent["burn"] = json!("100");
        world.accept("shop", &spent);
        world.move_to("2025-03-10T21:00:00Z");
        tell(world);
        let all = notices(world, "spring");
        let states: Vec<(&Value, &Value)> =
            all.iter().map(|one| (&one["state"], &one["reason"])).collect();
        let refused = json!("refused");
        assert_eq!(
            states,
            [
                (&refused, &json!("no_consent")),
                (&refused, &json!("nothing_left")),
                (&json!("due"), &Value::Null)
            ]
        );
        let told = facts(world, "notice.due");
        assert_eq!((told.len(), &told[0].data["points"]), (1, &json!("100")));
    });
}

#[test]
fn a_stopped_campaign_tells_nobody_any_more() {
    both(|world| {
        let stage = Stage::new(world, 2);
        agree(world, &stage.members, "push", true);
        let mut document = bonus("spring", "100");
        document["channels"] = json!([
            {"channel": "push", "party": "app", "text": "Now"},
            {"channel": "push", "party": "app", "text": "Later", "when": {"days_after": 2}}
        ]);
        run(world, &document);
        tell(world);
        step(world, "spring", "stop");
        world.move_to("2025-03-08T09:00:00Z");
        tell(world);
        assert_eq!(facts(world, "notice.due").len(), 2);
        let later = &notices(world, "spring")[2];
        assert_eq!(
            (&later["state"], &later["reason"]),
            (&json!("refused"), &json!("campaign_stopped"))
        );
        let refused = world.marketing().post("/v1/campaigns/spring/run", "run", &json!({}));
        assert_eq!((refused.status, code_of(&refused).as_str()), (409, "campaign_state"));
    });
}

#[test]
fn a_campaigns_own_cap_counts_where_it_is_lower() {
    both(|world| {
        let stage = Stage::new(world, 1);
        agree(world, &stage.members, "push", true);
        let mut document = bonus("spring", "100");
        document["caps"] = json!({"push": 2});
        let push = json!({"channel": "push", "party": "app", "text": "Again"});
        document["channels"] = json!([push, push, push]);
        put_campaign(world, &document);
        assert_eq!(
            step(world, "spring", "preview")["channels"][2]["refused"],
            json!({"frequency_cap": 1})
        );
        step(world, "spring", "start");
        step(world, "spring", "run");
        let all = notices(world, "spring");
        let third = &all[2];
        assert_eq!(
            (&third["reason"], &third["next_allowed_at"]),
            (&json!("frequency_cap"), &json!("2025-03-31T21:00:00Z"))
        );
        assert_eq!(ask(world, &stage.members[0], "push", &json!({})).status, 201);
    });
}

#[test]
fn channels_are_shown_as_they_count() {
    both(|world| {
        Stage::new(world, 0);
        let list = |world: &World| read(world, "/v1/notice-channels/club");
        let usual = list(world);
        assert_eq!(
            usual["data"][0],
            json!({"channel": "push", "per_month": 8,
            "transactional_per_month": null, "quiet": null, "price": "0.00"})
        );
        set_channel(
            world,
            "push",
            &json!({"per_month": 4, "quiet": {"from": "22:00", "until": "08:30"}, "price": "0.10"}),
        );
        let set = list(world);
        assert_eq!(
            set["data"][0],
            json!({"channel": "push", "per_month": 4,
            "transactional_per_month": null, "quiet": {"from": "22:00", "until": "08:30"}, "price": "0.10"})
        );
        let wrong = json!({"quiet": {"from": "25:00", "until": "08:30"}});
        let answer = world.marketing().put("/v1/notice-channels/club/sms", "k", &wrong);
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert_eq!(
            world.marketing().put("/v1/notice-channels/club/fax", "k", &json!({})).status,
            404
        );
    });
}

#[test]
fn a_campaign_may_tell_without_granting() {
    both(|world| {
        let stage = Stage::new(world, 5);
        agree(world, &stage.members[..4], "sms", true);
        let document = json!({
            "id": "news", "programme": "club", "audience": "everyone",
            "channels": [{"channel": "sms", "party": "app", "text": "A new shop"}]
        });
        let done = run(world, &document);
        let figures = (&done["run"]["matched"], &done["run"]["granted"]);
        assert_eq!(figures, (&json!(5), &json!(0)));
        assert_eq!(step(world, "news", "run")["run"]["matched"], 0);
        tell(world);
        let told = facts(world, "notice.due");
        assert_eq!((told.len(), told[0].data.get("points")), (4, None));
        assert!(facts(world, "promo.granted").is_empty());
        let report = read(world, "/v1/campaigns/news/report");
        let test = &report["arms"]["test"];
        assert_eq!((&test["members"], &test["granted"]), (&json!(5), &json!(0)));
        assert_eq!(
            (&report["points"]["lots"], &report["money"]["cost"]),
            (&json!(0), &json!("0.00"))
        );
    });
}
