//! Signing keys of parties: issued, registered, revoked. Two may be active at once, so that a
//! party can change them without a pause.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use serde::Deserialize;
use serde_json::json;

use super::configuration::{keyed, operator_owner};
use super::{answered, found};
use crate::auth::secrets;
use crate::auth::signature::VerifyingKey;
use crate::domain::ids::{KeyId, PartyId};
use crate::domain::terms::coalition::Change;
use crate::domain::terms::{Algorithm, Coalition, Invalid, Key};
use crate::engine::{Answer, ConfigureError, Making};
use crate::http::app::App;
use crate::http::caller::Operated;
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{read_fields, read_object};

/// The most keys of a party that are active at once.
const ACTIVE_MAX: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyBody {
    id: Option<KeyId>,
    algorithm: Algorithm,
    public_key: Option<String>,
}

/// A new key of a party: a secret that is made and shown once, or a public key that is sent.
///
/// # Errors
/// If the public key is none, or no randomness can be had.
pub fn new_key(
    party: PartyId,
    id: Option<KeyId>,
    algorithm: Algorithm,
    public_key: Option<String>,
) -> Result<Key, Invalid> {
    let random = |_| Invalid::at("", "the system gave no random bytes; try again");
    let material = match (algorithm, public_key) {
        (Algorithm::HmacSha256, None) => secrets::new_secret().map_err(random)?,
        (Algorithm::HmacSha256, Some(_)) => {
            return Err(Invalid::at("/public_key", "a shared secret is made by the server"));
        }
        (Algorithm::Ed25519, Some(public_key)) => public_key,
        (Algorithm::Ed25519, None) => {
            return Err(Invalid::at("/public_key", "send the public key, 32 bytes in base64"));
        }
    };
    VerifyingKey::from_material(algorithm, &material)
        .map_err(|error| Invalid::at("/public_key", error.to_string()))?;
    let id = match id {
        Some(id) => id,
        None => secrets::new_key_id(&party).map_err(random)?,
    };
    Ok(Key { id, party, algorithm, material, active: true })
}

/// The change that adds a key, unless its party has enough or its id is taken.
///
/// # Errors
/// If it is not to be added.
pub fn adding(coalition: &Coalition, key: Key) -> Result<Change, ConfigureError> {
    if coalition.keys.contains_key(&key.id) {
        return Err(Invalid::at("/id", "a key of this id exists; take another").into());
    }
    let active = coalition.keys.values().filter(|one| one.party == key.party && one.active);
    if active.count() >= ACTIVE_MAX {
        Err(ConfigureError::TooManyKeys)
    } else {
        Ok(Change::Key(key))
    }
}

/// The change that revokes a key.
///
/// # Errors
/// If there is no such key.
pub fn revoking(
    coalition: &Coalition,
    party: &PartyId,
    id: &KeyId,
) -> Result<Change, ConfigureError> {
    let key = coalition.keys.get(id).filter(|key| key.party == *party);
    let key = key.ok_or_else(|| Invalid::at("/key", "the party has no such key"))?;
    Ok(Change::Key(Key { active: false, ..key.clone() }))
}

/// Issues or registers a key. The secret is in this answer and in no other.
pub async fn add(
    call: Operated,
    app: Data<App>,
    party: Path<PartyId>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let party = party.into_inner();
    if !app.coalition().parties.contains_key(&party) {
        return Err(Problem::not_found());
    }
    let value = read_object(&call.body)?;
    let body: KeyBody = read_fields(&value)?;
    let key = new_key(party, body.id, body.algorithm, body.public_key)?;
    let what = format!("key/{}", key.party);
    let making = making(&call, &what, &value)?;
    let mut answer =
        json!({"id": key.id, "party": key.party, "algorithm": key.algorithm, "state": "active"});
    if key.algorithm == Algorithm::HmacSha256 {
        answer["secret"] = key.material.clone().into();
    }
    let made = actix_web::web::block(move || {
        let change = |coalition: &Coalition| adding(coalition, key);
        app.engine.configure(&making, change, |_| json_text(&answer))
    });
    let answer = made.await??;
    Ok(answered(&Answer { status: 201, ..answer }))
}

fn making(call: &Operated, what: &str, value: &serde_json::Value) -> Result<Making, Problem> {
    keyed(&operator_owner(call), call.idempotency_key.as_ref(), what, value)
}

fn view(key: &Key) -> serde_json::Value {
    let state = if key.active { "active" } else { "revoked" };
    json!({"id": key.id, "party": key.party, "algorithm": key.algorithm, "state": state})
}

/// The keys of a party, without their secrets.
pub async fn list(
    _call: Operated,
    app: Data<App>,
    party: Path<PartyId>,
) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    if !coalition.parties.contains_key(&*party) {
        return Err(Problem::not_found());
    }
    let mut keys: Vec<&Key> = coalition.keys.values().filter(|key| key.party == *party).collect();
    keys.sort_by(|one, other| one.id.cmp(&other.id));
    let keys: Vec<_> = keys.into_iter().map(view).collect();
    Ok(found(&json!({"data": keys})))
}

/// Revokes a key, at once and for ever.
pub async fn revoke(
    call: Operated,
    app: Data<App>,
    names: Path<(PartyId, KeyId)>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let (party, id) = names.into_inner();
    let known =
        app.engine.timeline().latest().keys.get(&id).filter(|key| key.party == party).cloned();
    let known = known.ok_or_else(Problem::not_found)?;
    let making = making(&call, &format!("revoke/{id}"), &read_object(&call.body)?)?;
    let text = json_text(&view(&Key { active: false, ..known }));
    let made = actix_web::web::block(move || {
        let change = |coalition: &Coalition| revoking(coalition, &party, &id);
        app.engine.configure(&making, change, |_| text)
    });
    Ok(answered(&made.await??))
}
