//! The master key of the vault, and what tells whether it is the right one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::connection::Database;
use super::{StoreError, configurations};
use crate::auth::vault::Vault;

/// The setting that holds the key, 32 bytes in base64, where no file does.
const VAULT_KEY: &str = "vault_key";

/// The setting that tells whether a key is the one that was used first.
const VAULT_CHECK: &str = "vault_check";

/// Sets the vault up, unless it is. A key that a file provides stays out of the database.
///
/// # Errors
/// If the database fails, or the file's key is not the one that was used before.
pub fn set_up(
    connection: &mut Database,
    from_file: Option<&[u8; 32]>,
    fresh: &[u8; 32],
) -> Result<(), StoreError> {
    if from_file.is_none() && configurations::setting(connection, VAULT_CHECK)?.is_none() {
        configurations::set_once(connection, VAULT_KEY, &STANDARD.encode(fresh))?;
    }
    let vault = read(connection, from_file)?;
    let check = STANDARD.encode(vault.check());
    let there = configurations::set_once(connection, VAULT_CHECK, &check)?;
    if there == check { Ok(()) } else { Err(other_key()) }
}

/// The vault.
///
/// # Errors
/// If the database is not set up, or the key is not the one that was used before.
pub fn open(connection: &mut Database, from_file: Option<&[u8; 32]>) -> Result<Vault, StoreError> {
    let vault = read(connection, from_file)?;
    let there = configurations::setting(connection, VAULT_CHECK)?;
    if there == Some(STANDARD.encode(vault.check())) { Ok(vault) } else { Err(other_key()) }
}

fn read(connection: &mut Database, from_file: Option<&[u8; 32]>) -> Result<Vault, StoreError> {
    if let Some(key) = from_file {
        return Ok(Vault::new(key));
    }
    let text = configurations::setting(connection, VAULT_KEY)?.ok_or_else(|| {
        let text = "there is no key of the vault; name its file, or run `coalition migrate`";
        StoreError::SetUp(text.into())
    })?;
    let key = STANDARD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    key.map(|key| Vault::new(&key))
        .ok_or_else(|| StoreError::Damaged("the key of the vault".into()))
}

fn other_key() -> StoreError {
    StoreError::SetUp("this is not the key of the vault that the personal data are under".into())
}
