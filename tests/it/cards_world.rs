//! What the tests of cards share: a club that issues cards, campaigns, a server that records.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use coalition::domain::ids::{LotId, MemberId};
use coalition::store::outbox::{self, Placed};
use coalition::store::{Database, Use};
use coalition_partner::{Answer, Credentials, Outgoing};
use diesel::RunQueryDsl as _;
use serde_json::{Value, json};

use crate::support::{Club, World, code_of, text};

/// The programme of [`Club`], with cards and whatever else is said.
pub fn club_with(card: &Value) -> Value {
    json!({
        "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
        "burn": {"max_share": "0.50"}, "card": card
    })
}

/// A club with cards, and two wallets.
pub fn club(world: &mut World, card: &Value) -> Club {
    let club = Club::new(world);
    world.add_programme(&club_with(card));
    world.add_party("wallet", "wallet");
    world.add_party("other", "wallet");
    club
}

/// Asks for a card; status and answer.
pub fn ask(world: &World, wallet: &str, member: &str) -> (u16, Value) {
    let body = json!({"programme": "club", "member": member});
    let answer = world.party(wallet).post("/v1/cards", &world.new_key(), &body);
    (answer.status, answer.json().expect("it is JSON"))
}

/// Issues a card; its number.
pub fn issue(world: &World, wallet: &str, member: &str) -> String {
    let (status, card) = ask(world, wallet, member);
    assert_eq!(status, 201, "{card}");
    text(&card, "number")
}

/// Does something to a card.
pub fn step(world: &World, party: &str, number: &str, step: &str) -> Answer {
    let target = format!("/v1/cards/{number}/{step}");
    let caller = if party == "operator" { &world.operator } else { world.party(party) };
    caller.post(&target, &world.new_key(), &json!({"why": "lost"}))
}

/// Status and code of a refusal.
pub fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status, code_of(answer))
}

/// What a card shows to its wallet.
pub fn face(world: &World, number: &str) -> Value {
    let answer = world.party("wallet").get(&format!("/v1/cards/{number}"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// Grants points by the brand; the id of the lot.
pub fn grant(world: &World, member: &str, points: &str, through: &str) -> LotId {
    let key = world.new_key();
    let body = json!({"kind": "grant", "ref": format!("G-{key}"), "programme": "club",
        "member": member, "points": points, "valid_through": through, "price_per_point": "1.00",
        "funding": [{"party": "brand", "share": "1"}]});
    let id = text(&world.accept("brand", &body), "id");
    let view = world.operator.get(&format!("/v1/transactions/{id}"));
    let view: Value = view.json().expect("it is JSON");
    text(&view["lots"][0], "id").parse().expect("it is a lot's id")
}

/// The database itself, for what no route writes yet.
pub fn database(world: &World) -> Database {
    let address = world.settings.address().expect("the address is one");
    address.open(Use::Write).expect("the database can be written")
}

fn execute(world: &World, statement: &str) {
    let done = match &mut database(world) {
        Database::Sqlite(one) => diesel::sql_query(statement).execute(one),
        Database::Postgres(one) => diesel::sql_query(statement).execute(one),
    };
    assert_eq!(done.expect("it can be written"), 1, "{statement}");
}

/// Writes a campaign.
pub fn campaign(world: &World, id: &str, document: &Value) {
    execute(
        world,
        &format!(
            "INSERT INTO campaigns (campaign, programme, party, state, document, created_at) \
             VALUES ('{id}', 'club', 'brand', 'running', '{document}', 0)"
        ),
    );
}

/// Lets a member take part in a campaign with the points of a lot.
pub fn promo(world: &World, id: &str, member: &str, (arm, lot): (&str, LotId)) {
    let member: MemberId = member.parse().expect("it is a member's id");
    execute(
        world,
        &format!(
            "INSERT INTO promos (campaign, member, programme, arm, lot, points, granted_at, \
             expires_at) VALUES ('{id}', {}, 'club', '{arm}', {}, 0, 0, {})",
            member.0,
            lot.0,
            i64::MAX
        ),
    );
}

/// What was told of cards so far.
pub fn facts(world: &World) -> Vec<Placed> {
    outbox::after(&mut database(world), 0, 1_000).expect("the outbox can be read")
}

/// A request that a recording server got.
#[derive(Clone, Debug)]
pub struct Got {
    /// Method and path.
    pub line: String,
    /// Headers, in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Got {
    /// A header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(one, _)| one == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A server that records what it gets, and answers as it is told.
pub struct Recorder {
    /// Its address.
    pub url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Recorder {
    /// Starts one; `answer` gives status and body.
    pub fn start(answer: impl Fn(&Got) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let shared = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                let mut reader = BufReader::new(stream.try_clone().expect("it can be read"));
                let mut lines = Vec::new();
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
                        break;
                    }
                    lines.push(line.trim_end().to_owned());
                }
                let headers: Vec<(String, String)> = lines
                    .iter()
                    .skip(1)
                    .filter_map(|line| line.split_once(": "))
                    .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                    .collect();
                let length = headers.iter().find(|(name, _)| name == "content-length");
                let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
                let mut body = vec![0; length];
                drop(reader.read_exact(&mut body));
                let body = String::from_utf8_lossy(&body).into_owned();
                let line = lines.first().cloned().unwrap_or_default();
                let one = Got { line, headers, body };
                let (status, text) = answer(&one);
                shared.lock().expect("nobody panics").push(one);
                let length = text.len();
                drop(write!(
                    stream,
                    "HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{text}"
                ));
            }
        });
        Self { url, got }
    }

    /// What it got since it was asked last.
    pub fn take(&self) -> Vec<Got> {
        std::mem::take(&mut *self.got.lock().expect("nobody panics"))
    }
}

/// Somebody without a key.
pub fn nobody(world: &World, outgoing: &Outgoing<'_>) -> Answer {
    world.calling(Credentials::Nobody).send(outgoing)
}
