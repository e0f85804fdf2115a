//! Passes for Google Wallet: classes and objects, and the signed link that saves one.

mod api;
pub mod object;

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;
use serde_json::{Value, json};

pub use api::{GoogleApi, OverHttp};

use super::PassError;
use super::settings::GoogleSettings;

/// Where a signed link leads.
const SAVE_URL: &str = "https://pay.google.com/gp/v/save/";

/// Bits of a key that is made here.
const KEY_BITS: u32 = 2_048;

/// Makes objects and links.
pub struct Google {
    /// The settings.
    pub settings: GoogleSettings,
    key: OnceLock<PKey<Private>>,
    /// Where objects are kept; none: nowhere but in links.
    pub api: Option<Box<dyn GoogleApi>>,
}

impl std::fmt::Debug for Google {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Google({:?})", self.settings.issuer)
    }
}

impl Google {
    /// Reads the account's key where a file names one; otherwise one is made when it is first
    /// needed.
    ///
    /// # Errors
    /// If the file can't be read.
    pub fn new(settings: &GoogleSettings) -> Result<Self, PassError> {
        let key = OnceLock::new();
        let mut api: Option<Box<dyn GoogleApi>> = None;
        if let Some(path) = &settings.key_file {
            let text = std::fs::read(path);
            let text = text.map_err(|_| PassError::File(path.display().to_string()))?;
            let read = PKey::private_key_from_pem(&text)?;
            api = Some(Box::new(OverHttp::new(settings, read.clone())));
            // The cell is new, so that this is the first.
            drop(key.set(read));
        }
        Ok(Self { settings: settings.clone(), key, api })
    }

    /// The key of the service account.
    ///
    /// # Errors
    /// If none was named and none can be made.
    pub fn key(&self) -> Result<&PKey<Private>, PassError> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        tracing::warn!("no key is set for Google passes: one is made, which Google does not know");
        let made = PKey::from_rsa(Rsa::generate(KEY_BITS)?)?;
        Ok(self.key.get_or_init(|| made))
    }

    /// The link that saves a card. Where Google keeps no classes for us, the link brings it along.
    ///
    /// # Errors
    /// If it can't be signed.
    pub fn save_link(&self, class: &Value, object: &Value, now: i64) -> Result<String, PassError> {
        let mut payload = json!({"loyaltyObjects": [object]});
        if self.api.is_none() {
            payload["loyaltyClasses"] = json!([class]);
        }
        let claims = json!({
            "iss": self.settings.account,
            "aud": "google",
            "typ": "savetowallet",
            "iat": now,
            "origins": self.settings.origins,
            "payload": payload,
        });
        Ok(format!("{SAVE_URL}{}", signed(&claims, self.key()?)?))
    }
}

/// A JSON Web Token with RS256 (RFC 7515, RFC 7518 §3.3).
///
/// # Errors
/// If OpenSSL fails.
pub fn signed(claims: &Value, key: &PKey<Private>) -> Result<String, PassError> {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({"alg": "RS256", "typ": "JWT"})), part(claims));
    let mut signer = Signer::new(MessageDigest::sha256(), key)?;
    let signature = signer.sign_oneshot_to_vec(text.as_bytes())?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
