//! Settings of passes.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Passes for Apple Wallet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppleSettings {
    /// The identifier of the pass type, as in the certificate.
    pub pass_type: String,
    /// The team that the certificate was given to.
    pub team: String,
    /// Who issues the passes, for people.
    pub organization: String,
    /// The certificate of the pass type, in PEM; none: one is made at the start, which no phone
    /// trusts.
    pub certificate_file: Option<PathBuf>,
    /// Its private key, in PEM.
    pub key_file: Option<PathBuf>,
    /// Apple's intermediate certificate, in PEM.
    pub intermediate_file: Option<PathBuf>,
    /// Where phones reach `/wallet` of this server, such as `https://cards.example/wallet`; none:
    /// passes are not updated.
    pub web_service_url: Option<String>,
    /// The gateway that tells phones that a pass changed; none: they are not told.
    pub push_url: Option<String>,
    /// A file with the gateway's bearer token.
    pub push_token_file: Option<PathBuf>,
}

impl Default for AppleSettings {
    fn default() -> Self {
        Self {
            pass_type: "pass.invalid.coalition".to_owned(),
            team: "DEVELOPERS".to_owned(),
            organization: "Coalition".to_owned(),
            certificate_file: None,
            key_file: None,
            intermediate_file: None,
            web_service_url: None,
            push_url: None,
            push_token_file: None,
        }
    }
}

/// Passes for Google Wallet.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GoogleSettings {
    /// The issuer's number.
    pub issuer: String,
    /// The service account's address.
    pub account: String,
    /// Its private key, in PEM; none: one is made at the start, which Google does not know, and
    /// nothing is sent there.
    pub key_file: Option<PathBuf>,
    /// The sites on which the link may stand.
    pub origins: Vec<String>,
    /// Where objects are kept.
    pub api_url: String,
    /// Where tokens for that are had.
    pub token_url: String,
}

impl Default for GoogleSettings {
    fn default() -> Self {
        Self {
            issuer: "0".to_owned(),
            account: "development@coalition.invalid".to_owned(),
            key_file: None,
            origins: Vec::new(),
            api_url: "https://walletobjects.googleapis.com/walletobjects/v1".to_owned(),
            token_url: "https://oauth2.googleapis.com/token".to_owned(),
        }
    }
}
