//! Exports of one cycle: what it settles, whenever that was recorded.

use std::collections::BTreeMap;
use std::path::Path;

use coalition::domain::time::Day;
use coalition::export::{Format, Selection, export};
use parquet::record::Row;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::bank::{self, by_hand, import, instructed, line};
use crate::exports::{
    beancount_balances, cell, cycle_of, decimal, folder, get, hledger_balances, nets_in, nets_of,
    rows_of, run_export, sum_of, tool,
};
use crate::support::{Club, Setup, World, both_with, purchase};

const MARCH: &str = "monthly.2025-03-01";
const APRIL: &str = "monthly.2025-04-01";

/// All cycles of the story that have something.
const CYCLES: [&str; 5] = [MARCH, APRIL, "2025-03-03", "2025-03-05", "2025-04-02"];

/// A shop and a bank by months, a wallet by days. March is closed with a discount, a least fee, tax
/// and a net too small to be paid; in April a part of March comes back.
fn story(world: &mut World) {
    let anna = Club::new(world).anna;
    world.add_party("wallet", "wallet");
    world.put("/v1/schedules/monthly", &json!({"period": "monthly", "carry_below": "10.00"}));
    let rates = json!({"id": "general", "rates": [{"from": "2019-01-01", "rate": "0.20"}]});
    world.put("/v1/vat-rates/general", &rates);
    let agreement = |party: &str, charges: Value| {
        json!({
            "programme": "club", "party": party, "schedule": "monthly", "charges": charges,
            "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.00",
                "fee_per_point": "0.02"},
            "burn": {"reimburse_per_point": "1.00"}
        })
    };
    world.add_agreement(&agreement(
        "shop",
        json!({
            "vat": {"table": "general", "included": false}, "minimum_fee": "50.00",
            "volume": [{"from": "0", "price": "1.00"}, {"from": "100", "price": "0.90"}],
        }),
    ));
    world.add_agreement(&agreement("bank", json!({})));
    let mut daily = agreement("wallet", json!({}));
    daily["schedule"] = json!("main");
    world.add_agreement(&daily);
    world.accept("shop", &purchase("R-1", &anna, "10000.00"));
    world.accept("bank", &purchase("B-1", &anna, "20.00"));
    world.accept("wallet", &purchase("W-1", &anna, "500.00"));
    // Moves points alone.
    let hold =
        json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": anna, "points": "5"});
    world.accept("shop", &hold);
    world.move_to("2025-03-05T09:00:00Z");
    let mut burning = purchase("W-2", &anna, "80.00");
    burning["burn"] = json!("40");
    world.accept("wallet", &burning);
    world.move_to("2025-04-02T09:00:00Z");
    for cycle in [MARCH, "2025-03-03", "2025-03-05"] {
        let close = format!("/v1/cycles/{cycle}/close");
        let closed = world.operator.post(&close, &world.new_key(), &json!({}));
        assert_eq!(closed.status, 200, "{}", closed.text());
    }
    let refund = json!({"kind": "refund", "ref": "R-1-B", "of": "R-1", "amount": "1000.00"});
    world.accept("shop", &refund);
    world.accept("wallet", &purchase("W-3", &anna, "30.00"));
}

fn on_shards(body: impl Fn(&mut World)) {
    both_with(&Setup::default().with_shards(4), body);
}

/// Who owes whom on whose account for what, under which agreement, and how much.
type Lines = BTreeMap<Vec<String>, Decimal>;

fn lines_in(positions: &[Row]) -> Lines {
    let mut lines = Lines::new();
    for row in positions {
        let key = ["debtor", "creditor", "programme", "kind"].map(|name| cell(row, name));
        *lines.entry(key.to_vec()).or_default() += sum_of([row], "amount");
    }
    lines
}

fn lines_of(cycle: &Value) -> Lines {
    let rows = cycle["positions"].as_array().expect("a cycle has rows").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let key = |row: &Value| {
        ["debtor", "creditor", "programme", "kind"].map(|name| text(&row[name])).to_vec()
    };
    rows.map(|row| (key(row), decimal(&row["amount"]))).collect()
}

/// What the postings of a table add to positions.
fn lines_of_postings(postings: &[Row]) -> Lines {
    let mut lines = Lines::new();
    for row in postings.iter().filter(|row| !cell(row, "amount").is_empty()) {
        let party = |name: &str| {
            let account = cell(row, name);
            account.rsplit('/').next().unwrap_or_default().to_owned()
        };
        let reversed = if cell(row, "reverses") == "true" { "_reversed" } else { "" };
        let kind = cell(row, "obligation") + reversed;
        let key = vec![party("from"), party("to"), cell(row, "programme"), kind];
        *lines.entry(key).or_default() += sum_of([row], "amount");
    }
    lines
}

fn tables(world: &World, folder: &Path, selection: Selection) -> [Vec<Row>; 3] {
    run_export(world, Format::Parquet, folder, selection);
    ["transactions", "postings", "positions"].map(|table| rows_of(folder, table))
}

#[test]
fn the_tables_of_a_cycle_add_up_to_its_positions() {
    on_shards(|world| {
        story(world);
        let folder = folder();
        let [_, whole, positions] = tables(world, folder.path(), Selection::Whole);
        let is_money = |row: &&Row| !cell(row, "amount").is_empty();
        let all_money = whole.iter().filter(is_money).count();
        assert_eq!(lines_of_postings(&whole), lines_in(&positions));
        let mut money = 0;
        for id in CYCLES {
            let [transactions, postings, positions] = tables(world, folder.path(), cycle_of(id));
            let ours = lines_of(&get(world, &format!("/v1/cycles/{id}")));
            assert!(!ours.is_empty(), "{id}");
            assert_eq!(lines_in(&positions), ours, "{id}");
            assert_eq!(lines_of_postings(&postings), ours, "{id}");
            assert_eq!(sum_of(&transactions, "postings"), Decimal::from(postings.len()));
            money += postings.iter().filter(is_money).count();
            let (schedule, first) = id.rsplit_once('.').unwrap_or(("main", id));
            for row in positions.iter().chain(postings.iter().filter(is_money)) {
                assert_eq!([cell(row, "schedule"), cell(row, "cycle")], [schedule, first]);
            }
        }
        assert_eq!(money, all_money, "each posting of money belongs to one cycle");
    });
}

#[test]
fn a_cycle_has_what_closed_it_what_came_late_and_points_that_cost_nothing() {
    on_shards(|world| {
        story(world);
        let folder = folder();
        let [march, postings, _] = tables(world, folder.path(), cycle_of(MARCH));
        let kinds: Vec<String> = march.iter().map(|row| cell(row, "kind")).collect();
        assert_eq!(kinds, ["purchase", "purchase", "hold", "closing"]);
        assert_eq!(cell(&march[3], "settlement_day"), "2025-04-02");
        assert_eq!([cell(&march[3], "member"), cell(&march[3], "shard")], ["", "1023"]);
        let funding = postings.iter().find(|row| cell(row, "obligation") == "funding");
        let funding = funding.expect("points were funded");
        let terms = ["agreement", "price", "promo", "late_for"].map(|name| cell(funding, name));
        assert_eq!(terms, ["shop", "1.000000", "", ""]);
        assert_ne!(cell(funding, "agreement_version"), "");
        let tax = postings.iter().find(|row| cell(row, "obligation") == "vat");
        assert_eq!(tax.map(|row| cell(row, "agreement")), Some("shop".to_owned()));

        let [april, postings, positions] = tables(world, folder.path(), cycle_of(APRIL));
        let kinds: Vec<String> = april.iter().map(|row| cell(row, "kind")).collect();
        assert_eq!(kinds, ["refund", "closing"]);
        let carried = postings.iter().find(|row| cell(row, "obligation") == "carry_over");
        assert_eq!(carried.map(|row| cell(row, "programme")), Some(String::new()));
        let is_late = |row: &&Row| cell(row, "late_for") == "2025-03-01";
        let late = postings.iter().filter(is_late);
        assert_eq!(sum_of(late, "amount"), "102.00".parse().expect("it is a decimal"));
        let late = positions.iter().filter(is_late);
        assert_eq!(sum_of(late, "amount"), "102.00".parse().expect("it is a decimal"));

        // The hold moved points alone: it stands in the day too, which has no money of the shop.
        let [day, postings, _] = tables(world, folder.path(), cycle_of("2025-03-03"));
        let references: Vec<String> = day.iter().map(|row| cell(row, "ref")).collect();
        assert_eq!(references, ["W-1", "H-1"]);
        assert!(postings.iter().all(|row| cell(row, "agreement") != "shop"));
    });
}

#[test]
fn a_day_has_what_was_recorded_on_it_whatever_settles_it() {
    on_shards(|world| {
        story(world);
        let folder = folder();
        let day = Selection::Day(Day::parse("2025-04-02").expect("it is a day"));
        let [transactions, postings, positions] = tables(world, folder.path(), day);
        let mut kinds: Vec<String> = transactions.iter().map(|row| cell(row, "kind")).collect();
        kinds.sort();
        assert_eq!(kinds, ["closing", "closing", "purchase", "refund"]);
        assert_eq!(lines_of_postings(&postings), lines_in(&positions));
        let cycles: std::collections::BTreeSet<(String, String)> =
            positions.iter().map(|row| (cell(row, "schedule"), cell(row, "cycle"))).collect();
        let expected =
            [("main", "2025-04-02"), ("monthly", "2025-03-01"), ("monthly", "2025-04-01")];
        assert!(cycles.iter().map(|(one, other)| (one.as_str(), other.as_str())).eq(expected));
    });
}

#[test]
fn the_journal_of_a_cycle_comes_to_its_nets() {
    let (Some(hledger), Some(check), Some(query)) =
        (tool("hledger"), tool("bean-check"), tool("bean-query"))
    else {
        return;
    };
    on_shards(|world| {
        story(world);
        let folder = folder();
        let (bean, ledger) = (folder.path().join("x.beancount"), folder.path().join("x.journal"));
        let journals = |selection: Selection| {
            run_export(world, Format::Beancount, &bean, selection.clone());
            run_export(world, Format::Hledger, &ledger, selection);
            let balances = hledger_balances(&hledger, &ledger);
            assert_eq!(beancount_balances(&check, &query, &bean), balances);
            nets_in(&balances)
        };
        for id in CYCLES {
            assert_eq!(journals(cycle_of(id)), nets_of(world, &[id]), "{id}");
        }
        assert_eq!(journals(Selection::Whole), nets_of(world, &CYCLES));
    });
}

#[test]
fn payments_take_the_journal_of_a_cycle_to_zero() {
    let (Some(hledger), Some(check), Some(query)) =
        (tool("hledger"), tool("bean-check"), tool("bean-query"))
    else {
        return;
    };
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let folder = folder();
        let (bean, ledger) = (folder.path().join("x.beancount"), folder.path().join("x.journal"));
        let journals = |selection: Selection| {
            run_export(world, Format::Beancount, &bean, selection.clone());
            run_export(world, Format::Hledger, &ledger, selection);
            let balances = hledger_balances(&hledger, &ledger);
            assert_eq!(beancount_balances(&check, &query, &bean), balances);
            balances
        };
        let lines = [
            line("1", "510.00", &refs["bank"]),
            line("2", "1020.00", &refs["shop"]),
            // Nobody knows whose this is.
            line("3", "7.00", ""),
        ];
        import(world, &lines);
        let balances = journals(cycle_of(bank::DAY));
        let clearing = format!("Assets:Clearing:{}", bank::DAY);
        // What came in and did not go out yet, as the API shows it.
        let accounts = get(world, "/v1/clearing-accounts");
        assert_eq!(balances[&clearing], decimal(&accounts["data"][0]["balance"]));
        assert_eq!(balances[&clearing], Decimal::from(1_530));
        let whole = journals(Selection::Whole);
        assert_eq!(whole["Liabilities:Suspense:Clearing"], Decimal::from(-7));
        let lines = [line("4", "-1500.00", &refs["brand"]), line("5", "-30.00", &refs["clearing"])];
        import(world, &lines);
        let balances = journals(cycle_of(bank::DAY));
        assert_eq!(balances.get(&clearing), None);
        assert_eq!(nets_in(&balances), BTreeMap::new(), "all is paid");
    });
}

#[test]
fn a_cycle_that_no_schedule_has_is_refused() {
    on_shards(|world| {
        story(world);
        let folder = folder();
        let to = folder.path().join("x.journal");
        for id in ["weekly.2025-03-03", "monthly.2025-03-02"] {
            let address = world.settings.address().expect("the address is one");
            let request = coalition::export::Request {
                format: Format::Hledger,
                to: to.clone(),
                selection: cycle_of(id),
                aggregate: false,
            };
            let error = export(&address, &request).expect_err("there is no such cycle");
            assert_eq!(error.to_string(), format!("there is no cycle {id}"));
        }
        assert!(!to.exists());
    });
}
