//! Promo codes: what a batch of them gives, to whom, how often, from when to when.

use serde::{Deserialize, Serialize};

use super::code::normal;
use super::gift::{PaidDocument, ValidDocument};
use crate::domain::amount::Points;
use crate::domain::ids::{PartyId, ProgrammeId, PromoId};
use crate::domain::terms::{Coalition, Invalid, Programme};
use crate::domain::time::{Day, Instant};

/// The most codes of a pool.
pub const POOL_MAX: u32 = 50_000;

/// The most parties and programmes that a batch names.
const NAMED_MAX: usize = 100;

/// The most uses that a limit can give.
const USES_MAX: i64 = 1_000_000_000;

/// How often codes of a batch may be used, as written. What is left out is not limited, but that a
/// member uses a batch once, and a code of a pool is used once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct UseLimits {
    /// All codes together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_all: Option<i64>,
    /// Each code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_code: Option<i64>,
    /// Each member, over all codes of the batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_member: Option<i64>,
    /// All codes together on one local day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<i64>,
}

/// A batch of promo codes as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PromoDocument {
    /// The campaign that the points belong to.
    pub campaign: PromoId,
    /// The programmes in which a code may be redeemed, all of one brand.
    pub programmes: Vec<ProgrammeId>,
    /// The points of one use.
    pub points: String,
    /// The last day of these points; none: as the programme says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_valid: Option<ValidDocument>,
    /// Who pays; none: as the brand's agreement for grants says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<PaidDocument>,
    /// The only code, as somebody chose it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// How many codes are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<u32>,
    /// The parties that get a code each, which nobody else can redeem.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub per_party: Vec<PartyId>,
    /// The parties at which codes may be redeemed; none: all that see the programme.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parties: Vec<PartyId>,
    /// How often.
    #[serde(default)]
    pub limits: UseLimits,
    /// From this day on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<Day>,
    /// Up to this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_through: Option<Day>,
}

/// Which codes a batch has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Codes {
    /// One that somebody chose.
    Chosen(String),
    /// So many that are made.
    Made(u32),
    /// One for each of these.
    ForEach(Vec<PartyId>),
}

impl PromoDocument {
    /// Checks the document before what counts. Gives back whose programmes they are and which codes
    /// there are to be.
    ///
    /// # Errors
    /// The first thing that can't be taken, with its place.
    pub fn check(&self, coalition: &Coalition) -> Result<(PartyId, Codes), Invalid> {
        let brand = self.brand(coalition)?;
        if let Some(valid) = self.points_valid {
            valid.check("/points_valid")?;
        }
        if let Some(paid) = &self.paid {
            paid.check("/paid")?;
        }
        let named = self.parties.iter().chain(&self.per_party);
        let payers = self.paid.iter().flat_map(PaidDocument::payers);
        for party in named.chain(payers) {
            if !coalition.parties.contains_key(party) {
                return Err(Invalid::at("/parties", format!("there is no party `{party}`")));
            }
        }
        if self.parties.len() > NAMED_MAX || self.per_party.len() > NAMED_MAX {
            return Err(Invalid::at("/parties", "name at most 100 parties"));
        }
        let UseLimits { in_all, per_code, per_member, per_day } = self.limits;
        let limits = [
            ("in_all", in_all),
            ("per_code", per_code),
            ("per_member", per_member),
            ("per_day", per_day),
        ];
        for (name, limit) in limits {
            if limit.is_some_and(|limit| !(1..=USES_MAX).contains(&limit)) {
                return Err(Invalid::at(format!("/limits/{name}"), "use 1 to 1000000000"));
            }
        }
        if self.valid_from.zip(self.valid_through).is_some_and(|(from, through)| through < from) {
            return Err(Invalid::at("/valid_through", "this day lies before `valid_from`"));
        }
        Ok((brand, self.codes()?))
    }

    fn brand(&self, coalition: &Coalition) -> Result<PartyId, Invalid> {
        if self.programmes.is_empty() || self.programmes.len() > NAMED_MAX {
            return Err(Invalid::at("/programmes", "name 1 to 100 programmes"));
        }
        let mut brand: Option<&PartyId> = None;
        for (place, id) in self.programmes.iter().enumerate() {
            let pointer = format!("/programmes/{place}");
            let programme = coalition.programmes.get(id);
            let programme = programme.ok_or_else(|| Invalid::at(&pointer, "no such programme"))?;
            if *brand.get_or_insert(&programme.brand) != &programme.brand {
                return Err(Invalid::at(pointer, "name programmes of one brand"));
            }
            if self.programmes[..place].contains(id) {
                return Err(Invalid::at(pointer, "this programme stands in the list twice"));
            }
            self.points_in(programme)?;
        }
        brand.cloned().ok_or_else(|| Invalid::at("/programmes", "name 1 to 100 programmes"))
    }

    /// The points of one use, in a programme.
    ///
    /// # Errors
    /// If they are no number of its points above zero.
    pub fn points_in(&self, programme: &Programme) -> Result<Points, Invalid> {
        let points = programme.parse_points(&self.points);
        let points = points.map_err(|error| Invalid::at("/points", error.to_string()))?;
        if points.is_zero() {
            Err(Invalid::at("/points", "use points above zero"))
        } else {
            Ok(points)
        }
    }

    /// Which codes there are to be.
    ///
    /// # Errors
    /// If more than one way is named, or a code can't be one.
    pub fn codes(&self) -> Result<Codes, Invalid> {
        match (&self.code, self.pool, self.per_party.as_slice()) {
            (Some(code), None, []) => {
                let detail = "use 4 to 32 letters and digits; spaces and dashes are left out";
                normal(code).map(Codes::Chosen).ok_or_else(|| Invalid::at("/code", detail))
            }
            (None, None, []) => Ok(Codes::Made(1)),
            (None, Some(count), []) if (1..=POOL_MAX).contains(&count) => Ok(Codes::Made(count)),
            (None, Some(_), []) => Err(Invalid::at("/pool", "use 1 to 50000 codes")),
            (None, None, parties) => {
                let twice = |(place, party): (usize, &PartyId)| parties[..place].contains(party);
                if parties.iter().enumerate().any(twice) {
                    return Err(Invalid::at("/per_party", "a party stands in the list twice"));
                }
                Ok(Codes::ForEach(parties.to_vec()))
            }
            _ => Err(Invalid::at("/pool", "give one of `code`, `pool` and `per_party`")),
        }
    }

    /// How often, with what counts where nothing is written.
    pub fn limits_in_force(&self) -> UseLimits {
        let of_pool = self.pool.map(|_| 1);
        UseLimits {
            per_code: self.limits.per_code.or(of_pool),
            per_member: self.limits.per_member.or(Some(1)),
            ..self.limits
        }
    }

    /// Whether a party may redeem a code that is for one party alone, or for all.
    pub fn takes(&self, party: &PartyId, only: Option<&PartyId>) -> bool {
        only.is_none_or(|only| only == party)
            && (self.parties.is_empty() || self.parties.contains(party))
    }

    /// Whether codes are valid at an instant of a programme's calendar.
    ///
    /// # Errors
    /// If they are not yet, or no more.
    pub fn must_be_valid(&self, programme: &Programme, now: Instant) -> Result<(), CodeRefusal> {
        let today = programme.zone.day_of(now);
        match (self.valid_from, self.valid_through) {
            (Some(from), _) if today < from => Err(CodeRefusal::NotYet { from }),
            (_, Some(through)) if through < today => Err(CodeRefusal::Expired),
            _ => Ok(()),
        }
    }
}

/// How often a batch and a code were used, before one more use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// All codes.
    pub in_all: i64,
    /// This code.
    pub of_code: i64,
    /// This member.
    pub by_member: i64,
    /// All codes, today.
    pub today: i64,
}

/// Why a code was not taken. Variants stand in the order in which they are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeRefusal {
    /// There is none, or none that this party may know of.
    #[error("there is no such code; check what was typed")]
    Unknown,
    /// It is for other parties.
    #[error("this code is not for your party; the member may redeem it elsewhere")]
    NotForParty,
    /// Its first day has not come.
    #[error("this code is valid from {from} on")]
    NotYet {
        /// Its first day.
        from: Day,
    },
    /// Its last day is over, or it was stopped.
    #[error("this code is no longer valid")]
    Expired,
    /// The code has no use left, or the member used it as often as it may.
    #[error("this code was used; by this member or, if it is for one use, by another")]
    Used,
    /// All codes together have no use left, now or today.
    #[error("as many codes of this offer were used as may be (on one day: {is_of_day})")]
    LimitReached {
        /// Whether tomorrow may be different.
        is_of_day: bool,
    },
}

impl UseLimits {
    /// Whether one more use is within the limits.
    ///
    /// # Errors
    /// The first limit that it would pass.
    pub fn must_allow(&self, uses: Uses) -> Result<(), CodeRefusal> {
        let is_up = |limit: Option<i64>, uses: i64| limit.is_some_and(|limit| limit <= uses);
        if is_up(self.per_code, uses.of_code) || is_up(self.per_member, uses.by_member) {
            Err(CodeRefusal::Used)
        } else if is_up(self.in_all, uses.in_all) {
            Err(CodeRefusal::LimitReached { is_of_day: false })
        } else if is_up(self.per_day, uses.today) {
            Err(CodeRefusal::LimitReached { is_of_day: true })
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(more: &str) -> PromoDocument {
        let text = format!(
            "{{\"campaign\": \"june\", \"programmes\": [\"club\"], \"points\": \"500\" {more}}}"
        );
        serde_json::from_str(&text).expect("a document")
    }

    #[test]
    fn a_code_is_chosen_made_or_made_for_each() {
        assert_eq!(document("").codes(), Ok(Codes::Made(1)));
        let chosen = document(", \"code\": \"june-25\"").codes();
        assert_eq!(chosen, Ok(Codes::Chosen("JUNE25".to_owned())));
        assert_eq!(document(", \"pool\": 7").codes(), Ok(Codes::Made(7)));
        let shop: PartyId = "shop".parse().expect("a party");
        assert_eq!(document(", \"per_party\": [\"shop\"]").codes(), Ok(Codes::ForEach(vec![shop])));
        for wrong in [
            ", \"pool\": 0",
            ", \"pool\": 50001",
            ", \"pool\": 7, \"code\": \"JUNE\"",
            ", \"code\": \"a\"",
            ", \"per_party\": [\"shop\", \"shop\"]",
        ] {
            assert!(document(wrong).codes().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_code_of_a_pool_is_used_once_and_any_code_once_by_a_member() {
        let used = |of_code, by_member| Uses { of_code, by_member, ..Uses::default() };
        let pool = document(", \"pool\": 7").limits_in_force();
        assert_eq!(pool.must_allow(used(0, 0)), Ok(()));
        assert_eq!(pool.must_allow(used(1, 0)), Err(CodeRefusal::Used));
        let single = document("").limits_in_force();
        assert_eq!(single.must_allow(used(1_000, 0)), Ok(()));
        assert_eq!(single.must_allow(used(0, 1)), Err(CodeRefusal::Used));
        let more = document(", \"limits\": {\"per_member\": 3, \"in_all\": 9, \"per_day\": 4}");
        let more = more.limits_in_force();
        assert_eq!(more.must_allow(Uses { in_all: 8, of_code: 8, by_member: 2, today: 3 }), Ok(()));
        let refused = |in_all, today| more.must_allow(Uses { in_all, today, ..Uses::default() });
        assert_eq!(refused(9, 4), Err(CodeRefusal::LimitReached { is_of_day: false }));
        assert_eq!(refused(8, 4), Err(CodeRefusal::LimitReached { is_of_day: true }));
    }
}
