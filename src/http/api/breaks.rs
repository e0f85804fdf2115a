//! Breaks of a reconciliation: shown, and explained, adjusted or written off.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::acting::{Acting, body_of, must_be_own, signed_decimal};
use super::reconciliation_views::{Shown, history_of, page_of};
use super::reconciliations::{id_of, visible};
use super::{answered, found};
use crate::domain::adjustment::ReconciliationId;
use crate::domain::amount::{MONEY_MAX, Money, POINTS_MAX, Points, parse_decimal};
use crate::domain::reconciliation::handling::{Action, Deed, Handling, Limit, Resolution, decide};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::engine::{Answer, Keyed};
use crate::http::app::{App, read};
use crate::http::caller::Either;
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::{no_card_number, read_fields, read_object};
use crate::reconcile::{Request, adjustment_owes, finish_break};
use crate::store::breaks::{self, BreakRow, Stands, Step};
use crate::store::rows::read_json;
use crate::store::{Database, reconciliations, views};

/// The longest reason, in bytes.
const WHY_MAX: usize = 2_000;

/// Which breaks are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    class: Option<String>,
    state: Option<String>,
    after: Option<i64>,
    limit: Option<i64>,
}

/// The breaks of a reconciliation and the lines that may yet come, in their order.
pub async fn list(
    call: Either,
    app: Data<App>,
    id: Path<String>,
    query: Query<Which>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&id)?;
    let Which { class, state, after, limit } = query.into_inner();
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let which = breaks::Which { class, state, after: after.unwrap_or(0) };
    let (run, rows) = read(&app, move |database| {
        let run = reconciliations::find(database, id)?;
        Ok((run, breaks::list(database, id, &which, limit)?))
    })
    .await?;
    let run = run.ok_or_else(Problem::not_found)?;
    must_be_own(&call, &run.party)?;
    let request: Request = read_json(&run.request, "a reconciliation's request")?;
    let shown = Shown::of(&app.coalition(), &request);
    let data: Vec<Value> = rows.iter().map(|row| shown.row(row)).collect();
    let next = rows.last().map(|row| row.found.number.to_string());
    Ok(found(&page_of(&data, next, limit)))
}

/// The number of a break in a path.
fn number_of(text: &str) -> Result<u64, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

/// A break with all that was done with it.
pub async fn view(
    call: Either,
    app: Data<App>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (id, number) = (id_of(&path.0)?, number_of(&path.1)?);
    let own = call.party().cloned();
    let coalition = app.coalition();
    let view = actix_web::web::block(move || {
        app.engine.read(|database| Ok(full_view(database, &coalition, (own.as_ref(), id, number))))
    });
    Ok(found(&view.await???))
}

fn full_view(
    database: &mut Database,
    coalition: &Coalition,
    (own, id, number): (Option<&crate::domain::ids::PartyId>, ReconciliationId, u64),
) -> Result<Value, Problem> {
    let run = visible(database, own, id)?;
    let request: Request = read_json(&run.request, "a reconciliation's request")?;
    let row = breaks::find(database, id, number)?.ok_or_else(Problem::not_found)?;
    let mut view = Shown::of(coalition, &request).row(&row);
    let history = history_of(&breaks::events(database, id, number)?);
    if let Value::Object(fields) = &mut view {
        fields.insert("reconciliation".into(), json!(id));
        fields.insert("history".into(), json!(history));
    }
    Ok(view)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepBody {
    resolution: Option<Resolution>,
    why: String,
    party_pays: Option<String>,
}

/// Something that somebody wants to do with a break.
struct Wish {
    acting: Acting,
    keyed: Keyed,
    body: StepBody,
    step: &'static str,
    id: ReconciliationId,
    number: u64,
    now: Instant,
}

impl Wish {
    fn action(&self) -> Result<Action, Problem> {
        let named = self.body.resolution;
        match (self.step, named) {
            ("resolve", Some(resolution)) => Ok(Action::Resolve(resolution)),
            ("resolve", None) => {
                Err(Problem::invalid("/resolution", "use explained, adjusted or written_off"))
            }
            (_, Some(_)) => Err(Problem::invalid("/resolution", "leave this out")),
            ("approve", None) => Ok(Action::Approve),
            _ => Ok(Action::SendBack),
        }
    }
}

/// Resolves a break, approves what somebody asked for, or sends it back.
pub async fn step(
    call: Either,
    app: Data<App>,
    path: Path<(String, String, String)>,
) -> Result<HttpResponse, Problem> {
    let steps = ["resolve", "approve", "send-back"];
    let step = steps.into_iter().find(|step| *step == path.2).ok_or_else(Problem::not_found)?;
    let (id, number) = (id_of(&path.0)?, number_of(&path.1)?);
    let acting = Acting::writing(&call)?;
    let value = read_object(body_of(&call))?;
    let keyed = acting.keyed(&call, &format!("break/{id}/{number}/{step}"), &value)?;
    let body: StepBody = read_fields(&value)?;
    no_card_number("/why", &body.why)?;
    if WHY_MAX < body.why.len() {
        return Err(Problem::invalid("/why", "use at most 2,000 bytes"));
    }
    let may = acting.party.is_none() || body.resolution == Some(Resolution::Explained);
    let now = app.now();
    let wish = Wish { acting, keyed, body, step, id, number, now };
    let done = actix_web::web::block(move || {
        app.engine
            .read(|database| Ok(visible(database, wish.acting.party.as_ref(), wish.id)))??;
        if !may {
            return Err(Problem::role_not_allowed());
        }
        take_step(&app, &wish)
    });
    Ok(answered(&done.await??))
}

/// Decides, posts what follows, and remembers the answer. Each is there before the next begins, so
/// that the same request goes on where a server left it.
fn take_step(app: &App, wish: &Wish) -> Result<Answer, Problem> {
    if let Some(answer) = app.engine.answer_under::<Problem>(&wish.keyed)? {
        return Ok(answer);
    }
    let coalition = app.coalition();
    let posts = app.engine.write(|database| {
        let row = breaks::find(database, wish.id, wish.number)?.ok_or_else(Problem::not_found)?;
        if breaks::was_done(database, &wish.keyed.key)? {
            return Ok(is_adjusted(&row.handling.handling));
        }
        decide_step(app, &coalition, database, (wish, &row))
    })?;
    if posts {
        finish_break(&app.engine, (wish.id, wish.number))?;
    }
    app.engine.write_once::<Problem>(&wish.keyed, wish.now, |database| {
        let view = full_view(database, &coalition, (None, wish.id, wish.number))?;
        Ok((200, json_text(&view)))
    })
}

const fn is_adjusted(handling: &Handling) -> bool {
    matches!(handling, Handling::Resolved { resolution: Resolution::Adjusted, .. })
}

fn decide_step(
    app: &App,
    coalition: &Coalition,
    database: &mut Database,
    (wish, row): (&Wish, &BreakRow),
) -> Result<bool, Problem> {
    let action = wish.action()?;
    let run = visible(database, wish.acting.party.as_ref(), wish.id)?;
    let request: Request = read_json(&run.request, "a reconciliation's request")?;
    let owes = match action {
        Action::Resolve(Resolution::Adjusted) => {
            let original = match row.found.transaction {
                None => None,
                Some(id) => views::transaction(database, id)?.map(|stored| stored.transaction),
            };
            let usual =
                adjustment_owes(coalition, (&run.party, &request), (&row.found, original.as_ref()));
            Some(owed(coalition, wish, usual)?)
        }
        _ if wish.body.party_pays.is_some() => {
            return Err(Problem::invalid("/party_pays", "only an adjustment moves money"));
        }
        Action::Approve => row.handling.owes,
        _ => None,
    };
    let limit = limit_of(app, coalition, &request);
    // What the entry moves counts as well as what is at stake.
    let is_large = owes.is_some_and(|owes| limit.money < Money(owes.abs()));
    let limit = if is_large { Limit { money: Money(-1), ..limit } } else { limit };
    let deed = Deed { by: wish.acting.person.clone(), at: wish.now, why: wish.body.why.clone() };
    let handling = decide(&row.found, &row.handling.handling, (action, deed.clone()), limit)?;
    let posts = is_adjusted(&handling);
    let after = Stands { handling, owes };
    let step = Step { action: wish.step, deed: &deed, request: &wish.keyed.key, posts };
    breaks::advance(database, wish.id, (row, &after), &step)?;
    Ok(posts)
}

/// What the party owes by an adjustment: as was said, or the usual.
fn owed(coalition: &Coalition, wish: &Wish, usual: Option<Money>) -> Result<i64, Problem> {
    let Some(text) = &wish.body.party_pays else {
        return Ok(usual.unwrap_or_default().0);
    };
    let owes = signed_decimal("/party_pays", text, (coalition.money_scale, MONEY_MAX))?;
    if usual.is_none() && owes != 0 {
        let detail = "name the programme when you begin the reconciliation";
        return Err(Problem::invalid("/party_pays", detail));
    }
    Ok(owes)
}

fn limit_of(app: &App, coalition: &Coalition, request: &Request) -> Limit {
    let units = |limit: Decimal, scale: u32, most| {
        let cut = limit.trunc_with_scale(scale).normalize().to_string();
        parse_decimal(&cut, scale, most).unwrap_or(most)
    };
    Limit {
        money: Money(units(app.limits.break_money, coalition.money_scale, MONEY_MAX)),
        points: Points(units(app.limits.break_points, request.points_scale, POINTS_MAX)),
    }
}
