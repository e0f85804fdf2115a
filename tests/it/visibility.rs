//! A party reads and touches only what is its own.

use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::{Club, World, both, code_of, purchase, text};

/// A coalition with somebody of each sort beside the club, and one purchase of the shop.
struct Stage {
    anna: String,
    purchase: String,
}

impl Stage {
    fn new(world: &mut World) -> Self {
        let Club { anna } = Club::new(world);
        let others = [("stranger", "retailer"), ("rival", "brand"), ("wallet", "wallet")];
        for (id, kind) in others {
            world.add_party(id, kind);
        }
        world.add_programme(&json!({
            "id": "rival", "brand": "rival", "unit": {"name": "star"}, "point_value": "1.00",
            "expire": "never"
        }));
        world.add_agreement(&json!({
            "programme": "club", "party": "shop",
            "earn": {"funding": [{"party": "shop", "share": "0.5"}, {"party": "bank", "share": "0.5"}],
                "price_per_point": "1.00", "fee_per_point": "0.02"},
            "burn": {"reimburse_per_point": "1.00"}
        }));
        let posted = world.accept("shop", &purchase("R-1", &anna, "1000.00"));
        world.accept(
            "shop",
            &json!({"kind": "hold", "ref": "H-1", "programme": "club",
            "member": anna, "points": "10"}),
        );
        Self { anna, purchase: text(&posted, "id") }
    }
}

const PARTIES: [&str; 6] = ["brand", "shop", "bank", "wallet", "rival", "stranger"];

fn statuses(world: &World, ask: impl Fn(&Caller) -> Answer) -> Vec<(&'static str, u16)> {
    PARTIES.iter().map(|&party| (party, ask(world.party(party)).status)).collect()
}

/// Who of the parties gets 200; all others must get 404.
fn assert_seen_by(world: &World, target: &str, seers: &[&str]) {
    for (party, status) in statuses(world, |caller| caller.get(target)) {
        let due = if seers.contains(&party) { 200 } else { 404 };
        assert_eq!(status, due, "{party} asks for {target}");
    }
}

#[test]
fn transactions_are_seen_by_who_posted_them_and_by_the_brand() {
    both(|world| {
        let stage = Stage::new(world);
        let by_id = format!("/v1/transactions/{}", stage.purchase);
        assert_seen_by(world, &by_id, &["brand", "shop"]);
        // A reference is the poster's own name; under another party's there is nothing.
        assert_seen_by(world, "/v1/transactions?kind=purchase&ref=R-1", &["shop"]);
        assert_seen_by(world, "/v1/transactions?kind=purchase&ref=R-1&party=shop", &["shop"]);
        for caller in [&world.operator, &world.auditor()] {
            assert_eq!(caller.get(&by_id).status, 200);
            let target = "/v1/transactions?kind=purchase&ref=R-1&party=shop";
            assert_eq!(caller.get(target).status, 200);
        }
        let refused = world.party("stranger").get(&by_id);
        let missing = world.party("stranger").get("/v1/transactions/tx_0_999999");
        assert_eq!(refused.body, missing.body, "nothing tells hidden from missing");
    });
}

#[test]
fn of_the_money_a_poster_sees_only_what_it_is_a_side_of() {
    both(|world| {
        let stage = Stage::new(world);
        let target = format!("/v1/transactions/{}", stage.purchase);
        let debtors = |caller: &Caller| -> Vec<String> {
            let view: Value = caller.get(&target).json().expect("it is JSON");
            let rows = view["postings"].as_array().cloned().unwrap_or_default();
            let money = rows.into_iter().filter(|row| row.get("amount").is_some());
            let mut debtors: Vec<String> = money.map(|row| text(&row, "from")).collect();
            debtors.sort();
            debtors
        };
        assert_eq!(debtors(world.party("shop")), ["party/shop", "party/shop"]);
        let all = ["party/bank", "party/shop", "party/shop"];
        assert_eq!(debtors(world.party("brand")), all);
        assert_eq!(debtors(&world.operator), all);
        let view: Value = world.party("shop").get(&target).json().expect("it is JSON");
        assert!(!view.to_string().contains("party/bank"), "{view}");
    });
}

#[test]
fn balances_are_seen_by_who_has_to_do_with_the_programme() {
    both(|world| {
        let stage = Stage::new(world);
        let base = format!("/v1/members/{}/balances", stage.anna);
        let seers = ["brand", "shop", "bank", "wallet"];
        assert_seen_by(world, &format!("{base}?programme=club"), &seers);
        for party in PARTIES {
            let body: Value = world.party(party).get(&base).json().expect("it is JSON");
            let seen = body["balances"].as_array().map_or(0, Vec::len);
            assert_eq!(seen, usize::from(seers.contains(&party)), "{party}: {body}");
        }
        let histories: Vec<usize> = PARTIES
            .iter()
            .map(|party| {
                let target = format!("/v1/members/{}/history", stage.anna);
                let body: Value = world.party(party).get(&target).json().expect("it is JSON");
                body["data"].as_array().map_or(0, Vec::len)
            })
            .collect();
        assert_eq!(histories, [2, 2, 0, 0, 0, 0]);
    });
}

#[test]
fn nobody_touches_what_another_posted() {
    both(|world| {
        Stage::new(world);
        for party in ["brand", "bank", "wallet", "rival", "stranger"] {
            let bodies = [
                json!({"kind": "refund", "ref": "X-1", "of": "R-1", "amount": "1.00"}),
                json!({"kind": "delivery", "of": "R-1"}),
                json!({"kind": "capture", "of": "H-1"}),
                json!({"kind": "void", "of": "H-1"}),
            ];
            for body in bodies {
                let (status, code) = world.refuse(party, &body);
                assert_eq!((status, code.as_str()), (404, "original_not_found"), "{party}: {body}");
            }
        }
        world.accept("shop", &json!({"kind": "void", "of": "H-1"}));
    });
}

#[test]
fn a_party_does_what_its_agreement_and_its_kind_allow() {
    both(|world| {
        let Stage { anna, .. } = Stage::new(world);
        let second = world.add_member(&json!({"phone": "+79160000002"}));
        let grant = |payer: &str| {
            json!({"kind": "grant", "ref": "G", "programme": "club", "member": anna, "points": "5",
                "funding": [{"party": payer, "share": "1"}], "price_per_point": "1.00"})
        };
        let rule = json!({"kind": "personal_rule", "ref": "V", "programme": "club", "member": anna,
            "max_share": "1"});
        let merge = json!({"kind": "merge", "keep": anna, "drop": second});
        let forbidden = [
            ("stranger", purchase("S-1", &anna, "10.00")),
            ("rival", purchase("S-1", &anna, "10.00")),
            (
                "stranger",
                json!({"kind": "hold", "ref": "S", "programme": "club", "member": anna,
                "points": "1"}),
            ),
            (
                "stranger",
                json!({"kind": "card_payment", "ref": "S", "card_token": "par-anna-1",
                "amount": "10.00"}),
            ),
            // Nobody spends another's money.
            ("stranger", grant("bank")),
            ("shop", grant("bank")),
            ("shop", rule.clone()),
            ("rival", rule.clone()),
            ("shop", merge.clone()),
            ("bank", merge.clone()),
        ];
        for (party, body) in forbidden {
            let (status, code) = world.refuse(party, &body);
            assert_eq!((status, code.as_str()), (403, "no_agreement"), "{party}: {body}");
        }
        let quote = json!({"programme": "club", "member": anna, "amount": "10.00"});
        let answer = world.party("stranger").post("/v1/quotes", "q", &quote);
        assert_eq!(code_of(&answer), "no_agreement");
        assert_eq!(world.balance(&anna, "club")["available"], "90");
        world.accept("brand", &grant("bank"));
        world.accept("brand", &rule);
        world.accept("brand", &merge);
    });
}

#[test]
fn an_auditor_reads_everything_and_changes_nothing() {
    both(|world| {
        let Stage { anna, purchase: id } = Stage::new(world);
        let auditor = world.auditor();
        for target in [
            "/v1/parties".to_owned(),
            "/v1/parties/shop/keys".to_owned(),
            "/v1/programmes".to_owned(),
            "/v1/agreements".to_owned(),
            "/v1/exchanges".to_owned(),
            "/v1/schedules".to_owned(),
            "/v1/vat-rates".to_owned(),
            "/v1/cycles/2025-03-03".to_owned(),
            format!("/v1/transactions/{id}"),
            format!("/v1/members/{anna}"),
            format!("/v1/members/{anna}/balances"),
            format!("/v1/members/{anna}/history"),
        ] {
            let (own, operators) = (auditor.get(&target), world.operator.get(&target));
            assert_eq!((own.status, &own.body), (200, &operators.body), "{target}");
        }
        let empty = json!({});
        for (target, body) in [
            ("/v1/parties", json!({"id": "p", "kind": "bank"})),
            ("/v1/parties/shop/keys", json!({"algorithm": "hmac-sha256"})),
            ("/v1/parties/shop/keys/any/revoke", empty.clone()),
            ("/v1/programmes/club/mode", json!({"mode": "paused"})),
            ("/v1/cycles/2025-03-01/close", empty.clone()),
            ("/v1/test-clock", json!({"now": "2035-01-01T00:00:00Z"})),
            ("/v1/members", json!({"phone": "+79160000077"})),
        ] {
            let answer = auditor.post(target, "k", &body);
            let told = (answer.status, code_of(&answer));
            assert_eq!(told, (403, "role_not_allowed".to_owned()), "{target}");
        }
        for target in [
            "/v1/programmes/club",
            "/v1/agreements/club/shop",
            "/v1/exchanges/a/b",
            "/v1/schedules/monthly",
            "/v1/vat-rates/general",
        ] {
            assert_eq!(auditor.put(target, "k", &empty).status, 403, "{target}");
        }
    });
}

#[test]
fn what_is_the_operators_is_not_for_parties_and_the_other_way_round() {
    both(|world| {
        let Stage { anna, .. } = Stage::new(world);
        for party in PARTIES {
            let caller = world.party(party);
            for target in [
                "/v1/parties",
                "/v1/parties/shop/keys",
                "/v1/programmes",
                "/v1/agreements",
                "/v1/exchanges",
            ] {
                let answer = caller.get(target);
                assert_eq!((answer.status, code_of(&answer).as_str()), (401, "token_invalid"));
            }
            let close = caller.post("/v1/cycles/2025-03-01/close", "k", &json!({}));
            assert_eq!(close.status, 401);
            let mode = caller.post("/v1/programmes/club/mode", "m", &json!({"mode": "live"}));
            assert_eq!(mode.status, if party == "brand" { 200 } else { 404 }, "{party}");
        }
        let body = purchase("O-1", &anna, "10.00");
        let answer = world.operator.post("/v1/transactions", "k", &body);
        assert_eq!((answer.status, code_of(&answer).as_str()), (401, "signature_missing"));
        let link = format!("/v1/members/{anna}/card-tokens");
        let answer = world.operator.post(&link, "k", &json!({"card_token": "t"}));
        assert_eq!(code_of(&answer), "signature_missing");
    });
}
