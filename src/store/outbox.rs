//! Facts that no transaction tells, for those who are told of events: written in the commit of what
//! they tell, read in the order of their sequence.
//!
//! The sequence has no gaps, and whoever sees a place sees all before it: its writers stand in line
//! at `outbox_head` until they commit.

use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use serde_json::Value;

use super::StoreError;
use super::connection::Database;
use super::rows::{read_json, write_json};
use super::save::ROWS_PER_STATEMENT;
use super::schema::{outbox, outbox_head};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId};
use crate::domain::time::Instant;

/// The only row of `outbox_head`.
const HEAD: i64 = 0;

/// A fact to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The event's type, such as `card.issued`.
    pub event: &'static str,
    /// Whom alone it is told; none: whoever may know of the programme and the member.
    pub party: Option<PartyId>,
    /// The programme that it is of.
    pub programme: Option<ProgrammeId>,
    /// Whose it is.
    pub member: Option<MemberId>,
    /// What is told; no personal data.
    pub data: Value,
}

/// A fact in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    /// Its place, from 1.
    pub seq: i64,
    /// When it came about.
    pub at: Instant,
    /// The event's type.
    pub event: String,
    /// Whom alone it is told.
    pub party: Option<String>,
    /// The programme that it is of.
    pub programme: Option<String>,
    /// Whose it is.
    pub member: Option<MemberId>,
    /// What is told.
    pub data: Value,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct Row {
    seq: i64,
    at: i64,
    event: String,
    party: Option<String>,
    programme: Option<String>,
    member: Option<i64>,
    data: String,
}

/// Adds facts, in the open transaction of what they tell. Others that add wait until it commits:
/// do it last.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, at: Instant, facts: &[Fact]) -> Result<(), StoreError> {
    if facts.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(facts.len()).unwrap_or(i64::MAX);
    diesel::update(outbox_head::table.find(HEAD))
        .set(outbox_head::next_seq.eq(outbox_head::next_seq + count))
        .execute(connection)?;
    let next: i64 =
        outbox_head::table.find(HEAD).select(outbox_head::next_seq).first(connection)?;
    let rows: Vec<Row> = (next - count..)
        .zip(facts)
        .map(|(seq, fact)| Row {
            seq,
            at: at.0,
            event: fact.event.to_owned(),
            party: fact.party.as_ref().map(ToString::to_string),
            programme: fact.programme.as_ref().map(ToString::to_string),
            member: fact.member.map(|member| member.0),
            data: write_json(&fact.data),
        })
        .collect();
    match connection {
        Database::Postgres(one) => add_rows(one, &rows)?,
        Database::Sqlite(one) => {
            for rows in rows.chunks(ROWS_PER_STATEMENT) {
                diesel::insert_into(outbox::table).values(rows).execute(one)?;
            }
        }
    }
    Ok(())
}

const ADD: &str = "INSERT INTO outbox (seq, at, event, party, programme, member, data) \
    SELECT * FROM UNNEST($1, $2, $3, $4, $5, $6, $7)";

/// Adds rows as arrays: a campaign tells of thousands of members in one commit.
fn add_rows(connection: &mut PgConnection, rows: &[Row]) -> Result<(), StoreError> {
    diesel::sql_query(ADD)
        .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.seq).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.at).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.event).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| &row.party).collect::<Vec<_>>())
        .bind::<Array<Nullable<Text>>, _>(rows.iter().map(|row| &row.programme).collect::<Vec<_>>())
        .bind::<Array<Nullable<BigInt>>, _>(rows.iter().map(|row| row.member).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(rows.iter().map(|row| &row.data).collect::<Vec<_>>())
        .execute(connection)?;
    Ok(())
}

/// The next facts after a place, at most so many.
///
/// # Errors
/// If the database fails, or what is stored can't be read.
pub fn after(connection: &mut Database, seq: i64, limit: i64) -> Result<Vec<Placed>, StoreError> {
    let rows: Vec<Row> = outbox::table
        .select(Row::as_select())
        .filter(outbox::seq.gt(seq))
        .order(outbox::seq)
        .limit(limit)
        .load(connection)?;
    rows.into_iter()
        .map(|row| {
            Ok(Placed {
                data: read_json(&row.data, "a fact of the outbox")?,
                seq: row.seq,
                at: Instant(row.at),
                event: row.event,
                party: row.party,
                programme: row.programme,
                member: row.member.map(MemberId),
            })
        })
        .collect()
}
