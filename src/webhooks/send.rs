//! Sending: calls that are due are made, and what came of them is kept.
//!
//! One thread plans and looks what is due; the calls themselves are made by a bounded number of
//! others. An endpoint has a few of them at most, one that fails has one, and all that fail together
//! have half: the others don't wait for them. Which rows a thread sends is written into the rows as a
//! lease, so several servers share the work; if one is killed, another takes its rows when the lease
//! ends, and sends them under the same ids.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Stopwatch};

use serde_json::json;

use super::endpoint::{WebhookId, secrets_of};
use super::plan::plan;
use super::schedule::{FAILING_MAX, Outcome, due_after, outcome_of};
use super::sign::Secrets;
use crate::clock::unix_now;
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::http::app::App;
use crate::outbound::{Outbound, Reach};
use crate::store::deliveries::{self, DEAD, DELIVERED, DeliveryRow};
use crate::store::outbox::{self, Fact};
use crate::store::webhooks::{self, DISABLED, WebhookRow};
use crate::store::{Database, StoreError};

/// How often it is looked what is new and what is due.
const TICK: Duration = Duration::from_millis(250);

/// Threads that call at once, and how many of them may be busy with endpoints that fail.
const CALLERS_MAX: usize = 16;
const FAILING_CALLERS_MAX: usize = 8;

/// Threads that call one endpoint at once.
const CALLERS_OF_ENDPOINT_MAX: usize = 4;

/// Deliveries of one lease, and for how long no new call of them is begun.
const LEASED_AT_ONCE: i64 = 20;
const CALLING_MAX: Duration = Duration::from_secs(5);

/// How much longer a lease is than its calls can take.
const LEASE_SPARE: Duration = Duration::from_secs(10);

/// How calls are made.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// Where they may go.
    pub reach: Reach,
    /// How long one may take.
    pub timeout: Duration,
}

/// The threads that send. They end when this is dropped; calls that were begun are finished.
pub struct Sender {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Sender {
    /// Starts to send.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(app: Arc<App>, sending: Sending) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let crew = Arc::new(Crew {
            app,
            stop: Arc::clone(&stop),
            outbound: Outbound::new(sending.reach, sending.timeout),
            lease: i64::try_from((CALLING_MAX + sending.timeout + LEASE_SPARE).as_micros())
                .unwrap_or(i64::MAX),
            busy: Mutex::new(HashMap::new()),
        });
        let run = move || {
            let mut callers = Vec::new();
            while !crew.is_stopping() {
                if let Err(error) = round(&crew, &mut callers) {
                    tracing::error!(error = error.chain(), "webhooks can't be sent");
                }
                std::thread::sleep(TICK);
            }
            callers.into_iter().for_each(finished);
        };
        let thread = std::thread::Builder::new().name("webhooks".to_owned()).spawn(run)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            finished(thread);
        }
    }
}

fn finished(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("a thread of the webhooks ended by a bug");
    }
}

/// What those that call share.
struct Crew {
    app: Arc<App>,
    stop: Arc<AtomicBool>,
    outbound: Outbound,
    /// How long a lease is, in microseconds.
    lease: i64,
    /// How many are busy with an endpoint, and whether it fails.
    busy: Mutex<HashMap<i64, (usize, bool)>>,
}

impl Crew {
    fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn engine(&self) -> &Engine {
        &self.app.engine
    }

    /// Takes a place for a call of an endpoint, if there is one.
    fn enter(&self, webhook: &WebhookRow) -> bool {
        let is_failing = webhook.failing_since.is_some();
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = busy.values().map(|(count, _)| count).sum();
        let failing: usize = busy.values().filter(|one| one.1).map(|(count, _)| count).sum();
        let here = busy.get(&webhook.webhook).map_or(0, |(count, _)| *count);
        let most = if is_failing { 1 } else { CALLERS_OF_ENDPOINT_MAX };
        let has_room =
            all < CALLERS_MAX && here < most && (!is_failing || failing < FAILING_CALLERS_MAX);
        if has_room {
            busy.insert(webhook.webhook, (here + 1, is_failing));
        }
        has_room
    }

    fn leave(&self, webhook: i64) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = busy.get_mut(&webhook) {
            *count -= 1;
            if *count == 0 {
                busy.remove(&webhook);
            }
        }
    }
}

/// Plans, and sets threads to what is due.
fn round(crew: &Arc<Crew>, callers: &mut Vec<JoinHandle<()>>) -> Result<(), StoreError> {
    let (done, running): (Vec<_>, Vec<_>) =
        std::mem::take(callers).into_iter().partition(JoinHandle::is_finished);
    done.into_iter().for_each(finished);
    *callers = running;
    let all = plan(crew.engine())?;
    let now = crew.engine().clock().now();
    let mut due = Vec::new();
    for row in all.into_iter().filter(|row| row.resume_at <= now.0) {
        if crew.engine().read(|one| deliveries::is_due(one, row.webhook, now))? {
            due.push(row);
        }
    }
    // Whoever came last in this round comes first in the next.
    if !due.is_empty() {
        let first = usize::try_from(getrandom::u32().unwrap_or(0)).unwrap_or(0) % due.len();
        due.rotate_left(first);
    }
    for row in due.into_iter().filter(|row| crew.enter(row)) {
        let (crew, webhook) = (Arc::clone(crew), row.webhook);
        let own = Arc::clone(&crew);
        let run = move || {
            while !own.is_stopping() {
                match call_some(&own, webhook) {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        tracing::error!(error = error.chain(), "a webhook can't be called");
                        break;
                    }
                }
            }
            own.leave(webhook);
        };
        match std::thread::Builder::new().name("webhook".to_owned()).spawn(run) {
            Ok(thread) => callers.push(thread),
            Err(error) => {
                crew.leave(webhook);
                tracing::error!(%error, "no thread for a webhook can be started");
            }
        }
    }
    Ok(())
}

/// A call that was made.
struct Called {
    row: DeliveryRow,
    outcome: Outcome,
}

/// Leases deliveries of an endpoint, sends them, and keeps what came of it. Gives back whether all
/// arrived and there may be more.
fn call_some(crew: &Crew, webhook: i64) -> Result<bool, StoreError> {
    let now = crew.engine().clock().now();
    let until = now.plus_micros(crew.lease);
    let leased = crew.engine().write::<_, StoreError>(|database| {
        let Some(row) = webhooks::find(database, webhook)? else { return Ok(None) };
        let is_open = row.state == webhooks::ENABLED && row.resume_at <= now.0;
        let rows = if is_open {
            deliveries::lease(database, webhook, (now, until), LEASED_AT_ONCE)?
        } else {
            Vec::new()
        };
        Ok(Some((row, rows)).filter(|(_, rows)| !rows.is_empty()))
    })?;
    let Some((endpoint, rows)) = leased else { return Ok(false) };
    let secrets = secrets_of(&endpoint, now)?;
    let started = Stopwatch::now();
    let (mut called, mut unsent) = (Vec::new(), Vec::new());
    for row in rows {
        let has_failed =
            called.last().is_some_and(|one: &Called| one.outcome != Outcome::Delivered);
        if has_failed || crew.is_stopping() || started.elapsed() > CALLING_MAX {
            unsent.push(row);
            continue;
        }
        called.push(call(crew, &endpoint, &secrets, row));
    }
    let all_arrived = called.iter().all(|one| one.outcome == Outcome::Delivered);
    let now = crew.engine().clock().now();
    crew.engine().write::<_, StoreError>(|database| {
        // The endpoint's row first, as all that write here do.
        let disabled = follow(database, webhook, &called, now)?;
        for row in called.iter().map(|one| &one.row).chain(&unsent) {
            deliveries::finish(database, row, row.leased_until)?;
        }
        let facts: Vec<Fact> = disabled.iter().map(fact_of).collect();
        outbox::add(database, now, &facts)
    })?;
    Ok(all_arrived)
}

/// Makes one call.
fn call(crew: &Crew, endpoint: &WebhookRow, secrets: &[Secrets], row: DeliveryRow) -> Called {
    let timestamp = unix_now();
    let signed = secrets.iter().map(|one| one.sign(&row.event, timestamp, &row.body));
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", row.event.clone()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signed.collect::<Vec<_>>().join(" ")),
    ];
    let answer = crew.outbound.post(&endpoint.url, &headers, row.body.as_bytes());
    let (outcome, status, error) = outcome_of(&answer);
    let word = if outcome == Outcome::Delivered { "delivered" } else { "failed" };
    metrics::counter!("coalition_webhook_calls_total", "outcome" => word).increment(1);
    let now = crew.engine().clock().now();
    let row =
        DeliveryRow { attempts: row.attempts + 1, status: status.map(i64::from), error, ..row };
    let ended =
        |state: &str, row| DeliveryRow { state: state.to_owned(), ended_at: Some(now.0), ..row };
    let row = match &outcome {
        Outcome::Delivered => ended(DELIVERED, row),
        // An endpoint that is gone may come back: what waits for it waits.
        Outcome::Gone => DeliveryRow { due_at: now.0, ..row },
        Outcome::Failed(retry_after) => {
            let chance = getrandom::u32().unwrap_or(0);
            match due_after(row.attempts, now, *retry_after, chance) {
                Some(due) => DeliveryRow { due_at: due.0, ..row },
                None => ended(DEAD, row),
            }
        }
    };
    Called { row, outcome }
}

/// What calls mean for their endpoint: that it works, since when it fails, when it may be called
/// again, or that it is called no more. Gives back the endpoint if it was disabled by them.
fn follow(
    database: &mut Database,
    webhook: i64,
    called: &[Called],
    now: Instant,
) -> Result<Option<WebhookRow>, StoreError> {
    let Some(row) = webhooks::lock(database, webhook)? else { return Ok(None) };
    let mut next = row.clone();
    for one in called {
        match &one.outcome {
            Outcome::Delivered => next.failing_since = None,
            Outcome::Failed(retry_after) => {
                let since = *next.failing_since.get_or_insert(now.0);
                let resume = now.plus_micros(retry_after.unwrap_or(0) * 1_000_000).0;
                next.resume_at = next.resume_at.max(resume);
                if now.0 - since >= FAILING_MAX {
                    disable(&mut next, "failing");
                }
            }
            Outcome::Gone => disable(&mut next, "gone"),
        }
    }
    if next != row {
        webhooks::save(database, &next)?;
    }
    Ok(Some(next).filter(|next| next.state != row.state))
}

fn disable(row: &mut WebhookRow, reason: &str) {
    if row.state != DISABLED {
        DISABLED.clone_into(&mut row.state);
        row.reason = Some(reason.to_owned());
    }
}

/// What a party is told whose endpoint is called no more.
fn fact_of(row: &WebhookRow) -> Fact {
    let data = json!({
        "webhook": WebhookId(row.webhook).to_string(),
        "reason": row.reason,
        "failing_since": row.failing_since.map(Instant),
    });
    let party = row.party.parse().ok();
    Fact { event: "webhook.disabled", party, programme: None, member: None, data }
}
