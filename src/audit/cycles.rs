//! Cycles: what closing and publishing stored, made again from the journal.
//!
//! Figures and payments follow from the positions that the postings gave; checkpoints from the log as
//! it was when a shard passed a cycle's end; statements, and the sums that the next cycle goes on from,
//! are made as they were to be published, and compared. That reads what closed cycles cover of the
//! journal twice more; it takes as much memory as publishing the largest of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};

use super::replay::{Finding, Replay, differs};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{ProgrammeId, ShardId};
use crate::domain::log::note::{Checkpoint, Signer};
use crate::domain::settlement::netting::legs;
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::terms::{Coalition, Timeline};
use crate::engine::SignedCheckpoint;
use crate::statement::publish::{Purpose, make_all};
use crate::statement::reference_of;
use crate::statement::scan::StatementError;
use crate::statement::vouched;
use crate::statement::window::Window;
use crate::store::cycles::{self, CycleRow};
use crate::store::rows::read_json;
use crate::store::statements::{self, StatementRow};
use crate::store::{Database, audit, cycle_sums, log_key, payments, seals};

/// What cycles are compared by.
pub(super) struct Basis<'a> {
    pub timeline: &'a Timeline,
    pub signer: Signer,
    /// Shards of members.
    pub shards: i64,
}

impl<'a> Basis<'a> {
    pub(super) fn of(
        database: &mut Database,
        timeline: &'a Timeline,
        shards: i64,
    ) -> Result<Self, Finding> {
        let signer = log_key::signer(database, &timeline.latest().operator)?;
        Ok(Self { timeline, signer, shards })
    }

    fn coalition(&self) -> &Coalition {
        self.timeline.latest()
    }
}

impl Replay {
    pub(super) fn compare_cycles(
        &mut self,
        database: &mut Database,
        basis: &Basis<'_>,
    ) -> Result<(), Finding> {
        // Statements and sums of cycles: how many rows there must be.
        let mut kept = audit::Published::default();
        for row in cycles::all(database)? {
            self.report.cycles += 1;
            let id = row.id.clone();
            compare_events(database, &row)?;
            let Some(figures) = &row.figures else { continue };
            let figures: Value = read_json(figures, &format!("the figures of cycle {id}"))?;
            self.compare_figures(&id, &figures, basis.coalition())?;
            let Some(checkpoints) = &row.checkpoints else { continue };
            let checkpoints = read_json(checkpoints, &format!("the checkpoints of cycle {id}"))?;
            self.compare_checkpoints(database, basis, &row, checkpoints)?;
            if row.state >= CycleState::Published {
                let found = compare_statements(database, basis, &id)?;
                self.report.statements += found.statements.unsigned_abs();
                kept = kept.plus(found);
            }
            self.compare_legs(database, basis, &row)?;
        }
        let found = audit::published(database)?;
        if found != kept {
            return Err(differs(format!(
                "published cycles have {kept:?}, the tables have {found:?}"
            )));
        }
        Ok(())
    }

    /// The fixed figures are those of the positions that the postings give.
    fn compare_figures(
        &self,
        id: &CycleId,
        found: &Value,
        coalition: &Coalition,
    ) -> Result<(), Finding> {
        let mut nets: BTreeMap<&str, Money> = BTreeMap::new();
        let mut sums: BTreeMap<[&str; 4], (i64, Points, Money)> = BTreeMap::new();
        for (key, (count, points, amount)) in &self.positions {
            if !key.is_of(id) {
                continue;
            }
            let [debtor, creditor, programme, _, _, kind] = key.names();
            *nets.entry(debtor).or_default() -= Money(*amount);
            *nets.entry(creditor).or_default() += Money(*amount);
            let sum = sums.entry([debtor, creditor, programme, kind]).or_default();
            *sum = (sum.0 + count, sum.1 + Points(*points), sum.2 + Money(*amount));
        }
        let scale = coalition.money_scale;
        let nets = nets.into_iter().filter(|(_, net)| !net.is_zero());
        let nets: BTreeMap<&str, String> =
            nets.map(|(party, net)| (party, net.text(scale))).collect();
        let line = |([debtor, creditor, programme, kind], (count, points, amount)): (
            [&str; 4],
            (i64, Points, Money),
        )| {
            let known = programme.parse::<ProgrammeId>().ok();
            let known = known.and_then(|id| coalition.programmes.get(&id));
            let points = points.text(known.map_or(0, |one| one.scales.points));
            json!({"debtor": debtor, "creditor": creditor, "programme": programme, "kind": kind,
                "count": count, "points": points, "amount": amount.text(scale)})
        };
        let positions: Vec<Value> = sums.into_iter().map(line).collect();
        let mut expected = json!({"day": id.first, "cycle": id, "state": CycleState::Closed,
            "currency": coalition.currency, "nets": nets, "positions": positions});
        // Figures that were fixed before there were other schedules don't repeat the id.
        if let (None, Some(fields)) = (found.get("cycle"), expected.as_object_mut()) {
            fields.remove("cycle");
        }
        if *found == expected {
            return Ok(());
        }
        Err(differs(format!("cycle {id}: its figures are not those of its positions")))
    }

    /// The checkpoints say, under the key that signs, what the log was where the shards were cut.
    fn compare_checkpoints(
        &self,
        database: &mut Database,
        basis: &Basis<'_>,
        row: &CycleRow,
        found: Vec<SignedCheckpoint>,
    ) -> Result<(), Finding> {
        let id = &row.id;
        let mut expected = Vec::new();
        for shard in (0..basis.shards).map(ShardId) {
            let seal = seals::latest(database, shard, id)?;
            let frontier = seal.map(|seal| seal.frontier).unwrap_or_default();
            expected.push((shard, frontier.size(), frontier.root()));
        }
        let house = row.house_size.and_then(|size| Some((size, *self.ends.house_root(size)?)));
        let Some((size, root)) = house else {
            return Err(differs(format!("cycle {id}: the house's journal has no such size")));
        };
        expected.push((ShardId::HOUSE, size, root));
        if expected.len() != found.len() {
            return Err(differs(format!("cycle {id}: a checkpoint is missing")));
        }
        let operator = &basis.coalition().operator;
        for ((shard, size, root), found) in expected.into_iter().zip(found) {
            let origin = format!("{operator}/log/{}", shard.0);
            let note = basis.signer.sign(&Checkpoint { origin, size, root }.to_string());
            if found != (SignedCheckpoint { shard: shard.0, note }) {
                return Err(differs(format!(
                    "cycle {id}: the checkpoint of shard {} is not what its log gives",
                    shard.0
                )));
            }
        }
        Ok(())
    }

    /// Payments follow from the positions and the netting; what was paid of them is posted.
    fn compare_legs(
        &mut self,
        database: &mut Database,
        basis: &Basis<'_>,
        row: &CycleRow,
    ) -> Result<(), Finding> {
        let id = &row.id;
        let stored = payments::of_cycle(database, id)?;
        self.report.payments += u64::try_from(stored.len()).unwrap_or(u64::MAX);
        let mut expected = BTreeMap::new();
        if row.state >= CycleState::Instructed {
            let end = basis.coalition().schedule(&id.schedule).closes(id.first);
            let schedule = basis.timeline.at(end.plus_micros(-1)).schedule(&id.schedule);
            let positions = cycles::positions_of(database, id)?;
            for leg in legs(schedule.netting, &positions) {
                expected.insert(reference_of(id, &leg), (leg, schedule.due(id.first)));
            }
        }
        let mut paid: HashMap<String, Money> = HashMap::new();
        for payment in stored {
            let due = expected.remove(&payment.reference);
            let is_due = due.is_some_and(|(leg, due)| leg == payment.leg && due == payment.due);
            if !is_due || payment.paid < Money::ZERO {
                return Err(differs(format!(
                    "payment {} is not one of cycle {id}",
                    payment.reference
                )));
            }
            let party = payment.leg.party.to_string();
            *paid.entry(party).or_default() += payment.leg.direction.signed(payment.paid);
        }
        if let Some(reference) = expected.keys().next() {
            return Err(differs(format!("cycle {id}: payment {reference} has no row")));
        }
        self.bank_money.compare_parties(id, &paid)
    }
}

/// The state is where the transitions lead, one after the other.
fn compare_events(database: &mut Database, row: &CycleRow) -> Result<(), Finding> {
    let events = cycles::events(database, &row.id)?;
    let mut state = CycleState::Open;
    let mut at = None;
    for event in &events {
        if !state.may_become(event.state) || Some(event.at) < at {
            return Err(differs(format!("cycle {}: its transitions don't follow", row.id)));
        }
        (state, at) = (event.state, Some(event.at));
    }
    let is_fixed = row.figures.is_some();
    if state != row.state || is_fixed != (row.state >= CycleState::Closed) {
        return Err(differs(format!(
            "cycle {} is {}, its transitions and figures say {}",
            row.id,
            row.state.name(),
            state.name()
        )));
    }
    Ok(())
}

/// Makes the statements of a published cycle again; how many rows there are of it.
fn compare_statements(
    database: &mut Database,
    basis: &Basis<'_>,
    id: &CycleId,
) -> Result<audit::Published, Finding> {
    let changed = |what: &str| differs(format!("{what} of cycle {id}: not what its journal gives"));
    let window = Window::of(database, basis.timeline, id).map_err(finding)?;
    let window = window.ok_or_else(|| differs(format!("cycle {id} was never closed")))?;
    let stored = audit::statements(database, id)?;
    let purpose = Purpose::Compare(&stored);
    let made = make_all(database, (&window, &basis.signer), purpose).map_err(finding)?;
    let names = |rows: &[StatementRow]| -> BTreeSet<String> {
        rows.iter().map(|row| row.party.clone()).collect()
    };
    if names(&stored) != names(&made.rows) {
        return Err(changed("the parties with a statement"));
    }
    for (row, expected) in stored.iter().zip(&made.rows) {
        let what = [
            ("what stands before the lines", row.head == expected.head),
            ("what stands after the lines", row.tail == expected.tail),
            ("the number of lines", row.lines == expected.lines),
            ("the hash", row.sha256 == expected.sha256),
        ];
        if let Some((what, _)) = what.iter().find(|(_, same)| !same) {
            return Err(differs(format!(
                "statement {id}/{}: {what} is not what its journal gives",
                row.party
            )));
        }
        vouched::check(row, &basis.signer).map_err(finding)?;
    }
    if statements::circulation(database, id)? != made.circulation {
        return Err(changed("the points in circulation at the end"));
    }
    let mut expected = made.sums;
    expected.sort_unstable();
    if cycle_sums::of(database, id)? != expected {
        return Err(changed("the sums at the end"));
    }
    Ok(audit::Published::of(stored.len(), made.circulation.len(), expected.len()))
}

fn finding(error: StatementError) -> Finding {
    match error {
        StatementError::Store(error) => error.into(),
        other => differs(other.to_string()),
    }
}
