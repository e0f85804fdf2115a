//! Rehearsal: a scenario file, played through the HTTP API with signed requests, step by step.
//!
//! A run has an own, empty server with a clock of its own, which stands at each step's instant.
//! `docs/scenarios.md` describes the file.

mod arguments;
mod marketing;
mod names;
mod outcome;
mod people;
mod play;
mod scenario;
mod verbs;

use std::path::Path;
use std::sync::Arc;

pub use scenario::{Scenario, ScenarioError};

use crate::clock::Clock;
use crate::domain::time::Instant;
use crate::server::{self, ServerError};
use crate::settings::Settings;

/// Why a rehearsal did not end well.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    /// The file can't be read.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The server can't be started.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The client failed.
    #[error("a request could not be made: {0}")]
    Client(#[source] Box<coalition_partner::Error>),
    /// The configuration was refused.
    #[error("{what} was refused: {answer}")]
    Refused {
        /// What was sent.
        what: String,
        /// What came back.
        answer: String,
    },
    /// An expectation does not hold.
    #[error("{0}")]
    Differs(Box<Difference>),
}

/// An expectation that does not hold.
#[derive(Debug, thiserror::Error)]
#[error("step {step} ({at}, {operation}): {field}: expected {expected}, got {got}")]
pub struct Difference {
    /// Which step, from 1.
    pub step: usize,
    /// Its instant.
    pub at: String,
    /// What it did.
    pub operation: String,
    /// Which field.
    pub field: String,
    /// What should have come out.
    pub expected: String,
    /// What came out.
    pub got: String,
}

impl From<coalition_partner::Error> for RehearsalError {
    fn from(error: coalition_partner::Error) -> Self {
        Self::Client(Box::new(error))
    }
}

/// Reads a scenario file.
///
/// # Errors
/// If it can't be read; the message has line and column.
pub fn read(path: &Path) -> Result<Scenario, ScenarioError> {
    Scenario::read(path)
}

/// Plays a scenario on an empty database. Gives back how many steps held.
///
/// # Errors
/// At the first step whose expectations don't hold, or if the server fails.
pub fn rehearse(scenario: &Scenario, settings: &Settings) -> Result<usize, RehearsalError> {
    let mut settings = settings.clone();
    "127.0.0.1:0".clone_into(&mut settings.listen);
    // Nothing happens by itself but at the instant of a step.
    settings.settle_seconds = 0;
    settings.campaign_seconds = 0;
    settings.coalition = scenario.coalition.settings();
    server::set_up(&settings)?;
    let first = scenario.steps.first().and_then(|step| Instant::parse(&step.at));
    let clock = Arc::new(Clock::set(first.unwrap_or_default()));
    let running = server::start(&settings, clock)?;
    let mut play = play::Play::begin(scenario, &settings, &running)?;
    for (place, step) in scenario.steps.iter().enumerate() {
        play.step(place + 1, step)?;
    }
    Ok(scenario.steps.len())
}
