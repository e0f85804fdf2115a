//! Passes on phones: the packages, the save link, and Apple's web service.
//!
//! Phones don't sign. A pass has a token of its own, which its requests carry; whoever has none, or
//! another one, learns nothing, not even whether the card is there.

use actix_web::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_DISPOSITION, IF_MODIFIED_SINCE, LAST_MODIFIED,
};
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cards::{may_see, number_of, unknown_card};
use super::found;
use crate::clock::unix_now;
use crate::domain::card::{Card, CardNumber};
use crate::domain::ids::PartyId;
use crate::domain::time::Instant;
use crate::http::app::{App, read};
use crate::http::caller::{Either, Signed, must_have_key};
use crate::http::problem::Problem;
use crate::http::wire::{read_fields, read_object};
use crate::passes::apple::MEDIA_TYPE;
use crate::passes::google::object;
use crate::passes::{PassError, Passes, Shown};
use crate::store::passes::{self, Pass};
use crate::store::{StoreError, cards};

/// Characters of a phone's id, and of its push token.
const NAME_MAX: usize = 200;

/// Lines of a phone's log that are written on, and characters of each.
const LOG_LINES_MAX: usize = 20;
const LOG_CHARACTERS_MAX: usize = 300;

/// The scheme of phones' authorization.
const SCHEME: &str = "ApplePass ";

fn failed(error: &PassError) -> Problem {
    tracing::error!(%error, "a pass can't be made");
    Problem::internal()
}

/// A card and what it shows now, for a caller who may see it.
async fn shown(
    app: &Data<App>,
    party: Option<PartyId>,
    number: CardNumber,
) -> Result<(Card, Shown), Problem> {
    let (now, coalition, shared) = (app.now(), app.coalition(), app.clone());
    let found = read(app, move |database| {
        let found = shared.passes.look(database, number.id(), (&coalition, now))?;
        Ok(found.filter(|(card, _)| may_see(party.as_ref(), card, &coalition)))
    });
    found.await?.ok_or_else(unknown_card)
}

/// The package of a card, for the wallet or the brand to hand on.
pub async fn package(
    call: Either,
    app: Data<App>,
    number: Path<String>,
) -> Result<HttpResponse, Problem> {
    if let Either::Operator(operated) = &call {
        operated.must_operate()?;
    }
    let number = number_of(&number)?;
    let (card, shown) = shown(&app, call.party().cloned(), number).await?;
    let bytes = packed(&app, card, shown).await?;
    Ok(HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"card.pkpass\""))
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(bytes))
}

async fn packed(app: &Data<App>, card: Card, shown: Shown) -> Result<Vec<u8>, Problem> {
    let (shared, coalition) = (app.clone(), app.coalition());
    let pack = move || shared.passes.package(&card, &shown, &coalition);
    actix_web::web::block(pack).await?.map_err(|error| failed(&error))
}

/// The link that saves a card in Google Wallet.
pub async fn google_pass(
    call: Signed,
    app: Data<App>,
    number: Path<String>,
) -> Result<HttpResponse, Problem> {
    must_have_key(call.idempotency_key.as_ref())?;
    let (now, coalition) = (app.now(), app.coalition());
    let (card, shown) = shown(&app, Some(call.party), number_of(&number)?).await?;
    let google = &app.passes.google;
    let programme = coalition.programmes.get(&card.programme).ok_or_else(unknown_card)?;
    let class = object::class(&google.settings.issuer, programme, &coalition);
    let object = app.passes.object(&shown);
    let seen = app.passes.seen(&card, &shown, &coalition);
    let (shared, id) = (app.clone(), card.number.id());
    let note = move || {
        if shared.engine.read(|database| passes::was_handed_out(database, id))? {
            return Ok(());
        }
        shared.engine.write(|database| passes::hand_out(database, &seen, now))?;
        look_again(&shared, id)
    };
    actix_web::web::block(note).await??;
    let link = google.save_link(&class, &object, unix_now()).map_err(|error| failed(&error))?;
    Ok(found(&json!({"save_url": link, "class": class, "object": object})))
}

/// The card that a phone may ask about: its pass is of our type, and the phone has the pass's
/// token.
async fn of_phone(
    app: &Data<App>,
    request: &HttpRequest,
    pass_type: &str,
    serial: &str,
) -> Result<Card, Problem> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token =
        header.and_then(|header| header.strip_prefix(SCHEME)).unwrap_or_default().to_owned();
    let number =
        CardNumber::parse(serial).filter(|_| pass_type == app.passes.apple.settings.pass_type);
    let number = number.ok_or_else(Problem::pass_token_invalid)?;
    let card = read(app, move |database| cards::find(database, number.id())).await?;
    let has_token = |card: &Card| {
        let due = Passes::token_of(card);
        due.len() == token.len() && openssl::memcmp::eq(due.as_bytes(), token.as_bytes())
    };
    card.filter(has_token).ok_or_else(Problem::pass_token_invalid)
}

/// Looks at a pass once more after it was noted: what happened in between, the job may have passed
/// over, as the pass was not there yet.
fn look_again(app: &App, card: i64) -> Result<(), StoreError> {
    let (now, coalition) = (app.now(), app.coalition());
    let looked = app.engine.read(|database| app.passes.look(database, card, (&coalition, now)))?;
    let Some((card, shown)) = looked else { return Ok(()) };
    let seen = app.passes.seen(&card, &shown, &coalition);
    let known = app.engine.read(|database| passes::find(database, seen.card))?;
    if known.is_some_and(|known| known.shown == seen.shown) {
        return Ok(());
    }
    app.engine.write(|database| passes::see(database, &[seen], now)).map(drop)
}

fn is_name(text: &str) -> bool {
    (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[derive(Deserialize)]
struct RegistrationBody {
    #[serde(rename = "pushToken")]
    push_token: String,
}

/// Notes that a pass lies on a phone. A phone may say so hundreds of times: only the first time
/// anything is written.
pub async fn register(
    request: HttpRequest,
    app: Data<App>,
    path: Path<(String, String, String)>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    let (device, pass_type, serial) = path.into_inner();
    let card = of_phone(&app, &request, &pass_type, &serial).await?;
    let body: RegistrationBody = read_fields(&read_object(&body)?)?;
    if !is_name(&device) || !is_name(&body.push_token) {
        return Err(Problem::invalid("/pushToken", "use 1 to 200 visible ASCII characters"));
    }
    let shared = app.clone();
    let write = move || -> Result<bool, StoreError> {
        let (engine, id) = (&shared.engine, card.number.id());
        let there = engine.read(|database| passes::token_of(database, &device, id))?;
        if there.as_ref() == Some(&body.push_token) {
            return Ok(false);
        }
        let (now, coalition) = (shared.now(), shared.coalition());
        engine.write(|database| {
            let Some((card, shown)) = shared.passes.look(database, id, (&coalition, now))? else {
                return Ok::<_, StoreError>(());
            };
            let seen = shared.passes.seen(&card, &shown, &coalition);
            passes::register(database, (&device, &body.push_token), &seen, now)?;
            Ok(())
        })?;
        look_again(&shared, id)?;
        Ok(there.is_none())
    };
    let is_new = actix_web::web::block(write).await??;
    Ok(if is_new { HttpResponse::Created().finish() } else { HttpResponse::Ok().finish() })
}

/// Notes that a pass lies on a phone no more.
pub async fn unregister(
    request: HttpRequest,
    app: Data<App>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let (device, pass_type, serial) = path.into_inner();
    let card = of_phone(&app, &request, &pass_type, &serial).await?;
    let shared = app.clone();
    let write = move || -> Result<(), StoreError> {
        let (engine, id) = (&shared.engine, card.number.id());
        if engine.read(|database| passes::token_of(database, &device, id))?.is_none() {
            return Ok(());
        }
        engine.write(|database| passes::unregister(database, &device, id))
    };
    actix_web::web::block(write).await??;
    Ok(HttpResponse::Ok().finish())
}

/// Since when a phone asks for changes.
#[derive(Deserialize)]
pub struct Since {
    #[serde(rename = "passesUpdatedSince")]
    tag: Option<String>,
}

/// The passes of a phone that changed. A tag that is no tag of ours is as good as none.
pub async fn changed(
    app: Data<App>,
    path: Path<(String, String)>,
    since: Query<Since>,
) -> Result<HttpResponse, Problem> {
    let (device, pass_type) = path.into_inner();
    if pass_type != app.passes.apple.settings.pass_type || !is_name(&device) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let after = since.tag.as_deref().and_then(|tag| tag.parse().ok()).unwrap_or(0);
    let found = read(&app, move |database| passes::changed_on(database, &device, after)).await?;
    let Some((tag, numbers)) = found else { return Ok(HttpResponse::NoContent().finish()) };
    let numbers: Vec<&str> = numbers.iter().map(CardNumber::as_str).collect();
    Ok(super::found(&json!({"lastUpdated": tag.to_string(), "serialNumbers": numbers})))
}

/// The latest package of a pass, for the phone that has it.
pub async fn latest(
    request: HttpRequest,
    app: Data<App>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (pass_type, serial) = path.into_inner();
    let card = of_phone(&app, &request, &pass_type, &serial).await?;
    let (now, coalition, shared) = (app.now(), app.coalition(), app.clone());
    let found = read(&app, move |database| {
        let pass = passes::find(database, card.number.id())?;
        let looked = shared.passes.look(database, card.number.id(), (&coalition, now))?;
        Ok(looked.map(|(card, shown)| {
            let seen = shared.passes.seen(&card, &shown, &coalition);
            (card, shown, pass.filter(|pass| pass.shown == seen.shown))
        }))
    });
    let (card, shown, known) = found.await?.ok_or_else(Problem::pass_token_invalid)?;
    // What the job has not seen yet is dated back, so that a change which it sees within this
    // second is newer.
    let unseen = now.plus_micros(-1_000_000);
    let changed_at = known.as_ref().map_or(unseen, |pass: &Pass| pass.changed_at);
    let modified = http_date(changed_at);
    let header = request.headers().get(IF_MODIFIED_SINCE).and_then(|value| value.to_str().ok());
    let since = header.and_then(date_of).filter(|_| known.is_some());
    if since.is_some_and(|since| changed_at.0.div_euclid(1_000_000) <= since) {
        return Ok(HttpResponse::NotModified().insert_header((LAST_MODIFIED, modified)).finish());
    }
    let bytes = packed(&app, card, shown).await?;
    Ok(HttpResponse::Ok()
        .content_type(MEDIA_TYPE)
        .insert_header((LAST_MODIFIED, modified))
        .body(bytes))
}

fn http_date(at: Instant) -> String {
    let seconds = u64::try_from(at.0.div_euclid(1_000_000)).unwrap_or(0);
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
    actix_web::http::header::HttpDate::from(time).to_string()
}

/// The second of a date as HTTP writes it.
fn date_of(text: &str) -> Option<i64> {
    let date: actix_web::http::header::HttpDate = text.parse().ok()?;
    let time = std::time::SystemTime::from(date);
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

/// Takes what a phone says went wrong. It is untrusted text: bounded, cleaned, and kept nowhere.
pub async fn log(app: Data<App>, body: Bytes) -> HttpResponse {
    let value: Option<Value> = serde_json::from_slice(&body).ok();
    let lines = value.as_ref().and_then(|value| value["logs"].as_array());
    if app.passes.may_log() {
        for line in lines.into_iter().flatten().filter_map(Value::as_str).take(LOG_LINES_MAX) {
            let clean = line.chars().filter(|one| !one.is_control());
            let text: String = clean.take(LOG_CHARACTERS_MAX).collect();
            tracing::info!(phone = text, "a phone says of a pass");
        }
    }
    HttpResponse::Ok().finish()
}
