//! `payments`: what finance asks a running server about money in and out, over its API.

use std::path::{Path, PathBuf};

use clap::Subcommand;
use coalition_partner::{Answer, OperatorClient};
use serde_json::Value;

use super::output::{Failure, say};
use super::remote::{Remote, failed, rows, say_fields, text};
use crate::settings::Settings;

/// `payments …`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    remote: Remote,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes the payments of a cycle that was agreed to; doing it again changes nothing.
    Instruct {
        /// The cycle: its first day, with the schedule and a dot before it.
        cycle: String,
    },
    /// Lists the payments of a cycle.
    List {
        /// The cycle.
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
    /// Lists what the bank booked and somebody has to look at.
    Items {
        /// `open`, `done`, `assigned`, `returned`, `written_off` or `all`.
        #[arg(long, default_value = "open")]
        state: String,
    },
    /// Gives an open item's money to a payment.
    Assign {
        /// The item.
        item: String,
        /// The payment's reference.
        leg: String,
    },
    /// Says that an open item's money goes back.
    Return {
        /// The item.
        item: String,
        /// Why.
        #[arg(long)]
        why: String,
    },
    /// Says that the clearing house keeps an open item's money, or bears it.
    WriteOff {
        /// The item.
        item: String,
        /// Why.
        #[arg(long)]
        why: String,
    },
}

/// What is printed of a payment and of an open item.
const PAYMENT: [&str; 7] = ["reference", "direction", "party", "amount", "open", "due", "state"];
const ITEM: [&str; 8] = ["id", "kind", "side", "amount", "currency", "text", "state", "age_days"];

impl Arguments {
    /// Whether it mints its token on the database.
    pub const fn needs_database(&self) -> bool {
        self.remote.needs_database()
    }
}

/// Runs `payments …`.
pub fn run(arguments: &Arguments, settings: &Settings) -> Result<(), Failure> {
    let client = arguments.remote.client(settings)?;
    match &arguments.command {
        Command::Instruct { cycle } => {
            client.instruct_cycle(cycle).map_err(failed)?;
            list(&client, cycle)
        }
        Command::List { cycle } => list(&client, cycle),
        Command::Export { cycle, format, out } => export(&client, cycle, format, out),
        Command::Import { file } => import(&client, file),
        Command::SettleStatus { all } => settle_status(&client, *all),
        Command::Items { state } => items(&client, state),
        Command::Assign { item, leg } => {
            say_fields(&client.assign_open_item(item, leg).map_err(failed)?.value, &ITEM)
        }
        Command::Return { item, why } => {
            say_fields(&client.return_open_item(item, why).map_err(failed)?.value, &ITEM)
        }
        Command::WriteOff { item, why } => {
            say_fields(&client.write_off_open_item(item, why).map_err(failed)?.value, &ITEM)
        }
    }
}

fn list(client: &OperatorClient, cycle: &str) -> Result<(), Failure> {
    let view = client.payments(cycle).map_err(failed)?.value;
    say(&format!("cycle {cycle}: {}", text(&view, "state")))?;
    rows(&view).try_for_each(|one| say_fields(one, &PAYMENT))
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
        say_fields(one, &fields)?;
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
        say_fields(one, &["cycle", "state", "balance"])?;
        for missing in one["missing"].as_array().into_iter().flatten() {
            let fields = ["reference", "direction", "party", "open", "due"];
            say(&format!("  {}", fields.map(|field| text(missing, field)).join("\t")))?;
        }
    }
    say(&format!("suspense\t{} {}", text(&accounts, "suspense"), text(&accounts, "currency")))?;
    items(client, "open")
}

fn items(client: &OperatorClient, state: &str) -> Result<(), Failure> {
    let mut after = String::new();
    loop {
        let path = format!("/v1/open-items?state={state}{after}");
        let page = client.get(&path).and_then(Answer::accepted::<Value>).map_err(failed)?.value;
        let mut last = None;
        for one in rows(&page) {
            say_fields(one, &ITEM)?;
            last = one["id"].as_str();
        }
        let Some(last) = last else { return Ok(()) };
        after = format!("&after={last}");
    }
}
