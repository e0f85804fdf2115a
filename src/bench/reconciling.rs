//! The row of reconciliation: a partner's list with planted faults, read and compared by a process
//! of its own, so that the memory is its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant as Stopwatch};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::machine::peak_memory_kib;
use super::planted::{Expected, Plan, plant, rules};
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note, say};
use super::{Bench, BenchError};
use crate::books::{Layout, Profile, read_lines};
use crate::domain::command::Kind;
use crate::domain::obligation::Scales;
use crate::domain::reconciliation::{Book, Reconciled, TheirLine, reconcile};

/// Decimals of the planted figures.
const SCALES: Scales = Scales { points: 0, money: 2 };

/// What was planted: one fault in a hundred lines.
const fn plan(lines: u64) -> Plan {
    Plan { lines, faults: 10, seed: 1 }
}

/// What the process says.
#[derive(Debug, Serialize, Deserialize)]
struct Report {
    read_ms: u64,
    reconciled_ms: u64,
    planted: usize,
    missed: usize,
    invented: usize,
    peak_kib: u64,
}

impl Bench<'_> {
    /// A list with one fault in a hundred lines.
    pub(super) fn reconcile(&mut self) -> Result<(), BenchError> {
        let lines = self.arguments.lines();
        doing("writing a partner's list, and reconciling it");
        let list = self.scratch.0.join("list.csv");
        write_list(&list, lines)?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bench", "--lines", &lines.to_string(), "--reconcile-list"]).arg(&list);
        let begun = Stopwatch::now();
        let output = command.output()?;
        let took = begun.elapsed();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(BenchError::Program(format!("reconciling failed: {said}")));
        }
        let report: Report = serde_json::from_slice(&output.stdout)
            .map_err(|_| BenchError::NoAnswer("the process that reconciles"))?;
        let got = Hundredths::seconds(took);
        let what = format!("reconciling {} lines", grouped(lines));
        self.table.add(Row {
            what: what.clone(),
            figure: format!("{got} s"),
            beside: "read from CSV, compared".to_owned(),
            judged: Some(Judged { got, unit: " s", bar: Bar::Below(Hundredths(6_000)) }),
        })?;
        let got = Hundredths::mebibytes(report.peak_kib);
        self.table.add(Row {
            what: format!("{what}, memory"),
            figure: format!("{got} MB"),
            beside: "a process of its own".to_owned(),
            judged: Some(Judged { got, unit: " MB", bar: Bar::Below(Hundredths(50_000)) }),
        })?;
        let wrong = Hundredths(u64::try_from(report.missed + report.invented).unwrap_or(0) * 100);
        self.table.add(Row {
            what: format!("{what}, wrong findings"),
            figure: format!("{} wrong", wrong.0 / 100),
            beside: format!("{} faults to find", report.planted),
            judged: Some(Judged { got: wrong, unit: "", bar: Bar::AtMost(Hundredths(0)) }),
        })?;
        note(&format!(
            "{} of {} not found, {} found that were not planted; both sides read in {} s, compared \
             in {} s",
            report.missed,
            report.planted,
            report.invented,
            Hundredths(report.read_ms / 10),
            Hundredths(report.reconciled_ms / 10),
        ))?;
        Ok(std::fs::remove_file(&list)?)
    }
}

/// Writes the planted list as a partner would.
fn write_list(list: &Path, lines: u64) -> Result<(), BenchError> {
    let mut out = BufWriter::new(File::create(list)?);
    writeln!(out, "ref,kind,amount,points,at,currency")?;
    let mut written = Ok(());
    let mut write = |line: TheirLine| {
        if written.is_ok() {
            written = write_line(&mut out, &line);
        }
    };
    plant(plan(lines), &mut write, &mut drop);
    written?;
    Ok(out.flush()?)
}

fn write_line(out: &mut impl Write, line: &TheirLine) -> io::Result<()> {
    let kind = line.kind.map_or("", Kind::name);
    let (amount, points) = (line.amount.text(SCALES.money), line.points.text(SCALES.points));
    writeln!(out, "{},{kind},{amount},{points},{},{}", line.reference, line.at, line.currency)
}

fn layout() -> Result<Layout, BenchError> {
    let document = json!({
        "columns": {
            "reference": "ref",
            "kind": "kind",
            "amount": "amount",
            "points": "points",
            "at": "at",
            "currency": "currency",
        },
    });
    let profile: Profile = serde_json::from_value(document).map_err(io::Error::other)?;
    Ok(profile.check(SCALES).map_err(io::Error::other)?)
}

/// Reads a list that was planted, compares it with our side, and prints a [`Report`].
///
/// # Errors
/// If the list can't be read.
pub fn reconcile_list(list: &Path, lines: u64) -> Result<(), BenchError> {
    let begun = Stopwatch::now();
    let layout = layout()?;
    let mut book = Book::new(layout.compared());
    read_lines(&layout, BufReader::new(File::open(list)?), &mut |line| book.add_theirs(&line))
        .map_err(io::Error::other)?;
    let mut added = Ok(());
    let mut add = |line| {
        if added.is_ok() {
            added = book.add_ours(&line);
        }
    };
    let expected = plant(plan(lines), &mut drop, &mut add);
    added.map_err(io::Error::other)?;
    let read = begun.elapsed();
    let run = reconcile(&book, &rules());
    let reconciled = begun.elapsed().saturating_sub(read);
    let planted = expected.len();
    let (missed, invented) = compare(expected, &run);
    let report = Report {
        read_ms: millis(read),
        reconciled_ms: millis(reconciled),
        planted,
        missed,
        invented,
        peak_kib: peak_memory_kib(std::process::id()),
    };
    Ok(say(&json!(report).to_string())?)
}

/// How many faults were not found, and how many were found that nobody planted.
fn compare(expected: Vec<Expected>, run: &Reconciled) -> (usize, usize) {
    let mut open: BTreeMap<Expected, i64> = BTreeMap::new();
    for one in expected {
        *open.entry(one).or_default() += 1;
    }
    for one in run.breaks.iter().chain(&run.pending) {
        *open.entry((one.class, one.reference.clone())).or_default() -= 1;
    }
    let sum = |sign: i64| -> usize {
        let counts = open.values().map(|count| usize::try_from(count * sign).unwrap_or(0));
        counts.sum()
    };
    (sum(1), sum(-1) + usize::try_from(run.left_out).unwrap_or(0))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planted_list_reads_back_as_it_was_planted() {
        let file = std::env::temp_dir().join(format!("planted-{}.csv", std::process::id()));
        write_list(&file, 200).expect("a list");
        let mut planted = Vec::new();
        plant(plan(200), &mut |line| planted.push(line), &mut drop);
        let mut read = Vec::new();
        let layout = layout().expect("a layout");
        let source = BufReader::new(File::open(&file).expect("the list"));
        read_lines(&layout, source, &mut |line| {
            // The header is a line of the file.
            read.push(TheirLine { line_no: line.line_no - 1, ..line });
            Ok(())
        })
        .expect("lines");
        std::fs::remove_file(&file).expect("it is there");
        assert_eq!(read, planted);
    }

    #[test]
    fn what_was_not_planted_counts_as_well_as_what_was_not_found() {
        let mut book = Book::new(layout().expect("a layout").compared());
        let mut theirs = Vec::new();
        let mut expected = plant(
            Plan { lines: 200, faults: 100, seed: 3 },
            &mut |line| theirs.push(line),
            &mut |line| book.add_ours(&line).expect("a line"),
        );
        for line in &theirs {
            book.add_theirs(line).expect("a line");
        }
        let run = reconcile(&book, &rules());
        assert_eq!(compare(expected.clone(), &run), (0, 0));
        expected[0].1.push('x');
        assert_eq!(compare(expected, &run), (1, 1));
    }
}
