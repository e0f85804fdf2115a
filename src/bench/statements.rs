//! The row of a long statement: published, downloaded in every form, verified.

use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::time::{Duration, Instant as Stopwatch};

use coalition_partner::OperatorClient;
use coalition_partner::proof::{VerifierKey, verify_statement};
use serde_json::{Value, json};

use super::download::download;
use super::journal::Fill;
use super::machine::{forget_peak_memory, peak_memory_kib};
use super::settling::{filled, title};
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note};
use super::world::{Deal, SHOP, World};
use super::{Bench, BenchError};
use crate::store::Kind;

/// Lines that a purchase adds to the shop's statement: the points' price, and the fee for them.
const LINES_PER_PURCHASE: u64 = 2;
/// Bytes at the end of a file that are looked at.
const TAIL: usize = 4_096;

/// What one step took.
struct Step {
    what: String,
    took: Duration,
    peak_kib: u64,
}

/// Writes on, and keeps the end.
struct Tail<W> {
    out: W,
    end: Vec<u8>,
}

impl<W: Write> Write for Tail<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.end.extend_from_slice(&bytes[..written]);
        let surplus = self.end.len().saturating_sub(TAIL);
        self.end.drain(..surplus);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Bench<'_> {
    /// A long statement: what it takes, and the server's memory meanwhile.
    pub(super) fn statement(&mut self, kind: Kind) -> Result<(), BenchError> {
        let name = "statement";
        let lines = self.arguments.lines() / LINES_PER_PURCHASE * LINES_PER_PURCHASE;
        let world = self.world_on(kind, name)?;
        let wanted = Fill::Purchases(lines / LINES_PER_PURCHASE);
        let (world, filled) = filled(world, kind, &[Deal::first()], wanted)?;
        world.patient()?.close_cycle(&filled.day)?;
        doing("publishing, downloading and verifying the statement");
        let file = self.scratch.0.join("statement.json");
        let published = published(&world, &filled.day)?;
        let mut steps = vec![published];
        let path = format!("/v1/statements/{}/{SHOP}", filled.day);
        let step = Self::downloaded(&world, &path, "JSON", File::create(&file)?)?.0;
        steps.push(step);
        let (step, end) =
            Self::downloaded(&world, &format!("{path}?format=csv"), "CSV", io::sink())?;
        if !end.contains(&format!("#END;lines={lines};")) {
            return Err(BenchError::NoAnswer("the end of the statement as CSV"));
        }
        steps.push(step);
        let path = format!("{path}?format=xlsx");
        steps.push(Self::downloaded(&world, &path, "XLSX", io::sink())?.0);
        let peak = steps.iter().map(|step| step.peak_kib).max().unwrap_or_default();
        let got = Hundredths::mebibytes(peak);
        self.table.add(Row {
            what: format!("statement of {} lines, {}", grouped(lines), title(kind)),
            figure: format!("{got} MB"),
            beside: "the server's memory".to_owned(),
            judged: Some(Judged { got, unit: " MB", bar: Bar::Below(Hundredths(20_000)) }),
        })?;
        for Step { what, took, peak_kib } in &steps {
            let (took, peak) = (Hundredths::seconds(*took), Hundredths::mebibytes(*peak_kib));
            note(&format!("{what} in {took} s, at most {peak} MB"))?;
        }
        verified(&world.operator, &file, lines)?;
        std::fs::remove_file(&file)?;
        self.drop_world(world, kind, name)
    }

    fn downloaded(
        world: &World,
        path: &str,
        form: &str,
        out: impl Write,
    ) -> Result<(Step, String), BenchError> {
        let mut tail = Tail { out, end: Vec::new() };
        let mut bytes = 0;
        let (took, peak_kib) = measured(world, || {
            bytes = download(world.server.address, world.token(), path, &mut tail)?;
            Ok(())
        })?;
        let what = format!("{form}, {} MB, downloaded", grouped(bytes >> 20));
        let step = Step { what, took, peak_kib };
        Ok((step, String::from_utf8_lossy(&tail.end).into_owned()))
    }
}

fn published(world: &World, day: &str) -> Result<Step, BenchError> {
    let operator = world.patient()?;
    let path = format!("/v1/cycles/{day}/publish");
    let mut lines = 0;
    let (took, peak_kib) = measured(world, || {
        let listed: Value = operator.post(&path, "publish", &json!({}))?.accepted()?.value;
        let all = listed.get("data").and_then(Value::as_array);
        lines = all.into_iter().flatten().filter_map(|one| one.get("lines")?.as_u64()).sum();
        Ok(())
    })?;
    let what = format!("published, {} lines for all parties,", grouped(lines));
    Ok(Step { what, took, peak_kib })
}

/// Does something; how long it took, and the most memory that the server held meanwhile, in
/// kibibytes.
fn measured(
    world: &World,
    act: impl FnOnce() -> Result<(), BenchError>,
) -> Result<(Duration, u64), BenchError> {
    let server = world.server.id();
    forget_peak_memory(server);
    let begun = Stopwatch::now();
    act()?;
    Ok((begun.elapsed(), peak_memory_kib(server)))
}

/// Verifies the statement as its party would.
fn verified(operator: &OperatorClient, file: &Path, lines: u64) -> Result<(), BenchError> {
    let key: Value = operator.get("/v1/log-key")?.json()?;
    let key = key.get("key").and_then(Value::as_str).and_then(|key| key.parse().ok());
    let key: VerifierKey = key.ok_or(BenchError::NoAnswer("the server's key"))?;
    let begun = Stopwatch::now();
    let verified = verify_statement(BufReader::new(File::open(file)?), &key)
        .map_err(|finding| BenchError::Statement(finding.to_string()))?;
    if verified.lines != lines {
        return Err(BenchError::Statement(format!("it has {} lines", verified.lines)));
    }
    let took = Hundredths::seconds(begun.elapsed());
    Ok(note(&format!("verified by the partner's program in {took} s"))?)
}
