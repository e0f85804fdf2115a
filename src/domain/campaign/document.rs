//! A campaign as people write it, in JSON, and how it is checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::budget::BudgetDocument;
use super::notice::Channel;
use super::plan::{Campaign, Control, ControlGets, Expiry, Grant, PointsRule, Step, Way, When};
use super::segment::SegmentDocument;
use crate::domain::ids::{PartyId, ProgrammeId, PromoId};
use crate::domain::terms::funding::{FundingDocument, SettleDocument};
use crate::domain::terms::rate::{Rate, ShareDocument};
use crate::domain::terms::{Coalition, Invalid, Programme};
use crate::domain::time::{Day, Instant};

/// Bytes of a text that people read.
const TEXT_BYTES_MAX: usize = 2_000;

/// Bytes of a name, a salt or a tag.
const NAME_BYTES_MAX: usize = 200;

/// Steps of the plan, fallbacks not counted.
const STEPS_MAX: usize = 10;

/// How many fallbacks follow each other.
const FALLBACKS_MAX: usize = 3;

/// The longest span of days.
const DAYS_MAX: u32 = 3_650;

/// Days after the grant in which a purchase counts, where the campaign does not say.
const WINDOW_DAYS: u32 = 30;

/// A campaign as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CampaignDocument {
    /// Its name: the promotion of what it grants.
    pub id: PromoId,
    /// In which programme.
    pub programme: ProgrammeId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    party: Option<PartyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    audience: SegmentDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<GrantDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    budget: Option<BudgetDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop: Option<Instant>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control: Option<ControlDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    channels: Vec<StepDocument>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    caps: BTreeMap<Channel, u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    window_days: Option<u32>,
    /// What a card shows of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<CardDocument>,
}

/// What is granted: a fixed number of points, or a share of the last receipt.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GrantDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    points: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    share_of_basket: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at_most: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expire: Option<ExpireDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    funding: Option<Vec<ShareDocument>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price_per_point: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percentage: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settle: Option<SettleDocument>,
}

/// `{"through": "2025-03-31"}` or `{"days": 14}`.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum ExpireDocument {
    Through(Day),
    Days(u32),
}

/// The group that is not told.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ControlDocument {
    share: Rate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    gets: ControlGets,
}

/// A notice of the plan.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct StepDocument {
    channel: Channel,
    party: PartyId,
    text: String,
    #[serde(default)]
    when: When,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fallback: Option<Box<StepDocument>>,
}

/// What a card shows of a campaign.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CardDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<TagDocument>,
    #[serde(default)]
    position: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intro: Option<IntroDocument>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TagDocument {
    text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    color: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct IntroDocument {
    title: String,
    text: String,
}

impl CampaignDocument {
    /// Checks the document.
    ///
    /// # Errors
    /// The first thing that can't be taken, with its place.
    pub fn check(&self, coalition: &Coalition) -> Result<Campaign, Invalid> {
        let programme = coalition
            .programmes
            .get(&self.programme)
            .ok_or_else(|| Invalid::at("/programme", "there is no such programme"))?;
        let party = self.party.clone().unwrap_or_else(|| programme.brand.clone());
        must_know(coalition, &party, "/party")?;
        text(self.title.as_ref(), NAME_BYTES_MAX, "/title")?;
        if let (Some(start), Some(stop)) = (self.start, self.stop)
            && stop <= start
        {
            return Err(Invalid::at("/stop", "the end comes before the start"));
        }
        let control = self.control.as_ref().map(ControlDocument::check).transpose()?;
        let salt = self.control.as_ref().and_then(|control| control.salt.clone());
        let window_days = self.window_days.unwrap_or(WINDOW_DAYS);
        if !(1..=DAYS_MAX).contains(&window_days) {
            return Err(Invalid::at("/window_days", "use 1 to 3650 days"));
        }
        if STEPS_MAX < self.channels.len() {
            return Err(Invalid::at("/channels", "plan at most 10 notices"));
        }
        self.card.as_ref().map(CardDocument::check).transpose()?;
        let grant = self.grant.as_ref().map(|grant| grant.check(coalition, programme, &party));
        let steps = self.channels.iter().enumerate().map(|(place, step)| {
            step.check(coalition, self.grant.is_some(), &format!("/channels/{place}"))
        });
        Ok(Campaign {
            id: self.id.clone(),
            programme: self.programme.clone(),
            audience: self.audience.check(programme, "/audience")?,
            grant: grant.transpose()?,
            budget: self.budget.clone().unwrap_or_default().check(programme.scales)?,
            start: self.start,
            stop: self.stop,
            salt: salt.unwrap_or_else(|| self.id.to_string()),
            control,
            steps: steps.collect::<Result<_, _>>()?,
            caps: self.caps.clone(),
            window_days,
            party,
        })
    }

    /// When it begins and when it ends.
    pub const fn dates(&self) -> (Option<Instant>, Option<Instant>) {
        (self.start, self.stop)
    }

    /// Who grants, where the document says so.
    pub const fn party(&self) -> Option<&PartyId> {
        self.party.as_ref()
    }
}

fn must_know(coalition: &Coalition, party: &PartyId, pointer: &str) -> Result<(), Invalid> {
    if coalition.parties.contains_key(party) {
        Ok(())
    } else {
        Err(Invalid::at(pointer, "there is no such party"))
    }
}

fn text(text: Option<&String>, most: usize, pointer: &str) -> Result<(), Invalid> {
    match text {
        Some(text) if text.trim().is_empty() || most < text.len() => {
            Err(Invalid::at(pointer, format!("write 1 to {most} bytes")))
        }
        _ => Ok(()),
    }
}

impl GrantDocument {
    fn check(
        &self,
        coalition: &Coalition,
        programme: &Programme,
        party: &PartyId,
    ) -> Result<Grant, Invalid> {
        let read = |text: &String, pointer: &str| {
            let points = programme
                .parse_points(text)
                .map_err(|error| Invalid::at(pointer, error.to_string()))?;
            if points.is_zero() {
                Err(Invalid::at(pointer, "use points above zero"))
            } else {
                Ok(points)
            }
        };
        let most = self.at_most.as_ref().map(|text| read(text, "/grant/at_most")).transpose()?;
        let points = match (&self.points, self.share_of_basket) {
            (Some(text), None) if most.is_none() => PointsRule::Fixed(read(text, "/grant/points")?),
            (None, Some(share)) => {
                PointsRule::Share(share.at_most(1, "/grant/share_of_basket")?, most)
            }
            _ => {
                let detail = "give either points, or share_of_basket with or without at_most";
                return Err(Invalid::at("/grant", detail));
            }
        };
        let money = match (&self.funding, self.price_per_point) {
            (Some(funding), Some(price)) => {
                let (percentage, settle) = (self.percentage, self.settle);
                let written = FundingDocument { funding, price, percentage, settle, fee: None };
                Some(written.check("/grant")?)
            }
            (None, None) if self.percentage.is_none() && self.settle.is_none() => None,
            _ => {
                let detail = "give funding and price_per_point where the campaign says who pays";
                return Err(Invalid::at("/grant/funding", detail));
            }
        };
        let funders = money.iter().flat_map(|money| &money.funding);
        for (place, share) in funders.enumerate() {
            let pointer = format!("/grant/funding/{place}/party");
            must_know(coalition, &share.party, &pointer)?;
            let may =
                *party == programme.brand || [party, &programme.brand].contains(&&share.party);
            if !may {
                return Err(Invalid::at(pointer, "only the brand makes others pay"));
            }
        }
        Ok(Grant { points, expiry: self.expiry()?, money })
    }

    fn expiry(&self) -> Result<Expiry, Invalid> {
        match self.expire {
            None => Ok(Expiry::Usual),
            Some(ExpireDocument::Through(day)) => Ok(Expiry::Through(day)),
            Some(ExpireDocument::Days(days)) if (1..=DAYS_MAX).contains(&days) => {
                Ok(Expiry::Days(days))
            }
            Some(ExpireDocument::Days(_)) => {
                Err(Invalid::at("/grant/expire/days", "use 1 to 3650 days"))
            }
        }
    }
}

impl ControlDocument {
    fn check(&self) -> Result<Control, Invalid> {
        text(self.salt.as_ref(), NAME_BYTES_MAX, "/control/salt")?;
        let share = self.share.at_most(1, "/control/share")?;
        Ok(Control { share, gets: self.gets })
    }
}

impl StepDocument {
    fn check(&self, coalition: &Coalition, grants: bool, pointer: &str) -> Result<Step, Invalid> {
        let (mut ways, mut next, mut place) = (Vec::new(), Some(self), pointer.to_owned());
        while let Some(step) = next {
            if FALLBACKS_MAX < ways.len() {
                return Err(Invalid::at(place, "at most 3 fallbacks follow each other"));
            }
            must_know(coalition, &step.party, &format!("{place}/party"))?;
            text(Some(&step.text), TEXT_BYTES_MAX, &format!("{place}/text"))?;
            match step.when {
                When::DaysAfter(days) | When::DaysBeforeExpiry(days) if DAYS_MAX < days => {
                    return Err(Invalid::at(format!("{place}/when"), "use at most 3650 days"));
                }
                When::DaysBeforeExpiry(_) if !grants => {
                    return Err(Invalid::at(format!("{place}/when"), "nothing is granted"));
                }
                _ => {}
            }
            ways.push(Way {
                channel: step.channel,
                party: step.party.clone(),
                text: step.text.clone(),
                when: step.when,
            });
            next = step.fallback.as_deref();
            place.push_str("/fallback");
        }
        Ok(Step { ways })
    }
}

impl CardDocument {
    fn check(&self) -> Result<(), Invalid> {
        let texts = [
            (self.tag.as_ref().map(|tag| &tag.text), "/card/tag/text", NAME_BYTES_MAX),
            (self.tag.as_ref().and_then(|tag| tag.color.as_ref()), "/card/tag/color", 32),
            (self.intro.as_ref().map(|one| &one.title), "/card/intro/title", NAME_BYTES_MAX),
            (self.intro.as_ref().map(|one| &one.text), "/card/intro/text", TEXT_BYTES_MAX),
        ];
        texts.into_iter().try_for_each(|(one, pointer, most)| text(one, most, pointer))
    }
}
