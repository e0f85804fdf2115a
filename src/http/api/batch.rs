//! Bulk calls: NDJSON in, NDJSON out, line by line and in order. One bad line refuses that line
//! only; each has an idempotency key of its own.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Data};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::members::enrolment_of;
use super::transactions::submission_of;
use crate::engine::{Answer, EngineError, Submission};
use crate::http::app::App;
use crate::http::caller::{Signed, must_have_key};
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::read_object;

/// Lines that are under way at once; they share batches of the engine.
const LINES_AT_ONCE: usize = 1_000;

/// The media type of lines.
const NDJSON: &str = "application/x-ndjson";

/// What the lines of a call are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lines {
    Transactions,
    Members,
}

/// Posts transactions in bulk.
pub async fn transactions(
    request: actix_web::HttpRequest,
    call: Signed,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    answer(&request, call, app, Lines::Transactions)
}

/// Creates members in bulk.
pub async fn members(
    request: actix_web::HttpRequest,
    call: Signed,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    answer(&request, call, app, Lines::Members)
}

fn answer(
    request: &actix_web::HttpRequest,
    call: Signed,
    app: Data<App>,
    lines: Lines,
) -> Result<HttpResponse, Problem> {
    let media_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    if !media_type.is_some_and(|value| value.starts_with(NDJSON)) {
        return Err(Problem::unsupported_media_type(NDJSON));
    }
    must_have_key(call.idempotency_key.as_ref())?;
    let ranges = line_ranges(&call.body);
    let most = app.limits.batch_lines_max;
    if ranges.len() > most {
        return Err(Problem::batch_too_large(most));
    }
    let bulk = Bulk { app, call, lines, ranges, next: 0 };
    let answers = futures_util::stream::unfold(bulk, |mut bulk| async move {
        let text = bulk.next_answers().await?;
        Some((Ok::<Bytes, Problem>(text), bulk))
    });
    Ok(HttpResponse::Ok().content_type(NDJSON).streaming(answers))
}

/// Where each line lies in the body; blank ones are left out.
fn line_ranges(body: &Bytes) -> Vec<Bytes> {
    let lines = body.split(|&byte| byte == b'\n');
    let filled = lines.filter(|line| !line.iter().all(u8::is_ascii_whitespace));
    filled.map(|line| body.slice_ref(line)).collect()
}

struct Bulk {
    app: Data<App>,
    call: Signed,
    lines: Lines,
    ranges: Vec<Bytes>,
    next: usize,
}

/// A line on its way.
enum Line {
    Refused(Option<String>, Problem),
    Submitted(String),
}

impl Bulk {
    /// The answers to the next lines; none: all are answered.
    async fn next_answers(&mut self) -> Option<Bytes> {
        let end = self.ranges.len().min(self.next + LINES_AT_ONCE);
        let ranges: Vec<Bytes> = self.ranges.get(self.next..end)?.to_vec();
        if ranges.is_empty() {
            return None;
        }
        self.next = end;
        let mut lines = Vec::with_capacity(ranges.len());
        let mut submissions = Vec::with_capacity(ranges.len());
        for range in &ranges {
            match self.read_line(range) {
                Ok((key, submission)) => {
                    lines.push(Line::Submitted(key));
                    submissions.push(submission);
                }
                Err((key, problem)) => lines.push(Line::Refused(key, problem)),
            }
        }
        let mut waiting = self.app.engine.submit_in_order(submissions).into_iter();
        let mut text = String::with_capacity(lines.len() * 300);
        for line in lines {
            let answered = match line {
                Line::Refused(key, problem) => refused(key.as_deref(), &problem),
                Line::Submitted(key) => match waiting.next() {
                    Some(answer) => {
                        let answer = answer.await.unwrap_or(Err(EngineError::Stopping));
                        self.line_of(&key, answer)
                    }
                    None => refused(Some(&key), &Problem::internal()),
                },
            };
            text.push_str(&answered);
            text.push('\n');
        }
        Some(text.into())
    }

    fn read_line(&self, line: &Bytes) -> Result<(String, Submission), (Option<String>, Problem)> {
        let mut value = read_object(line).map_err(|problem| (None, problem))?;
        let key = value.as_object_mut().and_then(|fields| fields.remove("idempotency_key"));
        let Some(Value::String(key)) = key else {
            return Err((None, Problem::key_missing()));
        };
        let bare = must_have_key(Some(&key)).map(str::to_owned);
        let read = |bare: String| match self.lines {
            Lines::Transactions => submission_of(&self.app, &self.call, &bare, &value),
            Lines::Members => match enrolment_of(&self.app, &self.call, &bare, &value)? {
                (submission, codes) if codes.is_empty() => Ok(submission),
                _ => Err(Problem::invalid("/codes", "name codes in single calls only")),
            },
        };
        match bare.and_then(read) {
            Ok(submission) => Ok((key, submission)),
            Err(problem) => Err((Some(key), problem)),
        }
    }

    fn line_of(&self, key: &str, answer: Result<Answer, EngineError>) -> String {
        match answer {
            Ok(answer) => accepted(key, &answer, self.lines),
            Err(error) => refused(Some(key), &Problem::from(error)),
        }
    }
}

#[derive(Serialize)]
struct AnswerLine<'a> {
    idempotency_key: Option<&'a str>,
    status: u16,
    replayed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a RawValue>,
}

fn accepted(key: &str, answer: &Answer, lines: Lines) -> String {
    let raw: Option<&RawValue> = serde_json::from_str(&answer.body).ok();
    let (status, replayed) = (answer.status, answer.replayed);
    let is_success = (200..300).contains(&status);
    let place = |here: bool| raw.filter(|_| here);
    json_text(&AnswerLine {
        idempotency_key: Some(key),
        status,
        replayed,
        transaction: place(is_success && lines == Lines::Transactions),
        member: place(is_success && lines == Lines::Members),
        problem: place(!is_success),
    })
}

fn refused(key: Option<&str>, problem: &Problem) -> String {
    let document = problem.document().to_string();
    let raw = RawValue::from_string(document).ok();
    json_text(&AnswerLine {
        idempotency_key: key,
        status: problem.status(),
        replayed: false,
        transaction: None,
        member: None,
        problem: raw.as_deref(),
    })
}
