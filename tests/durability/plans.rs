//! What posting and what tills ask goes by indexes, on both databases: a statement that looks through
//! a table that grows with every receipt makes everybody slower, each day a little.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use coalition::store::{Database, Use};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::Text;
use serde_json::{Value, json};

use super::load::{Till, send};
use super::support::{Store, World, ask};

/// How many calls are made: enough for each kind of transaction.
const CALLS: usize = 400;

/// Tables with a row or more for each member or receipt.
const GROWING: [&str; 13] = [
    "accounts",
    "cards",
    "consents",
    "holds",
    "log_nodes",
    "lots",
    "member_names",
    "members",
    "outbox",
    "persons",
    "receipts",
    "requests",
    "transactions",
];

/// The words of what may look through one: each hour it is looked which answers are forgotten.
const MAY_SCAN: [&str; 2] = ["requests", "recorded_at"];

/// Databases whose statements are written down, and the statements.
static WATCHED: Mutex<Vec<(String, BTreeSet<String>)>> = Mutex::new(Vec::new());

fn watched() -> std::sync::MutexGuard<'static, Vec<(String, BTreeSet<String>)>> {
    WATCHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes down what one connection is asked, if its database is watched.
#[derive(Default)]
struct Listener(Option<usize>);

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartEstablishConnection { url, .. } => {
                self.0 = watched().iter().position(|(watched, _)| watched.contains(url));
            }
            InstrumentationEvent::StartQuery { query, .. } => {
                if let Some(place) = self.0 {
                    let text = query.to_string();
                    let statement = text.split("-- binds").next().unwrap_or_default().trim();
                    watched()[place].1.insert(statement.to_owned());
                }
            }
            _ => {}
        }
    }
}

/// Lets a world work, and gives back what its database was asked.
fn statements(world: &World) -> BTreeSet<String> {
    let name = world.settings.database.clone();
    watched().push((name.clone(), BTreeSet::new()));
    let running = world.start();
    let url = running.url();
    let mut till = Till::new(7);
    for _ in 0..CALLS {
        let call = till.next(&world.members);
        let replies = send(world, &url, &call);
        assert!(replies.is_some(), "no answer to {call:?}");
        till.learn(&super::load::Sent { call, replies });
    }
    let (client, operator) = (world.client(&url, "shop"), world.operator(&url));
    let quote = json!({"programme": "club", "member": world.members[0], "amount": "100.00"});
    let quoted = client.post("/v1/quotes", "quote", &quote).expect("an answer");
    assert_eq!(quoted.status, 200, "{}", quoted.text());
    for path in ["", "/balances", "/history"] {
        let got = operator.get(&format!("/v1/members/{}{path}", world.members[1]));
        assert_eq!(got.expect("an answer").status, 200, "{path}");
    }
    drop(running);
    let all = watched();
    let one = all.iter().find(|(watched, _)| *watched == name).expect("it is watched");
    one.1.clone()
}

#[test]
fn nothing_that_tills_wait_for_looks_through_a_table_that_grows() {
    for store in Store::asked() {
        set_default_instrumentation(|| Some(Box::new(Listener::default()))).expect("it is set");
        let world = World::new(store, None, 20);
        let statements = statements(&world);
        assert!(statements.len() > 50, "{store:?}: only {statements:#?}");
        let mut scans = Vec::new();
        for statement in statements.iter().filter(|one| is_explained(one)) {
            let found = match store {
                Store::Sqlite => scans_of_sqlite(&world, statement),
                Store::Postgres => scans_of_postgres(&world.settings.database, statement),
            };
            scans.extend(found.into_iter().map(|scan| format!("{scan}: {statement}")));
        }
        assert!(scans.is_empty(), "{store:?}: {scans:#?}");
    }
}

/// Whether a statement has a plan to speak of: rows that are only added have none.
fn is_explained(statement: &str) -> bool {
    let reads = ["SELECT ", "UPDATE ", "DELETE "].iter().any(|word| statement.starts_with(word));
    reads && !MAY_SCAN.iter().all(|word| statement.contains(word))
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Text)]
    detail: String,
}

/// The growing tables that SQLite looks through for a statement.
fn scans_of_sqlite(world: &World, statement: &str) -> Vec<String> {
    let address = world.settings.address().expect("an address");
    let Database::Sqlite(mut database) = address.open(Use::Write).expect("it opens") else {
        panic!("this is SQLite");
    };
    let steps: Vec<Step> = sql_query(format!("EXPLAIN QUERY PLAN {statement}"))
        .load(&mut database)
        .unwrap_or_else(|error| panic!("{statement}: {error}"));
    let scans = |step: &Step| {
        let table = step.detail.strip_prefix("SCAN ")?.split(' ').next()?;
        GROWING.contains(&table).then(|| step.detail.clone())
    };
    steps.iter().filter_map(scans).collect()
}

/// The growing tables that PostgreSQL looks through for a statement that is planned once for all
/// values, as the writing connections do it.
fn scans_of_postgres(url: &str, statement: &str) -> Vec<String> {
    let binds = (1..=32).take_while(|bind| statement.contains(&format!("${bind}"))).count();
    let nulls =
        if binds == 0 { String::new() } else { format!("({})", vec!["NULL"; binds].join(",")) };
    let asked = format!(
        "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
         PREPARE one AS {statement}; EXPLAIN (FORMAT JSON) EXECUTE one{nulls}"
    );
    let answer = ask(url, &asked);
    let json = answer.find('[').map_or("[]", |begin| &answer[begin..]);
    let plans: Value = serde_json::from_str(json).expect("a plan is JSON");
    let mut scans = Vec::new();
    follow(&plans[0]["Plan"], "", &mut scans);
    scans
}

fn follow(node: &Value, above: &str, scans: &mut Vec<String>) {
    let table = node["Relation Name"].as_str().unwrap_or(above);
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let by_index = matches!(kind, "Index Scan" | "Index Only Scan" | "Bitmap Index Scan");
    let looks_through = kind == "Seq Scan" || (by_index && node["Index Cond"].is_null());
    if looks_through && GROWING.contains(&table) {
        scans.push(format!("{kind} of {table}"));
    }
    for below in node["Plans"].as_array().into_iter().flatten() {
        follow(below, table, scans);
    }
}
