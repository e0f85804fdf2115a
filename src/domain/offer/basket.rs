//! Abandoned baskets: when a first reminder is due, when a second one with points, when a call.
//!
//! A basket is left alone for a while (`first_after`): the first stage. If still nothing happens
//! (`second_after`), the second stage gives a share of the basket in points. If that moves nobody
//! either (`call_after`), the basket goes on the list of calls. Whatever the member does ends this.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::gift::{PaidDocument, ValidDocument};
use crate::domain::amount::{Money, POINTS_MAX, Points, parse_decimal};
use crate::domain::exact::Ratio;
use crate::domain::ids::{ProgrammeId, PromoId};
use crate::domain::terms::programme_document::DurationDocument;
use crate::domain::terms::rate::Rate;
use crate::domain::terms::{Coalition, Invalid, Programme};
use crate::domain::time::{Instant, NEVER};

/// What a basket is worth in points at the second stage, as written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BasketGiftDocument {
    /// The share of the basket that the points are worth.
    #[serde(default = "a_tenth")]
    pub share: Rate,
    /// The most points; none: as many as the share gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_max: Option<Rate>,
    /// The last day of the points; none: as the programme says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_valid: Option<ValidDocument>,
    /// Who pays; none: as the brand's agreement for grants says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<PaidDocument>,
    /// The campaign that the points belong to.
    #[serde(default = "of_baskets")]
    pub campaign: PromoId,
}

const fn a_tenth() -> Rate {
    Rate(Decimal::from_parts(1, 0, 0, false, 1))
}

fn of_baskets() -> PromoId {
    "basket".parse().expect("a name of a promotion")
}

/// What happens with baskets of a programme, as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BasketRules {
    /// Whether it does; baskets are kept all the same.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How long nothing happens before the first stage.
    #[serde(default = "three_hours")]
    pub first_after: DurationDocument,
    /// How long after that before the second one.
    #[serde(default = "a_day")]
    pub second_after: DurationDocument,
    /// What the second stage gives; none: there is no second stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gift: Option<BasketGiftDocument>,
    /// How long after the last stage before the call; none: nobody is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_after: Option<DurationDocument>,
}

const fn yes() -> bool {
    true
}

const fn three_hours() -> DurationDocument {
    DurationDocument::Hours(3)
}

const fn a_day() -> DurationDocument {
    DurationDocument::Days(1)
}

impl Default for BasketRules {
    /// One reminder, and nothing else.
    fn default() -> Self {
        Self {
            enabled: true,
            first_after: three_hours(),
            second_after: a_day(),
            gift: None,
            call_after: None,
        }
    }
}

/// Where a basket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BasketState {
    /// Somebody fills it.
    Open,
    /// It was told of once.
    Told,
    /// The points of the second stage are being given.
    Giving,
    /// It was told of twice.
    ToldTwice,
    /// Somebody should call.
    Call,
    /// It was ordered.
    Ordered,
    /// The member did something else after it was told of.
    Active,
    /// Nothing came of it.
    Ended,
}

impl BasketState {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Told,
        Self::Giving,
        Self::ToldTwice,
        Self::Call,
        Self::Ordered,
        Self::Active,
        Self::Ended,
    ];

    /// The name in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Told => "told",
            Self::Giving => "giving",
            Self::ToldTwice => "told_twice",
            Self::Call => "call",
            Self::Ordered => "ordered",
            Self::Active => "active",
            Self::Ended => "ended",
        }
    }

    /// The state of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing more comes of it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Ordered | Self::Active | Self::Ended)
    }
}

impl fmt::Display for BasketState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// What happens to a basket whose time has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// It is told of for the first time.
    First,
    /// Points are given, then it is told of again; none where the basket gives no whole point.
    Second(Points),
    /// It goes on the list of calls.
    Call,
    /// Nothing more comes of it.
    End,
}

impl BasketRules {
    /// Checks the rules of a programme.
    ///
    /// # Errors
    /// The first thing that can't be taken, with its place.
    pub fn check(&self, coalition: &Coalition, programme: &ProgrammeId) -> Result<(), Invalid> {
        let programme = coalition.programmes.get(programme);
        let programme = programme.ok_or_else(|| Invalid::at("", "there is no such programme"))?;
        let durations = [
            ("/first_after", Some(self.first_after)),
            ("/second_after", Some(self.second_after)),
            ("/call_after", self.call_after),
        ];
        for (pointer, duration) in durations {
            if duration.is_some_and(|duration| duration.micros().is_none()) {
                return Err(Invalid::at(pointer, "use 1 minute to ten years"));
            }
        }
        let Some(gift) = &self.gift else { return Ok(()) };
        if gift.share.at_most(1, "/gift/share")?.is_zero() {
            return Err(Invalid::at("/gift/share", "use a share above 0"));
        }
        gift.most(programme)?;
        if let Some(valid) = gift.points_valid {
            valid.check("/gift/points_valid")?;
        }
        let Some(paid) = &gift.paid else { return Ok(()) };
        paid.check("/gift/paid")?;
        match paid.payers().find(|payer| !coalition.parties.contains_key(payer)) {
            Some(payer) => {
                Err(Invalid::at("/gift/paid/funding", format!("there is no party `{payer}`")))
            }
            None => Ok(()),
        }
    }

    /// When something is due for a basket that came into a state.
    pub fn due_at(&self, state: BasketState, since: Instant) -> Instant {
        let after = match state {
            _ if !self.enabled => None,
            BasketState::Open => self.first_after.micros(),
            BasketState::Told => self.second_after.micros(),
            BasketState::ToldTwice => self.call_after.and_then(DurationDocument::micros),
            BasketState::Giving => Some(0),
            _ => None,
        };
        after.map_or(NEVER, |after| since.plus_micros(after))
    }

    /// What happens to a basket whose time has come.
    pub fn turn(&self, state: BasketState, amount: Money, programme: &Programme) -> Option<Turn> {
        let call = if self.call_after.is_some() { Turn::Call } else { Turn::End };
        match state {
            BasketState::Open => Some(Turn::First),
            BasketState::Told => match &self.gift {
                Some(gift) => Some(Turn::Second(gift.points_for(amount, programme))),
                None => Some(call),
            },
            BasketState::ToldTwice => Some(call),
            _ => None,
        }
    }
}

impl BasketGiftDocument {
    fn most(&self, programme: &Programme) -> Result<Option<Points>, Invalid> {
        let most = self.points_max.map(|most| {
            parse_decimal(&most.0.to_string(), programme.scales.points, POINTS_MAX)
                .map(Points)
                .map_err(|error| Invalid::at("/gift/points_max", error.to_string()))
        });
        most.transpose()
    }

    /// The points that a basket gives: worth the share of its amount, rounded down.
    pub fn points_for(&self, amount: Money, programme: &Programme) -> Points {
        let scales = programme.scales;
        let worth = Ratio::whole(amount.0).times(self.share.0).divided_by(programme.point_value);
        let points = Points(worth.rescaled(scales.money, scales.points).floor());
        match self.most(programme) {
            Ok(Some(most)) => points.min(most),
            _ => points,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::terms::programme_document::ProgrammeDocument;
    use crate::domain::time::Zone;

    fn club() -> Programme {
        let text = "{\"id\": \"club\", \"brand\": \"brand\", \"unit\": {\"name\": \"point\"}, \
                    \"point_value\": \"1.00\", \"expire\": \"never\"}";
        let document: ProgrammeDocument = serde_json::from_str(text).expect("a programme");
        let zone = Zone::named("Europe/Moscow").expect("a zone");
        document.check(&zone, 2).expect("a programme")
    }

    #[test]
    fn a_tenth_of_twelve_thousand_is_twelve_hundred_points() {
        let rules: BasketRules = serde_json::from_str("{\"gift\": {}}").expect("rules");
        let turn = |state| rules.turn(state, Money(1_200_000), &club());
        assert_eq!(turn(BasketState::Told), Some(Turn::Second(Points(1_200))));
        assert_eq!(turn(BasketState::Open), Some(Turn::First));
        assert_eq!(turn(BasketState::ToldTwice), Some(Turn::End));
        assert_eq!(turn(BasketState::Ordered), None);
        let small: BasketRules =
            serde_json::from_str("{\"gift\": {\"points_max\": \"500\"}}").expect("rules");
        let turn = small.turn(BasketState::Told, Money(1_200_000), &club());
        assert_eq!(turn, Some(Turn::Second(Points(500))));
    }

    #[test]
    fn each_stage_has_its_time_and_without_rules_there_is_one() {
        let hour = 3_600_000_000;
        let plain = BasketRules::default();
        assert_eq!(plain.due_at(BasketState::Open, Instant(0)), Instant(3 * hour));
        assert_eq!(plain.turn(BasketState::Told, Money(1), &club()), Some(Turn::End));
        assert_eq!(plain.due_at(BasketState::Active, Instant(0)), NEVER);
        let off = BasketRules { enabled: false, ..BasketRules::default() };
        assert_eq!(off.due_at(BasketState::Open, Instant(0)), NEVER);
        let called: BasketRules =
            serde_json::from_str("{\"call_after\": {\"hours\": 2}}").expect("rules");
        assert_eq!(called.due_at(BasketState::ToldTwice, Instant(0)), Instant(2 * hour));
        assert_eq!(called.turn(BasketState::Told, Money(1), &club()), Some(Turn::Call));
    }
}
