//! Postings: so much of one unit from one ledger account to another.
//!
//! A posting names both sides, so what leaves one account arrives in another and no transaction
//! can be out of balance. Points and money are different units and never meet in one posting.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::amount::{Money, Points};
use super::ids::{LotId, MemberId, NameError, PartyId, ProgrammeId, PromoId, ScheduleId};
use super::lot::Opening;
pub use super::obligation::kind::ObligationKind;
use super::settlement::CycleId;
use super::time::Day;
use super::transaction::Transaction;

/// An account of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LedgerAccount {
    /// Where a programme's points come from; its balance is minus all points ever issued.
    Issued(ProgrammeId),
    /// A member's points, pending or available. Printed `member:ID:PROGRAMME`.
    Member(MemberId, ProgrammeId),
    /// A member's points that holds reserve.
    Held(MemberId, ProgrammeId),
    /// What a member owes; its balance is zero or below.
    Debt(MemberId, ProgrammeId),
    /// Points that paid, or were exchanged away.
    Burned(ProgrammeId),
    /// Points that were lost.
    Expired(ProgrammeId),
    /// A party's money at the clearing house.
    Party(PartyId),
    /// A programme's money, kept by its brand. Printed `pool:PROGRAMME:BRAND`.
    Pool(ProgrammeId, PartyId),
    /// Money on its way through the clearing house's bank account for one cycle; zero when all of
    /// the cycle's payments are made. Printed `clearing/CYCLE`.
    Clearing(CycleId),
    /// Money of which nobody knows yet whose it is. Printed `suspense/OPERATOR`.
    Suspense(PartyId),
}

impl LedgerAccount {
    /// Whose position a money account is: the party's own, or that of the brand keeping the pool.
    pub fn party(&self) -> Option<&PartyId> {
        match self {
            Self::Party(party) | Self::Pool(_, party) => Some(party),
            _ => None,
        }
    }

    /// The programme of an account of points.
    pub const fn programme(&self) -> Option<&ProgrammeId> {
        match self {
            Self::Issued(programme)
            | Self::Member(_, programme)
            | Self::Held(_, programme)
            | Self::Debt(_, programme)
            | Self::Burned(programme)
            | Self::Expired(programme) => Some(programme),
            Self::Party(_) | Self::Pool(..) | Self::Clearing(_) | Self::Suspense(_) => None,
        }
    }

    /// The member and programme, for accounts that a member has.
    pub fn member(&self) -> Option<(MemberId, &ProgrammeId)> {
        match self {
            Self::Member(member, programme)
            | Self::Held(member, programme)
            | Self::Debt(member, programme) => Some((*member, programme)),
            _ => None,
        }
    }
}

impl fmt::Display for LedgerAccount {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Issued(programme) => write!(out, "issued/{programme}"),
            Self::Member(member, programme) => write!(out, "member/{member}/{programme}"),
            Self::Held(member, programme) => write!(out, "held/{member}/{programme}"),
            Self::Debt(member, programme) => write!(out, "debt/{member}/{programme}"),
            Self::Burned(programme) => write!(out, "burned/{programme}"),
            Self::Expired(programme) => write!(out, "expired/{programme}"),
            Self::Party(party) => write!(out, "party/{party}"),
            Self::Pool(programme, brand) => write!(out, "pool/{programme}/{brand}"),
            Self::Clearing(cycle) => write!(out, "clearing/{cycle}"),
            Self::Suspense(operator) => write!(out, "suspense/{operator}"),
        }
    }
}

impl FromStr for LedgerAccount {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let mut parts = text.split('/');
        let kind = parts.next().unwrap_or_default();
        let mut next = || parts.next().ok_or(NameError::NotId);
        match kind {
            "issued" => Ok(Self::Issued(next()?.parse()?)),
            "member" => Ok(Self::Member(next()?.parse()?, next()?.parse()?)),
            "held" => Ok(Self::Held(next()?.parse()?, next()?.parse()?)),
            "debt" => Ok(Self::Debt(next()?.parse()?, next()?.parse()?)),
            "burned" => Ok(Self::Burned(next()?.parse()?)),
            "expired" => Ok(Self::Expired(next()?.parse()?)),
            "party" => Ok(Self::Party(next()?.parse()?)),
            "pool" => Ok(Self::Pool(next()?.parse()?, next()?.parse()?)),
            "clearing" => Ok(Self::Clearing(next()?.parse()?)),
            "suspense" => Ok(Self::Suspense(next()?.parse()?)),
            _ => Err(NameError::NotId),
        }
    }
}

impl Serialize for LedgerAccount {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LedgerAccount {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Under which terms money is owed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Under {
    /// The party of the agreement; none: no agreement, such as a brand's own grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<PartyId>,
    /// The version of the configuration that set the agreement; zero: none did.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub version: i64,
    /// The schedule by which it is settled.
    #[serde(default, skip_serializing_if = "ScheduleId::is_main")]
    pub schedule: ScheduleId,
    /// The promotion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo: Option<PromoId>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_zero(version: &i64) -> bool {
    *version == 0
}

impl Under {
    /// Whether there is nothing to say: no agreement, the coalition's own schedule.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }
}

/// What a posting moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Body {
    /// Points of one lot (none: a debt, which belongs to no lot).
    Points {
        /// How many; above zero.
        points: Points,
        /// The lot that they leave or enter.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lot: Option<LotId>,
        /// What leaves or enters the lot's cost with them.
        #[serde(default, skip_serializing_if = "Money::is_zero")]
        cost: Money,
        /// When points that leave a lot could first have been spent, if they leave it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        early: Option<Opening>,
    },
    /// Money, and the points that it is owed for.
    Money {
        /// How much; above zero.
        amount: Money,
        /// The programme on whose account it is owed; none: the clearing house's own.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        programme: Option<ProgrammeId>,
        /// What it is owed for.
        obligation: ObligationKind,
        /// Whether it gives back what was owed before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reverses: bool,
        /// For how many points.
        #[serde(rename = "for")]
        points: Points,
        /// The price of a whole point that was applied, in whole currency units.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        price: Option<Decimal>,
        /// The factor that the price has in it already; none: none, or it was not written down
        /// then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        percentage: Option<Decimal>,
        /// Under which terms.
        #[serde(default, skip_serializing_if = "Under::is_plain")]
        under: Arc<Under>,
        /// The lot whose points were burned, where those who fund it pay for that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lot: Option<LotId>,
        /// The first day of the cycle that settles it; none: the transaction's settlement day.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cycle: Option<Day>,
        /// The first day of the earlier cycle that it belongs to by its date; none: it is not late.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        late_for: Option<Day>,
    },
}

/// An amount of money that is owed, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// How much; above zero.
    pub amount: Money,
    /// On whose account; none: the clearing house's own.
    pub programme: Option<ProgrammeId>,
    /// For what.
    pub obligation: ObligationKind,
    /// Whether it gives back what was owed before.
    pub reverses: bool,
    /// For how many points.
    pub points: Points,
    /// The price of a whole point that was applied, in whole currency units.
    pub price: Option<Decimal>,
    /// Under which terms.
    pub under: Arc<Under>,
}

/// One immutable ledger row: so much from one account to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posting {
    /// Where it leaves.
    pub from: LedgerAccount,
    /// Where it arrives.
    pub to: LedgerAccount,
    /// What it moves.
    #[serde(flatten)]
    pub body: Body,
}

impl Posting {
    /// How much money it moves; none: it moves points.
    pub const fn amount(&self) -> Option<Money> {
        match self.body {
            Body::Money { amount, .. } => Some(amount),
            Body::Points { .. } => None,
        }
    }

    /// The cycle that settles money; none: it moves points.
    pub fn cycle(&self, transaction: &Transaction) -> Option<CycleId> {
        let Body::Money { under, cycle, .. } = &self.body else { return None };
        let first = cycle.unwrap_or(transaction.settlement_day);
        Some(CycleId { schedule: under.schedule.clone(), first })
    }

    /// A posting of points.
    pub fn points(
        from: LedgerAccount,
        to: LedgerAccount,
        points: Points,
        lot: Option<LotId>,
    ) -> Self {
        Self { from, to, body: Body::Points { points, lot, cost: Money::ZERO, early: None } }
    }

    /// A posting of money, before it is known which cycle settles it.
    pub fn money(from: LedgerAccount, to: LedgerAccount, owed: Owed) -> Self {
        let Owed { amount, programme, obligation, reverses, points, price, under } = owed;
        let (lot, cycle, late_for) = (None, None, None);
        let body = Body::Money {
            amount,
            programme,
            obligation,
            reverses,
            points,
            price,
            percentage: None,
            under,
            lot,
            cycle,
            late_for,
        };
        Self { from, to, body }
    }

    /// This posting of points with what leaves or enters the lot's cost with them.
    #[must_use]
    pub fn with_cost(mut self, amount: Money) -> Self {
        if let Body::Points { cost, .. } = &mut self.body {
            *cost = amount;
        }
        self
    }

    /// This posting of points that could not be spent yet.
    #[must_use]
    pub fn with_early(mut self, opening: Option<Opening>) -> Self {
        if let Body::Points { early, .. } = &mut self.body {
            *early = opening;
        }
        self
    }

    /// This posting of money, for the points of one lot.
    #[must_use]
    pub fn with_lot(mut self, of: Option<LotId>) -> Self {
        if let Body::Money { lot, .. } = &mut self.body {
            *lot = of;
        }
        self
    }

    /// This posting of money, with the factor that its price has in it.
    #[must_use]
    pub fn with_percentage(mut self, factor: Option<Decimal>) -> Self {
        if let Body::Money { percentage, .. } = &mut self.body {
            *percentage = factor;
        }
        self
    }
}
