//! Abandoned baskets over HTTP: told of once, then with points, then on the list of calls; anything
//! that the member does ends it.

use coalition::domain::amount::Points;
use coalition::domain::offer::basket::BasketState;
use coalition::offers::baskets::{follow_up, rules_of};
use coalition::store::offers::baskets::{self, Basket};
use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::offers::{body, engine, marketing, paid, told};
use crate::support::{Club, World, both, code_of, instant, purchase, text};

/// Rules with all three stages, a day apart.
fn with_rules(world: &World) {
    let rules = json!({
        "second_after": {"days": 1}, "call_after": {"days": 1},
        "gift": {"points_valid": {"days": 14}, "paid": paid()}
    });
    let put = world.party("brand").put("/v1/basket-rules/club", &world.new_key(), &rules);
    assert_eq!(body(&put, 200)["rules"]["gift"]["share"], "0.1");
}

fn basket(member: &str, amount: &str) -> Value {
    json!({"programme": "club", "member": member, "lines": [{"sku": "TV-55", "amount": amount}]})
}

fn put(world: &World, id: &str, basket: &Value) -> Value {
    let answer = world.party("shop").put(&format!("/v1/baskets/{id}"), &world.new_key(), basket);
    body(&answer, 200)
}

fn act(world: &World, who: &Caller, (id, activity): (&str, &Value)) -> Answer {
    who.post(&format!("/v1/baskets/{id}/activity"), &world.new_key(), activity)
}

/// What the job does at an instant, on two servers at once.
fn follow(world: &World, now: &str) {
    world.move_to(now);
    let both = [engine(world), engine(world)];
    std::thread::scope(|scope| {
        for engine in &both {
            scope.spawn(|| follow_up(engine, instant(now)).expect("baskets are followed up"));
        }
    });
}

fn state(world: &World, id: &str) -> String {
    text(&body(&world.party("shop").get(&format!("/v1/baskets/{id}")), 200), "state")
}

#[test]
fn a_basket_left_alone_is_told_of_then_gives_a_tenth_then_is_called_about() {
    both(|world| {
        let club = Club::new(world);
        with_rules(world);
        let made = put(world, "B-1", &basket(&club.anna, "12000.00"));
        assert_eq!(
            (text(&made, "state"), text(&made, "due_at")),
            ("open".into(), "2025-03-03T12:00:00Z".into())
        );
        follow(world, "2025-03-03T11:59:59Z");
        assert_eq!(told(world, "basket.abandoned"), []);
        for _ in 0..2 {
            follow(world, "2025-03-03T12:00:00Z");
        }
        let first = told(world, "basket.abandoned");
        let whom: Vec<Option<&str>> = first.iter().map(|(party, _)| party.as_deref()).collect();
        assert_eq!(whom, [Some("shop"), Some("brand")], "each is told once");
        assert_eq!(
            first[0].1,
            json!({"basket": "B-1", "shop": "shop", "stage": 1, "amount": "12000.00",
            "lines": [{"sku": "TV-55", "amount": "12000.00", "quantity": 1}], "granted": null})
        );
        follow(world, "2025-03-04T12:00:00Z");
        let second = told(world, "basket.abandoned");
        assert_eq!(second.len(), 4);
        assert_eq!(
            (&second[2].1["stage"], &second[2].1["granted"]["points"]),
            (&json!(2), &json!("1200"))
        );
        assert_eq!(second[2].1["granted"]["valid_through"], "2025-03-18");
        assert_eq!(world.balance(&club.anna, "club")["available"], "1200");
        assert_eq!(body(&world.operator.get("/v1/call-list"), 200)["data"], json!([]));
        follow(world, "2025-03-05T12:00:00Z");
        let calls = body(&world.party("brand").get("/v1/call-list?programme=club"), 200);
        let call = &calls["data"][0];
        assert_eq!(
            (&call["basket"], &call["member"], &call["stage"]),
            (&json!("B-1"), &json!(club.anna), &json!(3))
        );
        assert_eq!(body(&world.party("bank").get("/v1/call-list"), 200)["data"], json!([]));
        let maria = marketing(world);
        let called = act(world, &maria, ("B-1", &json!({"kind": "called", "party": "shop"})));
        assert_eq!(body(&called, 200)["state"], "ended");
        assert_eq!(body(&world.operator.get("/v1/call-list"), 200)["data"], json!([]));
        follow(world, "2025-03-09T12:00:00Z");
        assert_eq!(told(world, "basket.abandoned").len(), 4);
        assert_eq!(world.balance(&club.anna, "club")["available"], "1200", "one grant");
    });
}

#[test]
fn points_that_were_being_given_when_the_server_ended_are_given_as_they_were_agreed() {
    both(|world| {
        let club = Club::new(world);
        with_rules(world);
        put(world, "B-1", &basket(&club.anna, "12000.00"));
        follow(world, "2025-03-03T12:00:00Z");
        // As a server leaves it that ends between writing what it gives and granting it.
        let now = instant("2025-03-04T12:00:00Z");
        let begun = engine(world).write(|database| {
            let shop = "shop".parse().expect("a party");
            let told = baskets::find(database, &shop, "B-1")?.expect("it is there");
            let rules = rules_of(database, &told.programme)?;
            let (state, points) = (BasketState::Giving, Some(Points(1_200)));
            let giving =
                Basket { state, points, gift: rules.gift, touched_at: now, ..told.clone() };
            baskets::advance(database, &told, giving)
        });
        assert_eq!(begun.expect("it is written").state, BasketState::Giving);
        let other = json!({"enabled": false, "gift": {"share": "0.5"}});
        let changed = world.party("brand").put("/v1/basket-rules/club", &world.new_key(), &other);
        body(&changed, 200);
        follow(world, "2025-03-04T12:00:01Z");
        assert_eq!(state(world, "B-1"), "ended", "the rules are switched off");
        let (_, second) = told(world, "basket.abandoned").pop().expect("it is told");
        assert_eq!(second["granted"]["points"], "1200");
        assert_eq!(second["granted"]["valid_through"], "2025-03-18");
        assert_eq!(world.balance(&club.anna, "club")["available"], "1200");
    });
}

#[test]
fn whatever_the_member_does_ends_it() {
    both(|world| {
        let club = Club::new(world);
        with_rules(world);
        let shop = world.party("shop").clone();
        for id in ["seen", "ordered", "receipt", "clicked", "changed", "emptied"] {
            put(world, id, &basket(&club.anna, "100.00"));
        }
        let visit = json!({"kind": "visit", "at": "2025-03-03T09:00:00Z"});
        body(&act(world, &shop, ("seen", &visit)), 200);
        body(&act(world, &shop, ("ordered", &json!({"kind": "order", "ref": "O-1"}))), 200);
        body(&act(world, &shop, ("emptied", &json!({"kind": "emptied"}))), 200);
        world.move_to("2025-03-03T10:00:00Z");
        body(&act(world, &shop, ("seen", &json!({"kind": "visit"}))), 200);
        follow(world, "2025-03-03T12:00:00Z");
        assert_eq!(
            ["seen", "ordered", "receipt", "emptied"].map(|id| state(world, id)),
            ["open", "ordered", "told", "ended"]
        );
        body(&act(world, &shop, ("clicked", &json!({"kind": "click"}))), 200);
        let changed = put(
            world,
            "changed",
            &json!({"at": "2025-03-03T12:00:00Z", "programme": "club",
            "member": club.anna, "lines": [{"sku": "TV-65", "amount": "1.00"}]}),
        );
        assert_eq!(
            (&changed["state"], &changed["amount"]),
            (&json!("told"), &json!("100.00")),
            "it is no older"
        );
        world.move_to("2025-03-03T12:59:59Z");
        assert_eq!(put(world, "changed", &basket(&club.anna, "1.00"))["state"], "active");
        let over = shop.put("/v1/baskets/clicked", &world.new_key(), &basket(&club.anna, "1.00"));
        assert_eq!((over.status, code_of(&over).as_str()), (409, "basket_over"));
        world.accept("shop", &purchase("R-1", &club.anna, "50.00"));
        follow(world, "2025-03-04T12:00:00Z");
        assert_eq!(
            ["clicked", "receipt", "changed"].map(|id| state(world, id)),
            ["active", "ordered", "active"]
        );
        let receipt = body(&shop.get("/v1/baskets/receipt"), 200);
        assert_eq!(receipt["order"], "R-1");
        assert!(told(world, "basket.abandoned").iter().all(|(_, data)| data["stage"] == 1));
        let counts = &body(&world.operator.get("/v1/basket-rules/club"), 200)["counts"];
        assert_eq!((&counts["baskets"], &counts["told_twice"]), (&json!(6), &json!(0)));
        assert_eq!((&counts["ordered"], &counts["ordered_after_first"]), (&json!(2), &json!(1)));
    });
}

#[test]
fn without_rules_there_is_one_stage_and_rules_can_be_switched_off() {
    both(|world| {
        let club = Club::new(world);
        put(world, "B-1", &basket(&club.anna, "100.00"));
        follow(world, "2025-03-03T12:00:00Z");
        follow(world, "2025-03-05T12:00:00Z");
        assert_eq!(
            (state(world, "B-1"), told(world, "basket.abandoned").len()),
            ("ended".into(), 2)
        );
        put(world, "B-2", &basket(&club.anna, "100.00"));
        let off = world.party("brand").put(
            "/v1/basket-rules/club",
            &world.new_key(),
            &json!({"enabled": false}),
        );
        body(&off, 200);
        follow(world, "2025-03-06T12:00:00Z");
        assert_eq!(
            (state(world, "B-2"), told(world, "basket.abandoned").len()),
            ("ended".into(), 2)
        );
        for (rules, pointer) in [
            (json!({"first_after": {"minutes": 0}}), "/first_after"),
            (json!({"gift": {"share": "2"}}), "/gift/share"),
            (json!({"gift": {"share": "0"}}), "/gift/share"),
            (json!({"gift": {"paid": {"funding": []}}}), "/gift/paid/funding"),
        ] {
            let put = world.party("brand").put("/v1/basket-rules/club", &world.new_key(), &rules);
            assert_eq!(body(&put, 400)["errors"][0]["pointer"], pointer, "{rules}");
        }
        let by_shop =
            world.party("shop").put("/v1/basket-rules/club", &world.new_key(), &json!({}));
        assert_eq!(by_shop.status, 404);
    });
}

#[test]
fn points_that_the_ledger_refuses_are_not_told() {
    both(|world| {
        let club = Club::new(world);
        // Nobody says who pays, and the brand has no agreement for grants.
        let rules = json!({"gift": {}, "call_after": {"hours": 1}});
        body(&world.party("brand").put("/v1/basket-rules/club", &world.new_key(), &rules), 200);
        put(world, "B-1", &basket(&club.anna, "100.00"));
        follow(world, "2025-03-03T12:00:00Z");
        follow(world, "2025-03-04T12:00:00Z");
        let stands = body(&world.party("shop").get("/v1/baskets/B-1"), 200);
        assert_eq!(
            (&stands["state"], &stands["refused"]),
            (&json!("call"), &json!("no_agreement"))
        );
        assert_eq!(told(world, "basket.abandoned").len(), 2);
    });
}

#[test]
fn a_basket_is_of_a_member_and_of_a_shop_that_takes_part() {
    both(|world| {
        let club = Club::new(world);
        world.add_party("stranger", "retailer");
        let wish = basket(&club.anna, "100.00");
        let at = |who: &str, id: &str, wish: &Value| {
            let answer = world.party(who).put(&format!("/v1/baskets/{id}"), &world.new_key(), wish);
            (answer.status, code_of(&answer))
        };
        assert_eq!(at("stranger", "B-1", &wish), (403, "no_agreement".to_owned()));
        assert_eq!(at("shop", "B-1", &basket("phone:+79169999999", "1.00")).1, "unknown_member");
        assert_eq!(at("shop", &"b".repeat(49), &wish).0, 400);
        assert_eq!(at("shop", "4111111111111111", &wish).1, "card_number_refused");
        assert_eq!(
            at("shop", "B-1", &json!({"programme": "club", "member": club.anna, "lines": []})).0,
            400
        );
        put(world, "B-1", &wish);
        assert_eq!(world.party("bank").get("/v1/baskets/B-1").status, 404);
        assert_eq!(world.party("bank").get("/v1/baskets/B-1?party=shop").status, 404);
        assert_eq!(world.operator.get("/v1/baskets/B-1?party=shop").status, 200);
    });
}
