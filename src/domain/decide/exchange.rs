//! Points of one programme for points of another.

use std::sync::Arc;

use super::draft::{Draft, Gift, Title};
use super::{Ask, Decision, Stop, must_burn, must_earn, read_first};
use crate::domain::account::AccountKey;
use crate::domain::amount::Points;
use crate::domain::command::Action;
use crate::domain::exact::Ratio;
use crate::domain::hold::Allocation;
use crate::domain::obligation::{Obligations, value_of};
use crate::domain::posting::{LedgerAccount, ObligationKind, Owed, Posting};
use crate::domain::rejection::Rejection;
use crate::domain::terms::programme::LotDates;
use crate::domain::terms::{Exchange, Mode, Programme};
use crate::domain::transaction::Detail;

/// Decides an exchange: what is got is rounded down, and what buys no whole unit is not taken.
pub fn decide(ask: &Ask<'_>) -> Decision {
    let Action::Exchange { from, to, member, points, .. } = &ask.command.action else {
        unreachable!("only exchanges are sent here");
    };
    let member = ask.member(member)?;
    let coalition = &ask.context.coalition;
    let terms = coalition.exchanges.get(&(from.clone(), to.clone()));
    let terms =
        terms.filter(|_| coalition.sees(&ask.command.party, from)).ok_or(Rejection::NoAgreement)?;
    let (left, entered) = (ask.context.programme(from)?, ask.context.programme(to)?);
    must_earn(entered)?;
    if left.burn.is_none() && left.mode == Mode::Live {
        return Err(Rejection::BurningNotOpen.into());
    }
    must_burn(left)?;
    ask.must_be_confirmed(member)?;
    let (taken, given) = quantities(*points, terms, left, entered);
    if given.is_zero() {
        return Err(Rejection::ExchangeTooSmall.into());
    }
    let key = AccountKey { member, programme: from.clone() };
    let entered_key = AccountKey { member, programme: to.clone() };
    ask.draft_lightly_on(&entered_key)?;
    let mut draft = ask.draft_lightly_on(&key)?;
    let lots = lots_for(&mut draft, &key, *points, taken, left)?;
    let charges = draft.charges(&key, &lots);
    draft.burn(&key, &lots);
    let now = draft.now();
    let day = entered.zone.day_of(now);
    let expires_at = entered.expiry_of(day, day);
    let dates = LotDates { available_at: now, expires_at };
    draft.give(&entered_key, &Gift::funded(given, dates, terms.price_per_point));
    let sides = draft.sides(left, &ask.command.party);
    let mut postings = Obligations::of_lots(&charges, &sides).postings(&left.id);
    postings.extend(money(terms, left, entered, given));
    draft.must_keep_lines(&postings)?;
    draft.post_all(postings);
    let detail =
        Detail::Exchange { from: from.clone(), to: to.clone(), taken, given, rate: terms.rate };
    Ok(draft.finish(Title::of(ask.command, member), detail))
}

/// What is taken and given for up to so many points.
fn quantities(
    points: Points,
    terms: &Exchange,
    left: &Programme,
    entered: &Programme,
) -> (Points, Points) {
    let (from, to) = (left.scales.points, entered.scales.points);
    let given = Ratio::whole(points.0).times(terms.rate).rescaled(from, to).floor();
    let taken = Ratio::whole(given).divided_by(terms.rate).rescaled(to, from).ceil();
    (Points(taken), Points(given))
}

/// The lots to take from; the member must have all points that the exchange names.
fn lots_for(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    named: Points,
    taken: Points,
    left: &Programme,
) -> Result<Vec<Allocation>, Stop> {
    let now = draft.now();
    let lots = &draft.account(key).lots;
    let there = lots.choose(named, now).map_err(read_first(key))?;
    let found: Points = there.iter().map(|&(_, points)| points).sum();
    if found < named {
        return Err(Rejection::insufficient(found, left.scales.points).into());
    }
    let chosen = lots.choose(taken, now).map_err(read_first(key))?;
    Ok(draft.priced(key, chosen))
}

/// The left pool owes the entered one what was got, at the entered one's price.
fn money(terms: &Exchange, left: &Programme, entered: &Programme, given: Points) -> Vec<Posting> {
    let amount = value_of(given, terms.price_per_point, entered.scales);
    if amount.is_zero() {
        return Vec::new();
    }
    let owed = Owed {
        amount,
        programme: Some(left.id.clone()),
        obligation: ObligationKind::Exchange,
        reverses: false,
        points: given,
        price: Some(terms.price_per_point),
        under: Arc::default(),
    };
    let pool = |one: &Programme| LedgerAccount::Pool(one.id.clone(), one.brand.clone());
    vec![Posting::money(pool(left), pool(entered), owed)]
}
