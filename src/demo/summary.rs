//! The summary: members, points by state, transactions, refusals, who owes whom.
//!
//! Points come from the lots and the clock, as balances do; money comes from the API's cycles.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use rust_decimal::Decimal;
use serde_json::Value;

use super::DemoError;
use super::post::Tally;
use super::stage::Stage;
use crate::domain::account::Balance;
use crate::domain::amount::Points;
use crate::domain::ids::{MemberId, ShardId};
use crate::domain::time::{Day, Instant};
use crate::domain::transaction::Transaction;
use crate::server::Running;
use crate::store::load::{self, Wanted};
use crate::store::{Database, StoreError, audit, heads, rows};

/// Days of which the nets are shown one by one.
const DAYS_SHOWN: usize = 7;

/// What one programme's members have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct States {
    accounts: u64,
    available: Points,
    pending: Points,
    held: Points,
    debt: Points,
}

/// What was read of the ledger.
#[derive(Debug, Default)]
pub struct Figures {
    states: BTreeMap<String, States>,
    kinds: BTreeMap<&'static str, u64>,
    /// A member with bonuses to spend, for the examples.
    pub example: Option<MemberId>,
}

/// Reads the figures at an instant.
pub fn figures(running: &Running, now: Instant) -> Result<Figures, StoreError> {
    running.app().engine.read(|database| {
        let mut figures = Figures::default();
        let mut after = (0, String::new());
        loop {
            let page = audit::accounts(database, &after)?;
            let Some(last) = page.last() else { break };
            after = (last.member, last.programme.clone());
            let members = page.iter().map(|row| MemberId(row.member)).collect();
            figures.add_accounts(database, &page, (&members, now))?;
        }
        for head in heads::all(database)? {
            figures.add_journal(database, head.shard)?;
        }
        Ok(figures)
    })
}

impl Figures {
    fn add_accounts(
        &mut self,
        database: &mut Database,
        page: &[rows::AccountRow],
        (members, now): (&BTreeSet<MemberId>, Instant),
    ) -> Result<(), StoreError> {
        let (members, whole) = (members.clone(), members.clone());
        let wanted = Wanted { members, whole, ..Wanted::default() };
        let ledger = load::load(database, &wanted, now)?;
        for row in page {
            let key = row.clone().into_account()?.key;
            let account = ledger.account(&key);
            let holds: Vec<_> = ledger.holds_of(&account).collect();
            let balance = Balance::of(&account, &holds, now);
            let states = self.states.entry(row.programme.clone()).or_default();
            states.accounts += 1;
            states.available += balance.available;
            states.pending += balance.pending;
            states.held += balance.held;
            states.debt += balance.debt;
            if row.programme == "heston-club" && balance.available.0 > 300 {
                self.example.get_or_insert(key.member);
            }
        }
        Ok(())
    }

    fn add_journal(&mut self, database: &mut Database, shard: ShardId) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let page = audit::journal(database, shard.0, after)?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.0;
            for (_, _, _, content, _) in &page {
                let transaction: Transaction = rows::read_json(content, "a transaction")?;
                *self.kinds.entry(transaction.kind.name()).or_default() += 1;
            }
        }
    }

    /// Prints the points by programme and state, and the transactions by kind.
    pub fn print(&self, out: &mut dyn Write) -> std::io::Result<()> {
        writeln!(
            out,
            "\nPoints by state\n  {:<16}{:>10}{:>13}{:>13}{:>11}{:>9}",
            "", "accounts", "available", "pending", "held", "debt"
        )?;
        for (programme, states) in &self.states {
            let States { accounts, available, pending, held, debt } = states;
            let [available, pending, held, debt] =
                [available, pending, held, debt].map(|points| grouped(points.0));
            writeln!(
                out,
                "  {programme:<16}{accounts:>10}{available:>13}{pending:>13}{held:>11}{debt:>9}"
            )?;
        }
        let all: u64 = self.kinds.values().sum();
        writeln!(out, "\nTransactions: {}", grouped(i64::try_from(all).unwrap_or(i64::MAX)))?;
        for (kind, count) in &self.kinds {
            writeln!(out, "  {kind:<16}{count:>10}")?;
        }
        Ok(())
    }
}

/// Prints what was posted and what was refused.
pub fn print_tally(out: &mut dyn Write, tally: &Tally) -> std::io::Result<()> {
    writeln!(
        out,
        "\nAnswers: {} lines accepted, {} quotes, {} lines sent twice and answered the same",
        tally.accepted, tally.quotes, tally.replayed
    )?;
    writeln!(out, "Refused, each for a reason that the partner can act on:")?;
    for (code, count) in &tally.refused {
        writeln!(out, "  {code:<24}{count:>6}  {}", story_of(code))?;
    }
    Ok(())
}

/// How the refusal came about in the demonstration.
fn story_of(code: &str) -> &'static str {
    match code {
        "duplicate_reference" => "the bank's evening file repeats a payment: it earns once",
        "unknown_card_token" => "a payment with a card that nobody has linked",
        "burning_not_open" => "a boutique burns before the fashion brand has opened burning",
        "burn_limit_exceeded" => "a till burns more than 40 % of the receipt",
        "burn_below_minimum" => "a till burns fewer points than the least",
        "insufficient_points" => "more points than the member has",
        "refund_exceeds_original" => "a receipt is refunded a second time",
        "hold_finished" => "points are captured after their hold has timed out",
        _ => "",
    }
}

/// The nets of one day.
pub struct Nets {
    day: Day,
    nets: BTreeMap<String, Decimal>,
}

impl Nets {
    /// Reads the nets of a day through the API.
    pub fn of(stage: &Stage, day: Day) -> Result<Self, DemoError> {
        let cycle = stage.operator.cycle(&day.to_string())?.value;
        let nets = cycle.get("nets").and_then(Value::as_object);
        let net = |(party, net): (&String, &Value)| {
            Some((party.clone(), net.as_str()?.parse::<Decimal>().ok()?))
        };
        Ok(Self { day, nets: nets.into_iter().flatten().filter_map(net).collect() })
    }
}

/// Prints who receives and who pays, for the last days and in total.
pub fn print_nets(out: &mut dyn Write, days: &[Nets]) -> std::io::Result<()> {
    let shown = &days[days.len().saturating_sub(DAYS_SHOWN)..];
    writeln!(out, "\nWho owes whom: nets by day in RUB (above zero: receives; below: pays)")?;
    write!(out, "  {:<16}", "")?;
    for one in shown {
        let day = one.day.to_string();
        write!(out, "{:>11}", day.get(5..).unwrap_or(&day))?;
    }
    writeln!(out, "{:>13}", format!("all {} days", days.len()))?;
    let parties: BTreeSet<&String> = days.iter().flat_map(|one| one.nets.keys()).collect();
    let of =
        |one: &Nets, party: &String| one.nets.get(party).copied().unwrap_or(Decimal::new(0, 2));
    for party in parties {
        write!(out, "  {party:<16}")?;
        for one in shown {
            write!(out, "{:>11}", of(one, party).to_string())?;
        }
        let whole: Decimal = days.iter().map(|one| of(one, party)).sum();
        writeln!(out, "{:>13}", whole.to_string())?;
    }
    let sum: Decimal = days.iter().flat_map(|one| one.nets.values()).sum();
    writeln!(out, "  the nets of all parties and days sum to {sum}")
}

/// A number with its thousands apart.
pub fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(-1_234_567), "-1,234,567");
    }
}
