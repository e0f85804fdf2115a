//! What ties a person to the rest: accounts, wallets, transactions, cards.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::members::with_merged;
use super::rows::read_name;
use super::schema::{accounts, cards, persons, transactions};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId, ShardId, TransactionId};

/// The programmes in which a member has an account.
///
/// # Errors
/// If the database fails.
pub fn programmes_of(
    connection: &mut Database,
    member: MemberId,
) -> Result<Vec<ProgrammeId>, StoreError> {
    let programmes: Vec<String> = accounts::table
        .select(accounts::programme)
        .filter(accounts::member.eq(member.0))
        .distinct()
        .order(accounts::programme)
        .load(connection)?;
    programmes.iter().map(|programme| read_name(programme)).collect()
}

/// Whether a member has an account or a card in a programme.
///
/// # Errors
/// If the database fails.
pub fn takes_part(
    connection: &mut Database,
    member: MemberId,
    programme: &ProgrammeId,
) -> Result<bool, StoreError> {
    if programmes_of(connection, member)?.contains(programme) {
        return Ok(true);
    }
    let all = with_merged(connection, member)?;
    let card: Option<i64> = each_backend!(connection, |one| {
        cards::table
            .select(cards::card)
            .filter(cards::member.eq_any(&all))
            .filter(cards::programme.eq(programme.as_str()))
            .first(one)
            .optional()
    })?;
    Ok(card.is_some())
}

/// Those of a range of members, both ends included, who are a programme's: with an account or a card
/// in it, or enrolled by one of some parties.
///
/// # Errors
/// If the database fails.
pub fn members_of(
    connection: &mut Database,
    (programme, enrolled_by): (&ProgrammeId, &[PartyId]),
    (first, last): (i64, i64),
) -> Result<BTreeSet<i64>, StoreError> {
    let programme = programme.as_str();
    let enrolled_by: Vec<&str> = enrolled_by.iter().map(PartyId::as_str).collect();
    let mut all: BTreeSet<i64> = BTreeSet::new();
    each_backend!(connection, |one| {
        let with_account = accounts::table
            .select(accounts::member)
            .filter(accounts::member.between(first, last))
            .filter(accounts::programme.eq(programme));
        all.extend(with_account.load::<i64>(one)?);
        let with_card = cards::table
            .select(cards::member)
            .filter(cards::member.between(first, last))
            .filter(cards::programme.eq(programme));
        all.extend(with_card.load::<i64>(one)?);
        let enrolled = persons::table
            .select(persons::member)
            .filter(persons::member.between(first, last))
            .filter(persons::party.eq_any(&enrolled_by));
        all.extend(enrolled.load::<i64>(one)?);
        Ok::<(), StoreError>(())
    })?;
    Ok(all)
}

/// The wallets that hold a card of a member.
///
/// # Errors
/// If the database fails.
pub fn wallets_of(
    connection: &mut Database,
    member: MemberId,
) -> Result<BTreeSet<String>, StoreError> {
    let wallets: Vec<String> = cards::table
        .select(cards::wallet)
        .filter(cards::member.eq(member.0))
        .distinct()
        .load(connection)?;
    Ok(wallets.into_iter().collect())
}

/// The newest transactions of members, at most so many.
///
/// # Errors
/// If the database fails.
pub fn transactions_of(
    connection: &mut Database,
    members: &[i64],
    limit: i64,
) -> Result<Vec<TransactionId>, StoreError> {
    let places: Vec<(i64, i64)> = each_backend!(connection, |one| {
        transactions::table
            .select((transactions::shard, transactions::seq))
            .filter(transactions::member.eq_any(members))
            .order((
                transactions::recorded_at.desc(),
                transactions::seq.desc(),
                transactions::shard.desc(),
            ))
            .limit(limit)
            .load(one)
    })?;
    Ok(places.into_iter().map(|(shard, seq)| TransactionId::new(ShardId(shard), seq)).collect())
}

/// A card of a member, as it is exported.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct CardOf {
    /// The programme.
    pub programme: String,
    /// The wallet.
    pub wallet: String,
    /// The number.
    pub number: String,
    /// The state.
    pub state: String,
    /// When it was issued.
    pub issued_at: i64,
}

/// The cards of members, oldest first, at most so many.
///
/// # Errors
/// If the database fails.
pub fn cards_of(
    connection: &mut Database,
    members: &[i64],
    limit: i64,
) -> Result<Vec<CardOf>, StoreError> {
    let found = each_backend!(connection, |one| {
        cards::table
            .select((
                cards::programme,
                cards::wallet,
                cards::number,
                cards::state,
                cards::issued_at,
            ))
            .filter(cards::member.eq_any(members))
            .order((cards::issued_at, cards::card))
            .limit(limit)
            .load(one)
    })?;
    Ok(found)
}
