//! Worlds: a server of its own on each of the two databases, and callers that talk HTTP with it.
//!
//! A test's body runs once on SQLite, in a file of its own, and once on PostgreSQL, in a database
//! of its own on one private server for the whole binary. Without PostgreSQL the tests fail. When a
//! body is done, the server is stopped and the ledger is audited.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use coalition::audit::audit;
use coalition::auth::token::{Role, mint};
use coalition::clock::{Clock, unix_now};
use coalition::cluster::{self, Cluster};
use coalition::domain::time::Instant;
use coalition::http::app::App;
use coalition::server::{self, Running, token_key};
use coalition::settings::Settings;
use coalition::store::Use;
use coalition_partner::{Algorithm, Credentials, SigningKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::caller::Caller;

/// The private PostgreSQL of this binary; its keeper stops it when the process ends.
static CLUSTER: OnceLock<Cluster> = OnceLock::new();

static NEXT_DATABASE: AtomicU64 = AtomicU64::new(1);

/// Where a test's clock stands if the test does not say.
pub const START: &str = "2025-03-03T09:00:00Z";

/// How the clock of a world runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs {
    /// It stands until it is moved.
    Set,
    /// It follows the instants of what is posted.
    Follows,
    /// It is the system's.
    System,
}

/// How a world is made.
#[derive(Clone, Debug)]
pub struct Setup {
    /// How its clock runs.
    pub runs: Runs,
    /// Where its clock begins.
    pub start: String,
    /// The settings, but for the database.
    pub settings: Settings,
}

impl Default for Setup {
    fn default() -> Self {
        let settings = Settings {
            listen: "127.0.0.1:0".to_owned(),
            workers: Some(2),
            readers: 2,
            settle_seconds: 0,
            passes_seconds: 0,
            campaign_seconds: 0,
            ..Settings::default()
        };
        Self { runs: Runs::Set, start: START.to_owned(), settings }
    }
}

impl Setup {
    /// A world whose clock begins at an instant.
    pub fn at(start: &str) -> Self {
        Self { start: start.to_owned(), ..Self::default() }
    }

    /// The same with so many shards on either database.
    pub fn with_shards(mut self, shards: i64) -> Self {
        self.settings.shards = Some(shards);
        self
    }
}

/// Runs a body on both databases.
pub fn both(body: impl Fn(&mut World)) {
    both_with(&Setup::default(), body);
}

/// Runs a body on both databases in worlds that are made so.
pub fn both_with(setup: &Setup, body: impl Fn(&mut World)) {
    for database in ["SQLite", "PostgreSQL"] {
        eprintln!("on {database}:");
        let mut world = World::new(setup, database);
        body(&mut world);
        world.close();
    }
}

/// A new, empty database; its address, and the folder that it lives in where it is a file.
pub fn new_database(kind: &str) -> (String, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    if kind == "SQLite" {
        let file = folder.path().join("coalition.db");
        return (format!("sqlite:{}", file.display()), folder);
    }
    let cluster = CLUSTER.get_or_init(|| {
        let settings = cluster::Settings {
            fsync: false,
            max_connections: 300,
            ..cluster::Settings::default()
        };
        Cluster::start(&settings).expect("the tests need PostgreSQL")
    });
    let name = format!("test_{}", NEXT_DATABASE.fetch_add(1, Ordering::Relaxed));
    cluster.create_database(&name).expect("a database can be made");
    (cluster.url(&name), folder)
}

/// A server with a database of its own, and its callers.
pub struct World {
    /// Which database it is on.
    pub database: &'static str,
    /// Its settings.
    pub settings: Settings,
    /// Its clock.
    pub clock: Arc<Clock>,
    /// The operator.
    pub operator: Caller,
    parties: BTreeMap<String, Caller>,
    running: Option<Running>,
    next_key: AtomicU64,
    _folder: TempDir,
}

impl World {
    /// Sets a database up and starts a server on it.
    pub fn new(setup: &Setup, database: &'static str) -> Self {
        let (address, folder) = new_database(database);
        let settings = Settings { database: address, ..setup.settings.clone() };
        server::set_up(&settings).expect("the database can be set up");
        let start = instant(&setup.start);
        let clock = Arc::new(match setup.runs {
            Runs::Set => Clock::set(start),
            Runs::Follows => Clock::following(start),
            Runs::System => Clock::system(),
        });
        let running = server::start(&settings, Arc::clone(&clock)).expect("the server starts");
        let token = token_of(&settings, Role::Operator);
        let operator = Caller::new(&running.url(), Credentials::Bearer(token));
        Self {
            database,
            settings,
            clock,
            operator,
            parties: BTreeMap::new(),
            running: Some(running),
            next_key: AtomicU64::new(1),
            _folder: folder,
        }
    }

    /// The base address of the API.
    pub fn url(&self) -> String {
        self.running.as_ref().expect("the server runs").url()
    }

    /// What the handlers of the server share, for jobs that a test runs by itself.
    pub fn app(&self) -> &App {
        self.running.as_ref().expect("the server runs").app()
    }

    /// Somebody of marketing.
    pub fn marketing(&self) -> Caller {
        self.calling(Credentials::Bearer(token_of(&self.settings, Role::Marketing)))
    }

    /// An auditor.
    pub fn auditor(&self) -> Caller {
        self.calling(Credentials::Bearer(token_of(&self.settings, Role::Auditor)))
    }

    /// Somebody of finance, by name.
    pub fn finance_named(&self, name: &str) -> Caller {
        self.calling(Credentials::Bearer(named_token_of(&self.settings, Role::Finance, name)))
    }

    /// Somebody of finance.
    pub fn finance(&self) -> Caller {
        self.calling(Credentials::Bearer(token_of(&self.settings, Role::Finance)))
    }

    /// Somebody of support, by name.
    pub fn support_named(&self, name: &str) -> Caller {
        self.calling(Credentials::Bearer(named_token_of(&self.settings, Role::Support, name)))
    }

    /// Somebody else.
    pub fn calling(&self, credentials: Credentials) -> Caller {
        Caller::new(&self.url(), credentials)
    }

    /// Stops the server and starts another one on the same database, at another address. Keys and
    /// tokens stay; callers of parties are renewed.
    pub fn restart(&mut self) {
        drop(self.running.take());
        let running = server::start(&self.settings, Arc::clone(&self.clock));
        self.running = Some(running.expect("the server starts again"));
        let url = self.url();
        self.operator = self.operator.at(&url);
        for caller in self.parties.values_mut() {
            *caller = caller.at(&url);
        }
    }

    /// Stops the server and audits what it left.
    pub fn close(mut self) {
        drop(self.running.take());
        let address = self.settings.address().expect("the address is one");
        let report = audit(&address).expect("the database can be audited");
        assert_eq!(report.difference, None, "on {}: {report}", self.database);
    }

    /// A key that was not used yet.
    pub fn new_key(&self) -> String {
        format!("key-{}", self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// Adds a party and gives it a key to sign with.
    pub fn add_party(&mut self, id: &str, kind: &str) -> Caller {
        let made =
            self.operator.post("/v1/parties", &self.new_key(), &json!({"id": id, "kind": kind}));
        assert_eq!(made.status, 201, "{}", made.text());
        let caller = self.calling(Credentials::Signature(self.issue_key(id)));
        self.parties.insert(id.to_owned(), caller.clone());
        caller
    }

    /// Issues a key to a party.
    pub fn issue_key(&self, party: &str) -> SigningKey {
        let target = format!("/v1/parties/{party}/keys");
        let answer =
            self.operator.post(&target, &self.new_key(), &json!({"algorithm": "hmac-sha256"}));
        assert_eq!(answer.status, 201, "{}", answer.text());
        let issued: Value = answer.json().expect("it is JSON");
        let (id, secret) = (text(&issued, "id"), text(&issued, "secret"));
        SigningKey::from_base64(&id, Algorithm::HmacSha256, &secret).expect("the secret is one")
    }

    /// A party that was added.
    pub fn party(&self, id: &str) -> &Caller {
        self.parties.get(id).unwrap_or_else(|| panic!("there is no party {id}"))
    }

    /// Puts a document of the configuration, which must be accepted.
    pub fn put(&self, target: &str, document: &Value) -> Value {
        let answer = self.operator.put(target, &self.new_key(), document);
        assert_eq!(answer.status, 200, "{target}: {}", answer.text());
        answer.json().expect("it is JSON")
    }

    /// Adds a programme.
    pub fn add_programme(&self, document: &Value) {
        self.put(&format!("/v1/programmes/{}", text(document, "id")), document);
    }

    /// Adds an agreement.
    pub fn add_agreement(&self, document: &Value) {
        let (programme, party) = (text(document, "programme"), text(document, "party"));
        self.put(&format!("/v1/agreements/{programme}/{party}"), document);
    }

    /// Adds a member by the operator; its id.
    pub fn add_member(&self, body: &Value) -> String {
        let answer = self.operator.post("/v1/members", &self.new_key(), body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        text(&answer.json().expect("it is JSON"), "member")
    }

    /// Moves the clock forward.
    pub fn move_to(&self, now: &str) {
        let answer = self.operator.post("/v1/test-clock", &self.new_key(), &json!({"now": now}));
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Posts a transaction under a new key, which must be accepted; the answer.
    pub fn accept(&self, party: &str, body: &Value) -> Value {
        let answer = self.party(party).post("/v1/transactions", &self.new_key(), body);
        assert_eq!(answer.status, 201, "{body}: {}", answer.text());
        answer.json().expect("it is JSON")
    }

    /// Posts a transaction under a new key, which must be refused; status and code.
    pub fn refuse(&self, party: &str, body: &Value) -> (u16, String) {
        let answer = self.party(party).post("/v1/transactions", &self.new_key(), body);
        assert!(!answer.is_accepted(), "{body}: {}", answer.text());
        (answer.status, code_of(&answer))
    }

    /// A member's balance in a programme, as the operator sees it.
    pub fn balance(&self, member: &str, programme: &str) -> Value {
        let target = format!("/v1/members/{member}/balances?programme={programme}");
        let answer = self.operator.get(&target);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body: Value = answer.json().expect("it is JSON");
        body["balances"][0].clone()
    }
}

/// The stable code of a refusal.
pub fn code_of(answer: &coalition_partner::Answer) -> String {
    answer.problem().expect("it is a refusal").code.to_string()
}

/// A text field of a document.
pub fn text(document: &Value, field: &str) -> String {
    let value = document.get(field).and_then(Value::as_str);
    value.unwrap_or_else(|| panic!("no {field} in {document}")).to_owned()
}

/// An instant, as RFC 3339 writes it.
pub fn instant(text: &str) -> Instant {
    Instant::parse(text).expect("the instant is one")
}

fn token_of(settings: &Settings, role: Role) -> String {
    named_token_of(settings, role, "tests")
}

fn named_token_of(settings: &Settings, role: Role, name: &str) -> String {
    let address = settings.address().expect("the address is one");
    let mut database = address.open(Use::Read).expect("the database can be read");
    let key = token_key(&mut database).expect("the database has a token key");
    let hour = Duration::from_hours(1);
    mint(&key, name, role, hour, unix_now()).expect("a token can be minted")
}

/// The coalition of most tests: a brand's programme `club` (a point for every 10.00, worth 1.00,
/// paying up to a half), a shop and a bank that fund it, and member `anna`.
pub struct Club {
    /// The member's id.
    pub anna: String,
}

impl Club {
    /// Sets it up.
    pub fn new(world: &mut World) -> Self {
        for (id, kind) in [("brand", "brand"), ("shop", "retailer"), ("bank", "bank")] {
            world.add_party(id, kind);
        }
        world.add_programme(&json!({
            "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
            "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
            "burn": {"max_share": "0.50"}
        }));
        for party in ["shop", "bank"] {
            world.add_agreement(&json!({
                "programme": "club", "party": party,
                "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "1.00",
                    "fee_per_point": "0.02"},
                "burn": {"reimburse_per_point": "1.00"}
            }));
        }
        let anna = world.add_member(&json!({
            "phone": "+79160000001", "email": "anna@example.org", "card_tokens": ["par-anna-1"]
        }));
        Self { anna }
    }
}

/// A purchase in `club`.
pub fn purchase(reference: &str, member: &str, amount: &str) -> Value {
    json!({"kind": "purchase", "ref": reference, "programme": "club", "member": member, "amount": amount})
}
