//! `cycle` and `statement`, run as the program on the database of a server: what they do is what the
//! API shows.

use coalition_partner::proof::{VerifierKey, verify_statement};

use crate::commands::{ended, program};
use crate::month::{self, JULY, JUNE, file};
use crate::support::{World, both_with, text};

/// What a command printed, which must end well.
fn told(world: &World, arguments: &[&str]) -> String {
    let (code, printed, wrong) = ended(&program(world, arguments));
    assert_eq!((code, wrong.as_str()), (Some(0), ""), "{arguments:?}: {printed}");
    printed.trim_end().to_owned()
}

/// The exit code of a command, and what it said was wrong.
fn refused(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let (code, printed, wrong) = ended(&program(world, arguments));
    assert_eq!(printed, "", "{arguments:?}");
    (code, wrong)
}

#[test]
fn a_cycle_is_closed_published_written_and_agreed_to_by_commands() {
    both_with(&month::before(), |world| {
        let member = month::set_up(world);
        month::play_june(world, &member);
        let (code, wrong) = refused(world, &["cycle", "publish", JUNE]);
        assert_eq!((code, wrong.contains("close cycle")), (Some(1), true), "{wrong}");
        let closed = told(world, &["cycle", "close", JUNE]);
        assert_eq!(told(world, &["cycle", "close", JUNE]), closed, "the same figures");
        let published = format!("cycle {JUNE} is published");
        for _ in 0..2 {
            assert_eq!(told(world, &["cycle", "publish", JUNE]), published);
        }
        let listed = told(world, &["cycle", "list", "--schedule", "monthly"]);
        assert!(listed.lines().any(|line| line == format!("{JUNE} published")), "{listed}");
        let statements = told(world, &["statement", "list", "--party", "bank", "--cycle", JUNE]);
        assert!(statements.starts_with(&format!("{JUNE}/bank published, ")), "{statements}");
        let key: VerifierKey = told(world, &["statement", "key"]).parse().expect("it is a key");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let forms =
            [("json", ""), ("csv", "?format=csv"), ("xlsx", "?format=xlsx"), ("proofs", "/proofs")];
        for (form, query) in forms {
            let path = folder.path().join(form).display().to_string();
            let write = ["statement", "write", JUNE, "bank", "--format", form, "--to", &path];
            if form == "csv" {
                told(world, &[&write[..], &["--note"]].concat());
                let note = std::fs::read(format!("{path}.note")).expect("it is written");
                let query = "/signature?format=csv";
                assert_eq!(note, file(world.party("bank"), JUNE, "bank", query));
            } else {
                told(world, &write);
            }
            let written = std::fs::read(&path).expect("it is written");
            assert_eq!(written, file(world.party("bank"), JUNE, "bank", query), "{form}");
            if form == "json" {
                verify_statement(&written[..], &key).expect("it is signed by this key");
            }
        }
        let agreed = told(world, &["cycle", "acknowledge", JUNE, "--why", "by letter"]);
        assert_eq!(agreed, format!("cycle {JUNE} is acknowledged"));
        let shown = world.operator.get(&format!("/v1/cycles/{JUNE}"));
        let shown: serde_json::Value = shown.json().expect("it is JSON");
        let last = shown["events"].as_array().and_then(|events| events.last()).expect("events");
        assert_eq!(
            (text(last, "state"), text(last, "by")),
            ("acknowledged".into(), "command line".into())
        );
        let (code, wrong) = refused(world, &["cycle", "acknowledge", JULY, "--why", "by letter"]);
        assert_eq!((code, wrong.contains("not waiting")), (Some(1), true), "{wrong}");
        let (code, wrong) = refused(world, &["cycle", "close", "monthly.2025-06-02"]);
        assert_eq!((code, wrong.contains("no cycle begins so")), (Some(2), true), "{wrong}");
    });
}
