//! Google's interface, by which objects are kept up to date.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use openssl::pkey::{PKey, Private};
use serde_json::{Value, json};

use super::signed;
use crate::clock::unix_now;
use crate::outbound::{Outbound, Reach};
use crate::passes::PassError;
use crate::passes::settings::GoogleSettings;

/// What a call may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Seconds for which a token is asked for; it is renewed a minute earlier.
const TOKEN_SECONDS: i64 = 3_600;

/// What may be done with a token.
const SCOPE: &str = "https://www.googleapis.com/auth/wallet_object.issuer";

/// Where classes and objects are kept.
pub trait GoogleApi: Send + Sync {
    /// Changes what is kept under an id, or adds it; `kind` is `loyaltyClass` or `loyaltyObject`.
    ///
    /// # Errors
    /// If it was not taken.
    fn put(&self, kind: &str, id: &str, body: &Value) -> Result<(), PassError>;
}

/// The interface over HTTP.
pub struct OverHttp {
    outbound: Outbound,
    settings: GoogleSettings,
    key: PKey<Private>,
    token: Mutex<Option<(String, i64)>>,
}

impl OverHttp {
    /// For one service account.
    pub fn new(settings: &GoogleSettings, key: PKey<Private>) -> Self {
        let outbound = Outbound::new(Reach::Anywhere, TIMEOUT);
        Self { outbound, settings: settings.clone(), key, token: Mutex::new(None) }
    }

    fn token(&self) -> Result<String, PassError> {
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let now = unix_now();
        if let Some((token, until)) = &*token
            && now < *until
        {
            return Ok(token.clone());
        }
        let claims = json!({
            "iss": self.settings.account,
            "scope": SCOPE,
            "aud": self.settings.token_url,
            "iat": now,
            "exp": now + TOKEN_SECONDS,
        });
        let assertion = signed(&claims, &self.key)?;
        let grant = "urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer";
        let form = format!("grant_type={grant}&assertion={assertion}");
        let media_type = "application/x-www-form-urlencoded".to_owned();
        let headers = [("content-type", media_type)];
        let reply = self.outbound.post(&self.settings.token_url, &headers, form.as_bytes())?;
        let body: Option<Value> = serde_json::from_str(&reply.body).ok();
        let text = body.as_ref().and_then(|body| body["access_token"].as_str());
        let fresh = text.filter(|_| reply.status == 200);
        let fresh = fresh.ok_or(PassError::Refused(reply.status))?.to_owned();
        *token = Some((fresh.clone(), now + TOKEN_SECONDS - 60));
        Ok(fresh)
    }

    fn call(&self, url: &str, is_change: bool, body: &Value) -> Result<u16, PassError> {
        let mut headers = vec![
            ("authorization", format!("Bearer {}", self.token()?)),
            ("content-type", "application/json".to_owned()),
        ];
        if is_change {
            headers.push(("x-http-method-override", "PATCH".to_owned()));
        }
        let reply = self.outbound.post(url, &headers, body.to_string().as_bytes())?;
        if reply.status == 401 {
            *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        Ok(reply.status)
    }
}

impl GoogleApi for OverHttp {
    fn put(&self, kind: &str, id: &str, body: &Value) -> Result<(), PassError> {
        let all = format!("{}/{kind}", self.settings.api_url);
        let status = match self.call(&format!("{all}/{id}"), true, body)? {
            404 => self.call(&all, false, body)?,
            status => status,
        };
        if (200..300).contains(&status) { Ok(()) } else { Err(PassError::Refused(status)) }
    }
}
