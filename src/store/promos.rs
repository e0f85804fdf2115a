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
    type Granted = (String, String, Option<i64>, i64, i64, String);
    // A lot is with whom its member is now, also after a merge.
    let granted: Vec<Granted> = lots::table
        .inner_join(promos::table.on(promos::lot.eq(lots::lot.nullable())))
        .inner_join(campaigns::table.on(campaigns::campaign.eq(promos::campaign)))
        .select((
            promos::campaign,
            promos::arm,
            promos::granted_at,
            lots::remaining,
            lots::expires_at,
            campaigns::document,
        ))
        .filter(lots::member.eq(member.0))
        .filter(lots::programme.eq(programme.as_str()))
        .filter(lots::live)
        .filter(lots::remaining.gt(0))
        .filter(lots::expires_at.gt(now.0))
        .order(lots::expires_at)
        .limit(PROMOS_MAX)
        .load(connection)?;
    let live =
        granted.into_iter().map(|(campaign, arm, granted_at, left, expires_at, document)| {
            LivePromo {
                campaign,
                document,
                arm,
                left: Points(left),
                expires_at: Instant(expires_at),
                granted_at: Instant(granted_at.unwrap_or_default()),
            }
        });
    Ok(live.collect())
}
