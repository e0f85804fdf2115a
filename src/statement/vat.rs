//! The VAT that lies on a statement's lines. A line's share is what it adds to the tax on all lines
//! of its agreement so far, so that the shares sum to the tax exactly.

use std::collections::HashMap;

use super::line::{Invoice, LineVat};
use crate::domain::amount::Money;
use crate::domain::entry::Entry;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::posting::ObligationKind;
use crate::domain::settlement::CycleId;
use crate::domain::settlement::closing::taxed_as;
use crate::domain::terms::Coalition;
use crate::domain::terms::charges::InvoiceBy;
use crate::domain::terms::vat::{vat_inside, vat_on_top};

/// The agreement's programme and party, and the other side.
type Key = (ProgrammeId, PartyId, Option<PartyId>);

/// Adds up what is taxed.
pub struct VatLines<'a> {
    coalition: &'a Coalition,
    cycle: &'a CycleId,
    bases: HashMap<Key, Money>,
}

impl<'a> VatLines<'a> {
    /// Nothing so far.
    pub fn new(coalition: &'a Coalition, cycle: &'a CycleId) -> Self {
        Self { coalition, cycle, bases: HashMap::new() }
    }

    /// What was agreed of the invoice for a line that bears or charges tax.
    pub fn invoice_of(&self, entry: &Entry) -> Invoice {
        self.agreed_of(entry).unwrap_or_default()
    }

    fn agreed_of(&self, entry: &Entry) -> Option<Invoice> {
        let (programme, party) = (entry.programme.as_ref()?, entry.agreement.as_ref()?);
        let terms = self.coalition.agreement(programme, party)?.charges.vat.as_ref()?;
        let (kind, reverses) = ObligationKind::named(entry.obligation)?;
        let is_taxed = taxed_as(kind).is_some_and(|taxed| terms.on.contains(&taxed));
        if !is_taxed && kind != ObligationKind::Vat {
            return None;
        }
        // What is given back runs from the payee to the payer.
        let (owes, gets) =
            if reverses { (&entry.to, &entry.from) } else { (&entry.from, &entry.to) };
        let by = terms.invoice_by.and_then(|by| match by {
            InvoiceBy::Payee => gets.clone(),
            InvoiceBy::Payer => owes.clone(),
            InvoiceBy::Operator => Some(self.coalition.operator.clone()),
        });
        Some(Invoice { nature: terms.nature, by })
    }

    /// The tax that a line bears; none: its agreement taxes nothing of the kind.
    pub fn of(&mut self, entry: &Entry, is_debit: bool, amount: Money) -> Option<LineVat> {
        let (programme, party) = (entry.programme.clone()?, entry.agreement.clone()?);
        let agreement = self.coalition.agreement(&programme, &party)?;
        let terms = agreement.charges.vat.as_ref()?;
        let (kind, _) = ObligationKind::named(entry.obligation)?;
        if !taxed_as(kind).is_some_and(|taxed| terms.on.contains(&taxed)) {
            return None;
        }
        let table = self.coalition.vat_tables.get(&terms.table)?;
        let last = self.coalition.schedule(&self.cycle.schedule).last_day(self.cycle.first);
        let rate = table.rate_on(last)?;
        let tax = |base: Money| {
            if terms.included { vat_inside(base, rate) } else { vat_on_top(base, rate) }
        };
        let other = if is_debit { entry.to.clone() } else { entry.from.clone() };
        let base = self.bases.entry((programme, party, other)).or_default();
        let before = tax(*base);
        *base += if is_debit { amount } else { -amount };
        let change = tax(*base) - before;
        let amount = if is_debit { change } else { -change };
        Some(LineVat { rate: rate.to_string(), amount, included: terms.included })
    }
}
