//! A programme: one brand's points, how they are earned, burned, kept and lost.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::rate::{Rate, ShareDocument, part_shares};
use super::tiers::{Tiers, TiersDocument};
use crate::domain::amount::{MONEY_MAX, Points, parse_decimal};
use crate::domain::exact::Ratio;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::obligation::{Scales, Share};
use crate::domain::time::{Day, Instant, NEVER, Zone};

/// The longest hold and expiry in days, and expiry in months.
const DAYS_MAX: u32 = 3_650;

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
    /// They stay lost, and their funding is not reversed.
    Absorb,
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
    /// Whose days and months count.
    pub zone: Zone,
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
        let begin = |from| if from == ExpiryFrom::Accrual { day } else { available_day };
        let expires_at = match self.lifetime {
            Lifetime::Forever => NEVER,
            Lifetime::Months(months, from) => self.zone.end_of(begin(from).plus_months(months)),
            Lifetime::Days(days, from) => self.zone.end_of(begin(from).plus_days(days)),
        };
        LotDates { available_at, expires_at }
    }

    /// Checks a decimal text of points of this programme.
    ///
    /// # Errors
    /// If it is not a decimal of the programme's scale.
    pub fn parse_points(&self, text: &str) -> Result<Points, crate::domain::amount::AmountError> {
        parse_decimal(text, self.scales.points, crate::domain::amount::POINTS_MAX).map(Points)
    }
}

// The documents, as people write them.

/// An earning rule as written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct EarnDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<StepDocument>,
    exclude: Exclusions,
}

/// `step: {points: 3, per: "100.00"}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StepDocument {
    points: Rate,
    per: Rate,
}

impl EarnDocument {
    /// Checks the rule.
    ///
    /// # Errors
    /// If it has both a rate and a step, or a figure is out of its range.
    pub fn check(&self, scales: Scales, pointer: &str) -> Result<EarnTerms, Invalid> {
        let rule = check_rule(self.rate, self.step.as_ref(), scales, pointer)?;
        Ok(EarnTerms { rule, exclude: self.exclude.clone() })
    }
}

/// Checks a rate or a step.
///
/// # Errors
/// If both are given, or a figure is out of its range.
pub fn check_rule(
    rate: Option<Rate>,
    step: Option<&StepDocument>,
    scales: Scales,
    pointer: &str,
) -> Result<Option<EarnRule>, Invalid> {
    match (rate, step) {
        (Some(_), Some(_)) => Err(Invalid::at(pointer, "give either a rate or a step")),
        (Some(rate), None) => {
            Ok(Some(EarnRule::Rate(rate.at_most(1_000, &format!("{pointer}/rate"))?)))
        }
        (None, Some(step)) => {
            let units = |rate: Rate, scale, name: &str| {
                parse_decimal(&rate.0.to_string(), scale, MONEY_MAX)
                    .ok()
                    .filter(|&units| units > 0)
                    .ok_or_else(|| Invalid::at(format!("{pointer}/step/{name}"), "out of range"))
            };
            let points = units(step.points, scales.points, "points")?;
            Ok(Some(EarnRule::Step { points, per: units(step.per, scales.money, "per")? }))
        }
        (None, None) => Ok(None),
    }
}

/// A duration as written: `{days: 1}`, `{hours: 2}` or `{minutes: 15}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DurationDocument {
    /// Days of 24 hours.
    Days(u32),
    /// Hours.
    Hours(u32),
    /// Minutes.
    Minutes(u32),
}

impl DurationDocument {
    /// Microseconds, if it is above zero and at most ten years.
    pub fn micros(self) -> Option<i64> {
        let minutes = match self {
            Self::Days(days) => i64::from(days) * 1_440,
            Self::Hours(hours) => i64::from(hours) * 60,
            Self::Minutes(minutes) => i64::from(minutes),
        };
        let longest = i64::from(DAYS_MAX) * 1_440;
        (1..=longest).contains(&minutes).then_some(minutes * 60_000_000)
    }
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct UnitDocument {
    name: String,
    #[serde(default)]
    scale: u32,
}

/// `expire: never`, `expire: {months: 12, from: accrual}` or `expire: {days: 90}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(untagged)]
enum ExpiryDocument {
    Word(String),
    Span(SpanDocument),
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SpanDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    months: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
    #[serde(default)]
    from: ExpiryFrom,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BurnDocument {
    max_share: Rate,
    #[serde(default)]
    categories: BTreeMap<String, Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min_points: Option<Rate>,
    #[serde(default)]
    exclude: Exclusions,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct DiscountDocument {
    percent: Rate,
    #[serde(default)]
    exclude: Exclusions,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
struct RefundDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    restore_days: Option<u32>,
    shortfall: Shortfall,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct HoldDocument {
    valid_for: DurationDocument,
}

/// A programme as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProgrammeDocument {
    /// Its name.
    pub id: ProgrammeId,
    /// Whose points they are.
    pub brand: PartyId,
    unit: UnitDocument,
    point_value: Rate,
    /// Whether it is open.
    #[serde(default)]
    pub mode: Mode,
    #[serde(default)]
    earn: EarnDocument,
    #[serde(default)]
    hold_days: u32,
    #[serde(default)]
    anchor: Anchor,
    expire: ExpiryDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burn: Option<BurnDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tiers: Option<TiersDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    discount: Option<DiscountDocument>,
    #[serde(default)]
    refund: RefundDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hold: Option<HoldDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    breakage: Vec<ShareDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
}

impl ProgrammeDocument {
    /// Checks the document; `zone` and `money_scale` are the coalition's.
    ///
    /// # Errors
    /// The first thing that can't be taken, with its place.
    pub fn check(&self, zone: &Zone, money_scale: u32) -> Result<Programme, Invalid> {
        let scales = Scales { points: self.unit.scale, money: money_scale };
        if scales.points > 4 {
            return Err(Invalid::at("/unit/scale", "use 0 to 4 decimals"));
        }
        let point_value = self.point_value.at_most(1_000_000, "/point_value")?;
        if point_value.is_zero() {
            return Err(Invalid::at("/point_value", "a point is worth more than nothing"));
        }
        let tiers = self.tiers.as_ref().map(|tiers| tiers.check(scales)).transpose()?;
        let hold_valid_for = self.hold.as_ref().map(|hold| {
            hold.valid_for
                .micros()
                .ok_or_else(|| Invalid::at("/hold/valid_for", "1 minute to ten years"))
        });
        Ok(Programme {
            id: self.id.clone(),
            brand: self.brand.clone(),
            unit: self.unit.name.clone(),
            scales,
            point_value,
            mode: self.mode,
            earn: self.earn.check(scales, "/earn")?,
            hold_days: days(self.hold_days, "/hold_days")?,
            anchor: self.anchor,
            lifetime: self.expire.check()?,
            burn: self.burn.as_ref().map(|burn| burn.check(scales)).transpose()?,
            tiers,
            discount: self.discount.as_ref().map(DiscountDocument::check).transpose()?,
            restore_days: days(self.refund.restore_days.unwrap_or(30), "/refund/restore_days")?,
            shortfall: self.refund.shortfall,
            hold_valid_for: hold_valid_for.transpose()?,
            breakage: part_shares(&self.breakage, "/breakage")?,
            zone: self.zone(zone)?,
        })
    }

    fn zone(&self, coalition: &Zone) -> Result<Zone, Invalid> {
        let Some(name) = &self.timezone else { return Ok(coalition.clone()) };
        Zone::named(name).ok_or_else(|| Invalid::at("/timezone", "use a name of the tz database"))
    }
}

fn days(count: u32, pointer: &str) -> Result<u32, Invalid> {
    if count <= DAYS_MAX { Ok(count) } else { Err(Invalid::at(pointer, "use at most 3650 days")) }
}

impl ExpiryDocument {
    fn check(&self) -> Result<Lifetime, Invalid> {
        let wrong = "write `never`, `{months: M}` (1 to 120) or `{days: D}` (1 to 3650)";
        match self {
            Self::Word(word) if word == "never" => Ok(Lifetime::Forever),
            Self::Span(SpanDocument { months: Some(months @ 1..=120), days: None, from }) => {
                Ok(Lifetime::Months(*months, *from))
            }
            Self::Span(SpanDocument { months: None, days: Some(days @ 1..=DAYS_MAX), from }) => {
                Ok(Lifetime::Days(*days, *from))
            }
            _ => Err(Invalid::at("/expire", wrong)),
        }
    }
}

impl BurnDocument {
    fn check(&self, scales: Scales) -> Result<BurnTerms, Invalid> {
        let share = |rate: &Rate| rate.at_most(1, "/burn/max_share");
        let least = self.min_points.map_or_else(|| "0".to_owned(), |rate| rate.0.to_string());
        let min_points = parse_decimal(&least, scales.points, MONEY_MAX)
            .map_err(|error| Invalid::at("/burn/min_points", error.to_string()))?;
        let categories = self
            .categories
            .iter()
            .map(|(category, rate)| Ok((category.clone(), share(rate)?)))
            .collect::<Result<_, _>>()?;
        Ok(BurnTerms {
            max_share: share(&self.max_share)?,
            categories,
            min_points: Points(min_points),
            exclude: self.exclude.clone(),
        })
    }
}

impl DiscountDocument {
    fn check(&self) -> Result<Discount, Invalid> {
        let percent = self.percent.at_most(100, "/discount/percent")?;
        Ok(Discount { percent, exclude: self.exclude.clone() })
    }
}
