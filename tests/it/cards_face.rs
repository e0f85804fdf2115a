//! What a card shows, and when it shows something else.

use coalition_partner::{CardView, Client, Credentials};
use serde_json::{Value, json};

use crate::cards_world::{campaign, club, face, grant, issue, promo, refusal};
use crate::support::{Club, World, both, purchase};

#[test]
fn a_card_shows_balance_dates_and_tier_in_one_read() {
    both(|world| {
        Club::new(world);
        world.add_party("wallet", "wallet");
        world.add_programme(&json!({
            "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
            "hold_days": 14, "burn": {"max_share": "0.50"}, "card": {"title": "Club"},
            "tiers": {"metric": "spend", "levels": [
                {"id": "silver", "from": "0.00"}, {"id": "gold", "from": "500.00"}]}
        }));
        let boris = world.add_member(&json!({"phone": "+79160000002"}));
        let number = issue(world, "wallet", &boris);
        let empty = face(world, &number);
        assert_eq!(
            empty["balance"],
            json!({"available": "0", "pending": "0", "held": "0", "debt": "0"})
        );
        assert_eq!((&empty["pending"], &empty["expires_next"]), (&json!([]), &Value::Null));
        grant(world, &boris, "40", "2025-05-31");
        world.accept("shop", &purchase("R-1", &boris, "120.00"));
        let hold = json!({"kind": "hold", "ref": "H-1", "programme": "club", "member": boris, "points": "15"});
        world.accept("shop", &hold);
        let shown = face(world, &number);
        let balance = json!({"available": "25", "pending": "12", "held": "15", "debt": "0"});
        assert_eq!(shown["balance"], balance);
        let pending = json!([{"points": "12", "available_at": "2025-03-16T21:00:00Z"}]);
        assert_eq!(shown["pending"], pending);
        let next = json!({"points": "25", "expires_at": "2025-05-31T21:00:00Z"});
        assert_eq!(shown["expires_next"], next);
        let tier = json!({"level": "silver",
            "next": {"level": "gold", "missing": "380.00", "counts": "spend"}});
        assert_eq!(shown["tier"], tier);
        world.accept("shop", &purchase("R-2", &boris, "380.00"));
        assert_eq!(face(world, &number)["tier"], json!({"level": "gold", "next": null}));
    });
}

#[test]
fn a_face_is_sent_again_only_when_it_changed() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        let Credentials::Signature(key) = world.party("wallet").credentials().clone() else {
            unreachable!("a party signs")
        };
        let client = Client::new(&world.url(), key).expect("the address is one");
        let view = |etag: Option<&str>| client.card_view(&number, etag).expect("it is answered");
        let CardView::Fresh { etag, .. } = view(None) else { panic!("there is no tag yet") };
        assert_eq!(view(Some(&etag)), CardView::Unchanged);
        assert_eq!(view(Some(&format!("\"0\", W/{etag}"))), CardView::Unchanged);
        assert!(matches!(view(Some("\"0\"")), CardView::Fresh { .. }));
        grant(world, &anna, "100", "2025-03-31");
        let CardView::Fresh { etag: second, face } = view(Some(&etag)) else {
            panic!("the balance changed")
        };
        assert_eq!(face["balance"]["available"], "100");
        // The clock alone changes it too.
        assert_eq!(view(Some(&second)), CardView::Unchanged);
        world.move_to("2025-03-31T21:00:00Z");
        let CardView::Fresh { face, .. } = view(Some(&second)) else { panic!("points were lost") };
        assert_eq!(face["balance"]["available"], "0");

        for party in ["other", "shop"] {
            let answer = world.party(party).get(&format!("/v1/cards/{number}"));
            assert_eq!(refusal(&answer), (404, "unknown_card".to_owned()), "{party}");
        }
        for caller in [world.party("brand"), &world.operator, &world.auditor()] {
            assert_eq!(caller.get(&format!("/v1/cards/{number}")).status, 200);
        }
    });
}

fn summer() -> Value {
    json!({"title": "Summer", "card": {
        "tag": {"text": "+{points}", "color": "green"}, "position": true,
        "intro": {"title": "{points} points", "text": "Until the end of March"}
    }, "audience": {"not": "read here"}})
}

fn see_intro(world: &World, number: &str, campaign: &str) -> coalition_partner::Answer {
    let target = format!("/v1/cards/{number}/intro-seen");
    world.party("wallet").post(&target, &world.new_key(), &json!({"campaign": campaign}))
}

#[test]
fn a_campaign_puts_a_tag_a_place_and_a_screen_on_the_card_until_its_points_are_spent() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        let lot = grant(world, &anna, "50", "2025-03-31");
        campaign(world, "summer", &summer());
        promo(world, "summer", &anna, ("test", lot));
        let shown = face(world, &number);
        let until = "2025-03-31T21:00:00Z";
        assert_eq!(shown["tag"], json!({"text": "+50", "color": "green", "until": until}));
        assert_eq!(shown["position"], "top");
        assert_eq!(shown["intro"]["title"], "50 points");
        assert_eq!(shown["promos"][0]["title"], "Summer");
        assert_eq!(shown["promos"][0]["points"], "50");

        assert_eq!(see_intro(world, &number, "winter").status, 404);
        for _ in 0..2 {
            let seen = see_intro(world, &number, "summer");
            assert_eq!(seen.status, 200, "{}", seen.text());
        }
        let shown = face(world, &number);
        assert_eq!((&shown["intro"], &shown["position"]), (&Value::Null, &json!("top")));

        let mut burning = purchase("R-1", &anna, "60.00");
        burning["burn"] = json!("30");
        world.accept("shop", &burning);
        assert_eq!(face(world, &number)["tag"]["text"], "+20");
        let mut burning = purchase("R-2", &anna, "40.00");
        burning["burn"] = json!("20");
        world.accept("shop", &burning);
        let shown = face(world, &number);
        assert_eq!((&shown["tag"], &shown["position"]), (&Value::Null, &Value::Null));
        assert_eq!(shown["promos"], json!([]));
    });
}

#[test]
fn what_expired_is_off_the_card_and_who_is_only_compared_with_sees_no_tag() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let boris = world.add_member(&json!({"phone": "+79160000002"}));
        campaign(world, "summer", &summer());
        let (one, other) = (issue(world, "wallet", &anna), issue(world, "wallet", &boris));
        promo(world, "summer", &anna, ("test", grant(world, &anna, "50", "2025-03-31")));
        promo(world, "summer", &boris, ("control", grant(world, &boris, "50", "2025-03-31")));
        let shown = face(world, &other);
        assert_eq!(shown["promos"][0]["points"], "50", "the points are there");
        for field in ["tag", "position", "intro"] {
            assert_eq!(shown[field], Value::Null, "{field}");
            assert_ne!(face(world, &one)[field], Value::Null, "{field}");
        }
        assert_eq!(see_intro(world, &other, "summer").status, 404);
        world.move_to("2025-03-31T20:59:59Z");
        assert_eq!(face(world, &one)["position"], "top");
        world.move_to("2025-03-31T21:00:00Z");
        let shown = face(world, &one);
        assert_eq!((&shown["tag"], &shown["promos"]), (&Value::Null, &json!([])));
    });
}
