//! What people agreed to. The latest row of a purpose and channel counts; `any` counts where the
//! channel has no row of its own.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::load::KEYS_PER_STATEMENT;
use super::save::ROWS_PER_STATEMENT;
use super::schema::consents;
use crate::domain::ids::MemberId;
use crate::domain::person::{Channel, Purpose};

/// A consent's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = consents, treat_none_as_default_value = false)]
pub struct ConsentRow {
    /// Whose.
    pub member: i64,
    /// What for.
    pub purpose: String,
    /// By which channel.
    pub channel: String,
    /// When.
    pub at: i64,
    /// Given, or taken back.
    pub given: bool,
    /// The version of the text that was shown.
    pub version: String,
    /// Who says so.
    pub party: String,
}

/// Adds consents; one of the same instant stands.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, rows: &[ConsentRow]) -> Result<usize, StoreError> {
    let mut added = 0;
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        added += each_backend!(connection, |one| {
            diesel::insert_into(consents::table).values(rows).on_conflict_do_nothing().execute(one)
        })?;
    }
    Ok(added)
}

/// All rows of members, newest first, at most so many.
///
/// # Errors
/// If the database fails.
pub fn of(
    connection: &mut Database,
    members: &[i64],
    limit: i64,
) -> Result<Vec<ConsentRow>, StoreError> {
    let rows = each_backend!(connection, |one| {
        consents::table
            .select(ConsentRow::as_select())
            .filter(consents::member.eq_any(members))
            .order((consents::at.desc(), consents::purpose, consents::channel))
            .limit(limit)
            .load(one)
    })?;
    Ok(rows)
}

/// Which of some members may be sent advertising by a channel: the latest word on it, or on `any`
/// where there is none, is that they agreed.
///
/// # Errors
/// If the database fails.
pub fn may_contact(
    connection: &mut Database,
    members: &[MemberId],
    channel: Channel,
) -> Result<HashSet<MemberId>, StoreError> {
    agreed(connection, members, Purpose::Marketing, channel)
}

/// Which of some members agreed to something by a channel.
///
/// # Errors
/// If the database fails.
pub fn agreed(
    connection: &mut Database,
    members: &[MemberId],
    purpose: Purpose,
    channel: Channel,
) -> Result<HashSet<MemberId>, StoreError> {
    let ids: Vec<i64> = members.iter().map(|member| member.0).collect();
    let channels = [channel.name(), Channel::Any.name()];
    let mut agreed = HashSet::new();
    for ids in ids.chunks(KEYS_PER_STATEMENT) {
        let rows: Vec<(i64, String, bool)> = each_backend!(connection, |one| {
            consents::table
                .select((consents::member, consents::channel, consents::given))
                .filter(consents::member.eq_any(ids))
                .filter(consents::purpose.eq(purpose.name()))
                .filter(consents::channel.eq_any(channels))
                .order(consents::at)
                .load(one)
        })?;
        // Later rows replace earlier ones; the channel's own word goes before that on `any`.
        let mut latest: HashMap<i64, (Option<bool>, Option<bool>)> = HashMap::new();
        for (member, of, given) in rows {
            let words = latest.entry(member).or_default();
            if of == channel.name() {
                words.0 = Some(given);
            } else {
                words.1 = Some(given);
            }
        }
        let yes = latest.into_iter().filter(|(_, (own, any))| own.or(*any) == Some(true));
        agreed.extend(yes.map(|(member, _)| MemberId(member)));
    }
    Ok(agreed)
}

/// What counts now, by purpose and channel: the newest of rows that come newest first.
pub fn current(rows: &[ConsentRow]) -> Vec<&ConsentRow> {
    let mut seen = HashSet::new();
    let newest = rows.iter().filter(|row| seen.insert((&row.purpose, &row.channel)));
    newest.collect()
}
