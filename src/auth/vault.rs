//! The vault: keys for what is personal.
//!
//! One master key seals a key for each person, and a person's key seals all that is known of them
//! (AES-256-GCM; the associated data name the member and the place, so that nothing can be put
//! elsewhere). Without the person's key nobody reads what it sealed, so destroying the key is
//! erasing the person, wherever copies lie.
//!
//! Names that are personal are found by a hash under a key of the vault's, so that who has the
//! tables alone can't try phone numbers.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use openssl::symm::{Cipher, decrypt_aead, encrypt_aead};
use sha2::Sha256;

use super::secrets::random_bytes;
use crate::domain::ids::MemberId;

/// The form of what is sealed; its first byte.
const FORM: u8 = 1;

/// Bytes of a nonce.
const NONCE_BYTES: usize = 12;

/// Bytes of a tag.
const TAG_BYTES: usize = 16;

/// Why something can't be sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// The key is another, or the bytes were changed.
    #[error("what was sealed can't be opened: the key is another, or the bytes were changed")]
    CannotOpen,
    /// The system has no randomness, or the cipher failed.
    #[error("nothing can be sealed on this machine")]
    CannotSeal,
}

/// Where something sealed belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The person's key.
    Key,
    /// The profile.
    Profile,
    /// A name.
    Name,
}

impl Place {
    fn associated(self, member: MemberId) -> Vec<u8> {
        let place = match self {
            Self::Key => "key",
            Self::Profile => "profile",
            Self::Name => "name",
        };
        format!("coalition\0{place}\0{member}").into_bytes()
    }
}

/// A key under which names are hashed.
#[derive(Clone)]
pub struct NamesKey(Hmac<Sha256>);

impl fmt::Debug for NamesKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("NamesKey")
    }
}

impl NamesKey {
    /// HMAC-SHA-256 over parts, each ended by a zero byte, which no part contains.
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut state = self.0.clone();
        for part in parts {
            state.update(part);
            state.update(&[0]);
        }
        state.finalize().into_bytes().into()
    }
}

/// A person's key.
#[derive(Clone)]
pub struct PersonKey([u8; 32]);

impl fmt::Debug for PersonKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("PersonKey")
    }
}

impl PersonKey {
    /// A new one.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn new() -> Result<Self, VaultError> {
        random_bytes().map(Self).map_err(|_| VaultError::CannotSeal)
    }

    /// Seals something of the person's.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn seal(&self, member: MemberId, place: Place, text: &str) -> Result<Vec<u8>, VaultError> {
        seal(&self.0, &place.associated(member), text.as_bytes())
    }

    /// Opens what was sealed for this member and place.
    ///
    /// # Errors
    /// If it was not.
    pub fn open(
        &self,
        member: MemberId,
        place: Place,
        sealed: &[u8],
    ) -> Result<String, VaultError> {
        let bytes = open(&self.0, &place.associated(member), sealed)?;
        String::from_utf8(bytes).map_err(|_| VaultError::CannotOpen)
    }
}

/// The vault.
pub struct Vault {
    sealing: [u8; 32],
    names: NamesKey,
    check: [u8; 32],
}

impl fmt::Debug for Vault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Vault")
    }
}

impl Vault {
    /// The vault of a master key.
    pub fn new(master: &[u8; 32]) -> Self {
        let derived = |label: &str| -> [u8; 32] {
            let mut state = keyed(master);
            state.update(label.as_bytes());
            state.finalize().into_bytes().into()
        };
        Self {
            sealing: derived("coalition vault: keys of persons"),
            names: NamesKey(keyed(&derived("coalition vault: names"))),
            check: derived("coalition vault: check"),
        }
    }

    /// The key under which names are hashed.
    pub const fn names(&self) -> &NamesKey {
        &self.names
    }

    /// What tells one master key from another, and says nothing of it.
    pub const fn check(&self) -> &[u8; 32] {
        &self.check
    }

    /// Seals a person's key.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn seal_key(&self, member: MemberId, key: &PersonKey) -> Result<Vec<u8>, VaultError> {
        seal(&self.sealing, &Place::Key.associated(member), &key.0)
    }

    /// Opens a person's key.
    ///
    /// # Errors
    /// If it is not the key of this member under this vault.
    pub fn open_key(&self, member: MemberId, sealed: &[u8]) -> Result<PersonKey, VaultError> {
        let bytes = open(&self.sealing, &Place::Key.associated(member), sealed)?;
        bytes.try_into().map(PersonKey).map_err(|_| VaultError::CannotOpen)
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn seal(key: &[u8; 32], associated: &[u8], bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
    let nonce: [u8; NONCE_BYTES] = random_bytes().map_err(|_| VaultError::CannotSeal)?;
    let mut tag = [0_u8; TAG_BYTES];
    let cipher = Cipher::aes_256_gcm();
    let sealed = encrypt_aead(cipher, key, Some(&nonce), associated, bytes, &mut tag)
        .map_err(|_| VaultError::CannotSeal)?;
    let mut all = Vec::with_capacity(1 + NONCE_BYTES + sealed.len() + TAG_BYTES);
    all.push(FORM);
    all.extend(nonce);
    all.extend(sealed);
    all.extend(tag);
    Ok(all)
}

fn open(key: &[u8; 32], associated: &[u8], sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (&form, rest) = sealed.split_first().ok_or(VaultError::CannotOpen)?;
    if form != FORM || rest.len() < NONCE_BYTES + TAG_BYTES {
        return Err(VaultError::CannotOpen);
    }
    let (nonce, rest) = rest.split_at(NONCE_BYTES);
    let (bytes, tag) = rest.split_at(rest.len() - TAG_BYTES);
    decrypt_aead(Cipher::aes_256_gcm(), key, Some(nonce), associated, bytes, tag)
        .map_err(|_| VaultError::CannotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::ShardId;

    #[test]
    fn what_is_sealed_opens_in_its_place_alone() {
        let vault = Vault::new(&[7; 32]);
        let (anna, boris) = (MemberId::new(ShardId(0), 1), MemberId::new(ShardId(0), 2));
        let key = PersonKey::new().expect("there is randomness");
        let stored = vault.seal_key(anna, &key).expect("it can be sealed");
        let again = vault.open_key(anna, &stored).expect("it is hers");
        let sealed = key.seal(anna, Place::Name, "phone:+79160000001").expect("it can be sealed");
        assert!(!sealed.windows(4).any(|part| part == b"7916"), "nothing stands in clear");
        let opened = again.open(anna, Place::Name, &sealed);
        assert_eq!(opened.as_deref(), Ok("phone:+79160000001"));
        assert_eq!(again.open(boris, Place::Name, &sealed), Err(VaultError::CannotOpen));
        assert_eq!(again.open(anna, Place::Profile, &sealed), Err(VaultError::CannotOpen));
        assert!(vault.open_key(boris, &stored).is_err());
        assert!(Vault::new(&[8; 32]).open_key(anna, &stored).is_err());
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(again.open(anna, Place::Name, &changed).is_err(), "byte {place}");
        }
        assert!(again.open(anna, Place::Name, &sealed[..20]).is_err());
        assert_ne!(sealed, key.seal(anna, Place::Name, "phone:+79160000001").expect("sealed"));
    }

    #[test]
    fn names_are_hashed_under_the_vault() {
        let (one, other) = (Vault::new(&[1; 32]), Vault::new(&[2; 32]));
        let parts: &[&[u8]] = &[b"member", b"", b"phone:+79160000001"];
        assert_eq!(one.names().mac(parts), Vault::new(&[1; 32]).names().mac(parts));
        assert_ne!(one.names().mac(parts), other.names().mac(parts));
        assert_ne!(one.check(), other.check());
        assert_eq!(format!("{one:?} {:?}", one.names()), "Vault NamesKey");
    }
}
