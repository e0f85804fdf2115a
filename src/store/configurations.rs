//! The configuration: every change, numbered and dated, and the server's own settings.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::rows::{read_json, write_json};
use super::schema::{configurations, settings};
use crate::domain::terms::Timeline;
use crate::domain::terms::coalition::Versioned;
use crate::domain::time::Instant;

/// All changes, oldest first.
///
/// # Errors
/// If the database fails, or a change can't be read.
pub fn load(connection: &mut Database) -> Result<Vec<Versioned>, StoreError> {
    let rows: Vec<(i64, i64, String)> = configurations::table
        .select((configurations::version, configurations::effective_at, configurations::change))
        .order(configurations::version)
        .load(connection)?;
    rows.into_iter()
        .map(|(version, effective_at, change)| {
            let change = read_json(&change, "a change of the configuration")?;
            Ok(Versioned { version, effective_at: Instant(effective_at), change })
        })
        .collect()
}

/// The configuration over time.
///
/// # Errors
/// If it is not set up, or can't be read.
pub fn load_timeline(connection: &mut Database) -> Result<Timeline, StoreError> {
    let changes = load(connection)?;
    Timeline::new(&changes).map_err(|invalid| StoreError::SetUp(invalid.to_string()))
}

/// Adds a change.
///
/// # Errors
/// If another writer took its number, or the database fails.
pub fn add(
    connection: &mut Database,
    change: &Versioned,
    recorded_at: Instant,
    author: &str,
) -> Result<(), StoreError> {
    diesel::insert_into(configurations::table)
        .values((
            configurations::version.eq(change.version),
            configurations::effective_at.eq(change.effective_at.0),
            configurations::recorded_at.eq(recorded_at.0),
            configurations::author.eq(author),
            configurations::change.eq(write_json(&change.change)),
        ))
        .execute(connection)?;
    Ok(())
}

/// One of the server's own settings.
///
/// # Errors
/// If the database fails.
pub fn setting(connection: &mut Database, name: &str) -> Result<Option<String>, StoreError> {
    let value = settings::table.find(name).select(settings::value).first(connection).optional()?;
    Ok(value)
}

/// Sets one of the server's own settings, unless it is there. Gives back what is there then.
///
/// # Errors
/// If the database fails.
pub fn set_once(connection: &mut Database, name: &str, value: &str) -> Result<String, StoreError> {
    each_backend!(connection, |one| {
        diesel::insert_into(settings::table)
            .values((settings::name.eq(name), settings::value.eq(value)))
            .on_conflict_do_nothing()
            .execute(one)
    })?;
    setting(connection, name)?.ok_or_else(|| StoreError::Damaged(format!("the setting {name}")))
}
