//! Disputes, and what was done in them.

use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::StoreError;
use super::connection::Database;
use super::names::NameHash;
use super::rows::{read_json, write_json};
use super::schema::{dispute_events, disputes};
use crate::domain::adjustment::DisputeId;
use crate::domain::ids::PartyId;
use crate::domain::reconciliation::dispute::case::Case;
use crate::domain::time::Instant;

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeRow {
    /// Its id.
    pub id: DisputeId,
    /// What it is about, and where it stands.
    pub case: Case,
}

type Row = (i64, String);

fn dispute_of((id, content): Row) -> Result<DisputeRow, StoreError> {
    Ok(DisputeRow { id: DisputeId(id), case: read_json(&content, "a dispute")? })
}

/// Something that was done in a dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeEvent {
    /// When.
    pub at: Instant,
    /// For whom.
    pub side: String,
    /// Who.
    pub author: String,
    /// The word for it.
    pub action: String,
    /// What was said, as JSON.
    pub content: String,
}

/// What somebody does in a dispute.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// When.
    pub at: Instant,
    /// For whom.
    pub side: &'static str,
    /// Who.
    pub author: &'a str,
    /// The word for it.
    pub action: &'a str,
    /// What is said, as JSON.
    pub content: &'a str,
    /// The hash of the request's key.
    pub request: &'a NameHash,
}

/// Opens a dispute. Gives back its id.
///
/// # Errors
/// If another writer took its number, or the database fails.
pub fn open(
    connection: &mut Database,
    case: &Case,
    step: &Step<'_>,
) -> Result<DisputeId, StoreError> {
    let last: Option<i64> =
        disputes::table.select(diesel::dsl::max(disputes::dispute)).first(connection)?;
    let id = DisputeId(last.unwrap_or(0) + 1);
    diesel::insert_into(disputes::table)
        .values((
            disputes::dispute.eq(id.0),
            disputes::party.eq(case.party.as_str()),
            disputes::state.eq(case.dispute.state.name()),
            disputes::due.eq(case.dispute.due.0),
            disputes::running.eq(true),
            disputes::unposted.eq(false),
            disputes::content.eq(write_json(case)),
        ))
        .execute(connection)?;
    record(connection, id, step)?;
    Ok(id)
}

/// A dispute by id.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut Database, id: DisputeId) -> Result<Option<DisputeRow>, StoreError> {
    let row: Option<Row> = disputes::table
        .find(id.0)
        .select((disputes::dispute, disputes::content))
        .first(connection)
        .optional()?;
    row.map(dispute_of).transpose()
}

/// Which disputes are asked for.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Only of this party.
    pub party: Option<PartyId>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only before this number.
    pub before: i64,
}

/// Up to `most` disputes, the newest first.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    which: &Which,
    most: i64,
) -> Result<Vec<DisputeRow>, StoreError> {
    let mut query = disputes::table
        .select((disputes::dispute, disputes::content))
        .filter(disputes::dispute.lt(which.before))
        .order(disputes::dispute.desc())
        .limit(most)
        .into_boxed();
    if let Some(party) = &which.party {
        query = query.filter(disputes::party.eq(party.as_str()));
    }
    if let Some(state) = &which.state {
        query = query.filter(disputes::state.eq(state));
    }
    let rows: Vec<Row> = query.load(connection)?;
    rows.into_iter().map(dispute_of).collect()
}

/// Whether something was done by a request with this key.
///
/// # Errors
/// If the database fails.
pub fn was_done(
    connection: &mut Database,
    request: &NameHash,
) -> Result<Option<DisputeId>, StoreError> {
    let found: Option<i64> = dispute_events::table
        .select(dispute_events::dispute)
        .filter(dispute_events::request.eq(request.as_slice()))
        .first(connection)
        .optional()?;
    Ok(found.map(DisputeId))
}

/// Takes a dispute from where it stood to where it stands now. `unposted`: an entry is due.
///
/// # Errors
/// If somebody else was faster, or the database fails.
pub fn advance(
    connection: &mut Database,
    before: &DisputeRow,
    (after, unposted): (&Case, bool),
    step: Option<&Step<'_>>,
) -> Result<(), StoreError> {
    let changed = diesel::update(
        disputes::table.find(before.id.0).filter(disputes::content.eq(write_json(&before.case))),
    )
    .set((
        disputes::state.eq(after.dispute.state.name()),
        disputes::running.eq(!after.dispute.state.is_final()),
        disputes::unposted.eq(unposted),
        disputes::content.eq(write_json(after)),
    ))
    .execute(connection)?;
    if changed == 0 {
        return Err(StoreError::Conflict(DieselError::RollbackTransaction));
    }
    step.map_or(Ok(()), |step| record(connection, before.id, step))
}

fn record(connection: &mut Database, id: DisputeId, step: &Step<'_>) -> Result<(), StoreError> {
    let place: i64 = dispute_events::table
        .filter(dispute_events::dispute.eq(id.0))
        .count()
        .get_result(connection)?;
    diesel::insert_into(dispute_events::table)
        .values((
            dispute_events::dispute.eq(id.0),
            dispute_events::place.eq(place + 1),
            dispute_events::at.eq(step.at.0),
            dispute_events::side.eq(step.side),
            dispute_events::author.eq(step.author),
            dispute_events::action.eq(step.action),
            dispute_events::content.eq(step.content),
            dispute_events::request.eq(step.request.as_slice()),
        ))
        .execute(connection)?;
    Ok(())
}

/// What was done in a dispute, in its order.
///
/// # Errors
/// If the database fails.
pub fn events(connection: &mut Database, id: DisputeId) -> Result<Vec<DisputeEvent>, StoreError> {
    let rows: Vec<(i64, String, String, String, String)> = dispute_events::table
        .select((
            dispute_events::at,
            dispute_events::side,
            dispute_events::author,
            dispute_events::action,
            dispute_events::content,
        ))
        .filter(dispute_events::dispute.eq(id.0))
        .order(dispute_events::place)
        .load(connection)?;
    let event = |(at, side, author, action, content)| DisputeEvent {
        at: Instant(at),
        side,
        author,
        action,
        content,
    };
    Ok(rows.into_iter().map(event).collect())
}

/// Disputes that are not over although their time is.
///
/// # Errors
/// If the database fails.
pub fn overdue(
    connection: &mut Database,
    now: Instant,
    most: i64,
) -> Result<Vec<DisputeRow>, StoreError> {
    let rows: Vec<Row> = disputes::table
        .select((disputes::dispute, disputes::content))
        .filter(disputes::running)
        .filter(disputes::due.le(now.0))
        .order(disputes::due)
        .limit(most)
        .load(connection)?;
    rows.into_iter().map(dispute_of).collect()
}

/// Disputes that are not over, and those whose time was not over before an instant, in order.
///
/// # Errors
/// If the database fails.
pub fn standing_since(
    connection: &mut Database,
    since: Instant,
) -> Result<Vec<DisputeRow>, StoreError> {
    let rows: Vec<Row> = disputes::table
        .select((disputes::dispute, disputes::content))
        .filter(disputes::running.or(disputes::due.ge(since.0)))
        .order(disputes::dispute)
        .load(connection)?;
    rows.into_iter().map(dispute_of).collect()
}

/// Disputes for which an entry is due that is not posted yet.
///
/// # Errors
/// If the database fails.
pub fn unposted(connection: &mut Database, most: i64) -> Result<Vec<DisputeId>, StoreError> {
    let rows: Vec<i64> = disputes::table
        .select(disputes::dispute)
        .filter(disputes::unposted)
        .order(disputes::dispute)
        .limit(most)
        .load(connection)?;
    Ok(rows.into_iter().map(DisputeId).collect())
}
