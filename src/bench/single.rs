//! Rows of single requests.
//!
//! What is compared takes turns: a disk or a neighbour that grows slower between two rows would
//! else count against one of them.

use super::load::{self, Outcome, Pace, Span};
use super::postgres::PGBENCH;
use super::purchases::{Basket, Purchases};
use super::stages::Stages;
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note};
use super::world::World;
use super::{Bench, BenchError, Part};

/// Turns of each side of a comparison.
pub const TURNS: u64 = 2;

/// A ratio beside its bar, where there is one.
pub fn ratio_at_least(one: u64, other: Option<u64>, bar: u64) -> Option<Judged> {
    let got = Hundredths::ratio(one, other?)?;
    Some(Judged { got, unit: "", bar: Bar::AtLeast(Hundredths(bar)) })
}

impl Bench<'_> {
    /// Seconds of a turn.
    pub(super) fn turn(&self) -> u64 {
        (self.arguments.seconds / TURNS).max(1)
    }

    /// Puts purchases on a server, in a closed loop or by a schedule.
    pub(super) fn purchases(
        &self,
        world: &World,
        pace: Pace,
        seconds: u64,
        mut purchases: Purchases,
    ) -> Result<Outcome, BenchError> {
        let connections = usize::from(self.arguments.connections);
        let target = world.target(connections, self.postgres.postmaster());
        let signer = world.shop.clone();
        load::run(target, pace, Span::seconds(seconds), move |out| purchases.write(&signer, out))
    }

    /// Prints what a load cost and where the engine's time went.
    pub(super) fn loaded(outcome: &mut Outcome, stages: &str) -> Result<(), BenchError> {
        let (half, most) = (outcome.quantile(500), outcome.quantile(990));
        let (half, most) = (Hundredths::millis(half), Hundredths::millis(most));
        note(&format!("half within {half} ms, 99 % within {most} ms"))?;
        note(stages)?;
        Ok(outcome.notes().iter().try_for_each(|text| note(text))?)
    }

    /// Single purchases beside pgbench.
    pub(super) fn single(&mut self, world: &World) -> Result<(), BenchError> {
        let beside = self.wants(&[Part::Single]);
        doing("single purchases and pgbench on PostgreSQL");
        let pgbench = if beside { Some(self.postgres.prepare_pgbench()?) } else { None };
        let (mut outcome, mut transactions) = (Outcome::default(), 0);
        let before = Stages::read(world.server.address);
        for turn in 0..TURNS {
            if let Some(url) = &pgbench {
                transactions += self.postgres.pgbench(url, self.turn())?;
            }
            let name = format!("single{turn}");
            outcome.add(self.closed(world, &name)?);
        }
        let stages = Stages::read(world.server.address).since(&before);
        let per_second = outcome.per_second();
        self.single = Some(per_second);
        let transactions = pgbench.map(|_| transactions / TURNS);
        if let Some(transactions) = transactions {
            self.postgres.remove(PGBENCH)?;
            self.table.add(Row {
                what: "pgbench TPC-B-like, scale 10, 32 clients".to_owned(),
                figure: format!("{} tx/s", grouped(transactions)),
                beside: String::new(),
                judged: None,
            })?;
        }
        self.table.add(Row {
            what: "signed single purchase, PostgreSQL".to_owned(),
            figure: format!("{} /s", grouped(per_second)),
            beside: transactions.map_or(String::new(), |_| "pgbench".to_owned()),
            judged: ratio_at_least(per_second, transactions, 500),
        })?;
        Self::loaded(&mut outcome, &stages)
    }

    /// A turn of single purchases in a closed loop.
    fn closed(&self, world: &World, name: &str) -> Result<Outcome, BenchError> {
        let purchases = Purchases::new(name, Basket::Earns, 0, self.arguments.members);
        self.purchases(world, Pace::Closed, self.turn(), purchases)
    }

    /// The time of burns at half of the load.
    pub(super) fn burn(&mut self, world: &World) -> Result<(), BenchError> {
        doing("single burns by a schedule");
        let rate = self.single.unwrap_or(0) / 2;
        let purchases = Purchases::new("burn", Basket::EarnsAndBurns, 0, self.arguments.members);
        let before = Stages::read(world.server.address);
        let pace = Pace::PerSecond(rate);
        let mut outcome = self.purchases(world, pace, self.arguments.seconds, purchases)?;
        let stages = Stages::read(world.server.address).since(&before);
        let got = Hundredths::millis(outcome.quantile(990));
        self.table.add(Row {
            what: "99 % of single burns within".to_owned(),
            figure: format!("{got} ms"),
            beside: format!("at {} /s, half the load", grouped(rate)),
            judged: Some(Judged { got, unit: " ms", bar: Bar::Below(Hundredths(2_500)) }),
        })?;
        Self::loaded(&mut outcome, &stages)
    }

    /// Single purchases on SQLite beside those on PostgreSQL.
    pub(super) fn sqlite(&mut self, on_postgres: &World) -> Result<(), BenchError> {
        doing("setting up the coalition on SQLite through the API");
        let database = format!("sqlite:{}", self.scratch.0.join("bench.db").display());
        let on_sqlite = World::create(self.settings, &database)?;
        on_sqlite.enroll(self.arguments.members)?;
        doing("single purchases on SQLite and on PostgreSQL");
        let (mut outcome, mut other) = (Outcome::default(), Outcome::default());
        let before = Stages::read(on_sqlite.server.address);
        for turn in 0..TURNS {
            let name = format!("beside{turn}");
            other.add(self.closed(on_postgres, &name)?);
            outcome.add(self.closed(&on_sqlite, &name)?);
        }
        let stages = Stages::read(on_sqlite.server.address).since(&before);
        let (per_second, beside) = (outcome.per_second(), other.per_second());
        self.table.add(Row {
            what: "signed single purchase, SQLite".to_owned(),
            figure: format!("{} /s", grouped(per_second)),
            beside: format!("PostgreSQL {} /s", grouped(beside)),
            judged: ratio_at_least(per_second, Some(beside), 100),
        })?;
        Self::loaded(&mut outcome, &stages)
    }
}
