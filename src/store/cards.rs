//! Cards, what was done to them, the rotating codes that were shown, the intro screens seen.

use std::collections::HashMap;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::rows::read_name;
use super::save::ROWS_PER_STATEMENT;
use super::schema::{card_codes, card_intros, card_steps, cards};
use crate::domain::card::{Card, CardNumber, CardState, SECRET_BYTES, Secret, Step, Why};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::time::Instant;

/// Steps of a card that are kept.
const STEPS_KEPT: i64 = 100;

/// A card's row.
#[derive(Clone, Debug, Queryable, Selectable, Insertable)]
#[diesel(table_name = cards, treat_none_as_default_value = false)]
pub struct CardRow {
    /// Its key: the number as a number.
    pub card: i64,
    /// Whose.
    pub member: i64,
    /// In which programme.
    pub programme: String,
    /// Who issued it.
    pub wallet: String,
    /// Which product.
    pub product: String,
    /// Its number.
    pub number: String,
    /// Where it stands.
    pub state: String,
    /// When it was issued.
    pub issued_at: i64,
    /// When its state changed.
    pub changed_at: i64,
    /// The key of the card that took its place.
    pub replaced_by: Option<i64>,
    /// Its secret.
    pub secret: Vec<u8>,
    /// How often its state changed.
    pub version: i64,
}

impl CardRow {
    /// The row of a card.
    fn of(card: &Card) -> Self {
        Self {
            card: card.number.id(),
            member: card.member.0,
            programme: card.programme.to_string(),
            wallet: card.wallet.to_string(),
            product: card.product.clone(),
            number: card.number.to_string(),
            state: card.state.name().to_owned(),
            issued_at: card.issued_at.0,
            changed_at: card.changed_at.0,
            replaced_by: card.replaced_by,
            secret: card.secret.0.to_vec(),
            version: card.version,
        }
    }

    /// The card.
    ///
    /// # Errors
    /// If the row was changed.
    pub fn into_card(self) -> Result<Card, StoreError> {
        let damaged = |what: &str| StoreError::Damaged(format!("a card's {what}"));
        let secret: [u8; SECRET_BYTES] = self.secret.try_into().map_err(|_| damaged("secret"))?;
        Ok(Card {
            number: CardNumber::parse(&self.number).ok_or_else(|| damaged("number"))?,
            member: MemberId(self.member),
            programme: read_name(&self.programme)?,
            wallet: read_name(&self.wallet)?,
            product: self.product,
            state: CardState::named(&self.state).ok_or_else(|| damaged("state"))?,
            issued_at: Instant(self.issued_at),
            changed_at: Instant(self.changed_at),
            replaced_by: self.replaced_by,
            secret: Secret(secret),
            version: self.version,
        })
    }
}

/// Adds cards.
///
/// # Errors
/// If a number was taken meanwhile, or the database fails.
pub fn insert(connection: &mut Database, new: &[Card]) -> Result<(), StoreError> {
    let rows: Vec<CardRow> = new.iter().map(CardRow::of).collect();
    for rows in rows.chunks(ROWS_PER_STATEMENT) {
        each_backend!(connection, |one| {
            diesel::insert_into(cards::table).values(rows).execute(one)
        })?;
    }
    Ok(())
}

/// Writes where a card stands now.
///
/// # Errors
/// If the database fails.
pub fn update(connection: &mut Database, card: &Card) -> Result<(), StoreError> {
    diesel::update(cards::table.find(card.number.id()))
        .set((
            cards::state.eq(card.state.name()),
            cards::changed_at.eq(card.changed_at.0),
            cards::replaced_by.eq(card.replaced_by),
            cards::version.eq(card.version),
        ))
        .execute(connection)?;
    Ok(())
}

/// A card by its key.
///
/// # Errors
/// If the database fails.
pub fn find(connection: &mut Database, card: i64) -> Result<Option<Card>, StoreError> {
    let row: Option<CardRow> =
        cards::table.find(card).select(CardRow::as_select()).first(connection).optional()?;
    row.map(CardRow::into_card).transpose()
}

/// The card in use of any of these members in a programme and a wallet, the oldest first.
///
/// # Errors
/// If the database fails.
pub fn in_use(
    connection: &mut Database,
    members: &[i64],
    programme: &str,
    wallet: &str,
) -> Result<Option<Card>, StoreError> {
    let row: Option<CardRow> = each_backend!(connection, |one| {
        cards::table
            .select(CardRow::as_select())
            .filter(cards::member.eq_any(members))
            .filter(cards::programme.eq(programme))
            .filter(cards::wallet.eq(wallet))
            .filter(cards::state.eq("active").or(cards::state.eq("frozen")))
            .order((cards::issued_at, cards::card))
            .first(one)
            .optional()
    })?;
    row.map(CardRow::into_card).transpose()
}

/// Which of these numbers are taken.
///
/// # Errors
/// If the database fails.
pub fn taken(connection: &mut Database, numbers: &[CardNumber]) -> Result<Vec<String>, StoreError> {
    let asked: Vec<&str> = numbers.iter().map(CardNumber::as_str).collect();
    let found = each_backend!(connection, |one| {
        cards::table.select(cards::number).filter(cards::number.eq_any(&asked)).load(one)
    })?;
    Ok(found)
}

/// Where cards stand, by their keys.
///
/// # Errors
/// If the database fails.
pub fn states(
    connection: &mut Database,
    keys: &[i64],
) -> Result<HashMap<i64, CardState>, StoreError> {
    let mut found = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(ROWS_PER_STATEMENT) {
        let rows: Vec<(i64, String)> = each_backend!(connection, |one| {
            cards::table
                .select((cards::card, cards::state))
                .filter(cards::card.eq_any(keys))
                .load(one)
        })?;
        for (card, state) in rows {
            let state = CardState::named(&state);
            let state = state.ok_or_else(|| StoreError::Damaged("a card's state".into()))?;
            found.insert(card, state);
        }
    }
    Ok(found)
}

/// Adds a step of a card, and forgets those that are too many.
///
/// # Errors
/// If the database fails.
pub fn add_step(
    connection: &mut Database,
    (card, at): (i64, Instant),
    step: Step,
    party: &PartyId,
    why: Option<Why>,
) -> Result<(), StoreError> {
    let last: Option<i64> = card_steps::table
        .select(diesel::dsl::max(card_steps::place))
        .filter(card_steps::card.eq(card))
        .first(connection)?;
    let place = last.unwrap_or(0) + 1;
    diesel::insert_into(card_steps::table)
        .values((
            card_steps::card.eq(card),
            card_steps::place.eq(place),
            card_steps::at.eq(at.0),
            card_steps::step.eq(step.name()),
            card_steps::party.eq(party.as_str()),
            card_steps::why.eq(why.map(Why::name)),
        ))
        .execute(connection)?;
    diesel::delete(
        card_steps::table
            .filter(card_steps::card.eq(card))
            .filter(card_steps::place.le(place - STEPS_KEPT)),
    )
    .execute(connection)?;
    Ok(())
}

/// Who froze a card last.
///
/// # Errors
/// If the database fails.
pub fn frozen_by(connection: &mut Database, card: i64) -> Result<Option<PartyId>, StoreError> {
    let party: Option<String> = card_steps::table
        .select(card_steps::party)
        .filter(card_steps::card.eq(card))
        .filter(card_steps::step.eq(Step::Freeze.name()))
        .order(card_steps::place.desc())
        .first(connection)
        .optional()?;
    party.as_deref().map(read_name).transpose()
}

/// What is known of the rotating codes that a card showed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CodeRecord {
    /// The step of the last one that was taken.
    pub step: Option<i64>,
    /// How many wrong ones were shown.
    pub wrong: i64,
    /// Since when.
    pub wrong_since: Instant,
}

/// No step yet.
const NO_STEP: i64 = -1;

/// Locks what is known of a card's rotating codes until the transaction ends.
///
/// # Errors
/// If the database fails.
pub fn lock_codes(connection: &mut Database, card: i64) -> Result<CodeRecord, StoreError> {
    each_backend!(connection, |one| {
        diesel::insert_into(card_codes::table)
            .values((
                card_codes::card.eq(card),
                card_codes::step.eq(NO_STEP),
                card_codes::wrong.eq(0),
                card_codes::wrong_since.eq(0),
            ))
            .on_conflict_do_nothing()
            .execute(one)
    })?;
    // An update takes the row's lock on either database.
    diesel::update(card_codes::table.find(card))
        .set(card_codes::wrong.eq(card_codes::wrong))
        .execute(connection)?;
    let (step, wrong, since): (i64, i64, i64) = card_codes::table
        .find(card)
        .select((card_codes::step, card_codes::wrong, card_codes::wrong_since))
        .first(connection)?;
    let step = Some(step).filter(|step| *step != NO_STEP);
    Ok(CodeRecord { step, wrong, wrong_since: Instant(since) })
}

/// Writes what is known of a card's rotating codes.
///
/// # Errors
/// If the database fails.
pub fn save_codes(
    connection: &mut Database,
    card: i64,
    record: CodeRecord,
) -> Result<(), StoreError> {
    diesel::update(card_codes::table.find(card))
        .set((
            card_codes::step.eq(record.step.unwrap_or(NO_STEP)),
            card_codes::wrong.eq(record.wrong),
            card_codes::wrong_since.eq(record.wrong_since.0),
        ))
        .execute(connection)?;
    Ok(())
}

/// Notes that a member saw the intro screen of a campaign; once is enough.
///
/// # Errors
/// If the database fails.
pub fn see_intro(
    connection: &mut Database,
    member: MemberId,
    campaign: &str,
    at: Instant,
) -> Result<(), StoreError> {
    each_backend!(connection, |one| {
        diesel::insert_into(card_intros::table)
            .values((
                card_intros::member.eq(member.0),
                card_intros::campaign.eq(campaign),
                card_intros::seen_at.eq(at.0),
            ))
            .on_conflict_do_nothing()
            .execute(one)
    })?;
    Ok(())
}

/// Which of these campaigns' intro screens a member has seen.
///
/// # Errors
/// If the database fails.
pub fn intros_seen(
    connection: &mut Database,
    member: MemberId,
    campaigns: &[&str],
) -> Result<Vec<String>, StoreError> {
    if campaigns.is_empty() {
        return Ok(Vec::new());
    }
    let seen = each_backend!(connection, |one| {
        card_intros::table
            .select(card_intros::campaign)
            .filter(card_intros::member.eq(member.0))
            .filter(card_intros::campaign.eq_any(campaigns))
            .load(one)
    })?;
    Ok(seen)
}
