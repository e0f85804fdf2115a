//! `rehearse`.

use std::path::PathBuf;

use super::output::{Failure, say};
use crate::rehearse::{self, RehearsalError};
use crate::settings::Settings;

/// Arguments of `rehearse`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Scenario files (YAML).
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Plays each file on an empty database of its own. With --database one file is played on that
/// database, which must be empty.
pub fn run(
    arguments: &Arguments,
    settings: &Settings,
    named_database: bool,
) -> Result<(), Failure> {
    if named_database && arguments.files.len() > 1 {
        let text = "with --database give one file: each needs an empty database";
        return Err(Failure::Unreadable(text.to_owned()));
    }
    let mut failed = 0_usize;
    for file in &arguments.files {
        let scenario =
            rehearse::read(file).map_err(|error| Failure::Unreadable(error.to_string()))?;
        let mut settings = settings.clone();
        let scratch = Scratch::new(file)?;
        if !named_database {
            settings.database = scratch.database();
        }
        match rehearse::rehearse(&scenario, &settings) {
            Ok(steps) => say(&format!("{}: {steps} steps hold", file.display()))?,
            Err(RehearsalError::Server(error)) => return Err(error.into()),
            Err(error) => {
                failed += 1;
                say(&format!("{}: {error}", file.display()))?;
            }
        }
    }
    if failed == 0 { Ok(()) } else { Err(Failure::No(format!("{failed} of the files differ"))) }
}

/// A folder for one run, removed when it ends.
struct Scratch(PathBuf);

impl Scratch {
    fn new(file: &std::path::Path) -> Result<Self, Failure> {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or("scenario");
        let folder =
            std::env::temp_dir().join(format!("coalition-rehearse-{}-{stem}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn database(&self) -> String {
        format!("sqlite:{}", self.0.join("rehearsal.db").display())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}
