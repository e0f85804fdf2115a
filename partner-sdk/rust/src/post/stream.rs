//! Sends lines in batches, in order, and again from the first that the server could not take.

use std::collections::VecDeque;
use std::thread;

use super::PostError;
use super::lines::{FileError, Line};
use crate::answer::LineResult;
use crate::client::Client;
use crate::error::Error;
use crate::retry::RetryPolicy;

/// A call's body stays below this, well under the 8 MiB that the server takes.
const BATCH_BYTES_MAX: usize = 4 << 20;

/// How lines are sent.
pub struct Bulk<'a> {
    /// Through whom.
    pub client: &'a Client,
    /// How many in one call.
    pub lines_max: usize,
    /// How patiently, if the server takes none of them.
    pub retry: RetryPolicy,
}

/// Sends all the lines and hands each with its final result to `settle`, in order.
///
/// A line that the server could not take for the moment has no final result: it is sent again,
/// with all that follow it, so that the order holds. Those that the server took meanwhile are
/// replayed.
pub fn post_in_batches(
    bulk: &Bulk<'_>,
    path: &str,
    lines: impl Iterator<Item = Result<Line, FileError>>,
    mut settle: impl FnMut(&Line, LineResult) -> Result<(), FileError>,
) -> Result<(), PostError> {
    let mut lines = lines.fuse();
    let mut queue: VecDeque<Line> = VecDeque::new();
    let mut attempts_in_vain = 0;
    loop {
        while queue.len() < bulk.lines_max {
            let Some(line) = lines.next() else { break };
            queue.push_back(line?);
        }
        let Some(first) = queue.front() else {
            return Ok(());
        };
        let first_number = first.number;

        let sent = send_once(bulk, path, &mut queue, &mut settle)?;
        let Some(answer) = sent.interruption else {
            attempts_in_vain = 0;
            continue;
        };
        attempts_in_vain = if sent.settled == 0 { attempts_in_vain + 1 } else { 1 };
        if attempts_in_vain >= bulk.retry.attempts_max.max(1) {
            let line = queue.front().map_or(first_number, |line| line.number);
            return Err(PostError::Stalled { line, attempts: attempts_in_vain, answer });
        }
        let random = getrandom::u64().map_err(Error::Random)?;
        thread::sleep(bulk.retry.pause(attempts_in_vain, None, random));
    }
}

/// What one call achieved.
struct Sent {
    /// How many lines got their final result and left the queue.
    settled: usize,
    /// Why the rest of the call's lines did not.
    interruption: Option<String>,
}

fn send_once(
    bulk: &Bulk<'_>,
    path: &str,
    queue: &mut VecDeque<Line>,
    settle: &mut impl FnMut(&Line, LineResult) -> Result<(), FileError>,
) -> Result<Sent, PostError> {
    let (body, lines) = batch_body(queue);
    let mut answers = bulk.client.batch_text(path, &body)?;
    for settled in 0..lines {
        let interrupted = |answer: String| Sent { settled, interruption: Some(answer) };
        let result = match answers.next() {
            Some(Ok(result)) => result,
            Some(Err(error @ Error::BrokenOff(_))) => return Ok(interrupted(error.to_string())),
            Some(Err(error)) => return Err(error.into()),
            None => {
                return Ok(interrupted("the answer has fewer lines than the call".to_owned()));
            }
        };
        if is_for_the_moment(result.status) {
            let problem = result.problem.map(|problem| problem.to_string());
            return Ok(interrupted(problem.unwrap_or_else(|| result.status.to_string())));
        }
        let line = queue.pop_front().expect("the call was made of the queue's first lines");
        settle(&line, result)?;
    }
    Ok(Sent { settled: lines, interruption: None })
}

/// The NDJSON of as many of the first lines as fit, one at least, and their number.
fn batch_body(queue: &VecDeque<Line>) -> (Vec<u8>, usize) {
    let mut body = Vec::new();
    let mut lines = 0;
    for line in queue {
        if 0 < lines && BATCH_BYTES_MAX < body.len() + line.text.len() {
            break;
        }
        body.extend_from_slice(line.text.as_bytes());
        body.push(b'\n');
        lines += 1;
    }
    (body, lines)
}

/// Whether a line's status says nothing of the line, only of the server at that moment.
fn is_for_the_moment(status: u16) -> bool {
    status == 429 || 500 <= status
}
