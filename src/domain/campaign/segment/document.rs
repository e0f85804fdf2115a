//! A segment as people write it, and how it is checked.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{ANY, Bounds, DAYS_MAX, ProductKind, Segment};
use crate::domain::amount::{MONEY_MAX, parse_decimal};
use crate::domain::ids::{LevelId, MemberId, PartyId};
use crate::domain::terms::{Invalid, Programme};

/// How deep a segment may be nested.
const DEPTH_MAX: usize = 8;

/// Conditions of a segment.
const CONDITIONS_MAX: usize = 100;

/// Values of one condition.
const VALUES_MAX: usize = 1_000;

/// Bytes of a value.
const VALUE_BYTES_MAX: usize = 128;

/// Who is meant, as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentDocument {
    /// `"everyone"`.
    Everyone,
    /// All of these.
    All(Vec<SegmentDocument>),
    /// One of these.
    Any(Vec<SegmentDocument>),
    /// Whoever is not.
    Not(Box<SegmentDocument>),
    /// Lives in one of these cities.
    City(Vec<String>),
    /// Came from one of these.
    Source(Vec<String>),
    /// Has one of these levels.
    Tier(Vec<LevelId>),
    /// Stands at one of these stages.
    Stage(Vec<String>),
    /// Days since the last receipt.
    LastReceipt(DaysDocument),
    /// How often they bought.
    Receipts(CountDocument),
    /// For how much.
    Spend(AmountDocument),
    /// Points that can be spent now.
    Balance(PointsDocument),
    /// Holds a card of a wallet in the programme.
    CardOf(PartyId),
    /// Bought something.
    Bought(BoughtDocument),
    /// Agreed to something.
    Consent(ConsentDocument),
    /// Is one of these.
    Members(Vec<MemberId>),
}

/// Days that have passed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct DaysDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<u32>,
}

/// A count of receipts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct CountDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    within_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<u32>,
}

/// An amount of receipts.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AmountDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    within_days: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<String>,
}

/// A balance.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct PointsDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    at_least: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at_most: Option<String>,
}

/// What was bought: an article, a category or a brand.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct BoughtDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    brand: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    within_days: Option<u32>,
}

/// What was agreed to.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentDocument {
    purpose: String,
    #[serde(default = "any")]
    channel: String,
}

fn any() -> String {
    ANY.to_owned()
}

/// Checks a segment for a programme, as the part of a document at a pointer.
struct Check<'a> {
    programme: &'a Programme,
    left: usize,
}

impl SegmentDocument {
    /// Checks the segment for a programme, as the part of a document at a pointer.
    ///
    /// # Errors
    /// If it is too large or too deep, or a value is none.
    pub fn check(&self, programme: &Programme, pointer: &str) -> Result<Segment, Invalid> {
        Check { programme, left: CONDITIONS_MAX }.segment(self, pointer, DEPTH_MAX)
    }
}

impl Check<'_> {
    fn segment(
        &mut self,
        document: &SegmentDocument,
        pointer: &str,
        depth: usize,
    ) -> Result<Segment, Invalid> {
        let Some(below) = depth.checked_sub(1) else {
            return Err(Invalid::at(pointer, "a segment is nested at most 8 deep"));
        };
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| Invalid::at(pointer, "a segment has at most 100 conditions"))?;
        let mut parts = |all: &[SegmentDocument], name: &str| {
            let each = all.iter().enumerate().map(|(place, part)| {
                self.segment(part, &format!("{pointer}/{name}/{place}"), below)
            });
            each.collect::<Result<Vec<_>, _>>()
        };
        match document {
            SegmentDocument::Everyone => Ok(Segment::All(Vec::new())),
            SegmentDocument::All(all) => Ok(Segment::All(parts(all, "all")?)),
            SegmentDocument::Any(all) => Ok(Segment::Any(parts(all, "any")?)),
            SegmentDocument::Not(part) => {
                let part = self.segment(part, &format!("{pointer}/not"), below)?;
                Ok(Segment::Not(Box::new(part)))
            }
            other => self.condition(other, pointer),
        }
    }

    fn condition(&self, document: &SegmentDocument, pointer: &str) -> Result<Segment, Invalid> {
        let at = |field: &str| format!("{pointer}/{field}");
        match document {
            SegmentDocument::City(cities) => {
                let lower: Vec<String> = cities.iter().map(|city| city.to_lowercase()).collect();
                Ok(Segment::City(values(&lower, &at("city"))?))
            }
            SegmentDocument::Source(all) => Ok(Segment::Source(values(all, &at("source"))?)),
            SegmentDocument::Stage(all) => Ok(Segment::Stage(values(all, &at("stage"))?)),
            SegmentDocument::Tier(levels) => {
                let known = self.programme.tiers.iter().flat_map(|tiers| &tiers.levels);
                let known: BTreeSet<&LevelId> = known.map(|level| &level.id).collect();
                if levels.is_empty() || !levels.iter().all(|level| known.contains(level)) {
                    return Err(Invalid::at(at("tier"), "name levels of the programme"));
                }
                Ok(Segment::Tier(levels.iter().cloned().collect()))
            }
            SegmentDocument::LastReceipt(days) => {
                let (least, most) = (days.at_least.map(i64::from), days.at_most.map(i64::from));
                Ok(Segment::LastReceipt(bounds(least, most, &at("last_receipt"))?))
            }
            SegmentDocument::Receipts(count) => {
                let (least, most) = (count.at_least.map(i64::from), count.at_most.map(i64::from));
                let bounds = bounds(least, most, &at("receipts"))?;
                Ok(Segment::Receipts(window(count.within_days, &at("receipts"))?, bounds))
            }
            SegmentDocument::Spend(spend) => {
                let money = |text: &Option<String>, field: &str| {
                    let scale = self.programme.scales.money;
                    let read = text.as_ref().map(|text| parse_decimal(text, scale, MONEY_MAX));
                    read.transpose().map_err(|error| Invalid::at(at(field), error.to_string()))
                };
                let least = money(&spend.at_least, "spend/at_least")?;
                let bounds = bounds(least, money(&spend.at_most, "spend/at_most")?, &at("spend"))?;
                Ok(Segment::Spend(window(spend.within_days, &at("spend"))?, bounds))
            }
            SegmentDocument::Balance(balance) => self.balance(balance, pointer),
            SegmentDocument::CardOf(wallet) => Ok(Segment::CardOf(wallet.clone())),
            SegmentDocument::Bought(bought) => bought.check(&at("bought")),
            SegmentDocument::Consent(consent) => consent.check(&at("consent")),
            SegmentDocument::Members(members) => {
                if members.is_empty() || VALUES_MAX < members.len() {
                    return Err(Invalid::at(at("members"), "name 1 to 1000 members"));
                }
                Ok(Segment::Members(members.iter().copied().collect()))
            }
            SegmentDocument::Everyone
            | SegmentDocument::All(_)
            | SegmentDocument::Any(_)
            | SegmentDocument::Not(_) => unreachable!("joined conditions are read above"),
        }
    }

    fn balance(&self, balance: &PointsDocument, pointer: &str) -> Result<Segment, Invalid> {
        let points = |text: &Option<String>, field: &str| {
            let read = text.as_ref().map(|text| self.programme.parse_points(text));
            read.transpose().map(|points| points.map(|points| points.0)).map_err(|error| {
                Invalid::at(format!("{pointer}/balance/{field}"), error.to_string())
            })
        };
        let (least, most) =
            (points(&balance.at_least, "at_least")?, points(&balance.at_most, "at_most")?);
        Ok(Segment::Balance(bounds(least, most, &format!("{pointer}/balance"))?))
    }
}

impl BoughtDocument {
    fn check(&self, pointer: &str) -> Result<Segment, Invalid> {
        let named = [
            (ProductKind::Sku, &self.sku),
            (ProductKind::Category, &self.category),
            (ProductKind::Brand, &self.brand),
        ];
        let mut named = named.into_iter().filter_map(|(kind, value)| Some((kind, value.as_ref()?)));
        match (named.next(), named.next()) {
            (Some((kind, value)), None) if (1..=VALUE_BYTES_MAX).contains(&value.len()) => {
                Ok(Segment::Bought(kind, value.clone(), window(self.within_days, pointer)?))
            }
            _ => {
                let detail = "name one of sku, category and brand, of at most 128 bytes";
                Err(Invalid::at(pointer, detail))
            }
        }
    }
}

impl ConsentDocument {
    fn check(&self, pointer: &str) -> Result<Segment, Invalid> {
        if !["processing", "marketing", "transfer"].contains(&self.purpose.as_str()) {
            let detail = "write processing, marketing or transfer";
            return Err(Invalid::at(format!("{pointer}/purpose"), detail));
        }
        if !["push", "sms", "email", "call", ANY].contains(&self.channel.as_str()) {
            let detail = "write push, sms, email, call or any";
            return Err(Invalid::at(format!("{pointer}/channel"), detail));
        }
        Ok(Segment::Consent(self.purpose.clone(), self.channel.clone()))
    }
}

fn values(all: &[String], pointer: &str) -> Result<BTreeSet<String>, Invalid> {
    let fits = |value: &String| (1..=VALUE_BYTES_MAX).contains(&value.len());
    if all.is_empty() || VALUES_MAX < all.len() || !all.iter().all(fits) {
        return Err(Invalid::at(pointer, "name 1 to 1000 values of 1 to 128 bytes"));
    }
    Ok(all.iter().cloned().collect())
}

fn bounds(at_least: Option<i64>, at_most: Option<i64>, pointer: &str) -> Result<Bounds, Invalid> {
    match (at_least, at_most) {
        (None, None) => Err(Invalid::at(pointer, "give at_least, at_most or both")),
        (Some(least), Some(most)) if most < least => {
            Err(Invalid::at(pointer, "at_most is below at_least"))
        }
        _ => Ok(Bounds { at_least, at_most }),
    }
}

fn window(days: Option<u32>, pointer: &str) -> Result<Option<u32>, Invalid> {
    match days {
        Some(days) if !(1..=DAYS_MAX).contains(&days) => {
            Err(Invalid::at(format!("{pointer}/within_days"), "use 1 to 400 days"))
        }
        days => Ok(days),
    }
}
