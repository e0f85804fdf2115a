//! The demonstration: a made-up coalition at work, on a database of its own.
//!
//! Some weeks of traffic are posted through the API with signed requests, on a clock that follows
//! what is posted; then the clock is let go, and the server stays up for whoever wants to try it.
//! The traffic is the same in every run, but for the day on which it ends: today.

mod books;
mod cards;
mod chance;
mod hints;
mod outcome;
mod people;
mod post;
mod promo;
mod settle;
mod stage;
mod summary;
#[cfg(test)]
mod tests;
mod trade;
mod traffic;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant as Stopwatch;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::{Clock, system_now};
use crate::domain::time::{Day, Instant, Zone};
use crate::server::{self, Running, ServerError};
use crate::settings::{Settings, SettingsError};
use crate::store::{Kind, Use, configurations};
use crate::telemetry;
use cards::Cards;
use chance::Chance;
use people::People;
use post::{Poster, Tally};
use promo::Plan;
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

const HOUR_MICROS: i64 = 3_600_000_000;
const DAY_MICROS: i64 = 24 * HOUR_MICROS;

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
    // Passes by a certificate of the server's own are what is wanted here.
    telemetry::log("warn,coalition::passes=error");
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
    let played = play((&stage, &running), &people, &days)?;
    let took = started.elapsed();
    clock.release();
    let lines = i64::try_from(played.tally.lines()).unwrap_or(i64::MAX);
    writeln!(
        out,
        "{} lines were posted in {}.{} s",
        grouped(lines),
        took.as_secs(),
        took.subsec_millis() / 100
    )?;
    report(out, settings, (&stage, &running), (&played, &days))?;
    Ok(running)
}

/// The file of the database.
fn file_of(settings: &Settings) -> PathBuf {
    let url = settings.database.as_str();
    let file = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    PathBuf::from(file.unwrap_or(url))
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
    let file = file_of(settings);
    if !file.exists() {
        return Ok(());
    }
    let mark = address
        .open(Use::Read)
        .and_then(|mut database| configurations::setting(&mut database, MARK));
    if !matches!(mark, Ok(Some(_))) {
        let file = file.display();
        return Err(refuse(format!("{file} is there and was not made by the demo; name another")));
    }
    for ending in ["", "-wal", "-shm"] {
        let path = format!("{}{ending}", file.display());
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

/// What came of the traffic.
struct Played {
    tally: Tally,
    cards: Cards,
}

/// Posts all days, part by part, and closes each when it is over. In the middle the campaign runs.
fn play(
    (stage, running): (&Stage, &Running),
    people: &People,
    days: &Days,
) -> Result<Played, DemoError> {
    let clock = running.app().engine.clock();
    let mut poster = Poster::new(stage);
    poster.enrol(people)?;
    let cards = Cards::issue(stage, people, Chance::new(SEED))?;
    let plan = Plan::within(u32::try_from(days.all.len()).unwrap_or(u32::MAX));
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
            if date.place == plan.place && part == promo::HOUR / PART_HOURS {
                clock.advance_to(midnight.plus_micros(promo::HOUR * HOUR_MICROS));
                promo::run((stage, running), &mut traffic, &cards, (plan, date))?;
            }
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
    Ok(Played { tally: poster.tally, cards })
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
    (played, days): (&Played, &Days),
) -> Result<(), DemoError> {
    outcome::wait_for_expiry(running)?;
    let figures = summary::figures(running, running.app().now())?;
    figures.print(out)?;
    summary::print_tally(out, &played.tally)?;
    let over = &days.all[..days.all.len() - 1];
    let nets: Result<Vec<Nets>, DemoError> = over.iter().map(|&day| Nets::of(stage, day)).collect();
    summary::print_nets(out, &nets?)?;
    let settled = settle::settle(stage, over, &settings.coalition.currency)?;
    settled.print(out, &stage.operator.clearing_accounts(false)?.value)?;
    // Of yesterday both sides may still be waiting for lines.
    books::compare(out, (stage, running), &over[..over.len().saturating_sub(3)])?;
    outcome::print(out, stage)?;
    let holder = cards::show(out, stage, &played.cards, &file_of(settings))?;
    let report = crate::audit::audit(&settings.address().map_err(ServerError::from)?)?;
    writeln!(out, "\nAudit: {report}")?;
    let place = hints::Place {
        url: &running.url(),
        database: &settings.database,
        member: figures.example,
        holder,
    };
    Ok(hints::print(out, stage, &place)?)
}
