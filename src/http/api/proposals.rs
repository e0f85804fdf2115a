//! Proposals to join two profiles that may be one person.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path, Query};
use serde::Deserialize;
use serde_json::{Value, json};

use super::configuration::operator_owner;
use super::{answered, found};
use crate::domain::command::{Action, Command};
use crate::domain::ids::{MemberId, TransactionId};
use crate::domain::member::MemberName;
use crate::domain::time::Instant;
use crate::domain::transaction::Detail;
use crate::engine::{Submission, Work};
use crate::http::app::{App, read};
use crate::http::caller::{Operated, must_have_key};
use crate::http::problem::Problem;
use crate::http::wire::{fingerprint, read_object};
use crate::store::names::key_hash;
use crate::store::proposals::{self, ProposalRow, Verdict};
use crate::store::{Database, StoreError, views};

/// What a list can be narrowed by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    state: Option<String>,
    limit: Option<i64>,
    cursor: Option<String>,
}

const STATES: &[&str] = &["open", "accepted", "rejected", "undone", "void"];

/// Proposals of a state, the oldest first.
pub async fn list(
    _call: Operated,
    app: Data<App>,
    query: Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let ListQuery { state, limit, cursor } = query.into_inner();
    let state = state.unwrap_or_else(|| "open".to_owned());
    if !STATES.contains(&state.as_str()) {
        let detail = "write open, accepted, rejected, undone or void";
        return Err(Problem::invalid("/state", detail));
    }
    let limit = limit.unwrap_or(50);
    if !(1..=app.limits.page_max).contains(&limit) {
        let detail = format!("ask for 1 to {} entries", app.limits.page_max);
        return Err(Problem::invalid("/limit", &detail));
    }
    let after = cursor.as_deref().map(place_of).transpose()?;
    let rows = read(&app, move |database| proposals::list(database, &state, after, limit)).await?;
    let is_full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| is_full);
    let next = next.map(|row| format!("{}_{}", row.created_at, row.proposal));
    let data: Vec<Value> = rows.iter().map(proposal_view).collect();
    Ok(found(&json!({"data": data, "page": {"next": next, "limit": limit}})))
}

fn place_of(cursor: &str) -> Result<(i64, i64), Problem> {
    let parts = cursor.split_once('_');
    let place = parts.and_then(|(at, proposal)| Some((at.parse().ok()?, proposal.parse().ok()?)));
    place.ok_or_else(|| Problem::invalid("/cursor", "use the cursor of the page before"))
}

fn proposal_view(row: &ProposalRow) -> Value {
    json!({
        "id": format!("mp_{}", row.proposal),
        "state": row.state,
        "keep": MemberId(row.keep),
        "drop": MemberId(row.gone),
        "reason": row.reason,
        "party": row.party,
        "created_at": Instant(row.created_at),
        "decided_at": row.decided_at.map(Instant),
        "decided_by": row.decided_by,
        "transaction": row.merged_by.map(TransactionId),
    })
}

fn number_of(id: &str) -> Result<i64, Problem> {
    let number = id.strip_prefix("mp_").and_then(|number| number.parse().ok());
    number.ok_or_else(Problem::not_found)
}

async fn find(app: &Data<App>, number: i64) -> Result<ProposalRow, Problem> {
    let found = read(app, move |database| proposals::find(database, number)).await?;
    found.ok_or_else(Problem::not_found)
}

/// Writes a decision down, and shows the proposal.
async fn decide(
    app: &Data<App>,
    number: i64,
    state: &'static str,
    (by, merged_by): (String, Option<i64>),
) -> Result<ProposalRow, Problem> {
    let shared = app.clone();
    let write = move || {
        let at = shared.now();
        shared.engine.write::<_, StoreError>(|database| {
            let verdict = Verdict { state, at, by: &by, merged_by };
            proposals::decide(database, number, "open", &verdict)?;
            proposals::find(database, number)
        })
    };
    web::block(write).await??.ok_or_else(Problem::not_found)
}

fn must_be_empty(call: &Operated) -> Result<(), Problem> {
    call.must_operate()?;
    must_have_key(call.idempotency_key.as_ref())?;
    let value = read_object(&call.body)?;
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        Ok(())
    } else {
        Err(Problem::invalid("", "send an empty object"))
    }
}

/// Joins the two profiles by the ledger's own merge. Doing it again changes nothing.
pub async fn accept(
    call: Operated,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    must_be_empty(&call)?;
    let number = number_of(&id)?;
    let row = find(&app, number).await?;
    match row.state.as_str() {
        "accepted" => return Ok(found(&proposal_view(&row))),
        "open" => {}
        _ => return Err(Problem::proposal_state("this proposal was decided otherwise")),
    }
    let party = app.coalition().operator.clone();
    let name = |member: i64| MemberName::Id(MemberId(member));
    let action = Action::Merge { keep: name(row.keep), drop: name(row.gone) };
    let command = Command { party: party.clone(), action, at: None, till: None };
    let submission = Submission {
        key: key_hash(party.as_str(), &format!("accept {number}")),
        fingerprint: fingerprint("accept", &json!(number)),
        work: Work::Post(Box::new(command)),
        signed_by: None,
        party,
    };
    let answer = app.engine.submit(submission).await?;
    let body: Value = serde_json::from_str(&answer.body).map_err(|_| Problem::internal())?;
    let merged: Option<TransactionId> =
        body.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let by = call.operator.subject.clone();
    if let Some(merged) = merged.filter(|_| answer.status == 201) {
        let row = decide(&app, number, "accepted", (by, Some(merged.0))).await?;
        return Ok(found(&proposal_view(&row)));
    }
    // The two are one member by now, or one of them is gone.
    decide(&app, number, "void", (by, None)).await?;
    Err(Problem::proposal_state("the two can't be joined any more; nothing was done"))
}

/// Leaves the two profiles apart.
pub async fn reject(
    call: Operated,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    must_be_empty(&call)?;
    let number = number_of(&id)?;
    find(&app, number).await?;
    let row = decide(&app, number, "rejected", (call.operator.subject.clone(), None)).await?;
    if row.state == "rejected" {
        Ok(found(&proposal_view(&row)))
    } else {
        Err(Problem::proposal_state("this proposal was decided otherwise"))
    }
}

/// Makes a profile that was merged into another itself again.
pub async fn undo(
    call: Operated,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    must_be_empty(&call)?;
    let of: TransactionId = id.parse().map_err(|_| Problem::not_found())?;
    let stored = read(&app, move |database| views::transaction(database, of)).await?;
    let merge = stored.ok_or_else(Problem::not_found)?.transaction;
    let Detail::Merge { drop: gone, .. } = merge.detail else {
        return Err(Problem::not_found());
    };
    let party = app.coalition().operator.clone();
    let key = must_have_key(call.idempotency_key.as_ref())?;
    let keep = MemberName::Id(merge.member);
    let action = Action::Unmerge { of, keep, gone };
    let command = Command { party: party.clone(), action, at: None, till: None };
    let submission = Submission {
        key: key_hash(&operator_owner(&call), key),
        fingerprint: fingerprint("unmerge", &json!(of)),
        work: Work::Post(Box::new(command)),
        signed_by: None,
        party,
    };
    let answer = app.engine.submit(submission).await?;
    if answer.status == 201 {
        let shared = app.clone();
        let by = call.operator.subject.clone();
        let write = move || {
            let at = shared.now();
            let write = |database: &mut Database| proposals::undone(database, of.0, at, &by);
            shared.engine.write::<_, StoreError>(write)
        };
        web::block(write).await??;
    }
    Ok(answered(&answer))
}
