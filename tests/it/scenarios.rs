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
