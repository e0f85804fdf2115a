//! Which limits were told of, so that each is told once.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::schema::limit_notices;
use crate::domain::time::Instant;

/// A notice about a limit: whose, which, in which cycle, and which event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Notice {
    /// Whose limit.
    pub party: String,
    /// Which, as text.
    pub limit: String,
    /// The cycle in which it is told once; empty: once for ever.
    pub cycle: String,
    /// The event's type.
    pub event: &'static str,
}

/// Marks a notice as told, in the open transaction. Gives back whether it was not told before.
///
/// # Errors
/// If the database fails.
pub fn is_first(
    connection: &mut Database,
    notice: &Notice,
    at: Instant,
) -> Result<bool, StoreError> {
    let values = (
        limit_notices::party.eq(&notice.party),
        limit_notices::limit_name.eq(&notice.limit),
        limit_notices::cycle.eq(&notice.cycle),
        limit_notices::event.eq(notice.event),
        limit_notices::at.eq(at.0),
    );
    let added = each_backend!(connection, |one| {
        diesel::insert_into(limit_notices::table)
            .values(values)
            .on_conflict_do_nothing()
            .execute(one)
    })?;
    Ok(added > 0)
}

/// Forgets notices that were told before an instant.
///
/// # Errors
/// If the database fails.
pub fn forget_before(connection: &mut Database, before: Instant) -> Result<(), StoreError> {
    // That a pack was told of counts for as long as the pack.
    diesel::delete(
        limit_notices::table
            .filter(limit_notices::at.lt(before.0))
            .filter(limit_notices::cycle.ne("")),
    )
    .execute(connection)?;
    Ok(())
}
