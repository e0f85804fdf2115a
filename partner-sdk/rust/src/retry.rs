//! Decides whether and when a request is tried again; sends nothing itself.

use std::time::Duration;

/// How often and how patiently a request is repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// All attempts together, the first included; at least 1.
    pub attempts_max: u32,
    /// The pause after the first failed attempt; it doubles with each further one.
    pub first_pause: Duration,
    /// No pause of our own choice is longer.
    pub pause_max: Duration,
    /// A longer `Retry-After` is cut to this.
    pub retry_after_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 8,
            first_pause: Duration::from_millis(200),
            pause_max: Duration::from_secs(10),
            retry_after_max: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// One attempt and no more.
    pub fn never() -> Self {
        Self { attempts_max: 1, ..Self::default() }
    }

    /// The pause after failed attempt number `attempt` (from 1).
    ///
    /// A `Retry-After` is honoured as a minimum. Without one the pause lies between the half and
    /// the whole of an exponentially growing limit, by `random`, so that the clients of a server
    /// that comes back do not all return in the same instant.
    pub fn pause(&self, attempt: u32, retry_after: Option<Duration>, random: u64) -> Duration {
        let doublings = attempt.saturating_sub(1).min(16);
        let limit = self.first_pause.saturating_mul(1 << doublings).min(self.pause_max);
        let half_nanos = u64::try_from(limit.as_nanos() / 2).unwrap_or(u64::MAX);
        let jitter = Duration::from_nanos(random.checked_rem(half_nanos).unwrap_or(0));
        match retry_after {
            // The jitter stays here too: all the clients were told the same number.
            Some(told) => told.min(self.retry_after_max) + jitter.min(told / 4),
            None => limit / 2 + jitter,
        }
    }
}

/// Whether the same request may well be answered otherwise a little later.
///
/// A 409 is final (say, a duplicate reference) unless it carries `Retry-After`: then the first
/// attempt under the same idempotency key is still running.
pub fn is_retryable(status: u16, has_retry_after: bool) -> bool {
    matches!(status, 429 | 502 | 503 | 504) || (status == 409 && has_retry_after)
}

/// Reads `Retry-After` in seconds; the form with a date is left to the exponential pause.
pub fn parse_retry_after(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause(1, None, 0), Duration::from_millis(100));
        assert_eq!(policy.pause(3, None, 0), Duration::from_millis(400));
        assert_eq!(policy.pause(30, None, 0), Duration::from_secs(5));
        assert!(policy.pause(30, None, u64::MAX) <= Duration::from_secs(10));
    }

    #[test]
    fn retry_after_is_honoured_and_capped() {
        let policy = RetryPolicy::default();
        let told = |seconds| policy.pause(1, Some(Duration::from_secs(seconds)), 0);
        assert_eq!(told(3), Duration::from_secs(3));
        assert_eq!(told(3600), Duration::from_secs(30));
        assert_eq!(parse_retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), None);
    }

    #[test]
    fn a_final_conflict_is_not_retried() {
        assert!(!is_retryable(409, false));
        assert!(is_retryable(409, true));
        assert!(is_retryable(503, false));
        assert!(!is_retryable(401, false));
        assert!(!is_retryable(500, true));
    }
}
