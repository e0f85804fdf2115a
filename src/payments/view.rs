//! What is shown of payments, of open items and of the money on its way.

use std::collections::BTreeMap;

use serde::Serialize;

use super::scale_of;
use crate::domain::amount::Money;
use crate::domain::ids::PartyId;
use crate::domain::settlement::payment::{
    Ending, ItemId, ItemKind, ItemState, ItemStep, OpenItem, Payment, PaymentState,
};
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant};
use crate::store::payments::EntryRow;
use crate::store::{Database, StoreError, cycles, open_items, payments};

/// What the bank booked on a payment.
#[derive(Clone, Debug, Serialize)]
pub struct EntryView {
    /// Its key.
    pub entry: String,
    /// The day on which it was booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booked_on: Option<Day>,
    /// `credit` for what came in, `debit` for what went out.
    pub side: &'static str,
    /// How much.
    pub amount: String,
    /// What it was found to be.
    pub outcome: String,
}

/// A payment.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentView {
    /// The reference that it carries.
    pub reference: String,
    /// Who pays or is paid.
    pub party: PartyId,
    /// Which of the two.
    pub direction: &'static str,
    /// With whom it is settled; none: with all together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterparty: Option<PartyId>,
    /// How much.
    pub amount: String,
    /// What is still to be paid.
    pub open: String,
    /// The day on which it is to be paid.
    pub due: Day,
    /// How far it is.
    pub state: PaymentState,
    /// Whether the party has no bank account, so that files leave it out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub account_missing: bool,
    /// What the bank booked on it.
    pub entries: Vec<EntryView>,
}

/// The payments of a cycle.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentsView {
    /// The cycle.
    pub cycle: CycleId,
    /// What it has come to.
    pub state: CycleState,
    /// ISO 4217 code.
    pub currency: String,
    /// Its payments; none before they are instructed.
    pub data: Vec<PaymentView>,
}

/// The payments of a cycle: those of one party, or all. None: there is no such closed cycle.
///
/// # Errors
/// If the database fails.
pub fn payments_view(
    database: &mut Database,
    coalition: &Coalition,
    cycle: &CycleId,
    party: Option<&PartyId>,
) -> Result<Option<PaymentsView>, StoreError> {
    let Some(row) = cycles::find(database, cycle)? else { return Ok(None) };
    let mut all = payments::of_cycle(database, cycle)?;
    all.retain(|one| party.is_none_or(|party| one.leg.party == *party));
    let references: Vec<&str> = all.iter().map(|one| one.reference.as_str()).collect();
    let mut entries: BTreeMap<String, Vec<EntryView>> = BTreeMap::new();
    for entry in payments::entries_of(database, &references)? {
        let leg = entry.leg.clone().unwrap_or_default();
        entries.entry(leg).or_default().push(entry_view(entry, coalition));
    }
    let data = all.into_iter().map(|one| {
        let entries = entries.remove(&one.reference).unwrap_or_default();
        payment_view(one, coalition, entries)
    });
    Ok(Some(PaymentsView {
        cycle: cycle.clone(),
        state: row.state,
        currency: coalition.currency.clone(),
        data: data.collect(),
    }))
}

fn entry_view(entry: EntryRow, coalition: &Coalition) -> EntryView {
    let scale = scale_of(&entry.currency, coalition);
    EntryView {
        booked_on: entry.booked_on.map(Day::from_number),
        side: side_of(Money(entry.amount)),
        amount: Money(entry.amount.abs()).text(scale),
        outcome: entry.outcome,
        entry: entry.entry,
    }
}

fn payment_view(payment: Payment, coalition: &Coalition, entries: Vec<EntryView>) -> PaymentView {
    let scale = coalition.money_scale;
    let party = coalition.parties.get(&payment.leg.party);
    PaymentView {
        direction: payment.leg.direction.name(),
        amount: payment.leg.amount.text(scale),
        open: payment.open().text(scale),
        due: payment.due,
        state: payment.state(),
        account_missing: payment.leg.party != coalition.operator
            && party.is_none_or(|one| one.account.is_none()),
        reference: payment.reference,
        party: payment.leg.party,
        counterparty: payment.leg.counterparty,
        entries,
    }
}

/// `credit` for what came in, `debit` for what went out.
fn side_of(amount: Money) -> &'static str {
    if amount < Money::ZERO { "debit" } else { "credit" }
}

/// What a person did with an open item, or wants done.
#[derive(Clone, Debug, Serialize)]
pub struct StepView {
    /// Whether a second person has to do it.
    pub proposal: bool,
    /// How it ends.
    pub ending: Ending,
    /// The payment that the money belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<String>,
    /// How much.
    pub amount: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

/// An open item.
#[derive(Clone, Debug, Serialize)]
pub struct ItemView {
    /// Its id.
    pub id: ItemId,
    /// Why it is open.
    pub kind: ItemKind,
    /// What became of it.
    pub state: ItemState,
    /// What the bank booked, by its key.
    pub entry: String,
    /// The payment that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<String>,
    /// `credit` for what came in or is missing, `debit` for what went out.
    pub side: &'static str,
    /// How much it is about.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The day on which the bank booked it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booked_on: Option<Day>,
    /// When it was opened.
    pub opened_at: Instant,
    /// Days since the bank booked it.
    pub age_days: i64,
    /// What happened.
    pub text: String,
    /// The reference of the payment that gives the money back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The entry by which the bank booked that payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_by: Option<String>,
    /// What people did with it.
    pub steps: Vec<StepView>,
}

/// What is shown of an item.
pub fn item_view(
    item: &OpenItem,
    steps: Vec<ItemStep>,
    coalition: &Coalition,
    now: Instant,
) -> ItemView {
    let scale = scale_of(&item.currency, coalition);
    let since = item.booked_on.unwrap_or_else(|| coalition.zone.day_of(item.opened_at));
    let step = |step: ItemStep| StepView {
        proposal: step.is_proposal,
        ending: step.ending,
        leg: step.leg,
        amount: Money(step.amount.0.abs()).text(scale),
        by: step.author,
        at: step.at,
        why: step.why,
    };
    ItemView {
        id: item.id,
        kind: item.kind,
        state: item.state,
        entry: item.entry.clone(),
        leg: item.leg.clone(),
        side: side_of(item.amount),
        amount: Money(item.amount.0.abs()).text(scale),
        currency: item.currency.clone(),
        booked_on: item.booked_on,
        opened_at: item.opened_at,
        age_days: (coalition.zone.day_of(now).number() - since.number()).max(0),
        text: item.text.clone(),
        reference: item.reference.clone(),
        confirmed_by: item.confirmed_by.clone(),
        steps: steps.into_iter().map(step).collect(),
    }
}

/// Items after one, by their numbers: those in a state, or all.
///
/// # Errors
/// If the database fails.
pub fn items_view(
    database: &mut Database,
    (coalition, now): (&Coalition, Instant),
    state: Option<ItemState>,
    (after, most): (i64, i64),
) -> Result<Vec<ItemView>, StoreError> {
    let mut views = Vec::new();
    for item in open_items::list(database, state, after, most)? {
        let steps = open_items::steps(database, item.id)?;
        views.push(item_view(&item, steps, coalition, now));
    }
    Ok(views)
}

/// What is missing of a payment.
#[derive(Clone, Debug, Serialize)]
pub struct MissingView {
    /// Its reference.
    pub reference: String,
    /// Who pays or is paid.
    pub party: PartyId,
    /// Which of the two.
    pub direction: &'static str,
    /// What is still to be paid.
    pub open: String,
    /// The day on which it is to be paid.
    pub due: Day,
}

/// The money of one cycle that is on its way.
#[derive(Clone, Debug, Serialize)]
pub struct ClearingView {
    /// The cycle.
    pub cycle: CycleId,
    /// What it has come to.
    pub state: CycleState,
    /// What was collected and is not paid out yet; below zero: more was paid out.
    pub balance: String,
    /// What is missing.
    pub missing: Vec<MissingView>,
}

/// All money on its way.
#[derive(Clone, Debug, Serialize)]
pub struct ClearingAccounts {
    /// ISO 4217 code.
    pub currency: String,
    /// Money of which nobody knows whose it is; below zero: more went out than came in.
    pub suspense: String,
    /// The cycles.
    pub data: Vec<ClearingView>,
}

/// Cycles whose money is on its way: those that are not at zero, or all that were instructed, the
/// latest first before a day.
///
/// # Errors
/// If the database fails.
pub fn clearing_accounts(
    database: &mut Database,
    coalition: &Coalition,
    all: Option<(i64, i64)>,
) -> Result<ClearingAccounts, StoreError> {
    let scale = coalition.money_scale;
    let asked = match all {
        Some((before, most)) => payments::paid_cycles(database, before, most)?,
        None => payments::instructed_cycles(database)?,
    };
    let mut data = Vec::new();
    for cycle in asked {
        let payments = payments::of_cycle(database, &cycle)?;
        let booked = payments.iter().map(|one| one.leg.direction.signed(one.paid));
        let balance: Money = booked.sum();
        if balance.is_zero() && all.is_none() {
            continue;
        }
        let open = payments.into_iter().filter(|one| !one.open().is_zero());
        let missing = open.map(|one| MissingView {
            direction: one.leg.direction.name(),
            open: one.open().text(scale),
            due: one.due,
            reference: one.reference,
            party: one.leg.party,
        });
        let row = cycles::find(database, &cycle)?;
        data.push(ClearingView {
            state: row.map_or(CycleState::Instructed, |row| row.state),
            balance: balance.text(scale),
            missing: missing.collect(),
            cycle,
        });
    }
    let suspense = open_items::in_suspense(database)?.text(scale);
    Ok(ClearingAccounts { currency: coalition.currency.clone(), suspense, data })
}
