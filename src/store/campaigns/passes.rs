//! Passes over a campaign's audience: how far they are, which members a server took to grant to, and
//! what of the budget is used.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::StoreError;
use super::super::connection::{Database, each_backend};
use super::super::rows::{read_json, write_json};
use super::super::schema::{campaign_budgets, campaign_chunks, campaign_passes};
use crate::domain::amount::Points;
use crate::domain::campaign::budget::{Scope, Used};
use crate::domain::ids::MemberId;
use crate::domain::time::{Day, Instant};

/// A pass goes on.
pub const GOING: &str = "going";
/// Everybody was looked at.
pub const DONE: &str = "done";
/// A budget is used up.
pub const EXHAUSTED: &str = "exhausted";
/// The campaign was stopped.
pub const STOPPED: &str = "stopped";

/// A pass over the audience.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = campaign_passes, treat_none_as_default_value = false)]
pub struct Pass {
    /// Of which campaign.
    pub campaign: String,
    /// Its number, from 1.
    pub pass: i64,
    /// `going`, `done`, `exhausted` or `stopped`.
    pub state: String,
    /// The last member that was looked at.
    pub member: i64,
    /// The number of the next chunk.
    pub next_chunk: i64,
    /// Members that were meant and did not take part yet.
    pub matched: i64,
    /// Grants.
    pub granted: i64,
    /// Points of these.
    pub points: i64,
    /// Grants that were refused.
    pub refused: i64,
    /// How many for which reason, as JSON.
    pub refusals: String,
    /// When it began.
    pub started_at: i64,
    /// When it came on last.
    pub touched_at: i64,
    /// When it ended.
    pub finished_at: Option<i64>,
}

impl Pass {
    /// How many grants were refused for which reason.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn refusals(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        read_json(&self.refusals, "the refusals of a pass")
    }
}

/// Members that a server took, with all that their grants need to be the same again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Who is granted how many points, in order.
    pub grants: Vec<(i64, i64)>,
    /// Who takes part without a grant.
    pub without: Vec<i64>,
    /// The last day of the points; none: as the programme says.
    pub through: Option<Day>,
    /// The day whose budget was used.
    pub day: i64,
}

/// The latest pass of a campaign.
///
/// # Errors
/// If the database fails.
pub fn latest(connection: &mut Database, campaign: &str) -> Result<Option<Pass>, StoreError> {
    let row = campaign_passes::table
        .select(Pass::as_select())
        .filter(campaign_passes::campaign.eq(campaign))
        .order(campaign_passes::pass.desc())
        .first(connection);
    Ok(row.optional()?)
}

/// Begins the pass after the latest; the campaign is locked.
///
/// # Errors
/// If the database fails.
pub fn begin(connection: &mut Database, campaign: &str, now: Instant) -> Result<Pass, StoreError> {
    let last = latest(connection, campaign)?.map_or(0, |pass| pass.pass);
    let pass = Pass {
        campaign: campaign.to_owned(),
        pass: last + 1,
        state: GOING.to_owned(),
        member: -1,
        next_chunk: 1,
        matched: 0,
        granted: 0,
        points: 0,
        refused: 0,
        refusals: "{}".to_owned(),
        started_at: now.0,
        touched_at: now.0,
        finished_at: None,
    };
    diesel::insert_into(campaign_passes::table).values(&pass).execute(connection)?;
    Ok(pass)
}

/// Saves a pass of a campaign that is locked.
///
/// # Errors
/// If the database fails.
pub fn save(connection: &mut Database, pass: &Pass) -> Result<(), StoreError> {
    diesel::update(campaign_passes::table.find((&pass.campaign, pass.pass)))
        .set((
            campaign_passes::state.eq(&pass.state),
            campaign_passes::member.eq(pass.member),
            campaign_passes::next_chunk.eq(pass.next_chunk),
            campaign_passes::matched.eq(pass.matched),
            campaign_passes::granted.eq(pass.granted),
            campaign_passes::points.eq(pass.points),
            campaign_passes::refused.eq(pass.refused),
            campaign_passes::refusals.eq(&pass.refusals),
            campaign_passes::touched_at.eq(pass.touched_at),
            campaign_passes::finished_at.eq(pass.finished_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// A pass by its number.
///
/// # Errors
/// If the database fails, or there is none.
pub fn load(connection: &mut Database, campaign: &str, pass: i64) -> Result<Pass, StoreError> {
    let asked = campaign_passes::table.find((campaign, pass)).select(Pass::as_select());
    Ok(asked.first(connection)?)
}

/// The campaigns whose pass goes on though nobody took it on since an instant.
///
/// # Errors
/// If the database fails.
pub fn left_since(connection: &mut Database, before: Instant) -> Result<Vec<String>, StoreError> {
    let rows = campaign_passes::table
        .select(campaign_passes::campaign)
        .filter(campaign_passes::state.eq(GOING))
        .filter(campaign_passes::touched_at.lt(before.0))
        .limit(100)
        .load(connection)?;
    Ok(rows)
}

/// The place of a chunk: its pass and its number.
pub type ChunkPlace = (i64, i64);

/// Adds a chunk.
///
/// # Errors
/// If the database fails.
pub fn add_chunk(
    connection: &mut Database,
    (campaign, place): (&str, ChunkPlace),
    chunk: &Chunk,
    now: Instant,
) -> Result<(), StoreError> {
    diesel::insert_into(campaign_chunks::table)
        .values((
            campaign_chunks::campaign.eq(campaign),
            campaign_chunks::pass.eq(place.0),
            campaign_chunks::chunk.eq(place.1),
            campaign_chunks::claimed_at.eq(now.0),
            campaign_chunks::content.eq(write_json(chunk)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Takes a chunk away in the commit of what came of it; false: somebody else did.
///
/// # Errors
/// If the database fails.
pub fn remove_chunk(
    connection: &mut Database,
    campaign: &str,
    place: ChunkPlace,
) -> Result<bool, StoreError> {
    let asked = campaign_chunks::table.find((campaign, place.0, place.1));
    Ok(diesel::delete(asked).execute(connection)? == 1)
}

/// How many chunks of a campaign are open.
///
/// # Errors
/// If the database fails.
pub fn open_chunks(connection: &mut Database, campaign: &str) -> Result<i64, StoreError> {
    let asked = campaign_chunks::table.filter(campaign_chunks::campaign.eq(campaign));
    Ok(asked.count().get_result(connection)?)
}

/// The oldest chunk of a campaign that was taken before an instant; it is taken anew by this.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn take_over(
    connection: &mut Database,
    campaign: &str,
    (before, now): (Instant, Instant),
) -> Result<Option<(ChunkPlace, Chunk)>, StoreError> {
    let row: Option<(i64, i64, String)> = campaign_chunks::table
        .select((campaign_chunks::pass, campaign_chunks::chunk, campaign_chunks::content))
        .filter(campaign_chunks::campaign.eq(campaign))
        .filter(campaign_chunks::claimed_at.lt(before.0))
        .order(campaign_chunks::claimed_at)
        .first(connection)
        .optional()?;
    let Some((pass, chunk, content)) = row else { return Ok(None) };
    diesel::update(campaign_chunks::table.find((campaign, pass, chunk)))
        .set(campaign_chunks::claimed_at.eq(now.0))
        .execute(connection)?;
    Ok(Some(((pass, chunk), read_json(&content, "a chunk of a campaign")?)))
}

/// Campaigns that have chunks which were taken before an instant.
///
/// # Errors
/// If the database fails.
pub fn with_old_chunks(
    connection: &mut Database,
    before: Instant,
) -> Result<Vec<String>, StoreError> {
    let rows = campaign_chunks::table
        .select(campaign_chunks::campaign)
        .distinct()
        .filter(campaign_chunks::claimed_at.lt(before.0))
        .limit(100)
        .load(connection)?;
    Ok(rows)
}

/// What is used of a campaign's budget; that of the day as far as it is asked for.
///
/// # Errors
/// If the database fails.
pub fn used<'a>(
    connection: &mut Database,
    campaign: &str,
    scopes: impl Iterator<Item = &'a Scope>,
    day: i64,
) -> Result<Used, StoreError> {
    let rows: Vec<(String, i64, i64)> = campaign_budgets::table
        .select((campaign_budgets::scope, campaign_budgets::day, campaign_budgets::used))
        .filter(campaign_budgets::campaign.eq(campaign))
        .filter(campaign_budgets::day.eq(0).or(campaign_budgets::day.eq(day)))
        .load(connection)?;
    let mut found = Used::default();
    for scope in scopes {
        let (name, day) = (scope.name(), if scope.is_of_day() { day } else { 0 });
        let row = rows.iter().find(|row| row.0 == name && row.1 == day);
        found.0.insert(scope.clone(), row.map_or(0, |row| row.2));
    }
    Ok(found)
}

/// Writes what is used of a campaign's budget, which is locked by its campaign.
///
/// # Errors
/// If the database fails.
pub fn save_used(
    connection: &mut Database,
    campaign: &str,
    used: &Used,
    day: i64,
) -> Result<(), StoreError> {
    for (scope, &used) in &used.0 {
        let row = (
            campaign_budgets::campaign.eq(campaign),
            campaign_budgets::scope.eq(scope.name()),
            campaign_budgets::day.eq(if scope.is_of_day() { day } else { 0 }),
            campaign_budgets::used.eq(used),
        );
        each_backend!(connection, |one| {
            diesel::insert_into(campaign_budgets::table)
                .values(row)
                .on_conflict((
                    campaign_budgets::campaign,
                    campaign_budgets::scope,
                    campaign_budgets::day,
                ))
                .do_update()
                .set(campaign_budgets::used.eq(used))
                .execute(one)
        })?;
    }
    Ok(())
}

impl Chunk {
    /// All its members, in the order of their ids.
    pub fn members(&self) -> Vec<MemberId> {
        let granted = self.grants.iter().map(|(member, _)| *member);
        let mut all: Vec<MemberId> =
            granted.chain(self.without.iter().copied()).map(MemberId).collect();
        all.sort_unstable();
        all
    }

    /// The points of all its grants.
    pub fn points(&self) -> Points {
        self.grants.iter().map(|(_, points)| Points(*points)).sum()
    }
}
