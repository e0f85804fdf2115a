//! Points that expire are told of 30, 7 and 1 days before, once each.

use std::sync::Arc;

use coalition::campaigns::reminders;
use coalition::server;
use serde_json::{Value, json};

use crate::campaign_world::{Stage, bonus, facts, number_of, run, tell};
use crate::support::{Setup, World, both, both_with, purchase};

/// What was told of expiring points: member, days, points and the last day.
fn reminders_of(world: &World) -> Vec<(i64, i64, String, String)> {
    let told = facts(world, "points.expiring");
    let read = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    told.iter()
        .map(|fact| {
            let member = fact.member.expect("a member").0;
            let days = fact.data["days"].as_i64().expect("a number");
            (member, days, read(&fact.data["points"]), read(&fact.data["valid_through"]))
        })
        .collect()
}

#[test]
fn a_member_is_reminded_thirty_seven_and_one_days_before() {
    both(|world| {
        let stage = Stage::new(world, 2);
        let (anna, boris) = (&stage.members[0], &stage.members[1]);
        // Good through 3 March of the next year: two receipts of a day are one reminder.
        world.accept("shop", &purchase("R-1", anna, "100.00"));
        world.accept("shop", &purchase("R-2", anna, "50.00"));
        world.accept("shop", &purchase("R-3", boris, "10.00"));
        tell(world);
        let numbers = (number_of(anna), number_of(boris));
        let mut due: Vec<(i64, i64, String, String)> = Vec::new();
        // Before each day begins in Moscow, and when it does.
        let days = [("2026-01-31", 30), ("2026-02-23", 7), ("2026-03-01", 1)];
        for (day, count) in days {
            world.move_to(&format!("{day}T20:59:59Z"));
            tell(world);
            assert_eq!(reminders_of(world), due, "{day}");
            world.move_to(&format!("{day}T21:00:00Z"));
            tell(world);
            tell(world);
            let last = "2026-03-03".to_owned();
            due.push((numbers.0, count, "15".to_owned(), last.clone()));
            due.push((numbers.1, count, "1".to_owned(), last));
            if count == 30 {
                // What is spent is not reminded of again.
                let mut spent = purchase("R-4", boris, "10.00");
                spent["burn"] = json!("1");
                world.accept("shop", &spent);
            } else {
                due.pop();
            }
            assert_eq!(reminders_of(world), due, "{day}");
        }
        world.move_to("2026-03-10T09:00:00Z");
        tell(world);
        assert_eq!(reminders_of(world), due, "what is gone is gone");
    });
}

#[test]
fn short_lived_points_are_reminded_of_only_what_is_still_to_come() {
    both(|world| {
        let stage = Stage::new(world, 1);
        // Good through 13 March, granted on the 3rd.
        run(world, &bonus("spring", "100"));
        tell(world);
        world.move_to("2025-03-06T09:00:00Z");
        tell(world);
        let anna = number_of(&stage.members[0]);
        let last = "2025-03-13".to_owned();
        assert_eq!(reminders_of(world), [(anna, 7, "100".to_owned(), last)]);
    });
}

#[test]
fn a_programme_says_how_often_it_reminds() {
    both(|world| {
        let stage = Stage::new(world, 1);
        let mut document = json!({
            "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"days": 10},
            "remind": [3]
        });
        world.add_programme(&document);
        world.accept("shop", &purchase("R-1", &stage.members[0], "100.00"));
        tell(world);
        // Good through the 13th; a server that stood still tells late rather than not at all.
        world.move_to("2025-03-12T09:00:00Z");
        tell(world);
        let told = reminders_of(world);
        assert_eq!((told.len(), told[0].1), (1, 3));
        for wrong in [json!([0]), json!([1, 1]), json!([366]), json!([1, 2, 3, 4, 5, 6])] {
            document["remind"] = wrong;
            let answer = world.operator.put("/v1/programmes/club", &world.new_key(), &document);
            assert_eq!(answer.status, 400, "{}", answer.text());
        }
    });
}

#[test]
fn two_servers_remind_once() {
    both_with(&Setup::default().with_shards(3), |world| {
        let stage = Stage::new(world, 40);
        let other = server::start(&world.settings, Arc::clone(&world.clock));
        let other = other.expect("a second server starts");
        run(world, &bonus("spring", "100"));
        tell(world);
        world.move_to("2025-03-06T09:00:00Z");
        std::thread::scope(|scope| {
            for engine in [&world.app().engine, &other.app().engine, &world.app().engine] {
                scope.spawn(move || reminders::remind(engine).expect("the job runs"));
            }
        });
        let told: std::collections::BTreeSet<i64> =
            reminders_of(world).iter().map(|one| one.0).collect();
        assert_eq!((told.len(), reminders_of(world).len()), (stage.members.len(), 40));
        drop(other);
    });
}
