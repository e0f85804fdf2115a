//! Endpoints of webhooks: made, changed, removed, their secrets changed.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::{Acting, body_of, must_be_own};
use super::configuration::operator_owner;
use super::events::types_of;
use super::{answered, found};
use crate::domain::ids::PartyId;
use crate::domain::time::Instant;
use crate::http::app::{App, Limits, read};
use crate::http::caller::Either;
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{no_card_number, read_fields, read_object};
use crate::store::webhooks::{self as stored, DISABLED, ENABLED, WebhookRow};
use crate::store::{Database, StoreError};
use crate::webhooks::address;
use crate::webhooks::endpoint::{OVERLAP_MICROS, WebhookId, secrets_of};
use crate::webhooks::sign::Secrets;

/// The most endpoints of a party.
const WEBHOOKS_MAX: i64 = 10;

/// The most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 200;

/// The most endpoints that are listed for the clearing house's own people.
const LISTED_MAX: i64 = 1_000;

/// Who changes endpoints: a party its own, the operator anybody's.
pub(super) fn acting(call: &Either) -> Result<Acting, Problem> {
    match call {
        Either::Party(_) => Acting::writing(call),
        Either::Operator(operated) => {
            operated.must_operate()?;
            let person = operated.operator.subject.clone();
            Ok(Acting { party: None, person, owner: operator_owner(operated) })
        }
    }
}

/// The number of an id in a path.
pub(super) fn id_of(text: &str) -> Result<WebhookId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// Refuses another party's endpoint as if it were not there.
pub(super) fn own(call: &Either, row: Option<WebhookRow>) -> Result<WebhookRow, Problem> {
    let row = row.ok_or_else(Problem::not_found)?;
    let party: PartyId = row.party.parse().map_err(|_| Problem::internal())?;
    must_be_own(call, &party)?;
    Ok(row)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBody {
    party: Option<PartyId>,
    url: String,
    types: Option<Vec<String>>,
    description: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    url: Option<String>,
    types: Option<Vec<String>>,
    description: Option<String>,
    state: Option<StateBody>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum StateBody {
    Enabled,
    Disabled,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NothingBody {}

fn checked_url(limits: &Limits, url: String) -> Result<String, Problem> {
    address::check(&url, limits.webhooks_anywhere)
        .map_err(|detail| Problem::invalid("/url", detail))?;
    Ok(url)
}

fn checked_description(text: Option<String>) -> Result<Option<String>, Problem> {
    let Some(text) = text else { return Ok(None) };
    no_card_number("/description", &text)?;
    if text.chars().count() > DESCRIPTION_CHARS_MAX {
        let detail = format!("write at most {DESCRIPTION_CHARS_MAX} characters");
        return Err(Problem::invalid("/description", &detail));
    }
    Ok(Some(text))
}

/// An endpoint as its party sees it. The secret stands in the answers that make one, only there.
fn view_of(row: &WebhookRow, now: Instant) -> Result<Value, StoreError> {
    let secrets = secrets_of(row, now)?;
    let types = row.wanted_types()?;
    Ok(json!({
        "id": WebhookId(row.webhook).to_string(),
        "party": row.party,
        "url": row.url,
        "description": row.description,
        "types": Some(types).filter(|types| !types.is_empty()),
        "state": row.state,
        "reason": row.reason,
        "public_keys": secrets.iter().map(Secrets::public_text).collect::<Vec<_>>(),
        "created_at": Instant(row.created_at),
        "failing_since": row.failing_since.map(Instant),
        "old_secret_until": row.old_until.filter(|until| now.0 < *until).map(Instant),
    }))
}

fn random() -> Result<(WebhookId, Secrets), Problem> {
    let made = WebhookId::random().and_then(|id| Ok((id, Secrets::random()?)));
    made.map_err(|_| Problem::internal())
}

/// Makes an endpoint. It is sent what happens from now on.
pub async fn create(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let acting = acting(&call)?;
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, "webhook", &value)?;
    let body: NewBody = read_fields(&value)?;
    let party = acting.party_meant(body.party.as_ref())?;
    if !app.coalition().parties.contains_key(&party) {
        return Err(Problem::invalid("/party", "there is no such party"));
    }
    let url = checked_url(&app.limits, body.url)?;
    let description = checked_description(body.description)?.unwrap_or_default();
    let types = types_of("/types", body.types.unwrap_or_default())?;
    let (id, secrets) = random()?;
    let now = app.now();
    let made = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            if stored::count_of(database, party.as_str())? >= WEBHOOKS_MAX {
                return Err(Problem::too_many_webhooks(WEBHOOKS_MAX));
            }
            let row = WebhookRow {
                webhook: id.0,
                party: party.to_string(),
                url,
                description,
                types: WebhookRow::types_text(&types),
                state: ENABLED.to_owned(),
                reason: None,
                place: crate::events::end(database)?.to_string(),
                created_at: now.0,
                failing_since: None,
                resume_at: 0,
                secret: secrets.secret.clone(),
                seed: secrets.seed.to_vec(),
                old_secret: None,
                old_seed: None,
                old_until: None,
            };
            stored::add(database, &row)?;
            let mut view = view_of(&row, now)?;
            view["secret"] = secrets.secret_text().into();
            Ok((201, json_text(&view)))
        })
    });
    Ok(answered(&made.await??))
}

/// Whose endpoints are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whose {
    party: Option<PartyId>,
}

/// The endpoints of a party, or of all.
pub async fn list(
    call: Either,
    app: Data<App>,
    query: Query<Whose>,
) -> Result<HttpResponse, Problem> {
    let party = match (call.party(), query.into_inner().party) {
        (Some(own), Some(named)) if *own != named => return Err(Problem::not_found()),
        (Some(own), _) => Some(own.clone()),
        (None, named) => named,
    };
    let now = app.now();
    let views = read(&app, move |database| {
        let rows = stored::list(database, party.as_ref().map(PartyId::as_str), LISTED_MAX)?;
        rows.iter().map(|row| view_of(row, now)).collect::<Result<Vec<Value>, _>>()
    });
    Ok(found(&json!({"data": views.await?})))
}

/// An endpoint.
pub async fn view(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let row = own(&call, read(&app, move |database| stored::find(database, id.0)).await?)?;
    Ok(found(&view_of(&row, app.now())?))
}

/// Changes an endpoint. One that is enabled again is sent all that happened meanwhile.
pub async fn change(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (acting, id) = (acting(&call)?, id_of(&id)?);
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, &format!("webhook/{id}"), &value)?;
    let body: ChangeBody = read_fields(&value)?;
    let url = body.url.map(|url| checked_url(&app.limits, url)).transpose()?;
    let description = checked_description(body.description)?;
    let types = body.types.map(|types| types_of("/types", types)).transpose()?;
    let state = body.state;
    let now = app.now();
    let changed = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            let mut row = own(&call, stored::lock(database, id.0)?)?;
            row.url = url.unwrap_or(row.url);
            row.description = description.unwrap_or(row.description);
            if let Some(types) = &types {
                row.types = WebhookRow::types_text(types);
            }
            match state {
                None => {}
                Some(StateBody::Disabled) => DISABLED.clone_into(&mut row.state),
                Some(StateBody::Enabled) => {
                    ENABLED.clone_into(&mut row.state);
                    (row.reason, row.failing_since, row.resume_at) = (None, None, 0);
                }
            }
            stored::save(database, &row)?;
            Ok((200, json_text(&view_of(&row, now)?)))
        })
    });
    Ok(answered(&changed.await??))
}

/// Gives an endpoint new secrets; the old ones sign beside them for a day.
pub async fn rotate(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (acting, id) = (acting(&call)?, id_of(&id)?);
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, &format!("webhook-rotate/{id}"), &value)?;
    let NothingBody {} = read_fields(&value)?;
    let (_, secrets) = random()?;
    let now = app.now();
    let rotated = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            let before = own(&call, stored::lock(database, id.0)?)?;
            let row = WebhookRow {
                secret: secrets.secret.clone(),
                seed: secrets.seed.to_vec(),
                old_secret: Some(before.secret.clone()),
                old_seed: Some(before.seed.clone()),
                old_until: Some(now.plus_micros(OVERLAP_MICROS).0),
                ..before
            };
            stored::save(database, &row)?;
            let mut view = view_of(&row, now)?;
            view["secret"] = secrets.secret_text().into();
            Ok((200, json_text(&view)))
        })
    });
    Ok(answered(&rotated.await??))
}

/// Removes an endpoint and all that was to be sent to it.
pub async fn remove(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    acting(&call)?;
    let id = id_of(&id)?;
    let removed = actix_web::web::block(move || {
        app.engine.write::<_, Problem>(|database: &mut Database| {
            own(&call, stored::lock(database, id.0)?)?;
            stored::remove(database, id.0)?;
            Ok(())
        })
    });
    removed.await??;
    Ok(HttpResponse::NoContent().finish())
}
