//! Who took part in a campaign, and what they did.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::super::StoreError;
use super::super::connection::{Database, each_backend};
use super::super::save::ROWS_PER_STATEMENT;
use super::super::schema::{campaign_responses, promos};
use super::audience::Range;
use crate::domain::campaign::Arm;
use crate::domain::campaign::notice::Response;
use crate::domain::ids::{LotId, MemberId};
use crate::domain::time::Instant;
use crate::store::members::gone_into;

/// Somebody who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
    /// Who.
    pub member: MemberId,
    /// In which group.
    pub arm: Arm,
    /// What was granted; none: nothing.
    pub lot: Option<LotId>,
    /// How many points.
    pub points: i64,
    /// From when on.
    pub at: Instant,
    /// Until when the points can be spent.
    pub expires_at: Option<Instant>,
}

#[derive(Insertable)]
#[diesel(table_name = promos, treat_none_as_default_value = false)]
struct Row<'a> {
    campaign: &'a str,
    member: i64,
    programme: &'a str,
    arm: &'static str,
    lot: Option<i64>,
    points: i64,
    granted_at: Option<i64>,
    expires_at: Option<i64>,
}

#[derive(QueryableByName)]
struct Added {
    #[diesel(sql_type = BigInt)]
    member: i64,
}

const ADD: &str = "INSERT INTO promos \
    (campaign, programme, member, arm, lot, points, granted_at, expires_at) \
    SELECT $1, $2, one.* FROM UNNEST($3, $4, $5, $6, $7, $8) AS one \
    ON CONFLICT DO NOTHING RETURNING member";

/// Adds those who take part. Gives back who is new: nobody takes part twice.
///
/// # Errors
/// If the database fails.
pub fn add(
    connection: &mut Database,
    (campaign, programme): (&str, &str),
    all: &[Taking],
) -> Result<HashSet<MemberId>, StoreError> {
    match connection {
        Database::Postgres(one) => {
            let column = |figure: fn(&Taking) -> i64| all.iter().map(figure).collect::<Vec<_>>();
            let optional = |figure: fn(&Taking) -> Option<i64>| {
                all.iter().map(figure).collect::<Vec<Option<i64>>>()
            };
            let arms: Vec<&str> = all.iter().map(|one| one.arm.name()).collect();
            let rows: Vec<Added> = diesel::sql_query(ADD)
                .bind::<Text, _>(campaign)
                .bind::<Text, _>(programme)
                .bind::<Array<BigInt>, _>(column(|one| one.member.0))
                .bind::<Array<Text>, _>(arms)
                .bind::<Array<Nullable<BigInt>>, _>(optional(|one| Some(one.lot?.0)))
                .bind::<Array<BigInt>, _>(column(|one| one.points))
                .bind::<Array<BigInt>, _>(column(|one| one.at.0))
                .bind::<Array<Nullable<BigInt>>, _>(optional(|one| Some(one.expires_at?.0)))
                .load(one)?;
            Ok(rows.into_iter().map(|row| MemberId(row.member)).collect())
        }
        Database::Sqlite(one) => {
            let mut added = HashSet::with_capacity(all.len());
            for taking in all {
                let row = row_of(campaign, programme, taking);
                let count = diesel::insert_into(promos::table)
                    .values(&row)
                    .on_conflict_do_nothing()
                    .execute(one)?;
                if count == 1 {
                    added.insert(taking.member);
                }
            }
            Ok(added)
        }
    }
}

fn row_of<'a>(campaign: &'a str, programme: &'a str, taking: &Taking) -> Row<'a> {
    Row {
        campaign,
        member: taking.member.0,
        programme,
        arm: taking.arm.name(),
        lot: taking.lot.map(|lot| lot.0),
        points: taking.points,
        granted_at: Some(taking.at.0),
        expires_at: taking.expires_at.map(|at| at.0),
    }
}

/// Somebody's response in a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// In which campaign.
    pub campaign: String,
    /// Who.
    pub member: MemberId,
    /// What.
    pub response: Response,
    /// When.
    pub at: Instant,
}

/// Keeps responses, each once. Gives back how many are new.
///
/// # Errors
/// If the database fails.
pub fn answer(connection: &mut Database, all: &[Answered]) -> Result<usize, StoreError> {
    let rows: Vec<_> = all
        .iter()
        .map(|one| {
            (
                campaign_responses::campaign.eq(&one.campaign),
                campaign_responses::member.eq(one.member.0),
                campaign_responses::response.eq(one.response.name()),
                campaign_responses::at.eq(one.at.0),
            )
        })
        .collect();
    let mut new = 0;
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        new += each_backend!(connection, |one| {
            diesel::insert_into(campaign_responses::table)
                .values(rows)
                .on_conflict_do_nothing()
                .execute(one)
        })?;
    }
    Ok(new)
}

/// Which of these take part in a campaign.
///
/// # Errors
/// If the database fails.
pub fn taking_part(
    connection: &mut Database,
    campaign: &str,
    members: &[i64],
) -> Result<HashSet<i64>, StoreError> {
    let mut found = HashSet::new();
    for members in members.chunks(10_000) {
        let rows: Vec<i64> = each_backend!(connection, |one| {
            promos::table
                .select(promos::member)
                .filter(promos::campaign.eq(campaign))
                .filter(promos::member.eq_any(members))
                .load(one)
        })?;
        found.extend(rows);
    }
    Ok(found)
}

/// Those of a range of members who take part in a campaign already, themselves or as a profile that
/// went into theirs.
///
/// # Errors
/// If the database fails.
pub fn taken(
    connection: &mut Database,
    campaign: &str,
    range: Range,
) -> Result<HashSet<MemberId>, StoreError> {
    let rows: Vec<i64> = promos::table
        .select(promos::member)
        .filter(promos::campaign.eq(campaign))
        .filter(promos::member.between(range.0, range.1))
        .load(connection)?;
    let kept = gone_into(connection, range)?;
    let gone: Vec<i64> = kept.keys().copied().collect();
    let gone = taking_part(connection, campaign, &gone)?;
    let kept = gone.iter().filter_map(|member| kept.get(member).copied());
    Ok(rows.into_iter().chain(kept).map(MemberId).collect())
}
