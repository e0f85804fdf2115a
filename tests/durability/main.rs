//! What must hold when a server is killed, when many ask at once, when two servers share a
//! database, and for every list of commands; and that these checks would notice if it did not.
//!
//! `COALITION_KILLS` is the number of kills on each database (25; the full run is 200),
//! `COALITION_CLOSING_SECONDS` is how long cycles are closed under load on each database (4; the full
//! run is 600), `COALITION_SEED` repeats a run's choices, and `COALITION_TEST_DATABASES` (`sqlite`, `postgres`)
//! leaves one database out.

mod balances;
#[cfg(feature = "faults")]
mod canaries;
mod closing;
mod commands;
mod contention;
mod kills;
mod load;
mod merging;
mod packs;
mod plans;
mod properties;
mod refunds;
mod support;
mod two_servers;
mod webhooks;
mod wire;
