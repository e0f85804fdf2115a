//! Where webhooks may go: an `https` address that a partner may name.

use std::net::IpAddr;

use ureq::http::Uri;

use crate::outbound::is_public;

/// The most bytes of an address.
pub const URL_BYTES_MAX: usize = 1_000;

/// The ports that partners' addresses may have.
const PORTS: [u16; 2] = [443, 8443];

/// Checks an address. In development (`anywhere`) any host, port and `http` will do.
///
/// # Errors
/// If it can't be used, with what to write instead.
pub fn check(url: &str, anywhere: bool) -> Result<(), &'static str> {
    if url.len() > URL_BYTES_MAX {
        return Err("use an address of at most 1000 bytes");
    }
    let visible = url.bytes().all(|byte| byte.is_ascii_graphic());
    let uri: Uri = url.parse().map_err(|_| "write an address such as https://example.org/hook")?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err("write an address such as https://example.org/hook");
    };
    if !visible || url.contains('#') || authority.as_str().contains('@') {
        return Err("write the address without a user, a fragment or spaces");
    }
    if anywhere {
        return match scheme {
            "https" | "http" => Ok(()),
            _ => Err("use https"),
        };
    }
    if scheme != "https" {
        return Err("use https");
    }
    if !PORTS.contains(&authority.port_u16().unwrap_or(443)) {
        return Err("use port 443 or 8443");
    }
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let is_private = host.parse::<IpAddr>().is_ok_and(|address| !is_public(address));
    if is_private || host.is_empty() || host.eq_ignore_ascii_case("localhost") {
        return Err("use the address of a public server");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_https_addresses_will_do() {
        for url in
            ["https://example.org/hook", "https://example.org:8443/a?b=c", "https://8.8.8.8/"]
        {
            assert_eq!(check(url, false), Ok(()), "{url}");
        }
        for url in [
            "http://example.org/hook",
            "https://user@example.org/",
            "https://example.org/#a",
            "https://example.org:22/",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://169.254.169.254/latest",
            "https://localhost/",
            "ftp://example.org/",
            "example.org",
            "/hook",
            "",
        ] {
            assert!(check(url, false).is_err(), "{url}");
        }
        assert_eq!(check("http://127.0.0.1:4711/hook", true), Ok(()));
        assert!(check("ftp://127.0.0.1/", true).is_err());
        assert!(check(&format!("https://example.org/{}", "a".repeat(1_000)), false).is_err());
    }
}
