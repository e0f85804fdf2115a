//! A row of members from other systems: two files with people in common, read one after the other.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant as Stopwatch;

use super::settling::title;
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note};
use super::{Bench, BenchError};
use crate::store::Kind;

/// Rows of a run with `--large`.
const ROWS: u64 = 3_000_000;

/// Three million rows in fifteen minutes.
const PER_SECOND: u64 = 3_334;

/// Of so many rows of the second file one is somebody of the first.
const KNOWN_EVERY: u64 = 2;

impl Bench<'_> {
    /// Reads two files: two thirds of the rows, and a third of which half are the same people.
    pub(super) fn import(&mut self, kind: Kind) -> Result<(), BenchError> {
        let name = "import";
        let rows = if self.arguments.large { ROWS } else { self.arguments.members };
        let first = rows - rows / 3;
        let world = self.world_on(kind, name)?;
        doing(&format!("writing {} rows", grouped(rows)));
        let tills = self.file("tills", 0..first)?;
        let known = |number: u64| number / KNOWN_EVERY * 3 % first.max(1);
        let new = |number: u64| first + number;
        let web = (0..rows / 3)
            .map(|number| if number % KNOWN_EVERY == 0 { known(number) } else { new(number) });
        let web = self.file("web", web)?;
        doing(&format!("reading them into {}", title(kind)));
        let used = world.target(1, self.postgres.postmaster()).used();
        let begun = Stopwatch::now();
        let mut said = read(&world.database, "tills", &tills)?;
        said.push_str(&read(&world.database, "web", &web)?);
        let took = begun.elapsed();
        let used = world.target(1, self.postgres.postmaster()).used().since(used);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let per_second = rows.saturating_mul(1_000_000) / micros;
        self.table.add(Row {
            what: format!("import of members, {}", title(kind)),
            figure: format!("{} rows/s", grouped(per_second)),
            beside: format!("{} rows in {} s", grouped(rows), Hundredths::seconds(took)),
            judged: Some(Judged {
                got: Hundredths(per_second * 100),
                unit: " /s",
                bar: Bar::AtLeast(Hundredths(PER_SECOND * 100)),
            }),
        })?;
        note(&format!("a row took {} us of PostgreSQL", used.postgres / rows.max(1)))?;
        said.lines().filter(|line| !line.is_empty()).try_for_each(note)?;
        self.drop_world(world, kind, name)
    }

    fn file(&self, source: &str, people: impl Iterator<Item = u64>) -> Result<PathBuf, BenchError> {
        let path = self.scratch.0.join(format!("{source}.csv"));
        let mut file = BufWriter::new(File::create(&path)?);
        writeln!(file, "external_id,phone,email,verified,name,city")?;
        for (place, person) in people.enumerate() {
            let phone = 9_000_000_000 + person;
            writeln!(
                file,
                "{place},+7{phone},p{person}@example.org,phone,Anna Petrova {person},Omsk"
            )?;
        }
        file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        Ok(path)
    }
}

/// Reads a file as its user would, by a process of its own; what it says.
fn read(database: &str, source: &str, file: &Path) -> Result<String, BenchError> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["members", "import"]).arg(file).args(["--source", source]);
    command.env("COALITION_DATABASE", database).env("COALITION_LOG", "warn");
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(BenchError::NoAnswer("the import, which failed"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
