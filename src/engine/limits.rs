//! Telling parties of their limits: near at four fifths, hit when used up or when something was
//! refused for it. Told in the commit of what crosses it, where the limit's row is locked already.
//!
//! Comparing costs nothing to speak of; the database is asked only by a batch that crosses a mark,
//! and by the first refusal of a cycle.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use crate::domain::amount::{Money, Points};
use crate::domain::exposure::{Exposure, LimitHit, LimitName};
use crate::domain::ids::{PartyId, ProgrammeId, TransactionId};
use crate::domain::ledger::Ledger;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::store::limit_notices::{Notice, is_first};
use crate::store::outbox::{self, Fact};
use crate::store::{Database, StoreError};

const NEAR: &str = "limit.near";
const HIT: &str = "limit.hit";

/// A limit is near when four fifths of it are used.
const NEAR_PART: i128 = 4;
const NEAR_OF: i128 = 5;

/// Notices that are remembered so that the database is not asked again.
const REMEMBERED_MAX: usize = 10_000;

/// What limited parties owed, and what packs had left, before a batch.
#[derive(Debug, Default)]
pub(super) struct Before {
    exposures: HashMap<PartyId, Exposure>,
    packs: HashMap<TransactionId, Points>,
}

impl Before {
    /// As a batch finds it.
    pub fn of(ledger: &Ledger) -> Self {
        let packs = ledger.packs.values().map(|pack| (pack.id, pack.left));
        Self { exposures: ledger.exposures.clone(), packs: packs.collect() }
    }
}

/// The notices that were told not long ago.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<HashSet<Notice>>);

impl Told {
    fn knows(&self, notice: &Notice) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(notice)
    }

    /// Remembers what was committed.
    pub fn remember(&self, notices: Vec<Notice>) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() + notices.len() > REMEMBERED_MAX {
            told.clear();
        }
        told.extend(notices);
    }
}

/// Tells of limits that a batch came near to or hit, as the last thing before its commit. Gives
/// back what to remember after it.
pub(super) fn tell(
    connection: &mut Database,
    (before, ledger): (&Before, &Ledger),
    (coalition, now): (&Coalition, Instant),
    told: &Told,
) -> Result<Vec<Notice>, StoreError> {
    let mut found = Found { coalition, now, all: Vec::new() };
    found.exposures(before, ledger);
    found.packs(before, ledger);
    for hit in &ledger.changes.limits_hit {
        found.refused(hit, ledger);
    }
    found.all.retain(|(notice, _)| !told.knows(notice));
    // Everybody marks in the same order: no deadlocks.
    found.all.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (mut facts, mut notices) = (Vec::new(), Vec::new());
    for (notice, fact) in found.all {
        if is_first(connection, &notice, now)? {
            facts.push(fact);
        }
        notices.push(notice);
    }
    facts.sort_by_key(|fact| fact.event == HIT);
    outbox::add(connection, now, &facts)?;
    Ok(notices)
}

/// What there is to tell.
struct Found<'a> {
    coalition: &'a Coalition,
    now: Instant,
    all: Vec<(Notice, Fact)>,
}

impl Found<'_> {
    fn exposures(&mut self, before: &Before, ledger: &Ledger) {
        for (party, limits) in &self.coalition.limits {
            let both = before.exposures.get(party).zip(ledger.exposures.get(party));
            let Some((was, is)) = both else { continue };
            for (schedule, &most) in &limits.caps {
                let limit = LimitName::Cap(schedule.clone());
                self.crossed((party, &limit), (used(&limit, was), used(&limit, is), most));
            }
            if let Some(most) = limits.credit_line {
                let limit = LimitName::CreditLine;
                self.crossed((party, &limit), (used(&limit, was), used(&limit, is), most));
            }
        }
    }

    fn crossed(
        &mut self,
        (party, limit): (&PartyId, &LimitName),
        (was, is, most): (Money, Money, Money),
    ) {
        for event in marks_between(was.0, is.0, most.0) {
            self.push_money(event, (party, limit), (is, most));
        }
    }

    /// What is told of a limit on money, once in each cycle of its schedule. A credit line lasts
    /// longer than a cycle: it is told of by the coalition's own schedule.
    fn push_money(
        &mut self,
        event: &'static str,
        (party, limit): (&PartyId, &LimitName),
        (used, most): (Money, Money),
    ) {
        let scale = self.coalition.money_scale;
        let mut data = json!({
            "limit": limit.to_string(),
            "used": used.text(scale),
            "most": most.text(scale),
            "currency": self.coalition.currency,
        });
        let schedule = match limit {
            LimitName::Cap(schedule) => self.coalition.schedule(schedule),
            _ => self.coalition.own_schedule(),
        };
        let cycle = schedule.cycle_of(self.now).to_string();
        if matches!(limit, LimitName::Cap(_)) {
            data["cycle"] = cycle.clone().into();
        }
        self.push(event, (party, limit), cycle, (None, data));
    }

    fn packs(&mut self, before: &Before, ledger: &Ledger) {
        for id in &ledger.changes.packs {
            let Some(pack) = ledger.packs.get(id) else { continue };
            let was = pack.bought - before.packs.get(id).copied().unwrap_or(pack.bought);
            let used = pack.bought - pack.left;
            for event in marks_between(was.0, used.0, pack.bought.0) {
                let scale = self.scale_of(&pack.programme);
                let data = json!({
                    "limit": "pack",
                    "pack": pack.id,
                    "used": used.text(scale),
                    "most": pack.bought.text(scale),
                });
                let limit = LimitName::Pack(pack.id);
                let programme = Some(pack.programme.clone());
                self.push(event, (&pack.party, &limit), String::new(), (programme, data));
            }
        }
    }

    /// Something was refused: the limit is hit, however much of it is left.
    fn refused(&mut self, hit: &LimitHit, ledger: &Ledger) {
        if let LimitName::Packs(programme) = &hit.limit {
            let cycle = self.coalition.own_schedule().cycle_of(self.now).to_string();
            let told = (Some(programme.clone()), json!({"limit": "packs"}));
            self.push(HIT, (&hit.party, &hit.limit), cycle, told);
            return;
        }
        let limits = self.coalition.limits.get(&hit.party);
        let Some((limits, exposure)) = limits.zip(ledger.exposures.get(&hit.party)) else { return };
        let most = match &hit.limit {
            LimitName::Cap(schedule) => limits.caps.get(schedule).copied(),
            _ => limits.credit_line,
        };
        let used = used(&hit.limit, exposure);
        self.push_money(HIT, (&hit.party, &hit.limit), (used, most.unwrap_or_default()));
    }

    fn scale_of(&self, programme: &ProgrammeId) -> u32 {
        self.coalition.programmes.get(programme).map_or(0, |one| one.scales.points)
    }

    fn push(
        &mut self,
        event: &'static str,
        (party, limit): (&PartyId, &LimitName),
        cycle: String,
        (programme, mut data): (Option<ProgrammeId>, Value),
    ) {
        let notice = Notice { party: party.to_string(), limit: limit.to_string(), cycle, event };
        // Used up and refused in one batch is one hit.
        if self.all.iter().any(|(there, _)| *there == notice) {
            return;
        }
        data["party"] = party.as_str().into();
        if let Some(programme) = &programme {
            data["programme"] = programme.as_str().into();
        }
        let fact = Fact { event, party: Some(party.clone()), programme, member: None, data };
        self.all.push((notice, fact));
    }
}

/// How much of a limit on money is used.
fn used(limit: &LimitName, exposure: &Exposure) -> Money {
    let owed = match limit {
        LimitName::Cap(schedule) => exposure.open_cycle(schedule).map(|(_, owed)| -owed),
        _ => Some(exposure.held - exposure.unsettled),
    };
    owed.unwrap_or_default().max(Money::ZERO)
}

/// The marks of a limit that lie above what was used and not above what is.
fn marks_between(was: i64, is: i64, most: i64) -> Vec<&'static str> {
    let (was, is, most) = (i128::from(was), i128::from(is), i128::from(most));
    let passes_near = was * NEAR_OF < most * NEAR_PART && most * NEAR_PART <= is * NEAR_OF;
    let passes_all = was < most && most <= is;
    let marks = [(passes_near, NEAR), (passes_all, HIT)];
    marks.into_iter().filter(|(passes, _)| *passes).map(|(_, event)| event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_passed_upwards_and_once() {
        assert_eq!(marks_between(0, 79, 100), Vec::<&str>::new());
        assert_eq!(marks_between(79, 80, 100), [NEAR]);
        assert_eq!(marks_between(80, 99, 100), Vec::<&str>::new());
        assert_eq!(marks_between(80, 100, 100), [HIT]);
        assert_eq!(marks_between(0, 100, 100), [NEAR, HIT]);
        assert_eq!(marks_between(100, 50, 100), Vec::<&str>::new());
        assert_eq!(marks_between(0, 0, 0), Vec::<&str>::new(), "nothing was used");
    }
}
