//! Reconciliations: the parts of a list, and what comparing it found.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::rows::read_name;
use super::schema::{reconciliation_parts, reconciliations};
use crate::domain::adjustment::ReconciliationId;
use crate::domain::ids::PartyId;
use crate::domain::reconciliation::Break;
use crate::domain::reconciliation::handling::Handling;
use crate::domain::time::Instant;

/// Where a reconciliation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// Its list comes in.
    Receiving,
    /// It is compared.
    Running,
    /// It has a verdict.
    Done,
    /// Its list can't be read.
    Failed,
}

impl RunState {
    /// The word in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn named(name: &str) -> Result<Self, StoreError> {
        let all = [Self::Receiving, Self::Running, Self::Done, Self::Failed];
        let found = all.into_iter().find(|state| state.name() == name);
        found.ok_or_else(|| StoreError::Damaged(format!("the state of a reconciliation: {name}")))
    }
}

/// A reconciliation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: ReconciliationId,
    /// Whose list it is.
    pub party: PartyId,
    /// Where it stands.
    pub state: RunState,
    /// Who began it.
    pub author: String,
    /// When.
    pub created_at: Instant,
    /// What was asked for, as JSON.
    pub request: String,
    /// SHA-256 of the list, in hexadecimal.
    pub sha256: Option<String>,
    /// Bytes of the list.
    pub file_size: Option<i64>,
    /// Whether the list may be one that was seen before.
    pub may_repeat: bool,
    /// How often it was begun.
    pub attempt: i64,
    /// When it ended.
    pub finished_at: Option<Instant>,
    /// The one word for it.
    pub verdict: Option<String>,
    /// What it found, without the breaks, as JSON.
    pub outcome: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = reconciliations)]
struct Stored {
    run: i64,
    party: String,
    state: String,
    author: String,
    created_at: i64,
    request: String,
    sha256: Option<String>,
    file_size: Option<i64>,
    may_repeat: bool,
    attempt: i64,
    finished_at: Option<i64>,
    verdict: Option<String>,
    outcome: Option<String>,
}

impl Stored {
    fn into_row(self) -> Result<RunRow, StoreError> {
        Ok(RunRow {
            id: ReconciliationId(self.run),
            party: read_name(&self.party)?,
            state: RunState::named(&self.state)?,
            author: self.author,
            created_at: Instant(self.created_at),
            request: self.request,
            sha256: self.sha256,
            file_size: self.file_size,
            may_repeat: self.may_repeat,
            attempt: self.attempt,
            finished_at: self.finished_at.map(Instant),
            verdict: self.verdict,
            outcome: self.outcome,
        })
    }
}

/// Adds a reconciliation whose list is to come. Gives back its id.
///
/// # Errors
/// If another writer took its number, or the database fails.
pub fn create(
    connection: &mut Database,
    party: &PartyId,
    (author, at): (&str, Instant),
    request: &str,
) -> Result<ReconciliationId, StoreError> {
    let last: Option<i64> =
        reconciliations::table.select(diesel::dsl::max(reconciliations::run)).first(connection)?;
    let run = last.unwrap_or(0) + 1;
    diesel::insert_into(reconciliations::table)
        .values((
            reconciliations::run.eq(run),
            reconciliations::party.eq(party.as_str()),
            reconciliations::state.eq(RunState::Receiving.name()),
            reconciliations::author.eq(author),
            reconciliations::created_at.eq(at.0),
            reconciliations::request.eq(request),
            reconciliations::may_repeat.eq(false),
            reconciliations::attempt.eq(0_i64),
        ))
        .execute(connection)?;
    Ok(ReconciliationId(run))
}

/// A reconciliation by id.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut Database, id: ReconciliationId) -> Result<Option<RunRow>, StoreError> {
    let row: Option<Stored> = reconciliations::table
        .find(id.0)
        .select(Stored::as_select())
        .first(connection)
        .optional()?;
    row.map(Stored::into_row).transpose()
}

/// Up to `most` reconciliations before an id, the newest first; of one party, or of all.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    party: Option<&PartyId>,
    before: i64,
    most: i64,
) -> Result<Vec<RunRow>, StoreError> {
    let mut query = reconciliations::table
        .select(Stored::as_select())
        .filter(reconciliations::run.lt(before))
        .order(reconciliations::run.desc())
        .limit(most)
        .into_boxed();
    if let Some(party) = party {
        query = query.filter(reconciliations::party.eq(party.as_str()));
    }
    let rows: Vec<Stored> = query.load(connection)?;
    rows.into_iter().map(Stored::into_row).collect()
}

/// The reconciliations that are being compared, or were when a server died.
///
/// # Errors
/// If the database fails.
pub fn running(connection: &mut Database) -> Result<Vec<ReconciliationId>, StoreError> {
    let rows: Vec<i64> = reconciliations::table
        .select(reconciliations::run)
        .filter(reconciliations::state.eq(RunState::Running.name()))
        .order(reconciliations::run)
        .load(connection)?;
    Ok(rows.into_iter().map(ReconciliationId).collect())
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRow {
    /// Its number, from 1.
    pub part: i64,
    /// Its bytes.
    pub size: i64,
    /// SHA-256 of them, in hexadecimal.
    pub sha256: String,
}

/// The parts of a list that are there, in their order.
///
/// # Errors
/// If the database fails.
pub fn parts(connection: &mut Database, id: ReconciliationId) -> Result<Vec<PartRow>, StoreError> {
    let rows: Vec<(i64, i64, String)> = reconciliation_parts::table
        .select((
            reconciliation_parts::part,
            reconciliation_parts::part_size,
            reconciliation_parts::sha256,
        ))
        .filter(reconciliation_parts::run.eq(id.0))
        .order(reconciliation_parts::part)
        .load(connection)?;
    let row = |(part, size, sha256)| PartRow { part, size, sha256 };
    Ok(rows.into_iter().map(row).collect())
}

/// Keeps a part.
///
/// # Errors
/// If it is there, or the database fails.
pub fn add_part(
    connection: &mut Database,
    id: ReconciliationId,
    part: &PartRow,
    bytes: &[u8],
) -> Result<(), StoreError> {
    diesel::insert_into(reconciliation_parts::table)
        .values((
            reconciliation_parts::run.eq(id.0),
            reconciliation_parts::part.eq(part.part),
            reconciliation_parts::part_size.eq(part.size),
            reconciliation_parts::sha256.eq(&part.sha256),
            reconciliation_parts::bytes.eq(bytes),
        ))
        .execute(connection)?;
    Ok(())
}

/// The bytes of a part; none: it is not there.
///
/// # Errors
/// If the database fails.
pub fn part_bytes(
    connection: &mut Database,
    id: ReconciliationId,
    part: i64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let bytes = reconciliation_parts::table
        .find((id.0, part))
        .select(reconciliation_parts::bytes)
        .first(connection)
        .optional()?;
    Ok(bytes)
}

/// The reconciliation of a party that compared this file.
///
/// # Errors
/// If the database fails.
pub fn seen(
    connection: &mut Database,
    party: &PartyId,
    file_hash: &str,
) -> Result<Option<ReconciliationId>, StoreError> {
    let found: Option<i64> = reconciliations::table
        .select(reconciliations::run)
        .filter(reconciliations::party.eq(party.as_str()))
        .filter(reconciliations::file_hash.eq(file_hash))
        .first(connection)
        .optional()?;
    Ok(found.map(ReconciliationId))
}

/// What is known of a list that is whole.
#[derive(Clone, Copy, Debug)]
pub struct FileFacts<'a> {
    /// SHA-256 of it, in hexadecimal.
    pub sha256: &'a str,
    /// Its bytes.
    pub size: i64,
    /// Whether it may be one that was seen before.
    pub may_repeat: bool,
}

/// Begins a reconciliation whose list is there, or begins it again. Gives back which attempt it is;
/// none: it has ended.
///
/// # Errors
/// If the database fails.
pub fn begin(
    connection: &mut Database,
    id: ReconciliationId,
    file: &FileFacts<'_>,
) -> Result<Option<i64>, StoreError> {
    let open = [RunState::Receiving.name(), RunState::Running.name()];
    let changed = each_backend!(connection, |one| {
        diesel::update(
            reconciliations::table.find(id.0).filter(reconciliations::state.eq_any(open)),
        )
        .set((
            reconciliations::state.eq(RunState::Running.name()),
            reconciliations::sha256.eq(file.sha256),
            reconciliations::file_size.eq(file.size),
            reconciliations::may_repeat.eq(file.may_repeat),
            reconciliations::attempt.eq(reconciliations::attempt + 1),
        ))
        .execute(one)
    })?;
    if changed == 0 {
        return Ok(None);
    }
    let attempt =
        reconciliations::table.find(id.0).select(reconciliations::attempt).first(connection)?;
    Ok(Some(attempt))
}

/// How a reconciliation ends.
#[derive(Debug)]
pub struct Ending<'a> {
    /// Done or failed.
    pub state: RunState,
    /// When.
    pub at: Instant,
    /// The one word for it.
    pub verdict: Option<&'static str>,
    /// What it found, without the breaks, as JSON.
    pub outcome: String,
    /// The hash by which the list is known from now on; none: it may come again.
    pub file_hash: Option<&'a str>,
    /// The breaks and where they stand, and what may yet come.
    pub breaks: Vec<(&'a Break, Handling)>,
}

/// Ends an attempt: stores what it found and drops the list. Gives back whether it was the last
/// attempt; of two that compare the same, one stores.
///
/// # Errors
/// If a list with this hash was compared meanwhile, or the database fails.
pub fn finish(
    connection: &mut Database,
    id: ReconciliationId,
    attempt: i64,
    ending: &Ending<'_>,
) -> Result<bool, StoreError> {
    let changed = diesel::update(
        reconciliations::table
            .find(id.0)
            .filter(reconciliations::state.eq(RunState::Running.name()))
            .filter(reconciliations::attempt.eq(attempt)),
    )
    .set((
        reconciliations::state.eq(ending.state.name()),
        reconciliations::finished_at.eq(ending.at.0),
        reconciliations::verdict.eq(ending.verdict),
        reconciliations::outcome.eq(&ending.outcome),
        reconciliations::file_hash.eq(ending.file_hash),
    ))
    .execute(connection)?;
    if changed == 0 {
        return Ok(false);
    }
    super::breaks::add(connection, id, &ending.breaks)?;
    diesel::delete(reconciliation_parts::table.filter(reconciliation_parts::run.eq(id.0)))
        .execute(connection)?;
    Ok(true)
}
