//! One person, one profile: enrolment by several ways, what callers see, consents, the vault.

use coalition_partner::path::encoded;
use coalition_partner::{Answer, Outgoing};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::{Club, Setup, World, both, both_with, code_of, purchase, text};

/// Changes a profile.
pub fn patch(world: &World, caller: &Caller, member: &str, body: &Value) -> Answer {
    let (target, key) = (format!("/v1/members/{}/profile", encoded(member)), world.new_key());
    let body = body.to_string();
    caller.send(&Outgoing { method: "PATCH", ..Outgoing::post(&target, &key, body.as_bytes()) })
}

/// Enrols somebody; status, member and the whole answer.
pub fn enrol(world: &World, party: &str, body: &Value) -> (u16, String, Value) {
    let answer = world.party(party).post("/v1/members", &world.new_key(), body);
    assert!(answer.is_accepted(), "{body}: {}", answer.text());
    let shown: Value = answer.json().expect("it is JSON");
    (answer.status, text(&shown, "member"), shown)
}

/// A profile as a caller sees it.
pub fn profile(caller: &Caller, member: &str) -> Value {
    let answer = caller.get(&format!("/v1/members/{}/profile", encoded(member)));
    assert_eq!(answer.status, 200, "{member}: {}", answer.text());
    answer.json().expect("it is JSON")
}

fn wallet_body(phone: &str) -> Value {
    json!({"phone": phone, "verified": ["phone"], "source": "wallet",
        "profile": {"name": "Вера Павлова", "city": "Москва", "birth_date": "1990-05-17"},
        "consents": [{"purpose": "processing", "version": "2025-01"},
            {"purpose": "marketing", "channel": "push", "version": "2025-01"}]})
}

fn proposals(world: &World, state: &str) -> Vec<Value> {
    let answer = world.operator.get(&format!("/v1/merge-proposals?state={state}"));
    let body: Value = answer.json().expect("it is JSON");
    body["data"].as_array().expect("a list").clone()
}

#[test]
fn two_ways_of_enrolment_give_one_account() {
    both(|world| {
        Club::new(world);
        world.add_party("koshelek", "wallet");
        // By a form in the shop, then in the wallet, which verified the phone.
        let form = json!({"phone": "8 (916) 765-43-21", "external_ids": ["77"], "source": "till",
            "profile": {"name": "Вера"}});
        let (status, vera, shown) = enrol(world, "shop", &form);
        assert_eq!(
            (status, &shown["stage"], &shown["attached"]),
            (201, &json!("unconfirmed"), &json!(false))
        );
        let (status, same, shown) = enrol(world, "koshelek", &wallet_body("+79167654321"));
        assert_eq!((status, &same), (200, &vera));
        assert_eq!((&shown["stage"], &shown["attached"]), (&json!("member"), &json!(true)));
        // Once more, by another wallet's user, and by the shop's own id.
        assert_eq!(enrol(world, "koshelek", &wallet_body("916 765 43 21")).1, vera);
        let again =
            json!({"external_ids": ["77"], "email": "Vera@Example.org ", "source": "web_shop"});
        assert_eq!(enrol(world, "shop", &again).1, vera);
        let seen = profile(&world.operator, "email:vera@example.org");
        assert_eq!(seen["member"], json!(vera));
        assert_eq!((&seen["stage"], &seen["source"]), (&json!("member"), &json!("till")));
        let name = &seen["profile"]["name"];
        assert_eq!((&name["value"], &name["source"]), (&json!("Вера Павлова"), &json!("wallet")));
        let contacts = seen["contacts"].as_array().expect("a list");
        let values: Vec<&Value> = contacts.iter().map(|one| &one["value"]).collect();
        assert_eq!(values, [&json!("+79167654321"), &json!("vera@example.org")]);
        assert_eq!(contacts[0]["verified_at"], json!("2025-03-03T09:00:00Z"));
        assert_eq!(seen["consents"].as_array().map(Vec::len), Some(2));
        assert_eq!(proposals(world, "open"), Vec::<Value>::new());
    });
}

#[test]
fn a_known_name_that_nobody_showed_is_left_out_and_the_two_are_proposed() {
    both(|world| {
        let club = Club::new(world);
        let body = json!({"phone": "+79160000001", "external_ids": ["5"], "source": "web_shop"});
        let (status, other, _) = enrol(world, "shop", &body);
        assert_eq!(status, 201);
        assert_ne!(other, club.anna);
        let open = proposals(world, "open");
        assert_eq!(open.len(), 1, "{open:?}");
        assert_eq!((&open[0]["keep"], &open[0]["drop"]), (&json!(club.anna), &json!(other)));
        assert_eq!((&open[0]["reason"], &open[0]["party"]), (&json!("phone"), &json!("shop")));
        world.accept("shop", &purchase("R-1", "external:5", "100.00"));
        // Bodies of names alone are refused as ever.
        let plain = json!({"phone": "+79160000001"});
        let taken = world.party("shop").post("/v1/members", &world.new_key(), &plain);
        assert_eq!((taken.status, code_of(&taken).as_str()), (409, "identifier_taken"));

        let target = format!("/v1/merge-proposals/{}/accept", text(&open[0], "id"));
        for _ in 0..2 {
            let accepted = world.operator.post(&target, &world.new_key(), &json!({}));
            let shown: Value = accepted.json().expect("it is JSON");
            assert_eq!((accepted.status, &shown["state"]), (200, &json!("accepted")));
            assert!(shown["transaction"].is_string(), "{shown}");
        }
        assert_eq!(world.balance(&other, "club")["available"], "10", "the points moved");
        assert_eq!(profile(&world.operator, &other)["member"], json!(club.anna));
        let rejected =
            world.operator.post(&target.replace("accept", "reject"), &world.new_key(), &json!({}));
        assert_eq!((rejected.status, code_of(&rejected).as_str()), (409, "proposal_state"));
    });
}

#[test]
fn a_proposal_can_be_rejected_and_two_verified_names_of_two_members_are_proposed() {
    both(|world| {
        let club = Club::new(world);
        world.add_party("koshelek", "wallet");
        let boris = world.add_member(&json!({"email": "boris@example.org"}));
        let body = json!({"phone": "+79160000001", "email": "boris@example.org",
            "verified": ["phone", "email"], "source": "wallet"});
        let (status, member, _) = enrol(world, "koshelek", &body);
        assert_eq!((status, &member), (200, &club.anna), "the phone leads");
        let open = proposals(world, "open");
        assert_eq!((&open[0]["keep"], &open[0]["drop"]), (&json!(club.anna), &json!(boris)));
        let target = format!("/v1/merge-proposals/{}/reject", text(&open[0], "id"));
        let rejected = world.operator.post(&target, &world.new_key(), &json!({}));
        assert_eq!(rejected.status, 200, "{}", rejected.text());
        assert_eq!((proposals(world, "open").len(), proposals(world, "rejected").len()), (0, 1));
        assert_eq!(profile(&world.operator, "email:boris@example.org")["member"], json!(boris));
    });
}

#[test]
fn only_who_may_says_that_a_name_was_verified() {
    both(|world| {
        Club::new(world);
        let body = json!({"phone": "+79160000001", "verified": ["phone"], "source": "till"});
        let refused = world.party("shop").post("/v1/members", &world.new_key(), &body);
        assert_eq!((refused.status, code_of(&refused).as_str()), (403, "verification_not_trusted"));
        for (body, pointer) in [
            (json!({"phone": "007916123", "source": "till"}), "/phone"),
            (json!({"phone": "8-800-FLOWERS"}), "/phone"),
            (json!({"email": "a@b.c", "verified": ["phone"]}), "/verified/0"),
            (json!({"email": "a@b.c", "profile": {"name": ""}}), "/profile/name"),
            (
                json!({"email": "a@b.c", "profile": {"birth_date": "2025-03-04"}}),
                "/profile/birth_date",
            ),
            (
                json!({"email": "a@b.c", "profile": {"city": "4111 1111 1111 1111"}}),
                "/profile/city",
            ),
            (
                json!({"email": "a@b.c", "consents": [{"purpose": "marketing", "version": "1",
                "at": "2026-01-01T00:00:00Z"}]}),
                "/consents/0/at",
            ),
        ] {
            let refused = world.operator.post("/v1/members", &world.new_key(), &body);
            assert_eq!(refused.status, 400, "{body}: {}", refused.text());
            assert!(refused.text().contains(pointer), "{body}: {}", refused.text());
        }
        let unknown = json!({"email": "a@b.c", "profile": {"shoe_size": "42"}});
        assert_eq!(world.operator.post("/v1/members", "u", &unknown).status, 400);
    });
}

#[test]
fn each_caller_sees_and_changes_what_it_may() {
    both(|world| {
        Club::new(world);
        world.add_party("koshelek", "wallet");
        world.add_party("stranger", "retailer");
        let (_, vera, _) = enrol(world, "koshelek", &wallet_body("+79167654321"));
        assert_eq!(world.party("brand").get(&format!("/v1/members/{vera}/profile")).status, 404);
        world.accept("shop", &purchase("R-1", &vera, "100.00"));
        let all = profile(&world.operator, &vera);
        assert_eq!(profile(world.party("brand"), &vera), all, "the brand's own member");
        assert_eq!(profile(world.party("koshelek"), &vera), all, "it gave all of it");
        for caller in [world.party("stranger"), world.party("shop")] {
            let missing = caller.get(&format!("/v1/members/{vera}/profile"));
            assert_eq!((missing.status, code_of(&missing).as_str()), (404, "not_found"));
        }
        assert_eq!(world.auditor().get(&format!("/v1/members/{vera}/profile")).status, 403);

        let call =
            json!({"source": "call_centre", "profile": {"language": "ru", "city": "Казань"}});
        let changed = patch(world, &world.operator, &vera, &call);
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(changed.json::<Value>().expect("JSON")["changed"], json!(["city", "language"]));
        assert!(!changed.text().contains("Казань"), "an answer is kept, a value is not");
        let seen = profile(world.party("koshelek"), &vera);
        assert_eq!(seen["profile"]["city"], Value::Null, "another gave it");
        let seen = profile(&world.operator, &vera);
        assert_eq!(seen["profile"]["city"]["source"], "call_centre");
        let own = json!({"profile": {"city": "Москва"}});
        let refused = patch(world, world.party("koshelek"), &vera, &own);
        assert_eq!((refused.status, code_of(&refused).as_str()), (403, "field_of_another"));
        let gone =
            patch(world, world.party("koshelek"), &vera, &json!({"profile": {"name": null}}));
        assert_eq!(gone.status, 200, "{}", gone.text());
        assert_eq!(profile(&world.operator, &vera)["profile"]["name"], Value::Null);
    });
}

#[test]
fn the_latest_word_on_a_channel_counts() {
    both(|world| {
        let club = Club::new(world);
        let target = format!("/v1/members/{}/consents", club.anna);
        let say = |body: Value| {
            let answer = world.operator.post(&target, &world.new_key(), &body);
            assert_eq!(answer.status, 201, "{}", answer.text());
        };
        say(json!({"purpose": "marketing", "version": "1"}));
        say(json!({"purpose": "marketing", "channel": "sms", "given": false, "version": "1"}));
        say(json!({"purpose": "marketing", "channel": "push", "version": "1"}));
        say(json!({"purpose": "marketing", "channel": "push", "given": false, "version": "2"}));
        let may = |channel: &str| {
            use coalition::domain::person::Channel;
            use coalition::store::{Use, consents};
            let address = world.settings.address().expect("an address");
            let mut database = address.open(Use::Read).expect("the database is there");
            let member = club.anna.parse().expect("a member");
            let channel = Channel::named(channel).expect("a channel");
            let may = consents::may_contact(&mut database, &[member], channel);
            may.expect("the database answers").contains(&member)
        };
        let all = ["push", "sms", "email", "call"].map(may);
        assert_eq!(all, [false, false, true, true]);
        let stranger = world.party("bank").post(
            &target,
            "c",
            &json!({"purpose": "marketing", "version": "1"}),
        );
        assert_eq!(stranger.status, 404, "{}", stranger.text());
    });
}

#[test]
fn a_vault_of_a_file_stays_out_of_the_database() {
    let folder = tempfile::tempdir().expect("a folder");
    let key = folder.path().join("vault.key");
    std::fs::write(&key, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").expect("a file");
    let mut setup = Setup::default();
    setup.settings.vault_key_file = Some(key.clone());
    both_with(&setup, |world| {
        let anna = world.add_member(&json!({"phone": "+79160000001"}));
        world.restart();
        assert_eq!(profile(&world.operator, "phone:+79160000001")["member"], json!(anna));
        let address = world.settings.address().expect("an address");
        let mut database = address.open(coalition::store::Use::Read).expect("it is there");
        let there = coalition::store::configurations::setting(&mut database, "vault_key");
        assert_eq!(there.expect("the database answers"), None);
        let another = folder.path().join("other.key");
        std::fs::write(&another, "AQECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=").expect("a file");
        let mut settings = world.settings.clone();
        settings.vault_key_file = Some(another);
        let refused = coalition::server::set_up(&settings).expect_err("it is another key");
        assert!(refused.to_string().contains("not the key of the vault"), "{refused}");
    });
}
