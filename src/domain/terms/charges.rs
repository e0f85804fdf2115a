//! What an agreement adds when a cycle is closed: prices by volume, the least fee, and VAT.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::rate::Rate;
use crate::domain::amount::{MONEY_MAX, Money, POINTS_MAX, Points, parse_decimal};
use crate::domain::ids::VatTableId;
use crate::domain::obligation::Scales;

/// Most price bands of an agreement.
const BANDS_MAX: usize = 50;

/// The highest price of a point, in whole currency units.
const PRICE_MAX: i64 = 1_000_000;

/// What VAT is charged on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taxed {
    /// Points that are paid for: at issue, at burn and in packs, less the discount for volume.
    Funding,
    /// Fees of every kind, the least fee with them.
    Fees,
    /// What the pool pays back for points burned.
    Reimbursement,
}

/// What is supplied under an agreement, as its tax is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupplyNature {
    /// Services of who runs the programme.
    OperatorService,
    /// A service of who takes points.
    RedemptionService,
    /// An agent passes on what is another's.
    Agency,
}

/// Who issues the invoice for what is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceBy {
    /// Who is owed.
    Payee,
    /// Who owes: it bills itself.
    Payer,
    /// The operator, for both.
    Operator,
}

/// VAT under an agreement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VatTerms {
    /// The table of rates.
    pub table: VatTableId,
    /// Whether prices and fees have the tax inside; otherwise it comes on top.
    pub included: bool,
    /// On what; none: on funding and fees.
    #[serde(default = "funding_and_fees")]
    pub on: BTreeSet<Taxed>,
    /// What is supplied; none: it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nature: Option<SupplyNature>,
    /// Who issues the invoice; none: it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_by: Option<InvoiceBy>,
}

fn funding_and_fees() -> BTreeSet<Taxed> {
    BTreeSet::from([Taxed::Funding, Taxed::Fees])
}

/// From how many points of a cycle on a point has which price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Points below the band, in the programme's smallest unit.
    pub from: Points,
    /// The price of a whole point above them, in whole currency units.
    pub price: Decimal,
}

/// Price bands: each point costs what its own band says, not what the last one says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume(Vec<Band>);

/// What an agreement adds when a cycle is closed, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Charges {
    /// VAT; none: nothing is taxed here.
    pub vat: Option<VatTerms>,
    /// Price bands; none: all points have the agreement's price.
    pub volume: Option<Volume>,
    /// The least that the party pays the operator in fees for a cycle.
    pub minimum_fee: Option<Money>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct BandDocument {
    from: Rate,
    price: Rate,
}

/// What an agreement adds when a cycle is closed, as written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChargesDocument {
    /// VAT.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vat: Option<VatTerms>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    volume: Vec<BandDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum_fee: Option<Rate>,
}

impl ChargesDocument {
    /// Checks the document against the price of a point in the agreement's earning terms.
    ///
    /// # Errors
    /// The first thing that can't be taken, with its place in the agreement.
    pub fn check(&self, scales: Scales, price: Option<Rate>) -> Result<Charges, Invalid> {
        if self.vat.as_ref().is_some_and(|vat| vat.on.is_empty()) {
            return Err(Invalid::at("/charges/vat/on", "name at least one thing that is taxed"));
        }
        let minimum_fee = self.minimum_fee.map(|fee| {
            parse_decimal(&fee.0.to_string(), scales.money, MONEY_MAX)
                .map(Money)
                .map_err(|error| Invalid::at("/charges/minimum_fee", error.to_string()))
        });
        Ok(Charges {
            vat: self.vat.clone(),
            volume: self.check_volume(scales, price)?,
            minimum_fee: minimum_fee.transpose()?.filter(|fee| fee.is_positive()),
        })
    }

    fn check_volume(&self, scales: Scales, price: Option<Rate>) -> Result<Option<Volume>, Invalid> {
        let Some(first) = self.volume.first() else { return Ok(None) };
        let Some(price) = price.filter(|price| !price.0.is_zero()) else {
            let detail = "price bands need earning terms with a price above 0";
            return Err(Invalid::at("/charges/volume", detail));
        };
        if self.volume.len() > BANDS_MAX {
            return Err(Invalid::at("/charges/volume", format!("at most {BANDS_MAX} bands")));
        }
        if !first.from.0.is_zero() || first.price != price {
            let detail = "the first band is from \"0\" at the agreement's price of a point";
            return Err(Invalid::at("/charges/volume/0", detail));
        }
        let mut bands: Vec<Band> = Vec::with_capacity(self.volume.len());
        for (place, one) in self.volume.iter().enumerate() {
            let at = |field: &str| format!("/charges/volume/{place}/{field}");
            let from = parse_decimal(&one.from.0.to_string(), scales.points, POINTS_MAX)
                .map(Points)
                .map_err(|error| Invalid::at(at("from"), error.to_string()))?;
            let price = one.price.at_most(PRICE_MAX, &at("price"))?;
            if let Some(last) = bands.last() {
                if from <= last.from {
                    return Err(Invalid::at(at("from"), "each band begins above the one before"));
                }
                if price > last.price {
                    return Err(Invalid::at(at("price"), "a higher volume is never dearer"));
                }
            }
            bands.push(Band { from, price });
        }
        Ok(Some(Volume(bands)))
    }
}

impl Volume {
    /// How much less than at the agreement's price is owed for so many points of a cycle, for
    /// which `amount` is owed at that price: `amount − amount × bands ÷ flat`, where the quotient
    /// is what the points cost by bands and by the agreement's price alone. One rounding, half to
    /// even. Nothing for nothing.
    pub fn discount(&self, points: Points, amount: Money) -> Money {
        if !points.is_positive() || !amount.is_positive() {
            return Money::ZERO;
        }
        let scale = self.0.iter().map(|band| band.price.scale()).max().unwrap_or(0);
        let whole = |price: Decimal| price.mantissa() * 10_i128.pow(scale - price.scale());
        let ends = self.0.iter().skip(1).map(|band| band.from).chain([points]);
        let by_bands = self.0.iter().zip(ends).map(|(band, end)| {
            let inside = end.min(points).0 - band.from.0;
            i128::from(inside.max(0)) * whole(band.price)
        });
        let flat = self.0.first().map_or(0, |first| i128::from(points.0) * whole(first.price));
        amount - Money(part_of(amount.0, by_bands.sum(), flat))
    }
}

/// `whole × part ÷ of`, rounded half to even, for `0 ≤ part ≤ of`. The product is never formed, as
/// it may have more than 128 bits: the binary digits of `whole` are taken one by one, as in long
/// division by hand.
fn part_of(whole: i64, part: i128, of: i128) -> i64 {
    let (mut quotient, mut rest) = (0_i64, 0_i128);
    for digit in (0..i64::BITS - 1).rev() {
        let has_digit = (whole >> digit) & 1 == 1;
        rest = rest * 2 + if has_digit { part } else { 0 };
        quotient *= 2;
        while rest >= of {
            rest -= of;
            quotient += 1;
        }
    }
    let is_up = rest * 2 > of || (rest * 2 == of && quotient % 2 != 0);
    quotient + i64::from(is_up)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::exact::Ratio;

    const SCALES: Scales = Scales { points: 0, money: 2 };

    fn check(text: &str, price: &str) -> Result<Charges, Invalid> {
        let document: ChargesDocument = serde_json::from_str(text).expect("a document");
        document.check(SCALES, Some(Rate(price.parse().expect("a decimal"))))
    }

    fn volume(text: &str, price: &str) -> Volume {
        let charges = check(&format!(r#"{{"volume": {text}}}"#), price).expect("charges");
        charges.volume.expect("bands")
    }

    #[test]
    fn each_point_costs_what_its_own_band_says() {
        let text = r#"[{"from": "0", "price": "0.80"}, {"from": "100000", "price": "0.75"},
            {"from": "200000", "price": "0.5"}]"#;
        let bands = volume(text, "0.8");
        let discount = |points, amount| bands.discount(Points(points), Money(amount)).0;
        assert_eq!(discount(100_000, 8_000_000), 0);
        // 45,000 points at 0.05 less; at 90 percent of the price, 90 percent of that.
        assert_eq!(discount(145_000, 11_600_000), 225_000);
        assert_eq!(discount(145_000, 10_440_000), 202_500);
        // 100,000 at 0.05 less and 50,000 at 0.30 less.
        assert_eq!(discount(250_000, 20_000_000), 500_000 + 1_500_000);
        assert_eq!(discount(0, 0), 0);
        assert_eq!(discount(-5, -400), 0);
        assert_eq!(discount(5, -400), 0);
    }

    #[test]
    fn a_volume_of_any_size_is_discounted_exactly() {
        let bands = volume(
            r#"[{"from": "0", "price": "999999.999999"}, {"from": "1", "price": "0.000001"}]"#,
            "999999.999999",
        );
        let all = i64::MAX;
        // All but the first point cost next to nothing.
        let left = all - bands.discount(Points(all), Money(all)).0;
        assert_eq!(left, 9_223_373);
    }

    #[test]
    fn what_contradicts_the_agreement_is_refused() {
        let wrong = [
            r#"{"volume": [{"from": "1", "price": "0.8"}]}"#,
            r#"{"volume": [{"from": "0", "price": "0.7"}]}"#,
            r#"{"volume": [{"from": "0", "price": "0.8"}, {"from": "0", "price": "0.7"}]}"#,
            r#"{"volume": [{"from": "0", "price": "0.8"}, {"from": "9", "price": "0.9"}]}"#,
            r#"{"volume": [{"from": "0", "price": "0.8"}, {"from": "0.5", "price": "0.7"}]}"#,
            r#"{"minimum_fee": "0.005"}"#,
            r#"{"vat": {"table": "general", "included": true, "on": []}}"#,
        ];
        for text in wrong {
            assert!(check(text, "0.8").is_err(), "{text}");
        }
        let free = r#"{"volume": [{"from": "0", "price": "0"}]}"#;
        assert!(check(free, "0").is_err());
        let document: ChargesDocument = serde_json::from_str(free).expect("a document");
        assert!(document.check(SCALES, None).is_err());
    }

    #[test]
    fn vat_is_on_funding_and_fees_unless_it_says_more() {
        let vat = |text| check(text, "1").expect("charges").vat.expect("VAT").on;
        let plain = vat(r#"{"vat": {"table": "general", "included": false}}"#);
        assert_eq!(plain, BTreeSet::from([Taxed::Funding, Taxed::Fees]));
        let one = r#"{"vat": {"table": "general", "included": false, "on": ["reimbursement"]}}"#;
        assert_eq!(vat(one), BTreeSet::from([Taxed::Reimbursement]));
    }

    proptest! {
        #[test]
        fn a_part_is_the_exact_quotient_rounded_once(
            whole in 0..i64::MAX,
            part in 0..1_000_000_000_i128,
            more in 1..1_000_000_000_i128,
        ) {
            let exact = Ratio { over: i128::from(whole) * part, under: part + more };
            prop_assert_eq!(part_of(whole, part, part + more), exact.half_even());
        }

        #[test]
        fn a_discount_is_never_below_zero_nor_above_the_amount(
            points in 0..10_000_000_i64,
            amount in 0..1_000_000_000_i64,
            (base, less) in (1..1_000_000_i64, 0..1_000_000_i64),
            from in 1..5_000_000_i64,
        ) {
            let (base, next) = (Decimal::new(base, 3), Decimal::new(base - less.min(base), 3));
            let bands = Volume(vec![
                Band { from: Points::ZERO, price: base },
                Band { from: Points(from), price: next },
            ]);
            let discount = bands.discount(Points(points), Money(amount));
            prop_assert!((0..=amount).contains(&discount.0));
            if points <= from {
                prop_assert!(discount.is_zero());
            }
        }
    }
}
