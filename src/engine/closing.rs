//! Closing a cycle.
//!
//! The shards are cut one by one, each under its head's lock for as long as it takes to write one
//! row: nobody waits for the others. Where a shard's sequence stands when its cycle ends is written
//! by the first batch after that instant, or here if there was none. When all are cut, the cycle's
//! positions can't change any more; what they come to is added up and fixed under the lock of the
//! house's head alone. The cost goes by positions and shards, not by postings.

use std::sync::Arc;

use super::Engine;
use super::exclusive::ConfigureError;
use crate::domain::command::Kind;
use crate::domain::ids::{MemberId, ShardId, TransactionId};
use crate::domain::ledger::{Decided, Ledger};
use crate::domain::log::note::Checkpoint;
use crate::domain::posting::{Body, Posting};
use crate::domain::settlement::closing::closing_entries;
use crate::domain::settlement::{CycleId, CycleState, PositionSum};
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant};
use crate::domain::transaction::{Detail, Transaction};
use crate::store::cycles::{self, Doing, Fixed};
use crate::store::heads::{self, Head};
use crate::store::rows::write_json;
use crate::store::save::{self, Rows, save_heads};
use crate::store::seals::{self, Seal};
use crate::store::{Database, StoreError, Use, configurations, dialect, exposures};

/// What became of the wish to close a cycle.
#[derive(Debug)]
pub enum Closing {
    /// It is closed, now or before; its figures.
    Closed(String),
    /// It is not over.
    NotOver,
    /// No cycle of this schedule begins with this day.
    NoSuchCycle,
    /// Nothing was posted in it, and a later one is closed: it is passed over.
    PassedOver,
}

/// Who closes a cycle, and how its figures are written down.
pub struct Close<'a> {
    /// Who, for the record.
    pub author: &'a str,
    /// Writes the figures from the positions.
    pub figures: &'a dyn Fn(&Coalition, &CycleId, &[PositionSum]) -> String,
}

impl Engine {
    /// Closes a cycle that is over, and before it the earlier ones of its schedule: the house's log
    /// goes by the order of the cycles. One that is closed gives the same figures.
    ///
    /// # Errors
    /// If the database fails.
    pub fn close_cycle(
        &self,
        cycle: &CycleId,
        close: &Close<'_>,
    ) -> Result<Closing, ConfigureError> {
        let mut connection = self.shared.address.open(Use::Write)?;
        let timeline = configurations::load_timeline(&mut connection)?;
        let now = self.shared.clock.now();
        let Some(schedule) = timeline.at(now).schedules.get(&cycle.schedule) else {
            return Ok(Closing::NoSuchCycle);
        };
        // What is agreed after a cycle's end does not count for it.
        let coalition = timeline.at(schedule.closes(cycle.first).plus_micros(-1));
        if !schedule.begins_with(cycle.first) {
            return Ok(Closing::NoSuchCycle);
        }
        let doing = Doing { author: close.author, at: now, note: "" };
        match cycles::find(&mut connection, cycle)? {
            Some(row) if row.figures.is_some() => {
                return Ok(Closing::Closed(row.figures.unwrap_or_default()));
            }
            None if schedule.closes(cycle.first) > now => return Ok(Closing::NotOver),
            None if !begin(&mut connection, cycle, schedule.cycle_of(now).first, &doing)? => {
                return Ok(Closing::PassedOver);
            }
            Some(_) | None => {}
        }
        loop {
            for earlier in unclosed_before(&mut connection, cycle)? {
                self.close_cycle(&earlier, close)?;
            }
            for shard in (0..self.shared.shards).map(ShardId) {
                cut(&mut connection, shard, cycle, timeline.at(now))?;
            }
            if let Some(figures) = self.fix(&mut connection, cycle, coalition, close)? {
                return Ok(Closing::Closed(figures));
            }
        }
    }

    /// Fixes what a cycle came to, all of whose shards are cut. Nothing: an earlier one was begun
    /// meanwhile and goes first.
    fn fix(
        &self,
        connection: &mut Database,
        cycle: &CycleId,
        coalition: &Arc<Coalition>,
        close: &Close<'_>,
    ) -> Result<Option<String>, ConfigureError> {
        dialect::begin(connection)?;
        let mut house = one_head(connection, ShardId::HOUSE)?;
        seals::add(connection, &ended_by(&house, coalition, self.shared.clock.now()))?;
        // Of two that close at once, the second finds what the first one fixed.
        let there = cycles::find(connection, cycle)?.and_then(|row| row.figures);
        if let Some(figures) = there {
            dialect::roll_back(connection)?;
            return Ok(Some(figures));
        }
        if !unclosed_before(connection, cycle)?.is_empty() {
            dialect::roll_back(connection)?;
            return Ok(None);
        }
        let now = self.shared.clock.now().max(house.last_recorded_at);
        let positions = cycles::positions_of(connection, cycle)?;
        let entries = closing_entries(coalition, cycle, &positions);
        let mut books = Books { connection: &mut *connection, coalition, now };
        books.post(&mut house, cycle, entries.closing)?;
        let house_size = house.next_seq - 1;
        let sealed = house.frontier.clone();
        let open = coalition.schedule(&cycle.schedule).cycle_of(now);
        books.post(&mut house, &open, entries.opening)?;
        // No clock that lags behind can post into the cycle any more, here as on the other shards.
        house.last_recorded_at = now;
        save_heads(connection, std::slice::from_ref(&house))?;

        let positions = cycles::positions_of(connection, cycle)?;
        let figures = (close.figures)(coalition, cycle, &positions);
        let mut checkpoints = Vec::new();
        for shard in (0..self.shared.shards).map(ShardId) {
            let seal = seals::latest(connection, shard, cycle)?;
            let frontier = seal.map(|seal| seal.frontier).unwrap_or_default();
            checkpoints.push(self.checkpoint(shard, &frontier, coalition));
        }
        checkpoints.push(self.checkpoint(ShardId::HOUSE, &sealed, coalition));
        let checkpoints = write_json(&checkpoints);
        let fixed = Fixed { figures: &figures, checkpoints: &checkpoints, house_size };
        cycles::fix(connection, cycle, &fixed)?;
        let doing = Doing { author: close.author, at: now, note: "" };
        cycles::advance(connection, cycle, (CycleState::Closing, CycleState::Closed), &doing)?;
        dialect::commit(connection)?;
        Ok(Some(figures))
    }

    fn checkpoint(
        &self,
        shard: ShardId,
        frontier: &crate::domain::log::tree::Frontier,
        coalition: &Coalition,
    ) -> SignedCheckpoint {
        let origin = format!("{}/log/{}", coalition.operator, shard.0);
        let checkpoint = Checkpoint { origin, size: frontier.size(), root: frontier.root() };
        let note = self.shared.signer.sign(&checkpoint.to_string());
        SignedCheckpoint { shard: shard.0, note }
    }
}

/// A shard's log as the server vouches for it at the end of a cycle.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SignedCheckpoint {
    /// The shard.
    pub shard: i64,
    /// The signed note.
    pub note: String,
}

pub(super) fn one_head(connection: &mut Database, shard: ShardId) -> Result<Head, StoreError> {
    let mut heads = heads::lock(connection, &[shard.0])?;
    heads.pop().ok_or_else(|| StoreError::Damaged(format!("the head of shard {}", shard.0)))
}

/// The cycles of a schedule before one that have something to close and are not closed.
fn unclosed_before(connection: &mut Database, cycle: &CycleId) -> Result<Vec<CycleId>, StoreError> {
    let mut unclosed = Vec::new();
    for earlier in cycles::unfinished(connection, cycle)? {
        let is_open = cycles::find(connection, &earlier)?.is_none_or(|row| row.figures.is_none());
        if is_open && earlier.first < cycle.first {
            unclosed.push(earlier);
        }
    }
    Ok(unclosed)
}

/// Begins to close a cycle, under the house's lock. Gives back whether it still can be: not if it
/// is empty and a later one is closed.
fn begin(
    connection: &mut Database,
    cycle: &CycleId,
    open: Day,
    doing: &Doing<'_>,
) -> Result<bool, StoreError> {
    dialect::begin(connection)?;
    one_head(connection, ShardId::HOUSE)?;
    let schedule = cycle.schedule.as_str();
    let latest = cycles::list(connection, schedule, open, 1)?;
    let is_passed = latest.iter().any(|row| row.figures.is_some() && cycle.first < row.id.first);
    if is_passed {
        dialect::roll_back(connection)?;
        return Ok(false);
    }
    match cycles::begin(connection, cycle, doing) {
        Ok(()) => dialect::commit(connection)?,
        // Another server began it a moment ago.
        Err(StoreError::Taken(_)) => dialect::roll_back(connection)?,
        Err(error) => return Err(error),
    }
    Ok(true)
}

/// Cuts one shard: writes where the cycle ends there, if no batch did, and lets no clock that lags
/// behind post into it any more. Cycles of other schedules that end by then end there too: nobody
/// would see later that no batch wrote where.
fn cut(
    connection: &mut Database,
    shard: ShardId,
    cycle: &CycleId,
    coalition: &Coalition,
) -> Result<(), StoreError> {
    dialect::begin(connection)?;
    let mut head = one_head(connection, shard)?;
    let end = coalition.schedule(&cycle.schedule).closes(cycle.first);
    if head.last_recorded_at < end {
        seals::add(connection, &ended_by(&head, coalition, end))?;
        let (size, frontier) = (head.next_seq - 1, head.frontier.clone());
        seals::add(connection, &[Seal { shard, cycle: cycle.clone(), size, frontier }])?;
        head.last_recorded_at = end;
        save_heads(connection, &[head])?;
    }
    dialect::commit(connection)
}

/// The house's journal, open for the transactions that closing a cycle makes.
struct Books<'a> {
    connection: &'a mut Database,
    coalition: &'a Arc<Coalition>,
    now: Instant,
}

impl Books<'_> {
    /// Posts money that is settled in a cycle; nothing where there is none.
    fn post(
        &mut self,
        house: &mut Head,
        cycle: &CycleId,
        mut postings: Vec<Posting>,
    ) -> Result<(), StoreError> {
        if postings.is_empty() {
            return Ok(());
        }
        let settlement_day = self.coalition.own_schedule().day_of(self.now);
        for posting in &mut postings {
            if let Body::Money { cycle: settled_in, .. } = &mut posting.body {
                *settled_in = Some(cycle.first).filter(|first| *first != settlement_day);
            }
        }
        let transaction = Transaction {
            id: TransactionId::new(ShardId::HOUSE, house.next_seq),
            kind: Kind::Closing,
            party: self.coalition.operator.clone(),
            reference: None,
            member: MemberId::NOBODY,
            recorded_at: self.now,
            settlement_day,
            at: None,
            till: None,
            config_version: self.coalition.version,
            detail: Detail::Closing { cycle: cycle.clone() },
            postings,
            lots: Vec::new(),
            tier_after: None,
            tiers: Vec::new(),
        };
        let limited = self.coalition.limited(self.now);
        let mut ledger = Ledger::default();
        if !limited.is_empty() {
            ledger.exposures = exposures::lock(self.connection, &limited)?;
        }
        let transaction = ledger.commit(Decided::of_house(transaction));
        let mut nodes = Vec::new();
        let row = save::transaction_row(house, &transaction, self.coalition, &mut nodes);
        house.next_seq += 1;
        house.last_recorded_at = self.now;
        let rows = Rows {
            transactions: vec![row],
            log_nodes: nodes,
            ..save::rows_of(&ledger, &self.coalition.currency)
        };
        save::save(self.connection, &ledger, &rows, std::slice::from_ref(house))
    }
}

/// The cycles that a shard took its last transaction in and that are over: they end here.
pub(crate) fn ended_by(head: &Head, coalition: &Coalition, now: Instant) -> Vec<Seal> {
    let last = head.last_recorded_at;
    let ended = coalition.schedules.values().map(|schedule| schedule.cycle_of(last));
    let ended =
        ended.filter(|cycle| coalition.schedule(&cycle.schedule).closes(cycle.first) <= now);
    ended
        .map(|cycle| Seal {
            shard: head.shard,
            cycle,
            size: head.next_seq - 1,
            frontier: head.frontier.clone(),
        })
        .collect()
}
