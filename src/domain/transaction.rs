//! A transaction as it is recorded: immutable, balanced, with the arithmetic that led to it.
//!
//! Its stored bytes are the JSON of [`Transaction`], in the order of the fields below. The hash
//! chain of a shard runs over these bytes: hash(n) = SHA-256(hash(n−1) ‖ bytes(n)), and hash(0) is
//! 32 zero bytes. Fields may be added, never renamed or removed: old bytes are read for ever.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::adjustment::{Cause, Corrected};
use super::amount::{Money, Points};
use super::effect::{is_never, never};
use super::hold::Allocation;
use super::ids::{LevelId, MemberId, PartyId, ProgrammeId, Reference, TransactionId};
use super::kind::{Kind, ServiceKind};
use super::posting::Posting;
use super::receipt::Part;
use super::settlement::CycleId;
use super::settlement::payment::ItemId;
use super::till::Till;
use super::time::{Day, Instant};

pub use super::effect::{DatedLot, NewLot, RefundPart, TierChange, Went};

/// What a transaction did, by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// A purchase; `hold` names the hold that was captured.
    Purchase {
        /// What it did.
        part: Box<Part>,
        /// The hold that it finished.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hold: Option<TransactionId>,
        /// Points of the hold that were not burned.
        #[serde(default, skip_serializing_if = "Points::is_zero")]
        released: Points,
    },
    /// A card payment.
    CardPayment {
        /// What it did, programme by programme.
        parts: Vec<Part>,
        /// The codes of the programmes that refused.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        refused: BTreeMap<ProgrammeId, String>,
    },
    /// A delivery.
    Delivery {
        /// The purchase.
        of: Reference,
        /// The lots that got their dates.
        dated: Vec<DatedLot>,
    },
    /// A refund.
    Refund {
        /// The receipt; none: it was lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<TransactionId>,
        /// What it did, programme by programme.
        parts: Vec<RefundPart>,
    },
    /// A grant.
    Grant {
        /// The programme.
        programme: ProgrammeId,
        /// How many points.
        granted: Points,
    },
    /// A hold.
    Hold {
        /// The programme.
        programme: ProgrammeId,
        /// How many points.
        held: Points,
        /// The lots, in burning order.
        allocations: Vec<Allocation>,
        /// When it times out; none: it stands.
        #[serde(default = "never", skip_serializing_if = "is_never")]
        valid_until: Instant,
    },
    /// A capture.
    Capture {
        /// The programme.
        programme: ProgrammeId,
        /// The hold.
        of: TransactionId,
        /// Points burned.
        burned: Points,
        /// Points released.
        released: Points,
    },
    /// A void.
    Void {
        /// The programme.
        programme: ProgrammeId,
        /// The hold.
        of: TransactionId,
        /// Points released.
        released: Points,
    },
    /// An exchange.
    Exchange {
        /// What was given.
        from: ProgrammeId,
        /// What was got.
        to: ProgrammeId,
        /// How many were given.
        taken: Points,
        /// How many were got.
        given: Points,
        /// Whole points got for a whole point given.
        rate: Decimal,
    },
    /// A merge; the transaction's member stays.
    Merge {
        /// The profile that went.
        drop: MemberId,
        /// What of its accounts is no posting; none: the server did not write it down then.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        went: Vec<Went>,
    },
    /// The end of a merge; the transaction's member is the one that stayed.
    Unmerge {
        /// The merge.
        of: TransactionId,
        /// The profile that is itself again.
        restored: MemberId,
    },
    /// A member's own rule.
    PersonalRule {
        /// The programme.
        programme: ProgrammeId,
        /// The share of a receipt that points may pay; none: the rule ended.
        max_share: Option<Decimal>,
    },
    /// What the clock did.
    Expiry {
        /// The programme.
        programme: ProgrammeId,
        /// Holds that timed out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        holds: Vec<TransactionId>,
        /// Points lost.
        expired: Points,
    },
    /// Points bought in advance.
    Pack {
        /// The programme.
        programme: ProgrammeId,
        /// How many.
        bought: Points,
        /// What a whole point cost.
        price: Decimal,
        /// What they cost.
        amount: Money,
        /// From when on they can be given out.
        starts_at: Instant,
        /// From when on they can't; none: they always can.
        #[serde(default = "never", skip_serializing_if = "is_never")]
        ends_at: Instant,
    },
    /// A service.
    Service {
        /// The programme.
        programme: ProgrammeId,
        /// Which.
        service: ServiceKind,
        /// How often.
        count: i64,
        /// What one costs.
        price: Decimal,
        /// Who pays.
        paid_by: PartyId,
        /// What it costs.
        amount: Money,
    },
    /// What closing a cycle added.
    Closing {
        /// The cycle that settles it.
        cycle: CycleId,
    },
    /// Money that a bank moved, or that was found out about.
    Payment {
        /// The reference of the payment that it belongs to; none: to none that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        leg: Option<String>,
        /// What the bank booked, by its key; none: nothing, or an open item says it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        entry: Option<String>,
        /// The day on which the bank booked it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        booked_on: Option<Day>,
        /// The open item that it begins or ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        item: Option<ItemId>,
    },
    /// Money set right by the clearing house.
    Adjustment {
        /// Whom it concerns.
        party: PartyId,
        /// Whose pool is on the other side; none: the clearing house itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        programme: Option<ProgrammeId>,
        /// The transaction that it corrects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<TransactionId>,
        /// Why.
        cause: Cause,
        /// The line that it corrects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        corrected: Option<Corrected>,
    },
}

/// A transaction as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its shard and place in the shard's sequence.
    pub id: TransactionId,
    /// Its kind.
    pub kind: Kind,
    /// Who posted it.
    pub party: PartyId,
    /// The party's own reference.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Whose points it moved.
    pub member: MemberId,
    /// When the server recorded it.
    pub recorded_at: Instant,
    /// The settlement day on which it was recorded.
    pub settlement_day: Day,
    /// When it happened, by the party's own account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Instant>,
    /// The configuration that it was decided under.
    pub config_version: i64,
    /// What it did.
    pub detail: Detail,
    /// What it moved.
    pub postings: Vec<Posting>,
    /// The lots that it made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<NewLot>,
    /// The member's tier after it, in the programme of a purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier_after: Option<LevelId>,
    /// The levels that the member rose or fell to by it, programme by programme.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierChange>,
    /// What the till said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub till: Option<Box<Till>>,
}

impl Transaction {
    /// The parts of a receipt; none for other kinds.
    pub fn parts(&self) -> &[Part] {
        match &self.detail {
            Detail::Purchase { part, .. } => std::slice::from_ref(&**part),
            Detail::CardPayment { parts, .. } => parts,
            _ => &[],
        }
    }

    /// Whether a party posted it, or it corrects something of that party's.
    pub fn concerns(&self, party: &PartyId) -> bool {
        let is_corrected =
            matches!(&self.detail, Detail::Adjustment { party: one, .. } if one == party);
        self.party == *party || is_corrected
    }

    /// The programmes that it concerns.
    pub fn programmes(&self) -> Vec<&ProgrammeId> {
        match &self.detail {
            Detail::Purchase { .. } | Detail::CardPayment { .. } => {
                self.parts().iter().map(|part| &part.programme).collect()
            }
            Detail::Refund { parts, .. } => parts.iter().map(|part| &part.programme).collect(),
            Detail::Exchange { from, to, .. } => vec![from, to],
            Detail::Grant { programme, .. }
            | Detail::Hold { programme, .. }
            | Detail::Capture { programme, .. }
            | Detail::Void { programme, .. }
            | Detail::PersonalRule { programme, .. }
            | Detail::Pack { programme, .. }
            | Detail::Service { programme, .. }
            | Detail::Expiry { programme, .. } => vec![programme],
            Detail::Closing { .. } | Detail::Payment { .. } => Vec::new(),
            Detail::Adjustment { programme, .. } => programme.iter().collect(),
            Detail::Delivery { .. } | Detail::Merge { .. } | Detail::Unmerge { .. } => {
                let accounts = self.postings.iter().flat_map(|one| [&one.from, &one.to]);
                accounts.filter_map(|account| Some(account.member()?.1)).collect()
            }
        }
    }
}
