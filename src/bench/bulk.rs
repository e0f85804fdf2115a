//! Bulk calls: lines by the thousand, a few calls side by side.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::BenchError;
use super::load::{Outcome, Target};
use super::wire::{Connection, NDJSON, Request, Signer};

/// Lines of a call.
pub const LINES_PER_CALL: u64 = 1_000;

/// How much is posted.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// So many lines.
    Lines(u64),
    /// As many as go in so long.
    Elapsed(Duration),
}

/// What is posted where.
#[derive(Clone)]
pub struct Bulk {
    /// To which path.
    pub path: &'static str,
    /// By whom.
    pub signer: Signer,
    /// How much.
    pub until: Until,
    /// Calls side by side.
    pub calls: usize,
}

struct Shared<L> {
    bulk: Bulk,
    begun: Instant,
    next: RefCell<u64>,
    line: RefCell<L>,
    outcome: RefCell<Outcome>,
}

/// Posts lines; `line` writes the one of a number, from 0, without its newline.
///
/// # Errors
/// If a connection breaks.
pub fn post(
    target: Target,
    bulk: Bulk,
    line: impl FnMut(u64, &mut String) + 'static,
) -> Result<Outcome, BenchError> {
    actix_web::rt::Runtime::new()?.block_on(async move {
        let calls = bulk.calls;
        let before = target.used();
        let shared = Rc::new(Shared {
            bulk,
            begun: Instant::now(),
            next: RefCell::new(0),
            line: RefCell::new(line),
            outcome: RefCell::default(),
        });
        let spawn = |_| actix_web::rt::spawn(drive(Rc::clone(&shared), target));
        let tasks: Vec<_> = (0..calls).map(spawn).collect();
        for task in tasks {
            task.await.map_err(io::Error::other)??;
        }
        let elapsed = shared.begun.elapsed();
        let mut outcome = shared.outcome.take();
        outcome.used = target.used().since(before);
        outcome.elapsed = elapsed;
        Ok(outcome)
    })
}

async fn drive<L: FnMut(u64, &mut String)>(
    shared: Rc<Shared<L>>,
    target: Target,
) -> io::Result<()> {
    let mut connection = Connection::open(target.address).await?;
    let (mut body, mut request) = (String::new(), Vec::new());
    while let Some(lines) = shared.next_lines() {
        body.clear();
        for number in lines.clone() {
            shared.line.borrow_mut()(number, &mut body);
            body.push('\n');
        }
        let mut key = String::new();
        let path = shared.bulk.path;
        write!(key, "call:{path}:{}:{}", body.len(), lines.start).map_err(io::Error::other)?;
        let media_type = NDJSON;
        shared
            .bulk
            .signer
            .write(&Request { path, media_type, key: &key, body: &body }, &mut request);
        let reply = connection.exchange(&request).await?;
        let text = std::str::from_utf8(reply.body).map_err(io::Error::other)?;
        let mut outcome = shared.outcome.borrow_mut();
        let recorded = u64::try_from(text.matches("\"status\":201").count()).unwrap_or(0);
        outcome.done += recorded;
        let missing = (lines.end - lines.start).saturating_sub(recorded);
        if missing > 0 {
            outcome.refused += missing;
            let refusal = text.lines().find(|line| line.contains("\"problem\"")).unwrap_or(text);
            outcome.first_refusal.get_or_insert_with(|| refusal.to_owned());
        }
    }
    Ok(())
}

impl<L> Shared<L> {
    /// The numbers of the next call's lines; none: all is posted.
    fn next_lines(&self) -> Option<std::ops::Range<u64>> {
        let begin = *self.next.borrow();
        let end = match self.bulk.until {
            Until::Lines(lines) => lines.min(begin + LINES_PER_CALL),
            Until::Elapsed(span) if self.begun.elapsed() < span => begin + LINES_PER_CALL,
            Until::Elapsed(_) => begin,
        };
        self.next.replace(end);
        (begin < end).then_some(begin..end)
    }
}
