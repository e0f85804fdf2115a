//! Signed receipts of what was recorded.

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;

use crate::domain::ids::{PartyId, TransactionId};
use crate::http::app::{App, read};
use crate::http::caller::{Either, must_have_key};
use crate::http::problem::Problem;
use crate::http::wire::{read_fields, read_object};
use crate::statement::receipts::Vouching;
use crate::store::views;

/// The most receipts of one call.
const RECEIPTS_MAX: usize = 1_000;

/// Whose receipt is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyQuery {
    party: Option<PartyId>,
}

/// Which receipts are asked for, and whose.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    transactions: Vec<String>,
    party: Option<PartyId>,
}

/// The receipt of one transaction.
pub async fn one(
    call: Either,
    app: Data<App>,
    id: Path<String>,
    query: Query<PartyQuery>,
) -> Result<HttpResponse, Problem> {
    let id: TransactionId = id.parse().map_err(|_| Problem::not_found())?;
    let party = whose(&call, query.into_inner().party)?;
    answer(&app, vec![id], party).await
}

/// The receipts of some transactions: of all that are named, or none.
pub async fn many(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let (body, key) = match &call {
        Either::Party(signed) => (&signed.body, signed.idempotency_key.as_ref()),
        Either::Operator(operated) => (&operated.body, operated.idempotency_key.as_ref()),
    };
    must_have_key(key)?;
    let wanted: Wanted = read_fields(&read_object(body)?)?;
    let party = whose(&call, wanted.party)?;
    if !(1..=RECEIPTS_MAX).contains(&wanted.transactions.len()) {
        let detail = format!("name 1 to {RECEIPTS_MAX} transactions");
        return Err(Problem::invalid("/transactions", &detail));
    }
    // An id of a wrong form leads nowhere, as an unknown one does.
    let ids = wanted.transactions.iter().map(|id| id.parse().map_err(|_| Problem::not_found()));
    let ids = ids.collect::<Result<Vec<TransactionId>, Problem>>()?;
    answer(&app, ids, party).await
}

/// A party has its own receipts; an operator says whose it wants.
fn whose(call: &Either, named: Option<PartyId>) -> Result<PartyId, Problem> {
    match (call.party(), named) {
        (Some(own), None) => Ok(own.clone()),
        (Some(own), Some(named)) if *own == named => Ok(named),
        (Some(_), Some(_)) => Err(Problem::not_found()),
        (None, Some(named)) => Ok(named),
        (None, None) => Err(Problem::invalid("/party", "name the party whose receipt it is")),
    }
}

async fn answer(
    app: &Data<App>,
    ids: Vec<TransactionId>,
    party: PartyId,
) -> Result<HttpResponse, Problem> {
    let asked = ids.clone();
    let found = read(app, move |database| views::chained(database, &asked)).await?;
    let signing = app.clone();
    let work = move || {
        let timeline = signing.engine.timeline();
        let (coalition, signer) = (timeline.latest(), signing.engine.signer());
        Vouching { coalition, signer, party: &party }.receipts(&ids, &found)
    };
    let notes = actix_web::web::block(work).await??.ok_or_else(Problem::not_found)?;
    Ok(HttpResponse::Ok().content_type(ContentType::plaintext()).body(notes))
}
