//! The server's address: what of it is signed must be what is sent as `Host`.

use crate::error::Error;

/// A server's address, in the form that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Host and port in lower case, without the scheme's default port.
    pub authority: String,
}

impl Address {
    /// Reads `http[s]://host[:port]`.
    pub fn parse(base_url: &str) -> Result<Self, Error> {
        let bad = || Error::BadAddress(base_url.to_owned());
        let text = base_url.trim_end_matches('/').to_ascii_lowercase();
        let (scheme, rest, default_port) = if let Some(rest) = text.strip_prefix("https://") {
            ("https", rest, ":443")
        } else if let Some(rest) = text.strip_prefix("http://") {
            ("http", rest, ":80")
        } else {
            return Err(bad());
        };
        let authority = rest.strip_suffix(default_port).unwrap_or(rest);
        let is_host = !authority.is_empty()
            && authority.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@".contains(&byte));
        if !is_host {
            return Err(bad());
        }
        Ok(Self { scheme, authority: authority.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_signed_in_lower_case_without_the_default_port() {
        let authority = |text| Address::parse(text).map(|address| address.authority).ok();
        assert_eq!(
            authority("https://Coalition.Example:443/").as_deref(),
            Some("coalition.example")
        );
        assert_eq!(authority("http://127.0.0.1:8080").as_deref(), Some("127.0.0.1:8080"));
        assert_eq!(authority("http://[::1]:80").as_deref(), Some("[::1]"));
        assert_eq!(authority("https://host:80").as_deref(), Some("host:80"));
    }

    #[test]
    fn an_address_has_no_path_and_no_user() {
        for text in ["host:1", "ftp://host", "http://", "https://host/api", "http://u:p@host"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
    }
}
