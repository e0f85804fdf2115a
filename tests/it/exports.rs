//! Exports, as the programs that they are for read them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use coalition::export::{Format, Request, Selection, Written, export};
use coalition_partner::Answer;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::liability::liability;
use crate::support::{Club, Setup, World, both_with, purchase};

/// A reference with all that means something in one of the formats.
pub const ODD_REFERENCE: &str = r#"=R"1\,;[2025-01-01],date:x%"#;

const FIRST_DAY: &str = "2025-03-03";
const SECOND_DAY: &str = "2025-03-04";

/// Runs a body on both databases, where members lie in several shards.
fn on_shards(body: impl Fn(&mut World)) {
    both_with(&Setup::default().with_shards(4), body);
}

/// Two days of a coalition: receipts, burns, a debt, a hold, a merge, lost points, and a programme
/// whose id is the currency's code. Gives back the members who are left.
pub fn story(world: &mut World) -> Vec<String> {
    let anna = Club::new(world).anna;
    let boris = world.add_member(&json!({"phone": "+79160000002"}));
    let third = world.add_member(&json!({"phone": "+79160000003"}));
    world.add_programme(&json!({
        "id": "rub", "brand": "brand", "unit": {"name": "bonus", "scale": 2},
        "point_value": "2.00", "earn": {"rate": "0.0333"}, "hold_days": 3, "expire": {"days": 1},
        "burn": {"max_share": "1"}, "breakage": [{"party": "bank", "share": "0.50"}]
    }));
    world.add_agreement(&json!({
        "programme": "rub", "party": "bank",
        "earn": {"funding": [{"party": "bank", "share": "0.7"}, {"party": "brand", "share": "0.3"}],
            "price_per_point": "0.333333", "fee_per_point": "0.02"},
        "burn": {"reimburse_per_point": "1.80"}
    }));
    world.accept("shop", &purchase(ODD_REFERENCE, &anna, "1234.50"));
    world.accept("bank", &purchase("R-2", &boris, "500.00"));
    world.accept("shop", &purchase("R-3", &third, "70.00"));
    let mut burning = purchase("R-4", &boris, "80.00");
    burning["burn"] = json!("40");
    world.accept("shop", &burning);
    world.accept("bank", &json!({"kind": "refund", "ref": "B-2", "of": "R-2", "amount": "500.00"}));
    let hold =
        json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": anna, "points": "20"});
    world.accept("shop", &hold);
    let grant = |reference: &str, day: Option<&str>| {
        json!({"kind": "grant", "ref": reference, "programme": "rub", "member": anna,
            "points": "10.55", "valid_through": day, "price_per_point": "0.333333",
            "funding": [{"party": "bank", "share": "0.7"}, {"party": "brand", "share": "0.3"}]})
    };
    world.accept("brand", &grant("G-1", Some(FIRST_DAY)));
    world.move_to("2025-03-04T09:00:00Z");
    world.accept("brand", &json!({"kind": "merge", "keep": anna, "drop": third}));
    world.accept("brand", &grant("G-2", Some("2025-03-31")));
    let mut other = purchase("R-5", &anna, "333.33");
    other["programme"] = json!("rub");
    world.accept("bank", &other);
    let rule = json!({"kind": "personal_rule", "ref": "V-1", "programme": "club", "member": anna,
        "max_share": "0.75"});
    world.accept("brand", &rule);
    // A refund needs the whole account: what is past is written before it.
    let refund = json!({"kind": "refund", "ref": "B-5", "of": "R-5", "amount": "33.33"});
    world.accept("bank", &refund);
    vec![anna, boris]
}

/// Exports from a world's database.
pub fn run_export(world: &World, format: Format, to: &Path, selection: Selection) -> Written {
    let request = Request { format, to: to.to_owned(), selection, aggregate: false };
    let address = world.settings.address().expect("the address is one");
    export(&address, &request).expect("the ledger can be exported")
}

/// What a cycle settles.
pub fn cycle_of(id: &str) -> Selection {
    Selection::Cycle(id.parse().expect("it is a cycle"))
}

/// A program that reads an export. Where it is missing there is nothing to compare with, unless
/// `COALITION_TOOLS=required`.
pub fn tool(name: &str) -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let own = home.join(".cache/coalition/venv/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([own])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    let required = std::env::var("COALITION_TOOLS").is_ok_and(|value| value == "required");
    assert!(found.is_some() || !required, "{name} is missing; .ci/tools installs it");
    if found.is_none() {
        eprintln!("no {name} on this machine: nothing to compare with");
    }
    found
}

fn run(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program).args(arguments).output().expect("the program can be run")
}

/// What a program printed, if it took its input.
#[track_caller]
fn printed(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{errors}");
    text.into_owned()
}

/// Balances by account, without those of zero.
pub type Balances = BTreeMap<String, Decimal>;

/// Reads `account,"amount commodity"` lines, in which each account has one commodity.
fn balances_in(text: &str) -> Balances {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut balances = Balances::new();
    for record in reader.records() {
        let record = record.expect("it is CSV");
        let amount = record[1].split_whitespace().next().unwrap_or_default();
        if let Ok(amount) = amount.parse::<Decimal>()
            && !amount.is_zero()
        {
            balances.insert(record[0].to_owned(), amount);
        }
    }
    balances
}

/// What hledger reads in a journal that passes its checks.
pub fn hledger_balances(hledger: &Path, file: &Path) -> Balances {
    let file = file.display().to_string();
    printed(&run(hledger, &["-f", &file, "check", "--strict"]));
    printed(&run(hledger, &["-f", &file, "check", "ordereddates", "payees"]));
    balances_in(&printed(&run(hledger, &["-f", &file, "balance", "-N", "--flat", "-O", "csv"])))
}

/// What beancount reads in a journal that passes its checks.
pub fn beancount_balances(check: &Path, query: &Path, file: &Path) -> Balances {
    let file = file.display().to_string();
    assert_eq!(printed(&run(check, &[&file])), "");
    let ask = "SELECT account, sum(number) GROUP BY account";
    balances_in(&printed(&run(query, &["-f", "csv", &file, ask])))
}

/// What the operator reads.
pub fn get(world: &World, target: &str) -> Value {
    let answer: Answer = world.operator.get(target);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// A decimal of the API.
pub fn decimal(value: &Value) -> Decimal {
    value.as_str().and_then(|text| text.parse().ok()).expect("it is a decimal")
}

/// What the API says that members have, as a journal says it.
fn members_balances(world: &World, members: &[String]) -> Balances {
    let mut balances = Balances::new();
    for member in members {
        let body = get(world, &format!("/v1/members/{member}/balances"));
        let part = member.replace("m_", "M-").replace('_', "-");
        for one in body["balances"].as_array().expect("there are balances") {
            let programme = if one["programme"] == "club" { "Club" } else { "Rub" };
            let figure = |field: &str| decimal(&one[field]);
            let points = figure("available") + figure("pending");
            balances.insert(format!("Liabilities:Points:{programme}:{part}"), -points);
            balances.insert(format!("Liabilities:Held:{programme}:{part}"), -figure("held"));
            balances.insert(format!("Assets:Debts:{programme}:{part}"), figure("debt"));
        }
    }
    balances.retain(|_, amount| !amount.is_zero());
    balances
}

/// The nets of parties, brands with their pools, over cycles.
pub fn nets_of(world: &World, cycles: &[&str]) -> Balances {
    let mut nets = Balances::new();
    for cycle in cycles {
        let body = get(world, &format!("/v1/cycles/{cycle}"));
        for (party, net) in body["nets"].as_object().expect("a cycle has nets") {
            *nets.entry(party.clone()).or_default() += decimal(net);
        }
    }
    nets.retain(|_, net| !net.is_zero());
    nets
}

/// The same from a journal, where a balance is minus the ledger's.
pub fn nets_in(balances: &Balances) -> Balances {
    let mut nets = Balances::new();
    for (account, amount) in balances {
        let is_money =
            account.starts_with("Assets:Parties:") || account.starts_with("Liabilities:Pools:");
        if is_money {
            let party = account.rsplit(':').next().unwrap_or_default().to_lowercase();
            *nets.entry(party).or_default() -= amount;
        }
    }
    nets.retain(|_, net| !net.is_zero());
    nets
}

fn of_members(balances: &Balances) -> Balances {
    let kinds = ["Liabilities:Points:", "Liabilities:Held:", "Assets:Debts:"];
    let is_members = |name: &str| kinds.iter().any(|kind| name.starts_with(kind));
    balances.iter().filter(|one| is_members(one.0)).map(|one| (one.0.clone(), *one.1)).collect()
}

/// A folder that goes away by itself.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

#[test]
fn beancount_and_hledger_take_the_journal_and_come_to_our_balances() {
    let (Some(hledger), Some(check), Some(query)) =
        (tool("hledger"), tool("bean-check"), tool("bean-query"))
    else {
        return;
    };
    on_shards(|world| {
        let members = story(world);
        let folder = folder();
        let (bean, ledger) = (folder.path().join("x.beancount"), folder.path().join("x.journal"));
        let written = run_export(world, Format::Beancount, &bean, Selection::Whole);
        assert_eq!((written.transactions, written.files), (13, vec![bean.clone()]));
        run_export(world, Format::Hledger, &ledger, Selection::Whole);
        let balances = hledger_balances(&hledger, &ledger);
        assert_eq!(beancount_balances(&check, &query, &bean), balances);
        let ours = members_balances(world, &members);
        assert!(ours.keys().any(|name| name.starts_with("Assets:Debts:Club")), "{ours:?}");
        assert!(ours.keys().any(|name| name.starts_with("Liabilities:Held:Club")), "{ours:?}");
        assert_eq!(of_members(&balances), ours);
        assert_eq!(nets_in(&balances), nets_of(world, &[FIRST_DAY, SECOND_DAY]));
        let lost = balances["Income:Expired:Rub"];
        assert_eq!(lost, "-10.55".parse().expect("it is a decimal"));
        for file in [&bean, &ledger] {
            let text = std::fs::read_to_string(file).expect("the file can be read");
            assert!(!text.contains("7916000000") && !text.contains("example.org"));
        }
    });
}

#[test]
fn a_cycles_journal_moves_what_the_cycle_moved() {
    let (Some(hledger), Some(check), Some(query)) =
        (tool("hledger"), tool("bean-check"), tool("bean-query"))
    else {
        return;
    };
    on_shards(|world| {
        story(world);
        let folder = folder();
        let (bean, ledger) = (folder.path().join("x.beancount"), folder.path().join("x.journal"));
        for day in [FIRST_DAY, SECOND_DAY] {
            run_export(world, Format::Beancount, &bean, cycle_of(day));
            run_export(world, Format::Hledger, &ledger, cycle_of(day));
            let balances = hledger_balances(&hledger, &ledger);
            assert_eq!(beancount_balances(&check, &query, &bean), balances);
            assert_eq!(nets_in(&balances), nets_of(world, &[day]));
        }
        let none = run_export(world, Format::Hledger, &ledger, cycle_of("2025-03-05"));
        assert_eq!(none.transactions, 0);
        assert_eq!(hledger_balances(&hledger, &ledger), Balances::new());
    });
}

#[test]
fn members_can_be_folded_and_a_wrong_balance_is_found() {
    let (Some(hledger), Some(check)) = (tool("hledger"), tool("bean-check")) else { return };
    on_shards(|world| {
        let members = story(world);
        let folder = folder();
        let address = world.settings.address().expect("the address is one");
        for (format, name) in [(Format::Hledger, "x.journal"), (Format::Beancount, "x.beancount")] {
            let to = folder.path().join(name);
            let selection = Selection::Whole;
            let request = Request { format, to: to.clone(), selection, aggregate: true };
            export(&address, &request).expect("the ledger can be exported");
            let file = to.display().to_string();
            let checks = || match format {
                Format::Hledger => run(&hledger, &["-f", &file, "check", "--strict"]),
                _ => run(&check, &[&file]),
            };
            printed(&checks());
            if format == Format::Hledger {
                let together = of_members(&hledger_balances(&hledger, &to));
                let single = members_balances(world, &members);
                let club = |all: &Balances| -> Decimal {
                    let is_points = |name: &str| name.starts_with("Liabilities:Points:Club");
                    all.iter().filter(|one| is_points(one.0)).map(|one| one.1).sum()
                };
                assert_eq!(club(&together), club(&single));
                assert!(together.contains_key("Liabilities:Points:Club"), "{together:?}");
            }
            // One smallest unit more is claimed of the bonuses that were lost.
            let text = std::fs::read_to_string(&to).expect("the file can be read");
            let (before, claims) = text.rsplit_once("Income:Expired:Rub").expect("it is claimed");
            let wrong = claims.replacen("-10.55", "-10.56", 1);
            assert_ne!(wrong, claims);
            std::fs::write(&to, format!("{before}Income:Expired:Rub{wrong}")).expect("written");
            assert!(!checks().status.success(), "{name} says nothing");
        }
    });
}

/// The rows of a table.
pub fn rows_of(folder: &Path, table: &str) -> Vec<Row> {
    let file = std::fs::File::open(folder.join(format!("{table}.parquet"))).expect("it is there");
    let reader = SerializedFileReader::new(file).expect("it is Parquet");
    let rows = reader.get_row_iter(None).expect("it has rows");
    rows.map(|row| row.expect("the row can be read")).collect()
}

/// A cell of a row, as text; decimals with their scale.
pub fn cell(row: &Row, name: &str) -> String {
    let found = row.get_column_iter().find(|column| column.0 == name);
    match found.unwrap_or_else(|| panic!("there is no column {name}")).1 {
        Field::Str(text) => text.clone(),
        Field::Null => String::new(),
        Field::Decimal(value) => {
            let bytes = value.data().try_into().expect("it has 64 bits");
            let scale = value.scale().try_into().expect("a scale is small");
            Decimal::new(i64::from_be_bytes(bytes), scale).to_string()
        }
        other => other.to_string(),
    }
}

/// The sum of a column, where it is not empty.
pub fn sum_of<'a>(rows: impl IntoIterator<Item = &'a Row>, name: &str) -> Decimal {
    let cells = rows.into_iter().map(|row| cell(row, name));
    cells
        .filter(|cell| !cell.is_empty())
        .map(|cell| cell.parse::<Decimal>().expect("decimal"))
        .sum()
}

#[test]
fn parquet_tables_say_what_the_ledger_says() {
    on_shards(|world| {
        story(world);
        let folder = folder();
        let written = run_export(world, Format::Parquet, folder.path(), Selection::Whole);
        assert_eq!((written.transactions, written.files.len()), (13, 5));
        let table = |name: &str| rows_of(folder.path(), name);
        let (transactions, postings) = (table("transactions"), table("postings"));
        assert_eq!(transactions.len(), 13);
        let odd = transactions.iter().find(|row| cell(row, "ref") == ODD_REFERENCE);
        let odd = odd.expect("the reference stands as it is");
        let days = ["settlement_day", "kind"].map(|name| cell(odd, name));
        assert_eq!(days, [FIRST_DAY, "purchase"]);
        assert_eq!(cell(odd, "hash").len(), 64);
        assert_eq!(sum_of(&transactions, "postings"), Decimal::from(postings.len()));
        assert_eq!(sum_of(&postings, "amount"), sum_of(&table("positions"), "amount"));
        let lots = table("lots");
        let of_club = |row: &&Row| cell(row, "programme") == "club";
        let report = liability(world, "json");
        let report: Value = serde_json::from_str(&report).expect("it is JSON");
        let club = &report["programmes"][0]["outstanding"];
        let held = lots.iter().filter(of_club);
        assert_eq!(sum_of(held, "held"), decimal(&club["held"]));
        let free = lots.iter().filter(of_club);
        assert_eq!(
            sum_of(free, "remaining"),
            decimal(&club["pending"]) + decimal(&club["available"])
        );
        assert!(lots.iter().any(|row| cell(row, "price") == "0.333333"));

        run_export(world, Format::Parquet, folder.path(), cycle_of(SECOND_DAY));
        assert_eq!(rows_of(folder.path(), "transactions").len(), 6);
        assert!(rows_of(folder.path(), "lots").len() < lots.len());
    });
}
