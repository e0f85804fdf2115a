//! Passes for Apple Wallet: store cards in signed packages.

pub mod document;
mod identity;
mod pictures;

use std::io::{Cursor, Write as _};
use std::sync::OnceLock;

use openssl::sha::sha1;
use serde_json::{Map, Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub use identity::Identity;

use super::PassError;
use super::settings::AppleSettings;
use crate::domain::terms::card::{CardTerms, Colour};
use document::Content;

/// The media type of a package.
pub const MEDIA_TYPE: &str = "application/vnd.apple.pkpass";

/// Makes packages.
#[derive(Debug)]
pub struct Apple {
    /// The settings.
    pub settings: AppleSettings,
    identity: OnceLock<Identity>,
}

impl Apple {
    /// Reads the certificate where files name one; otherwise one is made when it is first needed.
    ///
    /// # Errors
    /// If a file can't be read, or only some of them are named.
    pub fn new(settings: &AppleSettings) -> Result<Self, PassError> {
        let identity = OnceLock::new();
        let AppleSettings { certificate_file, key_file, intermediate_file, .. } = settings;
        match (certificate_file, key_file, intermediate_file) {
            (Some(certificate), Some(key), Some(intermediate)) => {
                // The cell is new, so that this is the first.
                drop(identity.set(Identity::read(certificate, key, intermediate)?));
            }
            (None, None, None) => {}
            _ => return Err(PassError::HalfAnIdentity),
        }
        Ok(Self { settings: settings.clone(), identity })
    }

    /// Who signs.
    ///
    /// # Errors
    /// If none was named and none can be made.
    pub fn identity(&self) -> Result<&Identity, PassError> {
        if let Some(identity) = self.identity.get() {
            return Ok(identity);
        }
        tracing::warn!("no certificate is set for passes: one is made, which no phone trusts");
        let made = Identity::made(&self.settings.pass_type, &self.settings.team)?;
        Ok(self.identity.get_or_init(|| made))
    }

    /// The package of a pass; `token` lets its holder's phone ask for updates.
    ///
    /// # Errors
    /// If it can't be signed or written.
    pub fn package(&self, content: &Content<'_>, token: &str) -> Result<Vec<u8>, PassError> {
        let mut pass = document::document(content, &self.settings);
        if let Some(url) = &self.settings.web_service_url {
            pass.insert("webServiceURL".into(), json!(url));
            pass.insert("authenticationToken".into(), json!(token));
        }
        let mut files = vec![
            ("pass.json".to_owned(), Value::Object(pass).to_string().into_bytes()),
            ("en.lproj/pass.strings".to_owned(), document::words(false).into_bytes()),
            ("ru.lproj/pass.strings".to_owned(), document::words(true).into_bytes()),
        ];
        let (background, text) = colours(content.terms);
        files.extend(pictures::pictures(background, text)?);
        let hashes = files
            .iter()
            .map(|(name, bytes)| (name.clone(), Value::String(hex::encode(sha1(bytes)))));
        let manifest = Value::Object(hashes.collect::<Map<_, _>>()).to_string().into_bytes();
        let signature = self.identity()?.sign(&manifest)?;
        files.push(("manifest.json".to_owned(), manifest));
        files.push(("signature".to_owned(), signature));
        zipped(&files)
    }
}

fn colours(terms: Option<&CardTerms>) -> (Colour, Colour) {
    let white = Colour([255; 3]);
    terms.map_or((white, white.readable()), |terms| (terms.background, terms.text))
}

fn zipped(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, PassError> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let begun = writer.start_file(name.as_str(), SimpleFileOptions::default());
        begun.map_err(|_| PassError::Package)?;
        writer.write_all(bytes).map_err(|_| PassError::Package)?;
    }
    Ok(writer.finish().map_err(|_| PassError::Package)?.into_inner())
}
