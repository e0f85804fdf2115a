//! The clock: the only caller of the operating system's time.
//!
//! `rehearse`, `demo` and `serve --test-clock` run on a clock that is moved by hand, or that
//! follows the instants of what is posted. Signatures and tokens are always checked against the
//! system's time.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use crate::domain::time::Instant;

const SYSTEM: u8 = 0;
const SET: u8 = 1;
const FOLLOWS: u8 = 2;

/// The clock that decisions are dated by.
#[derive(Debug)]
pub struct Clock {
    mode: AtomicU8,
    set_to: AtomicI64,
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self { mode: AtomicU8::new(SYSTEM), set_to: AtomicI64::new(0) }
    }

    /// A clock that stands until it is moved.
    pub const fn set(at: Instant) -> Self {
        Self { mode: AtomicU8::new(SET), set_to: AtomicI64::new(at.0) }
    }

    /// A clock that follows the instants of what is posted.
    pub const fn following(from: Instant) -> Self {
        Self { mode: AtomicU8::new(FOLLOWS), set_to: AtomicI64::new(from.0) }
    }

    /// The instant that decisions are dated by.
    pub fn now(&self) -> Instant {
        if self.is_system() { system_now() } else { Instant(self.set_to.load(Ordering::SeqCst)) }
    }

    /// Whether this is the system's clock.
    pub fn is_system(&self) -> bool {
        self.mode.load(Ordering::SeqCst) == SYSTEM
    }

    /// Whether it follows the instants of what is posted.
    pub fn follows(&self) -> bool {
        self.mode.load(Ordering::SeqCst) == FOLLOWS
    }

    /// Moves a test clock forward; it never goes back. Gives back where it stands.
    pub fn advance_to(&self, to: Instant) -> Instant {
        self.set_to.fetch_max(to.0, Ordering::SeqCst);
        self.now()
    }

    /// Lets a test clock run with the system's from now on.
    pub fn release(&self) {
        self.mode.store(SYSTEM, Ordering::SeqCst);
    }
}

/// The system's time, for decisions in production and for signatures and tokens always.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
pub fn system_now() -> Instant {
    Instant(jiff::Timestamp::now().as_microsecond())
}

/// The system's time in whole seconds since 1970.
pub fn unix_now() -> i64 {
    system_now().0.div_euclid(1_000_000)
}
