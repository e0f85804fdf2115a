//! An endpoint: its id, what it wants, what its calls are signed with.

use std::fmt;
use std::str::FromStr;

use super::sign::Secrets;
use crate::domain::ids::NameError;
use crate::domain::time::Instant;
use crate::store::StoreError;
use crate::store::webhooks::WebhookRow;

/// How long the secrets before a change sign beside the new ones, in microseconds.
pub const OVERLAP_MICROS: i64 = 24 * 3_600 * 1_000_000;

/// The id of an endpoint: random, so that it tells nothing. Printed `wh_` and 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebhookId(pub i64);

impl WebhookId {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let number = u64::from_be_bytes(crate::auth::secrets::random_bytes()?);
        Ok(Self(i64::try_from(number >> 1).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "wh_{:016x}", self.0)
    }
}

impl FromStr for WebhookId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let digits = text.strip_prefix("wh_").ok_or(NameError::NotId)?;
        let id = i64::from_str_radix(digits, 16).map(Self).map_err(|_| NameError::NotId)?;
        if id.to_string() == text { Ok(id) } else { Err(NameError::NotId) }
    }
}

/// Whether an endpoint that wants these types wants this one.
pub fn wants(types: &[String], kind: &str) -> bool {
    types.is_empty() || types.iter().any(|one| one == kind)
}

/// What an endpoint's calls are signed with now, the newest first.
///
/// # Errors
/// If the row was changed.
pub fn secrets_of(row: &WebhookRow, now: Instant) -> Result<Vec<Secrets>, StoreError> {
    let secrets = |secret: &Vec<u8>, seed: &Vec<u8>| {
        let seed = <[u8; 32]>::try_from(seed.as_slice());
        let damaged = |_| StoreError::Damaged("the key of a webhook".to_owned());
        Ok::<_, StoreError>(Secrets { secret: secret.clone(), seed: seed.map_err(damaged)? })
    };
    let mut all = vec![secrets(&row.secret, &row.seed)?];
    if let (Some(secret), Some(seed), Some(until)) = (&row.old_secret, &row.old_seed, row.old_until)
        && now.0 < until
    {
        all.push(secrets(secret, seed)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse() {
        let id = WebhookId(0x1234);
        assert_eq!(id.to_string(), "wh_0000000000001234");
        assert_eq!(id.to_string().parse(), Ok(id));
        let random = WebhookId::random().expect("randomness");
        assert_eq!(random.to_string().parse(), Ok(random));
        for text in
            ["wh_1234", "wh_", "000000000000001234", "wh_00000000000012zz", "wh_+000000000001234"]
        {
            assert!(text.parse::<WebhookId>().is_err(), "{text}");
        }
    }
}
