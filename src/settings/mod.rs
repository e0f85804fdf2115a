//! Settings: from a file, the environment and flags, in this order; checked once.
//!
//! The file is TOML (`--config FILE`, or `coalition.toml` where there is one). The environment
//! has each setting in capitals with the prefix `COALITION_`, and `__` between a section and its
//! setting: `COALITION_DATABASE`, `COALITION_COALITION__CURRENCY`.

mod checked;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::terms::schedule::Period;
use crate::passes::settings::{AppleSettings, GoogleSettings};

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file or the environment can't be read.
    #[error("the settings can't be read: {0}")]
    Unreadable(#[from] config::ConfigError),
    /// A setting is out of its range.
    #[error("the setting `{name}`: {detail}")]
    OutOfRange {
        /// Which.
        name: &'static str,
        /// What to write instead.
        detail: String,
    },
}

/// What the coalition is set up with, the first time.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoalitionSettings {
    /// The party that runs the server.
    pub operator: String,
    /// ISO 4217 code of the money.
    pub currency: String,
    /// The zone of settlement days.
    pub timezone: String,
    /// How often accounts are settled: `daily`, `weekly`, `half_monthly` or `monthly`.
    pub cycle: Period,
}

impl Default for CoalitionSettings {
    fn default() -> Self {
        let text = str::to_owned;
        Self {
            operator: text("clearing"),
            currency: text("RUB"),
            timezone: text("Europe/Moscow"),
            cycle: Period::Daily,
        }
    }
}

/// Slack's slash commands.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlackDocument {
    /// A file with the app's signing secret; none: no command is taken.
    pub secret_file: Option<PathBuf>,
    /// The names of those who may ask, by Slack's ids of them.
    pub people: BTreeMap<String, String>,
}

/// All settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// `sqlite:PATH` or `postgres://…`.
    pub database: String,
    /// Where to listen.
    pub listen: String,
    /// The names under which partners address the server, as in `Host`; none: any.
    pub authorities: Vec<String>,
    /// Shards of a new ledger; by default 1 on SQLite and 16 on PostgreSQL.
    pub shards: Option<i64>,
    /// Threads that commit; by default 1 on SQLite and 2 on PostgreSQL.
    pub lanes: Option<usize>,
    /// Threads that serve HTTP; by default one for each core.
    pub workers: Option<usize>,
    /// Connections that read.
    pub readers: u32,
    /// The most commands that wait.
    pub queue_max: usize,
    /// The most commands of a batch.
    pub batch_max: usize,
    /// Bytes of a single request's body.
    pub body_bytes_max: usize,
    /// Bytes of a bulk call's body.
    pub bulk_bytes_max: usize,
    /// Lines of a bulk call.
    pub bulk_lines_max: usize,
    /// Entries of a page.
    pub page_max: i64,
    /// Requests a second under one key.
    pub requests_per_second: u32,
    /// Seconds between two looks at what expired.
    pub expiry_seconds: u64,
    /// Seconds between two looks at cycles that are over; 0: they are closed by hand only.
    pub settle_seconds: u64,
    /// Seconds between two looks at campaigns, notices and reminders; 0: nothing of these happens
    /// by itself.
    pub campaign_seconds: u64,
    /// Money at stake in a break of a reconciliation, or in an open item, that one person may settle
    /// alone.
    pub break_approval_limit: String,
    /// Points at stake in a break of a reconciliation that one person may settle alone.
    pub break_approval_points: String,
    /// Days for which answers are kept under their keys.
    pub answers_days: u32,
    /// For development: webhooks may go to any address, and by http.
    pub webhooks_private: bool,
    /// Seconds that a call of a webhook may take.
    pub webhook_timeout_seconds: u64,
    /// A file with the seed of the key that signs statements, 32 bytes in base64, for a new ledger;
    /// none: a new key is made.
    pub log_key_file: Option<PathBuf>,
    /// Seconds between two looks at passes on phones; 0: they are not kept up to date.
    pub passes_seconds: u64,
    /// Passes for Apple Wallet.
    pub apple: AppleSettings,
    /// Passes for Google Wallet.
    pub google: GoogleSettings,
    /// A file with the master key of personal data, 32 bytes in base64, which then stays out of the
    /// database; none: a key is made once and kept in the database.
    pub vault_key_file: Option<PathBuf>,
    /// The region of phones that are written without a country, as two letters of ISO 3166.
    pub phone_region: String,
    /// Where one-time codes are posted to be sent as text messages; none: no codes are sent.
    pub sms_url: Option<String>,
    /// The bearer token for that address.
    pub sms_token: Option<String>,
    /// The text of the message; `{code}` stands for the code.
    pub sms_text: String,
    /// What is logged, in the words of tracing's filters.
    pub log: String,
    /// Slack's slash commands.
    pub slack: SlackDocument,
    /// What the coalition is set up with, the first time.
    pub coalition: CoalitionSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            database: "sqlite:coalition.db".to_owned(),
            listen: "127.0.0.1:8080".to_owned(),
            authorities: Vec::new(),
            shards: None,
            lanes: None,
            workers: None,
            readers: 4,
            queue_max: 20_000,
            batch_max: 1_000,
            body_bytes_max: 64 * 1024,
            bulk_bytes_max: 8 * 1024 * 1024,
            bulk_lines_max: 10_000,
            page_max: 200,
            requests_per_second: 100_000,
            expiry_seconds: 10,
            settle_seconds: 30,
            campaign_seconds: 1,
            break_approval_limit: "1000.00".to_owned(),
            break_approval_points: "1000".to_owned(),
            answers_days: 400,
            webhooks_private: false,
            webhook_timeout_seconds: 15,
            log_key_file: None,
            passes_seconds: 2,
            apple: AppleSettings::default(),
            google: GoogleSettings::default(),
            vault_key_file: None,
            phone_region: "RU".to_owned(),
            sms_url: None,
            sms_token: None,
            sms_text: "{code} is your code. Tell it to the cashier only if you asked for it."
                .to_owned(),
            log: "info".to_owned(),
            slack: SlackDocument::default(),
            coalition: CoalitionSettings::default(),
        }
    }
}

impl Settings {
    /// Reads the file and the environment.
    ///
    /// # Errors
    /// If one can't be read or says something unknown.
    pub fn read(file: Option<PathBuf>) -> Result<Self, SettingsError> {
        let source = match file {
            Some(file) => config::File::from(file).required(true),
            None => config::File::with_name("coalition.toml").required(false),
        };
        let environment = config::Environment::with_prefix("COALITION")
            .prefix_separator("_")
            .separator("__")
            .list_separator(",")
            .with_list_parse_key("authorities")
            .with_list_parse_key("google.origins")
            .try_parsing(true)
            .ignore_empty(true)
            .source(Some(known_environment()));
        let read = config::Config::builder()
            .add_source(source.format(config::FileFormat::Toml))
            .add_source(environment)
            .build()?;
        Ok(read.try_deserialize()?)
    }

    /// The settings in force as text, the database's password and tokens left out.
    pub fn effective(&self) -> String {
        let mut shown = self.clone();
        shown.sms_token = shown.sms_token.map(|_| "***".to_owned());
        if let Some((scheme, rest)) = shown.database.split_once("://")
            && let Some((user, host)) = rest.rsplit_once('@')
        {
            let user = user.split(':').next().unwrap_or_default();
            shown.database = format!("{scheme}://{user}:***@{host}");
        }
        serde_json::to_string_pretty(&shown).expect("settings are plain data")
    }
}

/// The environment without variables of other programs of this project.
fn known_environment() -> config::Map<String, String> {
    const FOREIGN: &[&str] = &[
        "COALITION_CLOSING_SECONDS",
        "COALITION_FAULT",
        "COALITION_KEY",
        "COALITION_KEY_ALGORITHM",
        "COALITION_KEY_FILE",
        "COALITION_KEY_ID",
        "COALITION_KILLS",
        "COALITION_PG_BIN",
        "COALITION_SERVER",
        "COALITION_SHARED",
        "COALITION_TOKEN",
        "COALITION_TOOLS",
    ];
    std::env::vars().filter(|(name, _)| !FOREIGN.contains(&name.as_str())).collect()
}
