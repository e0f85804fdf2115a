//! Campaigns: written, looked at, started, run and stopped by marketing or by the programme's brand.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant as Stopwatch};

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::{Acting, body_of};
use super::campaign_views::{campaign_view, preview_view, report_view};
use super::reconciliation_views::page_of;
use super::{answered, found};
use crate::campaigns::{CampaignError, Loaded, find, load, notices, preview, report, run};
use crate::domain::campaign::{CampaignDocument, CampaignState};
use crate::domain::ids::{ProgrammeId, PromoId};
use crate::domain::terms::Coalition;
use crate::engine::Keyed;
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{no_card_number, read_fields, read_object};
use crate::store::campaigns::{self as stored, Draft, Which};
use crate::store::rows::write_json;
use crate::store::{Database, notices as stored_notices};

/// How long the answer to a run is waited for; the run itself goes on.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a run goes on at most.
const RUN_MAX: Duration = Duration::from_hours(12);

/// How often somebody else's run is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Refuses a programme of somebody else's, as if there were none.
pub(super) fn must_be_brand(
    call: &Either,
    coalition: &Coalition,
    programme: &ProgrammeId,
) -> Result<(), Problem> {
    let brand = coalition.programmes.get(programme).map(|one| &one.brand);
    match call.party() {
        Some(party) if brand != Some(party) => Err(Problem::not_found()),
        _ => Ok(()),
    }
}

/// A campaign that the caller may see.
pub(super) fn visible(
    database: &mut Database,
    (call, coalition): (&Either, &Coalition),
    id: &str,
) -> Result<Loaded, Problem> {
    let row = stored::find(database, id)?.ok_or_else(Problem::not_found)?;
    let programme = row.programme.parse().map_err(|_| Problem::internal())?;
    must_be_brand(call, coalition, &programme)?;
    Ok(load(database, row, coalition)?)
}

/// Writes a draft, or writes it anew.
pub async fn put(call: Either, app: Data<App>, id: Path<PromoId>) -> Result<HttpResponse, Problem> {
    let acting = Acting::campaigning(&call)?;
    let mut value = read_object(body_of(&call))?;
    let fields = value.as_object_mut().ok_or_else(Problem::internal)?;
    if fields.entry("id").or_insert_with(|| Value::from(id.as_str())) != id.as_str() {
        return Err(Problem::invalid("/id", "the address says another name"));
    }
    let document: CampaignDocument = read_fields(&value)?;
    let (coalition, now) = (app.coalition(), app.now());
    must_be_brand(&call, &coalition, &document.programme)?;
    let campaign = document.check(&coalition)?;
    if acting.party.as_ref().is_some_and(|party| campaign.party != *party) {
        return Err(Problem::invalid("/party", "a brand writes campaigns of its own"));
    }
    for (place, step) in campaign.steps.iter().enumerate() {
        for way in &step.ways {
            no_card_number(&format!("/channels/{place}"), &way.text)?;
        }
    }
    let text = write_json(&document);
    let written = actix_web::web::block(move || {
        app.engine.write::<_, Problem>(|database| {
            let id = campaign.id.as_str();
            if let Some(row) = stored::lock(database, id)? {
                let programme = row.programme.parse().map_err(|_| Problem::internal())?;
                must_be_brand(&call, &coalition, &programme)?;
                let state = row.state()?;
                if state != CampaignState::Draft {
                    let detail = "what was started is not written anew; write another campaign";
                    return Err(CampaignError::State { state, detail }.into());
                }
            }
            let (programme, party) = (&campaign.programme, &campaign.party);
            let draft = Draft { id, programme, party, document: &text };
            stored::put(database, &draft, now)?;
            let loaded = find(database, id, &coalition)?;
            Ok(campaign_view(database, &loaded)?)
        })
    });
    Ok(found(&written.await??))
}

/// Which campaigns are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    programme: Option<ProgrammeId>,
    state: Option<CampaignState>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Campaigns, by name.
pub async fn list(
    call: Either,
    app: Data<App>,
    query: Query<Asked>,
) -> Result<HttpResponse, Problem> {
    let Asked { programme, state, cursor, limit } = query.into_inner();
    let coalition = app.coalition();
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let own = coalition.programmes.values().filter(|one| {
        call.party().is_none_or(|party| one.brand == *party)
            && programme.as_ref().is_none_or(|wanted| one.id == *wanted)
    });
    let programmes = Some(own.map(|one| one.id.to_string()).collect());
    let which = Which { programmes, state, after: cursor.unwrap_or_default() };
    let rows = read(&app, move |database| stored::list(database, &which, limit)).await?;
    let data: Vec<Value> = rows
        .iter()
        .map(|row| {
            let state = row.state().map(CampaignState::name).unwrap_or_default();
            json!({"id": row.campaign, "programme": row.programme, "party": row.party,
                "state": state})
        })
        .collect();
    let next = rows.last().map(|row| row.campaign.clone());
    Ok(found(&page_of(&data, next, limit)))
}

/// Asks something of a campaign that the caller may see.
async fn of_campaign<T: Send + 'static>(
    call: Either,
    app: Data<App>,
    id: String,
    ask: impl FnOnce(&App, &Coalition, Loaded) -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    let asked = actix_web::web::block(move || {
        let coalition = app.coalition();
        let mut database = app.engine.open(crate::store::Use::Read)?;
        let loaded = visible(&mut database, (&call, &coalition), &id)?;
        drop(database);
        ask(&app, &coalition, loaded)
    });
    asked.await?
}

/// A campaign and where it stands.
pub async fn view(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let view = of_campaign(call, app, id.into_inner(), |app, _, loaded| {
        Ok(app.engine.read(|database| campaign_view(database, &loaded))?)
    });
    Ok(found(&view.await?))
}

/// What a campaign would do now.
pub async fn preview(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    Acting::campaigning(&call)?;
    no_fields(&call)?;
    let looked = of_campaign(call, app, id.into_inner(), |app, coalition, loaded| {
        let preview = preview::preview(&app.engine, &loaded, coalition)?;
        Ok(preview_view(&preview, &loaded, coalition, app.now()))
    });
    Ok(found(&looked.await?))
}

/// What came of a campaign.
pub async fn report(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let made = of_campaign(call, app, id.into_inner(), |app, coalition, loaded| {
        let report = report::report(&app.engine, &loaded)?;
        Ok(report_view(&report, &loaded, coalition, app.now())?)
    });
    Ok(found(&made.await?))
}

fn no_fields(call: &Either) -> Result<Value, Problem> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    let value = read_object(body_of(call))?;
    read_fields::<Nothing>(&value)?;
    Ok(value)
}

/// A step of a campaign under a key.
fn step(call: &Either, id: &str, what: &str) -> Result<Keyed, Problem> {
    let acting = Acting::campaigning(call)?;
    acting.keyed(call, &format!("campaign/{id}/{what}"), &no_fields(call)?)
}

/// Starts a campaign, or goes on with a stopped one.
pub async fn start(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let keyed = step(&call, &id, "start")?;
    let may = [CampaignState::Draft, CampaignState::Stopped];
    set_state(call, app, (id.into_inner(), keyed), (&may, CampaignState::Running)).await
}

/// Stops a campaign: nothing more is granted, and what has not gone out never does.
pub async fn stop(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let keyed = step(&call, &id, "stop")?;
    let may = [CampaignState::Running];
    set_state(call, app, (id.into_inner(), keyed), (&may, CampaignState::Stopped)).await
}

async fn set_state(
    call: Either,
    app: Data<App>,
    (id, keyed): (String, Keyed),
    (may, to): (&[CampaignState], CampaignState),
) -> Result<HttpResponse, Problem> {
    let (may, now) = (may.to_vec(), app.now());
    let done = actix_web::web::block(move || {
        let coalition = app.coalition();
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            stored::lock(database, &id)?;
            let loaded = visible(database, (&call, &coalition), &id)?;
            let state = loaded.state;
            if !may.contains(&state) {
                let detail = "this step is not possible now";
                return Err(CampaignError::State { state, detail }.into());
            }
            if to == CampaignState::Running && loaded.campaign.stop.is_some_and(|stop| stop <= now)
            {
                return Err(Problem::invalid("/stop", "the campaign's time is over"));
            }
            stored::set_state(database, &id, to, now)?;
            if to == CampaignState::Stopped {
                stored_notices::cancel(database, &id, notices::CAMPAIGN_STOPPED)?;
            }
            let loaded = find(database, &id, &coalition)?;
            Ok((200, json_text(&campaign_view(database, &loaded)?)))
        })
    });
    Ok(answered(&done.await??))
}

/// A background run that ends, and how.
type Ending = Receiver<Result<(), CampaignError>>;

/// Takes a campaign on in the background, until all are looked at; nothing if this server does so
/// already.
pub fn run_in_background(app: &Data<App>, id: &str) -> Option<Ending> {
    if !app.runs.take(id) {
        return None;
    }
    let (ended, ending) = channel();
    let (shared, campaign) = (app.clone(), id.to_owned());
    let run = move || {
        let done = run::take_on(&shared.engine, &campaign, RUN_MAX);
        if let Err(error) = &done {
            tracing::warn!(campaign, %error, "a run of a campaign broke off");
        }
        shared.runs.give_back(&campaign);
        // Whoever waited may have gone.
        drop(ended.send(done));
    };
    if let Err(error) = std::thread::Builder::new().name("campaign".to_owned()).spawn(run) {
        tracing::error!(%error, "no thread can be started");
        app.runs.give_back(id);
        return None;
    }
    Some(ending)
}

/// Waits for a run, but not for ever.
fn await_run(ending: Option<&Ending>, app: &App, id: &str) -> Result<(), Problem> {
    if let Some(ending) = ending {
        return match ending.recv_timeout(PATIENCE) {
            Ok(ended) => Ok(ended?),
            Err(_) => Ok(()),
        };
    }
    let begun = Stopwatch::now();
    while begun.elapsed() < PATIENCE {
        let progress = run::progress(&app.engine, id)?;
        if progress.pass.finished_at.is_some() && progress.open_chunks == 0 {
            break;
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

/// Runs a campaign: grants to all who are meant and take no part yet.
pub async fn run(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let keyed = step(&call, &id, "run")?;
    let shared = app.clone();
    let done = of_campaign(call, app, id.into_inner(), move |app, coalition, loaded| {
        if let Some(answer) = app.engine.answer_under::<Problem>(&keyed)? {
            return Ok(answer);
        }
        let id = loaded.row.campaign.as_str();
        run::begin(&app.engine, id, true)?;
        await_run(run_in_background(&shared, id).as_ref(), app, id)?;
        app.engine.write_once::<Problem>(&keyed, app.now(), |database| {
            let loaded = find(database, id, coalition)?;
            Ok((200, json_text(&campaign_view(database, &loaded)?)))
        })
    });
    Ok(answered(&done.await?))
}
