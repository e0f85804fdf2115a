//! Problems as the server writes them (RFC 9457), and every code that the contract names.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// Declares the codes once: the variant, its text, and its sentence.
macro_rules! refusal_codes {
    ($($variant:ident = $text:literal, $sentence:literal;)+) => {
        /// Why the server says no.
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum RefusalCode {
            $(#[doc = $sentence] $variant,)+
            /// A code that this version of the crate does not know; `http_502` and the like where
            /// the answer is no problem document, as from a proxy.
            Other(String),
        }

        impl RefusalCode {
            /// Every code that the contract names.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The code as the API spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for RefusalCode {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    _ => Self::Other(text.to_owned()),
                }
            }
        }
    };
}

refusal_codes! {
    InvalidRequest = "invalid_request", "The request does not follow the contract; see `errors`.";
    CardNumberRefused = "card_number_refused", "A card number stands where a token belongs.";
    IdempotencyKeyReused = "idempotency_key_reused", "The key was used with another body.";
    RateLimited = "rate_limited", "Too many requests; try again after `Retry-After`.";
    Overloaded = "overloaded", "The server has too much to do; try again after `Retry-After`.";
    SignatureMissing = "signature_missing", "The request carries no signature of this profile.";
    SignatureInvalid = "signature_invalid", "The signature or its key is not valid.";
    SignatureExpired = "signature_expired", "The signature is too old or from the future.";
    NonceReused = "nonce_reused", "The nonce was used before.";
    DigestMismatch = "digest_mismatch", "The body is not the one that `Content-Digest` names.";
    UnsupportedEncoding = "unsupported_encoding", "A signed body may not be compressed.";
    TokenInvalid = "token_invalid", "The operator's token is not valid.";
    RoleNotAllowed = "role_not_allowed", "The role may not do this.";
    NotFound = "not_found", "There is nothing here that the caller may see.";
    DuplicateReference = "duplicate_reference", "The party used the reference before.";
    UnknownMember = "unknown_member", "Nobody is known by this name.";
    UnknownCardToken = "unknown_card_token", "The card token belongs to no member.";
    OriginalNotFound = "original_not_found", "The party recorded no such original.";
    HoldFinished = "hold_finished", "The hold was captured or voided, or ran out.";
    NoAgreement = "no_agreement", "The party has no agreement with the programme.";
    ReportedTooLate = "reported_too_late", "It happened longer ago than the agreement takes.";
    ProgrammePaused = "programme_paused", "The programme is paused.";
    BurningNotOpen = "burning_not_open", "The programme is in its soft launch.";
    BurnBelowMinimum = "burn_below_minimum", "The burn is below the programme's minimum.";
    BurnLimitExceeded = "burn_limit_exceeded", "The burn is above the share that may be burned.";
    CaptureExceedsHold = "capture_exceeds_hold", "The capture is above what is held.";
    ExchangeTooSmall = "exchange_too_small", "The points are too few to give any in exchange.";
    InsufficientPoints = "insufficient_points", "The member has too few points available.";
    RefundExceedsOriginal = "refund_exceeds_original", "More is refunded than was bought.";
    LimitExceeded = "limit_exceeded", "A limit of the programme or agreement is reached.";
    UnknownCard = "unknown_card", "There is no card of this number that the caller may see.";
    CardNotActive = "card_not_active", "Points can't be used by the number of such a card.";
    ProgrammeIssuesNoCards = "programme_issues_no_cards", "The programme issues no cards.";
    CardFrozen = "card_frozen", "Somebody who stands higher froze the card.";
    CardEnded = "card_ended", "The card was replaced or closed.";
    CardNumbersUsedUp = "card_numbers_used_up", "No number is left under the prefix.";
    CodeRefused = "code_refused", "The rotating code is wrong, too old or was used.";
    CodeLocked = "code_locked", "Too many wrong codes of one card were shown.";
    PassTokenInvalid = "pass_token_invalid", "The request does not carry the token of the pass.";
    IdentifierTaken = "identifier_taken", "The identifier belongs to another member.";
    CycleNotOver = "cycle_not_over", "The cycle's day is not over.";
    WrongCycleState = "wrong_cycle_state", "The cycle or statement can't take this step now.";
    LedgerDiffers = "ledger_differs", "What was recorded is not what was signed.";
    TooManyKeys = "too_many_keys", "The party has two active keys already.";
    TestClockOff = "test_clock_off", "The server does not run on the test clock.";
}

impl fmt::Display for RefusalCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RefusalCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
    }
}

impl Serialize for RefusalCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A refusal as the server words it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// Which refusal it is.
    pub code: RefusalCode,
    /// What the refusal is, the same for every one of its code.
    #[serde(default)]
    pub title: String,
    /// What to do about this one.
    #[serde(default)]
    pub detail: String,
    /// The places of the request that are wrong.
    #[serde(default)]
    pub errors: Vec<FieldError>,
    /// Whatever else the server tells, `transaction` or `member` for instance.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// A place of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct FieldError {
    /// Where: a JSON pointer into the body, or the name of a parameter.
    #[serde(default)]
    pub pointer: String,
    /// What is wrong there.
    #[serde(default)]
    pub detail: String,
}

impl Problem {
    /// Reads an answer's body. One that is no problem document, as from a proxy between, becomes a
    /// problem with the code `http_{status}` and the beginning of the text.
    pub fn from_body(status: u16, body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| Self {
            status,
            code: RefusalCode::Other(format!("http_{status}")),
            title: "the answer is no problem document".to_owned(),
            detail: String::from_utf8_lossy(body).chars().take(200).collect(),
            errors: Vec::new(),
            extra: Map::new(),
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.status, self.code, self.detail)?;
        for error in &self.errors {
            write!(formatter, "; {}: {}", error.pointer, error.detail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_reads_as_it_is_written() {
        for code in RefusalCode::ALL {
            assert_eq!(&RefusalCode::from(code.as_str()), code);
        }
        assert_eq!(RefusalCode::from("new_one"), RefusalCode::Other("new_one".to_owned()));
    }

    #[test]
    fn a_problem_keeps_its_extensions() {
        let body = br#"{"type":"/problems/duplicate_reference","title":"t","status":409,
            "code":"duplicate_reference","detail":"d","transaction":"tx_0_12"}"#;
        let problem = Problem::from_body(409, body);
        assert_eq!(problem.code, RefusalCode::DuplicateReference);
        assert_eq!(problem.extra["transaction"], "tx_0_12");
    }

    #[test]
    fn the_page_of_a_proxy_is_a_problem_too() {
        let problem = Problem::from_body(502, b"<html>bad gateway</html>");
        assert_eq!(problem.to_string(), "502 http_502: <html>bad gateway</html>");
    }
}
