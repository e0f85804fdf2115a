//! What a campaign changed: the rate of the test group beside that of the control group.
//!
//! The interval of a rate is Wilson's (E. B. Wilson, JASA 22 (1927) 209), that of a difference of two
//! rates is Newcombe's method 10 (R. G. Newcombe, Statistics in Medicine 17 (1998) 873), which is built of
//! two of Wilson's, and that of a ratio of two rates is Katz's on the logarithm (D. Katz et al.,
//! Biometrics 34 (1978) 469). All at 95 %. Decimals of 28 digits, no binary fractions.

use rust_decimal::{Decimal, MathematicalOps};
use serde::{Deserialize, Serialize};

/// The 97.5th percentile of the standard normal distribution.
fn z() -> Decimal {
    Decimal::new(1_959_963_984_540_054, 15)
}

/// How often something happened to how many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// To how many it happened.
    pub hits: u32,
    /// Of how many.
    pub of: u32,
}

/// Two ends of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The lower end.
    pub low: Decimal,
    /// The upper end.
    pub high: Decimal,
}

/// What the test group has beside the control group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uplift {
    /// The rate of the test group less that of the control group.
    pub difference: Decimal,
    /// Its interval, by Newcombe.
    pub difference_within: Interval,
    /// The rate of the test group divided by that of the control group; none: the control group has
    /// none.
    pub ratio: Option<Decimal>,
    /// Its interval, by Katz; none: one of the groups has none.
    pub ratio_within: Option<Interval>,
}

impl Count {
    /// The rate; zero of nobody.
    pub fn rate(self) -> Decimal {
        let (hits, of) = self.decimals();
        if of.is_zero() { Decimal::ZERO } else { hits / of }
    }

    /// The interval of the rate, by Wilson; of nobody: anything.
    pub fn within(self) -> Interval {
        let (hits, of) = self.decimals();
        if of.is_zero() {
            return Interval { low: Decimal::ZERO, high: Decimal::ONE };
        }
        let (z2, two) = (z() * z(), Decimal::TWO);
        let middle = two * hits + z2;
        let under = Decimal::from(4) * hits * (of - hits) / of + z2;
        let spread = z() * under.sqrt().unwrap_or_default();
        let below = two * (of + z2);
        Interval {
            low: ((middle - spread) / below).max(Decimal::ZERO),
            high: ((middle + spread) / below).min(Decimal::ONE),
        }
    }

    fn decimals(self) -> (Decimal, Decimal) {
        (Decimal::from(self.hits.min(self.of)), Decimal::from(self.of))
    }
}

/// The test group beside the control group.
pub fn uplift(test: Count, control: Count) -> Uplift {
    let (p, q) = (test.rate(), control.rate());
    let ratio = (!q.is_zero()).then(|| p / q);
    Uplift {
        difference: p - q,
        difference_within: newcombe(test, control),
        ratio,
        ratio_within: ratio.and_then(|ratio| katz(ratio, test, control)),
    }
}

fn newcombe(test: Count, control: Count) -> Interval {
    let (p, q) = (test.rate(), control.rate());
    let (of_p, of_q) = (test.within(), control.within());
    let root =
        |one: Decimal, other: Decimal| (one * one + other * other).sqrt().unwrap_or_default();
    Interval {
        low: p - q - root(p - of_p.low, of_q.high - q),
        high: p - q + root(of_p.high - p, q - of_q.low),
    }
}

fn katz(ratio: Decimal, test: Count, control: Count) -> Option<Interval> {
    let part = |count: Count| {
        let (hits, of) = count.decimals();
        if hits.is_zero() { None } else { Some(Decimal::ONE / hits - Decimal::ONE / of) }
    };
    let error = (part(test)? + part(control)?).max(Decimal::ZERO).sqrt()?;
    // Beyond this the ratio is anything, and no decimal holds it.
    let factor = (z() * error).checked_exp().filter(|factor| *factor < Decimal::from(1_000_000))?;
    Some(Interval { low: ratio / factor, high: ratio * factor })
}

/// A share as percent with so many digits, half to even.
pub fn percent(share: Decimal, digits: u32) -> String {
    let text = (share * Decimal::ONE_HUNDRED).round_dp(digits);
    let places = usize::try_from(digits).unwrap_or(0);
    format!("{text:.places$}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(hits: u32, of: u32) -> Count {
        Count { hits, of }
    }

    fn four(value: Decimal) -> String {
        format!("{:.4}", value.round_dp(4))
    }

    /// Table II of Newcombe's paper, method 10.
    #[test]
    fn differences_are_those_of_the_paper() {
        let cases = [
            ((56, 70), (48, 80), "0.0524", "0.3339"),
            ((9, 10), (3, 10), "0.1705", "0.8090"),
            ((6, 7), (2, 7), "0.0582", "0.8062"),
            ((5, 56), (0, 29), "-0.0381", "0.1926"),
            ((0, 10), (0, 20), "-0.1611", "0.2775"),
            ((0, 10), (0, 10), "-0.2775", "0.2775"),
            ((10, 10), (0, 20), "0.6791", "1.0000"),
            ((10, 10), (0, 10), "0.6075", "1.0000"),
        ];
        for ((a, m), (b, n), low, high) in cases {
            let within = uplift(count(a, m), count(b, n)).difference_within;
            assert_eq!((four(within.low), four(within.high)), (low.into(), high.into()), "{a}/{m}");
        }
    }

    #[test]
    fn wilsons_interval_is_that_of_the_paper() {
        // Newcombe, Statistics in Medicine 17 (1998) 857, table I: 81/263, 15/148, 0/20, 1/29.
        let cases = [
            ((81, 263), "0.2553", "0.3662"),
            ((15, 148), "0.0624", "0.1605"),
            ((0, 20), "0.0000", "0.1611"),
            ((1, 29), "0.0061", "0.1718"),
        ];
        for ((hits, of), low, high) in cases {
            let within = count(hits, of).within();
            assert_eq!((four(within.low), four(within.high)), (low.into(), high.into()));
        }
    }

    /// Reckoned beside it with binary fractions of 64 bits.
    #[test]
    fn ratios_have_an_interval_on_the_logarithm() {
        let found = uplift(count(5, 806), count(3, 833));
        assert_eq!(found.ratio.map(four), Some("1.7225".to_owned()));
        let within = found.ratio_within.expect("both groups have some");
        assert_eq!((four(within.low), four(within.high)), ("0.4130".into(), "7.1840".into()));
        assert_eq!(uplift(count(5, 10), count(0, 10)).ratio, None);
        assert_eq!(uplift(count(0, 10), count(5, 10)).ratio_within, None);
    }

    proptest! {
        #[test]
        fn an_interval_holds_its_figure(
            (n, a) in (1_u32..2_000_000).prop_flat_map(|n| (Just(n), 0..=n)),
            (m, b) in (1_u32..2_000_000).prop_flat_map(|m| (Just(m), 0..=m)),
        ) {
            let (test, control) = (count(a, n), count(b, m));
            let within = test.within();
            prop_assert!(within.low <= test.rate() && test.rate() <= within.high);
            let found = uplift(test, control);
            let tiny = Decimal::new(1, 20);
            let ends = found.difference_within;
            prop_assert!(ends.low <= found.difference + tiny && found.difference - tiny <= ends.high);
            prop_assert!(-Decimal::ONE - tiny <= ends.low && ends.high <= Decimal::ONE + tiny);
            if let (Some(ratio), Some(ends)) = (found.ratio, found.ratio_within) {
                prop_assert!(ends.low <= ratio && ratio <= ends.high);
            }
        }
    }
}
