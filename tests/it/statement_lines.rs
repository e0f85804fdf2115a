//! What the lines of statements say: tills, funders, issuers of lots, percentages, directions of
//! exchanges, disputes and proofs, the same in JSON, CSV and XLSX.

use std::collections::BTreeMap;
use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use coalition_partner::proof::{VerifierKey, verify_inclusion_of};
use serde_json::{Value, json};

use crate::month::{JUNE, before, file, settle, statement, step};
use crate::support::{World, both_with, code_of, purchase, text};

const ANNA: &str = "phone:+79160000070";

fn set_up(world: &mut World) {
    let kinds = [
        ("brand", "brand"),
        ("air", "brand"),
        ("shop", "retailer"),
        ("bank", "bank"),
        ("scheme", "payment_system"),
    ];
    for (id, kind) in kinds {
        world.add_party(id, kind);
    }
    world.put(
        "/v1/schedules/monthly",
        &json!({"period": "monthly", "cut_off": "21:00", "dispute_reserves": true}),
    );
    for (id, brand) in [("club", "brand"), ("miles", "air")] {
        world.add_programme(&json!({
            "id": id, "brand": brand, "unit": {"name": "point", "scale": 0}, "point_value": "1.00",
            "earn": {"rate": "0.10"}, "expire": {"months": 24}, "burn": {"max_share": "1"}
        }));
    }
    let agreed = [
        (
            "shop",
            json!({"earn": {"funding": [{"party": "shop", "share": "1"}],
                "price_per_point": "0.80", "percentage": "0.90"},
                "burn": {"reimburse_per_point": "0.95"}}),
        ),
        (
            "bank",
            json!({"grant": {"funding": [{"party": "bank", "share": "0.5"},
                {"party": "scheme", "share": "0.5"}],
                "price_per_point": "0.60", "percentage": "0.50", "settle": "at_burn"}}),
        ),
    ];
    for (party, mut agreement) in agreed {
        agreement["programme"] = json!("club");
        agreement["party"] = json!(party);
        agreement["schedule"] = json!("monthly");
        world.add_agreement(&agreement);
    }
    world.put(
        "/v1/exchanges/club/miles",
        &json!({"from": "club", "to": "miles", "rate": "1", "price_per_point": "0.70"}),
    );
    world.add_member(&json!({"phone": "+79160000070"}));
}

fn till(receipt: &str) -> Value {
    json!({"shop": "S-12", "till": "3", "shift": "418", "receipt": receipt,
        "fiscal_sign": "3522207165"})
}

/// A month of two receipts, a grant that is paid for when it is burned, and a capture; the ids of the
/// transactions.
fn play(world: &World) -> Vec<String> {
    let mut first = purchase("R-1", ANNA, "1000.00");
    (first["till"], first["at"]) = (till("77"), json!("2025-06-02T10:30:00+03:00"));
    let mut back = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "100.00"});
    back["till"] = json!({"shop": "S-13", "receipt": "=1+1"});
    let mut second = purchase("R-2", ANNA, "40.00");
    (second["burn"], second["till"]) = (json!("40"), json!({}));
    let points = |kind: &str, reference: &str, points: &str| {
        json!({"kind": kind, "ref": reference, "programme": "club", "member": ANNA,
            "points": points})
    };
    let mut grant = points("grant", "G-1", "60");
    grant["valid_through"] = json!("2025-09-01");
    let posts = [
        ("shop", first),
        ("shop", back),
        ("bank", grant),
        ("shop", second),
        ("shop", points("hold", "H-1", "20")),
        ("shop", json!({"kind": "capture", "of": "H-1", "till": {"till": "9"}})),
    ];
    world.move_to("2025-06-02T09:00:00Z");
    posts.iter().map(|(party, body)| text(&world.accept(party, body), "id")).collect()
}

/// A line's cells by their columns, in one of the forms.
type Cells = BTreeMap<String, String>;

fn csv_lines(bytes: &[u8]) -> Vec<Cells> {
    let mut reader =
        csv::ReaderBuilder::new().delimiter(b';').comment(Some(b'#')).from_reader(bytes);
    reader.deserialize().map(|row| row.expect("a row")).collect()
}

fn xlsx_lines(bytes: &[u8]) -> Vec<Cells> {
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).expect("a workbook");
    let checks = book.worksheet_range("checks").expect("a sheet");
    let differing = checks.rows().flatten().any(|cell| *cell == *"DIFFERS");
    assert!(!differing, "{checks:?}");
    let lines = book.worksheet_range("lines").expect("a sheet");
    let mut rows = lines.rows().map(|row| row.iter().map(Data::to_string).collect::<Vec<_>>());
    let head = rows.next().expect("a header row");
    rows.map(|row| head.iter().cloned().zip(row).collect()).collect()
}

const MORE: [&str; 11] = [
    "record_type",
    "tz",
    "shop",
    "till",
    "shift",
    "receipt",
    "fiscal_sign",
    "funder",
    "lot_issuer",
    "status",
    "proof",
];

/// The same of a line in JSON.
fn of_json(line: &Value, column: &str) -> String {
    let (entry, till) = (&line["entry"], &line["entry"]["till"]);
    let value = match column {
        "shop" | "till" | "shift" | "receipt" | "fiscal_sign" => &till[column],
        "percentage" => &entry["percentage"],
        other => &line[other],
    };
    value.as_str().unwrap_or_default().to_owned()
}

/// A party's lines as JSON, after the other forms said the same.
fn lines(world: &World, party: &str) -> Vec<Value> {
    let caller = world.party(party);
    let json = statement(caller, JUNE, party)["lines"].as_array().expect("lines").clone();
    let csv = csv_lines(&file(caller, JUNE, party, "?format=csv"));
    let xlsx = xlsx_lines(&file(caller, JUNE, party, "?format=xlsx"));
    assert_eq!((csv.len(), xlsx.len()), (json.len(), json.len()), "{party}");
    for ((json, csv), xlsx) in json.iter().zip(&csv).zip(&xlsx) {
        for column in MORE.iter().chain(&["dispute_id", "percentage"]) {
            let expected = of_json(json, column);
            assert_eq!(csv[*column].trim_start_matches('\''), expected, "{party} {column}");
            assert_eq!(xlsx[*column], expected, "{party} {column}");
        }
        let before = json["entry"]["price_before"].as_str().or(json["entry"]["price"].as_str());
        assert_eq!(csv["price_per_point"], before.unwrap_or_default());
    }
    json
}

/// What a line says, its fields in a row.
fn told(line: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| line.pointer(field).cloned().unwrap_or(Value::Null)).collect()
}

fn key(world: &World) -> VerifierKey {
    let answer: Value = world.operator.get("/v1/log-key").json().expect("it is JSON");
    text(&answer, "key").parse().expect("it is a verifier key")
}

/// A transaction shows what its till said, and the percentage of its price.
fn assert_shown(world: &World, receipt: &str) {
    let answer = world.party("shop").get(&format!("/v1/transactions/{receipt}"));
    let view: Value = answer.json().expect("it is JSON");
    assert_eq!(view["till"], till("77"));
    let funding = view["postings"].as_array().expect("postings").iter();
    let funding = funding.filter(|one| one["obligation"] == "funding");
    assert_eq!(funding.map(|one| one["percentage"].clone()).collect::<Vec<_>>(), [json!("0.9")]);
}

#[test]
fn lines_say_tills_funders_issuers_and_percentages() {
    both_with(&before(), |world| {
        set_up(world);
        let posted = play(world);
        world.move_to("2025-07-01T09:00:00Z");
        settle(world, JUNE);
        let shop = lines(world, "shop");
        let first = told(
            &shop[0],
            &[
                "/record_type",
                "/tz",
                "/funder",
                "/entry/till/shop",
                "/entry/price_before",
                "/entry/percentage",
                "/entry/price",
                "/gross_debit",
                "/status",
            ],
        );
        assert_eq!(
            first,
            json!([
                "earn",
                "Europe/Moscow",
                "shop",
                "S-12",
                "0.8",
                "0.9",
                "0.72",
                "72.00",
                "posted"
            ])
        );
        let (_, place) = posted[0].rsplit_once('_').expect("an id");
        let index = place.parse::<i64>().expect("a place") - 1;
        let leaf = format!("{}/{index}", posted[0].split('_').nth(1).expect("a shard"));
        assert_eq!(shop[0]["proof"], leaf);
        let returned =
            told(&shop[1], &["/record_type", "/funder", "/entry/till", "/entry/percentage"]);
        let own = json!({"shop": "S-13", "receipt": "=1+1"});
        assert_eq!(returned, json!(["earn_cancel", "shop", own, "0.9"]));
        assert!(shop.iter().any(|line| line["entry"]["till"] == json!({"till": "9"})), "captured");
        assert!(shop[2]["entry"].get("till").is_none(), "an empty till says nothing");
        let bank = lines(world, "bank");
        let burned = told(
            &bank[0],
            &[
                "/record_type",
                "/funder",
                "/lot_issuer",
                "/entry/price_before",
                "/entry/percentage",
                "/entry/obligation",
                "/gross_debit",
            ],
        );
        assert_eq!(burned, json!(["burn", "bank", "bank", "0.6", "0.5", "lot_funding", "6.00"]));
        let scheme = lines(world, "scheme");
        assert_eq!(told(&scheme[0], &["/funder", "/lot_issuer"]), json!(["scheme", "bank"]));
        let brand = lines(world, "brand");
        assert!(brand.iter().all(|line| line["tz"] == "Europe/Moscow"));
        assert_shown(world, &posted[0]);
        for party in ["shop", "bank", "scheme", "brand"] {
            let caller = world.party(party);
            let files = [file(caller, JUNE, party, ""), file(caller, JUNE, party, "/proofs")];
            verify_inclusion_of(&files[0][..], &files[1][..], &key(world))
                .unwrap_or_else(|finding| panic!("{party}: {finding}"));
        }
    });
}

#[test]
fn an_exchange_goes_out_of_one_brand_and_into_the_other() {
    both_with(&before(), |world| {
        set_up(world);
        play(world);
        world.accept(
            "brand",
            &json!({"kind": "exchange", "ref": "X-1", "from": "club", "to": "miles",
                "member": ANNA, "points": "30"}),
        );
        world.move_to("2025-07-01T09:00:00Z");
        // Exchanges are settled by the coalition's own schedule.
        let cycle = "2025-06-02";
        settle(world, cycle);
        let types = |party: &str| -> Vec<String> {
            let found = statement(world.party(party), cycle, party);
            let control = found["control"]["by_type"].as_object().expect("types").clone();
            let lines = found["lines"].as_array().expect("lines").iter();
            let types: Vec<String> = lines.map(|line| text(line, "record_type")).collect();
            assert_eq!(control.keys().cloned().collect::<Vec<_>>(), types);
            let files = [
                file(world.party(party), cycle, party, ""),
                file(world.party(party), cycle, party, "/proofs"),
            ];
            verify_inclusion_of(&files[0][..], &files[1][..], &key(world)).expect("it is honest");
            types
        };
        assert_eq!(types("brand"), ["exchange_out"]);
        assert_eq!(types("air"), ["exchange_in"]);
    });
}

#[test]
fn a_dispute_that_was_open_at_publication_stands_at_its_line_for_ever() {
    both_with(&before(), |world| {
        set_up(world);
        let posted = play(world);
        let line = format!("{}/1", posted[0]);
        let wish = json!({"cycle": JUNE, "kind": "wrong_price", "lines": [line],
            "amount": "5.00", "why": "the price was 0.70"});
        let shop = world.party("shop").clone();
        let opened = shop.post("/v1/disputes", &world.new_key(), &wish);
        assert_eq!(opened.status, 201, "{}", opened.text());
        let id = text(&opened.json().expect("it is JSON"), "id");
        let target = format!("/v1/disputes/{id}/acknowledge");
        assert_eq!(world.operator.post(&target, &world.new_key(), &json!({})).status, 200);
        world.move_to("2025-07-01T09:00:00Z");
        settle(world, JUNE);
        let said = |lines: &[Value]| -> Vec<Value> {
            lines.iter().map(|line| told(line, &["/status", "/dispute_id"])).collect()
        };
        let own = said(&lines(world, "shop"));
        assert_eq!(own[0], json!(["disputed", id]));
        assert!(own[1..].iter().all(|line| *line == json!(["posted", null])), "{own:?}");
        // Whose dispute it is not sees a posted line, and the reserve that follows from the dispute.
        let others = said(&lines(world, "brand"));
        assert!(!others.iter().any(|line| line[0] == "disputed"), "{others:?}");
        assert!(others.contains(&json!(["posted", id])), "the reserve: {others:?}");
        let first = file(&shop, JUNE, "shop", "");
        let target = format!("/v1/disputes/{id}/withdraw");
        let gone = shop.post(&target, &world.new_key(), &json!({"why": "it was right"}));
        assert_eq!(gone.status, 200, "{}", gone.text());
        assert_eq!(file(&shop, JUNE, "shop", ""), first, "a statement never changes");
        assert_eq!(said(&lines(world, "shop")), own);
    });
}

#[test]
fn the_header_says_the_window_in_local_time_and_with_whom() {
    both_with(&before(), |world| {
        set_up(world);
        play(world);
        world.move_to("2025-07-01T09:00:00Z");
        assert_eq!(step(world, JUNE, "close").status, 200);
        assert_eq!(step(world, JUNE, "publish").status, 200);
        let header = &statement(world.party("shop"), JUNE, "shop")["header"];
        let fields =
            ["/layout", "/time_zone", "/cut_off", "/counterparty", "/window", "/opened_at"];
        assert_eq!(
            told(header, &fields),
            json!([2, "Europe/Moscow", "21:00", "clearing",
                {"from": "2025-05-31T21:00:00+03:00", "to": "2025-06-30T21:00:00+03:00"},
                "2025-05-31T18:00:00Z"])
        );
        let book = file(world.party("shop"), JUNE, "shop", "?format=xlsx");
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(book)).expect("a workbook");
        let sheet = book.worksheet_range("header").expect("a sheet");
        let cell =
            |key: &str| sheet.rows().find(|row| row[0] == *key).map(|row| row[1].to_string());
        assert_eq!(cell("window.from").as_deref(), Some("2025-05-31T21:00:00+03:00"));
        assert_eq!(cell("counterparty").as_deref(), Some("clearing"));
    });
}

#[test]
fn a_till_says_little_and_nothing_of_persons() {
    both_with(&before(), |world| {
        set_up(world);
        world.move_to("2025-06-02T09:00:00Z");
        let with = |till: Value| {
            let mut body = purchase("R-9", ANNA, "10.00");
            body["till"] = till;
            world.refuse("shop", &body)
        };
        for bad in [
            json!({"cashier": "Ivanova"}),
            json!({"shop": ""}),
            json!({"shop": "two words"}),
            json!({"receipt": "x".repeat(129)}),
            json!({"till": 3}),
            json!("3"),
        ] {
            assert_eq!(with(bad.clone()), (400, "invalid_request".to_owned()), "{bad}");
        }
        let card = json!({"receipt": "4111111111111111"});
        assert_eq!(with(card), (400, "card_number_refused".to_owned()));
        let grant = json!({"kind": "grant", "ref": "G-9", "programme": "club", "member": ANNA,
            "points": "1", "till": {"till": "3"}});
        assert_eq!(world.refuse("bank", &grant), (400, "invalid_request".to_owned()));
        let mut body = purchase("R-9", ANNA, "10.00");
        body["till"] = json!({"till": "3"});
        let key = world.new_key();
        let post = |body: &Value| world.party("shop").post("/v1/transactions", &key, body);
        assert_eq!(post(&body).status, 201);
        let answer: Value = post(&body).json().expect("it is JSON");
        assert_eq!(answer["till"], json!({"till": "3"}));
        body["till"] = json!({"till": "4"});
        let other = post(&body);
        assert_eq!((other.status, code_of(&other)), (422, "idempotency_key_reused".to_owned()));
    });
}
