//! Tiers: levels that a member reaches by spending or by the number of purchases.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::programme::EarnTerms;
use super::programme_document::EarnDocument;
use super::rate::Rate;
use crate::domain::amount::{MONEY_MAX, parse_decimal};
use crate::domain::ids::{LevelId, PerkCode};
use crate::domain::metric::{Metric, Window};
use crate::domain::time::Day;

/// The most perks of a level.
const PERKS_MAX: usize = 50;

/// The longest window, in months.
const WINDOW_MONTHS_MAX: u32 = 120;

/// What a metric counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counts {
    /// Eligible amounts less what was refunded.
    Spend,
    /// Receipts with an eligible amount above zero.
    Purchases,
}

/// One level, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Level {
    /// Its name.
    pub id: LevelId,
    /// The metric from which it is reached: minor units of money, or purchases.
    pub from: i64,
    /// Its own earning rule.
    pub earn: Option<EarnTerms>,
    /// Its own share of a receipt that points may pay.
    pub max_share: Option<Decimal>,
    /// Its own discount, in percent.
    pub discount: Option<Decimal>,
    /// What it opens besides points.
    pub perks: Vec<Perk>,
}

/// What a level opens besides points: a code that shops and sites know what to do with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Perk {
    /// The code.
    pub code: PerkCode,
    /// From this day on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Day>,
    /// Up to this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_through: Option<Day>,
}

impl Perk {
    /// Whether it is valid on a day.
    pub fn is_valid_on(&self, day: Day) -> bool {
        self.valid_from.is_none_or(|from| from <= day)
            && self.valid_through.is_none_or(|through| day <= through)
    }
}

/// The tiers of a programme, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// What counts.
    pub counts: Counts,
    /// For how long it counts.
    pub window: Window,
    /// The levels, lowest first.
    pub levels: Vec<Level>,
}

impl Tiers {
    /// The highest level that a metric reaches on a day.
    pub fn level_of(&self, metric: &Metric, today: Day) -> Option<&Level> {
        let counted = metric.on(today, self.window);
        let value = match self.counts {
            Counts::Spend => counted.spend.0,
            Counts::Purchases => counted.receipts,
        };
        self.levels.iter().rev().find(|level| level.from <= value)
    }
}

/// `window: lifetime` or `window: {months: M}`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowDocument {
    /// `lifetime`.
    Lifetime,
    /// `{months: M}`.
    Months(u32),
}

/// A level as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LevelDocument {
    id: LevelId,
    from: Rate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earn: Option<EarnDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_share: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    discount: Option<Rate>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    perks: Vec<Perk>,
}

/// Tiers as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TiersDocument {
    metric: Counts,
    #[serde(default = "lifetime")]
    window: WindowDocument,
    levels: Vec<LevelDocument>,
}

const fn lifetime() -> WindowDocument {
    WindowDocument::Lifetime
}

impl TiersDocument {
    /// Checks the levels against each other.
    ///
    /// # Errors
    /// If the levels don't rise, or a figure is out of its range.
    pub fn check(&self, scales: crate::domain::obligation::Scales) -> Result<Tiers, Invalid> {
        let window = match self.window {
            WindowDocument::Lifetime => Window::Lifetime,
            WindowDocument::Months(months) if (1..=WINDOW_MONTHS_MAX).contains(&months) => {
                Window::Months(months)
            }
            WindowDocument::Months(_) => {
                return Err(Invalid::at("/tiers/window/months", "use 1 to 120 months"));
            }
        };
        let mut levels: Vec<Level> = Vec::with_capacity(self.levels.len());
        for (place, document) in self.levels.iter().enumerate() {
            let pointer = format!("/tiers/levels/{place}");
            let level = document.check(self.metric, scales, &pointer)?;
            if levels.last().is_some_and(|last| level.from <= last.from) {
                return Err(Invalid::at(pointer, "each level's `from` is above the one before"));
            }
            levels.push(level);
        }
        Ok(Tiers { counts: self.metric, window, levels })
    }
}

impl LevelDocument {
    fn check(
        &self,
        counts: Counts,
        scales: crate::domain::obligation::Scales,
        pointer: &str,
    ) -> Result<Level, Invalid> {
        let scale = if counts == Counts::Spend { scales.money } else { 0 };
        let from = parse_decimal(&self.from.0.to_string(), scale, MONEY_MAX)
            .map_err(|error| Invalid::at(format!("{pointer}/from"), error.to_string()))?;
        let earn = self.earn.as_ref().map(|earn| earn.check(scales, &format!("{pointer}/earn")));
        let share = |rate: Rate| rate.at_most(1, &format!("{pointer}/max_share"));
        let percent = |rate: Rate| rate.at_most(100, &format!("{pointer}/discount"));
        if PERKS_MAX < self.perks.len() {
            return Err(Invalid::at(format!("{pointer}/perks"), "name at most 50 perks"));
        }
        let codes: BTreeSet<&PerkCode> = self.perks.iter().map(|perk| &perk.code).collect();
        if codes.len() < self.perks.len() {
            return Err(Invalid::at(format!("{pointer}/perks"), "a code stands in the list twice"));
        }
        Ok(Level {
            perks: self.perks.clone(),
            id: self.id.clone(),
            from,
            earn: earn.transpose()?,
            max_share: self.max_share.map(share).transpose()?,
            discount: self.discount.map(percent).transpose()?,
        })
    }
}
