//! Publishing: every party's statement of a closed cycle, hashed and kept.
//!
//! The cycle's journal is read twice. The first time every transaction is checked against its hash
//! and the logs against the checkpoints that the close signed, and points are counted; the second
//! time the lines of all parties are written side by side. Of the lines only the hash is kept: they
//! are written again, to the byte, whenever somebody asks. Of what was recorded before the cycle, a
//! part of the chain of hashes is checked, each time another one.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Sink;

use serde_json::Value;

use super::counts::{Counts, Kept, Months};
use super::json::{JsonWriter, Signing, sections_text};
use super::lines::Lines;
use super::marks::Marks;
use super::movement::Movements;
use super::scan::{Part, StatementError, check_chain, scan};
use super::sections::Basis;
use super::vouched::note_of;
use super::window::{Continued, Window};
use crate::auth::secrets::random_bytes;
use crate::domain::amount::Points;
use crate::domain::ids::{PartyId, ProgrammeId, ShardId};
use crate::domain::log::note::Signer;
use crate::domain::log::tree::Frontier;
use crate::domain::settlement::PositionSum;
use crate::domain::time::Instant;
use crate::store::cycle_sums::{self, SumRow};
use crate::store::statements::{PUBLISHED, StatementRow};
use crate::store::{Database, cycles, disputes, packs, seals, statements};

/// How many transactions from before the cycle are checked again at each publication, from each shard
/// as many: all, if there are no more. What a cycle costs goes by its own size, however many shards
/// there are; the audit checks everything.
const AGAIN_MAX: i64 = 50_000;

/// The statements of a cycle, to be kept.
pub struct Published {
    /// The statements.
    pub rows: Vec<StatementRow>,
    /// The points in circulation at its end.
    pub circulation: BTreeMap<ProgrammeId, Points>,
    /// The sums from which the next cycle goes on.
    pub sums: Vec<SumRow>,
}

/// How the line of the disputes begins, after the lines.
const DISPUTES: &str = "\"disputes\":";

/// What statements are made for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// To be published now. Of what was recorded before, a part is checked again.
    Publish,
    /// To be compared with those that were published. The chain was checked whole; disputes, which
    /// go on afterwards, are taken as they were told.
    Compare(&'a [StatementRow]),
}

impl Purpose<'_> {
    /// What stands after a party's lines, with the disputes of that time.
    fn tail(self, party: &PartyId, tail: String) -> String {
        let Self::Compare(rows) = self else { return tail };
        let told = rows.iter().find(|row| row.party == party.as_str());
        let told = told.and_then(|row| row.tail.lines().find(|line| line.starts_with(DISPUTES)));
        let Some(told) = told else { return tail };
        let line = |line: &str| if line.starts_with(DISPUTES) { told } else { line }.to_owned();
        tail.lines().map(|one| line(one) + "\n").collect()
    }
}

/// The disputes that a tail tells of.
fn disputes_in(tail: &str) -> Value {
    let told = tail.lines().find_map(|line| line.strip_prefix(DISPUTES));
    let told = told.map(|line| serde_json::from_str(line.trim_end_matches(',')));
    told.and_then(Result::ok).unwrap_or_default()
}

/// Makes all statements of a closed cycle. Nothing is kept yet.
///
/// # Errors
/// If the database fails, or what was recorded does not give what was vouched for.
pub fn make_all(
    database: &mut Database,
    (window, signer): (&Window, &Signer),
    purpose: Purpose<'_>,
) -> Result<Published, StatementError> {
    let schedule = window.coalition.schedule(&window.cycle.schedule);
    let kept = match &window.previous {
        Some(cycle) => Kept::of_rows(&cycle_sums::of(database, cycle)?)?,
        None => Kept::default(),
    };
    let cohorts_before = kept.cohorts.clone();
    let ends = seals::all_before(database, &window.cycle)?;
    let months = Months::new(window.cycle.first, ends);
    let mut counts = Counts::new(window.cycle.clone(), months, kept);
    check_logs(database, window, &mut counts, purpose)?;
    let since =
        window.previous.as_ref().map_or(Instant(i64::MIN), |one| schedule.closes(one.first));
    let running = packs::running_since(database, since)?;
    let (at_end, packs) = counts.end(running, schedule.closes(window.cycle.first));
    let disputes = disputes::standing_since(database, schedule.opens(window.cycle.first))?;
    let positions = cycles::positions_of(database, &window.cycle)?;
    let before = match &window.previous {
        Some(cycle) => statements::circulation(database, cycle)?,
        None => BTreeMap::new(),
    };
    let mut continued = Continued::new();
    let mut making = Vec::new();
    for party in parties_of(window, &positions) {
        let basis = Basis {
            party: &party,
            cycle: &window.cycle,
            coalition: &window.coalition,
            positions: &positions,
            counts: &counts,
            at_end: &at_end,
            circulation: &before,
            cohorts_before: &cohorts_before,
            packs: &packs,
            disputes: &disputes,
        };
        let header = window.header(database, &party, &mut continued)?;
        let head = format!("{{\"header\":{header},\n{}", sections_text(&basis.before_lines()));
        let tail = purpose.tail(&party, sections_text(&basis.after_lines()));
        let marks = Marks::of(&header, &disputes_in(&tail));
        making.push((party.clone(), Making::begin(window, marks, head, tail)?));
    }
    let mut making: BTreeMap<PartyId, Making<'_>> = making.into_iter().collect();
    for part in &window.parts {
        scan(database, &window.recorded, *part, &mut |recorded| {
            for party in super::scan::sides_of(recorded) {
                if let Some(one) = making.get_mut(party) {
                    one.lines.add(party, recorded, &mut |text| one.writer.line(text))?;
                }
            }
            Ok(())
        })?;
    }
    let mut rows = Vec::new();
    for (party, one) in making {
        rows.push(one.end(window, &party, signer)?);
    }
    let circulation = after(before, &counts.movements);
    Ok(Published { rows, circulation, sums: counts.sums.rows() })
}

fn after(
    mut circulation: BTreeMap<ProgrammeId, Points>,
    movements: &Movements,
) -> BTreeMap<ProgrammeId, Points> {
    for programme in movements.programmes() {
        let change = movements.of_programme(programme).change();
        *circulation.entry(programme.clone()).or_default() += change;
    }
    circulation
}

/// Everybody who gets a statement: who is a side of a position, and who has an agreement or a
/// programme that this schedule settles.
fn parties_of(window: &Window, positions: &[PositionSum]) -> BTreeSet<PartyId> {
    let coalition = &window.coalition;
    let mut all: BTreeSet<PartyId> = BTreeSet::from([coalition.operator.clone()]);
    all.extend(positions.iter().flat_map(|one| [one.debtor.clone(), one.creditor.clone()]));
    let agreements = coalition.agreements.values();
    for agreement in agreements.filter(|one| one.schedule == window.cycle.schedule) {
        all.insert(agreement.party.clone());
        let programme = coalition.programmes.get(&agreement.programme);
        all.extend(programme.map(|one| one.brand.clone()));
    }
    all
}

/// Reads the journal of a cycle: each transaction gives its hash, and together they give the logs
/// that were vouched for. Counts what the sections say.
fn check_logs(
    database: &mut Database,
    window: &Window,
    counts: &mut Counts,
    purpose: Purpose<'_>,
) -> Result<(), StatementError> {
    let most = AGAIN_MAX / i64::try_from(window.parts.len()).unwrap_or(AGAIN_MAX).max(1);
    for part in &window.parts {
        let (after, mut frontier) = start_of(database, window, *part)?;
        if matches!(purpose, Purpose::Publish) {
            let drawn = random_bytes().map_err(std::io::Error::other)?;
            for old in again(part.shard, (after, most), u64::from_be_bytes(drawn)) {
                check_chain(database, old)?;
            }
        }
        let since = Part { after, ..*part };
        scan(database, &window.recorded, since, &mut |recorded| {
            frontier.append(recorded.leaf());
            let id = recorded.transaction.id;
            if part.after < id.number() {
                counts.add(&recorded.transaction, &window.recorded);
            }
            Ok(())
        })?;
        let note = window.checkpoints.iter().find(|one| one.shard == part.shard.0);
        let root = crate::domain::log::note::Checkpoint {
            origin: format!("{}/log/{}", window.coalition.operator, part.shard.0),
            size: part.last,
            root: frontier.root(),
        };
        if !note.is_some_and(|note| note.note.starts_with(&root.to_string())) {
            return Err(StatementError::LogDiffers(part.shard.0));
        }
    }
    Ok(())
}

/// The parts of a shard's first transactions, `size` of them, that are checked again, at most so many:
/// from a place that is drawn, and past the end from the beginning, so that each is as likely as any
/// other.
fn again(shard: ShardId, (size, most): (i64, i64), drawn: u64) -> Vec<Part> {
    if size <= most {
        return vec![Part { shard, after: 0, last: size }];
    }
    let after = i64::try_from(drawn % size.unsigned_abs()).unwrap_or_default();
    let end = after + most;
    let parts = [(after, end.min(size)), (0, end - size)];
    let parts = parts.into_iter().filter(|(after, last)| after < last);
    parts.map(|(after, last)| Part { shard, after, last }).collect()
}

/// Where the log of a shard stood when the cycle before ended, and what it was there.
fn start_of(
    database: &mut Database,
    window: &Window,
    part: Part,
) -> Result<(i64, Frontier), StatementError> {
    let Some(previous) = &window.previous else { return Ok((0, Frontier::new())) };
    match seals::latest(database, part.shard, previous)? {
        Some(seal) => Ok((seal.size, seal.frontier)),
        None => Ok((0, Frontier::new())),
    }
}

/// One party's statement in the making.
struct Making<'a> {
    head: String,
    tail: String,
    writer: JsonWriter<Sink>,
    lines: Lines<'a>,
}

impl<'a> Making<'a> {
    fn begin(
        window: &'a Window,
        marks: Marks,
        head: String,
        tail: String,
    ) -> Result<Self, StatementError> {
        let writer = JsonWriter::begin(std::io::sink(), &head)?;
        Ok(Self { head, tail, writer, lines: Lines::new(window, marks) })
    }

    fn end(
        self,
        window: &Window,
        party: &PartyId,
        signer: &Signer,
    ) -> Result<StatementRow, StatementError> {
        let sums = &self.lines.sums;
        let control: Value = sums.control(window.coalition.money_scale);
        let tail = format!("{}\"control\":{control}", self.tail);
        let id = window.statement_id(party);
        let signing = Signing {
            signer,
            operator: window.coalition.operator.as_str(),
            statement: &id,
            lines: sums.lines(),
        };
        let sha256 = self.writer.end(&tail, &signing)?;
        let row = StatementRow {
            schedule: window.cycle.schedule.to_string(),
            cycle: window.cycle.first.number(),
            party: party.to_string(),
            head: self.head,
            tail,
            lines: i64::try_from(sums.lines()).unwrap_or(i64::MAX),
            sha256,
            state: PUBLISHED.to_owned(),
            answered_at: None,
            answered_by: None,
            vouched: None,
        };
        Ok(StatementRow { vouched: Some(note_of(&row, signer)?), ..row })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_log_is_checked_whole_and_of_a_long_one_each_place_as_often() {
        let shard = ShardId(3);
        let most = 50;
        for size in [0, 1, most] {
            assert_eq!(again(shard, (size, most), 7), [Part { shard, after: 0, last: size }]);
        }
        let size = most + 3;
        let mut times = vec![0_i64; usize::try_from(size).expect("few")];
        for drawn in 0..size.unsigned_abs() {
            for part in again(shard, (size, most), drawn) {
                let place = |seq: i64| usize::try_from(seq).expect("few");
                // Only the ends are counted, as differences.
                times[place(part.after)] += 1;
                if let Some(next) = times.get_mut(place(part.last)) {
                    *next -= 1;
                }
            }
        }
        let mut covered = 0;
        for change in times {
            covered += change;
            assert_eq!(covered, most);
        }
    }
}
