//! Who signs Apple passes: a certificate with its key, and what leads from it to Apple's root.

use std::path::Path;

use openssl::asn1::Asn1Time;
use openssl::bn::{BigNum, MsbOption};
use openssl::cms::{CMSOptions, CmsContentInfo};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509, X509Builder, X509NameBuilder, X509NameRef};

use crate::passes::PassError;

/// Bits of keys that are made here.
const KEY_BITS: u32 = 2_048;

/// Days for which certificates that are made here are good.
const DAYS: u32 = 365;

/// A certificate with its key.
pub struct Identity {
    certificate: X509,
    key: PKey<Private>,
    intermediate: X509,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Identity(…)")
    }
}

impl Identity {
    /// Reads certificate, key and intermediate certificate from PEM files.
    ///
    /// # Errors
    /// If one can't be read, or the key is not the certificate's.
    pub fn read(certificate: &Path, key: &Path, intermediate: &Path) -> Result<Self, PassError> {
        let bytes = |path: &Path| {
            std::fs::read(path).map_err(|_| PassError::File(path.display().to_string()))
        };
        let certificate = X509::from_pem(&bytes(certificate)?)?;
        let key = PKey::private_key_from_pem(&bytes(key)?)?;
        let intermediate = X509::from_pem(&bytes(intermediate)?)?;
        if !certificate.public_key()?.public_eq(&key) {
            return Err(PassError::KeyOfAnother);
        }
        Ok(Self { certificate, key, intermediate })
    }

    /// Makes a certificate under an authority of its own: enough to try everything but a phone.
    ///
    /// # Errors
    /// If OpenSSL fails.
    pub fn made(pass_type: &str, team: &str) -> Result<Self, PassError> {
        let root = PKey::from_rsa(Rsa::generate(KEY_BITS)?)?;
        let authority = named(&[("CN", "Coalition development authority")])?;
        let mut made = begun(&authority, &authority, &root)?;
        made.append_extension(BasicConstraints::new().critical().ca().build()?)?;
        made.append_extension(KeyUsage::new().key_cert_sign().crl_sign().build()?)?;
        made.sign(&root, MessageDigest::sha256())?;
        let intermediate = made.build();
        let key = PKey::from_rsa(Rsa::generate(KEY_BITS)?)?;
        let subject = named(&[("UID", pass_type), ("CN", pass_type), ("OU", team)])?;
        let mut made = begun(&subject, &authority, &key)?;
        made.append_extension(BasicConstraints::new().build()?)?;
        made.append_extension(KeyUsage::new().critical().digital_signature().build()?)?;
        made.sign(&root, MessageDigest::sha256())?;
        Ok(Self { certificate: made.build(), key, intermediate })
    }

    /// The certificate that issued the signing one, in PEM.
    ///
    /// # Errors
    /// If OpenSSL fails.
    pub fn intermediate_pem(&self) -> Result<Vec<u8>, PassError> {
        Ok(self.intermediate.to_pem()?)
    }

    /// The certificate, in PEM.
    ///
    /// # Errors
    /// If OpenSSL fails.
    pub fn certificate_pem(&self) -> Result<Vec<u8>, PassError> {
        Ok(self.certificate.to_pem()?)
    }

    /// Its private key, in PEM; for one that was made here.
    ///
    /// # Errors
    /// If OpenSSL fails.
    pub fn key_pem(&self) -> Result<Vec<u8>, PassError> {
        Ok(self.key.private_key_to_pem_pkcs8()?)
    }

    /// A detached signature (CMS `SignedData` in DER) with the time of signing and both
    /// certificates.
    ///
    /// # Errors
    /// If OpenSSL fails.
    pub fn sign(&self, content: &[u8]) -> Result<Vec<u8>, PassError> {
        let mut chain = Stack::new()?;
        chain.push(self.intermediate.clone())?;
        let flags = CMSOptions::BINARY | CMSOptions::DETACHED | CMSOptions::NOSMIMECAP;
        let signed = CmsContentInfo::sign(
            Some(&self.certificate),
            Some(&self.key),
            Some(&chain),
            Some(content),
            flags,
        )?;
        Ok(signed.to_der()?)
    }
}

fn named(parts: &[(&str, &str)]) -> Result<openssl::x509::X509Name, ErrorStack> {
    let mut name = X509NameBuilder::new()?;
    for (field, value) in parts {
        name.append_entry_by_text(field, value)?;
    }
    Ok(name.build())
}

fn begun(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKey<Private>,
) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut number = BigNum::new()?;
    number.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let number = number.to_asn1_integer()?;
    builder.set_serial_number(&number)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_pubkey(key)?;
    let (from, until) = (Asn1Time::days_from_now(0)?, Asn1Time::days_from_now(DAYS)?);
    builder.set_not_before(&from)?;
    builder.set_not_after(&until)?;
    Ok(builder)
}
