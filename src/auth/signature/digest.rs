//! Compares a body with its `Content-Digest`, RFC 9530.

use sha2::{Digest as _, Sha256, Sha512};

use super::fields::byte_sequences;
use super::{FieldLines, SignatureError};

/// Whether the digests of these lines are those of the body.
///
/// `sha-256` and `sha-512` are known, other members are ignored. At least one must be known, and
/// all that are known must agree.
///
/// # Errors
/// If there is no known digest, or one that disagrees.
pub fn check_digest(field: &FieldLines<'_>, body: &[u8]) -> Result<(), SignatureError> {
    let mismatch = |reason| Err(SignatureError::DigestMismatch(reason));
    let Some(field) = field.clone().joined()? else {
        return mismatch("the header is missing");
    };
    let Some(members) = byte_sequences(&field) else {
        return mismatch("the header is not a dictionary of different members");
    };
    let mut is_known = false;
    for (name, sent) in &members {
        let sent = sent.as_deref();
        let agrees = match *name {
            "sha-256" => sent == Some(&Sha256::digest(body)[..]),
            "sha-512" => sent == Some(&Sha512::digest(body)[..]),
            _ => continue,
        };
        if !agrees {
            return mismatch("hash exactly the bytes that are sent");
        }
        is_known = true;
    }
    if is_known { Ok(()) } else { mismatch("use sha-256 or sha-512") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &[u8] = b"{\"hello\": \"world\"}";
    const SHA_256: &str = "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
    const SHA_512: &str = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+\
                           AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

    fn check(lines: &[&str], body: &[u8]) -> Result<(), SignatureError> {
        check_digest(&lines.iter().map(|line| line.as_bytes()).collect(), body)
    }

    #[test]
    fn the_digests_of_rfc_9530_agree() {
        assert_eq!(check(&[SHA_256], HELLO), Ok(()));
        assert_eq!(check(&[SHA_512], HELLO), Ok(()));
        let with_newline = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
        assert_eq!(check(&[with_newline], b"{\"hello\": \"world\"}\n"), Ok(()));
        let empty = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        assert_eq!(check(&[empty], b""), Ok(()));
    }

    #[test]
    fn unknown_members_are_ignored_and_known_ones_must_all_agree() {
        assert_eq!(check(&[SHA_256, SHA_512], HELLO), Ok(()));
        assert_eq!(check(&["md5=:AAAA:, unixsum=7", SHA_256], HELLO), Ok(()));
        let other = "sha-512=:AAAA:";
        assert!(check(&[SHA_256, other], HELLO).is_err());
        assert!(check(&[other, SHA_256], HELLO).is_err());
    }

    #[test]
    fn a_digest_that_proves_nothing_is_refused() {
        let refused = [
            "",
            "md5=:AAAA:",
            "sha-256",
            "sha-256=()",
            "sha-256=\"X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=\"",
            "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=",
            "sha-256=::",
        ];
        for line in refused {
            assert!(check(&[line], HELLO).is_err(), "{line}");
        }
        assert!(check(&[], HELLO).is_err());
        // One of them agrees: whoever looks at the first or the last would be content.
        assert!(check(&["sha-256=:AAAA:", SHA_256], HELLO).is_err());
        assert!(check(&[SHA_256, "sha-256=:AAAA:"], HELLO).is_err());
    }

    #[test]
    fn every_changed_byte_of_a_body_is_noticed() {
        for place in 0..HELLO.len() {
            let mut body = HELLO.to_vec();
            body[place] ^= 1;
            assert!(check(&[SHA_256], &body).is_err() && check(&[SHA_512], &body).is_err());
        }
        assert!(check(&[SHA_256], &HELLO[1..]).is_err());
    }
}
