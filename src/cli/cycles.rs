//! `cycle` and `statement`: what finance does beside the server, on its database.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use super::keys::engine;
use super::output::{Failure, say};
use crate::domain::ids::{PartyId, ScheduleId};
use crate::domain::settlement::CycleId;
use crate::engine::{Close, Closing, ConfigureError, Engine};
use crate::http::api::cycles::figures;
use crate::settings::Settings;
use crate::statement::attest;
use crate::statement::csv::CsvProfile;
use crate::statement::render::Rendering;
use crate::statement::scan::StatementError;
use crate::statement::service::{self, Publishing};
use crate::statement::vouched;
use crate::statement::window::Window;
use crate::store::statements::Wanted;
use crate::store::{Use, cycles, statements};

/// Who did it, for the record.
const AUTHOR: &str = "command line";

/// How many cycles or statements a list has.
const LISTED: i64 = 100;

/// `cycle …`.
#[derive(Debug, Subcommand)]
pub enum CycleCommand {
    /// Lists the cycles of a schedule, the latest first, with their states.
    List {
        /// Which schedule; none: the coalition's own.
        #[arg(long)]
        schedule: Option<ScheduleId>,
    },
    /// Closes a cycle that is over, and prints its figures.
    Close {
        /// The cycle's first day, `YYYY-MM-DD`, with `SCHEDULE.` before it where it has another one.
        cycle: CycleId,
    },
    /// Publishes the statements of a closed cycle.
    Publish {
        /// Which cycle.
        cycle: CycleId,
    },
    /// Takes a published cycle on that all agreed to by other ways.
    Acknowledge {
        /// Which cycle.
        cycle: CycleId,
        /// How it is known.
        #[arg(long)]
        why: String,
    },
}

/// `statement …`.
#[derive(Debug, Subcommand)]
pub enum StatementCommand {
    /// Lists statements, the latest first.
    List {
        /// Of this party only.
        #[arg(long)]
        party: Option<PartyId>,
        /// Of this cycle only.
        #[arg(long)]
        cycle: Option<CycleId>,
    },
    /// Writes a statement to a file.
    Write {
        /// Which cycle.
        cycle: CycleId,
        /// Whose.
        party: PartyId,
        /// In which form; `proofs` are those of its lines.
        #[arg(long, value_enum, default_value = "json")]
        format: Form,
        /// Where to.
        #[arg(long)]
        to: PathBuf,
        /// Also writes the note that is signed for the file, beside it as `FILE.note`.
        #[arg(long)]
        note: bool,
    },
    /// Prints the key by which statements are verified.
    Key,
}

/// The form of a statement.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Form {
    /// JSON, of which every byte is signed.
    Json,
    /// The lines as CSV, between semicolons.
    Csv,
    /// A workbook.
    Xlsx,
    /// Proofs of inclusion, one a line.
    Proofs,
}

impl From<StatementError> for Failure {
    fn from(error: StatementError) -> Self {
        match error {
            StatementError::Store(error) => error.into(),
            StatementError::Output(error) => error.into(),
            other => Self::No(other.to_string()),
        }
    }
}

/// Runs `cycle …`.
pub fn cycle(command: CycleCommand, settings: &Settings) -> Result<(), Failure> {
    let engine = engine(settings)?;
    match command {
        CycleCommand::List { schedule } => list(&engine, &schedule.unwrap_or_default()),
        CycleCommand::Close { cycle } => {
            let close = Close { author: AUTHOR, figures: &figures };
            let closing = engine.close_cycle(&cycle, &close).map_err(|error| match error {
                ConfigureError::Store(error) => error.into(),
                other => Failure::No(other.to_string()),
            })?;
            match closing {
                Closing::Closed(figures) => say(&figures),
                Closing::NotOver => Err(Failure::No(format!("cycle {cycle} is not over"))),
                Closing::NoSuchCycle => Err(no_such_cycle(&cycle)),
                Closing::PassedOver => Err(Failure::No(format!(
                    "nothing was posted in cycle {cycle} and a later one is closed"
                ))),
            }
        }
        CycleCommand::Publish { cycle } => match service::publish(&engine, &cycle, AUTHOR)? {
            Publishing::Published => say(&format!("cycle {cycle} is published")),
            Publishing::NotClosed => Err(Failure::No(format!("close cycle {cycle} first"))),
            Publishing::NotYet(earlier) => {
                Err(Failure::No(format!("close and publish cycle {earlier} first")))
            }
        },
        CycleCommand::Acknowledge { cycle, why } => {
            if service::acknowledge_all(&engine, &cycle, (AUTHOR, &why))? {
                say(&format!("cycle {cycle} is acknowledged"))
            } else {
                Err(Failure::No(format!("cycle {cycle} is not waiting for agreement")))
            }
        }
    }
}

fn no_such_cycle(cycle: &CycleId) -> Failure {
    Failure::Unreadable(format!("no cycle begins so: {cycle}; see `coalition cycle list`"))
}

fn list(engine: &Engine, schedule: &ScheduleId) -> Result<(), Failure> {
    let timeline = engine.timeline();
    let there = timeline.latest().schedules.get(schedule);
    let there = there.ok_or_else(|| Failure::Unreadable(format!("no schedule `{schedule}`")))?;
    let open = there.cycle_of(engine.clock().now());
    say(&format!("{open} open"))?;
    let before = open.first;
    let rows = engine.read(|one| cycles::list(one, schedule.as_str(), before, LISTED))?;
    for row in rows {
        say(&format!("{} {}", row.id, row.state.name()))?;
    }
    Ok(())
}

/// Runs `statement …`.
pub fn statement(command: StatementCommand, settings: &Settings) -> Result<(), Failure> {
    let engine = engine(settings)?;
    match command {
        StatementCommand::List { party, cycle } => {
            let (party, cycle) = (party.as_ref(), cycle.as_ref());
            let wanted = Wanted { party, cycle, before: i64::MAX, most: LISTED };
            for (schedule, first, party, lines, sha256, state) in
                engine.read(|one| statements::list(one, wanted))?
            {
                let schedule: ScheduleId = schedule.parse().unwrap_or_default();
                let first = crate::domain::time::Day::from_number(first);
                let cycle = CycleId { schedule, first };
                say(&format!("{cycle}/{party} {state}, {lines} lines, sha256 {sha256}"))?;
            }
            Ok(())
        }
        StatementCommand::Write { cycle, party, format, to, note } => {
            if note && matches!(format, Form::Proofs) {
                let words = "proofs need no note: they are checked against the statement";
                return Err(Failure::Unreadable(words.to_owned()));
            }
            let mut out = BufWriter::new(File::create(&to)?);
            write(&engine, (&cycle, &party), format, &mut out, note.then_some(&to))?;
            out.flush()?;
            say(&format!("wrote {}", to.display()))
        }
        StatementCommand::Key => say(&engine.signer().verifier_key()),
    }
}

fn write(
    engine: &Engine,
    (cycle, party): (&CycleId, &PartyId),
    format: Form,
    out: &mut BufWriter<File>,
    noted: Option<&PathBuf>,
) -> Result<(), Failure> {
    let mut database = engine.open(Use::Read)?;
    let row = statements::find(&mut database, cycle, party)?;
    let window = Window::of(&mut database, &engine.timeline(), cycle)?;
    let (Some(row), Some(window)) = (row, window) else {
        return Err(Failure::No(format!("no statement {cycle}/{party} is published")));
    };
    vouched::check(&row, engine.signer())?;
    let rendering = Rendering { party, window: &window, row: &row };
    let form = match format {
        Form::Json => attest::Form::Json,
        Form::Csv => attest::Form::Csv(CsvProfile::Semicolon),
        Form::Xlsx => attest::Form::Xlsx,
        Form::Proofs => {
            let mut proving = engine.open(Use::Read)?;
            return Ok(rendering.proofs((&mut database, &mut proving), out)?);
        }
    };
    rendering.write(form, (&mut database, engine.signer()), out)?;
    if let Some(path) = noted {
        let mut beside = path.clone().into_os_string();
        beside.push(".note");
        std::fs::write(beside, rendering.note(form, &mut database, engine.signer())?)?;
    }
    Ok(())
}
