//! A payment with a linked card: it earns in every programme that the bank has an agreement with.

use std::collections::BTreeMap;

use super::draft::{Draft, Title};
use super::earning::{Basis, BurnedPart, credit, part_of};
use super::{Ask, Decision, Stop, must_earn};
use crate::domain::account::AccountKey;
use crate::domain::command::Line;
use crate::domain::exact::Ratio;
use crate::domain::ids::MemberId;
use crate::domain::member::MemberName;
use crate::domain::obligation::Obligations;
use crate::domain::pack::covered;
use crate::domain::receipt::Part;
use crate::domain::rejection::Rejection;
use crate::domain::terms::Agreement;
use crate::domain::transaction::Detail;

/// Decides a card payment, each programme apart: one that refuses is named, the others earn; if
/// all refuse, so is the payment, with the refusal that comes first.
pub fn decide(ask: &Ask<'_>, card: &MemberName, line: &Line) -> Decision {
    let member = ask.member(card)?;
    let coalition = &ask.context.coalition;
    let earning = |one: &&std::sync::Arc<Agreement>| one.earn.is_some();
    let agreements: Vec<_> = coalition.agreements_of(&ask.command.party).filter(earning).collect();
    if agreements.is_empty() {
        return Err(Rejection::NoAgreement.into());
    }
    let mut draft = draft_for(ask, member, &agreements)?;
    let mut parts = Vec::with_capacity(agreements.len());
    let mut refused: BTreeMap<_, Rejection> = BTreeMap::new();
    for agreement in agreements {
        match earn_in(ask, &mut draft, member, agreement, line) {
            Ok(part) => parts.push(part),
            Err(rejection) => {
                refused.insert(agreement.programme.clone(), rejection);
            }
        }
    }
    if parts.is_empty()
        && let Some(first) = refused.values().min()
    {
        return Err(first.clone().into());
    }
    draft.limits_hit.extend(refused.values().filter_map(Rejection::limit_hit).cloned());
    let refused =
        refused.into_iter().map(|(programme, why)| (programme, why.code().to_owned())).collect();
    Ok(draft.finish(Title::of(ask.command, member), Detail::CardPayment { parts, refused }))
}

fn draft_for<'a>(
    ask: &'a Ask<'_>,
    member: MemberId,
    agreements: &[&std::sync::Arc<Agreement>],
) -> Result<Draft<'a>, Stop> {
    for agreement in agreements {
        let key = AccountKey { member, programme: agreement.programme.clone() };
        ask.draft_lightly_on(&key)?;
    }
    Ok(Draft::new(ask.ledger, ask.context))
}

fn earn_in(
    ask: &Ask<'_>,
    draft: &mut Draft<'_>,
    member: MemberId,
    agreement: &Agreement,
    line: &Line,
) -> Result<Part, Rejection> {
    let programme = ask.context.programme(&agreement.programme)?;
    ask.must_be_recent(agreement, programme)?;
    must_earn(programme)?;
    let key = AccountKey { member, programme: programme.id.clone() };
    let now = draft.now();
    let metric = ask.ledger.account(&key).metric;
    let today = programme.zone.day_of(now);
    let level = programme.tiers.as_ref().and_then(|tiers| tiers.level_of(&metric, today));
    let day = programme.zone.day_of(ask.command.at.unwrap_or(now));
    let lines = std::slice::from_ref(line);
    let basis = Basis { programme, agreement, level, lines, day };
    let mut part = part_of(&basis, BurnedPart::default());
    part.from_packs = draft.cover(agreement, part.earned)?;
    let billed = part.earned - covered(&part.from_packs);
    let postings = part.earn_money.as_ref().map_or_else(Vec::new, |money| {
        let sides = draft.sides(programme, &agreement.party);
        let due = money.due_on(billed, Ratio::whole(part.eligible.0), sides.scales);
        let all = Obligations::of_valued_earning(part.earned, (billed, due), money, &sides);
        all.postings(&programme.id)
    });
    draft.must_keep_limits(&postings, &BTreeMap::new())?;
    // Nobody delivers a payment: its points count from its own day in every programme.
    let dates = programme.dates_from(day, now);
    credit(draft, &key, programme, &mut part, dates);
    draft.post_all(postings);
    Ok(part)
}
