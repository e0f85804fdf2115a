//! The load: connections that are driven by one thread, in a closed loop or by a schedule.
//!
//! By a schedule each request is due at an instant that does not depend on any answer, and its
//! time counts from there: a server that stalls is charged for all that came due meanwhile. The
//! timer's step is a millisecond, which such times include.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::rt::time::sleep;

use super::BenchError;
use super::machine::{self, Used};
use super::wire::{Connection, Reply};

/// What is measured: a server, and the PostgreSQL behind it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Its process.
    pub server: u32,
    /// The PostgreSQL's process, where it is ours.
    pub postmaster: Option<u32>,
    /// Connections to it.
    pub connections: usize,
}

impl Target {
    /// Processor time used so far on both sides.
    pub fn used(&self) -> Used {
        machine::used(self.server, self.postmaster)
    }
}

/// When requests are sent.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// By each connection, as soon as it has its answer.
    Closed,
    /// So many a second, whatever comes back.
    PerSecond(u64),
}

/// For how long.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// At first, without counting.
    pub warm_up: Duration,
    /// Counted.
    pub counted: Duration,
}

impl Span {
    /// So many seconds, after a fifth of them to warm up.
    pub fn seconds(seconds: u64) -> Self {
        Self { warm_up: Duration::from_secs(seconds) / 5, counted: Duration::from_secs(seconds) }
    }
}

/// What came of a load.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Recorded.
    pub done: u64,
    /// Answered otherwise.
    pub refused: u64,
    /// The first such answer.
    pub first_refusal: Option<String>,
    /// For how long it was counted.
    pub elapsed: Duration,
    /// Processor time used meanwhile.
    pub used: Used,
    times_us: Vec<u32>,
}

impl Outcome {
    /// Recorded a second.
    pub fn per_second(&self) -> u64 {
        machine::per_second(self.done, self.elapsed)
    }

    /// The time that so many in a thousand requests did not exceed.
    pub fn quantile(&mut self, per_mille: usize) -> Duration {
        self.times_us.sort_unstable();
        let place = (self.times_us.len() * per_mille).div_ceil(1_000).saturating_sub(1);
        Duration::from_micros(self.times_us.get(place).copied().map_or(0, u64::from))
    }

    /// The longest time of a request.
    pub fn longest(&self) -> Duration {
        Duration::from_micros(self.times_us.iter().max().copied().map_or(0, u64::from))
    }

    /// Counts an answer.
    pub fn count(&mut self, is_done: bool, reply: &Reply<'_>) {
        if is_done {
            self.done += 1;
        } else {
            self.refused += 1;
            self.first_refusal
                .get_or_insert_with(|| String::from_utf8_lossy(reply.body).into_owned());
        }
    }

    /// Adds what came of another load.
    pub fn add(&mut self, other: Self) {
        self.done += other.done;
        self.refused += other.refused;
        self.elapsed += other.elapsed;
        self.used = self.used.plus(other.used);
        self.times_us.extend(other.times_us);
        if self.first_refusal.is_none() {
            self.first_refusal = other.first_refusal;
        }
    }

    /// What it cost, and what was refused.
    pub fn notes(&self) -> Vec<String> {
        let each = |used: u64| used.checked_div(self.done).unwrap_or(0);
        let Used { generator, server, postgres } = self.used;
        let mut notes = vec![format!(
            "processor time each: load generator {} µs, server {} µs, PostgreSQL {} µs",
            each(generator),
            each(server),
            each(postgres)
        )];
        if let Some(refusal) = &self.first_refusal {
            notes.push(format!("{} were not recorded; the first: {refusal}", self.refused));
        }
        notes
    }
}

/// The stretch of time of a load.
struct Times {
    begun: Instant,
    counted_from: Instant,
    end: Instant,
}

struct Shared<W> {
    times: Times,
    pace: Pace,
    next: RefCell<u32>,
    write: RefCell<W>,
    outcome: RefCell<Outcome>,
}

/// Puts a load on a server; `write` writes each request.
///
/// # Errors
/// If a connection breaks.
pub fn run(
    target: Target,
    pace: Pace,
    span: Span,
    write: impl FnMut(&mut Vec<u8>) + 'static,
) -> Result<Outcome, BenchError> {
    actix_web::rt::Runtime::new()?.block_on(async move {
        let begun = Instant::now();
        let counted_from = begun + span.warm_up;
        let times = Times { begun, counted_from, end: counted_from + span.counted };
        let shared = Rc::new(Shared {
            times,
            pace,
            next: RefCell::new(0),
            write: RefCell::new(write),
            outcome: RefCell::default(),
        });
        let connect = |_| actix_web::rt::spawn(drive(Rc::clone(&shared), target.address));
        let tasks: Vec<_> = (0..target.connections).map(connect).collect();
        sleep(span.warm_up).await;
        let before = target.used();
        sleep(span.counted).await;
        let used = target.used().since(before);
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        let outcome = shared.outcome.take();
        Ok(Outcome { used, elapsed: span.counted, ..outcome })
    })
}

async fn drive<W: FnMut(&mut Vec<u8>)>(
    shared: Rc<Shared<W>>,
    address: SocketAddr,
) -> io::Result<()> {
    let mut connection = Connection::open(address).await?;
    let mut request = Vec::with_capacity(2_048);
    loop {
        let due = shared.next_due();
        if due >= shared.times.end {
            return Ok(());
        }
        let early = due.saturating_duration_since(Instant::now());
        if !early.is_zero() {
            sleep(early).await;
        }
        shared.write.borrow_mut()(&mut request);
        let reply = connection.exchange(&request).await?;
        shared.count(due, &reply);
    }
}

impl<W> Shared<W> {
    fn next_due(&self) -> Instant {
        match self.pace {
            Pace::Closed => Instant::now(),
            Pace::PerSecond(rate) => {
                let number = self.next.replace_with(|number| *number + 1);
                let nanos = u64::from(number) * 1_000_000_000 / rate.max(1);
                self.times.begun + Duration::from_nanos(nanos)
            }
        }
    }

    fn count(&self, due: Instant, reply: &Reply<'_>) {
        let now = Instant::now();
        // In a closed loop an answer counts when it comes, by a schedule when it was due.
        let at = if matches!(self.pace, Pace::Closed) { now } else { due };
        if at < self.times.counted_from || at >= self.times.end {
            return;
        }
        let mut outcome = self.outcome.borrow_mut();
        outcome.count(reply.is_done(), reply);
        let micros = now.saturating_duration_since(due).as_micros();
        outcome.times_us.push(u32::try_from(micros).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_a_time_that_was_measured() {
        let mut outcome = Outcome { times_us: (1..=100).rev().collect(), ..Outcome::default() };
        assert_eq!(outcome.quantile(500), Duration::from_micros(50));
        assert_eq!(outcome.quantile(990), Duration::from_micros(99));
        assert_eq!(Outcome::default().quantile(990), Duration::ZERO);
    }
}
