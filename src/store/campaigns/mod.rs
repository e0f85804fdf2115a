//! Campaigns: their documents and states; `audience` reads who is meant, `passes` keeps how far a
//! pass over them is, `takings` who took part, and `figures` what came of it.

pub mod audience;
pub mod figures;
pub mod passes;
pub mod takings;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::rows::read_json;
use super::schema::{campaigns, notice_channels};
use crate::domain::campaign::{CampaignState, Channel, ChannelDocument};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::time::Instant;

/// A campaign as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = campaigns)]
pub struct CampaignRow {
    /// Its name.
    pub campaign: String,
    /// In which programme.
    pub programme: String,
    /// Who grants.
    pub party: String,
    state: String,
    /// The document, as JSON.
    pub document: String,
    /// When it was written first.
    pub created_at: i64,
    /// When it was started last.
    pub started_at: Option<i64>,
    /// When it ended.
    pub ended_at: Option<i64>,
}

impl CampaignRow {
    /// Where it stands.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn state(&self) -> Result<CampaignState, StoreError> {
        CampaignState::named(&self.state)
            .ok_or_else(|| StoreError::Damaged(format!("the state of campaign {}", self.campaign)))
    }
}

/// A campaign.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut Database, id: &str) -> Result<Option<CampaignRow>, StoreError> {
    let row = campaigns::table.find(id).select(CampaignRow::as_select()).first(connection);
    Ok(row.optional()?)
}

/// A campaign, locked until the transaction ends: whoever takes members, budgets or another state
/// stands in line here.
///
/// # Errors
/// If the database fails.
pub fn lock(connection: &mut Database, id: &str) -> Result<Option<CampaignRow>, StoreError> {
    let asked = campaigns::table.find(id);
    let row = match connection {
        Database::Postgres(one) => asked.select(CampaignRow::as_select()).for_update().first(one),
        Database::Sqlite(one) => asked.select(CampaignRow::as_select()).first(one),
    };
    Ok(row.optional()?)
}

/// Which campaigns are asked for.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Only of these programmes; none: of all.
    pub programmes: Option<Vec<String>>,
    /// Only in this state.
    pub state: Option<CampaignState>,
    /// Only after this name.
    pub after: String,
}

/// Up to `most` campaigns, by name.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    which: &Which,
    most: i64,
) -> Result<Vec<CampaignRow>, StoreError> {
    let mut query = campaigns::table
        .select(CampaignRow::as_select())
        .filter(campaigns::campaign.gt(which.after.clone()))
        .order(campaigns::campaign)
        .limit(most)
        .into_boxed();
    if let Some(programmes) = &which.programmes {
        query = query.filter(campaigns::programme.eq_any(programmes.clone()));
    }
    if let Some(state) = which.state {
        query = query.filter(campaigns::state.eq(state.name()));
    }
    Ok(query.load(connection)?)
}

/// Whether there is any campaign.
///
/// # Errors
/// If the database fails.
pub fn are_any(connection: &mut Database) -> Result<bool, StoreError> {
    let first: Option<String> =
        campaigns::table.select(campaigns::campaign).first(connection).optional()?;
    Ok(first.is_some())
}

/// A campaign that is written, or written anew.
#[derive(Clone, Debug)]
pub struct Draft<'a> {
    /// Its name.
    pub id: &'a str,
    /// In which programme.
    pub programme: &'a ProgrammeId,
    /// Who grants.
    pub party: &'a PartyId,
    /// The document, as JSON.
    pub document: &'a str,
}

/// Writes a draft; the one that was there is replaced.
///
/// # Errors
/// If the database fails.
pub fn put(connection: &mut Database, draft: &Draft<'_>, now: Instant) -> Result<(), StoreError> {
    let row = (
        campaigns::campaign.eq(draft.id),
        campaigns::programme.eq(draft.programme.as_str()),
        campaigns::party.eq(draft.party.as_str()),
        campaigns::state.eq(CampaignState::Draft.name()),
        campaigns::document.eq(draft.document),
        campaigns::created_at.eq(now.0),
    );
    let changed = (
        campaigns::programme.eq(draft.programme.as_str()),
        campaigns::party.eq(draft.party.as_str()),
        campaigns::document.eq(draft.document),
    );
    each_backend!(connection, |one| {
        diesel::insert_into(campaigns::table)
            .values(row)
            .on_conflict(campaigns::campaign)
            .do_update()
            .set(changed)
            .execute(one)
    })?;
    Ok(())
}

/// Sets the state of a campaign that is locked.
///
/// # Errors
/// If the database fails.
pub fn set_state(
    connection: &mut Database,
    id: &str,
    state: CampaignState,
    now: Instant,
) -> Result<(), StoreError> {
    let asked = diesel::update(campaigns::table.find(id));
    match state {
        CampaignState::Running => asked
            .set((campaigns::state.eq(state.name()), campaigns::started_at.eq(now.0)))
            .execute(connection)?,
        CampaignState::Ended => asked
            .set((campaigns::state.eq(state.name()), campaigns::ended_at.eq(now.0)))
            .execute(connection)?,
        _ => asked.set(campaigns::state.eq(state.name())).execute(connection)?,
    };
    Ok(())
}

/// What somebody wrote about a channel of a programme.
#[derive(Clone, Debug)]
pub struct ChannelRow {
    /// Which.
    pub channel: Channel,
    /// What it allows.
    pub document: ChannelDocument,
}

/// The channels of a programme of which somebody wrote something.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn channels(
    connection: &mut Database,
    programme: &ProgrammeId,
) -> Result<Vec<ChannelRow>, StoreError> {
    let rows: Vec<(String, String)> = notice_channels::table
        .select((notice_channels::channel, notice_channels::document))
        .filter(notice_channels::programme.eq(programme.as_str()))
        .order(notice_channels::channel)
        .load(connection)?;
    let read = |(channel, document): (String, String)| {
        let channel = Channel::named(&channel)
            .ok_or_else(|| StoreError::Damaged(format!("a channel {channel}")))?;
        Ok(ChannelRow { channel, document: read_json(&document, "a channel")? })
    };
    rows.into_iter().map(read).collect()
}

/// Writes what a channel of a programme allows.
///
/// # Errors
/// If the database fails.
pub fn put_channel(
    connection: &mut Database,
    (programme, channel): (&ProgrammeId, Channel),
    document: &str,
    (author, now): (&str, Instant),
) -> Result<(), StoreError> {
    let changed = (
        notice_channels::document.eq(document),
        notice_channels::changed_at.eq(now.0),
        notice_channels::author.eq(author),
    );
    let row = (
        notice_channels::programme.eq(programme.as_str()),
        notice_channels::channel.eq(channel.name()),
        changed,
    );
    each_backend!(connection, |one| {
        diesel::insert_into(notice_channels::table)
            .values(row)
            .on_conflict((notice_channels::programme, notice_channels::channel))
            .do_update()
            .set(changed)
            .execute(one)
    })?;
    Ok(())
}
