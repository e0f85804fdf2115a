//! Deliveries: events that are sent to an endpoint, with their attempts.
//!
//! Who sends takes a lease of rows: nobody else sends them until it ends. What came of a call is
//! written only by who still has the lease.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend, of_index};
use super::save::ROWS_PER_STATEMENT;
use super::schema::deliveries;
use crate::domain::time::Instant;

/// Waits for its next call.
pub const PENDING: &str = "pending";
/// Arrived.
pub const DELIVERED: &str = "delivered";
/// Was tried as often as it is.
pub const DEAD: &str = "dead";

/// Makes the deliveries of a query pending again, as if they had never been tried.
macro_rules! begin_anew {
    ($connection:expr, $rows:expr, $due:expr) => {
        diesel::update($rows)
            .set((
                deliveries::state.eq(PENDING),
                deliveries::attempts.eq(0_i64),
                deliveries::due_at.eq($due),
                deliveries::leased_until.eq(0_i64),
                deliveries::ended_at.eq(None::<i64>),
                deliveries::status.eq(None::<i64>),
                deliveries::error.eq(None::<String>),
            ))
            .execute($connection)?
    };
}

/// A delivery's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = deliveries, treat_none_as_default_value = false)]
pub struct DeliveryRow {
    /// To which endpoint.
    pub webhook: i64,
    /// The event's id.
    pub event: String,
    /// The event's type.
    pub kind: String,
    /// The bytes that are sent.
    pub body: String,
    /// `pending`, `delivered` or `dead`.
    pub state: String,
    /// When the event became a delivery.
    pub made_at: i64,
    /// Calls so far.
    pub attempts: i64,
    /// When the next call is due.
    pub due_at: i64,
    /// Until when somebody is about to call.
    pub leased_until: i64,
    /// When it arrived or was given up.
    pub ended_at: Option<i64>,
    /// The status of the last answer.
    pub status: Option<i64>,
    /// Why the last call failed.
    pub error: Option<String>,
}

impl DeliveryRow {
    /// A new one, due at once.
    pub fn new(webhook: i64, (event, kind): (String, String), body: String, now: Instant) -> Self {
        Self {
            webhook,
            event,
            kind,
            body,
            state: PENDING.to_owned(),
            made_at: now.0,
            attempts: 0,
            due_at: now.0,
            leased_until: 0,
            ended_at: None,
            status: None,
            error: None,
        }
    }
}

/// Adds deliveries; those that are there stay as they are.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, rows: &[DeliveryRow]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(deliveries::table)
                .values(rows)
                .on_conflict_do_nothing()
                .execute(one)
        })?;
    }
    Ok(())
}

/// Adds deliveries, and begins anew with those that are there and have ended.
///
/// # Errors
/// If the database fails.
pub fn add_again(connection: &mut Database, rows: &[DeliveryRow]) -> Result<(), StoreError> {
    add(connection, rows)?;
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let Some(first) = rows.first() else { continue };
        let events: Vec<&str> = rows.iter().map(|row| row.event.as_str()).collect();
        let ended = deliveries::table
            .filter(deliveries::webhook.eq(first.webhook))
            .filter(deliveries::event.eq_any(events))
            .filter(deliveries::state.ne(PENDING));
        begin_anew!(connection, ended, first.due_at);
    }
    Ok(())
}

/// Begins anew with all deliveries of an endpoint that were given up. Gives back how many.
///
/// # Errors
/// If the database fails.
pub fn again_if_dead(
    connection: &mut Database,
    webhook: i64,
    now: Instant,
) -> Result<usize, StoreError> {
    let dead = deliveries::table
        .filter(deliveries::webhook.eq(webhook))
        .filter(deliveries::state.eq(DEAD));
    Ok(begin_anew!(connection, dead, now.0))
}

/// Whether a call of an endpoint is due.
///
/// # Errors
/// If the database fails.
pub fn is_due(connection: &mut Database, webhook: i64, now: Instant) -> Result<bool, StoreError> {
    let due: Option<i64> = deliveries::table
        .select(deliveries::due_at)
        .filter(deliveries::webhook.eq(webhook))
        .filter(of_index("state = 'pending'"))
        .filter(deliveries::due_at.le(now.0))
        .filter(deliveries::leased_until.le(now.0))
        .order(deliveries::due_at)
        .first(connection)
        .optional()?;
    Ok(due.is_some())
}

/// Takes a lease of deliveries that are due, in the open transaction.
///
/// # Errors
/// If the database fails.
pub fn lease(
    connection: &mut Database,
    webhook: i64,
    (now, until): (Instant, Instant),
    limit: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let query = deliveries::table
        .select(deliveries::all_columns)
        .filter(deliveries::webhook.eq(webhook))
        .filter(of_index("state = 'pending'"))
        .filter(deliveries::due_at.le(now.0))
        .filter(deliveries::leased_until.le(now.0))
        .order(deliveries::due_at)
        .limit(limit);
    let rows: Vec<DeliveryRow> = match connection {
        Database::Postgres(one) => query.for_update().skip_locked().load(one)?,
        Database::Sqlite(one) => query.load(one)?,
    };
    let events: Vec<&str> = rows.iter().map(|row| row.event.as_str()).collect();
    diesel::update(
        deliveries::table
            .filter(deliveries::webhook.eq(webhook))
            .filter(deliveries::event.eq_any(events)),
    )
    .set(deliveries::leased_until.eq(until.0))
    .execute(connection)?;
    Ok(rows.into_iter().map(|row| DeliveryRow { leased_until: until.0, ..row }).collect())
}

/// Writes what came of a call, and gives the lease back, if it is still the caller's. Gives back
/// whether it was.
///
/// # Errors
/// If the database fails.
pub fn finish(
    connection: &mut Database,
    row: &DeliveryRow,
    leased_until: i64,
) -> Result<bool, StoreError> {
    let own = deliveries::table
        .filter(deliveries::webhook.eq(row.webhook))
        .filter(deliveries::event.eq(&row.event))
        .filter(deliveries::leased_until.eq(leased_until));
    let written = diesel::update(own)
        .set((
            deliveries::state.eq(&row.state),
            deliveries::attempts.eq(row.attempts),
            deliveries::due_at.eq(row.due_at),
            deliveries::leased_until.eq(0),
            deliveries::ended_at.eq(row.ended_at),
            deliveries::status.eq(row.status),
            deliveries::error.eq(&row.error),
        ))
        .execute(connection)?;
    Ok(written == 1)
}

/// Whether at least so many deliveries of an endpoint wait.
///
/// # Errors
/// If the database fails.
pub fn wait_at_least(
    connection: &mut Database,
    webhook: i64,
    count: i64,
) -> Result<bool, StoreError> {
    let last: Option<i64> = deliveries::table
        .select(deliveries::due_at)
        .filter(deliveries::webhook.eq(webhook))
        .filter(deliveries::state.eq(PENDING))
        .offset(count - 1)
        .limit(1)
        .first(connection)
        .optional()?;
    Ok(last.is_some())
}

/// Deliveries of an endpoint in a state, the oldest first, after a place.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    (webhook, state): (i64, &str),
    after: Option<(i64, String)>,
    limit: i64,
) -> Result<Vec<DeliveryRow>, StoreError> {
    let mut query = deliveries::table
        .select(DeliveryRow::as_select())
        .filter(deliveries::webhook.eq(webhook))
        .filter(deliveries::state.eq(state.to_owned()))
        .order((deliveries::made_at, deliveries::event))
        .limit(limit)
        .into_boxed();
    if let Some((at, event)) = after {
        let same = deliveries::made_at.eq(at).and(deliveries::event.gt(event));
        query = query.filter(deliveries::made_at.gt(at).or(same));
    }
    Ok(query.load(connection)?)
}

/// Forgets what arrived before one instant, and what was given up before another.
///
/// # Errors
/// If the database fails.
pub fn forget(
    connection: &mut Database,
    (delivered, dead): (Instant, Instant),
) -> Result<(), StoreError> {
    for (state, before) in [(DELIVERED, delivered), (DEAD, dead)] {
        diesel::delete(
            deliveries::table
                .filter(deliveries::state.eq(state))
                .filter(deliveries::ended_at.lt(before.0)),
        )
        .execute(connection)?;
    }
    Ok(())
}
