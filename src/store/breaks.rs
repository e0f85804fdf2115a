//! Breaks of reconciliations, and what becomes of them.

use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::names::NameHash;
use super::rows::{read_json, write_json};
use super::schema::{break_events, breaks, reconciliations};
use crate::domain::adjustment::ReconciliationId;
use crate::domain::ids::{PartyId, TransactionId};
use crate::domain::reconciliation::Break;
use crate::domain::reconciliation::handling::{Deed, Handling};
use crate::domain::time::Instant;

/// Rows a statement; SQLite takes at most 32,766 binds.
const ROWS_PER_STATEMENT: usize = 1_000;

/// A break, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakRow {
    /// The break.
    pub found: Break,
    /// Where it stands, and what more was said, as it is stored.
    pub handling: Stands,
    /// The entry that adjusts it.
    pub posted: Option<TransactionId>,
}

/// Where a break stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Stands {
    /// What was decided.
    #[serde(flatten)]
    pub handling: Handling,
    /// What the party owes by the adjustment, in minor units; below zero: what it gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owes: Option<i64>,
}

/// The word for where a break stands, or for a line that may yet come.
pub const fn state_of(one: &Break, handling: &Handling) -> &'static str {
    match handling {
        Handling::Open if one.class.is_pending() => "pending",
        Handling::Open => "open",
        Handling::Proposed { .. } => "proposed",
        Handling::Resolved { .. } => "resolved",
        Handling::Settled { .. } => "settled",
    }
}

#[derive(Insertable)]
#[diesel(table_name = breaks, treat_none_as_default_value = false)]
struct NewBreak {
    run: i64,
    number: i64,
    class: &'static str,
    state: &'static str,
    content: String,
    handling: String,
    unposted: bool,
}

/// Adds the breaks of a run.
pub(super) fn add(
    connection: &mut Database,
    run: ReconciliationId,
    all: &[(&Break, Handling)],
) -> Result<(), StoreError> {
    for some in all.chunks(ROWS_PER_STATEMENT) {
        let row = |(one, handling): &(&Break, Handling)| NewBreak {
            run: run.0,
            number: number_of(one.number),
            class: one.class.name(),
            state: state_of(one, handling),
            content: write_json(one),
            handling: write_json(&Stands { handling: handling.clone(), owes: None }),
            unposted: false,
        };
        let rows: Vec<NewBreak> = some.iter().map(row).collect();
        each_backend!(connection, |one| {
            diesel::insert_into(breaks::table).values(&rows).execute(one)
        })?;
    }
    Ok(())
}

fn number_of(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

type Row = (String, String, Option<i64>);

fn break_of((content, handling, posted): Row) -> Result<BreakRow, StoreError> {
    Ok(BreakRow {
        found: read_json(&content, "a break")?,
        handling: read_json(&handling, "where a break stands")?,
        posted: posted.map(TransactionId),
    })
}

/// Which breaks are asked for.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Only of this class.
    pub class: Option<String>,
    /// Only in this state.
    pub state: Option<String>,
    /// Only after this number.
    pub after: i64,
}

/// Up to `most` breaks of a run, in their order.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    run: ReconciliationId,
    which: &Which,
    most: i64,
) -> Result<Vec<BreakRow>, StoreError> {
    let mut query = breaks::table
        .select((breaks::content, breaks::handling, breaks::posted))
        .filter(breaks::run.eq(run.0))
        .filter(breaks::number.gt(which.after))
        .order(breaks::number)
        .limit(most)
        .into_boxed();
    if let Some(class) = &which.class {
        query = query.filter(breaks::class.eq(class));
    }
    if let Some(state) = &which.state {
        query = query.filter(breaks::state.eq(state));
    }
    let rows: Vec<Row> = query.load(connection)?;
    rows.into_iter().map(break_of).collect()
}

/// The runs of a party in which breaks ended.
///
/// # Errors
/// If the database fails.
pub fn runs_with_ends(
    connection: &mut Database,
    party: &PartyId,
) -> Result<Vec<ReconciliationId>, StoreError> {
    let ended = breaks::table
        .select(breaks::number)
        .filter(breaks::run.eq(reconciliations::run))
        .filter(breaks::state.eq("resolved"));
    let runs: Vec<i64> = reconciliations::table
        .select(reconciliations::run)
        .filter(reconciliations::party.eq(party.as_str()))
        .filter(diesel::dsl::exists(ended))
        .order(reconciliations::run)
        .load(connection)?;
    Ok(runs.into_iter().map(ReconciliationId).collect())
}

/// How many breaks of a run stand in each state.
///
/// # Errors
/// If the database fails.
pub fn count_by_state(
    connection: &mut Database,
    run: ReconciliationId,
) -> Result<Vec<(String, i64)>, StoreError> {
    let counts = breaks::table
        .filter(breaks::run.eq(run.0))
        .group_by(breaks::state)
        .select((breaks::state, diesel::dsl::count_star()))
        .order(breaks::state)
        .load(connection)?;
    Ok(counts)
}

/// A break of a run.
///
/// # Errors
/// If the database fails.
pub fn find(
    connection: &mut Database,
    run: ReconciliationId,
    number: u64,
) -> Result<Option<BreakRow>, StoreError> {
    let row: Option<Row> = breaks::table
        .find((run.0, number_of(number)))
        .select((breaks::content, breaks::handling, breaks::posted))
        .first(connection)
        .optional()?;
    row.map(break_of).transpose()
}

/// Whether something was done with a break by a request with this key.
///
/// # Errors
/// If the database fails.
pub fn was_done(connection: &mut Database, request: &NameHash) -> Result<bool, StoreError> {
    let found: i64 = break_events::table
        .filter(break_events::request.eq(request.as_slice()))
        .count()
        .get_result(connection)?;
    Ok(found > 0)
}

/// What somebody does with a break.
#[derive(Clone, Debug)]
pub struct Step<'a> {
    /// The word for it.
    pub action: &'static str,
    /// Who, when and why.
    pub deed: &'a Deed,
    /// The hash of the request's key.
    pub request: &'a NameHash,
    /// Whether an entry has to be posted for it.
    pub posts: bool,
}

/// Takes a break from where it stood to where it stands now, and remembers who did it.
///
/// # Errors
/// If somebody else was faster, or the database fails.
pub fn advance(
    connection: &mut Database,
    run: ReconciliationId,
    (before, after): (&BreakRow, &Stands),
    step: &Step<'_>,
) -> Result<(), StoreError> {
    let number = number_of(before.found.number);
    let changed = diesel::update(
        breaks::table
            .find((run.0, number))
            .filter(breaks::handling.eq(write_json(&before.handling))),
    )
    .set((
        breaks::state.eq(state_of(&before.found, &after.handling)),
        breaks::handling.eq(write_json(after)),
        breaks::unposted.eq(step.posts),
    ))
    .execute(connection)?;
    if changed == 0 {
        return Err(StoreError::Conflict(DieselError::RollbackTransaction));
    }
    let place: i64 = break_events::table
        .filter(break_events::run.eq(run.0))
        .filter(break_events::number.eq(number))
        .count()
        .get_result(connection)?;
    diesel::insert_into(break_events::table)
        .values((
            break_events::run.eq(run.0),
            break_events::number.eq(number),
            break_events::place.eq(place + 1),
            break_events::at.eq(step.deed.at.0),
            break_events::author.eq(&step.deed.by),
            break_events::action.eq(step.action),
            break_events::why.eq(&step.deed.why),
            break_events::request.eq(step.request.as_slice()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Links the entry that was posted for a break.
///
/// # Errors
/// If the database fails.
pub fn link(
    connection: &mut Database,
    run: ReconciliationId,
    number: u64,
    posted: TransactionId,
) -> Result<(), StoreError> {
    diesel::update(breaks::table.find((run.0, number_of(number))))
        .set((breaks::unposted.eq(false), breaks::posted.eq(posted.0)))
        .execute(connection)?;
    Ok(())
}

/// Breaks for which an entry is due that is not posted yet.
///
/// # Errors
/// If the database fails.
pub fn unposted(
    connection: &mut Database,
    most: i64,
) -> Result<Vec<(ReconciliationId, u64)>, StoreError> {
    let rows: Vec<(i64, i64)> = breaks::table
        .select((breaks::run, breaks::number))
        .filter(breaks::unposted)
        .order((breaks::run, breaks::number))
        .limit(most)
        .load(connection)?;
    let numbered = |(run, number)| Some((ReconciliationId(run), u64::try_from(number).ok()?));
    Ok(rows.into_iter().filter_map(numbered).collect())
}

/// Something that was done with a break: when, who, what, why.
pub type BreakEvent = (Instant, String, String, String);

/// What was done with a break, in its order.
///
/// # Errors
/// If the database fails.
pub fn events(
    connection: &mut Database,
    run: ReconciliationId,
    number: u64,
) -> Result<Vec<BreakEvent>, StoreError> {
    let rows: Vec<(i64, String, String, String)> = break_events::table
        .select((break_events::at, break_events::author, break_events::action, break_events::why))
        .filter(break_events::run.eq(run.0))
        .filter(break_events::number.eq(number_of(number)))
        .order(break_events::place)
        .load(connection)?;
    let event = |(at, author, action, why)| (Instant(at), author, action, why);
    Ok(rows.into_iter().map(event).collect())
}
