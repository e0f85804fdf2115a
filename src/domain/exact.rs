//! Exact arithmetic on integers: floors, half-even quotients, and the largest-remainder split.
//!
//! Rates and prices are decimals; they enter here as a mantissa and a power of ten, so that no
//! product is ever rounded before the one rounding that the rulebook names. Bounds on amounts
//! (`amount::MONEY_MAX`, `amount::POINTS_MAX`) and on rates (`terms::rate`) keep every product
//! below 2^127; the release build keeps overflow checks all the same.

use std::cmp::Reverse;

use rust_decimal::Decimal;

/// A non-negative quantity as a quotient of two integers; the denominator is positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    /// The numerator.
    pub over: i128,
    /// The denominator, above zero.
    pub under: i128,
}

impl Ratio {
    /// A whole number.
    pub fn whole(value: i64) -> Self {
        Self { over: i128::from(value), under: 1 }
    }

    /// `value × part ÷ of`: the part of a value that is kept.
    pub fn share_of(value: i64, part: i64, of: i64) -> Self {
        if of == 0 {
            return Self::whole(0);
        }
        Self { over: i128::from(value) * i128::from(part), under: i128::from(of) }
    }

    /// This quantity times a decimal.
    #[must_use]
    pub fn times(self, factor: Decimal) -> Self {
        Self {
            over: self.over * factor.mantissa(),
            under: self.under * power_of_ten(factor.scale()),
        }
    }

    /// This quantity times ten to the power of `to` less `from`: units of one scale in another's.
    #[must_use]
    pub fn rescaled(self, from: u32, to: u32) -> Self {
        if from <= to {
            Self { over: self.over * power_of_ten(to - from), under: self.under }
        } else {
            Self { over: self.over, under: self.under * power_of_ten(from - to) }
        }
    }

    /// This quantity divided by a positive decimal.
    #[must_use]
    pub fn divided_by(self, divisor: Decimal) -> Self {
        Self {
            over: self.over * power_of_ten(divisor.scale()),
            under: self.under * divisor.mantissa(),
        }
    }

    /// The largest whole number not above this quantity.
    pub fn floor(self) -> i64 {
        narrow(self.over.div_euclid(self.under))
    }

    /// The smallest whole number not below this quantity.
    pub fn ceil(self) -> i64 {
        narrow(-(-self.over).div_euclid(self.under))
    }

    /// The nearest whole number; a half goes to the even neighbour.
    pub fn half_even(self) -> i64 {
        let quotient = self.over.div_euclid(self.under);
        let doubled = self.over.rem_euclid(self.under) * 2;
        let up = doubled > self.under || (doubled == self.under && quotient % 2 != 0);
        let up = up || (doubled == self.under && crate::faults::planted("float_rounding"));
        narrow(quotient + i128::from(up))
    }
}

/// Ten to the power of a scale, which is at most 28 in a decimal.
fn power_of_ten(scale: u32) -> i128 {
    10_i128.pow(scale)
}

/// Bounded inputs give quotients that fit; anything else must stop the server, not wrap.
fn narrow(value: i128) -> i64 {
    i64::try_from(value).expect("bounded amounts and rates give quotients of 64 bits")
}

/// Splits `whole` in proportion to `weights` by the largest remainder.
///
/// Every part is the floor of its exact share; what is left over goes one by one to the largest
/// remainders, ties to the earlier part. The parts sum to `whole`. With no positive weight there
/// is nobody to give to: every part is zero.
pub fn split(whole: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().copied().map(i128::from).sum();
    if sum <= 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: i64| i128::from(whole) * i128::from(weight);
    let mut parts: Vec<i64> =
        weights.iter().map(|&weight| narrow(exact(weight).div_euclid(sum))).collect();
    let left_over = usize::try_from(whole - parts.iter().sum::<i64>())
        .expect("fewer units are left over than there are parts");
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    by_remainder.sort_by_key(|&part| Reverse(exact(weights[part]).rem_euclid(sum)));
    for &part in &by_remainder[..left_over] {
        parts[part] += 1;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_half_goes_to_the_even_neighbour() {
        let halves = [(5, 0), (15, 2), (25, 2), (35, 4), (-5, 0), (-15, -2)];
        for (over, rounded) in halves {
            assert_eq!(Ratio { over, under: 10 }.half_even(), rounded, "{over}/10");
        }
        assert_eq!(Ratio { over: 26, under: 10 }.half_even(), 3);
    }

    #[test]
    fn a_tie_goes_to_the_party_listed_first() {
        assert_eq!(split(3420, &[34, 33, 33]), [1163, 1129, 1128]);
        assert_eq!(split(1, &[1, 1, 1]), [1, 0, 0]);
        assert_eq!(split(5, &[0, 0]), [0, 0]);
    }

    proptest! {
        #[test]
        fn a_split_conserves_the_whole(
            whole in 0..1_000_000_000_000_i64,
            weights in prop::collection::vec(0..1_000_000_i64, 1..8),
        ) {
            prop_assume!(weights.iter().any(|&weight| weight > 0));
            let parts = split(whole, &weights);
            prop_assert_eq!(parts.iter().sum::<i64>(), whole);
            let sum: i128 = weights.iter().copied().map(i128::from).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                let floor = i128::from(whole) * i128::from(*weight) / sum;
                prop_assert!((floor..=floor + 1).contains(&i128::from(*part)));
            }
        }

        #[test]
        fn floor_and_ceiling_enclose(over in -1_000_000_i128..1_000_000, under in 1_i128..1000) {
            let ratio = Ratio { over, under };
            prop_assert!(i128::from(ratio.floor()) * under <= over);
            prop_assert!(over <= i128::from(ratio.ceil()) * under);
            prop_assert!(ratio.ceil() - ratio.floor() <= 1);
        }
    }
}
