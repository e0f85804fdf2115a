//! Endpoints of webhooks, and spans of events that are sent once more.

use diesel::prelude::*;

use super::StoreError;
use super::connection::Database;
use super::rows::{read_json, write_json};
use super::schema::{deliveries, webhook_replays, webhooks};

/// An endpoint that takes calls.
pub const ENABLED: &str = "enabled";
/// An endpoint that takes none.
pub const DISABLED: &str = "disabled";

/// An endpoint's row.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhooks, treat_none_as_default_value = false)]
pub struct WebhookRow {
    /// Its number.
    pub webhook: i64,
    /// Whose.
    pub party: String,
    /// Where calls go.
    pub url: String,
    /// The party's own words for it.
    pub description: String,
    /// The types of events that it wants, as JSON; none: all.
    pub types: String,
    /// `enabled` or `disabled`.
    pub state: String,
    /// Why it is disabled, where the server did it.
    pub reason: Option<String>,
    /// What was made deliveries of, as a cursor.
    pub place: String,
    /// When it was made.
    pub created_at: i64,
    /// Since when every call failed.
    pub failing_since: Option<i64>,
    /// When calls may be made again.
    pub resume_at: i64,
    /// The shared secret.
    pub secret: Vec<u8>,
    /// The seed of the Ed25519 key.
    pub seed: Vec<u8>,
    /// The shared secret before.
    pub old_secret: Option<Vec<u8>>,
    /// The seed before.
    pub old_seed: Option<Vec<u8>>,
    /// Until when those sign too.
    pub old_until: Option<i64>,
}

impl WebhookRow {
    /// The types that it wants; none: all.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn wanted_types(&self) -> Result<Vec<String>, StoreError> {
        read_json(&self.types, "the types of a webhook")
    }

    /// The types as they are stored.
    pub fn types_text(types: &[String]) -> String {
        write_json(&types)
    }
}

/// Adds an endpoint.
///
/// # Errors
/// If its number is taken, or the database fails.
pub fn add(connection: &mut Database, row: &WebhookRow) -> Result<(), StoreError> {
    diesel::insert_into(webhooks::table).values(row.clone()).execute(connection)?;
    Ok(())
}

/// The endpoints of a party, or of all, the oldest first.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    party: Option<&str>,
    limit: i64,
) -> Result<Vec<WebhookRow>, StoreError> {
    let mut query = webhooks::table
        .select(WebhookRow::as_select())
        .order((webhooks::created_at, webhooks::webhook))
        .limit(limit)
        .into_boxed();
    if let Some(party) = party {
        query = query.filter(webhooks::party.eq(party.to_owned()));
    }
    Ok(query.load(connection)?)
}

/// How many endpoints a party has.
///
/// # Errors
/// If the database fails.
pub fn count_of(connection: &mut Database, party: &str) -> Result<i64, StoreError> {
    let all = webhooks::table.filter(webhooks::party.eq(party)).count();
    Ok(all.get_result(connection)?)
}

/// An endpoint.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut Database, webhook: i64) -> Result<Option<WebhookRow>, StoreError> {
    let query = webhooks::table.find(webhook).select(WebhookRow::as_select());
    Ok(query.first(connection).optional()?)
}

/// The same, its row locked in the open transaction.
///
/// # Errors
/// If the database fails.
pub fn lock(connection: &mut Database, webhook: i64) -> Result<Option<WebhookRow>, StoreError> {
    let query = webhooks::table.find(webhook).select(webhooks::all_columns);
    Ok(match connection {
        Database::Postgres(one) => query.for_update().first(one).optional()?,
        Database::Sqlite(one) => query.first(one).optional()?,
    })
}

/// The endpoints that take calls.
///
/// # Errors
/// If the database fails.
pub fn enabled(connection: &mut Database) -> Result<Vec<WebhookRow>, StoreError> {
    Ok(webhooks::table
        .select(WebhookRow::as_select())
        .filter(webhooks::state.eq(ENABLED))
        .order(webhooks::webhook)
        .load(connection)?)
}

/// Saves what can change of an endpoint that is locked, but for its place.
///
/// # Errors
/// If the database fails.
pub fn save(connection: &mut Database, row: &WebhookRow) -> Result<(), StoreError> {
    diesel::update(webhooks::table.find(row.webhook))
        .set((
            webhooks::url.eq(&row.url),
            webhooks::description.eq(&row.description),
            webhooks::types.eq(&row.types),
            webhooks::state.eq(&row.state),
            webhooks::reason.eq(&row.reason),
            webhooks::failing_since.eq(row.failing_since),
            webhooks::resume_at.eq(row.resume_at),
            webhooks::secret.eq(&row.secret),
            webhooks::seed.eq(&row.seed),
            webhooks::old_secret.eq(&row.old_secret),
            webhooks::old_seed.eq(&row.old_seed),
            webhooks::old_until.eq(row.old_until),
        ))
        .execute(connection)?;
    Ok(())
}

/// Moves an endpoint's place on, if it stands where the caller believes. Gives back whether it did.
///
/// # Errors
/// If the database fails.
pub fn move_on(
    connection: &mut Database,
    webhook: i64,
    (from, to): (&str, &str),
) -> Result<bool, StoreError> {
    let here = webhooks::table
        .filter(webhooks::webhook.eq(webhook))
        .filter(webhooks::place.eq(from))
        .filter(webhooks::state.eq(ENABLED));
    let moved = diesel::update(here).set(webhooks::place.eq(to)).execute(connection)?;
    Ok(moved == 1)
}

/// Removes an endpoint with all that was to be sent to it. Gives back whether it was there.
///
/// # Errors
/// If the database fails.
pub fn remove(connection: &mut Database, webhook: i64) -> Result<bool, StoreError> {
    let of_replays = webhook_replays::table.filter(webhook_replays::webhook.eq(webhook));
    let removed = diesel::delete(webhooks::table.find(webhook)).execute(connection)?;
    diesel::delete(of_replays).execute(connection)?;
    let of_deliveries = deliveries::table.filter(deliveries::webhook.eq(webhook));
    diesel::delete(of_deliveries).execute(connection)?;
    Ok(removed == 1)
}

/// A span of events that is sent once more.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = webhook_replays)]
pub struct ReplayRow {
    /// Its number.
    pub replay: i64,
    /// To which endpoint.
    pub webhook: i64,
    /// How far it is, as a cursor.
    pub place: String,
    /// Where it ends, as a cursor.
    pub target: String,
}

/// Adds a span.
///
/// # Errors
/// If the database fails.
pub fn add_replay(connection: &mut Database, row: &ReplayRow) -> Result<(), StoreError> {
    diesel::insert_into(webhook_replays::table).values(row.clone()).execute(connection)?;
    Ok(())
}

/// How many spans of an endpoint are not sent yet.
///
/// # Errors
/// If the database fails.
pub fn replays_of(connection: &mut Database, webhook: i64) -> Result<i64, StoreError> {
    let all = webhook_replays::table.filter(webhook_replays::webhook.eq(webhook)).count();
    Ok(all.get_result(connection)?)
}

/// The spans of endpoints that are not sent yet, the oldest first.
///
/// # Errors
/// If the database fails.
pub fn replays(
    connection: &mut Database,
    webhooks: &[i64],
    limit: i64,
) -> Result<Vec<ReplayRow>, StoreError> {
    Ok(webhook_replays::table
        .select(ReplayRow::as_select())
        .filter(webhook_replays::webhook.eq_any(webhooks))
        .order(webhook_replays::replay)
        .limit(limit)
        .load(connection)?)
}

/// Moves a span's place on, or ends it, if it stands where the caller believes. Gives back whether
/// it did.
///
/// # Errors
/// If the database fails.
pub fn move_replay_on(
    connection: &mut Database,
    replay: &ReplayRow,
    to: Option<&str>,
) -> Result<bool, StoreError> {
    let here = webhook_replays::table
        .filter(webhook_replays::replay.eq(replay.replay))
        .filter(webhook_replays::place.eq(&replay.place));
    let moved = match to {
        Some(to) => diesel::update(here).set(webhook_replays::place.eq(to)).execute(connection)?,
        None => diesel::delete(here).execute(connection)?,
    };
    Ok(moved == 1)
}
