//! A campaign in the middle of the traffic: the brand grants bonuses that live some days to who holds
//! a card; the wallet tells one group of it and only watches the other; some buy because of it.

use std::collections::BTreeMap;

use coalition_partner::path::with_query;
use coalition_partner::{Client, Event, EventPage};
use serde_json::{Value, json};

use super::DemoError;
use super::cards::{Cards, PROGRAMME, WALLET};
use super::chance::Chance;
use super::stage::{Stage, must_accept, text};
use super::traffic::{Date, Traffic};
use crate::campaigns::jobs;
use crate::domain::ids::MemberId;
use crate::domain::time::Day;
use crate::server::Running;

/// The campaign, and the brand that runs it.
pub const CAMPAIGN: &str = "come-back-1000";
pub const BRAND: &str = "heston";

/// The hour at which it runs; a part of the day begins then.
pub const HOUR: i64 = 12;

/// Points for each.
const POINTS: u32 = 1_000;

/// The most days for which they live.
const DAYS_MAX: u32 = 14;

/// What its chance begins with, beside the member.
const SEED: u64 = 1_000_000_007;

/// Reports of one call.
const REPORTS_AT_ONCE: usize = 5_000;

/// How likely things are, of a thousand.
const DELIVERED: u64 = 950;
const OPENED_WHEN_TOLD: u64 = 450;
const OPENED_UNTOLD: u64 = 110;
const OFFER_OPENED: u64 = 500;
const BUYS: u64 = 350;

/// When the campaign runs, and for how long its points live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The place of its day among all days.
    pub place: u32,
    /// So many days after it the points can still be spent.
    pub days: u32,
}

impl Plan {
    /// A plan that fits into so many days: the points are lost well before the end.
    pub fn within(days: u32) -> Self {
        Self { place: days / 3, days: (days / 3).clamp(1, DAYS_MAX) }
    }
}

/// Who got points, and what the wallet was told of them.
#[derive(Debug, Default)]
struct Grantee {
    arm: String,
    notice: Option<String>,
}

/// Runs the campaign, reports what its members do, and adds to the traffic what they buy for it.
pub fn run(
    (stage, running): (&Stage, &Running),
    traffic: &mut Traffic<'_>,
    cards: &Cards,
    (plan, date): (Plan, Date),
) -> Result<(), DemoError> {
    let wallet = stage.party(WALLET);
    let cursor = page_after(wallet, "end")?.page.next;
    start(stage.party(BRAND), plan, cards.holders.len())?;
    // The server does this every second; the days of the demonstration are shorter.
    jobs::tell(&running.app().engine)?;
    let grantees = grantees(wallet, cursor)?;
    let numbers: BTreeMap<&str, &str> =
        cards.holders.iter().map(|one| (one.member.as_str(), one.card.as_str())).collect();
    let mut reports = Vec::new();
    for (id, grantee) in &grantees {
        let member = MemberId(*id);
        let mut chance = Chance::new(SEED ^ id.unsigned_abs());
        let did = respond(member, grantee, &mut chance);
        let opened = did.iter().any(|one| text(one, "what") == "opened");
        reports.extend(did);
        if opened && chance.happens(BUYS) {
            let days = u32::try_from(chance.between(1, u64::from(plan.days))).unwrap_or(1);
            let day: Day = date.day.plus_days(days);
            if let Some(card) = numbers.get(member.to_string().as_str()) {
                traffic.buy_by_card(card, day);
            }
        }
    }
    for (place, reports) in reports.chunks(REPORTS_AT_ONCE).enumerate() {
        let (path, body) = ("/v1/notices:report", json!({"reports": reports}));
        must_accept(path, &wallet.post(path, &format!("reports/{place}"), &body)?)?;
    }
    Ok(())
}

/// The brand writes the campaign, starts it and runs it to its end.
fn start(brand: &Client, plan: Plan, holders: usize) -> Result<(), DemoError> {
    let path = format!("/v1/campaigns/{CAMPAIGN}");
    let budget = u64::from(POINTS) * u64::try_from(holders).unwrap_or(u64::MAX);
    let days = plan.days;
    let document = json!({
        "id": CAMPAIGN,
        "programme": PROGRAMME,
        "title": "Come back to Heston",
        "audience": {"card_of": WALLET},
        "grant": {
            "points": POINTS.to_string(), "expire": {"days": days}, "price_per_point": "0.333",
            "funding": [{"party": BRAND, "share": "0.5"}, {"party": WALLET, "share": "0.5"}],
            // What expires costs nobody anything.
            "settle": "at_burn"
        },
        "budget": {"points": budget.to_string()},
        "control": {"share": "0.4", "gets": "bonus"},
        "channels": [{"channel": "wallet", "party": WALLET, "text": "1,000 bonuses are on your card"}],
        "window_days": days,
        "card": {
            "tag": {"text": "+1,000", "color": "green"}, "position": true,
            "intro": {"title": "Come back", "text": format!("1,000 bonuses for {days} days")}
        }
    });
    must_accept(&path, &brand.put(&path, "campaign", &document)?)?;
    for step in ["start", "run"] {
        let path = format!("{path}/{step}");
        must_accept(&path, &brand.post(&path, &path, &json!({}))?)?;
    }
    loop {
        let view = must_accept(&path, &brand.get(&path)?)?;
        if view.pointer("/run/finished").and_then(Value::as_bool) == Some(true) {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

/// What the wallet reports of a member: of the notice, or, where there was none, of the member.
fn respond(member: MemberId, grantee: &Grantee, chance: &mut Chance) -> Vec<Value> {
    let report = |what: &str| match &grantee.notice {
        Some(notice) => json!({"notice": notice, "what": what}),
        None => json!({"campaign": CAMPAIGN, "member": member, "what": what}),
    };
    let is_told = grantee.arm == "test" && grantee.notice.is_some();
    let mut reports = Vec::new();
    let opens = if is_told && chance.happens(DELIVERED) {
        reports.push(report("delivered"));
        OPENED_WHEN_TOLD
    } else {
        OPENED_UNTOLD
    };
    if chance.happens(opens) {
        reports.push(report("opened"));
        if chance.happens(OFFER_OPENED) {
            reports.push(report("offer_opened"));
        }
    }
    reports
}

/// Those who got points, and their notices, from the events that the wallet pulls.
fn grantees(wallet: &Client, mut cursor: String) -> Result<BTreeMap<i64, Grantee>, DemoError> {
    let mut all = BTreeMap::new();
    loop {
        let EventPage { data, page, .. } = page_after(wallet, &cursor)?;
        for event in &data {
            add(&mut all, event);
        }
        if !page.more {
            return Ok(all);
        }
        cursor = page.next;
    }
}

fn add(all: &mut BTreeMap<i64, Grantee>, event: &Event) {
    let Ok(member) = text(&event.data, "member").parse::<MemberId>() else { return };
    if text(&event.data, "campaign") != CAMPAIGN {
        return;
    }
    let grantee = all.entry(member.0).or_default();
    match event.kind.as_str() {
        "promo.granted" => text(&event.data, "arm").clone_into(&mut grantee.arm),
        _ => grantee.notice = Some(text(&event.data, "notice").to_owned()),
    }
}

fn page_after(wallet: &Client, cursor: &str) -> Result<EventPage, DemoError> {
    let asked = [
        ("cursor", Some(cursor)),
        ("types", Some("promo.granted,notice.due")),
        ("limit", Some("200")),
    ];
    Ok(wallet.get(&with_query("/v1/events", &asked))?.accepted()?.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_points_are_lost_before_the_last_day() {
        for weeks in 1..=52 {
            let days = weeks * 7 + 1;
            let plan = Plan::within(days);
            assert!(1 <= plan.place && 1 <= plan.days);
            assert!(plan.place + plan.days < days - 2, "{plan:?} of {days}");
        }
    }
}
