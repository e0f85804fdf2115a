//! The key that signs checkpoints and statements.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::connection::Database;
use super::{StoreError, configurations};
use crate::domain::ids::PartyId;
use crate::domain::log::note::Signer;

/// The setting that holds its seed: 32 bytes, in base64.
const LOG_KEY: &str = "log_key";

/// Puts a key there, unless there is one.
///
/// # Errors
/// If the database fails.
pub fn set_once(connection: &mut Database, seed: &[u8; 32]) -> Result<(), StoreError> {
    configurations::set_once(connection, LOG_KEY, &STANDARD.encode(seed)).map(drop)
}

/// The signer, under the operator's name.
///
/// # Errors
/// If the database is not set up, or the key was changed.
pub fn signer(connection: &mut Database, operator: &PartyId) -> Result<Signer, StoreError> {
    let text = configurations::setting(connection, LOG_KEY)?.ok_or_else(|| {
        StoreError::SetUp("there is no key for the log; run `coalition migrate`".into())
    })?;
    let damaged = || StoreError::Damaged("the key of the log".into());
    let seed = STANDARD.decode(text).map_err(|_| damaged())?;
    let seed: [u8; 32] = seed.try_into().map_err(|_| damaged())?;
    Signer::from_seed(operator.as_str(), &seed).map_err(|_| damaged())
}
