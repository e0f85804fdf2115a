//! `dispute`: what finance does in disputes at a running server, on the side of the clearing house.

use clap::Subcommand;
use serde_json::json;

use super::output::Failure;
use super::remote::{Remote, failed, fresh_key, say_json, say_pages, without_nulls};
use crate::settings::Settings;

/// `dispute …`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    remote: Remote,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists disputes, the newest first.
    List {
        /// Of this party only.
        #[arg(long)]
        party: Option<String>,
        /// In this state only.
        #[arg(long)]
        state: Option<String>,
    },
    /// Prints a dispute with all that was done in it.
    Show {
        /// Which.
        dispute: String,
    },
    /// Opens a dispute about lines of a party's statement.
    Open(Opening),
    /// Says that the clearing house has looked.
    Acknowledge {
        /// Which.
        dispute: String,
        /// What is said with it.
        #[arg(long)]
        why: Option<String>,
        /// Whether the amount is set aside; left out, the terms say.
        #[arg(long)]
        reserve: Option<bool>,
    },
    /// Shows evidence.
    Evidence {
        /// In which.
        dispute: String,
        /// What it shows.
        #[arg(long)]
        text: String,
        /// A document, by its SHA-256 in hexadecimal; repeat it for more.
        #[arg(long)]
        document: Vec<String>,
    },
    /// Proposes what would move.
    Propose {
        /// In which.
        dispute: String,
        /// How much.
        amount: String,
    },
    /// Approves the amount that is proposed.
    Approve {
        /// In which.
        dispute: String,
        /// The amount that is meant.
        amount: String,
    },
    /// Says no to what a party claims.
    Reject(Ended),
    /// Takes back what the clearing house claims.
    Withdraw(Ended),
}

#[derive(Debug, clap::Args)]
struct Opening {
    /// The party.
    #[arg(long)]
    party: String,
    /// The cycle: its first day, with the schedule and a dot before it.
    #[arg(long)]
    cycle: String,
    /// The programme.
    #[arg(long)]
    programme: Option<String>,
    /// What is wrong, such as `missing_accrual`, `duplicate` or `fraud`.
    #[arg(long)]
    kind: String,
    /// A line of the statement, by its entry's id; repeat it for more.
    #[arg(long = "line")]
    lines: Vec<String>,
    /// What the statement should say or should not, in words; repeat it for more.
    #[arg(long = "own-line")]
    own_lines: Vec<String>,
    /// How much is at stake.
    #[arg(long)]
    amount: String,
    /// Why.
    #[arg(long)]
    why: String,
    /// Whether the amount is set aside; left out, the terms say.
    #[arg(long)]
    reserve: Option<bool>,
}

#[derive(Debug, clap::Args)]
struct Ended {
    /// Which.
    dispute: String,
    /// Why.
    #[arg(long)]
    why: String,
}

/// What is printed of a dispute in a list.
const DISPUTE: [&str; 9] =
    ["id", "party", "cycle", "kind", "amount", "reserved", "state", "opened_at", "due"];

impl Arguments {
    /// Whether it mints its token on the database.
    pub const fn needs_database(&self) -> bool {
        self.remote.needs_database()
    }
}

/// Runs `dispute …`.
pub fn run(arguments: Arguments, settings: &Settings) -> Result<(), Failure> {
    let client = arguments.remote.client(settings)?;
    let disputes = client.disputes();
    let key = fresh_key()?;
    let done = match arguments.command {
        Command::List { party, state } => {
            return say_pages(&DISPUTE, |next| {
                disputes.list(party.as_deref(), state.as_deref(), next).map(|page| page.value)
            });
        }
        Command::Show { dispute } => disputes.dispute(&dispute),
        Command::Open(opening) => disputes.open(&opening.body(), &key),
        Command::Acknowledge { dispute, why, reserve } => {
            disputes.acknowledge(&dispute, why.as_deref(), reserve, &key)
        }
        Command::Evidence { dispute, text, document } => {
            let documents: Vec<&str> = document.iter().map(String::as_str).collect();
            disputes.show_evidence(&dispute, &text, &documents, &key)
        }
        Command::Propose { dispute, amount } => disputes.propose(&dispute, &amount, &key),
        Command::Approve { dispute, amount } => disputes.approve(&dispute, &amount, &key),
        Command::Reject(Ended { dispute, why }) => disputes.reject(&dispute, &why, &key),
        Command::Withdraw(Ended { dispute, why }) => disputes.withdraw(&dispute, &why, &key),
    };
    say_json(&done.map_err(failed)?.value)
}

impl Opening {
    fn body(&self) -> serde_json::Value {
        without_nulls(json!({
            "party": self.party,
            "cycle": self.cycle,
            "programme": self.programme,
            "kind": self.kind,
            "lines": self.lines,
            "own_lines": self.own_lines,
            "amount": self.amount,
            "why": self.why,
            "reserve": self.reserve,
        }))
    }
}
