//! The journal of the clearing house, open for what a bank moved.
//!
//! Whoever writes here holds the lock of the house's head until the commit: of several that import
//! at once the second one sees what the first one did. Lanes don't wait for it, unless they
//! need the same exposures.

use std::sync::Arc;

use super::Engine;
use super::closing::{ended_by, one_head};
use super::exclusive::{ConfigureError, Keyed, remember, replayed};
use super::work::Answer;
use crate::domain::command::Kind;
use crate::domain::ids::{MemberId, ShardId, TransactionId};
use crate::domain::ledger::{Decided, Ledger};
use crate::domain::posting::{Body, LedgerAccount, Posting};
use crate::domain::terms::{Coalition, Timeline};
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};
use crate::store::heads::Head;
use crate::store::save::{self, LogNodeRow, Rows, TransactionRow};
use crate::store::{Database, StoreError, Use, configurations, dialect, exposures, seals};

/// The house's journal within one transaction of the database.
pub struct House<'a> {
    /// The database, with the lock of the house's head.
    pub database: &'a mut Database,
    /// What was agreed, over time.
    pub timeline: Timeline,
    /// What counts now.
    pub coalition: Arc<Coalition>,
    /// The instant of what is posted.
    pub now: Instant,
    head: Head,
    ledger: Ledger,
    transactions: Vec<TransactionRow>,
    log_nodes: Vec<LogNodeRow>,
}

impl Engine {
    /// Runs something with the house's journal. All that it posts and writes is one transaction of
    /// the database; nothing of it is there if it errs.
    ///
    /// # Errors
    /// If `run` does, or the database fails.
    pub fn on_house<T, E: From<StoreError>>(
        &self,
        run: impl FnOnce(&mut House<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.shared.address.open(Use::Write)?;
        dialect::begin(&mut connection)?;
        let head = one_head(&mut connection, ShardId::HOUSE)?;
        let timeline = configurations::load_timeline(&mut connection)?;
        let now = self.shared.clock.now().max(head.last_recorded_at);
        let coalition = Arc::clone(timeline.at(now));
        let mut house = House {
            database: &mut connection,
            timeline,
            coalition,
            now,
            head,
            ledger: Ledger::default(),
            transactions: Vec::new(),
            log_nodes: Vec::new(),
        };
        // A connection that is dropped undoes what it began.
        let done = run(&mut house)?;
        house.save()?;
        dialect::commit(&mut connection)?;
        Ok(done)
    }

    /// The same once for a key: `run` gives the body of the answer, which is given again to the
    /// same request.
    ///
    /// # Errors
    /// If `run` does, the key was used for another request, or the database fails.
    pub fn on_house_once<E: From<StoreError> + From<ConfigureError>>(
        &self,
        keyed: &Keyed,
        run: impl FnOnce(&mut House<'_>) -> Result<String, E>,
    ) -> Result<Answer, E> {
        self.on_house(|house| {
            if let Some(answer) = replayed(house.database, Some(keyed))? {
                return Ok(answer);
            }
            let body = run(house)?;
            remember(house.database, Some(keyed), &body, house.now)?;
            Ok(Answer { status: 200, body: body.into(), replayed: false })
        })
    }
}

impl House<'_> {
    /// Posts money that a bank moved; what goes through clearing, on the account of its cycle.
    ///
    /// # Errors
    /// If the database fails.
    pub fn post(
        &mut self,
        mut postings: Vec<Posting>,
        detail: Detail,
    ) -> Result<TransactionId, StoreError> {
        if self.transactions.is_empty() {
            self.begin()?;
        }
        let settlement_day = self.coalition.own_schedule().day_of(self.now);
        for posting in &mut postings {
            let through = match (&posting.from, &posting.to) {
                (LedgerAccount::Clearing(cycle), _) | (_, LedgerAccount::Clearing(cycle)) => {
                    Some(cycle.first)
                }
                _ => None,
            };
            if let Body::Money { cycle, .. } = &mut posting.body {
                *cycle = through.filter(|first| *first != settlement_day);
            }
        }
        let id = TransactionId::new(ShardId::HOUSE, self.head.next_seq);
        let transaction = Transaction {
            id,
            kind: Kind::Payment,
            party: self.coalition.operator.clone(),
            reference: None,
            member: MemberId::NOBODY,
            recorded_at: self.now,
            settlement_day,
            at: None,
            till: None,
            config_version: self.coalition.version,
            detail,
            postings,
            lots: Vec::new(),
            tier_after: None,
            tiers: Vec::new(),
        };
        let transaction = self.ledger.commit(Decided::of_house(transaction));
        let (head, nodes) = (&mut self.head, &mut self.log_nodes);
        self.transactions.push(save::transaction_row(head, &transaction, &self.coalition, nodes));
        self.head.next_seq += 1;
        Ok(id)
    }

    /// Before the first posting: writes where cycles end that are over, and locks what limited
    /// parties owe.
    fn begin(&mut self) -> Result<(), StoreError> {
        seals::add(self.database, &ended_by(&self.head, &self.coalition, self.now))?;
        let limited = self.coalition.limited(self.now);
        if !limited.is_empty() {
            self.ledger.exposures = exposures::lock(self.database, &limited)?;
        }
        Ok(())
    }

    fn save(mut self) -> Result<(), StoreError> {
        if self.transactions.is_empty() {
            return Ok(());
        }
        self.head.last_recorded_at = self.now;
        let rows = Rows {
            transactions: self.transactions,
            log_nodes: self.log_nodes,
            ..save::rows_of(&self.ledger, &self.coalition.currency)
        };
        save::save(self.database, &self.ledger, &rows, std::slice::from_ref(&self.head))
    }
}
