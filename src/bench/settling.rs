//! Rows of settlement: closing a large day, and posting while days are closed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as Stopwatch};
use std::{panic, thread};

use coalition_partner::OperatorClient;
use serde_json::Value;

use super::journal::{Fill, Filled, fill};
use super::load::{self, Outcome, Pace, Span};
use super::purchases::{Basket, Purchases};
use super::seed::{Seed, seed};
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note};
use super::world::{Deal, World};
use super::{Bench, BenchError};
use crate::clock::system_now;
use crate::domain::time::{Day, Instant};
use crate::store::Kind;

/// Brands and shops between which a large day's postings lie.
const BRANDS: u64 = 5;
const SHOPS: u64 = 20;
/// Clients that post while days are closed.
const CLIENTS: usize = 32;
/// Days that are closed meanwhile.
const CLOSES: u64 = 3;
/// Members whose purchases are posted meanwhile.
const MEMBERS: u64 = 10_000;
/// How often the closing thread looks whether a close is due.
const LOOK: Duration = Duration::from_millis(10);
const DAY_US: i64 = 86_400_000_000;

/// What a database is called in a row.
pub const fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Postgres => "PostgreSQL",
        Kind::Sqlite => "SQLite",
    }
}

impl Bench<'_> {
    /// A coalition on an empty database of a kind.
    pub(super) fn world_on(&mut self, kind: Kind, name: &str) -> Result<World, BenchError> {
        let database = match kind {
            Kind::Postgres => self.postgres.create(name)?,
            Kind::Sqlite => {
                let file = self.scratch.0.join(format!("{name}.db"));
                format!("sqlite:{}", file.display())
            }
        };
        World::create(self.settings, &database)
    }

    /// Stops a coalition's server and removes its database.
    pub(super) fn drop_world(
        &mut self,
        world: World,
        kind: Kind,
        name: &str,
    ) -> Result<(), BenchError> {
        drop(world);
        match kind {
            Kind::Postgres => self.postgres.remove(name),
            Kind::Sqlite => Ok(std::fs::remove_file(self.scratch.0.join(format!("{name}.db")))?),
        }
    }

    /// A day's close, whose postings lie between many pairs of parties.
    pub(super) fn close(&mut self, kind: Kind) -> Result<(), BenchError> {
        let name = "close";
        let world = self.world_on(kind, name)?;
        let deals = world.add_deals(BRANDS, SHOPS)?;
        let (world, filled) =
            filled(world, kind, &deals, Fill::Postings(self.arguments.postings()))?;
        doing("closing the day");
        let operator = world.patient()?;
        let begun = Stopwatch::now();
        let closed = operator.close_cycle(&filled.day)?.value;
        let took = begun.elapsed();
        let got = Hundredths::seconds(took);
        self.table.add(Row {
            what: format!("closing a day, {}", title(kind)),
            figure: format!("{} ms", Hundredths::millis(took)),
            beside: format!("{} postings", grouped(filled.postings)),
            judged: Some(Judged { got, unit: " s", bar: Bar::Below(Hundredths(200)) }),
        })?;
        note(&format!(
            "{} transactions, {} shards, {} pairs of parties",
            grouped(filled.purchases),
            filled.shards,
            pairs_of(&closed)
        ))?;
        self.drop_world(world, kind, name)
    }

    /// The longest that a client waits while days are closed.
    pub(super) fn pause(&mut self, kind: Kind) -> Result<(), BenchError> {
        let name = "pause";
        let world = self.world_on(kind, name)?;
        let members = MEMBERS.min(self.arguments.members);
        seed(&world.database, Seed { first: 0, members, lots: 0 })?;
        let world = world.restart(&["--test-clock"])?;
        let seconds = self.arguments.seconds * CLOSES;
        doing(&format!("posting on {} without closing, then while days close", title(kind)));
        let mut calm = self.posting(&world, "calm", members, seconds)?;
        let every = Duration::from_secs(self.arguments.seconds);
        let operator = world.patient()?;
        let stop = AtomicBool::new(false);
        let (mut closing, closes) = thread::scope(|scope| {
            let job = scope.spawn(|| close_days(&operator, every, &stop));
            let outcome = self.posting(&world, "closing", members, seconds);
            stop.store(true, Ordering::SeqCst);
            let closes = job.join().unwrap_or_else(|bug| panic::resume_unwind(bug));
            Ok::<_, BenchError>((outcome?, closes?))
        })?;
        let usual = calm.quantile(990);
        let got = Hundredths::millis(closing.longest().saturating_sub(usual));
        self.table.add(Row {
            what: format!("longest pause while days are closed, {}", title(kind)),
            figure: format!("{} ms", Hundredths::millis(closing.longest())),
            beside: format!("99 % usually in {} ms", Hundredths::millis(usual)),
            judged: Some(Judged { got, unit: " ms", bar: Bar::Below(Hundredths(10_000)) }),
        })?;
        for (what, outcome) in [("without closing", &mut calm), ("closing", &mut closing)] {
            let (most, longest) = (outcome.quantile(990), outcome.longest());
            note(&format!(
                "{what}: {} /s, 99 % within {} ms, the longest {} ms",
                grouped(outcome.per_second()),
                Hundredths::millis(most),
                Hundredths::millis(longest)
            ))?;
        }
        let slowest = closes.iter().max().copied().unwrap_or_default();
        let (count, slowest) = (closes.len(), Hundredths::millis(slowest));
        note(&format!(
            "{count} days closed, one every {} s, in {slowest} ms at most",
            every.as_secs()
        ))?;
        self.drop_world(world, kind, name)
    }

    fn posting(
        &self,
        world: &World,
        name: &str,
        members: u64,
        seconds: u64,
    ) -> Result<Outcome, BenchError> {
        let mut purchases = Purchases::new(name, Basket::Earns, 0, members);
        let target = world.target(CLIENTS, self.postgres.postmaster());
        let signer = world.shop.clone();
        let span = Span::seconds(seconds);
        let outcome =
            load::run(target, Pace::Closed, span, move |out| purchases.write(&signer, out))?;
        match &outcome.first_refusal {
            None => Ok(outcome),
            Some(refusal) => Err(BenchError::Refused(refusal.clone())),
        }
    }
}

/// A coalition whose day is filled and over, by the clock of a server that was started again.
///
/// # Errors
/// If the database fails, or the server does not start.
pub fn filled(
    world: World,
    kind: Kind,
    deals: &[Deal],
    wanted: Fill,
) -> Result<(World, Filled), BenchError> {
    doing(&format!("filling a day on {}", title(kind)));
    let begun = Stopwatch::now();
    let filled = fill(&world.database, deals, wanted)?;
    doing(&format!("filled in {} s", Hundredths::seconds(begun.elapsed())));
    let later = filled.at.plus_micros(2 * DAY_US).to_string();
    Ok((world.restart(&["--test-clock", &later])?, filled))
}

/// Moves the clock to the next day and closes the one before, again and again; how long each close
/// took.
fn close_days(
    operator: &OperatorClient,
    every: Duration,
    stop: &AtomicBool,
) -> Result<Vec<Duration>, BenchError> {
    let open = operator.get("/v1/cycles")?.json::<Value>()?;
    let open = open.get("open").and_then(Value::as_str).and_then(Day::parse);
    let mut day = open.ok_or(BenchError::NoAnswer("the open cycle"))?;
    let mut now = system_now();
    let mut closes = Vec::new();
    // The first when posting is counted already, the last before it ends.
    let mut next = Stopwatch::now() + every;
    while !stop.load(Ordering::SeqCst) {
        if Stopwatch::now() < next {
            thread::sleep(LOOK);
            continue;
        }
        next += every;
        now = next_day(operator, now)?;
        let begun = Stopwatch::now();
        operator.close_cycle(&day.to_string())?;
        closes.push(begun.elapsed());
        day = day.plus_days(1);
    }
    Ok(closes)
}

fn next_day(operator: &OperatorClient, now: Instant) -> Result<Instant, BenchError> {
    let next = now.plus_micros(DAY_US);
    operator.set_test_clock(&next.to_string())?;
    Ok(next)
}

/// The pairs of parties that owe each other something.
fn pairs_of(cycle: &Value) -> usize {
    let positions = cycle.get("positions").and_then(Value::as_array);
    let pair = |line: &Value| {
        let side = |name| line.get(name).and_then(Value::as_str).map(str::to_owned);
        Some((side("debtor")?, side("creditor")?))
    };
    let pairs: BTreeSet<_> = positions.into_iter().flatten().filter_map(pair).collect();
    pairs.len()
}
