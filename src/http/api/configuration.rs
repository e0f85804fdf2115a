//! The configuration: parties, programmes, agreements, exchanges, schedules, VAT rates, modes.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{answered, found};
use crate::domain::ids::{PartyId, ProgrammeId, ScheduleId, VatTableId};
use crate::domain::terms::coalition::{Change, Versioned};
use crate::domain::terms::{Mode, Party};
use crate::domain::time::Instant;
use crate::engine::{Answer, Keyed, Making};
use crate::http::app::App;
use crate::http::caller::{Either, Operated, must_have_key};
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{fingerprint, read_fields, read_object};
use crate::store::names::key_hash;

/// A change under a key that must be there.
///
/// # Errors
/// If the key is not.
pub fn keyed(
    owner: &str,
    key: Option<&String>,
    what: &str,
    value: &Value,
) -> Result<Making, Problem> {
    let key = key_hash(owner, must_have_key(key)?);
    let keyed = Some(Keyed { key, fingerprint: fingerprint(what, value) });
    Ok(Making { author: owner.to_owned(), keyed, effective_at: None })
}

/// A change that replaces what is there, and needs no key.
fn replacing(call: &Operated, what: &str, value: &Value) -> Result<Making, Problem> {
    if call.idempotency_key.is_some() {
        return keyed(&operator_owner(call), call.idempotency_key.as_ref(), what, value);
    }
    Ok(Making { author: operator_owner(call), ..Making::default() })
}

/// Under whose name an operator's keys are remembered.
pub fn operator_owner(call: &Operated) -> String {
    format!("operator/{}", call.operator.subject)
}

/// Makes a change on a thread that may block.
///
/// # Errors
/// If the change contradicts what is there, or the database fails.
pub async fn make(
    app: &Data<App>,
    making: Making,
    change: Change,
    answer: impl FnOnce(&Versioned) -> String + Send + 'static,
) -> Result<Answer, Problem> {
    let app = app.clone();
    let made = actix_web::web::block(move || app.engine.configure(&making, |_| Ok(change), answer));
    Ok(made.await??)
}

fn version_of(versioned: &Versioned) -> String {
    json_text(&json!({"version": versioned.version, "effective_at": versioned.effective_at}))
}

/// Takes `effective_at` out of a document.
fn take_instant(value: &mut Value) -> Result<Option<Instant>, Problem> {
    let text = value.as_object_mut().and_then(|fields| fields.remove("effective_at"));
    match text {
        None => Ok(None),
        Some(Value::String(text)) => match Instant::parse(&text) {
            Some(instant) => Ok(Some(instant)),
            None => Err(Problem::invalid("/effective_at", "write an RFC 3339 instant")),
        },
        Some(_) => Err(Problem::invalid("/effective_at", "write an RFC 3339 instant, in quotes")),
    }
}

/// Puts the names of a path into a document; what the document says itself must agree.
fn put_names(value: &mut Value, names: &[(&str, &str)]) -> Result<(), Problem> {
    let fields = value.as_object_mut().ok_or_else(|| Problem::invalid("", "write an object"))?;
    for (field, name) in names {
        let there = fields.entry(*field).or_insert_with(|| Value::from(*name));
        if there != name {
            return Err(Problem::invalid(&format!("/{field}"), "the address says another name"));
        }
    }
    Ok(())
}

/// Adds a party.
pub async fn add_party(call: Operated, app: Data<App>) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let value = read_object(&call.body)?;
    let party: Party = read_fields(&value)?;
    let making = keyed(&operator_owner(&call), call.idempotency_key.as_ref(), "party", &value)?;
    let text = json_text(&party);
    let answer = make(&app, making, Change::Party(party), move |_| text).await?;
    Ok(answered(&Answer { status: 201, ..answer }))
}

/// The parties.
pub async fn parties(_call: Operated, app: Data<App>) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    let parties: Vec<&Party> = coalition.parties.values().collect();
    Ok(found(&json!({"data": parties})))
}

/// Adds or replaces a programme.
pub async fn put_programme(
    call: Operated,
    app: Data<App>,
    id: Path<ProgrammeId>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let mut value = read_object(&call.body)?;
    let mut making = replacing(&call, &format!("programme/{id}"), &value)?;
    making.effective_at = take_instant(&mut value)?;
    put_names(&mut value, &[("id", id.as_str())])?;
    let change = Change::Programme(Box::new(read_fields(&value)?));
    Ok(answered(&make(&app, making, change, version_of).await?))
}

/// Adds or replaces an agreement.
pub async fn put_agreement(
    call: Operated,
    app: Data<App>,
    names: Path<(ProgrammeId, PartyId)>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let (programme, party) = names.into_inner();
    let mut value = read_object(&call.body)?;
    let mut making = replacing(&call, &format!("agreement/{programme}/{party}"), &value)?;
    making.effective_at = take_instant(&mut value)?;
    put_names(&mut value, &[("programme", programme.as_str()), ("party", party.as_str())])?;
    let change = Change::Agreement(Box::new(read_fields(&value)?));
    Ok(answered(&make(&app, making, change, version_of).await?))
}

/// Adds or replaces an exchange.
pub async fn put_exchange(
    call: Operated,
    app: Data<App>,
    names: Path<(ProgrammeId, ProgrammeId)>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let (from, to) = names.into_inner();
    let mut value = read_object(&call.body)?;
    let mut making = replacing(&call, &format!("exchange/{from}/{to}"), &value)?;
    making.effective_at = take_instant(&mut value)?;
    put_names(&mut value, &[("from", from.as_str()), ("to", to.as_str())])?;
    let change = Change::Exchange(read_fields(&value)?);
    Ok(answered(&make(&app, making, change, version_of).await?))
}

/// Adds a settlement schedule, or changes what does not move its cycles.
pub async fn put_schedule(
    call: Operated,
    app: Data<App>,
    id: Path<ScheduleId>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let mut value = read_object(&call.body)?;
    let mut making = replacing(&call, &format!("schedule/{id}"), &value)?;
    making.effective_at = take_instant(&mut value)?;
    put_names(&mut value, &[("id", id.as_str())])?;
    let change = Change::Schedule(read_fields(&value)?);
    Ok(answered(&make(&app, making, change, version_of).await?))
}

/// Adds a table of VAT rates, or rates to a table. A rate has its own day; the change counts at
/// once.
pub async fn put_vat_rates(
    call: Operated,
    app: Data<App>,
    id: Path<VatTableId>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let mut value = read_object(&call.body)?;
    let making = replacing(&call, &format!("vat/{id}"), &value)?;
    put_names(&mut value, &[("id", id.as_str())])?;
    let change = Change::VatRates(read_fields(&value)?);
    Ok(answered(&make(&app, making, change, version_of).await?))
}

/// The settlement schedules in force, for everybody who settles by them.
pub async fn schedules(_call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    Ok(found(&json!({"data": coalition.documents.schedules.values().collect::<Vec<_>>()})))
}

/// The tables of VAT rates, for everybody who is taxed by them.
pub async fn vat_rates(_call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    Ok(found(&json!({"data": coalition.documents.vat_tables.values().collect::<Vec<_>>()})))
}

/// The programmes in force.
pub async fn programmes(_call: Operated, app: Data<App>) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    Ok(found(&json!({"data": coalition.documents.programmes.values().collect::<Vec<_>>()})))
}

/// The agreements in force.
pub async fn agreements(_call: Operated, app: Data<App>) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    Ok(found(&json!({"data": coalition.documents.agreements.values().collect::<Vec<_>>()})))
}

/// The exchanges in force.
pub async fn exchanges(_call: Operated, app: Data<App>) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    Ok(found(&json!({"data": coalition.documents.exchanges.values().collect::<Vec<_>>()})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModeBody {
    mode: Mode,
}

/// Opens, soft-launches or pauses a programme: by the operator, or signed by its brand.
pub async fn set_mode(
    call: Either,
    app: Data<App>,
    id: Path<ProgrammeId>,
) -> Result<HttpResponse, Problem> {
    let programme = id.into_inner();
    let (owner, key, body) = match &call {
        Either::Operator(operated) => {
            operated.must_operate()?;
            (operator_owner(operated), operated.idempotency_key.as_ref(), &operated.body)
        }
        Either::Party(signed) => {
            let coalition = app.coalition();
            let brand = coalition.programmes.get(&programme).map(|one| &one.brand);
            if brand != Some(&signed.party) {
                return Err(Problem::not_found());
            }
            (signed.party.to_string(), signed.idempotency_key.as_ref(), &signed.body)
        }
    };
    let value = read_object(body)?;
    let ModeBody { mode } = read_fields(&value)?;
    let making = keyed(&owner, key, &format!("mode/{programme}"), &value)?;
    Ok(answered(&make(&app, making, Change::Mode { programme, mode }, version_of).await?))
}
