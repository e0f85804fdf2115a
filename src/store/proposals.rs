//! Proposals to join two profiles that may be one person.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::save::ROWS_PER_STATEMENT;
use super::schema::merge_proposals;
use crate::domain::time::Instant;

/// A proposal's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = merge_proposals, treat_none_as_default_value = false)]
pub struct ProposalRow {
    /// Its number.
    pub proposal: i64,
    /// The profile that would stay.
    pub keep: i64,
    /// The profile that would go.
    pub gone: i64,
    /// What both are known by: `phone`, `email`, `external` or `card`.
    pub reason: String,
    /// Who brought it up.
    pub party: String,
    /// `open`, `accepted`, `rejected`, `undone` or `void`.
    pub state: String,
    /// When.
    pub created_at: i64,
    /// When it was decided.
    pub decided_at: Option<i64>,
    /// By whom.
    pub decided_by: Option<String>,
    /// The transaction that merged.
    pub merged_by: Option<i64>,
}

/// Adds proposals; one that is open already stands.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, rows: &[ProposalRow]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(merge_proposals::table)
                .values(rows)
                .on_conflict_do_nothing()
                .execute(one)
        })?;
    }
    Ok(())
}

/// A proposal.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut Database, proposal: i64) -> Result<Option<ProposalRow>, StoreError> {
    let row = merge_proposals::table
        .find(proposal)
        .select(ProposalRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row)
}

/// Proposals of a state, oldest first, after a place, at most so many.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    state: &str,
    after: Option<(i64, i64)>,
    limit: i64,
) -> Result<Vec<ProposalRow>, StoreError> {
    let mut query = merge_proposals::table
        .select(ProposalRow::as_select())
        .filter(merge_proposals::state.eq(state))
        .order((merge_proposals::created_at, merge_proposals::proposal))
        .limit(limit)
        .into_boxed();
    if let Some((at, proposal)) = after {
        let later = merge_proposals::created_at.gt(at);
        let beside = merge_proposals::created_at.eq(at).and(merge_proposals::proposal.gt(proposal));
        query = query.filter(later.or(beside));
    }
    Ok(query.load(connection)?)
}

/// A decision on a proposal.
#[derive(Clone, Debug)]
pub struct Verdict<'a> {
    /// The state that it has now.
    pub state: &'a str,
    /// When.
    pub at: Instant,
    /// By whom.
    pub by: &'a str,
    /// The transaction that merged.
    pub merged_by: Option<i64>,
}

/// Writes a decision down, if the proposal stands where whoever decides believes. Gives back
/// whether it did.
///
/// # Errors
/// If the database fails.
pub fn decide(
    connection: &mut Database,
    proposal: i64,
    from: &str,
    verdict: &Verdict<'_>,
) -> Result<bool, StoreError> {
    let there = merge_proposals::table.find(proposal).filter(merge_proposals::state.eq(from));
    let changed = diesel::update(there)
        .set((
            merge_proposals::state.eq(verdict.state),
            merge_proposals::decided_at.eq(verdict.at.0),
            merge_proposals::decided_by.eq(verdict.by),
            merge_proposals::merged_by.eq(verdict.merged_by),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}
