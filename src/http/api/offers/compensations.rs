//! Compensation by service centres: asked for, approved or rejected, reversed.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::once;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::terms::{Coalition, PartyKind};
use crate::http::api::acting::{Acting, body_of, must_be_own};
use crate::http::api::reconciliation_views::page_of;
use crate::http::api::{answered, found};
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::present::{json_text, points_text};
use crate::http::problem::Problem;
use crate::http::wire::{Reader, member_name, no_card_number, read_fields, read_object};
use crate::offers::compensation::{self, CASE_MAX, NotDone, Outcome, Wish};
use crate::store::offers::compensations::{self, Compensation, Deed, State, Which};

/// The longest reason, in bytes.
const WHY_MAX: usize = 2_000;

fn id_text(number: i64) -> String {
    format!("cmp_{number}")
}

fn number_of(id: &str) -> Result<i64, Problem> {
    let number = id.strip_prefix("cmp_").and_then(|number| number.parse().ok());
    number.filter(|number| id_text(*number) == id).ok_or_else(Problem::not_found)
}

fn deed_view(deed: Option<&Deed>) -> Value {
    deed.map_or(Value::Null, |deed| json!({"by": deed.by, "at": deed.at, "why": deed.why}))
}

fn view_of(one: &Compensation, coalition: &Coalition) -> Value {
    let text = |points| points_text(coalition, &one.programme, points);
    json!({
        "id": id_text(one.number),
        "case": one.case,
        "party": one.party,
        "programme": one.programme,
        "member": one.member,
        "points": text(one.points),
        "state": one.state.name(),
        "above": one.passed,
        "asked": deed_view(Some(&one.asked)),
        "decided": deed_view(one.decided.as_ref()),
        "transaction": one.posted,
        "reversed": deed_view(one.reversed.as_ref()),
        "reversal": one.reversal,
        "taken_back": one.taken_back.map(text),
    })
}

fn problem_of(error: NotDone) -> Problem {
    match error {
        NotDone::Rules(rejection) => Problem::from(&rejection),
        NotDone::CaseTaken(number) => Problem::case_taken(&id_text(number)),
        NotDone::WrongState(detail) => Problem::compensation_state(detail),
        NotDone::SamePerson => Problem::second_person_needed(),
        NotDone::NotFound => Problem::not_found(),
        NotDone::Failed(error) => error.into(),
    }
}

/// Status and body of what came of a wish or a step.
fn told(
    outcome: Result<Outcome, NotDone>,
    coalition: &Coalition,
    fresh: u16,
) -> Result<(u16, String), Problem> {
    match outcome.map_err(problem_of)? {
        Outcome::Stands(one) => {
            let status = if one.state == State::Waiting { 202 } else { fresh };
            Ok((status, json_text(&view_of(&one, coalition))))
        }
        Outcome::Known(one) => Ok((200, json_text(&view_of(&one, coalition)))),
        Outcome::Refused(answer) => Ok((answer.status, answer.body.to_string())),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AskBody {
    case: String,
    party: Option<PartyId>,
    programme: ProgrammeId,
    member: String,
    points: String,
    why: Option<String>,
}

fn wish_of(body: AskBody, reader: Reader<'_>, acting: &Acting) -> Result<Wish, Problem> {
    let AskBody { case, party, programme, member, points, why } = body;
    let is_plain = case.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain || !(1..=CASE_MAX).contains(&case.len()) {
        return Err(Problem::invalid("/case", "use 1 to 100 visible ASCII characters"));
    }
    no_card_number("/case", &case)?;
    let terms = reader.programme("/programme", &programme)?;
    Ok(Wish {
        party: acting.party_meant(party.as_ref())?,
        case,
        member: member_name("/member", &member)?,
        points: reader.points("/points", terms, &points)?,
        programme,
        asked: Deed { by: acting.person.clone(), at: reader.now, why: checked(why)? },
    })
}

fn checked(why: Option<String>) -> Result<Option<String>, Problem> {
    if let Some(why) = &why {
        no_card_number("/why", why)?;
        if WHY_MAX < why.len() {
            return Err(Problem::invalid("/why", "use at most 2000 bytes"));
        }
    }
    Ok(why)
}

/// Asks for a compensation.
pub async fn ask(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let acting = Acting::writing(&call)?;
    let (coalition, now) = (app.coalition(), app.now());
    if let Some(party) = call.party() {
        let kind = coalition.parties.get(party).map(|party| party.kind);
        if kind != Some(PartyKind::ServiceCentre) {
            return Err(Problem::role_not_allowed());
        }
    }
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, "compensation", &value)?;
    let body: AskBody = read_fields(&value)?;
    let wish = wish_of(body, Reader { coalition: &coalition, now }, &acting)?;
    let asked = actix_web::web::block(move || {
        if let Some(answer) = app.engine.answer_under::<Problem>(&keyed)? {
            return Ok(answer);
        }
        let outcome = compensation::ask(&app.engine, &wish, now);
        once(&app, &keyed, now, told(outcome, &coalition, 201))
    });
    Ok(answered(&asked.await??))
}

/// What is asked for of the list.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    party: Option<PartyId>,
    case: Option<String>,
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Compensations, the newest first. A party sees its own.
pub async fn list(
    call: Either,
    app: Data<App>,
    query: Query<Filter>,
) -> Result<HttpResponse, Problem> {
    let Filter { party, case, state, cursor, limit } = query.into_inner();
    let party = match (call.party(), party) {
        (Some(own), Some(named)) if *own != named => return Err(Problem::not_found()),
        (Some(own), _) => Some(own.clone()),
        (None, named) => named,
    };
    let wrong = || Problem::invalid("/state", "name a state, such as waiting");
    let state = state.map(|name| State::named(&name).ok_or_else(wrong)).transpose()?;
    let before = cursor.as_deref().map(number_of).transpose()?.unwrap_or(i64::MAX);
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let which = Which { party, case, state, before };
    let rows = read(&app, move |database| compensations::list(database, &which, limit)).await?;
    let coalition = app.coalition();
    let data: Vec<Value> = rows.iter().map(|one| view_of(one, &coalition)).collect();
    let next = rows.last().map(|one| id_text(one.number));
    Ok(found(&page_of(&data, next, limit)))
}

async fn visible(call: &Either, app: &Data<App>, id: &str) -> Result<Compensation, Problem> {
    let number = number_of(id)?;
    let one = read(app, move |database| compensations::find(database, number)).await?;
    let one = one.ok_or_else(Problem::not_found)?;
    must_be_own(call, &one.party)?;
    Ok(one)
}

/// A compensation.
pub async fn view(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let one = visible(&call, &app, &id).await?;
    Ok(found(&view_of(&one, &app.coalition())))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepBody {
    why: Option<String>,
}

/// Approves, rejects or reverses a compensation. The service centre itself may only reverse it.
pub async fn step(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, step) = path.into_inner();
    let steps = ["approve", "reject", "reverse"];
    let step = steps.into_iter().find(|one| *one == step).ok_or_else(Problem::not_found)?;
    let acting = Acting::writing(&call)?;
    let number = visible(&call, &app, &id).await?.number;
    if call.party().is_some() && step != "reverse" {
        return Err(Problem::role_not_allowed());
    }
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, &format!("compensation/{number}/{step}"), &value)?;
    let why = checked(read_fields::<StepBody>(&value)?.why)?;
    if step != "approve" && why.as_deref().unwrap_or_default().trim().is_empty() {
        return Err(Problem::invalid("/why", "say why"));
    }
    let (coalition, now) = (app.coalition(), app.now());
    let done = actix_web::web::block(move || {
        if let Some(answer) = app.engine.answer_under::<Problem>(&keyed)? {
            return Ok(answer);
        }
        let by = Deed { by: acting.person.clone(), at: now, why };
        let outcome = match step {
            "approve" => compensation::approve(&app.engine, number, &by),
            "reject" => compensation::reject(&app.engine, number, &by),
            _ => compensation::reverse(&app.engine, number, &by),
        };
        once(&app, &keyed, now, told(outcome, &coalition, 200))
    });
    Ok(answered(&done.await??))
}
