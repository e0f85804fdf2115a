//! `members`: reads files of members from other systems.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use super::keys::engine;
use super::output::{Failure, say};
use crate::domain::ids::PartyId;
use crate::people::import::{ImportError, Importing, import};
use crate::settings::Settings;

/// `members …`.
#[derive(Debug, clap::Subcommand)]
pub enum MembersCommand {
    /// Reads members from a CSV file, whose first line names its columns: `external_id`, `phone`,
    /// `email`, `card_token`, `verified` (yes, phone or email), `name`, `birth_date`, `city`,
    /// `language`, `gender`. A run that broke off is carried on; a file that was read changes
    /// nothing.
    Import(ImportArguments),
}

/// Arguments of `members import`.
#[derive(Debug, clap::Args)]
pub struct ImportArguments {
    /// The file, in UTF-8; fields are separated by commas, semicolons or tabs.
    file: PathBuf,
    /// The name of the system that it is from.
    #[arg(long)]
    source: String,
    /// The party whose external ids its ids are; without it they are the operator's, with the
    /// source's name and a colon in front.
    #[arg(long)]
    party: Option<PartyId>,
    /// Says what would happen, and writes nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Runs `members …`.
pub fn members(command: MembersCommand, settings: &Settings) -> Result<(), Failure> {
    let MembersCommand::Import(arguments) = command;
    let is_name = |one: char| one.is_ascii_alphanumeric() || "._-".contains(one);
    let source = arguments.source.clone();
    if source.is_empty() || source.len() > 40 || !source.chars().all(is_name) {
        let text = "--source: write 1 to 40 letters, digits, dots, dashes or underscores";
        return Err(Failure::Unreadable(text.to_owned()));
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::Unreadable(format!("{}: {error}", arguments.file.display()))
    };
    let mut file = File::open(&arguments.file).map_err(|error| unreadable(&error))?;
    let (file_hash, delimiter) = looked_at(&mut file).map_err(|error| unreadable(&error))?;
    let engine = engine(settings)?;
    let operator = engine.timeline().latest().operator.clone();
    if let Some(party) = &arguments.party
        && !engine.timeline().latest().parties.contains_key(party)
    {
        return Err(Failure::Unreadable(format!("--party: there is no party {party}")));
    }
    let importing = Importing {
        source,
        has_prefix: arguments.party.is_none(),
        party: arguments.party.clone().unwrap_or(operator),
        region: settings.region()?,
        file_hash,
        delimiter,
        is_dry: arguments.dry_run,
    };
    let bar = indicatif::ProgressBar::new_spinner();
    let imported = import(&engine, &importing, BufReader::new(file), |report| {
        bar.set_message(format!("{} rows", report.rows));
        bar.tick();
    });
    bar.finish_and_clear();
    let imported = imported.map_err(|error| match error {
        ImportError::Store(error) => error.into(),
        ImportError::Engine(error) => Failure::Unusable(error.to_string()),
        other => unreadable(&other),
    })?;
    if !imported.ignored.is_empty() {
        say(&format!("columns that mean nothing here: {}", imported.ignored.join(", ")))?;
    }
    if imported.skipped > 0 {
        say(&format!("{} rows had been read before", imported.skipped))?;
    }
    say(&imported.report.to_string())
}

/// The hash of a file's bytes, and what separates its fields; the file is at its beginning again.
fn looked_at(file: &mut File) -> std::io::Result<([u8; 32], u8)> {
    let mut state = Sha256::new();
    let mut buffer = vec![0_u8; 1 << 16];
    let mut header: Option<Vec<u8>> = None;
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        state.update(&buffer[..count]);
        header.get_or_insert_with(|| {
            buffer[..count].iter().copied().take_while(|&byte| byte != b'\n').collect()
        });
    }
    file.seek(SeekFrom::Start(0))?;
    let header = header.unwrap_or_default();
    let most = |one: &u8| header.split(|byte| byte == one).count();
    let delimiter = [b',', b';', b'\t'].into_iter().max_by_key(|one| (most(one), *one == b','));
    Ok((state.finalize().into(), delimiter.unwrap_or(b',')))
}
