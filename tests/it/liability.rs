//! The liability report, from the command line and over HTTP.

use std::time::Duration;

use coalition::auth::token::{Role, mint};
use coalition::clock::unix_now;
use coalition::server::token_key;
use coalition::store::Use;
use coalition_partner::Credentials;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::exports::story;
use crate::exports_flat::command;
use crate::support::{Club, Setup, World, both, both_with, code_of, purchase};

/// The liability report at a world's time.
pub fn liability(world: &World, format: &str) -> String {
    let now = world.clock.now().to_string();
    command(world, &["report", "liability", "--format", format, "--at", &now])
}

#[test]
fn the_liability_is_what_members_have() {
    both_with(&Setup::default().with_shards(4), |world| {
        let members = story(world);
        let report: Value = serde_json::from_str(&liability(world, "json")).expect("it is JSON");
        assert_eq!(report["as_of"], "2025-03-04T09:00:00Z");
        for (place, programme) in ["club", "rub"].iter().enumerate() {
            let one = &report["programmes"][place];
            assert_eq!(one["programme"], *programme);
            for state in ["pending", "available", "held", "debt"] {
                let of = |member: &String| -> Decimal {
                    let text = world.balance(member, programme)[state].clone();
                    text.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
                };
                let ours: Decimal = members.iter().map(of).sum();
                let said: Option<Decimal> =
                    one["outstanding"][state].as_str().and_then(|text| text.parse().ok());
                assert_eq!(said, Some(ours), "{state} in {programme}");
            }
        }
        // 10.55 bonuses at 0.333333 were lost.
        let lost = json!({"points": "10.55", "funded": "3.52", "not_posted": "0.00"});
        assert_eq!(report["programmes"][1]["breakage"], lost);
        let csv = liability(world, "csv");
        assert!(csv.contains(",rub,breakage,total,points,10.55\n"), "{csv}");
        assert!(liability(world, "text").contains("breakage"));
    });
}

#[test]
fn points_past_their_day_are_no_liability_though_nothing_was_posted() {
    both_with(&Setup::default(), |world| {
        let anna = Club::new(world).anna;
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        let figures = |at: &str| {
            let arguments = ["report", "liability", "--format", "json", "--at", at];
            let report = command(world, &arguments);
            let report: Value = serde_json::from_str(&report).expect("it is JSON");
            let club = &report["programmes"][0];
            [&club["outstanding"]["total"], &club["breakage"]["not_posted"]]
                .map(|value| value.as_str().unwrap_or_default().to_owned())
        };
        // Good through 3 March of the next year, in Moscow.
        assert_eq!(figures("2026-03-03T20:59:59Z"), ["10", "0"]);
        assert_eq!(figures("2026-03-03T21:00:00Z"), ["0", "10"]);
    });
}

/// The report as a caller gets it.
fn report(caller: &Caller, target: &str) -> Value {
    let answer = caller.get(target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json().expect("it is JSON")
}

fn programmes(report: &Value) -> Vec<&str> {
    let all = report["programmes"].as_array().expect("there are programmes");
    all.iter().filter_map(|one| one["programme"].as_str()).collect()
}

const TARGET: &str = "/v1/reports/liability";

#[test]
fn all_who_read_everything_get_the_report_and_a_brand_gets_its_own() {
    both_with(&Setup::default().with_shards(4), |world| {
        story(world);
        world.add_party("rival", "brand");
        world.add_programme(&json!({
            "id": "rival", "brand": "rival", "unit": {"name": "star"}, "point_value": "1.00",
            "expire": "never"
        }));
        let whole: Value = serde_json::from_str(&liability(world, "json")).expect("it is JSON");
        assert_eq!(programmes(&whole), ["club", "rival", "rub"]);
        let address = world.settings.address().expect("the address is one");
        let mut database = address.open(Use::Read).expect("the database can be read");
        let key = token_key(&mut database).expect("the database has a token key");
        let token = mint(&key, "tests", Role::Finance, Duration::from_mins(5), unix_now());
        let finance = Credentials::Bearer(token.expect("a token can be minted"));
        for caller in [&world.operator, &world.auditor(), &world.calling(finance)] {
            assert_eq!(report(caller, TARGET), whole);
        }
        let own = report(world.party("brand"), TARGET);
        assert_eq!(programmes(&own), ["club", "rub"]);
        assert_eq!(own["programmes"][0], whole["programmes"][0]);
        assert_eq!(own["programmes"][1], whole["programmes"][2]);
        assert_eq!(programmes(&report(world.party("rival"), TARGET)), ["rival"]);
        // Who is no brand has no programme.
        assert_eq!(programmes(&report(world.party("shop"), TARGET)), Vec::<&str>::new());
    });
}

#[test]
fn a_report_is_as_of_the_instant_that_was_asked_for() {
    both(|world| {
        let anna = Club::new(world).anna;
        world.accept("shop", &purchase("R-1", &anna, "100.00"));
        let club = |at: &str| {
            let report = report(&world.operator, &format!("{TARGET}?at={at}"));
            let club = &report["programmes"][0];
            [&club["outstanding"]["total"], &club["breakage"]["points"]]
                .map(|value| value.as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(club("2026-03-03T20:59:59Z"), ["10", "0"]);
        assert_eq!(club("2026-03-04T00:00:00%2B03:00"), ["0", "10"]);
        // Before there was a programme, and at the end of the calendar.
        assert_eq!(club("1970-01-01T00:00:00Z"), ["10", "0"]);
        assert_eq!(club("8999-12-31T00:00:00Z"), ["0", "10"]);
        for wrong in ["?at=2026-03-03", "?at=yesterday", "?at=", "?when=2026-03-03T20:59:59Z"] {
            let answer = world.operator.get(&format!("{TARGET}{wrong}"));
            let told = (answer.status, code_of(&answer));
            assert_eq!(told, (400, "invalid_request".to_owned()), "{wrong}");
        }
    });
}
