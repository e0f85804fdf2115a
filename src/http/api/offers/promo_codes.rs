//! Promo codes: made by brands and marketing, redeemed by parties, reported on.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::once;
use super::promo_views::{batch_view, code_view, id_text, number_of, report_view, use_view};
use crate::domain::ids::ProgrammeId;
use crate::domain::offer::promo::{Codes, PromoDocument};
use crate::engine::Keyed;
use crate::http::api::acting::{Acting, body_of};
use crate::http::api::reconciliation_views::page_of;
use crate::http::api::{answered, found};
use crate::http::app::{App, read};
use crate::http::caller::{Either, Signed, must_have_key};
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{fingerprint, member_name, read_fields, read_object};
use crate::offers::promo::{self, Redeemed, Wish};
use crate::store::names::key_hash;
use crate::store::offers::promo_codes::{self, Batch};
use crate::store::offers::promo_figures;

/// Codes that the answer to a new batch shows.
const SHOWN_MAX: i64 = 100;

/// Makes a batch of codes.
pub async fn create(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    if let Either::Operator(operated) = &call {
        operated.must_market()?;
    }
    let value = read_object(body_of(&call))?;
    let document: PromoDocument = read_fields(&value)?;
    let (coalition, now) = (app.coalition(), app.now());
    let (brand, codes) = document.check(&coalition)?;
    let acting = Acting::marketing(&call, &brand)?;
    let keyed = acting.keyed(&call, "promo-codes", &value)?;
    let made = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            let made = promo::make_codes(database, &codes)?;
            if let Codes::Chosen(code) = &codes
                && !promo_codes::known(database, std::slice::from_ref(code))?.is_empty()
            {
                return Err(Problem::code_taken());
            }
            let by = (&brand, acting.person.as_str());
            let number = promo_codes::add(database, by, &document, &made, now)?;
            let batch = promo_codes::find(database, number)?.ok_or_else(Problem::internal)?;
            let shown = promo_codes::codes(database, number, 0, SHOWN_MAX)?;
            let mut view = batch_view(&batch);
            view["codes"] = shown.iter().map(code_view).collect();
            Ok((201, json_text(&view)))
        })
    });
    Ok(answered(&made.await??))
}

/// Which part of a list is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Batches, the newest first. A brand sees its own.
pub async fn list(
    call: Either,
    app: Data<App>,
    page: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let Page { cursor, limit } = page.into_inner();
    let before = cursor.as_deref().map(number_of).transpose()?.unwrap_or(i64::MAX);
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let party = call.party().cloned();
    let batches =
        read(&app, move |database| promo_codes::list(database, party.as_ref(), before, limit));
    let batches = batches.await?;
    let data: Vec<Value> = batches.iter().map(batch_view).collect();
    let next = batches.last().map(|batch| id_text(batch.number));
    Ok(found(&page_of(&data, next, limit)))
}

/// A batch that the caller may see: its brand, and the operator's people.
async fn visible(call: &Either, app: &Data<App>, id: &str) -> Result<Batch, Problem> {
    let number = number_of(id)?;
    let batch = read(app, move |database| promo_codes::find(database, number)).await?;
    let batch = batch.ok_or_else(Problem::not_found)?;
    match call.party() {
        Some(party) if *party != batch.party => Err(Problem::not_found()),
        _ => Ok(batch),
    }
}

/// A batch.
pub async fn view(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    Ok(found(&batch_view(&visible(&call, &app, &id).await?)))
}

/// The codes of a batch.
pub async fn codes(
    call: Either,
    app: Data<App>,
    id: Path<String>,
    page: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let batch = visible(&call, &app, &id).await?;
    let Page { cursor, limit } = page.into_inner();
    let wrong = |_| Problem::invalid("/cursor", "use the cursor of the page before");
    let after: i64 = cursor.as_deref().map(str::parse).transpose().map_err(wrong)?.unwrap_or(0);
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let codes =
        read(&app, move |database| promo_codes::codes(database, batch.number, after, limit));
    let codes = codes.await?;
    let data: Vec<Value> = codes.iter().map(code_view).collect();
    let next = codes.last().map(|code| code.place.to_string());
    Ok(found(&page_of(&data, next, limit)))
}

/// What became of a batch.
pub async fn report(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let batch = visible(&call, &app, &id).await?;
    let coalition = app.coalition();
    let asked = read(&app, move |database| {
        let figures = promo_figures::of_batch(database, &batch)?;
        Ok((batch, figures))
    });
    let (batch, figures) = asked.await?;
    Ok(found(&report_view(&batch, &figures, &coalition)))
}

/// Takes no code of a batch any more.
pub async fn stop(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let batch = visible(&call, &app, &id).await?;
    let acting = Acting::marketing(&call, &batch.party)?;
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, &format!("promo-codes/{}/stop", batch.number), &value)?;
    if value != json!({}) {
        return Err(Problem::invalid("", "write {}"));
    }
    let now = app.now();
    let stopped = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            promo_codes::stop(database, batch.number, now)?;
            let batch = promo_codes::find(database, batch.number)?;
            Ok((200, json_text(&batch_view(&batch.ok_or_else(Problem::not_found)?))))
        })
    });
    Ok(answered(&stopped.await??))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RedeemBody {
    code: String,
    member: String,
    programme: Option<ProgrammeId>,
}

/// Redeems a code for a member.
pub async fn redeem(call: Signed, app: Data<App>) -> Result<HttpResponse, Problem> {
    let value = read_object(&call.body)?;
    let key = key_hash(call.party.as_str(), must_have_key(call.idempotency_key.as_ref())?);
    let keyed = Keyed { key, fingerprint: fingerprint("promo-codes/redeem", &value) };
    let RedeemBody { code, member, programme } = read_fields(&value)?;
    let member = member_name("/member", &member)?;
    let wish = Wish { party: call.party, code, member, programme, request: key };
    let (now, coalition) = (app.now(), app.coalition());
    let redeemed = actix_web::web::block(move || {
        if let Some(answer) = app.engine.answer_under::<Problem>(&keyed)? {
            return Ok(answer);
        }
        let done = match promo::redeem(&app.engine, &wish, now) {
            Ok(Redeemed::Done(taken)) => {
                let batch = app.engine.read(|database| promo_codes::find(database, taken.batch))?;
                let batch = batch.ok_or_else(Problem::internal)?;
                Ok((201, json_text(&use_view(&taken, &batch, &coalition))))
            }
            Ok(Redeemed::Refused(answer)) => Ok((answer.status, answer.body.to_string())),
            Err(error) => Err(error.into()),
        };
        once(&app, &keyed, now, done)
    });
    Ok(answered(&redeemed.await??))
}
