//! `books`: a party's own list beside the ledger at a running server: sent, compared and kept, and
//! its breaks dealt with. `reconcile` compares a list without keeping anything.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use coalition_partner::{Books, Error, WhichBreaks};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::output::{Failure, say};
use super::remote::{
    Remote, failed, fresh_key, say_fields, say_json, say_pages, text, without_nulls,
};
use crate::settings::Settings;

/// How often it is asked whether a comparison is done.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// `books …`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    remote: Remote,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says how a party's lists are written, or prints it.
    Profile {
        /// The party.
        party: String,
        /// A YAML or JSON file that says it.
        #[arg(long, value_name = "FILE")]
        put: Option<PathBuf>,
    },
    /// Sends a party's list of a cycle, has it compared and prints the verdict. Sent again after a
    /// failure, it goes on. Exit code 1: something is to be dealt with.
    Send {
        /// The party.
        #[arg(long)]
        party: String,
        /// The cycle: its first day, with the schedule and a dot before it.
        #[arg(long)]
        cycle: String,
        /// Only this programme.
        #[arg(long)]
        programme: Option<String>,
        /// Compares a list that was compared before.
        #[arg(long)]
        again: bool,
        /// The list.
        file: PathBuf,
    },
    /// Lists reconciliations, the newest first.
    List {
        /// Of this party only.
        #[arg(long)]
        party: Option<String>,
    },
    /// Prints a reconciliation: its verdict, what was found, the bridges.
    Show {
        /// Which.
        reconciliation: String,
    },
    /// Lists the breaks of a reconciliation.
    Breaks {
        /// Of which.
        reconciliation: String,
        /// Only this class, such as `amount_mismatch`.
        #[arg(long)]
        class: Option<String>,
        /// Only this state, such as `open`.
        #[arg(long)]
        state: Option<String>,
    },
    /// Explains, adjusts or writes off a break. What is large waits for a second person.
    Resolve {
        /// Of which reconciliation.
        reconciliation: String,
        /// The break's number.
        number: u64,
        /// How.
        #[arg(long = "as", value_enum)]
        resolution: Resolution,
        /// Why.
        #[arg(long)]
        why: String,
        /// What the party pays by an adjustment, where it is not the usual; below zero: is paid.
        #[arg(long, value_name = "AMOUNT", allow_hyphen_values = true)]
        party_pays: Option<String>,
    },
    /// Approves what somebody else wants done with a break.
    Approve(Judged),
    /// Sends back what somebody else wants done with a break.
    SendBack(Judged),
}

/// A break that somebody else asked something for.
#[derive(Debug, clap::Args)]
struct Judged {
    /// Of which reconciliation.
    reconciliation: String,
    /// The break's number.
    number: u64,
    /// Why.
    #[arg(long)]
    why: String,
}

/// What becomes of a break.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Resolution {
    /// It is known why, and nothing is to be posted.
    Explained,
    /// An entry in the open cycle puts it right.
    Adjusted,
    /// It is let go.
    WrittenOff,
}

impl Resolution {
    const fn name(self) -> &'static str {
        match self {
            Self::Explained => "explained",
            Self::Adjusted => "adjusted",
            Self::WrittenOff => "written_off",
        }
    }
}

/// What is printed of a reconciliation and of a break.
const RUN: [&str; 6] = ["id", "party", "cycle", "state", "verdict", "finished_at"];
const BREAK: [&str; 9] = [
    "number",
    "class",
    "state",
    "ref",
    "transaction",
    "effect",
    "points_effect",
    "age_days",
    "proposal",
];

impl Arguments {
    /// Whether it mints its token on the database.
    pub const fn needs_database(&self) -> bool {
        self.remote.needs_database()
    }
}

/// Runs `books …`.
pub fn run(arguments: Arguments, settings: &Settings) -> Result<(), Failure> {
    let client = arguments.remote.client(settings)?;
    let books = client.books();
    match arguments.command {
        Command::Profile { party, put } => profile(books, &party, put),
        Command::Send { party, cycle, programme, again, file } => {
            let request = json!({"party": party, "cycle": cycle, "programme": programme});
            send(books, &without_nulls(request), (&file, again))
        }
        Command::List { party } => say_pages(&RUN, |next| {
            books.reconciliations(party.as_deref(), next).map(|page| page.value)
        }),
        Command::Show { reconciliation } => {
            say_json(&books.reconciliation(&reconciliation).map_err(failed)?.value)
        }
        Command::Breaks { reconciliation, class, state } => say_pages(&BREAK, |next| {
            let which =
                WhichBreaks { class: class.as_deref(), state: state.as_deref(), after: next };
            books.breaks(&reconciliation, &which).map(|page| page.value)
        }),
        Command::Resolve { reconciliation, number, resolution, why, party_pays } => {
            let body = without_nulls(
                json!({"resolution": resolution.name(), "why": why, "party_pays": party_pays}),
            );
            let of = (reconciliation.as_str(), number);
            let done = books.resolve_break(of, &body, &fresh_key()?);
            say_fields(&done.map_err(failed)?.value, &BREAK)
        }
        Command::Approve(Judged { reconciliation, number, why }) => {
            let done = books.approve_break((&reconciliation, number), &why, &fresh_key()?);
            say_fields(&done.map_err(failed)?.value, &BREAK)
        }
        Command::SendBack(Judged { reconciliation, number, why }) => {
            let done = books.send_back_break((&reconciliation, number), &why, &fresh_key()?);
            say_fields(&done.map_err(failed)?.value, &BREAK)
        }
    }
}

/// The SHA-256 of a file, in hexadecimal.
fn hash_of(file: &mut File) -> std::io::Result<String> {
    let (mut hash, mut bytes) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        let count = file.read(&mut bytes)?;
        if count == 0 {
            return Ok(hex::encode(hash.finalize()));
        }
        hash.update(&bytes[..count]);
    }
}

fn profile(books: Books<'_>, party: &str, put: Option<PathBuf>) -> Result<(), Failure> {
    let shown = match put {
        None => books.profile(party),
        Some(path) => {
            let unreadable = |error: &dyn std::fmt::Display| {
                Failure::Unreadable(format!("{}: {error}", path.display()))
            };
            let written = std::fs::read_to_string(&path).map_err(|error| unreadable(&error))?;
            let profile: Value =
                serde_saphyr::from_str(&written).map_err(|error| unreadable(&error))?;
            books.put_profile(party, &profile)
        }
    };
    say_json(&shown.map_err(failed)?.value)
}

/// The same list for the same cycle is the same reconciliation, so that one that broke off goes on.
fn send(books: Books<'_>, request: &Value, (path, again): (&PathBuf, bool)) -> Result<(), Failure> {
    let unreadable =
        |error: std::io::Error| Failure::Unreadable(format!("{}: {error}", path.display()));
    let mut list = File::open(path).map_err(unreadable)?;
    let sha256 = hash_of(&mut list).map_err(unreadable)?;
    let named = hex::encode(Sha256::digest(format!("{request}{sha256}")));
    let key = if again { fresh_key()? } else { named };
    let id = text(&books.begin(request, &key).map_err(failed)?.value, "id");
    let there = books.reconciliation(&id).map_err(failed)?.value;
    if text(&there, "state") == "receiving" {
        list.rewind().map_err(unreadable)?;
        match books.send_list(&id, list) {
            Err(Error::Refused(problem))
                if again && problem.code.as_str() == "file_already_seen" =>
            {
                books.run(&id, &sha256, true).map_err(failed)?;
            }
            sent => drop(sent.map_err(failed)?),
        }
    }
    let ended = loop {
        let view = books.reconciliation(&id).map_err(failed)?.value;
        if text(&view, "state") != "running" {
            break view;
        }
        std::thread::sleep(ASK_AGAIN);
    };
    say_fields(&ended, &RUN)?;
    for count in ["counts", "breaks"] {
        for (name, number) in ended[count].as_object().into_iter().flatten() {
            say(&format!("{count}\t{name}\t{number}"))?;
        }
    }
    if text(&ended, "verdict") == "reconciled" { Ok(()) } else { Err(Failure::No(String::new())) }
}
