//! A month of a bank, a shop, a payment system, a wallet and a brand, every figure of which is known,
//! played over HTTP.

use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::{Setup, World, text};

/// The cycle before, without money.
pub const MAY: &str = "monthly.2025-05-01";
/// The month.
pub const JUNE: &str = "monthly.2025-06-01";
/// The cycle after it.
pub const JULY: &str = "monthly.2025-07-01";

/// Who has a line in June, and what they are owed by it in all.
pub const NETS: [(&str, &str); 5] = [
    ("bank", "-104400.00"),
    ("brand", "23600.00"),
    ("scheme", "-6400.00"),
    ("shop", "83600.00"),
    ("wallet", "3600.00"),
];

/// A world in which the month can begin.
pub fn before() -> Setup {
    Setup::at("2025-05-05T09:00:00Z")
}

/// Sets the coalition up; the member's id.
pub fn set_up(world: &mut World) -> String {
    let kinds = [
        ("brand", "brand"),
        ("bank", "bank"),
        ("shop", "retailer"),
        ("scheme", "payment_system"),
        ("wallet", "wallet"),
    ];
    for (id, kind) in kinds {
        world.add_party(id, kind);
    }
    world.put("/v1/schedules/monthly", &json!({"period": "monthly", "payment_term_days": 5}));
    world.add_programme(&json!({
        "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 24},
        "burn": {"max_share": "1"}
    }));
    let shares = json!([{"party": "brand", "share": "0.6"}, {"party": "scheme", "share": "0.4"}]);
    let agreed = [
        (
            "bank",
            json!({"earn": {"funding": [{"party": "bank", "share": "1"}],
                "price_per_point": "0.80", "percentage": "0.90"}}),
        ),
        ("shop", json!({"burn": {"reimburse_per_point": "0.95"}})),
        ("brand", json!({"grant": {"funding": shares, "price_per_point": "0.80"}})),
        ("wallet", json!({"services": {"card_issued": {"price": "12.00", "paid_by": "brand"}}})),
    ];
    for (party, mut agreement) in agreed {
        agreement["programme"] = json!("club");
        agreement["party"] = json!(party);
        agreement["schedule"] = json!("monthly");
        world.add_agreement(&agreement);
    }
    world.add_member(&json!({"phone": "+79160000040"}))
}

/// A million points in circulation at the end of May, 12,000 of which end in June. They are the
/// brand's own: no money moves.
pub fn play_may(world: &World, member: &str) {
    for (points, last) in [("988000", "2027-05-31"), ("12000", "2025-06-15")] {
        world.accept(
            "brand",
            &json!({"kind": "grant", "ref": format!("M-{points}"), "programme": "club",
                "member": member, "points": points, "valid_through": last,
                "funding": [{"party": "brand", "share": "1"}], "price_per_point": "0.80"}),
        );
    }
}

/// What is posted in June; the ids, in their order.
pub fn play_june(world: &World, member: &str) -> Vec<String> {
    let refund = |reference: &str, of: &str, amount: &str| json!({"kind": "refund", "ref": reference, "of": of, "amount": amount});
    let bought = |reference: &str, amount: &str| {
        json!({"kind": "purchase", "ref": reference, "programme": "club", "member": member,
            "amount": amount})
    };
    let mut burned = bought("S-1", "90000.00");
    burned["burn"] = json!("max");
    let posts = [
        ("2025-06-02T07:00:00Z", "bank", bought("B-1", "1500000.00")),
        ("2025-06-03T07:00:00Z", "bank", refund("B-2", "B-1", "50000.00")),
        ("2025-06-20T07:00:00Z", "shop", burned),
        ("2025-06-21T07:00:00Z", "shop", refund("S-2", "S-1", "2000.00")),
        (
            "2025-06-22T07:00:00Z",
            "brand",
            json!({"kind": "grant", "ref": "G-1", "programme": "club", "member": member,
                "points": "20000", "promo": "summer"}),
        ),
        (
            "2025-06-25T07:00:00Z",
            "wallet",
            json!({"kind": "service", "ref": "W-1", "programme": "club",
                "service": "card_issued", "count": 300}),
        ),
    ];
    let post = |(at, party, body): &(&str, &str, Value)| {
        world.move_to(at);
        text(&world.accept(party, body), "id")
    };
    posts.iter().map(post).collect()
}

/// On 3 July the bank takes a thousand points of June back; the transaction.
pub fn play_july(world: &World) -> Value {
    world.move_to("2025-07-03T07:00:00Z");
    let back = json!({"kind": "refund", "ref": "B-3", "of": "B-1", "amount": "10000.00"});
    world.accept("bank", &back)
}

/// Does one step of a cycle; the answer.
pub fn step(world: &World, cycle: &str, what: &str) -> Answer {
    world.operator.post(&format!("/v1/cycles/{cycle}/{what}"), &world.new_key(), &json!({}))
}

/// Closes and publishes a cycle; its statements.
pub fn settle(world: &World, cycle: &str) -> Vec<Value> {
    for what in ["close", "publish"] {
        let answer = step(world, cycle, what);
        assert_eq!(answer.status, 200, "{what} {cycle}: {}", answer.text());
        if what == "publish" {
            let list: Value = answer.json().expect("it is JSON");
            return list["data"].as_array().expect("a list").clone();
        }
    }
    unreachable!("both steps are done")
}

/// Plays all until June's statements are published.
pub fn until_june_is_published(world: &mut World) -> Vec<String> {
    let member = set_up(world);
    play_may(world, &member);
    world.move_to("2025-06-01T09:00:00Z");
    settle(world, MAY);
    let posted = play_june(world, &member);
    world.move_to("2025-07-01T09:00:00Z");
    settle(world, JUNE);
    posted
}

/// A statement's file in one of its forms.
pub fn file(caller: &Caller, cycle: &str, party: &str, form: &str) -> Vec<u8> {
    let answer = caller.get(&format!("/v1/statements/{cycle}/{party}{form}"));
    assert_eq!(answer.status, 200, "{cycle}/{party}{form}: {}", answer.text());
    answer.body
}

/// A statement as JSON.
pub fn statement(caller: &Caller, cycle: &str, party: &str) -> Value {
    serde_json::from_slice(&file(caller, cycle, party, "")).expect("it is JSON")
}
