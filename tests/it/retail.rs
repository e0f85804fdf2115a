//! Half a year of a shop: 8,997 real receipts and refunds, posted as a partner posts a file, and
//! every figure of the data set's own expectation.
//!
//! The data lies beside the repository and is not copied into it; where it is missing, there is
//! nothing to compare with.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use coalition_partner::post::{Defaults, PostOptions, Progress, Summary, open_lines, post_file};
use coalition_partner::{Client, Credentials, Outgoing, RetryPolicy};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::caller::NDJSON;
use crate::support::{Runs, Setup, World, both_with, text};

const NAME: &str = "online-retail-2010-12_2011-05";

/// Lines of a call when answers are added up.
const LINES_AT_ONCE: usize = 1_000;

fn path_of(extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../shared/data/{NAME}.{extension}"))
}

fn defaults() -> Defaults {
    Defaults { programme: Some("gifts".to_owned()), member_prefix: "external".to_owned() }
}

#[test]
fn half_a_year_of_real_receipts_comes_to_the_expected_figures() {
    let (file, expected) = (path_of("csv"), path_of("expected.json"));
    let Ok(expected) = std::fs::read_to_string(expected) else {
        eprintln!("no data set beside the repository; nothing to compare with");
        return;
    };
    let expected: Value = serde_json::from_str(&expected).expect("the expectation is JSON");
    let mut setup = Setup::at("2010-12-01T00:00:00Z");
    setup.runs = Runs::Follows;
    setup.settings.coalition.currency = "GBP".to_owned();
    setup.settings.coalition.timezone = "Europe/London".to_owned();
    both_with(&setup, |world| {
        configure(world);
        let results = tempfile::tempdir().expect("a temporary folder can be made");
        let enrolled = post_in_full(world, &file, results.path());
        post_again(world, &file, results.path());

        let mut got = figures_of_lines(world, &file);
        world.move_to(&text(&expected, "as_of"));
        got.insert("as_of".to_owned(), expected["as_of"].clone());
        got.insert("members".to_owned(), enrolled.into());
        got.extend(figures_of_members(world, &file));
        got.insert("nets_by_month".to_owned(), nets_by_month(world));
        assert_same(&expected, &Value::Object(got), world.database);
    });
}

fn configure(world: &mut World) {
    for (id, kind) in [("gift-brand", "brand"), ("gift-shop", "retailer"), ("bank", "bank")] {
        world.add_party(id, kind);
    }
    world.add_programme(&json!({
        "id": "gifts", "brand": "gift-brand", "unit": {"name": "point", "scale": 0},
        "point_value": "0.01", "earn": {"rate": "2"}, "hold_days": 14,
        "expire": {"months": 6, "from": "accrual"}, "burn": {"max_share": "0.40"},
        "tiers": {"metric": "spend", "window": {"months": 3}, "levels": [
            {"id": "silver", "from": "0", "earn": {"rate": "2"}},
            {"id": "gold", "from": "1000.00", "earn": {"rate": "3"}},
            {"id": "premium", "from": "5000.00", "earn": {"rate": "5"}, "max_share": "0.60"}
        ]}
    }));
    world.add_agreement(&json!({
        "programme": "gifts", "party": "gift-shop",
        "earn": {"funding": [{"party": "gift-shop", "share": "0.7"}, {"party": "bank", "share": "0.3"}],
            "price_per_point": "0.008", "fee_per_point": "0.0005"},
        "burn": {"reimburse_per_point": "0.009"},
        "unlinked_refunds": true
    }));
}

fn post(world: &World, file: &Path, result: PathBuf) -> Summary {
    let Credentials::Signature(key) = world.party("gift-shop").credentials() else {
        unreachable!("parties sign");
    };
    let client = Client::new(&world.url(), key.clone()).expect("the address is one");
    let options = PostOptions {
        file: file.to_owned(),
        result,
        defaults: defaults(),
        batch_lines: 1_000,
        enroll: true,
        retry: RetryPolicy::default(),
    };
    post_file(&client, &options, &mut Progress::Silent).expect("the file is posted")
}

/// Enrols and posts; how many members there are.
fn post_in_full(world: &World, file: &Path, results: &Path) -> u64 {
    let summary = post(world, file, results.join("first"));
    assert!(summary.is_all_accepted(), "{summary}");
    assert_eq!((summary.tally.posted, summary.tally.replayed), (8_997, 0), "{summary}");
    summary.enrolment.expect("members were enrolled").created
}

/// A run with the first one's results sends no line; one that lost them is only answered again.
fn post_again(world: &World, file: &Path, results: &Path) {
    let resumed = post(world, file, results.join("first"));
    assert_eq!((resumed.before.lines(), resumed.tally.lines()), (8_997, 0), "{resumed}");
    let lost = post(world, file, results.join("second"));
    assert!(lost.is_all_accepted(), "{lost}");
    assert_eq!((lost.tally.posted, lost.tally.replayed), (0, 8_997), "{lost}");
    assert_eq!(lost.enrolment.map(|members| members.created), Some(0));
}

/// Adds up what the server answers to each line, all of them from before.
fn figures_of_lines(world: &World, file: &Path) -> Map<String, Value> {
    let mut sums: BTreeMap<&str, i64> = BTreeMap::new();
    let defaults = defaults();
    let lines = open_lines(file, &defaults).expect("the file can be read");
    let lines: Vec<String> = lines.map(|line| line.expect("it is a line").text).collect();
    for chunk in lines.chunks(LINES_AT_ONCE) {
        let body = chunk.join("\n");
        let outgoing = Outgoing::post("/v1/transactions:batch", "sum", body.as_bytes());
        let answer = world.party("gift-shop").send(&Outgoing { content_type: NDJSON, ..outgoing });
        for line in answer.text().lines() {
            let line: Value = serde_json::from_str(line).expect("it is JSON");
            assert_eq!(line["replayed"], true, "{line}");
            add_line(&mut sums, &line["transaction"]);
        }
    }
    sums.into_iter().map(|(name, sum)| (name.to_owned(), sum.into())).collect()
}

fn add_line(sums: &mut BTreeMap<&'static str, i64>, transaction: &Value) {
    let is_purchase = transaction["kind"] == "purchase";
    *sums.entry(if is_purchase { "purchases" } else { "refunds" }).or_default() += 1;
    for field in ["earned", "burned", "clawed_back"] {
        if let Some(points) = transaction.get(field) {
            *sums.entry(field).or_default() += whole(points);
        }
    }
}

fn figures_of_members(world: &World, file: &Path) -> Map<String, Value> {
    let mut sums =
        BTreeMap::from(["available", "pending", "debt", "members_in_debt"].map(|name| (name, 0)));
    for member in members_of(file) {
        let target = format!("/v1/members/external%3A{member}/balances?programme=gifts");
        let answer = world.party("gift-shop").get(&target);
        let body: Value = answer.json().expect("it is JSON");
        let balance = &body["balances"][0];
        for (name, sum) in &mut sums {
            *sum += match *name {
                "members_in_debt" => i64::from(whole(&balance["debt"]) > 0),
                name => whole(&balance[name]),
            };
        }
    }
    sums.into_iter().map(|(name, sum)| (name.to_owned(), sum.into())).collect()
}

fn members_of(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let member = |line: &str| line.split(',').nth(2).expect("a line has a member").to_owned();
    let mut members: Vec<String> = text.lines().skip(1).map(member).collect();
    members.sort_unstable();
    members.dedup();
    members
}

/// Closes every day and adds the nets up by month; closing a day again gives the same bytes.
fn nets_by_month(world: &World) -> Value {
    let mut months: BTreeMap<String, BTreeMap<String, Decimal>> = BTreeMap::new();
    let mut day: jiff::civil::Date = "2010-12-01".parse().expect("the day is one");
    while day < "2011-06-01".parse().expect("the day is one") {
        let target = format!("/v1/cycles/{day}/close");
        let answer = world.operator.post(&target, &world.new_key(), &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let again = world.operator.post(&target, &world.new_key(), &json!({}));
        assert_eq!(answer.body, again.body, "{day} closed twice");
        let cycle: Value = answer.json().expect("it is JSON");
        let month = months.entry(day.strftime("%Y-%m").to_string()).or_default();
        for (party, net) in cycle["nets"].as_object().expect("a cycle has nets") {
            let net: Decimal = net.as_str().and_then(|net| net.parse().ok()).expect("it is money");
            *month.entry(party.clone()).or_default() += net;
        }
        day = day.tomorrow().expect("there is a next day");
    }
    let months = months.into_iter().map(|(month, nets)| {
        let nets = nets.into_iter().map(|(party, net)| (party, format!("{net:.2}").into()));
        (month, Value::Object(nets.collect()))
    });
    Value::Object(months.collect())
}

fn whole(points: &Value) -> i64 {
    points.as_str().and_then(|text| text.parse().ok()).expect("points are whole here")
}

/// Compares all figures and names every one that differs.
fn assert_same(expected: &Value, got: &Value, database: &str) {
    let differences: Vec<String> = expected
        .as_object()
        .expect("the expectation is an object")
        .iter()
        .filter(|(name, value)| got.get(name.as_str()) != Some(value))
        .map(|(name, value)| format!("{name}: expected {value}, got {}", got[name]))
        .collect();
    assert!(differences.is_empty(), "on {database}:\n{}", differences.join("\n"));
    assert_eq!(expected, got, "on {database}");
}
