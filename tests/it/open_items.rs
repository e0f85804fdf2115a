//! What the bank booked and is not simply a payment: parts, excess, returns, and what nobody knows.

use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::bank::{
    DAY, Line, by_hand, finance, get, import, instructed, line, open_items, outcomes, states,
};
use crate::support::{World, both_with, code_of};

fn end(world: &World, who: &str, item: &str, step: &str, body: &Value) -> Answer {
    let target = format!("/v1/open-items/{item}/{step}");
    finance(world, who).post(&target, &world.new_key(), body)
}

fn ended(world: &World, item: &str, step: &str, body: &Value) -> Value {
    let answer = end(world, "anna", item, step, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

fn refused(answer: &Answer) -> (u16, String) {
    (answer.status, code_of(answer))
}

fn refusal(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

fn suspense(world: &World) -> Value {
    get(world, "/v1/clearing-accounts")["suspense"].clone()
}

/// The items, as kind, side, amount.
fn kinds(items: &[Value]) -> Value {
    let kind = |one: &Value| json!([one["kind"], one["side"], one["amount"]]);
    items.iter().map(kind).collect()
}

#[test]
fn parts_are_noted_until_the_rest_comes() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let shop = refs["shop"].as_str();
        assert_eq!(outcomes(&import(world, &[line("1", "1000.00", shop)])), ["part"]);
        assert_eq!(kinds(&open_items(world)), json!([["part_payment", "credit", "20.00"]]));
        assert_eq!(states(world).0["shop"], "part_paid");
        let by_hand = end(world, "anna", "item_1", "write-off", &json!({"why": "little"}));
        assert_eq!(refused(&by_hand), refusal(409, "open_item_state"));
        import(world, &[line("2", "5.00", shop)]);
        assert_eq!(kinds(&open_items(world)), json!([["part_payment", "credit", "15.00"]]));
        import(world, &[line("3", "15.00", shop)]);
        assert!(open_items(world).is_empty());
        assert_eq!(get(world, "/v1/open-items?state=done")["data"][1]["amount"], "15.00");
        assert_eq!(states(world).0["shop"], "paid");
    });
}

#[test]
fn what_is_too_much_waits_and_what_comes_back_is_open_again() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let (shop, brand) = (refs["shop"].as_str(), refs["brand"].as_str());
        let report = import(world, &[line("1", "1100.00", shop), line("2", "-1500.00", brand)]);
        assert_eq!(outcomes(&report), ["over", "settles"]);
        assert_eq!((states(world).0["shop"].as_str(), suspense(world)), ("paid", json!("80.00")));
        assert_eq!(kinds(&open_items(world)), json!([["over_payment", "credit", "80.00"]]));
        // The brand's bank sends the money back.
        assert_eq!(outcomes(&import(world, &[line("3", "1500.00", brand)])), ["return"]);
        assert_eq!(states(world).0["brand"], "returned");
        assert_eq!(kinds(&open_items(world))[1], json!(["return", "credit", "1500.00"]));
        assert_eq!(suspense(world), json!("80.00"), "it is known whose the money is");
        let report =
            import(world, &[line("4", "-1500.00", brand), line("5", "510.00", &refs["bank"])]);
        assert_eq!(report["settled"], json!([DAY]));
        assert_eq!(kinds(&open_items(world)), json!([["over_payment", "credit", "80.00"]]));
        // What is settled takes nothing more, and stays settled.
        let lines = [line("6", "-510.00", &refs["bank"]), line("7", "1.00", shop)];
        assert_eq!(outcomes(&import(world, &lines)), ["return", "over"]);
        assert_eq!(states(world).1, "settled");
        assert_eq!(suspense(world), json!("-429.00"));
        let late = end(world, "anna", "item_3", "assign", &json!({"leg": refs["bank"]}));
        assert_eq!(refused(&late), refusal(409, "wrong_cycle_state"));
    });
}

#[test]
fn money_of_nobody_gets_its_payment() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let report = import(world, &[line("1", "600.00", ""), line("2", "-33.00", "CHARGES")]);
        assert_eq!(outcomes(&report), ["unknown", "unknown"]);
        assert_eq!(suspense(world), json!("567.00"));
        let leg = |party: &str| json!({"leg": refs[party]});
        let wrong = end(world, "anna", "item_1", "assign", &leg("brand"));
        assert_eq!(refused(&wrong), refusal(422, "payment_does_not_fit"));
        let own = end(world, "anna", "item_1", "assign", &leg("clearing"));
        assert_eq!(refused(&own), refusal(422, "payment_does_not_fit"));
        let none = json!({"leg": "RF18539007547034"});
        assert_eq!(end(world, "anna", "item_1", "assign", &none).status, 404);
        assert_eq!(end(world, "anna", "item_9", "assign", &leg("bank")).status, 404);
        assert_eq!(end(world, "anna", "item_1", "assign", &json!({})).status, 400);
        // The bank owed 510.00; what is left stays open, and is the shop's.
        let item = ended(world, "item_1", "assign", &leg("bank"));
        assert_eq!((&item["state"], &item["amount"]), (&json!("open"), &json!("90.00")));
        assert_eq!(states(world).0["bank"], "paid");
        let item = ended(world, "item_1", "assign", &leg("shop"));
        assert_eq!((&item["state"], &item["steps"][1]["by"]), (&json!("assigned"), &json!("anna")));
        assert_eq!(states(world).0["shop"], "part_paid");
        let again = end(world, "anna", "item_1", "assign", &leg("shop"));
        assert_eq!(refused(&again), refusal(409, "open_item_state"));
        // What went the other way takes back.
        let item = ended(world, "item_2", "assign", &leg("shop"));
        assert_eq!(item["state"], "assigned");
        assert_eq!(
            (states(world).0["shop"].as_str(), suspense(world)),
            ("returned", json!("0.00"))
        );
        import(world, &[line("3", "963.00", &refs["shop"]), line("4", "-1500.00", &refs["brand"])]);
        assert_eq!(states(world).1, "settled");
    });
}

#[test]
fn money_goes_back_or_stays_and_somebody_says_why() {
    both_with(&by_hand(), |world| {
        instructed(world);
        import(world, &[line("1", "50.00", ""), line("2", "-7.00", "")]);
        for body in [json!({}), json!({"why": "  "}), json!({"why": "x", "leg": "RF1"})] {
            assert_eq!(end(world, "anna", "item_1", "return", &body).status, 400, "{body}");
        }
        let key = world.new_key();
        let body = json!({"why": "paid twice"});
        let finance = finance(world, "anna");
        let post = |body: &Value| finance.post("/v1/open-items/item_1/return", &key, body);
        let first = post(&body);
        assert_eq!(first.status, 200, "{}", first.text());
        let again = post(&body);
        assert_eq!((again.body, again.replayed), (first.body.clone(), true));
        assert_eq!(code_of(&post(&json!({"why": "other"}))), "idempotency_key_reused");
        let item: Value = first.json().expect("it is JSON");
        assert_eq!((&item["state"], &item["steps"][0]["why"]), (&json!("returned"), &body["why"]));
        let charges = ended(world, "item_2", "write-off", &json!({"why": "bank charges"}));
        assert_eq!(charges["state"], "written_off");
        assert_eq!(suspense(world), json!("0.00"));
        // The bank books what goes back.
        let reference = item["reference"].as_str().expect("it has a reference");
        let report = import(world, &[line("3", "-50.00", reference)]);
        assert_eq!((outcomes(&report)[0].as_str(), suspense(world)), ("confirms", json!("0.00")));
        let shown = &get(world, "/v1/open-items?state=returned")["data"][0];
        assert_eq!(shown["confirmed_by"], report["booked"][0]["entry"]);
        // A second time is nobody's.
        let report = import(world, &[line("4", "-50.00", reference)]);
        assert_eq!(outcomes(&report), ["unknown"]);
        let all = get(world, "/v1/open-items?state=all&limit=2");
        assert_eq!(all["data"].as_array().map(Vec::len), Some(2));
        let rest = get(world, "/v1/open-items?state=all&after=item_2");
        assert_eq!(rest["data"].as_array().map(Vec::len), Some(1));
        assert_eq!(world.operator.get("/v1/open-items?state=lost").status, 400);
    });
}

#[test]
fn two_people_end_what_is_large() {
    both_with(&by_hand(), |world| {
        instructed(world);
        import(world, &[line("1", "1000.01", ""), line("2", "1000.00", "")]);
        let why = json!({"why": "theirs"});
        assert_eq!(ended(world, "item_2", "return", &why)["state"], "returned");
        let item = ended(world, "item_1", "return", &why);
        assert_eq!((&item["state"], &item["steps"][0]["proposal"]), (&json!("open"), &json!(true)));
        assert_eq!(suspense(world), json!("1000.01"));
        let alone = end(world, "anna", "item_1", "return", &why);
        assert_eq!(refused(&alone), refusal(403, "second_person_needed"));
        // Somebody who wants another thing proposes that; then the first one may do it.
        let other = end(world, "boris", "item_1", "write-off", &why);
        assert_eq!(other.status, 200, "{}", other.text());
        let item = ended(world, "item_1", "write-off", &json!({"why": "agreed"}));
        assert_eq!(
            (&item["state"], &item["steps"][2]["by"]),
            (&json!("written_off"), &json!("anna"))
        );
        assert_eq!(suspense(world), json!("0.00"));
    });
}

#[test]
fn another_currency_is_not_in_the_ledger() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let foreign = Line { currency: "EUR", ..line("1", "1020.00", &refs["shop"]) };
        assert_eq!(outcomes(&import(world, &[foreign])), ["unknown"]);
        assert_eq!(
            (states(world).0["shop"].as_str(), suspense(world)),
            ("instructed", json!("0.00"))
        );
        let items = open_items(world);
        assert_eq!(
            (&items[0]["currency"], &items[0]["amount"]),
            (&json!("EUR"), &json!("1020.00"))
        );
        let body = json!({"leg": refs["shop"]});
        let assigned = end(world, "anna", "item_1", "assign", &body);
        assert_eq!(refused(&assigned), refusal(422, "payment_does_not_fit"));
        let why = json!({"why": "wrong account"});
        ended(world, "item_1", "return", &why);
        let done = end(world, "boris", "item_1", "return", &why);
        let done: Value = done.json().expect("it is JSON");
        assert_eq!(done["state"], "returned");
        // Money that goes the wrong way on a payment of which nothing was paid is nobody's.
        let report = import(world, &[line("2", "-1020.00", &refs["shop"])]);
        assert_eq!(outcomes(&report), ["unknown"]);
        assert_eq!(suspense(world), json!("-1020.00"));
    });
}
