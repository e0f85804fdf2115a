//! Notices, how many of them members got in a month, and those that are due.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend, of_index};
use super::save::ROWS_PER_STATEMENT;
use super::schema::{cards, lots, notice_counts, notices, promos};
use crate::domain::campaign::Channel;
use crate::domain::campaign::notice::{NoticeKind, NoticeState, Response};
use crate::domain::ids::MemberId;
use crate::domain::time::{Day, Instant};

/// The name of the campaign of notices without one.
pub const NO_CAMPAIGN: &str = "-";

/// A notice.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = notices, treat_none_as_default_value = false)]
pub struct NoticeRow {
    /// Of which campaign; `-`: of none.
    pub campaign: String,
    /// Which step of its plan.
    pub step: i64,
    /// To whom.
    pub member: i64,
    /// In which programme.
    pub programme: String,
    /// By which channel.
    pub channel: String,
    /// Who sends it.
    pub party: String,
    /// `promotional` or `transactional`.
    pub kind: String,
    /// Where it stands.
    pub state: String,
    /// Why it is refused.
    pub reason: Option<String>,
    /// From when on another one is possible.
    pub next_at: Option<i64>,
    /// Which way of the step: 0, or the number of the fallback.
    pub way: i64,
    /// What it says, where no campaign does.
    pub text: Option<String>,
    /// When it was planned.
    pub planned_at: i64,
    /// When it is to go out.
    pub due_at: i64,
    /// When its party was told.
    pub told_at: Option<i64>,
    /// When it went out.
    pub sent_at: Option<i64>,
    /// When it arrived.
    pub delivered_at: Option<i64>,
    /// When it was opened.
    pub opened_at: Option<i64>,
    /// When something in it was followed.
    pub clicked_at: Option<i64>,
}

/// What a cap is kept for: a channel of a programme, a kind, a calendar month by its first day.
#[derive(Clone, Debug)]
pub struct Counted<'a> {
    /// The programme.
    pub programme: &'a str,
    /// The channel.
    pub channel: Channel,
    /// The kind.
    pub kind: NoticeKind,
    /// The month.
    pub month: Day,
}

/// Counts one more notice for each of these members, in the order of their ids, whose count is
/// below the cap. Gives back for whom there was room. Whoever counts at the same time waits.
///
/// # Errors
/// If the database fails.
pub fn count(
    connection: &mut Database,
    counted: &Counted<'_>,
    members: &[MemberId],
    most: Option<u32>,
) -> Result<HashSet<MemberId>, StoreError> {
    let most = most.map_or(i64::MAX, i64::from);
    if most == 0 {
        return Ok(HashSet::new());
    }
    let rows: Vec<_> = members
        .iter()
        .map(|member| {
            (
                notice_counts::member.eq(member.0),
                notice_counts::programme.eq(counted.programme),
                notice_counts::channel.eq(counted.channel.name()),
                notice_counts::kind.eq(counted.kind.name()),
                notice_counts::month.eq(counted.month.number()),
                notice_counts::used.eq(1_i64),
            )
        })
        .collect();
    let key = (
        notice_counts::member,
        notice_counts::programme,
        notice_counts::channel,
        notice_counts::kind,
        notice_counts::month,
    );
    let one_more = notice_counts::used.eq(notice_counts::used + 1);
    let has_room = notice_counts::used.lt(most);
    let mut fit = HashSet::with_capacity(members.len());
    match connection {
        Database::Postgres(one) => {
            for rows in rows.chunks(ROWS_PER_STATEMENT) {
                let asked = diesel::insert_into(notice_counts::table).values(rows);
                let asked = asked.on_conflict(key).do_update().set(one_more);
                let some: Vec<i64> = diesel::query_dsl::methods::FilterDsl::filter(asked, has_room)
                    .returning(notice_counts::member)
                    .get_results(one)?;
                fit.extend(some.into_iter().map(MemberId));
            }
        }
        // It gives nothing back from many rows at once.
        Database::Sqlite(one) => {
            for (row, member) in rows.into_iter().zip(members) {
                let asked = diesel::insert_into(notice_counts::table).values(row);
                let asked = asked.on_conflict(key).do_update().set(one_more);
                if diesel::query_dsl::methods::FilterDsl::filter(asked, has_room).execute(one)? == 1
                {
                    fit.insert(*member);
                }
            }
        }
    }
    Ok(fit)
}

/// How many notices members of a range got, where it is any.
///
/// # Errors
/// If the database fails.
pub fn counts(
    connection: &mut Database,
    counted: &Counted<'_>,
    (first, last): (i64, i64),
) -> Result<HashMap<MemberId, i64>, StoreError> {
    let rows: Vec<(i64, i64)> = notice_counts::table
        .select((notice_counts::member, notice_counts::used))
        .filter(notice_counts::member.between(first, last))
        .filter(notice_counts::programme.eq(counted.programme))
        .filter(notice_counts::channel.eq(counted.channel.name()))
        .filter(notice_counts::kind.eq(counted.kind.name()))
        .filter(notice_counts::month.eq(counted.month.number()))
        .load(connection)?;
    Ok(rows.into_iter().map(|(member, used)| (MemberId(member), used)).collect())
}

/// Adds notices; one that is there already is left alone. Gives back how many are new.
///
/// # Errors
/// If the database fails.
pub fn add(connection: &mut Database, rows: &[NoticeRow]) -> Result<usize, StoreError> {
    let mut new = 0;
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        new += each_backend!(connection, |one| {
            diesel::insert_into(notices::table).values(rows).on_conflict_do_nothing().execute(one)
        })?;
    }
    Ok(new)
}

/// A notice.
///
/// # Errors
/// If the database fails.
pub fn find(
    connection: &mut Database,
    (campaign, step, member): (&str, i64, MemberId),
) -> Result<Option<NoticeRow>, StoreError> {
    let asked = notices::table.find((campaign, step, member.0)).select(NoticeRow::as_select());
    Ok(asked.first(connection).optional()?)
}

/// Notices of a campaign after a place, by step and member.
///
/// # Errors
/// If the database fails.
pub fn list(
    connection: &mut Database,
    campaign: &str,
    (step, member): (i64, i64),
    most: i64,
) -> Result<Vec<NoticeRow>, StoreError> {
    let after = notices::step.eq(step).and(notices::member.gt(member));
    let rows = notices::table
        .select(NoticeRow::as_select())
        .filter(notices::campaign.eq(campaign))
        .filter(notices::step.gt(step).or(after))
        .order((notices::step, notices::member))
        .limit(most)
        .load(connection)?;
    Ok(rows)
}

/// Notices whose time has come, the earliest first, locked until the transaction ends; those that
/// another server has locked are left to it.
///
/// # Errors
/// If the database fails.
pub fn due(
    connection: &mut Database,
    now: Instant,
    most: i64,
) -> Result<Vec<NoticeRow>, StoreError> {
    let asked = notices::table
        .filter(of_index("state = 'planned'"))
        .filter(notices::due_at.le(now.0))
        .order(notices::due_at)
        .limit(most);
    let rows = match connection {
        Database::Postgres(one) => {
            asked.select(NoticeRow::as_select()).for_update().skip_locked().load(one)
        }
        Database::Sqlite(one) => asked.select(NoticeRow::as_select()).load(one),
    };
    Ok(rows?)
}

/// Sets where the notices of a step stand that are locked: told, or refused with why.
///
/// # Errors
/// If the database fails.
pub fn settle(
    connection: &mut Database,
    (campaign, step, members): (&str, i64, &[i64]),
    outcome: Result<(), &str>,
    now: Instant,
) -> Result<(), StoreError> {
    let told = (
        notices::state.eq(match outcome {
            Ok(()) => NoticeState::Due.name(),
            Err(_) => NoticeState::Refused.name(),
        }),
        notices::told_at.eq(outcome.is_ok().then_some(now.0)),
        notices::reason.eq(outcome.err()),
    );
    each_backend!(connection, |one| {
        let asked = notices::table
            .filter(notices::campaign.eq(campaign))
            .filter(notices::step.eq(step))
            .filter(notices::member.eq_any(members));
        diesel::update(asked).set(told).execute(one)
    })?;
    Ok(())
}

/// Refuses what of a campaign has not gone out.
///
/// # Errors
/// If the database fails.
pub fn cancel(
    connection: &mut Database,
    campaign: &str,
    reason: &str,
) -> Result<usize, StoreError> {
    let planned = notices::table
        .filter(notices::campaign.eq(campaign))
        .filter(notices::state.eq(NoticeState::Planned.name()));
    let cancelled = diesel::update(planned)
        .set((notices::state.eq(NoticeState::Refused.name()), notices::reason.eq(reason)))
        .execute(connection)?;
    Ok(cancelled)
}

/// Writes a response to a notice; the first of a kind counts, and where it stands never goes back.
///
/// # Errors
/// If the database fails.
pub fn respond(
    connection: &mut Database,
    row: &NoticeRow,
    response: Response,
    at: Instant,
) -> Result<(), StoreError> {
    let asked = || notices::table.find((&row.campaign, row.step, row.member));
    let rank = |state: NoticeState| NoticeState::ALL.iter().position(|one| *one == state);
    let stands = NoticeState::named(&row.state);
    let forward = stands.is_none_or(|stands| rank(stands) < rank(response.state()));
    if forward {
        diesel::update(asked())
            .set(notices::state.eq(response.state().name()))
            .execute(connection)?;
    }
    match response {
        Response::Sent if row.sent_at.is_none() => {
            diesel::update(asked()).set(notices::sent_at.eq(at.0)).execute(connection)?;
        }
        Response::Delivered if row.delivered_at.is_none() => {
            diesel::update(asked()).set(notices::delivered_at.eq(at.0)).execute(connection)?;
        }
        Response::Opened if row.opened_at.is_none() => {
            diesel::update(asked()).set(notices::opened_at.eq(at.0)).execute(connection)?;
        }
        Response::OfferOpened | Response::Visited if row.clicked_at.is_none() => {
            diesel::update(asked()).set(notices::clicked_at.eq(at.0)).execute(connection)?;
        }
        _ => {}
    }
    Ok(())
}

/// How many points are left of what a campaign granted each of these; none: it granted nothing.
///
/// # Errors
/// If the database fails.
pub fn points_left(
    connection: &mut Database,
    campaign: &str,
    members: &[i64],
) -> Result<HashMap<i64, i64>, StoreError> {
    let granted: Vec<(i64, Option<i64>)> = each_backend!(connection, |one| {
        promos::table
            .select((promos::member, promos::lot))
            .filter(promos::campaign.eq(campaign))
            .filter(promos::member.eq_any(members))
            .load(one)
    })?;
    let of_lot: HashMap<i64, i64> =
        granted.into_iter().filter_map(|(member, lot)| Some((lot?, member))).collect();
    let ids: Vec<i64> = of_lot.keys().copied().collect();
    let left: Vec<(i64, i64)> = each_backend!(connection, |one| {
        lots::table.select((lots::lot, lots::remaining)).filter(lots::lot.eq_any(&ids)).load(one)
    })?;
    Ok(left.into_iter().filter_map(|(lot, left)| Some((*of_lot.get(&lot)?, left))).collect())
}

/// The numbers of the cards that members hold with a wallet in a programme.
///
/// # Errors
/// If the database fails.
pub fn card_numbers(
    connection: &mut Database,
    (programme, wallet): (&str, &str),
    members: &[i64],
) -> Result<HashMap<i64, String>, StoreError> {
    let rows: Vec<(i64, String)> = each_backend!(connection, |one| {
        cards::table
            .select((cards::member, cards::number))
            .filter(cards::programme.eq(programme))
            .filter(cards::wallet.eq(wallet))
            .filter(of_index("state IN ('active', 'frozen')"))
            .filter(cards::member.eq_any(members))
            .load(one)
    })?;
    Ok(rows.into_iter().collect())
}

/// Forgets notices that were planned before an instant, and counts of months before one. Gives
/// back how many rows went, at most so many of each.
///
/// # Errors
/// If the database fails.
pub fn forget(
    connection: &mut Database,
    (before, month): (Instant, Day),
    most: i64,
) -> Result<usize, StoreError> {
    let old: Vec<(String, i64, i64)> = notices::table
        .select((notices::campaign, notices::step, notices::member))
        .filter(notices::planned_at.lt(before.0))
        .limit(most)
        .load(connection)?;
    for (campaign, step, member) in &old {
        diesel::delete(notices::table.find((campaign, step, member))).execute(connection)?;
    }
    let months: Option<i64> =
        notice_counts::table.select(diesel::dsl::min(notice_counts::month)).first(connection)?;
    let Some(oldest) = months.filter(|oldest| *oldest < month.number()) else {
        return Ok(old.len());
    };
    // A month goes by members, so that one commit is never large.
    let members: Vec<i64> = notice_counts::table
        .select(notice_counts::member)
        .distinct()
        .filter(notice_counts::month.eq(oldest))
        .limit(most)
        .load(connection)?;
    let gone = each_backend!(connection, |one| {
        let rows = notice_counts::table
            .filter(notice_counts::member.eq_any(&members))
            .filter(notice_counts::month.eq(oldest));
        diesel::delete(rows).execute(one)
    })?;
    Ok(old.len() + gone)
}
