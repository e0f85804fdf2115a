//! Disputes about a cycle: opened, answered, and booked when both sides approved.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::acting::{Acting, body_of, must_be_own};
use super::dispute_views::{full_view, view_of};
use super::opening::{OpenBody, open_case};
use super::reconciliation_views::page_of;
use super::{answered, found};
use crate::domain::adjustment::DisputeId;
use crate::domain::amount::{MONEY_MAX, Money, parse_decimal};
use crate::domain::ids::PartyId;
use crate::domain::reconciliation::dispute::case::{Case, Participant};
use crate::domain::reconciliation::dispute::{DisputeAction, DisputeSide, DisputeState};
use crate::domain::settlement::CycleState;
use crate::domain::time::Instant;
use crate::engine::{Answer, Keyed};
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{no_card_number, read_fields, read_object};
use crate::reconcile::{expire_dispute, finish_dispute};
use crate::store::cycles;
use crate::store::disputes::{self, DisputeRow, Step};
use crate::store::rows::write_json;

/// The most documents that evidence names.
const DOCUMENTS_MAX: usize = 100;

/// On which side of disputes somebody stands.
const fn participant(acting: &Acting) -> Participant {
    if acting.party.is_some() { Participant::Party } else { Participant::ClearingHouse }
}

/// Opens a dispute. A cycle that was published becomes disputed by it.
pub async fn open(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let acting = Acting::writing(&call)?;
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, "dispute", &value)?;
    let body: OpenBody = read_fields(&value)?;
    let (coalition, now) = (app.coalition(), app.now());
    let party = acting.party_meant(body.party.as_ref())?;
    let opened = actix_web::web::block(move || {
        let who = participant(&acting);
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            let case = open_case(database, &app.engine.timeline(), (party, who, now), body)?;
            let said = write_json(&serde_json::json!({"why": case.why}));
            let step = Step {
                at: now,
                side: who.name(),
                author: &acting.person,
                action: "open",
                content: &said,
                request: &keyed.key,
            };
            let id = disputes::open(database, &case, &step)?;
            let note = id.to_string();
            let doing = cycles::Doing { author: &acting.person, at: now, note: &note };
            cycles::advance(
                database,
                &case.cycle,
                (CycleState::Published, CycleState::Disputed),
                &doing,
            )?;
            Ok((201, json_text(&full_view(database, &coalition, &DisputeRow { id, case }, now)?)))
        })
    });
    Ok(answered(&opened.await??))
}

/// Which disputes are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    party: Option<PartyId>,
    state: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Disputes, the newest first.
pub async fn list(
    call: Either,
    app: Data<App>,
    query: Query<Which>,
) -> Result<HttpResponse, Problem> {
    let Which { party, state, cursor, limit } = query.into_inner();
    let party = match (call.party(), party) {
        (Some(own), Some(named)) if *own != named => return Err(Problem::not_found()),
        (Some(own), _) => Some(own.clone()),
        (None, named) => named,
    };
    let before = match cursor {
        None => i64::MAX,
        Some(cursor) => id_of(&cursor)?.0,
    };
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let which = disputes::Which { party, state, before };
    let rows = read(&app, move |database| disputes::list(database, &which, limit)).await?;
    let (coalition, now) = (app.coalition(), app.now());
    let data: Vec<Value> = rows.iter().map(|row| view_of(&coalition, row, now)).collect();
    let next = rows.last().map(|row| row.id.to_string());
    Ok(found(&page_of(&data, next, limit)))
}

fn id_of(text: &str) -> Result<DisputeId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// A dispute that the caller may see. One whose time is over ends now, if no job was faster.
fn visible(app: &App, call: &Either, id: DisputeId, now: Instant) -> Result<DisputeRow, Problem> {
    let find = || app.engine.read(|database| disputes::find(database, id));
    let row = find()?.ok_or_else(Problem::not_found)?;
    must_be_own(call, &row.case.party)?;
    if !expire_dispute(&app.engine, id, now)? {
        return Ok(row);
    }
    find()?.ok_or_else(Problem::not_found)
}

/// A dispute with all that was done in it.
pub async fn view(call: Either, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let (coalition, now) = (app.coalition(), app.now());
    let view = actix_web::web::block(move || {
        let row = visible(&app, &call, id, now)?;
        let view = app.engine.read(|database| full_view(database, &coalition, &row, now));
        view.map_err(Problem::from)
    });
    Ok(found(&view.await??))
}

/// What is said with a step. Each step takes its own of these.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Said {
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    documents: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reserve: Option<bool>,
}

impl Said {
    fn check(&self, step: &str) -> Result<(), Problem> {
        let takes: &[&str] = match step {
            "acknowledge" => &["why", "reserve"],
            "evidence" => &["text", "documents"],
            "propose" => &["amount", "why"],
            "approve" => &["amount"],
            _ => &["why"],
        };
        let there = [
            ("why", self.why.is_some()),
            ("amount", self.amount.is_some()),
            ("text", self.text.is_some()),
            ("documents", !self.documents.is_empty()),
            ("reserve", self.reserve.is_some()),
        ];
        for (name, is_there) in there {
            if is_there && !takes.contains(&name) {
                return Err(Problem::invalid(&format!("/{name}"), "leave this out"));
            }
        }
        let is_hash =
            |text: &String| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if DOCUMENTS_MAX < self.documents.len() || !self.documents.iter().all(is_hash) {
            let detail = "name at most 100 documents by their SHA-256 in hexadecimal";
            return Err(Problem::invalid("/documents", detail));
        }
        for text in self.why.iter().chain(&self.text) {
            no_card_number("", text)?;
        }
        if step == "evidence" && self.text.as_deref().unwrap_or_default().trim().is_empty() {
            return Err(Problem::invalid("/text", "say what the evidence shows"));
        }
        Ok(())
    }

    fn amount(&self, money_scale: u32) -> Result<Money, Problem> {
        let text = self.amount.as_deref().unwrap_or_default();
        let read = parse_decimal(text, money_scale, MONEY_MAX);
        read.map(Money).map_err(|error| Problem::invalid("/amount", &error.to_string()))
    }
}

/// Something that somebody wants to do in a dispute.
struct Wish {
    acting: Acting,
    keyed: Keyed,
    said: Said,
    step: &'static str,
    now: Instant,
}

/// Acknowledges, shows evidence, proposes, approves, rejects or withdraws.
pub async fn step(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let steps = ["acknowledge", "evidence", "propose", "approve", "reject", "withdraw"];
    let step = steps.into_iter().find(|step| *step == path.1).ok_or_else(Problem::not_found)?;
    let id = id_of(&path.0)?;
    let acting = Acting::writing(&call)?;
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, &format!("dispute/{id}/{step}"), &value)?;
    let said: Said = read_fields(&value)?;
    let now = app.now();
    let done = actix_web::web::block(move || {
        visible(&app, &call, id, now)?;
        said.check(step)?;
        take_step(&app, id, &Wish { acting, keyed, said, step, now })
    });
    Ok(answered(&done.await??))
}

/// Decides, posts what follows, and remembers the answer; the same request goes on where a server
/// left it.
fn take_step(app: &App, id: DisputeId, wish: &Wish) -> Result<Answer, Problem> {
    if let Some(answer) = app.engine.answer_under::<Problem>(&wish.keyed)? {
        return Ok(answer);
    }
    let coalition = app.coalition();
    app.engine.write(|database| {
        let row = disputes::find(database, id)?.ok_or_else(Problem::not_found)?;
        if disputes::was_done(database, &wish.keyed.key)?.is_some() {
            return Ok(());
        }
        let after = wish.decide(&row.case, coalition.money_scale)?;
        let unposted = after.due_entry(&coalition.operator).is_some();
        let content = write_json(&wish.said);
        let step = Step {
            at: wish.now,
            side: participant(&wish.acting).name(),
            author: &wish.acting.person,
            action: wish.step,
            content: &content,
            request: &wish.keyed.key,
        };
        disputes::advance(database, &row, (&after, unposted), Some(&step))?;
        Ok::<(), Problem>(())
    })?;
    finish_dispute(&app.engine, id)?;
    app.engine.write_once::<Problem>(&wish.keyed, wish.now, |database| {
        let row = disputes::find(database, id)?.ok_or_else(Problem::not_found)?;
        Ok((200, json_text(&full_view(database, &coalition, &row, wish.now)?)))
    })
}

impl Wish {
    fn decide(&self, case: &Case, money_scale: u32) -> Result<Case, Problem> {
        let who = participant(&self.acting);
        let actor = case.actor(who, &self.acting.person, self.now);
        let why = || self.said.why.clone().unwrap_or_default();
        let mut after = case.clone();
        let action = match (self.step, actor.side) {
            ("acknowledge", _) => {
                if let Some(reserve) = self.said.reserve {
                    if who == Participant::Party {
                        return Err(Problem::role_not_allowed());
                    }
                    after.dispute.reserves = reserve;
                }
                DisputeAction::Acknowledge
            }
            ("evidence", _) => DisputeAction::ShowEvidence,
            ("propose", _) => DisputeAction::Propose(self.said.amount(money_scale)?),
            ("approve", _) => {
                // Nobody approves what was replaced while they looked.
                let meant = self.said.amount(money_scale)?;
                match case.dispute.state {
                    DisputeState::Proposed { amount, .. } if amount != meant => {
                        let detail = "another amount is proposed now; look at it first";
                        return Err(Problem::dispute_state(detail));
                    }
                    _ => DisputeAction::Approve,
                }
            }
            ("reject", DisputeSide::Respondent) | ("withdraw", DisputeSide::Claimant) => {
                DisputeAction::Reject { why: why() }
            }
            _ => return Err(Problem::role_not_allowed()),
        };
        after.dispute.state = case.dispute.after(&action, actor)?;
        Ok(after)
    }
}
