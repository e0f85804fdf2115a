//! Uses of promo codes: taken first, granted when the grant is posted, given back if it is refused.

use diesel::prelude::*;

use super::promo_codes::{Batch, Code};
use crate::domain::amount::Points;
use crate::domain::ids::{MemberId, PartyId, ProgrammeId, TransactionId};
use crate::domain::offer::promo::Uses;
use crate::domain::time::{Day, Instant};
use crate::store::StoreError;
use crate::store::connection::{Database, each_backend, of_index};
use crate::store::names::NameHash;
use crate::store::rows::read_name;
use crate::store::schema::{promo_batches, promo_codes, promo_days, promo_uses};

/// A use of a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeUse {
    /// Its batch.
    pub batch: i64,
    /// Its number in the batch.
    pub number: i64,
    /// The code.
    pub code: String,
    /// Who gets the points.
    pub member: MemberId,
    /// Where the code was redeemed.
    pub party: PartyId,
    /// In which programme.
    pub programme: ProgrammeId,
    /// When.
    pub used_at: Instant,
    /// The local day.
    pub day: Day,
    /// How many points.
    pub points: Points,
    /// The grant; none: it is not posted yet.
    pub posted: Option<TransactionId>,
    /// The hash of the request's key.
    pub request: NameHash,
}

/// How often a locked batch was used: in all, by its code, by a member and all that were merged into
/// it, and on a day.
///
/// # Errors
/// If the database fails.
pub fn uses(
    connection: &mut Database,
    (batch, code): (&Batch, &Code),
    members: &[i64],
    day: Day,
) -> Result<Uses, StoreError> {
    let by_member: i64 = each_backend!(connection, |one| {
        promo_uses::table
            .filter(promo_uses::member.eq_any(members))
            .filter(promo_uses::batch.eq(batch.number))
            .count()
            .get_result(one)
    })?;
    let today: Option<i64> = promo_days::table
        .find((batch.number, day.number()))
        .select(promo_days::used)
        .first(connection)
        .optional()?;
    Ok(Uses { in_all: batch.used, of_code: code.used, by_member, today: today.unwrap_or(0) })
}

/// The number that this use of a locked batch gets.
///
/// # Errors
/// If the database fails.
pub fn number_of_use(connection: &mut Database, batch: i64) -> Result<i64, StoreError> {
    let next: i64 =
        promo_batches::table.find(batch).select(promo_batches::next_use).first(connection)?;
    Ok(next - 1)
}

/// Writes a use of a locked batch, whose grant is not posted yet.
///
/// # Errors
/// If the database fails.
pub fn take(connection: &mut Database, one: &CodeUse) -> Result<(), StoreError> {
    let none: Option<i64> = None;
    diesel::insert_into(promo_uses::table)
        .values((
            promo_uses::batch.eq(one.batch),
            promo_uses::number.eq(one.number),
            promo_uses::code.eq(&one.code),
            promo_uses::member.eq(one.member.0),
            promo_uses::party.eq(one.party.as_str()),
            promo_uses::programme.eq(one.programme.as_str()),
            promo_uses::state.eq("taken"),
            promo_uses::used_at.eq(one.used_at.0),
            promo_uses::day.eq(one.day.number()),
            promo_uses::points.eq(one.points.0),
            promo_uses::posted.eq(none),
            promo_uses::request.eq(one.request.as_slice()),
        ))
        .execute(connection)?;
    each_backend!(connection, |database| {
        diesel::insert_into(promo_days::table)
            .values((
                promo_days::batch.eq(one.batch),
                promo_days::day.eq(one.day.number()),
                promo_days::used.eq(0),
            ))
            .on_conflict_do_nothing()
            .execute(database)
    })?;
    count(connection, one, 1)
}

fn count(connection: &mut Database, one: &CodeUse, by: i64) -> Result<(), StoreError> {
    diesel::update(promo_batches::table.find(one.batch))
        .set(promo_batches::used.eq(promo_batches::used + by))
        .execute(connection)?;
    diesel::update(promo_codes::table.find(&one.code))
        .set(promo_codes::used.eq(promo_codes::used + by))
        .execute(connection)?;
    diesel::update(promo_days::table.find((one.batch, one.day.number())))
        .set(promo_days::used.eq(promo_days::used + by))
        .execute(connection)?;
    Ok(())
}

/// Notes the grant of a use. Gives back whether nobody did before.
///
/// # Errors
/// If the database fails.
pub fn post(
    connection: &mut Database,
    one: &CodeUse,
    posted: TransactionId,
) -> Result<bool, StoreError> {
    let changed = diesel::update(
        promo_uses::table.find((one.batch, one.number)).filter(promo_uses::state.eq("taken")),
    )
    .set((promo_uses::state.eq("granted"), promo_uses::posted.eq(posted.0)))
    .execute(connection)?;
    Ok(changed > 0)
}

/// Gives a use back whose grant was refused.
///
/// # Errors
/// If the database fails.
pub fn give_back(connection: &mut Database, one: &CodeUse) -> Result<(), StoreError> {
    // The batch's row first, as whoever takes a code does.
    diesel::update(promo_batches::table.find(one.batch))
        .set(promo_batches::used.eq(promo_batches::used))
        .execute(connection)?;
    let gone = diesel::delete(
        promo_uses::table.find((one.batch, one.number)).filter(promo_uses::state.eq("taken")),
    )
    .execute(connection)?;
    if gone > 0 { count(connection, one, -1) } else { Ok(()) }
}

type UseRow = (i64, i64, String, i64, String, String, i64, i64, i64, Option<i64>, Vec<u8>);

const USE: (
    promo_uses::batch,
    promo_uses::number,
    promo_uses::code,
    promo_uses::member,
    promo_uses::party,
    promo_uses::programme,
    promo_uses::used_at,
    promo_uses::day,
    promo_uses::points,
    promo_uses::posted,
    promo_uses::request,
) = (
    promo_uses::batch,
    promo_uses::number,
    promo_uses::code,
    promo_uses::member,
    promo_uses::party,
    promo_uses::programme,
    promo_uses::used_at,
    promo_uses::day,
    promo_uses::points,
    promo_uses::posted,
    promo_uses::request,
);

fn use_of(row: UseRow) -> Result<CodeUse, StoreError> {
    let (batch, number, code, member, party, programme, used_at, day, points, posted, request) =
        row;
    let request = NameHash::try_from(request);
    Ok(CodeUse {
        batch,
        number,
        code,
        member: MemberId(member),
        party: read_name(&party)?,
        programme: read_name(&programme)?,
        used_at: Instant(used_at),
        day: Day::from_number(day),
        points: Points(points),
        posted: posted.map(TransactionId),
        request: request.map_err(|_| StoreError::Damaged("a use of a promo code".into()))?,
    })
}

/// The use that a request made, if it made one.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn of_request(
    connection: &mut Database,
    request: &NameHash,
) -> Result<Option<CodeUse>, StoreError> {
    let row: Option<UseRow> = promo_uses::table
        .select(USE)
        .filter(promo_uses::request.eq(request.as_slice()))
        .first(connection)
        .optional()?;
    row.map(use_of).transpose()
}

/// Uses whose grants are not posted although they were taken some time ago.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn unposted(
    connection: &mut Database,
    before: Instant,
    most: i64,
) -> Result<Vec<CodeUse>, StoreError> {
    let rows: Vec<UseRow> = promo_uses::table
        .select(USE)
        .filter(of_index("state = 'taken'"))
        .filter(promo_uses::used_at.le(before.0))
        .order(promo_uses::used_at)
        .limit(most)
        .load(connection)?;
    rows.into_iter().map(use_of).collect()
}

/// The uses of a batch that were granted, after a number.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn granted(
    connection: &mut Database,
    batch: i64,
    after: i64,
    most: i64,
) -> Result<Vec<CodeUse>, StoreError> {
    let rows: Vec<UseRow> = promo_uses::table
        .select(USE)
        .filter(promo_uses::batch.eq(batch))
        .filter(promo_uses::number.gt(after))
        .filter(promo_uses::state.eq("granted"))
        .order(promo_uses::number)
        .limit(most)
        .load(connection)?;
    rows.into_iter().map(use_of).collect()
}
