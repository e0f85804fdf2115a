//! Erasure and export: who is erased is found nowhere, and the books stay whole.

use std::path::Path;

use coalition_partner::path::encoded;
use serde_json::{Value, json};

use crate::people::{enrol, patch, profile};
use crate::support::{Club, World, both, code_of, purchase};

const NAME: &str = "Канарейкин Кенар Пернатович";
const PHONE: &str = "+79163141592";
const MAIL: &str = "kanareykin@clearly-a-canary.example";

/// Everything that the database holds, as bytes: the files of SQLite, all rows of PostgreSQL.
fn everything(world: &World) -> Vec<u8> {
    use coalition::store::Kind;
    let address = world.settings.address().expect("an address");
    if address.kind() == Kind::Sqlite {
        let file = world.settings.database.trim_start_matches("sqlite:");
        let all = ["", "-wal", "-shm"].map(|end| format!("{file}{end}"));
        let there = all.iter().filter(|file| Path::new(file).exists());
        return there.flat_map(|file| std::fs::read(file).expect("it can be read")).collect();
    }
    crate::migrations::dump(&world.settings.database).into_bytes()
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

fn canary(world: &World) -> String {
    let body = json!({"phone": PHONE, "email": MAIL, "external_ids": ["crm-314"],
        "card_tokens": ["par-canary"], "verified": ["phone"], "source": "wallet",
        "profile": {"name": NAME, "city": "Пернатск", "birth_date": "1991-02-03"},
        "consents": [{"purpose": "processing", "version": "2025-01"}]});
    enrol(world, "koshelek", &body).1
}

#[test]
fn an_erased_member_is_found_nowhere_and_the_books_stay_whole() {
    both(|world| {
        Club::new(world);
        world.add_party("koshelek", "wallet");
        let member = canary(world);
        world.accept("shop", &purchase("R-1", &format!("phone:{PHONE}"), "1000.00"));
        patch(world, &world.operator, &member, &json!({"profile": {"city": "Канарск"}}));
        let stored = everything(world);
        for text in [NAME, PHONE, MAIL, "79163141592", "clearly-a-canary"] {
            assert!(!holds(&stored, text), "{text} stands in clear before the erasure");
        }
        assert!(holds(&stored, "crm-314"), "what is looked at is the database");

        let target = format!("/v1/members/{}/erase", encoded(&member));
        let key = world.new_key();
        let erased = world.operator.post(&target, &key, &json!({}));
        assert_eq!(erased.status, 200, "{}", erased.text());
        let again = world.operator.post(&target, &key, &json!({}));
        assert_eq!((again.status, again.replayed), (200, true));

        for name in [member.clone(), format!("phone:{PHONE}"), format!("email:{MAIL}")] {
            let gone = world.operator.get(&format!("/v1/members/{}", encoded(&name)));
            assert_eq!((gone.status, code_of(&gone).as_str()), (404, "unknown_member"), "{name}");
            // Names that the server remembers lead nowhere as well.
            let refused = world
                .refuse("shop", &purchase(&format!("N-{name}").replace('+', ""), &name, "10.00"));
            assert_eq!(refused, (404, "unknown_member".to_owned()), "{name}");
        }
        let card = json!({"kind": "card_payment", "ref": "C-1", "card_token": "par-canary", "amount": "10.00"});
        assert_eq!(world.refuse("bank", &card).0, 404);
        // A receipt of theirs can still be refunded.
        let refund = json!({"kind": "refund", "ref": "F-1", "of": "R-1", "amount": "100.00"});
        world.accept("shop", &refund);

        let rows = tables_of(world, &member);
        assert_eq!(rows, (0, 0, 0, 1), "names, sealed names, consents; the tombstone");
        let told = outbox_of(world);
        assert_eq!(told, [("member.erased".to_owned(), Some("club".to_owned()))]);
        // Who enrols again is somebody else.
        assert_ne!(canary(world), member);
    });
}

/// Names, sealed names and consents of a member, and erased persons without a key.
fn tables_of(world: &World, member: &str) -> (i64, i64, i64, i64) {
    let id: coalition::domain::ids::MemberId = member.parse().expect("a member");
    let count = |question: String| crate::migrations::number(&world.settings.database, &question);
    (
        count(format!("SELECT count(*) AS number FROM member_names WHERE member = {}", id.0)),
        count(format!("SELECT count(*) AS number FROM personal_names WHERE person = {}", id.0)),
        count(format!("SELECT count(*) AS number FROM consents WHERE member = {}", id.0)),
        count(format!(
            "SELECT count(*) AS number FROM persons WHERE member = {} AND stage = 'erased' \
             AND sealed_key IS NULL AND sealed IS NULL AND city IS NULL",
            id.0
        )),
    )
}

fn outbox_of(world: &World) -> Vec<(String, Option<String>)> {
    let address = world.settings.address().expect("an address");
    let mut database = address.open(coalition::store::Use::Read).expect("it is there");
    let facts = coalition::store::outbox::after(&mut database, 0, 100).expect("it answers");
    facts.into_iter().map(|fact| (fact.event, fact.programme)).collect()
}

#[test]
fn a_brand_decides_for_its_own_members_alone() {
    both(|world| {
        Club::new(world);
        world.add_party("koshelek", "wallet");
        world.add_party("other", "brand");
        let member = canary(world);
        world.accept("shop", &purchase("R-1", &member, "1000.00"));
        let erase = format!("/v1/members/{member}/erase");
        for (caller, status) in [("other", 404), ("shop", 404), ("koshelek", 403)] {
            let refused = world.party(caller).post(&erase, &world.new_key(), &json!({}));
            assert_eq!(refused.status, status, "{caller}: {}", refused.text());
        }
        assert_eq!(world.auditor().post(&erase, "a", &json!({})).status, 403);
        let export = world.party("brand").get(&format!("/v1/members/{member}/export"));
        let shown: Value = export.json().expect("it is JSON");
        assert_eq!(shown["profile"]["name"]["value"], NAME);
        assert_eq!(shown["balances"][0]["available"], "100");
        assert_eq!(shown["transactions"].as_array().map(Vec::len), Some(1));
        let names: Vec<&str> = shown["names"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["name"].as_str())
            .collect();
        let due = [
            format!("phone:{PHONE}"),
            format!("email:{MAIL}"),
            "external:crm-314".into(),
            "card:par-canary".into(),
        ];
        assert_eq!(names, due.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(world.party("brand").post(&erase, &world.new_key(), &json!({})).status, 200);
    });
}

#[test]
fn who_was_merged_is_erased_with_what_they_became() {
    both(|world| {
        let club = Club::new(world);
        world.add_party("koshelek", "wallet");
        let member = canary(world);
        let keep = club.anna.clone();
        world.accept("koshelek", &json!({"kind": "merge", "keep": keep, "drop": member}));
        assert_eq!(profile(&world.operator, &member)["profile"]["name"]["value"], NAME);
        let erased = world.operator.post(
            &format!("/v1/members/{member}/erase"),
            &world.new_key(),
            &json!({}),
        );
        assert_eq!(erased.status, 200, "{}", erased.text());
        for one in [&member, &keep] {
            assert_eq!(world.operator.get(&format!("/v1/members/{one}")).status, 404);
        }
        assert_eq!(tables_of(world, &member), (0, 0, 0, 1));
        assert_eq!(tables_of(world, &keep), (0, 0, 0, 1));
        let told: Vec<(String, Option<String>)> = outbox_of(world);
        let due = [("member.merged", None), ("member.erased", None)];
        assert_eq!(told, due.map(|(event, programme)| (event.to_owned(), programme)));
        assert!(!holds(&everything(world), "anna@example.org"));
    });
}

#[test]
fn another_server_that_remembers_a_name_learns_that_it_leads_elsewhere() {
    both(|world| {
        let club = Club::new(world);
        world.add_party("koshelek", "wallet");
        let member = canary(world);
        let clock = std::sync::Arc::clone(&world.clock);
        let second = coalition::server::start(&world.settings, clock).expect("it starts");
        let shop = world.party("shop").at(&second.url());
        let post = |reference: &str| {
            let body = purchase(reference, &format!("phone:{PHONE}"), "100.00");
            shop.post("/v1/transactions", &world.new_key(), &body)
        };
        assert_eq!(post("R-1").status, 201);
        let merge = json!({"kind": "merge", "keep": club.anna, "drop": member});
        let merge = world.accept("koshelek", &merge);
        assert_eq!(post("R-2").json::<Value>().expect("JSON")["member"], json!(club.anna));
        let undo = format!("/v1/merges/{}/undo", crate::support::text(&merge, "id"));
        assert_eq!(world.operator.post(&undo, &world.new_key(), &json!({})).status, 201);
        assert_eq!(post("R-3").json::<Value>().expect("JSON")["member"], json!(member));
        let erase = format!("/v1/members/{member}/erase");
        assert_eq!(world.operator.post(&erase, &world.new_key(), &json!({})).status, 200);
        let refused = post("R-4");
        assert_eq!((refused.status, code_of(&refused).as_str()), (404, "unknown_member"));
        drop(second);
    });
}
