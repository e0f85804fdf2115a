//! A programme: one brand's points, how they are earned, burned, kept and lost.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::card::CardTerms;
use super::tiers::Tiers;
use crate::domain::amount::{AmountError, POINTS_MAX, Points, parse_decimal};
use crate::domain::exact::Ratio;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::obligation::{Scales, Share};
use crate::domain::time::{Day, Instant, NEVER, Zone};

/// Whether a programme is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Open.
    #[default]
    Live,
    /// Earns and refunds, but does not burn, hold or exchange away.
    SoftLaunch,
    /// Refuses all but refunds, deliveries, captures and voids.
    Paused,
}

/// What a receipt earns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EarnRule {
    /// Points for a whole currency unit.
    Rate(Decimal),
    /// `points` (smallest units) for every whole `per` (minor units).
    Step {
        /// Points of a step.
        points: i64,
        /// Money of a step.
        per: i64,
    },
}

impl EarnRule {
    /// What an eligible amount earns, rounded down.
    pub fn points_for(&self, eligible: Ratio, scales: Scales) -> Points {
        match self {
            Self::Rate(rate) => {
                Points(eligible.times(*rate).rescaled(scales.money, scales.points).floor())
            }
            Self::Step { points, per } => {
                let steps = Ratio { over: eligible.over, under: eligible.under * i128::from(*per) };
                Points(steps.floor() * points)
            }
        }
    }
}

/// Lines that a rule leaves out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Exclusions {
    /// By brand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub brands: Vec<String>,
    /// By category.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// By article.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skus: Vec<String>,
    /// By merchant category code (ISO 18245).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mcc: Vec<String>,
}

/// An earning rule with the lines that it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarnTerms {
    /// The rule; none only where the tiers have one each.
    pub rule: Option<EarnRule>,
    /// Left out.
    pub exclude: Exclusions,
}

/// How much of a receipt points may pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnTerms {
    /// The programme's share of the lines open to burning.
    pub max_share: Decimal,
    /// Shares of single categories.
    pub categories: BTreeMap<String, Decimal>,
    /// The fewest points that a receipt takes.
    pub min_points: Points,
    /// Lines not open to burning.
    pub exclude: Exclusions,
}

/// From which day expiry counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryFrom {
    /// The anchor day: of the purchase, or of the delivery.
    #[default]
    Accrual,
    /// The day on which the lot became available.
    Availability,
}

/// How long points live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// For ever.
    Forever,
    /// So many calendar months.
    Months(u32, ExpiryFrom),
    /// So many days.
    Days(u32, ExpiryFrom),
}

/// The day from which a lot's dates count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The day of the purchase.
    #[default]
    Purchase,
    /// The day on which delivery is reported.
    Delivery,
}

/// What happens to points to be clawed back that the member no longer has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// The member owes them.
    #[default]
    Debt,
    /// They stay lost, and neither their funding nor their fee is reversed.
    Absorb,
    /// They stay lost, and those who funded them go on paying for them; the fee is reversed.
    Funder,
    /// They stay lost; their funding is reversed, and the party of the receipt owes the pool as much.
    Shop,
    /// They stay lost; their funding is reversed, and the brand's pool bears it.
    Brand,
}

/// A discount on the price itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discount {
    /// Percent, unless the tier has its own.
    pub percent: Decimal,
    /// Lines at full price.
    pub exclude: Exclusions,
}

/// A programme, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programme {
    /// Its name.
    pub id: ProgrammeId,
    /// Whose points they are.
    pub brand: PartyId,
    /// The name of the unit.
    pub unit: String,
    /// Decimals of the unit and of the currency.
    pub scales: Scales,
    /// What a whole point takes off a price, in whole currency units.
    pub point_value: Decimal,
    /// Whether it is open.
    pub mode: Mode,
    /// Earning.
    pub earn: EarnTerms,
    /// Days until points become available.
    pub hold_days: u32,
    /// From which day.
    pub anchor: Anchor,
    /// How long they live.
    pub lifetime: Lifetime,
    /// Burning; none: points of this programme don't pay.
    pub burn: Option<BurnTerms>,
    /// Levels.
    pub tiers: Option<Tiers>,
    /// A discount.
    pub discount: Option<Discount>,
    /// Days that points restored after their expiry live on.
    pub restore_days: u32,
    /// What happens to a shortfall.
    pub shortfall: Shortfall,
    /// How long a hold stands, in microseconds; none: until it is captured or voided.
    pub hold_valid_for: Option<i64>,
    /// Who gets what expired points leave; the rest stays in the pool.
    pub breakage: Vec<Share>,
    /// The part of it that goes back to those who funded the lot, in units of a millionth.
    pub breakage_to_funder: i64,
    /// Whose days and months count.
    pub zone: Zone,
    /// Its cards; none: it issues none.
    pub card: Option<CardTerms>,
    /// So many days before points expire their member is reminded.
    pub remind: Vec<u32>,
}

/// The dates of a lot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LotDates {
    /// When it can be spent.
    pub available_at: Instant,
    /// When it is lost.
    pub expires_at: Instant,
}

impl LotDates {
    /// Of points that await their delivery.
    pub const AWAITING: Self = Self { available_at: NEVER, expires_at: NEVER };
}

impl Programme {
    /// The dates of points whose anchor day is `day`, given out at `now`.
    pub fn dates_from(&self, day: Day, now: Instant) -> LotDates {
        let (available_at, available_day) = if self.hold_days == 0 {
            (now, self.zone.day_of(now))
        } else {
            let open = day.plus_days(self.hold_days);
            (self.zone.start_of(open), open)
        };
        LotDates { available_at, expires_at: self.expiry_of(day, available_day) }
    }

    /// When points are lost that were accrued on one day and become available on another.
    pub fn expiry_of(&self, accrued: Day, available: Day) -> Instant {
        let begin = |from| if from == ExpiryFrom::Accrual { accrued } else { available };
        let expires_at = match self.lifetime {
            Lifetime::Forever => NEVER,
            Lifetime::Months(months, from) => self.zone.end_of(begin(from).plus_months(months)),
            Lifetime::Days(days, from) => self.zone.end_of(begin(from).plus_days(days)),
        };
        let late = i64::from(crate::faults::planted("expiry_off_by_one")) * 86_400_000_000;
        expires_at.plus_micros(late)
    }

    /// Whether what expired points leave goes to others than the pool.
    pub fn shares_breakage(&self) -> bool {
        !self.breakage.is_empty() || self.breakage_to_funder > 0
    }

    /// Checks a decimal text of points of this programme.
    ///
    /// # Errors
    /// If it is not a decimal of the programme's scale.
    pub fn parse_points(&self, text: &str) -> Result<Points, AmountError> {
        parse_decimal(text, self.scales.points, POINTS_MAX).map(Points)
    }
}
