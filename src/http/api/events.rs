//! Events, pulled by a cursor.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::cycles::at_most;
use super::found;
use crate::domain::event::is_type;
use crate::domain::ids::PartyId;
use crate::domain::time::Instant;
use crate::events::{self, Bounds, Place, Told};
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::problem::Problem;
use crate::store::{Database, StoreError};
use crate::webhooks::endpoint::wants;

/// The most types that are asked for.
pub const TYPES_MAX: usize = 50;

/// Transactions and facts that one call looks at.
const ROWS_MAX: usize = 4_000;

/// The cursor of the end.
const END: &str = "end";

/// Which events are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    cursor: Option<String>,
    since: Option<String>,
    types: Option<String>,
    limit: Option<i64>,
}

/// Where a caller begins to read.
pub(super) enum From {
    Beginning,
    End,
    Since(Instant),
    Place(Place),
}

impl From {
    /// The place itself. None: the cursor is of another ledger.
    pub fn place(self, database: &mut Database) -> Result<Option<Place>, StoreError> {
        let end = events::end(database)?;
        let shards = end.shards.len();
        Ok(match self {
            Self::Beginning => Some(Place::beginning(shards)),
            Self::End => Some(end),
            Self::Since(at) => Some(events::since(database, at)?),
            Self::Place(place) => place.fits(shards).ok().filter(|place| place.is_within(&end)),
        })
    }
}

/// The place of a cursor.
pub(super) fn place_of(pointer: &str, cursor: &str) -> Result<Place, Problem> {
    cursor.parse().map_err(|_| not_a_cursor(pointer))
}

/// A cursor that can't be read, or that is of another ledger.
pub(super) fn not_a_cursor(pointer: &str) -> Problem {
    Problem::invalid(pointer, "use the cursor of the page before, or `end`")
}

/// An instant.
pub(super) fn instant_of(pointer: &str, text: &str) -> Result<Instant, Problem> {
    Instant::parse(text).ok_or_else(|| Problem::invalid(pointer, "write an RFC 3339 instant"))
}

/// Types of events, checked.
pub(super) fn types_of(pointer: &str, types: Vec<String>) -> Result<Vec<String>, Problem> {
    if types.len() > TYPES_MAX {
        return Err(Problem::invalid(pointer, &format!("name at most {TYPES_MAX} types")));
    }
    match types.iter().find(|one| !is_type(one)) {
        None => Ok(types),
        Some(_) => Err(Problem::invalid(pointer, "write types such as points.earned")),
    }
}

fn view(told: &Told) -> Value {
    let event = &told.event;
    json!({
        "id": event.id.to_string(),
        "type": event.kind,
        "timestamp": event.at,
        "data": event.data,
    })
}

/// The next events that the caller may know of.
pub async fn list(
    call: Either,
    app: Data<App>,
    query: Query<Which>,
) -> Result<HttpResponse, Problem> {
    let Which { cursor, since, types, limit } = query.into_inner();
    let limit = at_most(&app, limit)?.unwrap_or_else(|| app.limits.page_max.min(100));
    let named = types.map(|types| types.split(',').map(str::to_owned).collect());
    let types = types_of("/types", named.unwrap_or_default())?;
    let from = match (cursor.as_deref(), since) {
        (Some(_), Some(_)) => {
            return Err(Problem::invalid("/since", "name a cursor or an instant, not both"));
        }
        (Some(END), None) => From::End,
        (Some(cursor), None) => From::Place(place_of("/cursor", cursor)?),
        (None, Some(since)) => From::Since(instant_of("/since", &since)?),
        (None, None) => From::Beginning,
    };
    let party: Option<PartyId> = call.party().cloned();
    let coalition = app.coalition();
    let bounds = Bounds { events: usize::try_from(limit).unwrap_or(1), rows: ROWS_MAX };
    let page = read(&app, move |database| {
        let Some(place) = from.place(database)? else { return Ok(None) };
        let may_know = |told: &Told| {
            wants(&types, &told.event.kind)
                && party.as_ref().is_none_or(|party| told.is_for(party, &coalition))
        };
        events::read(database, &coalition, (&place, None), bounds, &may_know).map(Some)
    });
    let page = page.await?.ok_or_else(|| not_a_cursor("/cursor"))?;
    let data: Vec<Value> = page.told.iter().map(view).collect();
    let next = page.place.to_string();
    Ok(found(&json!({"data": data, "page": {"next": next, "more": page.more, "limit": limit}})))
}
