//! Personal prices, perks of tiers, and points for receipts of the past.

use std::process::Command;

use coalition::offers::retro::{Report, Retro, run};
use serde_json::{Value, json};

use crate::offers::{body, engine};
use crate::support::{Club, World, both, instant, purchase};

/// `club` with tiers, a discount of ten percent, and caps of its own for some categories.
fn with_tiers(world: &mut World) -> Club {
    let club = Club::new(world);
    world.add_programme(&json!({
        "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
        "burn": {"max_share": "0.30", "categories": {"tv": "0.60", "audio": "0.50"}, "min_points": "10",
            "exclude": {"brands": ["strict"]}},
        "discount": {"percent": "10", "exclude": {"categories": ["tv", "audio", "cable"], "brands": ["strict"]}},
        "tiers": {"metric": "spend", "levels": [
            {"id": "want", "from": "0"},
            {"id": "love", "from": "5000.00", "max_share": "0.40", "discount": "20", "perks": [
                {"code": "free-delivery"},
                {"code": "master-class", "valid_from": "2025-03-01", "valid_through": "2025-03-31"},
                {"code": "summer", "valid_from": "2025-06-01"}]}
        ]}
    }));
    club
}

fn grant(world: &World, member: &str, points: &str) {
    world.accept(
        "shop",
        &json!({"kind": "grant", "ref": format!("G-{points}"), "programme": "club",
        "member": member, "points": points, "funding": [{"party": "shop", "share": "1"}],
        "price_per_point": "1.00"}),
    );
}

fn prices(world: &World, member: &str, items: &Value) -> Vec<Value> {
    let wish = json!({"programme": "club", "member": member, "items": items});
    let priced = body(&world.party("shop").post("/v1/prices", &world.new_key(), &wish), 200);
    priced["items"].as_array().expect("a list").clone()
}

/// Discount, price with points, points, cap.
fn figures(item: &Value) -> [&str; 4] {
    ["discount", "with_points", "points", "cap"].map(|name| item[name].as_str().expect("a text"))
}

#[test]
fn an_item_has_a_price_of_the_members_own_and_the_cap_is_named() {
    both(|world| {
        let club = with_tiers(world);
        grant(world, &club.anna, "9000");
        let items = json!([
            {"sku": "tv", "price": "10000.00", "category": "tv"},
            {"sku": "audio", "price": "10000.00", "category": "audio"},
            {"sku": "cable", "price": "10000.00", "category": "cable"},
            {"sku": "strict", "price": "10000.00", "brand": "strict"},
            {"sku": "lens", "price": "20000.00", "category": "tv"},
            {"sku": "clip", "price": "30.00", "category": "cable"}
        ]);
        let seen = prices(world, &club.anna, &items);
        let seen: Vec<[&str; 4]> = seen.iter().map(figures).collect();
        assert_eq!(
            seen,
            [
                ["0.00", "4000.00", "6000", "category"],
                ["0.00", "5000.00", "5000", "category"],
                ["0.00", "7000.00", "3000", "programme"],
                ["0.00", "10000.00", "0", "excluded"],
                ["0.00", "11000.00", "9000", "balance"],
                ["0.00", "30.00", "0", "minimum"],
            ]
        );
        // What is shown is what a receipt takes.
        let tv = json!([{"id": "1", "amount": "10000.00", "category": "tv"}]);
        let bought = world.accept(
            "shop",
            &json!({"kind": "purchase", "ref": "R-1", "programme": "club",
            "member": club.anna, "lines": tv, "burn": "max"}),
        );
        assert_eq!((&bought["burned"], &bought["to_pay"]), (&json!("6000"), &json!("4000.00")));
        let rule = json!({"kind": "personal_rule", "ref": "P-1", "programme": "club", "member": club.anna,
            "max_share": "0.05"});
        world.accept("brand", &rule);
        let seen = prices(
            world,
            &club.anna,
            &json!([{"sku": "tv", "price": "10000.00", "category": "tv"}]),
        );
        assert_eq!(figures(&seen[0]), ["0.00", "9500.00", "500", "personal"]);
        assert_eq!(seen[0]["share"], "0.05");
    });
}

#[test]
fn the_better_discount_counts_and_none_goes_below_the_vendors_floor() {
    both(|world| {
        let club = with_tiers(world);
        let own =
            |percent: &str, stackable: bool| json!({"percent": percent, "stackable": stackable});
        let items = json!([
            {"sku": "a", "price": "1000.00"},
            {"sku": "b", "price": "1000.00", "discount": own("15", false)},
            {"sku": "c", "price": "1000.00", "discount": own("5", false)},
            {"sku": "d", "price": "1000.00", "discount": own("5", true)},
            {"sku": "e", "price": "1000.00", "floor": "950.00"},
            {"sku": "f", "price": "1000.00", "floor": "900.00", "discount": own("5", true)},
            {"sku": "g", "price": "1000.00", "floor": "1000.00", "discount": own("5", true)}
        ]);
        let seen = prices(world, &club.anna, &items);
        let discounts: Vec<&Value> = seen.iter().map(|item| &item["discount"]).collect();
        assert_eq!(discounts, ["100.00", "150.00", "100.00", "145.00", "0.00", "100.00", "0.00"]);
        assert_eq!(
            seen[1]["dropped"],
            json!([{"discount": "programme", "why": "other_is_better"}])
        );
        assert_eq!(seen[4]["dropped"], json!([{"discount": "programme", "why": "floor"}]));
        assert_eq!(seen[5]["dropped"], json!([{"discount": "item", "why": "floor"}]));
        grant(world, &club.anna, "900");
        let floored = json!([{"sku": "a", "price": "1000.00", "floor": "900.00"},
            {"sku": "b", "price": "1000.00", "category": "tv", "floor": "700.50"}]);
        let seen = prices(world, &club.anna, &floored);
        assert_eq!(figures(&seen[0]), ["100.00", "900.00", "0", "floor"]);
        assert_eq!(figures(&seen[1]), ["0.00", "701.00", "299", "floor"]);
        assert_eq!(seen[0]["price"], "900.00");
    });
}

#[test]
fn prices_are_refused_as_quotes_are() {
    both(|world| {
        let club = with_tiers(world);
        world.add_party("stranger", "retailer");
        let wish = json!({"programme": "club", "member": club.anna, "items": [{"sku": "a", "price": "1.00"}]});
        let ask = |who: &str, wish: &Value| {
            world.party(who).post("/v1/prices", &world.new_key(), wish).status
        };
        assert_eq!(ask("stranger", &wish), 403);
        let item = |more: Value| json!({"programme": "club", "member": club.anna, "items": [more]});
        for wrong in [
            json!({"sku": "a", "price": "0"}),
            json!({"sku": "", "price": "1.00"}),
            json!({"sku": "a", "price": "1.001"}),
            json!({"sku": "a", "price": "1.00", "discount": {"percent": "101"}}),
            json!({"sku": "4111111111111111", "price": "1.00"}),
        ] {
            assert_eq!(ask("shop", &item(wrong.clone())), 400, "{wrong}");
        }
        assert_eq!(
            ask("shop", &json!({"programme": "club", "member": club.anna, "items": []})),
            400
        );
        assert_eq!(
            ask(
                "shop",
                &json!({"programme": "club", "member": "m_0_99", "items": [{"sku": "a", "price": "1.00"}]})
            ),
            404
        );
    });
}

#[test]
fn a_tier_opens_perks_while_they_are_valid() {
    both(|world| {
        let club = with_tiers(world);
        let target = format!("/v1/members/{}/perks", club.anna);
        let codes = |world: &World| -> Vec<String> {
            let seen = body(&world.party("shop").get(&target), 200);
            let perks = seen["perks"].as_array().expect("a list").clone();
            perks.iter().map(|perk| perk["code"].as_str().expect("a code").to_owned()).collect()
        };
        assert_eq!(codes(world), Vec::<String>::new(), "the level gives nothing");
        world.accept("shop", &purchase("R-1", &club.anna, "5000.00"));
        assert_eq!(codes(world), ["free-delivery", "master-class"]);
        let seen = body(&world.operator.get(&format!("{target}?programme=club")), 200);
        assert_eq!(
            seen["perks"][1],
            json!({"programme": "club", "tier": "love", "code": "master-class",
            "valid_from": "2025-03-01", "valid_through": "2025-03-31"})
        );
        world.move_to("2025-03-31T21:00:00Z");
        assert_eq!(codes(world), ["free-delivery"]);
        world.move_to("2025-06-15T09:00:00Z");
        assert_eq!(codes(world), ["free-delivery", "summer"]);
        world.add_party("stranger", "retailer");
        let hidden = world.party("stranger").get(&format!("{target}?programme=club"));
        assert_eq!(hidden.status, 404);
        assert_eq!(body(&world.party("stranger").get(&target), 200)["perks"], json!([]));
    });
}

const LIST: &str = "member,date,amount,ref
phone:+79160000001,2025-02-01,1500.00,OLD-1
email:anna@example.org,2025-02-02,99.90,OLD-2
phone:+79160000001,2025-02-03,5.00,OLD-3
phone:+79160000001,2025-02-03,700.00,OLD-1
phone:+79169999999,2025-02-03,700.00,OLD-4
phone:+79160000001,2025-04-03,700.00,OLD-5
phone:+79160000001,2025-02-03,7.005,OLD-6
nobody,2025-02-03,7.00,OLD-7
";

fn retro(world: &World, list: &str, is_dry: bool) -> Report {
    retro_at(world, list, is_dry, "2025-03-03T09:00:00Z")
}

fn retro_at(world: &World, list: &str, is_dry: bool, now: &str) -> Report {
    let retro = Retro {
        programme: "club".parse().expect("a programme"),
        party: "shop".parse().expect("a party"),
        tag: "retro".parse().expect("a promotion"),
        valid_through: None,
        is_dry,
    };
    let engine = engine(world);
    run(&engine, &retro, list.as_bytes(), instant(now)).expect("it is read")
}

#[test]
fn past_receipts_are_counted_first_and_granted_for_once() {
    both(|world| {
        let club = Club::new(world);
        let dry = retro(world, LIST, true);
        assert_eq!((dry.rows, dry.granted, dry.points.0, dry.nothing), (8, 2, 159, 1));
        let rejected: Vec<(&str, &[u64])> = dry
            .rejected
            .iter()
            .map(|(reason, one)| (reason.as_str(), one.lines.as_slice()))
            .collect();
        assert_eq!(
            rejected,
            [
                ("`amount` is no amount, such as 1500.00", [8].as_slice()),
                ("`date` has not come yet", &[7]),
                ("`member` is no name of one", &[9]),
                ("the reference stands in the list twice", &[5]),
                ("unknown_member", &[6]),
            ]
        );
        assert_eq!(world.balance(&club.anna, "club")["available"], "0", "nothing is granted");
        let done = retro(world, LIST, false);
        assert_eq!((done.granted, done.points, done.known), (dry.granted, dry.points, 0));
        assert_eq!(world.balance(&club.anna, "club")["available"], "159");
        let posted = world.operator.get("/v1/transactions?kind=grant&ref=retro:OLD-1&party=shop");
        let posted = body(&posted, 200);
        assert_eq!(
            (&posted["granted"], &posted["lots"][0]["promo"]),
            (&json!("150"), &json!("retro"))
        );
        for is_dry in [true, false] {
            let again = retro(world, LIST, is_dry);
            assert_eq!((again.granted, again.points.0, again.known), (0, 0, 2));
        }
        // What is added to the list is granted for; what it says of the past does not change.
        let more = format!("{LIST}phone:+79160000001,2025-02-05,100.00,OLD-8\n")
            .replace("1500.00", "9500.00");
        let third = retro(world, &more, false);
        assert_eq!((third.granted, third.points.0, third.known), (1, 10, 2));
        assert_eq!(world.balance(&club.anna, "club")["available"], "169");
    });
}

#[test]
fn a_past_receipt_that_a_credit_line_refuses_is_granted_for_when_the_list_is_read_again() {
    both(|world| {
        let club = Club::new(world);
        let agree = |line: &str| {
            world.add_agreement(&json!({
                "programme": "club", "party": "shop", "credit_line": line,
                "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00"}
            }));
        };
        agree("150.00");
        let done = retro(world, LIST, false);
        assert_eq!((done.granted, done.points.0), (1, 150));
        assert_eq!(done.rejected["limit_exceeded"].lines, [3]);
        agree("159.00");
        let again = retro_at(world, LIST, false, "2025-03-03T09:10:00Z");
        assert_eq!((again.granted, again.points.0, again.known), (1, 9, 1));
        assert_eq!(world.balance(&club.anna, "club")["available"], "159");
    });
}

#[test]
fn a_list_stops_where_it_is_no_list() {
    both(|world| {
        Club::new(world);
        let engine = engine(world);
        let retro = |party: &str| Retro {
            programme: "club".parse().expect("a programme"),
            party: party.parse().expect("a party"),
            tag: "retro".parse().expect("a promotion"),
            valid_through: None,
            is_dry: true,
        };
        let now = instant("2025-03-03T09:00:00Z");
        assert!(run(&engine, &retro("shop"), "member,date\nx,y\n".as_bytes(), now).is_err());
        assert!(
            run(&engine, &retro("brand"), LIST.as_bytes(), now).is_err(),
            "it earns nothing there"
        );
    });
}

#[test]
fn the_command_line_shows_what_a_list_would_give_and_gives_it() {
    both(|world| {
        let club = Club::new(world);
        let folder = tempfile::tempdir().expect("a folder");
        let list = folder.path().join("list.csv");
        std::fs::write(&list, LIST).expect("a file can be written");
        let run = |more: &[&str]| {
            let output = Command::new(env!("CARGO_BIN_EXE_coalition"))
                .args(["--database", &world.settings.database, "retro", "--programme", "club"])
                .args(["--party", "shop"])
                .args(more)
                .arg(&list)
                .output()
                .expect("the program runs");
            let text = String::from_utf8(output.stdout).expect("it is text");
            (output.status.code(), text)
        };
        let (code, text) = run(&["--dry-run"]);
        assert_eq!(code, Some(1), "some rows can't be granted for: {text}");
        // To the program's own clock no row lies ahead.
        assert!(text.contains("would be granted: 3 rows, 229 points"), "{text}");
        assert!(text.contains("rejected: 1 rows: unknown_member (lines 6)"), "{text}");
        assert!(run(&[]).1.contains("\ngranted: 3 rows, 229 points"));
        assert!(run(&[]).1.contains("granted before: 3"));
        let history = format!("/v1/members/{}/history", club.anna);
        let history = body(&world.operator.get(&history), 200);
        assert_eq!(history["data"].as_array().map(Vec::len), Some(3));
    });
}
