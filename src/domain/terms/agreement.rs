//! Agreements of a party with a programme, and exchanges between two programmes.

use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::charges::{Charges, ChargesDocument};
use super::programme::{EarnTerms, Exclusions};
use super::programme_document::{StepDocument, check_rule};
use super::rate::{Rate, ShareDocument, whole_shares};
use crate::domain::amount::{MONEY_MAX, Money, parse_decimal};
use crate::domain::ids::{PartyId, ProgrammeId, ScheduleId};
use crate::domain::obligation::{BurnMoney, EarnMoney, Scales};
use crate::domain::posting::Under;

/// The highest price or fee of a point, in whole currency units.
const PRICE_MAX: i64 = 1_000_000;

/// What a party earns points for, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedEarning {
    /// Replaces the programme's and the tiers' rule where it has one; leaves out more lines.
    pub terms: EarnTerms,
    /// Who pays how much.
    pub money: EarnMoney,
}

/// The contract of one party with one programme, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The programme.
    pub programme: ProgrammeId,
    /// The party.
    pub party: PartyId,
    /// The version of the configuration that set it.
    pub version: i64,
    /// By which schedule it is settled.
    pub schedule: ScheduleId,
    /// Earning; none: this party's receipts earn nothing.
    pub earn: Option<AgreedEarning>,
    /// Burning; none: this party takes no points.
    pub burn: Option<BurnMoney>,
    /// Grants without terms of their own; none: each grant names its terms.
    pub grant: Option<EarnMoney>,
    /// The most that the party may owe the clearing house, net, within the open cycle.
    pub net_debit_cap: Option<Money>,
    /// The most that the party may owe, net, over all that is not settled, holds counted.
    pub credit_line: Option<Money>,
    /// What is added when a cycle is closed.
    pub charges: Charges,
    /// Whether refunds without an original are accepted.
    pub unlinked_refunds: bool,
}

/// At what rate points of one programme buy points of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The points that are given.
    pub from: ProgrammeId,
    /// The points that are got.
    pub to: ProgrammeId,
    /// Whole points got for a whole point given.
    pub rate: Decimal,
    /// What the left pool owes the entered one for a whole point got.
    pub price_per_point: Decimal,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct EarnDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    step: Option<StepDocument>,
    #[serde(default)]
    exclude: Exclusions,
    funding: Vec<ShareDocument>,
    price_per_point: Rate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee_per_point: Option<Rate>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BurnDocument {
    reimburse_per_point: Rate,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fee_per_point: Option<Rate>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct GrantDocument {
    funding: Vec<ShareDocument>,
    price_per_point: Rate,
}

/// An agreement as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementDocument {
    /// The programme.
    pub programme: ProgrammeId,
    /// The party.
    pub party: PartyId,
    /// By which schedule it is settled; none: the coalition's own.
    #[serde(default, skip_serializing_if = "ScheduleId::is_main")]
    pub schedule: ScheduleId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earn: Option<EarnDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burn: Option<BurnDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    grant: Option<GrantDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    net_debit_cap: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credit_line: Option<Rate>,
    /// What is added when a cycle is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charges: Option<ChargesDocument>,
    #[serde(default)]
    unlinked_refunds: bool,
}

impl AgreementDocument {
    /// Checks the document with the scales of its programme, as the configuration's version that
    /// sets it.
    ///
    /// # Errors
    /// The first thing that can't be taken, with its place.
    pub fn check(&self, scales: Scales, version: i64) -> Result<Agreement, Invalid> {
        let under = Arc::new(Under {
            agreement: Some(self.party.clone()),
            version,
            schedule: self.schedule.clone(),
            promo: None,
        });
        let limit = |limit: Option<Rate>, pointer: &str| {
            let parsed = limit.map(|limit| {
                parse_decimal(&limit.0.to_string(), scales.money, MONEY_MAX)
                    .map(Money)
                    .map_err(|error| Invalid::at(pointer, error.to_string()))
            });
            parsed.transpose()
        };
        let grant = self.grant.as_ref().map(|grant| grant.check(&under));
        let price = self.earn.as_ref().map(|earn| earn.price_per_point);
        let charges = self.charges.as_ref().map(|charges| charges.check(scales, price));
        Ok(Agreement {
            programme: self.programme.clone(),
            party: self.party.clone(),
            version,
            schedule: self.schedule.clone(),
            earn: self.earn.as_ref().map(|earn| earn.check(scales, &under)).transpose()?,
            burn: self.burn.as_ref().map(|burn| burn.check(&under)).transpose()?,
            grant: grant.transpose()?,
            net_debit_cap: limit(self.net_debit_cap, "/net_debit_cap")?,
            credit_line: limit(self.credit_line, "/credit_line")?,
            charges: charges.transpose()?.unwrap_or_default(),
            unlinked_refunds: self.unlinked_refunds,
        })
    }

    /// Every party that this agreement makes pay.
    pub fn funding_parties(&self) -> impl Iterator<Item = &PartyId> {
        let earn = self.earn.iter().flat_map(|earn| &earn.funding);
        let grant = self.grant.iter().flat_map(|grant| &grant.funding);
        earn.chain(grant).map(|share| &share.party)
    }
}

impl EarnDocument {
    fn check(&self, scales: Scales, under: &Arc<Under>) -> Result<AgreedEarning, Invalid> {
        let rule = check_rule(self.rate, self.step.as_ref(), scales, "/earn")?;
        let terms = EarnTerms { rule, exclude: self.exclude.clone() };
        let money = earn_money(&self.funding, self.price_per_point, self.fee_per_point, "/earn")?;
        Ok(AgreedEarning { terms, money: EarnMoney { under: Arc::clone(under), ..money } })
    }
}

impl BurnDocument {
    fn check(&self, under: &Arc<Under>) -> Result<BurnMoney, Invalid> {
        let fee = self.fee_per_point.unwrap_or(Rate(Decimal::ZERO));
        Ok(BurnMoney {
            reimburse: self.reimburse_per_point.at_most(PRICE_MAX, "/burn/reimburse_per_point")?,
            fee: fee.at_most(PRICE_MAX, "/burn/fee_per_point")?,
            under: Arc::clone(under),
        })
    }
}

impl GrantDocument {
    fn check(&self, under: &Arc<Under>) -> Result<EarnMoney, Invalid> {
        let money = earn_money(&self.funding, self.price_per_point, None, "/grant")?;
        Ok(EarnMoney { under: Arc::clone(under), ..money })
    }
}

/// Checks funding, price and fee as written in an agreement or a grant.
///
/// # Errors
/// If the shares don't make up the whole, or a figure is out of its range.
pub fn earn_money(
    funding: &[ShareDocument],
    price: Rate,
    fee: Option<Rate>,
    pointer: &str,
) -> Result<EarnMoney, Invalid> {
    let fee = fee.unwrap_or(Rate(Decimal::ZERO));
    Ok(EarnMoney {
        price: price.at_most(PRICE_MAX, &format!("{pointer}/price_per_point"))?,
        funding: whole_shares(funding, &format!("{pointer}/funding"))?,
        fee: fee.at_most(PRICE_MAX, &format!("{pointer}/fee_per_point"))?,
        under: Arc::default(),
    })
}

/// An exchange as written.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeDocument {
    /// The points that are given.
    pub from: ProgrammeId,
    /// The points that are got.
    pub to: ProgrammeId,
    rate: Rate,
    price_per_point: Rate,
}

impl ExchangeDocument {
    /// Checks the document.
    ///
    /// # Errors
    /// If both programmes are the same, or a figure is out of its range.
    pub fn check(&self) -> Result<Exchange, Invalid> {
        if self.from == self.to {
            return Err(Invalid::at("/to", "name two different programmes"));
        }
        let rate = self.rate.at_most(1_000, "/rate")?;
        if rate.is_zero() {
            return Err(Invalid::at("/rate", "a rate is above 0"));
        }
        Ok(Exchange {
            from: self.from.clone(),
            to: self.to.clone(),
            rate,
            price_per_point: self.price_per_point.at_most(PRICE_MAX, "/price_per_point")?,
        })
    }
}
