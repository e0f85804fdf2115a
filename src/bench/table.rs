//! The table: a figure, what it is compared with, the ratio, the bar, and whether it was reached.
//!
//! Every number that meets a bar is in hundredths of its unit, in whole numbers: this program has
//! no floats, and a ratio of two counts needs none.

use std::io::{self, Write};
use std::time::Duration;

/// A number in hundredths of its unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hundredths(pub u64);

impl Hundredths {
    /// How often the second count goes into the first, rounded down; none for a count of zero.
    pub const fn ratio(one: u64, other: u64) -> Option<Self> {
        match one.saturating_mul(100).checked_div(other) {
            Some(ratio) => Some(Self(ratio)),
            None => None,
        }
    }

    /// A duration in milliseconds.
    pub fn millis(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_micros() / 10).unwrap_or(u64::MAX))
    }

    /// A duration in seconds.
    pub fn seconds(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_millis() / 10).unwrap_or(u64::MAX))
    }

    /// Kibibytes in mebibytes.
    pub const fn mebibytes(kibibytes: u64) -> Self {
        Self(kibibytes.saturating_mul(100) / 1_024)
    }
}

impl std::fmt::Display for Hundredths {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}.{:02}", grouped(self.0 / 100), self.0 % 100)
    }
}

/// What a row must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// At least so much.
    AtLeast(Hundredths),
    /// At most so much.
    AtMost(Hundredths),
    /// Less than so much.
    Below(Hundredths),
}

impl Bar {
    /// Nothing if it is reached; else by how much it is missed.
    fn missed_by(self, got: Hundredths) -> Option<Hundredths> {
        let (short, is_missed) = match self {
            Self::AtLeast(bar) => (bar.0.saturating_sub(got.0), got < bar),
            Self::AtMost(bar) => (got.0.saturating_sub(bar.0), got > bar),
            Self::Below(bar) => (got.0.saturating_sub(bar.0), got >= bar),
        };
        is_missed.then_some(Hundredths(short))
    }

    fn text(self, unit: &str) -> String {
        match self {
            Self::AtLeast(bar) => format!("at least {bar}{unit}"),
            Self::AtMost(bar) => format!("at most {bar}{unit}"),
            Self::Below(bar) => format!("under {bar}{unit}"),
        }
    }
}

/// A number that has a bar.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What was measured.
    pub got: Hundredths,
    /// Its unit, with a space before it; empty for ratios.
    pub unit: &'static str,
    /// The bar.
    pub bar: Bar,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// The absolute figure.
    pub figure: String,
    /// What it is compared with; empty: nothing.
    pub beside: String,
    /// What must reach a bar; none where its reference was not measured in this run.
    pub judged: Option<Judged>,
}

/// The table as it grows: rows are printed as they are measured.
#[derive(Debug, Default)]
pub struct Table {
    reached: usize,
    missed: Vec<String>,
}

impl Table {
    /// Prints the heads of the columns.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub fn begin() -> io::Result<Self> {
        let heads = ["what", "figure", "beside", "got", "bar", ""];
        say(&line(heads.map(str::to_owned)))?;
        say(&"-".repeat(144))?;
        Ok(Self::default())
    }

    /// Prints a row and keeps its verdict.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub fn add(&mut self, row: Row) -> io::Result<()> {
        let (mut got, mut bar, mut verdict) = (String::new(), String::new(), String::new());
        if let Some(judged) = &row.judged {
            got = format!("{}{}", judged.got, judged.unit);
            bar = judged.bar.text(judged.unit);
            verdict = match judged.bar.missed_by(judged.got) {
                None => "reached".to_owned(),
                Some(by) => format!("MISSED by {by}{}", judged.unit),
            };
            if verdict == "reached" {
                self.reached += 1;
            } else {
                self.missed.push(format!("{}: {got}, {bar}", row.what));
            }
        }
        say(&line([row.what, row.figure, row.beside, got, bar, verdict]))
    }

    /// Prints how many bars were reached, and each that was missed.
    ///
    /// # Errors
    /// If nobody reads any more.
    pub fn end(&self) -> io::Result<()> {
        say("")?;
        say(&format!("{} bars reached, {} missed", self.reached, self.missed.len()))?;
        self.missed.iter().try_for_each(|missed| say(&format!("missed: {missed}")))
    }
}

fn line([what, figure, beside, got, bar, verdict]: [String; 6]) -> String {
    let text = format!("{what:<46} {figure:>18}  {beside:<26} {got:>12}  {bar:<18} {verdict}");
    text.trim_end().to_owned()
}

/// Prints a remark under the last row.
///
/// # Errors
/// If nobody reads any more.
pub fn note(text: &str) -> io::Result<()> {
    say(&format!("    {text}"))
}

/// Prints a line.
///
/// # Errors
/// If nobody reads any more.
pub fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// Says on standard error what is being done.
pub fn doing(text: &str) {
    drop(writeln!(io::stderr(), "… {text}"));
}

/// A whole number with commas between thousands.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_in_whole_hundredths() {
        assert_eq!(Hundredths::ratio(10, 4), Some(Hundredths(250)));
        assert_eq!(Hundredths::ratio(1, 0), None);
        assert_eq!(Hundredths(123_456).to_string(), "1,234.56");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn a_bar_tells_by_how_much_it_is_missed() {
        assert_eq!(Bar::AtLeast(Hundredths(500)).missed_by(Hundredths(500)), None);
        let short = Bar::AtLeast(Hundredths(500)).missed_by(Hundredths(420));
        assert_eq!(short, Some(Hundredths(80)));
        assert_eq!(Bar::Below(Hundredths(200)).missed_by(Hundredths(200)), Some(Hundredths(0)));
        assert_eq!(Bar::AtMost(Hundredths(120)).missed_by(Hundredths(120)), None);
    }
}
