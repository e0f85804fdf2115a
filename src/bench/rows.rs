//! The rows of the table that need one coalition: how each is measured, and its bar.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::bare::Bare;
use super::bulk::{self, Bulk, Until};
use super::load::Outcome;
use super::machine;
use super::purchases::{Basket, Purchases};
use super::seed::{Seed, seed};
use super::single::{TURNS, ratio_at_least};
use super::stages::Stages;
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note};
use super::world::{CALLS, World};
use super::{Bench, BenchError, Part};
use crate::clock::system_now;

/// The database of bare SQL.
const BARE: &str = "bare";
/// Starts of the server of which the middle one counts.
const STARTS: usize = 5;
/// Lines by which a day is filled at a time.
const LINES_TO_FILL: u64 = 20_000;
const TWO_DAYS_US: i64 = 2 * 86_400_000_000;

impl Bench<'_> {
    /// All that is measured on one coalition on PostgreSQL.
    pub(super) fn on_postgres(&mut self) -> Result<(), BenchError> {
        doing("setting up the coalition on PostgreSQL through the API");
        let database = self.postgres.create("main")?;
        let world = World::create(self.settings, &database)?;
        world.enroll(self.arguments.members)?;
        if self.wants(&[Part::Single, Part::Burn, Part::Server]) {
            self.single(&world)?;
        }
        if self.wants(&[Part::Burn]) {
            self.burn(&world)?;
        }
        if self.wants(&[Part::Sqlite]) {
            self.sqlite(&world)?;
        }
        if self.wants(&[Part::Bulk, Part::Server]) {
            self.bulk(&world)?;
        }
        if self.wants(&[Part::Server]) {
            self.memory(&world)?;
        }
        if self.wants(&[Part::Lots]) {
            self.by_lots(&world)?;
        }
        let world = if self.wants(&[Part::Server]) { self.start(world)? } else { world };
        if self.wants(&[Part::Close]) {
            self.close(world)?;
        }
        Ok(())
    }

    fn bulk(&mut self, world: &World) -> Result<(), BenchError> {
        let mut bare = if self.wants(&[Part::Bulk]) { Some(self.bare()?) } else { None };
        doing("bulk calls and bare SQL on PostgreSQL");
        let seconds = self.turn();
        let (mut outcome, mut rows) = (Outcome::default(), Outcome::default());
        let before = Stages::read(world.server.address);
        for turn in 0..TURNS {
            let name = format!("bulk{turn}");
            let mut purchases = Purchases::new(&name, Basket::Earns, 0, self.arguments.members);
            let target = world.target(CALLS, self.postgres.postmaster());
            let call = Self::call(world, Until::Elapsed(Duration::from_secs(seconds)));
            outcome.add(bulk::post(target, call, move |_, line| purchases.line(line))?);
            if let Some(bare) = &mut bare {
                rows.add(bare.run(seconds)?);
            }
        }
        let stages = Stages::read(world.server.address).since(&before);
        let per_second = outcome.per_second();
        let rows = bare.as_ref().map(|_| rows.per_second());
        self.table.add(Row {
            what: "bulk file, 1,000 a call, PostgreSQL".to_owned(),
            figure: format!("{} lines/s", grouped(per_second)),
            beside: rows.map_or(String::new(), |rows| format!("bare SQL {} /s", grouped(rows))),
            judged: ratio_at_least(per_second, rows, 50),
        })?;
        note(&stages)?;
        outcome.notes().iter().try_for_each(|text| note(text))?;
        if bare.take().is_some() {
            // Its vacuum must not run beside the next row.
            self.postgres.remove(BARE)?;
        }
        Ok(())
    }

    fn call(world: &World, until: Until) -> Bulk {
        let signer = world.shop.clone();
        Bulk { path: "/v1/transactions:batch", signer, until, calls: CALLS }
    }

    fn bare(&mut self) -> Result<Bare, BenchError> {
        doing("making members for bare SQL");
        let database = self.postgres.create(BARE)?;
        drop(World::create(self.settings, &database)?);
        let all = Seed { first: 0, members: self.arguments.members, lots: 1 };
        Bare::new(&database, seed(&database, all)?)
    }

    fn memory(&mut self, world: &World) -> Result<(), BenchError> {
        let got = Hundredths::mebibytes(machine::peak_memory_kib(world.server.id()));
        Ok(self.table.add(Row {
            what: "the server's memory at its highest".to_owned(),
            figure: format!("{got} MB"),
            beside: "under that load".to_owned(),
            judged: Some(Judged { got, unit: " MB", bar: Bar::Below(Hundredths(20_000)) }),
        })?)
    }

    fn start(&mut self, mut world: World) -> Result<World, BenchError> {
        doing("starts of the server");
        let mut starts = Vec::new();
        for _ in 0..STARTS {
            world = world.restart(&[])?;
            starts.push(world.server.started_in);
        }
        starts.sort();
        let got = Hundredths::millis(starts[STARTS / 2]);
        self.table.add(Row {
            what: "start of the server until it is ready".to_owned(),
            figure: format!("{got} ms"),
            beside: format!("the middle of {STARTS}"),
            judged: Some(Judged { got, unit: " ms", bar: Bar::Below(Hundredths(20_000)) }),
        })?;
        Ok(world)
    }

    fn close(&mut self, world: World) -> Result<(), BenchError> {
        let day = self.fill_day(&world)?;
        doing("closing a day");
        // The day is over two days from now, by a clock that is set there.
        let later = system_now().plus_micros(TWO_DAYS_US).to_string();
        let world = world.restart(&["--test-clock", &later])?;
        let begun = Instant::now();
        let closed = world.operator.close_cycle(&day)?.value;
        let took = begun.elapsed();
        let got = Hundredths(Hundredths::millis(took).0 / 1_000);
        self.table.add(Row {
            what: "closing a day".to_owned(),
            figure: format!("{} ms", Hundredths::millis(took)),
            beside: format!("{} postings", grouped(postings_of(&closed))),
            judged: Some(Judged { got, unit: " s", bar: Bar::Below(Hundredths(200)) }),
        })?;
        Ok(())
    }

    /// Posts until today has enough postings; which day that is.
    fn fill_day(&self, world: &World) -> Result<String, BenchError> {
        let mut round = 0;
        loop {
            round += 1;
            let name = format!("fill{round}");
            let mut purchases = Purchases::new(&name, Basket::Earns, 0, self.arguments.members);
            let lines = if round == 1 { 1_000 } else { LINES_TO_FILL };
            let call = Self::call(world, Until::Lines(lines));
            let target = world.target(CALLS, None);
            let outcome = bulk::post(target, call, move |_, line| purchases.line(line))?;
            if let Some(refusal) = outcome.first_refusal {
                return Err(BenchError::Refused(refusal));
            }
            let path = format!("/v1/transactions?kind=purchase&party=shop&ref={name}-1");
            let posted: Value = world.operator.get(&path)?.json()?;
            let day = posted.get("settlement_day").and_then(Value::as_str);
            let day = day.ok_or(BenchError::NoAnswer("a transaction's day"))?;
            if postings_of(&world.operator.cycle(day)?.value) >= self.arguments.postings {
                return Ok(day.to_owned());
            }
            doing("filling the day with postings");
        }
    }
}

/// The postings that a day's positions add up.
fn postings_of(cycle: &Value) -> u64 {
    let positions = cycle.get("positions").and_then(Value::as_array);
    let counts = positions.into_iter().flatten().filter_map(|line| line.get("count")?.as_u64());
    counts.sum()
}
