//! Shows how far a run is: a bar on a terminal, a line now and then in a log.

use std::io::{IsTerminal as _, Write as _, stderr};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::instant;

/// How often a log gets a line.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Where a run's progress is shown.
pub enum Progress {
    /// A bar on a terminal.
    Bar(ProgressBar),
    /// A line now and then.
    Plain(PlainProgress),
    /// Nowhere.
    Silent,
}

/// The progress of what is not shown as a bar.
#[derive(Clone, Debug)]
pub struct PlainProgress {
    subject: &'static str,
    done: u64,
    total: u64,
    said_at: Instant,
}

impl Progress {
    /// Shows on the standard error stream, as fits it.
    pub fn on_stderr() -> Self {
        if stderr().is_terminal() {
            Self::Bar(ProgressBar::hidden())
        } else {
            Self::Plain(PlainProgress { subject: "", done: 0, total: 0, said_at: instant() })
        }
    }

    /// Starts to count `total` of something.
    pub fn begin(&mut self, subject: &'static str, total: u64) {
        match self {
            Self::Bar(bar) => {
                let template = "{prefix} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
                let style = ProgressStyle::with_template(template);
                *bar = ProgressBar::new(total)
                    .with_style(style.expect("the template is well formed"))
                    .with_prefix(subject);
            }
            Self::Plain(plain) => {
                *plain = PlainProgress { subject, done: 0, total, said_at: instant() };
            }
            Self::Silent => {}
        }
    }

    /// One more is done.
    pub fn advance(&mut self) {
        match self {
            Self::Bar(bar) => bar.inc(1),
            Self::Plain(plain) => {
                plain.done += 1;
                if PLAIN_INTERVAL <= plain.said_at.elapsed() {
                    plain.said_at = instant();
                    plain.say();
                }
            }
            Self::Silent => {}
        }
    }

    /// All are done.
    pub fn end(&mut self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Plain(plain) => plain.say(),
            Self::Silent => {}
        }
    }
}

impl PlainProgress {
    fn say(&self) {
        let Self { subject, done, total, .. } = self;
        // Nobody is left to tell if the stream is closed, and the run goes on without.
        let _ = writeln!(stderr(), "{done} of {total} {subject}");
    }
}
