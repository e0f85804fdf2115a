//! Baskets of web shops: filled, ordered, or left alone and followed up.
//!
//! Every step of the chain is a change of the basket's row that only one writer can make, and what it
//! tells is told in the same commit: so of several servers one does it, and does it once.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::grant::{Gift, Posted, code_of, post};
use super::{AT_ONCE, OfferError, note};
use crate::domain::amount::Points;
use crate::domain::ids::ProgrammeId;
use crate::domain::offer::basket::{BasketGiftDocument, BasketRules, BasketState, Turn};
use crate::domain::terms::{Coalition, Invalid, Programme};
use crate::domain::time::{Day, Instant, NEVER};
use crate::engine::Engine;
use crate::store::offers::baskets::{self, Basket};
use crate::store::outbox::{self, Fact};
use crate::store::{Database, StoreError};

/// What a member does with a basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    /// Looks at it, or comes back to the shop.
    Seen,
    /// Orders it, under this reference.
    Ordered(Option<String>),
    /// Empties it, or somebody called and nothing came of it.
    Ended,
}

/// The rules that count for a programme.
///
/// # Errors
/// If the database fails.
pub fn rules_of(
    database: &mut Database,
    programme: &ProgrammeId,
) -> Result<BasketRules, StoreError> {
    Ok(baskets::rules(database, programme)?.map(|(rules, _)| rules).unwrap_or_default())
}

/// Puts a basket as the shop has it. What is older than what is known changes nothing; a basket that
/// was told of ends by it.
///
/// # Errors
/// If somebody else was faster, or the database fails.
pub fn put(database: &mut Database, new: Basket) -> Result<Basket, StoreError> {
    let rules = rules_of(database, &new.programme)?;
    let due_at = rules.due_at(BasketState::Open, new.touched_at);
    let Some(known) = baskets::find(database, &new.party, &new.id)? else {
        let new = Basket { due_at, ..new };
        baskets::add(database, &new)?;
        return Ok(new);
    };
    if new.touched_at <= known.touched_at || known.state.is_final() {
        return Ok(known);
    }
    if known.state != BasketState::Open {
        return act(database, &known, &Activity::Seen, new.touched_at);
    }
    let after = Basket {
        programme: new.programme,
        member: new.member,
        amount: new.amount,
        lines: new.lines,
        touched_at: new.touched_at,
        due_at,
        ..known.clone()
    };
    baskets::advance(database, &known, after)
}

/// Notes what a member did. Before the first stage the clock begins anew; after it the chain ends.
///
/// # Errors
/// If somebody else was faster, or the database fails.
pub fn act(
    database: &mut Database,
    known: &Basket,
    activity: &Activity,
    at: Instant,
) -> Result<Basket, StoreError> {
    if known.state.is_final() {
        return Ok(known.clone());
    }
    let touched_at = at.max(known.touched_at);
    let ended = |state| Basket { state, touched_at, due_at: NEVER, ..known.clone() };
    let after = match activity {
        Activity::Ordered(order) => Basket { order: order.clone(), ..ended(BasketState::Ordered) },
        Activity::Ended => ended(BasketState::Ended),
        Activity::Seen if known.state == BasketState::Open => {
            let rules = rules_of(database, &known.programme)?;
            let due_at = rules.due_at(BasketState::Open, touched_at);
            Basket { touched_at, due_at, ..known.clone() }
        }
        Activity::Seen => ended(BasketState::Active),
    };
    baskets::advance(database, known, after)
}

/// Takes the next step with every basket whose time has come.
///
/// # Errors
/// If the database can't be read; a basket that can't be taken further stays for the next look.
pub fn follow_up(engine: &Engine, now: Instant) -> Result<(), OfferError> {
    let mut known: HashMap<ProgrammeId, BasketRules> = HashMap::new();
    loop {
        let due = engine.read(|database| baskets::due(database, now, AT_ONCE))?;
        let mut moved = 0;
        for basket in &due {
            if !known.contains_key(&basket.programme) {
                let rules = engine.read(|database| rules_of(database, &basket.programme))?;
                known.insert(basket.programme.clone(), rules);
            }
            match step(engine, basket, &known[&basket.programme], now) {
                Ok(()) => moved += 1,
                // Another server, or the member, was faster.
                Err(OfferError::Store(StoreError::Conflict(_))) => {}
                error => note("a basket", error),
            }
        }
        if moved == 0 {
            return Ok(());
        }
    }
}

/// Finishes the second stage of a basket in which it was begun.
///
/// # Errors
/// If the database fails, or the engine does not take the grant.
pub fn finish_giving(engine: &Engine, basket: &Basket, now: Instant) -> Result<(), OfferError> {
    let rules = engine.read(|database| rules_of(database, &basket.programme))?;
    match step(engine, basket, &rules, now) {
        Err(OfferError::Store(StoreError::Conflict(_))) => Ok(()),
        done => done,
    }
}

fn step(
    engine: &Engine,
    basket: &Basket,
    rules: &BasketRules,
    now: Instant,
) -> Result<(), OfferError> {
    let timeline = engine.timeline();
    let coalition = timeline.at(now);
    let programme = coalition.programmes.get(&basket.programme);
    if let (BasketState::Giving, Some(programme)) = (basket.state, programme) {
        return give(engine, basket, rules, (programme, now));
    }
    let (Some(programme), true) = (programme, rules.enabled) else {
        return write(engine, basket, after(basket, rules, BasketState::Ended, now), (&[], now));
    };
    if let Some(order) = engine.read(|database| baskets::order_of(database, basket))? {
        let ordered = after(basket, rules, BasketState::Ordered, now);
        let ordered = Basket { order: Some(order).filter(|order| !order.is_empty()), ..ordered };
        return write(engine, basket, ordered, (&[], now));
    }
    match rules.turn(basket.state, basket.amount, programme) {
        Some(Turn::First) => {
            let told = Basket { stage: 1, ..after(basket, rules, BasketState::Told, now) };
            let facts = facts(coalition, programme, &told, None);
            write(engine, basket, told, (&facts, now))
        }
        Some(Turn::Second(points)) => second(engine, basket, rules, (points, programme, now)),
        Some(Turn::Call) => write(engine, basket, to_call(basket, rules, now), (&[], now)),
        Some(Turn::End) => {
            write(engine, basket, after(basket, rules, BasketState::Ended, now), (&[], now))
        }
        None => Ok(()),
    }
}

fn after(basket: &Basket, rules: &BasketRules, state: BasketState, now: Instant) -> Basket {
    let due_at = rules.due_at(state, now);
    Basket { state, touched_at: now, due_at, ..basket.clone() }
}

fn to_call(basket: &Basket, rules: &BasketRules, now: Instant) -> Basket {
    Basket { stage: 3, ..after(basket, rules, BasketState::Call, now) }
}

fn write(
    engine: &Engine,
    before: &Basket,
    after: Basket,
    (facts, now): (&[Fact], Instant),
) -> Result<(), OfferError> {
    engine.write(|database| {
        baskets::advance(database, before, after)?;
        outbox::add(database, now, facts)
    })?;
    Ok(())
}

/// What comes after the second stage, or in its place.
fn next(basket: &Basket, rules: &BasketRules, now: Instant) -> Basket {
    match rules.call_after {
        Some(_) if rules.enabled => to_call(basket, rules, now),
        _ => after(basket, rules, BasketState::Ended, now),
    }
}

/// The second stage: what it gives is written first, then granted, then told.
fn second(
    engine: &Engine,
    basket: &Basket,
    rules: &BasketRules,
    (points, programme, now): (Points, &Programme, Instant),
) -> Result<(), OfferError> {
    let Some(gift) = rules.gift.as_ref().filter(|_| points.is_positive()) else {
        return write(engine, basket, next(basket, rules, now), (&[], now));
    };
    let giving = after(basket, rules, BasketState::Giving, now);
    let giving = Basket { points: Some(points), gift: Some(gift.clone()), ..giving };
    let giving = engine.write(|database| baskets::advance(database, basket, giving))?;
    give(engine, &giving, rules, (programme, now))
}

/// Grants what was written, whatever the rules say by now, and tells of it.
fn give(
    engine: &Engine,
    basket: &Basket,
    rules: &BasketRules,
    (programme, now): (&Programme, Instant),
) -> Result<(), OfferError> {
    // Before it was kept with the basket, a gift was only in the rules.
    let gift = basket.gift.as_ref().or(rules.gift.as_ref());
    let (Some(points), Some(gift)) = (basket.points, gift) else {
        return write(engine, basket, next(basket, rules, now), (&[], now));
    };
    let valid = gift.points_valid.map(|valid| valid.last_day(programme, basket.touched_at));
    let granting = granting(basket, gift, (points, programme, valid))?;
    let timeline = engine.timeline();
    match post(engine, granting.submission())? {
        Posted::Done(posted) => {
            let state = if rules.enabled { BasketState::ToldTwice } else { BasketState::Ended };
            let told = after(basket, rules, state, now);
            let told = Basket { stage: 2, posted: Some(posted), ..told };
            let given = json!({
                "points": points.text(programme.scales.points),
                "valid_through": valid,
                "campaign": gift.campaign,
                "transaction": posted,
            });
            let facts = facts(timeline.at(now), programme, &told, Some(&given));
            write(engine, basket, told, (&facts, now))
        }
        Posted::Refused(answer) => {
            tracing::warn!(code = code_of(&answer), "a basket's points were refused");
            let refused = Some(code_of(&answer));
            write(engine, basket, Basket { refused, ..next(basket, rules, now) }, (&[], now))
        }
    }
}

fn granting(
    basket: &Basket,
    gift: &BasketGiftDocument,
    (points, programme, valid): (Points, &Programme, Option<Day>),
) -> Result<Gift, StoreError> {
    let money = gift.paid.as_ref().map(|paid| paid.check("/gift/paid")).transpose();
    let damaged = |invalid: Invalid| StoreError::Damaged(format!("rules of baskets: {invalid}"));
    let reference = format!("basket:{}:{}", basket.party, basket.id);
    Ok(Gift {
        party: programme.brand.clone(),
        reference: reference.parse().expect("a basket's id is visible ASCII of a bounded length"),
        attempt: 1,
        programme: programme.id.clone(),
        member: basket.member,
        points,
        valid_through: valid,
        money: money.map_err(damaged)?.flatten(),
        promo: Some(gift.campaign.clone()),
    })
}

/// What is told of a basket: to its shop, and to the brand.
fn facts(
    coalition: &Coalition,
    programme: &Programme,
    told: &Basket,
    given: Option<&Value>,
) -> Vec<Fact> {
    let lines: Value = serde_json::from_str(&told.lines).unwrap_or_default();
    let data = json!({
        "basket": told.id,
        "shop": told.party,
        "stage": told.stage,
        "amount": told.amount.text(coalition.money_scale),
        "lines": lines,
        "granted": given,
    });
    let mut whom = vec![told.party.clone()];
    if programme.brand != told.party {
        whom.push(programme.brand.clone());
    }
    let fact = |party| Fact {
        event: "basket.abandoned",
        party: Some(party),
        programme: Some(programme.id.clone()),
        member: Some(told.member),
        data: data.clone(),
    };
    whom.into_iter().map(fact).collect()
}
