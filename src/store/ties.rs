//! What ties a person to the rest: accounts, wallets, transactions, cards.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::load::KEYS_PER_STATEMENT;
use super::members::{gone_into, with_merged};
use super::rows::read_name;
use super::schema::{
    accounts, cards, consents, member_names, personal_names, persons, transactions,
};
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

/// Which of some members have a card in a programme, or are known to one of some parties: enrolled by
/// it, or with a name or a consent that it gave.
macro_rules! tied {
    ($connection:expr, ($programme:expr, $parties:expr), |$member:ident| $are_asked:expr) => {{
        let mut all: BTreeSet<i64> = BTreeSet::new();
        each_backend!($connection, |one| {
            let $member = cards::member;
            let cards = cards::table.select($member).filter($are_asked);
            all.extend(cards.filter(cards::programme.eq($programme)).load::<i64>(one)?);
            let $member = persons::member;
            let persons = persons::table.select($member).filter($are_asked);
            all.extend(persons.filter(persons::party.eq_any($parties)).load::<i64>(one)?);
            let $member = member_names::member;
            let names = member_names::table.select($member).filter($are_asked);
            all.extend(names.filter(member_names::party.eq_any($parties)).load::<i64>(one)?);
            let $member = personal_names::person;
            let names = personal_names::table.select($member).filter($are_asked);
            all.extend(names.filter(personal_names::party.eq_any($parties)).load::<i64>(one)?);
            let $member = consents::member;
            let consents = consents::table.select($member).filter($are_asked);
            all.extend(consents.filter(consents::party.eq_any($parties)).load::<i64>(one)?);
            Ok::<(), StoreError>(())
        })?;
        all
    }};
}

/// Those of a range of members, both ends included, who are a programme's: with an account
/// or a card in it, or known to one of some parties; also by a profile that went into theirs.
///
/// # Errors
/// If the database fails.
pub fn members_of(
    connection: &mut Database,
    (programme, parties): (&ProgrammeId, &[PartyId]),
    (first, last): (i64, i64),
    asked: &BTreeSet<i64>,
) -> Result<BTreeSet<i64>, StoreError> {
    let programme = programme.as_str();
    let with_account: Vec<i64> = accounts::table
        .select(accounts::member)
        .filter(accounts::member.between(first, last))
        .filter(accounts::programme.eq(programme))
        .load(connection)?;
    let mut all: BTreeSet<i64> = with_account.into_iter().collect();
    if asked.is_subset(&all) {
        return Ok(all);
    }
    let parties: Vec<&str> = parties.iter().map(PartyId::as_str).collect();
    all.extend(tied!(connection, (programme, &parties), |member| member.between(first, last)));
    let now = gone_into(connection, (first, last))?;
    let gone: Vec<i64> = now.keys().copied().collect();
    for gone in gone.chunks(KEYS_PER_STATEMENT) {
        let tied = tied!(connection, (programme, &parties), |member| member.eq_any(gone));
        all.extend(tied.iter().filter_map(|gone| now.get(gone)));
    }
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
