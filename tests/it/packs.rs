//! Packs of points, fees of services, and reports that come too late.

use serde_json::{Value, json};

use crate::support::{Club, Setup, World, both, both_with, purchase, text};

/// The bank's agreement with the club, paid in advance.
fn prepaid(when_empty: &str) -> Value {
    json!({
        "programme": "club", "party": "bank",
        "earn": {"funding": [{"party": "bank", "share": "1"}], "price_per_point": "1.00",
            "fee_per_point": "0.02",
            "billing": {"prepaid": {"when_empty": when_empty, "pack_price_per_point": "0.75"}}},
        "burn": {"reimburse_per_point": "1.00"}
    })
}

fn pack(reference: &str, points: &str) -> Value {
    json!({"kind": "pack", "ref": reference, "programme": "club", "points": points})
}

fn refund(reference: &str, of: &str, amount: &str) -> Value {
    json!({"kind": "refund", "ref": reference, "of": of, "amount": amount})
}

fn view(world: &World, posted: &Value) -> Value {
    let answer = world.operator.get(&format!("/v1/transactions/{}", text(posted, "id")));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// How much a transaction moves for an obligation; less what it gives back.
fn moved(view: &Value, obligation: &str) -> String {
    let rows = view["postings"].as_array().expect("postings");
    let of_kind = rows.iter().filter(|row| row["obligation"] == obligation);
    let amounts: Vec<String> = of_kind
        .map(|row| {
            let sign = if row["reverses"] == true { "-" } else { "" };
            format!("{sign}{}", text(row, "amount"))
        })
        .collect();
    amounts.join(" ")
}

#[test]
fn receipts_take_their_points_from_the_packs_until_these_are_empty() {
    both(|world| {
        let club = Club::new(world);
        assert_eq!(world.refuse("bank", &pack("K-0", "10")).1, "no_agreement");
        world.add_agreement(&prepaid("refuse"));
        let early = world.refuse("bank", &purchase("R-0", &club.anna, "100.00"));
        assert_eq!(early, (422, "limit_exceeded".to_owned()));

        let mut later = pack("K-1", "15");
        later["valid_from"] = json!("2025-03-05");
        later["valid_through"] = json!("2025-03-31");
        let bought = world.accept("bank", &later);
        assert_eq!((&bought["amount"], &bought["member"]), (&json!("11.25"), &Value::Null));
        assert_eq!(bought["valid_from"], "2025-03-04T21:00:00Z");
        let first = world.accept("bank", &pack("K-2", "20"));
        assert_eq!(moved(&view(world, &first), "pack"), "15.00");
        assert_eq!(
            world.refuse("bank", &pack("K-2", "20")),
            (409, "duplicate_reference".to_owned())
        );

        let earned = view(world, &world.accept("bank", &purchase("R-1", &club.anna, "120.00")));
        assert_eq!((&earned["earned"], &moved(&earned, "funding")[..]), (&json!("12"), ""));
        assert_eq!(moved(&earned, "earn_fee"), "0.24");
        assert_eq!(
            earned["explain"]["parts"][0]["from_packs"],
            json!([{"pack": first["id"], "points": "12"}])
        );
        assert_eq!(earned["lots"][0]["price"], "0.75");
        assert_eq!(world.refuse("bank", &purchase("R-2", &club.anna, "90.00")).1, "limit_exceeded");
        world.move_to("2025-03-05T09:00:00Z");
        // The one that started earlier goes first, then the other.
        let earned = view(world, &world.accept("bank", &purchase("R-3", &club.anna, "230.00")));
        assert_eq!(
            earned["explain"]["parts"][0]["from_packs"],
            json!([{"pack": first["id"], "points": "8"}, {"pack": bought["id"], "points": "15"}])
        );
        assert_eq!(world.refuse("bank", &purchase("R-4", &club.anna, "10.00")).1, "limit_exceeded");
        // What comes back goes to the last pack first.
        let back = view(world, &world.accept("bank", &refund("B-3", "R-3", "180.00")));
        assert_eq!(
            back["explain"]["refunded"][0]["to_packs"],
            json!([{"pack": bought["id"], "points": "15"}, {"pack": first["id"], "points": "3"}])
        );
        assert_eq!(moved(&back, "earn_fee"), "-0.36");
        world.accept("bank", &purchase("R-5", &club.anna, "180.00"));
        assert_eq!(world.refuse("bank", &purchase("R-6", &club.anna, "10.00")).1, "limit_exceeded");
        // A pack that ended takes nothing back.
        world.move_to("2025-04-01T09:00:00Z");
        let back = view(world, &world.accept("bank", &refund("B-5", "R-5", "180.00")));
        assert_eq!(
            back["explain"]["refunded"][0]["to_packs"],
            json!([{"pack": first["id"], "points": "3"}])
        );
    });
}

#[test]
fn what_no_pack_covers_can_be_billed() {
    both(|world| {
        let club = Club::new(world);
        world.add_agreement(&prepaid("bill"));
        let bought = world.accept("bank", &pack("K-1", "10"));
        let card = json!({"kind": "card_payment", "ref": "C-1", "card_token": "par-anna-1",
            "amount": "140.00"});
        let earned = view(world, &world.accept("bank", &card));
        assert_eq!(moved(&earned, "funding"), "4.00");
        assert_eq!(moved(&earned, "earn_fee"), "0.28");
        // The billed ones go first.
        let back = view(world, &world.accept("bank", &refund("B-1", "C-1", "60.00")));
        assert_eq!(moved(&back, "funding"), "-4.00");
        assert_eq!(
            back["explain"]["refunded"][0]["to_packs"],
            json!([{"pack": bought["id"], "points": "2"}])
        );
        let back = view(world, &world.accept("bank", &refund("B-2", "C-1", "80.00")));
        assert_eq!((&moved(&back, "funding")[..], &moved(&back, "earn_fee")[..]), ("", "-0.16"));
        let again = view(world, &world.accept("bank", &purchase("R-1", &club.anna, "100.00")));
        assert_eq!(moved(&again, "funding"), "", "the pack is whole again");
    });
}

#[test]
fn a_bulk_call_takes_no_more_than_there_is_on_any_shard() {
    both_with(&Setup::default().with_shards(4), |world| {
        Club::new(world);
        world.add_agreement(&prepaid("refuse"));
        world.accept("bank", &pack("K-1", "100"));
        let members: Vec<String> = (10..22)
            .map(|number| world.add_member(&json!({"phone": format!("+791600000{number}")})))
            .collect();
        let accepted = (0..60)
            .filter(|number| {
                let member = &members[number % members.len()];
                let body = purchase(&format!("R-{number}"), member, "30.00");
                let key = world.new_key();
                world.party("bank").post("/v1/transactions", &key, &body).is_accepted()
            })
            .count();
        assert_eq!(accepted, 33, "33 times 3 points are 99 of 100");
    });
}

#[test]
fn a_service_is_paid_by_who_agreed_to_pay() {
    both(|world| {
        Club::new(world);
        world.add_party("wallet", "wallet");
        let cards = |count: i64| {
            json!({"kind": "service", "ref": format!("S-{count}"), "programme": "club",
                "service": "card_issued", "count": count})
        };
        assert_eq!(world.refuse("wallet", &cards(1)), (403, "no_agreement".to_owned()));
        world.add_agreement(&json!({
            "programme": "club", "party": "wallet",
            "services": {"card_issued": {"price": "12.00", "paid_by": "brand"}}
        }));
        let done = world.accept("wallet", &cards(300));
        assert_eq!((&done["amount"], &done["paid_by"]), (&json!("3600.00"), &json!("brand")));
        let done = view(world, &done);
        let row = &done["postings"][0];
        let sides = (&row["from"], &row["to"], &row["for"]);
        assert_eq!(sides, (&json!("party/brand"), &json!("party/wallet"), &json!("300")));
        let message = json!({"kind": "service", "ref": "S-1", "programme": "club",
            "service": "message"});
        assert_eq!(world.refuse("wallet", &message).1, "no_agreement");
        assert_eq!(world.refuse("wallet", &cards(0)).1, "invalid_request");
        assert_eq!(world.refuse("wallet", &cards(1_000_001)).1, "invalid_request");
        let found = world.party("wallet").get("/v1/transactions?kind=service&ref=S-300");
        assert_eq!(found.status, 200, "{}", found.text());
        assert_eq!(
            world.party("shop").get(&format!("/v1/transactions/{}", text(&done, "id"))).status,
            404
        );
    });
}

#[test]
fn what_is_reported_too_late_is_refused_but_never_a_refund() {
    both(|world| {
        let club = Club::new(world);
        world.add_agreement(&json!({
            "programme": "club", "party": "shop", "report_within_days": 2,
            "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00"}
        }));
        let dated = |reference: &str, at: &str| {
            let mut body = purchase(reference, &club.anna, "100.00");
            body["at"] = json!(at);
            body
        };
        // It is 3 March in Moscow; 1 March begins there at 21:00 of 28 February.
        let late = world.refuse("shop", &dated("R-1", "2025-02-28T20:59:59Z"));
        assert_eq!(late, (422, "reported_too_late".to_owned()));
        world.accept("shop", &dated("R-1", "2025-02-28T21:00:00Z"));
        world.move_to("2025-03-20T09:00:00Z");
        let mut back = refund("B-1", "R-1", "100.00");
        back["at"] = json!("2025-03-01T09:00:00Z");
        world.accept("shop", &back);
    });
}

#[test]
fn terms_that_contradict_themselves_are_refused() {
    both(|world| {
        Club::new(world);
        let refused = |document: &Value| {
            let answer = world.operator.put("/v1/agreements/club/bank", &world.new_key(), document);
            assert_eq!(answer.status, 400, "{}", answer.text());
        };
        let mut shared = prepaid("refuse");
        shared["earn"]["funding"] =
            json!([{"party": "bank", "share": "0.5"}, {"party": "brand", "share": "0.5"}]);
        refused(&shared);
        let mut burned = prepaid("refuse");
        burned["earn"]["settle"] = json!("at_burn");
        refused(&burned);
        let plain = |field: &str, value: Value| {
            let mut document = prepaid("bill");
            document["earn"][field] = value;
            document
        };
        refused(&plain("percentage", json!("0")));
        refused(&plain("percentage", json!("0.12345")));
        refused(&plain("settle", json!({"at_issue": "1.5"})));
        let mut own = prepaid("bill");
        own["services"] = json!({"message": {"price": "0.10", "paid_by": "bank"}});
        refused(&own);
        own["services"] = json!({"message": {"price": "0.10", "paid_by": "nobody"}});
        refused(&own);
    });
}
