//! The demonstration: a made-up coalition at work.

use crate::server::ServerError;
use crate::settings::Settings;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs the demonstration.
///
/// # Errors
/// If the server can't be started.
pub fn run(_arguments: &Arguments, _settings: Settings) -> Result<(), ServerError> {
    Ok(())
}
