//! Running a campaign: members are taken a window at a time under the campaign's lock, with their
//! part of the budget; they are granted through the engine without any lock; what came of it is
//! written in one commit, which gives back the budget of what was refused.
//!
//! A chunk that a server left is granted again by another: the same keys and references give the
//! same grants. So nobody is granted twice, and no budget is passed by several servers.

mod completing;
mod granting;

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant as Stopwatch};

use super::{CampaignError, Loaded, find, needs_of, stats};
use crate::domain::amount::{Money, Points};
use crate::domain::campaign::budget::Used;
use crate::domain::campaign::segment::Needs;
use crate::domain::campaign::{Arm, CampaignState, ControlGets};
use crate::domain::ids::MemberId;
use crate::domain::time::Instant;
use crate::engine::{Engine, EngineError};
use crate::store::campaigns::audience::{self, Reading};
use crate::store::campaigns::passes::{self, Chunk, ChunkPlace, Pass};
use crate::store::campaigns::takings;
use crate::store::{Database, Use, dialect};

/// How many take and grant at once.
const WORKERS: usize = 2;

/// After so long somebody else takes on what a server left, in microseconds.
pub const LEFT_AFTER: i64 = 60_000_000;

/// The campaigns that this server runs in the background.
#[derive(Debug, Default)]
pub struct Runs(Mutex<BTreeSet<String>>);

impl Runs {
    /// Takes a campaign for this server; false: it has it already.
    pub fn take(&self, id: &str) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned())
    }

    /// Gives a campaign back.
    pub fn give_back(&self, id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// How far a run came.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The pass.
    pub pass: Pass,
    /// Chunks that somebody has taken and not finished.
    pub open_chunks: i64,
}

/// Takes a campaign on: begins a pass over its audience unless one goes on, and grants until all
/// were looked at, a budget is used up, or the time is over. What is left is taken on by the jobs.
///
/// # Errors
/// If the campaign does not run, or the database fails.
pub fn run(engine: &Engine, id: &str, patience: Duration) -> Result<Progress, CampaignError> {
    begin(engine, id, true)?;
    work(engine, id, patience)?;
    progress(engine, id)
}

/// Takes on what was left of a campaign, or begins its first pass.
///
/// # Errors
/// If the campaign can't be read, or the database fails.
pub fn take_on(engine: &Engine, id: &str, patience: Duration) -> Result<(), CampaignError> {
    // What a stopped campaign took before is still finished.
    match begin(engine, id, false) {
        Ok(()) | Err(CampaignError::State { .. }) => work(engine, id, patience),
        Err(error) => Err(error),
    }
}

fn work(engine: &Engine, id: &str, patience: Duration) -> Result<(), CampaignError> {
    let end = Stopwatch::now() + patience;
    let mut database = engine.open(Use::Write)?;
    let coalition = engine.timeline().at(engine.clock().now()).clone();
    let loaded = find(&mut database, id, &coalition)?;
    let needs = needs_of(&loaded);
    if needs.is_counted() {
        stats::catch_up(engine)?;
    }
    drop(database);
    let works = |_: usize| Worker { engine, loaded: &loaded, needs: &needs, end };
    let outcomes: Vec<Result<(), CampaignError>> = std::thread::scope(|scope| {
        let spawn = |number| scope.spawn(move || works(number).work());
        let threads: Vec<_> = (0..WORKERS).map(spawn).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a worker errs, it does not panic"))
            .collect()
    });
    outcomes.into_iter().collect()
}

/// Where the latest pass of a campaign stands.
///
/// # Errors
/// If there was none, or the database fails.
pub fn progress(engine: &Engine, id: &str) -> Result<Progress, CampaignError> {
    let (pass, open_chunks) =
        engine.read(|one| Ok((passes::latest(one, id)?, passes::open_chunks(one, id)?)))?;
    let pass = pass.ok_or(CampaignError::NotFound)?;
    Ok(Progress { pass, open_chunks })
}

/// Begins a pass unless one goes on or has open chunks; another one than the first only if asked for.
///
/// # Errors
/// If the campaign does not run, or the database fails.
pub fn begin(engine: &Engine, id: &str, another: bool) -> Result<(), CampaignError> {
    let now = engine.clock().now();
    engine.write(|database| {
        let row = crate::store::campaigns::lock(database, id)?.ok_or(CampaignError::NotFound)?;
        let state = row.state()?;
        if state != CampaignState::Running {
            return Err(CampaignError::State { state, detail: "start it first" });
        }
        let begins = match passes::latest(database, id)? {
            None => true,
            // What an earlier pass took is finished first: nobody is taken twice.
            Some(pass) => {
                another && pass.state != passes::GOING && passes::open_chunks(database, id)? == 0
            }
        };
        if begins {
            passes::begin(database, id, now)?;
        }
        Ok(())
    })
}

struct Worker<'a> {
    engine: &'a Engine,
    loaded: &'a Loaded,
    needs: &'a Needs,
    end: Stopwatch,
}

impl Worker<'_> {
    fn work(&self) -> Result<(), CampaignError> {
        let mut database = self.engine.open(Use::Write)?;
        while Stopwatch::now() < self.end {
            if !self.engine.is_running() {
                return Err(EngineError::Stopping.into());
            }
            let taken = match self.patiently(&mut database, Self::claim)? {
                Claim::Chunk(place, chunk) => Some((place, chunk)),
                Claim::Nothing => continue,
                Claim::Over => self.patiently(&mut database, Self::take_over)?,
            };
            let Some((place, chunk)) = taken else { return Ok(()) };
            let outcomes = self.grant(place, &chunk)?;
            self.patiently(&mut database, |worker, one| {
                worker.complete(one, (place, &chunk), &outcomes)
            })?;
        }
        Ok(())
    }

    /// Runs something in a transaction, again if another writer came first.
    fn patiently<T>(
        &self,
        database: &mut Database,
        run: impl Fn(&Self, &mut Database) -> Result<T, CampaignError>,
    ) -> Result<T, CampaignError> {
        const ATTEMPTS_MAX: usize = 10;
        let mut attempt = 1;
        loop {
            dialect::begin(database)?;
            let done = run(self, database)
                .and_then(|done| dialect::commit(database).map(|()| done).map_err(Into::into));
            match done {
                Err(CampaignError::Store(error))
                    if error.is_passing()
                        && !error.is_connection_lost()
                        && attempt < ATTEMPTS_MAX =>
                {
                    dialect::roll_back(database)?;
                    attempt += 1;
                }
                Err(error) => {
                    drop(dialect::roll_back(database));
                    return Err(error);
                }
                Ok(done) => return Ok(done),
            }
        }
    }

    /// Takes the next members, with their part of the budget.
    fn claim(&self, database: &mut Database) -> Result<Claim, CampaignError> {
        let (loaded, id) = (self.loaded, self.loaded.row.campaign.as_str());
        let row = crate::store::campaigns::lock(database, id)?.ok_or(CampaignError::NotFound)?;
        let now = self.engine.clock().now();
        let Some(mut pass) = passes::latest(database, id)?.filter(|one| one.state == passes::GOING)
        else {
            return Ok(Claim::Over);
        };
        pass.touched_at = now.0;
        let is_over = loaded.campaign.stop.is_some_and(|stop| stop <= now);
        if row.state()? != CampaignState::Running || is_over {
            finish(&mut pass, passes::STOPPED, now);
            passes::save(database, &pass)?;
            return Ok(Claim::Over);
        }
        let reading = Reading { programme: &loaded.programme, needs: self.needs, now };
        let window = audience::window(database, pass.member, reading, &loaded.known_to)?;
        let Some(last) = window.last else {
            finish(&mut pass, passes::DONE, now);
            passes::save(database, &pass)?;
            return Ok(Claim::Over);
        };
        let today = reading.today();
        let taken = takings::taken(database, id, (pass.member, last.0))?;
        let mut meant = window.meant(&loaded.campaign.audience, today);
        meant.retain(|member| !taken.contains(member));
        pass.member = last.0;
        let mut chunk = Chunk {
            through: loaded.campaign.valid_through(today),
            day: today.number(),
            ..Chunk::default()
        };
        let scopes = loaded.campaign.budget.0.keys();
        let mut used = passes::used(database, id, scopes, chunk.day)?;
        for member in meant {
            let last_receipt = window.known(member).map(|known| known.last_amount);
            match self.share_of(member, last_receipt.unwrap_or_default(), &mut used) {
                Share::Points(points) => chunk.grants.push((member.0, points.0)),
                Share::Place => chunk.without.push(member.0),
                Share::Nothing => {}
                Share::NoBudget => {
                    finish(&mut pass, passes::EXHAUSTED, now);
                    break;
                }
            }
        }
        let count = chunk.grants.len() + chunk.without.len();
        pass.matched += i64::try_from(count).unwrap_or(i64::MAX);
        let place = (pass.pass, pass.next_chunk);
        if count > 0 {
            pass.next_chunk += 1;
            passes::add_chunk(database, (id, place), &chunk, now)?;
            passes::save_used(database, id, &used, chunk.day)?;
        }
        passes::save(database, &pass)?;
        Ok(if count > 0 { Claim::Chunk(place, chunk) } else { Claim::Nothing })
    }

    /// What a member who is meant gets.
    fn share_of(&self, member: MemberId, last_receipt: Money, used: &mut Used) -> Share {
        let Loaded { campaign, programme, agreed, .. } = self.loaded;
        if campaign.grant.is_none() {
            return Share::Place;
        }
        let points = campaign.points_for(last_receipt, programme);
        if points.is_zero() {
            return Share::Nothing;
        }
        let gets_nothing =
            campaign.control.as_ref().is_some_and(|one| one.gets == ControlGets::Nothing);
        if gets_nothing && self.loaded.arm(member) == Arm::Control {
            return Share::Place;
        }
        let cost = campaign.cost_of(points, agreed.as_ref(), programme);
        match campaign.budget.take(used, &cost) {
            Ok(()) => Share::Points(points),
            Err(_) => Share::NoBudget,
        }
    }

    /// Takes on what somebody left.
    fn take_over(
        &self,
        database: &mut Database,
    ) -> Result<Option<(ChunkPlace, Chunk)>, CampaignError> {
        let id = self.loaded.row.campaign.as_str();
        crate::store::campaigns::lock(database, id)?;
        let now = self.engine.clock().now();
        Ok(passes::take_over(database, id, (now.plus_micros(-LEFT_AFTER), now))?)
    }
}

/// What comes of asking for members.
enum Claim {
    /// These.
    Chunk(ChunkPlace, Chunk),
    /// Nobody in this window.
    Nothing,
    /// There are no more.
    Over,
}

/// What a member who is meant gets.
enum Share {
    /// Points.
    Points(Points),
    /// A place without points.
    Place,
    /// Nothing at all.
    Nothing,
    /// Nothing any more: a budget is used up.
    NoBudget,
}

fn finish(pass: &mut Pass, state: &str, now: Instant) {
    state.clone_into(&mut pass.state);
    pass.finished_at = Some(now.0);
}
