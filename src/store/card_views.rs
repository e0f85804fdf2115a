//! What a card shows, in one read: the card, its account, the live lots and the promotions that
//! granted them.
//!
//! One statement sees one state of the database, and a prepared one costs PostgreSQL no planning.
//! A card whose member was merged is read in two steps: first who the member is now.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use rust_decimal::Decimal;

use super::cards::CardRow;
use super::connection::Database;
use super::load::{self, Wanted};
use super::prepared::prepared;
use super::rows::{AccountRow, read_name};
use super::{StoreError, cards, members, promos};
use crate::domain::account::{Account, AccountKey, Balance};
use crate::domain::amount::{Money, Points};
use crate::domain::card::Card;
use crate::domain::hold::Hold;
use crate::domain::ids::{LotId, MemberId, ProgrammeId};
use crate::domain::lot::{Loaded, Lot};
use crate::domain::time::Instant;

/// The text of the read, the same for both databases.
const VIEW: &str = "SELECT c.card, c.member, c.programme, c.wallet, c.product, c.number, c.state, \
    c.issued_at, c.changed_at, c.replaced_by, c.secret, c.version, m.merged_into, \
    a.points, a.held, a.debt, a.metric, l.lot, l.remaining, l.held AS lot_held, l.available_at, \
    l.expires_at, p.campaign, p.arm, p.granted_at, g.document \
    FROM cards c JOIN members m ON m.member = c.member \
    LEFT JOIN accounts a ON a.member = c.member AND a.programme = c.programme \
    LEFT JOIN lots l ON l.member = c.member AND l.programme = c.programme AND l.live \
    LEFT JOIN promos p ON p.lot = l.lot \
    LEFT JOIN campaigns g ON g.campaign = p.campaign WHERE c.card = ? AND m.erased_at IS NULL";

prepared! {
    /// All that one card shows.
    ViewOne(card: i64 => BigInt) -> (
        BigInt, BigInt, Text, Text, Text, Text, Text, BigInt, BigInt, Nullable<BigInt>, Binary,
        BigInt, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>,
        Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>, Nullable<Text>,
    ) = VIEW
}

#[derive(Queryable, QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    card: i64,
    #[diesel(sql_type = BigInt)]
    member: i64,
    #[diesel(sql_type = Text)]
    programme: String,
    #[diesel(sql_type = Text)]
    wallet: String,
    #[diesel(sql_type = Text)]
    product: String,
    #[diesel(sql_type = Text)]
    number: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = BigInt)]
    issued_at: i64,
    #[diesel(sql_type = BigInt)]
    changed_at: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    replaced_by: Option<i64>,
    #[diesel(sql_type = Binary)]
    secret: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    merged_into: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    points: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    held: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    debt: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    metric: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    lot: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    remaining: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    lot_held: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    available_at: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    expires_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    campaign: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    arm: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    granted_at: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    document: Option<String>,
}

/// A promotion whose points are neither spent nor lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promo {
    /// The campaign.
    pub campaign: String,
    /// The campaign as it was written.
    pub document: String,
    /// The member's group in it.
    pub arm: String,
    /// The points that are left.
    pub left: Points,
    /// When they were granted.
    pub granted_at: Instant,
    /// From when on they are lost.
    pub expires_at: Instant,
}

/// All that a card shows, as it is stored.
#[derive(Clone, Debug)]
pub struct CardView {
    /// The card.
    pub card: Card,
    /// The member now.
    pub member: MemberId,
    /// The account in the card's programme, whole.
    pub account: Account,
    /// Its balance.
    pub balance: Balance,
    /// Live promotions, what is lost first ahead.
    pub promos: Vec<Promo>,
}

/// Reads all that a card shows.
///
/// # Errors
/// If the database fails, or what is stored can't be read.
pub fn view(
    connection: &mut Database,
    card: i64,
    now: Instant,
) -> Result<Option<CardView>, StoreError> {
    let rows: Vec<Row> = match connection {
        Database::Postgres(one) => ViewOne { card: &card }.load(one)?,
        Database::Sqlite(one) => diesel::sql_query(VIEW).bind::<BigInt, _>(card).load(one)?,
    };
    let Some(first) = rows.first() else { return Ok(None) };
    if let Some(into) = first.merged_into {
        return merged(connection, card, into, now);
    }
    let (points, held, debt) = (first.points, first.held, first.debt);
    let metric = first.metric.clone();
    let (mut lots, mut promos, mut card) = (BTreeMap::new(), Vec::new(), None);
    for mut row in rows {
        if let Some(lot) = row.lot() {
            if let Some(promo) = row.promo(&lot, now) {
                promos.push(promo);
            }
            lots.insert(lot.id, lot);
        }
        if card.is_none() {
            card = Some(row.into_card()?);
        }
    }
    let Some(card) = card else { return Ok(None) };
    let key = AccountKey { member: card.member, programme: card.programme.clone() };
    let mut account = match (points, held, debt, metric) {
        (Some(points), Some(held), Some(debt), Some(metric)) => AccountRow {
            member: key.member.0,
            programme: key.programme.to_string(),
            shard: key.member.shard().0,
            points,
            held,
            debt,
            metric,
            max_share: None,
        }
        .into_account()?,
        _ => Account::new(key.clone()),
    };
    account.lots.add_read(lots.into_values(), Loaded::All);
    let holds = if account.held.is_zero() { Vec::new() } else { load::holds_of(connection, &key)? };
    let balance = Balance::of(&account, &holds.iter().collect::<Vec<&Hold>>(), now);
    promos.sort_by(|one: &Promo, other| {
        (one.expires_at, &one.campaign).cmp(&(other.expires_at, &other.campaign))
    });
    Ok(Some(CardView { member: card.member, card, account, balance, promos }))
}

/// The same for a card whose member became another.
fn merged(
    connection: &mut Database,
    card: i64,
    into: i64,
    now: Instant,
) -> Result<Option<CardView>, StoreError> {
    let Some(card) = cards::find(connection, card)? else { return Ok(None) };
    let current = members::current(connection, &[into])?;
    let Some(&member) = current.get(&MemberId(into)) else { return Ok(None) };
    of_member(connection, card, member, now).map(Some)
}

/// What a card shows of a member whose account is read apart.
fn of_member(
    connection: &mut Database,
    card: Card,
    member: MemberId,
    now: Instant,
) -> Result<CardView, StoreError> {
    let (account, balance) = account_of(connection, member, &card.programme, now)?;
    let promos = live_promos(connection, member, &card.programme, now)?;
    Ok(CardView { card, member, account, balance, promos })
}

/// A member's account in one programme, whole, and its balance.
///
/// # Errors
/// If the database fails.
pub fn account_of(
    connection: &mut Database,
    member: MemberId,
    programme: &ProgrammeId,
    now: Instant,
) -> Result<(Account, Balance), StoreError> {
    let whole = std::collections::BTreeSet::from([member]);
    let wanted = Wanted { members: whole.clone(), whole, ..Wanted::default() };
    let ledger = load::load(connection, &wanted, now)?;
    let account = ledger.account(&AccountKey { member, programme: programme.clone() });
    let holds: Vec<&Hold> = ledger.holds_of(&account).collect();
    let balance = Balance::of(&account, &holds, now);
    Ok((account, balance))
}

/// The live promotions of a member in a programme.
///
/// # Errors
/// If the database fails.
pub fn live_promos(
    connection: &mut Database,
    member: MemberId,
    programme: &ProgrammeId,
    now: Instant,
) -> Result<Vec<Promo>, StoreError> {
    let live = promos::live_of(connection, member, programme, now)?.into_iter();
    let promo = |one: promos::LivePromo| Promo {
        campaign: one.campaign,
        document: one.document,
        arm: one.arm,
        left: one.left,
        granted_at: one.granted_at,
        expires_at: one.expires_at,
    };
    Ok(live.map(promo).collect())
}

impl Row {
    fn lot(&self) -> Option<Lot> {
        Some(Lot {
            id: LotId(self.lot?),
            // What a lot was funded with and what it costs is not shown on a card.
            granted: Points(self.remaining?),
            remaining: Points(self.remaining?),
            held: Points(self.lot_held?),
            expired: Points::ZERO,
            available_at: Instant(self.available_at?),
            expires_at: Instant(self.expires_at?),
            price: Decimal::ZERO,
            cost: Money::ZERO,
            funding: None,
        })
    }

    fn promo(&mut self, lot: &Lot, now: Instant) -> Option<Promo> {
        let is_live = lot.remaining.is_positive() && now < lot.expires_at;
        let promo = Promo {
            campaign: self.campaign.take()?,
            document: self.document.take()?,
            arm: self.arm.take()?,
            left: lot.remaining,
            granted_at: Instant(self.granted_at.unwrap_or_default()),
            expires_at: lot.expires_at,
        };
        is_live.then_some(promo)
    }

    fn into_card(self) -> Result<Card, StoreError> {
        read_name::<ProgrammeId>(&self.programme)?;
        CardRow {
            card: self.card,
            member: self.member,
            programme: self.programme,
            wallet: self.wallet,
            product: self.product,
            number: self.number,
            state: self.state,
            issued_at: self.issued_at,
            changed_at: self.changed_at,
            replaced_by: self.replaced_by,
            secret: self.secret,
            version: self.version,
        }
        .into_card()
    }
}
