//! Signatures by Standard Webhooks 1.0.0: HMAC-SHA256 (`v1`) and Ed25519 (`v1a`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Bytes of a secret.
pub const SECRET_BYTES: usize = 32;

/// What an endpoint's calls are signed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// The shared secret.
    pub secret: Vec<u8>,
    /// The seed of the Ed25519 key.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for Secrets {
    /// Never shows what they are.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Secrets({})", self.public_text())
    }
}

impl Secrets {
    /// New ones.
    ///
    /// # Errors
    /// If the system has no randomness to give.
    pub fn random() -> Result<Self, getrandom::Error> {
        let secret = crate::auth::secrets::random_bytes::<SECRET_BYTES>()?.to_vec();
        Ok(Self { secret, seed: crate::auth::secrets::random_bytes()? })
    }

    /// The shared secret as receivers write it down: `whsec_…`.
    pub fn secret_text(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.secret))
    }

    /// The public key as receivers write it down: `whpk_…`.
    pub fn public_text(&self) -> String {
        let key = SigningKey::from_bytes(&self.seed);
        format!("whpk_{}", STANDARD.encode(key.verifying_key().as_bytes()))
    }

    /// Both signatures of a call, as they stand in `webhook-signature`.
    ///
    /// # Panics
    /// Never: HMAC takes keys of any length.
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let signed = format!("{id}.{timestamp}.{body}");
        let mut mac: Hmac<Sha256> =
            Hmac::new_from_slice(&self.secret).expect("HMAC takes keys of any length");
        mac.update(signed.as_bytes());
        let shared = STANDARD.encode(mac.finalize().into_bytes());
        let key = SigningKey::from_bytes(&self.seed);
        let own = STANDARD.encode(key.sign(signed.as_bytes()).to_bytes());
        format!("v1,{shared} v1a,{own}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_vectors_come_out() {
        for (secret, id, timestamp, body, signature) in [
            (
                "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
                "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
                1_649_367_553,
                r#"{"email":"test@example.com","username":"test_user"}"#,
                "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
            ),
            (
                "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "plJ3nmyCDGBKInavdOK15jsl",
                "msg_loFOjxBNrRLzqYUf",
                1_731_705_121,
                r#"{"event_type":"ping","data":{"success":true}}"#,
                "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
            ),
        ] {
            let secret = STANDARD.decode(secret).expect("base64");
            let secrets = Secrets { secret, seed: [7; 32] };
            let signed = secrets.sign(id, timestamp, body);
            assert_eq!(signed.split(' ').next(), Some(signature));
        }
    }

    #[test]
    fn the_public_key_verifies_what_the_seed_signs() {
        use ed25519_dalek::{Signature, Verifier as _, VerifyingKey};
        let secrets = Secrets::random().expect("randomness");
        let signed = secrets.sign("ev_0_1_0", 17, "{}");
        let own = signed.split(' ').nth(1).and_then(|one| one.strip_prefix("v1a,"));
        let own = STANDARD.decode(own.expect("a second signature")).expect("base64");
        let public = secrets.public_text();
        let public = STANDARD.decode(public.strip_prefix("whpk_").expect("it begins so"));
        let public: [u8; 32] = public.expect("base64").try_into().expect("32 bytes");
        let key = VerifyingKey::from_bytes(&public).expect("a key");
        let signature = Signature::from_slice(&own).expect("64 bytes");
        assert!(key.verify(b"ev_0_1_0.17.{}", &signature).is_ok());
        assert!(key.verify(b"ev_0_1_0.18.{}", &signature).is_err());
        assert!(!format!("{secrets:?}").contains(&secrets.secret_text()));
    }
}
