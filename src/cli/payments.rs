//! `payments`: what finance asks a running server about money in and out, over its API.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use coalition_partner::{Error, OperatorClient};
use serde_json::Value;

use super::keys::new_token;
use super::output::{Failure, say};
use crate::auth::token::Role;
use crate::settings::Settings;

/// Minutes for which a token of this command's own counts.
const TOKEN_MINUTES: u64 = 10;

/// `payments …`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where the server is.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// A token of finance or of the operator; left out, one is minted on the database.
    #[arg(long, global = true, env = "COALITION_TOKEN", hide_env_values = true)]
    token: Option<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lists the payments of a cycle.
    List {
        /// The cycle: its first day, with the schedule and a dot before it.
        cycle: String,
    },
    /// Writes a file for a bank with what is to be paid out of a cycle.
    Export {
        /// The cycle.
        cycle: String,
        /// `pain.001`, `list` or `1c`.
        #[arg(long, default_value = "pain.001")]
        format: String,
        /// The file to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Imports what a bank booked: a camt.053 or camt.054 file.
    Import {
        /// The file.
        file: PathBuf,
    },
    /// Says which cycles have money on its way, and which items are open.
    SettleStatus {
        /// Also cycles that are at zero.
        #[arg(long)]
        all: bool,
    },
}

impl Arguments {
    /// Whether it mints its token on the database.
    pub const fn needs_database(&self) -> bool {
        self.token.is_none()
    }
}

/// Runs `payments …`.
pub fn run(arguments: Arguments, settings: &Settings) -> Result<(), Failure> {
    let token = match arguments.token {
        Some(token) => token,
        None => new_token(settings, "command-line", Role::Finance, TOKEN_MINUTES)?,
    };
    let client = OperatorClient::new(&arguments.server, &token).map_err(failed)?;
    match arguments.command {
        Command::List { cycle } => {
            let view = client.payments(&cycle).map_err(failed)?.value;
            say(&format!("cycle {cycle}: {}", text(&view, "state")))?;
            rows(&view).try_for_each(|one| {
                let fields = ["reference", "direction", "party", "amount", "open", "due", "state"];
                say(&fields.map(|field| text(one, field)).join("\t"))
            })
        }
        Command::Export { cycle, format, out } => export(&client, &cycle, &format, &out),
        Command::Import { file } => import(&client, &file),
        Command::SettleStatus { all } => settle_status(&client, all),
    }
}

fn export(client: &OperatorClient, cycle: &str, format: &str, out: &Path) -> Result<(), Failure> {
    let answer = client.payment_file(cycle, format).map_err(failed)?;
    if let Some(problem) = answer.problem() {
        return Err(Failure::No(problem.to_string()));
    }
    // A file that is there under its name is whole.
    let mut part = out.as_os_str().to_owned();
    part.push(".tmp");
    std::fs::write(&part, &answer.body)?;
    std::fs::rename(&part, out)?;
    say(&format!("wrote {}", out.display()))?;
    match answer.header("coalition-left-out") {
        None => Ok(()),
        Some(left_out) => say(&format!("left out, without a bank account: {left_out}")),
    }
}

fn import(client: &OperatorClient, file: &Path) -> Result<(), Failure> {
    let bytes = std::fs::read(file)
        .map_err(|error| Failure::Unreadable(format!("{}: {error}", file.display())))?;
    let report = client.import_bank_statement(&bytes).map_err(failed)?.value;
    for statement in report["statements"].as_array().into_iter().flatten() {
        let (id, balance) = (text(statement, "id"), text(statement, "balance"));
        say(&format!("statement {id}: balances {balance}"))?;
    }
    for one in report["booked"].as_array().into_iter().flatten() {
        let fields = ["outcome", "side", "amount", "currency", "leg", "open_item", "entry"];
        say(&fields.map(|field| text(one, field)).join("\t"))?;
    }
    say(&format!("{} entries were imported before", report["repeated"]))?;
    for cycle in report["settled"].as_array().into_iter().flatten() {
        say(&format!("settled: {}", cycle.as_str().unwrap_or_default()))?;
    }
    Ok(())
}

fn settle_status(client: &OperatorClient, all: bool) -> Result<(), Failure> {
    let accounts = client.clearing_accounts(all).map_err(failed)?.value;
    for one in rows(&accounts) {
        let (cycle, state) = (text(one, "cycle"), text(one, "state"));
        say(&format!("{cycle}\t{state}\t{}", text(one, "balance")))?;
        for missing in one["missing"].as_array().into_iter().flatten() {
            let fields = ["reference", "direction", "party", "open", "due"];
            say(&format!("  {}", fields.map(|field| text(missing, field)).join("\t")))?;
        }
    }
    say(&format!("suspense\t{} {}", text(&accounts, "suspense"), text(&accounts, "currency")))?;
    let items = client.open_items("open").map_err(failed)?.value;
    rows(&items).try_for_each(|one| {
        let fields = ["id", "kind", "side", "amount", "currency", "text"];
        say(&fields.map(|field| text(one, field)).join("\t"))
    })
}

fn rows(view: &Value) -> impl Iterator<Item = &Value> {
    view["data"].as_array().into_iter().flatten()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or("-").to_owned()
}

fn failed(error: Error) -> Failure {
    match error {
        Error::Refused(problem) => Failure::No(problem.to_string()),
        other => Failure::Unusable(other.to_string()),
    }
}
