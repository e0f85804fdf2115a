//! Checking what the server sends to webhooks, by Standard Webhooks 1.0.0.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use thiserror::Error;

/// How far a call's timestamp may be from now, in seconds.
const TOLERANCE: i64 = 300;

/// Why a call is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WebhookError {
    /// The key is none.
    #[error("use the whsec_ or whpk_ text that the server showed")]
    BadKey,
    /// A header is missing, or can't be read.
    #[error("the headers webhook-id, webhook-timestamp and webhook-signature are needed")]
    BadHeaders,
    /// The call was signed too long ago, or ahead of now.
    #[error("the call was not signed within five minutes of now")]
    Timestamp,
    /// No signature is of this key and this body.
    #[error("no signature of the call verifies")]
    Signature,
}

/// The key that calls are checked with: a shared secret or the server's public key.
#[derive(Clone)]
pub struct WebhookKey(Kind);

#[derive(Clone)]
enum Kind {
    Shared(Vec<u8>),
    Public(VerifyingKey),
}

/// The headers of a call, as they came; none: the header is missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebhookHeaders<'a> {
    /// `webhook-id`: the event's id. Who has seen it drops the call.
    pub id: Option<&'a str>,
    /// `webhook-timestamp`.
    pub timestamp: Option<&'a str>,
    /// `webhook-signature`.
    pub signature: Option<&'a str>,
}

impl std::fmt::Debug for WebhookKey {
    /// Never shows the key.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("WebhookKey")
    }
}

impl WebhookKey {
    /// Reads a `whsec_…` secret or a `whpk_…` public key.
    ///
    /// # Errors
    /// If it is neither.
    pub fn new(text: &str) -> Result<Self, WebhookError> {
        let bytes = |text: &str| STANDARD.decode(text).map_err(|_| WebhookError::BadKey);
        if let Some(public) = text.strip_prefix("whpk_") {
            let key: [u8; 32] = bytes(public)?.try_into().map_err(|_| WebhookError::BadKey)?;
            let key = VerifyingKey::from_bytes(&key).map_err(|_| WebhookError::BadKey)?;
            return Ok(Self(Kind::Public(key)));
        }
        let secret = bytes(text.strip_prefix("whsec_").unwrap_or(text))?;
        if secret.is_empty() { Err(WebhookError::BadKey) } else { Ok(Self(Kind::Shared(secret))) }
    }

    /// Checks a call: the bytes of its body as they came, before anything is parsed. `now` is the
    /// time in seconds since 1970. Gives back the event's id.
    ///
    /// # Errors
    /// If the call is not the server's, or not of now.
    pub fn verify<'a>(
        &self,
        headers: WebhookHeaders<'a>,
        body: &[u8],
        now: i64,
    ) -> Result<&'a str, WebhookError> {
        let WebhookHeaders { id: Some(id), timestamp: Some(timestamp), signature: Some(signed) } =
            headers
        else {
            return Err(WebhookError::BadHeaders);
        };
        let at: i64 = timestamp.parse().map_err(|_| WebhookError::BadHeaders)?;
        if now.saturating_sub(at).saturating_abs() > TOLERANCE {
            return Err(WebhookError::Timestamp);
        }
        let content = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let is_good = signed.split(' ').any(|one| self.fits(one, &content));
        if is_good { Ok(id) } else { Err(WebhookError::Signature) }
    }

    fn fits(&self, signed: &str, content: &[u8]) -> bool {
        let Some((version, signature)) = signed.split_once(',') else { return false };
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        match (&self.0, version) {
            (Kind::Shared(secret), "v1") => {
                let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return false };
                mac.update(content);
                // This compares in constant time.
                mac.verify_slice(&signature).is_ok()
            }
            (Kind::Public(key), "v1a") => Signature::from_slice(&signature)
                .is_ok_and(|signature| key.verify(content, &signature).is_ok()),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    const ID: &str = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
    const AT: i64 = 1_649_367_553;
    const BODY: &[u8] = br#"{"email":"test@example.com","username":"test_user"}"#;
    const GOOD: &str = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";

    fn check(signature: &str, now: i64) -> Result<&str, WebhookError> {
        let signature = Some(signature);
        let headers = WebhookHeaders { id: Some(ID), timestamp: Some("1649367553"), signature };
        WebhookKey::new(SECRET).expect("a secret").verify(headers, BODY, now)
    }

    #[test]
    fn the_published_vectors_verify() {
        assert_eq!(check(GOOD, AT), Ok(ID));
        let others = [
            (
                "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "whsec_plJ3nmyCDGBKInavdOK15jsl",
                "msg_loFOjxBNrRLzqYUf",
                1_731_705_121,
                r#"{"event_type":"ping","data":{"success":true}}"#,
                "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
            ),
        ];
        for (secret, id, at, body, signature) in others {
            let timestamp = at.to_string();
            let (timestamp, signature) = (Some(timestamp.as_str()), Some(signature));
            let headers = WebhookHeaders { id: Some(id), timestamp, signature };
            let key = WebhookKey::new(secret).expect("a secret");
            assert_eq!(key.verify(headers, body.as_bytes(), at), Ok(id));
        }
    }

    #[test]
    fn one_good_signature_among_others_is_enough() {
        let several = format!("v1,AAAA v1a,{} {GOOD} v2,AAAA", &GOOD[3..]);
        assert_eq!(check(&several, AT), Ok(ID));
    }

    #[test]
    fn what_is_not_the_servers_is_refused() {
        for signature in ["v1,", "v1", "", &GOOD[..GOOD.len() - 5], "v1a,AAAA", &GOOD[3..]] {
            assert_eq!(check(signature, AT), Err(WebhookError::Signature), "{signature}");
        }
        for now in [AT - 301, AT + 301] {
            assert_eq!(check(GOOD, now), Err(WebhookError::Timestamp));
        }
        for now in [AT - 300, AT + 300] {
            assert_eq!(check(GOOD, now), Ok(ID));
        }
        let key = WebhookKey::new(SECRET).expect("a secret");
        let all =
            WebhookHeaders { id: Some(ID), timestamp: Some("1649367553"), signature: Some(GOOD) };
        for headers in [
            WebhookHeaders { id: None, ..all },
            WebhookHeaders { timestamp: None, ..all },
            WebhookHeaders { timestamp: Some("soon"), ..all },
            WebhookHeaders { signature: None, ..all },
        ] {
            assert_eq!(key.verify(headers, BODY, AT), Err(WebhookError::BadHeaders));
        }
        assert_eq!(key.verify(all, b"{}", AT), Err(WebhookError::Signature));
        for text in ["whsec_", "whsec_!", "whpk_AAAA"] {
            assert!(WebhookKey::new(text).is_err(), "{text}");
        }
    }
}
