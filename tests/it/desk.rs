//! The help desk: what is answered, to whom, and that it is written down.

use coalition::clock::unix_now;
use coalition::settings::{Settings, SlackDocument};
use coalition_partner::{Answer, Credentials, Outgoing};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::caller::Caller;
use crate::contract;
use crate::support::{Club, Setup, World, both, both_with, code_of, purchase, text};

fn ask(caller: &Caller, query: &str) -> Value {
    let answer = caller.get(&format!("/v1/desk?{query}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// A member with points that wait, some that are spent, and a level.
fn story(world: &mut World) -> String {
    let anna = Club::new(world).anna;
    world.add_programme(&json!({
        "id": "slow", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"step": {"points": "5", "per": "100.00"}},
        "hold_days": 14, "expire": {"months": 6}, "burn": {"max_share": "1"},
        "tiers": {"metric": "spend", "window": "lifetime",
            "levels": [{"id": "want", "from": "500.00"}]}
    }));
    world.add_agreement(&json!({
        "programme": "slow", "party": "shop",
        "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00"}
    }));
    world.accept("shop", &purchase("R-1", &anna, "599.90"));
    let mut slow = purchase("order-123", &anna, "590.00");
    slow["programme"] = json!("slow");
    world.accept("shop", &slow);
    anna
}

#[test]
fn one_read_says_how_much_when_and_why() {
    both(|world| {
        let anna = story(world);
        let support = world.support_named("olga");
        let card = ask(&support, "phone=%2B79160000001");
        assert_eq!(card["member"], json!(anna));
        assert_eq!(card["contact"], json!({"phone": "+7916***0001", "email": "a***@example.org"}));
        assert_eq!(
            card["says"],
            json!([
                "club: 59 can be spent, 59 are lost after 2026-03-03.",
                "slow: 0 can be spent, 25 wait (25 2025-03-17), 25 are lost after 2025-09-03; level want.",
            ])
        );
        for query in
            ["email=anna%40example.org", "card=par-anna-1", "receipt=R-1", "receipt=R-1&party=shop"]
        {
            assert_eq!(ask(&support, query)["member"], json!(anna), "{query}");
        }
        let card = ask(&support, "receipt=order-123");
        let said = card["says"][0].as_str().expect("a sentence");
        assert_eq!(
            said,
            "order-123 at shop (2025-03-03): 25 earned in slow: 5 for each whole 100.00 of 590.00 = 25. \
             They can be spent from 2025-03-17 through 2025-09-03."
        );
        let part = &card["asked"][0]["parts"][0];
        assert_eq!(
            (&part["eligible"], &part["lot"]["state"]),
            (&json!("590.00"), &json!("pending"))
        );
        let said = ask(&support, "receipt=R-1")["says"][0].as_str().expect("text").to_owned();
        assert!(said.contains("599.90 × 0.1 = 59, rounded down"), "{said}");
        assert_eq!(card["latest"].as_array().map(Vec::len), Some(2));
        // The operator sees contacts as they are.
        let card = ask(&world.operator, "phone=%2B79160000001");
        assert_eq!(card["contact"]["phone"], "+79160000001");
    });
}

#[test]
fn a_receipt_that_came_back_and_points_that_are_gone_are_told_so() {
    both(|world| {
        let anna = story(world);
        let refund = json!({"kind": "refund", "ref": "B-1", "of": "R-1", "amount": "599.90"});
        world.accept("shop", &refund);
        let support = world.support_named("olga");
        let says = |query: &str| ask(&support, query)["says"][0].as_str().expect("text").to_owned();
        assert!(
            says("receipt=R-1").ends_with("Nothing of them is left."),
            "{}",
            says("receipt=R-1")
        );
        assert!(says("receipt=B-1").contains("0 came back and 59 were taken back in club"));
        world.accept("bank", &purchase("R-1", &anna, "100.00"));
        assert_eq!(ask(&support, "receipt=R-1")["asked"].as_array().map(Vec::len), Some(2));
        let boris = world.add_member(&json!({"phone": "+79160000002"}));
        let nothing = ask(&support, "phone=%2B79160000002");
        assert_eq!(nothing["member"], json!(boris));
        assert_eq!(nothing["says"], json!(["Nothing has happened for this member yet."]));
        // One reference of two members has to be told apart.
        world.accept("shop", &purchase("R-7", &anna, "10.00"));
        world.accept("bank", &purchase("R-7", &boris, "10.00"));
        let answer = support.get("/v1/desk?receipt=R-7");
        assert_eq!((answer.status, code_of(&answer).as_str()), (400, "invalid_request"));
        assert_eq!(ask(&support, "receipt=R-7&party=bank")["member"], json!(boris));
    });
}

#[test]
fn every_look_up_is_written_down_and_only_auditors_and_operators_read_that() {
    both(|world| {
        let anna = story(world);
        let olga = world.support_named("olga");
        ask(&olga, "phone=%2B79160000001");
        let nobody = olga.get("/v1/desk?phone=%2B79169999999");
        assert_eq!((nobody.status, code_of(&nobody).as_str()), (404, "unknown_member"));
        ask(&world.operator, "phone=%2B79160000001");
        let read = |query: &str| -> Vec<Value> {
            let page = world.auditor().get(&format!("/v1/desk/reads{query}"));
            let page: Value = page.json().expect("it is JSON");
            page["data"].as_array().expect("a list").clone()
        };
        let all = read("");
        assert_eq!(all.len(), 3);
        assert_eq!(read("?person=olga").len(), 2);
        let of_anna = read(&format!("?member={anna}"));
        assert_eq!(of_anna.len(), 2);
        assert_eq!(of_anna[0]["what"], of_anna[1]["what"], "the same question");
        assert!(all.iter().any(|one| one["member"].is_null() && one["person"] == "olga"));
        let told: String = all.iter().map(ToString::to_string).collect();
        assert!(!told.contains("9160000001") && !told.contains("9169999999"));
        // Page by page.
        let page: Value = world.auditor().get("/v1/desk/reads?limit=2").json().expect("it is JSON");
        let rest = read(&format!("?limit=2&cursor={}", text(&page["page"], "next")));
        assert_eq!(rest.len(), 1);
        for (caller, target) in [
            (&olga, "/v1/desk/reads"),
            (&olga, "/v1/members/m_0_1"),
            (&olga, "/v1/events"),
            (&world.finance(), "/v1/desk?phone=%2B79160000001"),
            (&world.auditor(), "/v1/desk?phone=%2B79160000001"),
            (&world.finance(), "/v1/desk/reads"),
        ] {
            let answer = caller.get(target);
            assert_eq!(
                (answer.status, code_of(&answer).as_str()),
                (403, "role_not_allowed"),
                "{target}"
            );
        }
        for query in
            ["", "phone=123", "phone=%2B79160000001&card=par-anna-1", "name=anna", "receipt="]
        {
            let answer = olga.get(&format!("/v1/desk?{query}"));
            assert_eq!(
                (answer.status, code_of(&answer).as_str()),
                (400, "invalid_request"),
                "{query}"
            );
        }
        let answer = olga.get("/v1/desk?card=4111111111111111");
        assert_eq!(code_of(&answer), "card_number_refused");
    });
}

const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// Sends a command as Slack does.
fn command(world: &World, body: &str, (at, secret): (i64, &str)) -> Answer {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("any length will do");
    mac.update(format!("v0:{at}:{body}").as_bytes());
    let digits = hex::encode(mac.finalize().into_bytes());
    let (at, signature) = (at.to_string(), format!("v0={digits}"));
    let headers =
        [("x-slack-request-timestamp", at.as_str()), ("x-slack-signature", signature.as_str())];
    let nobody = world.calling(Credentials::Nobody);
    let answer = nobody.send(&Outgoing {
        method: "POST",
        content_type: "application/x-www-form-urlencoded",
        body: Some(body.as_bytes()),
        headers: &headers,
        ..Outgoing::get("/slack/commands")
    });
    contract::check("POST", "/slack/commands", &answer);
    answer
}

#[test]
fn slack_is_answered_if_it_signed_and_the_person_is_known() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, format!("{SECRET}\n")).expect("it is written");
    let people = [("U123".to_owned(), "olga".to_owned())].into();
    let slack = SlackDocument { secret_file: Some(file), people };
    let usual = Setup::default();
    let setup = Setup { settings: Settings { slack, ..usual.settings.clone() }, ..usual };
    both_with(&setup, |world| {
        let anna = story(world);
        let now = unix_now();
        let said = |body: &str| {
            let answer = command(world, body, (now, SECRET));
            assert_eq!(answer.status, 200, "{}", answer.text());
            text(&answer.json().expect("it is JSON"), "text")
        };
        let told = said("user_id=U123&command=%2Fpoints&text=%2B7+916+000-00-01");
        assert!(told.starts_with(&format!("{anna} +7916***0001 a***@example.org\n")), "{told}");
        assert!(told.contains("club: 59 can be spent") && told.contains("level want"), "{told}");
        assert!(said("user_id=U123&text=order+order-123").contains("25 earned in slow"));
        assert_eq!(said("user_id=U123&text=%2B79169999999"), "Nobody is known by this.");
        assert!(said("user_id=U999&text=%2B79160000001").starts_with("You are not known"));
        assert!(said("user_id=U123&text=4111111111111111").contains("bank card"));
        assert!(said("user_id=U123&text=").starts_with("I can't look that up"));
        let reads: Value = world.auditor().get("/v1/desk/reads").json().expect("it is JSON");
        let reads = reads["data"].as_array().expect("a list");
        assert_eq!(reads.len(), 3, "who is not known asked nothing");
        assert!(reads.iter().all(|one| one["via"] == "slack" && one["person"] == "olga"));

        let body = "user_id=U123&text=%2B79160000001&trigger_id=2";
        for (sent, code) in [
            (command(world, body, (now, "another")), "signature_invalid"),
            (command(world, body, (now - 301, SECRET)), "signature_invalid"),
        ] {
            assert_eq!((sent.status, code_of(&sent).as_str()), (401, code));
        }
        assert_eq!(command(world, body, (now, SECRET)).status, 200);
        let again = command(world, body, (now, SECRET));
        assert_eq!((again.status, code_of(&again).as_str()), (401, "nonce_reused"));
    });
}
