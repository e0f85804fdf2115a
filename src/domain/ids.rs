//! Names of things: parties, programmes, members, transactions, lots, references.
//!
//! Member, transaction and lot ids are 64-bit numbers that carry the shard on which they were
//! made in their lowest ten bits, so that an id alone tells where to look, and that sort by age.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bits of an id that name the shard.
const SHARD_BITS: u32 = 10;

/// Bits of a lot's id that number it within its transaction.
const LOT_BITS: u32 = 12;

/// How many numbers name a shard.
const SHARD_NUMBERS: i64 = 1 << SHARD_BITS;

/// The most shards that a coalition's members can be cut into; the last number is the house's.
pub const SHARDS_MAX: i64 = SHARD_NUMBERS - 1;

/// The most lots that one transaction can make.
pub const LOTS_PER_TRANSACTION_MAX: usize = 1 << LOT_BITS;

/// Why a name was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Not a slug.
    #[error("use 1 to 63 of a-z, 0-9, `.`, `_`, `:` and `-`, beginning with a letter or a digit")]
    NotSlug,
    /// Not a reference.
    #[error("use 1 to 128 visible ASCII characters")]
    NotReference,
    /// Not an id that this server gave out.
    #[error("this is not an id that the server gave out")]
    NotId,
}

macro_rules! slug {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                if is_slug(text) { Ok(Self(text.into())) } else { Err(NameError::NotSlug) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                let text = String::deserialize(source)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

slug! {
    /// A legal entity in the coalition.
    PartyId
}

slug! {
    /// One brand's programme of points.
    ProgrammeId
}

slug! {
    /// A level of a programme's tiers.
    LevelId
}

slug! {
    /// A settlement schedule.
    ScheduleId
}

slug! {
    /// A promotion that grants points.
    PromoId
}

slug! {
    /// What a level of a programme opens besides points.
    PerkCode
}

slug! {
    /// A dated table of VAT rates.
    VatTableId
}

impl ScheduleId {
    /// The coalition's own schedule, which counts where an agreement names none.
    pub const MAIN: &'static str = "main";

    /// The coalition's own schedule.
    pub fn main() -> Self {
        Self(Self::MAIN.into())
    }

    /// Whether this is the coalition's own schedule.
    pub fn is_main(&self) -> bool {
        self.as_str() == Self::MAIN
    }
}

impl Default for ScheduleId {
    fn default() -> Self {
        Self::main()
    }
}

slug! {
    /// A signing key of a party.
    KeyId
}

/// Whether the text is 1 to 63 of `a-z 0-9 . _ : -`, beginning with a letter or digit.
fn is_slug(text: &str) -> bool {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._:-".contains(&byte);
    (1..=63).contains(&text.len())
        && text.bytes().all(allowed)
        && text.as_bytes()[0].is_ascii_alphanumeric()
}

/// A party's own reference of one of its transactions: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Reference(Arc<str>);

impl Reference {
    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=128).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::NotReference)
        }
    }
}

impl<'de> Deserialize<'de> for Reference {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A part of the ledger, cut by member; 0 to 1023.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub i64);

impl ShardId {
    /// The journal of the clearing house itself: what concerns no member.
    pub const HOUSE: Self = Self(SHARDS_MAX);
}

impl MemberId {
    /// Nobody: transactions of the clearing house move no member's points.
    pub const NOBODY: Self = Self::new(ShardId::HOUSE, 0);

    /// Whether this is a member.
    pub fn is_somebody(self) -> bool {
        self != Self::NOBODY
    }
}

macro_rules! sharded_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl $name {
            /// Number `number` of this kind made on `shard`.
            pub const fn new(shard: ShardId, number: i64) -> Self {
                Self(number << SHARD_BITS | shard.0)
            }

            /// The shard that made it.
            pub const fn shard(self) -> ShardId {
                ShardId(self.0 & (SHARD_NUMBERS - 1))
            }

            /// Its number on that shard.
            pub const fn number(self) -> i64 {
                self.0 >> SHARD_BITS
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!($prefix, "{}_{}"), self.shard().0, self.number())
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                let (shard, number) = text
                    .strip_prefix($prefix)
                    .and_then(|rest| rest.split_once('_'))
                    .ok_or(NameError::NotId)?;
                let shard: i64 = shard.parse().map_err(|_| NameError::NotId)?;
                let number: i64 = number.parse().map_err(|_| NameError::NotId)?;
                let in_range = (0..SHARD_NUMBERS).contains(&shard)
                    && (0..i64::MAX >> SHARD_BITS).contains(&number);
                let id = Self::new(ShardId(shard), number);
                // Only the printed form is an id: no leading zeros, no sign.
                if in_range && id.to_string() == text { Ok(id) } else { Err(NameError::NotId) }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
                sink.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
                String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

sharded_id! {
    /// A member: a person with a unified profile. Printed `m_SHARD_NUMBER`.
    MemberId, "m_"
}

sharded_id! {
    /// A transaction; its number is its place in the shard's gap-free sequence. Printed
    /// `tx_SHARD_SEQUENCE`.
    TransactionId, "tx_"
}

sharded_id! {
    /// A lot; its number is its transaction's sequence and its place in that transaction.
    /// Printed `lot_SHARD_NUMBER`.
    LotId, "lot_"
}

impl LotId {
    /// Lot `place` (from 0) of a transaction.
    ///
    /// # Panics
    /// If a transaction makes more than [`LOTS_PER_TRANSACTION_MAX`] lots.
    pub fn of(transaction: TransactionId, place: usize) -> Self {
        assert!(place < LOTS_PER_TRANSACTION_MAX, "a transaction makes few lots");
        let place = i64::try_from(place).expect("a small number");
        Self::new(transaction.shard(), (transaction.number() << LOT_BITS) | place)
    }

    /// The transaction that made it.
    pub const fn transaction(self) -> TransactionId {
        TransactionId::new(self.shard(), self.number() >> LOT_BITS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_and_parse() {
        let transaction = TransactionId::new(ShardId(3), 1042);
        assert_eq!(transaction.to_string(), "tx_3_1042");
        assert_eq!("tx_3_1042".parse(), Ok(transaction));
        assert_eq!(LotId::of(transaction, 2).transaction(), transaction);
        for text in
            ["tx_3", "tx_03_1", "tx_1024_1", "m_3_1", "tx_1_-1", "tx_1_99999999999999999999"]
        {
            assert_eq!(text.parse::<TransactionId>(), Err(NameError::NotId), "{text}");
        }
    }

    #[test]
    fn names_are_slugs() {
        assert!("redmond-shops".parse::<PartyId>().is_ok());
        for text in ["", "-a", "A", "a b", "ä", &"a".repeat(64)] {
            assert!(text.parse::<PartyId>().is_err(), "{text}");
        }
    }
}
