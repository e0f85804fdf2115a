//! Rates, prices and shares as they are written in documents: decimals, in quotes or not.

use std::fmt;

use rust_decimal::Decimal;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use super::Invalid;
use crate::domain::ids::PartyId;
use crate::domain::obligation::{Share, WHOLE_SHARE};

/// Most digits after the point of a rate or price.
const SCALE_MAX: u32 = 6;

/// A non-negative decimal of a document, with at most six digits after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Rate(pub Decimal);

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Rate;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a decimal number in quotes, such as \"0.10\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
                let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                let value = text.parse::<Decimal>().ok().filter(|_| plain);
                let value = value.map(|value| value.normalize());
                value.filter(|value| value.scale() <= SCALE_MAX).map(Rate).ok_or_else(|| {
                    E::custom("write a decimal such as \"0.10\", at most 6 digits after the point")
                })
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Rate, E> {
                Ok(Rate(Decimal::from(value)))
            }
        }
        source.deserialize_any(Text)
    }
}

impl Rate {
    /// The decimal, if it is not above `max`.
    ///
    /// # Errors
    /// If it is above.
    pub fn at_most(self, max: i64, pointer: &str) -> Result<Decimal, Invalid> {
        if self.0 <= Decimal::from(max) {
            Ok(self.0)
        } else {
            Err(Invalid::at(pointer, format!("the largest value here is {max}")))
        }
    }
}

/// A funding party and its share, as written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ShareDocument {
    /// Who pays.
    pub party: PartyId,
    /// The part of one that it pays.
    pub share: Rate,
}

/// Checks shares that must make up the whole.
///
/// # Errors
/// If there is none, a party stands twice, or they don't sum to one.
pub fn whole_shares(shares: &[ShareDocument], pointer: &str) -> Result<Vec<Share>, Invalid> {
    let shares = part_shares(shares, pointer)?;
    if shares.iter().map(|share| share.weight).sum::<i64>() == WHOLE_SHARE {
        Ok(shares)
    } else {
        Err(Invalid::at(pointer, "the shares must sum to 1"))
    }
}

/// Checks shares that may leave a rest.
///
/// # Errors
/// If a party stands twice, or they sum to more than one.
pub fn part_shares(shares: &[ShareDocument], pointer: &str) -> Result<Vec<Share>, Invalid> {
    let weight = |share: &ShareDocument| {
        let millionths = share.share.0 * Decimal::from(WHOLE_SHARE);
        i64::try_from(millionths).ok().filter(|&weight| (1..=WHOLE_SHARE).contains(&weight))
    };
    let mut parts: Vec<Share> = Vec::with_capacity(shares.len());
    for (place, share) in shares.iter().enumerate() {
        let pointer = format!("{pointer}/{place}");
        if parts.iter().any(|part| part.party == share.party) {
            return Err(Invalid::at(pointer, "this party stands in the list twice"));
        }
        let weight = weight(share)
            .ok_or_else(|| Invalid::at(&pointer, "a share is above 0 and at most 1"))?;
        parts.push(Share { party: share.party.clone(), weight });
    }
    if parts.iter().map(|share| share.weight).sum::<i64>() > WHOLE_SHARE {
        return Err(Invalid::at(pointer, "the shares sum to more than 1"));
    }
    Ok(parts)
}
