//! Counting the journal: what segments and reports know of members.

use crate::domain::campaign::segment::DAYS_MAX;
use crate::domain::time::Day;
use crate::engine::Engine;
use crate::store::{Database, StoreError, Use, campaigns, dialect, member_stats};

/// Rows that are forgotten in one commit.
const ROWS_AT_ONCE: i64 = 2_000;

/// Days for which what was bought is remembered.
const PRODUCT_DAYS: u32 = 2 * DAYS_MAX;

/// Counts all transactions that were recorded before this was called.
///
/// # Errors
/// If the database fails.
pub fn catch_up(engine: &Engine) -> Result<(), StoreError> {
    let mut left = engine.read(member_stats::behind)?;
    if left == 0 {
        return Ok(());
    }
    let mut database = engine.open(Use::Write)?;
    while left > 0 {
        if !count_some(engine, &mut database)? {
            return Ok(());
        }
        left = left.min(member_stats::behind(&mut database)?);
    }
    Ok(())
}

/// Counts some, so that the next one who asks waits less; without campaigns nobody asks.
///
/// # Errors
/// If the database fails.
pub fn keep_up(engine: &Engine) -> Result<(), StoreError> {
    /// Commits of one look, so that other jobs get their turn.
    const COMMITS: usize = 5;
    let is_needed =
        engine.read(|one| Ok(campaigns::are_any(one)? && member_stats::behind(one)? > 0))?;
    if !is_needed {
        return Ok(());
    }
    let mut database = engine.open(Use::Write)?;
    for _ in 0..COMMITS {
        if !count_some(engine, &mut database)? {
            break;
        }
    }
    Ok(())
}

fn count_some(engine: &Engine, database: &mut Database) -> Result<bool, StoreError> {
    let timeline = engine.timeline();
    dialect::begin(database)?;
    let counted = member_stats::count_some(database, timeline.latest());
    match counted {
        Ok(more) => {
            dialect::commit(database)?;
            Ok(more)
        }
        Err(error) => {
            dialect::roll_back(database)?;
            Err(error)
        }
    }
}

/// Forgets what no segment asks for any more.
///
/// # Errors
/// If the database fails.
pub fn forget(engine: &Engine, today: Day) -> Result<(), StoreError> {
    let before = (today.minus_days(DAYS_MAX + 1), today.minus_days(PRODUCT_DAYS));
    while engine.write::<_, StoreError>(|one| member_stats::forget(one, before, ROWS_AT_ONCE))? > 0
    {
    }
    Ok(())
}
