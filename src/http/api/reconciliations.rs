//! Reconciliations: a partner's own list comes in parts and is compared in the background.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::acting::{Acting, body_of, must_be_own, signed_decimal};
use super::cycles::cycle_of;
use super::reconciliation_views::{page_of, view_of};
use super::{answered, found};
use crate::books::{FILE_MAX, Profile};
use crate::domain::adjustment::ReconciliationId;
use crate::domain::amount::{MONEY_MAX, Money, POINTS_MAX, Points};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::obligation::Scales;
use crate::domain::reconciliation::Control;
use crate::domain::settlement::CycleId;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{no_card_number, read_fields, read_object};
use crate::reconcile::{Due, Request, hash_of, points_scale};
use crate::store::reconciliations::{self, FileFacts, PartRow, RunRow, RunState};
use crate::store::rows::{read_json, write_json};
use crate::store::{Database, StoreError, book_profiles, breaks};

/// The most parts of a list.
const PARTS_MAX: i64 = 10_000;

/// The longest range of a reconciliation, in microseconds: 400 days.
const RANGE_MAX: i64 = 400 * 86_400_000_000;

/// The longest name of a list.
const NAME_MAX: usize = 200;

/// The largest sums that can be declared.
const MONEY_SUM_MAX: i64 = MONEY_MAX * 1_000_000;
const POINTS_SUM_MAX: i64 = POINTS_MAX * 100_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    lines: Option<u64>,
    amount: Option<String>,
    points: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateBody {
    party: Option<PartyId>,
    cycle: Option<String>,
    from: Option<String>,
    to: Option<String>,
    programme: Option<ProgrammeId>,
    profile: Option<Profile>,
    declared: Option<Declared>,
    name: Option<String>,
}

/// Begins a reconciliation whose list is to come.
pub async fn create(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let acting = Acting::writing(&call)?;
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, "reconciliation", &value)?;
    let body: CreateBody = read_fields(&value)?;
    let (coalition, now) = (app.coalition(), app.now());
    let party = acting.party_meant(body.party.as_ref())?;
    if !coalition.parties.contains_key(&party) {
        return Err(Problem::invalid("/party", "there is no such party"));
    }
    let asked = party.clone();
    let kept = read(&app, move |database| book_profiles::latest(database, &asked, 1)).await?;
    let kept = kept.into_iter().next().map(|row| row.profile);
    let request = request_of(&coalition, body, kept.as_deref())?;
    let created = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            let text = write_json(&request);
            let by = (acting.person.as_str(), now);
            let id = reconciliations::create(database, &party, by, &text)?;
            let row = reconciliations::find(database, id)?.ok_or_else(Problem::internal)?;
            Ok((201, json_text(&view_of(&coalition, &row, &[], &[])?)))
        })
    });
    Ok(answered(&created.await??))
}

fn request_of(
    coalition: &Coalition,
    body: CreateBody,
    kept: Option<&str>,
) -> Result<Request, Problem> {
    if let Some(name) = &body.name {
        if NAME_MAX < name.len() || name.chars().any(char::is_control) {
            return Err(Problem::invalid("/name", "use 1 to 200 bytes of one line"));
        }
        no_card_number("/name", name)?;
    }
    let (cycle, range) = range_of(coalition, &body)?;
    if let Some(programme) = &body.programme
        && !coalition.programmes.contains_key(programme)
    {
        return Err(Problem::invalid("/programme", "there is no such programme"));
    }
    let points = points_scale(coalition, body.programme.as_ref());
    let scales = Scales { points, money: coalition.money_scale };
    let profile: Profile = match (body.profile, kept) {
        (Some(profile), _) => profile,
        (None, Some(kept)) => read_json(kept, "a profile")?,
        (None, None) => {
            let detail = "say how the list is written, or put the party's book profile first";
            return Err(Problem::invalid("/profile", detail));
        }
    };
    profile.check(scales)?;
    let declared = body.declared.map(|declared| control_of(&declared, scales)).transpose()?;
    let (name, programme) = (body.name, body.programme);
    Ok(Request { name, cycle, range, programme, points_scale: points, profile, declared })
}

fn range_of(
    coalition: &Coalition,
    body: &CreateBody,
) -> Result<(Option<CycleId>, (Instant, Instant)), Problem> {
    let instant = |pointer, text: &Option<String>| {
        let read = text.as_deref().and_then(Instant::parse);
        read.ok_or_else(|| Problem::invalid(pointer, "write an RFC 3339 instant with an offset"))
    };
    let Some(cycle) = &body.cycle else {
        let range = (instant("/from", &body.from)?, instant("/to", &body.to)?);
        let length = range.1.0.saturating_sub(range.0.0);
        if !(1..=RANGE_MAX).contains(&length) {
            return Err(Problem::invalid("/to", "the range ends after it begins, within 400 days"));
        }
        return Ok((None, range));
    };
    if body.from.is_some() || body.to.is_some() {
        return Err(Problem::invalid("/cycle", "name a cycle, or from and to, not both"));
    }
    let cycle = cycle_of(cycle)?;
    let schedule = coalition.schedules.get(&cycle.schedule);
    let schedule = schedule.filter(|schedule| schedule.begins_with(cycle.first));
    let schedule =
        schedule.ok_or_else(|| Problem::invalid("/cycle", "no cycle begins with this day"))?;
    let range = (schedule.opens(cycle.first), schedule.closes(cycle.first));
    Ok((Some(cycle), range))
}

fn control_of(declared: &Declared, scales: Scales) -> Result<Control, Problem> {
    let sum = |pointer, text: &Option<String>, bounds| {
        text.as_deref().map(|text| signed_decimal(pointer, text, bounds)).transpose()
    };
    let amount = sum("/declared/amount", &declared.amount, (scales.money, MONEY_SUM_MAX))?;
    let points = sum("/declared/points", &declared.points, (scales.points, POINTS_SUM_MAX))?;
    Ok(Control {
        lines: declared.lines,
        amount: amount.map(Money),
        points: points.map(Points),
        range: None,
    })
}

/// A reconciliation that the caller may see.
pub(super) fn visible(
    database: &mut Database,
    own: Option<&PartyId>,
    id: ReconciliationId,
) -> Result<RunRow, Problem> {
    let row = reconciliations::find(database, id)?;
    row.filter(|row| own.is_none_or(|own| row.party == *own)).ok_or_else(Problem::not_found)
}

/// An id in a path.
pub(super) fn id_of(text: &str) -> Result<ReconciliationId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// Keeps a part of a list. The same part again is fine.
pub async fn put_part(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let acting = Acting::writing(&call)?;
    let id = id_of(&path.0)?;
    let part: i64 = path.1.parse().map_err(|_| Problem::not_found())?;
    if !(1..=PARTS_MAX).contains(&part) {
        return Err(Problem::invalid("/part", "number the parts from 1 to 10,000"));
    }
    if body_of(&call).is_empty() {
        return Err(Problem::invalid("", "send the bytes of the part"));
    }
    let put = actix_web::web::block(move || {
        let bytes = body_of(&call);
        let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let row = PartRow { part, size, sha256: hex::encode(Sha256::digest(bytes)) };
        app.engine.write(|database| {
            let run = visible(database, acting.party.as_ref(), id)?;
            if run.state != RunState::Receiving {
                return Err(Problem::not_receiving());
            }
            let there = reconciliations::parts(database, id)?;
            match there.iter().find(|one| one.part == part) {
                Some(same) if same.sha256 == row.sha256 => {}
                Some(_) => return Err(Problem::part_differs()),
                None => {
                    let most = i64::try_from(FILE_MAX).unwrap_or(i64::MAX);
                    if most < there.iter().map(|one| one.size).sum::<i64>() + size {
                        return Err(Problem::payload_too_large(512 << 20));
                    }
                    reconciliations::add_part(database, id, &row, bytes)?;
                }
            }
            Ok(json!({"part": row.part, "size": row.size, "sha256": row.sha256}))
        })
    });
    Ok(found(&put.await??))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunBody {
    sha256: String,
    #[serde(default)]
    again: bool,
}

/// Compares a list whose parts are all there. Asked again, it says the same and begins again what
/// a server left behind.
pub async fn run(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let acting = Acting::writing(&call)?;
    let id = id_of(&id)?;
    let value = read_object(body_of(&call))?;
    acting.keyed(&call, "run", &value)?;
    let body: RunBody = read_fields(&value)?;
    if body.again && acting.party.is_some() {
        return Err(Problem::role_not_allowed());
    }
    let (coalition, now) = (app.coalition(), app.now());
    actix_web::web::block(move || {
        let row =
            app.engine.read(|database| Ok(visible(database, acting.party.as_ref(), id)))??;
        match row.state {
            RunState::Receiving => {}
            _ if row.sha256.as_deref() != Some(&body.sha256) => {
                return Err(Problem::not_receiving());
            }
            RunState::Running => {}
            RunState::Done | RunState::Failed => return Ok(()),
        }
        if !app.runner.take(id) {
            return Ok(());
        }
        let begun = begin(&app, (row, body), (coalition, now));
        if begun.is_err() {
            app.runner.give_back(id);
        }
        begun
    })
    .await??;
    let answer = json!({"id": id, "state": "running"});
    Ok(HttpResponse::Accepted().content_type("application/json").body(json_text(&answer)))
}

fn begin(
    app: &Data<App>,
    (row, body): (RunRow, RunBody),
    (coalition, now): (Arc<Coalition>, Instant),
) -> Result<(), Problem> {
    let (sha256, size) = app.engine.read(|database| hash_of(database, row.id))?;
    if sha256 != body.sha256.to_ascii_lowercase() || size == 0 {
        return Err(Problem::file_incomplete());
    }
    let may_repeat = body.again || row.may_repeat;
    let due = app.engine.write(|database| {
        if !may_repeat && let Some(run) = reconciliations::seen(database, &row.party, &sha256)? {
            return Err(Problem::file_already_seen(run));
        }
        let facts = FileFacts { sha256: &sha256, size, may_repeat };
        due_of(database, row.id, &facts).map_err(Problem::from)
    })?;
    if let Some((row, attempt)) = due {
        start(app, Due { row, attempt, coalition, now })?;
    } else {
        app.runner.give_back(row.id);
    }
    Ok(())
}

fn due_of(
    database: &mut Database,
    id: ReconciliationId,
    facts: &FileFacts<'_>,
) -> Result<Option<(RunRow, i64)>, StoreError> {
    let Some(attempt) = reconciliations::begin(database, id, facts)? else { return Ok(None) };
    Ok(reconciliations::find(database, id)?.map(|row| (row, attempt)))
}

/// Compares on a thread of its own.
fn start(app: &Data<App>, due: Due) -> Result<(), StoreError> {
    let app = app.clone();
    let named = std::thread::Builder::new().name(format!("{}", due.row.id));
    let started = named.spawn(move || app.runner.run(&due));
    started.map(drop).map_err(|error| StoreError::Unreachable(error.to_string()))
}

/// Begins again what was being compared when a server stopped.
///
/// # Errors
/// If the database fails.
pub fn begin_again(app: &Data<App>) -> Result<(), StoreError> {
    for id in app.engine.read(reconciliations::running)? {
        let Some(row) = app.engine.read(|database| reconciliations::find(database, id))? else {
            continue;
        };
        let (sha256, size) = (row.sha256.unwrap_or_default(), row.file_size.unwrap_or_default());
        let facts = FileFacts { sha256: &sha256, size, may_repeat: row.may_repeat };
        let due = app.engine.write(|database| due_of(database, id, &facts))?;
        let Some((row, attempt)) = due.filter(|_| app.runner.take(id)) else { continue };
        start(app, Due { row, attempt, coalition: app.coalition(), now: app.now() })?;
    }
    Ok(())
}

/// A reconciliation: the parts that are there, or what was found.
pub async fn view(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let (row, parts, counts) = read(&app, move |database| {
        let row = reconciliations::find(database, id)?;
        let parts = reconciliations::parts(database, id)?;
        Ok((row, parts, breaks::count_by_state(database, id)?))
    })
    .await?;
    let row = row.ok_or_else(Problem::not_found)?;
    must_be_own(&call, &row.party)?;
    Ok(found(&view_of(&app.coalition(), &row, &parts, &counts)?))
}

/// Which reconciliations are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    party: Option<PartyId>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// The reconciliations of a party, or of all, the newest first.
pub async fn list(
    call: Either,
    app: Data<App>,
    query: Query<Which>,
) -> Result<HttpResponse, Problem> {
    let Which { party, cursor, limit } = query.into_inner();
    let party = match (call.party(), party) {
        (Some(own), Some(named)) if *own != named => return Err(Problem::not_found()),
        (Some(own), _) => Some(own.clone()),
        (None, named) => named,
    };
    let before = match cursor {
        None => i64::MAX,
        Some(cursor) => {
            cursor
                .parse::<ReconciliationId>()
                .map_err(|_| Problem::invalid("/cursor", "use the `next` of a page"))?
                .0
        }
    };
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let rows =
        read(&app, move |database| reconciliations::list(database, party.as_ref(), before, limit))
            .await?;
    let coalition = app.coalition();
    let data: Vec<Value> =
        rows.iter().map(|row| view_of(&coalition, row, &[], &[])).collect::<Result<_, _>>()?;
    let next = rows.last().map(|row| row.id.to_string());
    Ok(found(&page_of(&data, next, limit)))
}
