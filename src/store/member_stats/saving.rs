//! Adds what was counted to what is kept, in sets.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::upsert::excluded;

use super::super::StoreError;
use super::super::connection::{Database, each_backend};
use super::super::rows::read_name;
use super::super::save::ROWS_PER_STATEMENT;
use super::super::schema::{member_days, member_products, member_stats, promo_flows};
use super::flow_of;
use crate::domain::amount::Money;
use crate::domain::campaign::segment::ProductKind;
use crate::domain::campaign::tally::{LastReceipt, Tally, Turnover, Who};
use crate::domain::ids::{MemberId, ProgrammeId};
use crate::domain::time::{Day, Instant};

pub(super) fn save(connection: &mut Database, tally: &Tally) -> Result<(), StoreError> {
    for &(gone, kept) in &tally.merges {
        move_member(connection, gone, kept)?;
    }
    save_totals(connection, &tally.totals, &tally.last)?;
    save_days(connection, &tally.days)?;
    save_products(connection, &tally.products)?;
    save_flows(connection, tally)
}

/// Totals of a member in a programme.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = member_stats, treat_none_as_default_value = false)]
struct TotalsRow {
    member: i64,
    programme: String,
    receipts: i64,
    spend: i64,
    last_day: i64,
    last_at: i64,
    last_amount: i64,
}

fn save_totals(
    connection: &mut Database,
    totals: &BTreeMap<Who, Turnover>,
    last: &BTreeMap<Who, LastReceipt>,
) -> Result<(), StoreError> {
    let members: BTreeSet<i64> = totals.keys().map(|(member, _)| member.0).collect();
    let members: Vec<i64> = members.into_iter().collect();
    let mut there: HashMap<(i64, String), TotalsRow> = HashMap::new();
    for members in members.chunks(5_000) {
        let rows: Vec<TotalsRow> = match connection {
            Database::Postgres(one) => member_stats::table
                .select(TotalsRow::as_select())
                .filter(member_stats::member.eq_any(members))
                .load(one)?,
            Database::Sqlite(one) => member_stats::table
                .select(TotalsRow::as_select())
                .filter(member_stats::member.eq_any(members))
                .load(one)?,
        };
        there.extend(rows.into_iter().map(|row| ((row.member, row.programme.clone()), row)));
    }
    let mut rows = Vec::with_capacity(totals.len());
    for (who, more) in totals {
        let before = there.remove(&(who.0.0, who.1.to_string()));
        let latest = last
            .get(who)
            .filter(|last| before.as_ref().is_none_or(|before| before.last_at <= last.at.0));
        let (last_day, last_at, last_amount) = match (latest, &before) {
            (Some(last), _) => (last.day.number(), last.at.0, last.amount.0),
            (None, Some(before)) => (before.last_day, before.last_at, before.last_amount),
            // A refund of something that was never counted.
            (None, None) => continue,
        };
        let (receipts, spend) = before.map_or((0, 0), |before| (before.receipts, before.spend));
        rows.push(TotalsRow {
            member: who.0.0,
            programme: who.1.to_string(),
            receipts: receipts + more.receipts,
            spend: spend + more.spend.0,
            last_day,
            last_at,
            last_amount,
        });
    }
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(member_stats::table)
                .values(rows)
                .on_conflict((member_stats::member, member_stats::programme))
                .do_update()
                .set((
                    member_stats::receipts.eq(excluded(member_stats::receipts)),
                    member_stats::spend.eq(excluded(member_stats::spend)),
                    member_stats::last_day.eq(excluded(member_stats::last_day)),
                    member_stats::last_at.eq(excluded(member_stats::last_at)),
                    member_stats::last_amount.eq(excluded(member_stats::last_amount)),
                ))
                .execute(one)
        })?;
    }
    Ok(())
}

type Days = BTreeMap<(MemberId, ProgrammeId, Day), Turnover>;

fn save_days(connection: &mut Database, days: &Days) -> Result<(), StoreError> {
    let rows: Vec<_> = days
        .iter()
        .map(|((member, programme, day), more)| {
            (
                member_days::member.eq(member.0),
                member_days::programme.eq(programme.as_str()),
                member_days::day.eq(day.number()),
                member_days::receipts.eq(more.receipts),
                member_days::spend.eq(more.spend.0),
            )
        })
        .collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(member_days::table)
                .values(rows)
                .on_conflict((member_days::member, member_days::programme, member_days::day))
                .do_update()
                .set((
                    member_days::receipts
                        .eq(member_days::receipts + excluded(member_days::receipts)),
                    member_days::spend.eq(member_days::spend + excluded(member_days::spend)),
                ))
                .execute(one)
        })?;
    }
    Ok(())
}

type Products = BTreeMap<(MemberId, ProgrammeId, ProductKind, String), Day>;

fn save_products(connection: &mut Database, products: &Products) -> Result<(), StoreError> {
    let rows: Vec<_> = products
        .iter()
        .map(|((member, programme, kind, value), day)| {
            (
                member_products::member.eq(member.0),
                member_products::programme.eq(programme.as_str()),
                member_products::kind.eq(kind.name()),
                member_products::value.eq(value),
                member_products::last_day.eq(day.number()),
            )
        })
        .collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(member_products::table)
                .values(rows)
                .on_conflict((
                    member_products::member,
                    member_products::programme,
                    member_products::kind,
                    member_products::value,
                ))
                .do_update()
                .set(member_products::last_day.eq(excluded(member_products::last_day)))
                .execute(one)
        })?;
    }
    Ok(())
}

fn save_flows(connection: &mut Database, tally: &Tally) -> Result<(), StoreError> {
    for ((promo, programme), more) in &tally.flows {
        let mut flow = flow_of(connection, promo, programme)?;
        flow.add(more);
        let figures = (
            promo_flows::lots.eq(flow.lots),
            promo_flows::granted.eq(flow.granted.0),
            promo_flows::spent.eq(flow.spent.0),
            promo_flows::returned.eq(flow.returned.0),
            promo_flows::expired.eq(flow.expired.0),
            promo_flows::taken_back.eq(flow.taken_back.0),
        );
        let row = (
            promo_flows::promo.eq(promo.as_str()),
            promo_flows::programme.eq(programme.as_str()),
            figures,
        );
        each_backend!(connection, |one| {
            diesel::insert_into(promo_flows::table)
                .values(row)
                .on_conflict((promo_flows::promo, promo_flows::programme))
                .do_update()
                .set(figures)
                .execute(one)
        })?;
    }
    Ok(())
}

/// Puts what was counted for one profile to another that it went into.
fn move_member(
    connection: &mut Database,
    gone: MemberId,
    kept: MemberId,
) -> Result<(), StoreError> {
    let mut tally = Tally::default();
    let totals: Vec<(String, i64, i64, i64, i64, i64)> = member_stats::table
        .select((
            member_stats::programme,
            member_stats::receipts,
            member_stats::spend,
            member_stats::last_day,
            member_stats::last_at,
            member_stats::last_amount,
        ))
        .filter(member_stats::member.eq(gone.0))
        .load(connection)?;
    for (programme, receipts, spend, day, at, amount) in totals {
        let who = (kept, read_name::<ProgrammeId>(&programme)?);
        let last =
            LastReceipt { at: Instant(at), day: Day::from_number(day), amount: Money(amount) };
        tally.last.insert(who.clone(), last);
        tally.totals.insert(who, Turnover { receipts, spend: Money(spend) });
    }
    let days: Vec<(i64, String, i64, i64, i64)> =
        member_days::table.filter(member_days::member.eq(gone.0)).load(connection)?;
    for (_, programme, day, receipts, spend) in days {
        let key = (kept, read_name(&programme)?, Day::from_number(day));
        tally.days.insert(key, Turnover { receipts, spend: Money(spend) });
    }
    save_totals(connection, &tally.totals, &tally.last)?;
    save_days(connection, &tally.days)?;
    let bought: Vec<(i64, String, String, String, i64)> =
        member_products::table.filter(member_products::member.eq(gone.0)).load(connection)?;
    for (_, programme, kind, value, day) in bought {
        let Some(kind) = ProductKind::named(&kind) else { continue };
        tally.products.insert((kept, read_name(&programme)?, kind, value), Day::from_number(day));
    }
    save_products(connection, &tally.products)?;
    diesel::delete(member_products::table.filter(member_products::member.eq(gone.0)))
        .execute(connection)?;
    diesel::delete(member_stats::table.filter(member_stats::member.eq(gone.0)))
        .execute(connection)?;
    diesel::delete(member_days::table.filter(member_days::member.eq(gone.0)))
        .execute(connection)?;
    Ok(())
}
