//! A campaign, checked: what the rest of the program trusts.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::budget::{Budget, Cost};
use super::notice::Channel;
use super::segment::Segment;
use crate::domain::amount::{Money, Points};
use crate::domain::exact::Ratio;
use crate::domain::ids::{PartyId, ProgrammeId, PromoId};
use crate::domain::obligation::EarnMoney;
use crate::domain::terms::Programme;
use crate::domain::time::{Day, Instant};

/// What the control group gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ControlGets {
    /// The same as the others, without being told.
    Bonus,
    /// Nothing.
    Nothing,
}

/// When a notice goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// With the grant.
    #[default]
    AtGrant,
    /// At an instant, or with the grant if that is later.
    At(Instant),
    /// So many days after the grant.
    DaysAfter(u32),
    /// So many days before the points expire.
    DaysBeforeExpiry(u32),
}

/// How many points somebody gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointsRule {
    /// So many.
    Fixed(Points),
    /// A share of the last receipt, at most so many.
    Share(Decimal, Option<Points>),
}

/// The last day on which granted points can be spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// As the programme says.
    Usual,
    /// This day.
    Through(Day),
    /// So many days after the grant.
    Days(u32),
}

/// What is granted, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// How many points.
    pub points: PointsRule,
    /// Until when.
    pub expiry: Expiry,
    /// Who pays; none: as the party's agreement says.
    pub money: Option<EarnMoney>,
}

/// The group that is not told, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// Its share of all.
    pub share: Decimal,
    /// What it gets.
    pub gets: ControlGets,
}

/// A notice of the plan, checked; the fallbacks follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The ways in the order in which they are tried.
    pub ways: Vec<Way>,
}

/// One way of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// The channel.
    pub channel: Channel,
    /// Who sends it.
    pub party: PartyId,
    /// What it says.
    pub text: String,
    /// When.
    pub when: When,
}

/// A campaign, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Campaign {
    /// Its name.
    pub id: PromoId,
    /// In which programme.
    pub programme: ProgrammeId,
    /// Who grants.
    pub party: PartyId,
    /// Who is meant.
    pub audience: Segment,
    /// What is granted; none: nothing.
    pub grant: Option<Grant>,
    /// What it may cost.
    pub budget: Budget,
    /// From when on it runs by itself; none: whenever it is told to.
    pub start: Option<Instant>,
    /// When it ends.
    pub stop: Option<Instant>,
    /// What the groups are drawn by.
    pub salt: String,
    /// The control group; none: everybody is told.
    pub control: Option<Control>,
    /// Who is told how.
    pub steps: Vec<Step>,
    /// Caps of its own, beside those of the channels.
    pub caps: BTreeMap<Channel, u32>,
    /// Days after the grant in which a purchase counts.
    pub window_days: u32,
}

impl Campaign {
    /// The points of a member whose last receipt was so much.
    pub fn points_for(&self, last_receipt: Money, programme: &Programme) -> Points {
        match self.grant.as_ref().map(|grant| grant.points) {
            None => Points::ZERO,
            Some(PointsRule::Fixed(points)) => points,
            Some(PointsRule::Share(share, most)) => {
                let worth = Ratio::whole(last_receipt.0.max(0)).times(share);
                let points = worth
                    .divided_by(programme.point_value)
                    .rescaled(programme.scales.money, programme.scales.points)
                    .floor();
                Points(points).min(most.unwrap_or(Points(points)))
            }
        }
    }

    /// Whether what is granted depends on the last receipt.
    pub fn needs_last_receipt(&self) -> bool {
        matches!(self.grant.as_ref().map(|grant| grant.points), Some(PointsRule::Share(..)))
    }

    /// The last day of points that are granted on a day; none: as the programme says.
    pub fn valid_through(&self, today: Day) -> Option<Day> {
        match self.grant.as_ref()?.expiry {
            Expiry::Usual => None,
            Expiry::Through(day) => Some(day),
            Expiry::Days(days) => Some(today.plus_days(days)),
        }
    }

    /// What points take of the budget; `agreed` counts where the campaign does not say who pays.
    pub fn cost_of(&self, points: Points, agreed: Option<&EarnMoney>, on: &Programme) -> Cost {
        let own = self.grant.as_ref().and_then(|grant| grant.money.as_ref());
        Cost::of(points, own.or(agreed), on.scales)
    }
}
