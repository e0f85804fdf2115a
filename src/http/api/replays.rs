//! What was sent to an endpoint, and sending it once more.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::body_of;
use super::cycles::at_most;
use super::events::{From as Begin, instant_of, not_a_cursor, place_of};
use super::webhooks::{acting, id_of, own};
use super::{answered, found};
use crate::domain::event::EventId;
use crate::domain::ids::PartyId;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::events::{self, Place};
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{read_fields, read_object};
use crate::store::deliveries::{self as stored, DeliveryRow, PENDING};
use crate::store::webhooks::{self, ReplayRow, WebhookRow};
use crate::store::{Database, StoreError};
use crate::webhooks::endpoint::WebhookId;

/// The most events that are named to be sent once more.
const EVENTS_MAX: usize = 200;

/// The most spans of an endpoint that are on their way at once.
const REPLAYS_MAX: i64 = 10;

/// Which deliveries are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    state: Option<State>,
    cursor: Option<String>,
    limit: Option<i64>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Pending,
    Delivered,
    Dead,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Pending => stored::PENDING,
            Self::Delivered => stored::DELIVERED,
            Self::Dead => stored::DEAD,
        }
    }
}

fn view_of(row: &DeliveryRow) -> Value {
    json!({
        "event": row.event,
        "type": row.kind,
        "state": row.state,
        "attempts": row.attempts,
        "made_at": Instant(row.made_at),
        "due_at": (row.state == PENDING).then_some(Instant(row.due_at)),
        "ended_at": row.ended_at.map(Instant),
        "status": row.status,
        "error": row.error,
    })
}

fn after_of(cursor: &str) -> Result<(i64, String), Problem> {
    let parts = cursor.split_once('-').and_then(|(at, event)| {
        let event: EventId = event.parse().ok()?;
        Some((at.parse().ok()?, event.to_string()))
    });
    parts.ok_or_else(|| Problem::invalid("/cursor", "use the cursor of the page before"))
}

/// What is sent, was sent, or was given up, the oldest first.
pub async fn deliveries(
    call: Either,
    app: Data<App>,
    id: Path<String>,
    query: Query<Which>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let Which { state, cursor, limit } = query.into_inner();
    let limit = at_most(&app, limit)?.unwrap_or_else(|| app.limits.page_max.min(50));
    let after = cursor.as_deref().map(after_of).transpose()?;
    let state = state.unwrap_or(State::Dead).name();
    let (row, rows) = read(&app, move |database| {
        let row = webhooks::find(database, id.0)?;
        Ok((row, stored::list(database, (id.0, state), after, limit)?))
    })
    .await?;
    own(&call, row)?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let last = rows.last().filter(|_| is_full);
    let next = last.map(|row| format!("{}-{}", row.made_at, row.event));
    let data: Vec<Value> = rows.iter().map(view_of).collect();
    Ok(found(&json!({"data": data, "page": {"next": next, "limit": limit}})))
}

/// What is to be sent once more: named events, a span of time, all after a cursor, or all that was
/// given up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    events: Option<Vec<String>>,
    from: Option<String>,
    until: Option<String>,
    cursor: Option<String>,
    state: Option<State>,
}

enum Wanted {
    Events(Vec<EventId>),
    Span(Instant, Option<Instant>),
    After(Place),
    Dead,
}

impl ReplayBody {
    fn wanted(self) -> Result<Wanted, Problem> {
        let unclear = "name `events`, or `from` (and `until`), or `cursor`, or `state: dead`";
        match self {
            Self { events: Some(events), from: None, until: None, cursor: None, state: None } => {
                if !(1..=EVENTS_MAX).contains(&events.len()) {
                    let detail = format!("name 1 to {EVENTS_MAX} events");
                    return Err(Problem::invalid("/events", &detail));
                }
                let ids = events
                    .iter()
                    .enumerate()
                    .map(|(place, text)| text.parse().map_err(|_| no_such_event(place)));
                Ok(Wanted::Events(ids.collect::<Result<_, _>>()?))
            }
            Self { events: None, from: Some(from), until, cursor: None, state: None } => {
                let from = instant_of("/from", &from)?;
                let until = until.map(|until| instant_of("/until", &until)).transpose()?;
                if until.is_some_and(|until| until <= from) {
                    return Err(Problem::invalid("/until", "name an instant after `from`"));
                }
                Ok(Wanted::Span(from, until))
            }
            Self { events: None, from: None, until: None, cursor: Some(cursor), state: None } => {
                Ok(Wanted::After(place_of("/cursor", &cursor)?))
            }
            Self {
                events: None,
                from: None,
                until: None,
                cursor: None,
                state: Some(State::Dead),
            } => Ok(Wanted::Dead),
            _ => Err(Problem::invalid("", unclear)),
        }
    }
}

fn no_such_event(place: usize) -> Problem {
    Problem::invalid(
        &format!("/events/{place}"),
        "there is no such event that this webhook is told",
    )
}

/// Sends events once more, under the same ids.
pub async fn replay(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let (acting, id) = (acting(&call)?, id_of(&id)?);
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, &format!("webhook-replay/{id}"), &value)?;
    let number = WebhookId::random().map_err(|_| Problem::internal())?.0;
    let (now, coalition) = (app.now(), app.coalition());
    let queued = actix_web::web::block(move || {
        // What is named is looked up before anything is locked.
        let row = own(&call, app.engine.read(|one| webhooks::find(one, id.0))?)?;
        let wanted = read_fields::<ReplayBody>(&value)?.wanted()?;
        let queue = queue_of(&app, (&row, number), wanted, (&coalition, now))?;
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            own(&call, webhooks::lock(database, id.0)?)?;
            let count = queue.write(database, id.0, now)?;
            Ok((202, json_text(&json!({"webhook": id.to_string(), "deliveries": count}))))
        })
    });
    Ok(answered(&queued.await??))
}

/// What is written for it.
enum Queue {
    Rows(Vec<DeliveryRow>),
    Span(ReplayRow),
    Dead,
}

impl Queue {
    /// Gives back how many deliveries it is; none: they are not counted yet.
    fn write(
        &self,
        database: &mut Database,
        webhook: i64,
        now: Instant,
    ) -> Result<Option<usize>, Problem> {
        match self {
            Self::Rows(rows) => {
                stored::add_again(database, rows)?;
                Ok(Some(rows.len()))
            }
            Self::Dead => Ok(Some(stored::again_if_dead(database, webhook, now)?)),
            Self::Span(row) => {
                if webhooks::replays_of(database, webhook)? >= REPLAYS_MAX {
                    return Err(Problem::too_many_replays(REPLAYS_MAX));
                }
                webhooks::add_replay(database, row)?;
                Ok(None)
            }
        }
    }
}

fn queue_of(
    app: &App,
    (row, replay): (&WebhookRow, i64),
    wanted: Wanted,
    (coalition, now): (&Coalition, Instant),
) -> Result<Queue, Problem> {
    let span = |place: Place, target: Place| {
        let (place, target) = (place.to_string(), target.to_string());
        Queue::Span(ReplayRow { replay, webhook: row.webhook, place, target })
    };
    match wanted {
        Wanted::Dead => Ok(Queue::Dead),
        Wanted::Events(ids) => {
            let rows = app.engine.read(|one| named(one, coalition, (row, &ids), now))?;
            let rows = rows.into_iter().enumerate();
            let rows = rows.map(|(place, row)| row.ok_or_else(|| no_such_event(place)));
            Ok(Queue::Rows(rows.collect::<Result<_, _>>()?))
        }
        Wanted::Span(from, until) => {
            let (place, target) = app.engine.read(|one| {
                let target = match until {
                    Some(until) => events::since(one, until)?,
                    None => events::end(one)?,
                };
                Ok((events::since(one, from)?, target))
            })?;
            Ok(span(place, target))
        }
        Wanted::After(place) => {
            let (place, target) =
                app.engine.read(|one| Ok((Begin::Place(place).place(one)?, events::end(one)?)))?;
            Ok(span(place.ok_or_else(|| not_a_cursor("/cursor"))?, target))
        }
    }
}

/// Deliveries of named events; none for one that the endpoint's party may not know of.
fn named(
    database: &mut Database,
    coalition: &Coalition,
    (row, ids): (&WebhookRow, &[EventId]),
    now: Instant,
) -> Result<Vec<Option<DeliveryRow>>, StoreError> {
    let party: PartyId = crate::store::rows::read_name(&row.party)?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let told = events::one(database, coalition, *id)?;
        rows.push(told.filter(|told| told.is_for(&party, coalition)).map(|told| {
            let names = (told.event.id.to_string(), told.event.kind.clone());
            DeliveryRow::new(row.webhook, names, told.event.body(), now)
        }));
    }
    Ok(rows)
}
