//! What a run goes by: the range, the lags that were agreed, and what the list says of itself.

use serde::{Deserialize, Serialize};

use crate::domain::amount::{Money, Points};
use crate::domain::time::{Instant, Zone};

/// What a list says of itself, in its control line or beside it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// How many lines it has.
    pub lines: Option<u64>,
    /// The sum of its amounts, with their signs.
    pub amount: Option<Money>,
    /// The sum of its points, with their signs.
    pub points: Option<Points>,
    /// The range that it covers: from, and up to but without.
    pub range: Option<(Instant, Instant)>,
}

/// What a run goes by. Spans are microseconds.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The range of the run: from, and up to but without.
    pub range: (Instant, Instant),
    /// The calendar in which dates are compared.
    pub zone: Zone,
    /// How far apart the two clocks may be: for matching by amount and time, and before a date on
    /// the other side of midnight counts as another date.
    pub time_window: i64,
    /// How long a line of theirs may take to get here.
    pub lag_here: i64,
    /// How long a line of ours may take to get into their list.
    pub lag_there: i64,
    /// The instant of the run.
    pub now: Instant,
    /// What the list says of itself.
    pub control: Option<Control>,
    /// Whether a list that says nothing of itself is incomplete.
    pub requires_control: bool,
    /// How many of ours in a row, before their first line or after their last one, show that the
    /// list is not the whole range. A list whose control agrees is believed.
    pub gap_lines: u64,
    /// How many breaks are listed, and as many pending lines. The others are only counted.
    pub breaks_max: usize,
}

impl Rules {
    /// The rules of a range, with a window of five minutes, a lag of a day on each side, 20 lines
    /// for a gap and 100,000 listed breaks.
    pub const fn of(range: (Instant, Instant), zone: Zone, now: Instant) -> Self {
        const MINUTE: i64 = 60_000_000;
        Self {
            range,
            zone,
            time_window: 5 * MINUTE,
            lag_here: 1_440 * MINUTE,
            lag_there: 1_440 * MINUTE,
            now,
            control: None,
            requires_control: false,
            gap_lines: 20,
            breaks_max: 100_000,
        }
    }

    /// Whether two instants are different dates: not near each other, and on different days.
    pub(super) fn differ_in_date(&self, one: Instant, other: Instant) -> bool {
        !self.are_near(one, other) && self.zone.day_of(one) != self.zone.day_of(other)
    }

    /// Whether two instants lie within the window.
    pub(super) const fn are_near(&self, one: Instant, other: Instant) -> bool {
        distance(one, other) <= self.time_window.unsigned_abs()
    }
}

/// Microseconds between two instants.
pub(super) const fn distance(one: Instant, other: Instant) -> u64 {
    one.0.abs_diff(other.0)
}
