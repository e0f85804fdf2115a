//! Slash commands of Slack: their signature, and what they ask.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// How far a command's timestamp may be from now, in seconds.
const TOLERANCE: i64 = 300;

/// The most characters of an answer.
const ANSWER_CHARS_MAX: usize = 3_000;

/// Whether a command is Slack's and of now: version 0 of its signature, over the bytes of the body as
/// they came.
pub fn is_signed(
    secret: &str,
    (timestamp, signature): (&str, &str),
    body: &[u8],
    now: i64,
) -> bool {
    let Ok(at) = timestamp.parse::<i64>() else { return false };
    if now.saturating_sub(at).saturating_abs() > TOLERANCE {
        return false;
    }
    let signature = signature.strip_prefix("v0=").and_then(|digits| hex::decode(digits).ok());
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes());
    let (Some(signature), Ok(mut mac)) = (signature, mac) else { return false };
    mac.update(b"v0:");
    mac.update(timestamp.as_bytes());
    mac.update(b":");
    mac.update(body);
    // This compares in constant time.
    mac.verify_slice(&signature).is_ok()
}

/// Sentences as one answer.
pub fn answer(says: &[String]) -> String {
    let text = says.join("\n");
    // What comes from the ledger is not to be read as Slack's own marks.
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    if text.chars().count() <= ANSWER_CHARS_MAX {
        return text;
    }
    text.chars().take(ANSWER_CHARS_MAX).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const AT: i64 = 1_531_420_618;
    const BODY: &[u8] =
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&\
        channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&\
        command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2F\
        T1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.\
        803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    #[test]
    fn the_published_vector_verifies_for_five_minutes() {
        let check =
            |body: &[u8], signature, now| is_signed(SECRET, ("1531420618", signature), body, now);
        for now in [AT, AT - 300, AT + 300] {
            assert!(check(BODY, SIGNATURE, now));
        }
        for now in [AT - 301, AT + 301] {
            assert!(!check(BODY, SIGNATURE, now));
        }
        assert!(!check(&BODY[1..], SIGNATURE, AT));
        for signature in ["", "v0=", &SIGNATURE[3..], "v0=zz", &SIGNATURE[..60]] {
            assert!(!check(BODY, signature, AT), "{signature}");
        }
        assert!(!is_signed(SECRET, ("1531420619", SIGNATURE), BODY, AT));
        assert!(!is_signed("another", ("1531420618", SIGNATURE), BODY, AT));
        assert!(!is_signed(SECRET, ("soon", SIGNATURE), BODY, AT));
    }

    #[test]
    fn an_answer_is_short_and_has_no_marks() {
        assert_eq!(answer(&["a <b> & c".to_owned(), "d".to_owned()]), "a &lt;b&gt; &amp; c\nd");
        assert_eq!(answer(&["x".repeat(5_000)]).chars().count(), 3_001);
    }
}
