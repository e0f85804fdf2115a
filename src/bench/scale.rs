//! Rows that compare two sizes of the same thing.
//!
//! Cost is compared as the rate of the same requests under the same load. The sizes take turns,
//! so that a machine that grows slower does not count against one of them.

use super::load::{Outcome, Pace};
use super::purchases::{Basket, Purchases};
use super::seed::{Seed, seed};
use super::single::TURNS;
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note};
use super::world::World;
use super::{Bench, BenchError};

/// Members with few lots and members with many.
const MEMBERS_WITH_LOTS: u64 = 200;
/// Lots of a member, few and many.
const LOTS: [u64; 2] = [10, 1_000];
/// Members of the small coalition, of the large one, and of that with `--large`.
const MEMBERS: [u64; 3] = [10_000, 1_000_000, 10_000_000];

/// A size: the coalition and the members that buy.
struct Size<'a> {
    world: &'a World,
    first: u64,
    members: u64,
}

impl Bench<'_> {
    /// Few lots of a member beside many.
    pub(super) fn by_lots(&mut self, world: &World) -> Result<(), BenchError> {
        doing("making members with few and with many lots");
        let members = MEMBERS_WITH_LOTS;
        let firsts = [self.arguments.members, self.arguments.members + members];
        for (first, lots) in firsts.into_iter().zip(LOTS) {
            seed(&world.database, Seed { first, members, lots })?;
        }
        doing("burns of members with few and with many lots");
        let sizes = firsts.map(|first| Size { world, first, members });
        let what = format!("cost of a burn, {} to {} lots a member", LOTS[0], grouped(LOTS[1]));
        self.compare(&what, Basket::Burns, &sizes)
    }

    /// Few members of the coalition beside many.
    pub(super) fn by_members(&mut self) -> Result<(), BenchError> {
        let [few, many, most] = MEMBERS;
        let many = if self.arguments.large { most } else { many };
        let small = self.seeded("small", few)?;
        let large = self.seeded("large", many)?;
        doing("burns and refunds in the small and in the large coalition");
        let sizes = [(&small, few), (&large, many)].map(|(world, members)| Size {
            world,
            first: 0,
            members,
        });
        for (basket, name) in [(Basket::Burns, "burn"), (Basket::Refunds, "refund")] {
            let what = format!("cost of a {name}, {} to {} members", grouped(few), grouped(many));
            self.compare(&what, basket, &sizes)?;
        }
        Ok(())
    }

    fn seeded(&mut self, name: &str, members: u64) -> Result<World, BenchError> {
        doing(&format!("making {} members", grouped(members)));
        let database = self.postgres.create(name)?;
        let world = World::create(self.settings, &database)?;
        seed(&database, Seed { first: 0, members, lots: 1 })?;
        Ok(world)
    }

    fn compare(
        &mut self,
        what: &str,
        basket: Basket,
        sizes: &[Size<'_>; 2],
    ) -> Result<(), BenchError> {
        let seconds = self.turn();
        let mut outcomes = [Outcome::default(), Outcome::default()];
        for turn in 0..TURNS {
            for (place, size) in sizes.iter().enumerate() {
                let name = format!("{basket:?}{place}-{turn}");
                let purchases = Purchases::new(&name, basket, size.first, size.members);
                let outcome = self.purchases(size.world, Pace::Closed, seconds, purchases)?;
                outcomes[place].add(outcome);
            }
        }
        let [few, many] = outcomes.each_ref().map(Outcome::per_second);
        let bar = Bar::AtMost(Hundredths(120));
        self.table.add(Row {
            what: what.to_owned(),
            figure: format!("{} /s", grouped(many)),
            beside: format!("{} /s", grouped(few)),
            judged: Hundredths::ratio(few, many).map(|got| Judged { got, unit: "", bar }),
        })?;
        let refusals = outcomes.iter().filter_map(|outcome| outcome.first_refusal.as_ref());
        for refusal in refusals {
            note(&format!("some were not recorded; the first: {refusal}"))?;
        }
        Ok(())
    }
}
