//! Writes published statements again, and the proofs of their lines.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::csv::{CsvProfile, CsvWriter};
use super::json::{JsonWriter, Signing};
use super::line::Line;
use super::lines::Lines;
use super::marks::Marks;
use super::scan::{Recorded, StatementError, scan};
use super::window::{Window, proof_error};
use super::xlsx::{Book, Sink};
use crate::domain::ids::PartyId;
use crate::domain::log::leaf::{leaf_data, salt};
use crate::domain::log::note::Signer;
use crate::domain::log::tree::Tree;
use crate::store::log::ShardLog;
use crate::store::statements::StatementRow;
use crate::store::{Database, StoreError};

/// A published statement, and what it is made of.
pub struct Rendering<'a> {
    /// Whose.
    pub party: &'a PartyId,
    /// Its window.
    pub window: &'a Window,
    /// What was kept of it.
    pub row: &'a StatementRow,
}

impl Rendering<'_> {
    /// Writes the JSON form.
    ///
    /// # Errors
    /// If the database fails, nothing can be written, or other bytes come out than were published.
    pub fn json(
        &self,
        database: &mut Database,
        signer: &Signer,
        out: impl Write,
    ) -> Result<(), StatementError> {
        let mut writer = JsonWriter::begin(out, &self.row.head)?;
        let scale = self.window.coalition.money_scale;
        let lines = self.lines(database, &mut |line| writer.line(&line.json(scale)))?;
        self.end(writer, lines, signer)
    }

    /// Ends the JSON form, which must be what was published.
    pub(super) fn end<W: Write>(
        &self,
        writer: JsonWriter<W>,
        lines: u64,
        signer: &Signer,
    ) -> Result<(), StatementError> {
        let id = self.window.statement_id(self.party);
        let operator = self.window.coalition.operator.as_str();
        let signing = Signing { signer, operator, statement: &id, lines };
        let sha256 = writer.end(&self.row.tail, &signing)?;
        if sha256 == self.row.sha256 { Ok(()) } else { Err(StatementError::Differs(id)) }
    }

    /// Gives each line in its order; how many there were.
    ///
    /// # Errors
    /// If the database fails, a transaction was changed, or `each` fails.
    pub fn lines(
        &self,
        database: &mut Database,
        each: &mut dyn FnMut(&Line) -> Result<(), StatementError>,
    ) -> Result<u64, StatementError> {
        let mut lines = Lines::new(self.window, self.marks()?);
        for part in &self.window.parts {
            scan(database, &self.window.recorded, *part, &mut |recorded| {
                lines.each(self.party, recorded, each)
            })?;
        }
        Ok(lines.sums.lines())
    }

    /// Writes the CSV form: the lines, and what they add up to.
    ///
    /// # Errors
    /// If the database fails, nothing can be written, or a transaction was changed.
    pub fn csv(
        &self,
        database: &mut Database,
        profile: CsvProfile,
        out: impl Write,
    ) -> Result<(), StatementError> {
        let mut writer = CsvWriter::new(out, profile, self.window.coalition.money_scale)?;
        self.lines(database, &mut |line| Ok(writer.line(line)?))?;
        writer.finish()?;
        Ok(())
    }

    /// Writes the workbook, a sheet for each section.
    ///
    /// # Errors
    /// If the database fails, nothing can be written, or a transaction was changed.
    pub fn xlsx(
        &self,
        database: &mut Database,
        out: impl Write + Send,
    ) -> Result<(), StatementError> {
        self.book(out, |sink| self.lines(database, &mut |line| Ok(sink(line)?)).map(drop))
    }

    /// Writes the workbook of these lines.
    pub(super) fn book(
        &self,
        out: impl Write + Send,
        lines: impl FnOnce(&mut Sink<'_>) -> Result<(), StatementError>,
    ) -> Result<(), StatementError> {
        let sections = self.sections()?;
        let scratch = std::env::temp_dir();
        let money_scale = self.window.coalition.money_scale;
        let book = Book { sections: &sections, money_scale, scratch: &scratch };
        book.write(out, lines)?;
        Ok(())
    }

    /// What the statement says of its lines.
    fn marks(&self) -> Result<Marks, StatementError> {
        let all = self.all_sections()?;
        let section = |name: &str| all.get(name).unwrap_or(&Value::Null);
        Ok(Marks::of(section("header"), section("disputes")))
    }

    fn all_sections(&self) -> Result<Map<String, Value>, StatementError> {
        let text = format!("{}{}}}", self.row.head, self.row.tail);
        Ok(serde_json::from_str(&text).map_err(|_| damaged())?)
    }

    /// The sections but for the lines, by name, in their order.
    ///
    /// # Errors
    /// If what was kept was changed.
    pub fn sections(&self) -> Result<Vec<(String, Value)>, StatementError> {
        let all = self.all_sections()?;
        let order = [
            "header", "summary", "points", "matrix", "funding", "packs", "fees", "late",
            "disputes", "breakage", "cash", "control",
        ];
        let section = |name: &str| {
            let value = all.get(name).cloned().ok_or_else(damaged)?;
            Ok((name.to_owned(), value))
        };
        order.into_iter().map(section).collect()
    }

    /// Writes a proof for each transaction that has lines, one on a text line, in their order.
    ///
    /// # Errors
    /// If the database fails, nothing can be written, or what was recorded does not give the log.
    pub fn proofs(
        &self,
        (scanning, proving): (&mut Database, &mut Database),
        out: &mut dyn Write,
    ) -> Result<(), StatementError> {
        for part in &self.window.parts {
            let shard = part.shard;
            let coalition = &*self.window.recorded;
            let nodes = ShardLog { database: &mut *proving, shard, coalition };
            let mut tree = Tree::new(nodes, part.last);
            scan(scanning, coalition, *part, &mut |recorded| {
                let mut places = Vec::new();
                Lines::new(self.window, Marks::default()).each(
                    self.party,
                    recorded,
                    &mut |line| {
                        places.push(line.place);
                        Ok(())
                    },
                )?;
                if places.is_empty() {
                    return Ok(());
                }
                let index = recorded.transaction.id.number() - 1;
                let path = tree.inclusion(index).map_err(proof_error(shard))?;
                writeln!(out, "{}", proof(recorded, &places, &path))?;
                Ok(())
            })?;
        }
        out.flush()?;
        Ok(())
    }
}

fn damaged() -> StoreError {
    StoreError::Damaged("the sections of a statement".into())
}

/// The proof of a transaction's entries at some places. The fields stand in this order, and no
/// other: the text is compared byte for byte.
fn proof(recorded: &Recorded, places: &[u32], path: &[crate::domain::log::Hash]) -> String {
    use base64::Engine as _;
    let base64 = &base64::engine::general_purpose::STANDARD;
    let id = recorded.transaction.id;
    let blinded = hex::encode(leaf_data(&recorded.chain, &[]));
    let commitments: Vec<String> = recorded.commitments.iter().map(hex::encode).collect();
    let salts: Vec<String> = places
        .iter()
        .map(|place| format!("\"{place}\":\"{}\"", hex::encode(salt(&recorded.before, *place))))
        .collect();
    let path: Vec<String> = path.iter().map(|hash| base64.encode(hash)).collect();
    format!(
        "{{\"shard\":{},\"seq\":{},\"c\":\"{blinded}\",\"commitments\":{},\"salts\":{{{}}},\
         \"path\":{}}}",
        id.shard().0,
        id.number(),
        json!(commitments),
        salts.join(","),
        json!(path)
    )
}
