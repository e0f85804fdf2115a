//! A small coalition on a database of its own, and servers on it: in this process, or in one of
//! their own that can be killed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant as Stopwatch};

use coalition::audit::audit;
use coalition::auth::token::{Role, mint};
use coalition::clock::{Clock, unix_now};
use coalition::cluster::{Cluster, Settings as ClusterSettings};
use coalition::domain::time::Instant;
use coalition::server::{self, Running, token_key};
use coalition::settings::Settings;
use coalition::store::Use;
use coalition_partner::{
    Algorithm, Client, OperatorClient, RetryPolicy, Settings as Patience, SigningKey,
};
use proptest::test_runner::Config;
use serde_json::{Value, json};
use tempfile::TempDir;

pub use super::wire::{Reply, Request, post, post_batch};

/// When a test clock begins: a Monday at noon in Moscow.
pub const NOON: &str = "2025-05-05T12:00:00+03:00";

/// A generous bound on what takes milliseconds.
const READY_MAX: Duration = Duration::from_secs(10);

/// The parties, and what they are.
const PARTIES: [(&str, &str); 5] = [
    ("brand", "brand"),
    ("airline", "brand"),
    ("shop", "retailer"),
    ("capped", "retailer"),
    ("bank", "bank"),
];

/// A check's outcome: what was not as it should be.
pub type Checked<T = ()> = Result<T, String>;

/// Fails with a text if something does not hold.
pub fn ensure(holds: bool, text: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(text()) }
}

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// A file.
    Sqlite,
    /// A database of the private cluster.
    Postgres,
}

impl Store {
    /// The databases that are tested.
    pub fn asked() -> Vec<Self> {
        let asked = std::env::var("COALITION_TEST_DATABASES").unwrap_or_default();
        let all = [(Self::Sqlite, "sqlite"), (Self::Postgres, "postgres")];
        let wanted = |name: &str| asked.is_empty() || asked.contains(name);
        all.into_iter().filter(|(_, name)| wanted(name)).map(|(store, _)| store).collect()
    }
}

/// The private PostgreSQL of this process; its keeper stops it when the process ends.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let settings = ClusterSettings { max_connections: 200, ..ClusterSettings::default() };
        Cluster::start(&settings).expect("PostgreSQL starts")
    })
}

/// Asks a database of the cluster with psql.
pub fn ask(url: &str, question: &str) -> String {
    let output = Command::new(cluster().bin("psql"))
        .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", question])
        .output()
        .expect("psql runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!("durability_{}", COUNT.fetch_add(1, Ordering::SeqCst))
}

/// A coalition on a database: two programmes, five parties with their keys, some members.
pub struct World {
    /// Of servers on it.
    pub settings: Settings,
    /// The members' ids.
    pub members: Vec<String>,
    keys: BTreeMap<&'static str, SigningKey>,
    token: String,
    folder: TempDir,
}

impl World {
    /// A new one; with a number of shards, or as many as the database has by default.
    pub fn new(store: Store, shards: Option<i64>, members: usize) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let database = match store {
            Store::Sqlite => format!("sqlite:{}", folder.path().join("ledger.db").display()),
            Store::Postgres => {
                let name = new_name();
                cluster().create_database(&name).expect("the name is free");
                cluster().url(&name)
            }
        };
        let settings = Settings {
            database,
            shards,
            listen: "127.0.0.1:0".to_owned(),
            workers: Some(2),
            log: "error".to_owned(),
            settle_seconds: 0,
            ..Settings::default()
        };
        server::set_up(&settings).expect("an empty database");
        let address = settings.address().expect("an address");
        let mut database = address.open(Use::Read).expect("it can be read");
        let key = token_key(&mut database).expect("it is set up");
        let life = Duration::from_hours(12);
        let token = mint(&key, "test", Role::Operator, life, unix_now()).expect("the key mints");
        let keys = BTreeMap::new();
        let mut world = Self { settings, members: Vec::new(), keys, token, folder };
        world.configure(members);
        world
    }

    /// The same on a copy of the database, while no server runs on it.
    pub fn copy(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut settings = self.settings.clone();
        if settings.database.starts_with("sqlite:") {
            for entry in std::fs::read_dir(self.folder.path()).expect("the folder is there") {
                let entry = entry.expect("an entry");
                let to = folder.path().join(entry.file_name());
                std::fs::copy(entry.path(), to).expect("a file is copied");
            }
            settings.database = format!("sqlite:{}", folder.path().join("ledger.db").display());
        } else {
            let name = new_name();
            let template = settings.database.rsplit('/').next().unwrap_or_default();
            let text = format!("CREATE DATABASE {name} TEMPLATE {template}");
            ask(&cluster().url("postgres"), &text);
            settings.database = cluster().url(&name);
        }
        let (members, keys, token) = (self.members.clone(), self.keys.clone(), self.token.clone());
        Self { settings, members, keys, token, folder }
    }

    /// Starts a server in this process, whose clock stands.
    pub fn start(&self) -> Running {
        let clock = Clock::set(Instant::parse(NOON).expect("an instant"));
        server::start(&self.settings, Arc::new(clock)).expect("the server starts")
    }

    /// Starts a server as a process of its own and waits until it answers.
    pub fn serve(&self) -> Served {
        self.serve_faulty("")
    }

    /// Starts a server with a planted fault as a process of its own.
    pub fn serve_faulty(&self, fault: &str) -> Served {
        let began = Stopwatch::now();
        let mut command = program(fault);
        command.args(["--database", &self.settings.database, "serve", "--listen", "127.0.0.1:0"]);
        command.env("COALITION_LOG", "error").env("COALITION_WORKERS", "2");
        command.env("COALITION_SETTLE_SECONDS", "0");
        command
            .env("COALITION_WEBHOOKS_PRIVATE", "true")
            .env("COALITION_WEBHOOK_TIMEOUT_SECONDS", "1");
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the program runs");
        let mut output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        while !line.contains("listens on ") {
            line.clear();
            let read = output.read_line(&mut line).expect("it prints text");
            assert!(read != 0, "the server ended before it was ready");
        }
        let url = line.split("listens on ").nth(1).and_then(|rest| rest.split(';').next());
        let url = url.expect("the line has an address").to_owned();
        let mut served = Served { url, ready_after: READY_MAX, child, _output: output };
        let operator = self.operator(&served.url);
        while !operator.get("/readyz").is_ok_and(|answer| answer.status == 200) {
            assert!(began.elapsed() < READY_MAX, "the server is not ready in time");
        }
        served.ready_after = began.elapsed();
        served
    }

    /// A party's client with connections of its own, which tries once.
    pub fn client(&self, url: &str, party: &str) -> Client {
        Client::with_settings(url, self.keys[party].clone(), &patience()).expect("an address")
    }

    /// The operator's client.
    pub fn operator(&self, url: &str) -> OperatorClient {
        OperatorClient::with_settings(url, &self.token, &patience()).expect("an address")
    }

    /// Audits the database.
    pub fn audit(&self) -> Checked {
        let address = self.settings.address().expect("an address");
        let report = audit(&address).map_err(|error| error.to_string())?;
        match report.difference {
            None => Ok(()),
            Some(difference) => Err(format!("the audit found: {difference}")),
        }
    }

    fn configure(&mut self, members: usize) {
        let running = self.start();
        let operator = self.operator(&running.url());
        for (party, kind) in PARTIES {
            operator.create_party(party, kind).expect("a party");
            let issued = operator.issue_hmac_key(party).expect("a key").value;
            let secret = issued.secret.expect("a shared secret");
            let key = SigningKey::from_base64(&issued.id, Algorithm::HmacSha256, &secret);
            self.keys.insert(party, key.expect("a key"));
        }
        for (path, body) in documents() {
            let put = operator.put(path, &body).expect("an answer");
            assert!(put.is_accepted(), "{path}: {}", put.text());
        }
        for number in 0..members {
            let body = json!({"external_ids": [format!("{number}")]});
            let key = format!("member/{number}");
            let made = operator.post("/v1/members", &key, &body).expect("an answer");
            let made: Value = made.json().expect("JSON");
            self.members.push(made["member"].as_str().expect("an id").to_owned());
        }
    }
}

/// What the coalition agreed on.
fn documents() -> [(&'static str, Value); 7] {
    let earn = |price: &str| {
        json!({"funding": [{"party": "shop", "share": "0.34"}, {"party": "bank", "share": "0.33"},
            {"party": "brand", "share": "0.33"}], "price_per_point": price, "fee_per_point": "0.015"})
    };
    let burn = json!({"reimburse_per_point": "0.90", "fee_per_point": "0.01"});
    [
        (
            "/v1/programmes/club",
            json!({"brand": "brand", "unit": {"name": "point", "scale": 0}, "point_value": "1.00",
                "earn": {"rate": "0.10"}, "hold_days": 14, "expire": {"months": 12},
                "burn": {"max_share": "1"}}),
        ),
        (
            "/v1/programmes/miles",
            json!({"brand": "airline", "unit": {"name": "mile", "scale": 2}, "point_value": "0.50",
                "earn": {"rate": "0.05"}, "expire": {"days": 20}, "burn": {"max_share": "0.5"}}),
        ),
        ("/v1/agreements/club/shop", json!({"earn": earn("0.45"), "burn": burn})),
        ("/v1/agreements/miles/shop", json!({"earn": earn("0.37"), "burn": burn})),
        ("/v1/agreements/club/bank", json!({"earn": earn("0.41")})),
        (
            "/v1/agreements/club/capped",
            json!({"earn": {"funding": [{"party": "capped", "share": "1"}],
                "price_per_point": "1.00"}, "net_debit_cap": "150.00"}),
        ),
        ("/v1/exchanges/club/miles", json!({"rate": "0.30", "price_per_point": "0.35"})),
    ]
}

/// The program with none of this process's own settings. A link of its own keeps it what it is,
/// should a build replace it meanwhile.
pub fn program(fault: &str) -> Command {
    static LINK: OnceLock<PathBuf> = OnceLock::new();
    let link = LINK.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (link, new) = (folder.join("durability"), folder.join(std::process::id().to_string()));
        std::fs::hard_link(env!("CARGO_BIN_EXE_coalition"), &new).expect("a link");
        std::fs::rename(&new, &link).expect("it replaces that of the last run");
        // Renaming leaves both names where the last run had the same program.
        drop(std::fs::remove_file(new));
        link
    });
    let mut command = Command::new(link);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("COALITION_")) {
        command.env_remove(name);
    }
    if !fault.is_empty() {
        command.env("COALITION_FAULT", fault);
    }
    command
}

fn patience() -> Patience {
    Patience {
        retry: RetryPolicy::never(),
        silence_max: Duration::from_mins(1),
        ..Patience::default()
    }
}

/// A server in a process of its own; dropping it kills it.
pub struct Served {
    /// Its address.
    pub url: String,
    /// From its start to its first answer.
    pub ready_after: Duration,
    child: Child,
    _output: BufReader<ChildStdout>,
}

impl Drop for Served {
    /// SIGKILL: the server has no chance to finish anything.
    fn drop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it has ended");
    }
}

/// How many cases a property is tried with: `PROPTEST_CASES`, or few.
pub fn few_cases() -> Config {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: asked.unwrap_or(24), failure_persistence: None, ..Config::default() }
}

/// Pseudo-random numbers that a seed repeats.
pub struct Random(u64);

impl Random {
    /// Numbers of a stream, by the run's seed.
    pub fn stream(number: u64) -> Self {
        static SEED: OnceLock<u64> = OnceLock::new();
        let seed = SEED.get_or_init(|| {
            let given = std::env::var("COALITION_SEED").ok().and_then(|text| text.parse().ok());
            let seed = given.unwrap_or_else(|| getrandom::u64().expect("randomness"));
            eprintln!("COALITION_SEED={seed}");
            seed
        });
        Self(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// The next, below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    /// One of some.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let count = u64::try_from(of.len()).expect("few");
        let place = usize::try_from(self.below(count)).expect("few");
        &of[place]
    }
}
