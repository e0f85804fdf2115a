//! The bare SQL: the rows that a server would write, prepared beforehand and saved by the store's
//! own statement, on one connection and with nothing around it.
//!
//! Only the transactions of the database are timed. The rows come from the same rules, so that
//! they have the same number and size; what a server reads before it decides is left out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant as Stopwatch};

use super::BenchError;
use super::bulk::LINES_PER_CALL;
use super::load::Outcome;
use super::purchases::Draw;
use super::seed::{Names, shards_of};
use crate::clock::system_now;
use crate::domain::account::{Account, AccountKey};
use crate::domain::amount::{Money, Points};
use crate::domain::command::{Action, Burn, Command, Line, Receipt};
use crate::domain::decide::{Context, decide};
use crate::domain::ids::{MemberId, TransactionId};
use crate::domain::ledger::Ledger;
use crate::domain::terms::Coalition;
use crate::engine::Present;
use crate::http::present::Answers;
use crate::store::answers::AnswerRow;
use crate::store::heads::{self, Head};
use crate::store::names::key_hash;
use crate::store::save::{Rows, rows_of, save, transaction_row};
use crate::store::{Address, Database, Use, configurations, dialect};

/// A database without a server, and what is written into it.
pub struct Bare {
    connection: Database,
    coalition: Arc<Coalition>,
    names: Names,
    members: Vec<MemberId>,
    heads: BTreeMap<i64, Head>,
    draw: Draw,
    number: u64,
}

impl Bare {
    /// Makes ready to write purchases of members, and writes the first batch: it plans the
    /// statement.
    ///
    /// # Errors
    /// If the database fails.
    pub fn new(database: &str, members: Vec<MemberId>) -> Result<Self, BenchError> {
        let mut connection = Address::parse(database)?.open(Use::Write)?;
        let timeline = configurations::load_timeline(&mut connection)?;
        dialect::begin(&mut connection)?;
        let locked = heads::lock(&mut connection, &shards_of(&members))?;
        dialect::commit(&mut connection)?;
        let mut bare = Self {
            connection,
            coalition: Arc::clone(timeline.latest()),
            names: Names::new(),
            members,
            heads: locked.into_iter().map(|head| (head.shard.0, head)).collect(),
            draw: Draw::new(1),
            number: 0,
        };
        bare.save_batch()?;
        Ok(bare)
    }

    /// Writes purchases for so long; what was saved, and in what time.
    ///
    /// # Errors
    /// If the database fails.
    pub fn run(&mut self, seconds: u64) -> Result<Outcome, BenchError> {
        let mut outcome = Outcome::default();
        while outcome.elapsed < Duration::from_secs(seconds) {
            outcome.elapsed += self.save_batch()?;
            outcome.done += LINES_PER_CALL;
        }
        Ok(outcome)
    }

    /// Prepares a batch, then saves it; how long the saving took.
    fn save_batch(&mut self) -> Result<Duration, BenchError> {
        let mut ledger = Ledger::default();
        let mut rows = Rows::default();
        for _ in 0..LINES_PER_CALL {
            self.purchase(&mut ledger, &mut rows)?;
        }
        let changed = rows_of(&ledger, &self.coalition.currency);
        rows.answers.sort_by(|one, other| one.key_hash.cmp(&other.key_hash));
        let rows = Rows {
            accounts: changed.accounts,
            lots: changed.lots,
            positions: changed.positions,
            ..rows
        };
        let heads: Vec<Head> = self.heads.values().cloned().collect();
        let begun = Stopwatch::now();
        let connection = &mut self.connection;
        dialect::begin(connection)?;
        save(connection, &ledger, &rows, &heads)?;
        dialect::commit(connection)?;
        Ok(begun.elapsed())
    }

    fn purchase(&mut self, ledger: &mut Ledger, rows: &mut Rows) -> Result<(), BenchError> {
        let count = u64::try_from(self.members.len()).unwrap_or(1);
        let number = self.draw.below(count);
        let member = self.members[usize::try_from(number).unwrap_or(0)];
        let named = self.names.member(number);
        let key = AccountKey { member, programme: self.names.programme.clone() };
        let fresh = Account { points: Points(100_000), ..Account::new(key.clone()) };
        ledger.accounts.entry(key).or_insert(fresh);
        ledger.members.insert(named.clone(), member);
        self.number += 1;
        let reference = format!("bare-{}", self.number);
        let line = Line { id: "1".to_owned(), amount: Money(59_900), ..Line::default() };
        let programme = self.names.programme.clone();
        let receipt = Receipt { programme, member: named.name, lines: vec![line] };
        let command = Command {
            party: self.names.shop.clone(),
            action: Action::Purchase {
                reference: reference.parse().map_err(|_| BenchError::NoAnswer("a reference"))?,
                receipt,
                burn: Burn::Unsaid,
                hold: None,
            },
            at: None,
        };
        let head = self.heads.get_mut(&member.shard().0).expect("all shards were locked");
        let id = TransactionId::new(head.shard, head.next_seq);
        let now = system_now().max(head.last_recorded_at);
        let context = Context { coalition: Arc::clone(&self.coalition), now, id };
        let decided = decide(ledger, &context, &command)
            .map_err(|stop| BenchError::Refused(format!("{stop:?}")))?;
        let transaction = ledger.commit(decided);
        let nodes = &mut rows.log_nodes;
        let row = transaction_row(head, &transaction, &self.coalition, nodes);
        rows.transactions.push(row);
        head.next_seq += 1;
        head.last_recorded_at = now;
        rows.answers.push(AnswerRow {
            key_hash: key_hash(self.names.shop.as_str(), &reference).to_vec(),
            fingerprint: vec![0; 32],
            status: 201,
            answer: Answers.transaction(&transaction, &self.coalition),
            recorded_at: now.0,
        });
        Ok(())
    }
}
