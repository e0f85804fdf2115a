//! The rows of the table that need one coalition: how each is measured, and its bar.

use std::time::Duration;

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

/// The database of bare SQL.
const BARE: &str = "bare";
/// Starts of the server of which the middle one counts.
const STARTS: usize = 5;

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
        if self.wants(&[Part::Cards]) {
            self.card_view(&world)?;
        }
        if self.wants(&[Part::Server]) {
            self.memory(&world)?;
        }
        if self.wants(&[Part::Lots]) {
            self.by_lots(&world)?;
        }
        if self.wants(&[Part::Server]) {
            self.start(world)?;
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

    fn start(&mut self, mut world: World) -> Result<(), BenchError> {
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
        Ok(())
    }
}
