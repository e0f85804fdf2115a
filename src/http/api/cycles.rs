//! Cycles: closed by the operator, read by everybody who is a side.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::{Deserialize, Serialize};

use super::found;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{KeyId, PartyId, ProgrammeId, ScheduleId};
use crate::domain::settlement::{CycleId, CycleState, PositionSum};
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant};
use crate::engine::{Close, Closing};
use crate::http::app::{App, read};
use crate::http::caller::{Either, Operated, must_have_key};
use crate::http::present::{json_text, points_text};
use crate::http::problem::Problem;
use crate::store::cycles;

/// Who owes whom what for what.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Line {
    debtor: String,
    creditor: String,
    programme: String,
    kind: String,
    count: i64,
    points: String,
    amount: String,
}

/// A transition that a cycle made.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Event {
    state: CycleState,
    at: Instant,
    /// Who caused it; a party is not told which other party did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// Why, where it was said; a party is told only what it said itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

impl Event {
    fn of(event: cycles::CycleEvent) -> Self {
        let why = Some(event.note).filter(|why| !why.is_empty());
        Self { state: event.state, at: event.at, by: Some(event.author), why }
    }

    /// What one party sees. An author is a party, a key of one, or somebody of the house.
    fn seen_by(self, party: &PartyId, coalition: &Coalition) -> Self {
        let author = self.by.as_deref().unwrap_or_default();
        let key = author.parse::<KeyId>().ok().and_then(|key| coalition.keys.get(&key));
        let of_key = key.map(|key| key.party.clone());
        let itself = || author.parse().ok().filter(|one| coalition.parties.contains_key(one));
        match of_key.or_else(itself) {
            Some(one) if one == *party => self,
            Some(_) => Self { by: None, why: None, ..self },
            None => Self { why: None, ..self },
        }
    }
}

/// A cycle: its nets and the positions that they add up.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Cycle {
    /// Its first settlement day.
    day: Day,
    /// Its id; figures that were fixed before there were other schedules don't repeat it.
    #[serde(default, rename = "cycle")]
    id: Option<CycleId>,
    state: CycleState,
    currency: String,
    /// Positive: receives. Parties at zero are left out.
    nets: BTreeMap<String, String>,
    positions: Vec<Line>,
    /// The transitions so far; not part of the fixed figures.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    events: Vec<Event>,
}

impl Cycle {
    fn of(id: &CycleId, coalition: &Coalition, positions: &[PositionSum]) -> Self {
        let mut nets: BTreeMap<String, Money> = BTreeMap::new();
        let mut sums: BTreeMap<[String; 4], (i64, Points, Money)> = BTreeMap::new();
        for one in positions {
            *nets.entry(one.debtor.to_string()).or_default() -= one.amount;
            *nets.entry(one.creditor.to_string()).or_default() += one.amount;
            let programme = one.programme.as_ref().map(ToString::to_string).unwrap_or_default();
            let kind = one.kind.name(one.reverses).to_owned();
            let key = [one.debtor.to_string(), one.creditor.to_string(), programme, kind];
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + one.count, sum.1 + one.points, sum.2 + one.amount);
        }
        let all: Money = nets.values().copied().sum();
        assert!(all.is_zero(), "nets of a currency sum to zero");
        let nets = nets.into_iter().filter(|(_, net)| !net.is_zero());
        let line = |([debtor, creditor, programme, kind], (count, points, amount)): (
            [String; 4],
            (i64, Points, Money),
        )| Line {
            points: programme.parse::<ProgrammeId>().map_or_else(
                |_| points.0.to_string(),
                |programme| points_text(coalition, &programme, points),
            ),
            debtor,
            creditor,
            programme,
            kind,
            count,
            amount: amount.text(coalition.money_scale),
        };
        Self {
            day: id.first,
            id: Some(id.clone()),
            state: CycleState::Closed,
            currency: coalition.currency.clone(),
            nets: nets.map(|(party, net)| (party, net.text(coalition.money_scale))).collect(),
            positions: sums.into_iter().map(line).collect(),
            events: Vec::new(),
        }
    }

    /// What one party sees: the lines that it is a side of, its own net, and of the transitions
    /// nothing that other parties did or were told.
    fn seen_by(mut self, party: &PartyId, coalition: &Coalition) -> Self {
        let name = party.as_str();
        self.positions.retain(|line| line.debtor == name || line.creditor == name);
        self.nets.retain(|one, _| one == name);
        let events = self.events.into_iter().map(|event| event.seen_by(party, coalition));
        self.events = events.collect();
        self
    }
}

/// The figures of a cycle that is being closed, as they are kept.
pub fn figures(coalition: &Coalition, id: &CycleId, positions: &[PositionSum]) -> String {
    json_text(&Cycle::of(id, coalition, positions))
}

/// The id of a cycle in a path: the first settlement day, with the schedule before it where it is
/// not the coalition's own.
pub(super) fn cycle_of(text: &str) -> Result<CycleId, Problem> {
    text.parse().map_err(|_| {
        let detail = "write the cycle's first day as YYYY-MM-DD, or SCHEDULE.YYYY-MM-DD";
        Problem::invalid("/cycle", detail)
    })
}

/// Closes a cycle; closing it twice gives the same figures.
pub async fn close(
    call: Operated,
    app: Data<App>,
    cycle: Path<String>,
) -> Result<HttpResponse, Problem> {
    call.must_settle()?;
    must_have_key(call.idempotency_key.as_ref())?;
    let cycle = cycle_of(&cycle)?;
    let author = call.operator.subject.clone();
    let closing = actix_web::web::block(move || {
        app.engine.close_cycle(&cycle, &Close { author: &author, figures: &figures })
    });
    match closing.await?? {
        Closing::Closed(statement) => {
            Ok(HttpResponse::Ok().content_type("application/json").body(statement))
        }
        Closing::NotOver => Err(Problem::cycle_not_over()),
        Closing::NoSuchCycle => Err(Problem::not_found()),
        Closing::PassedOver => {
            let detail = "nothing was posted in it and a later cycle is closed: it is passed over";
            Err(Problem::wrong_cycle_state(detail))
        }
    }
}

/// What a list of cycles can be narrowed by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    schedule: Option<ScheduleId>,
    before: Option<String>,
    limit: Option<i64>,
}

#[derive(Serialize)]
struct ListedCycle {
    cycle: CycleId,
    state: CycleState,
}

#[derive(Serialize)]
struct CycleList {
    /// The cycle that takes postings now.
    open: CycleId,
    data: Vec<ListedCycle>,
}

/// How many rows of a list are wanted at most, if the caller says so.
pub(super) fn at_most(app: &App, limit: Option<i64>) -> Result<Option<i64>, Problem> {
    let page_max = app.limits.page_max;
    if limit.is_some_and(|limit| !(1..=page_max).contains(&limit)) {
        return Err(Problem::invalid("/limit", &format!("ask for 1 to {page_max}")));
    }
    Ok(limit)
}

/// The open cycle of a schedule, and those that are no longer open, the latest first.
pub async fn list(
    _call: Either,
    app: Data<App>,
    query: Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let coalition = app.coalition();
    let schedule = coalition.schedules.get(&query.schedule.unwrap_or_default());
    let open = schedule.ok_or_else(Problem::not_found)?.cycle_of(app.now());
    let before = query.before.as_deref().map_or(Some(open.first.plus_days(1)), Day::parse);
    let before = before.ok_or_else(|| Problem::invalid("/before", "write YYYY-MM-DD"))?;
    let most = at_most(&app, query.limit)?.unwrap_or(app.limits.page_max);
    let name = open.schedule.clone();
    let rows =
        read(&app, move |database| cycles::list(database, name.as_str(), before, most)).await?;
    let cycle = |row: cycles::CycleRow| ListedCycle { cycle: row.id, state: row.state };
    Ok(found(&CycleList { open, data: rows.into_iter().map(cycle).collect() }))
}

/// A cycle: its figures, fixed or so far, and what it has come to.
pub async fn view(
    call: Either,
    app: Data<App>,
    cycle: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = cycle_of(&cycle)?;
    let coalition = app.coalition();
    let there = coalition.schedules.get(&id.schedule);
    if !there.is_some_and(|schedule| schedule.begins_with(id.first)) {
        return Err(Problem::not_found());
    }
    let asked = id.clone();
    let (row, events, positions) = read(&app, move |database| {
        let row = cycles::find(database, &asked)?;
        let is_fixed = row.as_ref().is_some_and(|row| row.figures.is_some());
        let positions = if is_fixed { Vec::new() } else { cycles::positions_of(database, &asked)? };
        Ok((row, cycles::events(database, &asked)?, positions))
    })
    .await?;
    let state = row.as_ref().map_or(CycleState::Open, |row| row.state);
    let cycle: Cycle = match row.and_then(|row| row.figures) {
        Some(figures) => serde_json::from_str(&figures).map_err(|_| Problem::internal())?,
        None => Cycle::of(&id, &coalition, &positions),
    };
    let events = events.into_iter().map(Event::of).collect();
    let cycle = Cycle { state, events, id: Some(id), ..cycle };
    match call.party() {
        Some(party) => Ok(found(&cycle.seen_by(party, &coalition))),
        None => Ok(found(&cycle)),
    }
}
