//! What came of a campaign: counts by group, channel and city, and purchases afterwards.

use std::collections::HashMap;

use diesel::dsl::{count, count_star, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::super::StoreError;
use super::super::connection::{Database, each_backend};
use super::super::rows::read_json;
use super::super::schema::{
    campaign_budgets, campaign_responses, member_stats, notices, persons, promos, transactions,
};
use crate::domain::ids::{MemberId, ProgrammeId};
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;

/// Cities that are told apart.
const CITIES_MAX: i64 = 50;

/// Members of a group, grants and their points.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmCounts {
    /// The group.
    pub arm: String,
    /// Who takes part.
    pub members: i64,
    /// How many got points.
    pub granted: i64,
    /// How many points.
    pub points: i64,
}

/// Members, grants and points by group.
///
/// # Errors
/// If the database fails.
pub fn arms(connection: &mut Database, campaign: &str) -> Result<Vec<ArmCounts>, StoreError> {
    let rows: Vec<(String, i64, i64, i64)> = promos::table
        .group_by(promos::arm)
        .select((
            promos::arm,
            count_star(),
            count(promos::lot),
            sql::<BigInt>("CAST(SUM(points) AS BIGINT)"),
        ))
        .filter(promos::campaign.eq(campaign))
        .order(promos::arm)
        .load(connection)?;
    let counts = |(arm, members, granted, points)| ArmCounts { arm, members, granted, points };
    Ok(rows.into_iter().map(counts).collect())
}

/// How many of a group did what: group, response, count.
///
/// # Errors
/// If the database fails.
pub fn responses(
    connection: &mut Database,
    campaign: &str,
) -> Result<Vec<(String, String, i64)>, StoreError> {
    let joined = promos::campaign
        .eq(campaign_responses::campaign)
        .and(promos::member.eq(campaign_responses::member));
    let rows = campaign_responses::table
        .inner_join(promos::table.on(joined))
        .group_by((promos::arm, campaign_responses::response))
        .select((promos::arm, campaign_responses::response, count_star()))
        .filter(campaign_responses::campaign.eq(campaign))
        .load(connection)?;
    Ok(rows)
}

/// Notices of a channel by where they stand, and how many arrived, were opened and followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelCounts {
    /// The channel.
    pub channel: String,
    /// Who sends.
    pub party: String,
    /// Where they stand.
    pub state: String,
    /// Why, where they are refused.
    pub reason: Option<String>,
    /// How many.
    pub notices: i64,
    /// Those whose party was told.
    pub told: i64,
    /// Those that arrived.
    pub delivered: i64,
    /// Those that were opened.
    pub opened: i64,
    /// Those that were followed.
    pub clicked: i64,
}

/// Notices by channel.
///
/// # Errors
/// If the database fails.
pub fn channels(
    connection: &mut Database,
    campaign: &str,
) -> Result<Vec<ChannelCounts>, StoreError> {
    type Row = (String, String, String, Option<String>, i64, i64, i64, i64, i64);
    let rows: Vec<Row> = notices::table
        .group_by((notices::channel, notices::party, notices::state, notices::reason))
        .select((
            notices::channel,
            notices::party,
            notices::state,
            notices::reason,
            count_star(),
            count(notices::told_at),
            count(notices::delivered_at),
            count(notices::opened_at),
            count(notices::clicked_at),
        ))
        .filter(notices::campaign.eq(campaign))
        .order((notices::channel, notices::party, notices::state, notices::reason))
        .load(connection)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let (channel, party, state, reason, notices, told, delivered, opened, clicked) = row;
            ChannelCounts {
                channel,
                party,
                state,
                reason,
                notices,
                told,
                delivered,
                opened,
                clicked,
            }
        })
        .collect())
}

/// Who takes part by city, and how many of them did something: city, members, those with a
/// response. The largest first.
///
/// # Errors
/// If the database fails.
pub fn cities(
    connection: &mut Database,
    (campaign, response): (&str, &str),
) -> Result<Vec<(String, i64, i64)>, StoreError> {
    let did = promos::campaign
        .eq(campaign_responses::campaign)
        .and(promos::member.eq(campaign_responses::member))
        .and(campaign_responses::response.eq(response));
    let rows: Vec<(Option<String>, i64, i64)> = promos::table
        .inner_join(persons::table.on(persons::member.eq(promos::member)))
        .left_join(campaign_responses::table.on(did))
        .group_by(persons::city)
        .select((persons::city, count_star(), count(campaign_responses::at.nullable())))
        .filter(promos::campaign.eq(campaign))
        .filter(persons::city.is_not_null())
        .order((count_star().desc(), persons::city))
        .limit(CITIES_MAX)
        .load(connection)?;
    Ok(rows.into_iter().filter_map(|(city, all, did)| Some((city?, all, did))).collect())
}

/// Somebody who takes part: the member, the group, and from when on.
pub type Since = (i64, String, Option<i64>);

/// Those who take part after a member, by their ids.
///
/// # Errors
/// If the database fails.
pub fn taking_part(
    connection: &mut Database,
    campaign: &str,
    (after, most): (i64, i64),
) -> Result<Vec<Since>, StoreError> {
    let rows = promos::table
        .select((promos::member, promos::arm, promos::granted_at))
        .filter(promos::campaign.eq(campaign))
        .filter(promos::member.gt(after))
        .order(promos::member)
        .limit(most)
        .load(connection)?;
    Ok(rows)
}

/// Those of some members who bought something in a programme since an instant, as far as the journal
/// is counted.
///
/// # Errors
/// If the database fails.
pub fn bought_since(
    connection: &mut Database,
    programme: &ProgrammeId,
    members: &[i64],
    since: Instant,
) -> Result<Vec<i64>, StoreError> {
    let rows = each_backend!(connection, |one| {
        member_stats::table
            .select(member_stats::member)
            .filter(member_stats::member.eq_any(members))
            .filter(member_stats::programme.eq(programme.as_str()))
            .filter(member_stats::last_at.ge(since.0))
            .load(one)
    })?;
    Ok(rows)
}

/// The receipts and refunds of members in a span of time.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn receipts(
    connection: &mut Database,
    members: &[i64],
    (from, until): (Instant, Instant),
) -> Result<HashMap<MemberId, Vec<Transaction>>, StoreError> {
    let mut found: HashMap<MemberId, Vec<Transaction>> = HashMap::new();
    for members in members.chunks(1_000) {
        let rows: Vec<String> = each_backend!(connection, |one| {
            transactions::table
                .select(transactions::content)
                .filter(transactions::member.eq_any(members))
                .filter(transactions::recorded_at.ge(from.0))
                .filter(transactions::recorded_at.lt(until.0))
                .filter(
                    transactions::content
                        .like("%\"kind\":\"purchase\"%")
                        .or(transactions::content.like("%\"kind\":\"card_payment\"%"))
                        .or(transactions::content.like("%\"kind\":\"refund\"%")),
                )
                .load(one)
        })?;
        for content in rows {
            let one: Transaction = read_json(&content, "a transaction")?;
            found.entry(one.member).or_default().push(one);
        }
    }
    Ok(found)
}

/// What is used of a campaign's budget: scope, and how much in all days.
///
/// # Errors
/// If the database fails.
pub fn budgets(
    connection: &mut Database,
    campaign: &str,
) -> Result<Vec<(String, i64)>, StoreError> {
    let rows = campaign_budgets::table
        .group_by(campaign_budgets::scope)
        .select((campaign_budgets::scope, sql::<BigInt>("CAST(SUM(used) AS BIGINT)")))
        .filter(campaign_budgets::campaign.eq(campaign))
        .order(campaign_budgets::scope)
        .load(connection)?;
    Ok(rows)
}
