//! The lines of a party's statement, made from the transactions of its cycle.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::json::Sums;
use super::line::{Line, More};
use super::marks::Marks;
use super::scan::{Recorded, StatementError};
use super::vat::VatLines;
use super::window::Window;
use crate::domain::adjustment::Cause;
use crate::domain::amount::Money;
use crate::domain::entry::{Entry, Side};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::posting::Posting;
use crate::domain::settlement::CycleId;
use crate::domain::terms::Coalition;
use crate::domain::transaction::Detail;

/// The lines of one party, as they come.
pub struct Lines<'a> {
    coalition: &'a Coalition,
    window: &'a Window,
    vat: VatLines<'a>,
    marks: Marks,
    zones: Zones,
    /// What they add up to.
    pub sums: Sums,
}

impl<'a> Lines<'a> {
    /// No lines yet of a statement with these marks.
    pub fn new(window: &'a Window, marks: Marks) -> Self {
        let coalition = &*window.coalition;
        let vat = VatLines::new(coalition, &window.cycle);
        let zones = Zones::new(coalition, &window.cycle);
        Self { coalition, window, vat, marks, zones, sums: Sums::default() }
    }

    /// The lines that a transaction adds to a party's statement, as JSON.
    ///
    /// # Errors
    /// If `each` fails.
    pub fn add(
        &mut self,
        party: &PartyId,
        recorded: &Recorded,
        each: &mut dyn FnMut(&str) -> Result<(), StatementError>,
    ) -> Result<(), StatementError> {
        let scale = self.coalition.money_scale;
        self.each(party, recorded, &mut |line| each(&line.json(scale)))
    }

    /// The lines that a transaction adds to a party's statement.
    ///
    /// # Errors
    /// If `each` fails.
    pub fn each(
        &mut self,
        party: &PartyId,
        recorded: &Recorded,
        each: &mut dyn FnMut(&Line) -> Result<(), StatementError>,
    ) -> Result<(), StatementError> {
        for (place, entry) in (1_u32..).zip(&recorded.entries) {
            let Some(side) = entry.side_of(party) else { continue };
            if entry.cycle != self.window.cycle {
                continue;
            }
            let is_debit = side == Side::Debit;
            let amount = amount_of(recorded, place);
            let vat = self.vat.of(entry, is_debit, amount);
            let line = Line {
                line_no: self.sums.lines() + 1,
                transaction: recorded.transaction.id,
                place,
                is_debit,
                amount,
                vat,
                invoice: self.vat.invoice_of(entry),
                record_type: self.record_type(entry, is_debit),
                more: self.more(entry, recorded),
                entry_bytes: entry.bytes(),
                entry: entry.clone(),
            };
            self.sums.add(&line);
            each(&line)?;
        }
        Ok(())
    }
}

impl Lines<'_> {
    /// The entry's type. Of an exchange money leaves the party whose points went out.
    fn record_type(&self, entry: &Entry, is_debit: bool) -> &'static str {
        match entry.record_type {
            "exchange" if !self.marks.says_all() => "exchange",
            "exchange" if is_debit == (entry.obligation == "exchange") => "exchange_out",
            "exchange" => "exchange_in",
            other => other,
        }
    }

    fn more(&self, entry: &Entry, recorded: &Recorded) -> Option<More> {
        let about = self.marks.dispute_of(&entry.id).map(ToOwned::to_owned);
        let is_disputed = about.is_some();
        let follows = match &recorded.transaction.detail {
            Detail::Adjustment { cause: Cause::Dispute { dispute }, .. } => Some(*dispute),
            _ => None,
        };
        self.marks.says_all().then(|| More {
            zone: self.zones.of(entry.programme.as_ref()),
            dispute: about.or_else(|| follows.map(|one| one.to_string())),
            is_disputed,
        })
    }
}

/// The amount of an entry, in minor units.
fn amount_of(recorded: &Recorded, place: u32) -> Money {
    let mut money = recorded.transaction.postings.iter().filter_map(Posting::amount);
    let place = usize::try_from(place).unwrap_or(1);
    money.nth(place - 1).unwrap_or_default()
}

/// The zones in which days are counted.
struct Zones {
    /// That of the schedule, for what is of no programme.
    own: Arc<str>,
    by_programme: BTreeMap<ProgrammeId, Arc<str>>,
}

impl Zones {
    fn new(coalition: &Coalition, cycle: &CycleId) -> Self {
        let programmes = coalition.programmes.values();
        Self {
            own: coalition.schedule(&cycle.schedule).zone.name().into(),
            by_programme: programmes.map(|one| (one.id.clone(), one.zone.name().into())).collect(),
        }
    }

    fn of(&self, programme: Option<&ProgrammeId>) -> Arc<str> {
        let zone = programme.and_then(|one| self.by_programme.get(one));
        Arc::clone(zone.unwrap_or(&self.own))
    }
}
