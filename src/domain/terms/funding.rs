//! What points cost whom and when, as written in agreements and grants; packs and services.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::rate::{Rate, ShareDocument, whole_shares};
use crate::domain::ids::PartyId;
use crate::domain::kind::ServiceKind;
use crate::domain::obligation::EarnMoney;

/// The highest price or fee of a point or a service, in whole currency units.
pub const PRICE_MAX: i64 = 1_000_000;

/// The highest factor on a price.
const PERCENTAGE_MAX: i64 = 10;

/// Most digits after the point of a factor on a price.
const PERCENTAGE_SCALE_MAX: u32 = 4;

/// When the value of points is owed, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "write at_issue, at_burn, or {\"at_issue\": \"0.40\"}")]
pub enum SettleDocument {
    /// All at once.
    Once(When),
    /// A share at issue, the rest when the points are burned.
    Split(SplitDocument),
}

/// When all is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// When the points are given out.
    AtIssue,
    /// When they are burned.
    AtBurn,
}

/// What is owed at issue, as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SplitDocument {
    at_issue: Rate,
}

impl SettleDocument {
    fn at_issue(self, pointer: &str) -> Result<Decimal, Invalid> {
        match self {
            Self::Once(When::AtIssue) => Ok(Decimal::ONE),
            Self::Once(When::AtBurn) => Ok(Decimal::ZERO),
            Self::Split(split) => split.at_issue.at_most(1, &format!("{pointer}/settle/at_issue")),
        }
    }
}

/// What points cost whom and when, as written.
#[derive(Clone, Copy, Debug)]
pub struct FundingDocument<'a> {
    /// Who pays.
    pub funding: &'a [ShareDocument],
    /// The price of a whole point.
    pub price: Rate,
    /// The factor on it; none: 1.
    pub percentage: Option<Rate>,
    /// When it is owed; none: at issue.
    pub settle: Option<SettleDocument>,
    /// The fee of a whole point; none: 0.
    pub fee: Option<Rate>,
}

impl FundingDocument<'_> {
    /// Checks the document, as a part of the one at the pointer.
    ///
    /// # Errors
    /// If the shares don't make up the whole, or a figure is out of its range.
    pub fn check(&self, pointer: &str) -> Result<EarnMoney, Invalid> {
        let fee = self.fee.unwrap_or(Rate(Decimal::ZERO));
        let percentage = self.percentage.unwrap_or(Rate(Decimal::ONE));
        if percentage.0.scale() > PERCENTAGE_SCALE_MAX || percentage.0.is_zero() {
            let detail = "write a factor above 0 with at most 4 digits after the point";
            return Err(Invalid::at(format!("{pointer}/percentage"), detail));
        }
        let settle = self.settle.unwrap_or(SettleDocument::Once(When::AtIssue));
        Ok(EarnMoney {
            price: self.price.at_most(PRICE_MAX, &format!("{pointer}/price_per_point"))?,
            of_purchase: None,
            percentage: percentage.at_most(PERCENTAGE_MAX, &format!("{pointer}/percentage"))?,
            at_issue: settle.at_issue(pointer)?,
            funding: whole_shares(self.funding, &format!("{pointer}/funding"))?,
            fee: fee.at_most(PRICE_MAX, &format!("{pointer}/fee_per_point"))?,
            under: Arc::default(),
        })
    }
}

/// What becomes of points that no pack covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenEmpty {
    /// The receipt is refused.
    Refuse,
    /// They are billed as if there were no packs.
    Bill,
}

/// Points that are bought in advance, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepaid {
    /// What becomes of points that no pack covers.
    pub when_empty: WhenEmpty,
    /// What a whole point of a pack costs.
    pub price: Decimal,
}

/// How earning is billed, as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct BillingDocument {
    prepaid: PrepaidDocument,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PrepaidDocument {
    when_empty: WhenEmpty,
    pack_price_per_point: Rate,
}

impl BillingDocument {
    /// Checks the document of a party whose earning is funded so.
    ///
    /// # Errors
    /// If others pay too, or not all is paid at issue.
    pub fn check(&self, party: &PartyId, money: &EarnMoney) -> Result<Prepaid, Invalid> {
        let alone = money.funding.iter().all(|share| share.party == *party);
        if !alone || money.at_issue != Decimal::ONE {
            let detail = "packs are bought by the party alone, and settled at issue";
            return Err(Invalid::at("/earn/billing/prepaid", detail));
        }
        let PrepaidDocument { when_empty, pack_price_per_point } = &self.prepaid;
        let pointer = "/earn/billing/prepaid/pack_price_per_point";
        let price = pack_price_per_point.at_most(PRICE_MAX, pointer)?;
        Ok(Prepaid { when_empty: *when_empty, price })
    }
}

/// What a service costs whom, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// What one costs.
    pub price: Decimal,
    /// Who pays.
    pub paid_by: PartyId,
}

/// What a service costs whom, as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceDocument {
    price: Rate,
    /// Who pays.
    pub paid_by: PartyId,
}

/// Services by their kind, as written.
pub type ServicesDocument = BTreeMap<ServiceKind, ServiceDocument>;

/// Checks services.
///
/// # Errors
/// If a price is out of its range, or a party pays itself.
pub fn check_services(
    services: &ServicesDocument,
    party: &PartyId,
) -> Result<BTreeMap<ServiceKind, Service>, Invalid> {
    let check = |(&kind, service): (&ServiceKind, &ServiceDocument)| {
        let pointer = format!("/services/{}", kind.name());
        if service.paid_by == *party {
            let detail = "name another party: nobody pays itself";
            return Err(Invalid::at(format!("{pointer}/paid_by"), detail));
        }
        let price = service.price.at_most(PRICE_MAX, &format!("{pointer}/price"))?;
        Ok((kind, Service { price, paid_by: service.paid_by.clone() }))
    };
    services.iter().map(check).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settle(text: &str) -> Option<Decimal> {
        let document: SettleDocument = serde_json::from_str(text).ok()?;
        document.at_issue("").ok()
    }

    #[test]
    fn settling_is_written_in_one_of_three_ways() {
        assert_eq!(settle("\"at_issue\""), Some(Decimal::ONE));
        assert_eq!(settle("\"at_burn\""), Some(Decimal::ZERO));
        assert_eq!(settle("{\"at_issue\": \"0.40\"}"), Some(Decimal::new(4, 1)));
        for wrong in ["\"later\"", "{\"at_issue\": \"1.01\"}", "{\"at_burn\": \"0.4\"}", "{}"] {
            assert_eq!(settle(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_party_itself_buys_packs() {
        let document: BillingDocument = serde_json::from_str(
            "{\"prepaid\": {\"when_empty\": \"bill\", \"pack_price_per_point\": \"0.75\"}}",
        )
        .expect("a document");
        let bank: PartyId = "bank".parse().expect("a party");
        let money = |party: &str, settle: When| {
            let funding = [ShareDocument {
                party: party.parse().expect("a party"),
                share: Rate(Decimal::ONE),
            }];
            let written = FundingDocument {
                funding: &funding,
                price: Rate(Decimal::ONE),
                percentage: None,
                settle: Some(SettleDocument::Once(settle)),
                fee: None,
            };
            written.check("").expect("terms")
        };
        assert!(document.check(&bank, &money("bank", When::AtIssue)).is_ok());
        assert!(document.check(&bank, &money("brand", When::AtIssue)).is_err());
        assert!(document.check(&bank, &money("bank", When::AtBurn)).is_err());
    }
}
