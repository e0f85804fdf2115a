//! Baskets of web shops, the rules by which abandoned ones are followed up, and the list of calls.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::once;
use crate::domain::amount::{MONEY_MAX, Money};
use crate::domain::ids::{PartyId, ProgrammeId, Reference};
use crate::domain::ledger::NamedBy;
use crate::domain::offer::basket::{BasketRules, BasketState};
use crate::domain::rejection::Rejection;
use crate::domain::terms::Coalition;
use crate::domain::time::{Instant, NEVER};
use crate::engine::{Engine, Keyed};
use crate::http::api::acting::{Acting, body_of};
use crate::http::api::reconciliation_views::page_of;
use crate::http::api::{answered, found};
use crate::http::app::{App, read};
use crate::http::caller::{Either, Signed, must_have_key};
use crate::http::present::{json_text, points_text};
use crate::http::problem::Problem;
use crate::http::wire::{Reader, member_name, no_card_number, read_fields, read_object};
use crate::offers::baskets::{self as work, Activity};
use crate::store::offers::baskets::{self, Basket, CallPlace, Whose};
use crate::store::{Database, StoreError, members};

/// The longest name of a basket: it is a part of a reference.
const ID_MAX: usize = 48;

/// The most lines of a basket, and the longest text of one: what is told of it stays small.
const LINES_MAX: usize = 50;
const TEXT_MAX: usize = 64;

/// The most pieces of an article.
const QUANTITY_MAX: u32 = 1_000_000;

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct LineBody {
    sku: String,
    amount: String,
    #[serde(default = "one")]
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
}

const fn one() -> u32 {
    1
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BasketBody {
    programme: ProgrammeId,
    member: String,
    lines: Vec<LineBody>,
    at: Option<String>,
}

fn basket_id(text: &str) -> Result<String, Problem> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if !is_plain || !(1..=ID_MAX).contains(&text.len()) {
        return Err(Problem::invalid("/id", "use 1 to 48 visible ASCII characters and no slash"));
    }
    no_card_number("/id", text)?;
    Ok(text.to_owned())
}

/// What the lines come to, in minor units.
fn amount_of(lines: &[LineBody], reader: Reader<'_>) -> Result<Money, Problem> {
    if !(1..=LINES_MAX).contains(&lines.len()) {
        return Err(Problem::invalid("/lines", "give 1 to 50 lines"));
    }
    let mut sum = Money::ZERO;
    for (place, line) in lines.iter().enumerate() {
        let pointer = format!("/lines/{place}");
        let texts = [Some(&line.sku), line.brand.as_ref(), line.category.as_ref()];
        for text in texts.into_iter().flatten() {
            if !(1..=TEXT_MAX).contains(&text.len()) {
                return Err(Problem::invalid(&pointer, "use texts of 1 to 64 bytes"));
            }
            no_card_number(&pointer, text)?;
        }
        if !(1..=QUANTITY_MAX).contains(&line.quantity) {
            return Err(Problem::invalid(&format!("{pointer}/quantity"), "use 1 to 1000000"));
        }
        sum += reader.money(&format!("{pointer}/amount"), &line.amount)?;
    }
    if MONEY_MAX < sum.0 {
        return Err(Problem::invalid("/lines", "the basket is above the largest that is accepted"));
    }
    Ok(sum)
}

fn view_of(basket: &Basket, coalition: &Coalition) -> Value {
    let lines: Value = serde_json::from_str(&basket.lines).unwrap_or_default();
    json!({
        "basket": basket.id,
        "party": basket.party,
        "programme": basket.programme,
        "member": basket.member,
        "amount": basket.amount.text(coalition.money_scale),
        "lines": lines,
        "state": basket.state.name(),
        "stage": basket.stage,
        "opened_at": basket.opened_at,
        "touched_at": basket.touched_at,
        "due_at": basket.due_at,
        "points": basket.points.map(|points| points_text(coalition, &basket.programme, points)),
        "refused": basket.refused,
        "transaction": basket.posted,
        "order": basket.order,
    })
}

/// Puts a basket as the shop has it.
pub async fn put(call: Signed, app: Data<App>, id: Path<String>) -> Result<HttpResponse, Problem> {
    must_have_key(call.idempotency_key.as_ref())?;
    let id = basket_id(&id)?;
    let BasketBody { programme, member, lines, at } = read_fields(&read_object(&call.body)?)?;
    let (coalition, now) = (app.coalition(), app.now());
    let reader = Reader { coalition: &coalition, now };
    reader.programme("/programme", &programme)?;
    if coalition.agreement(&programme, &call.party).is_none() {
        return Err(Problem::from(&Rejection::NoAgreement));
    }
    let amount = amount_of(&lines, reader)?;
    let at = reader.at(at.as_ref(), app.engine.clock().follows())?.unwrap_or(now);
    let named = NamedBy::new(&call.party, &member_name("/member", &member)?);
    let done = actix_web::web::block(move || {
        settle(&app.engine, (&call.party, &id), now)?;
        let put = app.engine.write(|database| {
            let found = members::resolve(
                database,
                app.engine.vault().names(),
                std::slice::from_ref(&named),
            )?;
            let member = found.get(&named).copied();
            let member = member.ok_or_else(|| Problem::from(&Rejection::UnknownMember))?;
            let new = Basket {
                party: call.party.clone(),
                id: id.clone(),
                programme,
                member,
                amount,
                lines: json_text(&lines),
                state: BasketState::Open,
                stage: 0,
                opened_at: at,
                touched_at: at,
                due_at: NEVER,
                version: 1,
                points: None,
                refused: None,
                posted: None,
                order: None,
                gift: None,
            };
            let was_over = baskets::find(database, &new.party, &new.id)?;
            if was_over.is_some_and(|known| known.state.is_final() && known.touched_at < at) {
                return Err(Problem::basket_over());
            }
            Ok(work::put(database, new)?)
        })?;
        Ok::<_, Problem>(view_of(&put, &coalition))
    });
    Ok(found(&done.await??))
}

/// Finishes the second stage of a basket, if that was begun: what follows sees its end.
fn settle(engine: &Engine, (party, id): (&PartyId, &str), now: Instant) -> Result<(), Problem> {
    let known = engine.read(|database| baskets::find(database, party, id))?;
    match known.filter(|known| known.state == BasketState::Giving) {
        Some(giving) => Ok(work::finish_giving(engine, &giving, now)?),
        None => Ok(()),
    }
}

/// Whose basket is meant.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfShop {
    party: Option<PartyId>,
}

/// A basket.
pub async fn view(
    call: Either,
    app: Data<App>,
    id: Path<String>,
    query: Query<OfShop>,
) -> Result<HttpResponse, Problem> {
    let party = Acting::anybody(&call).party_meant(query.party.as_ref())?;
    let id = id.into_inner();
    let basket = read(&app, move |database| baskets::find(database, &party, &id)).await?;
    Ok(found(&view_of(&basket.ok_or_else(Problem::not_found)?, &app.coalition())))
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ActivityKind {
    Visit,
    Click,
    Order,
    Emptied,
    Called,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActivityBody {
    kind: ActivityKind,
    party: Option<PartyId>,
    r#ref: Option<Reference>,
    at: Option<String>,
}

/// Notes what the member did, or that somebody called.
pub async fn activity(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    if let Either::Operator(operated) = &call {
        operated.must_market()?;
    }
    let acting = Acting::anybody(&call);
    let value = read_object(body_of(&call))?;
    let id = basket_id(&id)?;
    let keyed = acting.keyed(&call, &format!("baskets/{id}/activity"), &value)?;
    let ActivityBody { kind, party, r#ref, at } = read_fields(&value)?;
    let party = acting.party_meant(party.as_ref())?;
    let (coalition, now) = (app.coalition(), app.now());
    let at = Reader { coalition: &coalition, now }.at(at.as_ref(), false)?.unwrap_or(now);
    if let Some(reference) = &r#ref {
        no_card_number("/ref", reference.as_str())?;
    }
    let activity = match kind {
        ActivityKind::Visit | ActivityKind::Click => Activity::Seen,
        ActivityKind::Order => Activity::Ordered(r#ref.map(|one| one.as_str().to_owned())),
        ActivityKind::Emptied | ActivityKind::Called => Activity::Ended,
    };
    let done = actix_web::web::block(move || {
        if let Some(answer) = app.engine.answer_under::<Problem>(&keyed)? {
            return Ok(answer);
        }
        let acted = act(&app.engine, (&party, &id), &activity, (at, now));
        let told = acted.map(|basket| (200, json_text(&view_of(&basket, &coalition))));
        once(&app, &keyed, now, told)
    });
    Ok(answered(&done.await??))
}

fn act(
    engine: &Engine,
    (party, id): (&PartyId, &str),
    activity: &Activity,
    (at, now): (Instant, Instant),
) -> Result<Basket, Problem> {
    settle(engine, (party, id), now)?;
    engine.write(|database| {
        let known = baskets::find(database, party, id)?.ok_or_else(Problem::not_found)?;
        Ok(work::act(database, &known, activity, at)?)
    })
}

fn rules_view(database: &mut Database, programme: &ProgrammeId) -> Result<Value, StoreError> {
    let written = baskets::rules(database, programme)?;
    let (rules, changed_at) = match written {
        Some((rules, at)) => (rules, Some(at)),
        None => (BasketRules::default(), None),
    };
    let counts = baskets::counts(database, programme)?;
    let sum = |fits: &dyn Fn(BasketState, i64) -> bool| -> i64 {
        let all = counts.iter().filter(|(state, stage, _)| fits(*state, *stage));
        all.map(|(_, _, count)| count).sum()
    };
    let ordered = |at: i64| sum(&|state, stage| state == BasketState::Ordered && stage == at);
    Ok(json!({
        "programme": programme,
        "rules": rules,
        "changed_at": changed_at,
        "counts": {
            "baskets": sum(&|_, _| true),
            "told": sum(&|_, stage| stage >= 1),
            "told_twice": sum(&|_, stage| stage >= 2),
            "to_call": sum(&|state, _| state == BasketState::Call),
            "ordered": ordered(0),
            "ordered_after_first": ordered(1),
            "ordered_after_second": ordered(2),
            "ordered_after_call": ordered(3),
        },
    }))
}

/// Writes the rules of a programme: its brand, marketing and operators may.
pub async fn put_rules(
    call: Either,
    app: Data<App>,
    programme: Path<ProgrammeId>,
) -> Result<HttpResponse, Problem> {
    let programme = programme.into_inner();
    let (coalition, now) = (app.coalition(), app.now());
    let brand = coalition.programmes.get(&programme).map(|one| one.brand.clone());
    let acting = Acting::marketing(&call, &brand.ok_or_else(Problem::not_found)?)?;
    let value = read_object(body_of(&call))?;
    let keyed: Keyed = acting.keyed(&call, &format!("basket-rules/{programme}"), &value)?;
    let rules: BasketRules = read_fields(&value)?;
    rules.check(&coalition, &programme)?;
    let done = actix_web::web::block(move || {
        app.engine.write_once::<Problem>(&keyed, now, |database| {
            baskets::put_rules(database, &programme, &rules, (&acting.person, now))?;
            Ok((200, json_text(&rules_view(database, &programme)?)))
        })
    });
    Ok(answered(&done.await??))
}

/// The rules of a programme, and how many baskets stand where.
pub async fn rules(
    call: Either,
    app: Data<App>,
    programme: Path<ProgrammeId>,
) -> Result<HttpResponse, Problem> {
    let programme = programme.into_inner();
    let coalition = app.coalition();
    let terms = coalition.programmes.get(&programme).ok_or_else(Problem::not_found)?;
    if call.party().is_some_and(|party| *party != terms.brand) {
        return Err(Problem::not_found());
    }
    Ok(found(&read(&app, move |database| rules_view(database, &programme)).await?))
}

/// Which part of the list is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallFilter {
    programme: Option<ProgrammeId>,
    cursor: Option<String>,
    limit: Option<i64>,
}

fn cursor_of(basket: &Basket) -> String {
    hex::encode(format!("{}/{}/{}", basket.touched_at.0, basket.party, basket.id))
}

fn place_of(cursor: &str) -> Result<CallPlace, Problem> {
    let wrong = || Problem::invalid("/cursor", "use the cursor of the page before");
    let text = hex::decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let text = text.ok_or_else(wrong)?;
    let mut parts = text.splitn(3, '/');
    match (parts.next().and_then(|at| at.parse().ok()), parts.next(), parts.next()) {
        (Some(at), Some(shop), Some(id)) => Ok((Instant(at), shop.to_owned(), id.to_owned())),
        _ => Err(wrong()),
    }
}

/// Baskets for which somebody should call: all for the operator's people, those of its programmes
/// for a brand, its own for a shop.
pub async fn call_list(
    call: Either,
    app: Data<App>,
    query: Query<CallFilter>,
) -> Result<HttpResponse, Problem> {
    let CallFilter { programme, cursor, limit } = query.into_inner();
    let limit = limit.unwrap_or(50).clamp(1, app.limits.page_max);
    let after = cursor.as_deref().map(place_of).transpose()?;
    let coalition = app.coalition();
    let party = call.party().cloned();
    let own = coalition.programmes.values().filter(|one| Some(&one.brand) == party.as_ref());
    let whose = Whose { programmes: own.map(|one| one.id.clone()).collect(), party };
    let rows = read(&app, move |database| {
        baskets::to_call(database, (&whose, programme.as_ref()), after.as_ref(), limit)
    });
    let rows = rows.await?;
    let data: Vec<Value> = rows.iter().map(|basket| view_of(basket, &coalition)).collect();
    Ok(found(&page_of(&data, rows.last().map(cursor_of), limit)))
}
