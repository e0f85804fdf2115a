//! Calls to other people's servers: webhooks, messages, push. Every call has a time limit, follows
//! no redirect and reads a bounded answer.
//!
//! A partner chooses where its webhooks go, so such calls must not reach what stands behind the
//! server: the addresses are judged after the name was resolved, and those judged are the ones
//! connected to.

use std::io::Read as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ureq::Agent;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: u64 = 64 * 1024;

/// Where calls may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Anywhere: the operator names the address.
    Anywhere,
    /// Only public addresses: a partner names it.
    Public,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
    /// The beginning of the body.
    pub body: String,
}

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The address is private, or of no use.
    #[error("the address is not a public one")]
    NotPublic,
    /// No connection, no answer in time, or no HTTP.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// Makes calls.
#[derive(Clone, Debug)]
pub struct Outbound {
    agent: Agent,
}

impl Outbound {
    /// For calls that may go so far and take so long.
    pub fn new(reach: Reach, timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent("coalition")
            .proxy(None)
            .build();
        let resolver = Judging { reach, inner: DefaultResolver::default() };
        Self { agent: Agent::with_parts(config, DefaultConnector::default(), resolver) }
    }

    /// Posts a body.
    ///
    /// # Errors
    /// If the address is not allowed, or there is no answer. Any status is an answer.
    pub fn post(
        &self,
        url: &str,
        headers: &[(&str, String)],
        body: &[u8],
    ) -> Result<Reply, OutboundError> {
        let mut request = self.agent.post(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send(body).map_err(|error| match error {
            ureq::Error::Io(inner) if inner.kind() == std::io::ErrorKind::PermissionDenied => {
                OutboundError::NotPublic
            }
            other => OutboundError::NoAnswer(other.to_string()),
        })?;
        let header = answer.headers().get("retry-after");
        let retry_after = header.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        let mut body = answer.into_body().into_reader().take(ANSWER_BYTES_MAX);
        body.read_to_end(&mut bytes).map_err(|error| OutboundError::NoAnswer(error.to_string()))?;
        Ok(Reply { status, retry_after, body: String::from_utf8_lossy(&bytes).into_owned() })
    }
}

/// Resolves names, and leaves out what must not be reached.
#[derive(Debug)]
struct Judging {
    reach: Reach,
    inner: DefaultResolver,
}

impl Resolver for Judging {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout)?;
        // One private address among others is a trick as well.
        if self.reach == Reach::Public && !found.iter().all(|one| is_public(one.ip())) {
            return Err(ureq::Error::Io(std::io::ErrorKind::PermissionDenied.into()));
        }
        Ok(found)
    }
}

/// Whether an address belongs to the public internet (IANA's special-purpose registries).
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or_else(|| is_public_v6(v6), is_public_v4),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    // Only 2000::/3 is given out; within it documentation, 6to4, Teredo and other tunnels that lead
    // back to IPv4 are left out.
    let [a, b, ..] = address.segments();
    let is_given_out = a & 0xe000 == 0x2000;
    let special = (a == 0x2001 && (b < 0x0200 || b == 0x0db8)) || a == 0x2002 || a == 0x3fff;
    is_given_out && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for text in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "100.64.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "2001:db8::1",
            "2002:a00:1::1",
            "64:ff9b::a00:1",
        ] {
            assert!(!is_public(text.parse().expect("an address")), "{text}");
        }
        for text in ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8"] {
            assert!(is_public(text.parse().expect("an address")), "{text}");
        }
    }

    #[test]
    fn a_partners_call_does_not_reach_this_machine() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let public = Outbound::new(Reach::Public, Duration::from_secs(2));
        let refused = public.post(&url, &[], b"{}");
        assert!(matches!(refused, Err(OutboundError::NotPublic)), "{refused:?}");
        listener.set_nonblocking(true).expect("it can be");
        assert!(listener.accept().is_err(), "nobody called");
    }
}
