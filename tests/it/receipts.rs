//! Signed receipts as the server gives them, and what they prove of a statement that it signed.

use coalition::domain::ids::PartyId;
use coalition::store::schema::transactions;
use coalition::store::{Database, Use, log_key};
use coalition_partner::proof::{Fault, Kept, VerifierKey, verify_receipts, verify_statement};
use coalition_partner::{Algorithm, Client};
use diesel::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::caller::Caller;
use crate::month::{self, JULY, JUNE, MAY, NETS, file, settle};
use crate::support::{Club, World, both, both_with, code_of, purchase, text};

fn key(caller: &Caller) -> VerifierKey {
    let answer: Value = caller.get("/v1/log-key").json().expect("it is JSON");
    text(&answer, "key").parse().expect("it is a verifier key")
}

fn open(world: &World) -> Database {
    let address = world.settings.address().expect("the address is one");
    address.open(Use::Write).expect("it can be written")
}

/// All transactions there are, the house's too.
fn all_ids(world: &World) -> Vec<String> {
    let select = transactions::table
        .select((transactions::shard, transactions::seq))
        .order((transactions::shard, transactions::seq));
    let rows: Vec<(i64, i64)> = match &mut open(world) {
        Database::Sqlite(one) => select.load(one),
        Database::Postgres(one) => select.load(one),
    }
    .expect("they can be read");
    rows.into_iter().map(|(shard, seq)| format!("tx_{shard}_{seq}")).collect()
}

/// All receipts that a party may have, one by one.
fn receipts(world: &World, party: &str) -> String {
    let caller = world.party(party);
    let mut notes = String::new();
    for id in all_ids(world) {
        let answer = caller.get(&format!("/v1/transactions/{id}/receipt"));
        match answer.status {
            200 => notes += &answer.text(),
            status => assert_eq!(status, 404, "{id}: {}", answer.text()),
        }
    }
    notes
}

#[test]
fn statements_have_the_lines_of_all_receipts_and_no_others() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        month::play_july(world);
        world.move_to("2025-08-01T09:00:00Z");
        settle(world, JULY);
        for (party, _) in NETS {
            let caller = world.party(party);
            let notes = receipts(world, party);
            let mut of_cycles = 0;
            let mut all = 0;
            for cycle in [MAY, JUNE, JULY] {
                // The payment system has no agreement: without a line it gets no statement.
                if party == "scheme" && cycle != JUNE {
                    continue;
                }
                let statement = file(caller, cycle, party, "");
                let (verified, kept) =
                    verify_receipts(&statement[..], notes.as_bytes(), &key(caller))
                        .unwrap_or_else(|finding| panic!("{cycle}/{party}: {finding}"));
                let lines = usize::try_from(verified.lines).expect("few");
                assert_eq!(kept.lines, lines, "{cycle}/{party}: each line has its receipt");
                of_cycles += kept.lines;
                all = kept.lines + kept.of_other_cycles;
            }
            assert!(all > 0, "{party}");
            assert_eq!(of_cycles, all, "{party}: each entry has its cycle");
        }
        // Another party's receipts are of no use here.
        let (bank, shop) = (world.party("bank"), receipts(world, "shop"));
        let statement = file(bank, JUNE, "bank", "");
        let finding = verify_receipts(&statement[..], shop.as_bytes(), &key(bank));
        let finding = finding.expect_err("they are the shop's").to_string();
        assert!(finding.contains("party is shop and should be bank"), "{finding}");
    });
}

/// A text of JSON whose list of a name has nothing in it any more.
fn emptied(text: &str, name: &str) -> String {
    let begin = format!("\"{name}\":[");
    let from = text.find(&begin).expect("there is such a list") + begin.len();
    let to = from + text[from..].find("],\n").expect("it ends");
    format!("{}{}", &text[..from], &text[to..])
}

/// The only line of a party's statement taken out, everything that is said of it put right, and all
/// signed by the operator as if it had never been.
fn without_its_line(world: &World, party: &str) -> Vec<u8> {
    let honest = String::from_utf8(file(world.party(party), JUNE, party, "")).expect("UTF-8");
    let (before, rest) = honest.split_once("\"lines\":[\n").expect("it has lines");
    let (line, rest) = rest.split_once("\n],\n").expect("the lines end");
    assert!(line.starts_with("{\"line_no\":1,") && !line.contains('\n'), "{line}");
    let (after, _) = rest.rsplit_once(",\n\"signature\":").expect("it is signed");
    let nothing = |text: &str| text.replace("-6400.00", "6400.00").replace("6400.00", "0.00");
    let (control, tail) = (after.find("\"control\":").expect("a control"), nothing(after));
    assert!(after[control..].contains("\"lines\":1"), "{after}");
    let by_type = tail.find("\"by_type\":{").expect("types") + "\"by_type\":{".len();
    let end = by_type + tail[by_type..].find("}}").expect("one type") + 1;
    let tail = format!("{}{}", &tail[..by_type], &tail[end..])
        .replace("\"lines\":1", "\"lines\":0")
        .replace("\"points\":\"20000\"", "\"points\":\"0\"");
    let (before, tail) = (emptied(&nothing(before), "matrix"), emptied(&tail, "cash"));
    let body = format!("{before}\"lines\":[\n],\n{tail}");
    let operator: PartyId = "clearing".parse().expect("a name");
    let signer = log_key::signer(&mut open(world), &operator).expect("it has a key");
    let digest = hex::encode(Sha256::digest(&body));
    let note =
        signer.sign(&format!("clearing/statement/{JUNE}/{party}\nsha256 {digest}\nlines 0\n"));
    format!("{body},\n\"signature\":{}}}\n", json!(note)).into_bytes()
}

#[test]
fn an_operator_that_leaves_a_line_out_is_convicted_by_its_receipt() {
    both_with(&month::before(), |world| {
        let posted = month::until_june_is_published(world);
        let scheme = world.party("scheme");
        let receipt = scheme.get(&format!("/v1/transactions/{}/receipt", posted[4])).text();
        let honest = file(scheme, JUNE, "scheme", "");
        let (_, kept) = verify_receipts(&honest[..], receipt.as_bytes(), &key(scheme))
            .expect("the honest one keeps it");
        assert_eq!(kept, Kept { receipts: 1, lines: 1, of_other_cycles: 0 });
        let short = without_its_line(world, "scheme");
        let verified = verify_statement(&short[..], &key(scheme)).expect("by itself it is right");
        assert_eq!((verified.lines, verified.debit.as_str()), (0, "0.00"));
        let finding = verify_receipts(&short[..], receipt.as_bytes(), &key(scheme));
        let finding = finding.expect_err("it is found");
        let told = matches!(&finding.fault, Fault::Omitted { entry, others: 0 }
            if entry.starts_with(&posted[4]));
        assert!(told, "{finding}");
    });
}

#[test]
fn a_receipt_is_the_same_to_the_byte_after_a_restart_and_on_the_other_database() {
    let mut on_both = Vec::new();
    for database in ["SQLite", "PostgreSQL"] {
        let mut world = World::new(&month::before().with_shards(1), database);
        // The same operator: with the same key.
        let set = "UPDATE settings SET value = 'BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=' \
                   WHERE name = 'log_key'";
        match &mut open(&world) {
            Database::Sqlite(one) => diesel::sql_query(set).execute(one),
            Database::Postgres(one) => diesel::sql_query(set).execute(one),
        }
        .expect("it can be set");
        world.restart();
        month::until_june_is_published(&mut world);
        let notes: Vec<String> = NETS.iter().map(|(party, _)| receipts(&world, party)).collect();
        world.restart();
        world.move_to("2025-07-05T09:00:00Z");
        for ((party, _), notes) in NETS.iter().zip(&notes) {
            assert_eq!(receipts(&world, party), *notes, "{party} on {database}");
        }
        on_both.push(notes);
        world.close();
    }
    assert_eq!(on_both[0], on_both[1]);
}

#[test]
fn a_receipt_is_for_who_posted_and_for_the_sides_of_its_money() {
    both(|world| {
        let Club { anna } = Club::new(world);
        world.add_party("stranger", "retailer");
        let shares = json!([{"party": "shop", "share": "0.5"}, {"party": "bank", "share": "0.5"}]);
        world.add_agreement(&json!({
            "programme": "club", "party": "shop",
            "earn": {"funding": shares, "price_per_point": "1.00", "fee_per_point": "0.02"}
        }));
        let id = text(&world.accept("shop", &purchase("R-1", &anna, "1000.00")), "id");
        let target = format!("/v1/transactions/{id}/receipt");
        let lines = |text: &str| {
            let lines = text.lines().filter_map(|line| line.strip_prefix("entry "));
            lines.map(|line| line.strip_prefix(&id).unwrap_or(line).to_owned()).collect::<Vec<_>>()
        };
        for (party, due) in [
            ("shop", vec!["/1 2025-03-03 debit 50.00", "/3 2025-03-03 debit 2.00"]),
            ("bank", vec!["/2 2025-03-03 debit 50.00"]),
            ("brand", vec!["/1 2025-03-03 credit 50.00", "/2 2025-03-03 credit 50.00"]),
        ] {
            let own = world.party(party).get(&target);
            assert_eq!(own.status, 200, "{party}: {}", own.text());
            assert_eq!(lines(&own.text()), due, "{party}");
            assert!(own.text().contains(&format!("\nparty {party}\n")), "{}", own.text());
            let named = world.party(party).get(&format!("{target}?party={party}"));
            assert_eq!(named.body, own.body);
            for staff in [&world.operator, &world.auditor(), &world.finance()] {
                assert_eq!(staff.get(&format!("{target}?party={party}")).body, own.body);
            }
        }
        assert_eq!(world.party("stranger").get(&target).status, 404);
        assert_eq!(world.party("bank").get(&format!("{target}?party=shop")).status, 404);
        assert_eq!(world.operator.get(&format!("{target}?party=stranger")).status, 404);
        assert_eq!(world.operator.get(&format!("{target}?party=nobody")).status, 404);
        let unnamed = world.operator.get(&target);
        assert_eq!((unnamed.status, code_of(&unnamed).as_str()), (400, "invalid_request"));
        for unknown in ["tx_0_9999", "tx_900_1", "tx_0_0", "nonsense"] {
            let answer = world.party("shop").get(&format!("/v1/transactions/{unknown}/receipt"));
            assert_eq!(answer.status, 404, "{unknown}");
        }
    });
}

#[test]
fn many_receipts_are_one_after_the_other_or_none_at_all() {
    both(|world| {
        let Club { anna } = Club::new(world);
        let mut ids = Vec::new();
        for number in 1..=5 {
            let posted = world.accept("shop", &purchase(&format!("R-{number}"), &anna, "70.00"));
            ids.push(text(&posted, "id"));
        }
        let banks = text(&world.accept("bank", &purchase("B-1", &anna, "70.00")), "id");
        let shop = world.party("shop");
        let each: String = ids
            .iter()
            .rev()
            .map(|id| shop.get(&format!("/v1/transactions/{id}/receipt")).text())
            .collect();
        let ask = |caller: &Caller, body: &Value| caller.post("/v1/receipts", "again", body);
        ids.reverse();
        let all = ask(shop, &json!({"transactions": ids}));
        assert_eq!((all.status, all.text()), (200, each.clone()));
        let by_operator = json!({"transactions": ids, "party": "shop"});
        assert_eq!(ask(&world.operator, &by_operator).text(), each);
        assert_eq!(ask(world.party("bank"), &by_operator).status, 404);
        // The SDK's way in.
        let signing = match shop.credentials() {
            coalition_partner::Credentials::Signature(key) => key.clone(),
            _ => unreachable!("a party signs"),
        };
        assert_eq!(signing.algorithm(), Algorithm::HmacSha256);
        let client = Client::new(&world.url(), signing).expect("the address is one");
        assert_eq!(client.receipts(&ids).expect("they are its own"), each);
        assert!(each.starts_with(&client.receipt(&ids[0]).expect("it is its own")));
        ids.push(banks);
        assert_eq!(ask(shop, &json!({"transactions": ids})).status, 404, "one is the bank's");
        let many = vec![ids[0].clone(); 1_001];
        for (body, status) in [
            (json!({"transactions": []}), 400),
            (json!({"transactions": many}), 400),
            (json!({"transactions": many[1..]}), 200),
            (json!({"transactions": ["R-1"]}), 404),
            (json!({"ids": ids}), 400),
        ] {
            assert_eq!(ask(shop, &body).status, status, "{body}");
        }
    });
}

#[test]
fn what_was_changed_after_it_was_recorded_gets_no_receipt() {
    both(|world| {
        let Club { anna } = Club::new(world);
        let id = text(&world.accept("shop", &purchase("R-1", &anna, "1000.00")), "id");
        let set = |from: &str, to: &str| {
            let set =
                format!("UPDATE transactions SET content = replace(content, '{from}', '{to}')");
            match &mut open(world) {
                Database::Sqlite(one) => diesel::sql_query(set).execute(one),
                Database::Postgres(one) => diesel::sql_query(set).execute(one),
            }
            .expect("it can be edited");
        };
        set("R-1", "R-7");
        let refused = world.party("shop").get(&format!("/v1/transactions/{id}/receipt"));
        assert_eq!((refused.status, code_of(&refused).as_str()), (500, "ledger_differs"));
        set("R-7", "R-1");
        let answer = world.party("shop").get(&format!("/v1/transactions/{id}/receipt"));
        assert_eq!(answer.status, 200, "{}", answer.text());
    });
}
