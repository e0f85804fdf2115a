//! What campaigns do by themselves. Each of these may be called at any time, by several servers.

use super::{notices, reminders, run, stats};
use crate::domain::campaign::{CampaignDocument, CampaignState};
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::store::campaigns::{self, Which, passes};
use crate::store::rows::read_json;
use crate::store::{StoreError, dialect, notices as stored};

/// Campaigns that one look goes through.
const CAMPAIGNS_MAX: i64 = 1_000;

/// Commits of one look at notices.
const COMMITS: usize = 20;

/// Days for which notices are kept.
const NOTICE_DAYS: i64 = 400;

/// Rows that are forgotten in one commit.
const ROWS_AT_ONCE: i64 = 2_000;

/// Ends campaigns whose time is over; the campaigns whose run is due by their dates, or was left by a
/// server.
///
/// # Errors
/// If the database fails.
pub fn due(engine: &Engine) -> Result<Vec<String>, StoreError> {
    let now = engine.clock().now();
    let left_since = now.plus_micros(-run::LEFT_AFTER);
    let (running, mut left) = engine.read(|one| {
        let which = Which { state: Some(CampaignState::Running), ..Which::default() };
        let running = campaigns::list(one, &which, CAMPAIGNS_MAX)?;
        let mut left = passes::left_since(one, left_since)?;
        left.extend(passes::with_old_chunks(one, left_since)?);
        Ok((running, left))
    })?;
    for row in running {
        let document: CampaignDocument = read_json(&row.document, "a campaign")?;
        let (start, stop) = document.dates();
        if stop.is_some_and(|stop| stop <= now) {
            end(engine, &row.campaign, now)?;
        } else if start.is_some_and(|start| start <= now) {
            let is_new = engine.read(|one| Ok(passes::latest(one, &row.campaign)?.is_none()))?;
            left.extend(is_new.then_some(row.campaign));
        }
    }
    left.sort();
    left.dedup();
    Ok(left)
}

/// Ends a campaign: what has not gone out never does.
fn end(engine: &Engine, campaign: &str, now: Instant) -> Result<(), StoreError> {
    engine.write(|one| {
        let row = campaigns::lock(one, campaign)?;
        if row.is_some_and(|row| row.state().is_ok_and(|one| one == CampaignState::Running)) {
            campaigns::set_state(one, campaign, CampaignState::Ended, now)?;
            stored::cancel(one, campaign, notices::CAMPAIGN_STOPPED)?;
        }
        Ok(())
    })
}

/// Tells of notices that are due and of points that expire.
///
/// # Errors
/// If the database fails.
pub fn tell(engine: &Engine) -> Result<(), StoreError> {
    for _ in 0..COMMITS {
        if notices::tell(engine)? == 0 {
            break;
        }
    }
    reminders::remind(engine)?;
    Ok(())
}

/// Forgets what is too old to be asked for.
///
/// # Errors
/// If the database fails.
pub fn forget(engine: &Engine) -> Result<(), StoreError> {
    let now = engine.clock().now();
    let today = engine.timeline().at(now).zone.day_of(now);
    let before = now.plus_micros(-NOTICE_DAYS * 86_400_000_000);
    let month = today.with_day_of_month(1).minus_months(2);
    let mut database = engine.open(crate::store::Use::Write)?;
    loop {
        dialect::begin(&mut database)?;
        let gone = stored::forget(&mut database, (before, month), ROWS_AT_ONCE)?;
        dialect::commit(&mut database)?;
        if gone == 0 {
            break;
        }
    }
    stats::forget(engine, today)
}
