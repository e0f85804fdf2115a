//! The language of beancount.

use std::io::{self, Write};

use super::book::{Language, Leg, Notes};
use super::names::{Names, Unit};
use crate::domain::terms::Coalition;
use crate::domain::time::Day;
use crate::domain::transaction::Transaction;

/// Writes beancount.
pub struct Beancount;

impl Language for Beancount {
    fn head(
        &self,
        out: &mut dyn Write,
        day: Day,
        coalition: &Coalition,
        names: &Names,
    ) -> io::Result<()> {
        writeln!(out, "option \"title\" {}", quoted(&format!("Ledger of {}", coalition.operator)))?;
        writeln!(out, "option \"operating_currency\" \"{}\"\n", names.money.code)?;
        for unit in names.units() {
            writeln!(out, "{day} commodity {}", unit.code)?;
            if let Some(programme) = &unit.programme {
                writeln!(out, "  programme: {}", quoted(programme.as_str()))?;
            }
            writeln!(out, "  decimals: {}", unit.scale)?;
        }
        Ok(())
    }

    fn open(&self, out: &mut dyn Write, day: Day, account: &str, unit: &Unit) -> io::Result<()> {
        writeln!(out, "{day} open {account} {}", unit.code)
    }

    fn title(&self, out: &mut dyn Write, one: &Transaction, notes: &Notes) -> io::Result<()> {
        let (day, party, kind) = (one.settlement_day, &one.party, one.kind.name());
        writeln!(out, "\n{day} * {} \"{kind}\"", quoted(party.as_str()))?;
        notes.iter().try_for_each(|(key, value)| writeln!(out, "  {key}: {}", quoted(value)))
    }

    fn leg(&self, out: &mut dyn Write, leg: &Leg, notes: &Notes) -> io::Result<()> {
        writeln!(out, "  {}  {} {}", leg.account, leg.amount(), leg.unit.code)?;
        notes.iter().try_for_each(|(key, value)| writeln!(out, "    {key}: {}", quoted(value)))
    }

    fn balances(&self, out: &mut dyn Write, day: Day, balances: &[Leg]) -> io::Result<()> {
        writeln!(out)?;
        // Without `~ 0` beancount forgives a whole smallest unit.
        balances.iter().try_for_each(|one| {
            writeln!(out, "{day} balance {}  {} ~ 0 {}", one.account, one.amount(), one.unit.code)
        })
    }
}

/// A text in quotes.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_backslashes_stay_inside_the_text() {
        assert_eq!(quoted(r#"R"1\n"#), r#""R\"1\\n""#);
    }
}
