//! The JSON form of a statement, of which every byte is signed.
//!
//! ```text
//! {"header":{…},
//! "summary":…,
//! "lines":[
//! {"line_no":1,…},
//! {"line_no":2,…}
//! ],
//! "late":…,
//! "control":{…},
//! "signature":"…"}
//! ```
//!
//! One section stands on one line, and one line of the statement on one. The signature is a signed
//! note over the SHA-256 of all before the comma in front of it.

use std::collections::BTreeMap;
use std::io::Write;

use rust_decimal::Decimal;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::columns::decimal;
use super::line::Line;
use super::scan::StatementError;
use crate::domain::amount::Money;
use crate::domain::log::note::Signer;

/// What the lines of one type come to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    count: u64,
    debit: Money,
    credit: Money,
}

/// Sums of lines, for the control section.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    all: Tally,
    /// As the other forms sum them: over all programmes.
    points: Decimal,
    by_type: BTreeMap<&'static str, Tally>,
}

impl Sums {
    /// Adds a line.
    pub fn add(&mut self, line: &Line) {
        self.points += decimal(&line.entry.points).unwrap_or_default();
        for tally in [&mut self.all, self.by_type.entry(line.record_type).or_default()] {
            tally.count += 1;
            tally.debit += line.debit().unwrap_or_default();
            tally.credit += line.credit().unwrap_or_default();
        }
    }

    /// How many lines.
    pub const fn lines(&self) -> u64 {
        self.all.count
    }

    /// The control section.
    pub fn control(&self, money_scale: u32) -> Value {
        let row = |tally: &Tally| {
            json!({
                "count": tally.count,
                "debit": tally.debit.text(money_scale),
                "credit": tally.credit.text(money_scale),
            })
        };
        let by_type: BTreeMap<&str, Value> =
            self.by_type.iter().map(|(name, tally)| (*name, row(tally))).collect();
        json!({
            "lines": self.all.count,
            "points": self.points.normalize().to_string(),
            "debit": self.all.debit.text(money_scale),
            "credit": self.all.credit.text(money_scale),
            "by_type": by_type,
            "hint": "check with: coalition-partner verify STATEMENT --key KEY",
        })
    }
}

/// Sections as they stand before or after the lines.
pub fn sections_text(sections: &[(&'static str, Value)]) -> String {
    let one =
        |(name, value): &(&str, Value)| ["\"", name, "\":", &value.to_string(), ",\n"].concat();
    sections.iter().map(one).collect()
}

/// Writes a statement while it is hashed.
pub struct JsonWriter<W> {
    out: W,
    body: Sha256,
    whole: Sha256,
    /// The line break and comma that wait for what comes next.
    pending: &'static str,
}

impl<W: Write> JsonWriter<W> {
    /// Begins with what stands before the lines.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn begin(out: W, head: &str) -> Result<Self, StatementError> {
        let mut writer = Self { out, body: Sha256::new(), whole: Sha256::new(), pending: "" };
        writer.put(head)?;
        writer.put("\"lines\":[\n")?;
        Ok(writer)
    }

    /// Writes a line.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn line(&mut self, text: &str) -> Result<(), StatementError> {
        let before = std::mem::replace(&mut self.pending, ",\n");
        self.put(before)?;
        self.put(text)
    }

    /// Ends with what stands after the lines, and the signature. Gives back the hash of the file.
    ///
    /// # Errors
    /// If nothing can be written.
    pub fn end(mut self, tail: &str, signing: &Signing<'_>) -> Result<String, StatementError> {
        if !self.pending.is_empty() {
            self.put("\n")?;
        }
        self.put("],\n")?;
        self.put(tail)?;
        let digest = hex::encode(std::mem::take(&mut self.body).finalize());
        let Signing { signer, operator, statement, lines } = signing;
        let text = format!("{operator}/statement/{statement}\nsha256 {digest}\nlines {lines}\n");
        let note = Value::from(signer.sign(&text));
        self.put(&format!(",\n\"signature\":{note}}}\n"))?;
        self.out.flush()?;
        Ok(hex::encode(self.whole.finalize()))
    }

    fn put(&mut self, text: &str) -> Result<(), StatementError> {
        self.body.update(text);
        self.whole.update(text);
        self.out.write_all(text.as_bytes())?;
        Ok(())
    }
}

/// What a statement is signed with.
pub struct Signing<'a> {
    /// Who signs.
    pub signer: &'a Signer,
    /// The operator's name.
    pub operator: &'a str,
    /// The statement's id.
    pub statement: &'a str,
    /// How many lines it has.
    pub lines: u64,
}
