//! Points and money: whole numbers of the smallest unit, and their decimal text.
//!
//! On the wire both are decimal strings. Text is parsed with the scale of its programme or
//! currency, never beyond it: `"1.999"` of a currency with two decimals is refused, not rounded.

use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use serde::{Deserialize, Serialize};

/// The largest amount of one receipt or agreement figure, in minor units.
pub const MONEY_MAX: i64 = 1_000_000_000_000;

/// The most points of one transaction, in the programme's smallest unit.
pub const POINTS_MAX: i64 = 10_000_000_000_000;

macro_rules! whole_units {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// Whether there is nothing.
            pub const fn is_zero(&self) -> bool {
                self.0 == 0
            }

            /// Whether there is something, and not less than nothing.
            pub const fn is_positive(self) -> bool {
                self.0 > 0
            }

            /// The decimal text with `scale` digits after the point.
            pub fn text(self, scale: u32) -> String {
                decimal_text(self.0, scale)
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }

        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }

        impl Sum for $name {
            fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
                parts.fold(Self::ZERO, Add::add)
            }
        }
    };
}

whole_units! {
    /// Points, in the smallest unit of their programme.
    Points
}

whole_units! {
    /// Money, in minor units of the coalition's currency.
    Money
}

/// Why a decimal text was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point.
    #[error("write a decimal number such as \"12.50\", in quotes, without sign or spaces")]
    NotDecimal,
    /// More digits after the point than the unit has.
    #[error("at most {0} digits may follow the point")]
    TooPrecise(u32),
    /// Above the documented bound.
    #[error("the amount is above the largest that is accepted")]
    TooLarge,
}

/// Reads a non-negative decimal text into smallest units of the given scale.
///
/// # Errors
/// If the text is no plain decimal, is finer than the scale, or is above `max`.
pub fn parse_decimal(text: &str, scale: u32, max: i64) -> Result<i64, AmountError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || text.ends_with('.') {
        return Err(AmountError::NotDecimal);
    }
    let places = usize::try_from(scale).map_err(|_| AmountError::TooLarge)?;
    let significant = fraction.trim_end_matches('0');
    if significant.len() > places {
        return Err(AmountError::TooPrecise(scale));
    }
    let mut value: i64 = 0;
    let padding = std::iter::repeat_n(b'0', places - significant.len());
    for byte in whole.bytes().chain(significant.bytes()).chain(padding) {
        value = value
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(i64::from(byte - b'0')))
            .filter(|&sum| sum <= max)
            .ok_or(AmountError::TooLarge)?;
    }
    Ok(value)
}

/// Writes smallest units as decimal text with `scale` digits after the point.
pub fn decimal_text(units: i64, scale: u32) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let digits = units.unsigned_abs();
    if scale == 0 {
        return format!("{sign}{digits}");
    }
    let one = 10_u64.pow(scale);
    let width = usize::try_from(scale).unwrap_or(0);
    format!("{sign}{}.{:0width$}", digits / one, digits % one)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_finer_than_the_unit_is_refused_not_rounded() {
        assert_eq!(parse_decimal("5990.00", 2, MONEY_MAX), Ok(599_000));
        assert_eq!(parse_decimal("7", 2, MONEY_MAX), Ok(700));
        assert_eq!(parse_decimal("1.500", 1, MONEY_MAX), Ok(15));
        assert_eq!(parse_decimal("1.999", 2, MONEY_MAX), Err(AmountError::TooPrecise(2)));
        for text in ["", ".5", "5.", "-1", "+1", "1e3", "1 000", "١", "1.2.3"] {
            assert_eq!(parse_decimal(text, 2, MONEY_MAX), Err(AmountError::NotDecimal), "{text}");
        }
        assert_eq!(parse_decimal("99999999999999999999", 2, MONEY_MAX), Err(AmountError::TooLarge));
    }

    proptest! {
        #[test]
        fn text_and_units_agree(units in 0..MONEY_MAX, scale in 0_u32..5) {
            prop_assert_eq!(parse_decimal(&decimal_text(units, scale), scale, MONEY_MAX), Ok(units));
        }
    }
}
