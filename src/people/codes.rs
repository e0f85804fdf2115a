//! One-time codes: who has the phone says what it shows.
//!
//! Six digits, five tries, ten minutes, once. A code is not stored: an HMAC over it is, under a salt
//! of its own and the vault's key. Counting happens under row locks. The answer is the same whether
//! the phone is known or not.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::messages::Message;
use crate::auth::secrets::{new_id, random_bytes};
use crate::auth::vault::Vault;
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::time::Instant;
use crate::store::codes::{self, CodeRow};
use crate::store::names::{NameHash, member_hash};
use crate::store::{Database, StoreError, persons};

const SECOND: i64 = 1_000_000;

/// How often a code may be tried.
pub const TRIES_MAX: i64 = 5;

/// How long a code is of use, in microseconds.
pub const VALID_FOR: i64 = 600 * SECOND;

/// How long until another one may be asked for, in microseconds.
pub const RESEND_AFTER: i64 = 60 * SECOND;

/// Codes for a phone in an hour.
pub const OF_PHONE_MAX: usize = 5;

/// Codes of a party in a day.
pub const OF_PARTY_MAX: i64 = 200;

/// How long a confirmed code shows that a phone is somebody's, in microseconds.
pub const PROVES_FOR: i64 = 1_800 * SECOND;

/// For what a code is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeFor {
    /// Somebody enrols.
    Enrol,
    /// Somebody pays with points.
    Burn,
    /// Somebody signs in.
    Login,
}

impl CodeFor {
    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enrol => "enrol",
            Self::Burn => "burn",
            Self::Login => "login",
        }
    }
}

/// Why no code was made.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] crate::engine::EngineError),
    /// The last one was just made.
    #[error("a code was just sent; wait as Retry-After says")]
    TooSoon(i64),
    /// There were too many.
    #[error(
        "as many codes as may were sent for this phone or by your party; wait as Retry-After says"
    )]
    TooMany(i64),
}

/// A code that is asked for.
#[derive(Clone, Debug)]
pub struct Asking<'a> {
    /// Who asks.
    pub party: &'a PartyId,
    /// The phone.
    pub phone: &'a MemberName,
    /// For what.
    pub purpose: CodeFor,
    /// When.
    pub now: Instant,
}

/// A code that was made.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The challenge's id.
    pub id: String,
    /// When it is of no more use.
    pub expires_at: Instant,
    /// What is to be sent; none: nobody has this phone, and no more is said.
    pub message: Option<Message>,
}

fn phone_hash(vault: &Vault, phone: &MemberName) -> NameHash {
    member_hash(vault.names(), &NamedBy { party: None, name: phone.clone() })
}

/// Makes a code, within one transaction.
///
/// # Errors
/// If there were too many, or the database fails.
pub fn ask(
    connection: &mut Database,
    vault: &Vault,
    asking: &Asking<'_>,
    text: &str,
) -> Result<Asked, AskError> {
    let hash = phone_hash(vault, asking.phone);
    let now = asking.now;
    must_be_few(connection, vault, asking, &hash)?;
    let none = |_| StoreError::Damaged("there is no randomness".into());
    let id = format!("code_{}", new_id().map_err(none)?);
    let code = six_digits()?;
    let salt: [u8; 16] = random_bytes().map_err(none)?;
    let row = CodeRow {
        code: id.clone(),
        phone: hash.to_vec(),
        party: asking.party.to_string(),
        purpose: asking.purpose.name().to_owned(),
        salt: salt.to_vec(),
        mac: mac_of(vault, &salt, &id, &code).finalize().into_bytes().to_vec(),
        tries: 0,
        created_at: now.0,
        expires_at: now.plus_micros(VALID_FOR).0,
        confirmed_at: None,
    };
    codes::add(connection, &row)?;
    let is_known = persons::member_of(connection, &hash)?.is_some();
    let message = (is_known || asking.purpose == CodeFor::Enrol).then(|| Message {
        id: id.clone(),
        phone: match asking.phone {
            MemberName::Phone(phone) => phone.clone(),
            other => other.to_string(),
        },
        text: text.replace("{code}", &code),
        at: now,
    });
    Ok(Asked { id, expires_at: now.plus_micros(VALID_FOR), message })
}

fn must_be_few(
    connection: &mut Database,
    vault: &Vault,
    asking: &Asking<'_>,
    hash: &NameHash,
) -> Result<(), AskError> {
    let now = asking.now;
    // Always in this order: first the party's count, then the phone's.
    let party = vault.names().mac(&[b"codes of", asking.party.as_str().as_bytes()]);
    codes::lock(connection, &party[..16], now)?;
    codes::lock(connection, hash, now)?;
    let since = |micros: i64| now.plus_micros(-micros);
    let of_phone = codes::of_phone_since(connection, hash, since(3_600 * SECOND))?;
    let seconds_until = |at: Instant| ((at.0 - now.0 + SECOND - 1) / SECOND).max(1);
    if let Some(&last) = of_phone.last()
        && now < last.plus_micros(RESEND_AFTER)
    {
        return Err(AskError::TooSoon(seconds_until(last.plus_micros(RESEND_AFTER))));
    }
    if let Some(&first) = of_phone.iter().rev().nth(OF_PHONE_MAX - 1) {
        return Err(AskError::TooMany(seconds_until(first.plus_micros(3_600 * SECOND))));
    }
    let day = 86_400 * SECOND;
    let of_party = (asking.party.as_str(), since(day));
    let first = codes::of_party_since(connection, of_party.0, of_party.1, OF_PARTY_MAX - 1)?;
    match first {
        Some(first) => Err(AskError::TooMany(seconds_until(first.plus_micros(day)))),
        None => Ok(()),
    }
}

/// Six random digits, each number as likely as any other.
fn six_digits() -> Result<String, StoreError> {
    const NUMBERS: u32 = 1_000_000;
    loop {
        let bytes = random_bytes().map_err(|_| StoreError::Damaged("no randomness".into()))?;
        let number = u32::from_be_bytes(bytes);
        if number < u32::MAX - u32::MAX % NUMBERS {
            return Ok(format!("{:06}", number % NUMBERS));
        }
    }
}

fn mac_of(vault: &Vault, salt: &[u8], id: &str, code: &str) -> Hmac<Sha256> {
    let key = vault.names().mac(&[b"code", salt]);
    let mut mac = Hmac::new_from_slice(&key).expect("HMAC takes a key of any length");
    mac.update(id.as_bytes());
    mac.update(&[0]);
    mac.update(code.as_bytes());
    mac
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The code is right; the member whose phone it is, if it is known.
    Right(Option<MemberId>),
    /// It is not.
    Wrong {
        /// How often it may be tried still.
        left: i64,
    },
    /// It was tried too often.
    Locked,
    /// Its time is over, it was used, or a newer one was sent.
    Over,
    /// There is no such code of this party's.
    Unknown,
}

/// Tries a code, within one transaction, which must be committed whatever comes of it.
///
/// # Errors
/// If the database fails.
pub fn try_code(
    connection: &mut Database,
    vault: &Vault,
    (party, id): (&PartyId, &str),
    code: &str,
    now: Instant,
) -> Result<Tried, StoreError> {
    let there = codes::find(connection, id)?;
    if there.is_none_or(|row| row.party != party.as_str()) {
        return Ok(Tried::Unknown);
    }
    let may = codes::count_try(connection, id, TRIES_MAX, now)?;
    let Some(row) = codes::find(connection, id)? else { return Ok(Tried::Unknown) };
    if !may {
        let over = row.confirmed_at.is_some() || row.expires_at <= now.0;
        return Ok(if over { Tried::Over } else { Tried::Locked });
    }
    if mac_of(vault, &row.salt, id, code).verify_slice(&row.mac).is_err() {
        let left = TRIES_MAX - row.tries;
        return Ok(if left > 0 { Tried::Wrong { left } } else { Tried::Locked });
    }
    codes::confirm(connection, id, now)?;
    Ok(Tried::Right(persons::confirm(connection, &row.phone, now)?))
}

/// Whether a confirmed code of a party shows that a phone is somebody's.
///
/// # Errors
/// If the database fails.
pub fn proves(
    connection: &mut Database,
    vault: &Vault,
    (party, id): (&PartyId, &str),
    phone: &MemberName,
    now: Instant,
) -> Result<bool, StoreError> {
    let hash = phone_hash(vault, phone);
    Ok(codes::find(connection, id)?.is_some_and(|row| {
        let confirmed = row.confirmed_at.map(Instant);
        row.party == party.as_str()
            && row.phone == hash
            && confirmed.is_some_and(|at| now < at.plus_micros(PROVES_FOR))
    }))
}
