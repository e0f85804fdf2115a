//! Postings: so much of one unit from one ledger account to another.
//!
//! A posting names both sides, so what leaves one account arrives in another and no transaction
//! can be out of balance. Points and money are different units and never meet in one posting.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::amount::{Money, Points};
use super::ids::{LotId, MemberId, NameError, PartyId, ProgrammeId};

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
            Self::Party(_) | Self::Pool(..) => None,
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

/// What an amount of money is owed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObligationKind {
    /// A funding party owes the pool the value of points given out.
    Funding,
    /// The earning partner owes the operator its fee.
    EarnFee,
    /// The pool owes the accepting partner for points burned.
    Reimbursement,
    /// The accepting partner owes the operator its fee.
    BurnFee,
    /// The pool gives a share of what expired points leave.
    Breakage,
    /// The pool of the programme left owes the pool of the programme entered.
    Exchange,
}

impl ObligationKind {
    /// The kind as it stands in positions and statements; reversals stand apart.
    pub const fn name(self, reverses: bool) -> &'static str {
        match (self, reverses) {
            (Self::Funding, false) => "funding",
            (Self::Funding, true) => "funding_reversed",
            (Self::EarnFee, false) => "earn_fee",
            (Self::EarnFee, true) => "earn_fee_reversed",
            (Self::Reimbursement, false) => "reimbursement",
            (Self::Reimbursement, true) => "reimbursement_reversed",
            (Self::BurnFee, false) => "burn_fee",
            (Self::BurnFee, true) => "burn_fee_reversed",
            (Self::Breakage, false) => "breakage",
            (Self::Breakage, true) => "breakage_reversed",
            (Self::Exchange, false) => "exchange",
            (Self::Exchange, true) => "exchange_reversed",
        }
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
    },
    /// Money, and the points that it is owed for.
    Money {
        /// How much; above zero.
        amount: Money,
        /// The programme on whose account it is owed.
        programme: ProgrammeId,
        /// What it is owed for.
        obligation: ObligationKind,
        /// Whether it gives back what was owed before.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        reverses: bool,
        /// For how many points.
        #[serde(rename = "for")]
        points: Points,
    },
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
    /// A posting of points.
    pub fn points(
        from: LedgerAccount,
        to: LedgerAccount,
        points: Points,
        lot: Option<LotId>,
    ) -> Self {
        Self { from, to, body: Body::Points { points, lot } }
    }
}
