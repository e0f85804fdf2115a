//! Opening a dispute: what is objected to, and whether that can be.

use serde::Deserialize;

use super::cycles::cycle_of;
use crate::domain::amount::{MONEY_MAX, Money, parse_decimal};
use crate::domain::entry::entries_of;
use crate::domain::ids::{PartyId, ProgrammeId, TransactionId};
use crate::domain::reconciliation::dispute::case::{Case, Participant};
use crate::domain::reconciliation::dispute::{Dispute, DisputeKind, DisputeTerms};
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::terms::{Coalition, Schedule, Timeline};
use crate::domain::time::Instant;
use crate::http::problem::Problem;
use crate::http::wire::no_card_number;
use crate::store::{Database, cycles, views};

/// The most lines that a dispute names.
const LINES_MAX: usize = 1_000;

/// The longest of the opener's own lines, and the longest reason, in bytes.
const TEXT_MAX: usize = 2_000;

/// A dispute as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenBody {
    /// The party, where the clearing house opens it.
    pub party: Option<PartyId>,
    cycle: String,
    statement: Option<String>,
    programme: Option<ProgrammeId>,
    kind: DisputeKind,
    #[serde(default)]
    lines: Vec<String>,
    #[serde(default)]
    own_lines: Vec<String>,
    amount: String,
    why: String,
    reserve: Option<bool>,
}

impl OpenBody {
    fn check(&self, who: Participant) -> Result<(), Problem> {
        if self.lines.is_empty() && self.own_lines.is_empty() {
            let detail = "name lines of the statement, or write your own";
            return Err(Problem::invalid("/lines", detail));
        }
        if LINES_MAX < self.lines.len() || LINES_MAX < self.own_lines.len() {
            return Err(Problem::invalid("/lines", "name at most 1,000 lines"));
        }
        let texts = self.own_lines.iter().chain([&self.why]).chain(&self.statement);
        for text in texts {
            no_card_number("", text)?;
            if TEXT_MAX < text.len() {
                return Err(Problem::invalid("", "use at most 2,000 bytes for each text"));
            }
        }
        if self.why.trim().is_empty() {
            return Err(Problem::invalid("/why", "say why"));
        }
        if self.reserve.is_some() && who == Participant::Party {
            return Err(Problem::role_not_allowed());
        }
        Ok(())
    }
}

/// Makes the case of a dispute that is opened.
///
/// # Errors
/// If there is nothing to object to, or the time for it is over.
pub(super) fn open_case(
    database: &mut Database,
    timeline: &Timeline,
    (party, who, now): (PartyId, Participant, Instant),
    body: OpenBody,
) -> Result<Case, Problem> {
    body.check(who)?;
    let coalition: &Coalition = timeline.at(now);
    if !coalition.parties.contains_key(&party) || party == coalition.operator {
        return Err(Problem::invalid("/party", "name a party other than the clearing house"));
    }
    let cycle = cycle_of(&body.cycle)?;
    let schedule = schedule_of(coalition, &cycle, now)?;
    let of_lines = check_lines(database, coalition, (&party, &cycle), &body.lines)?;
    let programme = match body.programme.or(of_lines) {
        None => None,
        Some(id) => {
            let programme = coalition.programmes.get(&id);
            let unknown = || Problem::invalid("/programme", "there is no such programme");
            // A brand's claim is not against its own pool.
            Some(programme.ok_or_else(unknown)?).filter(|programme| programme.brand != party)
        }
    };
    let brand = programme.map(|programme| programme.brand.clone());
    let payer = match who {
        Participant::Party => brand.unwrap_or_else(|| coalition.operator.clone()),
        Participant::ClearingHouse => party.clone(),
    };
    let amount = parse_decimal(&body.amount, coalition.money_scale, MONEY_MAX)
        .map_err(|error| Problem::invalid("/amount", &error.to_string()))?;
    let events = cycles::events(database, &cycle)?;
    let published = events.iter().find(|event| event.state == CycleState::Published);
    // Nothing is late before the statement can be read.
    let since = published.map_or(now, |event| event.at);
    let agreed = timeline.at_end_of(&cycle, now);
    let programme_id = programme.map(|programme| &programme.id);
    let terms = agreed.dispute_terms(agreed.schedule(&cycle.schedule), &party, programme_id);
    let terms = DisputeTerms { reserves: body.reserve.unwrap_or(terms.reserves), ..terms };
    let until = agreed.object_until(&cycle, &party, since);
    let dispute = Dispute::open(body.kind, Money(amount), (until, now), terms)?;
    Ok(Case {
        party,
        opened_by: who,
        belongs_to: schedule.opens(cycle.first),
        cycle,
        statement: body.statement,
        programme: programme_id.cloned(),
        lines: body.lines,
        own_lines: body.own_lines,
        why: body.why,
        payer,
        dispute,
        reserve: None,
        release: None,
    })
}

fn schedule_of<'a>(
    coalition: &'a Coalition,
    cycle: &CycleId,
    now: Instant,
) -> Result<&'a Schedule, Problem> {
    let there = coalition.schedules.get(&cycle.schedule);
    let there = there.filter(|schedule| schedule.begins_with(cycle.first));
    let there = there.filter(|schedule| schedule.opens(cycle.first) <= now);
    let schedule = there.ok_or_else(|| Problem::invalid("/cycle", "there is no such cycle"))?;
    Ok(schedule)
}

/// Checks that the lines are the party's own, in this cycle. Gives back whose pool is on the other
/// side of the first one.
fn check_lines(
    database: &mut Database,
    coalition: &Coalition,
    (party, cycle): (&PartyId, &CycleId),
    lines: &[String],
) -> Result<Option<ProgrammeId>, Problem> {
    let mut programme = None;
    for (place, line) in lines.iter().enumerate() {
        let missing = || {
            let detail = "the party's statement of this cycle has no such line";
            Problem::invalid(&format!("/lines/{place}"), detail)
        };
        let (id, _) = line.split_once('/').ok_or_else(missing)?;
        let id: TransactionId = id.parse().map_err(|_| missing())?;
        let stored = views::transaction(database, id)?.ok_or_else(missing)?;
        let entries = entries_of(&stored.transaction, coalition);
        let entry = entries.into_iter().find(|entry| entry.id == *line).ok_or_else(missing)?;
        let is_side = [&entry.from, &entry.to].into_iter().flatten().any(|one| one == party);
        if !is_side || entry.cycle != *cycle {
            return Err(missing());
        }
        programme = programme.or(entry.programme);
    }
    Ok(programme)
}
