//! Reminders before points expire: `points.expiring`, once for each member, expiry and number of
//! days.
//!
//! All lots of a member that expire at one instant are one reminder. It is due at the beginning of the
//! local day that lies so many days before the last day of the points, if they could be spent then; lots
//! that are made later are not reminded of what has passed.

use serde_json::json;

use crate::domain::amount::Points;
use crate::domain::ids::ProgrammeId;
use crate::domain::terms::Programme;
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::store::outbox::{self, Fact};
use crate::store::reminders::{self, Cursor};
use crate::store::{Database, StoreError};

/// Members that are reminded in one commit.
const AT_ONCE: i64 = 2_000;

/// Tells of all points of which it is time to remind. Gives back how many reminders there were.
///
/// # Errors
/// If the database fails.
pub fn remind(engine: &Engine) -> Result<usize, StoreError> {
    let now = engine.clock().now();
    let timeline = engine.timeline();
    let coalition = timeline.at(now);
    let mut all = 0;
    for programme in coalition.programmes.values() {
        for &days in &programme.remind {
            if !is_any_due(engine, programme, (days, now))? {
                continue;
            }
            loop {
                let reminded =
                    engine.write(|database| remind_some(database, programme, (days, now)))?;
                match reminded {
                    None => break,
                    Some(count) => all += count,
                }
            }
        }
    }
    Ok(all)
}

/// The latest expiry of which it is time to remind: what is valid through the day so many days
/// from today.
fn latest(programme: &Programme, days: u32, now: Instant) -> Instant {
    programme.zone.end_of(programme.zone.day_of(now).plus_days(days))
}

fn is_any_due(
    engine: &Engine,
    programme: &Programme,
    (days, now): (u32, Instant),
) -> Result<bool, StoreError> {
    let until = latest(programme, days, now);
    engine.read(|database| {
        let cursor = reminders::peek(database, (&programme.id, days))?;
        Ok(cursor.is_none_or(|cursor| cursor.expires_at < until || cursor.member < i64::MAX))
    })
}

/// Reminds of one expiry, up to so many members. None: all are reminded.
fn remind_some(
    database: &mut Database,
    programme: &Programme,
    (days, now): (u32, Instant),
) -> Result<Option<usize>, StoreError> {
    let until = latest(programme, days, now);
    // A programme that is new to this is reminded of what is due today, not of what was before.
    let zone = &programme.zone;
    let from = zone.start_of(zone.day_of(now).plus_days(days));
    let key: (&ProgrammeId, u32) = (&programme.id, days);
    let mut cursor = reminders::lock(database, key, from)?;
    if cursor.member == i64::MAX {
        let next = reminders::next_expiry(database, &programme.id, (cursor.expires_at, until))?;
        let Some(next) = next else {
            if cursor.expires_at < until {
                let all = Cursor { expires_at: until, member: i64::MAX };
                reminders::save(database, key, all)?;
            }
            return Ok(None);
        };
        cursor = Cursor { expires_at: next, member: -1 };
    }
    // The local day on which the reminder fell due.
    let last_day = zone.day_of(cursor.expires_at.plus_micros(-1));
    let since = zone.start_of(last_day.minus_days(days));
    let asked = (&programme.id, cursor.expires_at, since.max(Instant(0)));
    let expiring = reminders::expiring(database, asked, cursor.member, AT_ONCE)?;
    let is_all = i64::try_from(expiring.len()).unwrap_or(AT_ONCE) < AT_ONCE;
    cursor.member =
        if is_all { i64::MAX } else { expiring.last().map_or(i64::MAX, |one| one.member.0) };
    reminders::save(database, key, cursor)?;
    // Lots of a past day are nothing to be reminded of.
    let facts: Vec<Fact> = expiring
        .iter()
        .filter(|_| now < cursor.expires_at)
        .map(|one| Fact {
            event: "points.expiring",
            party: None,
            programme: Some(programme.id.clone()),
            member: Some(one.member),
            data: json!({
                "points": Points(one.points).text(programme.scales.points),
                "days": days,
                "valid_through": last_day,
                "expires_at": cursor.expires_at,
            }),
        })
        .collect();
    outbox::add(database, now, &facts)?;
    Ok(Some(facts.len()))
}
