//! Points given: promo bonuses, compensation.

use std::sync::Arc;

use super::draft::{Gift, Title};
use super::{Ask, Decision, must_earn};
use crate::domain::command::Action;
use crate::domain::ids::PartyId;
use crate::domain::obligation::{EarnMoney, Obligations};
use crate::domain::posting::Under;
use crate::domain::rejection::Rejection;
use crate::domain::terms::Programme;
use crate::domain::terms::programme::LotDates;
use crate::domain::transaction::Detail;

/// Decides a grant. It is funded as it says itself, or else as the party's agreement says.
pub fn decide(ask: &Ask<'_>) -> Decision {
    let Action::Grant {
        programme, member, points, available_at, valid_through, money, promo, ..
    } = &ask.command.action
    else {
        unreachable!("only grants are sent here");
    };
    let key = ask.account_key(member, programme)?;
    let programme = ask.context.programme(programme)?;
    let mut money = money_of(ask, programme, money.as_deref())?;
    if promo.is_some() {
        money.under = Arc::new(Under { promo: promo.clone(), ..(*money.under).clone() });
    }
    must_earn(programme)?;
    let mut draft = ask.draft_lightly_on(&key)?;
    let now = draft.now();
    let opens = available_at.map_or(now, |day| programme.zone.start_of(day).max(now));
    let day = programme.zone.day_of(opens);
    let usual = programme.expiry_of(day, day);
    let expires_at = valid_through.map_or(usual, |last| programme.zone.end_of(last));
    if expires_at <= opens {
        let detail = "the points must be valid at least until the day on which they open";
        return Err(Rejection::InvalidField { pointer: "/valid_through", detail }.into());
    }
    let dates = LotDates { available_at: opens, expires_at };
    draft.give(&key, &Gift::under(*points, dates, &money, programme));
    let sides = draft.sides(programme, &ask.command.party);
    let postings = Obligations::of_earning(*points, &money, &sides).postings(&programme.id);
    draft.must_keep_lines(&postings)?;
    draft.post_all(postings);
    let detail = Detail::Grant { programme: programme.id.clone(), granted: *points };
    Ok(draft.finish(Title::of(ask.command, key.member), detail))
}

/// A brand funds grants as it says; any other party needs an agreement for grants, or pays itself,
/// alone or together with the brand.
fn money_of(
    ask: &Ask<'_>,
    programme: &Programme,
    said: Option<&EarnMoney>,
) -> Result<EarnMoney, Rejection> {
    let party = &ask.command.party;
    let Some(money) = said else {
        return ask.agreement(&programme.id)?.grant.clone().ok_or(Rejection::NoAgreement);
    };
    let is_brand = *party == programme.brand;
    let may_pay = |payer: &PartyId| payer == party || *payer == programme.brand;
    let is_known = |payer: &PartyId| ask.context.coalition.parties.contains_key(payer);
    let fits = money
        .funding
        .iter()
        .all(|share| is_known(&share.party) && (is_brand || may_pay(&share.party)));
    if fits { Ok(money.clone()) } else { Err(Rejection::NoAgreement) }
}
