//! Transactions written by the store's own save, without the engine: bare SQL is measured with
//! them, and a day of ten million postings is filled in minutes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use super::BenchError;
use super::bulk::LINES_PER_CALL;
use super::seed::{Names, Seed, seed};
use super::world::Deal;
use crate::clock::system_now;
use crate::domain::account::{Account, AccountKey};
use crate::domain::amount::{Money, Points};
use crate::domain::command::{Action, Burn, Command, Line, Receipt};
use crate::domain::decide::{Context, decide};
use crate::domain::ids::{MemberId, TransactionId};
use crate::domain::ledger::{Ledger, NamedBy};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;
use crate::store::heads::{self, Head};
use crate::store::save::{Rows, rows_of, save, transaction_row};
use crate::store::{Address, Database, Use, configurations, dialect};

/// Members among whom a filled day's purchases go round.
const MEMBERS: u64 = 1_000;

/// Decides purchases by the rules and makes their rows.
pub struct Writer {
    /// What counts.
    pub coalition: Arc<Coalition>,
    heads: BTreeMap<i64, Head>,
}

/// A purchase of 599.00 that burns nothing.
pub struct Bought<'a> {
    /// Where, and in which programme.
    pub deal: &'a Deal,
    /// Who.
    pub member: MemberId,
    /// How the shop names the member.
    pub named: NamedBy,
    /// The shop's reference.
    pub reference: &'a str,
    /// When it is recorded.
    pub now: Instant,
}

impl Writer {
    /// A writer on the shards of members.
    ///
    /// # Errors
    /// If the database fails.
    pub fn new(connection: &mut Database, shards: &[i64]) -> Result<Self, BenchError> {
        let timeline = configurations::load_timeline(connection)?;
        dialect::begin(connection)?;
        let locked = heads::lock(connection, shards)?;
        dialect::commit(connection)?;
        let heads = locked.into_iter().map(|head| (head.shard.0, head)).collect();
        Ok(Self { coalition: Arc::clone(timeline.latest()), heads })
    }

    /// Decides a purchase on a ledger that takes it, and makes its journal's row.
    ///
    /// # Errors
    /// If the rules refuse it.
    pub fn post(
        &mut self,
        ledger: &mut Ledger,
        rows: &mut Rows,
        bought: Bought<'_>,
    ) -> Result<Arc<Transaction>, BenchError> {
        let Bought { deal, member, named, reference, now } = bought;
        let key = AccountKey { member, programme: deal.programme.clone() };
        let fresh = Account { points: Points(100_000), ..Account::new(key.clone()) };
        ledger.accounts.entry(key).or_insert(fresh);
        ledger.members.insert(named.clone(), member);
        let line = Line { id: "1".to_owned(), amount: Money(59_900), ..Line::default() };
        let receipt =
            Receipt { programme: deal.programme.clone(), member: named.name, lines: vec![line] };
        let command = Command {
            party: deal.shop.clone(),
            action: Action::Purchase {
                reference: reference.parse().map_err(|_| BenchError::NoAnswer("a reference"))?,
                receipt,
                burn: Burn::Unsaid,
                hold: None,
            },
            at: None,
            till: None,
        };
        let head = self.heads.get_mut(&member.shard().0).expect("all shards were locked");
        let id = TransactionId::new(head.shard, head.next_seq);
        let now = now.max(head.last_recorded_at);
        let context = Context { coalition: Arc::clone(&self.coalition), now, id };
        let decided = decide(ledger, &context, &command)
            .map_err(|stop| BenchError::Refused(format!("{stop:?}")))?;
        let transaction = ledger.commit(decided);
        let row = transaction_row(head, &transaction, &self.coalition, &mut rows.log_nodes);
        rows.transactions.push(row);
        head.next_seq += 1;
        head.last_recorded_at = now;
        Ok(transaction)
    }

    /// Saves what was made; how long that took.
    ///
    /// # Errors
    /// If the database fails.
    pub fn save(
        &self,
        connection: &mut Database,
        ledger: &Ledger,
        rows: &Rows,
    ) -> Result<Duration, BenchError> {
        let heads: Vec<Head> = self.heads.values().cloned().collect();
        let begun = Stopwatch::now();
        dialect::begin(connection)?;
        save(connection, ledger, rows, &heads)?;
        dialect::commit(connection)?;
        Ok(begun.elapsed())
    }
}

/// How much a day gets, at least.
#[derive(Clone, Copy, Debug)]
pub enum Fill {
    /// So many postings, of points and of money.
    Postings(u64),
    /// So many purchases.
    Purchases(u64),
}

/// A day that was filled.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The day, as the API names it.
    pub day: String,
    /// When its transactions were recorded.
    pub at: Instant,
    /// How many transactions.
    pub purchases: u64,
    /// How many postings.
    pub postings: u64,
    /// How many shards have some.
    pub shards: usize,
}

/// Fills today with purchases that go round the deals and some members: the journal, the logs and
/// the positions. Accounts and lots stay as they are, and no answers are kept: neither closing a
/// cycle nor its statements read them, but `audit` would object.
///
/// # Errors
/// If the database fails, or the rules refuse a purchase.
pub fn fill(database: &str, deals: &[Deal], fill: Fill) -> Result<Filled, BenchError> {
    // Lots would leave gaps in the sequences, which a statement does not forgive.
    let members = seed(database, Seed { first: 0, members: MEMBERS, lots: 0 })?;
    let shards: BTreeSet<i64> = members.iter().map(|member| member.shard().0).collect();
    let shards: Vec<i64> = shards.into_iter().collect();
    let mut connection = Address::parse(database)?.open(Use::Write)?;
    let mut writer = Writer::new(&mut connection, &shards)?;
    let now = system_now();
    let day = writer.coalition.own_schedule().cycle_of(now).to_string();
    let mut filled = Filled { day, at: now, purchases: 0, postings: 0, shards: shards.len() };
    let is_enough = |filled: &Filled| match fill {
        Fill::Postings(postings) => filled.postings >= postings,
        Fill::Purchases(purchases) => filled.purchases >= purchases,
    };
    while !is_enough(&filled) {
        let (mut ledger, mut rows) = (Ledger::default(), Rows::default());
        for _ in 0..LINES_PER_CALL {
            if is_enough(&filled) {
                break;
            }
            let place = |count: usize| usize::try_from(filled.purchases).unwrap_or(0) % count;
            let (deal, member) = (&deals[place(deals.len())], place(members.len()));
            let number = u64::try_from(member).unwrap_or(0);
            let reference = format!("day-{}", filled.purchases);
            let owner = Names::member_of(&deal.shop, number);
            let bought =
                Bought { deal, member: members[member], named: owner, reference: &reference, now };
            let made = writer.post(&mut ledger, &mut rows, bought)?;
            filled.purchases += 1;
            filled.postings += u64::try_from(made.postings.len()).unwrap_or(0);
        }
        rows.positions = rows_of(&ledger, &writer.coalition.currency).positions;
        rows.transactions.sort_by(|one, other| one.reference_hash.cmp(&other.reference_hash));
        writer.save(&mut connection, &ledger, &rows)?;
    }
    Ok(filled)
}
