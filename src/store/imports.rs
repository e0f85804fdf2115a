//! How far files of members were read.

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::schema::member_imports;

/// A file's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = member_imports, treat_none_as_default_value = false)]
pub struct ImportRow {
    /// The name of the system that it is from.
    pub source: String,
    /// The hash of its bytes.
    pub file_hash: Vec<u8>,
    /// Rows that were read.
    pub lines: i64,
    /// What came of them, as JSON.
    pub report: String,
    /// When it was read to its end.
    pub finished_at: Option<i64>,
}

/// How far a file was read.
///
/// # Errors
/// If the database fails.
pub fn find(
    connection: &mut Database,
    source: &str,
    file_hash: &[u8],
) -> Result<Option<ImportRow>, StoreError> {
    let row = member_imports::table
        .find((source, file_hash))
        .select(ImportRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row)
}

/// Writes down how far a file was read.
///
/// # Errors
/// If the database fails.
pub fn save(connection: &mut Database, row: &ImportRow) -> Result<(), StoreError> {
    each_backend!(connection, |one| {
        diesel::insert_into(member_imports::table)
            .values(row)
            .on_conflict((member_imports::source, member_imports::file_hash))
            .do_update()
            .set((
                member_imports::lines.eq(excluded(member_imports::lines)),
                member_imports::report.eq(excluded(member_imports::report)),
                member_imports::finished_at.eq(excluded(member_imports::finished_at)),
            ))
            .execute(one)
    })?;
    Ok(())
}
