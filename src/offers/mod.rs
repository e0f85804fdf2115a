//! Offers at work: promo codes are redeemed, service centres compensate, baskets are followed up, past
//! receipts are granted for.
//!
//! All that gives points does it in the same way. What is given is written first, within its limits
//! and under a lock; then the grant goes through the engine, under a key and a reference that follow
//! from what was written; then it is noted. Whatever dies in between is done again by [`finish`],
//! without harm: the key answers for itself.

pub mod baskets;
pub mod compensation;
pub mod grant;
pub mod promo;
pub mod retro;

use crate::auth::vault::NamesKey;
use crate::domain::ids::MemberId;
use crate::domain::ledger::NamedBy;
use crate::domain::time::{Day, Instant};
use crate::engine::{Engine, EngineError};
use crate::store::{Database, StoreError, members, offers as store_offers};

/// What is done again in one look.
const AT_ONCE: i64 = 200;

/// How long the request that began something may take before somebody else finishes it, in
/// microseconds.
const GRACE_MICROS: i64 = 10_000_000;

/// Why something was not done. What was written stays and is finished later.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine did not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Finishes what was begun and not finished.
///
/// # Errors
/// If the database can't be read; what can't be finished stays for the next look.
pub fn finish(engine: &Engine, now: Instant) -> Result<(), OfferError> {
    let before = now.plus_micros(-GRACE_MICROS);
    promo::finish_all(engine, before)?;
    compensation::finish_all(engine, before)
}

/// Notes what could not be finished; the others are finished all the same.
fn note(what: &str, done: Result<(), OfferError>) {
    if let Err(error) = done {
        tracing::error!(%error, what, "this could not be finished and stays for the next look");
    }
}

/// Days for which baskets that nobody touches are kept.
const BASKET_DAYS: i64 = 100;

/// Days for which it is kept what service centres gave on a day or in a month.
const SUM_DAYS: i64 = 100;

/// Forgets what is over.
///
/// # Errors
/// If the database fails.
pub fn forget(database: &mut Database, now: Instant) -> Result<(), StoreError> {
    let day = 86_400_000_000;
    store_offers::baskets::forget_before(database, now.plus_micros(-day * BASKET_DAYS))?;
    let first = Day::from_number(now.0.div_euclid(day) - SUM_DAYS);
    store_offers::compensations::forget_sums(database, first)
}

/// The member of a name, as it is now.
fn member_of(
    database: &mut Database,
    key: &NamesKey,
    named: &NamedBy,
) -> Result<Option<MemberId>, StoreError> {
    let found = members::resolve(database, key, std::slice::from_ref(named))?;
    Ok(found.get(named).copied())
}
