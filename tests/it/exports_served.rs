//! Exports over HTTP: the same bytes as the command writes.

use serde_json::json;

use crate::exports::{folder, story};
use crate::exports_flat::command;
use crate::support::{both, code_of};

#[test]
fn what_is_served_is_what_the_command_writes() {
    both(|world| {
        story(world);
        let to = folder();
        let place = |name: &str| to.path().join(name).display().to_string();
        let journals = [
            ("beancount", "ledger.beancount", vec![], ""),
            ("hledger", "ledger.journal", vec!["--aggregate"], "&aggregate=true"),
            ("hledger", "2025-03-03.journal", vec!["--day", "2025-03-03"], "&day=2025-03-03"),
            ("beancount", "cycle", vec!["--cycle", "2025-03-03"], "&cycle=2025-03-03"),
        ];
        for (format, name, more, query) in journals {
            let path = place(name);
            command(world, &[&["export", "--format", format, "--to", &path], &more[..]].concat());
            let written = std::fs::read(&path).expect("it is written");
            let served = world.finance().get(&format!("/v1/exports?format={format}{query}"));
            assert_eq!(served.status, 200, "{}", served.text());
            assert_eq!(served.body, written, "{name}");
        }
        command(world, &["export", "--format", "csv", "--to", &place("days")]);
        let day = std::fs::read(to.path().join("days/2025-03-03.csv")).expect("it is written");
        assert_eq!(world.auditor().get("/v1/exports?format=csv&day=2025-03-03").body, day);
        command(world, &["export", "--format", "parquet", "--to", &place("tables")]);
        for table in ["transactions", "postings", "lots", "positions", "breaks"] {
            let name = format!("tables/{table}.parquet");
            let written = std::fs::read(to.path().join(name)).expect("it is written");
            let target = format!("/v1/exports?format=parquet&table={table}");
            assert_eq!(world.operator.get(&target).body, written, "{table}");
        }
    });
}

#[test]
fn what_cannot_be_exported_is_said() {
    both(|world| {
        story(world);
        let pointer = |query: &str| {
            let answer = world.finance().get(&format!("/v1/exports?{query}"));
            assert_eq!(answer.status, 400, "{query}: {}", answer.text());
            answer.json::<serde_json::Value>().expect("JSON")["errors"][0]["pointer"].clone()
        };
        assert_eq!(pointer("format=xml"), json!("/format"));
        assert_eq!(pointer("format=csv"), json!("/day"));
        assert_eq!(pointer("format=csv&day=monday"), json!("/day"));
        assert_eq!(pointer("format=hledger&day=2025-03-03&cycle=2025-03-03"), json!("/day"));
        assert_eq!(pointer("format=parquet"), json!("/table"));
        assert_eq!(pointer("format=parquet&table=members"), json!("/table"));
        assert_eq!(pointer("format=hledger&table=lots"), json!("/table"));
        for nothing in ["format=csv&day=2024-01-01", "format=hledger&cycle=none.2025-03-03"] {
            let answer = world.finance().get(&format!("/v1/exports?{nothing}"));
            assert_eq!((answer.status, code_of(&answer).as_str()), (404, "not_found"), "{nothing}");
        }
        for who in [world.marketing(), world.support_named("olga")] {
            let answer = who.get("/v1/exports?format=hledger");
            assert_eq!((answer.status, code_of(&answer).as_str()), (403, "role_not_allowed"));
        }
    });
}
