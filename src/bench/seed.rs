//! Members with lots, put into a database by the store's own save: a million through the API
//! would take longer than what is measured with them.
//!
//! Their points come from no transaction, so `audit` would object to such a database; the server
//! does not look.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::BenchError;
use super::purchases::PROGRAMME;
use super::world::SHOP;
use crate::clock::system_now;
use crate::domain::account::{Account, AccountKey};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{LotId, MemberId, PartyId, ProgrammeId, ShardId, TransactionId};
use crate::domain::ledger::{Ledger, NamedBy};
use crate::domain::lot::Lot;
use crate::domain::member::MemberName;
use crate::domain::time::Instant;
use crate::store::heads::{self, Head};
use crate::store::names::member_hash;
use crate::store::rows::{AccountRow, LotRow};
use crate::store::save::{Rows, save};
use crate::store::save_members::{NewMembers, NewName, save_members};
use crate::store::{Address, Database, Use, dialect, vault_key};

/// Members of a commit.
const MEMBERS_AT_ONCE: u64 = 1_000;
/// Lots of a commit, and so of a statement.
const LOTS_AT_ONCE: u64 = 5_000;
/// Points of each lot: more than any run burns.
const POINTS_PER_LOT: i64 = 1_000_000;
const DAY_US: i64 = 86_400_000_000;

/// Which members are made.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    /// The number of the first.
    pub first: u64,
    /// How many.
    pub members: u64,
    /// Lots of each.
    pub lots: u64,
}

/// The names that everything here goes by.
pub struct Names {
    /// The shop.
    pub shop: PartyId,
    /// The programme.
    pub programme: ProgrammeId,
}

impl Names {
    /// The shop and the programme of all rows.
    ///
    /// # Panics
    /// Never: both are names.
    pub fn new() -> Self {
        let known = "the names of the benchmark are names";
        Self { shop: SHOP.parse().expect(known), programme: PROGRAMME.parse().expect(known) }
    }

    /// How the shop names the member of a number.
    pub fn member(&self, number: u64) -> NamedBy {
        Self::member_of(&self.shop, number)
    }

    /// How a party names the member of a number.
    pub fn member_of(party: &PartyId, number: u64) -> NamedBy {
        NamedBy::new(party, &MemberName::External(number.to_string()))
    }
}

/// Puts members into a database; their ids, in the order of their numbers.
///
/// # Errors
/// If the database fails.
pub fn seed(database: &str, seed: Seed) -> Result<Vec<MemberId>, BenchError> {
    let mut connection = Address::parse(database)?.open(Use::Write)?;
    let names = Names::new();
    let step = (LOTS_AT_ONCE / seed.lots.max(1)).clamp(1, MEMBERS_AT_ONCE);
    let mut made = Vec::new();
    let mut first = seed.first;
    let end = seed.first + seed.members;
    while first < end {
        let members = step.min(end - first);
        made.extend(seed_some(&mut connection, &names, Seed { first, members, ..seed })?);
        first += members;
    }
    Ok(made)
}

fn seed_some(
    connection: &mut Database,
    names: &Names,
    seed: Seed,
) -> Result<Vec<MemberId>, BenchError> {
    dialect::begin(connection)?;
    let all = heads::all(connection)?;
    // The house has no members.
    let of_members = all.iter().filter(|head| head.shard != ShardId::HOUSE);
    let shards: Vec<i64> = of_members.map(|head| head.shard.0).collect();
    let mut locked = heads::lock(connection, &shards)?;
    let now = system_now();
    let mut new = NewMembers { created_at: now.0, ..NewMembers::default() };
    let vault = vault_key::open(connection, None)?;
    let mut rows = Rows::default();
    let mut made = Vec::new();
    for number in seed.first..seed.first + seed.members {
        let place = usize::try_from(number).unwrap_or(0) % locked.len();
        let head = &mut locked[place];
        let member = MemberId::new(head.shard, head.next_member);
        head.next_member += 1;
        let external = names.member(number);
        new.members.insert(member);
        new.names.push(NewName {
            hash: member_hash(vault.names(), &external).to_vec(),
            member,
            party: external.party.as_ref().map(ToString::to_string),
            name: external.name.to_string(),
        });
        let key = AccountKey { member, programme: names.programme.clone() };
        let points = Points(POINTS_PER_LOT * i64::try_from(seed.lots).unwrap_or(1));
        rows.accounts.push(AccountRow::of(&Account { points, ..Account::new(key.clone()) }));
        let lots = lots_of(head, number, seed.lots, now);
        rows.lots.extend(lots.iter().map(|lot| LotRow::of(&key, lot)));
        made.push(member);
    }
    save_members(connection, &new)?;
    save(connection, &Ledger::default(), &rows, &locked)?;
    dialect::commit(connection)?;
    Ok(made)
}

/// Lots that expire over a year, no two on one day if there are few; one made transaction for
/// each thousand.
fn lots_of(head: &mut Head, number: u64, count: u64, now: Instant) -> Vec<Lot> {
    let mut lots = Vec::new();
    for place in 0..count {
        let within = usize::try_from(place % 1_000).unwrap_or(0);
        if within == 0 {
            head.next_seq += 1;
        }
        let days = i64::try_from((number * 7 + place * 31) % 365).unwrap_or(0);
        let transaction = TransactionId::new(ShardId(head.shard.0), head.next_seq - 1);
        lots.push(Lot {
            id: LotId::of(transaction, within),
            granted: Points(POINTS_PER_LOT),
            remaining: Points(POINTS_PER_LOT),
            held: Points::ZERO,
            expired: Points::ZERO,
            available_at: now,
            expires_at: now.plus_micros((30 + days) * DAY_US),
            price: Decimal::ONE,
            cost: Money::ZERO,
            funding: None,
        });
    }
    lots
}

/// The distinct shards of members, in order.
pub fn shards_of(members: &[MemberId]) -> Vec<i64> {
    let shards: BTreeSet<i64> = members.iter().map(|member| member.shard().0).collect();
    shards.into_iter().collect()
}
