//! What the handlers share: the engine, the keys, the limits.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, PoisonError, RwLock};

use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use metrics_exporter_prometheus::PrometheusHandle;
use rust_decimal::Decimal;

use tokio::sync::Semaphore;

use super::problem::Problem;
use super::wire::people::PeopleReader;
use crate::auth::nonces::Nonces;
use crate::auth::signature::VerifyingKey;
use crate::auth::token::TokenKeys;
use crate::campaigns::run::Runs;
use crate::domain::ids::{KeyId, PartyId};
use crate::domain::terms::{Coalition, Timeline};
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::passes::Passes;
use crate::people::Reaching;
use crate::reconcile::Runner;
use crate::store::{Database, StoreError};

/// The limits of the API.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a single request's body.
    pub body_bytes_max: usize,
    /// Bytes of a bulk call's body.
    pub batch_bytes_max: usize,
    /// Lines of a bulk call.
    pub batch_lines_max: usize,
    /// Entries of a page.
    pub page_max: i64,
    /// Requests a second under one key.
    pub requests_per_second: NonZeroU32,
    /// Money at stake in a break or an open item that one person may settle alone, in whole
    /// currency units.
    pub break_money: Decimal,
    /// Points at stake in a break that one person may settle alone, in whole points.
    pub break_points: Decimal,
    /// Whether webhooks may go to private addresses, and by http.
    pub webhooks_anywhere: bool,
}

/// The most bulk calls at once: with bodies of 8 MiB they hold at most 128 MiB.
const BULK_CALLS_MAX: usize = 16;

/// The most messages on their way at once.
const MESSAGES_MAX: usize = 32;

/// A key that may sign now.
struct Signer {
    party: PartyId,
    key: Arc<VerifyingKey>,
}

/// The keys that may sign now, prepared once for each version of the configuration.
#[derive(Default)]
struct Signers {
    version: i64,
    by_id: HashMap<KeyId, Signer>,
}

/// What the handlers share.
pub struct App {
    /// The engine.
    pub engine: Engine,
    /// The limits.
    pub limits: Limits,
    /// The names under which the server is addressed; none: whatever `Host` says.
    pub authorities: Vec<String>,
    /// The keys of operators' tokens.
    pub token_keys: TokenKeys,
    /// What was seen of reads.
    pub nonces: Nonces,
    /// Where measurements are read.
    pub metrics: PrometheusHandle,
    /// Makes passes and keeps them up to date.
    pub passes: Passes,
    /// What reaching people needs.
    pub reaching: Reaching,
    /// Places for messages that are on their way.
    pub messages: Arc<Semaphore>,
    /// Compares partners' lists.
    pub runner: Runner,
    /// How Slack's commands are known.
    pub slack: SlackSettings,
    /// The campaigns that this server runs.
    pub runs: Runs,
    /// Places for bulk calls, whose bodies are large.
    pub bulk_calls: Arc<Semaphore>,
    signers: RwLock<Signers>,
    rates: DefaultKeyedRateLimiter<KeyId>,
}

/// How Slack's slash commands are known, and who may ask.
#[derive(Clone, Default)]
pub struct SlackSettings {
    /// The signing secret; none: no command is taken.
    pub secret: Option<String>,
    /// The names of those who may ask, by Slack's ids of them.
    pub people: HashMap<String, String>,
}

/// What an app is built of.
pub struct Parts {
    /// The engine.
    pub engine: Engine,
    /// The limits.
    pub limits: Limits,
    /// The names under which the server is addressed.
    pub authorities: Vec<String>,
    /// The keys of operators' tokens.
    pub token_keys: TokenKeys,
    /// Where measurements are read.
    pub metrics: PrometheusHandle,
    /// Makes passes and keeps them up to date.
    pub passes: Passes,
    /// What reaching people needs.
    pub reaching: Reaching,
    /// How Slack's commands are known.
    pub slack: SlackSettings,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let quota = Quota::per_second(parts.limits.requests_per_second);
        let runner = Runner::new(parts.engine.address().clone());
        Self {
            runner,
            reaching: parts.reaching,
            messages: Arc::new(Semaphore::new(MESSAGES_MAX)),
            runs: Runs::default(),
            engine: parts.engine,
            limits: parts.limits,
            authorities: parts.authorities,
            token_keys: parts.token_keys,
            nonces: Nonces::default(),
            metrics: parts.metrics,
            passes: parts.passes,
            slack: parts.slack,
            bulk_calls: Arc::new(Semaphore::new(BULK_CALLS_MAX)),
            signers: RwLock::new(Signers { version: -1, by_id: HashMap::new() }),
            rates: RateLimiter::keyed(quota),
        }
    }

    /// The party and the key of a key id, if it may sign now.
    pub fn signer(&self, id: &str) -> Option<(KeyId, PartyId, Arc<VerifyingKey>)> {
        let id: KeyId = id.parse().ok()?;
        let timeline = self.engine.timeline();
        {
            let signers = self.signers.read().unwrap_or_else(PoisonError::into_inner);
            if signers.version == timeline.version {
                let signer = signers.by_id.get(&id)?;
                return Some((id, signer.party.clone(), Arc::clone(&signer.key)));
            }
        }
        let mut signers = self.signers.write().unwrap_or_else(PoisonError::into_inner);
        if signers.version != timeline.version {
            *signers = Signers::of(&timeline);
        }
        let signer = signers.by_id.get(&id)?;
        Some((id, signer.party.clone(), Arc::clone(&signer.key)))
    }

    /// Counts a request against the rate of its key.
    ///
    /// # Errors
    /// If there were too many.
    pub fn count_request(&self, key: &KeyId) -> Result<(), Problem> {
        self.rates.check_key(key).map_err(|until| {
            let wait = until.wait_time_from(governor::clock::DefaultClock::default().now());
            Problem::rate_limited(u32::try_from(wait.as_secs() + 1).unwrap_or(1))
        })
    }

    /// Forgets the rates of keys that have been quiet.
    pub fn forget_quiet_keys(&self) {
        self.rates.retain_recent();
    }

    /// The instant that the server's answers are dated by.
    pub fn now(&self) -> Instant {
        self.engine.clock().now()
    }

    /// With what people are read.
    pub fn people_reader(&self) -> PeopleReader {
        let now = self.now();
        let today = self.coalition().own_schedule().day_of(now);
        PeopleReader { now, today, region: self.reaching.region }
    }

    /// What counts now.
    pub fn coalition(&self) -> Arc<Coalition> {
        Arc::clone(self.engine.timeline().at(self.now()))
    }
}

impl Signers {
    fn of(timeline: &Timeline) -> Self {
        let active = timeline.latest().keys.values().filter(|key| key.active);
        let by_id = active.filter_map(|key| {
            let prepared = VerifyingKey::from_material(key.algorithm, &key.material).ok()?;
            let signer = Signer { party: key.party.clone(), key: Arc::new(prepared) };
            Some((key.id.clone(), signer))
        });
        Self { version: timeline.version, by_id: by_id.collect() }
    }
}

/// Reads the database on a thread that may block.
///
/// # Errors
/// If the database fails.
pub async fn read<T: Send + 'static>(
    app: &actix_web::web::Data<App>,
    ask: impl FnOnce(&mut Database) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Problem> {
    let app = app.clone();
    Ok(actix_web::web::block(move || app.engine.read(ask)).await??)
}
