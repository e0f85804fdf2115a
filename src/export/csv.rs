//! Flat files: the postings of each settlement day, one a line, in `YYYY-MM-DD.csv`.
//!
//! UTF-8, `;` between cells, a point in decimals, UTC instants, the order of the journal. A cell
//! that a spreadsheet would take for a formula (`=`, `+`, `-`, `@` or a control character first) is
//! written with `'` before it. The last line is
//! `#END;lines=…;points=…;debit=…;credit=…;sha256=…`: how many lines there are without the heading
//! and this one, what their columns add up to, and the SHA-256 of every byte before it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::names::Names;
use super::output::Part;
use super::{ExportError, Source, Taken, make_folder, unknown_programme};
use crate::domain::amount::Points;
use crate::domain::ids::ProgrammeId;
use crate::domain::posting::{Body, Posting};
use crate::domain::terms::Coalition;
use crate::domain::time::Day;
use crate::domain::transaction::Transaction;

/// The columns.
///
/// `points` are those that the posting moves, or for which money is owed; `debit` is what `from`
/// is charged and `credit` what `to` gets, in money. `place` counts the postings of a transaction
/// from 0. Of money, `price` is that of a whole point, `agreement` names the party of the agreement
/// and `agreement_version` the version of the configuration that set it, `cycle` settles it, and
/// `late_for` is the first day of the earlier cycle that it belongs to by its date. There is no
/// `member` where the clearing house acts for itself.
pub const CSV_COLUMNS: [&str; 25] = [
    "line_no",
    "transaction",
    "place",
    "settlement_day",
    "recorded_at",
    "at",
    "kind",
    "party",
    "ref",
    "member",
    "programme",
    "from",
    "to",
    "unit",
    "points",
    "debit",
    "credit",
    "lot",
    "obligation",
    "price",
    "agreement",
    "agreement_version",
    "promo",
    "cycle",
    "late_for",
];

/// The most decimals of a programme's unit; sums over programmes are written with as many.
const POINTS_SCALE_MAX: u32 = 4;

/// Writes a file for each settlement day.
pub fn write(
    source: &mut Source,
    coalition: &Coalition,
    folder: &Path,
) -> Result<Vec<PathBuf>, ExportError> {
    make_folder(folder)?;
    let names = Names::new(coalition, false);
    let mut files = Vec::new();
    let mut open: Option<DayFile> = None;
    while let Some(taken) = source.next()? {
        let day = taken.one.settlement_day;
        // Days come in order, so one file is open at a time.
        if let Some(before) = open.take_if(|file| file.day != day) {
            files.push(before.finish(&names)?);
        }
        let file = match &mut open {
            Some(file) => file,
            None => open.insert(DayFile::create(folder, day)?),
        };
        file.add(&taken, &names)?;
    }
    if let Some(last) = open {
        files.push(last.finish(&names)?);
    }
    Ok(files)
}

/// The file of one day.
struct DayFile {
    day: Day,
    sink: csv::Writer<Hashing>,
    lines: u64,
    /// In units of the largest scale.
    points: i128,
    money: i128,
}

impl DayFile {
    fn create(folder: &Path, day: Day) -> Result<Self, ExportError> {
        let part = Part::create(&folder.join(format!("{day}.csv")))?;
        let mut sink = csv::WriterBuilder::new()
            .delimiter(b';')
            .from_writer(Hashing { part, hash: Sha256::new() });
        sink.write_record(CSV_COLUMNS).map_err(io::Error::from)?;
        Ok(Self { day, sink, lines: 0, points: 0, money: 0 })
    }

    fn add(&mut self, taken: &Taken, names: &Names) -> Result<(), ExportError> {
        let one = &taken.one;
        for (place, posting) in taken.postings() {
            self.lines += 1;
            let head = [
                self.lines.to_string(),
                one.id.to_string(),
                place.to_string(),
                one.settlement_day.to_string(),
                one.recorded_at.to_string(),
                or_nothing(one.at),
                one.kind.name().to_owned(),
                one.party.to_string(),
                one.reference.as_ref().map(|one| one.as_str().to_owned()).unwrap_or_default(),
                or_nothing(Some(one.member).filter(|member| member.is_somebody())),
            ];
            let moved = self.moved(posting, names)?;
            let terms = terms_of(one, posting);
            let cells = head.iter().chain(&moved).chain(&terms).map(|cell| harmless(cell));
            self.sink.write_record(cells).map_err(io::Error::from)?;
        }
        Ok(())
    }

    /// The cells that say what a posting moves.
    fn moved(&mut self, posting: &Posting, names: &Names) -> Result<[String; 9], ExportError> {
        let (from, to) = (posting.from.to_string(), posting.to.to_string());
        Ok(match &posting.body {
            Body::Points { points, lot, .. } => {
                let known = posting.from.programme().ok_or_else(|| unknown_programme(&from))?;
                let (code, text) = self.count_points(known, *points, names)?;
                let none = String::new;
                let lot = or_nothing(*lot);
                [known.to_string(), from, to, code, text, none(), none(), lot, none()]
            }
            Body::Money { amount, programme, obligation, reverses, points, .. } => {
                let text = match programme {
                    Some(programme) => self.count_points(programme, *points, names)?.1,
                    None => String::new(),
                };
                self.money += i128::from(amount.0);
                let (code, money) = (names.money.code.clone(), amount.text(names.money.scale));
                let kind = obligation.name(*reverses).to_owned();
                let (programme, credit) = (or_nothing(programme.as_ref()), money.clone());
                [programme, from, to, code, text, money, credit, String::new(), kind]
            }
        })
    }

    /// Adds points to the column's sum. Gives back their commodity and text.
    fn count_points(
        &mut self,
        programme: &ProgrammeId,
        points: Points,
        names: &Names,
    ) -> Result<(String, String), ExportError> {
        let unit = names.points(programme).ok_or_else(|| unknown_programme(programme))?;
        let finer = POINTS_SCALE_MAX.saturating_sub(unit.scale);
        self.points += i128::from(points.0) * 10_i128.pow(finer);
        Ok((unit.code.clone(), points.text(unit.scale)))
    }

    fn finish(self, names: &Names) -> Result<PathBuf, ExportError> {
        let Self { sink, lines, points, money, .. } = self;
        let Hashing { mut part, hash } = sink
            .into_inner()
            .map_err(|error| io::Error::new(error.error().kind(), error.error().to_string()))?;
        let points = sum_text(points, POINTS_SCALE_MAX);
        let money = sum_text(money, names.money.scale);
        let hash = hex::encode(hash.finalize());
        writeln!(
            part,
            "#END;lines={lines};points={points};debit={money};credit={money};sha256={hash}"
        )?;
        Ok(part.finish()?)
    }
}

/// The cells that say under which terms money is owed, and when it is settled.
fn terms_of(one: &Transaction, posting: &Posting) -> [String; 6] {
    let Body::Money { price, under, late_for, .. } = &posting.body else {
        return Default::default();
    };
    [
        or_nothing(price.as_ref()),
        or_nothing(under.agreement.as_ref()),
        or_nothing(Some(under.version).filter(|version| *version != 0)),
        or_nothing(under.promo.as_ref()),
        or_nothing(posting.cycle(one)),
        or_nothing(*late_for),
    ]
}

fn or_nothing<T: ToString>(value: Option<T>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A sum as decimal text, without zeros that say nothing.
fn sum_text(units: i128, scale: u32) -> String {
    let one = 10_i128.pow(scale);
    let width = usize::try_from(scale).unwrap_or(0);
    let text = format!("{}.{:0width$}", units / one, units % one);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A cell that no spreadsheet takes for a formula.
fn harmless(cell: &str) -> String {
    let is_formula = cell.starts_with(|first: char| "=+-@".contains(first) || first.is_control());
    if is_formula { format!("'{cell}") } else { cell.to_owned() }
}

/// A file that hashes what is written.
struct Hashing {
    part: Part,
    hash: Sha256,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.part.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.part.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_never_a_formula() {
        for (cell, written) in [("=1+1", "'=1+1"), ("@x", "'@x"), ("-5", "'-5"), ("R=1", "R=1")] {
            assert_eq!(harmless(cell), written);
        }
        assert_eq!(harmless("\tx"), "'\tx");
    }

    #[test]
    fn sums_are_written_without_idle_zeros() {
        assert_eq!(sum_text(5_990_000, 4), "599");
        assert_eq!(sum_text(125, 2), "1.25");
        assert_eq!(sum_text(0, 2), "0");
        assert_eq!(sum_text(100, 0), "100");
    }
}
