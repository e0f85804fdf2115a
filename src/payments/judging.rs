//! What an entry of the bank comes to: what the matching said, and what it could not know. A cycle that
//! is settled takes nothing any more; money that went back is expected.

use std::collections::{BTreeMap, BTreeSet};

use crate::bank::camt::{BankLine, Side};
use crate::bank::matching::{MatchedBy, Outcome, UnknownReason};
use crate::domain::amount::Money;
use crate::domain::settlement::CycleId;
use crate::domain::settlement::payment::{ItemKind, OpenItem, Payment};

/// Characters of an item's text.
const TEXT_MAX: usize = 500;

/// What entries can belong to.
pub(super) struct Known {
    /// The coalition's currency.
    pub currency: String,
    /// The payments, by reference.
    pub payments: BTreeMap<String, Payment>,
    /// The cycles that take payments.
    pub instructed: BTreeSet<CycleId>,
    /// Items whose money goes back, by the reference under which it does.
    pub returning: BTreeMap<String, OpenItem>,
}

/// What one entry comes to.
pub(super) struct Taken {
    pub outcome: &'static str,
    pub leg: Option<String>,
    pub by: Option<MatchedBy>,
    /// How much of it is a payment of the leg; below zero: so much came back.
    pub pays: Money,
    /// How much is nobody's: in above zero, out below.
    pub nobodys: Money,
    /// The item that it opens.
    pub opens: Option<(ItemKind, String)>,
}

/// What an entry comes to, with what is known here and not by the matching.
pub(super) fn judge(known: &mut Known, line: &BankLine, outcome: &Outcome) -> Taken {
    let whole = signed(line.side, line.amount);
    match outcome {
        Outcome::Unknown { reason } => unknown(line, *reason, &known.currency),
        Outcome::Settles { leg, amount, by }
        | Outcome::Part { leg, amount, by, .. }
        | Outcome::Over { leg, amount, by, .. }
        | Outcome::Return { leg, amount, by } => {
            if let Some(item) = known.returning.get_mut(leg) {
                let is_whole = matches!(outcome, Outcome::Settles { .. });
                if !is_whole || item.confirmed_by.is_some() {
                    return nobodys(line, "it is not as much as was to go back");
                }
                item.confirmed_by = Some(line.key.clone());
                let by = Some(*by);
                return Taken { outcome: "confirms", by, ..Taken::nothing(Some(leg.clone())) };
            }
            let is_back = matches!(outcome, Outcome::Return { .. });
            let takes = known.payments.get(leg).map(|one| &one.cycle);
            let is_open = takes.is_some_and(|cycle| known.instructed.contains(cycle));
            let pays = if is_open { *amount } else { Money::ZERO };
            let excess = Money(whole.0 - whole.0.signum() * pays.0);
            let name = match outcome {
                Outcome::Settles { .. } if is_open => "settles",
                Outcome::Part { .. } if is_open => "part",
                Outcome::Return { .. } => "return",
                _ => "over",
            };
            let opens = match name {
                "return" => Some((ItemKind::Return, told("it came back", line))),
                "over" => Some((ItemKind::OverPayment, told("it is more than was open", line))),
                _ => None,
            };
            Taken {
                outcome: name,
                leg: Some(leg.clone()),
                by: Some(*by),
                pays: if is_back { -pays } else { pays },
                nobodys: excess,
                opens,
            }
        }
    }
}

impl Taken {
    const fn nothing(leg: Option<String>) -> Self {
        let (pays, nobodys) = (Money::ZERO, Money::ZERO);
        Self { outcome: "nothing", leg, by: None, pays, nobodys, opens: None }
    }
}

fn unknown(line: &BankLine, reason: UnknownReason, currency: &str) -> Taken {
    let why = match reason {
        UnknownReason::NoAmount => return Taken::nothing(None),
        UnknownReason::NoLeg => "no payment fits",
        UnknownReason::SeveralLegs => "several payments fit",
        UnknownReason::OtherCurrency => "it is in another currency, and not in the ledger",
        UnknownReason::ReturnsMoreThanPaid => "it sends back more than was paid",
        UnknownReason::ReturnInPaymentsDirection => "the bank calls it a return, but it pays",
    };
    let taken = nobodys(line, why);
    // The ledger has one currency.
    if line.currency == currency { taken } else { Taken { nobodys: Money::ZERO, ..taken } }
}

fn nobodys(line: &BankLine, why: &str) -> Taken {
    Taken {
        outcome: "unknown",
        nobodys: signed(line.side, line.amount),
        opens: Some((ItemKind::Unknown, told(why, line))),
        ..Taken::nothing(None)
    }
}

/// What happened, and what the bank says of it.
fn told(why: &str, line: &BankLine) -> String {
    let said = line.name.iter().chain(&line.texts).chain(&line.return_reason);
    let said: Vec<&str> = said.map(String::as_str).collect();
    let text = if said.is_empty() { why.to_owned() } else { format!("{why}: {}", said.join("; ")) };
    text.chars().take(TEXT_MAX).collect()
}

pub(super) fn signed(side: Side, amount: Money) -> Money {
    if side == Side::Credit { amount } else { -amount }
}

pub(super) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Credit => "credit",
        Side::Debit => "debit",
    }
}

pub(super) const fn by_name(by: MatchedBy) -> &'static str {
    match by {
        MatchedBy::EndToEndId => "end_to_end_id",
        MatchedBy::Reference => "reference",
        MatchedBy::AmountAccountDay => "amount_account_day",
    }
}
