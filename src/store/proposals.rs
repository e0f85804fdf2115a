//! Proposals to join two profiles that may be one person.

use std::collections::HashSet;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::load::KEYS_PER_STATEMENT;
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

/// Adds proposals. Two who are proposed already, whichever of them stays, are not proposed again,
/// nor are two that were left apart.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, rows: &[ProposalRow]) -> Result<(), StoreError> {
    let members: Vec<i64> = rows.iter().flat_map(|row| [row.keep, row.gone]).collect();
    let mut known: HashSet<(i64, i64)> = HashSet::new();
    for members in members.chunks(KEYS_PER_STATEMENT) {
        let pairs: Vec<(i64, i64)> = each_backend!(connection, |one| {
            merge_proposals::table
                .select((merge_proposals::keep, merge_proposals::gone))
                .filter(merge_proposals::keep.eq_any(members))
                .filter(merge_proposals::state.eq_any(["open", "rejected", "undone"]))
                .load(one)
        })?;
        known.extend(pairs.into_iter().map(in_order));
    }
    let rows: Vec<&ProposalRow> =
        rows.iter().filter(|row| known.insert(in_order((row.keep, row.gone)))).collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let rows = rows.to_vec();
        each_backend!(connection, |one| {
            diesel::insert_into(merge_proposals::table)
                .values(rows)
                .on_conflict_do_nothing()
                .execute(one)
        })?;
    }
    Ok(())
}

/// Two members, whichever of them stays.
fn in_order((one, other): (i64, i64)) -> (i64, i64) {
    (one.min(other), one.max(other))
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

/// Writes down that the merge of an accepted proposal was undone, if one led to it.
///
/// # Errors
/// If the database fails.
pub fn undone(
    connection: &mut Database,
    merged_by: i64,
    at: Instant,
    by: &str,
) -> Result<(), StoreError> {
    let accepted = merge_proposals::table
        .filter(merge_proposals::state.eq("accepted"))
        .filter(merge_proposals::merged_by.eq(merged_by));
    diesel::update(accepted)
        .set((
            merge_proposals::state.eq("undone"),
            merge_proposals::decided_at.eq(at.0),
            merge_proposals::decided_by.eq(by),
        ))
        .execute(connection)?;
    Ok(())
}
