//! Open items: what the bank booked and somebody has to look at, and what people did with it.

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend, of_index};
use super::schema::{open_item_steps, open_items};
use crate::domain::amount::Money;
use crate::domain::settlement::payment::{Ending, ItemId, ItemKind, ItemState, ItemStep, OpenItem};
use crate::domain::time::{Day, Instant};

#[derive(Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = open_items, treat_none_as_default_value = false, treat_none_as_null = true)]
struct ItemRow {
    item: i64,
    kind: String,
    state: String,
    entry: String,
    leg: Option<String>,
    amount: i64,
    currency: String,
    suspense: i64,
    booked_on: Option<i64>,
    opened_at: i64,
    description: String,
    reference: Option<String>,
    confirmed_by: Option<String>,
}

impl ItemRow {
    fn of(item: &OpenItem) -> Self {
        Self {
            item: item.id.0,
            kind: item.kind.name().to_owned(),
            state: item.state.name().to_owned(),
            entry: item.entry.clone(),
            leg: item.leg.clone(),
            amount: item.amount.0,
            currency: item.currency.clone(),
            suspense: item.suspense.0,
            booked_on: item.booked_on.map(Day::number),
            opened_at: item.opened_at.0,
            description: item.text.clone(),
            reference: item.reference.clone(),
            confirmed_by: item.confirmed_by.clone(),
        }
    }

    fn into_item(self) -> Result<OpenItem, StoreError> {
        let id = ItemId(self.item);
        let damaged = || StoreError::Damaged(format!("open item {id}"));
        Ok(OpenItem {
            id,
            kind: ItemKind::named(&self.kind).ok_or_else(damaged)?,
            state: ItemState::named(&self.state).ok_or_else(damaged)?,
            entry: self.entry,
            leg: self.leg,
            amount: Money(self.amount),
            currency: self.currency,
            suspense: Money(self.suspense),
            booked_on: self.booked_on.map(Day::from_number),
            opened_at: Instant(self.opened_at),
            text: self.description,
            reference: self.reference,
            confirmed_by: self.confirmed_by,
        })
    }
}

/// The number that the next item gets; whoever asks holds the lock of the house's head.
///
/// # Errors
/// If the database fails.
pub fn next_id(connection: &mut Database) -> Result<ItemId, StoreError> {
    let last: Option<i64> =
        open_items::table.select(diesel::dsl::max(open_items::item)).first(connection)?;
    Ok(ItemId(last.unwrap_or(0) + 1))
}

/// Adds items.
///
/// # Errors
/// If one is there already, or the database fails.
pub fn add(connection: &mut Database, items: &[OpenItem]) -> Result<(), StoreError> {
    let rows: Vec<ItemRow> = items.iter().map(ItemRow::of).collect();
    for rows in rows.chunks(1_000) {
        each_backend!(connection, |one| {
            diesel::insert_into(open_items::table).values(rows).execute(one)
        })?;
    }
    Ok(())
}

/// Saves an item that is there.
///
/// # Errors
/// If the database fails.
pub fn save(connection: &mut Database, item: &OpenItem) -> Result<(), StoreError> {
    let row = ItemRow::of(item);
    each_backend!(connection, |one| {
        diesel::update(open_items::table.find(row.item)).set(&row).execute(one)
    })?;
    Ok(())
}

/// An item.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn find(connection: &mut Database, id: ItemId) -> Result<Option<OpenItem>, StoreError> {
    let row: Option<ItemRow> =
        open_items::table.find(id.0).select(ItemRow::as_select()).first(connection).optional()?;
    row.map(ItemRow::into_item).transpose()
}

/// Items after one, by their numbers: those in a state, or all.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn list(
    connection: &mut Database,
    state: Option<ItemState>,
    after: i64,
    most: i64,
) -> Result<Vec<OpenItem>, StoreError> {
    let mut query = open_items::table
        .select(ItemRow::as_select())
        .filter(open_items::item.gt(after))
        .order(open_items::item)
        .limit(most)
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(open_items::state.eq(state.name()));
    }
    let rows: Vec<ItemRow> = query.load(connection)?;
    rows.into_iter().map(ItemRow::into_item).collect()
}

/// The open items of a payment.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn open_of(connection: &mut Database, leg: &str) -> Result<Vec<OpenItem>, StoreError> {
    let rows: Vec<ItemRow> = open_items::table
        .select(ItemRow::as_select())
        .filter(open_items::leg.eq(leg))
        .filter(of_index("state = 'open'"))
        .order(open_items::item)
        .load(connection)?;
    rows.into_iter().map(ItemRow::into_item).collect()
}

/// Items whose money goes back, and that the bank has not booked yet.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn to_confirm(connection: &mut Database) -> Result<Vec<OpenItem>, StoreError> {
    let rows: Vec<ItemRow> = open_items::table
        .select(ItemRow::as_select())
        .filter(of_index("state = 'returned'"))
        .filter(open_items::confirmed_by.is_null())
        .order(open_items::item)
        .load(connection)?;
    rows.into_iter().map(ItemRow::into_item).collect()
}

/// How much the items that are open have in the suspense account.
///
/// # Errors
/// If the database fails.
pub fn in_suspense(connection: &mut Database) -> Result<Money, StoreError> {
    let rows: Vec<i64> = open_items::table
        .select(open_items::suspense)
        .filter(of_index("state = 'open'"))
        .filter(open_items::suspense.ne(0))
        .load(connection)?;
    Ok(rows.into_iter().map(Money).sum())
}

type StepRow = (bool, String, Option<String>, i64, String, i64, String);

/// What people did with an item, in order.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn steps(connection: &mut Database, id: ItemId) -> Result<Vec<ItemStep>, StoreError> {
    let rows: Vec<StepRow> = open_item_steps::table
        .select((
            open_item_steps::proposal,
            open_item_steps::ending,
            open_item_steps::leg,
            open_item_steps::amount,
            open_item_steps::author,
            open_item_steps::at,
            open_item_steps::why,
        ))
        .filter(open_item_steps::item.eq(id.0))
        .order(open_item_steps::step)
        .load(connection)?;
    let step = |(is_proposal, ending, leg, amount, author, at, why): StepRow| {
        let ending =
            Ending::named(&ending).ok_or_else(|| StoreError::Damaged(format!("a step of {id}")))?;
        Ok(ItemStep {
            is_proposal,
            ending,
            leg,
            amount: Money(amount),
            author,
            at: Instant(at),
            why,
        })
    };
    rows.into_iter().map(step).collect()
}

/// Adds what a person did with an item, after `count` steps.
///
/// # Errors
/// If the database fails.
pub fn add_step(
    connection: &mut Database,
    id: ItemId,
    count: usize,
    step: &ItemStep,
) -> Result<(), StoreError> {
    diesel::insert_into(open_item_steps::table)
        .values((
            open_item_steps::item.eq(id.0),
            open_item_steps::step.eq(i64::try_from(count).unwrap_or(i64::MAX) + 1),
            open_item_steps::proposal.eq(step.is_proposal),
            open_item_steps::ending.eq(step.ending.name()),
            open_item_steps::leg.eq(step.leg.as_deref()),
            open_item_steps::amount.eq(step.amount.0),
            open_item_steps::author.eq(&step.author),
            open_item_steps::at.eq(step.at.0),
            open_item_steps::why.eq(&step.why),
        ))
        .execute(connection)?;
    Ok(())
}
