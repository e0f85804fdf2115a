//! Rotating codes: what a wallet shows in place of the bare number, for half a minute.
//!
//! The text is `v1.NUMBER.CODE`, where the code is that of RFC 6238 with HMAC-SHA-256, steps of 30
//! seconds and 8 digits.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::CardNumber;
use crate::domain::time::Instant;

/// Seconds of a step.
pub const STEP_SECONDS: i64 = 30;

/// Digits of a code.
pub const DIGITS: usize = 8;

/// Steps before and after the present one whose codes are taken: clocks differ, and queues move.
const STEPS_ASIDE: i64 = 1;

/// The version that the text begins with.
const VERSION: &str = "v1";

/// What a till read off a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The bare number.
    Number(CardNumber),
    /// A rotating code.
    Code {
        /// The card.
        number: CardNumber,
        /// The code.
        code: u32,
    },
}

impl Shown {
    /// Reads what a till scanned.
    pub fn parse(text: &str) -> Option<Self> {
        let Some(rest) = text.strip_prefix("v1.") else {
            return CardNumber::parse(text).map(Self::Number);
        };
        let (number, code) = rest.split_once('.')?;
        let is_code = code.len() == DIGITS && code.bytes().all(|byte| byte.is_ascii_digit());
        let code = code.parse().ok().filter(|_| is_code)?;
        Some(Self::Code { number: CardNumber::parse(number)?, code })
    }

    /// The card.
    pub const fn number(&self) -> &CardNumber {
        match self {
            Self::Number(number) | Self::Code { number, .. } => number,
        }
    }
}

/// The step of an instant.
pub const fn step_of(now: Instant) -> i64 {
    now.0.div_euclid(STEP_SECONDS * 1_000_000)
}

/// The code of a step under a key.
pub fn code_at(key: &[u8], step: i64) -> u32 {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is one");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest[digest.len() - 1] & 0x0f);
    let mut word = [0; 4];
    word.copy_from_slice(&digest[offset..offset + 4]);
    (u32::from_be_bytes(word) & 0x7fff_ffff) % 100_000_000
}

/// The text that a wallet shows at an instant.
pub fn text_at(number: &CardNumber, key: &[u8], now: Instant) -> String {
    format!("{VERSION}.{number}.{:08}", code_at(key, step_of(now)))
}

/// The step that a code is of, if it is one of those taken now and later than the last that was.
pub fn accepts(key: &[u8], code: u32, now: Instant, last: Option<i64>) -> Option<i64> {
    let present = step_of(now);
    let mut found = None;
    for step in present - STEPS_ASIDE..=present + STEPS_ASIDE {
        // All steps are computed whatever the first ones say: the time taken tells nothing.
        let difference = code_at(key, step) ^ code;
        if difference == 0 && last.is_none_or(|last| last < step) {
            found = Some(step);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890123456789012";

    #[test]
    fn codes_are_those_of_rfc_6238() {
        let vectors = [
            (59, 46_119_246),
            (1_111_111_109, 68_084_774),
            (1_111_111_111, 67_062_674),
            (1_234_567_890, 91_819_424),
            (2_000_000_000, 90_698_825),
            (20_000_000_000, 77_737_706),
        ];
        for (seconds, code) in vectors {
            let now = Instant(seconds * 1_000_000);
            assert_eq!(code_at(SEED, step_of(now)), code, "at {seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_one_step_aside_once_and_not_after_a_minute() {
        let at = |seconds: i64| Instant(seconds * 1_000_000);
        let step = step_of(at(1_200));
        let code = code_at(SEED, step);
        assert_eq!(accepts(SEED, code, at(1_200), None), Some(step));
        assert_eq!(accepts(SEED, code, at(1_170), None), Some(step), "a clock that is behind");
        assert_eq!(accepts(SEED, code, at(1_259), None), Some(step), "a slow queue");
        assert_eq!(accepts(SEED, code, at(1_260), None), None, "a screenshot");
        assert_eq!(accepts(SEED, code, at(1_169), None), None);
        assert_eq!(accepts(SEED, code, at(1_200), Some(step)), None, "shown again");
        assert_eq!(accepts(SEED, code, at(1_200), Some(step - 1)), Some(step));
        assert_eq!(accepts(SEED, code ^ 1, at(1_200), None), None);
    }

    #[test]
    fn what_is_scanned_is_a_number_or_a_code() {
        let number = CardNumber::parse("9643000000000004").expect("a number");
        assert_eq!(Shown::parse("9643 0000 0000 0004"), Some(Shown::Number(number.clone())));
        let text = text_at(&number, SEED, Instant(59_000_000));
        assert_eq!(text, "v1.9643000000000004.46119246");
        assert_eq!(Shown::parse(&text), Some(Shown::Code { number, code: 46_119_246 }));
        for text in [
            "v1.9643000000000004.4611924",
            "v1.9643000000000004.+6119246",
            "v1.9643000000000019.46119246",
            "v2.9643000000000004.46119246",
            "v1.9643000000000004",
        ] {
            assert_eq!(Shown::parse(text), None, "{text}");
        }
    }
}
