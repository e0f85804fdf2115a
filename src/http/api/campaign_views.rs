//! Campaigns as they are shown.

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use crate::campaigns::Loaded;
use crate::campaigns::preview::Preview;
use crate::campaigns::report::{ArmFigures, Report};
use crate::domain::amount::{Money, Points, decimal_text};
use crate::domain::campaign::Arm;
use crate::domain::campaign::notice::Response;
use crate::domain::campaign::uplift::{Count, Interval, percent, uplift};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::store::campaigns::passes::{self, Pass};
use crate::store::rows::read_json;
use crate::store::{Database, StoreError};

/// Digits after the point of a rate in percent.
const RATE_DIGITS: u32 = 2;

fn instant(at: Option<i64>) -> Value {
    at.map_or(Value::Null, |at| json!(Instant(at)))
}

/// A campaign, its document and its latest pass.
pub(super) fn campaign_view(database: &mut Database, loaded: &Loaded) -> Result<Value, StoreError> {
    let row = &loaded.row;
    let document: Value = read_json(&row.document, "a campaign")?;
    let pass = passes::latest(database, &row.campaign)?;
    let open_chunks = passes::open_chunks(database, &row.campaign)?;
    let pass = pass.map(|pass| pass_view(&pass, open_chunks, loaded)).transpose()?;
    Ok(json!({
        "id": row.campaign,
        "programme": row.programme,
        "party": row.party,
        "state": loaded.state,
        "created_at": Instant(row.created_at),
        "started_at": instant(row.started_at),
        "ended_at": instant(row.ended_at),
        "document": document,
        "run": pass,
    }))
}

fn pass_view(pass: &Pass, open_chunks: i64, loaded: &Loaded) -> Result<Value, StoreError> {
    let is_finished = pass.finished_at.is_some() && open_chunks == 0;
    Ok(json!({
        "number": pass.pass,
        "state": pass.state,
        "finished": is_finished,
        "matched": pass.matched,
        "granted": pass.granted,
        "points": Points(pass.points).text(loaded.programme.scales.points),
        "refused": pass.refused,
        "refusals": pass.refusals()?,
        "started_at": Instant(pass.started_at),
        "finished_at": instant(pass.finished_at),
    }))
}

/// What a campaign would do.
pub(super) fn preview_view(
    preview: &Preview,
    loaded: &Loaded,
    coalition: &Coalition,
    now: Instant,
) -> Value {
    let money = |amount: Money| amount.text(coalition.money_scale);
    let funders: Map<String, Value> = preview
        .funders
        .iter()
        .map(|(party, amount)| (party.to_string(), money(*amount).into()))
        .collect();
    let ways: Vec<Value> = preview
        .ways
        .iter()
        .map(|((step, way), found)| {
            let refused: Map<String, Value> = found
                .refused
                .iter()
                .map(|(why, count)| (why.name().to_owned(), json!(count)))
                .collect();
            json!({"step": step, "way": way, "channel": found.channel, "party": found.party,
                "planned": found.planned, "reachable": found.reachable, "refused": refused,
                "cost": money(found.cost)})
        })
        .collect();
    let arm = |arm| preview.arms.get(&arm).copied().unwrap_or(0);
    json!({
        "as_of": now,
        "planned": preview.planned,
        "already": preview.already,
        "test": arm(Arm::Test),
        "control": arm(Arm::Control),
        "reachable": preview.reachable,
        "channels": ways,
        "granted": preview.granted,
        "points": preview.points.text(loaded.programme.scales.points),
        "short_of": preview.short_of.as_ref().map(crate::domain::campaign::budget::Scope::name),
        "cost": {
            "points": money(preview.money),
            "funders": funders,
            "notices": money(preview.notices),
            "total": money(preview.money + preview.notices),
        },
    })
}

/// What came of a campaign.
pub(super) fn report_view(
    report: &Report,
    loaded: &Loaded,
    coalition: &Coalition,
    now: Instant,
) -> Result<Value, StoreError> {
    let scale = loaded.programme.scales.points;
    let (test, control) = (report.arm(Arm::Test), report.arm(Arm::Control));
    let flow = &report.flow;
    let compared = |of: &dyn Fn(&ArmFigures) -> Count| compared(of(&test), of(&control));
    let cities: Vec<Value> = report
        .cities
        .iter()
        .map(|city| {
            let rate = count(city.opened, city.members).rate();
            json!({"city": city.name, "members": city.members, "opened": city.opened,
                "rate": percent(rate, RATE_DIGITS)})
        })
        .collect();
    let budgets: Map<String, Value> = report
        .budgets
        .iter()
        .map(|(scope, used)| {
            let is_points = scope.starts_with("points");
            let scale = if is_points { scale } else { coalition.money_scale };
            (scope.clone(), decimal_text(*used, scale).into())
        })
        .collect();
    let pass = report.pass.as_ref().map(|pass| pass_view(pass, report.open_chunks, loaded));
    let pass = pass.transpose()?;
    Ok(json!({
        "as_of": now,
        "campaign": loaded.row.campaign,
        "state": loaded.state,
        "window_days": loaded.campaign.window_days,
        "arms": {
            "test": arm_view(&test, scale, coalition.money_scale),
            "control": arm_view(&control, scale, coalition.money_scale),
        },
        "uplift": {
            "delivered": compared(&|arm| arm.did(Response::Delivered)),
            "opened": compared(&|arm| arm.did(Response::Opened)),
            "offer_opened": compared(&|arm| arm.did(Response::OfferOpened)),
            "visited": compared(&|arm| arm.did(Response::Visited)),
            "bought": compared(&|arm| arm.buyers()),
        },
        "channels": channels_view(report),
        "cities": cities,
        "points": {
            "lots": flow.lots,
            "granted": flow.granted.text(scale),
            "spent": flow.spent.text(scale),
            "returned": flow.returned.text(scale),
            "expired": flow.expired.text(scale),
            "taken_back": flow.taken_back.text(scale),
            "left": report.left.text(scale),
        },
        "budget_used": budgets,
        "money": money_view(report, coalition),
        "run": pass,
    }))
}

fn count(hits: i64, of: i64) -> Count {
    let narrow = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Count { hits: narrow(hits), of: narrow(of) }
}

fn arm_view(arm: &ArmFigures, points: u32, money: u32) -> Value {
    let did = |response| arm.responses.get(&response).copied().unwrap_or(0);
    json!({
        "members": arm.members,
        "granted": arm.granted,
        "points": arm.points.text(points),
        "delivered": did(Response::Delivered),
        "opened": did(Response::Opened),
        "offer_opened": did(Response::OfferOpened),
        "visited": did(Response::Visited),
        "bought": arm.bought,
        "receipts": arm.receipts,
        "revenue": arm.revenue.text(money),
    })
}

fn channels_view(report: &Report) -> Vec<Value> {
    let one = |one: &crate::store::campaigns::figures::ChannelCounts| {
        json!({"channel": one.channel, "party": one.party, "state": one.state,
            "reason": one.reason, "notices": one.notices, "told": one.told,
            "delivered": one.delivered, "opened": one.opened, "clicked": one.clicked})
    };
    report.channels.iter().map(one).collect()
}

/// Both rates in percent, how much more the test group has in percent of the control group, how many
/// times as much, and the difference in percentage points; each with its interval at 95 %.
fn compared(test: Count, control: Count) -> Value {
    let found = uplift(test, control);
    let rate = |count: Count| {
        json!({"percent": percent(count.rate(), RATE_DIGITS),
            "within": within(count.within(), |one| percent(one, RATE_DIGITS))})
    };
    let more = |ratio: Decimal| percent(ratio - Decimal::ONE, 0);
    let times = |ratio: Decimal| format!("{:.2}", ratio.round_dp(2));
    json!({
        "test": rate(test),
        "control": rate(control),
        "more_percent": found.ratio.map(more),
        "more_percent_within": found.ratio_within.map(|one| within(one, more)),
        "times": found.ratio.map(times),
        "times_within": found.ratio_within.map(|one| within(one, times)),
        "difference_points": percent(found.difference, RATE_DIGITS),
        "difference_points_within":
            within(found.difference_within, |one| percent(one, RATE_DIGITS)),
    })
}

fn within(interval: Interval, text: impl Fn(Decimal) -> String) -> Value {
    json!([text(interval.low), text(interval.high)])
}

fn money_view(report: &Report, coalition: &Coalition) -> Value {
    let money = |amount: Money| amount.text(coalition.money_scale);
    let cost = report.cost();
    let roi = report.extra_revenue.filter(|_| cost.is_positive()).map(|extra| {
        let share = Decimal::from((extra - cost).0) / Decimal::from(cost.0);
        percent(share, 0)
    });
    json!({
        "spent_points": money(report.spent_value),
        "notices": money(report.notices),
        "cost": money(cost),
        "extra_revenue": report.extra_revenue.map(money),
        "roi_percent": roi,
    })
}
