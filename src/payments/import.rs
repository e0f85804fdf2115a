//! Importing what a bank booked: each entry once, matched to what is to be paid, posted, and noted
//! where somebody has to look.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::judging::{Known, Taken, by_name, judge, side_name, signed};
use super::progress::{LatestPart, follow, settle_if_paid};
use super::{PaymentError, own_account, scale_of};
use crate::bank::camt::{
    BalanceCheck, BankLine, BankStatement, CamtLimits, bank_lines, read_camt_053,
};
use crate::bank::matching::{LegDirection, MatchRules, OpenLeg, match_entries};
use crate::domain::amount::Money;
use crate::domain::settlement::CycleId;
use crate::domain::settlement::netting::Direction;
use crate::domain::settlement::payment::{
    ItemId, ItemKind, ItemState, OpenItem, Payment, suspense,
};
use crate::domain::terms::{Coalition, Party};
use crate::domain::time::Day;
use crate::domain::transaction::Detail;
use crate::engine::{Engine, House};
use crate::store::payments::EntryRow;
use crate::store::rows::write_json;
use crate::store::{open_items, payments};

/// A statement of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StatementSeen {
    /// The bank's reference of it.
    pub id: String,
    /// The account.
    pub account: String,
    /// Whether its entries explain its balances: `holds`, `differs` or `not_given`.
    pub balance: &'static str,
}

/// What an entry was found to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Booked {
    /// Its key.
    pub entry: String,
    /// The day on which it was booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booked_on: Option<Day>,
    /// `credit` for what came in, `debit` for what went out.
    pub side: &'static str,
    /// How much.
    pub amount: String,
    /// ISO 4217 code.
    pub currency: String,
    /// `settles`, `part`, `over`, `return`, `confirms`, `unknown` or `nothing`.
    pub outcome: &'static str,
    /// The reference of its payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leg: Option<String>,
    /// What told the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_by: Option<&'static str>,
    /// The item that it opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_item: Option<ItemId>,
}

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The statements of the file.
    pub statements: Vec<StatementSeen>,
    /// Entries that were imported before, and are left alone.
    pub repeated: usize,
    /// Entries that are new.
    pub booked: Vec<Booked>,
    /// The cycles that are settled by them.
    pub settled: Vec<CycleId>,
}

/// Imports a camt.053 or camt.054 file.
///
/// # Errors
/// If it can't be read, is of another account, or the database fails. Then nothing of it was taken.
pub fn import(engine: &Engine, file: &[u8], author: &str) -> Result<Imported, PaymentError> {
    let statements = read_camt_053(file, &CamtLimits::default())?;
    engine.on_house(|house| {
        must_be_own(&house.coalition, &statements)?;
        let mut imported =
            Imported { statements: statements.iter().map(seen).collect(), ..Imported::default() };
        let all = statements
            .iter()
            .flat_map(|one| bank_lines(one).into_iter().map(|line| (one.id.as_str(), line)));
        let mut all: Vec<(&str, BankLine)> = all.collect();
        let keys: Vec<&str> = all.iter().map(|(_, line)| line.key.as_str()).collect();
        let mut known = payments::known_entries(house.database, &keys)?;
        let before = all.len();
        all.retain(|(_, line)| known.insert(line.key.clone()));
        imported.repeated = before - all.len();
        if all.is_empty() {
            return Ok(imported);
        }
        let mut importing = Importing::begin(house, &all, author)?;
        importing.take_all(&all)?;
        importing.end(&mut imported)?;
        Ok(imported)
    })
}

fn must_be_own(coalition: &Coalition, statements: &[BankStatement]) -> Result<(), PaymentError> {
    let own = own_account(coalition)?;
    let is_other = |one: &&BankStatement| {
        let packed: String = one.account.chars().filter(|one| !one.is_whitespace()).collect();
        packed != own.number().text()
    };
    match statements.iter().find(is_other) {
        Some(other) => Err(PaymentError::OtherAccount(other.account.clone())),
        None => Ok(()),
    }
}

fn seen(statement: &BankStatement) -> StatementSeen {
    let balance = match statement.balance_check() {
        BalanceCheck::Holds => "holds",
        BalanceCheck::Differs(_) => "differs",
        BalanceCheck::NotGiven => "not_given",
    };
    StatementSeen { id: statement.id.clone(), account: statement.account.clone(), balance }
}

/// One file on its way into the ledger.
struct Importing<'h, 'a> {
    house: &'h mut House<'a>,
    author: &'h str,
    known: Known,
    next_item: ItemId,
    items: Vec<OpenItem>,
    /// Payments that got on, with the latest part.
    touched: BTreeMap<String, Option<LatestPart>>,
    rows: Vec<EntryRow>,
    booked: Vec<Booked>,
}

impl<'h, 'a> Importing<'h, 'a> {
    fn begin(
        house: &'h mut House<'a>,
        lines: &[(&str, BankLine)],
        author: &'h str,
    ) -> Result<Self, PaymentError> {
        let instructed = payments::instructed_cycles(house.database)?;
        let named = lines.iter().filter_map(|(_, line)| line.end_to_end_id.as_deref()).collect();
        let mut all = payments::named(house.database, &named)?;
        for cycle in &instructed {
            all.extend(payments::of_cycle(house.database, cycle)?);
        }
        // What the clearing house pays itself goes through no bank.
        let operator = &house.coalition.operator;
        all.retain(|one| one.leg.party != *operator);
        let returning = open_items::to_confirm(house.database)?;
        let returning =
            returning.into_iter().filter_map(|item| Some((item.reference.clone()?, item)));
        let known = Known {
            currency: house.coalition.currency.clone(),
            payments: all.into_iter().map(|one| (one.reference.clone(), one)).collect(),
            instructed: instructed.into_iter().collect(),
            returning: returning.collect(),
        };
        Ok(Self {
            author,
            known,
            next_item: open_items::next_id(house.database)?,
            items: Vec::new(),
            touched: BTreeMap::new(),
            rows: Vec::new(),
            booked: Vec::new(),
            house,
        })
    }

    /// What entries can belong to.
    fn legs(&self) -> Vec<OpenLeg> {
        let coalition = &self.house.coalition;
        let payment = |one: &Payment| {
            let party = coalition.parties.get(&one.leg.party);
            let account = party.and_then(Party::bank_account);
            OpenLeg {
                id: one.reference.clone(),
                end_to_end_id: one.reference.clone(),
                direction: match one.leg.direction {
                    Direction::Collect => LegDirection::Collect,
                    Direction::PayOut => LegDirection::PayOut,
                },
                party: one.leg.party.to_string(),
                party_account: account.map(|account| account.number().text().to_owned()),
                due: one.due,
                open: one.open(),
                paid: one.paid,
            }
        };
        let back = |(reference, item): (&String, &OpenItem)| OpenLeg {
            id: reference.clone(),
            end_to_end_id: reference.clone(),
            direction: if item.amount.is_positive() {
                LegDirection::PayOut
            } else {
                LegDirection::Collect
            },
            party: String::new(),
            party_account: None,
            due: item.booked_on.unwrap_or(self.house.coalition.zone.day_of(item.opened_at)),
            open: Money(item.amount.0.abs()),
            paid: Money::ZERO,
        };
        let legs = self.known.payments.values().map(payment);
        legs.chain(self.known.returning.iter().map(back)).collect()
    }

    fn take_all(&mut self, all: &[(&str, BankLine)]) -> Result<(), PaymentError> {
        let rules = MatchRules::of(&self.house.coalition.currency);
        let lines: Vec<BankLine> = all.iter().map(|(_, line)| line.clone()).collect();
        let matches = match_entries(&self.legs(), &lines, &rules);
        for ((statement, line), found) in all.iter().zip(matches) {
            let taken = judge(&mut self.known, line, &found.outcome);
            self.take(statement, line, &taken)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        statement: &str,
        line: &BankLine,
        taken: &Taken,
    ) -> Result<(), PaymentError> {
        let item = taken.opens.as_ref().map(|_| self.next_item);
        let mut postings = Vec::new();
        let payment = taken.leg.as_ref().and_then(|leg| self.known.payments.get_mut(leg));
        if let Some(payment) = payment.filter(|_| !taken.pays.is_zero()) {
            postings.push(payment.posting(taken.pays));
            payment.paid += taken.pays;
            payment.returned |= taken.pays < Money::ZERO;
            let part = LatestPart { entry: line.key.clone(), booked_on: line.day };
            let part = Some(part).filter(|_| taken.outcome == "part");
            let latest = self.touched.entry(payment.reference.clone()).or_default();
            *latest = part.or(latest.take());
        }
        if !taken.nobodys.is_zero() {
            postings.push(suspense(&self.house.coalition.operator, taken.nobodys, false));
        }
        let mut transaction = None;
        if !postings.is_empty() {
            let (leg, entry) = (taken.leg.clone(), Some(line.key.clone()));
            let detail = Detail::Payment { leg, entry, booked_on: line.day, item };
            transaction = Some(self.house.post(postings, detail)?.0);
        }
        if let (Some(id), Some((kind, text))) = (item, &taken.opens) {
            self.next_item = ItemId(id.0 + 1);
            self.items.push(OpenItem {
                id,
                kind: *kind,
                state: ItemState::Open,
                entry: line.key.clone(),
                leg: taken.leg.clone(),
                amount: match kind {
                    ItemKind::OverPayment => taken.nobodys,
                    _ => signed(line.side, line.amount),
                },
                currency: line.currency.clone(),
                suspense: taken.nobodys,
                booked_on: line.day,
                opened_at: self.house.now,
                text: text.clone(),
                reference: None,
                confirmed_by: None,
            });
        }
        self.note(statement, line, taken, (item, transaction));
        Ok(())
    }

    fn note(
        &mut self,
        statement: &str,
        line: &BankLine,
        taken: &Taken,
        (item, transaction): (Option<ItemId>, Option<i64>),
    ) {
        let matched_by = taken.by.map(by_name);
        self.rows.push(EntryRow {
            entry: line.key.clone(),
            statement: statement.to_owned(),
            booked_on: line.day.map(Day::number),
            amount: signed(line.side, line.amount).0,
            currency: line.currency.clone(),
            end_to_end_id: line.end_to_end_id.clone(),
            name: line.name.clone(),
            account: line.account.clone(),
            texts: write_json(&line.texts),
            outcome: taken.outcome.to_owned(),
            leg: taken.leg.clone(),
            matched_by: matched_by.map(str::to_owned),
            transaction_id: transaction,
            imported_at: self.house.now.0,
            imported_by: self.author.to_owned(),
        });
        self.booked.push(Booked {
            entry: line.key.clone(),
            booked_on: line.day,
            side: side_name(line.side),
            amount: line.amount.text(scale_of(&line.currency, &self.house.coalition)),
            currency: line.currency.clone(),
            outcome: taken.outcome,
            leg: taken.leg.clone(),
            matched_by,
            open_item: item,
        });
    }

    /// Writes what was found, and settles the cycles that are paid by it.
    fn end(mut self, imported: &mut Imported) -> Result<(), PaymentError> {
        payments::add_entries(self.house.database, &self.rows)?;
        open_items::add(self.house.database, &self.items)?;
        for item in self.known.returning.values().filter(|item| item.confirmed_by.is_some()) {
            open_items::save(self.house.database, item)?;
        }
        let mut touched = BTreeSet::new();
        for (reference, part) in &self.touched {
            let Some(payment) = self.known.payments.get_mut(reference) else { continue };
            follow(self.house, payment, part.as_ref())?;
            touched.insert(payment.cycle.clone());
        }
        for cycle in touched {
            if settle_if_paid(self.house, &cycle, self.author)? {
                imported.settled.push(cycle);
            }
        }
        imported.booked = self.booked;
        Ok(())
    }
}
