//! Cards for wallets: issued, changed, shown.

use actix_web::http::header::{CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::members::enrol;
use super::{answered, found};
use crate::cards::barcode::Modules;
use crate::cards::face::{self, Face};
use crate::cards::{kind_of, rotates};
use crate::domain::card::code::{DIGITS, STEP_SECONDS, step_of as code_step, text_at};
use crate::domain::card::{Card, CardNumber, Step};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::member::MemberName;
use crate::domain::rejection::Rejection;
use crate::domain::terms::{Coalition, PartyKind};
use crate::domain::time::Instant;
use crate::engine::{CardWork, EngineError, Keyed, Submission, Work};
use crate::http::app::{App, read};
use crate::http::caller::{Either, Signed, must_have_key};
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::cards::{Holder, intro_of, issue_of, step_of};
use crate::http::wire::{fingerprint, read_object};
use crate::store::card_views::{self, CardView};
use crate::store::names::key_hash;
use crate::store::{Database, StoreError, cards};

/// Answers of which nothing is kept on the way.
const NO_STORE: (actix_web::http::header::HeaderName, &str) = (CACHE_CONTROL, "no-store");

/// The refusal of a card that is not there, or not for the caller.
pub fn unknown_card() -> Problem {
    Problem::from(&Rejection::UnknownCard)
}

/// The number in a path.
///
/// # Errors
/// If it is none that this server could have issued.
pub fn number_of(text: &str) -> Result<CardNumber, Problem> {
    CardNumber::parse(text).ok_or_else(unknown_card)
}

/// Whether a party may see a card: the wallet that issued it, and the programme's brand.
pub fn may_see(party: Option<&PartyId>, card: &Card, coalition: &Coalition) -> bool {
    let brand = coalition.programmes.get(&card.programme).map(|one| &one.brand);
    party.is_none_or(|party| *party == card.wallet || Some(party) == brand)
}

/// Issues a card, or gives the one that is there; who is not known yet enrols with it.
pub async fn issue(call: Signed, app: Data<App>) -> Result<HttpResponse, Problem> {
    let key = must_have_key(call.idempotency_key.as_ref())?;
    let value = read_object(&call.body)?;
    let (programme, holder) = issue_of(&value)?;
    let coalition = app.coalition();
    let is_brand = coalition.programmes.get(&programme).is_some_and(|one| one.brand == call.party);
    let kind = coalition.parties.get(&call.party).map(|party| party.kind);
    if !is_brand && kind != Some(PartyKind::Wallet) {
        return Err(Problem::role_not_allowed());
    }
    let member = match holder {
        Holder::Member(member) => member,
        Holder::Person(person) => {
            // Under a key that follows from the card's, so that a repeat enrols nobody twice.
            let enrolled = enrol(&app, &call, &format!("{key}\0person"), &person).await;
            let enrolled = enrolled.map_err(|problem| problem.within("/person"))?;
            let body: Value = serde_json::from_str(&enrolled.body).unwrap_or_default();
            let member = body["member"].as_str().and_then(|id| id.parse::<MemberId>().ok());
            match member.filter(|_| enrolled.status < 300) {
                Some(member) => MemberName::Id(member),
                None => return Ok(answered(&enrolled)),
            }
        }
    };
    let submission = Submission {
        key: key_hash(call.party.as_str(), key),
        fingerprint: fingerprint("card", &value),
        work: Work::Card(CardWork::Issue { member, programme }),
        signed_by: Some(call.signed_by),
        party: call.party,
    };
    Ok(answered(&app.engine.submit(submission).await?))
}

/// Freezes, unfreezes, replaces or closes a card, or notes that an intro screen was seen.
pub async fn step(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (number, name) = path.into_inner();
    let number = number_of(&number);
    if name == "intro-seen" {
        return match call {
            Either::Party(signed) => see_intro(signed, &app, &number?).await,
            Either::Operator(_) => Err(Problem::role_not_allowed()),
        };
    }
    let step = Step::named(&name).ok_or_else(Problem::not_found)?;
    let (party, signed_by, key, body) = match call {
        Either::Party(signed) => {
            (signed.party, Some(signed.signed_by), signed.idempotency_key, signed.body)
        }
        Either::Operator(operated) => {
            operated.must_operate()?;
            let operator = app.coalition().operator.clone();
            (operator, None, operated.idempotency_key, operated.body)
        }
    };
    let number = number?;
    let key = must_have_key(key.as_ref())?;
    let value = read_object(&body)?;
    let submission = Submission {
        key: key_hash(party.as_str(), key),
        fingerprint: fingerprint(&format!("card\0{number}\0{name}"), &value),
        work: Work::Card(step_of(&number, step, &value)?),
        signed_by,
        party,
    };
    Ok(answered(&app.engine.submit(submission).await?))
}

/// Why an intro screen was not noted.
enum NotNoted {
    Problem(Problem),
    Store(StoreError),
}

impl From<StoreError> for NotNoted {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<EngineError> for NotNoted {
    fn from(error: EngineError) -> Self {
        Self::Problem(error.into())
    }
}

/// Notes that an intro screen was seen: it is shown once.
async fn see_intro(
    call: Signed,
    app: &Data<App>,
    number: &CardNumber,
) -> Result<HttpResponse, Problem> {
    let key = must_have_key(call.idempotency_key.as_ref())?;
    let value = read_object(&call.body)?;
    let campaign = intro_of(&value)?;
    let keyed = Keyed {
        key: key_hash(call.party.as_str(), key),
        fingerprint: fingerprint(&format!("card\0{number}\0intro-seen"), &value),
    };
    let (now, party, number, shared) = (app.now(), call.party, number.clone(), app.clone());
    let write = move || {
        shared.engine.write_once::<NotNoted>(&keyed, now, |connection| {
            let view = card_views::view(connection, number.id(), now)?;
            let view = view.filter(|view| view.card.wallet == party);
            let view = view.ok_or_else(|| NotNoted::Problem(unknown_card()))?;
            if !face::intros_of(&view).contains(&campaign.as_str()) {
                return Err(NotNoted::Problem(Problem::not_found()));
            }
            cards::see_intro(connection, view.member, &campaign, now)?;
            let answer = json!({"card": number.as_str(), "campaign": campaign, "seen": true});
            Ok((200, json_text(&answer)))
        })
    };
    match actix_web::web::block(write).await? {
        Ok(answer) => Ok(answered(&answer)),
        Err(NotNoted::Problem(problem)) => Err(problem),
        Err(NotNoted::Store(error)) => Err(error.into()),
    }
}

/// Reads a card's face.
///
/// # Errors
/// If the database fails.
pub fn face_of(
    database: &mut Database,
    view: &CardView,
    coalition: &Coalition,
    now: Instant,
) -> Result<Face, StoreError> {
    let seen = cards::intros_seen(database, view.member, &face::intros_of(view))?;
    Ok(Face::of(view, coalition, now, &seen))
}

/// What a card shows.
pub async fn view(
    call: Either,
    app: Data<App>,
    number: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let number = number_of(&number)?;
    let (now, coalition) = (app.now(), app.coalition());
    let party = call.party().cloned();
    let face = read(&app, move |database| {
        let view = card_views::view(database, number.id(), now)?;
        let view = view.filter(|view| may_see(party.as_ref(), &view.card, &coalition));
        view.map(|view| face_of(database, &view, &coalition, now)).transpose()
    });
    let body = json_text(&face.await?.ok_or_else(unknown_card)?);
    let tag = format!("\"{}\"", hex::encode(&Sha256::digest(body.as_bytes())[..16]));
    let known = request.headers().get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    let is_known = known.flat_map(|value| value.split(',')).map(str::trim).any(|one| {
        // A weak tag of the same text names the same bytes too.
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag
    });
    let mut response = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header((ETAG, tag)).insert_header((CACHE_CONTROL, "private, no-cache"));
    if is_known {
        return Ok(response.finish());
    }
    Ok(response.content_type("application/json").body(body))
}

/// A card that a caller may see.
///
/// # Errors
/// If there is none.
pub async fn card_for(
    app: &Data<App>,
    party: Option<&PartyId>,
    number: CardNumber,
) -> Result<Card, Problem> {
    let card = read(app, move |database| cards::find(database, number.id())).await?;
    card.filter(|card| may_see(party, card, &app.coalition())).ok_or_else(unknown_card)
}

/// The key of a card's rotating codes, for the wallet that shows them.
pub async fn rotating(
    call: Signed,
    app: Data<App>,
    number: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (now, coalition) = (app.now(), app.coalition());
    let card = card_for(&app, Some(&call.party), number_of(&number)?).await?;
    let terms = coalition.programmes.get(&card.programme).and_then(|one| one.card.as_ref());
    if card.wallet != call.party || !rotates(&card.number, terms) {
        return Err(unknown_card());
    }
    let key = card.secret.code_key();
    let ends = (code_step(now) + 1) * STEP_SECONDS * 1_000_000;
    let body = json!({
        "number": card.number.as_str(),
        "text": text_at(&card.number, &key, now),
        "valid_until": Instant(ends),
        "key": hex::encode(key),
        "algorithm": "SHA256",
        "digits": DIGITS,
        "period": STEP_SECONDS,
    });
    Ok(HttpResponse::Ok()
        .insert_header(NO_STORE)
        .content_type("application/json")
        .body(json_text(&body)))
}

/// How a barcode is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Picture {
    format: Option<Format>,
}

/// A format of pictures.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Vectors.
    #[default]
    Svg,
    /// Pixels.
    Png,
}

/// A card's barcode as a picture; that of a rotating card is good for its half minute.
pub async fn barcode(
    call: Either,
    app: Data<App>,
    number: Path<String>,
    query: Query<Picture>,
) -> Result<HttpResponse, Problem> {
    if let Either::Operator(operated) = &call {
        operated.must_operate()?;
    }
    let (now, coalition) = (app.now(), app.coalition());
    let card = card_for(&app, call.party(), number_of(&number)?).await?;
    let terms = coalition.programmes.get(&card.programme).and_then(|one| one.card.as_ref());
    // Codes are the wallet's alone to show; others get the bare number.
    let is_wallet = call.party().is_some_and(|party| *party == card.wallet);
    let text = if is_wallet && rotates(&card.number, terms) {
        text_at(&card.number, &card.secret.code_key(), now)
    } else {
        card.number.to_string()
    };
    let kind = kind_of(&card.number, terms);
    let modules = Modules::of(kind, &text).map_err(|error| {
        tracing::error!(%error, "a barcode can't be made");
        Problem::internal()
    })?;
    let mut response = HttpResponse::Ok();
    response.insert_header(NO_STORE);
    match query.format.unwrap_or_default() {
        Format::Svg => Ok(response.content_type("image/svg+xml").body(modules.svg())),
        Format::Png => {
            let bytes = modules.png().map_err(|_| Problem::internal())?;
            Ok(response.content_type("image/png").body(bytes))
        }
    }
}

/// The programmes that issue cards, for those who may issue them.
pub async fn catalogue(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    let may = |programme: &crate::domain::terms::Programme| match call.party() {
        None => true,
        Some(party) => {
            let kind = coalition.parties.get(party).map(|one| one.kind);
            *party == programme.brand || kind == Some(PartyKind::Wallet)
        }
    };
    let shown = coalition.programmes.values().filter(|programme| may(programme));
    let data: Vec<Value> =
        shown.filter_map(|one| super::catalogue::entry(one, &coalition)).collect();
    Ok(found(&json!({"data": data})))
}
