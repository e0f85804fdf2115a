//! What came of a campaign: the test group beside the control group, channels, cities, points and
//! money.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{CampaignError, Loaded, stats};
use crate::domain::amount::{Money, Points};
use crate::domain::campaign::Arm;
use crate::domain::campaign::notice::Response;
use crate::domain::campaign::tally::Flow;
use crate::domain::campaign::uplift::Count;
use crate::domain::ids::{MemberId, ProgrammeId};
use crate::domain::obligation::value_of;
use crate::domain::time::Instant;
use crate::domain::transaction::{Detail, Transaction};
use crate::engine::Engine;
use crate::store::campaigns::figures::{self, ChannelCounts};
use crate::store::campaigns::passes;
use crate::store::{Database, StoreError, Use, member_stats};

/// Members whose purchases are looked at in one step.
const MEMBERS_AT_ONCE: i64 = 5_000;

/// A day, in microseconds.
const DAY: i64 = 86_400_000_000;

/// What a group did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArmFigures {
    /// Who takes part.
    pub members: i64,
    /// How many got points.
    pub granted: i64,
    /// How many points.
    pub points: Points,
    /// How many did what.
    pub responses: BTreeMap<Response, i64>,
    /// How many bought something within the window.
    pub bought: i64,
    /// Receipts within the window.
    pub receipts: i64,
    /// Their price, less what was refunded within it.
    pub revenue: Money,
}

impl ArmFigures {
    /// How many of the group did something.
    pub fn did(&self, response: Response) -> Count {
        self.count(self.responses.get(&response).copied().unwrap_or(0))
    }

    /// How many of the group bought something.
    pub fn buyers(&self) -> Count {
        self.count(self.bought)
    }

    fn count(&self, hits: i64) -> Count {
        let narrow = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
        Count { hits: narrow(hits), of: narrow(self.members) }
    }
}

/// A city's part of a campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct City {
    /// Its name.
    pub name: String,
    /// Who takes part there.
    pub members: i64,
    /// How many opened the message or the card.
    pub opened: i64,
}

/// What came of a campaign.
#[derive(Clone, Debug)]
pub struct Report {
    /// By group.
    pub arms: BTreeMap<Arm, ArmFigures>,
    /// Notices by channel and where they stand.
    pub channels: Vec<ChannelCounts>,
    /// By city, the largest first.
    pub cities: Vec<City>,
    /// What became of the points.
    pub flow: Flow,
    /// What of them is still there.
    pub left: Points,
    /// What is used of the budget, by scope.
    pub budgets: Vec<(String, i64)>,
    /// How much the points cost that were spent.
    pub spent_value: Money,
    /// How much the notices cost.
    pub notices: Money,
    /// What the test group brought beyond what the control group did, per member; none: one of the
    /// groups is empty.
    pub extra_revenue: Option<Money>,
    /// The latest pass.
    pub pass: Option<passes::Pass>,
    /// Chunks that somebody has taken and not finished.
    pub open_chunks: i64,
}

impl Report {
    /// The figures of a group.
    pub fn arm(&self, arm: Arm) -> ArmFigures {
        self.arms.get(&arm).cloned().unwrap_or_default()
    }

    /// All that it cost.
    pub fn cost(&self) -> Money {
        self.spent_value + self.notices
    }
}

/// Makes the report of a campaign; what was posted up to now is counted first.
///
/// # Errors
/// If the database fails.
pub fn report(engine: &Engine, loaded: &Loaded) -> Result<Report, CampaignError> {
    stats::catch_up(engine)?;
    let mut database = engine.open(Use::Read)?;
    let id = loaded.row.campaign.as_str();
    let mut arms = BTreeMap::new();
    for counts in figures::arms(&mut database, id)? {
        let Some(arm) = Arm::named(&counts.arm) else { continue };
        arms.insert(
            arm,
            ArmFigures {
                members: counts.members,
                granted: counts.granted,
                points: Points(counts.points),
                ..ArmFigures::default()
            },
        );
    }
    for (arm, response, count) in figures::responses(&mut database, id)? {
        let named = Arm::named(&arm).zip(Response::named(&response));
        if let Some((arm, response)) = named {
            arms.entry(arm).or_default().responses.insert(response, count);
        }
    }
    add_purchases(&mut database, loaded, &mut arms)?;
    let channels = figures::channels(&mut database, id)?;
    let cities = figures::cities(&mut database, (id, Response::Opened.name()))?;
    let flow = member_stats::flow_of(&mut database, &loaded.campaign.id, &loaded.programme.id)?;
    let told = |one: &ChannelCounts| {
        let channel = crate::domain::campaign::Channel::named(&one.channel);
        let price = channel.map_or(Money::ZERO, |channel| loaded.rules(channel).price);
        Money(price.0 * one.told)
    };
    let grant = loaded.campaign.grant.as_ref();
    let money = grant.and_then(|grant| grant.money.as_ref()).or(loaded.agreed.as_ref());
    let spent = flow.spent - flow.returned;
    let left = flow.granted - spent - flow.expired - flow.taken_back;
    Ok(Report {
        notices: channels.iter().map(told).sum(),
        channels,
        cities: cities
            .into_iter()
            .map(|(name, members, opened)| City { name, members, opened })
            .collect(),
        spent_value: money.map_or(Money::ZERO, |money| {
            value_of(spent, money.full_price(), loaded.programme.scales)
        }),
        flow,
        left,
        budgets: figures::budgets(&mut database, id)?,
        extra_revenue: extra_revenue(&arms),
        arms,
        pass: passes::latest(&mut database, id)?,
        open_chunks: passes::open_chunks(&mut database, id)?,
    })
}

/// What the test group brought more than as many members of the control group did.
fn extra_revenue(arms: &BTreeMap<Arm, ArmFigures>) -> Option<Money> {
    let (test, control) = (arms.get(&Arm::Test)?, arms.get(&Arm::Control)?);
    if test.members == 0 || control.members == 0 {
        return None;
    }
    let alike = crate::domain::exact::Ratio {
        over: i128::from(control.revenue.0) * i128::from(test.members),
        under: i128::from(control.members),
    };
    Some(test.revenue - Money(alike.half_even()))
}

/// Adds what those who take part bought within the window after they were granted.
fn add_purchases(
    database: &mut Database,
    loaded: &Loaded,
    arms: &mut BTreeMap<Arm, ArmFigures>,
) -> Result<(), StoreError> {
    let id = loaded.row.campaign.as_str();
    let programme = &loaded.programme.id;
    let window = i64::from(loaded.campaign.window_days) * DAY;
    let mut after = -1;
    loop {
        let some = figures::taking_part(database, id, (after, MEMBERS_AT_ONCE))?;
        let Some(last) = some.last() else { return Ok(()) };
        after = last.0;
        let members: Vec<i64> = some.iter().map(|one| one.0).collect();
        let earliest = some.iter().filter_map(|one| one.2).min().unwrap_or(0);
        let latest = some.iter().filter_map(|one| one.2).max().unwrap_or(0);
        let bought = figures::bought_since(database, programme, &members, Instant(earliest))?;
        let bought: BTreeSet<i64> = bought.into_iter().collect();
        let since: HashMap<i64, (Arm, i64)> = some
            .iter()
            .filter(|one| bought.contains(&one.0))
            .filter_map(|one| Some((one.0, (Arm::named(&one.1)?, one.2?))))
            .collect();
        let members: Vec<i64> = since.keys().copied().collect();
        let span = (Instant(earliest), Instant(latest).plus_micros(window));
        let receipts = figures::receipts(database, &members, span)?;
        for (member, all) in receipts {
            let Some(&(arm, from)) = since.get(&member.0) else { continue };
            let until = Instant(from).plus_micros(window);
            let within = all
                .iter()
                .filter(|one| Instant(from) <= one.recorded_at && one.recorded_at < until);
            add_receipts(arms.entry(arm).or_default(), within, (member, programme));
        }
    }
}

fn add_receipts<'a>(
    figures: &mut ArmFigures,
    all: impl Iterator<Item = &'a Transaction>,
    (_, programme): (MemberId, &ProgrammeId),
) {
    let mut receipts = 0;
    for one in all {
        for part in one.parts().iter().filter(|part| part.programme == *programme) {
            receipts += 1;
            figures.revenue += part.amount();
        }
        if let Detail::Refund { parts, .. } = &one.detail {
            let back = parts.iter().filter(|part| part.programme == *programme);
            figures.revenue -= back.map(|part| part.refunded.unwrap_or_default()).sum::<Money>();
        }
    }
    figures.receipts += receipts;
    figures.bought += i64::from(receipts > 0);
}
