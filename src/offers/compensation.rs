//! Compensation by service centres: one for each case, within the limits of the agreement or after a
//! second person approved it; taken back when the case turns out to be no defect.

use super::grant::{Gift, Posted, post, submission_of};
use super::{AT_ONCE, OfferError, member_of, note};
use crate::auth::vault::NamesKey;
use crate::domain::amount::Points;
use crate::domain::command::Action;
use crate::domain::ids::{PartyId, ProgrammeId, Reference, TransactionId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::rejection::Rejection;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::domain::transaction::Detail;
use crate::engine::{Answer, Engine, EngineError};
use crate::store::offers::compensations::{self, Compensation, Deed, State};
use crate::store::{Database, StoreError, views};

/// The longest case number: it is a part of a reference.
pub const CASE_MAX: usize = 100;

/// A wish to compensate.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Who compensates.
    pub party: PartyId,
    /// The case.
    pub case: String,
    /// In which programme.
    pub programme: ProgrammeId,
    /// Whom.
    pub member: MemberName,
    /// With how many points.
    pub points: Points,
    /// Who asks, and why.
    pub asked: Deed,
}

/// What became of something that was asked for.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It stands there now.
    Stands(Compensation),
    /// It was asked for before, with the same figures.
    Known(Compensation),
    /// The ledger refused it: status and problem document.
    Refused(Answer),
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum NotDone {
    /// The rules are against it.
    #[error(transparent)]
    Rules(#[from] Rejection),
    /// The case has another compensation.
    #[error("the case has another compensation")]
    CaseTaken(i64),
    /// It stands elsewhere.
    #[error("{0}")]
    WrongState(&'static str),
    /// Somebody else must do it.
    #[error("another person must do this")]
    SamePerson,
    /// There is no such compensation.
    #[error("there is no such compensation")]
    NotFound,
    /// It was not done, and may be done yet.
    #[error(transparent)]
    Failed(#[from] OfferError),
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Asks for a compensation: it is granted at once within the limits, and waits above them.
///
/// # Errors
/// If the agreement has none, the case has another one, or the database fails.
pub fn ask(engine: &Engine, wish: &Wish, now: Instant) -> Result<Outcome, NotDone> {
    let timeline = engine.timeline();
    let coalition = timeline.at(now);
    let (one, is_new) =
        engine.write(|database| begin(database, engine.vault().names(), coalition, wish, now))?;
    match (one.state, is_new) {
        (State::Giving, _) => finish(engine, &one).map_err(NotDone::from),
        (_, true) => Ok(Outcome::Stands(one)),
        (_, false) => Ok(Outcome::Known(one)),
    }
}

fn begin(
    database: &mut Database,
    key: &NamesKey,
    coalition: &Coalition,
    wish: &Wish,
    now: Instant,
) -> Result<(Compensation, bool), NotDone> {
    let agreement = coalition.agreement(&wish.programme, &wish.party);
    let terms = agreement.and_then(|one| one.compensation).ok_or(Rejection::NoAgreement)?;
    let programme = coalition.programmes.get(&wish.programme).ok_or(Rejection::NoAgreement)?;
    let named = NamedBy::new(&wish.party, &wish.member);
    let member = member_of(database, key, &named)?.ok_or(Rejection::UnknownMember)?;
    // The sums' lock puts the wishes of one party in order: the case is looked for behind it.
    let day = programme.zone.day_of(now);
    let key = (&wish.party, &wish.programme);
    let (by_day, by_month) = compensations::add_to_sums(database, key, day, wish.points)?;
    if let Some(known) = compensations::of_case(database, &wish.party, &wish.case)? {
        compensations::add_to_sums(database, key, day, -wish.points)?;
        let (same, points) = (known.programme == wish.programme, known.points == wish.points);
        let is_same = same && points && known.member == member;
        return if is_same { Ok((known, false)) } else { Err(NotDone::CaseTaken(known.number)) };
    }
    let passed = terms.passed(wish.points, by_day - wish.points, by_month - wish.points);
    if passed.is_some() {
        compensations::add_to_sums(database, key, day, -wish.points)?;
    }
    let new = Compensation {
        number: 0,
        party: wish.party.clone(),
        case: wish.case.clone(),
        programme: wish.programme.clone(),
        member,
        points: wish.points,
        state: if passed.is_some() { State::Waiting } else { State::Giving },
        passed: passed.map(|passed| passed.name().to_owned()),
        asked: wish.asked.clone(),
        attempt: 1,
        decided: None,
        day: Some(day).filter(|_| passed.is_none()),
        posted: None,
        reversed: None,
        reversal: None,
        taken_back: None,
    };
    Ok((compensations::add(database, new)?, true))
}

/// Approves a compensation that waits, and grants it.
///
/// # Errors
/// If it does not wait, the same person asked for it, or the database fails.
pub fn approve(engine: &Engine, number: i64, by: &Deed) -> Result<Outcome, NotDone> {
    let timeline = engine.timeline();
    let coalition = timeline.at(by.at);
    let giving = engine.write(|database| {
        let one = compensations::find(database, number)?.ok_or(NotDone::NotFound)?;
        match one.state {
            State::Waiting if one.asked.by == by.by => return Err(NotDone::SamePerson),
            State::Waiting => {}
            State::Giving | State::Granted if one.decided.is_some() => return Ok(one),
            _ => return Err(NotDone::WrongState("it does not wait for approval")),
        }
        let programme = coalition.programmes.get(&one.programme).ok_or(Rejection::NoAgreement)?;
        let day = programme.zone.day_of(by.at);
        compensations::add_to_sums(database, (&one.party, &one.programme), day, one.points)?;
        let (state, decided) = (State::Giving, Some(by.clone()));
        let giving = Compensation { state, decided, day: Some(day), ..one.clone() };
        compensations::advance(database, &one, &giving)?;
        Ok(giving)
    })?;
    if giving.state == State::Granted {
        return Ok(Outcome::Known(giving));
    }
    Ok(finish(engine, &giving)?)
}

/// Rejects a compensation that waits.
///
/// # Errors
/// If it does not wait, or the database fails.
pub fn reject(engine: &Engine, number: i64, by: &Deed) -> Result<Outcome, NotDone> {
    engine.write(|database| {
        let one = compensations::find(database, number)?.ok_or(NotDone::NotFound)?;
        match one.state {
            State::Waiting => {}
            State::Rejected => return Ok(Outcome::Known(one)),
            _ => return Err(NotDone::WrongState("it does not wait for approval")),
        }
        let decided = Some(by.clone());
        let after = Compensation { state: State::Rejected, decided, ..one.clone() };
        compensations::advance(database, &one, &after)?;
        Ok(Outcome::Stands(after))
    })
}

/// Takes back what is left of a compensation's points.
///
/// # Errors
/// If it was not granted, or the database fails.
pub fn reverse(engine: &Engine, number: i64, by: &Deed) -> Result<Outcome, NotDone> {
    let reversing = engine.write(|database| {
        let one = compensations::find(database, number)?.ok_or(NotDone::NotFound)?;
        match one.state {
            State::Granted => {}
            State::Reversing | State::Reversed => return Ok(one),
            _ => return Err(NotDone::WrongState("only what was granted can be reversed")),
        }
        let reversed = Some(by.clone());
        let after = Compensation { state: State::Reversing, reversed, ..one.clone() };
        compensations::advance(database, &one, &after)?;
        Ok(after)
    })?;
    if reversing.state == State::Reversed {
        return Ok(Outcome::Known(reversing));
    }
    Ok(finish_reversal(engine, &reversing)?)
}

/// The reference of a case's grant, or of what takes it back.
fn reference(case: &str, what: &str) -> Reference {
    format!("{what}:{case}").parse().expect("a case is visible ASCII of a bounded length")
}

/// Posts the grant of a compensation and notes it.
fn finish(engine: &Engine, giving: &Compensation) -> Result<Outcome, OfferError> {
    let gift = Gift {
        party: giving.party.clone(),
        reference: reference(&giving.case, "case"),
        // The number tells tries of a case from each other whose earlier ones were forgotten.
        attempt: giving.number * 1_000 + giving.attempt,
        programme: giving.programme.clone(),
        member: giving.member,
        points: giving.points,
        valid_through: None,
        money: None,
        promo: None,
    };
    match post(engine, gift.submission())? {
        Posted::Done(posted) => {
            let (state, posted) = (State::Granted, Some(posted));
            let after = Compensation { state, posted, ..giving.clone() };
            settle(engine, giving, after, Points::ZERO)
        }
        Posted::Refused(answer) => {
            engine.write(|database| refuse(database, giving))?;
            Ok(Outcome::Refused(answer))
        }
    }
}

/// Writes what follows from a posting, and gives the limits points back; whoever was faster wrote the
/// same.
fn settle(
    engine: &Engine,
    before: &Compensation,
    after: Compensation,
    back: Points,
) -> Result<Outcome, OfferError> {
    let written = engine.write(|database| {
        give_back(database, before, back)?;
        compensations::advance(database, before, &after)
    });
    match written {
        Ok(()) => Ok(Outcome::Stands(after)),
        Err(StoreError::Conflict(error)) => {
            let now = engine.read(|database| compensations::find(database, before.number))?;
            match now.filter(|now| now.state == after.state) {
                Some(now) => Ok(Outcome::Stands(now)),
                None => Err(StoreError::Conflict(error).into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives the limits of a day and a month points back.
fn give_back(
    database: &mut Database,
    one: &Compensation,
    points: Points,
) -> Result<(), StoreError> {
    if let Some(day) = one.day.filter(|_| !points.is_zero()) {
        compensations::add_to_sums(database, (&one.party, &one.programme), day, -points)?;
    }
    Ok(())
}

/// Gives the limits back what was refused. What nobody approved is forgotten, and its case may be
/// asked for again; what was approved waits again.
fn refuse(database: &mut Database, giving: &Compensation) -> Result<(), StoreError> {
    give_back(database, giving, giving.points)?;
    let is_first = if giving.decided.is_none() {
        compensations::forget(database, giving)?
    } else {
        let after = Compensation {
            state: State::Waiting,
            decided: None,
            day: None,
            attempt: giving.attempt + 1,
            ..giving.clone()
        };
        match compensations::advance(database, giving, &after) {
            Err(StoreError::Conflict(_)) => false,
            done => done.map(|()| true)?,
        }
    };
    // Another server did it all before.
    if is_first { Ok(()) } else { give_back(database, giving, -giving.points) }
}

/// Takes back what is left of the points and notes it.
fn finish_reversal(engine: &Engine, reversing: &Compensation) -> Result<Outcome, OfferError> {
    let action = Action::TakeBack {
        reference: reference(&reversing.case, "no-defect"),
        of: reference(&reversing.case, "case"),
    };
    let key = format!("{}/{}/reversal", reversing.party, reversing.number);
    let done = post(engine, submission_of(reversing.party.clone(), action, &key))?;
    let (reversal, taken_back) = match done {
        Posted::Done(id) => (Some(id), taken_back(engine, id)?),
        // Nothing was left.
        Posted::Refused(answer) if answer.status == 422 => (None, Points::ZERO),
        Posted::Refused(answer) => return Ok(Outcome::Refused(answer)),
    };
    let after = Compensation {
        state: State::Reversed,
        reversal,
        taken_back: Some(taken_back),
        ..reversing.clone()
    };
    settle(engine, reversing, after, taken_back)
}

fn taken_back(engine: &Engine, id: TransactionId) -> Result<Points, OfferError> {
    let stored = engine.read(|database| views::transaction(database, id))?;
    match stored.map(|stored| stored.transaction.detail) {
        Some(Detail::Refund { parts, .. }) => Ok(parts.iter().map(|part| part.clawed_back).sum()),
        _ => Err(EngineError::Failed.into()),
    }
}

/// Finishes compensations that were begun before an instant and not finished.
///
/// # Errors
/// If the database can't be read.
pub(super) fn finish_all(engine: &Engine, before: Instant) -> Result<(), OfferError> {
    let unfinished = engine.read(|database| compensations::unfinished(database, AT_ONCE))?;
    for one in unfinished {
        let last = [one.decided.as_ref(), one.reversed.as_ref()];
        let last = last.into_iter().flatten().map(|deed| deed.at).max().unwrap_or(one.asked.at);
        if before < last {
            continue;
        }
        let done = match one.state {
            State::Reversing => finish_reversal(engine, &one),
            _ => finish(engine, &one),
        };
        note("a compensation", done.map(drop));
    }
    Ok(())
}
