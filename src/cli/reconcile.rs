//! `reconcile`: compares a partner's list with the database, offline. Nothing is stored.

use std::fmt::Write as _;
use std::fs::File;
use std::path::PathBuf;

use super::output::{Failure, say};
use crate::books::{Format, Profile};
use crate::clock::system_now;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::reconciliation::{Totals, Verdict};
use crate::domain::settlement::CycleId;
use crate::domain::terms::Coalition;
use crate::reconcile::{CompareError, Compared, Request, Task, compare, points_scale};
use crate::settings::Settings;
use crate::store::{Use, configurations};

/// Arguments of `reconcile`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// The party whose list it is.
    #[arg(long)]
    party: PartyId,
    /// The cycle, by its first day: `2026-06-01`, or `SCHEDULE.2026-06-01`.
    #[arg(long)]
    cycle: CycleId,
    /// How the list is written: a YAML or JSON file.
    #[arg(long, value_name = "FILE")]
    profile: PathBuf,
    /// Only this programme.
    #[arg(long)]
    programme: Option<ProgrammeId>,
    /// The form of the list, where the profile says another: csv, ndjson or xlsx.
    #[arg(long)]
    format: Option<String>,
    /// How many breaks are listed.
    #[arg(long, default_value_t = 20)]
    breaks: usize,
    /// The list.
    file: PathBuf,
}

fn unreadable(path: &std::path::Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::Unreadable(format!("{}: {error}", path.display()))
}

/// Runs `reconcile`. Exit code 1: something is to be dealt with.
pub fn run(arguments: Arguments, settings: &Settings) -> Result<(), Failure> {
    let mut database = settings.address()?.open(Use::Read)?;
    let timeline = configurations::load_timeline(&mut database)?;
    let coalition = timeline.latest();
    let profile = profile_of(&arguments)?;
    let Arguments { party, cycle, programme, breaks, file, .. } = arguments;
    let schedule = coalition.schedules.get(&cycle.schedule);
    let schedule = schedule.filter(|schedule| schedule.begins_with(cycle.first));
    let Some(schedule) = schedule else {
        return Err(Failure::Unreadable(format!("--cycle: no cycle {cycle} begins")));
    };
    let request = Request {
        name: None,
        range: (schedule.opens(cycle.first), schedule.closes(cycle.first)),
        cycle: Some(cycle),
        points_scale: points_scale(coalition, programme.as_ref()),
        programme,
        profile,
        declared: None,
    };
    let source = File::open(&file).map_err(|error| unreadable(&file, &error))?;
    let task = Task { coalition, party: &party, request: &request, now: system_now() };
    let compared =
        compare(&mut database, task, |_, _| Ok(source)).map_err(|error| match error {
            CompareError::Store(error) => error.into(),
            CompareError::Books(crate::books::BooksError::Lines(lines)) => {
                let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
                unreadable(&file, &lines.join("\n"))
            }
            other => unreadable(&file, &other),
        })?;
    say(report(&compared, coalition, &request, breaks).trim_end())?;
    match compared.found.verdict {
        Verdict::Reconciled | Verdict::Pending => Ok(()),
        Verdict::Incomplete | Verdict::Breaks => Err(Failure::No(String::new())),
    }
}

fn profile_of(arguments: &Arguments) -> Result<Profile, Failure> {
    let path = &arguments.profile;
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
    let mut profile: Profile =
        serde_saphyr::from_str(&text).map_err(|error| unreadable(path, &error))?;
    profile.format = match arguments.format.as_deref() {
        None => profile.format,
        Some("csv") => Format::Csv,
        Some("ndjson") => Format::Ndjson,
        Some("xlsx") => Format::Xlsx,
        Some(_) => return Err(Failure::Unreadable("--format: csv, ndjson or xlsx".to_owned())),
    };
    Ok(profile)
}

/// The verdict, the classes, the bridges and the first breaks.
fn report(compared: &Compared, coalition: &Coalition, request: &Request, most: usize) -> String {
    let found = &compared.found;
    let money = |amount: crate::domain::amount::Money| amount.text(coalition.money_scale);
    let points = |points: crate::domain::amount::Points| points.text(request.points_scale);
    let line = |totals: &Totals| {
        let (net, gross) = (money(totals.net), money(totals.gross));
        let (points_net, points_gross) = (points(totals.points_net), points(totals.points_gross));
        format!("{:>9} {net:>18} {gross:>18} {points_net:>14} {points_gross:>14}", totals.lines)
    };
    let mut text = format!("verdict: {}\nlines: {}\n", found.verdict.name(), compared.lines);
    let write = |text: &mut String, line: String| {
        writeln!(text, "{line}").expect("writing to a string does not fail");
    };
    for gap in &found.gaps {
        write(&mut text, format!("gap: {gap}"));
    }
    for (class, count) in &found.counts {
        write(&mut text, format!("{:<20} {count}", class.name()));
    }
    for bridge in &found.bridges {
        let head = "    lines                net              gross     points net   points gross";
        write(&mut text, format!("\n{:<20} {head}", bridge.currency.as_str()));
        write(&mut text, format!("{:<20} {}", "theirs", line(&bridge.theirs)));
        for step in &bridge.steps {
            write(&mut text, format!("less {:<15} {}", step.class.name(), line(&step.effect)));
        }
        write(&mut text, format!("{:<20} {}", "ours", line(&bridge.ours)));
        write(&mut text, format!("{:<20} {}", "residue", line(&bridge.residue())));
    }
    for one in found.breaks.iter().take(most) {
        let place = one.line_no.map_or_else(String::new, |line| format!(" line {line}"));
        let transaction = one.transaction.map_or_else(String::new, |id| format!(" {id}"));
        let (class, effect) = (one.class.name(), money(one.effect));
        let reference = &one.reference;
        let settled = compared.settled.get(&one.number).map_or_else(String::new, |by| {
            format!(" ({} before, {}/{})", by.resolution.name(), by.run, by.number)
        });
        let number = one.number;
        write(
            &mut text,
            format!("{number}. {class} {reference}{place}{transaction} {effect}{settled}"),
        );
    }
    text
}
