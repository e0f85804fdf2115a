//! Statements: the figures of a month in every form, and what becomes of a published cycle.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use coalition_partner::Answer;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::month::{self, JULY, JUNE, MAY, NETS, file, settle, statement, step};
use crate::support::{World, both_with, code_of, purchase, text};

fn decimal(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

/// What lines add up to: how many, what is owed, what the party is owed.
type Sums = (usize, Decimal, Decimal);

fn sums_of_json(statement: &Value) -> Sums {
    let lines = statement["lines"].as_array().expect("lines");
    let sum = |field: &str| lines.iter().filter_map(|line| line[field].as_str()).map(decimal).sum();
    (lines.len(), sum("gross_debit"), sum("gross_credit"))
}

fn sums_of_csv(file: &[u8], delimiter: u8) -> Sums {
    let whole = std::str::from_utf8(file).expect("UTF-8");
    let (rows, end) = whole.split_at(whole.find("#END").expect("an end"));
    let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(rows.as_bytes());
    let head = reader.headers().expect("a header row").clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    let sum = |name: &str| -> Decimal {
        let place = head.iter().position(|one| one == name).expect("a column");
        rows.iter().map(|row| &row[place]).filter(|cell| !cell.is_empty()).map(decimal).sum()
    };
    let sums = (rows.len(), sum("gross_debit"), sum("gross_credit"));
    let told: BTreeMap<&str, &str> =
        end.trim_end().split(';').filter_map(|part| part.split_once('=')).collect();
    let told_sums =
        (told["lines"].parse().expect("a count"), decimal(told["debit"]), decimal(told["credit"]));
    assert_eq!(told_sums, sums, "{end}");
    assert_eq!(told["sha256"], hex::encode(Sha256::digest(&whole[..whole.len() - end.len()])));
    assert_eq!(decimal(told["points"]), sum("points"));
    sums
}

fn sums_of_xlsx(file: &[u8]) -> Sums {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(file)).expect("a workbook");
    let lines = book.worksheet_range("lines").expect("a sheet");
    let head: Vec<String> =
        lines.rows().next().expect("a row").iter().map(Data::to_string).collect();
    let sum = |name: &str| -> Decimal {
        let place = head.iter().position(|one| one == name).expect("a column");
        let cells = lines.rows().skip(1).map(|row| row[place].to_string());
        cells.filter(|cell| !cell.is_empty()).map(|cell| decimal(&cell)).sum()
    };
    let checks = book.worksheet_range("checks").expect("a sheet");
    let text: Vec<String> = checks.rows().flatten().map(Data::to_string).collect();
    assert!(!text.iter().any(|cell| cell.contains("DIFFERS")), "{text:?}");
    (lines.rows().count() - 1, sum("gross_debit"), sum("gross_credit"))
}

fn states(world: &World, cycle: &str) -> Vec<String> {
    let answer = world.operator.get(&format!("/v1/cycles/{cycle}"));
    let shown: Value = answer.json().expect("it is JSON");
    let events = shown["events"].as_array().expect("events");
    assert_eq!(events.last().map(|event| &event["state"]), Some(&shown["state"]));
    events.iter().map(|event| text(event, "state")).collect()
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, code_of(answer))
}

#[test]
fn a_month_says_the_same_in_every_form_to_the_kopeck() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        let mut all = Decimal::ZERO;
        for (party, net) in NETS {
            let caller = world.party(party);
            let json = statement(caller, JUNE, party);
            let sums = sums_of_json(&json);
            assert_eq!(sums.2 - sums.1, decimal(net), "{party}");
            assert_eq!(sums_of_csv(&file(caller, JUNE, party, "?format=csv"), b';'), sums);
            let comma = file(caller, JUNE, party, "?format=csv&delimiter=comma");
            assert_eq!(sums_of_csv(&comma, b','), sums);
            assert_eq!(sums_of_xlsx(&file(caller, JUNE, party, "?format=xlsx")), sums, "{party}");
            assert_eq!(json["summary"]["net"], net);
            let steps = json["summary"]["steps"].as_array().expect("steps");
            let by_steps: Decimal = steps.iter().map(|step| decimal(&text(step, "net"))).sum();
            assert_eq!(by_steps, decimal(net), "{party}");
            let cash = &json["cash"][0];
            let direction = if net.starts_with('-') { "you_pay" } else { "you_are_paid" };
            assert_eq!(cash["direction"], direction, "{party}");
            assert_eq!(text(cash, "amount"), net.trim_start_matches('-'));
            assert_eq!(text(cash, "due"), "2025-07-08");
            all += decimal(net);
        }
        assert!(all.is_zero());
    });
}

#[test]
fn the_sections_of_the_brand_are_those_of_the_golden_month() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        let brand = statement(world.party("brand"), JUNE, "brand");
        let matrix: Vec<Value> = brand["matrix"]
            .as_array()
            .expect("rows")
            .iter()
            .map(|row| json!([row["counterparty"], row["debit"], row["credit"]]))
            .collect();
        assert_eq!(
            matrix,
            [
                json!(["bank", "0.00", "104400.00"]),
                json!(["scheme", "0.00", "6400.00"]),
                json!(["shop", "83600.00", "0.00"]),
                json!(["wallet", "3600.00", "0.00"]),
            ]
        );
        let points = brand["points"].as_array().expect("rows");
        let all = points.iter().find(|row| row["of"] == "all").expect("a row of all");
        let moved = [
            ("opening", "1000000"),
            ("issued", "150000"),
            ("promo", "20000"),
            ("cancelled", "5000"),
            ("burned", "90000"),
            ("restored", "2000"),
            ("expired", "12000"),
            ("closing", "1065000"),
        ];
        for (field, figure) in moved {
            assert_eq!(all[field], figure, "{field}");
        }
        let funding = brand["funding"].as_array().expect("rows");
        let of_promo = |funder: &str| {
            let row =
                funding.iter().find(|row| row["promo"] == "summer" && row["funder"] == funder);
            let row = row.expect("the promotion is funded");
            json!([row["points"], row["cost"], row["own_cost"], row["cash"]])
        };
        assert_eq!(of_promo("brand"), json!(["20000", "16000.00", "9600.00", false]));
        assert_eq!(of_promo("scheme"), json!(["20000", "16000.00", "6400.00", true]));
        let fee = &brand["fees"][0];
        let told = json!([fee["kind"], fee["counterparty"], fee["points"], fee["debit"]]);
        assert_eq!(told, json!(["card_fee", "wallet", "300", "3600.00"]));
        // Who is a side of nothing of it is told nothing of it.
        let scheme = statement(world.party("scheme"), JUNE, "scheme").to_string();
        assert!(!["bank", "shop", "wallet"].iter().any(|one| scheme.contains(one)), "{scheme}");
        let payer = statement(world.party("bank"), JUNE, "bank");
        let types: Vec<&Value> = payer["lines"]
            .as_array()
            .expect("lines")
            .iter()
            .map(|line| &line["entry"]["record_type"])
            .collect();
        assert_eq!(types, ["earn", "earn_cancel"]);
    });
}

#[test]
fn a_cycle_goes_on_by_its_parties_answers_and_never_back() {
    both_with(&month::before(), |world| {
        let member = month::set_up(world);
        month::play_may(world, &member);
        assert_eq!(told(&step(world, MAY, "publish")), (409, "wrong_cycle_state".to_owned()));
        assert_eq!(told(&step(world, "yearly.2025-05-01", "publish")).0, 409);
        world.move_to("2025-06-01T09:00:00Z");
        // Nobody owes anything for May: there is nothing to agree to.
        let empty = settle(world, MAY);
        assert!(empty.iter().all(|one| one["lines"] == 0 && one["state"] == "acknowledged"));
        assert_eq!(states(world, MAY), ["closing", "closed", "published", "acknowledged"]);
        month::play_june(world, &member);
        world.move_to("2025-07-01T09:00:00Z");
        let closed = step(world, JUNE, "close");
        assert_eq!(world.party("bank").get(&format!("/v1/statements/{JUNE}/bank")).status, 404);
        let early = format!("/v1/cycles/{JUNE}/acknowledge");
        let why = json!({"why": "signed acts"});
        assert_eq!(told(&world.operator.post(&early, "a-0", &why)).0, 409);
        let published = step(world, JUNE, "publish");
        assert_eq!(published.status, 200, "{}", published.text());
        let first = file(&world.operator, JUNE, "bank", "");
        assert_eq!(states(world, JUNE), ["closing", "closed", "published"]);
        for (party, _) in NETS {
            assert_eq!(states(world, JUNE).last().map(String::as_str), Some("published"));
            let target = format!("/v1/statements/{JUNE}/{party}/acknowledge");
            for key in ["a-1", "a-2"] {
                let answer = world.party(party).post(&target, key, &json!({}));
                assert_eq!(answer.status, 204, "{}", answer.text());
            }
        }
        let done = ["closing", "closed", "published", "acknowledged"];
        assert_eq!(states(world, JUNE), done);
        world.restart();
        assert_eq!(step(world, JUNE, "close").body, closed.body);
        assert_eq!(world.operator.post(&early, "a-3", &why).status, 204);
        assert_eq!(step(world, JUNE, "publish").status, 200);
        assert_eq!(states(world, JUNE), done);
        assert_eq!(file(&world.operator, JUNE, "bank", ""), first);
    });
}

#[test]
fn what_is_late_is_settled_next_and_leaves_the_past_as_it_is() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        let forms = ["", "?format=csv", "?format=xlsx", "/proofs"];
        let june = forms.map(|form| file(world.party("bank"), JUNE, "bank", form));
        let back = month::play_july(world);
        world.move_to("2025-08-01T09:00:00Z");
        let listed = settle(world, JULY);
        assert_eq!(forms.map(|form| file(world.party("bank"), JUNE, "bank", form)), june);
        let july = statement(world.party("bank"), JULY, "bank");
        let line = &july["lines"][0];
        assert_eq!(july["lines"].as_array().map(Vec::len), Some(1));
        let told = json!([line["gross_debit"], line["gross_credit"]]);
        assert_eq!(told, json!([null, "720.00"]));
        assert_eq!(line["entry"]["late_for"], "2025-06-01");
        assert_eq!(line["entry"]["id"], format!("{}/1", text(&back, "id")));
        let late = &july["late"][0];
        assert_eq!(july["late"].as_array().map(Vec::len), Some(1));
        assert_eq!((&late["original_window"], &late["credit"]), (&json!(JUNE), &json!("720.00")));
        let steps = july["summary"]["steps"].as_array().expect("steps");
        let step = steps.iter().find(|step| step["step"] == "earlier_windows").expect("a step");
        assert_eq!(step["net"], "720.00");
        let csv = file(world.party("bank"), JULY, "bank", "?format=csv");
        assert!(String::from_utf8_lossy(&csv).contains(";2025-06-01;"), "its original window");
        // Each statement names the one before by its hash.
        let sha256 = hex::encode(Sha256::digest(&june[0]));
        let previous = &july["header"]["previous"];
        assert_eq!(previous, &json!({"statement": format!("{JUNE}/bank"), "sha256": sha256}));
        let own = listed.iter().find(|one| one["party"] == "bank").expect("it is listed");
        let bytes = file(world.party("bank"), JULY, "bank", "");
        assert_eq!(own["sha256"], hex::encode(Sha256::digest(bytes)));
    });
}

#[test]
fn what_is_agreed_after_a_months_end_is_no_part_of_it() {
    both_with(&month::before(), |world| {
        let member = month::set_up(world);
        month::play_june(world, &member);
        // Nobody closes June before the terms of July count.
        world.move_to("2025-07-02T09:00:00Z");
        world.put("/v1/schedules/monthly", &json!({"period": "monthly", "payment_term_days": 10}));
        world.add_party("kiosk", "retailer");
        for party in ["kiosk", "bank"] {
            world.add_agreement(&json!({
                "programme": "club", "party": party, "schedule": "monthly",
                "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.00"}
            }));
        }
        let listed = settle(world, JUNE);
        assert!(!listed.iter().any(|one| one["party"] == "kiosk"), "{listed:?}");
        let bank = statement(world.party("bank"), JUNE, "bank");
        assert_eq!(bank["cash"][0]["due"], "2025-07-08");
        let versions = bank["header"]["agreements"].as_array().expect("agreements");
        let club = versions.iter().find(|one| one["programme"] == "club").expect("one of the club");
        let lines = bank["lines"].as_array().expect("lines");
        let of_bank: Vec<&Value> = lines
            .iter()
            .map(|line| &line["entry"])
            .filter(|entry| entry["agreement"] == "bank")
            .collect();
        assert!(!of_bank.is_empty(), "the bank's agreement counted");
        for entry in of_bank {
            assert_eq!(entry["agreement_version"], club["version"], "{entry}");
        }
    });
}

#[test]
fn cycles_are_published_in_their_order() {
    both_with(&month::before(), |world| {
        let member = month::set_up(world);
        month::play_june(world, &member);
        month::play_july(world);
        world.move_to("2025-08-01T09:00:00Z");
        assert_eq!(step(world, JULY, "close").status, 200);
        // June was closed with it; May is empty, and passed over for good.
        assert_eq!(states(world, JUNE), ["closing", "closed"]);
        assert_eq!(told(&step(world, MAY, "close")), (409, "wrong_cycle_state".to_owned()));
        let refused = step(world, JULY, "publish");
        assert_eq!(told(&refused), (409, "wrong_cycle_state".to_owned()));
        assert!(refused.text().contains(JUNE), "{}", refused.text());
        settle(world, JUNE);
        settle(world, JULY);
        let july = statement(world.party("brand"), JULY, "brand");
        let all = july["points"].as_array().expect("rows").iter().find(|row| row["of"] == "all");
        assert_eq!(all.map(|row| &row["cancelled"]), Some(&json!("1000")));
        assert_eq!(all.map(|row| &row["issued"]), Some(&json!("0")));
    });
}

#[test]
fn lists_are_narrowed_and_a_party_finds_its_own() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        let list = |caller: &crate::caller::Caller, query: &str| -> Vec<String> {
            let answer = caller.get(&format!("/v1/statements{query}"));
            assert_eq!(answer.status, 200, "{query}: {}", answer.text());
            let list: Value = answer.json().expect("it is JSON");
            let rows = list["data"].as_array().expect("a list").clone();
            rows.iter().map(|row| text(row, "statement")).collect()
        };
        let own = [format!("{JUNE}/bank"), format!("{MAY}/bank")];
        assert_eq!(list(world.party("bank"), ""), own);
        assert_eq!(list(world.party("bank"), "?party=bank"), own);
        assert_eq!(world.party("bank").get("/v1/statements?party=shop").status, 404);
        assert_eq!(list(&world.operator, "?party=bank"), own);
        assert_eq!(list(&world.operator, "?party=bank&before=2025-06-01"), own[1..]);
        assert_eq!(list(world.party("bank"), "?limit=1"), own[..1]);
        assert_eq!(list(&world.auditor(), &format!("?cycle={JUNE}")).len(), 6);
        for query in
            ["limit=0", "limit=x", "limit=100000", "before=June", "cycle=June", "colour=red"]
        {
            for path in ["/v1/statements", "/v1/cycles"] {
                let answer = world.operator.get(&format!("{path}?{query}"));
                assert_eq!(told(&answer), (400, "invalid_request".to_owned()), "{path}?{query}");
            }
        }
        let cycles = world.party("shop").get("/v1/cycles?schedule=monthly");
        let cycles: Value = cycles.json().expect("it is JSON");
        let rows = json!([
            {"cycle": JUNE, "state": "published"},
            {"cycle": MAY, "state": "acknowledged"},
        ]);
        assert_eq!((&cycles["open"], &cycles["data"]), (&json!(JULY), &rows));
        assert_eq!(world.operator.get("/v1/cycles?schedule=yearly").status, 404);
    });
}

#[test]
fn a_party_that_comes_later_begins_its_own_row_of_statements() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        world.add_party("kiosk", "retailer");
        world.add_agreement(&json!({
            "programme": "club", "party": "kiosk", "schedule": "monthly",
            "earn": {"funding": [{"party": "kiosk", "share": "1"}], "price_per_point": "1.00"}
        }));
        world.move_to("2025-07-05T09:00:00Z");
        world.accept("kiosk", &purchase("K-1", "phone:+79160000040", "100.00"));
        world.move_to("2025-08-01T09:00:00Z");
        settle(world, JULY);
        let kiosk = statement(world.party("kiosk"), JULY, "kiosk");
        let header = &kiosk["header"];
        assert_eq!((&header["previous"], &header["consistency"]), (&Value::Null, &json!([])));
        let bank = statement(world.party("bank"), JULY, "bank");
        assert_ne!(bank["header"]["consistency"], json!([]));
    });
}

#[test]
fn both_databases_give_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = folder.path().join("log.key");
    std::fs::write(&key, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n").expect("a file");
    let mut setup = month::before().with_shards(1);
    setup.settings.log_key_file = Some(key);
    let files: RefCell<Vec<Vec<Vec<u8>>>> = RefCell::default();
    both_with(&setup, |world| {
        month::until_june_is_published(world);
        month::play_july(world);
        world.move_to("2025-08-01T09:00:00Z");
        settle(world, JULY);
        let mut all = Vec::new();
        for party in ["bank", "brand", "shop", "scheme", "wallet", "clearing"] {
            for cycle in [MAY, JUNE, JULY] {
                // The payment system has no agreement: it gets one where it owes something.
                if party == "scheme" && cycle != JUNE {
                    continue;
                }
                for form in ["", "?format=csv", "?format=xlsx", "/proofs"] {
                    all.push(file(&world.operator, cycle, party, form));
                }
            }
        }
        files.borrow_mut().push(all);
    });
    let files = files.into_inner();
    assert!(files[0] == files[1], "the files differ");
}
