//! The server: set up, started, stopped. `serve`, `demo`, `rehearse` and the tests all run this.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::web::Data;
use actix_web::{App as ActixApp, HttpServer};

use crate::auth::secrets;
use crate::auth::token::{TokenAlgorithm, TokenKey, TokenKeys};
use crate::clock::Clock;
use crate::domain::ids::ShardId;
use crate::domain::terms::coalition::{Change, Versioned};
use crate::domain::terms::{Coalition, Invalid};
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::http::answers::Answers;
use crate::http::app::{App, Parts};
use crate::jobs::{Jobs, Schedule};
use crate::passes::{PassError, Passes};
use crate::people::Reaching;
use crate::people::messages::{Carrier, Gateway, Shown, Sms};
use crate::settings::{Settings, SettingsError};
use crate::store::checkpoints::Checkpoints;
use crate::store::{
    self, Database, StoreError, Use, configurations, dialect, heads, log_key, migrations, vault_key,
};
use crate::telemetry;
use crate::webhooks::Sender;

/// The setting under which the database keeps the key of operators' tokens.
const TOKEN_KEY: &str = "token_key";

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A setting can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The database can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The coalition can't be set up so.
    #[error("the coalition can't be set up: {0}")]
    Coalition(#[from] Invalid),
    /// A key can't be made or read.
    #[error("the token key can't be used: {0}")]
    Key(String),
    /// What passes are made with can't be used.
    #[error("passes can't be made: {0}")]
    Passes(#[from] PassError),
    /// The address can't be listened on, or no thread can be started.
    #[error("the server can't listen: {0}")]
    Io(#[from] std::io::Error),
}

/// Brings a database to this program's schema and sets the coalition up, if it is not yet. Gives
/// back the names of the migrations that ran.
///
/// # Errors
/// If the database can't be reached, or was set up with another number of shards.
pub fn set_up(settings: &Settings) -> Result<Vec<String>, ServerError> {
    let address = settings.address()?;
    let ran = migrations::migrate(&address)?;
    let mut database = address.open(Use::Write)?;
    let there = heads::all(&mut database)?;
    let shards = there.iter().filter(|head| head.shard != ShardId::HOUSE).count();
    let shards = match i64::try_from(shards) {
        Ok(shards @ 1..) if settings.shards.is_none() => shards,
        _ => settings.shards()?,
    };
    heads::create(&mut database, shards)?;
    let key = TokenKey {
        kid: "server".to_owned(),
        algorithm: TokenAlgorithm::Hs256,
        material: secrets::new_secret().map_err(|error| ServerError::Key(error.to_string()))?,
        can_mint: true,
    };
    let text = serde_json::to_string(&key).map_err(|error| ServerError::Key(error.to_string()))?;
    configurations::set_once(&mut database, TOKEN_KEY, &text)?;
    let seed = match settings.log_key()? {
        Some(seed) => seed,
        None => secrets::random_bytes().map_err(|error| ServerError::Key(error.to_string()))?,
    };
    log_key::set_once(&mut database, &seed)?;
    let fresh = secrets::random_bytes().map_err(|error| ServerError::Key(error.to_string()))?;
    let from_file = settings.vault_key()?.map(|key| key.0);
    vault_key::set_up(&mut database, from_file.as_ref(), &fresh)?;
    set_up_coalition(&mut database, settings)?;
    let timeline = configurations::load_timeline(&mut database)?;
    store::log::grow_missing(&mut database, timeline.latest())?;
    Ok(ran)
}

fn set_up_coalition(database: &mut Database, settings: &Settings) -> Result<(), ServerError> {
    if !configurations::load(database)?.is_empty() {
        return Ok(());
    }
    let document = settings.coalition()?;
    Coalition::new(&document)?;
    dialect::begin(database)?;
    // The coalition counts from the beginning of time, so that a test clock finds it too.
    let first =
        Versioned { version: 1, effective_at: Instant(0), change: Change::Coalition(document) };
    configurations::add(database, &first, crate::clock::system_now(), "set-up")?;
    let all: Vec<i64> = heads::all(database)?.iter().map(|head| head.shard.0).collect();
    let mut locked = heads::lock(database, &all)?;
    for head in &mut locked {
        head.configuration = 1;
    }
    crate::store::save::save_heads(database, &locked)?;
    dialect::commit(database)?;
    Ok(())
}

/// The key that mints operators' tokens.
///
/// # Errors
/// If the database is not set up.
pub fn token_key(database: &mut Database) -> Result<TokenKey, ServerError> {
    let text = configurations::setting(database, TOKEN_KEY)?.ok_or_else(|| {
        StoreError::SetUp("the database is not set up; run `coalition migrate`".into())
    })?;
    serde_json::from_str(&text).map_err(|error| ServerError::Key(error.to_string()))
}

/// How people are reached: by the gateway of the settings, or, on a test clock, not at all, and the
/// messages are shown.
fn reaching(settings: &Settings, is_real: bool) -> Result<Reaching, SettingsError> {
    let Sms { gateway, text } = settings.sms()?;
    let carrier: Option<Arc<dyn Carrier>> = match gateway {
        Some((url, token)) => Some(Arc::new(Gateway::new(url, token))),
        None if is_real => None,
        None => Some(Arc::new(Shown::default())),
    };
    Ok(Reaching { region: settings.region()?, carrier, text })
}

/// A server that runs. Dropping it stops it: what waits is finished first.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    app: Data<App>,
    handle: actix_web::dev::ServerHandle,
    thread: Option<JoinHandle<std::io::Result<()>>>,
    jobs: Option<Jobs>,
    _checkpoints: Option<Checkpoints>,
    webhooks: Option<Sender>,
}

/// Starts the server on a database that is set up.
///
/// # Errors
/// If a setting can't be used, the database can't be reached, or the address is taken.
pub fn start(settings: &Settings, clock: Arc<Clock>) -> Result<Running, ServerError> {
    let metrics = telemetry::measure();
    let mut database = settings.address()?.open(Use::Read)?;
    if migrations::is_behind(&mut database)? {
        let text = "migrations are missing; run `coalition migrate` first";
        return Err(StoreError::SetUp(text.to_owned()).into());
    }
    let key = token_key(&mut database)?;
    let token_keys = TokenKeys::new(&[key]).map_err(|error| ServerError::Key(error.to_string()))?;
    drop(database);
    let engine = Engine::start(&settings.engine()?, clock, Box::new(Answers))?;
    let authorities = settings.authorities.iter().map(|name| name.to_lowercase()).collect();
    let limits = settings.limits()?;
    let passes = Passes::new(&settings.apple, &settings.google)?;
    let reaching = reaching(settings, engine.clock().is_system())?;
    let slack = settings.slack()?;
    let parts = Parts { engine, limits, authorities, token_keys, metrics, passes, reaching, slack };
    let app = Data::new(App::new(parts));
    let schedule = Schedule {
        address: settings.address()?,
        expiry: Duration::from_secs(settings.expiry_seconds.max(1)),
        settle: Some(settings.settle_seconds)
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs),
        campaigns: Some(settings.campaign_seconds)
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs),
        answers_days: settings.answers_days,
        passes: Some(settings.passes_seconds)
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs),
    };
    crate::http::api::reconciliations::begin_again(&app)?;
    let checkpoints = Checkpoints::start(&schedule.address)?;
    let jobs = Jobs::start(app.clone(), schedule)?;
    let webhooks = Sender::start(Arc::clone(&app), settings.sending()?)?;
    let listener = TcpListener::bind(&settings.listen)?;
    let address = listener.local_addr()?;
    let workers =
        settings.workers.or_else(|| std::thread::available_parallelism().ok().map(Into::into));
    let (sender, receiver) = std::sync::mpsc::channel();
    let shared = app.clone();
    let serve = move || {
        actix_web::rt::System::new().block_on(async move {
            let factory = move || ActixApp::new().configure(crate::http::configure(&shared));
            let server = HttpServer::new(factory)
                .workers(workers.unwrap_or(2))
                .max_connections(2_048)
                // Else what is answered in parts waits until the caller acknowledges the first one.
                .tcp_nodelay(true)
                .client_request_timeout(Duration::from_secs(15))
                .keep_alive(Duration::from_secs(75))
                .shutdown_timeout(15)
                .disable_signals()
                .listen(listener)?
                .run();
            drop(sender.send(server.handle()));
            server.await
        })
    };
    let thread = std::thread::Builder::new().name("http".to_owned()).spawn(serve)?;
    let handle = receiver
        .recv()
        .map_err(|_| ServerError::Io(std::io::Error::other("the server ended as it began")))?;
    let (thread, jobs, webhooks) = (Some(thread), Some(jobs), Some(webhooks));
    Ok(Running { address, app, handle, thread, jobs, webhooks, _checkpoints: checkpoints })
}

impl Running {
    /// The base address of the API.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the handlers share.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Waits until the process is told to stop.
    ///
    /// # Errors
    /// If signals can't be waited for.
    pub fn wait_for_signal(&self) -> std::io::Result<()> {
        actix_web::rt::System::new().block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                done = tokio::signal::ctrl_c() => done,
                _ = terminate.recv() => Ok(()),
            }
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.jobs.take());
        drop(self.webhooks.take());
        let stopping = self.handle.stop(true);
        actix_web::rt::System::new().block_on(stopping);
        if let Some(thread) = self.thread.take()
            && !matches!(thread.join(), Ok(Ok(())))
        {
            tracing::error!("the HTTP server did not end as it should");
        }
        self.app.engine.stop();
    }
}
