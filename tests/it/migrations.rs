//! Migrations: up, down and up again on both databases; the tables are those that the code knows.
//!
//! These tests talk with the databases themselves, which nothing else here does.

use std::collections::BTreeSet;

use coalition::settings::Settings;
use coalition::store::{Database, Use, migrations};
use coalition::{audit, server};
use diesel::RunQueryDsl as _;
use diesel::sql_types::Text;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::support::new_database;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

const SCHEMA: &str = concat!(
    include_str!("../../src/store/schema/mod.rs"),
    include_str!("../../src/store/schema/campaigning.rs"),
    include_str!("../../src/store/schema/holders.rs"),
    include_str!("../../src/store/schema/offers.rs"),
    include_str!("../../src/store/schema/people.rs"),
    include_str!("../../src/store/schema/publishing.rs"),
    include_str!("../../src/store/schema/vault.rs"),
    include_str!("../../src/store/schema/telling.rs")
);

#[derive(diesel::QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    name: String,
}

fn open(address: &str) -> Database {
    let settings = Settings { database: address.to_owned(), ..Settings::default() };
    let address = settings.address().expect("the address is one");
    address.open(Use::Write).expect("the database can be written")
}

fn names(connection: &mut Database, question: &str) -> BTreeSet<String> {
    let asked = diesel::sql_query(question);
    let rows: Vec<Named> = match connection {
        Database::Sqlite(one) => asked.load(one),
        Database::Postgres(one) => asked.load(one),
    }
    .expect("the database answers");
    rows.into_iter().map(|row| row.name).collect()
}

/// All rows of a PostgreSQL database, as text.
pub fn dump(address: &str) -> String {
    let mut connection = open(address);
    let tables = "SELECT table_name AS name FROM information_schema.tables \
                  WHERE table_schema = 'public'";
    let tables = names(&mut connection, tables);
    assert!(tables.len() > 20, "the tables were found");
    let rows = tables.iter().map(|table| {
        let question =
            format!("SELECT coalesce(string_agg(t::text, ' '), '') AS name FROM \"{table}\" t");
        names(&mut connection, &question).into_iter().collect::<String>()
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// The number that a question asks for.
pub fn number(address: &str, question: &str) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Number {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        number: i64,
    }
    let asked = diesel::sql_query(question);
    let row: Number = match &mut open(address) {
        Database::Sqlite(one) => asked.get_result(one),
        Database::Postgres(one) => asked.get_result(one),
    }
    .expect("the database answers");
    row.number
}

/// The tables of a database, each column as `table.column`, with `?` where it may be missing.
fn columns(connection: &mut Database) -> BTreeSet<String> {
    let question = match connection {
        Database::Sqlite(_) => {
            "SELECT t.name || '.' || c.name || CASE WHEN c.\"notnull\" = 1 OR c.pk > 0 \
             THEN '' ELSE '?' END AS name \
             FROM sqlite_master t JOIN pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '\\_\\_%' \
             ESCAPE '\\'"
        }
        Database::Postgres(_) => {
            "SELECT table_name || '.' || column_name || CASE WHEN is_nullable = 'NO' \
             THEN '' ELSE '?' END AS name FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'"
        }
    };
    names(connection, question)
}

/// What the code says of the tables.
fn known_columns() -> BTreeSet<String> {
    let mut table = "";
    let mut known = BTreeSet::new();
    for line in SCHEMA.lines() {
        let line = line.trim();
        if let Some((name, rest)) = line.split_once(" -> ") {
            let mark = if rest.starts_with("Nullable") { "?" } else { "" };
            known.insert(format!("{table}.{name}{mark}"));
        } else if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with('{')) {
            table = name;
        }
    }
    known
}

/// The tables that the code knows.
pub fn known_tables() -> BTreeSet<String> {
    let table = |column: &String| column.split('.').next().unwrap_or_default().to_owned();
    known_columns().iter().map(table).collect()
}

fn revert_all(connection: &mut Database) -> usize {
    let reverted = match connection {
        Database::Sqlite(one) => one.revert_all_migrations(MIGRATIONS).map(|all| all.len()),
        Database::Postgres(one) => one.revert_all_migrations(MIGRATIONS).map(|all| all.len()),
    };
    reverted.expect("the migrations can be taken back")
}

fn set_up(address: &str) -> Vec<String> {
    let settings = Settings { database: address.to_owned(), ..Settings::default() };
    server::set_up(&settings).expect("the database can be set up")
}

#[test]
fn migrations_go_up_down_and_up_again() {
    for kind in ["SQLite", "PostgreSQL"] {
        let (address, _folder) = new_database(kind);
        let mut connection = open(&address);
        assert!(migrations::is_behind(&mut connection).expect("it can be asked"), "{kind}");
        let first = set_up(&address);
        assert!(!first.is_empty(), "{kind}");
        assert!(!migrations::is_behind(&mut connection).expect("it can be asked"), "{kind}");
        let there = columns(&mut connection);
        assert_eq!(set_up(&address), Vec::<String>::new(), "nothing is left to do on {kind}");

        assert_eq!(revert_all(&mut connection), first.len(), "{kind}");
        assert_eq!(columns(&mut connection), BTreeSet::new(), "nothing stays on {kind}");
        assert!(migrations::is_behind(&mut connection).expect("it can be asked"), "{kind}");
        assert_eq!(set_up(&address), first, "{kind}");
        assert_eq!(columns(&mut connection), there, "{kind}");
    }
}

#[test]
fn the_tables_are_those_that_the_code_knows() {
    let known = known_columns();
    assert!(known.len() > 50, "the schema was read: {known:?}");
    for kind in ["SQLite", "PostgreSQL"] {
        let (address, _folder) = new_database(kind);
        set_up(&address);
        let there = columns(&mut open(&address));
        let missing: Vec<_> = known.difference(&there).collect();
        let unknown: Vec<_> = there.difference(&known).collect();
        assert!(missing.is_empty() && unknown.is_empty(), "{kind}: {missing:?} {unknown:?}");
    }
}

#[test]
fn a_database_is_set_up_once_and_a_server_needs_it() {
    for kind in ["SQLite", "PostgreSQL"] {
        let (address, _folder) = new_database(kind);
        let settings = Settings { database: address.clone(), ..Settings::default() };
        let clock = std::sync::Arc::new(coalition::clock::Clock::system());
        let refused = server::start(&settings, clock);
        let text = refused.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("coalition migrate"), "{kind}: {text}");

        let few = Settings { shards: Some(2), ..settings.clone() };
        server::set_up(&few).expect("the database can be set up");
        let many = Settings { shards: Some(3), ..settings.clone() };
        assert!(server::set_up(&many).is_err(), "shards never change");
        let address = settings.address().expect("the address is one");
        let report = audit::audit(&address).expect("the database can be audited");
        assert_eq!((report.shards, report.difference), (2, None), "{kind}");
    }
}
