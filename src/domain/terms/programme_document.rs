//! A programme as people write it, in JSON or YAML, and how it is checked.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::card::CardDocument;
use super::programme::{
    Anchor, BurnTerms, Discount, EarnRule, EarnTerms, Exclusions, ExpiryFrom, Lifetime, Mode,
    Programme, Shortfall,
};
use super::rate::{Rate, ShareDocument, part_shares};
use super::tiers::TiersDocument;
use crate::domain::amount::{MONEY_MAX, Points, parse_decimal};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::obligation::{Scales, WHOLE_SHARE};
use crate::domain::time::Zone;

/// So many days before points expire their member is reminded, unless the programme says otherwise.
const REMIND: [u32; 3] = [30, 7, 1];

/// The longest time before expiry of which a member is reminded.
const REMIND_DAYS_MAX: u32 = 365;

/// How often a member is reminded.
const REMINDERS_MAX: usize = 5;

/// The longest hold and expiry, in days.
const DAYS_MAX: u32 = 3_650;

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
    breakage_to_funder: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timezone: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    card: Option<CardDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remind: Option<Vec<u32>>,
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
            breakage_to_funder: self.breakage_to_funder()?,
            breakage: part_shares(&self.breakage, "/breakage")?,
            zone: self.zone(zone)?,
            card: self.card.as_ref().map(CardDocument::check).transpose()?,
            remind: self.remind()?,
        })
    }

    /// The part of what is lost that goes back to its funders; with what goes to others at most all.
    fn breakage_to_funder(&self) -> Result<i64, Invalid> {
        let Some(part) = self.breakage_to_funder else { return Ok(0) };
        let others: Decimal = self.breakage.iter().map(|share| share.share.0).sum();
        let millionths = part.0 * Decimal::from(WHOLE_SHARE);
        if part.0 + others > Decimal::ONE || !millionths.fract().is_zero() {
            let detail =
                "with the shares of `breakage` at most 1, with at most 6 digits after the point";
            return Err(Invalid::at("/breakage_to_funder", detail));
        }
        i64::try_from(millionths).map_err(|_| Invalid::at("/breakage_to_funder", "at most 1"))
    }

    fn remind(&self) -> Result<Vec<u32>, Invalid> {
        let Some(days) = &self.remind else { return Ok(REMIND.to_vec()) };
        let mut distinct = days.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let fit = days.iter().all(|days| (1..=REMIND_DAYS_MAX).contains(days));
        if distinct.len() != days.len() || REMINDERS_MAX < days.len() || !fit {
            return Err(Invalid::at(
                "/remind",
                "name at most 5 different numbers of 1 to 365 days",
            ));
        }
        Ok(days.clone())
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
