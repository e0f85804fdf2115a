//! Persons and their personal names: sealed before they come here, opened after they left.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::load::KEYS_PER_STATEMENT;
use super::save::ROWS_PER_STATEMENT;
use super::schema::{member_names, personal_names, persons};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::person::{Source, Stage};
use crate::domain::time::Instant;

/// A person's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = persons, treat_none_as_default_value = false)]
pub struct PersonRow {
    /// Whose.
    pub member: i64,
    /// The person's key, sealed under the vault's; none: nothing was sealed, or it is gone.
    pub sealed_key: Option<Vec<u8>>,
    /// The profile, sealed under the person's key.
    pub sealed: Option<Vec<u8>>,
    /// Where they enrolled.
    pub source: String,
    /// Who enrolled them.
    pub party: String,
    /// How far they are a member.
    pub stage: String,
    /// The city, for audiences.
    pub city: Option<String>,
    /// When they enrolled.
    pub created_at: i64,
    /// When anything of this changed.
    pub changed_at: i64,
    /// When they were erased.
    pub erased_at: Option<i64>,
}

/// A personal name's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = personal_names, treat_none_as_default_value = false)]
pub struct PersonalNameRow {
    /// The hash of the name.
    pub name_hash: Vec<u8>,
    /// The member to whom it was given, under whose key it is sealed.
    pub person: i64,
    /// The name, sealed.
    pub sealed: Vec<u8>,
    /// Who gave it.
    pub party: String,
    /// When.
    pub given_at: i64,
    /// When it was shown to be theirs.
    pub verified_at: Option<i64>,
}

/// Reads persons.
///
/// # Errors
/// If the database fails.
pub fn load(
    connection: &mut Database,
    members: &[i64],
) -> Result<BTreeMap<MemberId, PersonRow>, StoreError> {
    let mut found = BTreeMap::new();
    for ids in members.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<PersonRow> = each_backend!(connection, |one| {
            persons::table
                .select(PersonRow::as_select())
                .filter(persons::member.eq_any(ids))
                .load(one)
        })?;
        found.extend(rows.into_iter().map(|row| (MemberId(row.member), row)));
    }
    Ok(found)
}

impl PersonRow {
    /// A person of whom nothing is known yet.
    pub fn new(
        member: MemberId,
        (source, party): (Source, &PartyId),
        stage: Stage,
        at: Instant,
    ) -> Self {
        Self {
            member: member.0,
            sealed_key: None,
            sealed: None,
            source: source.name().to_owned(),
            party: party.to_string(),
            stage: stage.name().to_owned(),
            city: None,
            created_at: at.0,
            changed_at: at.0,
            erased_at: None,
        }
    }
}

/// Locks and reads a person; a member of earlier days gets this row. Of two who make it at once the
/// second finds that of the first, with its key.
///
/// # Errors
/// If the database fails.
pub fn lock_or_make(connection: &mut Database, new: &PersonRow) -> Result<PersonRow, StoreError> {
    let member = MemberId(new.member);
    if let Some(row) = lock(connection, &[new.member])?.remove(&member) {
        return Ok(row);
    }
    each_backend!(connection, |one| {
        diesel::insert_into(persons::table)
            .values(new)
            .on_conflict(persons::member)
            .do_nothing()
            .execute(one)
    })?;
    let made = lock(connection, &[new.member])?.remove(&member);
    made.ok_or_else(|| StoreError::Damaged(format!("the person of {member}")))
}

/// Locks and reads persons, in the order that all writers keep.
///
/// # Errors
/// If the database fails.
pub fn lock(
    connection: &mut Database,
    members: &[i64],
) -> Result<BTreeMap<MemberId, PersonRow>, StoreError> {
    let mut found = BTreeMap::new();
    let mut members = members.to_vec();
    members.sort_unstable();
    for ids in members.chunks(KEYS_PER_STATEMENT) {
        let query = persons::table
            .select(persons::all_columns)
            .filter(persons::member.eq_any(ids))
            .order(persons::member);
        let rows: Vec<PersonRow> = match connection {
            Database::Postgres(one) => query.for_update().load(one)?,
            Database::Sqlite(one) => query.load(one)?,
        };
        found.extend(rows.into_iter().map(|row| (MemberId(row.member), row)));
    }
    Ok(found)
}

/// Which of some members are unconfirmed.
///
/// # Errors
/// If the database fails.
pub fn unconfirmed(
    connection: &mut Database,
    members: &[i64],
) -> Result<Vec<MemberId>, StoreError> {
    let mut found = Vec::new();
    for ids in members.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<i64> = each_backend!(connection, |one| {
            persons::table
                .select(persons::member)
                .filter(persons::stage.eq("unconfirmed"))
                .filter(persons::member.eq_any(ids))
                .load(one)
        })?;
        found.extend(rows.into_iter().map(MemberId));
    }
    Ok(found)
}

/// Saves persons as they are now: new ones, and those that are locked.
///
/// # Errors
/// If the database fails.
pub fn save(connection: &mut Database, rows: &[&PersonRow]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        let rows: Vec<PersonRow> = rows.iter().map(|row| (*row).clone()).collect();
        each_backend!(connection, |one| {
            diesel::insert_into(persons::table)
                .values(&rows)
                .on_conflict(persons::member)
                .do_update()
                .set((
                    persons::sealed_key.eq(excluded(persons::sealed_key)),
                    persons::sealed.eq(excluded(persons::sealed)),
                    persons::source.eq(excluded(persons::source)),
                    persons::party.eq(excluded(persons::party)),
                    persons::stage.eq(excluded(persons::stage)),
                    persons::city.eq(excluded(persons::city)),
                    persons::changed_at.eq(excluded(persons::changed_at)),
                    persons::erased_at.eq(excluded(persons::erased_at)),
                ))
                .execute(one)
        })?;
    }
    Ok(())
}

/// Adds personal names.
///
/// # Errors
/// If one is taken, or the database fails.
pub fn add_names(connection: &mut Database, rows: &[PersonalNameRow]) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(personal_names::table).values(rows).execute(one)
        })?;
    }
    Ok(())
}

/// Marks names as shown to be theirs, unless they are.
///
/// # Errors
/// If the database fails.
pub fn verify_names(
    connection: &mut Database,
    hashes: &[Vec<u8>],
    at: Instant,
) -> Result<(), StoreError> {
    for hashes in hashes.chunks(KEYS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            let of = personal_names::table
                .filter(personal_names::name_hash.eq_any(hashes))
                .filter(personal_names::verified_at.is_null());
            diesel::update(of).set(personal_names::verified_at.eq(at.0)).execute(one)
        })?;
    }
    Ok(())
}

/// A phone was shown to be its member's: marks it, and makes a member of who waited for that. Gives
/// back the member, if the phone is known.
///
/// # Errors
/// If the database fails.
pub fn confirm(
    connection: &mut Database,
    hash: &[u8],
    at: Instant,
) -> Result<Option<MemberId>, StoreError> {
    verify_names(connection, &[hash.to_vec()], at)?;
    let member = member_of(connection, hash)?;
    if let Some(member) = member {
        let waiting = persons::table.find(member.0).filter(persons::stage.eq("unconfirmed"));
        diesel::update(waiting)
            .set((persons::stage.eq("member"), persons::changed_at.eq(at.0)))
            .execute(connection)?;
    }
    Ok(member)
}

/// The member of a name's hash.
///
/// # Errors
/// If the database fails.
pub fn member_of(connection: &mut Database, hash: &[u8]) -> Result<Option<MemberId>, StoreError> {
    let member: Option<i64> =
        member_names::table.find(hash).select(member_names::member).first(connection).optional()?;
    Ok(member.map(MemberId))
}

/// A name of a member as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredName {
    /// The party of an external id.
    pub party: Option<String>,
    /// The name; of a personal one only the form.
    pub name: String,
    /// A personal name, sealed.
    pub personal: Option<PersonalNameRow>,
}

/// The most names of a member that are read.
pub const NAMES_READ_MAX: i64 = 1_000;

/// The names of a member.
///
/// # Errors
/// If the database fails.
pub fn names_of(
    connection: &mut Database,
    member: MemberId,
) -> Result<Vec<StoredName>, StoreError> {
    let names: Vec<(Vec<u8>, Option<String>, String)> = member_names::table
        .select((member_names::name_hash, member_names::party, member_names::name))
        .filter(member_names::member.eq(member.0))
        .order((member_names::name, member_names::name_hash))
        .limit(NAMES_READ_MAX)
        .load(connection)?;
    let hashes: Vec<&[u8]> = names.iter().map(|(hash, ..)| hash.as_slice()).collect();
    let personal: Vec<PersonalNameRow> = each_backend!(connection, |one| {
        personal_names::table
            .select(PersonalNameRow::as_select())
            .filter(personal_names::name_hash.eq_any(hashes))
            .load(one)
    })?;
    let mut by_hash: BTreeMap<Vec<u8>, PersonalNameRow> =
        personal.into_iter().map(|row| (row.name_hash.clone(), row)).collect();
    let stored = names.into_iter().map(|(hash, party, name)| {
        let personal = by_hash.remove(&hash);
        StoredName { party, name, personal }
    });
    Ok(stored.collect())
}
