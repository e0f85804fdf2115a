//! The language of hledger.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::book::{Language, Leg, Notes};
use super::names::{Names, Unit};
use crate::domain::amount::decimal_text;
use crate::domain::terms::Coalition;
use crate::domain::time::Day;
use crate::domain::transaction::Transaction;

/// Writes hledger's journal.
pub struct Hledger;

impl Language for Hledger {
    fn head(
        &self,
        out: &mut dyn Write,
        _: Day,
        coalition: &Coalition,
        names: &Names,
    ) -> io::Result<()> {
        writeln!(out, "; Ledger of {}\ndecimal-mark .\n", coalition.operator)?;
        for unit in names.units() {
            let point = if unit.scale == 0 { "." } else { "" };
            let one = decimal_text(1_000 * 10_i64.pow(unit.scale), unit.scale);
            writeln!(out, "commodity {one}{point} \"{}\"", unit.code)?;
        }
        coalition.parties.keys().try_for_each(|party| writeln!(out, "payee {party}"))?;
        writeln!(out, "payee balances")
    }

    fn open(&self, out: &mut dyn Write, _: Day, account: &str, _: &Unit) -> io::Result<()> {
        writeln!(out, "account {account}")
    }

    fn title(&self, out: &mut dyn Write, one: &Transaction, notes: &Notes) -> io::Result<()> {
        let (day, party, kind) = (one.settlement_day, &one.party, one.kind.name());
        writeln!(out, "\n{day} * ({}) {party} | {kind}", one.id)?;
        notes.iter().try_for_each(|(key, value)| writeln!(out, "    ; {key}:{}", tagged(value)))
    }

    fn leg(&self, out: &mut dyn Write, leg: &Leg, notes: &Notes) -> io::Result<()> {
        write!(out, "    {}  {}", leg.account, amount(leg, leg.units))?;
        for (place, (key, value)) in notes.iter().enumerate() {
            let before = if place == 0 { "  ; " } else { ", " };
            write!(out, "{before}{key}:{}", tagged(value))?;
        }
        writeln!(out)
    }

    fn balances(&self, out: &mut dyn Write, day: Day, balances: &[Leg]) -> io::Result<()> {
        writeln!(out, "\n{day} * balances |")?;
        balances.iter().try_for_each(|one| {
            let (nothing, claimed) = (amount(one, 0), amount(one, one.units));
            writeln!(out, "    {}  {nothing} == {claimed}", one.account)
        })
    }
}

fn amount(leg: &Leg, units: i64) -> String {
    format!("{} \"{}\"", decimal_text(units, leg.unit.scale), leg.unit.code)
}

/// A tag's value. hledger ends it at a comma, and reads dates in brackets and further tags in
/// comments: what is no letter, digit or harmless sign is percent-encoded.
fn tagged(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._/#+@:".contains(&byte) {
            value.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_ends_where_its_value_ends() {
        assert_eq!(tagged("R-1/2#3"), "R-1/2#3");
        assert_eq!(tagged("a,b;[2025-01-01]%"), "a%2Cb%3B%5B2025-01-01%5D%25");
    }
}
