//! Exports: the ledger, a settlement day or a cycle as a file for other programs.

use std::fs::File;
use std::io;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::sync::OwnedSemaphorePermit;

use super::cycles::cycle_of;
use crate::auth::token::Role;
use crate::domain::time::Day;
use crate::engine::EngineError;
use crate::export::{ExportError, Format, Request, Selection, export};
use crate::http::app::App;
use crate::http::caller::Operated;
use crate::http::problem::Problem;
use crate::http::stream::streamed;

/// The tables of Parquet, a file each.
const TABLES: [&str; 5] = ["transactions", "postings", "lots", "positions", "breaks"];

/// What is to be exported.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    format: String,
    cycle: Option<String>,
    day: Option<String>,
    table: Option<String>,
    #[serde(default)]
    aggregate: bool,
}

/// A file that is asked for: as what, which part, under which name.
struct Wanted {
    request: Request,
    name: String,
    content_type: &'static str,
}

impl ExportQuery {
    /// What is asked for, written below a folder.
    fn wanted(self, folder: &TempDir) -> Result<Wanted, Problem> {
        let day = self.day.as_deref().map(|day| {
            Day::parse(day).ok_or_else(|| Problem::invalid("/day", "write a day as YYYY-MM-DD"))
        });
        let (day, cycle) = (day.transpose()?, self.cycle.as_deref().map(cycle_of).transpose()?);
        let part = match (&cycle, day) {
            (Some(cycle), _) => cycle.to_string(),
            (None, Some(day)) => day.to_string(),
            (None, None) => "ledger".to_owned(),
        };
        let (format, name, content_type) = match (self.format.as_str(), self.table.as_deref()) {
            ("beancount", None) => {
                (Format::Beancount, format!("{part}.beancount"), "text/plain; charset=utf-8")
            }
            ("hledger", None) => {
                (Format::Hledger, format!("{part}.journal"), "text/plain; charset=utf-8")
            }
            ("csv", None) => {
                let day = day.filter(|_| cycle.is_none());
                let day =
                    day.ok_or_else(|| Problem::invalid("/day", "name the day of the file"))?;
                (Format::Csv, format!("{day}.csv"), "text/csv; charset=utf-8")
            }
            ("parquet", Some(table)) if TABLES.contains(&table) => {
                (Format::Parquet, format!("{table}.parquet"), "application/vnd.apache.parquet")
            }
            ("parquet", _) => {
                let detail = "name transactions, postings, lots, positions or breaks";
                return Err(Problem::invalid("/table", detail));
            }
            ("beancount" | "hledger" | "csv", Some(_)) => {
                return Err(Problem::invalid("/table", "leave this out"));
            }
            _ => {
                let detail = "write beancount, hledger, csv or parquet";
                return Err(Problem::invalid("/format", detail));
            }
        };
        let selection = match (cycle, day) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid("/day", "name a cycle or a day, not both"));
            }
            (Some(cycle), None) => Selection::Cycle(cycle),
            (None, Some(day)) => Selection::Day(day),
            (None, None) => Selection::Whole,
        };
        let to = match format {
            Format::Beancount | Format::Hledger => folder.path().join(&name),
            Format::Parquet | Format::Csv => folder.path().to_owned(),
        };
        let request = Request { format, to, selection, aggregate: self.aggregate };
        Ok(Wanted { request, name, content_type })
    }
}

/// Writes an export beside the server and sends it when it is complete. Like a bulk call it takes
/// one of few places, until the last byte has left.
pub async fn view(
    call: Operated,
    app: Data<App>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    if matches!(call.operator.role, Role::Marketing | Role::Support) {
        return Err(Problem::role_not_allowed());
    }
    let place = Arc::clone(&app.bulk_calls);
    let place = place.try_acquire_owned().map_err(|_| EngineError::Overloaded)?;
    let query = query.into_inner();
    let written = actix_web::web::block(move || write(&app, query, place)).await??;
    let Written { wanted, file, folder, place } = written;
    Ok(streamed(wanted.content_type, &wanted.name, move |out| {
        let (mut file, _folder, _place) = (file, folder, place);
        io::copy(&mut file, out).map(drop)
    }))
}

/// A file that is complete, in a folder that goes with it.
struct Written {
    wanted: Wanted,
    file: File,
    folder: TempDir,
    place: OwnedSemaphorePermit,
}

fn write(app: &App, query: ExportQuery, place: OwnedSemaphorePermit) -> Result<Written, Problem> {
    let failed = |error: &dyn std::error::Error| {
        tracing::error!(error = error.to_string(), "an export can't be written");
        Problem::internal()
    };
    let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
    let wanted = query.wanted(&folder)?;
    let done = export(app.engine.address(), &wanted.request).map_err(|error| match error {
        ExportError::Store(error) => error.into(),
        ExportError::NoSuchCycle(_) => Problem::not_found(),
        other => failed(&other),
    })?;
    // Nothing was recorded on a day that has no file.
    let path = done.files.iter().find(|path| path.ends_with(&wanted.name));
    let file = File::open(path.ok_or_else(Problem::not_found)?).map_err(|error| failed(&error))?;
    Ok(Written { wanted, file, folder, place })
}
