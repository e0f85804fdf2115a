//! Measures this machine.

use crate::server::ServerError;

/// Arguments of `bench`.
#[derive(Debug, clap::Args)]
pub struct Arguments {}

/// Runs the measurements.
///
/// # Errors
/// If something needed is missing.
pub fn run(_arguments: &Arguments) -> Result<(), ServerError> {
    Ok(())
}
