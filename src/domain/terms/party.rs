//! Parties and their signing keys.

use serde::{Deserialize, Serialize};

use super::Invalid;
use crate::bank::account::{Account, AccountError, Bank, Number};
use crate::domain::ids::{KeyId, PartyId};

/// What a party is in the coalition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// Owns programmes and keeps their pools.
    Brand,
    /// Posts card payments.
    Bank,
    /// Co-funds card earnings.
    PaymentSystem,
    /// Issues cards and shows balances.
    Wallet,
    /// Sells, earns and burns.
    Retailer,
    /// Compensates.
    ServiceCentre,
    /// Runs the server.
    Operator,
}

/// A legal entity in the coalition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its name in the API and in statements.
    pub id: PartyId,
    /// What it is.
    pub kind: PartyKind,
    /// Its name for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is paid, and pays from; the operator's is the clearing house's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountDocument>,
}

/// A bank account as written: an IBAN with a BIC, or a number with a BIC or a BIK.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountDocument {
    /// The holder's name, as the bank has it.
    pub name: String,
    /// The international number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iban: Option<String>,
    /// The national number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// The bank's international code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bic: Option<String>,
    /// The bank's Russian code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bik: Option<String>,
    /// The holder's tax number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_id: Option<String>,
}

impl AccountDocument {
    /// The account, if all of it is in order.
    ///
    /// # Errors
    /// The first thing that is not, with its place in the party's document.
    pub fn check(&self) -> Result<Account, Invalid> {
        let number = match (&self.iban, &self.number) {
            (Some(iban), None) => Number::Iban(iban.clone()),
            (None, Some(number)) => Number::Local(number.clone()),
            _ => return Err(Invalid::at("/account/iban", "write either `iban` or `number`")),
        };
        let bank = match (&self.bic, &self.bik) {
            (Some(bic), None) => Bank::Bic(bic.clone()),
            (None, Some(bik)) => Bank::Bik(bik.clone()),
            _ => return Err(Invalid::at("/account/bic", "write either `bic` or `bik`")),
        };
        Account::new(&self.name, number, bank, self.tax_id.clone()).map_err(|error| {
            let field = match &error {
                AccountError::Name => "name",
                AccountError::Iban(_) => "iban",
                AccountError::Local(_) | AccountError::Key { .. } => "number",
                AccountError::Bic(_) => "bic",
                AccountError::Bik(_) => "bik",
                AccountError::Inn(_) | AccountError::TaxId(_) => "tax_id",
            };
            Invalid::at(format!("/account/{field}"), error.to_string())
        })
    }
}

impl Party {
    /// Its bank account, where it gave one.
    pub fn bank_account(&self) -> Option<Account> {
        self.account.as_ref().and_then(|account| account.check().ok())
    }
}

/// How a key signs. Taken from the key's record, never from a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256 (RFC 9421 §3.3.3): both sides know the secret.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// Ed25519 (RFC 9421 §3.3.6): only the party can sign.
    #[serde(rename = "ed25519")]
    Ed25519,
}

impl Algorithm {
    /// The name in RFC 9421's registry.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::Ed25519 => "ed25519",
        }
    }
}

/// A signing key of a party.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// The `keyid` of signatures.
    pub id: KeyId,
    /// Whose it is.
    pub party: PartyId,
    /// How it signs.
    pub algorithm: Algorithm,
    /// The shared secret, or the public key; base64.
    pub material: String,
    /// Whether it may sign; a revoked key never signs again.
    pub active: bool,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Key({}, {}, active: {})", self.id, self.algorithm.name(), self.active)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_checked_and_the_place_is_told() {
        let right = AccountDocument {
            name: "Shop".to_owned(),
            iban: None,
            number: Some("40702810500000000002".to_owned()),
            bic: None,
            bik: Some("044525111".to_owned()),
            tax_id: Some("7707083893".to_owned()),
        };
        assert!(right.check().is_ok());
        let place = |change: fn(&mut AccountDocument)| {
            let mut document = right.clone();
            change(&mut document);
            document.check().expect_err("it is not in order").pointer
        };
        assert_eq!(place(|it| it.name.clear()), "/account/name");
        assert_eq!(place(|it| it.number = None), "/account/iban");
        assert_eq!(place(|it| it.bik = None), "/account/bic");
        assert_eq!(place(|it| it.bic = it.bik.clone()), "/account/bic");
        assert_eq!(place(|it| it.number = Some("1".to_owned())), "/account/number");
        assert_eq!(place(|it| it.bik = Some("044525112".to_owned())), "/account/number");
        assert_eq!(place(|it| it.tax_id = Some("7707083894".to_owned())), "/account/tax_id");
    }
}
