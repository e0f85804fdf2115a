//! Chance that comes out the same every time: a small generator over whole numbers (`SplitMix64`).
//!
//! It makes the demonstration believable, nothing else; never a secret or an id.

/// A generator.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// A generator that begins at a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one below `end`.
    ///
    /// # Panics
    /// If `end` is zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number from `least` to `most`, both possible.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    /// Whether something happens that does so many times in a thousand.
    pub fn happens(&mut self, in_a_thousand: u64) -> bool {
        self.below(1_000) < in_a_thousand
    }

    /// One of some things.
    ///
    /// # Panics
    /// If there are none.
    pub fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        let count = u64::try_from(things.len()).expect("a list is short");
        let place = usize::try_from(self.below(count)).expect("a place within a list");
        &things[place]
    }

    /// A price from `least` to `most` whole currency units, small ones more often, as text.
    pub fn price(&mut self, least: u64, most: u64) -> String {
        let span = most - least;
        let whole = least + self.below(span) * self.below(span) / span;
        let cents = *self.pick(&["00", "00", "90", "50", "99"]);
        format!("{whole}.{cents}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_prices() {
        let prices = |seed| {
            let mut chance = Chance::new(seed);
            (0..20).map(|_| chance.price(100, 5_000)).collect::<Vec<_>>()
        };
        assert_eq!(prices(7), prices(7));
        assert_ne!(prices(7), prices(8));
    }

    #[test]
    fn a_number_stays_between_its_bounds() {
        let mut chance = Chance::new(1);
        assert!((0..1_000).all(|_| (3..=5).contains(&chance.between(3, 5))));
    }
}
