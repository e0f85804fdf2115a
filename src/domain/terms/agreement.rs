//! Agreements of a party with a programme, and exchanges between two programmes.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::charges::{Charges, ChargesDocument};
use super::dispute::DisputeDocument;
use super::funding::{
    BillingDocument, FundingDocument, PRICE_MAX, Prepaid, Service, ServicesDocument,
    SettleDocument, check_services,
};
use super::programme::{EarnTerms, Exclusions};
use super::programme_document::{StepDocument, check_rule};
use super::rate::{Rate, ShareDocument};
use crate::domain::amount::{MONEY_MAX, Money, parse_decimal};
use crate::domain::ids::{PartyId, ProgrammeId, ScheduleId};
use crate::domain::kind::ServiceKind;
use crate::domain::obligation::{BurnMoney, EarnMoney, Scales};
use crate::domain::offer::compensation::{CompensationDocument, CompensationTerms};
use crate::domain::posting::Under;

/// The most days that a party may have to report what happened.
const REPORT_DAYS_MAX: u32 = 3_660;

/// What a party earns points for, and what that costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedEarning {
    /// Replaces the programme's and the tiers' rule where it has one; leaves out more lines.
    pub terms: EarnTerms,
    /// Who pays how much.
    pub money: EarnMoney,
    /// Whether points are bought in advance; none: each receipt is billed.
    pub prepaid: Option<Prepaid>,
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
    /// Compensation for confirmed defects; none: this party gives none.
    pub compensation: Option<CompensationTerms>,
    /// The most that the party may owe the clearing house, net, within the open cycle.
    pub net_debit_cap: Option<Money>,
    /// The most that the party may owe, net, over all that is not settled, holds counted.
    pub credit_line: Option<Money>,
    /// What is added when a cycle is closed.
    pub charges: Charges,
    /// Whether refunds without an original are accepted.
    pub unlinked_refunds: bool,
    /// What the party does for others for a price.
    pub services: BTreeMap<ServiceKind, Service>,
    /// How many days old what the party reports may be; none: as old as it is.
    pub report_within_days: Option<u32>,
    /// What it says of disputes.
    pub dispute: DisputeDocument,
}

impl Agreement {
    /// Whether the party buys its points in advance.
    pub fn is_prepaid(&self) -> bool {
        self.earn.as_ref().is_some_and(|earn| earn.prepaid.is_some())
    }
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price_per_point: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price_of_purchase: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percentage: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settle: Option<SettleDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    billing: Option<BillingDocument>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percentage: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    settle: Option<SettleDocument>,
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
    compensation: Option<CompensationDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    net_debit_cap: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    credit_line: Option<Rate>,
    /// What is added when a cycle is closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charges: Option<ChargesDocument>,
    #[serde(default)]
    unlinked_refunds: bool,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    services: ServicesDocument,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report_within_days: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dispute: Option<DisputeDocument>,
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
        if self.compensation.is_some() && grant.is_none() {
            let detail = "say in `grant` who pays for what is given";
            return Err(Invalid::at("/compensation", detail));
        }
        let price = self.earn.as_ref().and_then(|earn| earn.price_per_point);
        let charges = self.charges.as_ref().map(|charges| charges.check(scales, price));
        if self.report_within_days.is_some_and(|days| days > REPORT_DAYS_MAX) {
            let detail = format!("the largest value here is {REPORT_DAYS_MAX}");
            return Err(Invalid::at("/report_within_days", detail));
        }
        Ok(Agreement {
            programme: self.programme.clone(),
            party: self.party.clone(),
            version,
            schedule: self.schedule.clone(),
            earn: self
                .earn
                .as_ref()
                .map(|earn| earn.check(scales, &self.party, &under))
                .transpose()?,
            burn: self.burn.as_ref().map(|burn| burn.check(&under)).transpose()?,
            grant: grant.transpose()?,
            compensation: self.compensation.map(|terms| terms.check(scales)).transpose()?,
            net_debit_cap: limit(self.net_debit_cap, "/net_debit_cap")?,
            credit_line: limit(self.credit_line, "/credit_line")?,
            charges: charges.transpose()?.unwrap_or_default(),
            unlinked_refunds: self.unlinked_refunds,
            services: check_services(&self.services, &self.party)?,
            report_within_days: self.report_within_days,
            dispute: self.dispute.unwrap_or_default().check()?,
        })
    }

    /// Every party that this agreement makes pay.
    pub fn funding_parties(&self) -> impl Iterator<Item = &PartyId> {
        let earn = self.earn.iter().flat_map(|earn| &earn.funding);
        let grant = self.grant.iter().flat_map(|grant| &grant.funding);
        let services = self.services.values().map(|service| &service.paid_by);
        earn.chain(grant).map(|share| &share.party).chain(services)
    }
}

impl EarnDocument {
    /// The part of the purchase that is owed; none: each point has its price.
    fn price_of_purchase(&self) -> Result<Option<Decimal>, Invalid> {
        let pointer = "/earn/price_of_purchase";
        match (self.price_per_point, self.price_of_purchase) {
            (Some(_), None) => Ok(None),
            (None, Some(_)) if self.settle.is_some() || self.billing.is_some() => {
                Err(Invalid::at(pointer, "it is owed at issue, without `settle` and `billing`"))
            }
            (None, Some(part)) => part.at_most(1, pointer).map(Some),
            _ => Err(Invalid::at(pointer, "give either this or `price_per_point`")),
        }
    }

    fn check(
        &self,
        scales: Scales,
        party: &PartyId,
        under: &Arc<Under>,
    ) -> Result<AgreedEarning, Invalid> {
        let rule = check_rule(self.rate, self.step.as_ref(), scales, "/earn")?;
        let terms = EarnTerms { rule, exclude: self.exclude.clone() };
        let written = FundingDocument {
            funding: &self.funding,
            price: self.price_per_point.unwrap_or(Rate(Decimal::ZERO)),
            percentage: self.percentage,
            settle: self.settle,
            fee: self.fee_per_point,
        };
        let of_purchase = self.price_of_purchase()?;
        let money = EarnMoney { under: Arc::clone(under), of_purchase, ..written.check("/earn")? };
        let billing = self.billing.as_ref();
        let prepaid = billing.map(|billing| billing.check(party, &money)).transpose()?;
        Ok(AgreedEarning { terms, money, prepaid })
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
        let written = FundingDocument {
            funding: &self.funding,
            price: self.price_per_point,
            percentage: self.percentage,
            settle: self.settle,
            fee: None,
        };
        Ok(EarnMoney { under: Arc::clone(under), ..written.check("/grant")? })
    }
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
