//! Statements: published by finance, read and agreed to by the party whose they are.

use std::io::{self, Write as _};

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::{Deserialize, Serialize};

use super::cycles::{at_most, cycle_of};
use super::found;
use crate::domain::ids::{PartyId, ScheduleId};
use crate::domain::settlement::CycleId;
use crate::domain::time::Day;
use crate::http::app::{App, read};
use crate::http::caller::{Either, Operated, must_have_key};
use crate::http::problem::Problem;
use crate::http::stream::{ChunkWriter, streamed};
use crate::http::wire::{read_fields, read_object};
use crate::statement::attest::Form;
use crate::statement::csv::CsvProfile;
use crate::statement::render::Rendering;
use crate::statement::scan::StatementError;
use crate::statement::service::{self, Publishing};
use crate::statement::vouched;
use crate::statement::window::{Window, statement_id};
use crate::store::statements::{self, StatementRow, Wanted};
use crate::store::{Database, Use};

/// What a list can be narrowed by.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    party: Option<PartyId>,
    cycle: Option<String>,
    before: Option<String>,
    limit: Option<i64>,
}

/// A statement in a list.
#[derive(Serialize)]
struct Listed {
    statement: String,
    cycle: CycleId,
    party: String,
    lines: i64,
    sha256: String,
    state: String,
}

#[derive(Serialize)]
struct List {
    data: Vec<Listed>,
}

/// Which form of a statement is wanted.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Csv,
    Xlsx,
}

/// The form of a statement.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormatQuery {
    #[serde(default)]
    format: Format,
    delimiter: Option<String>,
}

impl FormatQuery {
    fn form(&self) -> Result<Form, Problem> {
        let delimiter = self.delimiter.as_deref().unwrap_or("semicolon");
        let profile = || {
            CsvProfile::named(delimiter)
                .ok_or_else(|| Problem::invalid("/delimiter", "write `semicolon` or `comma`"))
        };
        Ok(match self.format {
            Format::Json => Form::Json,
            Format::Csv => Form::Csv(profile()?),
            Format::Xlsx => Form::Xlsx,
        })
    }
}

/// Publishes the statements of a closed cycle; doing it again changes nothing.
pub async fn publish(
    call: Operated,
    app: Data<App>,
    cycle: Path<String>,
) -> Result<HttpResponse, Problem> {
    call.must_settle()?;
    must_have_key(call.idempotency_key.as_ref())?;
    let cycle = cycle_of(&cycle)?;
    let author = call.operator.subject.clone();
    let (publishing, named) = (app.clone(), cycle.clone());
    let work = move || service::publish(&publishing.engine, &named, &author);
    match actix_web::web::block(work).await?? {
        Publishing::Published => listed(&app, None, Some(cycle), None, None).await,
        Publishing::NotClosed => Err(Problem::wrong_cycle_state("close the cycle first")),
        Publishing::NotYet(earlier) => {
            let detail = format!("close and publish {earlier} first");
            Err(Problem::wrong_cycle_state(&detail))
        }
    }
}

/// Takes a published cycle on, with a reason, where parties agreed by other ways.
pub async fn acknowledge_cycle(
    call: Operated,
    app: Data<App>,
    cycle: Path<String>,
) -> Result<HttpResponse, Problem> {
    call.must_settle()?;
    must_have_key(call.idempotency_key.as_ref())?;
    let cycle = cycle_of(&cycle)?;
    let why: Why = read_fields(&read_object(&call.body)?)?;
    let author = call.operator.subject.clone();
    let work = move || service::acknowledge_all(&app.engine, &cycle, (&author, &why.why));
    if actix_web::web::block(work).await?? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::wrong_cycle_state("only a published cycle can be agreed to"))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Why {
    why: String,
}

/// Statements, the latest first; a party sees its own.
pub async fn list(
    call: Either,
    app: Data<App>,
    query: Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.into_inner();
    let own = call.party().cloned();
    if own.is_some() && query.party.is_some() && own != query.party {
        return Err(Problem::not_found());
    }
    let party = own.or(query.party);
    let cycle = query.cycle.as_deref().map(cycle_of).transpose()?;
    let before = query.before.as_deref().map(|day| {
        Day::parse(day).ok_or_else(|| Problem::invalid("/before", "write a day as YYYY-MM-DD"))
    });
    listed(&app, party, cycle, before.transpose()?, query.limit).await
}

async fn listed(
    app: &Data<App>,
    party: Option<PartyId>,
    cycle: Option<CycleId>,
    before: Option<Day>,
    limit: Option<i64>,
) -> Result<HttpResponse, Problem> {
    // The statements of one cycle are as many as its parties, and come whole.
    let usual = if cycle.is_some() { i64::MAX } else { app.limits.page_max };
    let most = at_most(app, limit)?.unwrap_or(usual);
    let rows = read(app, move |database| {
        let before = before.map_or(i64::MAX, Day::number);
        let (party, cycle) = (party.as_ref(), cycle.as_ref());
        statements::list(database, Wanted { party, cycle, before, most })
    })
    .await?;
    let row = |(schedule, first, party, lines, sha256, state): statements::Listed| {
        let schedule: ScheduleId = schedule.parse().map_err(|_| Problem::internal())?;
        let cycle = CycleId { schedule, first: Day::from_number(first) };
        let statement = format!("{cycle}/{party}");
        Ok(Listed { statement, cycle, party, lines, sha256, state })
    };
    let data = rows.into_iter().map(row).collect::<Result<_, Problem>>()?;
    Ok(found(&List { data }))
}

/// A statement that the caller may see.
struct Seen {
    cycle: CycleId,
    party: PartyId,
    row: StatementRow,
}

async fn seen(
    call: &Either,
    app: &Data<App>,
    (cycle, party): (String, String),
) -> Result<Seen, Problem> {
    let (cycle, party) = (cycle_of(&cycle)?, party.parse::<PartyId>());
    let party = party.map_err(|_| Problem::not_found())?;
    if call.party().is_some_and(|own| *own != party) {
        return Err(Problem::not_found());
    }
    let (asked, whose) = (cycle.clone(), party.clone());
    let row = read(app, move |database| statements::find(database, &asked, &whose)).await?;
    let row = row.ok_or_else(Problem::not_found)?;
    vouched::check(&row, app.engine.signer())?;
    Ok(Seen { cycle, party, row })
}

/// A statement as JSON, CSV or XLSX, written while it is read.
pub async fn view(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
    query: Query<FormatQuery>,
) -> Result<HttpResponse, Problem> {
    let form = query.form()?;
    let seen = seen(&call, &app, path.into_inner()).await?;
    let content_type = match form {
        Form::Json => "application/json",
        Form::Csv(_) => "text/csv; charset=utf-8",
        Form::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    };
    let name = format!("{}_{}_v1.{}", seen.party, seen.cycle, form.extension());
    Ok(streamed(content_type, &name, move |out| {
        with_rendering(&app, &seen, |database, rendering| {
            rendering.write(form, (database, app.engine.signer()), &mut *out)
        })
    }))
}

/// The note that is signed for a form of a statement: by it a CSV or XLSX file is checked.
pub async fn signature(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
    query: Query<FormatQuery>,
) -> Result<HttpResponse, Problem> {
    let form = query.form()?;
    let seen = seen(&call, &app, path.into_inner()).await?;
    let name = format!("{}_{}_v1.{}.note", seen.party, seen.cycle, form.extension());
    Ok(streamed("text/plain; charset=utf-8", &name, move |out: &mut ChunkWriter| {
        with_rendering(&app, &seen, |database, rendering| {
            let note = rendering.note(form, database, app.engine.signer())?;
            Ok(out.write_all(note.as_bytes())?)
        })
    }))
}

/// Proofs that the lines of a statement are in the logs, one on a text line.
pub async fn proofs(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let seen = seen(&call, &app, path.into_inner()).await?;
    let name = format!("{}_{}_v1.proofs.ndjson", seen.party, seen.cycle);
    Ok(streamed("application/x-ndjson", &name, move |out: &mut ChunkWriter| {
        with_rendering(&app, &seen, |database, rendering| {
            let mut proving = app.engine.open(Use::Read)?;
            rendering.proofs((database, &mut proving), &mut *out)
        })
    }))
}

fn with_rendering(
    app: &App,
    seen: &Seen,
    write: impl FnOnce(&mut Database, &Rendering<'_>) -> Result<(), StatementError>,
) -> io::Result<()> {
    let written = || -> Result<(), StatementError> {
        let mut database = app.engine.open(Use::Read)?;
        let window = Window::of(&mut database, &app.engine.timeline(), &seen.cycle)?;
        let window = window
            .ok_or_else(|| StatementError::Differs(statement_id(&seen.cycle, &seen.party)))?;
        let rendering = Rendering { party: &seen.party, window: &window, row: &seen.row };
        write(&mut database, &rendering)
    };
    written().map_err(|error| match error {
        StatementError::Output(error) => error,
        other => io::Error::other(other.to_string()),
    })
}

/// Keeps that the party agrees to its statement.
pub async fn acknowledge(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (by, key) = match &call {
        Either::Party(signed) => (signed.party.to_string(), signed.idempotency_key.as_ref()),
        Either::Operator(operated) => {
            operated.must_settle()?;
            (operated.operator.subject.clone(), operated.idempotency_key.as_ref())
        }
    };
    must_have_key(key)?;
    let seen = seen(&call, &app, path.into_inner()).await?;
    let work = move || service::acknowledge(&app.engine, (&seen.cycle, &seen.party), &by);
    if actix_web::web::block(work).await?? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(Problem::wrong_cycle_state("the statement is in dispute; end the dispute"))
    }
}

/// The public key of what the server signs.
#[derive(Serialize)]
struct LogKey {
    key: String,
}

/// The key by which statements and checkpoints are verified.
pub async fn log_key(_call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    Ok(found(&LogKey { key: app.engine.signer().verifier_key() }))
}
