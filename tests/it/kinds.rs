//! Every kind of transaction, its answer, and what is shown of it afterwards.

use serde_json::{Value, json};

use crate::support::{Club, World, both, purchase, text};

/// The club with a second programme that its points can be exchanged for.
fn stage(world: &mut World) -> Club {
    let club = Club::new(world);
    world.add_programme(&json!({
        "id": "miles", "brand": "brand", "unit": {"name": "mile", "scale": 2},
        "point_value": "2.00", "earn": {"rate": "0.05"}, "anchor": "delivery", "hold_days": 3,
        "expire": {"days": 30, "from": "availability"}, "burn": {"max_share": "1"},
        "discount": {"percent": "5"},
        "tiers": {"metric": "purchases", "levels": [{"id": "first", "from": 0}]}
    }));
    for party in ["shop", "bank"] {
        world.add_agreement(&json!({
            "programme": "miles", "party": party, "unlinked_refunds": true,
            "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.90"},
            "burn": {"reimburse_per_point": "1.80"},
            "grant": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.50"}
        }));
    }
    world.put(
        "/v1/exchanges/club/miles",
        &json!({"from": "club", "to": "miles", "rate": "0.30", "price_per_point": "1.85"}),
    );
    club
}

/// Receipts and what comes back of them, in an order in which each is accepted, with the fields
/// that tell it.
fn receipts(anna: &str) -> Vec<(&'static str, Value, Value)> {
    let in_miles = |reference: &str, amount: &str| {
        let mut body = purchase(reference, anna, amount);
        body["programme"] = json!("miles");
        body
    };
    vec![
        ("shop", purchase("R-1", anna, "1000.00"), json!({"earned": "100", "burned": "0"})),
        ("shop", in_miles("M-1", "99.99"), json!({"earned": "4.99", "tier": "first"})),
        ("shop", json!({"kind": "delivery", "of": "M-1"}), json!({"of": "M-1", "changed": true})),
        (
            "bank",
            json!({"kind": "card_payment", "ref": "C-1", "card_token": "par-anna-1",
            "amount": "100.00", "mcc": "5411"}),
            json!({"programmes": {"club": {"earned": "10", "tier": null}, "miles": {"earned": "5.00", "tier": "first"}}}),
        ),
        (
            "shop",
            json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "100.00"}),
            json!({"restored": "0", "clawed_back": "10", "debt_added": "0"}),
        ),
        (
            "bank",
            json!({"kind": "refund", "ref": "B-2", "of": "C-1", "amount": "100.00"}),
            json!({"kind": "refund"}),
        ),
        (
            "shop",
            json!({"kind": "refund", "ref": "B-3", "programme": "miles", "member": anna,
            "amount": "10.00"}),
            json!({"clawed_back": "0.50", "debt_added": "0.00"}),
        ),
        (
            "shop",
            json!({"kind": "grant", "ref": "G-1", "programme": "miles", "member": anna,
            "points": "2.50", "reason": "late parcel"}),
            json!({"granted": "2.50"}),
        ),
    ]
}

/// Points that are held, exchanged and moved, then a receipt with all that one can say.
fn movements(anna: &str, second: &str) -> Vec<(&'static str, Value, Value)> {
    vec![
        (
            "shop",
            json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": anna,
            "points": "20", "valid_for": {"days": 2}}),
            json!({"held": "20", "valid_until": "2025-03-05T09:00:00Z"}),
        ),
        (
            "shop",
            json!({"kind": "capture", "of": "H-1", "points": "5"}),
            json!({"burned": "5", "released": "15"}),
        ),
        (
            "shop",
            json!({"kind": "hold", "ref": "H-2", "programme": "club", "member": anna,
            "points": "20"}),
            json!({"held": "20"}),
        ),
        ("shop", json!({"kind": "void", "of": "H-2"}), json!({"released": "20"})),
        (
            "brand",
            json!({"kind": "exchange", "ref": "X-1", "from": "club", "to": "miles",
            "member": anna, "points": "10"}),
            json!({"taken": "10", "given": "3.00"}),
        ),
        (
            "brand",
            json!({"kind": "personal_rule", "ref": "V-1", "programme": "club",
            "member": anna, "max_share": "0.75"}),
            json!({"max_share": "0.75"}),
        ),
        (
            "brand",
            json!({"kind": "personal_rule", "ref": "V-2", "programme": "club",
            "member": anna, "max_share": null}),
            json!({"max_share": null}),
        ),
        ("brand", json!({"kind": "merge", "keep": anna, "drop": second}), json!({"keep": anna})),
        (
            "shop",
            json!({"kind": "purchase", "ref": "R-2", "programme": "club", "member": anna,
            "burn": "max", "currency": "RUB", "at": "2025-03-02T09:00:00Z", "lines": [
                {"id": "tv", "amount": "50.00", "brand": "other", "sku": "TV-55", "mcc": "5732"},
                {"id": "cable", "amount": "9.99", "category": "cables"}]}),
            json!({"burned": "29", "to_pay": "30.99", "earned": "3"}),
        ),
    ]
}

#[test]
fn every_kind_is_answered_and_shown_as_the_document_says() {
    both(|world| {
        let club = stage(world);
        let second = world.add_member(&json!({"phone": "+79160000002"}));
        let receipts = receipts(&club.anna).into_iter();
        for (party, body, due) in receipts.chain(movements(&club.anna, &second)) {
            let answer = world.accept(party, &body);
            for (field, value) in due.as_object().expect("fields are due") {
                assert_eq!(&answer[field], value, "{body}: {answer}");
            }
            let target = format!("/v1/transactions/{}", text(&answer, "id"));
            for caller in [world.party(party), &world.operator] {
                let view: Value = caller.get(&target).json().expect("it is JSON");
                for (field, value) in answer.as_object().expect("it is an object") {
                    assert_eq!(&view[field], value, "{field} of {target}");
                }
                assert!(view["explain"].is_object(), "{view}");
                assert_eq!(view["hash"].as_str().map(str::len), Some(64));
            }
        }
        let again = world.accept("shop", &json!({"kind": "delivery", "of": "M-1"}));
        assert_eq!((again["changed"].clone(), again.get("id")), (json!(false), None));
        let target = format!("/v1/members/{}/history?limit=100", club.anna);
        let history: Value = world.operator.get(&target).json().expect("it is JSON");
        assert_eq!(history["data"].as_array().map(Vec::len), Some(17));
    });
}

#[test]
fn postings_of_points_balance_and_show_where_points_went() {
    both(|world| {
        let club = Club::new(world);
        world.accept("shop", &purchase("R-1", &club.anna, "1000.00"));
        let mut burning = purchase("R-2", &club.anna, "100.00");
        burning["burn"] = json!("40");
        let id = text(&world.accept("shop", &burning), "id");
        let view: Value =
            world.party("shop").get(&format!("/v1/transactions/{id}")).json().expect("it is JSON");
        let rows = view["postings"].as_array().expect("there are postings");
        let row = |field: &str, value: &str| {
            let found = rows.iter().find(|row| row[field] == value);
            found.unwrap_or_else(|| panic!("no posting with {field} {value} in {view}"))
        };
        let member = format!("member/{}/club", club.anna);
        let burned = row("to", "burned/club");
        assert_eq!(
            (burned["from"].as_str(), &burned["points"]),
            (Some(member.as_str()), &json!("40"))
        );
        let earned = row("from", "issued/club");
        assert_eq!(
            (earned["to"].as_str(), &earned["points"]),
            (Some(member.as_str()), &json!("6"))
        );
        assert_eq!(view["lots"][0]["granted"], "6");
        let reimbursed = row("obligation", "reimbursement");
        assert_eq!(
            (&reimbursed["amount"], &reimbursed["to"]),
            (&json!("40.00"), &json!("party/shop"))
        );
        assert_eq!(row("obligation", "earn_fee")["amount"], "0.12");
        assert_eq!(row("obligation", "funding")["amount"], "6.00");
    });
}

#[test]
fn a_quote_says_what_the_purchase_then_does() {
    both(|world| {
        let club = stage(world);
        world.accept("shop", &purchase("R-1", &club.anna, "1000.00"));
        let ask = json!({"programme": "club", "member": "phone:+79160000001", "amount": "99.99"});
        let answer = world.party("shop").post("/v1/quotes", "q-1", &ask);
        let quote: Value = answer.json().expect("it is JSON");
        let due = json!({"programme": "club", "member": club.anna, "max_burn": "49",
            "max_burn_value": "49.00", "discount": "0.00", "to_pay_at_least": "50.99",
            "would_earn": "9", "tier": null, "available": "100", "pending": "0", "debt": "0"});
        assert_eq!(quote, due);
        let mut buying = purchase("R-2", &club.anna, "99.99");
        buying["burn"] = json!("max");
        let bought = world.accept("shop", &buying);
        assert_eq!(
            (&bought["burned"], &bought["to_pay"]),
            (&quote["max_burn"], &quote["to_pay_at_least"])
        );
        // Nothing was stored: the same key asks anew.
        let again: Value =
            world.party("shop").post("/v1/quotes", "q-1", &ask).json().expect("it is JSON");
        assert_eq!(again["available"], "56");
        // With a discount the points are reckoned on the price after it.
        let lines = json!({"programme": "miles", "member": club.anna,
            "lines": [{"id": "a", "amount": "10.00"}, {"id": "b", "amount": "0.10"}]});
        let quote: Value =
            world.party("shop").post("/v1/quotes", "q-2", &lines).json().expect("it is JSON");
        // 5 % of 10.10 are 0.505, which is 0.50; 9.60 earn 0.48.
        assert_eq!(quote["discount"], "0.50");
        assert_eq!(
            (&quote["would_earn"], &quote["to_pay_at_least"]),
            (&json!("0.48"), &json!("9.60"))
        );
    });
}

#[test]
fn what_the_clock_did_is_written_and_shown() {
    both(|world| {
        let club = Club::new(world);
        world.accept(
            "brand",
            &json!({"kind": "grant", "ref": "G-1", "programme": "club",
            "member": club.anna, "points": "7", "valid_through": "2025-03-04",
            "funding": [{"party": "brand", "share": "1"}], "price_per_point": "1.00"}),
        );
        world.accept("shop", &purchase("R-1", &club.anna, "10.00"));
        world.move_to("2025-03-04T21:00:00Z");
        assert_eq!(world.balance(&club.anna, "club")["available"], "1");
        // A refund needs the whole account, so that what is past is written before it.
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "10.00"});
        world.accept("shop", &refund);
        let target = format!("/v1/members/{}/history", club.anna);
        let history: Value = world.operator.get(&target).json().expect("it is JSON");
        let data = history["data"].as_array().expect("a page has entries");
        let expiry = data.iter().find(|one| one["kind"] == "expiry").expect("it was written");
        assert_eq!((&expiry["expired"], &expiry["party"]), (&json!("7"), &json!("clearing")));
        let target = format!("/v1/transactions/{}", text(expiry, "id"));
        assert_eq!(world.party("brand").get(&target).status, 200);
        assert_eq!(world.party("shop").get(&target).status, 404);
    });
}
