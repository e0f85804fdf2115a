//! Saves members: those that a batch made, their names, and what merged ones became.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::save::ROWS_PER_STATEMENT;
use super::schema::{consents, member_names, members, moved_names};
use crate::domain::ids::MemberId;
use crate::domain::ledger::Ledger;

/// A member that a batch made, or a name that it gave.
#[derive(Debug, Clone)]
pub struct NewName {
    /// The hash of the name.
    pub hash: Vec<u8>,
    /// Whose name.
    pub member: MemberId,
    /// The party of an external id.
    pub party: Option<String>,
    /// The name; of a personal one only the form, since it is kept sealed elsewhere.
    pub name: String,
}

/// Members and names that a batch made.
#[derive(Debug, Default)]
pub struct NewMembers {
    /// Members.
    pub members: BTreeSet<MemberId>,
    /// Their names.
    pub names: Vec<NewName>,
    /// When.
    pub created_at: i64,
}

/// Saves what merged members became.
///
/// # Errors
/// If the database fails.
pub(super) fn save_merges(connection: &mut Database, ledger: &Ledger) -> Result<(), StoreError> {
    for (gone, kept) in &ledger.changes.merges {
        each_backend!(connection, |one| {
            let names = member_names::table
                .filter(member_names::member.eq(gone.0))
                .select((diesel::dsl::sql::<BigInt>(&gone.0.to_string()), member_names::name_hash));
            diesel::insert_into(moved_names::table)
                .values(names)
                .into_columns((moved_names::gone, moved_names::name_hash))
                .on_conflict_do_nothing()
                .execute(one)
        })?;
        // What was agreed to by one is agreed to by both; the latest word counts.
        each_backend!(connection, |one| {
            let agreed = consents::table.filter(consents::member.eq(gone.0)).select((
                diesel::dsl::sql::<BigInt>(&kept.0.to_string()),
                consents::purpose,
                consents::channel,
                consents::at,
                consents::given,
                consents::version,
                consents::party,
            ));
            diesel::insert_into(consents::table)
                .values(agreed)
                .into_columns((
                    consents::member,
                    consents::purpose,
                    consents::channel,
                    consents::at,
                    consents::given,
                    consents::version,
                    consents::party,
                ))
                .on_conflict_do_nothing()
                .execute(one)
        })?;
        diesel::update(members::table.find(gone.0))
            .set(members::merged_into.eq(kept.0))
            .execute(connection)?;
        diesel::update(member_names::table.filter(member_names::member.eq(gone.0)))
            .set(member_names::member.eq(kept.0))
            .execute(connection)?;
    }
    Ok(())
}

/// Saves that profiles are themselves again: the names that they brought are theirs, and so is what
/// they had agreed to.
///
/// # Errors
/// If the database fails.
pub(super) fn save_unmerges(connection: &mut Database, ledger: &Ledger) -> Result<(), StoreError> {
    for (gone, kept) in &ledger.changes.unmerges {
        let nobody: Option<i64> = None;
        diesel::update(members::table.find(gone.0))
            .set(members::merged_into.eq(nobody))
            .execute(connection)?;
        let brought: Vec<Vec<u8>> = moved_names::table
            .select(moved_names::name_hash)
            .filter(moved_names::gone.eq(gone.0))
            .load(connection)?;
        for hashes in brought.chunks(ROWS_PER_STATEMENT) {
            each_backend!(connection, |one| {
                let names = member_names::table
                    .filter(member_names::name_hash.eq_any(hashes))
                    .filter(member_names::member.eq(kept.0));
                diesel::update(names).set(member_names::member.eq(gone.0)).execute(one)
            })?;
        }
        diesel::delete(moved_names::table.filter(moved_names::gone.eq(gone.0)))
            .execute(connection)?;
        let brought: Vec<(String, String, i64)> = consents::table
            .select((consents::purpose, consents::channel, consents::at))
            .filter(consents::member.eq(gone.0))
            .load(connection)?;
        for (purpose, channel, at) in brought {
            diesel::delete(consents::table.find((kept.0, purpose, channel, at)))
                .execute(connection)?;
        }
    }
    Ok(())
}

/// Saves members and names that a batch made.
///
/// # Errors
/// If another writer gave one of the names meanwhile, or the database fails.
pub fn save_members(connection: &mut Database, new: &NewMembers) -> Result<(), StoreError> {
    let rows: Vec<_> = new
        .members
        .iter()
        .map(|member| {
            let none: Option<i64> = None;
            (
                members::member.eq(member.0),
                members::merged_into.eq(none),
                members::created_at.eq(new.created_at),
            )
        })
        .collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(members::table).values(rows).execute(one)
        })?;
    }
    let mut names: Vec<&NewName> = new.names.iter().collect();
    names.sort_by(|one, other| one.hash.cmp(&other.hash));
    let rows: Vec<_> = names
        .iter()
        .map(|one| {
            (
                member_names::name_hash.eq(one.hash.as_slice()),
                member_names::member.eq(one.member.0),
                member_names::party.eq(one.party.as_deref()),
                member_names::name.eq(one.name.as_str()),
            )
        })
        .collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(member_names::table).values(rows).execute(one)
        })?;
    }
    Ok(())
}
