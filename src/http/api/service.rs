//! What the server says of itself: health, measurements, the API's document, the test clock.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;
use serde_json::json;

use super::found;
use crate::domain::time::Instant;
use crate::http::app::{App, read};
use crate::http::caller::{Operated, must_have_key};
use crate::http::docs;
use crate::http::problem::Problem;
use crate::http::wire::{read_fields, read_object};
use crate::store::{StoreError, heads, migrations};

/// The API's document, as it is served.
pub const DOCUMENT: &str = include_str!("../../../openapi/coalition.yaml");

/// Whether the process runs; never asks the database.
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// Whether the server can work: it takes commands in, reaches its database, and the schema is its
/// own.
pub async fn readyz(app: Data<App>) -> HttpResponse {
    let asked = read(&app, |database| {
        heads::all(database)?;
        if migrations::is_behind(database)? {
            return Err(StoreError::SetUp(
                "migrations are missing; run `coalition migrate`".into(),
            ));
        }
        Ok(())
    });
    let ready = app.engine.is_running() && asked.await.is_ok();
    let (mut response, text) = if ready {
        (HttpResponse::Ok(), "ready\n")
    } else {
        (HttpResponse::ServiceUnavailable(), "not ready\n")
    };
    response.content_type("text/plain; charset=utf-8").body(text)
}

/// Measurements, in the text format of Prometheus.
pub async fn measurements(app: Data<App>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(app.metrics.render())
}

/// The API's document.
pub async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/yaml").body(DOCUMENT)
}

/// The API's document as a page.
pub async fn page() -> Result<HttpResponse, Problem> {
    let page = docs::page(DOCUMENT).map_err(|_| Problem::internal())?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header(("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"))
        .body(page))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockBody {
    now: String,
}

/// Moves the test clock forward.
pub async fn move_clock(call: Operated, app: Data<App>) -> Result<HttpResponse, Problem> {
    call.must_operate()?;
    must_have_key(call.idempotency_key.as_ref())?;
    let clock = app.engine.clock();
    if clock.is_system() {
        return Err(Problem::test_clock_off());
    }
    let ClockBody { now } = read_fields(&read_object(&call.body)?)?;
    let to = Instant::parse(&now)
        .ok_or_else(|| Problem::invalid("/now", "write an RFC 3339 instant with an offset"))?;
    Ok(found(&json!({"now": clock.advance_to(to)})))
}
