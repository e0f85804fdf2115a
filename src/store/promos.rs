//! Who takes part in campaigns, and what they were granted.

use diesel::prelude::*;

use super::StoreError;
use super::connection::Database;
use super::schema::{campaigns, lots, promos};
use crate::domain::amount::Points;
use crate::domain::ids::{MemberId, ProgrammeId};
use crate::domain::time::Instant;

/// Promotions of one member that are looked at.
const PROMOS_MAX: i64 = 50;

/// A promotion of a member whose points are neither spent nor gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LivePromo {
    /// The campaign.
    pub campaign: String,
    /// The campaign as it was written.
    pub document: String,
    /// The member's group in it.
    pub arm: String,
    /// The points that are left.
    pub left: Points,
    /// From when on they are lost.
    pub expires_at: Instant,
    /// When they were granted.
    pub granted_at: Instant,
}

/// The promotions of a member in a programme that still give something, what expires first ahead.
///
/// # Errors
/// If the database fails.
pub fn live_of(
    connection: &mut Database,
    member: MemberId,
    programme: &ProgrammeId,
    now: Instant,
) -> Result<Vec<LivePromo>, StoreError> {
    type Granted = (String, String, Option<i64>, Option<i64>);
    let granted: Vec<Granted> = promos::table
        .select((promos::campaign, promos::arm, promos::lot, promos::granted_at))
        .filter(promos::member.eq(member.0))
        .filter(promos::programme.eq(programme.as_str()))
        .filter(promos::expires_at.gt(now.0))
        .filter(promos::lot.is_not_null())
        .order(promos::expires_at)
        .limit(PROMOS_MAX)
        .load(connection)?;
    let mut live = Vec::new();
    for (campaign, arm, lot, granted_at) in granted {
        let Some(lot) = lot else { continue };
        let left: Option<(i64, i64)> = lots::table
            .select((lots::remaining, lots::expires_at))
            .filter(lots::lot.eq(lot))
            .filter(lots::live)
            .first(connection)
            .optional()?;
        let Some((remaining, expires_at)) = left else { continue };
        if remaining <= 0 || expires_at <= now.0 {
            continue;
        }
        let document: String =
            campaigns::table.find(&campaign).select(campaigns::document).first(connection)?;
        live.push(LivePromo {
            campaign,
            document,
            arm,
            left: Points(remaining),
            expires_at: Instant(expires_at),
            granted_at: Instant(granted_at.unwrap_or_default()),
        });
    }
    Ok(live)
}
