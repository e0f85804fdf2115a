//! Baskets of web shops, and what happens with abandoned ones.

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::result::Error as DieselError;

use crate::domain::amount::{Money, Points};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId, TransactionId};
use crate::domain::offer::basket::{BasketGiftDocument, BasketRules, BasketState};
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};
use crate::store::connection::{Database, each_backend, of_index};
use crate::store::rows::{read_json, read_name, write_json};
use crate::store::schema::{basket_rules, baskets, transactions};
use crate::store::{StoreError, members};

/// How much earlier than the chain's last step an order may have been recorded that was not there
/// when that step was taken, in microseconds.
const BESIDE_MICROS: i64 = 60_000_000;

/// Receipts that are looked at for an order.
const RECEIPTS_MAX: i64 = 200;

/// A basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// Whose shop.
    pub party: PartyId,
    /// The shop's own name of it.
    pub id: String,
    /// In which programme.
    pub programme: ProgrammeId,
    /// Whose it is.
    pub member: MemberId,
    /// What it comes to.
    pub amount: Money,
    /// What is in it, as JSON that is told and listed as it is.
    pub lines: String,
    /// Where it stands.
    pub state: BasketState,
    /// How far the chain went: 1 and 2 for the times it was told of, 3 for a call.
    pub stage: i64,
    /// When it was begun.
    pub opened_at: Instant,
    /// When the member last did something with it, or the chain its last step.
    pub touched_at: Instant,
    /// When the next step is due.
    pub due_at: Instant,
    /// It grows with every change.
    pub version: i64,
    /// Points that the second stage gives.
    pub points: Option<Points>,
    /// Why they were refused.
    pub refused: Option<String>,
    /// The grant.
    pub posted: Option<TransactionId>,
    /// The order that it became.
    pub order: Option<String>,
    /// What the second stage gives, as it was when that began.
    pub gift: Option<BasketGiftDocument>,
}

#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = baskets, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    party: String,
    basket: String,
    programme: String,
    member: i64,
    amount: i64,
    lines: String,
    state: String,
    stage: i64,
    opened_at: i64,
    touched_at: i64,
    due_at: i64,
    version: i64,
    points: Option<i64>,
    refused: Option<String>,
    posted: Option<i64>,
    order_reference: Option<String>,
    gift: Option<String>,
}

fn row_of(one: &Basket) -> Row {
    Row {
        party: one.party.to_string(),
        basket: one.id.clone(),
        programme: one.programme.to_string(),
        member: one.member.0,
        amount: one.amount.0,
        lines: one.lines.clone(),
        state: one.state.name().to_owned(),
        stage: one.stage,
        opened_at: one.opened_at.0,
        touched_at: one.touched_at.0,
        due_at: one.due_at.0,
        version: one.version,
        points: one.points.map(|points| points.0),
        refused: one.refused.clone(),
        posted: one.posted.map(|id| id.0),
        order_reference: one.order.clone(),
        gift: one.gift.as_ref().map(write_json),
    }
}

fn basket_of(row: Row) -> Result<Basket, StoreError> {
    let state = BasketState::named(&row.state);
    Ok(Basket {
        party: read_name(&row.party)?,
        id: row.basket,
        programme: read_name(&row.programme)?,
        member: MemberId(row.member),
        amount: Money(row.amount),
        lines: row.lines,
        state: state.ok_or_else(|| StoreError::Damaged("a basket's state".into()))?,
        stage: row.stage,
        opened_at: Instant(row.opened_at),
        touched_at: Instant(row.touched_at),
        due_at: Instant(row.due_at),
        version: row.version,
        points: row.points.map(Points),
        refused: row.refused,
        posted: row.posted.map(TransactionId),
        order: row.order_reference,
        gift: row.gift.map(|gift| read_json(&gift, "a basket's gift")).transpose()?,
    })
}

/// A basket.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn find(
    connection: &mut Database,
    party: &PartyId,
    id: &str,
) -> Result<Option<Basket>, StoreError> {
    let row: Option<Row> = baskets::table
        .find((party.as_str(), id))
        .select(Row::as_select())
        .first(connection)
        .optional()?;
    row.map(basket_of).transpose()
}

/// Adds a basket.
///
/// # Errors
/// If it is there already, or the database fails.
pub fn add(connection: &mut Database, new: &Basket) -> Result<(), StoreError> {
    let row = row_of(new);
    each_backend!(connection, |one| {
        diesel::insert_into(baskets::table).values(&row).execute(one)
    })?;
    Ok(())
}

/// Takes a basket from where it stood to where it stands now. Gives that back.
///
/// # Errors
/// If somebody else was faster, or the database fails.
pub fn advance(
    connection: &mut Database,
    before: &Basket,
    after: Basket,
) -> Result<Basket, StoreError> {
    let after = Basket { version: before.version + 1, ..after };
    let row = row_of(&after);
    let changed = each_backend!(connection, |one| {
        diesel::update(
            baskets::table
                .find((before.party.as_str(), before.id.as_str()))
                .filter(baskets::version.eq(before.version)),
        )
        .set(&row)
        .execute(one)
    })?;
    if changed == 0 {
        return Err(StoreError::Conflict(DieselError::RollbackTransaction));
    }
    Ok(after)
}

/// Baskets whose next step is due, the longest due first.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn due(connection: &mut Database, now: Instant, most: i64) -> Result<Vec<Basket>, StoreError> {
    let rows: Vec<Row> = each_backend!(connection, |one| {
        baskets::table
            .select(Row::as_select())
            .filter(of_index("state IN ('open', 'told', 'giving', 'told_twice')"))
            .filter(baskets::due_at.le(now.0))
            .order((baskets::due_at, baskets::party, baskets::basket))
            .limit(most)
            .load(one)
    })?;
    rows.into_iter().map(basket_of).collect()
}

/// The reference of a receipt that a basket's member got in its shop since the basket was last
/// touched, if there is one.
///
/// # Errors
/// If the database fails, or what is stored can't be read.
pub fn order_of(connection: &mut Database, basket: &Basket) -> Result<Option<String>, StoreError> {
    let now = members::current(connection, &[basket.member.0])?;
    let now = now.get(&basket.member).copied().unwrap_or(basket.member);
    let earlier = if basket.state == BasketState::Open { 0 } else { BESIDE_MICROS };
    let since = basket.touched_at.plus_micros(-earlier);
    let rows: Vec<String> = each_backend!(connection, |one| {
        transactions::table
            .select(transactions::content)
            .filter(transactions::member.eq_any([basket.member.0, now.0]))
            .filter(transactions::recorded_at.ge(since.0))
            .order(transactions::recorded_at)
            .limit(RECEIPTS_MAX)
            .load(one)
    })?;
    for content in rows {
        let transaction: Transaction = read_json(&content, "a transaction")?;
        let is_order = matches!(&transaction.detail, Detail::Purchase { part, .. }
            if part.programme == basket.programme);
        if is_order && transaction.party == basket.party {
            let reference = transaction.reference.map(|one| one.as_str().to_owned());
            return Ok(Some(reference.unwrap_or_default()));
        }
    }
    Ok(None)
}

/// A place in the list of calls.
pub type CallPlace = (Instant, String, String);

/// Whose baskets are listed: those of a shop, and those of programmes; none: all.
#[derive(Clone, Debug, Default)]
pub struct Whose {
    /// The shop.
    pub party: Option<PartyId>,
    /// The programmes.
    pub programmes: Vec<ProgrammeId>,
}

/// Baskets for which somebody should call, the longest waiting first, after a place.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn to_call(
    connection: &mut Database,
    (whose, programme): (&Whose, Option<&ProgrammeId>),
    after: Option<&CallPlace>,
    most: i64,
) -> Result<Vec<Basket>, StoreError> {
    let mut query = baskets::table
        .select(Row::as_select())
        .filter(of_index("state = 'call'"))
        .order((baskets::touched_at, baskets::party, baskets::basket))
        .limit(most)
        .into_boxed();
    if let Some(party) = &whose.party {
        let programmes: Vec<&str> = whose.programmes.iter().map(ProgrammeId::as_str).collect();
        let of_brand = baskets::programme.eq_any(programmes);
        query = query.filter(baskets::party.eq(party.as_str()).or(of_brand));
    }
    if let Some(programme) = programme {
        query = query.filter(baskets::programme.eq(programme.as_str()));
    }
    if let Some((at, party, id)) = after {
        let same = baskets::touched_at.eq(at.0);
        let beside = baskets::party.eq(party).and(baskets::basket.gt(id));
        let behind = same.and(baskets::party.gt(party).or(beside));
        query = query.filter(baskets::touched_at.gt(at.0).or(behind));
    }
    let rows: Vec<Row> = query.load(connection)?;
    rows.into_iter().map(basket_of).collect()
}

/// How many baskets of a programme stand where, by state and stage.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn counts(
    connection: &mut Database,
    programme: &ProgrammeId,
) -> Result<Vec<(BasketState, i64, i64)>, StoreError> {
    let rows: Vec<(String, i64, i64)> = each_backend!(connection, |one| {
        baskets::table
            .filter(baskets::programme.eq(programme.as_str()))
            .group_by((baskets::state, baskets::stage))
            .select((baskets::state, baskets::stage, count_star()))
            .load(one)
    })?;
    let damaged = || StoreError::Damaged("a basket's state".into());
    rows.into_iter()
        .map(|(state, stage, count)| {
            Ok((BasketState::named(&state).ok_or_else(damaged)?, stage, count))
        })
        .collect()
}

/// Forgets baskets that nobody has touched since. Gives back how many.
///
/// # Errors
/// If the database fails.
pub fn forget_before(connection: &mut Database, before: Instant) -> Result<usize, StoreError> {
    let gone = diesel::delete(baskets::table.filter(baskets::touched_at.lt(before.0)))
        .execute(connection)?;
    Ok(gone)
}

/// The rules of a programme, and when they were written; none: nobody wrote any.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn rules(
    connection: &mut Database,
    programme: &ProgrammeId,
) -> Result<Option<(BasketRules, Instant)>, StoreError> {
    let row: Option<(String, i64)> = basket_rules::table
        .find(programme.as_str())
        .select((basket_rules::document, basket_rules::changed_at))
        .first(connection)
        .optional()?;
    row.map(|(document, at)| Ok((read_json(&document, "the rules of baskets")?, Instant(at))))
        .transpose()
}

/// Writes the rules of a programme.
///
/// # Errors
/// If the database fails.
pub fn put_rules(
    connection: &mut Database,
    programme: &ProgrammeId,
    rules: &BasketRules,
    (author, now): (&str, Instant),
) -> Result<(), StoreError> {
    let values = (
        basket_rules::document.eq(write_json(rules)),
        basket_rules::author.eq(author),
        basket_rules::changed_at.eq(now.0),
    );
    each_backend!(connection, |one| {
        diesel::insert_into(basket_rules::table)
            .values((basket_rules::programme.eq(programme.as_str()), values.clone()))
            .on_conflict(basket_rules::programme)
            .do_update()
            .set(values)
            .execute(one)
    })?;
    Ok(())
}
