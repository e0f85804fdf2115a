//! A merge is undone: what came with the profile goes back with it, or nothing does.

use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::people::{enrol, profile};
use crate::support::{Club, Setup, World, both, both_with, code_of, purchase, text};

fn undo(world: &World, merge: &str) -> Answer {
    world.operator.post(&format!("/v1/merges/{merge}/undo"), &world.new_key(), &json!({}))
}

fn refused(world: &World, merge: &str) -> (u16, String) {
    let answer = undo(world, merge);
    (answer.status, code_of(&answer))
}

/// Boris, who has points, a hold and names, and Anna, whom he is taken for; the merge.
fn merged(world: &mut World) -> (String, String, String) {
    let club = Club::new(world);
    world.add_party("koshelek", "wallet");
    let body = json!({"phone": "+79160000002", "external_ids": ["b"], "card_tokens": ["par-b"],
        "source": "wallet", "verified": ["phone"], "profile": {"name": "Boris"},
        "consents": [{"purpose": "marketing", "version": "1"}]});
    let (_, boris, _) = enrol(world, "koshelek", &body);
    world.accept("shop", &purchase("A-1", &club.anna, "500.00"));
    world.accept("shop", &purchase("B-1", &boris, "1000.00"));
    let hold =
        json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": boris, "points": "30"});
    world.accept("shop", &hold);
    let merge = json!({"kind": "merge", "keep": club.anna, "drop": boris});
    let merge = text(&world.accept("brand", &merge), "id");
    (club.anna, boris, merge)
}

fn points(world: &World, member: &str) -> (String, String) {
    let balance = world.balance(member, "club");
    (text(&balance, "available"), text(&balance, "held"))
}

#[test]
fn what_came_with_a_profile_goes_back_with_it() {
    // On several shards a merge joins journals, and so does its end.
    for setup in [Setup::default(), Setup::default().with_shards(8)] {
        both_with(&setup, |world| {
            let (anna, boris, merge) = merged(world);
            assert_eq!(points(world, &anna), ("120".to_owned(), "30".to_owned()));
            assert_eq!(profile(&world.operator, "phone:+79160000002")["member"], json!(anna));
            // The server remembers where names lead.
            world.accept("shop", &purchase("A-2", "phone:+79160000002", "100.00"));
            let undone = undo(world, &merge);
            assert_eq!(undone.status, 201, "{}", undone.text());
            let body: Value = undone.json().expect("it is JSON");
            assert_eq!((&body["kind"], &body["restored"]), (&json!("unmerge"), &json!(boris)));

            // What was posted since stays with who was kept.
            assert_eq!(points(world, &anna), ("60".to_owned(), "0".to_owned()));
            assert_eq!(points(world, &boris), ("70".to_owned(), "30".to_owned()));
            for name in ["phone:+79160000002", "card:par-b", &boris] {
                let seen = profile(&world.operator, name);
                assert_eq!(seen["member"], json!(boris), "{name}");
                assert_eq!(seen["profile"]["name"]["value"], "Boris");
                assert_eq!(seen["consents"].as_array().map(Vec::len), Some(1));
            }
            let seen = profile(&world.operator, "phone:+79160000001");
            assert_eq!((&seen["member"], &seen["consents"]), (&json!(anna), &json!([])));
            world.accept("shop", &purchase("B-2", "phone:+79160000002", "100.00"));
            assert_eq!(points(world, &boris).0, "80");
            world.accept("shop", &json!({"kind": "capture", "of": "H-1"}));
            world.accept(
                "shop",
                &json!({"kind": "refund", "ref": "F-1", "of": "B-1", "amount": "500.00"}),
            );
            assert_eq!(points(world, &anna), ("60".to_owned(), "0".to_owned()));

            assert_eq!(refused(world, &merge), (409, "merge_stands".to_owned()), "once");
            // The two can be joined again, and that can be undone as well.
            let again = json!({"kind": "merge", "keep": boris, "drop": anna});
            let again = text(&world.accept("brand", &again), "id");
            assert_eq!(profile(&world.operator, "phone:+79160000001")["member"], json!(boris));
            assert_eq!(undo(world, &again).status, 201);
            assert_eq!(points(world, &anna), ("60".to_owned(), "0".to_owned()));
        });
    }
}

#[test]
fn a_merge_stands_once_what_came_along_was_used() {
    both(|world| {
        let (anna, boris, merge) = merged(world);
        let mut burning = purchase("A-2", &anna, "400.00");
        burning["burn"] = json!("120");
        world.accept("shop", &burning);
        assert_eq!(refused(world, &merge), (409, "merge_stands".to_owned()));
        assert_eq!(profile(&world.operator, &boris)["member"], json!(anna), "nothing was done");
        let nothing = undo(world, "tx_0_1");
        assert_eq!(nothing.status, 404, "{}", nothing.text());
    });
    both(|world| {
        let (anna, _, merge) = merged(world);
        let third = world.add_member(&json!({"phone": "+79160000003"}));
        world.accept("brand", &json!({"kind": "merge", "keep": third, "drop": anna}));
        assert_eq!(refused(world, &merge), (409, "merge_stands".to_owned()), "merged on");
    });
    both(|world| {
        let (_, _, merge) = merged(world);
        world.accept("shop", &json!({"kind": "capture", "of": "H-1"}));
        assert_eq!(refused(world, &merge), (409, "merge_stands".to_owned()), "captured");
    });
}

#[test]
fn a_proposal_whose_merge_was_undone_says_so() {
    both(|world| {
        Club::new(world);
        let body = json!({"phone": "+79160000001", "external_ids": ["5"], "source": "web_shop"});
        let (_, other, _) = enrol(world, "shop", &body);
        let list: Value = world.operator.get("/v1/merge-proposals").json().expect("JSON");
        let target = format!("/v1/merge-proposals/{}/accept", text(&list["data"][0], "id"));
        let accepted = world.operator.post(&target, &world.new_key(), &json!({}));
        let merge = text(&accepted.json().expect("JSON"), "transaction");
        assert_eq!(undo(world, &merge).status, 201);
        let list: Value =
            world.operator.get("/v1/merge-proposals?state=undone").json().expect("JSON");
        assert_eq!(list["data"][0]["transaction"], json!(merge));
        assert_eq!(profile(&world.operator, &other)["member"], json!(other));
    });
}
