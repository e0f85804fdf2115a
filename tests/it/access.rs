//! Every route by every caller, with the ids of two parties swapped: who may not gets 401, 403 or
//! 404, and nobody reads another party's name. A route without a row here fails the test.

use std::collections::BTreeSet;

use coalition::http::ROUTES;
use coalition_partner::{Answer, Credentials, Outgoing};
use serde_json::{Value, json};

use crate::access_rows::{Row, rows};
use crate::bank::{DAY, OWN, account, import, line, put_account};
use crate::caller::{Caller, NDJSON};
use crate::contract::template_of;
use crate::lists::{Line, list, profile};
use crate::reconciliation::compare;
use crate::support::{World, both, text};

/// One of the two parties, and what is its own.
struct Side {
    party: &'static str,
    programme: String,
    member: String,
    transaction: String,
    key: String,
    run: String,
    dispute: String,
    webhook: String,
}

impl Side {
    /// A shop that earns in a programme of its own brand, with a receipt of the day.
    fn new(world: &mut World, party: &'static str) -> Self {
        let (brand, programme) = (format!("brand-of-{party}"), format!("club-of-{party}"));
        world.add_party(&brand, "brand");
        world.add_party(party, "retailer");
        world.add_programme(&json!({
            "id": programme, "brand": brand, "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": "never"
        }));
        world.add_agreement(&json!({
            "programme": programme, "party": party,
            "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.00"}
        }));
        let enrolled = json!({"external_ids": [format!("of-{party}")]});
        let made = world.party(party).post("/v1/members", &world.new_key(), &enrolled);
        let member = text(&made.json().expect("it is JSON"), "member");
        let posted = world.accept(
            party,
            &json!({"kind": "purchase", "ref": format!("R-{party}"), "programme": programme,
                "member": member, "amount": "100.00"}),
        );
        world.issue_key(party);
        let keys = world.operator.get(&format!("/v1/parties/{party}/keys"));
        let keys: Value = keys.json().expect("it is JSON");
        let used = match world.party(party).credentials() {
            Credentials::Signature(key) => key.id().to_owned(),
            _ => unreachable!("a party signs"),
        };
        let mut ids = keys["data"].as_array().expect("a list").iter().map(|key| text(key, "id"));
        let key = ids.find(|id| *id != used).expect("a second key");
        // It wants nothing, so that nobody is called.
        let hook = json!({"url": format!("https://{party}.example/hook"), "types": ["no.thing"]});
        let made = world.party(party).post("/v1/webhooks", &world.new_key(), &hook);
        let webhook = text(&made.json().expect("it is JSON"), "id");
        let (transaction, run, dispute) = (text(&posted, "id"), String::new(), String::new());
        Self { party, programme, member, transaction, key, run, dispute, webhook }
    }

    /// A run of the party with a break, and a dispute about the day, which was published.
    fn object(&mut self, world: &World) {
        let party = world.party(self.party);
        let how = format!("/v1/parties/{}/book-profile", self.party);
        assert_eq!(party.put(&how, &world.new_key(), &profile("csv")).status, 200);
        let lines = [Line::new(&format!("X-{}", self.party), 7_700)];
        let (target, view) = compare(world, party, &json!({"cycle": DAY}), &list("csv", &lines));
        assert_eq!(view["breaks"], json!({"open": 2}), "{view}");
        target.rsplit('/').next().expect("an address has an id").clone_into(&mut self.run);
        let wish = json!({
            "cycle": DAY, "kind": "wrong_price", "lines": [format!("{}/1", self.transaction)],
            "amount": "5.00", "why": format!("the price of {}", self.party)
        });
        let opened = party.post("/v1/disputes", &world.new_key(), &wish);
        assert_eq!(opened.status, 201, "{}", opened.text());
        self.dispute = text(&opened.json().expect("it is JSON"), "id");
    }

    fn filled(&self, template: &str, is_staff: bool) -> String {
        let name = format!("external%3Aof-{}", self.party);
        let plain = format!("external:of-{}", self.party);
        template
            .replace("{p}", self.party)
            .replace("{c}", &self.programme)
            .replace("{tx}", &self.transaction)
            .replace("{key}", &self.key)
            .replace("{wh}", &self.webhook)
            .replace("{run}", &self.run)
            .replace("{dispute}", &self.dispute)
            .replace("{item}", "item_1")
            .replace("{member-plain}", &plain)
            .replace("{member}", if is_staff { &self.member } else { &name })
    }
}

/// What an answer comes to; that of a line, where lines are answered.
fn status_of(answer: &Answer) -> u16 {
    let text = answer.text();
    let line = text.lines().next().filter(|_| answer.header("content-type") == Some(NDJSON));
    let line: Option<Value> = line.and_then(|line| serde_json::from_str(line).ok());
    let status = line.and_then(|line| line["status"].as_u64());
    status.and_then(|status| u16::try_from(status).ok()).unwrap_or(answer.status)
}

fn ask(world: &World, caller: &Caller, row: &Row, (of, is_staff): (&Side, bool)) -> Answer {
    let (target, body) = (of.filled(row.target, is_staff), of.filled(row.body, is_staff));
    let path = target.split('?').next().unwrap_or_default();
    assert_eq!(template_of(path).as_deref(), Some(row.template), "{target}");
    let key = world.new_key();
    let has_body = !["GET", "DELETE"].contains(&row.method);
    caller.send(&Outgoing {
        method: row.method,
        idempotency_key: has_body.then_some(&key),
        content_type: if row.template.ends_with(":batch") { NDJSON } else { "application/json" },
        body: has_body.then_some(body.as_bytes()),
        ..Outgoing::get(&target)
    })
}

/// Gives the clearing house a bank account, so that the bank's statements are taken.
fn open_accounts_of_the_house(world: &World) {
    let own = account("clearing", OWN, "044525000");
    assert_eq!(put_account(world, "clearing", "operator", &own).status, 201);
}

#[test]
fn every_route_has_a_row() {
    let rows: BTreeSet<(&str, &str)> =
        rows().iter().map(|row| (row.method, row.template)).collect();
    let routes: BTreeSet<(&str, &str)> = ROUTES.iter().copied().collect();
    assert_eq!(rows, routes, "say in the rows of this file who may");
}

#[test]
fn who_may_not_is_told_nothing_and_nobody_reads_another_partys_name() {
    both(|world| {
        let mut sides = ["alpha", "omega"].map(|party| Side::new(world, party));
        world.move_to("2025-03-05T09:00:00Z");
        for what in ["close", "publish"] {
            let target = format!("/v1/cycles/2025-03-03/{what}");
            assert_eq!(world.operator.post(&target, &world.new_key(), &json!({})).status, 200);
        }
        for side in &mut sides {
            side.object(world);
        }
        open_accounts_of_the_house(world);
        import(world, &[line("1", "7.00", "")]);
        let nobody = world.calling(Credentials::Nobody);
        let staff = [world.auditor(), world.finance(), world.operator.clone()];
        let mut wrong = Vec::new();
        for row in rows() {
            for (own, other) in [(&sides[0], &sides[1]), (&sides[1], &sides[0])] {
                let party = world.party(own.party);
                let asked = [
                    ("nobody", &nobody, (own, false)),
                    ("the party", party, (own, false)),
                    ("the other party", party, (other, false)),
                    ("an auditor", &staff[0], (own, true)),
                    ("finance", &staff[1], (own, true)),
                    ("the operator", &staff[2], (own, true)),
                ];
                for ((who, caller, of), may) in asked.into_iter().zip(row.may) {
                    let answer = ask(world, caller, &row, of);
                    let status = status_of(&answer);
                    let is_refused = [401, 403, 404].contains(&status);
                    let is_right = match may {
                        Some(true) if row.method == "GET" => [200, 204].contains(&status),
                        Some(true) => !is_refused && status < 500,
                        Some(false) => is_refused,
                        None => (400..500).contains(&status),
                    };
                    let is_party = ["nobody", "the party", "the other party"].contains(&who);
                    let tells = is_party && answer.text().contains(other.party);
                    if !is_right || tells {
                        let (method, template) = (row.method, row.template);
                        wrong.push(format!(
                            "{who}: {method} {template}: {status} {}",
                            answer.text()
                        ));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
}
