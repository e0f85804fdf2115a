//! One-time codes.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, Query};
use serde::Deserialize;
use serde_json::json;

use super::acting::body_of;
use super::people::Writing;
use super::{answered, found};
use crate::http::app::App;
use crate::http::caller::{Either, Operated};
use crate::http::problem::Problem;
use crate::http::wire::people::tried_code;
use crate::http::wire::read_object;
use crate::people::codes::{self, AskError, Asking, RESEND_AFTER, Tried};
use crate::people::messages::{Carrier, Message};

/// Sends a code. The answer is the same whether the phone is known or not.
pub async fn ask(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let value = read_object(body_of(&call))?;
    let (phone, purpose) = app.people_reader().asking_of(&value)?;
    let writing = Writing::of(&call, &app)?;
    let carrier = app.reaching.carrier.clone().ok_or_else(Problem::codes_off)?;
    let keyed = writing.keyed("code", &value);
    let shared = app.clone();
    let ask = move || {
        let (now, mut message) = (shared.now(), None);
        let answer = shared.engine.write_once::<AskError>(&keyed, now, |database| {
            let asking = Asking { party: &writing.party, phone: &phone, purpose, now };
            let vault = shared.engine.vault();
            let asked = codes::ask(database, vault, &asking, &shared.reaching.text)?;
            message = asked.message;
            let body = json!({"id": asked.id, "expires_at": asked.expires_at,
                "resend_at": now.plus_micros(RESEND_AFTER)});
            Ok((202, body.to_string()))
        })?;
        Ok::<_, AskError>((answer, message))
    };
    let (answer, message) = web::block(ask).await??;
    if let Some(message) = message {
        send(&app, carrier, message);
    }
    Ok(answered(&answer))
}

/// Hands a message over without letting the caller wait: how long it takes says nothing.
fn send(app: &App, carrier: Arc<dyn Carrier>, message: Message) {
    let hand_over = move || {
        if let Err(error) = carrier.send(&message) {
            metrics::counter!("coalition_messages_failed_total").increment(1);
            tracing::warn!(code = message.id, error = error.to_string(), "a code was not sent");
        }
    };
    if app.reaching.shows_messages() {
        return hand_over();
    }
    let Ok(place) = Arc::clone(&app.messages).try_acquire_owned() else {
        metrics::counter!("coalition_messages_failed_total").increment(1);
        tracing::warn!("a code was not sent: too many messages are on their way");
        return;
    };
    actix_web::rt::spawn(async move {
        drop(web::block(hand_over).await);
        drop(place);
    });
}

/// Tries a code.
pub async fn confirm(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let value = read_object(body_of(&call))?;
    let code = tried_code(&value)?;
    let writing = Writing::of(&call, &app)?;
    let keyed = writing.keyed(&format!("code confirm\0{id}"), &value);
    let shared = app.clone();
    let confirm = move || {
        let now = shared.now();
        shared.engine.write_once::<Problem>(&keyed, now, |database| {
            let of = (&writing.party, id.as_str());
            let tried = codes::try_code(database, shared.engine.vault(), of, &code, now)?;
            let problem = match tried {
                Tried::Right(member) => {
                    let body = json!({"id": id.as_str(), "confirmed": true, "member": member});
                    return Ok((200, body.to_string()));
                }
                Tried::Unknown => return Err(Problem::not_found()),
                Tried::Wrong { left } => Problem::code_wrong(left),
                Tried::Locked => Problem::code_locked(),
                Tried::Over => Problem::code_over(),
            };
            // A refusal is kept as well: the try was counted.
            Ok((problem.status(), problem.document().to_string()))
        })
    };
    Ok(answered(&web::block(confirm).await??))
}

/// Which messages are looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShownQuery {
    phone: Option<String>,
}

/// The messages of a test clock's server, newest first.
pub async fn shown(
    call: Operated,
    app: Data<App>,
    query: Query<ShownQuery>,
) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    let shown = app.reaching.carrier.as_ref().and_then(|carrier| carrier.shown());
    let shown = shown.ok_or_else(Problem::test_clock_off)?;
    let fits = |one: &&Message| query.phone.as_ref().is_none_or(|phone| one.phone == *phone);
    let views = shown
        .iter()
        .rev()
        .filter(fits)
        .take(100)
        .map(|one| json!({"id": one.id, "phone": one.phone, "text": one.text, "at": one.at}));
    Ok(found(&json!({"data": views.collect::<Vec<_>>()})))
}
