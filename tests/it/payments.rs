//! Payments of a cycle: instructed, written to files, found at the bank, settled.

use std::path::PathBuf;
use std::process::Command;

use coalition::audit::audit;
use coalition::domain::amount::Money;
use coalition::store::{Use, payments};
use coalition_partner::{Answer, Outgoing};
use serde_json::{Value, json};

use crate::bank::{
    DAY, OWN, account, agree, by_hand, camt, finance, get, import, instruct, instructed, line,
    open_accounts, open_items, outcomes, put_account, references, send, states, trade,
};
use crate::caller::Caller;
use crate::support::{World, both_with, code_of, purchase, text};

fn instruct_refused(world: &World) -> (u16, String) {
    let target = format!("/v1/cycles/{DAY}/instruct");
    let answer = finance(world, "anna").post(&target, &world.new_key(), &json!({}));
    (answer.status, code_of(&answer))
}

#[test]
fn a_cycle_is_instructed_paid_and_settled() {
    both_with(&by_hand(), |world| {
        trade(world);
        open_accounts(world);
        assert_eq!(instruct_refused(world), (404, "not_found".to_owned()));
        let close = format!("/v1/cycles/{DAY}/close");
        assert_eq!(world.operator.post(&close, "c", &json!({})).status, 200);
        assert_eq!(instruct_refused(world), (409, "wrong_cycle_state".to_owned()));
        agree(world, DAY);
        let payments = instruct(world, DAY);
        assert_eq!(instruct(world, DAY), payments, "doing it again changes nothing");
        assert_eq!(payments["state"], "instructed");
        let told: Vec<[&Value; 4]> = payments["data"]
            .as_array()
            .expect("there are payments")
            .iter()
            .map(|one| [&one["party"], &one["direction"], &one["amount"], &one["due"]])
            .collect();
        let due = "2025-03-04";
        assert_eq!(
            json!(told),
            json!([
                ["bank", "collect", "510.00", due],
                ["brand", "pay_out", "1500.00", due],
                ["clearing", "pay_out", "30.00", due],
                ["shop", "collect", "1020.00", due]
            ])
        );
        let refs = references(&payments);
        let first = import(
            world,
            &[line("1", "510.00", &refs["bank"]), line("2", "1020.00", &refs["shop"])],
        );
        assert_eq!(outcomes(&first), ["settles", "settles"]);
        let accounts = get(world, "/v1/clearing-accounts");
        assert_eq!(accounts["data"][0]["balance"], "1530.00");
        assert_eq!(accounts["data"][0]["missing"][0]["party"], "brand");
        // The next file has an entry of the first one too.
        let lines = [line("2", "1020.00", &refs["shop"]), line("3", "-1500.00", &refs["brand"])];
        let second = import(world, &lines);
        assert_eq!((&second["repeated"], &second["settled"]), (&json!(1), &json!([DAY])));
        let (states, cycle) = states(world);
        assert!(states.values().all(|state| state == "paid"), "{states:?}");
        assert_eq!(cycle, "settled");
        let accounts = get(world, "/v1/clearing-accounts");
        assert_eq!((&accounts["data"], &accounts["suspense"]), (&json!([]), &json!("0.00")));
        assert_eq!(get(world, "/v1/clearing-accounts?all=true")["data"][0]["balance"], "0.00");
        let again = import(world, &lines);
        assert_eq!((&again["repeated"], &again["booked"]), (&json!(2), &json!([])));
        assert!(open_items(world).is_empty());
        let events = get(world, &format!("/v1/cycles/{DAY}"))["events"].clone();
        let last: Vec<&Value> = events.as_array().expect("events").iter().rev().take(2).collect();
        assert_eq!((&last[0]["state"], &last[0]["by"]), (&json!("settled"), &json!("anna")));
        assert_eq!(last[1]["state"], "instructed");
    });
}

/// The clearing accounts as a browser asks for them.
fn page(caller: &Caller, target: &str) -> Answer {
    let accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
    caller.send(&Outgoing { headers: &[("Accept", accept)], ..Outgoing::get(target) })
}

#[test]
fn a_page_shows_which_accounts_have_not_come_back_to_zero() {
    both_with(&by_hand(), |world| {
        let target = "/v1/clearing-accounts";
        let club = trade(world);
        world.accept("shop", &purchase("R-9", &club.anna, "100.00"));
        open_accounts(world);
        world.move_to("2025-03-07T09:00:00Z");
        for day in [DAY, "2025-03-04"] {
            agree(world, day);
        }
        let refs = references(&instruct(world, DAY));
        let late = references(&instruct(world, "2025-03-04"));
        let (shop, brand) = (late["shop"].as_str(), late["brand"].as_str());
        let lines = [line("1", "510.00", &refs["bank"]), line("2", "9.00", "")];
        import(world, &lines);
        import(world, &[line("3", "10.20", shop), line("4", "-10.00", brand)]);
        let shown = page(&world.finance(), target);
        assert_eq!(shown.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(shown.header("vary"), Some("Accept"));
        let text = shown.text();
        let open = "<td>2025-03-03</td><td>on its way</td><td><strong>510.00 RUB</strong></td>";
        let shop = format!(
            "<td>shop</td><td>pays, <code>{}</code></td><td>1020.00</td><td>2025-03-04</td>\
             <td>3 days late</td>",
            refs["shop"]
        );
        let parts = [
            "1 account is not at zero",
            "<strong>9.00 RUB</strong>",
            &format!("{open}{shop}"),
            "<td>2025-03-04</td><td>settled</td><td>0.00 RUB</td>",
        ];
        let places = parts.map(|part| text.find(part).unwrap_or_else(|| panic!("{part}: {text}")));
        assert!(places.is_sorted(), "those at zero come last: {text}");
        assert!(!text.contains("<script") && !text.contains("href="), "{text}");
        // The page is for whom the figures are for; a program still gets them.
        assert_eq!(page(&world.auditor(), target).text(), text);
        let refused = page(&world.party("shop").clone(), target);
        assert_eq!((refused.status, code_of(&refused).as_str()), (401, "token_invalid"));
        let figures = world.finance().get(target);
        assert_eq!(figures.header("content-type"), Some("application/json"));
        assert_eq!(figures.header("vary"), Some("Accept"));
    });
}

#[test]
fn a_cycle_in_which_nothing_is_owed_is_settled_at_once() {
    both_with(&by_hand(), |world| {
        world.move_to("2025-03-04T09:00:00Z");
        agree(world, DAY);
        let payments = instruct(world, DAY);
        assert_eq!((&payments["state"], &payments["data"]), (&json!("settled"), &json!([])));
    });
}

#[test]
fn a_party_sees_its_own_payments_and_only_finance_settles() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let target = format!("/v1/cycles/{DAY}/payments");
        let seen: Value = world.party("shop").get(&target).json().expect("it is JSON");
        let own = seen["data"].as_array().expect("there are payments");
        assert_eq!((own.len(), &own[0]["reference"]), (1, &json!(refs["shop"])));
        let file = world.party("shop").get(&format!("{target}?format=pain.001"));
        assert_eq!((file.status, code_of(&file).as_str()), (403, "role_not_allowed"));
        let nothing = json!({});
        for step in [format!("/v1/cycles/{DAY}/instruct"), "/v1/open-items/item_1/return".into()] {
            assert_eq!(world.auditor().post(&step, "k", &nothing).status, 403, "{step}");
            assert_eq!(world.party("shop").post(&step, "k", &nothing).status, 401, "{step}");
        }
        let file = camt(OWN, &[line("1", "510.00", &refs["bank"])]);
        assert_eq!(send(&world.auditor(), &file).status, 403);
        assert_eq!(world.party("shop").get("/v1/open-items").status, 401);
        assert_eq!(world.party("shop").get("/v1/clearing-accounts").status, 401);
        assert_eq!(world.auditor().get("/v1/clearing-accounts").status, 200);
        assert_eq!(finance(world, "anna").get("/v1/cycles/2025-03-02/payments").status, 404);
    });
}

#[test]
fn files_for_a_bank_have_what_is_to_be_paid_out() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let finance = finance(world, "anna");
        let file = |form: &str| finance.get(&format!("/v1/cycles/{DAY}/payments?format={form}"));
        let pain = file("pain.001");
        assert_eq!(pain.status, 200, "{}", pain.text());
        assert_valid(&pain.text());
        for part in [refs["brand"].as_str(), "<CtrlSum>1500.00</CtrlSum>", "<NbOfTxs>1</NbOfTxs>"] {
            assert!(pain.text().contains(part), "{part}: {}", pain.text());
        }
        assert!(!pain.text().contains(&refs["clearing"]), "it pays itself nothing");
        assert!(file("list").text().contains("Total:     1500.00 RUB"));
        let client_bank = file("1c");
        assert_eq!(&client_bank.body[..20], b"1CClientBankExchange");
        assert_eq!(file("mt103").status, 400);
        // What was paid is in no file; who has no account is left out, and that is said.
        import(world, &[line("1", "-1000.00", &refs["brand"])]);
        assert!(file("list").text().contains("Total:     500.00 RUB"));
        import(world, &[line("2", "-500.00", &refs["brand"])]);
        let none = file("list");
        assert_eq!((none.status, code_of(&none).as_str()), (422, "nothing_to_pay"));
    });
}

/// Validates a file against the published schema, with libxml2's own tool; says so if it cannot.
fn assert_valid(file: &str) {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("COALITION_SHARED").map_or_else(beside, PathBuf::from);
    let schema = shared.join("data/iso20022/pain.001.001.09.xsd");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("file.xml");
    std::fs::write(&path, file).expect("the file can be written");
    let options = ["--noout", "--nonet", "--schema"];
    match Command::new("xmllint").args(options).arg(&schema).arg(&path).output() {
        Ok(output) if schema.is_file() => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{said}\n{file}");
        }
        // The schemas are no part of the repository.
        Ok(_) => eprintln!("SKIPPED: no {}; nothing was validated", schema.display()),
        Err(error) => {
            let is_required = std::env::var("COALITION_TOOLS").is_ok_and(|it| it == "required");
            assert!(!is_required, "xmllint is missing; .ci/tools installs it: {error}");
            eprintln!("no xmllint; nothing was validated");
        }
    }
}

#[test]
fn a_party_without_an_account_is_left_out_and_a_wrong_account_is_refused() {
    both_with(&by_hand(), |world| {
        let club = trade(world);
        // The bank is owed on this day.
        let mut burning = purchase("B-2", &club.anna, "100.00");
        burning["burn"] = json!("50");
        world.accept("bank", &burning);
        world.move_to("2025-03-05T09:00:00Z");
        agree(world, "2025-03-03");
        agree(world, "2025-03-04");
        let payments = instruct(world, "2025-03-04");
        let bank = &references(&payments)["bank"];
        let finance = finance(world, "anna");
        let file = || finance.get("/v1/cycles/2025-03-04/payments?format=list");
        assert_eq!(payments["data"][0]["account_missing"], true, "{payments}");
        assert_eq!(code_of(&file()), "nothing_to_pay");
        let wrong = account("bank", "40702810100000000002", "044525111");
        let refused = put_account(world, "bank", "bank", &wrong);
        assert!(refused.status == 400 && refused.text().contains("/account/number"));
        let right = account("bank", "40702810500000000002", "044525111");
        assert_eq!(put_account(world, "bank", "retailer", &right).status, 400, "another kind");
        assert_eq!(put_account(world, "bank", "bank", &right).status, 201);
        assert_eq!(code_of(&file()), "own_account_missing");
        open_accounts(world);
        assert!(file().text().contains(bank.as_str()));
        assert_eq!(file().header("coalition-left-out"), None);
        let parties = get(world, "/v1/parties");
        let parties = parties["data"].as_array().expect("there are parties");
        let shown = parties.iter().find(|one| one["id"] == "bank").expect("it is there");
        assert_eq!(shown["account"]["number"], "40702810500000000002");
    });
}

#[test]
fn what_was_paid_frees_a_credit_line() {
    both_with(&by_hand(), |world| {
        let club = trade(world);
        let limited = |line: &str| {
            json!({
                "programme": "club", "party": "shop", "credit_line": line,
                "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00",
                    "fee_per_point": "0.02"},
                "burn": {"reimburse_per_point": "1.00"}
            })
        };
        world.add_agreement(&limited("1500.00"));
        open_accounts(world);
        agree(world, DAY);
        let refs = references(&instruct(world, DAY));
        let sale = |name: &str| purchase(name, &club.anna, "5000.00");
        let refused = (422, "limit_exceeded".to_owned());
        assert_eq!(world.refuse("shop", &sale("R-2")), refused, "1,020 and 510 are above 1,500");
        import(world, &[line("1", "100.00", &refs["shop"])]);
        world.accept("shop", &sale("R-2"));
        assert_eq!(world.refuse("shop", &sale("R-3")), refused);
        // A limit that is new counts what was paid of a cycle that is on its way.
        world.add_agreement(&json!({
            "programme": "club", "party": "shop",
            "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00",
                "fee_per_point": "0.02"},
            "burn": {"reimburse_per_point": "1.00"}
        }));
        world.add_agreement(&limited("1939.99"));
        assert_eq!(world.refuse("shop", &sale("R-3")), refused);
        world.add_agreement(&limited("1940.00"));
        world.accept("shop", &sale("R-3"));
        // What came back is owed again.
        import(world, &[line("2", "920.00", &refs["shop"])]);
        world.accept("shop", &sale("R-4"));
        import(world, &[line("3", "-920.00", &refs["shop"])]);
        assert_eq!(world.refuse("shop", &purchase("R-5", &club.anna, "10.00")), refused);
    });
}

#[test]
fn files_that_come_at_once_are_booked_once() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let file = camt(OWN, &[line("1", "510.00", &refs["bank"]), line("2", "7.00", "")]);
        let finance = finance(world, "anna");
        let booked: usize = std::thread::scope(|scope| {
            let sending = (0..4).map(|_| scope.spawn(|| send(&finance, &file)));
            let sending: Vec<_> = sending.collect();
            let reports = sending.into_iter().map(|one| one.join().expect("it ends"));
            reports
                .map(|answer| {
                    assert_eq!(answer.status, 200, "{}", answer.text());
                    outcomes(&answer.json().expect("it is JSON")).len()
                })
                .sum()
        });
        assert_eq!(booked, 2);
        assert_eq!(states(world).0["bank"], "paid");
        assert_eq!(open_items(world).len(), 1);
    });
}

#[test]
fn a_file_that_is_not_ours_is_not_taken() {
    let mut setup = by_hand();
    setup.settings.bulk_bytes_max = 256 * 1024;
    both_with(&setup, |world| {
        let refs = instructed(world);
        let finance = finance(world, "anna");
        let lines = [line("1", "510.00", &refs["bank"])];
        let other = send(&finance, &camt("40702810200000000001", &lines));
        assert_eq!((other.status, code_of(&other).as_str()), (422, "other_account"));
        for file in ["", "<a/>", "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"] {
            let answer = send(&finance, file);
            assert_eq!((answer.status, code_of(&answer).as_str()), (400, "invalid_request"));
        }
        let json = finance.post("/v1/bank-statements", "k", &json!({}));
        assert_eq!((json.status, code_of(&json).as_str()), (415, "unsupported_media_type"));
        let long = " ".repeat(256 * 1024 + 1);
        assert_eq!(send(&finance, &long).status, 413);
        let large = camt(OWN, &lines) + &" ".repeat(200_000);
        let answer = send(&finance, &large);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let view = get(world, &format!("/v1/cycles/{DAY}/payments"));
        let entry = &view["data"][0]["entries"][0];
        assert_eq!(
            (text(entry, "amount"), text(entry, "side")),
            ("510.00".into(), "credit".into())
        );
    });
}

#[test]
fn the_audit_sees_money_that_no_posting_moved() {
    both_with(&by_hand(), |world| {
        instructed(world);
        let address = world.settings.address().expect("the address is one");
        let mut database = address.open(Use::Write).expect("the database can be written");
        let cycle = DAY.parse().expect("a cycle");
        let mut payments = payments::of_cycle(&mut database, &cycle).expect("they can be read");
        let mut book = |amount| {
            payments[0].paid = Money(amount);
            payments::save(&mut database, &payments[0]).expect("it can be saved");
            audit(&address).expect("it can be audited").difference.unwrap_or_default()
        };
        assert!(book(1).starts_with("clearing of cycle 2025-03-03"), "{}", book(1));
        assert_eq!(book(0), "");
    });
}
