//! Publishing and answering: what takes a closed cycle on.

use serde_json::json;

use super::publish::{Purpose, make_all};
use super::scan::StatementError;
use super::window::Window;
use crate::domain::ids::PartyId;
use crate::domain::settlement::{CycleId, CycleState};
use crate::domain::time::Instant;
use crate::engine::Engine;
use crate::store::cycles::{self, Doing};
use crate::store::outbox::{self, Fact};
use crate::store::statements::{self, ACKNOWLEDGED, PUBLISHED, StatementRow};
use crate::store::{Database, StoreError, Use, cycle_sums, dialect};

/// The niceness of the thread that makes statements.
const LOW_PRIORITY: i32 = 15;

/// What became of the wish to publish a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publishing {
    /// Its statements can be read, now or since before.
    Published,
    /// It is not closed.
    NotClosed,
    /// An earlier one is not published: each statement continues the one before.
    NotYet(CycleId),
}

/// Publishes the statements of a closed cycle. Doing it again changes nothing.
///
/// # Errors
/// If the database fails, or what was recorded does not give what the close vouched for.
pub fn publish(
    engine: &Engine,
    cycle: &CycleId,
    author: &str,
) -> Result<Publishing, StatementError> {
    let mut reading = engine.open(Use::Read)?;
    let state = cycles::find(&mut reading, cycle)?.map_or(CycleState::Open, |row| row.state);
    if state >= CycleState::Published {
        return Ok(Publishing::Published);
    }
    let Some(window) = Window::of(&mut reading, &engine.timeline(), cycle)? else {
        return Ok(Publishing::NotClosed);
    };
    let unfinished = cycles::unfinished(&mut reading, cycle)?;
    for earlier in unfinished.into_iter().filter(|one| one.first < cycle.first) {
        let row = cycles::find(&mut reading, &earlier)?;
        if row.is_none_or(|row| row.state < CycleState::Published) {
            return Ok(Publishing::NotYet(earlier));
        }
    }
    let making = (&window, engine.signer());
    let mut made = out_of_the_way(|| make_all(&mut reading, making, Purpose::Publish))??;
    drop(reading);
    let now = engine.clock().now();
    for row in &mut made.rows {
        // There is nothing to agree to on an empty statement, and the operator made its own.
        if row.lines == 0 || row.party == window.coalition.operator.as_str() {
            acknowledge_at_once(row, now, author);
        }
    }
    let mut database = engine.open(Use::Write)?;
    dialect::begin(&mut database)?;
    let doing = Doing { author, at: now, note: "" };
    let steps = (CycleState::Closed, CycleState::Published);
    if cycles::advance(&mut database, cycle, steps, &doing)? {
        statements::add(&mut database, &made.rows)?;
        statements::add_circulation(&mut database, cycle, &made.circulation)?;
        cycle_sums::add(&mut database, cycle, &made.sums)?;
        follow_answers(&mut database, cycle, &doing)?;
        outbox::add(&mut database, now, &facts_of(cycle, &made.rows))?;
    }
    dialect::commit(&mut database)?;
    Ok(Publishing::Published)
}

/// What each party is told: that its statement can be read.
fn facts_of(cycle: &CycleId, rows: &[StatementRow]) -> Vec<Fact> {
    let fact = |row: &StatementRow| Fact {
        event: "statement.published",
        party: row.party.parse().ok(),
        programme: None,
        member: None,
        data: json!({
            "cycle": cycle,
            "party": row.party,
            "lines": row.lines,
            "sha256": row.sha256,
            "path": format!("/v1/statements/{cycle}/{}", row.party),
        }),
    };
    rows.iter().map(fact).collect()
}

/// Does what reads much and is waited for by nobody in a hurry, in a thread that leaves the
/// processors to those who post.
fn out_of_the_way<T: Send>(work: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    let low = move || {
        // On Linux the priority is the thread's own. Without it the work is done all the same.
        if let Err(error) = rustix::process::setpriority_process(None, LOW_PRIORITY) {
            tracing::debug!(%error, "the thread of the statements keeps its priority");
        }
        work()
    };
    std::thread::scope(|scope| {
        let named = std::thread::Builder::new().name("statements".to_owned());
        let thread = named.spawn_scoped(scope, low)?;
        Ok(thread.join().unwrap_or_else(|bug| std::panic::resume_unwind(bug)))
    })
}

fn acknowledge_at_once(row: &mut StatementRow, now: Instant, author: &str) {
    ACKNOWLEDGED.clone_into(&mut row.state);
    row.answered_at = Some(now.0);
    row.answered_by = Some(author.to_owned());
}

/// Keeps that a party agrees to its statement. Gives back whether there is such a statement that
/// it has not disagreed with.
///
/// # Errors
/// If the database fails.
pub fn acknowledge(
    engine: &Engine,
    (cycle, party): (&CycleId, &PartyId),
    by: &str,
) -> Result<bool, StoreError> {
    let mut database = engine.open(Use::Write)?;
    dialect::begin(&mut database)?;
    let now = engine.clock().now();
    let changed = statements::answer(&mut database, (cycle, party), ACKNOWLEDGED, (by, now))?;
    if changed {
        follow_answers(&mut database, cycle, &Doing { author: by, at: now, note: "" })?;
    }
    let there = statements::find(&mut database, cycle, party)?;
    dialect::commit(&mut database)?;
    Ok(there.is_some_and(|row| row.state == ACKNOWLEDGED))
}

/// Takes a published cycle on when every party has agreed.
fn follow_answers(
    database: &mut Database,
    cycle: &CycleId,
    doing: &Doing<'_>,
) -> Result<(), StoreError> {
    if statements::count_in_state(database, cycle, PUBLISHED)? > 0 {
        return Ok(());
    }
    let steps = (CycleState::Published, CycleState::Acknowledged);
    cycles::advance(database, cycle, steps, doing)?;
    Ok(())
}

/// Takes a published cycle on whose parties' time to object went by, or that finance says all
/// agreed to. Doing it again changes nothing. Gives back whether it is agreed to now.
///
/// # Errors
/// If the database fails.
pub fn acknowledge_all(
    engine: &Engine,
    cycle: &CycleId,
    (author, note): (&str, &str),
) -> Result<bool, StoreError> {
    let mut database = engine.open(Use::Write)?;
    dialect::begin(&mut database)?;
    let doing = Doing { author, at: engine.clock().now(), note };
    let steps = (CycleState::Published, CycleState::Acknowledged);
    cycles::advance(&mut database, cycle, steps, &doing)?;
    let agreed = cycles::events(&mut database, cycle)?
        .iter()
        .any(|event| event.state == CycleState::Acknowledged);
    dialect::commit(&mut database)?;
    Ok(agreed)
}
