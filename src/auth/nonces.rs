//! Remembers the nonces of signed reads, so that a captured one cannot be sent again.
//!
//! Commands need no nonce: under the same idempotency key the same body gives the same answer and
//! does nothing, and another body is refused, so that a replay is harmless. A read has no
//! idempotency key, and its replay would show what has changed since.
//!
//! Memory is bounded: two generations of 64-bit hashes under a random key. A full generation turns
//! early, which shortens the memory and refuses nobody. What is remembered is lost with the
//! process.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::mem;
use std::sync::Mutex;

use crate::auth::signature::ACCEPTED_FOR_SECONDS;

/// The nonces that a generation holds unless told otherwise.
const GENERATION_ENTRIES_MAX: usize = 200_000;

/// The nonces seen as long as their signatures may be accepted, and up to twice as long.
#[derive(Debug)]
pub struct Nonces {
    hasher: RandomState,
    entries_max: usize,
    generations: Mutex<Generations>,
}

#[derive(Debug)]
struct Generations {
    /// When the current one began, in seconds since 1970.
    began: i64,
    current: HashSet<u64>,
    previous: HashSet<u64>,
}

impl Default for Nonces {
    /// Two generations of 200,000 nonces: about 5 MB when they are full.
    fn default() -> Self {
        Self::with_entries_max(GENERATION_ENTRIES_MAX)
    }
}

impl Nonces {
    /// Two generations of so many nonces each.
    pub fn with_entries_max(entries_max: usize) -> Self {
        let generations =
            Generations { began: i64::MIN, current: HashSet::new(), previous: HashSet::new() };
        Self { hasher: RandomState::new(), entries_max, generations: Mutex::new(generations) }
    }

    /// Whether this key has not used this nonce lately; it is remembered from now on.
    ///
    /// Ask only after the signature has been verified, or anybody could use up a partner's nonces.
    pub fn is_new(&self, key_id: &str, nonce: &str, now_unix: i64) -> bool {
        let hash = self.hasher.hash_one((key_id, nonce));
        let mut generations =
            self.generations.lock().expect("nothing panics while it holds the nonces");
        generations.turn_if_due(self.entries_max, now_unix);
        !generations.previous.contains(&hash) && generations.current.insert(hash)
    }
}

impl Generations {
    /// Begins a new generation when the current one is old enough or full; the sets keep their
    /// memory, so that a turn allocates nothing.
    fn turn_if_due(&mut self, entries_max: usize, now_unix: i64) {
        let is_old = self.began.saturating_add(ACCEPTED_FOR_SECONDS) <= now_unix;
        if is_old || entries_max <= self.current.len() {
            mem::swap(&mut self.current, &mut self.previous);
            self.current.clear();
            self.began = now_unix;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    const NOW: i64 = 1_720_598_400;

    #[test]
    fn a_nonce_is_new_once_for_each_key() {
        let nonces = Nonces::default();
        assert!(nonces.is_new("shop:1", "a", NOW));
        assert!(!nonces.is_new("shop:1", "a", NOW));
        assert!(nonces.is_new("shop:1", "b", NOW));
        assert!(nonces.is_new("shop:2", "a", NOW));
        // The parts are kept apart: neither of these is the other.
        assert!(nonces.is_new("shop:1a", "x", NOW));
        assert!(nonces.is_new("shop:1", "ax", NOW));
    }

    #[test]
    fn a_nonce_is_remembered_as_long_as_its_signature_is_accepted() {
        // From every second of a generation on, to the last second of acceptance.
        for offset in 0..=ACCEPTED_FOR_SECONDS {
            let nonces = Nonces::default();
            assert!(nonces.is_new("shop:1", "first", NOW));
            assert!(nonces.is_new("shop:1", "a", NOW + offset));
            for later in 0..=ACCEPTED_FOR_SECONDS {
                assert!(!nonces.is_new("shop:1", "a", NOW + offset + later), "{offset} {later}");
            }
        }
    }

    #[test]
    fn a_nonce_is_forgotten_after_two_generations() {
        let nonces = Nonces::default();
        assert!(nonces.is_new("shop:1", "a", NOW));
        assert!(nonces.is_new("shop:1", "b", NOW + ACCEPTED_FOR_SECONDS));
        assert!(nonces.is_new("shop:1", "a", NOW + 2 * ACCEPTED_FOR_SECONDS));
    }

    #[test]
    fn a_full_generation_turns_early() {
        let nonces = Nonces::with_entries_max(3);
        let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        for name in &names {
            assert!(nonces.is_new("shop:1", name, NOW));
            assert!(!nonces.is_new("shop:1", name, NOW));
        }
        let generations = nonces.generations.lock().expect("nobody panicked");
        assert!(generations.current.len() <= 3 && generations.previous.len() <= 3);
    }

    #[test]
    fn of_threads_that_send_one_nonce_a_single_one_is_let_through() {
        let nonces = Nonces::default();
        let let_through: usize = thread::scope(|scope| {
            let ask = || usize::from(nonces.is_new("shop:1", "a", NOW));
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().expect("the thread does not panic"))
                .sum()
        });
        assert_eq!(let_through, 1);
    }
}
