//! One-time codes, and members who have not shown yet that the phone is theirs.

use std::collections::BTreeSet;

use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::people::{enrol, profile};
use crate::support::{Club, World, both, code_of, purchase, text};

fn ask(world: &World, caller: &Caller, phone: &str, purpose: &str) -> Answer {
    let body = json!({"phone": phone, "purpose": purpose});
    caller.post("/v1/codes", &world.new_key(), &body)
}

fn asked(world: &World, caller: &Caller, phone: &str, purpose: &str) -> String {
    let answer = ask(world, caller, phone, purpose);
    assert_eq!(answer.status, 202, "{}", answer.text());
    text(&answer.json().expect("it is JSON"), "id")
}

/// The digits that a message shows.
fn digits(world: &World, id: &str) -> Option<String> {
    let shown: Value = world.operator.get("/v1/test-codes").json().expect("it is JSON");
    let messages = shown["data"].as_array().expect("a list").clone();
    let message = messages.iter().find(|one| one["id"] == id)?;
    let text = text(message, "text");
    text.split_whitespace().next().map(str::to_owned)
}

fn confirm(world: &World, caller: &Caller, id: &str, code: &str) -> Answer {
    let target = format!("/v1/codes/{id}/confirm");
    caller.post(&target, &world.new_key(), &json!({"code": code}))
}

fn wrong(code: &str) -> String {
    let last = if code.ends_with('0') { "1" } else { "0" };
    format!("{}{last}", &code[..5])
}

#[test]
fn who_enrols_at_the_till_earns_at_once_and_burns_when_the_code_is_confirmed() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop").clone();
        let body = json!({"phone": "89161112233", "source": "till"});
        let (status, petr, shown) = enrol(world, "shop", &body);
        assert_eq!((status, &shown["stage"]), (201, &json!("unconfirmed")));
        world.accept("shop", &purchase("R-1", "phone:+79161112233", "1000.00"));
        assert_eq!(
            world.balance(&petr, "club")["available"],
            "100",
            "the first purchase is theirs"
        );
        let burning = |reference: &str| {
            let mut body = purchase(reference, "phone:+79161112233", "100.00");
            body["burn"] = json!("10");
            body
        };
        let refused = (422, "member_unconfirmed".to_owned());
        assert_eq!(world.refuse("shop", &burning("R-2")), refused);
        let mut most = burning("R-3");
        most["burn"] = json!("max");
        assert_eq!(world.refuse("shop", &most), refused);
        let hold = json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": petr, "points": "5"});
        assert_eq!(world.refuse("shop", &hold), refused);
        let quote = json!({"programme": "club", "member": petr, "amount": "100.00"});
        let quoted: Value = shop.post("/v1/quotes", "q", &quote).json().expect("JSON");
        assert_eq!(
            (&quoted["max_burn"], &quoted["to_pay_at_least"]),
            (&json!("0"), &json!("100.00"))
        );

        let id = asked(world, &shop, "8 916 111-22-33", "enrol");
        let code = digits(world, &id).expect("it was sent");
        let tried = confirm(world, &shop, &id, &code);
        assert_eq!(tried.status, 200, "{}", tried.text());
        assert_eq!(tried.json::<Value>().expect("JSON")["member"], json!(petr));
        assert_eq!(profile(&world.operator, &petr)["stage"], "member");
        world.accept("shop", &burning("R-4"));
        world.accept("shop", &hold);
    });
}

#[test]
fn a_confirmed_code_attaches_who_is_known() {
    both(|world| {
        let club = Club::new(world);
        let shop = world.party("shop").clone();
        let id = asked(world, &shop, "+79160000001", "enrol");
        let body = json!({"phone": "+79160000001", "source": "till", "codes": [id]});
        let early = shop.post("/v1/members", &world.new_key(), &body);
        assert_eq!((early.status, code_of(&early).as_str()), (422, "code_not_confirmed"));
        let code = digits(world, &id).expect("it was sent");
        assert_eq!(confirm(world, &shop, &id, &code).status, 200);
        let (status, member, _) = enrol(world, "shop", &body);
        assert_eq!((status, member), (200, club.anna.clone()));
        // It shows nothing of another phone, to another party, or later.
        let other = json!({"phone": "+79160000002", "source": "till", "codes": [id]});
        let refused = shop.post("/v1/members", &world.new_key(), &other);
        assert_eq!((refused.status, code_of(&refused).as_str()), (422, "code_not_confirmed"));
        let refused = world.party("bank").post("/v1/members", &world.new_key(), &body);
        assert_eq!((refused.status, code_of(&refused).as_str()), (422, "code_not_confirmed"));
        world.move_to("2025-03-03T09:31:00Z");
        let late = shop.post("/v1/members", &world.new_key(), &body);
        assert_eq!((late.status, code_of(&late).as_str()), (422, "code_not_confirmed"));
    });
}

#[test]
fn a_code_is_tried_five_times_once_and_for_ten_minutes() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop").clone();
        let id = asked(world, &shop, "+79160000001", "burn");
        let code = digits(world, &id).expect("it was sent");
        assert_eq!(confirm(world, world.party("bank"), &id, &code).status, 404, "it is another's");
        for left in (1..5).rev() {
            let tried = confirm(world, &shop, &id, &wrong(&code));
            assert_eq!((tried.status, code_of(&tried).as_str()), (422, "code_wrong"));
            assert_eq!(tried.json::<Value>().expect("JSON")["tries_left"], json!(left));
        }
        for tried in [wrong(&code), code.clone()] {
            let locked = confirm(world, &shop, &id, &tried);
            assert_eq!((locked.status, code_of(&locked).as_str()), (422, "code_locked"));
        }
        world.move_to("2025-03-03T09:01:00Z");
        let second = asked(world, &shop, "+79160000001", "burn");
        let code = digits(world, &second).expect("it was sent");
        world.move_to("2025-03-03T09:02:00Z");
        let third = asked(world, &shop, "+79160000001", "burn");
        let over = confirm(world, &shop, &second, &code);
        assert_eq!(
            (over.status, code_of(&over).as_str()),
            (422, "code_over"),
            "there is a newer one"
        );
        let code = digits(world, &third).expect("it was sent");
        world.move_to("2025-03-03T09:12:00Z");
        let over = confirm(world, &shop, &third, &code);
        assert_eq!((over.status, code_of(&over).as_str()), (422, "code_over"), "ten minutes");
        let fourth = asked(world, &shop, "+79160000001", "login");
        let code = digits(world, &fourth).expect("it was sent");
        assert_eq!(confirm(world, &shop, &fourth, &code).status, 200);
        let used = confirm(world, &shop, &fourth, &code);
        assert_eq!((used.status, code_of(&used).as_str()), (422, "code_over"), "it is used");
    });
}

#[test]
fn tries_at_once_are_counted_and_never_more_than_five() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop").clone();
        let id = asked(world, &shop, "+79160000001", "burn");
        let code = digits(world, &id).expect("it was sent");
        let guess = wrong(&code);
        let codes: Vec<String> = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..12)
                .map(|_| scope.spawn(|| code_of(&confirm(world, &shop, &id, &guess))))
                .collect();
            tries.into_iter().map(|one| one.join().expect("it ends")).collect()
        });
        let wrong = codes.iter().filter(|code| *code == "code_wrong").count();
        let locked = codes.iter().filter(|code| *code == "code_locked").count();
        assert_eq!((wrong, locked), (4, 8), "{codes:?}");
    });
}

#[test]
fn the_answer_is_the_same_for_known_and_unknown_and_codes_are_few() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop").clone();
        let fields = |answer: &Answer| {
            let body: Value = answer.json().expect("it is JSON");
            let names: BTreeSet<String> =
                body.as_object().expect("an object").keys().cloned().collect();
            (answer.status, names)
        };
        let known = ask(world, &shop, "+79160000001", "login");
        let unknown = ask(world, &shop, "+79165555555", "login");
        assert_eq!(fields(&known), fields(&unknown));
        let id = text(&unknown.json().expect("JSON"), "id");
        assert_eq!(digits(world, &id), None, "nothing is sent to who is not known");
        let tried = confirm(world, &shop, &id, "000000");
        assert_eq!((tried.status, code_of(&tried).as_str()), (422, "code_wrong"));

        let soon = ask(world, world.party("bank"), "+79160000001", "login");
        assert_eq!((soon.status, code_of(&soon).as_str()), (429, "code_too_soon"));
        assert_eq!(soon.header("retry-after"), Some("60"));
        for minute in 1..5 {
            world.move_to(&format!("2025-03-03T09:0{minute}:00Z"));
            asked(world, &shop, "+79160000001", "login");
        }
        world.move_to("2025-03-03T09:30:00Z");
        let many = ask(world, &shop, "+79160000001", "login");
        assert_eq!((many.status, code_of(&many).as_str()), (429, "code_limit"));
        world.move_to("2025-03-03T10:00:01Z");
        asked(world, &shop, "+79160000001", "login");
    });
}

#[test]
fn a_party_sends_two_hundred_codes_a_day() {
    both(|world| {
        Club::new(world);
        let shop = world.party("shop").clone();
        let statuses: Vec<u16> = (0..201)
            .map(|number| ask(world, &shop, &format!("+7916{number:07}"), "enrol").status)
            .collect();
        assert_eq!(statuses.iter().filter(|status| **status == 202).count(), 200);
        assert_eq!(statuses.last(), Some(&429));
        assert_eq!(ask(world, world.party("bank"), "+79169999999", "enrol").status, 202);
        world.move_to("2025-03-04T09:00:01Z");
        assert_eq!(ask(world, &shop, "+79160000300", "enrol").status, 202);
    });
}
