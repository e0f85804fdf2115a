//! The bare SQL: the rows that a server would write, prepared beforehand and saved by the store's
//! own statement, on one connection and with nothing around it.
//!
//! Only the transactions of the database are timed. The rows come from the same rules, so that
//! they have the same number and size; what a server reads before it decides is left out.

use std::time::Duration;

use super::BenchError;
use super::bulk::LINES_PER_CALL;
use super::journal::{Bought, Writer};
use super::load::Outcome;
use super::purchases::Draw;
use super::seed::{Names, shards_of};
use super::world::Deal;
use crate::clock::system_now;
use crate::domain::ids::MemberId;
use crate::domain::ledger::Ledger;
use crate::engine::Present;
use crate::http::answers::Answers;
use crate::store::answers::AnswerRow;
use crate::store::names::key_hash;
use crate::store::save::{Rows, rows_of};
use crate::store::{Address, Database, Use};

/// A database without a server, and what is written into it.
pub struct Bare {
    connection: Database,
    writer: Writer,
    names: Names,
    deal: Deal,
    members: Vec<MemberId>,
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
        let writer = Writer::new(&mut connection, &shards_of(&members))?;
        let names = Names::new();
        let deal = Deal::first();
        let draw = Draw::new(1);
        let mut bare = Self { connection, writer, names, deal, members, draw, number: 0 };
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
        let changed = rows_of(&ledger, &self.writer.coalition.currency);
        rows.answers.sort_by(|one, other| one.key_hash.cmp(&other.key_hash));
        let rows = Rows {
            accounts: changed.accounts,
            lots: changed.lots,
            positions: changed.positions,
            ..rows
        };
        self.writer.save(&mut self.connection, &ledger, &rows)
    }

    fn purchase(&mut self, ledger: &mut Ledger, rows: &mut Rows) -> Result<(), BenchError> {
        let count = u64::try_from(self.members.len()).unwrap_or(1);
        let number = self.draw.below(count);
        self.number += 1;
        let reference = format!("bare-{}", self.number);
        let bought = Bought {
            deal: &self.deal,
            member: self.members[usize::try_from(number).unwrap_or(0)],
            named: self.names.member(number),
            reference: &reference,
            now: system_now(),
        };
        let transaction = self.writer.post(ledger, rows, bought)?;
        rows.answers.push(AnswerRow {
            key_hash: key_hash(self.deal.shop.as_str(), &reference).to_vec(),
            fingerprint: vec![0; 32],
            status: 201,
            answer: Answers.transaction(&transaction, &self.writer.coalition),
            recorded_at: transaction.recorded_at.0,
        });
        Ok(())
    }
}
