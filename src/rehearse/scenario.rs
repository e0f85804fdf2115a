//! A scenario file: a small coalition, steps, and what must come out.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::arguments::Arguments;
use super::verbs;
use crate::domain::terms::schedule::Period;
use crate::domain::time::Instant;
use crate::settings::CoalitionSettings;

/// Why a scenario file can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file can't be opened.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no scenario.
    #[error("{}: {detail}", path.display())]
    Text {
        /// Which.
        path: PathBuf,
        /// Line, column and what to write instead.
        detail: String,
    },
}

/// A scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows.
    pub name: String,
    /// The coalition.
    pub coalition: CoalitionSection,
    /// Its parties.
    pub parties: Vec<PartySection>,
    /// Settlement schedules, as in the API.
    #[serde(default)]
    pub schedules: Vec<Value>,
    /// Tables of VAT rates, as in the API.
    #[serde(default)]
    pub vat: Vec<Value>,
    /// Their programmes, as in the API.
    pub programmes: Vec<Value>,
    /// Their agreements, as in the API.
    #[serde(default)]
    pub agreements: Vec<Value>,
    /// Their exchanges, as in the API.
    #[serde(default)]
    pub exchanges: Vec<Value>,
    /// The members.
    #[serde(default)]
    pub members: Vec<MemberSection>,
    /// What happens.
    pub steps: Vec<Step>,
}

/// The coalition of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoalitionSection {
    operator: String,
    currency: String,
    timezone: String,
    #[serde(default)]
    cycle: Period,
}

impl CoalitionSection {
    /// As settings of a server.
    pub fn settings(&self) -> CoalitionSettings {
        CoalitionSettings {
            operator: self.operator.clone(),
            currency: self.currency.clone(),
            timezone: self.timezone.clone(),
            cycle: self.cycle,
        }
    }
}

/// A party of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartySection {
    /// Its id.
    pub id: String,
    /// Its kind.
    pub kind: String,
}

/// A member of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemberSection {
    /// Its name within the scenario.
    pub id: String,
    /// A phone.
    pub phone: Option<String>,
    /// An e-mail address.
    pub email: Option<String>,
    /// Card tokens.
    #[serde(default)]
    pub card_tokens: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// When, with an offset.
    pub at: String,
    /// Who signs; none: the operator asks.
    pub party: Option<String>,
    /// What is done.
    pub r#do: String,
    /// With which arguments.
    #[serde(default)]
    pub with: Arguments,
    /// What must come out.
    #[serde(default)]
    pub expect: Arguments,
}

impl Scenario {
    /// Reads a file.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let owned = path.to_path_buf();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ScenarioError::File { path: owned, source })?;
        let wrong = |detail| ScenarioError::Text { path: path.to_path_buf(), detail };
        let scenario: Self =
            serde_saphyr::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        for (place, step) in scenario.steps.iter().enumerate() {
            let number = place + 1;
            if Instant::parse(&step.at).is_none() {
                let at = &step.at;
                return Err(wrong(format!("step {number}: `{at}` is no instant with an offset")));
            }
            verbs::check(step).map_err(|text| wrong(format!("error: {text} (step {number})")))?;
        }
        Ok(scenario)
    }
}
