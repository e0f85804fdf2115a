//! The demonstration: a made-up coalition at work, on a database of its own.
//!
//! Some weeks of traffic are posted through the API with signed requests, on a clock that follows
//! what is posted; then the clock is let go, and the server stays up for whoever wants to try it.
//! The traffic is the same in every run, but for the day on which it ends: today.

mod books;
mod chance;
mod hints;
mod people;
mod post;
mod settle;
mod stage;
mod summary;
mod trade;
mod traffic;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::{Clock, system_now};
use crate::domain::time::{Day, Instant, Zone};
use crate::server::{self, Running, ServerError};
use crate::settings::{Settings, SettingsError};
use crate::store::{Kind, Use, configurations};
use crate::telemetry;
use chance::Chance;
use people::People;
use post::{Poster, Tally};
use stage::{Script, Stage};
use summary::{Nets, grouped};
use traffic::{Date, PART_HOURS, Traffic};

/// The database, unless one is named.
const DATABASE: &str = "sqlite:coalition-demo.db";

/// The setting by which a database is known as one of the demonstration's.
const MARK: &str = "made_by_demo";

/// What all chance begins with.
const SEED: u64 = 20_240_710;

/// Parts of a day.
const PARTS: i64 = 24 / PART_HOURS;

const DAY_MICROS: i64 = 86_400_000_000;

/// Arguments of `demo`. It runs on the file coalition-demo.db unless --database names another
/// SQLite file; a file that an earlier demo made is replaced, any other is left alone.
#[derive(Clone, Debug, clap::Args)]
pub struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080")]
    listen: String,

    /// How many members.
    #[arg(long, default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(20..=200_000))]
    members: u64,

    /// Weeks of traffic, up to today.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=52))]
    weeks: u32,

    /// Ends after the summary.
    #[arg(long)]
    no_serve: bool,
}

/// Why the demonstration ended early.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The server can't be started.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A request was not answered.
    #[error("a request failed: {0}")]
    Client(#[from] coalition_partner::Error),
    /// Something was refused that must not be.
    #[error("{what} was refused: {answer}")]
    Refused {
        /// What was sent.
        what: String,
        /// What came back.
        answer: String,
    },
    /// Nobody reads what is printed, or the file can't be replaced.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<crate::store::StoreError> for DemoError {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Server(error.into())
    }
}

/// Runs the demonstration, on the database that is named or on its own.
///
/// # Errors
/// If the server can't be started, or a request fails.
pub fn run(arguments: &Arguments, database: Option<String>) -> Result<(), DemoError> {
    telemetry::log("warn");
    let script = Script::read();
    let settings = Settings {
        database: database.unwrap_or_else(|| DATABASE.to_owned()),
        listen: arguments.listen.clone(),
        // The traffic's days fly by: what expires is posted soon after.
        expiry_seconds: 1,
        settle_seconds: 0,
        coalition: script.settings(),
        ..Settings::default()
    };
    let mut out = std::io::stdout();
    let running = perform(arguments, &settings, &script, &mut out)?;
    if arguments.no_serve {
        return Ok(());
    }
    writeln!(out, "\nThe server stays up on {}; Ctrl-C ends it.", running.url())?;
    Ok(running.wait_for_signal()?)
}

/// Makes the database, posts the traffic and prints the summary. The server still runs.
fn perform(
    arguments: &Arguments,
    settings: &Settings,
    script: &Script,
    out: &mut dyn Write,
) -> Result<Running, DemoError> {
    // Before anything is replaced: is the address free?
    drop(std::net::TcpListener::bind(&settings.listen).map_err(ServerError::Io)?);
    make_room(settings)?;
    server::set_up(settings)?;
    let mut database = settings.address().map_err(ServerError::from)?.open(Use::Write)?;
    configurations::set_once(&mut database, MARK, "true")?;
    drop(database);

    let zone = Zone::named(&settings.coalition.timezone).expect("the script's zone is known");
    let days = Days::until(system_now(), arguments.weeks, zone);
    let clock = Arc::new(Clock::following(days.zone.start_of(days.first())));
    let running = server::start(settings, Arc::clone(&clock))?;
    let stage = Stage::set(script, settings, &running)?;
    let people = People::new(arguments.members, &mut Chance::new(SEED));
    writeln!(
        out,
        "Coalition demo: {} members and {} weeks of signed traffic into {} …",
        grouped(i64::try_from(arguments.members).unwrap_or(i64::MAX)),
        arguments.weeks,
        settings.database
    )?;
    let started = Stopwatch::now();
    let tally = play(&stage, &people, &days, &clock)?;
    let took = started.elapsed();
    clock.release();
    let lines = i64::try_from(tally.lines()).unwrap_or(i64::MAX);
    writeln!(
        out,
        "{} lines were posted in {}.{} s",
        grouped(lines),
        took.as_secs(),
        took.subsec_millis() / 100
    )?;
    report(out, settings, (&stage, &running), (&tally, &days))?;
    Ok(running)
}

/// Removes the file of an earlier demonstration, and no other.
fn make_room(settings: &Settings) -> Result<(), DemoError> {
    let address = settings.address().map_err(ServerError::from)?;
    let refuse = |detail: String| {
        let name = "database";
        DemoError::from(ServerError::from(SettingsError::OutOfRange { name, detail }))
    };
    if address.kind() != Kind::Sqlite {
        return Err(refuse("the demo runs on a SQLite file of its own: sqlite:PATH".to_owned()));
    }
    let url = settings.database.as_str();
    let file = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    let file = file.unwrap_or(url);
    if !Path::new(file).exists() {
        return Ok(());
    }
    let mark = address
        .open(Use::Read)
        .and_then(|mut database| configurations::setting(&mut database, MARK));
    if !matches!(mark, Ok(Some(_))) {
        return Err(refuse(format!("{file} is there and was not made by the demo; name another")));
    }
    for ending in ["", "-wal", "-shm"] {
        let path = format!("{file}{ending}");
        if Path::new(&path).exists() {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The days of the traffic; the last one is today and not over.
struct Days {
    all: Vec<Day>,
    now: Instant,
    zone: Zone,
}

impl Days {
    fn until(now: Instant, weeks: u32, zone: Zone) -> Self {
        let first = zone.day_of(now.plus_micros(-i64::from(weeks) * 7 * DAY_MICROS));
        let all = (0..=weeks * 7).map(|place| first.plus_days(place)).collect();
        Self { all, now, zone }
    }

    fn first(&self) -> Day {
        self.all[0]
    }

    /// Each day with its place.
    fn dates(&self) -> impl Iterator<Item = Date> {
        let of = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        (0..of).zip(&self.all).map(move |(place, &day)| Date { day, place, of })
    }
}

/// Posts all days, part by part, and closes each when it is over.
fn play(stage: &Stage, people: &People, days: &Days, clock: &Clock) -> Result<Tally, DemoError> {
    let mut poster = Poster::new(stage);
    poster.enrol(people)?;
    let mut traffic = Traffic::new(people, days.zone.clone(), SEED);
    let bar = progress_bar(days.all.len());
    let mut count = 0;
    for date in days.dates() {
        let midnight = days.zone.start_of(date.day);
        clock.advance_to(midnight);
        if date.place > 0 {
            let over = days.all[usize::try_from(date.place - 1).unwrap_or(0)];
            stage.operator.close_cycle(&over.to_string())?;
        }
        if date.place == date.of / 2 {
            poster.open_fashion()?;
        }
        let mut deeds = traffic.of_day(date);
        deeds.retain(|deed| deed.at <= days.now);
        for part in 0..=PARTS {
            let in_part = |deed: &&traffic::Deed| traffic.part_of(date.day, deed.at) == part;
            let of_part: Vec<_> = deeds.iter().filter(in_part).cloned().collect();
            count += poster.post(&of_part)?;
            bar.set_message(format!("{}, {count} transactions", date.day));
            bar.inc(1);
            if part == 2 && !of_part.is_empty() {
                poster.check_out(&mut traffic, date)?;
            }
        }
    }
    bar.finish_and_clear();
    Ok(poster.tally)
}

fn progress_bar(days: usize) -> ProgressBar {
    let steps = u64::try_from(days).unwrap_or(1) * (PARTS.unsigned_abs() + 1);
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {msg}");
    let bar = ProgressBar::new(steps);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Prints the summary, the audit and what to do next.
fn report(
    out: &mut dyn Write,
    settings: &Settings,
    (stage, running): (&Stage, &Running),
    (tally, days): (&Tally, &Days),
) -> Result<(), DemoError> {
    let figures = summary::figures(running, running.app().now())?;
    figures.print(out)?;
    summary::print_tally(out, tally)?;
    let over = &days.all[..days.all.len() - 1];
    let nets: Result<Vec<Nets>, DemoError> = over.iter().map(|&day| Nets::of(stage, day)).collect();
    summary::print_nets(out, &nets?)?;
    let settled = settle::settle(stage, over, &settings.coalition.currency)?;
    settled.print(out, &stage.operator.clearing_accounts(false)?.value)?;
    // Of yesterday both sides may still be waiting for lines.
    books::compare(out, (stage, running), over[over.len().saturating_sub(4)])?;
    let report = crate::audit::audit(&settings.address().map_err(ServerError::from)?)?;
    writeln!(out, "\nAudit: {report}")?;
    let place =
        hints::Place { url: &running.url(), database: &settings.database, member: figures.example };
    Ok(hints::print(out, stage, &place)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_demonstration_ends_with_clean_books() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let arguments =
            Arguments { listen: "127.0.0.1:0".to_owned(), members: 60, weeks: 3, no_serve: true };
        let script = Script::read();
        let settings = Settings {
            database: format!("sqlite:{}", folder.path().join("demo.db").display()),
            listen: arguments.listen.clone(),
            settle_seconds: 0,
            coalition: script.settings(),
            ..Settings::default()
        };
        for _ in 0..2 {
            let mut out = Vec::new();
            let running = perform(&arguments, &settings, &script, &mut out);
            let text = String::from_utf8(out).expect("the summary is text");
            assert!(running.is_ok(), "{:?} after {text}", running.err());
            assert!(text.contains("no difference"), "{text}");
            assert!(text.contains("sum to 0.00"), "{text}");
            assert!(!text.contains("invalid_request"), "{text}");
        }
    }

    #[test]
    fn a_database_of_somebody_else_is_left_alone() {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let file = folder.path().join("books.db");
        std::fs::write(&file, b"").expect("a file can be made");
        let database = format!("sqlite:{}", file.display());
        let settings = Settings { database, ..Settings::default() };
        let refused = make_room(&settings).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.contains("not made by the demo")));
        assert!(file.exists());
    }
}
