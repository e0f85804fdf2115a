//! When a call is made again: ten times over three days, and what an answer means.

use crate::domain::time::Instant;
use crate::outbound::{OutboundError, Reply};

/// How long after the call before each call is due, in seconds: at once, and nine times again.
const DELAYS: [i64; 10] = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// How much later than that, in thousandths at most, so that calls don't come in step.
const JITTER_THOUSANDTHS: i64 = 100;

/// The longest wait that a receiver is given when it asks for one, in seconds.
const RETRY_AFTER_MAX: i64 = 86_400;

/// How long an endpoint may fail without a success between, in microseconds: then it is disabled.
pub const FAILING_MAX: i64 = 3 * 86_400 * 1_000_000;

/// What an answer means for a delivery and its endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered,
    /// It did not; the receiver may want to be left alone for so many seconds.
    Failed(Option<i64>),
    /// The receiver wants no more calls, ever.
    Gone,
}

/// What came of a call: its meaning, the status if there was one, and why it failed, in short.
pub fn outcome_of(called: &Result<Reply, OutboundError>) -> (Outcome, Option<u16>, Option<String>) {
    match called {
        Ok(reply) => {
            let status = reply.status;
            let outcome = match status {
                200..=299 => Outcome::Delivered,
                410 => Outcome::Gone,
                429 | 502 | 503 | 504 => Outcome::Failed(reply.retry_after.map(|seconds| {
                    i64::try_from(seconds).unwrap_or(RETRY_AFTER_MAX).min(RETRY_AFTER_MAX)
                })),
                _ => Outcome::Failed(None),
            };
            let why = (outcome != Outcome::Delivered).then(|| format!("status {status}"));
            (outcome, Some(status), why)
        }
        Err(error) => {
            let why: String = error.to_string().chars().take(200).collect();
            (Outcome::Failed(None), None, Some(why))
        }
    }
}

/// When a delivery is due again that was tried so often, the last time now; none: never, it is dead.
/// `chance` is any number.
pub fn due_after(
    attempts: i64,
    now: Instant,
    retry_after: Option<i64>,
    chance: u32,
) -> Option<Instant> {
    let delay = usize::try_from(attempts).ok().and_then(|place| DELAYS.get(place))?;
    let thousandths = 1_000 + i64::from(chance) % (JITTER_THOUSANDTHS + 1);
    let own = delay * 1_000 * thousandths;
    let asked = retry_after.unwrap_or(0) * 1_000_000;
    Some(now.plus_micros(own.max(asked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn reply(status: u16, retry_after: Option<u64>) -> Reply {
        Reply { status, retry_after, body: String::new() }
    }

    #[test]
    fn ten_calls_in_three_days_each_a_little_late() {
        let mut now = Instant(0);
        let mut calls = 1;
        while let Some(due) = due_after(calls, now, None, 0) {
            let late = due_after(calls, now, None, 100).expect("it is due");
            let wait = due.0 - now.0;
            assert_eq!(late.0 - now.0, wait + wait / 10);
            now = due;
            calls += 1;
        }
        assert_eq!(calls, 10);
        assert_eq!(
            now.0 / SECOND,
            5 + 300 + 1_800 + 7_200 + 18_000 + 36_000 + 50_400 + 72_000 + 86_400
        );
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it() {
        let due = due_after(1, Instant(0), Some(600), 0);
        assert_eq!(due, Some(Instant(600 * SECOND)), "longer than the schedule");
        let due = due_after(2, Instant(0), Some(10), 0);
        assert_eq!(due, Some(Instant(300 * SECOND)), "the schedule is longer");
        let all = |status, after| outcome_of(&Ok(reply(status, after))).0;
        assert_eq!(all(429, Some(7)), Outcome::Failed(Some(7)));
        assert_eq!(all(503, Some(u64::MAX)), Outcome::Failed(Some(RETRY_AFTER_MAX)));
        assert_eq!(all(500, Some(7)), Outcome::Failed(None));
    }

    #[test]
    fn only_2xx_is_a_success_and_410_ends_it() {
        let all = |status| outcome_of(&Ok(reply(status, None))).0;
        assert_eq!(
            [200, 204, 299].map(all),
            [Outcome::Delivered, Outcome::Delivered, Outcome::Delivered]
        );
        for status in [100, 199, 300, 301, 302, 307, 400, 404, 500] {
            assert_eq!(all(status), Outcome::Failed(None), "{status}");
        }
        assert_eq!(all(410), Outcome::Gone);
    }
}
