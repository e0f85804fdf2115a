//! The sections of statements: packs, what members have, points by month, prices, disputes; over
//! three months, of which each goes on from the one before.

use std::cell::RefCell;
use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use serde_json::{Value, json};

use crate::month::{JULY, JUNE, MAY, before, file, settle, statement};
use crate::support::{World, both_with, purchase, text};

fn set_up(world: &mut World) {
    for (id, kind) in [("brand", "brand"), ("bank", "bank"), ("shop", "retailer")] {
        world.add_party(id, kind);
    }
    world.put("/v1/schedules/monthly", &json!({"period": "monthly", "payment_term_days": 5}));
    for (id, more) in [
        ("club", json!({"hold_days": 10})),
        ("post", json!({"anchor": "delivery", "hold_days": 3})),
    ] {
        let mut programme = json!({
            "id": id, "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
            "burn": {"max_share": "1"}
        });
        for (key, value) in more.as_object().expect("fields") {
            programme[key.as_str()] = value.clone();
        }
        world.add_programme(&programme);
    }
    let shop = json!([{"party": "shop", "share": "0.75"}, {"party": "brand", "share": "0.25"}]);
    let agreed = [
        (
            "club",
            "bank",
            json!({"earn": {"funding": [{"party": "bank", "share": "1"}], "price_per_point": "1.00",
                "fee_per_point": "0.02",
                "billing": {"prepaid": {"when_empty": "bill", "pack_price_per_point": "0.75"}}}}),
        ),
        ("club", "shop", json!({"burn": {"reimburse_per_point": "1.00"}})),
        (
            "club",
            "brand",
            json!({"grant": {"funding": [{"party": "brand", "share": "1"}],
            "price_per_point": "0.50"}}),
        ),
        ("post", "shop", json!({"earn": {"funding": shop, "price_per_point": "0.40"}})),
    ];
    for (programme, party, mut agreement) in agreed {
        agreement["programme"] = json!(programme);
        agreement["party"] = json!(party);
        agreement["schedule"] = json!("monthly");
        world.add_agreement(&agreement);
    }
    for phone in ["+79160000050", "+79160000051"] {
        world.add_member(&json!({"phone": phone}));
    }
}

const ANNA: &str = "phone:+79160000050";
const BOB: &str = "phone:+79160000051";

fn refund(reference: &str, of: &str, amount: &str) -> Value {
    json!({"kind": "refund", "ref": reference, "of": of, "amount": amount})
}

fn pack(reference: &str, points: &str) -> Value {
    json!({"kind": "pack", "ref": reference, "programme": "club", "points": points})
}

fn grant(reference: &str, points: &str) -> Value {
    json!({"kind": "grant", "ref": reference, "programme": "club", "member": BOB,
        "points": points, "promo": "spring"})
}

fn play(world: &World, posts: &[(&str, &str, Value)]) {
    for (at, party, body) in posts {
        world.move_to(at);
        world.accept(party, body);
    }
}

fn play_may(world: &World) {
    let mut ends = pack("K-1", "100");
    ends["valid_through"] = json!("2025-06-15");
    let mut posted = purchase("P-1", ANNA, "200.00");
    posted["programme"] = json!("post");
    let hold = json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": ANNA,
        "points": "15"});
    play(
        world,
        &[
            ("2025-05-05T10:00:00Z", "bank", ends),
            ("2025-05-05T11:00:00Z", "bank", pack("K-2", "50")),
            ("2025-05-06T10:00:00Z", "bank", purchase("R-1", ANNA, "400.00")),
            ("2025-05-20T10:00:00Z", "shop", posted),
            ("2025-05-21T10:00:00Z", "shop", refund("P-2", "P-1", "50.00")),
            ("2025-05-28T10:00:00Z", "bank", purchase("R-2", ANNA, "300.00")),
            ("2025-05-29T10:00:00Z", "bank", refund("B-2", "R-2", "100.00")),
            ("2025-05-30T10:00:00Z", "shop", hold),
        ],
    );
}

fn play_june(world: &World) {
    let mut lost = grant("G-1", "7");
    lost["valid_through"] = json!("2025-06-10");
    let mut later = grant("G-2", "8");
    later["available_at"] = json!("2025-07-02");
    let mut burned = purchase("S-1", ANNA, "70.00");
    burned["burn"] = json!("max");
    let held = json!({"kind": "hold", "ref": "H-2", "programme": "club", "member": BOB,
        "points": "1"});
    play(
        world,
        &[
            ("2025-06-02T10:00:00Z", "shop", json!({"kind": "delivery", "of": "P-1"})),
            ("2025-06-03T10:00:00Z", "bank", purchase("R-3", ANNA, "500.00")),
            ("2025-06-05T10:00:00Z", "brand", lost),
            ("2025-06-06T10:00:00Z", "shop", held),
            (
                "2025-06-10T10:00:00Z",
                "shop",
                json!({"kind": "capture", "of": "H-1", "points": "10"}),
            ),
            ("2025-06-12T10:00:00Z", "bank", refund("B-3", "R-3", "300.00")),
            ("2025-06-20T10:00:00Z", "shop", burned),
            ("2025-06-21T10:00:00Z", "bank", refund("B-1", "R-1", "400.00")),
            // What Bob had was lost, and that is posted with the next thing that he does.
            ("2025-06-21T11:00:00Z", "shop", json!({"kind": "void", "of": "H-2"})),
            ("2025-06-22T10:00:00Z", "brand", later),
            ("2025-06-25T10:00:00Z", "bank", purchase("R-4", ANNA, "100.00")),
        ],
    );
}

/// The bank objects to May, and the clearing house sets the amount aside.
fn dispute(world: &World) -> String {
    let wish = json!({
        "cycle": MAY, "kind": "missing_accrual", "own_lines": ["R-7 120.00"], "programme": "club",
        "amount": "12.00", "why": "the till was offline"
    });
    world.move_to("2025-06-02T09:00:00Z");
    let answer = world.party("bank").post("/v1/disputes", &world.new_key(), &wish);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let opened: Value = answer.json().expect("it is JSON");
    let target = format!("/v1/disputes/{}/acknowledge", text(&opened, "id"));
    let anna = world.finance_named("anna");
    let answer = anna.post(&target, &world.new_key(), &json!({"reserve": true}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    text(&opened, "id")
}

/// Rows of a section whose fields are as named; of each the other named fields.
fn rows(statement: &Value, section: &str, is: &[(&str, &str)], fields: &[&str]) -> Vec<Value> {
    let all = statement[section].as_array().expect("rows");
    let fits = all.iter().filter(|row| is.iter().all(|(field, value)| row[*field] == *value));
    fits.map(|row| fields.iter().map(|field| row[*field].clone()).collect()).collect()
}

const PACK: [&str; 8] =
    ["bought", "opening", "used", "returned", "expired", "closing", "price", "ends_at"];
const COHORT: [&str; 6] = ["month", "issued", "remaining", "expired", "used", "change"];

fn packs(world: &World, cycle: &str) -> Vec<Value> {
    rows(&statement(world.party("bank"), cycle, "bank"), "packs", &[("of", "pack")], &PACK)
}

fn cohorts(brand: &Value, programme: &str) -> Vec<Value> {
    rows(brand, "breakage", &[("of", "cohort"), ("programme", programme)], &COHORT)
}

/// Of all points of a programme: those activated, the split, the closing circulation.
fn members_have(brand: &Value, programme: &str) -> Value {
    let fields = ["activated", "split", "closing"];
    let found = rows(brand, "points", &[("of", "all"), ("programme", programme)], &fields);
    let (split, number) = (&found[0][1], |value: &Value| -> i64 {
        value.as_str().and_then(|text| text.parse().ok()).expect("whole points")
    });
    let part = |name: &str| number(&split[name]);
    let sum = part("pending") + part("active") + part("held") - part("debt");
    assert_eq!(sum, number(&found[0][2]), "{found:?}");
    let remaining: i64 = cohorts(brand, programme).iter().map(|row| number(&row[2])).sum();
    assert_eq!(remaining - part("debt"), sum, "the months have what members have");
    json!([found[0][0], part("pending"), part("active"), part("held"), part("debt")])
}

fn assert_may(world: &World) {
    assert_eq!(
        packs(world, MAY),
        [
            json!(["100", "100", "70", "10", "0", "40", "0.75", "2025-06-15T21:00:00Z"]),
            json!(["50", "50", "0", "0", "0", "50", "0.75", null]),
        ]
    );
    let bank = statement(world.party("bank"), MAY, "bank");
    let money = rows(&bank, "packs", &[("of", "money")], &["kind", "points", "debit"]);
    assert_eq!(money, [json!(["pack", "150", "112.50"])]);
    let fees = rows(&bank, "fees", &[], &["kind", "points", "price", "debit", "credit"]);
    assert_eq!(
        fees,
        [
            json!(["earn_fee", "70", "0.02", "1.40", null]),
            json!(["earn_fee_reversed", "10", "0.02", null, "0.20"]),
        ]
    );
    let brand = statement(world.party("brand"), MAY, "brand");
    assert_eq!(members_have(&brand, "club"), json!(["40", 20, 25, 15, 0]));
    assert_eq!(members_have(&brand, "post"), json!(["0", 15, 0, 0, 0]));
    assert_eq!(cohorts(&brand, "club"), [json!(["2025-05", "70", "60", "0", "10", "60"])]);
    assert_eq!(cohorts(&brand, "post"), [json!(["2025-05", "20", "15", "0", "5", "15"])]);
    let fields = ["funder", "points", "price", "cost", "share", "own_cost", "cash"];
    assert_eq!(
        rows(&brand, "funding", &[("programme", "post")], &fields),
        [
            json!(["brand", "15", "0.4", "6.00", "0.25", "1.50", false]),
            json!(["shop", "15", "0.4", "6.00", "0.75", "4.50", true]),
        ]
    );
    assert_eq!(packs_of(world, "shop"), json!([]), "packs are their party's alone");
}

fn packs_of(world: &World, party: &str) -> Value {
    statement(world.party(party), MAY, party)["packs"].clone()
}

fn assert_june(world: &World, dispute: &str) {
    assert_eq!(
        packs(world, JUNE),
        [
            json!(["100", "40", "40", "20", "20", "0", "0.75", "2025-06-15T21:00:00Z"]),
            json!(["50", "50", "20", "10", "0", "40", "0.75", null]),
        ]
    );
    let brand = statement(world.party("brand"), JUNE, "brand");
    assert_eq!(members_have(&brand, "club"), json!(["40", 8, 0, 0, 30]));
    assert_eq!(members_have(&brand, "post"), json!(["15", 0, 15, 0, 0]));
    assert_eq!(
        cohorts(&brand, "club"),
        [
            json!(["2025-05", "70", "0", "0", "70", "-60"]),
            json!(["2025-06", "75", "8", "7", "60", "8"]),
        ]
    );
    let fields = ["of", "id", "kind", "opened_at", "amount", "reserved", "state", "due"];
    let told = json!([
        "dispute",
        dispute,
        "missing_accrual",
        "2025-06-02T09:00:00Z",
        "12.00",
        "12.00",
        "acknowledged",
        "2025-07-02T09:00:00Z"
    ]);
    let bank = statement(world.party("bank"), JUNE, "bank");
    assert_eq!(rows(&bank, "disputes", &[], &fields), std::slice::from_ref(&told));
    let own = statement(&world.operator, JUNE, "clearing");
    assert_eq!(rows(&own, "disputes", &[("of", "dispute")], &fields), [told]);
    let set_aside = rows(&brand, "disputes", &[], &["of", "kind", "debit"]);
    assert_eq!(set_aside, [json!(["money", "dispute_reserve", "12.00"])]);
}

fn assert_july(world: &World) {
    assert_eq!(packs(world, JULY), [json!(["50", "40", "0", "0", "0", "40", "0.75", null])]);
    let brand = statement(world.party("brand"), JULY, "brand");
    assert_eq!(members_have(&brand, "club"), json!(["8", 0, 8, 0, 30]));
    assert_eq!(
        cohorts(&brand, "club"),
        [
            json!(["2025-05", "70", "0", "0", "70", "0"]),
            json!(["2025-06", "75", "8", "7", "60", "0"]),
        ]
    );
}

/// Plays May and June, and then July; `late`: instead of July, more is posted before June's
/// statements are made.
fn play_all(world: &mut World, late: bool) {
    set_up(world);
    play_may(world);
    world.move_to("2025-06-01T09:00:00Z");
    settle(world, MAY);
    assert_may(world);
    let dispute = dispute(world);
    play_june(world);
    world.move_to("2025-07-01T09:00:00Z");
    if late {
        // What is posted after June ends changes nothing that June says.
        world.accept("bank", &purchase("L-1", BOB, "90.00"));
        world.accept("bank", &refund("L-2", "L-1", "90.00"));
    }
    settle(world, JUNE);
    assert_june(world, &dispute);
    if !late {
        world.move_to("2025-08-01T09:00:00Z");
        settle(world, JULY);
        assert_july(world);
        assert_june(world, &dispute);
    }
}

#[test]
fn months_say_what_packs_members_and_disputes_came_to() {
    both_with(&before(), |world| play_all(world, false));
}

#[test]
fn what_comes_after_a_cycle_ends_is_not_in_its_sections() {
    both_with(&before(), |world| play_all(world, true));
}

#[test]
fn the_sections_are_the_same_bytes_on_both_databases_and_sheets_of_the_workbook() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let key = folder.path().join("log.key");
    std::fs::write(&key, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n").expect("a file");
    let mut setup = before().with_shards(1);
    setup.settings.log_key_file = Some(key);
    let files: RefCell<Vec<Vec<Vec<u8>>>> = RefCell::default();
    both_with(&setup, |world| {
        play_all(world, false);
        let wanted = [MAY, JUNE, JULY]
            .into_iter()
            .flat_map(|cycle| ["bank", "brand", "clearing"].map(|party| (cycle, party)));
        let all = wanted.map(|(cycle, party)| file(&world.operator, cycle, party, ""));
        files.borrow_mut().push(all.collect());
        let book = file(&world.operator, JUNE, "brand", "?format=xlsx");
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).expect("a workbook");
        for (sheet, column) in
            [("points", "split.pending"), ("breakage", "month"), ("funding", "share")]
        {
            let sheet = book.worksheet_range(sheet).expect("a sheet");
            let head = sheet.rows().next().expect("a row");
            assert!(head.contains(&Data::String(column.to_owned())), "{column} of {head:?}");
        }
    });
    let files = files.into_inner();
    assert!(files[0] == files[1], "the files differ");
}
