//! What commands print, and how they end.

use std::io::Write as _;
use std::process::ExitCode;

use crate::server::ServerError;
use crate::settings::SettingsError;
use crate::store::StoreError;

/// Why a command did not end well.
#[derive(Debug)]
pub enum Failure {
    /// The answer is no; exit code 1.
    No(String),
    /// Something given can't be read; exit code 2.
    Unreadable(String),
    /// Something needed can't be used; exit code 3.
    Unusable(String),
}

impl Failure {
    /// Says why, and gives the exit code.
    pub fn report(self) -> ExitCode {
        let (text, code) = match self {
            Self::No(text) => (text, 1),
            Self::Unreadable(text) => (text, 2),
            Self::Unusable(text) => (text, 3),
        };
        if !text.is_empty() {
            drop(writeln!(std::io::stderr(), "coalition: {text}"));
        }
        ExitCode::from(code)
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Unreadable(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Unusable(error.chain())
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Settings(error) => error.into(),
            ServerError::Store(error) => error.into(),
            other => Self::Unusable(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Unusable(error.to_string())
    }
}

/// Prints a line for people or for the next program.
///
/// # Errors
/// If nobody reads any more.
pub fn say(text: &str) -> Result<(), Failure> {
    Ok(writeln!(std::io::stdout(), "{text}")?)
}
