//! Cards and people: who enrols with a card, who is found again, and what a till is told of those
//! who are not confirmed, of perks, and of merged and erased members.

use coalition_partner::Answer;
use serde_json::{Value, json};

use crate::cards_world::{campaign, club, club_with, face, facts, grant, issue, promo, refusal};
use crate::support::{World, both, text};

fn body(answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text());
    answer.json().expect("it is JSON")
}

fn issue_to(world: &World, key: &str, person: &Value) -> Answer {
    let body = json!({"programme": "club", "person": person});
    world.party("wallet").post("/v1/cards", key, &body)
}

#[test]
fn who_enrols_with_a_card_is_found_again_by_a_verified_phone() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        // The shop knew the phone of Anna; the wallet has verified it.
        let person = json!({
            "phone": "8 (916) 000-00-01", "verified": ["phone"], "profile": {"name": "Анна Каренина"},
            "consents": [{"purpose": "marketing", "channel": "push", "version": "2025-01"}]
        });
        let card = body(&issue_to(world, "c-1", &person), 201);
        assert_eq!(card["member"], json!(anna), "nobody becomes two");
        let again = issue_to(world, "c-1", &person);
        assert!(again.replayed && again.status == 201, "{}", again.text());
        let profile = body(&world.operator.get(&format!("/v1/members/{anna}/profile")), 200);
        assert_eq!(profile["profile"]["name"]["source"], "wallet");
        assert_eq!(profile["consents"][0]["channel"], "push");

        let fresh = json!({"phone": "+79160000077", "verified": ["phone"]});
        let card = body(&issue_to(world, "c-2", &fresh), 201);
        let second = body(&issue_to(world, "c-3", &fresh), 200);
        assert_eq!(card["number"], second["number"]);
        let profile = world.operator.get(&format!("/v1/members/{}/profile", text(&card, "member")));
        assert_eq!(body(&profile, 200)["stage"], "member");
    });
}

#[test]
fn what_can_not_be_read_of_a_person_is_named_and_nothing_is_issued() {
    both(|world| {
        club(world, &json!({"title": "Club"}));
        let wrong = issue_to(world, "c-1", &json!({"phone": "12"}));
        assert_eq!(refusal(&wrong), (400, "invalid_request".to_owned()));
        assert_eq!(wrong.json::<Value>().expect("JSON")["errors"][0]["pointer"], "/person/phone");
        let neither = world.party("wallet").post("/v1/cards", "c-2", &json!({"programme": "club"}));
        assert_eq!(refusal(&neither), (400, "invalid_request".to_owned()));
        // A name of somebody else that nobody verified, and nothing else to go by.
        let taken = issue_to(world, "c-3", &json!({"phone": "+79160000001", "verified": []}));
        let card = body(&taken, 201);
        let proposals = body(&world.operator.get("/v1/merge-proposals"), 200);
        assert_eq!(proposals["data"][0]["drop"], card["member"], "{proposals}");
    });
}

#[test]
fn a_till_is_told_who_may_not_burn_yet_and_what_a_level_opens() {
    both(|world| {
        club(world, &json!({"title": "Club"}));
        let mut programme = club_with(&json!({"title": "Club"}));
        programme["tiers"] = json!({"metric": "spend", "levels": [
            {"id": "want", "from": "0", "perks": [{"code": "free-delivery"}]}]});
        world.add_programme(&programme);
        let person = json!({"phone": "+79160000078", "source": "till"});
        let card = body(&issue_to(world, "c-1", &person), 201);
        let (number, member) = (text(&card, "number"), text(&card, "member"));
        grant(world, &member, "100", "2025-12-31");
        let ask = json!({"card": number, "amount": "150.00"});
        let till = world.party("shop");
        let told = body(&till.post("/v1/cards/resolve", "r-1", &ask), 200);
        assert_eq!(told["warnings"], json!(["member_unconfirmed"]));
        assert_eq!(told["balance"]["available"], "100");
        assert_eq!(
            (&told["quote"]["max_burn"], &told["quote"]["to_pay_at_least"]),
            (&json!("0"), &json!("150.00"))
        );
        assert_eq!(told["perks"][0]["code"], "free-delivery");
        // The wallet verifies the phone later.
        let shown = json!({"phone": "+79160000078", "verified": ["phone"]});
        body(&issue_to(world, "c-2", &shown), 200);
        let told = body(&till.post("/v1/cards/resolve", "r-2", &ask), 200);
        assert_eq!((&told["warnings"], &told["quote"]["max_burn"]), (&json!([]), &json!("75")));
    });
}

#[test]
fn a_promo_stays_on_the_card_through_a_merge() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let boris = world.add_member(&json!({"phone": "+79160000002"}));
        let lot = grant(world, &boris, "500", "2025-12-31");
        campaign(world, "spring", &json!({"card": {"tag": {"text": "500", "color": "#00AA00"}}}));
        promo(world, "spring", &boris, ("test", lot));
        let number = issue(world, "wallet", &anna);
        assert_eq!(face(world, &number)["promos"], json!([]));
        world.accept("brand", &json!({"kind": "merge", "keep": anna, "drop": boris}));
        let shown = face(world, &number);
        assert_eq!(shown["promos"][0]["campaign"], "spring", "{shown}");
        assert_eq!(shown["tag"]["text"], "500");
    });
}

#[test]
fn who_is_erased_loses_the_card() {
    both(|world| {
        let anna = club(world, &json!({"title": "Club"})).anna;
        let number = issue(world, "wallet", &anna);
        let gone = world.operator.post(&format!("/v1/members/{anna}/erase"), "e-1", &json!({}));
        assert_eq!(gone.status, 200, "{}", gone.text());
        let told = world.party("shop").post("/v1/cards/resolve", "r-1", &json!({"card": number}));
        assert_eq!(refusal(&told), (404, "unknown_card".to_owned()));
        let shown = world.party("wallet").get(&format!("/v1/cards/{number}"));
        assert_eq!(refusal(&shown), (404, "unknown_card".to_owned()));
        assert!(facts(world).iter().any(|fact| fact.event == "member.erased"));
    });
}
