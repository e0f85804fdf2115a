//! Reports: figures of all that is in the ledger.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use serde::Deserialize;

use super::found;
use crate::domain::time::Instant;
use crate::engine::EngineError;
use crate::http::app::App;
use crate::http::caller::Either;
use crate::http::problem::Problem;
use crate::store::{StoreError, Use, configurations, liability, views};

/// As of when a report is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportQuery {
    at: Option<String>,
}

/// What members hold, its age, when it goes and what it costs: in all programmes, or for a party in
/// those of which it is the brand.
pub async fn liability(
    call: Either,
    app: Data<App>,
    query: Query<ReportQuery>,
) -> Result<HttpResponse, Problem> {
    let read = |text: &str| {
        let detail = "write an RFC 3339 instant with an offset";
        Instant::parse(text).ok_or_else(|| Problem::invalid("/at", detail))
    };
    let now = app.now();
    let at = query.at.as_deref().map_or(Ok(now), read)?;
    let brand = call.party().cloned();
    // Every lot is read: like a bulk call it takes one of few places, until the reading is over.
    let places = Arc::clone(&app.bulk_calls);
    let place = places.try_acquire_owned().map_err(|_| EngineError::Overloaded)?;
    let work = move || -> Result<_, StoreError> {
        let _place = place;
        let mut database = app.engine.open(Use::Read)?;
        views::at_one_moment(&mut database, |database| {
            // Terms of the past may not know a programme that has points by now.
            let timeline = configurations::load_timeline(database)?;
            liability::liability(database, at, timeline.at(at.max(now)), brand.as_ref())
        })
    };
    Ok(found(&actix_web::web::block(work).await??))
}
