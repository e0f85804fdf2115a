//! The window of a statement: what its cycle covers of each shard, and what vouches for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::marks::LAYOUT;
use super::scan::{Part, StatementError};
use crate::domain::ids::{PartyId, ShardId};
use crate::domain::log::note::Checkpoint;
use crate::domain::log::tree::{ProofError, Tree};
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::terms::{Coalition, Timeline};
use crate::domain::time::{Day, Instant};
use crate::engine::SignedCheckpoint;
use crate::store::cycles::{self, CycleRow};
use crate::store::log::ShardLog;
use crate::store::rows::read_json;
use crate::store::{Database, StoreError, seals, statements};

/// A closed cycle, as statements are made of it.
pub struct Window {
    /// The cycle.
    pub cycle: CycleId,
    /// The terms that counted at its end.
    pub coalition: Arc<Coalition>,
    /// What there was when it was closed: it knows all that is recorded in the logs up to then.
    pub recorded: Arc<Coalition>,
    /// What it covers of each shard, the house's last.
    pub parts: Vec<Part>,
    /// When it was closed.
    pub closed_at: Instant,
    /// The states of the logs at its end.
    pub checkpoints: Vec<SignedCheckpoint>,
    /// The published cycle before it in the same schedule.
    pub previous: Option<CycleId>,
}

/// Proofs that the logs continue those of earlier cycles, each made once.
pub type Continued = BTreeMap<CycleId, Value>;

impl Window {
    /// The window of a cycle; none: it is not closed.
    ///
    /// # Errors
    /// If the database fails, or a row was changed.
    pub fn of(
        database: &mut Database,
        timeline: &Timeline,
        cycle: &CycleId,
    ) -> Result<Option<Self>, StatementError> {
        let Some(row) = cycles::find(database, cycle)? else { return Ok(None) };
        let events = cycles::events(database, cycle)?;
        let closed = events.iter().find(|event| event.state == CycleState::Closed);
        let (Some(closed), Some(_)) = (closed, &row.figures) else { return Ok(None) };
        let checkpoints = checkpoints_of(&row)?;
        let before = previous(database, cycle)?;
        let mut parts = Vec::new();
        for (shard, last) in sizes(&checkpoints)? {
            let shard = ShardId(shard);
            // The house posts what closes a cycle after the next one has begun: of its journal all
            // is read, and each entry says itself which cycle settles it.
            let before = before.as_ref().filter(|_| shard != ShardId::HOUSE);
            let after = match before {
                Some(before) => {
                    seals::latest(database, shard, &before.id)?.map_or(0, |one| one.size)
                }
                None => 0,
            };
            parts.push(Part { shard, after, last });
        }
        let recorded = Arc::clone(timeline.at(closed.at));
        let end = recorded.schedule(&cycle.schedule).closes(cycle.first);
        Ok(Some(Self {
            cycle: cycle.clone(),
            coalition: Arc::clone(timeline.at(end.plus_micros(-1))),
            recorded,
            parts,
            closed_at: closed.at,
            checkpoints,
            previous: before.map(|row| row.id),
        }))
    }

    /// The id of a party's statement.
    pub fn statement_id(&self, party: &PartyId) -> String {
        statement_id(&self.cycle, party)
    }

    /// Proofs that the logs continue those of an earlier cycle.
    fn consistency(
        &self,
        database: &mut Database,
        earlier: &CycleId,
    ) -> Result<Value, StatementError> {
        use base64::Engine as _;
        let sizes_before = match cycles::find(database, earlier)? {
            Some(row) => sizes(&checkpoints_of(&row)?)?,
            None => Vec::new(),
        };
        let mut all = Vec::new();
        for part in &self.parts {
            let shard = part.shard;
            let before = sizes_before.iter().find(|(one, _)| *one == shard.0);
            let Some(&(_, from)) = before.filter(|(_, size)| *size > 0) else { continue };
            let nodes = ShardLog { database: &mut *database, shard, coalition: &self.recorded };
            let path = Tree::new(nodes, part.last).consistency(from).map_err(proof_error(shard))?;
            let base64 = &base64::engine::general_purpose::STANDARD;
            let path: Vec<String> = path.iter().map(|hash| base64.encode(hash)).collect();
            all.push(json!({"shard": shard.0, "from": from, "to": part.last, "path": path}));
        }
        Ok(Value::Array(all))
    }

    /// The header of a party's statement. It continues the party's own statement before, which may
    /// be of another cycle than the one before; a first statement continues nothing.
    ///
    /// # Errors
    /// If the database fails, or what was recorded does not give the log.
    pub fn header(
        &self,
        database: &mut Database,
        party: &PartyId,
        continued: &mut Continued,
    ) -> Result<Value, StatementError> {
        let schedule = self.coalition.schedule(&self.cycle.schedule);
        let previous = statements::previous(database, &self.cycle, party)?;
        let previous =
            previous.map(|(first, sha256)| (schedule.cycle(Day::from_number(first)), sha256));
        let consistency = match &previous {
            None => Value::Array(Vec::new()),
            Some((cycle, _)) => {
                if !continued.contains_key(cycle) {
                    let made = self.consistency(database, cycle)?;
                    continued.insert(cycle.clone(), made);
                }
                continued[cycle].clone()
            }
        };
        let previous = previous.map(
            |(cycle, sha256)| json!({"statement": statement_id(&cycle, party), "sha256": sha256}),
        );
        let name = |id: &PartyId| self.coalition.parties.get(id).and_then(|one| one.name.clone());
        let cut: Vec<Value> = self
            .parts
            .iter()
            .map(|part| json!({"shard": part.shard.0, "first": part.after + 1, "last": part.last}))
            .collect();
        let agreements: Vec<Value> = self
            .coalition
            .agreements_of(party)
            .map(|one| json!({"programme": one.programme, "version": one.version}))
            .collect();
        Ok(json!({
            "statement": self.statement_id(party),
            "version": 1,
            "layout": LAYOUT,
            "party": party,
            "party_name": name(party),
            "operator": self.coalition.operator,
            "agreements": agreements,
            "cycle": self.cycle,
            "opened_at": schedule.opens(self.cycle.first),
            "ended_at": schedule.closes(self.cycle.first),
            "closed_at": self.closed_at,
            "cut_off_minute": schedule.cut_off,
            "cut_off": format!("{:02}:{:02}", schedule.cut_off / 60, schedule.cut_off % 60),
            "time_zone": schedule.zone.name(),
            "window": {
                "from": schedule.zone.local(schedule.opens(self.cycle.first)),
                "to": schedule.zone.local(schedule.closes(self.cycle.first)),
            },
            "counterparty": self.coalition.operator,
            "counterparty_name": name(&self.coalition.operator),
            "currency": self.coalition.currency,
            "money_scale": self.coalition.money_scale,
            "complete": true,
            "previous": previous,
            "checkpoints": self.checkpoints,
            "consistency": consistency,
            "cut": cut,
        }))
    }
}

/// The id of a party's statement of a cycle.
pub fn statement_id(cycle: &CycleId, party: &PartyId) -> String {
    format!("{cycle}/{party}")
}

/// The cycle and the party of a statement's id.
pub fn read_statement_id(text: &str) -> Option<(CycleId, PartyId)> {
    let (cycle, party) = text.split_once('/')?;
    Some((cycle.parse().ok()?, party.parse().ok()?))
}

pub(super) fn proof_error(shard: ShardId) -> impl Fn(ProofError<StoreError>) -> StatementError {
    move |error| match error {
        ProofError::Nodes(error) => error.into(),
        ProofError::Missing { .. } => StatementError::LogDiffers(shard.0),
    }
}

/// The latest published cycle before one.
fn previous(database: &mut Database, cycle: &CycleId) -> Result<Option<CycleRow>, StoreError> {
    let before = cycles::list(database, cycle.schedule.as_str(), cycle.first, 1_000)?;
    Ok(before.into_iter().find(|row| row.state >= CycleState::Published))
}

fn checkpoints_of(row: &CycleRow) -> Result<Vec<SignedCheckpoint>, StoreError> {
    match &row.checkpoints {
        Some(text) => read_json(text, "the checkpoints of a cycle"),
        // Cycles that were closed before there was a log have none.
        None => Ok(Vec::new()),
    }
}

/// The sizes that checkpoints vouch for, by shard.
fn sizes(checkpoints: &[SignedCheckpoint]) -> Result<Vec<(i64, i64)>, StoreError> {
    let size = |one: &SignedCheckpoint| {
        let text = one.note.split_once("\n\n").map_or("", |(text, _)| text);
        let checkpoint: Result<Checkpoint, _> = format!("{text}\n").parse();
        checkpoint
            .map(|checkpoint| (one.shard, checkpoint.size))
            .map_err(|_| StoreError::Damaged("the checkpoint of a cycle".into()))
    };
    checkpoints.iter().map(size).collect()
}
