//! What came of a campaign: the groups compared, and what became of the points.

use coalition::domain::account::AccountKey;
use coalition::domain::campaign::Arm;
use coalition::domain::campaign::arms::arm_of;
use coalition::engine::{Submission, Work};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::campaign_world::{Stage, bonus, read, run};
use crate::support::{Setup, World, both, both_with, purchase, text};

/// Members of the test group and of the control group.
const SIZES: (usize, usize) = (806, 833);

/// A salt under which the groups have these sizes.
fn salt_for(members: &[String], (test, _): (usize, usize)) -> String {
    let salts = (0..10_000).map(|number| format!("salt-{number}"));
    let fits = |salt: &String| {
        let arms = members
            .iter()
            .map(|member| arm_of(salt, member.parse().expect("a member"), Decimal::new(5, 1)));
        arms.filter(|arm| *arm == Arm::Test).count() == test
    };
    salts.into_iter().find(fits).expect("one of ten thousand salts makes these groups")
}

/// What some of a group did, so many of each.
fn did(arm: &[&String], what: &str, count: usize) -> Vec<Value> {
    let some = arm.iter().take(count);
    some.map(|member| json!({"campaign": "account", "member": member, "what": what})).collect()
}

fn report_all(world: &World, reports: &[Value]) {
    let body = json!({"reports": reports});
    let answer = world.party("brand").post("/v1/notices:report", &world.new_key(), &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer: Value = answer.json().expect("it is JSON");
    assert_eq!(answer["accepted"], json!(reports.len()));
}

#[test]
fn the_figures_of_the_account_come_out_with_their_intervals() {
    both_with(&Setup::default().with_shards(1), |world| {
        let stage = Stage::new(world, SIZES.0 + SIZES.1);
        let salt = salt_for(&stage.members, SIZES);
        let mut document = bonus("account", "1000");
        document["control"] = json!({"share": "0.5", "salt": salt, "gets": "bonus"});
        let done = run(world, &document);
        assert_eq!(done["run"]["granted"], json!(SIZES.0 + SIZES.1));
        let is_in = |arm: Arm| {
            let of = move |member: &&String| {
                let id = member.parse().expect("a member");
                arm_of(&salt, id, Decimal::new(5, 1)) == arm
            };
            stage.members.iter().filter(of).collect::<Vec<_>>()
        };
        let (test, control) = (is_in.clone()(Arm::Test), is_in(Arm::Control));
        // Of the account: +203 % message to card open, +58 % opens of offers, 4 times the visits.
        for (what, of_test, of_control) in
            [("opened", 88, 30), ("offer_opened", 46, 30), ("visited", 116, 30)]
        {
            report_all(world, &did(&test, what, of_test));
            report_all(world, &did(&control, what, of_control));
        }
        world.move_to("2025-03-10T09:00:00Z");
        for (group, arm, buyers) in [("T", &test, 5), ("C", &control, 3)] {
            for (place, member) in arm.iter().take(buyers).enumerate() {
                world.accept("shop", &purchase(&format!("{group}-{place}"), member, "100.00"));
            }
        }
        // Bought after the window of 30 days, and before the campaign: neither counts.
        world.move_to("2025-04-10T09:00:00Z");
        world.accept("shop", &purchase("late", test[700], "100.00"));
        let report = read(world, "/v1/campaigns/account/report");
        let of = |what: &str, figure: &str| report["uplift"][what][figure].clone();
        assert_eq!(of("opened", "more_percent"), "203");
        assert_eq!(of("opened", "more_percent_within"), json!(["103", "354"]));
        assert_eq!(of("offer_opened", "more_percent"), "58");
        assert_eq!(of("visited", "times"), "4.00");
        assert_eq!(of("bought", "more_percent"), "72");
        assert_eq!(of("bought", "test")["percent"], "0.62");
        assert_eq!(of("bought", "more_percent_within"), json!(["-59", "618"]));
        for what in ["opened", "offer_opened", "visited", "bought"] {
            for figure in ["times_within", "difference_points_within"] {
                let ends = of(what, figure);
                let end = |place: usize| -> Decimal {
                    ends[place].as_str().and_then(|text| text.parse().ok()).expect("an end")
                };
                assert!(end(0) < end(1), "{what}: {ends}");
            }
        }
        assert_eq!(of("delivered", "times"), Value::Null, "nobody was told");
        assert_eq!(report["arms"]["test"]["revenue"], "500.00");
        // 500.00 less 300.00 of 833 for 806.
        assert_eq!(report["money"]["extra_revenue"], "209.72");
    });
}

/// Posts what the clock did to accounts, as the job does.
fn expire_all(world: &World, members: &[String]) {
    let submissions = members.iter().map(|member| {
        let member = member.parse().expect("a member");
        let programme = "club".parse().expect("a programme");
        Submission {
            party: "brand".parse().expect("a party"),
            signed_by: None,
            key: [0; 16],
            fingerprint: [0; 32],
            work: Work::Expire(AccountKey { member, programme }),
        }
    });
    for answer in world.app().engine.submit_in_order(submissions.collect()) {
        let answer = answer.blocking_recv().expect("the engine answers");
        answer.expect("what the clock did can be posted");
    }
}

#[test]
fn points_of_a_campaign_are_granted_spent_returned_expired() {
    both_with(&Setup::default().with_shards(3), |world| {
        let stage = Stage::new(world, 4);
        world.accept("shop", &purchase("R-0", &stage.members[3], "1000.00"));
        run(world, &bonus("spring", "100"));
        let flow = |world: &World| read(world, "/v1/campaigns/spring/report")["points"].clone();
        let start = json!({"lots": 4, "granted": "400", "spent": "0", "returned": "0",
            "expired": "0", "taken_back": "0", "left": "400"});
        assert_eq!(flow(world), start);
        let burn = |reference: &str, member: usize, points: &str| {
            let mut body = purchase(reference, &stage.members[member], "400.00");
            body["burn"] = json!(points);
            world.accept("shop", &body);
        };
        burn("R-1", 0, "100");
        burn("R-2", 1, "60");
        // The other points of this member are not the campaign's.
        burn("R-3", 3, "130");
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-2", "amount": "400.00"});
        world.accept("shop", &refund);
        let spent = json!({"lots": 4, "granted": "400", "spent": "260", "returned": "60",
            "expired": "0", "taken_back": "0", "left": "200"});
        assert_eq!(flow(world), spent);
        // Whoever spends the campaign's points and returns what earned them gives some back.
        world.accept("shop", &purchase("R-5", &stage.members[2], "500.00"));
        burn("R-6", 2, "120");
        let refund = json!({"kind": "refund", "ref": "B-2", "of": "R-5", "amount": "500.00"});
        world.accept("shop", &refund);
        world.move_to("2025-03-20T09:00:00Z");
        expire_all(world, &stage.members);
        let over = flow(world);
        let number = |field: &str| text(&over, field).parse::<i64>().expect("a number");
        assert_eq!(number("left"), 0, "{over}");
        assert_eq!(number("expired"), 100, "{over}");
        let gone = number("spent") - number("returned") + number("expired") + number("taken_back");
        assert_eq!(gone, 400, "{over}");
        let report = read(world, "/v1/campaigns/spring/report");
        let value = (number("spent") - number("returned")) * 50;
        assert_eq!(report["money"]["spent_points"], format!("{}.{:02}", value / 100, value % 100));
    });
}

#[test]
fn points_that_come_back_when_they_are_over_are_granted_once() {
    both(|world| {
        let stage = Stage::new(world, 1);
        let mut document = bonus("spring", "100");
        document["grant"]["settle"] = json!("at_burn");
        run(world, &document);
        let mut burn = purchase("R-1", &stage.members[0], "400.00");
        burn["burn"] = json!("100");
        world.accept("shop", &burn);
        world.move_to("2025-03-20T09:00:00Z");
        expire_all(world, &stage.members);
        // They live on in another lot, which keeps the campaign's terms.
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "400.00"});
        world.accept("shop", &refund);
        let back = read(world, "/v1/campaigns/spring/report")["points"].clone();
        let due = json!({"lots": 1, "granted": "100", "spent": "100", "returned": "100",
            "expired": "0", "taken_back": "0", "left": "100"});
        assert_eq!(back, due);
    });
}

#[test]
fn a_purchase_counts_within_its_window_and_less_what_came_back() {
    both(|world| {
        let stage = Stage::new(world, 3);
        world.accept("shop", &purchase("before", &stage.members[0], "100.00"));
        world.move_to("2025-03-04T09:00:00Z");
        let mut document = bonus("spring", "100");
        document["window_days"] = json!(5);
        run(world, &document);
        world.move_to("2025-03-09T08:59:59Z");
        world.accept("shop", &purchase("within", &stage.members[1], "250.00"));
        let refund = json!({"kind": "refund", "ref": "B", "of": "within", "amount": "50.00"});
        world.accept("shop", &refund);
        world.move_to("2025-03-09T09:00:00Z");
        world.accept("shop", &purchase("after", &stage.members[2], "300.00"));
        let test = read(world, "/v1/campaigns/spring/report")["arms"]["test"].clone();
        let figures = (&test["bought"], &test["receipts"], &test["revenue"]);
        assert_eq!(figures, (&json!(1), &json!(1), &json!("200.00")));
    });
}
