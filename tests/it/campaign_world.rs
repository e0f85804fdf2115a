//! What tests of campaigns share: members by the dozen with consents and cards, campaigns that run,
//! and the facts that were told.

use coalition::campaigns::jobs;
use coalition::domain::ids::MemberId;
use coalition::store::outbox::{self, Placed};
use coalition::store::{Database, Use};
use diesel::RunQueryDsl as _;
use serde_json::{Value, json};

use crate::support::{World, text};

/// The coalition of a club with a wallet, an app, and members.
pub struct Stage {
    /// The members' ids, in their order.
    pub members: Vec<String>,
}

impl Stage {
    /// A club whose programme burns the lot that expires first, with so many members.
    pub fn new(world: &mut World, count: usize) -> Self {
        let parties =
            [("brand", "brand"), ("shop", "retailer"), ("koshelek", "wallet"), ("app", "retailer")];
        for (id, kind) in parties {
            world.add_party(id, kind);
        }
        world.add_programme(&json!({
            "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
            "burn": {"max_share": "0.50"},
            "tiers": {"metric": "spend", "levels": [{"id": "gold", "from": "1000.00"}]}
        }));
        world.add_agreement(&json!({
            "programme": "club", "party": "shop",
            "earn": {"funding": [{"party": "shop", "share": "1"}], "price_per_point": "1.00"},
            "burn": {"reimburse_per_point": "1.00"}
        }));
        Self { members: add_members(world, count) }
    }
}

/// Adds members with a phone and an address each; their ids, in their order.
fn add_members(world: &World, count: usize) -> Vec<String> {
    let mut members = Vec::with_capacity(count);
    let lines: Vec<Value> = (0..count)
        .map(|number| {
            json!({"phone": format!("+7916{number:07}"),
                "email": format!("member{number}@example.org"),
                "external_ids": [number.to_string()], "idempotency_key": format!("member-{number}")})
        })
        .collect();
    for lines in lines.chunks(1_000) {
        let answers = world.party("shop").lines("/v1/members:batch", lines);
        members.extend(answers.iter().map(|answer| text(&answer["member"], "member")));
    }
    members.sort_by_key(|member| number_of(member));
    members
}

/// The stored number of a member.
pub fn number_of(member: &str) -> i64 {
    member.parse::<MemberId>().expect("it is a member").0
}

/// The world's database, to write what other parts of the server write.
pub fn database(world: &World) -> Database {
    let address = world.settings.address().expect("the address is one");
    address.open(Use::Write).expect("the database can be written")
}

/// Runs a statement on the world's database.
pub fn execute(world: &World, statement: &str) {
    let asked = diesel::sql_query(statement);
    match &mut database(world) {
        Database::Sqlite(one) => asked.execute(one),
        Database::Postgres(one) => asked.execute(one),
    }
    .unwrap_or_else(|error| panic!("{statement}: {error}"));
}

/// Members agree to marketing by a channel, or take it back.
pub fn agree<'a>(
    world: &World,
    members: impl IntoIterator<Item = &'a String>,
    channel: &str,
    given: bool,
) {
    let now = world.app().now().0;
    let rows: Vec<String> = members
        .into_iter()
        .map(|member| {
            let member = number_of(member);
            format!("({member}, 'marketing', '{channel}', {now}, {given}, 'v1', 'brand')")
        })
        .collect();
    if !rows.is_empty() {
        execute(world, &format!("INSERT INTO consents VALUES {}", rows.join(", ")));
    }
}

/// Gives members a card of the wallet.
pub fn give_cards<'a>(world: &World, members: impl IntoIterator<Item = &'a String>) {
    let secret = if world.database == "SQLite" { "X'00'" } else { "'\\x00'" };
    let rows: Vec<String> = members
        .into_iter()
        .map(|member| {
            let member = number_of(member);
            format!(
                "({member}, {member}, 'club', 'koshelek', 'club', '96430{member:011}', 'active', \
                 0, 0, NULL, {secret}, 1)"
            )
        })
        .collect();
    execute(world, &format!("INSERT INTO cards VALUES {}", rows.join(", ")));
}

/// Gives members a profile.
pub fn give_profiles<'a>(
    world: &World,
    members: impl IntoIterator<Item = &'a String>,
    (city, source, stage): (&str, &str, &str),
) {
    let rows: Vec<String> = members
        .into_iter()
        .map(|member| {
            let member = number_of(member);
            format!("({member}, NULL, NULL, '{source}', 'shop', '{stage}', '{city}', 0, 0, NULL)")
        })
        .collect();
    execute(
        world,
        &format!(
            "INSERT INTO persons VALUES {} ON CONFLICT (member) DO UPDATE SET \
             source = excluded.source, stage = excluded.stage, city = excluded.city",
            rows.join(", ")
        ),
    );
}

/// Writes a campaign, which must be accepted.
pub fn put_campaign(world: &World, document: &Value) -> Value {
    let target = format!("/v1/campaigns/{}", text(document, "id"));
    let answer = world.marketing().put(&target, &world.new_key(), document);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// Takes a step of a campaign, which must be possible; the answer.
pub fn step(world: &World, id: &str, step: &str) -> Value {
    let target = format!("/v1/campaigns/{id}/{step}");
    let answer = world.marketing().post(&target, &world.new_key(), &json!({}));
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json().expect("it is JSON")
}

/// Reads something of a campaign.
pub fn read(world: &World, target: &str) -> Value {
    let answer = world.marketing().get(target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json().expect("it is JSON")
}

/// Writes, starts and runs a campaign; where it stands.
pub fn run(world: &World, document: &Value) -> Value {
    put_campaign(world, document);
    let id = text(document, "id");
    step(world, &id, "start");
    let done = step(world, &id, "run");
    assert_eq!(done["run"]["finished"], true, "{done}");
    done
}

/// All notices of a campaign.
pub fn notices(world: &World, id: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut target = format!("/v1/campaigns/{id}/notices?limit=100");
    loop {
        let page = read(world, &target);
        all.extend(page["data"].as_array().expect("a list").iter().cloned());
        let Some(next) = page["page"]["next"].as_str() else { return all };
        let next = next.replace('/', "%2F");
        target = format!("/v1/campaigns/{id}/notices?limit=100&cursor={next}");
    }
}

/// Tells of notices and reminders that are due, as the job does.
pub fn tell(world: &World) {
    jobs::tell(&world.app().engine).expect("the job runs");
}

/// The facts of an event, in their order.
pub fn facts(world: &World, event: &str) -> Vec<Placed> {
    let mut all = Vec::new();
    let mut after = 0;
    loop {
        let some = outbox::after(&mut database(world), after, 1_000).expect("it can be read");
        let Some(last) = some.last() else { return all };
        after = last.seq;
        all.extend(some.into_iter().filter(|fact| fact.event == event));
    }
}

/// A campaign of fixed points for everyone.
pub fn bonus(id: &str, points: &str) -> Value {
    json!({
        "id": id, "programme": "club", "audience": "everyone",
        "grant": {"points": points, "expire": {"days": 10},
            "funding": [{"party": "brand", "share": "1"}], "price_per_point": "0.50"}
    })
}
