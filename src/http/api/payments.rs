//! Payments: instructed by finance, written to files, found again in what the bank booked; a party
//! sees its own.

use actix_web::http::header::{HeaderValue, VARY};
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;

use super::cycles::cycle_of;
use super::found;
use crate::domain::ids::PartyId;
use crate::domain::settlement::CycleId;
use crate::domain::time::Day;
use crate::http::app::{App, read};
use crate::http::caller::{Either, Operated, must_have_key};
use crate::http::pages;
use crate::http::problem::Problem;
use crate::payments::order::{self, Form};
use crate::payments::{PaymentError, import as importing, instruct as instructing, view as views};

/// The header that names the payments which a file leaves out.
const LEFT_OUT: &str = "coalition-left-out";

/// Makes the payments of a cycle; doing it again changes nothing.
pub async fn instruct(
    call: Operated,
    app: Data<App>,
    cycle: Path<String>,
) -> Result<HttpResponse, Problem> {
    call.must_settle()?;
    must_have_key(call.idempotency_key.as_ref())?;
    let cycle = cycle_of(&cycle)?;
    let (instructed, author) = (cycle.clone(), call.operator.subject.clone());
    let shared = app.clone();
    let work = move || instructing::instruct(&shared.engine, &instructed, &author);
    actix_web::web::block(work).await??;
    shown(&app, cycle, None).await
}

/// The form in which payments are wanted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatQuery {
    format: Option<String>,
}

/// The payments of a cycle, or a file of those that are to be paid out.
pub async fn view(
    call: Either,
    app: Data<App>,
    cycle: Path<String>,
    query: Query<FormatQuery>,
) -> Result<HttpResponse, Problem> {
    let cycle = cycle_of(&cycle)?;
    let form = match query.format.as_deref() {
        None | Some("json") => return shown(&app, cycle, call.party().cloned()).await,
        Some("pain.001") => Form::Pain001,
        Some("list") => Form::List,
        Some("1c") => Form::ClientBank,
        Some(_) => {
            return Err(Problem::invalid("/format", "write json, pain.001, list or 1c"));
        }
    };
    let Either::Operator(operated) = call else { return Err(Problem::role_not_allowed()) };
    operated.must_settle()?;
    let (coalition, now) = (app.coalition(), app.now());
    let written =
        read(&app, move |database| match order::file(database, (&coalition, now), &cycle, form) {
            Err(PaymentError::Store(error)) => Err(error),
            other => Ok(other),
        });
    let file = written.await??;
    let disposition = format!("attachment; filename=\"{}\"", file.name);
    let mut response = HttpResponse::Ok();
    response.content_type(file.content_type).insert_header(("content-disposition", disposition));
    if !file.left_out.is_empty() {
        response.insert_header((LEFT_OUT, file.left_out.join(", ")));
    }
    Ok(response.body(file.bytes))
}

async fn shown(
    app: &Data<App>,
    cycle: CycleId,
    party: Option<PartyId>,
) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    let view = read(app, move |database| {
        views::payments_view(database, &coalition, &cycle, party.as_ref())
    });
    Ok(found(&view.await?.ok_or_else(Problem::not_found)?))
}

/// Imports what the bank booked: a camt.053 or camt.054 file as it came.
pub async fn import(
    request: HttpRequest,
    call: Operated,
    app: Data<App>,
) -> Result<HttpResponse, Problem> {
    call.must_settle()?;
    let media_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    let is_xml =
        |value: &str| value.starts_with("application/xml") || value.starts_with("text/xml");
    if !media_type.is_some_and(is_xml) {
        return Err(Problem::unsupported_media_type("application/xml"));
    }
    let author = call.operator.subject.clone();
    let work = move || importing::import(&app.engine, &call.body, &author);
    Ok(found(&actix_web::web::block(work).await??))
}

/// Which clearing accounts are wanted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountsQuery {
    #[serde(default)]
    all: bool,
    before: Option<String>,
    limit: Option<i64>,
}

/// The money that is on its way, cycle by cycle; for people as a page, with accounts at zero too.
pub async fn clearing_accounts(
    request: HttpRequest,
    _call: Operated,
    app: Data<App>,
    query: Query<AccountsQuery>,
) -> Result<HttpResponse, Problem> {
    let before = query.before.as_deref().map(|day| {
        Day::parse(day).ok_or_else(|| Problem::invalid("/before", "write a day as YYYY-MM-DD"))
    });
    let before = before.transpose()?.map_or(i64::MAX, Day::number);
    let most = query.limit.unwrap_or(app.limits.page_max).clamp(1, app.limits.page_max);
    let asked = (before, most);
    let coalition = app.coalition();
    if !pages::prefers_html(&request) {
        let all = query.all.then_some(asked);
        let view = read(&app, move |database| views::clearing_accounts(database, &coalition, all));
        let mut response = found(&view.await?);
        response.headers_mut().insert(VARY, HeaderValue::from_static("Accept"));
        return Ok(response);
    }
    let today = coalition.zone.day_of(app.now());
    let view = read(&app, move |database| {
        // However old: what is not at zero is all there.
        let mut open = views::clearing_accounts(database, &coalition, None)?;
        let latest = views::clearing_accounts(database, &coalition, Some(asked))?;
        let is_new = |one: &views::ClearingView| open.data.iter().all(|own| own.cycle != one.cycle);
        let others: Vec<views::ClearingView> = latest.data.into_iter().filter(is_new).collect();
        open.data.extend(others);
        Ok(open)
    });
    Ok(pages::page("Clearing accounts", &pages::clearing_accounts(&view.await?, today)))
}
