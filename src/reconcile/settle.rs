//! Entries that are due: for breaks that were adjusted, and for disputes. What is decided is written
//! first and posted then; each entry has a reference and a key of its own, so whatever died in
//! between is done again without harm.

use sha2::{Digest, Sha256};

use super::{Request, ours};
use crate::domain::adjustment::{
    Adjustment, Cause, Corrected, DisputeId, ReconciliationId, owes_for,
};
use crate::domain::amount::Money;
use crate::domain::command::{Action, Command, Kind};
use crate::domain::ids::{PartyId, ProgrammeId, ScheduleId, TransactionId};
use crate::domain::posting::ObligationKind;
use crate::domain::reconciliation::dispute::DisputeState;
use crate::domain::reconciliation::{Break, amount_sign};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;
use crate::engine::{Engine, EngineError, Submission, Work};
use crate::store::breaks::BreakRow;
use crate::store::names::key_hash;
use crate::store::reconciliations::RunRow;
use crate::store::rows::read_json;
use crate::store::{StoreError, breaks, disputes, reconciliations, views};

/// Entries that one look posts, and disputes that one look ends.
const AT_ONCE: i64 = 200;

/// Why an entry was not posted. It stays due.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The engine did not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The rules refused it.
    #[error("an entry was refused: {0}")]
    Refused(String),
}

/// Posts an adjustment into the open cycle; one that was posted before is found again.
///
/// # Errors
/// If it was not taken.
fn post(engine: &Engine, adjustment: Adjustment) -> Result<TransactionId, SettleError> {
    let operator = engine.timeline().latest().operator.clone();
    let name = format!("adjustment/{}", adjustment.reference.as_str());
    let submission = Submission {
        party: operator.clone(),
        signed_by: None,
        key: key_hash(operator.as_str(), &name),
        fingerprint: Sha256::digest(name.as_bytes()).into(),
        work: Work::Post(Box::new(Command {
            party: operator,
            action: Action::Adjustment(Box::new(adjustment)),
            at: None,
            till: None,
        })),
    };
    let mut answers = engine.submit_in_order(vec![submission]);
    let answer = answers.pop().ok_or(EngineError::Failed)?;
    let answer = answer.blocking_recv().unwrap_or(Err(EngineError::Stopping))?;
    // An answer that was forgotten meanwhile leaves the reference, which names the entry.
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let id = body.get("id").or_else(|| body.get("transaction")).and_then(|id| id.as_str());
    let id = id.and_then(|id| id.parse().ok());
    id.ok_or_else(|| SettleError::Refused(answer.body.to_string()))
}

/// The programme on whose account a break is adjusted: the one that was named, that of our
/// transaction, or the only one that the party has an agreement with.
fn programme_of(
    coalition: &Coalition,
    (party, request): (&PartyId, &Request),
    original: Option<&Transaction>,
) -> Option<ProgrammeId> {
    if request.programme.is_some() {
        return request.programme.clone();
    }
    if let Some(original) = original {
        return ours::programme_of(original);
    }
    let mut own = coalition.agreements.keys().filter(|(_, one)| one == party);
    match (own.next(), own.next()) {
        (Some((programme, _)), None) => Some(programme.clone()),
        _ => None,
    }
}

/// What the party owes when a break is adjusted and nobody says otherwise: the same share of what
/// it owed by our transaction as the amount is corrected by. Nothing for a line that we don't have.
/// None: nobody could say on whose account something else would be owed.
pub fn adjustment_owes(
    coalition: &Coalition,
    (party, request): (&PartyId, &Request),
    (one, original): (&Break, Option<&Transaction>),
) -> Option<Money> {
    let programme = programme_of(coalition, (party, request), original)?;
    let Some(original) = original else { return Some(Money::ZERO) };
    let amount = ours::amount_of(original, &programme);
    let amount = Money(amount.0 * amount_sign(original.kind));
    Some(owes_for(original, (party, &programme), (one.effect, amount)))
}

/// The entry of a break that was adjusted.
fn entry_of(
    coalition: &Coalition,
    (run, request): (&RunRow, &Request),
    (row, original): (&BreakRow, Option<&Transaction>),
) -> Adjustment {
    let one = &row.found;
    let sides = [&one.ours, &one.theirs];
    let kind = sides.into_iter().flatten().find_map(|figures| figures.kind);
    let at = sides.into_iter().flatten().map(|figures| figures.at).next();
    let at = at.unwrap_or(request.range.0);
    let schedule = request.cycle.as_ref().map(|cycle| cycle.schedule.clone());
    let reference = format!("{}/{}", run.id, one.number);
    Adjustment {
        reference: reference.parse().expect("a reference of visible ASCII"),
        party: run.party.clone(),
        programme: programme_of(coalition, (&run.party, request), original),
        schedule: schedule.unwrap_or_else(ScheduleId::main),
        obligation: ObligationKind::Adjustment,
        owes: Money(row.handling.owes.unwrap_or(0)),
        belongs_to: Some(original.map_or(at, |original| original.recorded_at)),
        of: one.transaction,
        cause: Cause::Break { run: run.id, number: one.number },
        corrected: Some(Corrected {
            reference: one.reference.clone(),
            kind: kind.unwrap_or(Kind::Purchase),
            by_amount: one.effect,
            at,
        }),
    }
}

/// Posts what is due for a break that was adjusted, and links it.
///
/// # Errors
/// If it was not taken; it stays due.
pub fn finish_break(
    engine: &Engine,
    (run, number): (ReconciliationId, u64),
) -> Result<(), SettleError> {
    let read = engine.read(|database| {
        let Some(run) = reconciliations::find(database, run)? else { return Ok(None) };
        let Some(row) = breaks::find(database, run.id, number)? else { return Ok(None) };
        let original = match row.found.transaction {
            None => None,
            Some(id) => views::transaction(database, id)?.map(|stored| stored.transaction),
        };
        Ok(Some((run, row, original)))
    })?;
    let Some((run, row, original)) = read else { return Ok(()) };
    let request: Request = read_json(&run.request, "a reconciliation's request")?;
    let timeline = engine.timeline();
    let entry = entry_of(timeline.latest(), (&run, &request), (&row, original.as_ref()));
    let posted = post(engine, entry)?;
    engine.write(|database| breaks::link(database, run.id, number, posted))?;
    Ok(())
}

/// Posts what is due for a dispute, entry after entry, and links each.
///
/// # Errors
/// If an entry was not taken; it stays due.
pub fn finish_dispute(engine: &Engine, id: DisputeId) -> Result<(), SettleError> {
    let operator = engine.timeline().latest().operator.clone();
    loop {
        let Some(row) = engine.read(|database| disputes::find(database, id))? else {
            return Ok(());
        };
        let Some(entry) = row.case.due_entry(&operator) else { return Ok(()) };
        let posted = post(engine, row.case.adjustment(id, entry))?;
        let mut after = row.case.clone();
        after.link(entry, posted).map_err(|error| SettleError::Refused(error.to_string()))?;
        let unposted = after.due_entry(&operator).is_some();
        engine.write(|database| disputes::advance(database, &row, (&after, unposted), None))?;
    }
}

/// Ends a dispute whose time is over. Gives back whether it was.
///
/// # Errors
/// If the database fails, or what was set aside can't be released now.
pub fn expire_dispute(engine: &Engine, id: DisputeId, now: Instant) -> Result<bool, SettleError> {
    let operator = engine.timeline().latest().operator.clone();
    let Some(row) = engine.read(|database| disputes::find(database, id))? else {
        return Ok(false);
    };
    if !row.case.dispute.expires(now) {
        return Ok(false);
    }
    let mut after = row.case.clone();
    after.dispute.state = DisputeState::Expired;
    let unposted = after.due_entry(&operator).is_some();
    let request = key_hash(operator.as_str(), &format!("expire/{id}"));
    let step = disputes::Step {
        at: now,
        side: "clearing_house",
        author: "clock",
        action: "expire",
        content: "{}",
        request: &request,
    };
    engine.write(|database| disputes::advance(database, &row, (&after, unposted), Some(&step)))?;
    finish_dispute(engine, id)?;
    Ok(true)
}

/// Ends the disputes whose time is over, and posts whatever is still due.
///
/// # Errors
/// If the database fails.
pub fn settle_all(engine: &Engine, now: Instant) -> Result<(), SettleError> {
    for row in engine.read(|database| disputes::overdue(database, now, AT_ONCE))? {
        expire_dispute(engine, row.id, now)?;
    }
    for id in engine.read(|database| disputes::unposted(database, AT_ONCE))? {
        finish_dispute(engine, id)?;
    }
    for due in engine.read(|database| breaks::unposted(database, AT_ONCE))? {
        finish_break(engine, due)?;
    }
    Ok(())
}
