//! Members and their names.

use std::collections::HashMap;

use diesel::prelude::*;

use super::StoreError;
use super::connection::{Database, each_backend};
use super::names::{NameHash, member_hash, reference_hash};
use super::schema::{member_names, members, transactions};
use crate::auth::vault::NamesKey;
use crate::domain::ids::{MemberId, ShardId, TransactionId};
use crate::domain::ledger::{NamedBy, ReferenceKey};
use crate::domain::member::MemberName;

/// Names a statement.
const NAMES_PER_STATEMENT: usize = 10_000;

/// The members that names mean now; unknown ones are left out.
///
/// # Errors
/// If the database fails.
pub fn resolve(
    connection: &mut Database,
    key: &NamesKey,
    names: &[NamedBy],
) -> Result<HashMap<NamedBy, MemberId>, StoreError> {
    let mut found = HashMap::with_capacity(names.len());
    let (by_id, by_name): (Vec<&NamedBy>, Vec<&NamedBy>) =
        names.iter().partition(|one| matches!(one.name, MemberName::Id(_)));
    let by_hash: HashMap<NameHash, &NamedBy> =
        by_name.into_iter().map(|one| (member_hash(key, one), one)).collect();
    let hashes: Vec<&[u8]> = by_hash.keys().map(NameHash::as_slice).collect();
    for hashes in hashes.chunks(NAMES_PER_STATEMENT) {
        let rows: Vec<(Vec<u8>, i64)> = each_backend!(connection, |one| {
            member_names::table
                .select((member_names::name_hash, member_names::member))
                .filter(member_names::name_hash.eq_any(hashes))
                .load(one)
        })?;
        for (hash, member) in rows {
            let asked = NameHash::try_from(hash).ok().and_then(|hash| by_hash.get(&hash));
            if let Some(asked) = asked {
                found.insert((*asked).clone(), MemberId(member));
            }
        }
    }
    resolve_ids(connection, &by_id, &mut found)?;
    Ok(found)
}

fn resolve_ids(
    connection: &mut Database,
    names: &[&NamedBy],
    found: &mut HashMap<NamedBy, MemberId>,
) -> Result<(), StoreError> {
    let id_of = |named: &NamedBy| match named.name {
        MemberName::Id(id) => Some(id),
        _ => None,
    };
    let ids: Vec<i64> = names.iter().filter_map(|one| id_of(one)).map(|id| id.0).collect();
    let current = current(connection, &ids)?;
    for named in names {
        if let Some(member) = id_of(named).and_then(|id| current.get(&id)) {
            found.insert((*named).clone(), *member);
        }
    }
    Ok(())
}

/// What members are now: themselves, or what they were merged into; unknown and erased ones are left
/// out.
///
/// # Errors
/// If the database fails.
pub fn current(
    connection: &mut Database,
    ids: &[i64],
) -> Result<HashMap<MemberId, MemberId>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(NAMES_PER_STATEMENT) {
        let rows: Vec<(i64, Option<i64>, Option<i64>)> = each_backend!(connection, |one| {
            members::table
                .select((members::member, members::merged_into, members::erased_at))
                .filter(members::member.eq_any(ids))
                .load(one)
        })?;
        for (member, into, erased_at) in rows {
            let mut now = (MemberId(member), erased_at);
            let mut next = into;
            while let Some(into) = next {
                let row: Option<(Option<i64>, Option<i64>)> = members::table
                    .find(into)
                    .select((members::merged_into, members::erased_at))
                    .first(connection)
                    .optional()?;
                let (merged_into, erased_at) = row.unwrap_or_default();
                now = (MemberId(into), erased_at);
                next = merged_into;
            }
            if now.1.is_none() {
                found.insert(MemberId(member), now.0);
            }
        }
    }
    Ok(found)
}

/// The transactions under references, with the members whose points they moved.
///
/// # Errors
/// If the database fails.
pub fn find_references(
    connection: &mut Database,
    keys: &[ReferenceKey],
) -> Result<HashMap<ReferenceKey, (TransactionId, MemberId)>, StoreError> {
    let named: HashMap<NameHash, &ReferenceKey> =
        keys.iter().map(|key| (reference_hash(key), key)).collect();
    let hashes: Vec<&[u8]> = named.keys().map(NameHash::as_slice).collect();
    let mut found = HashMap::with_capacity(keys.len());
    for hashes in hashes.chunks(NAMES_PER_STATEMENT) {
        let rows: Vec<(Option<Vec<u8>>, i64, i64, i64)> = each_backend!(connection, |one| {
            transactions::table
                .select((
                    transactions::reference_hash,
                    transactions::shard,
                    transactions::seq,
                    transactions::member,
                ))
                .filter(transactions::reference_hash.eq_any(hashes))
                .load(one)
        })?;
        for (hash, shard, seq, member) in rows {
            let hash = hash.and_then(|hash| NameHash::try_from(hash).ok());
            if let Some(key) = hash.and_then(|hash| named.get(&hash)) {
                let id = TransactionId::new(ShardId(shard), seq);
                found.insert((*key).clone(), (id, MemberId(member)));
            }
        }
    }
    Ok(found)
}

/// The members that were merged into one, and itself.
///
/// # Errors
/// If the database fails.
pub fn with_merged(connection: &mut Database, member: MemberId) -> Result<Vec<i64>, StoreError> {
    let mut all = vec![member.0];
    let mut look_at = vec![member.0];
    while !look_at.is_empty() {
        let next: Vec<i64> = each_backend!(connection, |one| {
            members::table
                .select(members::member)
                .filter(members::merged_into.eq_any(&look_at))
                .load(one)
        })?;
        all.extend(&next);
        look_at = next;
    }
    Ok(all)
}

/// The profiles that went into members of a range, both ends included, by whatever way, and which one
/// each is now.
///
/// # Errors
/// If the database fails.
pub fn gone_into(
    connection: &mut Database,
    (first, last): (i64, i64),
) -> Result<HashMap<i64, i64>, StoreError> {
    let mut level: Vec<(i64, Option<i64>)> = members::table
        .select((members::member, members::merged_into))
        .filter(members::merged_into.between(first, last))
        .load(connection)?;
    let mut parents: HashMap<i64, i64> = HashMap::new();
    while !level.is_empty() {
        // One that lies in the range itself is met a second time.
        let new = level.iter().filter_map(|(member, into)| {
            let is_new = parents.insert(*member, (*into)?).is_none();
            is_new.then_some(*member)
        });
        let new: Vec<i64> = new.collect();
        level.clear();
        for some in new.chunks(10_000) {
            let more: Vec<(i64, Option<i64>)> = each_backend!(connection, |one| {
                members::table
                    .select((members::member, members::merged_into))
                    .filter(members::merged_into.eq_any(some))
                    .load(one)
            })?;
            level.extend(more);
        }
    }
    let now = |member: i64| {
        let mut now = member;
        while let Some(into) = parents.get(&now) {
            now = *into;
        }
        (member, now)
    };
    Ok(parents.keys().copied().map(now).collect())
}
