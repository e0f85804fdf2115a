//! A world in which each book has something in it that can be changed behind the server's back.

use serde_json::json;

use crate::bank::{self, DAY, OWN, account, import, line, put_account};
use crate::caller::NDJSON;
use crate::support::{Club, World, purchase, text};

/// A day that is closed, published, agreed to, instructed and half paid, with money that is nobody's;
/// then another day that is open, with a hold, a pack, limits and points that are paid when burned.
pub fn play(world: &mut World) {
    let Club { anna } = Club::new(world);
    set_up_tiers(world);
    let limited = json!({
        "programme": "club", "party": "shop", "net_debit_cap": "100000.00", "credit_line": "900000.00",
        "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00",
            "fee_per_point": "0.02"},
        "burn": {"reimburse_per_point": "1.00", "fee_per_point": "1.50"}
    });
    world.add_agreement(&limited);
    let prepaid = json!({
        "programme": "club", "party": "bank",
        "earn": {"funding": [{"party": "bank", "share": "1"}], "price_per_point": "1.00",
            "fee_per_point": "0.02",
            "billing": {"prepaid": {"when_empty": "bill", "pack_price_per_point": "0.75"}}},
        "burn": {"reimburse_per_point": "1.00"}
    });
    world.add_agreement(&prepaid);
    let lines: Vec<String> = (0..300)
        .map(|number| {
            let mut line = purchase(&format!("L-{number}"), &anna, "100.00");
            line["idempotency_key"] = json!(format!("l-{number}"));
            line.to_string()
        })
        .collect();
    let body = lines.join("\n");
    let outgoing =
        coalition_partner::Outgoing::post("/v1/transactions:batch", "lines", body.as_bytes());
    let posted =
        world.party("shop").send(&coalition_partner::Outgoing { content_type: NDJSON, ..outgoing });
    assert_eq!(posted.text().matches("\"status\":201").count(), 300, "{}", posted.text());
    world.accept("shop", &purchase("R-1", &anna, "10000.00"));
    world.accept(
        "bank",
        &json!({"kind": "pack", "ref": "K-1", "programme": "club", "points": "2000",
        "valid_from": "2025-03-03", "valid_through": "2025-12-31"}),
    );
    world.accept("bank", &purchase("B-1", &anna, "5000.00"));
    world.move_to("2025-03-04T09:00:00Z");
    for (party, kind, number, bik) in [
        ("clearing", "operator", OWN, "044525000"),
        ("brand", "brand", "40702810500000000002", "044525111"),
        ("shop", "retailer", "40702810200000000001", "044525225"),
    ] {
        assert_eq!(put_account(world, party, kind, &account(party, number, bik)).status, 201);
    }
    bank::agree(world, DAY);
    let references = bank::references(&bank::instruct(world, DAY));
    let lines = [line("1", "500.00", &references["shop"]), line("2", "77.00", "")];
    import(world, &lines);
    give_paid_when_burned(world, &anna);
    let mut burning = purchase("R-2", &anna, "1000.00");
    burning["burn"] = json!("100");
    world.accept("shop", &burning);
    let hold =
        json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": anna, "points": "10"});
    world.accept("shop", &hold);
    let boris = world.add_member(&json!({"phone": "+79160000002"}));
    let others = ["+79160000003", "+79160000004"];
    let others = others.map(|phone| world.add_member(&json!({"phone": phone})));
    refund(world, &boris);
    deliver(world, &boris);
    join(world, &boris, &others);
}

/// Levels by what was spent in a year, and a programme whose points wait for a delivery.
fn set_up_tiers(world: &World) {
    let tiers = json!({"metric": "spend", "window": {"months": 12}, "levels": [
        {"id": "silver", "from": "200.00"}, {"id": "gold", "from": "5000.00"}]});
    world.add_programme(&json!({
        "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"rate": "0.10", "exclude": {"categories": ["bags"]}},
        "expire": {"months": 12}, "burn": {"max_share": "0.50"}, "tiers": tiers
    }));
    world.add_programme(&json!({
        "id": "later", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
        "anchor": "delivery", "hold_days": 3, "burn": {"max_share": "0.50"}
    }));
    world.add_agreement(&json!({
        "programme": "later", "party": "shop",
        "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00"},
        "burn": {"reimburse_per_point": "1.00"}
    }));
}

/// Points of two lots that are paid for when they are burned: one that will be spent, one not wholly.
fn give_paid_when_burned(world: &World, member: &str) {
    for (points, last, payer) in [("40", "2025-03-31", "brand"), ("500", "2025-12-31", "bank")] {
        world.accept(
            "brand",
            &json!({"kind": "grant", "ref": format!("G-{points}"), "programme": "club",
                "member": member, "points": points, "valid_through": last,
                "funding": [{"party": payer, "share": "1"}], "price_per_point": "0.95",
                "settle": "at_burn"}),
        );
    }
}

/// Receipts of which lines come back, an amount, or one after the other; and one with points.
fn refund(world: &World, member: &str) {
    for reference in ["S-1", "S-2", "S-3"] {
        world.accept(
            "shop",
            &json!({"kind": "purchase", "ref": reference, "programme": "club", "member": member,
                "lines": [{"id": "a", "amount": "300.00"}, {"id": "b", "amount": "200.00"},
                    {"id": "c", "amount": "50.00", "category": "bags"}]}),
        );
    }
    let back = |reference: &str, of: &str, what: &str| match what {
        "" => json!({"kind": "refund", "ref": reference, "of": of, "amount": "50.00"}),
        line => json!({"kind": "refund", "ref": reference, "of": of, "lines": [line]}),
    };
    for (reference, of, what) in [
        ("S-1-1", "S-1", "b"),
        ("S-2-1", "S-2", ""),
        ("S-2-2", "S-2", "c"),
        ("S-2-3", "S-2", "a"),
        ("S-2-4", "S-2", ""),
    ] {
        world.accept("shop", &back(reference, of, what));
    }
    let mut burning = purchase("S-4", member, "100.00");
    burning["burn"] = json!("20");
    world.accept("shop", &burning);
    world.accept("shop", &back("S-4-1", "S-4", ""));
}

/// Receipts whose goods came: one stays whole, one comes back in part.
fn deliver(world: &World, member: &str) {
    for reference in ["D-1", "D-2"] {
        let mut bought = purchase(reference, member, "200.00");
        bought["programme"] = json!("later");
        world.accept("shop", &bought);
        world.accept("shop", &json!({"kind": "delivery", "of": reference}));
    }
    world
        .accept("shop", &json!({"kind": "refund", "ref": "D-2-1", "of": "D-2", "amount": "80.00"}));
}

/// Profiles that turn out to be one person, with a receipt that comes back before and after that;
/// and one that turns out to be another person again.
fn join(world: &World, kept: &str, others: &[String; 2]) {
    let rule = |reference: &str, member: &str, share: &str| {
        json!({"kind": "personal_rule", "ref": reference, "programme": "club", "member": member,
            "max_share": share})
    };
    for (place, other) in others.iter().enumerate() {
        let (bought, back) = (format!("M-{place}"), format!("M-{place}-1"));
        world.accept("shop", &purchase(&bought, other, "700.00"));
        let refund = json!({"kind": "refund", "ref": back, "of": bought, "amount": "100.00"});
        world.accept("shop", &refund);
        let share = if place == 0 { "0.30" } else { "0.40" };
        world.accept("brand", &rule(&format!("P-{place}"), other, share));
        let merge = json!({"kind": "merge", "keep": kept, "drop": other});
        let merge = text(&world.accept("brand", &merge), "id");
        if place == 1 {
            let target = format!("/v1/merges/{merge}/undo");
            let undone = world.operator.post(&target, &world.new_key(), &json!({}));
            assert_eq!(undone.status, 201, "{}", undone.text());
        }
    }
    world.accept(
        "shop",
        &json!({"kind": "refund", "ref": "M-0-2", "of": "M-0", "amount": "100.00"}),
    );
    world.accept("shop", &purchase("M-3", &others[1], "90.00"));
}
