//! Value added tax: dated tables of rates, and the tax on top of an amount or inside of it.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::rate::Rate;
use crate::domain::amount::Money;
use crate::domain::exact::Ratio;
use crate::domain::ids::VatTableId;
use crate::domain::time::Day;

/// A rate and the day from which it counts, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatRateDocument {
    /// The first day.
    pub from: Day,
    /// The part of a price that comes on top, such as `"0.20"`.
    pub rate: Rate,
}

/// A table of rates as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatDocument {
    /// Its name.
    pub id: VatTableId,
    /// The rates, earliest first.
    pub rates: Vec<VatRateDocument>,
}

/// A table of rates, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VatTable {
    rates: BTreeMap<Day, Decimal>,
}

impl VatDocument {
    /// Checks the document by itself.
    ///
    /// # Errors
    /// If there is no rate, the days don't rise, or a rate is above 1.
    pub fn check(&self) -> Result<VatTable, Invalid> {
        if self.rates.is_empty() {
            return Err(Invalid::at("/rates", "write at least one rate"));
        }
        let mut rates = BTreeMap::new();
        for (place, one) in self.rates.iter().enumerate() {
            let rate = one.rate.at_most(1, &format!("/rates/{place}/rate"))?;
            if rates.last_key_value().is_some_and(|(last, _)| *last >= one.from) {
                let pointer = format!("/rates/{place}/from");
                return Err(Invalid::at(pointer, "each rate begins after the one before it"));
            }
            rates.insert(one.from, rate);
        }
        Ok(VatTable { rates })
    }

    /// Checks that the document keeps every rate of the table that is there, and that what it adds
    /// begins today or later: what was taxed is never taxed anew.
    ///
    /// # Errors
    /// If a rate is missing or another, or a new one begins on a day that is past.
    pub fn continues(&self, there: &VatDocument, today: Day) -> Result<(), Invalid> {
        if !there.rates.iter().all(|rate| self.rates.contains(rate)) {
            return Err(Invalid::at("/rates", "a rate that is there stays as it is; add new ones"));
        }
        let is_late = |rate: &VatRateDocument| rate.from < today && !there.rates.contains(rate);
        match self.rates.iter().position(is_late) {
            None => Ok(()),
            Some(place) => {
                let pointer = format!("/rates/{place}/from");
                Err(Invalid::at(pointer, "this day is past; a new rate begins today or later"))
            }
        }
    }
}

impl VatTable {
    /// The rate that counts on a day; none: the table begins later.
    pub fn rate_on(&self, day: Day) -> Option<Decimal> {
        self.rates.range(..=day).next_back().map(|(_, rate)| *rate)
    }
}

/// The tax that comes on top of an amount without tax, rounded half to even.
pub fn vat_on_top(base: Money, rate: Decimal) -> Money {
    Money(Ratio::whole(base.0).times(rate).half_even())
}

/// The tax that is inside of an amount with tax: `base × rate ÷ (1 + rate)`, rounded half to even.
pub fn vat_inside(base: Money, rate: Decimal) -> Money {
    Money(Ratio::whole(base.0).times(rate).divided_by(Decimal::ONE + rate).half_even())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn document(rates: &[(&str, &str)]) -> VatDocument {
        let rates = rates.iter().map(|(from, rate)| VatRateDocument {
            from: day(from),
            rate: Rate(rate.parse().expect("a decimal")),
        });
        VatDocument { id: "general".parse().expect("an id"), rates: rates.collect() }
    }

    #[test]
    fn a_rate_counts_from_its_day_to_the_next_ones() {
        let table = document(&[("2019-01-01", "0.20"), ("2026-01-01", "0.22")]);
        let table = table.check().expect("a table");
        let rate = |text| table.rate_on(day(text)).map(|rate| rate.to_string());
        assert_eq!(rate("2018-12-31"), None);
        assert_eq!(rate("2019-01-01").as_deref(), Some("0.20"));
        assert_eq!(rate("2025-12-31").as_deref(), Some("0.20"));
        assert_eq!(rate("2026-01-01").as_deref(), Some("0.22"));
        assert_eq!(rate("2030-06-01").as_deref(), Some("0.22"));
    }

    #[test]
    fn days_rise_and_rates_are_parts_of_one() {
        let wrong: [&[(&str, &str)]; 4] = [
            &[],
            &[("2026-01-01", "0.22"), ("2019-01-01", "0.20")],
            &[("2019-01-01", "0.20"), ("2019-01-01", "0.22")],
            &[("2019-01-01", "1.01")],
        ];
        for rates in wrong {
            assert!(document(rates).check().is_err(), "{rates:?}");
        }
    }

    #[test]
    fn what_is_there_stays_and_what_is_new_is_not_past() {
        let there = document(&[("2019-01-01", "0.20"), ("2026-01-01", "0.22")]);
        let today = day("2025-06-10");
        let fits = |rates: &[(&str, &str)]| document(rates).continues(&there, today).is_ok();
        let (old, rise) = (("2019-01-01", "0.20"), ("2026-01-01", "0.22"));
        assert!(fits(&[old, rise]));
        assert!(fits(&[old, rise, ("2027-01-01", "0.18")]));
        assert!(fits(&[old, ("2025-06-10", "0.21"), rise]));
        assert!(!fits(&[old, ("2025-06-09", "0.21"), rise]));
        assert!(!fits(&[("2004-01-01", "0.18"), old, rise]));
        assert!(!fits(&[old]));
        assert!(!fits(&[old, ("2026-01-01", "0.23")]));
    }

    #[test]
    fn the_tax_on_top_and_the_tax_inside() {
        let rate = |text: &str| text.parse::<Decimal>().expect("a decimal");
        assert_eq!(vat_on_top(Money(10_440_000), rate("0.20")), Money(2_088_000));
        assert_eq!(vat_inside(Money(10_440_000), rate("0.20")), Money(1_740_000));
        assert_eq!(vat_on_top(Money(10_440_000), rate("0.22")), Money(2_296_800));
        assert_eq!(vat_inside(Money(100), rate("0")), Money::ZERO);
        // Halves go to the even neighbour: 0.125 to 0.12, 0.375 to 0.38.
        assert_eq!(vat_on_top(Money(125), rate("0.1")), Money(12));
        assert_eq!(vat_on_top(Money(375), rate("0.1")), Money(38));
    }

    proptest! {
        #[test]
        fn taking_the_tax_out_of_a_price_with_tax_gives_it_back(
            base in 0..1_000_000_000_000_i64,
            hundredths in 0..100_i64,
        ) {
            let rate = Decimal::new(hundredths, 2);
            let tax = vat_on_top(Money(base), rate);
            prop_assert_eq!(vat_inside(Money(base) + tax, rate), tax);
        }
    }
}
