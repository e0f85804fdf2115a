//! Holds: points reserved, captured, released.

use super::draft::Title;
use super::{Ask, Decision, must_burn, read_first};
use crate::domain::account::AccountKey;
use crate::domain::amount::Points;
use crate::domain::hold::{Allocation, Hold};
use crate::domain::ids::Reference;
use crate::domain::obligation::Obligations;
use crate::domain::rejection::Rejection;
use crate::domain::time::NEVER;
use crate::domain::transaction::Detail;

/// Decides a hold: it reserves points of definite lots, in burning order.
pub fn decide(ask: &Ask<'_>, key: &AccountKey, points: Points, valid_for: Option<i64>) -> Decision {
    let agreement = ask.agreement(&key.programme)?;
    let terms = agreement.burn.as_ref().ok_or(Rejection::NoAgreement)?;
    let programme = ask.context.programme(&key.programme)?;
    must_burn(programme)?;
    ask.must_be_confirmed(key.member)?;
    let mut draft = ask.draft_lightly_on(key)?;
    let now = draft.now();
    let chosen = draft.account(key).lots.choose(points, now).map_err(read_first(key))?;
    let found: Points = chosen.iter().map(|&(_, points)| points).sum();
    if found < points {
        return Err(Rejection::insufficient(found, programme.scales.points).into());
    }
    let taken = draft.priced(key, chosen);
    let charges = draft.charges(key, &taken);
    let allocations: Vec<Allocation> =
        taken.into_iter().map(|one| Allocation::of(one.lot, one.points)).collect();
    let valid_until =
        valid_for.or(programme.hold_valid_for).map_or(NEVER, |for_| now.plus_micros(for_));
    let sides = draft.sides(programme, &ask.command.party);
    let lots = Obligations::of_lots(&charges, &sides);
    let owes = Obligations::of_burning(points, terms, &sides).and(lots).debtors();
    draft.must_keep_limits(&[], &owes)?;
    draft.reserve(key, &allocations);
    draft.put_hold(Hold {
        id: ask.context.id,
        party: ask.command.party.clone(),
        member: key.member,
        programme: key.programme.clone(),
        allocations: allocations.clone(),
        valid_until,
        open: true,
        owes,
    });
    let programme = key.programme.clone();
    let detail = Detail::Hold { programme, held: points, allocations, valid_until };
    Ok(draft.finish(Title::of(ask.command, key.member), detail))
}

/// Decides a capture: held points are burned in burning order, the rest is released.
pub fn decide_capture(ask: &Ask<'_>, of: &Reference, points: Option<&str>) -> Decision {
    let hold = ask.hold(of)?;
    let key = AccountKey { member: hold.member, programme: hold.programme.clone() };
    let agreement = ask.agreement(&key.programme)?;
    let terms = agreement.burn.as_ref().ok_or(Rejection::NoAgreement)?;
    let programme = ask.context.programme(&key.programme)?;
    let points = match points {
        None => hold.points(),
        Some(text) => programme.parse_points(text).map_err(|_| Rejection::InvalidField {
            pointer: "/points",
            detail: "write a decimal with no more digits after the point than the programme has",
        })?,
    };
    if hold.points() < points {
        let there = hold.points().text(programme.scales.points);
        return Err(Rejection::CaptureExceedsHold { held: there }.into());
    }
    let mut draft = ask.draft_on_hold(&key, hold)?;
    let taken = draft.priced(&key, hold.divide_points(points));
    let charges = draft.charges(&key, &taken);
    let released = draft.finish_hold(hold, points, programme);
    let sides = draft.sides(programme, &ask.command.party);
    let lots = Obligations::of_lots(&charges, &sides);
    let postings = Obligations::of_burning(points, terms, &sides).and(lots).postings(&programme.id);
    draft.must_keep_lines(&postings)?;
    draft.post_all(postings);
    let programme = key.programme.clone();
    let detail = Detail::Capture { programme, of: hold.id, burned: points, released };
    Ok(draft.finish(Title::of(ask.command, key.member), detail))
}

/// Decides a void: all that is held is released.
pub fn decide_void(ask: &Ask<'_>, of: &Reference) -> Decision {
    let hold = ask.hold(of)?;
    let key = AccountKey { member: hold.member, programme: hold.programme.clone() };
    let programme = ask.context.programme(&key.programme)?;
    let mut draft = ask.draft_on_hold(&key, hold)?;
    let released = draft.finish_hold(hold, Points::ZERO, programme);
    let programme = key.programme.clone();
    let detail = Detail::Void { programme, of: hold.id, released };
    Ok(draft.finish(Title::of(ask.command, key.member), detail))
}
