//! `retro`: grants points for receipts of the past, from a list.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;

use super::keys::engine;
use super::output::{Failure, say};
use crate::clock::system_now;
use crate::domain::ids::{PartyId, ProgrammeId, PromoId};
use crate::domain::time::Day;
use crate::offers::OfferError;
use crate::offers::retro::{Report, Retro, RetroError, run as go_through};
use crate::settings::Settings;

/// Arguments of `retro`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The list: CSV with the columns `member`, `date`, `amount` and `ref`.
    file: PathBuf,
    /// The programme whose points are granted.
    #[arg(long)]
    programme: ProgrammeId,
    /// Whose receipts they are; it grants, and pays as its agreement says.
    #[arg(long)]
    party: PartyId,
    /// The campaign that the points belong to.
    #[arg(long, default_value = "retro")]
    tag: PromoId,
    /// The last day of the points, `YYYY-MM-DD`; none: as the programme says.
    #[arg(long, value_parser = day_of)]
    valid_through: Option<Day>,
    /// Shows what would be granted, and grants nothing.
    #[arg(long)]
    dry_run: bool,
}

fn day_of(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a day as YYYY-MM-DD".to_owned())
}

/// Runs `retro`. Exit code 1: some rows can't be granted for.
pub fn run(arguments: Arguments, settings: &Settings) -> Result<(), Failure> {
    let Arguments { file, programme, party, tag, valid_through, dry_run } = arguments;
    let list = File::open(&file)
        .map_err(|error| Failure::Unreadable(format!("{}: {error}", file.display())))?;
    let engine = engine(settings)?;
    let scale = engine.timeline().latest().programmes.get(&programme).map(|one| one.scales.points);
    let retro = Retro { programme, party, tag, valid_through, is_dry: dry_run };
    let report = go_through(&engine, &retro, list, system_now()).map_err(|error| match error {
        RetroError::Failed(OfferError::Store(error)) => error.into(),
        RetroError::Failed(error) => Failure::Unusable(error.to_string()),
        other => Failure::Unreadable(other.to_string()),
    })?;
    say(text_of(&report, scale.unwrap_or(0), dry_run).trim_end())?;
    if report.rejected.is_empty() { Ok(()) } else { Err(Failure::No(String::new())) }
}

fn text_of(report: &Report, scale: u32, is_dry: bool) -> String {
    let Report { rows, granted, known, nothing, .. } = report;
    let (would, points) = (if is_dry { "would be " } else { "" }, report.points.text(scale));
    let mut text = format!(
        "rows read: {rows}\n{would}granted: {granted} rows, {points} points\n\
         granted before: {known}\nearn nothing: {nothing}\n"
    );
    for (reason, rejected) in &report.rejected {
        let lines: Vec<String> = rejected.lines.iter().map(ToString::to_string).collect();
        let more = if lines.len() < 10 { "" } else { ", …" };
        let lines = lines.join(", ");
        writeln!(text, "rejected: {} rows: {reason} (lines {lines}{more})", rejected.rows)
            .expect("writing to a string does not fail");
    }
    text
}
