//! Disputes over HTTP: opened, answered, booked in the open cycle; in time and by both sides.

use coalition::domain::posting::ObligationKind;
use coalition::domain::settlement::{CycleId, CycleState};
use coalition::store::{Use, cycles};
use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::month;
use crate::support::{Club, World, both, code_of, purchase, text};

const DAY: &str = "2025-03-03";

fn body(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// A receipt of the shop in a cycle that was closed and published on the next day; the id of the
/// receipt.
pub fn published(world: &mut World) -> String {
    let club = Club::new(world);
    let posted = world.accept("shop", &purchase("R-1", &club.anna, "1000.00"));
    world.move_to("2025-03-04T09:00:00Z");
    month::settle(world, DAY);
    text(&posted, "id")
}

fn open(world: &World) -> coalition::store::Database {
    let address = world.settings.address().expect("the address is one");
    address.open(Use::Write).expect("the database can be opened")
}

fn cycle(day: &str) -> CycleId {
    day.parse().expect("a cycle")
}

/// What was adjusted and set aside in the open cycle: from whom, to whom, what, how much.
fn entries(world: &World, day: &str) -> Vec<(String, String, String, i64)> {
    let positions = cycles::positions_of(&mut open(world), &cycle(day)).expect("they can be read");
    let kinds = [ObligationKind::Adjustment, ObligationKind::DisputeReserve];
    let of_disputes = positions.into_iter().filter(|one| kinds.contains(&one.kind));
    of_disputes
        .map(|one| {
            let name = one.kind.name(one.reverses).to_owned();
            (one.debtor.to_string(), one.creditor.to_string(), name, one.amount.0)
        })
        .collect()
}

fn entry(debtor: &str, creditor: &str, kind: &str, amount: i64) -> (String, String, String, i64) {
    (debtor.to_owned(), creditor.to_owned(), kind.to_owned(), amount)
}

fn dispute(world: &World, who: &Caller, wish: &Value) -> Answer {
    who.post("/v1/disputes", &world.new_key(), wish)
}

fn step(world: &World, who: &Caller, id: &str, (step, said): (&str, Value)) -> Answer {
    who.post(&format!("/v1/disputes/{id}/{step}"), &world.new_key(), &said)
}

#[test]
fn a_dispute_goes_from_the_objection_to_an_entry_of_both_sides() {
    both(|world| {
        let receipt = published(world);
        let (shop, bank) = (world.party("shop").clone(), world.party("bank").clone());
        let (anna, auditor) = (world.finance_named("anna"), world.auditor());
        let wish = json!({
            "cycle": DAY, "kind": "wrong_price", "lines": [format!("{receipt}/1")],
            "amount": "60.00", "why": "the price was 0.40"
        });
        assert_eq!(dispute(world, &bank, &wish).status, 400, "the line is not the bank's");
        assert_eq!(dispute(world, &auditor, &wish).status, 403);
        let opened = body(&dispute(world, &shop, &wish), 201);
        let id = text(&opened, "id");
        assert_eq!(
            (opened["programme"].as_str(), opened["state"].as_str()),
            (Some("club"), Some("open"))
        );
        let row = cycles::find(&mut open(world), &cycle(DAY)).expect("it can be read");
        assert_eq!(row.map(|row| row.state), Some(CycleState::Disputed));
        for who in [&bank, &world.party("brand").clone()] {
            assert_eq!(who.get(&format!("/v1/disputes/{id}")).status, 404);
            assert_eq!(step(world, who, &id, ("withdraw", json!({"why": "no"}))).status, 404);
            assert_eq!(body(&who.get("/v1/disputes"), 200)["data"], json!([]));
        }

        let own = step(world, &shop, &id, ("acknowledge", json!({})));
        assert_eq!((own.status, code_of(&own).as_str()), (403, "role_not_allowed"));
        let early = step(world, &shop, &id, ("propose", json!({"amount": "60.00"})));
        assert_eq!((early.status, code_of(&early).as_str()), (409, "dispute_state"));
        let seen = body(&step(world, &anna, &id, ("acknowledge", json!({"reserve": true}))), 200);
        assert_eq!(seen["reserved"], "60.00");
        let reserved = entry("brand", "clearing", "dispute_reserve", 6_000);
        assert_eq!(entries(world, "2025-03-04"), std::slice::from_ref(&reserved));

        let shown = json!({"text": "the price list", "documents": ["ab".repeat(32)]});
        body(&step(world, &shop, &id, ("evidence", shown)), 200);
        body(&step(world, &anna, &id, ("propose", json!({"amount": "40.00"}))), 200);
        let other = step(world, &shop, &id, ("approve", json!({"amount": "60.00"})));
        assert_eq!((other.status, code_of(&other).as_str()), (409, "dispute_state"));
        let one = body(&step(world, &anna, &id, ("approve", json!({"amount": "40.00"}))), 200);
        assert_eq!(one["proposed"]["approvals"].as_array().map(Vec::len), Some(1));
        let boris = world.finance_named("boris");
        let twice = step(world, &boris, &id, ("approve", json!({"amount": "40.00"})));
        assert_eq!((twice.status, code_of(&twice).as_str()), (403, "second_person_needed"));
        let key = world.new_key();
        let target = format!("/v1/disputes/{id}/approve");
        let last = shop.post(&target, &key, &json!({"amount": "40.00"}));
        let booked = body(&last, 200);
        assert_eq!(
            (booked["state"].as_str(), booked["reserved"].as_str()),
            (Some("booked"), Some("0.00"))
        );
        assert_eq!(shop.post(&target, &key, &json!({"amount": "40.00"})).body, last.body);
        let mut expected = [
            entry("brand", "shop", "adjustment_reversed", 4_000),
            reserved,
            entry("clearing", "brand", "dispute_reserve_reversed", 6_000),
        ];
        let mut there = entries(world, "2025-03-04");
        expected.sort();
        there.sort();
        assert_eq!(there, expected);
        assert_eq!(entries(world, DAY), [], "the old cycle stays as it was");
        assert_eq!(auditor.get(&format!("/v1/disputes/{id}")).status, 200);
        let ended = step(world, &shop, &id, ("withdraw", json!({"why": "late"})));
        assert_eq!((ended.status, code_of(&ended).as_str()), (409, "dispute_state"));
    });
}

#[test]
fn a_dispute_ends_by_a_no_by_taking_it_back_and_by_its_time() {
    both(|world| {
        published(world);
        let shop = world.party("shop").clone();
        let anna = world.finance_named("anna");
        let wish = json!({
            "cycle": DAY, "kind": "missing_accrual", "own_lines": ["R-7 120.00"],
            "programme": "club", "amount": "12.00", "why": "the till was offline"
        });
        let open_one = || text(&body(&dispute(world, &shop, &wish), 201), "id");
        let (refused, taken_back, forgotten) = (open_one(), open_one(), open_one());
        let no = step(world, &anna, &refused, ("reject", json!({"why": "posted later"})));
        assert_eq!(body(&no, 200)["rejected"]["side"], "clearing_house");
        let mute = step(world, &shop, &taken_back, ("withdraw", json!({})));
        assert_eq!(mute.status, 400);
        let back = step(world, &shop, &taken_back, ("withdraw", json!({"why": "found it"})));
        assert_eq!(body(&back, 200)["rejected"]["side"], "party");
        body(&step(world, &anna, &forgotten, ("acknowledge", json!({"reserve": true}))), 200);

        world.move_to("2025-04-03T09:00:00Z");
        let target = format!("/v1/disputes/{forgotten}");
        let over = body(&shop.get(&target), 200);
        assert_eq!(
            (over["state"].as_str(), over["reserved"].as_str()),
            (Some("expired"), Some("0.00"))
        );
        assert!(over["entries"]["release"].is_string(), "{over}");
        let released = entry("clearing", "brand", "dispute_reserve_reversed", 1_200);
        assert_eq!(entries(world, "2025-04-03"), [released]);
        world.move_to("2025-04-03T21:00:00Z");
        let late = dispute(world, &shop, &wish);
        assert_eq!((late.status, code_of(&late).as_str()), (422, "dispute_too_late"));
        let listed = body(&shop.get("/v1/disputes?state=expired"), 200);
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn the_clearing_house_objects_as_well_and_the_party_answers() {
    both(|world| {
        published(world);
        let (shop, anna) = (world.party("shop").clone(), world.finance_named("anna"));
        let wish = json!({
            "party": "shop", "cycle": DAY, "kind": "fraud", "own_lines": ["R-1 was no sale"],
            "programme": "club", "amount": "100.00", "why": "the article does not exist",
            "reserve": true
        });
        let id = text(&body(&dispute(world, &anna, &wish), 201), "id");
        body(&step(world, &shop, &id, ("acknowledge", json!({}))), 200);
        assert_eq!(
            entries(world, "2025-03-04"),
            [entry("shop", "clearing", "dispute_reserve", 10_000)]
        );
        body(&step(world, &anna, &id, ("propose", json!({"amount": "100.00"}))), 200);
        body(&step(world, &shop, &id, ("approve", json!({"amount": "100.00"}))), 200);
        let booked = body(&step(world, &anna, &id, ("approve", json!({"amount": "100.00"}))), 200);
        assert_eq!(booked["state"], "booked");
        assert!(entries(world, "2025-03-04").contains(&entry(
            "shop",
            "brand",
            "adjustment",
            10_000
        )));
    });
}

#[test]
fn who_objected_is_told_to_the_house_and_to_nobody_else() {
    both(|world| {
        published(world);
        let (shop, bank) = (world.party("shop").clone(), world.party("bank").clone());
        let wish = json!({
            "cycle": DAY, "kind": "missing_accrual", "own_lines": ["R-7 120.00"],
            "programme": "club", "amount": "12.00", "why": "the till was offline"
        });
        let id = text(&body(&dispute(world, &shop, &wish), 201), "id");
        let last = |who: &Caller| {
            let shown = body(&who.get(&format!("/v1/cycles/{DAY}")), 200);
            let events = shown["events"].as_array().expect("events").clone();
            events.into_iter().next_back().expect("it was disputed")
        };
        let told = last(&world.auditor());
        assert_eq!((&told["state"], &told["why"]), (&json!("disputed"), &json!(id)));
        assert!(text(&told, "by").starts_with("shop"), "{told}");
        assert_eq!(last(&shop), told);
        let other = last(&bank);
        assert_eq!(other, json!({"state": "disputed", "at": told["at"]}));
    });
}

#[test]
fn how_it_is_known_that_all_agreed_stands_with_the_cycle() {
    both(|world| {
        published(world);
        let target = format!("/v1/cycles/{DAY}/acknowledge");
        let why = json!({"why": "acts signed by shop and brand"});
        let said = world.finance_named("anna").post(&target, &world.new_key(), &why);
        assert_eq!(said.status, 204, "{}", said.text());
        let last = |who: &Caller| {
            let shown = body(&who.get(&format!("/v1/cycles/{DAY}")), 200);
            shown["events"].as_array().and_then(|events| events.last().cloned())
        };
        let told = last(&world.operator).expect("it was agreed to");
        let shown = [&told["state"], &told["by"], &told["why"]];
        assert_eq!(json!(shown), json!(["acknowledged", "anna", why["why"]]));
        for party in ["shop", "brand", "bank"] {
            let shown = last(world.party(party)).expect("it was agreed to");
            assert_eq!(shown, json!({"state": "acknowledged", "at": told["at"], "by": "anna"}));
        }
        // What was not said is not there.
        let shown = body(&world.operator.get(&format!("/v1/cycles/{DAY}")), 200);
        assert_eq!(shown["events"][0].get("why"), None);
    });
}
