//! Cards: issued once, their numbers, their states and who may change them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cards_world::{ask, club, club_with, face, facts, grant, issue, refusal, step};
use crate::support::{Setup, World, both, both_with, purchase, text};

#[test]
fn a_wallet_issues_one_card_and_its_number_names_the_member() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let body = json!({"programme": "club", "member": "phone:+79160000001"});
        let wallet = world.party("wallet");
        let first = wallet.post("/v1/cards", "c-1", &body);
        assert_eq!(first.status, 201, "{}", first.text());
        let card: Value = first.json().expect("it is JSON");
        let number = text(&card, "number");
        assert_eq!((number.len(), &number[..4]), (16, "9643"));
        assert_eq!(card["barcode"], json!({"kind": "qr", "value": number, "rotating": false}));
        assert_eq!((&card["member"], &card["state"]), (&json!(anna), &json!("active")));

        let again = wallet.post("/v1/cards", "c-1", &body);
        assert_eq!((again.status, again.replayed, again.body), (201, true, first.body));
        let (status, same) = ask(world, "wallet", &anna);
        assert_eq!((status, same["number"].as_str()), (200, Some(number.as_str())));
        assert_ne!(issue(world, "other", &anna), number, "another wallet has a card of its own");

        let bought = world.accept("shop", &purchase("R-1", &format!("loyalty:{number}"), "50.00"));
        assert_eq!(bought["member"], json!(anna));
        let told: Vec<_> = facts(world)
            .into_iter()
            .filter(|fact| fact.data["card"] == json!(number))
            .map(|fact| (fact.event, fact.party))
            .collect();
        let to = |party: &str| ("card.issued".to_owned(), Some(party.to_owned()));
        assert_eq!(told, [to("wallet"), to("brand")]);
    });
}

#[test]
fn who_may_not_issue_is_refused() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let asks = |party: &str, programme: &str, member: &str| {
            let body = json!({"programme": programme, "member": member});
            refusal(&world.party(party).post("/v1/cards", &world.new_key(), &body))
        };
        assert_eq!(asks("shop", "club", &anna), (403, "role_not_allowed".to_owned()));
        let unknown = asks("wallet", "club", "phone:+79169999999");
        assert_eq!(unknown, (404, "unknown_member".to_owned()));
        let none = asks("wallet", "nothing", &anna);
        assert_eq!(none, (422, "programme_issues_no_cards".to_owned()));
        // The brand's own app is a wallet too.
        let body = json!({"programme": "club", "member": anna});
        assert_eq!(world.party("brand").post("/v1/cards", "b-1", &body).status, 201);
    });
}

#[test]
fn requests_side_by_side_make_one_card() {
    let setup = Setup::default().with_shards(4);
    both_with(&setup, |world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let world = &*world;
        let asked = || {
            std::thread::scope(|scope| {
                let threads: Vec<_> =
                    (0..8).map(|_| scope.spawn(|| ask(world, "wallet", &anna))).collect();
                threads.into_iter().map(|one| one.join().expect("it answers")).collect::<Vec<_>>()
            })
        };
        let answers = asked();
        let numbers: BTreeSet<String> =
            answers.iter().map(|(_, card)| text(card, "number")).collect();
        assert_eq!(numbers.len(), 1, "{answers:?}");
        assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1);
    });
}

#[test]
fn numbers_are_ean_13_where_the_barcode_is_and_never_given_twice() {
    let setup = Setup::default().with_shards(2);
    both_with(&setup, |world| {
        // A thousand numbers: sixty drawn at random would meet.
        let card = json!({"title": "Club", "prefix": "964300000001"});
        club(world, &card);
        let world = &*world;
        let mut numbers = BTreeSet::new();
        let phones: Vec<String> = (0..60).map(|one| format!("+791611111{one:02}")).collect();
        let members: Vec<String> =
            phones.iter().map(|phone| world.add_member(&json!({"phone": phone}))).collect();
        std::thread::scope(|scope| {
            let some: Vec<_> = members
                .chunks(15)
                .map(|some| {
                    scope.spawn(move || {
                        some.iter().map(|one| issue(world, "wallet", one)).collect::<Vec<_>>()
                    })
                })
                .collect();
            for one in some {
                numbers.extend(one.join().expect("it answers"));
            }
        });
        assert_eq!(numbers.len(), 60);

        world.add_programme(&club_with(&json!({"title": "Club", "barcode": "ean13"})));
        let boris = world.add_member(&json!({"phone": "+79160000007"}));
        let number = issue(world, "wallet", &boris);
        assert_eq!((number.len(), &number[..2]), (13, "29"));
        let bought = world.accept("shop", &purchase("R-1", &format!("loyalty:{number}"), "50.00"));
        assert_eq!(bought["member"], json!(boris));
        // A card of 16 digits is shown as what can show it.
        let old = numbers.first().expect("there are some");
        assert_eq!(face(world, old)["barcode"]["kind"], "code128");
    });
}

fn burn(world: &World, number: &str) -> (u16, String) {
    let key = world.new_key();
    let mut body = purchase(&format!("B-{key}"), &format!("loyalty:{number}"), "10.00");
    body["burn"] = json!("1");
    let answer = world.party("shop").post("/v1/transactions", &key, &body);
    if answer.is_accepted() { (answer.status, String::new()) } else { refusal(&answer) }
}

#[test]
fn a_frozen_card_earns_and_does_not_burn_and_who_froze_it_thaws_it() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        grant(world, &anna, "100", "2025-12-31");
        let inactive = (422, "card_not_active".to_owned());
        let fine = (201, String::new());
        assert_eq!(burn(world, &number), fine);
        let mut first = purchase("R-7", &format!("loyalty:{number}"), "10.00");
        first["burn"] = json!("1");
        world.accept("shop", &first);
        assert_eq!(step(world, "wallet", &number, "freeze").status, 200);
        assert_eq!(burn(world, &number), inactive);
        assert_eq!(world.refuse("shop", &first), (409, "duplicate_reference".to_owned()));
        first["ref"] = json!("R-6");
        first["burn"] = json!("0");
        world.accept("shop", &first);
        world.accept("shop", &purchase("R-9", &format!("loyalty:{number}"), "50.00"));
        assert_eq!(step(world, "wallet", &number, "unfreeze").status, 200);
        assert_eq!(burn(world, &number), fine);

        assert_eq!(step(world, "brand", &number, "freeze").status, 200);
        for name in ["unfreeze", "replace", "close"] {
            let answer = step(world, "wallet", &number, name);
            assert_eq!(refusal(&answer), (422, "card_frozen".to_owned()), "{name}");
        }
        let blocked = ask(world, "wallet", &anna);
        assert_eq!((blocked.0, &blocked.1["code"]), (422, &json!("card_frozen")));
        assert!(!blocked.1.to_string().contains(&number), "the card is not shown");
        assert_eq!(step(world, "operator", &number, "freeze").status, 200);
        let below = step(world, "brand", &number, "unfreeze");
        assert_eq!(refusal(&below), (422, "card_frozen".to_owned()));
        assert_eq!(step(world, "operator", &number, "unfreeze").status, 200);
        assert_eq!(burn(world, &number), fine);
        for (party, code) in [("other", "unknown_card"), ("shop", "unknown_card")] {
            let answer = step(world, party, &number, "freeze");
            assert_eq!(refusal(&answer), (404, code.to_owned()));
        }
        let told = facts(world).into_iter().filter(|fact| fact.event == "card.changed");
        let states: Vec<_> = told
            .filter(|fact| fact.party.as_deref() == Some("wallet"))
            .map(|fact| text(&fact.data, "state"))
            .collect();
        assert_eq!(states, ["frozen", "active", "frozen", "active"]);
    });
}

#[test]
fn a_replaced_card_keeps_its_points_under_a_new_number() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let old = issue(world, "wallet", &anna);
        grant(world, &anna, "100", "2025-12-31");
        let replaced = step(world, "wallet", &old, "replace");
        assert_eq!(replaced.status, 200, "{}", replaced.text());
        let card: Value = replaced.json().expect("it is JSON");
        let new = text(&card, "number");
        assert_ne!(new, old);
        assert_eq!(card["state"], "active");
        let again: Value = step(world, "wallet", &old, "replace").json().expect("it is JSON");
        assert_eq!(text(&again, "number"), new, "replacing it again gives the same card");
        assert_eq!(face(world, &old)["replaced_by"], json!(new));
        assert_eq!(face(world, &new)["balance"]["available"], "100");
        assert_eq!(burn(world, &old), (422, "card_not_active".to_owned()));
        assert_eq!(burn(world, &new), (201, String::new()));
        world.accept("shop", &purchase("R-8", &format!("loyalty:{old}"), "10.00"));
        assert_eq!(ask(world, "wallet", &anna).1["number"], json!(new));

        assert_eq!(step(world, "wallet", &new, "close").status, 200);
        let ended = step(world, "wallet", &new, "unfreeze");
        assert_eq!(refusal(&ended), (409, "card_ended".to_owned()));
        let third = issue(world, "wallet", &anna);
        assert!(![&old, &new].contains(&&third));
        let told = facts(world).into_iter().filter(|one| one.party.as_deref() == Some("wallet"));
        let told: Vec<_> = told.map(|one| (one.event, text(&one.data, "card"))).collect();
        let fact = |event: &str, number: &str| (event.to_owned(), number.to_owned());
        let due = [
            fact("card.issued", &old),
            fact("card.changed", &old),
            fact("card.issued", &new),
            fact("card.changed", &new),
            fact("card.issued", &third),
        ];
        assert_eq!(told, due);
    });
}

#[test]
fn a_card_follows_its_member_into_another() {
    let setup = Setup::default().with_shards(4);
    both_with(&setup, |world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let boris = world.add_member(&json!({"phone": "+79160000002"}));
        let number = issue(world, "wallet", &boris);
        grant(world, &boris, "70", "2025-12-31");
        grant(world, &anna, "30", "2025-12-31");
        world.accept("brand", &json!({"kind": "merge", "keep": anna, "drop": boris}));
        let shown = face(world, &number);
        assert_eq!(
            (&shown["member"], &shown["balance"]["available"]),
            (&json!(anna), &json!("100"))
        );
        assert_eq!(ask(world, "wallet", &anna).1["number"], json!(number));
        assert_eq!(step(world, "wallet", &number, "freeze").status, 200);
        assert_eq!(burn(world, &number), (422, "card_not_active".to_owned()));
        let replaced = step(world, "wallet", &number, "replace");
        let new = text(&replaced.json().expect("it is JSON"), "number");
        assert_eq!(burn(world, &new), (201, String::new()));
        assert_eq!(face(world, &new)["member"], json!(anna));
    });
}

#[test]
fn the_catalogue_shows_the_programmes_that_issue_cards() {
    both(|world| {
        let card = json!({"title": "Club", "terms": "Be kind.", "barcode": "aztec",
            "colors": {"background": "#0c2238"}, "art_url": "https://club.example/card.png"});
        club(world, &card);
        world.add_programme(&json!({
            "id": "plain", "brand": "brand", "unit": {"name": "point"}, "point_value": "1.00",
            "expire": "never"
        }));
        let shown: Value = world.party("wallet").get("/v1/catalogue").json().expect("it is JSON");
        let data = shown["data"].as_array().expect("a list");
        assert_eq!(data.len(), 1);
        assert_eq!(data[0]["colors"], json!({"background": "#0C2238", "text": "#FFFFFF"}));
        assert_eq!(data[0]["barcode"], json!({"kind": "aztec", "rotating": false}));
        assert_eq!(data[0]["summary"]["en"][0], "You earn 10 point for 100 RUB.");
        let of_shop: Value = world.party("shop").get("/v1/catalogue").json().expect("it is JSON");
        assert_eq!(of_shop, json!({"data": []}));

        let mut wrong = club_with(&card);
        wrong["card"]["barcode"] = json!("ean13");
        wrong["card"]["prefix"] = json!("9643");
        let answer = world.operator.put("/v1/programmes/club", "p-1", &wrong);
        assert_eq!(refusal(&answer), (400, "invalid_request".to_owned()));
        assert!(answer.text().contains("/card/prefix"), "{}", answer.text());
    });
}
