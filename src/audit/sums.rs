//! What the postings say of accounts, lots, holds, packs and positions.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::domain::account::AccountKey;
use crate::domain::amount::Points;
use crate::domain::hold::Allocation;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::ledger::PositionKey;
use crate::domain::obligation::LotFunding;
use crate::domain::pack::Pack;
use crate::domain::settlement::CycleId;
use crate::domain::time::Instant;
use crate::store::audit::StoredPosition;
use crate::store::rows::write_json;

/// What postings say of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub points: i64,
    pub held: i64,
    pub debt: i64,
}

/// What postings and lot records say of a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LotSums {
    pub owner: AccountKey,
    pub granted: i64,
    pub remaining: i64,
    pub held: i64,
    pub expired: i64,
    pub available_at: i64,
    pub expires_at: i64,
    pub price: Decimal,
    pub cost: i64,
    pub funding: Option<Arc<LotFunding>>,
}

/// Who funds lots: what many lots share is kept once.
#[derive(Default)]
pub(super) struct Fundings(HashMap<String, Arc<LotFunding>>);

impl Fundings {
    pub(super) fn shared(&mut self, funding: &Arc<LotFunding>) -> Arc<LotFunding> {
        Arc::clone(self.0.entry(write_json(funding)).or_insert_with(|| Arc::clone(funding)))
    }
}

/// What a hold says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HoldSums {
    pub party: PartyId,
    pub programme: ProgrammeId,
    pub held: Points,
    pub allocations: Vec<Allocation>,
    pub valid_until: Instant,
}

/// What postings say of a pack.
#[derive(Clone, Debug, Default)]
pub(super) struct PackSums {
    /// As it was bought.
    pub pack: Option<Pack>,
    pub left: i64,
}

/// A position's key as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PositionText {
    shard: i64,
    cycle: (String, i64, i64),
    names: [String; 6],
}

impl PositionText {
    /// Whether it is of a cycle.
    pub(super) fn is_of(&self, id: &CycleId) -> bool {
        self.cycle.0 == id.schedule.as_str() && self.cycle.1 == id.first.number()
    }

    /// Debtor, creditor, programme, agreement, promotion and kind.
    pub(super) fn names(&self) -> [&str; 6] {
        self.names.each_ref().map(String::as_str)
    }

    pub(super) fn of(key: &PositionKey) -> Self {
        let or_none = |name: Option<String>| name.unwrap_or_default();
        Self {
            shard: key.shard.0,
            cycle: (
                key.cycle.schedule.to_string(),
                key.cycle.first.number(),
                key.late_for.number(),
            ),
            names: [
                key.debtor.to_string(),
                key.creditor.to_string(),
                or_none(key.programme.as_ref().map(ToString::to_string)),
                or_none(key.agreement.as_ref().map(ToString::to_string)),
                or_none(key.promo.as_ref().map(ToString::to_string)),
                key.kind.to_owned(),
            ],
        }
    }
}

impl From<StoredPosition> for PositionText {
    fn from(row: StoredPosition) -> Self {
        let StoredPosition { debtor, creditor, programme, agreement, promo, kind, .. } = row;
        Self {
            shard: row.shard,
            cycle: (row.schedule, row.cycle, row.late_for),
            names: [debtor, creditor, programme, agreement, promo, kind],
        }
    }
}
