//! Budgets hold, whoever grants at the same time; groups stay what they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use coalition::campaigns::run as running;
use coalition::domain::campaign::Arm;
use coalition::domain::campaign::arms::arm_of;
use coalition::server;
use rust_decimal::Decimal;
use serde_json::json;

use crate::campaign_world::{Stage, bonus, facts, number_of, put_campaign, read, run, step};
use crate::support::{Setup, World, both, both_with, purchase, text};

/// Points that all members of a world were granted, as the journal says.
fn granted(world: &World, stage: &Stage) -> Vec<i64> {
    let points = stage.members.iter().map(|member| {
        let balance = world.balance(member, "club");
        balance["available"].as_str().and_then(|text| text.parse().ok()).unwrap_or(0)
    });
    points.collect()
}

#[test]
fn two_servers_at_once_pass_no_budget_and_grant_nobody_twice() {
    both_with(&Setup::default().with_shards(4), |world| {
        let stage = Stage::new(world, 120);
        let mut document = bonus("spring", "100");
        document["budget"] = json!({"points": "7050", "funders": {"brand": "4000.00"}});
        put_campaign(world, &document);
        step(world, "spring", "start");
        let other = server::start(&world.settings, Arc::clone(&world.clock));
        let other = other.expect("a second server starts");
        let engines = [&world.app().engine, &other.app().engine];
        for round in 1..=3 {
            let outcomes: Vec<Result<_, _>> = std::thread::scope(|scope| {
                let run = |place: usize| {
                    let engine = engines[place % 2];
                    scope.spawn(move || running::run(engine, "spring", Duration::from_mins(1)))
                };
                let threads: Vec<_> = (0..4).map(run).collect();
                threads.into_iter().map(|one| one.join().expect("it runs")).collect()
            });
            for outcome in outcomes {
                outcome.unwrap_or_else(|error| panic!("round {round}: {error}"));
            }
            let points = granted(world, &stage);
            assert!(points.iter().all(|points| [0, 100].contains(points)), "round {round}");
            assert_eq!(points.iter().sum::<i64>(), 7_000, "round {round}");
        }
        let report = read(world, "/v1/campaigns/spring/report");
        assert_eq!(report["budget_used"], json!({"points": "7000", "funder/brand": "3500.00"}));
        assert_eq!(report["points"]["lots"], 70);
        assert_eq!(report["run"]["state"], "exhausted");
        assert_eq!(facts(world, "promo.granted").len(), 70);
        drop(other);
    });
}

#[test]
fn a_day_has_a_budget_of_its_own() {
    both(|world| {
        let stage = Stage::new(world, 10);
        let mut document = bonus("spring", "100");
        document["budget"] = json!({"money_per_day": "200.00", "points": "900"});
        let done = run(world, &document);
        assert_eq!(
            (&done["run"]["granted"], &done["run"]["state"]),
            (&json!(4), &json!("exhausted"))
        );
        assert_eq!(step(world, "spring", "run")["run"]["granted"], 0);
        // It is the next day in Moscow.
        world.move_to("2025-03-03T21:00:00Z");
        assert_eq!(step(world, "spring", "run")["run"]["granted"], 4);
        world.move_to("2025-03-04T21:00:00Z");
        assert_eq!(step(world, "spring", "run")["run"]["granted"], 1, "900 in all");
        assert_eq!(granted(world, &stage).iter().sum::<i64>(), 900);
    });
}

#[test]
fn the_control_group_gets_the_same_or_nothing_and_is_always_the_same() {
    both(|world| {
        let stage = Stage::new(world, 60);
        let arms: BTreeMap<&String, Arm> = stage
            .members
            .iter()
            .map(|member| {
                let id = member.parse().expect("a member");
                (member, arm_of("groups", id, Decimal::new(4, 1)))
            })
            .collect();
        let control = arms.values().filter(|arm| **arm == Arm::Control).count();
        assert!((10..40).contains(&control), "{control}");
        for (id, gets, due) in [("with", "bonus", 60), ("without", "nothing", 60 - control)] {
            let mut document = bonus(id, "100");
            document["control"] = json!({"share": "0.4", "salt": "groups", "gets": gets});
            put_campaign(world, &document);
            let preview = step(world, id, "preview");
            assert_eq!((&preview["planned"], &preview["granted"]), (&json!(60), &json!(due)));
            assert_eq!(preview["control"], json!(control));
            step(world, id, "start");
            assert_eq!(step(world, id, "run")["run"]["granted"], json!(due));
            assert_eq!(step(world, id, "run")["run"]["matched"], 0);
            let report = read(world, &format!("/v1/campaigns/{id}/report"));
            assert_eq!(report["arms"]["control"]["members"], json!(control));
            assert_eq!(report["arms"]["test"]["members"], json!(60 - control));
        }
        let told: BTreeSet<(i64, String)> = facts(world, "promo.granted")
            .into_iter()
            .filter(|fact| fact.data["campaign"] == "with")
            .filter_map(|fact| Some((fact.member?.0, text(&fact.data, "arm"))))
            .collect();
        let due: BTreeSet<(i64, String)> =
            arms.iter().map(|(member, arm)| (number_of(member), arm.name().to_owned())).collect();
        assert_eq!(told, due, "the groups are those of the rule");
    });
}

#[test]
fn a_share_of_the_last_receipt_can_be_granted() {
    both(|world| {
        let stage = Stage::new(world, 3);
        let buy = |reference: &str, member: &str, amount: &str| {
            world.accept("shop", &purchase(reference, member, amount));
        };
        buy("R-1", &stage.members[0], "50.00");
        buy("R-2", &stage.members[0], "129.90");
        buy("R-3", &stage.members[1], "9000.00");
        let mut document = bonus("basket", "1");
        document["grant"] = json!({"share_of_basket": "0.10", "at_most": "300",
            "funding": [{"party": "brand", "share": "1"}], "price_per_point": "0.50"});
        let done = run(world, &document);
        // A tenth of 129.90, and the most; who never bought gets nothing.
        assert_eq!((&done["run"]["granted"], &done["run"]["points"]), (&json!(2), &json!("312")));
    });
}
