//! `report`: figures of the whole ledger, read from the database beside the server.

use clap::{Subcommand, ValueEnum};

use super::output::{Failure, say};
use crate::clock::system_now;
use crate::domain::liability::{Figure, ProgrammeLiability, Report};
use crate::domain::time::Instant;
use crate::settings::Settings;
use crate::store::{Use, configurations, liability, views};

/// `report …`.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Outstanding points of each programme: by state, age and month made; what is lost when;
    /// breakage so far; their money.
    Liability {
        /// How it is printed.
        #[arg(long, value_enum, default_value_t = Form::Text)]
        format: Form,
        /// Reckons as of this instant (RFC 3339) instead of now. What is posted is as it is.
        #[arg(long, value_name = "INSTANT", value_parser = instant_of)]
        at: Option<Instant>,
    },
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// One JSON document.
    Json,
    /// A flat file, one figure a line.
    Csv,
    /// Tables for people.
    Text,
}

fn instant_of(text: &str) -> Result<Instant, String> {
    Instant::parse(text).ok_or_else(|| "write an RFC 3339 instant with an offset".to_owned())
}

/// Runs `report …`.
pub fn run(command: &ReportCommand, settings: &Settings) -> Result<(), Failure> {
    let ReportCommand::Liability { format, at } = command;
    let now = at.unwrap_or_else(system_now);
    let mut database = settings.address()?.open(Use::Read)?;
    let report = views::at_one_moment(&mut database, |database| {
        // Terms of the past may not know a programme that has points by now.
        let timeline = configurations::load_timeline(database)?;
        liability::liability(database, now, timeline.at(now.max(system_now())), None)
    })?;
    say(&match format {
        Form::Json => serde_json::to_string_pretty(&report)
            .map_err(|error| Failure::Unusable(error.to_string()))?,
        Form::Csv => csv_of(&report),
        Form::Text => text_of(&report),
    })
}

/// One figure of the report: section, group, measure.
type Line = (&'static str, String, &'static str, Figure);

/// All figures of a programme, flat.
fn lines_of(programme: &ProgrammeLiability) -> Vec<Line> {
    let state = &programme.outstanding;
    let mut lines: Vec<Line> = vec![
        ("outstanding", "pending".to_owned(), "points", state.pending),
        ("outstanding", "available".to_owned(), "points", state.available),
        ("outstanding", "held".to_owned(), "points", state.held),
        ("outstanding", "total".to_owned(), "points", state.total),
        ("outstanding", "total".to_owned(), "funded", state.funded),
        ("outstanding", "total".to_owned(), "due_at_burn", state.due_at_burn),
        ("outstanding", "total".to_owned(), "face", state.face),
        ("outstanding", "debt".to_owned(), "points", state.debt),
        ("breakage", "total".to_owned(), "points", programme.breakage.points),
        ("breakage", "total".to_owned(), "funded", programme.breakage.funded),
        ("breakage", "not_posted".to_owned(), "points", programme.breakage.not_posted),
    ];
    for age in &programme.ages {
        let through = age.through_days.map_or("over".to_owned(), |days| days.to_string());
        let group = format!("{}..{through}", age.from_days);
        lines.push(("age_days", group.clone(), "points", age.points));
        lines.push(("age_days", group, "funded", age.funded));
    }
    for loss in &programme.losses {
        lines.push(("lost", loss.when.to_owned(), "points", loss.points));
        lines.push(("lost", loss.when.to_owned(), "funded", loss.funded));
    }
    for month in &programme.months {
        lines.push(("lost_in_month", month.month.clone(), "points", month.points));
        lines.push(("lost_in_month", month.month.clone(), "funded", month.funded));
    }
    for cohort in &programme.cohorts {
        let measures = [
            ("issued", cohort.issued),
            ("remaining", cohort.remaining),
            ("held", cohort.held),
            ("expired", cohort.expired),
            ("used", cohort.used),
            ("funded", cohort.funded),
        ];
        let line = |(name, figure)| ("made_in_month", cohort.month.clone(), name, figure);
        lines.extend(measures.map(line));
    }
    lines
}

fn csv_of(report: &Report) -> String {
    let mut rows = vec!["as_of,programme,section,group,measure,value".to_owned()];
    for programme in &report.programmes {
        let (as_of, id) = (report.as_of, &programme.programme);
        let row = |(section, group, measure, figure): Line| {
            format!("{as_of},{id},{section},{group},{measure},{figure}")
        };
        rows.extend(lines_of(programme).into_iter().map(row));
    }
    rows.join("\n")
}

fn text_of(report: &Report) -> String {
    let mut rows = vec![format!("Liability as of {}, money in {}", report.as_of, report.currency)];
    for programme in &report.programmes {
        rows.push(format!("\n{}", programme.programme));
        let mut before = "";
        for (section, group, measure, figure) in lines_of(programme) {
            let title = if section == before { "" } else { section };
            rows.push(format!("  {title:<14} {group:<12} {measure:<10} {figure:>20}"));
            before = section;
        }
    }
    rows.join("\n")
}
