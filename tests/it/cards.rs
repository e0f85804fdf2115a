//! Card numbers: none is taken, none is repeated in an answer; a token of a card is.

use coalition_partner::path::encoded;
use serde_json::{Value, json};

use crate::support::{Club, World, both, code_of, purchase};

/// Numbers of test cards with 13, 16 and 19 digits, also as people write them.
const NUMBERS: [&str; 5] = [
    "4222222222222",
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "6304000000000000000",
];

fn assert_refused(world: &World, answer: &coalition_partner::Answer, number: &str, what: &str) {
    let told = (answer.status, code_of(answer));
    assert_eq!(told, (400, "card_number_refused".to_owned()), "{what} on {}", world.database);
    assert!(!answer.text().contains(number), "{what}: {}", answer.text());
}

/// Transactions with a number where a token, a reference or an external id belongs.
fn transactions(number: &str, member: &str) -> Vec<Value> {
    let mut of_number = vec![
        json!({"kind": "card_payment", "ref": "C-1", "card_token": number, "amount": "10.00"}),
        purchase("R-1", &format!("external:{number}"), "10.00"),
        purchase("R-1", &format!("card:{number}"), "10.00"),
        json!({"kind": "merge", "keep": member, "drop": format!("external:{number}")}),
    ];
    // A reference has no spaces, so that it can't be a number with some.
    if !number.contains(' ') {
        of_number.extend([
            purchase(number, member, "10.00"),
            json!({"kind": "card_payment", "ref": number, "card_token": "par-anna-1",
                "amount": "10.00"}),
            json!({"kind": "hold", "ref": number, "programme": "club", "member": member,
                "points": "1"}),
            json!({"kind": "refund", "ref": number, "of": "R-1", "amount": "1.00"}),
            json!({"kind": "refund", "ref": "B-1", "of": number, "amount": "1.00"}),
            json!({"kind": "capture", "of": number}),
            json!({"kind": "void", "of": number}),
            json!({"kind": "delivery", "of": number}),
            json!({"kind": "purchase", "ref": "R-1", "programme": "club", "member": member,
                "amount": "10.00", "hold": number}),
        ]);
    }
    of_number
}

#[test]
fn a_card_number_is_refused_wherever_a_token_a_reference_or_an_id_is_expected() {
    both(|world| {
        let club = Club::new(world);
        let shop = world.party("shop");
        for number in NUMBERS {
            for (place, body) in transactions(number, &club.anna).iter().enumerate() {
                let key = format!("{number}-{place}").replace(' ', "_");
                let answer = shop.post("/v1/transactions", &key, body);
                assert_refused(world, &answer, number, &body.to_string());
                let line = {
                    let mut line = body.clone();
                    line["idempotency_key"] = format!("line-{key}").into();
                    line
                };
                let answers = shop.lines("/v1/transactions:batch", &[line]);
                assert_eq!(answers[0]["problem"]["code"], "card_number_refused", "{body}");
                assert!(!answers[0]["problem"].to_string().contains(number), "{body}");
            }
            for body in [json!({"card_tokens": [number]}), json!({"external_ids": [number]})] {
                let answer = shop.post("/v1/members", "m", &body);
                assert_refused(world, &answer, number, &body.to_string());
                let answer = world.operator.post("/v1/members", "m", &body);
                assert_refused(world, &answer, number, &body.to_string());
            }
            let by_reference = format!("/v1/transactions?kind=purchase&ref={}", encoded(number));
            let answer = shop.get(&by_reference);
            assert_eq!(answer.status, 400, "{by_reference}");
            assert!(!answer.text().contains(number), "{}", answer.text());
            let link = format!("/v1/members/{}/card-tokens", club.anna);
            let answer = shop.post(&link, "link", &json!({"card_token": number}));
            assert_refused(world, &answer, number, &link);
            for name in [format!("card:{number}"), format!("external:{number}")] {
                let target = format!("/v1/members/{}", encoded(&name));
                assert_refused(world, &shop.get(&target), number, &target);
                let target = format!("{target}/balances");
                assert_refused(world, &world.operator.get(&target), number, &target);
            }
        }
    });
}

#[test]
fn what_only_looks_like_a_card_number_is_taken() {
    both(|world| {
        let club = Club::new(world);
        // One digit off, so that the check digit is wrong; too short; too long.
        for reference in ["4111111111111112", "411111111111", "41111111111111111111"] {
            world.accept("shop", &purchase(reference, &club.anna, "10.00"));
        }
        world.add_member(&json!({"card_tokens": ["4111111111111112"]}));
    });
}

#[test]
fn a_linked_card_earns_for_its_member_and_belongs_to_no_other() {
    both(|world| {
        let club = Club::new(world);
        let other = world.add_member(&json!({"phone": "+79160000002"}));
        let bank = world.party("bank");
        let payment = json!({"kind": "card_payment", "ref": "C-1", "card_token": "par-2",
            "amount": "100.00"});
        let (status, code) = world.refuse("bank", &payment);
        assert_eq!((status, code.as_str()), (404, "unknown_card_token"));
        let link = |member: &str, key: &str| {
            let target = format!("/v1/members/{member}/card-tokens");
            bank.post(&target, key, &json!({"card_token": "par-2"}))
        };
        assert_eq!(link(&other, "l-1").status, 201);
        assert_eq!(link(&other, "l-2").status, 201, "linking twice changes nothing");
        let taken = link(&club.anna, "l-3");
        assert_eq!((taken.status, code_of(&taken).as_str()), (409, "identifier_taken"));
        world.accept("bank", &payment);
        assert_eq!(world.balance(&other, "club")["available"], "10");
        assert_eq!(world.balance(&club.anna, "club")["available"], "0");
    });
}
