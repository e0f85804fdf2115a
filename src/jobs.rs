//! What runs by itself: the whole schedule. Each job does nothing that doing it again would change.
//!
//! | job | every | what |
//! |---|---|---|
//! | expire | `expiry_seconds` | posts what the clock did to accounts |
//! | refresh | second | reads the configuration that another server changed |
//! | forget | hour | forgets old answers, codes, baskets, told facts and ended deliveries |
//! | settle | `settle_seconds` | closes cycles that are over, publishes, takes the silent on |
//! | disputes | 10 seconds | ends disputes whose time is over, posts entries that are still due |
//! | passes | `passes_seconds` | finds passes that show something else, tells phones and Google |
//! | offers | 5 seconds | finishes grants of offers that were begun, follows abandoned baskets up |
//! | open | second | tells of points that came free |
//! | campaigns | `campaign_seconds` | takes on runs that were left, begins and ends campaigns by their dates |
//! | notices | `campaign_seconds` | tells parties of notices that are due, members of points that expire |
//! | count | five times that | counts what members did for segments and reports, forgets what is too old |
//! | upkeep | 5 seconds | folds histograms, forgets the rates of quiet keys |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant as Stopwatch};

use actix_web::web::Data;

use crate::campaigns;
use crate::domain::account::AccountKey;
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::settlement::{CycleId, CycleState};
use crate::engine::{Close, ConfigureError, Submission, Work};
use crate::events::openings;
use crate::http::api::campaigns::run_in_background;
use crate::http::api::cycles::figures;
use crate::http::app::App;
use crate::offers;
use crate::passes;
use crate::statement::scan::StatementError;
use crate::statement::service;
use crate::store::statements::{self, Wanted};
use crate::store::{
    Address, StoreError, Use, answers, codes, cycles, deliveries, desk_reads, dialect, events,
    limit_notices, views,
};

/// How often the jobs look whether they should stop or are due.
const TICK: Duration = Duration::from_millis(200);

/// Accounts that one look posts for.
const ACCOUNTS_AT_ONCE: i64 = 2_000;

/// Accounts that wait in line at once: whoever comes after them waits for no more.
const ACCOUNTS_IN_LINE: usize = 50;

/// Days for which facts of the outbox can be told.
const FACTS_DAYS: i64 = 90;

/// Days for which deliveries that arrived are kept, and those that were given up.
const DELIVERED_DAYS: i64 = 3;
const DEAD_DAYS: i64 = 30;

/// Days after which a limit of a cycle is forgotten to have been told of.
const NOTICES_DAYS: i64 = 400;

/// Days for which it is known who looked whom up at the desk.
const READS_DAYS: i64 = 1_100;

/// Answers that are forgotten in one commit.
const ANSWERS_AT_ONCE: i64 = 5_000;

/// Days for which codes are kept: they are counted by the day.
const CODES_DAYS: i64 = 2;

/// How the jobs run.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The database.
    pub address: Address,
    /// How often accounts are looked at.
    pub expiry: Duration,
    /// How often cycles are looked at; none: they are closed by hand.
    pub settle: Option<Duration>,
    /// How often campaigns, notices and reminders are looked at; none: only when asked.
    pub campaigns: Option<Duration>,
    /// Days for which answers are kept.
    pub answers_days: u32,
    /// How often passes are looked at; none: never.
    pub passes: Option<Duration>,
}

/// The threads of the jobs; they end when this is dropped.
pub struct Jobs {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts the schedule.
    ///
    /// # Errors
    /// If no thread can be started.
    pub fn start(app: Data<App>, schedule: Schedule) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let mut jobs = Self { stop: Arc::clone(&stop), threads: Vec::new() };
        if let Some(period) = schedule.passes {
            // Others' servers may be slow, and must not hold up the rest.
            let (app, mut last) = (app.clone(), None);
            jobs.spawn("passes", move || {
                if is_due(&mut last, period) {
                    report("passes", passes::refresh::refresh(&app.engine, &app.passes));
                }
            })?;
        }
        if let Some(period) = schedule.campaigns {
            // Counting goes through whole journals, and must not hold up the rest.
            let (app, mut campaigning) = (app.clone(), Campaigning::default());
            jobs.spawn("campaigns", move || campaigning.run_due(&app, period))?;
        }
        let mut every = Every::default();
        jobs.spawn("jobs", move || every.run_due(&app, &schedule))?;
        Ok(jobs)
    }

    fn spawn(
        &mut self,
        name: &str,
        mut look: impl FnMut() + Send + 'static,
    ) -> std::io::Result<()> {
        let stopping = Arc::clone(&self.stop);
        let run = move || {
            while !stopping.load(Ordering::SeqCst) {
                look();
                std::thread::sleep(TICK);
            }
        };
        self.threads.push(std::thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("the jobs ended by a bug");
            }
        }
    }
}

#[derive(Default)]
struct Every {
    expired: Option<Stopwatch>,
    refreshed: Option<Stopwatch>,
    forgot: Option<Stopwatch>,
    settled: Option<Stopwatch>,
    kept_up: Option<Stopwatch>,
    disputed: Option<Stopwatch>,
    offered: Option<Stopwatch>,
    opened: Option<Stopwatch>,
}

/// When each job of campaigns ran last.
#[derive(Default)]
struct Campaigning {
    told: Option<Stopwatch>,
    counted: Option<Stopwatch>,
}

impl Campaigning {
    fn run_due(&mut self, app: &Data<App>, period: Duration) {
        if is_due(&mut self.told, period) {
            report("campaigns", run_campaigns(app));
            report("notices", campaigns::jobs::tell(&app.engine));
        }
        if is_due(&mut self.counted, period * 5) {
            report("count", campaigns::stats::keep_up(&app.engine));
        }
    }
}

impl Every {
    fn run_due(&mut self, app: &Data<App>, schedule: &Schedule) {
        let second = Duration::from_secs(1);
        if is_due(&mut self.refreshed, second) {
            report("refresh", app.engine.refresh());
        }
        if is_due(&mut self.expired, schedule.expiry) {
            report("expire", expire(app));
        }
        if let Some(period) = schedule.settle
            && is_due(&mut self.settled, period)
            && let Err(error) = settle(app)
        {
            tracing::error!(job = "settle", error = error.to_string(), "the job settle failed");
        }
        if is_due(&mut self.disputed, second * 10) {
            end_disputes(app);
        }
        if is_due(&mut self.offered, second * 5) {
            follow_offers_up(app);
        }
        if is_due(&mut self.opened, second) {
            report("open", openings::tell(&app.engine));
        }
        if is_due(&mut self.kept_up, second * 5) {
            app.metrics.run_upkeep();
            app.forget_quiet_keys();
        }
        if is_due(&mut self.forgot, second * 3_600) {
            report("forget", forget(app, schedule));
        }
    }
}

fn is_due(last: &mut Option<Stopwatch>, period: Duration) -> bool {
    let due = last.is_none_or(|last| last.elapsed() >= period);
    if due {
        *last = Some(Stopwatch::now());
    }
    due
}

/// Ends disputes whose time is over, and posts entries that are still due.
fn end_disputes(app: &App) {
    if let Err(error) = crate::reconcile::settle_all(&app.engine, app.now()) {
        tracing::error!(%error, "the job settle failed");
    }
}

/// Finishes grants of offers that were begun, and follows abandoned baskets up.
fn follow_offers_up(app: &App) {
    let now = app.now();
    let finished = offers::finish(&app.engine, now);
    let followed = offers::baskets::follow_up(&app.engine, now);
    for error in [finished.err(), followed.err()].into_iter().flatten() {
        tracing::error!(%error, "the job offers failed");
    }
}

/// Runs in the background the campaigns that are due.
fn run_campaigns(app: &Data<App>) -> Result<(), StoreError> {
    for campaign in campaigns::jobs::due(&app.engine)? {
        run_in_background(app, &campaign);
    }
    Ok(())
}

fn report(job: &str, done: Result<(), StoreError>) {
    if let Err(error) = done {
        tracing::error!(job, error = error.chain(), "the job {job} failed");
    }
}

/// Posts what the clock did to accounts that nobody has touched since.
///
/// # Errors
/// If the database fails.
pub(crate) fn expire(app: &App) -> Result<(), StoreError> {
    let now = app.now();
    let due = app.engine.read(|database| views::due_accounts(database, now, ACCOUNTS_AT_ONCE))?;
    let operator = app.coalition().operator.clone();
    let submissions = due.into_iter().filter_map(|(member, programme)| {
        let key = AccountKey { member: MemberId(member), programme: programme.parse().ok()? };
        Some(Submission {
            party: operator.clone(),
            signed_by: None,
            key: [0; 16],
            fingerprint: [0; 32],
            work: Work::Expire(key),
        })
    });
    let mut submissions = submissions.peekable();
    while submissions.peek().is_some() {
        let some = submissions.by_ref().take(ACCOUNTS_IN_LINE).collect();
        for answer in app.engine.submit_in_order(some) {
            // An account that was not posted for is due again at the next look.
            drop(answer.blocking_recv());
        }
    }
    Ok(())
}

/// Closes the cycles that are over, publishes those that are closed, and takes on those to whose
/// statements nobody objected in time. Doing it again changes nothing.
///
/// # Errors
/// If the database fails, or what was recorded does not give what a close vouched for.
pub fn settle(app: &App) -> Result<(), SettleError> {
    let (now, coalition) = (app.now(), app.coalition());
    for schedule in coalition.schedules.values() {
        let open = schedule.cycle_of(now);
        let unsettled = app.engine.read(|database| cycles::unfinished(database, &open))?;
        let last = schedule.cycle(schedule.previous(open.first));
        for cycle in unsettled.into_iter().chain([last]) {
            let row = app.engine.read(|database| cycles::find(database, &cycle))?;
            match row.map_or(CycleState::Open, |row| row.state) {
                CycleState::Open | CycleState::Closing => {
                    let close = Close { author: AUTHOR, figures: &figures };
                    app.engine.close_cycle(&cycle, &close)?;
                    service::publish(&app.engine, &cycle, AUTHOR)?;
                }
                CycleState::Closed => {
                    service::publish(&app.engine, &cycle, AUTHOR)?;
                }
                CycleState::Published => agree_if_late(app, &cycle)?,
                _ => {}
            }
        }
    }
    Ok(())
}

/// Who closes and publishes where no person does.
const AUTHOR: &str = "schedule";

/// Agrees to a cycle when the time to object is over for each party that has not answered.
fn agree_if_late(app: &App, cycle: &CycleId) -> Result<(), StoreError> {
    let wanted = Wanted { party: None, cycle: Some(cycle), before: i64::MAX, most: i64::MAX };
    let (events, listed) = app.engine.read(|database| {
        Ok::<_, StoreError>((cycles::events(database, cycle)?, statements::list(database, wanted)?))
    })?;
    let published = events.iter().find(|event| event.state == CycleState::Published);
    let Some(published) = published else { return Ok(()) };
    let now = app.now();
    let timeline = app.engine.timeline();
    let agreed = timeline.at_end_of(cycle, now);
    let waits_for = listed.iter().filter(|(.., state)| state == statements::PUBLISHED);
    let parties = waits_for.filter_map(|(_, _, party, ..)| party.parse::<PartyId>().ok());
    let mut until = parties.map(|party| agreed.object_until(cycle, &party, published.at));
    if until.all(|until| until <= now) {
        let why = "nobody objected within the agreed days";
        service::acknowledge_all(&app.engine, cycle, (AUTHOR, why))?;
    }
    Ok(())
}

/// Why cycles could not be taken on.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A cycle could not be closed.
    #[error(transparent)]
    Close(#[from] ConfigureError),
    /// Its statements could not be made.
    #[error(transparent)]
    Statement(#[from] StatementError),
}

fn forget(app: &App, schedule: &Schedule) -> Result<(), StoreError> {
    let day = 86_400_000_000;
    let days_ago = |days: i64| app.now().plus_micros(-day * days);
    let before = days_ago(i64::from(schedule.answers_days)).0;
    let mut database = schedule.address.open(Use::Write)?;
    dialect::begin(&mut database)?;
    codes::forget_before(&mut database, days_ago(CODES_DAYS))?;
    dialect::commit(&mut database)?;
    offers::forget(&mut database, app.now())?;
    campaigns::jobs::forget(&app.engine)?;
    events::forget_facts(&mut database, days_ago(FACTS_DAYS))?;
    deliveries::forget(&mut database, (days_ago(DELIVERED_DAYS), days_ago(DEAD_DAYS)))?;
    limit_notices::forget_before(&mut database, days_ago(NOTICES_DAYS))?;
    desk_reads::forget_before(&mut database, days_ago(READS_DAYS))?;
    loop {
        let old = answers::given_before(&mut database, before, ANSWERS_AT_ONCE)?;
        if old.is_empty() {
            return Ok(());
        }
        dialect::begin(&mut database)?;
        answers::forget(&mut database, &old, before)?;
        dialect::commit(&mut database)?;
    }
}
