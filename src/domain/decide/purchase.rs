//! A shop's receipt, and its delivery.

use std::collections::BTreeMap;

use super::burning::{Limit, limit_of, price_of};
use super::draft::{Draft, Title};
use super::earning::{Basis, BurnedPart, credit, dates_of_purchase, part_of};
use super::{Ask, Decision, Stop, must_burn, must_earn, read_first};
use crate::domain::account::AccountKey;
use crate::domain::amount::Points;
use crate::domain::command::{Burn, Receipt};
use crate::domain::exact::Ratio;
use crate::domain::hold::{Allocation, Hold};
use crate::domain::ids::Reference;
use crate::domain::obligation::{LotCharge, Obligations};
use crate::domain::pack::covered;
use crate::domain::receipt::{Part, ReceiptState};
use crate::domain::rejection::Rejection;
use crate::domain::terms::programme::LotDates;
use crate::domain::terms::{Agreement, Mode, Programme};
use crate::domain::transaction::{DatedLot, Detail};

/// Decides a purchase: burn, then earn on what is paid in money.
pub fn decide(ask: &Ask<'_>, receipt: &Receipt, burn: Burn, hold: Option<&Reference>) -> Decision {
    let key = ask.account_key(&receipt.member, &receipt.programme)?;
    let hold = hold.map(|of| hold_of(ask, of, &key)).transpose()?;
    let agreement = ask.agreement(&receipt.programme)?;
    let programme = ask.context.programme(&receipt.programme)?;
    ask.must_be_recent(agreement, programme)?;
    must_earn(programme)?;
    let mut draft = match hold {
        Some(hold) => ask.draft_on_hold(&key, hold)?,
        None => ask.draft_lightly_on(&key)?,
    };
    let now = draft.now();
    let day = programme.zone.day_of(ask.command.at.unwrap_or(now));
    let tiers = programme.tiers.as_ref();
    let today = programme.zone.day_of(now);
    let metric = draft.account(&key).metric.clone();
    let level = tiers.and_then(|tiers| tiers.level_of(&metric, today));
    let basis = Basis { programme, agreement, level, lines: &receipt.lines, day };

    let burned = burn_of(&mut draft, &basis, &key, burn, hold)?;
    let mut part = part_of(&basis, burned);
    part.from_packs = draft.cover(agreement, part.earned)?;
    let charges = draft.charges(&key, &part.taken);
    let postings =
        obligations(&draft, programme, agreement, (&part, &charges)).postings(&programme.id);
    let mut released = Points::ZERO;
    match hold {
        Some(hold) => released = draft.finish_hold(hold, part.burned, programme),
        None => draft.burn(&key, &part.taken),
    }
    draft.must_keep_limits(&postings, &BTreeMap::new())?;

    // After this point the purchase must succeed.
    let dates = dates_of_purchase(programme, day, now);
    credit(&mut draft, &key, programme, &mut part, dates);
    draft.post_all(postings);
    let detail =
        Detail::Purchase { part: Box::new(part), hold: hold.map(|hold| hold.id), released };
    let mut decided = draft.finish(Title::of(ask.command, key.member), detail);
    let metric = &decided.accounts[&key].metric;
    let after = tiers.and_then(|tiers| tiers.level_of(metric, today));
    decided.transaction.tier_after = after.map(|level| level.id.clone());
    Ok(decided)
}

/// What a receipt makes parties owe.
fn obligations(
    draft: &Draft<'_>,
    programme: &Programme,
    agreement: &Agreement,
    (part, charges): (&Part, &[LotCharge]),
) -> Obligations {
    let sides = draft.sides(programme, &agreement.party);
    let billed = part.earned - covered(&part.from_packs);
    let earning = part.earn_money.as_ref().map(|money| {
        Obligations::of_valued_earning(
            part.earned,
            (billed, money.due_on(billed, Ratio::whole(part.eligible.0), sides.scales)),
            money,
            &sides,
        )
    });
    let burning =
        part.burn_money.as_ref().map(|money| Obligations::of_burning(part.burned, money, &sides));
    let lots = Obligations::of_lots(charges, &sides);
    earning.unwrap_or_default().and(burning.unwrap_or_default()).and(lots)
}

fn hold_of<'a>(ask: &'a Ask<'_>, of: &Reference, key: &AccountKey) -> Result<&'a Hold, Rejection> {
    let hold = ask.hold(of)?;
    let same = ask.ledger.current(hold.member) == key.member && hold.programme == key.programme;
    if same { Ok(hold) } else { Err(Rejection::OriginalNotFound) }
}

fn burn_of(
    draft: &mut Draft<'_>,
    basis: &Basis<'_>,
    key: &AccountKey,
    burn: Burn,
    hold: Option<&Hold>,
) -> Result<BurnedPart, Stop> {
    let programme = basis.programme;
    let wanted = match (burn, hold) {
        (Burn::Unsaid, None) => return Ok(BurnedPart::default()),
        (Burn::Exactly(points), _) if points.is_zero() => return Ok(BurnedPart::default()),
        (Burn::Unsaid, Some(hold)) => Burn::Exactly(hold.points()),
        (wanted, _) => wanted,
    };
    // `max` is as many as may, which can be none; a number must be possible.
    let may = programme.mode == Mode::Live && basis.agreement.burn.is_some();
    let (Some(terms), true) = (&programme.burn, may || wanted != Burn::Max) else {
        return match wanted {
            Burn::Max => Ok(BurnedPart::default()),
            _ => Err(Rejection::BurningNotOpen.into()),
        };
    };
    if basis.agreement.burn.is_none() {
        return Err(Rejection::NoAgreement.into());
    }
    must_burn(programme)?;
    if draft.ledger.unconfirmed.contains(&key.member) {
        return Err(Rejection::MemberUnconfirmed.into());
    }
    let limit = limit_of(programme, terms, draft.account(key), basis.level, basis.lines);
    let taken = match hold {
        Some(hold) => {
            let points = from_hold(hold, wanted, &limit, programme)?;
            draft.priced(key, hold.divide_points(points))
        }
        None => from_account(draft, key, wanted, &limit, programme)?,
    };
    let burned: Points = taken.iter().map(|one| one.points).sum();
    let max_share = Some(limit.max_share).filter(|_| burned.is_positive());
    Ok(BurnedPart { burned, paid: price_of(burned, programme), taken, max_share })
}

fn from_hold(
    hold: &Hold,
    wanted: Burn,
    limit: &Limit,
    programme: &Programme,
) -> Result<Points, Rejection> {
    let scale = programme.scales.points;
    let points = match wanted {
        Burn::Exactly(points) => {
            must_fit(points, limit, scale)?;
            if hold.points() < points {
                return Err(Rejection::CaptureExceedsHold { held: hold.points().text(scale) });
            }
            points
        }
        _ => at_least(hold.points().min(limit.most), limit),
    };
    Ok(points)
}

fn from_account(
    draft: &mut Draft<'_>,
    key: &AccountKey,
    wanted: Burn,
    limit: &Limit,
    programme: &Programme,
) -> Result<Vec<Allocation>, Stop> {
    let now = draft.now();
    let scale = programme.scales.points;
    let ask_for = match wanted {
        Burn::Exactly(points) => {
            must_fit(points, limit, scale)?;
            points
        }
        _ => limit.most,
    };
    let chosen = draft.account(key).lots.choose(ask_for, now).map_err(read_first(key))?;
    let found: Points = chosen.iter().map(|&(_, points)| points).sum();
    match wanted {
        Burn::Exactly(points) if found < points => {
            return Err(Rejection::insufficient(found, scale).into());
        }
        Burn::Max if at_least(found, limit).is_zero() => return Ok(Vec::new()),
        _ => {}
    }
    Ok(draft.priced(key, chosen))
}

fn must_fit(points: Points, limit: &Limit, scale: u32) -> Result<(), Rejection> {
    if points < limit.least {
        return Err(Rejection::BurnBelowMinimum { least: limit.least.text(scale) });
    }
    if limit.most < points {
        return Err(Rejection::BurnLimitExceeded { most: limit.most.text(scale) });
    }
    Ok(())
}

/// At least the minimum, or nothing.
fn at_least(points: Points, limit: &Limit) -> Points {
    if points < limit.least { Points::ZERO } else { points }
}

/// The most points that may pay for a receipt, given what is available.
pub fn most_of(limit: &Limit, available: Points) -> Points {
    at_least(limit.most.min(available), limit)
}

/// Decides the report of a delivery: the lots that awaited it get their dates.
pub fn decide_delivery(ask: &Ask<'_>, of: &Reference) -> Decision {
    let origin = ask.original(of)?;
    let original = ask.ledger.originals.get(&origin).ok_or(Rejection::OriginalNotFound)?;
    let mut state = super::refund::state_of(ask.ledger, original);
    let member = ask.ledger.current(original.member);
    let part = original.parts().first().ok_or(Rejection::OriginalNotFound)?;
    let key = AccountKey { member, programme: part.programme.clone() };
    let programme = ask.context.programme(&part.programme)?;
    let mut draft = ask.draft_on(std::slice::from_ref(&key))?;
    let awaiting = part.lot.filter(|&lot| {
        draft.account(&key).lots.get(lot).is_some_and(crate::domain::lot::Lot::awaits_delivery)
    });
    let Some(lot) = awaiting.filter(|_| !state.delivered) else {
        return Err(Stop::Unchanged(origin));
    };
    let now = draft.now();
    let day = programme.zone.day_of(ask.command.at.unwrap_or(now));
    let opens = programme.dates_from(day, now);
    let mut points = Points::ZERO;
    if let Some(lot) = draft.account(&key).lots.get_mut(lot) {
        lot.set_dates(opens);
        points = lot.remaining;
    }
    draft.touch_lot(&key, lot);
    state = ReceiptState { delivered: true, ..state };
    draft.receipt = Some((origin, state));
    let LotDates { available_at, expires_at } = opens;
    let of_programme = Some(key.programme.clone());
    let dated =
        vec![DatedLot { id: lot, available_at, expires_at, programme: of_programme, points }];
    let detail = Detail::Delivery { of: of.clone(), dated };
    Ok(draft.finish(Title::of(ask.command, member), detail))
}
