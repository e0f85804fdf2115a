//! The command line: one binary, a command for each task.

mod books;
mod cycles;
mod disputes;
mod export;
mod keys;
mod members;
mod output;
mod payments;
mod reconcile;
mod rehearse;
mod remote;
mod report;
mod retro;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::Settings;
use output::{Failure, say};

/// A partner coalition clearing server: partners post signed transactions, members earn and burn
/// points, the books always balance.
///
/// Settings come from a file (`--config`, or `coalition.toml` where there is one), then the
/// environment (`COALITION_DATABASE`, `COALITION_LISTEN`, …), then the flags below.
///
/// Exit codes: 0 done; 1 the answer is no (a difference, a refusal, a failed step); 2 the command,
/// a file or a setting can't be read; 3 the database or the address can't be used.
#[derive(Debug, Parser)]
#[command(name = "coalition", version, max_term_width = 100)]
struct Arguments {
    /// Reads settings from this TOML file.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The database: `sqlite:PATH`, or `postgres://USER:PASSWORD@HOST/NAME`.
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows a made-up coalition at work: some weeks of signed traffic, a summary, and a server
    /// that stays up on 127.0.0.1:8080.
    Demo(crate::demo::Arguments),
    /// Runs the server. A new SQLite file is set up by itself.
    Serve(serve::Arguments),
    /// Brings the database to this program's schema and sets the coalition up, if it is not yet.
    Migrate(serve::MigrateArguments),
    /// Plays scenario files through the API of a server of their own and compares what comes out.
    Rehearse(rehearse::Arguments),
    /// Recomputes accounts, lots, positions and the hash chain from the postings alone.
    Audit,
    /// Compares a partner's own list with what it posted in a cycle, and stores nothing.
    Reconcile(reconcile::Arguments),
    /// Grants points for receipts of the past, from a list; `--dry-run` shows what it would grant.
    Retro(retro::Arguments),
    /// Writes the whole ledger, or one cycle, for other programs: beancount, hledger, Parquet, CSV.
    Export(export::Arguments),
    /// Prints figures of the whole ledger.
    #[command(subcommand)]
    Report(report::ReportCommand),
    /// Adds and lists parties.
    #[command(subcommand)]
    Party(keys::PartyCommand),
    /// Issues, registers, lists and revokes signing keys of parties.
    #[command(subcommand)]
    Key(keys::KeyCommand),
    /// Mints a token for an operator, for finance or for an auditor.
    Token(keys::TokenArguments),
    /// Reads members from files of other systems.
    #[command(subcommand)]
    Members(members::MembersCommand),
    /// Lists, closes and publishes cycles.
    #[command(subcommand)]
    Cycle(cycles::CycleCommand),
    /// Lists and writes statements.
    #[command(subcommand)]
    Statement(cycles::StatementCommand),
    /// Instructs and lists payments, writes files for a bank, imports what it booked and ends open
    /// items, at a running server.
    Payments(payments::Arguments),
    /// Sends a party's own list to a running server, and deals with the breaks.
    Books(books::Arguments),
    /// Opens, answers and ends disputes at a running server.
    Dispute(disputes::Arguments),
    /// Prints the settings in force, secrets masked.
    Settings,
    /// Measures this machine: the server beside pgbench and bare SQL, as ratios in one run.
    Bench(crate::bench::Arguments),
}

impl Command {
    /// Whether it works on a database that is there already.
    const fn needs_database(&self) -> bool {
        match self {
            Self::Audit
            | Self::Party(_)
            | Self::Key(_)
            | Self::Token(_)
            | Self::Members(_)
            | Self::Cycle(_)
            | Self::Statement(_)
            | Self::Reconcile(_)
            | Self::Retro(_)
            | Self::Export(_)
            | Self::Report(_) => true,
            Self::Payments(payments) => payments.needs_database(),
            Self::Books(books) => books.needs_database(),
            Self::Dispute(dispute) => dispute.needs_database(),
            _ => false,
        }
    }
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    match dispatch(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(arguments: Arguments) -> Result<(), Failure> {
    let mut settings = Settings::read(arguments.config)?;
    let named_database = arguments.database.is_some();
    if let Some(database) = arguments.database {
        settings.database = database;
    }
    if arguments.command.needs_database() {
        settings.address()?.must_exist()?;
    }
    match arguments.command {
        Command::Demo(demo) => {
            let database = named_database.then_some(settings.database);
            crate::demo::run(&demo, database).map_err(|error| match error {
                crate::demo::DemoError::Server(error) => error.into(),
                other => Failure::Unusable(other.to_string()),
            })
        }
        Command::Serve(serve) => serve::run(serve, settings),
        Command::Migrate(migrate) => serve::migrate(migrate, settings),
        Command::Rehearse(files) => rehearse::run(&files, &settings, named_database),
        Command::Audit => audit(&settings),
        Command::Reconcile(arguments) => reconcile::run(arguments, &settings),
        Command::Retro(arguments) => retro::run(arguments, &settings),
        Command::Export(arguments) => export::run(arguments, &settings),
        Command::Report(command) => report::run(&command, &settings),
        Command::Party(command) => keys::party(command, &settings),
        Command::Key(command) => keys::key(command, &settings),
        Command::Token(token) => keys::token(&token, &settings),
        Command::Members(command) => members::members(command, &settings),
        Command::Cycle(command) => cycles::cycle(command, &settings),
        Command::Statement(command) => cycles::statement(command, &settings),
        Command::Payments(payments) => payments::run(&payments, &settings),
        Command::Books(books) => books::run(books, &settings),
        Command::Dispute(dispute) => disputes::run(dispute, &settings),
        Command::Settings => say(&settings.effective()),
        Command::Bench(bench) => crate::bench::run(&bench, &settings)
            .map_err(|error| Failure::Unusable(error.to_string())),
    }
}

fn audit(settings: &Settings) -> Result<(), Failure> {
    let report = crate::audit::audit(&settings.address()?)?;
    say(&report.to_string())?;
    match report.difference {
        None => Ok(()),
        Some(_) => Err(Failure::No(String::new())),
    }
}
