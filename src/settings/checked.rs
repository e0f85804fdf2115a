//! The settings as the parts of the server take them, each within its range.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use rust_decimal::Decimal;

use super::{Settings, SettingsError};
use crate::auth::secrets;
use crate::domain::ids::SHARDS_MAX;
use crate::domain::terms::coalition::CoalitionDocument;
use crate::engine::{self, VaultKey};
use crate::http::app::{Limits, SlackSettings};
use crate::outbound::Reach;
use crate::people::messages::Sms;
use crate::people::phone::{Region, region_of};
use crate::store::{Address, Kind};
use crate::webhooks::Sending;

impl Settings {
    /// The seed of the key that signs statements, where a file names one.
    ///
    /// # Errors
    /// If the file can't be read, or does not hold 32 bytes in base64.
    pub fn log_key(&self) -> Result<Option<[u8; 32]>, SettingsError> {
        key_file("log_key_file", self.log_key_file.as_ref())
    }

    /// The master key of personal data, where a file names one.
    ///
    /// # Errors
    /// If the file can't be read, or does not hold 32 bytes in base64.
    pub fn vault_key(&self) -> Result<Option<VaultKey>, SettingsError> {
        let key = key_file("vault_key_file", self.vault_key_file.as_ref())?;
        Ok(key.map(VaultKey))
    }

    /// The region of phones that are written without a country.
    ///
    /// # Errors
    /// If there is no such region.
    pub fn region(&self) -> Result<Region, SettingsError> {
        region_of(&self.phone_region).ok_or_else(|| {
            let detail = "write two letters of ISO 3166, such as RU".to_owned();
            SettingsError::OutOfRange { name: "phone_region", detail }
        })
    }

    /// How codes are sent.
    ///
    /// # Errors
    /// If the text has no place for the code, or is too long.
    pub fn sms(&self) -> Result<Sms, SettingsError> {
        let fits = self.sms_text.contains("{code}") && self.sms_text.chars().count() <= 300;
        if !fits {
            let detail = "write at most 300 characters with {code} in them".to_owned();
            return Err(SettingsError::OutOfRange { name: "sms_text", detail });
        }
        let gateway = self.sms_url.clone().map(|url| (url, self.sms_token.clone()));
        Ok(Sms { gateway, text: self.sms_text.clone() })
    }

    /// The database.
    ///
    /// # Errors
    /// If its address is of no known form.
    pub fn address(&self) -> Result<Address, SettingsError> {
        Address::parse(&self.database).map_err(|error| SettingsError::OutOfRange {
            name: "database",
            detail: error.to_string(),
        })
    }

    /// Shards of a new ledger.
    ///
    /// # Errors
    /// If there are too many, or none.
    pub fn shards(&self) -> Result<i64, SettingsError> {
        let usual = if self.address()?.kind() == Kind::Sqlite { 1 } else { 16 };
        let shards = self.shards.unwrap_or(usual);
        in_range("shards", shards, 1, SHARDS_MAX)?;
        Ok(shards)
    }

    /// How the engine is built.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn engine(&self) -> Result<engine::Settings, SettingsError> {
        let address = self.address()?;
        let lanes = match address.kind() {
            Kind::Sqlite => 1,
            Kind::Postgres => self.lanes.unwrap_or(2),
        };
        in_range("lanes", lanes, 1, 64)?;
        in_range("readers", self.readers, 1, 256)?;
        in_range("queue_max", self.queue_max, 100, 1_000_000)?;
        in_range("batch_max", self.batch_max, 1, 10_000)?;
        Ok(engine::Settings {
            address,
            lanes,
            queue_max: self.queue_max,
            batch_max: self.batch_max,
            readers: self.readers,
            vault_key: self.vault_key()?,
        })
    }

    /// How Slack's commands are known.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn slack(&self) -> Result<SlackSettings, SettingsError> {
        let read = |path: &PathBuf| {
            let text = std::fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
            text.filter(|text| !text.is_empty()).ok_or_else(|| {
                let detail = "name a file with the signing secret of the app".to_owned();
                SettingsError::OutOfRange { name: "slack.secret_file", detail }
            })
        };
        let secret = self.slack.secret_file.as_ref().map(read).transpose()?;
        Ok(SlackSettings { secret, people: self.slack.people.clone().into_iter().collect() })
    }

    /// How webhooks are sent.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn sending(&self) -> Result<Sending, SettingsError> {
        in_range("webhook_timeout_seconds", self.webhook_timeout_seconds, 1, 30)?;
        let reach = if self.webhooks_private { Reach::Anywhere } else { Reach::Public };
        Ok(Sending { reach, timeout: Duration::from_secs(self.webhook_timeout_seconds) })
    }

    /// The limits of the API.
    ///
    /// # Errors
    /// If a setting is out of its range.
    pub fn limits(&self) -> Result<Limits, SettingsError> {
        in_range("body_bytes_max", self.body_bytes_max, 1024, 16 * 1024 * 1024)?;
        in_range("bulk_bytes_max", self.bulk_bytes_max, 1024, 64 * 1024 * 1024)?;
        in_range("bulk_lines_max", self.bulk_lines_max, 1, 100_000)?;
        in_range("page_max", self.page_max, 1, 1_000)?;
        let per_second = NonZeroU32::new(self.requests_per_second);
        let requests_per_second = per_second.ok_or_else(|| SettingsError::OutOfRange {
            name: "requests_per_second",
            detail: "use at least 1".to_owned(),
        })?;
        Ok(Limits {
            body_bytes_max: self.body_bytes_max,
            batch_bytes_max: self.bulk_bytes_max,
            batch_lines_max: self.bulk_lines_max,
            page_max: self.page_max,
            requests_per_second,
            break_money: decimal("break_approval_limit", &self.break_approval_limit)?,
            break_points: decimal("break_approval_points", &self.break_approval_points)?,
            webhooks_anywhere: self.webhooks_private,
        })
    }

    /// What the coalition is set up with.
    ///
    /// # Errors
    /// If the operator's id can't be one.
    pub fn coalition(&self) -> Result<CoalitionDocument, SettingsError> {
        let operator = self.coalition.operator.parse();
        let operator = operator.map_err(|error| SettingsError::OutOfRange {
            name: "coalition.operator",
            detail: format!("{error}"),
        })?;
        Ok(CoalitionDocument {
            operator,
            currency: self.coalition.currency.clone(),
            timezone: self.coalition.timezone.clone(),
            cycle: self.coalition.cycle,
        })
    }
}

/// 32 bytes in base64 of a file, where one is named.
fn key_file(name: &'static str, path: Option<&PathBuf>) -> Result<Option<[u8; 32]>, SettingsError> {
    let Some(path) = path else { return Ok(None) };
    let key = std::fs::read_to_string(path).ok();
    let key = key.and_then(|text| secrets::seed_of(&text));
    key.map(Some).ok_or_else(|| {
        let detail = "name a file with 32 bytes in base64".to_owned();
        SettingsError::OutOfRange { name, detail }
    })
}

/// A decimal that is not below zero.
fn decimal(name: &'static str, text: &str) -> Result<Decimal, SettingsError> {
    let read = Decimal::from_str_exact(text).ok().filter(|decimal| !decimal.is_sign_negative());
    read.ok_or_else(|| {
        let detail = "write a decimal from zero on, such as \"1000.00\"".to_owned();
        SettingsError::OutOfRange { name, detail }
    })
}

fn in_range<T: Copy + PartialOrd + std::fmt::Display>(
    name: &'static str,
    value: T,
    least: T,
    most: T,
) -> Result<(), SettingsError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(SettingsError::OutOfRange { name, detail: format!("use {least} to {most}") })
}
