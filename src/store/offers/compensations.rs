//! Compensations by service centres, and what their limits are judged by.

use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::{Numbered, next_number};
use crate::domain::amount::Points;
use crate::domain::ids::{MemberId, PartyId, ProgrammeId, TransactionId};
use crate::domain::time::{Day, Instant};
use crate::store::StoreError;
use crate::store::connection::{Database, each_backend};
use crate::store::rows::read_name;
use crate::store::schema::{compensation_sums, compensations};

/// Where a compensation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A second person must approve.
    Waiting,
    /// Its grant is being posted.
    Giving,
    /// The points are given.
    Granted,
    /// A second person said no.
    Rejected,
    /// What is left of the points is being taken back.
    Reversing,
    /// It was taken back.
    Reversed,
}

impl State {
    /// All states.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Giving,
        Self::Granted,
        Self::Rejected,
        Self::Reversing,
        Self::Reversed,
    ];

    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Giving => "giving",
            Self::Granted => "granted",
            Self::Rejected => "rejected",
            Self::Reversing => "reversing",
            Self::Reversed => "reversed",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Who did something to a compensation, when and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Who.
    pub by: String,
    /// When.
    pub at: Instant,
    /// Why.
    pub why: Option<String>,
}

/// A compensation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compensation {
    /// Its number.
    pub number: i64,
    /// Who compensates.
    pub party: PartyId,
    /// The case.
    pub case: String,
    /// In which programme.
    pub programme: ProgrammeId,
    /// Whom.
    pub member: MemberId,
    /// With how many points.
    pub points: Points,
    /// Where it stands.
    pub state: State,
    /// The limit that it would have passed.
    pub passed: Option<String>,
    /// Who asked for it, when and why.
    pub asked: Deed,
    /// The number of the try to post the grant, from 1.
    pub attempt: i64,
    /// Who approved or rejected it.
    pub decided: Option<Deed>,
    /// The local day on which its limits were judged.
    pub day: Option<Day>,
    /// The grant.
    pub posted: Option<TransactionId>,
    /// Who reversed it.
    pub reversed: Option<Deed>,
    /// What took points back.
    pub reversal: Option<TransactionId>,
    /// How many points came back.
    pub taken_back: Option<Points>,
}

#[derive(Clone, Debug, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = compensations, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    compensation: i64,
    party: String,
    case_number: String,
    programme: String,
    member: i64,
    points: i64,
    state: String,
    passed: Option<String>,
    why: Option<String>,
    author: String,
    asked_at: i64,
    attempt: i64,
    decided_by: Option<String>,
    decided_at: Option<i64>,
    decided_why: Option<String>,
    day: Option<i64>,
    posted: Option<i64>,
    reversed_by: Option<String>,
    reversed_at: Option<i64>,
    reversed_why: Option<String>,
    reversal: Option<i64>,
    taken_back: Option<i64>,
}

fn row_of(one: &Compensation) -> Row {
    let by = |deed: &Option<Deed>| deed.as_ref().map(|deed| deed.by.clone());
    let at = |deed: &Option<Deed>| deed.as_ref().map(|deed| deed.at.0);
    let why = |deed: &Option<Deed>| deed.as_ref().and_then(|deed| deed.why.clone());
    Row {
        compensation: one.number,
        party: one.party.to_string(),
        case_number: one.case.clone(),
        programme: one.programme.to_string(),
        member: one.member.0,
        points: one.points.0,
        state: one.state.name().to_owned(),
        passed: one.passed.clone(),
        why: one.asked.why.clone(),
        author: one.asked.by.clone(),
        asked_at: one.asked.at.0,
        attempt: one.attempt,
        decided_by: by(&one.decided),
        decided_at: at(&one.decided),
        decided_why: why(&one.decided),
        day: one.day.map(Day::number),
        posted: one.posted.map(|id| id.0),
        reversed_by: by(&one.reversed),
        reversed_at: at(&one.reversed),
        reversed_why: why(&one.reversed),
        reversal: one.reversal.map(|id| id.0),
        taken_back: one.taken_back.map(|points| points.0),
    }
}

fn compensation_of(row: Row) -> Result<Compensation, StoreError> {
    let deed = |by: Option<String>, at: Option<i64>, why| {
        by.zip(at).map(|(by, at)| Deed { by, at: Instant(at), why })
    };
    let state = State::named(&row.state);
    Ok(Compensation {
        number: row.compensation,
        party: read_name(&row.party)?,
        case: row.case_number,
        programme: read_name(&row.programme)?,
        member: MemberId(row.member),
        points: Points(row.points),
        state: state.ok_or_else(|| StoreError::Damaged("a compensation's state".into()))?,
        passed: row.passed,
        asked: Deed { by: row.author, at: Instant(row.asked_at), why: row.why },
        attempt: row.attempt,
        decided: deed(row.decided_by, row.decided_at, row.decided_why),
        day: row.day.map(Day::from_number),
        posted: row.posted.map(TransactionId),
        reversed: deed(row.reversed_by, row.reversed_at, row.reversed_why),
        reversal: row.reversal.map(TransactionId),
        taken_back: row.taken_back.map(Points),
    })
}

/// Adds a compensation; its number is given here.
///
/// # Errors
/// If the case has one already, or the database fails.
pub fn add(connection: &mut Database, new: Compensation) -> Result<Compensation, StoreError> {
    let new = Compensation { number: next_number(connection, Numbered::Compensation)?, ..new };
    let row = row_of(&new);
    each_backend!(connection, |one| {
        diesel::insert_into(compensations::table).values(&row).execute(one)
    })?;
    Ok(new)
}

/// A compensation by number.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn find(connection: &mut Database, number: i64) -> Result<Option<Compensation>, StoreError> {
    let row: Option<Row> =
        compensations::table.find(number).select(Row::as_select()).first(connection).optional()?;
    row.map(compensation_of).transpose()
}

/// The compensation of a party's case.
///
/// # Errors
/// If the database fails, or the row was changed.
pub fn of_case(
    connection: &mut Database,
    party: &PartyId,
    case: &str,
) -> Result<Option<Compensation>, StoreError> {
    let row: Option<Row> = compensations::table
        .select(Row::as_select())
        .filter(compensations::party.eq(party.as_str()))
        .filter(compensations::case_number.eq(case))
        .first(connection)
        .optional()?;
    row.map(compensation_of).transpose()
}

/// Which compensations are asked for.
#[derive(Clone, Debug)]
pub struct Which {
    /// Only of this party.
    pub party: Option<PartyId>,
    /// Only of this case.
    pub case: Option<String>,
    /// Only in this state.
    pub state: Option<State>,
    /// Only before this number.
    pub before: i64,
}

/// Compensations, the newest first.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn list(
    connection: &mut Database,
    which: &Which,
    most: i64,
) -> Result<Vec<Compensation>, StoreError> {
    let mut query = compensations::table
        .select(Row::as_select())
        .filter(compensations::compensation.lt(which.before))
        .order(compensations::compensation.desc())
        .limit(most)
        .into_boxed();
    if let Some(party) = &which.party {
        query = query.filter(compensations::party.eq(party.as_str()));
    }
    if let Some(case) = &which.case {
        query = query.filter(compensations::case_number.eq(case));
    }
    if let Some(state) = which.state {
        query = query.filter(compensations::state.eq(state.name()));
    }
    let rows: Vec<Row> = query.load(connection)?;
    rows.into_iter().map(compensation_of).collect()
}

/// Compensations that were begun some time ago and are not finished.
///
/// # Errors
/// If the database fails, or a row was changed.
pub fn unfinished(connection: &mut Database, most: i64) -> Result<Vec<Compensation>, StoreError> {
    let states = [State::Giving.name(), State::Reversing.name()];
    let rows: Vec<Row> = each_backend!(connection, |one| {
        compensations::table
            .select(Row::as_select())
            .filter(compensations::state.eq_any(states))
            .order(compensations::compensation)
            .limit(most)
            .load(one)
    })?;
    rows.into_iter().map(compensation_of).collect()
}

/// Takes a compensation from where it stood to where it stands now.
///
/// # Errors
/// If somebody else was faster, or the database fails.
pub fn advance(
    connection: &mut Database,
    before: &Compensation,
    after: &Compensation,
) -> Result<(), StoreError> {
    let row = row_of(after);
    let changed = each_backend!(connection, |one| {
        diesel::update(
            compensations::table
                .find(before.number)
                .filter(compensations::state.eq(before.state.name()))
                .filter(compensations::attempt.eq(before.attempt)),
        )
        .set(&row)
        .execute(one)
    })?;
    if changed == 0 { Err(StoreError::Conflict(DieselError::RollbackTransaction)) } else { Ok(()) }
}

/// Forgets a compensation whose grant was refused: its case may be asked for again. Gives back
/// whether nobody did before.
///
/// # Errors
/// If the database fails.
pub fn forget(connection: &mut Database, one: &Compensation) -> Result<bool, StoreError> {
    let gone = diesel::delete(
        compensations::table
            .find(one.number)
            .filter(compensations::state.eq(State::Giving.name()))
            .filter(compensations::attempt.eq(one.attempt)),
    )
    .execute(connection)?;
    Ok(gone > 0)
}

/// What a party gave on a day and in its month, with these points added; both rows are locked until
/// the transaction ends. Points below zero take something away.
///
/// # Errors
/// If the database fails.
pub fn add_to_sums(
    connection: &mut Database,
    (party, programme): (&PartyId, &ProgrammeId),
    day: Day,
    points: Points,
) -> Result<(Points, Points), StoreError> {
    let mut sums = [Points::ZERO; 2];
    for (sum, (scope, day)) in
        sums.iter_mut().zip([("day", day), ("month", day.with_day_of_month(1))])
    {
        each_backend!(connection, |one| {
            diesel::insert_into(compensation_sums::table)
                .values((
                    compensation_sums::party.eq(party.as_str()),
                    compensation_sums::programme.eq(programme.as_str()),
                    compensation_sums::scope.eq(scope),
                    compensation_sums::day.eq(day.number()),
                    compensation_sums::points.eq(0),
                ))
                .on_conflict_do_nothing()
                .execute(one)
        })?;
        let key = (party.as_str(), programme.as_str(), scope, day.number());
        diesel::update(compensation_sums::table.find(key))
            .set(compensation_sums::points.eq(compensation_sums::points + points.0))
            .execute(connection)?;
        let now: i64 = compensation_sums::table
            .find(key)
            .select(compensation_sums::points)
            .first(connection)?;
        *sum = Points(now);
    }
    Ok((sums[0], sums[1]))
}

/// Forgets the sums of days and months before a day.
///
/// # Errors
/// If the database fails.
pub fn forget_sums(connection: &mut Database, before: Day) -> Result<(), StoreError> {
    diesel::delete(compensation_sums::table.filter(compensation_sums::day.lt(before.number())))
        .execute(connection)?;
    Ok(())
}
