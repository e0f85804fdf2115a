//! Open items: what the bank booked and somebody has to look at, and how people end it.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::json;

use super::configuration::operator_owner;
use super::{answered, found};
use crate::domain::settlement::payment::{Ending, ItemId, ItemState};
use crate::engine::Keyed;
use crate::http::app::{App, read};
use crate::http::caller::{Operated, must_have_key};
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{fingerprint, read_fields, read_object};
use crate::payments::items::{self, Wish};
use crate::payments::view::items_view;
use crate::store::names::key_hash;

/// What a list can be narrowed by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    state: Option<String>,
    after: Option<ItemId>,
    limit: Option<i64>,
}

/// Items, the oldest first: those that are open, those in another state, or all.
pub async fn list(
    _call: Operated,
    app: Data<App>,
    query: Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let state = match query.state.as_deref() {
        None => Some(ItemState::Open),
        Some("all") => None,
        Some(name) => Some(ItemState::named(name).ok_or_else(|| {
            Problem::invalid("/state", "write open, done, assigned, returned, written_off or all")
        })?),
    };
    let most = query.limit.unwrap_or(app.limits.page_max).clamp(1, app.limits.page_max);
    let after = query.after.map_or(0, |item| item.0);
    let (coalition, now) = (app.coalition(), app.now());
    let views =
        read(&app, move |database| items_view(database, (&coalition, now), state, (after, most)));
    Ok(found(&json!({"data": views.await?})))
}

/// What is said with an ending.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndingBody {
    #[serde(default)]
    leg: Option<String>,
    #[serde(default)]
    why: Option<String>,
}

/// Gives an item's money to a payment.
pub async fn assign(
    call: Operated,
    app: Data<App>,
    item: Path<String>,
) -> Result<HttpResponse, Problem> {
    end(call, app, &item, Ending::Assign).await
}

/// Says that an item's money goes back.
pub async fn give_back(
    call: Operated,
    app: Data<App>,
    item: Path<String>,
) -> Result<HttpResponse, Problem> {
    end(call, app, &item, Ending::Return).await
}

/// Says that the clearing house keeps an item's money, or bears it.
pub async fn write_off(
    call: Operated,
    app: Data<App>,
    item: Path<String>,
) -> Result<HttpResponse, Problem> {
    end(call, app, &item, Ending::WriteOff).await
}

async fn end(
    call: Operated,
    app: Data<App>,
    item: &str,
    ending: Ending,
) -> Result<HttpResponse, Problem> {
    call.must_settle()?;
    let key = key_hash(&operator_owner(&call), must_have_key(call.idempotency_key.as_ref())?);
    let value = read_object(&call.body)?;
    let body: EndingBody = read_fields(&value)?;
    if body.leg.is_some() != (ending == Ending::Assign) {
        let detail = "name the payment's reference where money is assigned, and only there";
        return Err(Problem::invalid("/leg", detail));
    }
    let item: ItemId = item.parse().map_err(|_| Problem::not_found())?;
    let what = format!("open-item/{item}/{}", ending.name());
    let keyed = Keyed { key, fingerprint: fingerprint(&what, &value) };
    let wish = Wish {
        item,
        ending,
        leg: body.leg,
        why: body.why.unwrap_or_default(),
        author: call.operator.subject.clone(),
    };
    let work = move || {
        let limit = app.limits.break_money;
        items::end(&app.engine, &keyed, &wish, limit, json_text)
    };
    Ok(answered(&actix_web::web::block(work).await??))
}
