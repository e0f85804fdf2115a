//! The only place of this crate that asks the system for the time.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Seconds since 1970 by the system's clock, for `created`.
#[expect(clippy::disallowed_methods, reason = "this is the place that may ask")]
pub fn unix_seconds() -> i64 {
    // A clock set before 1970 makes a signature that the server refuses as expired, and says why.
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_secs()).unwrap_or(i64::MAX)
}

/// The system's monotonic clock, for measuring durations.
#[expect(clippy::disallowed_methods, reason = "this is the place that may ask")]
pub fn instant() -> Instant {
    Instant::now()
}
