//! Stories: every scenario file holds on both databases, and the ledger that it leaves is sound.

use std::path::{Path, PathBuf};

use coalition::audit::audit;
use coalition::rehearse;
use coalition::settings::Settings;

use crate::support::new_database;

fn folder(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// The scenario files of a folder, by name.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let mut files: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|one| one == "yaml")).collect();
    files.sort();
    files
}

/// Plays every file; the names of those that don't hold, with the step.
fn play_all(database: &str) {
    let mut wrong = Vec::new();
    let files = files_of(&folder("tests/scenarios"));
    assert!(files.len() >= 16, "the scenarios are there");
    for (place, file) in files.iter().enumerate() {
        // Every other one runs on few shards, so that members share some.
        let shards = if place % 2 == 0 { None } else { Some(4) };
        if let Err(reason) = play(file, database, shards) {
            wrong.push(format!("{}: {reason}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "on {database}:\n{}", wrong.join("\n"));
}

fn play(file: &Path, database: &str, shards: Option<i64>) -> Result<(), String> {
    let scenario = rehearse::read(file).map_err(|error| error.to_string())?;
    let (address, _folder) = new_database(database);
    let settings =
        Settings { database: address, shards, workers: Some(1), readers: 2, ..Settings::default() };
    let held = rehearse::rehearse(&scenario, &settings).map_err(|error| error.to_string())?;
    assert_eq!(held, scenario.steps.len());
    let address = settings.address().map_err(|error| error.to_string())?;
    let report = audit(&address).map_err(|error| error.to_string())?;
    report.difference.map_or(Ok(()), Err)
}

#[test]
fn every_scenario_holds_on_sqlite() {
    play_all("SQLite");
}

#[test]
fn every_scenario_holds_on_postgresql() {
    play_all("PostgreSQL");
}

#[test]
fn a_scenario_that_does_not_hold_names_its_step_and_both_figures() {
    let file = folder("tests/scenarios/01-redmond-club.yaml");
    let text = std::fs::read_to_string(&file).expect("the file can be read");
    let text = text.replacen("earned: \"599\"", "earned: \"598\"", 1);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let wrong = folder.path().join("wrong.yaml");
    std::fs::write(&wrong, text).expect("the file can be written");
    let reason = play(&wrong, "SQLite", None).expect_err("the figure is another");
    for part in ["step 1", "purchase", "earned", "598", "599"] {
        assert!(reason.contains(part), "{reason}");
    }
}

/// A scenario file with one text in place of another.
fn changed(name: &str, from: &str, to: &str) -> (PathBuf, tempfile::TempDir) {
    let file = folder("tests/scenarios").join(name);
    let text = std::fs::read_to_string(&file).expect("the file can be read");
    assert!(text.contains(from), "{name} has no {from}");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let changed = folder.path().join(name);
    std::fs::write(&changed, text.replacen(from, to, 1)).expect("the file can be written");
    (changed, folder)
}

#[test]
fn a_wrong_expectation_of_people_or_campaigns_names_its_step() {
    let promo = "50-wallet-promo-and-control.yaml";
    let wrong = [
        (promo, "spent: \"1400\"", "spent: \"1401\"", ["campaign_report", "1401, got 1400"]),
        (promo, "same_as: card-of-anna", "same_as: null", ["issue_card", "null, got card-of-anna"]),
        (promo, "tag: null, position: null, intro: null", "tga: null", ["card", "no such field"]),
        (promo, "no_consent: 1", "no_consent: 2", ["notices", "reasons"]),
        (
            "51-two-ways-to-enrol.yaml",
            "stage: member, member: vera",
            "member: ivan",
            ["enrol", "ivan, got vera"],
        ),
        (
            "52-promo-codes.yaml",
            "error: code_used",
            "granted: \"500\"",
            ["redeem_code", "code_used"],
        ),
        (
            "53-caps-of-notices.yaml",
            "error: frequency_cap",
            "error: no_consent",
            ["notice", "frequency_cap"],
        ),
    ];
    for (name, from, to, parts) in wrong {
        let (file, _folder) = changed(name, from, to);
        let reason = play(&file, "SQLite", None).expect_err("the expectation is wrong");
        for part in parts {
            assert!(reason.contains(part), "{to}: {reason}");
        }
    }
}

#[test]
fn an_unknown_or_missing_field_is_found_before_anything_is_played() {
    for (from, to, parts) in [
        ("what: opened", "waht: opened", ["line 66 column 117", "unknown field `waht`"]),
        ("id: anna, source", "source", ["line 25 column 13", "`enrol` needs the field `id`"]),
        ("state: active, member", "state: active}, epxect: {member", ["line 37", "`epxect`"]),
    ] {
        let (file, _folder) = changed("50-wallet-promo-and-control.yaml", from, to);
        let reason = rehearse::read(&file).expect_err("it is no scenario").to_string();
        for part in parts {
            assert!(reason.contains(part), "{to}: {reason}");
        }
    }
}

#[test]
fn the_shared_scenarios_are_taken_over_byte_for_byte() {
    let shared = folder("../shared/scenarios");
    if !shared.is_dir() {
        eprintln!("no scenarios beside the repository; nothing to compare with");
        return;
    }
    for file in files_of(&shared) {
        let own = folder("tests/scenarios").join(file.file_name().expect("a file has a name"));
        let (shared, own) = (std::fs::read(&file), std::fs::read(&own));
        assert_eq!(own.ok(), shared.ok(), "{}", file.display());
    }
}
