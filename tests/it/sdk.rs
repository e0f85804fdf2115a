//! The SDK's calls about payments, parties' own books and disputes, against a running server.

use std::time::{Duration, Instant as Stopwatch};

use coalition_partner::{
    Accepted, Books, Client, Credentials, Error, OperatorClient, RefusalCode, WhichBreaks,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::bank::{DAY, OWN, agree, by_hand, camt, line, open_accounts, references, trade};
use crate::caller::Caller;
use crate::disputes::published;
use crate::lists::{list, profile};
use crate::reconciliation::trade as trade_of_a_list;
use crate::support::{World, both, both_with, text};

/// The SDK's client of a party.
fn client(world: &World, party: &str) -> Client {
    match world.party(party).credentials() {
        Credentials::Signature(key) => Client::new(&world.url(), key.clone()),
        _ => unreachable!("a party signs"),
    }
    .expect("the address is one")
}

/// The SDK's client of somebody with a token.
fn staff(world: &World, caller: &Caller) -> OperatorClient {
    match caller.credentials() {
        Credentials::Bearer(token) => OperatorClient::new(&world.url(), token),
        _ => unreachable!("staff have tokens"),
    }
    .expect("the address is one")
}

fn value(accepted: Result<Accepted<Value>, Error>) -> Value {
    accepted.expect("it is accepted").value
}

/// Status and code of a refusal.
fn refusal(refused: Result<Accepted<Value>, Error>) -> (u16, String) {
    match refused {
        Err(Error::Refused(problem)) => (problem.status, problem.code.to_string()),
        other => panic!("not a refusal: {other:?}"),
    }
}

fn states(view: &Value) -> Vec<&str> {
    let data = view["data"].as_array().expect("there is a list").iter();
    data.map(|one| one["state"].as_str().unwrap_or_default()).collect()
}

#[test]
fn payments_are_made_found_and_followed() {
    both_with(&by_hand(), |world| {
        trade(world);
        open_accounts(world);
        agree(world, DAY);
        let finance = staff(world, &world.finance());
        assert_eq!(
            refusal(staff(world, &world.auditor()).instruct_cycle(DAY)),
            (403, "role_not_allowed".to_owned())
        );
        let made = value(finance.instruct_cycle(DAY));
        assert_eq!(states(&made), ["instructed"; 4]);
        assert_eq!(value(finance.payments(DAY)), made);
        let refs = references(&made);
        let own = value(client(world, "shop").payments(DAY));
        assert_eq!(
            references(&own).into_iter().collect::<Vec<_>>(),
            [("shop".to_owned(), refs["shop"].clone())]
        );
        let file = finance.payment_file(DAY, "1c").expect("it answers");
        assert_eq!((file.status, &file.body[..20]), (200, b"1CClientBankExchange".as_slice()));
        let wrong = finance.payment_file(DAY, "mt103").expect("it answers");
        assert_eq!(wrong.problem().map(|problem| problem.code), Some(RefusalCode::InvalidRequest));

        let lines = [
            line("1", "510.00", ""),
            line("2", "1020.00", &refs["shop"]),
            line("3", "50.00", ""),
            line("4", "-7.00", ""),
        ];
        let file = camt(OWN, &lines);
        let report = value(finance.import_bank_statement(file.as_bytes()));
        assert_eq!(report["booked"].as_array().map(Vec::len), Some(4));
        let again = value(finance.import_bank_statement(file.as_bytes()));
        assert_eq!((&again["repeated"], &again["booked"]), (&json!(4), &json!([])));
        assert_eq!(states(&value(finance.open_items("open"))), ["open"; 3]);
        let none = finance.assign_open_item("item_9", &refs["bank"]);
        assert_eq!(refusal(none).0, 404);
        let ended = [
            finance.assign_open_item("item_1", &refs["bank"]),
            finance.return_open_item("item_2", "paid twice"),
            finance.write_off_open_item("item_3", "bank charges"),
        ];
        for (ended, state) in ended.into_iter().zip(["assigned", "returned", "written_off"]) {
            assert_eq!(value(ended)["state"], state);
        }
        assert_eq!(states(&value(finance.open_items("open"))), [""; 0]);
        assert_eq!(
            states(&value(finance.open_items("all"))),
            ["assigned", "returned", "written_off"]
        );
        let accounts = value(finance.clearing_accounts(false));
        assert_eq!(accounts["data"][0]["balance"], "1530.00");
        let last = camt(OWN, &[line("5", "-1500.00", &refs["brand"])]);
        assert_eq!(value(finance.import_bank_statement(last.as_bytes()))["settled"], json!([DAY]));
        assert_eq!(value(finance.clearing_accounts(false))["data"], json!([]));
        assert_eq!(value(finance.clearing_accounts(true))["data"][0]["balance"], "0.00");
    });
}

/// Waits until a list is compared.
fn compared(books: Books<'_>, id: &str) -> Value {
    let started = Stopwatch::now();
    loop {
        let view = value(books.reconciliation(id));
        if view["state"] != "running" {
            return view;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{view}");
        std::thread::yield_now();
    }
}

#[test]
fn a_list_is_sent_compared_and_its_breaks_are_dealt_with() {
    both(|world| {
        let mut lines = trade_of_a_list(world, 30);
        for (place, more) in [(3, 10_000), (4, 200_000), (5, 300)] {
            lines[place].cents += more;
        }
        let bytes = list("csv", &lines);
        let shop = client(world, "shop");
        let other = client(world, "bank");
        let [anna, boris] = ["anna", "boris"].map(|name| staff(world, &world.finance_named(name)));
        let (books, finance) = (shop.books(), anna.books());
        assert_eq!(value(books.put_profile("shop", &profile("csv")))["version"], 1);
        assert_eq!(value(finance.profile("shop"))["version"], 1);
        assert_eq!(refusal(other.books().profile("shop")).0, 404);

        let begun = value(books.begin(&json!({"cycle": DAY}), "list-1"));
        let again = books.begin(&json!({"cycle": DAY}), "list-1").expect("it is accepted");
        assert!(again.answer.replayed && again.value == begun);
        let id = text(&begun, "id");
        let half = bytes.len() / 2;
        value(books.send_part(&id, 1, &bytes[..half]));
        value(books.send_part(&id, 1, &bytes[..half]));
        assert_eq!(refusal(books.send_part(&id, 1, b"x")), (409, "part_differs".to_owned()));
        assert_eq!(refusal(other.books().send_part(&id, 2, b"x")).0, 404);
        let hash = hex::encode(Sha256::digest(&bytes));
        assert_eq!(refusal(books.run(&id, &hash, false)), (422, "file_incomplete".to_owned()));
        value(books.send_part(&id, 2, &bytes[half..]));
        assert_eq!(value(books.run(&id, &hash, false))["state"], "running");
        assert_eq!(compared(books, &id)["verdict"], "breaks");
        assert_eq!(refusal(other.books().reconciliation(&id)).0, 404);

        let all = value(books.breaks(&id, &WhichBreaks::default()));
        assert_eq!(states(&all), ["open"; 3]);
        let last = WhichBreaks { after: Some("2"), ..WhichBreaks::default() };
        assert_eq!(value(books.breaks(&id, &last))["data"][0]["number"], 3);
        let class = WhichBreaks { class: Some("missing_in_file"), ..WhichBreaks::default() };
        assert_eq!(states(&value(books.breaks(&id, &class))), [""; 0]);
        let explained = json!({"resolution": "explained", "why": "a till's own rounding"});
        let adjusted = json!({"resolution": "adjusted", "why": "the till was offline"});
        assert_eq!(refusal(books.resolve_break((&id, 1), &adjusted, "b-1")).0, 403);
        assert_eq!(value(finance.resolve_break((&id, 1), &adjusted, "b-1"))["state"], "resolved");
        let large = (id.as_str(), 2);
        assert_eq!(value(finance.resolve_break(large, &adjusted, "b-2"))["state"], "proposed");
        let alone = refusal(finance.approve_break(large, "sure", "b-3"));
        assert_eq!(alone, (403, "second_person_needed".to_owned()));
        let back = value(boris.books().send_back_break(large, "ask the shop", "b-4"));
        assert_eq!(back["state"], "open");
        value(finance.resolve_break(large, &adjusted, "b-5"));
        let done = value(boris.books().approve_break(large, "the shop agrees", "b-6"));
        assert_eq!(done["state"], "resolved");
        assert_eq!(value(books.resolve_break((&id, 3), &explained, "b-7"))["state"], "resolved");
        let open = WhichBreaks { state: Some("open"), ..WhichBreaks::default() };
        assert_eq!(states(&value(books.breaks(&id, &open))), [""; 0]);
    });
}

#[test]
fn a_whole_list_is_sent_in_one_call_and_again_after_a_failure() {
    both(|world| {
        let bytes = list("ndjson", &trade_of_a_list(world, 12));
        let shop = client(world, "shop");
        let books = shop.books();
        let request = json!({"cycle": DAY, "profile": profile("ndjson")});
        let first = text(&value(books.begin(&request, "list-1")), "id");
        value(books.send_list(&first, bytes.as_slice()));
        assert_eq!(compared(books, &first)["verdict"], "reconciled");
        let second = text(&value(books.begin(&request, "list-2")), "id");
        value(books.send_part(&second, 1, &bytes));
        let seen = refusal(books.send_list(&second, bytes.as_slice()));
        assert_eq!(seen, (409, "file_already_seen".to_owned()));
        let hash = hex::encode(Sha256::digest(&bytes));
        assert_eq!(refusal(books.run(&second, &hash, true)).0, 403);
        let finance = staff(world, &world.finance());
        value(finance.books().run(&second, &hash, true));
        assert_eq!(compared(books, &second)["verdict"], "reconciled");
        let newest = value(books.reconciliations(None, None));
        assert_eq!(states(&newest), ["done"; 2]);
        let older = value(finance.books().reconciliations(Some("shop"), Some(&second)));
        assert_eq!((states(&older).len(), &older["data"][0]["id"]), (1, &json!(first)));
    });
}

#[test]
fn a_dispute_is_opened_answered_and_approved_by_both_sides() {
    both(|world| {
        let receipt = published(world);
        let (shop, anna) = (client(world, "shop"), staff(world, &world.finance_named("anna")));
        let (claim, answer) = (shop.disputes(), anna.disputes());
        let wish = json!({
            "cycle": DAY, "kind": "wrong_price", "lines": [format!("{receipt}/1")],
            "amount": "60.00", "why": "the price was 0.40"
        });
        let opened = value(claim.open(&wish, "d-1"));
        let again = claim.open(&wish, "d-1").expect("it is accepted");
        assert!(again.answer.replayed && again.value == opened);
        let id = text(&opened, "id");
        let own = refusal(claim.acknowledge(&id, None, None, "d-2"));
        assert_eq!(own, (403, "role_not_allowed".to_owned()));
        let seen = value(answer.acknowledge(&id, Some("we look"), Some(true), "d-3"));
        assert_eq!((&seen["state"], &seen["reserved"]), (&json!("acknowledged"), &json!("60.00")));
        let hash = "ab".repeat(32);
        let shown = value(claim.show_evidence(&id, "the price list", &[&hash], "d-4"));
        assert_eq!(shown["state"], "evidence");
        value(answer.propose(&id, "40.00", "d-5"));
        assert_eq!(refusal(claim.approve(&id, "60.00", "d-6")).1, "dispute_state");
        value(answer.approve(&id, "40.00", "d-7"));
        assert_eq!(value(claim.approve(&id, "40.00", "d-8"))["state"], "booked");

        let second = text(&value(claim.open(&wish, "d-9")), "id");
        assert_eq!(refusal(claim.reject(&second, "no", "d-10")).0, 403);
        assert_eq!(value(answer.reject(&second, "it was 0.50", "d-11"))["state"], "rejected");
        let third = text(&value(claim.open(&wish, "d-12")), "id");
        assert_eq!(value(claim.withdraw(&third, "found it", "d-13"))["state"], "rejected");

        let other = client(world, "bank");
        assert_eq!(refusal(other.disputes().dispute(&id)).0, 404);
        assert_eq!(states(&value(other.disputes().list(None, None, None))), [""; 0]);
        let own = value(claim.list(None, None, None));
        assert_eq!(states(&own), ["rejected", "rejected", "booked"]);
        let booked = value(answer.list(Some("shop"), Some("booked"), None));
        assert_eq!((states(&booked).len(), &booked["data"][0]["id"]), (1, &json!(id)));
        let older = value(claim.list(None, None, Some(&second)));
        assert_eq!(states(&older), ["booked"]);
        assert_eq!(value(claim.dispute(&id))["state"], "booked");
    });
}
