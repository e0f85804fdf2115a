//! Who has paid: lines of bank statements matched to what is still open.
//!
//! The ladder: the payer's reference (end-to-end id); then a leg's reference found in the texts of
//! the line; then amount, account and day together. A name is believed whatever the amount; without
//! a name only one candidate counts. What is not sure stays unknown: money is never guessed.
//!
//! The result does not depend on the order of the lines given. First the lines that name a leg are
//! taken by day, on one day payments before returns, then by key; then the lines without a name, by
//! day and key, on what the first left.

mod references;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::HashMap;

use crate::domain::amount::Money;
use crate::domain::time::Day;

use super::camt::{BankLine, Side};
use references::{Found, References};

/// Which way a leg moves money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LegDirection {
    /// A party pays the clearing house: credit entries pay it.
    Collect,
    /// The clearing house pays a party: debit entries pay it.
    PayOut,
}

impl LegDirection {
    /// The side of the entries that pay such a leg.
    pub const fn side(self) -> Side {
        match self {
            Self::Collect => Side::Credit,
            Self::PayOut => Side::Debit,
        }
    }
}

/// A net that is to be paid, or was paid and may come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenLeg {
    /// Which one it is.
    pub id: String,
    /// The reference that its payment carries.
    pub end_to_end_id: String,
    /// Which way the money goes.
    pub direction: LegDirection,
    /// The party on the other side.
    pub party: String,
    /// The party's account, if it is known.
    pub party_account: Option<String>,
    /// The day on which it is due.
    pub due: Day,
    /// What is still to be paid; zero if all was.
    pub open: Money,
    /// What was paid so far: no more than that can come back.
    pub paid: Money,
}

/// What matching goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchRules {
    /// The ISO 4217 code of the legs; lines in another currency stay unknown.
    pub currency: String,
    /// How many days before or after its due day a payment without a name may come.
    pub window_days: u32,
}

impl MatchRules {
    /// The usual rules for legs in a currency: five days around the due day.
    pub fn of(currency: &str) -> Self {
        Self { currency: currency.to_owned(), window_days: 5 }
    }
}

/// What told the leg of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchedBy {
    /// The end-to-end id of the payment.
    EndToEndId,
    /// A reference in the payment's texts.
    Reference,
    /// Amount, account and day, and no other leg has these.
    AmountAccountDay,
}

/// Why a line is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownReason {
    /// No leg fits.
    NoLeg,
    /// Several legs fit.
    SeveralLegs,
    /// It is in another currency.
    OtherCurrency,
    /// It moves nothing.
    NoAmount,
    /// It names a leg and sends back more than was paid on it.
    ReturnsMoreThanPaid,
    /// It names a leg and moves money as its payment does, but the bank calls it a return.
    ReturnInPaymentsDirection,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It pays all that was open on a leg.
    Settles {
        /// The leg.
        leg: String,
        /// What it pays.
        amount: Money,
        /// What told the leg.
        by: MatchedBy,
    },
    /// It pays a part of what was open.
    Part {
        /// The leg.
        leg: String,
        /// What it pays.
        amount: Money,
        /// What is open afterwards.
        left: Money,
        /// What told the leg.
        by: MatchedBy,
    },
    /// It pays all that was open, perhaps nothing, and more: the excess is an open item.
    Over {
        /// The leg.
        leg: String,
        /// What it pays on the leg.
        amount: Money,
        /// What it brings besides.
        excess: Money,
        /// What told the leg.
        by: MatchedBy,
    },
    /// It takes back what was paid: so much is open again.
    Return {
        /// The leg.
        leg: String,
        /// What comes back.
        amount: Money,
        /// What told the leg.
        by: MatchedBy,
    },
    /// It is an open item, for a person.
    Unknown {
        /// Why.
        reason: UnknownReason,
    },
}

/// A line with what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The line's key.
    pub key: String,
    /// The line's amount.
    pub amount: Money,
    /// What it is.
    pub outcome: Outcome,
}

impl Match {
    /// How much of the line belongs to no leg.
    pub const fn open_item(&self) -> Money {
        match self.outcome {
            Outcome::Unknown { .. } => self.amount,
            Outcome::Over { excess, .. } => excess,
            Outcome::Settles { .. } | Outcome::Part { .. } | Outcome::Return { .. } => Money::ZERO,
        }
    }
}

/// Matches lines to legs; one match for each line, in the order of the lines.
///
/// The keys of the lines are distinct: whoever calls leaves out what was matched before.
pub fn match_entries(legs: &[OpenLeg], entries: &[BankLine], rules: &MatchRules) -> Vec<Match> {
    let references = References::of(legs);
    let names: Vec<Result<Named, UnknownReason>> =
        entries.iter().map(|line| name_of(&references, line, rules)).collect();
    let mut books = Books {
        legs,
        open: legs.iter().map(|leg| leg.open).collect(),
        paid: legs.iter().map(|leg| leg.paid).collect(),
    };
    let unknown = |reason: &UnknownReason| Outcome::Unknown { reason: *reason };
    let mut outcomes: Vec<Option<Outcome>> =
        names.iter().map(|name| name.as_ref().err().map(unknown)).collect();

    let is_back = |place: usize| match names[place] {
        Ok(Named::Leg(leg, _)) => legs[leg].direction.side() != entries[place].side,
        _ => false,
    };
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&place| {
        let line = &entries[place];
        (Reverse(line.day.is_some()), line.day, is_back(place), &line.key, line.amount)
    });
    for &place in &order {
        if let Ok(Named::Leg(leg, by)) = names[place] {
            outcomes[place] = Some(books.take(leg, &entries[place], by));
        }
    }
    let candidates = books.candidates(entries, &names, rules);
    for &place in &order {
        if let Some(found) = &candidates[place] {
            outcomes[place] = Some(books.take_nameless(found, &entries[place]));
        }
    }
    let matches = entries.iter().zip(outcomes).map(|(line, outcome)| Match {
        key: line.key.clone(),
        amount: line.amount,
        outcome: outcome.unwrap_or(Outcome::Unknown { reason: UnknownReason::NoLeg }),
    });
    matches.collect()
}

/// What a line says about its leg.
#[derive(Clone, Copy, Debug)]
enum Named {
    /// It names this one.
    Leg(usize, MatchedBy),
    /// It names none.
    Nothing,
}

fn name_of(
    references: &References<'_>,
    line: &BankLine,
    rules: &MatchRules,
) -> Result<Named, UnknownReason> {
    if line.currency != rules.currency {
        return Err(UnknownReason::OtherCurrency);
    }
    if !line.amount.is_positive() {
        return Err(UnknownReason::NoAmount);
    }
    let id = line.end_to_end_id.as_deref();
    let by_id = id.map_or(Found::None, |id| references.by_id(id));
    let (found, by) = match by_id {
        Found::None => (references.in_texts(id, &line.texts), MatchedBy::Reference),
        _ => (by_id, MatchedBy::EndToEndId),
    };
    match found {
        Found::One(leg) => Ok(Named::Leg(leg, by)),
        Found::Several => Err(UnknownReason::SeveralLegs),
        Found::None => Ok(Named::Nothing),
    }
}

/// What is open and paid on each leg, as lines are taken.
struct Books<'a> {
    legs: &'a [OpenLeg],
    open: Vec<Money>,
    paid: Vec<Money>,
}

impl Books<'_> {
    /// Takes a line on a leg.
    fn take(&mut self, leg: usize, line: &BankLine, by: MatchedBy) -> Outcome {
        let id = self.legs[leg].id.clone();
        if line.side != self.legs[leg].direction.side() {
            if line.amount > self.paid[leg] {
                return Outcome::Unknown { reason: UnknownReason::ReturnsMoreThanPaid };
            }
            self.paid[leg] -= line.amount;
            self.open[leg] += line.amount;
            return Outcome::Return { leg: id, amount: line.amount, by };
        }
        if line.is_return {
            return Outcome::Unknown { reason: UnknownReason::ReturnInPaymentsDirection };
        }
        let amount = line.amount.min(self.open[leg].max(Money::ZERO));
        self.open[leg] -= amount;
        self.paid[leg] += amount;
        let excess = line.amount - amount;
        if excess.is_positive() {
            Outcome::Over { leg: id, amount, excess, by }
        } else if self.open[leg].is_zero() {
            Outcome::Settles { leg: id, amount, by }
        } else {
            Outcome::Part { leg: id, amount, left: self.open[leg], by }
        }
    }

    /// Takes a line that names no leg, if its one candidate is still open.
    fn take_nameless(&mut self, found: &Found, line: &BankLine) -> Outcome {
        match *found {
            Found::One(leg) if self.open[leg] == line.amount => {
                self.take(leg, line, MatchedBy::AmountAccountDay)
            }
            Found::Several => Outcome::Unknown { reason: UnknownReason::SeveralLegs },
            Found::One(_) | Found::None => Outcome::Unknown { reason: UnknownReason::NoLeg },
        }
    }

    /// The candidates of each line that names no leg: same direction, account and amount, and due
    /// within the window. All are looked for on the same books, before one of them is taken.
    fn candidates(
        &self,
        lines: &[BankLine],
        names: &[Result<Named, UnknownReason>],
        rules: &MatchRules,
    ) -> Vec<Option<Found>> {
        let mut index: HashMap<(Side, Money, String), Vec<usize>> = HashMap::new();
        for (place, leg) in self.legs.iter().enumerate() {
            if let Some(account) = &leg.party_account
                && self.open[place].is_positive()
            {
                let key = (leg.direction.side(), self.open[place], account_key(account));
                index.entry(key).or_default().push(place);
            }
        }
        let find = |line: &BankLine| {
            let (Some(account), Some(day), false) = (&line.account, line.day, line.is_return)
            else {
                return Found::None;
            };
            let key = (line.side, line.amount, account_key(account));
            let distance = |leg: usize| self.legs[leg].due.number().abs_diff(day.number());
            let fitting = index.get(&key).into_iter().flatten().copied();
            let window = u64::from(rules.window_days);
            Found::among(fitting.filter(|&leg| distance(leg) <= window))
        };
        let is_nameless = |name| matches!(name, &Ok(Named::Nothing));
        let pairs = lines.iter().zip(names);
        pairs.map(|(line, name)| is_nameless(name).then(|| find(line))).collect()
    }
}

/// An account as it is compared: without spaces, capital.
fn account_key(account: &str) -> String {
    account.chars().filter(|one| !one.is_whitespace()).flat_map(char::to_uppercase).collect()
}
