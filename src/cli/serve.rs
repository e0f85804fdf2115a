//! `serve` and `migrate`.

use std::sync::Arc;

use super::output::{Failure, say};
use crate::clock::{Clock, system_now};
use crate::domain::time::Instant;
use crate::settings::Settings;
use crate::store::Kind;
use crate::{server, telemetry};

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Where to listen.
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,

    /// Runs on a clock that the operator moves by POST /v1/test-clock, from this instant on (by
    /// default from now). Never in production.
    #[arg(long, value_name = "INSTANT", num_args = 0..=1, default_missing_value = "now")]
    test_clock: Option<String>,

    /// With --test-clock: the clock follows the instants (`at`) of what is posted.
    #[arg(long, requires = "test_clock")]
    follow: bool,
}

/// Arguments of `migrate`.
#[derive(Debug, clap::Args)]
pub struct MigrateArguments {
    /// Shards of a new ledger; never changed afterwards.
    #[arg(long)]
    shards: Option<i64>,
    /// The party that runs the server.
    #[arg(long)]
    operator: Option<String>,
    /// ISO 4217 code of the coalition's money.
    #[arg(long)]
    currency: Option<String>,
    /// The time zone of settlement days.
    #[arg(long)]
    timezone: Option<String>,
}

/// Runs the server until it is told to stop.
pub fn run(arguments: Arguments, mut settings: Settings) -> Result<(), Failure> {
    telemetry::log(&settings.log);
    if let Some(listen) = arguments.listen {
        settings.listen = listen;
    }
    let clock = Arc::new(clock_of(arguments.test_clock.as_deref(), arguments.follow)?);
    if settings.address()?.kind() == Kind::Sqlite {
        server::set_up(&settings)?;
    }
    tracing::info!(settings = %settings.effective(), "the settings in force");
    let running = server::start(&settings, clock)?;
    say(&format!("coalition listens on {}; its API is described at {0}/docs", running.url()))?;
    running.wait_for_signal()?;
    tracing::info!("stopping: what waits is finished first");
    drop(running);
    Ok(())
}

fn clock_of(test_clock: Option<&str>, follow: bool) -> Result<Clock, Failure> {
    let from = match test_clock {
        None => return Ok(Clock::system()),
        Some("now") => system_now(),
        Some(text) => Instant::parse(text).ok_or_else(|| {
            Failure::Unreadable(format!("--test-clock: `{text}` is no RFC 3339 instant"))
        })?,
    };
    Ok(if follow { Clock::following(from) } else { Clock::set(from) })
}

/// Migrates the database and sets the coalition up.
pub fn migrate(arguments: MigrateArguments, mut settings: Settings) -> Result<(), Failure> {
    settings.shards = arguments.shards.or(settings.shards);
    let MigrateArguments { operator, currency, timezone, .. } = arguments;
    let coalition = &mut settings.coalition;
    coalition.operator = operator.unwrap_or_else(|| coalition.operator.clone());
    coalition.currency = currency.unwrap_or_else(|| coalition.currency.clone());
    coalition.timezone = timezone.unwrap_or_else(|| coalition.timezone.clone());
    let ran = server::set_up(&settings)?;
    if ran.is_empty() {
        return say("the schema is up to date");
    }
    ran.iter().try_for_each(|name| say(&format!("ran migration {name}")))
}
